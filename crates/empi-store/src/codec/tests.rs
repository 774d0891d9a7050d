//! Rows read back as they were written, and their bytes never change by accident.

mod arbitrary;

use std::fmt::Debug;

use empi_model::{
    Basis, Consent, Decision, EnterpriseId, EventKind, EventSequence, Evidence, Guard, Identifier,
    Link, LinkSource, MatchWeight, Person, PersonName, PersonState, PostalAddress, RecordIndex,
    RecordKey, RecordState, RegistryEvent, ReviewKind, ReviewOutcome, ReviewState, ReviewTask,
    SourceRecord, TaskId, Timestamp,
};
use proptest::prelude::*;

use super::*;
use crate::{Counters, StoredAnswer, StoredModel, StoredRecord, StoredRegistration, StoredRequest};
use arbitrary::{events, records, requests, sequences, sources, tasks, whole_persons};

proptest! {
    #[test]
    fn every_row_reads_back(
        source in sources(),
        record in records(),
        person in whole_persons(),
        event in events(),
        task in tasks(),
        request in requests(),
        (records, persons_minted, tasks, events) in any::<(u32, u64, u64, u64)>(),
        requests_forgotten in sequences(),
    ) {
        prop_assert_eq!(SourceRow::decoded(&SourceRow::encoded(&source)), Some(source));
        prop_assert_eq!(RecordRow::decoded(&RecordRow::encoded(&record)), Some(record));
        prop_assert_eq!(PersonRow::decoded(&PersonRow::encoded(&person)), Some(person));
        prop_assert_eq!(EventRow::decoded(&EventRow::encoded(&event)), Some(event));
        prop_assert_eq!(TaskRow::decoded(&TaskRow::encoded(&task)), Some(task));
        prop_assert_eq!(RequestRow::decoded(&RequestRow::encoded(&request)), Some(request));
        let counters =
            Counters { records, persons_minted, tasks, events, requests_forgotten };
        prop_assert_eq!(CountersRow::decoded(&CountersRow::encoded(&counters)), Some(counters));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = RecordRow::decoded(&bytes);
        let _ = PersonRow::decoded(&bytes);
        let _ = TaskRow::decoded(&bytes);
        let _ = EventRow::decoded(&bytes);
        let _ = RequestRow::decoded(&bytes);
        let _ = CountersRow::decoded(&bytes);
    }
}

fn source() -> SourceRecord {
    SourceRecord {
        key: RecordKey::new("clinic", "7"),
        names: vec![PersonName {
            given: Some("a".into()),
            middle: Some("b".into()),
            family: Some("c".into()),
            suffix: Some("d".into()),
        }],
        birth_date: Some("e".into()),
        sex: Some("f".into()),
        ssn: Some("g".into()),
        addresses: vec![PostalAddress {
            street: Some("h".into()),
            unit: Some("i".into()),
            city: Some("j".into()),
            state: Some("k".into()),
            postal_code: Some("l".into()),
            country: Some("m".into()),
        }],
        phones: vec!["n".into()],
        emails: vec!["o".into()],
        identifiers: vec![Identifier { authority: "p".to_owned(), value: "q".into() }],
        mother_maiden_name: Some("r".into()),
        guardian_name: Some("s".into()),
        birth_place: Some("t".into()),
        birth_order: Some("u".into()),
    }
}

fn link() -> Link {
    Link {
        enterprise_id: EnterpriseId::from_number(3),
        source: LinkSource::Manual,
        weight: Some(MatchWeight::from_bits(1.5)),
        model: "m".to_owned(),
        event: EventSequence(9),
    }
}

fn actor() -> Actor {
    Actor { kind: ActorKind::Steward, name: "s".to_owned() }
}

/// The bytes of a row must be these, and read as the row.
fn check<R: Row>(word: &R::Word, bytes: &str)
where
    R::Word: PartialEq + Debug,
{
    let written = R::encoded(word);
    let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, bytes.replace(char::is_whitespace, ""));
    assert_eq!(R::decoded(&written).as_ref(), Some(word));
}

// A change of these bytes makes stores in the field unreadable: it needs a new format number and a way
// to read the old one.

#[test]
fn bytes_of_records_never_change() {
    check::<SourceRow>(
        &source(),
        "0a06636c696e69631201371a0c0a01611201621a01632201642201652a01663201673a120a016812 \
         01691a016a22016b2a016c32016d42016e4a016f52060a01701201715a01726201736a0174720175",
    );
    let stored = StoredRecord {
        index: RecordIndex(5),
        record: SourceRecord { key: RecordKey::new("x", "y"), ..SourceRecord::default() },
        content_hash: 6,
        link: link(),
        version: 7,
        registered: Timestamp(8),
        updated: Timestamp(9),
        state: RecordState::Active,
        content_event: EventSequence(9),
        changed: EventSequence(9),
        chosen: Vec::new(),
        consent: Consent::default(),
    };
    check::<RecordRow>(
        &stored,
        "080512060a01781201791906000000000000002219090300000000000000100219000000000000f8 \
         3f22016d2809280730083809",
    );
}

