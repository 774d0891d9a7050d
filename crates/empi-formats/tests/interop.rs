//! Messages and resources that others have written: every one is read, and what is read of it is counted in
//! `interop.expected`, one line each, for people to look at; it has no value of any of them. `UPDATE_EXPECT=1`
//! writes it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, unreachable_pub)]

use std::fmt::Write as _;

use empi_formats::Authorities;
use empi_formats::fhir::{Patient, record_of};
use empi_formats::hl7::{Cx, Message, PatientUpdate, PdqQuery, PixQuery, Segment};
use empi_model::{RecordKey, SourceRecord};

mod others;

/// How many identifiers there are, and how many of them say whose they are.
fn counted(identifiers: &[Cx]) -> String {
    let owned = identifiers
        .iter()
        .filter(|it| !it.domain.namespace.is_empty() || !it.domain.universal_id.is_empty());
    format!("{} identifiers, {} with a domain", identifiers.len(), owned.count())
}

/// What a record says, in counts and names of fields.
fn said(record: &SourceRecord) -> String {
    let single = [
        ("birth_date", record.birth_date.is_some()),
        ("sex", record.sex.is_some()),
        ("ssn", record.ssn.is_some()),
        ("mother", record.mother_maiden_name.is_some()),
        ("order", record.birth_order.is_some()),
    ];
    let names =
        record.names.first().map_or([false; 2], |it| [it.family.is_some(), it.given.is_some()]);
    let place = record.addresses.first().map_or([false; 3], |it| {
        [it.street.is_some(), it.city.is_some(), it.postal_code.is_some()]
    });
    let parts = ["family", "given"].into_iter().zip(names);
    let parts = parts.chain(["street", "city", "postal_code"].into_iter().zip(place)).chain(single);
    let has: Vec<&str> = parts.filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
    format!(
        "{} names, {} addresses, {} phones, {} mails; {}",
        record.names.len(),
        record.addresses.len(),
        record.phones.len(),
        record.emails.len(),
        has.join(" "),
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
        write!(line, "\n    PID {}, {}", counted(&update.identifiers), said(&record)).unwrap();
        for warning in &update.warnings {
            write!(line, "\n        left aside: {}", warning.text).unwrap();
        }
    }
    for mrg in message.named("MRG") {
        let prior: Vec<Cx> = mrg.field(1).repetitions().map(|part| Cx::read(part, 1)).collect();
        write!(line, "\n    MRG {}", counted(&prior)).unwrap();
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
        PixQuery::read(message).map(|query| format!("PIX {}", counted(&[query.identifier])))
    } else {
        PdqQuery::read(message).map(|query| {
            let criteria: Vec<String> =
                query.criteria.iter().map(|it| format!("{:?}", it.field)).collect();
            format!("PDQ {} limit {:?}", criteria.join(" "), query.limit)
        })
    };
    Some(read.unwrap_or_else(|refused| format!("refused: {}", refused.text)))
}

#[test]
fn every_message_and_resource_of_others_is_read() {
    let (messages, resources) = (others::files("hl7v2"), others::files("fhir"));
    if messages.is_empty() || resources.is_empty() {
        return;
    }
    let mut table = String::new();
    for (name, bytes) in messages {
        let read = Message::read(&bytes);
        let line = read.map_or_else(|error| format!("refused: {error}"), |read| of_message(&read));
        writeln!(table, "{name}: {line}").unwrap();
    }
    for (name, bytes) in resources {
        let line = match Patient::read(&bytes) {
            Ok(patient) => {
                let authorities = Authorities::default();
                let record = record_of(&patient, RecordKey::new("s", "1"), &authorities);
                format!("Patient {} identifiers, {}", record.identifiers.len(), said(&record))
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
    let messages = others::files("hl7v2");
    if messages.is_empty() {
        return;
    }
    let mut compared = 0;
    for (name, bytes) in messages {
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
