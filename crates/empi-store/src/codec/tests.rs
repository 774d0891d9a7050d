//! Rows read back as they were written, and their bytes never change by accident.

use std::fmt::Debug;

use empi_model::{
    EnterpriseId, EventKind, EventSequence, Guard, Identifier, Link, LinkSource, MatchWeight,
    PatientText, Person, PersonName, PersonState, PostalAddress, RecordIndex, RecordKey,
    RegistryEvent, ReviewKind, ReviewOutcome, ReviewState, ReviewTask, SourceRecord, TaskId,
    Timestamp,
};
use proptest::prelude::*;

use super::*;
use crate::{Counters, StoredRecord, StoredRequest};

fn texts() -> impl Strategy<Value = Option<PatientText>> {
    prop::option::of(any::<String>().prop_map(PatientText::new))
}

prop_compose! {
    fn sources()(
        key in any::<(String, String)>(),
        names in prop::collection::vec(prop::array::uniform4(texts()), 0..3),
        addresses in prop::collection::vec(prop::array::uniform6(texts()), 0..3),
        single in prop::array::uniform7(texts()),
        lists in prop::array::uniform2(prop::collection::vec(any::<String>(), 0..3)),
        identifiers in prop::collection::vec(any::<(String, String)>(), 0..3),
    ) -> SourceRecord {
        let [birth_date, sex, ssn, mother_maiden_name, guardian_name, birth_place, birth_order] =
            single;
        let [phones, emails] = lists.map(|list| list.into_iter().map(PatientText::new).collect());
        let name = |[given, middle, family, suffix]: [Option<PatientText>; 4]| {
            PersonName { given, middle, family, suffix }
        };
        let address = |parts: [Option<PatientText>; 6]| {
            let [street, unit, city, state, postal_code, country] = parts;
            PostalAddress { street, unit, city, state, postal_code, country }
        };
        let identifier = |(authority, value): (String, String)| {
            Identifier { authority, value: PatientText::new(value) }
        };
        SourceRecord {
            key: RecordKey::new(key.0, key.1),
            names: names.into_iter().map(name).collect(),
            birth_date,
            sex,
            ssn,
            addresses: addresses.into_iter().map(address).collect(),
            phones,
            emails,
            identifiers: identifiers.into_iter().map(identifier).collect(),
            mother_maiden_name,
            guardian_name,
            birth_place,
            birth_order,
        }
    }
}

fn persons() -> impl Strategy<Value = EnterpriseId> {
    any::<u64>().prop_map(EnterpriseId::from_number)
}

fn weights() -> impl Strategy<Value = MatchWeight> {
    (-2500.0..2500.0).prop_map(MatchWeight::from_bits)
}

fn indexes() -> impl Strategy<Value = Vec<RecordIndex>> {
    prop::collection::vec(any::<u32>().prop_map(RecordIndex), 0..5)
}

fn actors() -> impl Strategy<Value = Actor> {
    let kinds = prop::sample::select(vec![ActorKind::System, ActorKind::Steward]);
    (kinds, any::<String>()).prop_map(|(kind, name)| Actor { kind, name })
}

fn sequences() -> impl Strategy<Value = EventSequence> {
    any::<u64>().prop_map(EventSequence)
}

fn times() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

prop_compose! {
    fn links()(
        enterprise_id in persons(),
        source in prop::sample::select(vec![LinkSource::Automatic, LinkSource::Manual]),
        weight in prop::option::of(weights()),
        model in any::<String>(),
        event in sequences(),
    ) -> Link {
        Link { enterprise_id, source, weight, model, event }
    }
}

prop_compose! {
    fn records()(
        index in any::<u32>(),
        record in sources(),
        content_hash in any::<u64>(),
        link in links(),
        version in any::<u32>(),
        registered in times(),
        updated in times(),
    ) -> StoredRecord {
        let index = RecordIndex(index);
        StoredRecord { index, record, content_hash, link, version, registered, updated }
    }
}

prop_compose! {
    fn whole_persons()(
        enterprise_id in persons(),
        state in prop_oneof![
            indexes().prop_map(PersonState::Live),
            persons().prop_map(PersonState::Redirect),
        ],
        created in times(),
        version in sequences(),
    ) -> Person {
        Person { enterprise_id, state, created, version }
    }
}

