//! Messages and resources that others have written (`datasets/interop`): every one is read, and what is read
//! of it is kept in `interop.expected`, one line each, for people to look at. `UPDATE_EXPECT=1` writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use empi_formats::Authorities;
use empi_formats::fhir::{Patient, record_of};
use empi_formats::hl7::{Cx, Message, PatientUpdate, PdqQuery, PixQuery, Segment};
use empi_model::{PatientText, RecordKey, SourceRecord};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/interop")
}

/// Every file below a folder, sorted, by its path from `datasets/interop`.
fn files(kind: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder().join(kind)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder()).unwrap().display().to_string();
                files.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 5);
    files
}

fn cx(identifier: &Cx) -> String {
    let domain = &identifier.domain;
    let known = [&domain.namespace, &domain.universal_id].into_iter().find(|it| !it.is_empty());
    format!("{}@{}", identifier.value, known.map_or("?", |it| it))
}

fn said(record: &SourceRecord) -> String {
    let shown =
        |text: Option<&PatientText>| text.map_or("-".to_owned(), |it| it.expose().to_owned());
    let name = record.names.first();
    let name = [name.and_then(|it| it.family.as_ref()), name.and_then(|it| it.given.as_ref())];
    let address = record.addresses.first();
    let place = [
        address.and_then(|it| it.street.as_ref()),
        address.and_then(|it| it.city.as_ref()),
        address.and_then(|it| it.postal_code.as_ref()),
    ];
    format!(
        "{}; born {}; {}; {}; {} names, {} addresses, {} phones, {} mails; ssn {}; mother {}; order {}",
        name.map(shown).join(", "),
        shown(record.birth_date.as_ref()),
        shown(record.sex.as_ref()),
        place.map(shown).join(", "),
        record.names.len(),
        record.addresses.len(),
        record.phones.len(),
        record.emails.len(),
        shown(record.ssn.as_ref()),
        shown(record.mother_maiden_name.as_ref()),
        shown(record.birth_order.as_ref()),
    )
}

fn of_message(message: &Message) -> String {
    let kind = message.header(9);
    let mut line =
        format!("{}^{} {}", kind.text(), kind.component(2).text(), message.header(12).text());
    for (at, pid) in message.named("PID").enumerate() {
        let update = PatientUpdate::read(message, pid, at + 1);
        let mut record = SourceRecord::default();
        update.apply(&mut record);
        let numbers: Vec<String> = update.identifiers.iter().map(cx).collect();
        write!(line, "\n    PID [{}] {}", numbers.join(" "), said(&record)).unwrap();
        for warning in &update.warnings {
            write!(line, "\n        left aside: {}", warning.text).unwrap();
        }
    }
    for mrg in message.named("MRG") {
        let prior: Vec<String> =
            mrg.field(1).repetitions().map(|part| cx(&Cx::read(part, 1))).collect();
        write!(line, "\n    MRG [{}]", prior.join(" ")).unwrap();
    }
    if message.segment("MSA").is_some() {
        return line;
    }
    if let Some(query) = query(message) {
        write!(line, "\n    {query}").unwrap();
    }
    line
}

fn query(message: &Message) -> Option<String> {
    message.segment("QPD")?;
    let is_pix = message.header(9).component(2).text() == "Q23";
    let read = if is_pix {
        PixQuery::read(message).map(|query| format!("PIX {}", cx(&query.identifier)))
    } else {
        PdqQuery::read(message).map(|query| {
            let all = query.criteria.iter();
            let criteria: Vec<String> =
                all.map(|it| format!("{:?}={}", it.field, it.value)).collect();
            format!("PDQ {} limit {:?}", criteria.join(" "), query.limit)
        })
    };
    Some(read.unwrap_or_else(|refused| format!("refused: {}", refused.text)))
}

#[test]
fn every_message_and_resource_of_others_is_read() {
    let mut table = String::new();
    for (name, bytes) in files("hl7v2") {
        let read = Message::read(&bytes);
        let line = read.map_or_else(|error| format!("refused: {error}"), |read| of_message(&read));
        writeln!(table, "{name}: {line}").unwrap();
    }
    for (name, bytes) in files("fhir") {
        let line = match Patient::read(&bytes) {
            Ok(patient) => {
                let authorities = Authorities::default();
                let record = record_of(&patient, RecordKey::new("s", "1"), &authorities);
                let numbers: Vec<String> = record
                    .identifiers
                    .iter()
                    .map(|it| format!("{}@{}", it.value.expose(), it.authority))
                    .collect();
                format!("Patient [{}] {}", numbers.join(" "), said(&record))
            }
            Err(error) => format!("refused: {error}"),
        };
        writeln!(table, "{name}: {line}").unwrap();
    }
    expect_test::expect_file!["interop.expected"].assert_eq(&table);
}

/// Where the reader of another author reads a message, it finds the same fields in the same places.
#[test]
fn fields_are_found_where_another_reader_finds_them() {
    let mut compared = 0;
    for (name, bytes) in files("hl7v2") {
        let Ok(message) = Message::read(&bytes) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        // It takes no blank lines between segments.
        let lines: Vec<&str> =
            text.split(['\r', '\n']).filter(|line| !line.trim().is_empty()).collect();
        let joined = lines.join("\r");
        let Ok(other) = hl7_parser::Message::parse(&joined) else { continue };
        if std::str::from_utf8(&bytes).is_err() {
            continue;
        }
        for (own, other) in message.segments().zip(other.segments()) {
            assert_eq!(own.name(), other.name, "{name}");
            compared += same_fields(&name, own, other);
        }
    }
    assert!(compared > 5000, "{compared} fields were compared");
}

fn same_fields(name: &str, own: Segment<'_>, other: &hl7_parser::message::Segment<'_>) -> usize {
    for (at, field) in other.fields().enumerate() {
        let mine = own.field(at + 1);
        assert_eq!(mine.raw(), field.raw_value(), "{name} {}-{}", own.name(), at + 1);
        // The header's separators separate nothing there.
        if own.name() == "MSH" && at < 2 {
            continue;
        }
        let parts = mine.repetitions().zip(field.repeats());
        for (mine, repeat) in parts {
            assert_eq!(mine.raw(), repeat.raw_value(), "{name}");
            for (at, component) in repeat.components().enumerate() {
                assert_eq!(mine.part(at + 1).raw(), component.raw_value(), "{name}");
                for (sub, subcomponent) in component.subcomponents().enumerate() {
                    let mine = mine.part(at + 1).part(sub + 1);
                    assert_eq!(mine.raw(), subcomponent.raw_value(), "{name}");
                }
            }
        }
    }
    other.fields().count()
}