#[test]
fn bytes_of_persons_never_change() {
    let live = Person {
        enterprise_id: EnterpriseId::from_number(3),
        state: PersonState::Live(vec![RecordIndex(1), RecordIndex(300)]),
        created: Timestamp(4),
        version: EventSequence(5),
    };
    check::<PersonRow>(&live, "090300000000000000120301ac0220042805");
    let survivor = EnterpriseId::from_number(2);
    let state = PersonState::Redirect { survivor, event: live.version };
    let mut gone = Person { state, ..live };
    check::<PersonRow>(&gone, "09030000000000000019020000000000000020042805");
    gone.state = PersonState::Redirect { survivor, event: EventSequence(4) };
    check::<PersonRow>(&gone, "090300000000000000190200000000000000200428053004");
}

#[test]
fn bytes_of_events_never_change() {
    let event = RegistryEvent {
        sequence: EventSequence(1),
        time: Timestamp(2),
        actor: actor(),
        kind: EventKind::UpdatedMoved,
        records: vec![RecordIndex(3)],
        old_enterprise_id: Some(EnterpriseId::from_number(4)),
        new_enterprise_id: EnterpriseId::from_number(5),
        weight: Some(MatchWeight::from_bits(-1.5)),
        model: "m".to_owned(),
        reason: "r".to_owned(),
        task: Some(TaskId(6)),
        reason_code: None,
        note: String::new(),
        request_id: None,
        undoes: None,
        approved_by: None,
        basis: None,
        change: None,
    };
    check::<EventRow>(
        &event,
        "080110021a05080212017320042a0103310400000000000000390500000000000000410000000000 \
         00f8bf4a016d5201725806",
    );
}

#[test]
fn bytes_of_bases_and_models_never_change() {
    let evidence = Evidence {
        levels: 0x0123,
        records: 4,
        given_frequency: MatchWeight::from_bits(1.5),
        family_frequency: MatchWeight::from_bits(0.0),
    };
    let basis = Basis {
        evidence,
        model: 1,
        candidate: RecordIndex(2),
        incoming_hash: None,
        candidate_hash: Some(3),
    };
    check::<BasisRow>(&basis, "080210a302180421000000000000f83f3001410300000000000000");
    let model = StoredModel::new(1, "n", "t");
    // The checksum of the text stands in it; XXH3 has one for ever.
    let checksum: String = model.checksum.to_le_bytes().map(|byte| format!("{byte:02x}")).concat();
    check::<ModelRow>(&model, &format!("080112016e19{checksum}220174"));
}

#[test]
fn bytes_of_tasks_never_change() {
    let open = ReviewTask {
        id: TaskId(1),
        kind: ReviewKind::HeldUpdate,
        incoming: RecordIndex(2),
        candidate: RecordIndex(3),
        weight: MatchWeight::from_bits(4.5),
        guards: vec![Guard::SuffixConflict, Guard::CappedBlock],
        model: "m".to_owned(),
        basis: None,
        created: Timestamp(5),
        shared: None,
        state: ReviewState::OPEN,
        event: EventSequence(0),
    };
    let decision = Decision {
        outcome: ReviewOutcome::Different,
        actor: actor(),
        time: Timestamp(6),
        reason: None,
        note: "n".to_owned(),
        event: Some(EventSequence(7)),
        opinions: Vec::new(),
        seen: None,
        took_ms: None,
        refused: None,
    };
    let resolved = ReviewState::Resolved(decision);
    check::<TaskRow>(&open, "08011003180220032900000000000012403202020b3a016d4005");
    check::<TaskRow>(
        &ReviewTask { state: resolved, ..open },
        "08011003180220032900000000000012403202020b3a016d40054a10080212050802120173180622 \
         016e2807",
    );
}

#[test]
fn bytes_of_requests_and_counters_never_change() {
    let request = StoredRequest {
        request_id: "i".to_owned(),
        content_hash: 1,
        answer: StoredAnswer::Registration(StoredRegistration {
            record: RecordIndex(2),
            enterprise_id: EnterpriseId::from_number(3),
            decision: 4,
            weight: Some(MatchWeight::from_bits(5.0)),
            tasks: vec![TaskId(6), TaskId(7)],
            event: Some(EventSequence(8)),
        }),
    };
    check::<RequestRow>(
        &request,
        "0a0169110100000000000000180221030000000000000028043100000000000014403a0206074008",
    );
    let mut counters =
        Counters { records: 1, persons_minted: 2, tasks: 3, events: 4, ..Counters::default() };
    check::<CountersRow>(&counters, "0801100218032004");
    counters.requests_forgotten = EventSequence(5);
    check::<CountersRow>(&counters, "08011002180320042805");
    let event = StoredRequest { answer: StoredAnswer::Event(EventSequence(8)), ..request };
    check::<RequestRow>(&event, "0a01691101000000000000004008");
}