prop_compose! {
    fn events()(
        (sequence, time, actor) in (sequences(), times(), actors()),
        kind in prop::sample::select(EventKind::ALL.to_vec()),
        records in indexes(),
        old_enterprise_id in prop::option::of(persons()),
        new_enterprise_id in persons(),
        weight in prop::option::of(weights()),
        (model, reason) in any::<(String, String)>(),
        task in prop::option::of(any::<u64>().prop_map(TaskId)),
    ) -> RegistryEvent {
        RegistryEvent {
            sequence,
            time,
            actor,
            kind,
            records,
            old_enterprise_id,
            new_enterprise_id,
            weight,
            model,
            reason,
            task,
        }
    }
}

prop_compose! {
    fn states()(
        outcome in prop::option::of(prop::sample::select(
            vec![ReviewOutcome::Same, ReviewOutcome::Different, ReviewOutcome::Moot],
        )),
        (actor, time, note) in (actors(), times(), any::<String>()),
        event in prop::option::of(sequences()),
    ) -> ReviewState {
        match outcome {
            None => ReviewState::Open,
            Some(outcome) => ReviewState::Resolved { outcome, actor, time, note, event },
        }
    }
}

prop_compose! {
    fn tasks()(
        (id, incoming, candidate) in any::<(u64, u32, u32)>(),
        kind in prop::sample::select(ReviewKind::ALL.to_vec()),
        weight in weights(),
        guards in prop::collection::vec(prop::sample::select(Guard::ALL.to_vec()), 0..4),
        model in any::<String>(),
        created in times(),
        state in states(),
    ) -> ReviewTask {
        let (incoming, candidate) = (RecordIndex(incoming), RecordIndex(candidate));
        ReviewTask {
            id: TaskId(id), kind, incoming, candidate, weight, guards, model, created, state,
        }
    }
}

prop_compose! {
    fn requests()(
        (request_id, content_hash, record, decision) in any::<(String, u64, u32, u8)>(),
        enterprise_id in persons(),
        weight in prop::option::of(weights()),
        tasks in prop::collection::vec(any::<u64>().prop_map(TaskId), 0..4),
        event in prop::option::of(sequences()),
    ) -> StoredRequest {
        StoredRequest {
            request_id,
            content_hash,
            record: RecordIndex(record),
            enterprise_id,
            decision,
            weight,
            tasks,
            event,
        }
    }
}

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
    ) {
        prop_assert_eq!(SourceRow::decoded(&SourceRow::encoded(&source)), Some(source));
        prop_assert_eq!(RecordRow::decoded(&RecordRow::encoded(&record)), Some(record));
        prop_assert_eq!(PersonRow::decoded(&PersonRow::encoded(&person)), Some(person));
        prop_assert_eq!(EventRow::decoded(&EventRow::encoded(&event)), Some(event));
        prop_assert_eq!(TaskRow::decoded(&TaskRow::encoded(&task)), Some(task));
        prop_assert_eq!(RequestRow::decoded(&RequestRow::encoded(&request)), Some(request));
        let counters = Counters { records, persons_minted, tasks, events };
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
    let state = PersonState::Redirect(EnterpriseId::from_number(2));
    check::<PersonRow>(&live, "090300000000000000120301ac0220042805");
    check::<PersonRow>(&Person { state, ..live }, "09030000000000000019020000000000000020042805");
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
    };
    check::<EventRow>(
        &event,
        "080110021a05080212017320042a0103310400000000000000390500000000000000410000000000 \
         00f8bf4a016d5201725806",
    );
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
        created: Timestamp(5),
        state: ReviewState::Open,
    };
    let resolved = ReviewState::Resolved {
        outcome: ReviewOutcome::Different,
        actor: actor(),
        time: Timestamp(6),
        note: "n".to_owned(),
        event: Some(EventSequence(7)),
    };
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
        record: RecordIndex(2),
        enterprise_id: EnterpriseId::from_number(3),
        decision: 4,
        weight: Some(MatchWeight::from_bits(5.0)),
        tasks: vec![TaskId(6), TaskId(7)],
        event: Some(EventSequence(8)),
    };
    check::<RequestRow>(
        &request,
        "0a0169110100000000000000180221030000000000000028043100000000000014403a0206074008",
    );
    let counters = Counters { records: 1, persons_minted: 2, tasks: 3, events: 4 };
    check::<CountersRow>(&counters, "0801100218032004");
}
