//! What holds for every record and for any bytes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use empi_formats::{CsvRecordWriter, ReaderOptions, open};
use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// A value as a file can give it: not blank at its ends, no `|`.
fn value() -> impl Strategy<Value = PatientText> {
    "[a-zA-Z0-9é\"',;.\\-]([a-zé \",;\n\r]{0,6}[a-z\"])?".prop_map(PatientText::from)
}

fn name() -> impl Strategy<Value = PersonName> {
    (of(value()), of(value()), of(value()), of(value()))
        .prop_map(|(given, middle, family, suffix)| PersonName { given, middle, family, suffix })
        .prop_filter("a name has a part", |name| *name != PersonName::default())
}

fn address() -> impl Strategy<Value = PostalAddress> {
    let parts = (of(value()), of(value()), of(value()), of(value()), of(value()), of(value()));
    parts
        .prop_map(|(street, unit, city, state, postal_code, country)| PostalAddress {
            street,
            unit,
            city,
            state,
            postal_code,
            country,
        })
        .prop_filter("an address has a part", |address| !address.is_empty())
}

fn record() -> impl Strategy<Value = SourceRecord> {
    let identifier = ("(s|[a-z:/]{0,5}[a-z])", value())
        .prop_map(|(authority, value)| Identifier { authority, value });
    let ones = (of(value()), of(value()), of(value()), of(value()));
    let others = (of(value()), of(value()), of(value()));
    let lists = (vec(name(), 0..4), vec(address(), 0..4), vec(value(), 0..3), vec(value(), 0..3));
    (ones, others, lists, vec(identifier, 0..4)).prop_map(|(ones, others, lists, identifiers)| {
        SourceRecord {
            key: RecordKey::new("s", "1"),
            names: lists.0,
            birth_date: ones.0,
            sex: ones.1,
            ssn: ones.2,
            addresses: lists.1,
            phones: lists.2,
            emails: lists.3,
            identifiers,
            mother_maiden_name: ones.3,
            guardian_name: others.0,
            birth_place: others.1,
            birth_order: others.2,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_record_written_and_read_is_the_same(records in vec(record(), 1..4)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("records.csv");
        let mut writer = CsvRecordWriter::create(&path, true).unwrap();
        for record in &records {
            writer.write(record, Some("P1")).unwrap();
        }
        writer.finish().unwrap();
        let options =
            ReaderOptions { truth_column: Some("person_id".into()), ..ReaderOptions::default() };
        let chunk = open(&path, &options).unwrap().next_chunk().unwrap().unwrap();
        prop_assert!(chunk.rejects.is_empty());
        prop_assert!(chunk.records == records);
        prop_assert!(chunk.truth.iter().all(|truth| truth.as_deref() == Some("P1")));
    }

    #[test]
    fn no_bytes_make_a_reader_panic_and_no_row_is_lost(
        header in prop_oneof![Just("surname,dob\n"), Just("id;name\tdob\n"), Just("")],
        body in vec(prop_oneof![any::<u8>(), Just(b','), Just(b'"'), Just(b'\n'), Just(b'1')], 0..400),
        ending in prop_oneof![
            Just("csv"), Just("tsv"), Just("ndjson"), Just("jsonl.gz"), Just("parquet")
        ],
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(format!("x.{ending}"));
        std::fs::write(&path, [header.as_bytes(), &body].concat()).unwrap();
        if let Ok(mut reader) = open(&path, &ReaderOptions::default()) {
            while let Ok(Some(chunk)) = reader.next_chunk() {
                prop_assert!(!chunk.records.is_empty() || !chunk.rejects.is_empty());
            }
        }
    }

    /// Every line of plain text comes back, as a record or as a reject.
    #[test]
    fn every_line_comes_back(lines in vec("[a-c]{1,3}(,\"?[a-c]{1,2}\"?)?", 1..30)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.csv");
        std::fs::write(&path, format!("surname,dob\n{}\n", lines.join("\n"))).unwrap();
        let chunk = open(&path, &ReaderOptions::default()).unwrap().next_chunk().unwrap().unwrap();
        // A quote opens a field only at its beginning; then its row may span lines.
        let newlines = |text: &PatientText| text.expose().matches('\n').count();
        let inside: usize = chunk
            .records
            .iter()
            .filter_map(|record| record.birth_date.as_ref())
            .chain(chunk.rejects.iter().map(|reject| &reject.raw))
            .map(newlines)
            .sum();
        prop_assert_eq!(chunk.records.len() + chunk.rejects.len() + inside, lines.len());
    }
}
