//! Files linked as a whole: the same outcome for any order and number of threads, and persons that
//! hold together.

use empi_model::{
    BlockingRule, LinkDecision, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord,
};
use proptest::prelude::*;

use super::*;
use crate::model::LinkageModelFile;

fn record(id: &str, given: &str, family: &str, birth_date: &str, street: &str) -> SourceRecord {
    SourceRecord {
        key: RecordKey::new("clinic", id),
        names: vec![PersonName {
            given: PatientText::non_blank(given),
            family: PatientText::non_blank(family),
            ..PersonName::default()
        }],
        birth_date: PatientText::non_blank(birth_date),
        addresses: vec![PostalAddress {
            street: PatientText::non_blank(street),
            postal_code: PatientText::non_blank("02139"),
            ..PostalAddress::default()
        }],
        ..SourceRecord::default()
    }
}

fn clinic() -> Vec<SourceRecord> {
    vec![
        record("1", "Robert", "Okafor", "1980-03-12", "12 Elm Street"),
        record("2", "Bob", "Okafor", "1980-03-12", "12 Elm St"),
        record("3", "Samuel", "Okafor", "1980-03-12", "12 Elm St"),
        record("4", "Maria", "Quixley", "1975-11-30", "7 Oak Avenue"),
        record("5", "Maria", "Quixly", "1975-11-30", "7 Oak Ave"),
        record("6", "Maria", "Quixley", "1975-11-30", "7 Oak Ave"),
        record("7", "Peter", "Zander", "1999-01-02", "1 Hill Rd"),
    ]
}

fn link(records: &[SourceRecord]) -> Linkage {
    let mut linker = Linker::new(LinkageModel::us_default().unwrap());
    assert!(linker.add(records).is_empty());
    linker.block().score(&Progress::default()).cluster()
}

#[test]
fn a_clinic_is_linked() {
    let linkage = link(&clinic());
    assert_eq!(linkage.persons, [0, 0, 1, 2, 2, 2, 3]);
    assert_eq!(linkage.person_count, 4);
    assert_eq!(linkage.reviews.len(), 1, "the possible twins: {:?}", linkage.reviews);
    assert!(linkage.was_candidate(0, 2) && !linkage.was_candidate(0, 6));
    assert!(linkage.rules_in_common(0, 2).contains(&BlockingRule::StreetBirthYear));
    assert!(linkage.rules_in_common(0, 6).is_empty());
    assert!(linkage.link_weights[0].is_some() && linkage.link_weights[6].is_none());
    let links = linkage.pairs.iter().filter(|pair| pair.decision == LinkDecision::Link).count();
    assert_eq!(links, 4);
}

#[test]
fn a_repeated_key_is_refused_and_told() {
    let mut linker = Linker::new(LinkageModel::us_default().unwrap());
    let records = clinic();
    assert!(linker.add(&records[..3]).is_empty());
    assert_eq!(linker.add(&records[2..4]), [0]);
    assert_eq!(linker.record_count(), 4);
}

proptest! {
    #[test]
    fn rule_10_order_of_input_changes_nothing(
        records in Just(clinic()).prop_shuffle(), split in 0..7_usize, threads in 1..4_usize
    ) {
        let expected = link(&clinic());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let linkage = pool.install(|| {
            let mut linker = Linker::new(LinkageModel::us_default().unwrap());
            linker.add(&records[..split]);
            linker.add(&records[split..]);
            linker.block().score(&Progress::default()).cluster()
        });
        prop_assert_eq!(&linkage.persons, &expected.persons);
        prop_assert_eq!(&linkage.pairs, &expected.pairs);
        prop_assert_eq!(&linkage.reviews, &expected.reviews);
        for (record, place) in records.iter().zip(&linkage.order) {
            prop_assert_eq!(linkage.place(&record.key), Some(*place));
        }
    }
}

/// Two hundred people with two records each, some with an error.
fn town() -> Vec<SourceRecord> {
    const GIVEN: [&str; 7] = ["Maria", "Robert", "Samuel", "Keiko", "Anna", "Peter", "Olga"];
    const FAMILY: [&str; 11] = [
        "Okafor",
        "Quixley",
        "Zander",
        "Smith",
        "Garcia",
        "Nakamura",
        "Petrov",
        "Lindqvist",
        "Abara",
        "Jones",
        "Kovacs",
    ];
    let person = |at: usize, second: bool| {
        let given = GIVEN[at % GIVEN.len()];
        let family = FAMILY[(at / 3) % FAMILY.len()];
        let day = if second && at.is_multiple_of(9) { 28 } else { 1 + at % 27 };
        let birth_date = format!("{}-{:02}-{day:02}", 1930 + at % 80, 1 + at % 12);
        let street = if second && at.is_multiple_of(4) { at + 500 } else { at };
        let id = format!("{at}{}", if second { "b" } else { "a" });
        record(&id, given, family, &birth_date, &format!("{street} Elm Street"))
    };
    (0..200).flat_map(|at| [person(at, false), person(at, true)]).collect()
}

#[test]
fn training_does_not_depend_on_order_and_threads() {
    let base = LinkageModelFile::us_default().unwrap();
    let trained = |records: &[SourceRecord], threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut linker = Linker::new(base.validate().unwrap());
            linker.add(records);
            linker.block().train(&base, &[], &Progress::default())
        })
    };
    let mut records = town();
    let expected = trained(&records, 1);
    assert!(expected.expected_matches > 150.0, "{}", expected.expected_matches);
    for threads in [1, 2, 8] {
        records.rotate_left(37);
        records.reverse();
        assert_eq!(trained(&records, threads), expected);
    }
}

#[test]
fn what_people_decided_is_found_by_record_key() {
    let base = LinkageModelFile::us_default().unwrap();
    let mut linker = Linker::new(base.validate().unwrap());
    linker.add(&town());
    let blocked = linker.block();
    let place = |id: &str| blocked.place(&RecordKey::new("clinic", id)).unwrap();
    let decision = Decision { left: place("5b"), right: place("5a"), is_same: false, weight: 1.0 };
    let before = blocked.train(&base, &[], &Progress::default());
    let after = blocked.train(&base, &[decision], &Progress::default());
    assert!(after.expected_matches < before.expected_matches - 0.9);
    assert_eq!(blocked.place(&RecordKey::new("clinic", "nobody")), None);
}
