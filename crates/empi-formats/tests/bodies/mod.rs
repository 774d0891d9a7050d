//! What a fuzzer calls with any bytes: each body reads them as the server or the command line would, and
//! checks what must hold whatever they are. They are plain functions, so that the tests run them over the
//! stored corpus, and a fuzzer outside of the tree over millions of inputs.

use empi_formats::Authorities;
use empi_formats::fhir::{Parameters, Patient, PatientLinks, patient_of, record_of};
use empi_formats::hl7::{
    AckCode, Application, Charset, Message, PatientUpdate, PdqQuery, PixQuery, Reply,
    acknowledgement, pix_answer,
};
use empi_model::{RecordKey, SourceRecord};

/// An HL7 message: it is read or refused; what is answered is a message again, and names the one it answers.
pub fn hl7(bytes: &[u8]) {
    let Ok(message) = Message::read(bytes) else { return };
    for (at, pid) in message.named("PID").enumerate() {
        let mut record = SourceRecord::default();
        PatientUpdate::read(&message, pid, at + 1).apply(&mut record);
    }
    let is_query = PixQuery::read(&message).is_ok() || PdqQuery::read(&message).is_ok();
    let own = Application { application: "empi".to_owned(), facility: "X".to_owned() };
    let reply = Reply {
        message: &message,
        application: &own,
        control_id: "1".to_owned(),
        time: "20260101".to_owned(),
    };
    let answer = if is_query {
        pix_answer(&reply, &[], &[])
    } else {
        acknowledgement(&reply, AckCode::Accept, &[])
    };
    let charset = message.charset();
    let answer = Message::read(&answer.bytes(charset)).expect("an answer is a message");
    let acknowledged = answer.segment("MSA").expect("an answer acknowledges").field(2);
    // Letters that the character set lacks cannot be echoed; only hexadecimal escapes bring them.
    if charset == Charset::UTF_8 {
        assert_eq!(acknowledged.raw().trim(), message.header(10).raw().trim());
    }
}

/// A FHIR resource: it is read or refused; a Patient that was read and written is read the same again.
pub fn fhir(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Parameters>(bytes);
    let Ok(patient) = Patient::read(bytes) else { return };
    let authorities = Authorities::default();
    let record = record_of(&patient, RecordKey::new("s", "1"), &authorities);
    let identifiers: Vec<(String, String)> = record
        .identifiers
        .iter()
        .map(|it| (it.authority.clone(), it.value.expose().to_owned()))
        .collect();
    let written = patient_of("1", &record, &identifiers, &PatientLinks::default(), &authorities);
    let json = serde_json::to_vec(&written).expect("a Patient is written");
    let again = Patient::read(&json).expect("what was written is read");
    let again = record_of(&again, RecordKey::new("s", "1"), &authorities);
    // FHIR has no place for a middle name without a first one.
    if record.names.first().is_none_or(|name| name.given.is_some() || name.middle.is_none()) {
        assert_eq!(again.names.first(), record.names.first());
    }
    assert_eq!(again.phones, record.phones);
    assert_eq!(again.addresses.len(), record.addresses.len());
}

/// A file of comma-separated values: every row is a record or a reject.
pub fn csv(bytes: &[u8], file: &std::path::Path) {
    std::fs::write(file, bytes).expect("the file is written");
    let options = empi_formats::ReaderOptions::default();
    let Ok(mut reader) = empi_formats::open(file, &options) else { return };
    while let Ok(Some(chunk)) = reader.next_chunk() {
        assert_eq!(chunk.records.len(), chunk.lines.len());
    }
}
