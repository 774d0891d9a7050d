//! Any row there may be.

use empi_model::{
    Actor, ActorKind, Again, Basis, ComparisonPattern, Consent, ConsentChange, Decision,
    EnterpriseId, EventChange, EventKind, EventSequence, Evidence, Guard, Identifier,
    KeptApartChange, Link, LinkSource, MatchWeight, Opinion, PatientText, Person, PersonChange,
    PersonMark, PersonName, PersonState, PostalAddress, ReasonCode, RecordChange, RecordContent,
    RecordIndex, RecordKey, RecordState, RegistryEvent, Remark, ReviewKind, ReviewOutcome,
    ReviewState, ReviewTask, Seen, SharedField, SharedValue, Snooze, SourceRecord, TaskChange,
    TaskId, Timestamp, Waiting,
};
use empi_model::{Chosen, ChosenChange, GoldenField};
use proptest::prelude::*;

use crate::{StoredAnswer, StoredRecord, StoredRegistration, StoredRequest};

fn texts() -> impl Strategy<Value = Option<PatientText>> {
    prop::option::of(any::<String>().prop_map(PatientText::new))
}

fn consents() -> impl Strategy<Value = Consent> {
    (any::<[bool; 2]>(), sequences()).prop_map(|([not_shared, not_linked], event)| Consent {
        not_shared,
        not_linked,
        event,
    })
}

fn chosen() -> impl Strategy<Value = Vec<Chosen>> {
    let one = (prop::sample::select(GoldenField::ALL.to_vec()), any::<String>(), sequences())
        .prop_map(|(field, steward, event)| Chosen { field, steward, event });
    prop::collection::vec(one, 0..3)
}

prop_compose! {
    pub(super) fn sources()(
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

pub(super) fn sequences() -> impl Strategy<Value = EventSequence> {
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
    pub(super) fn records()(
        index in any::<u32>(),
        record in sources(),
        content_hash in any::<u64>(),
        link in links(),
        version in any::<u32>(),
        (registered, updated) in (times(), times()),
        state in record_states(),
        stamps in (stamps(), stamps()),
        (chosen, consent) in (chosen(), consents()),
    ) -> StoredRecord {
        let index = RecordIndex(index);
        let (content_event, changed) = stamps;
        StoredRecord {
            chosen,
            consent,
            index,
            record,
            content_hash,
            link,
            version,
            registered,
            updated,
            state,
            content_event,
            changed,
        }
    }
}

prop_compose! {
    pub(super) fn whole_persons()(
        enterprise_id in persons(),
        state in prop_oneof![
            indexes().prop_map(PersonState::Live),
            (persons(), stamps())
                .prop_map(|(survivor, event)| PersonState::Redirect { survivor, event }),
        ],
        created in times(),
        version in sequences(),
    ) -> Person {
        Person { enterprise_id, state, created, version }
    }
}

prop_compose! {
    pub(super) fn events()(
        (sequence, time, actor) in (stamps(), times(), actors()),
        kind in prop::sample::select(EventKind::ALL.to_vec()),
        records in indexes(),
        old_enterprise_id in prop::option::of(persons()),
        new_enterprise_id in persons(),
        weight in prop::option::of(weights()),
        (model, reason) in any::<(String, String)>(),
        task in prop::option::of(any::<u64>().prop_map(TaskId)),
        reason_code in prop::option::of(prop::sample::select(ReasonCode::ALL.to_vec())),
        (note, request_id, approved_by) in any::<(String, Option<String>, Option<String>)>(),
        undoes in prop::option::of(sequences()),
        basis in prop::option::of(bases()),
        change in prop::option::of(changes()),
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
            reason_code,
            note,
            request_id,
            undoes,
            approved_by,
            basis,
            change,
        }
    }
}

/// The number of an event that there is; 0 stands for none.
fn stamps() -> impl Strategy<Value = EventSequence> {
    (1..u64::MAX).prop_map(EventSequence)
}

fn record_states() -> impl Strategy<Value = RecordState> {
    prop_oneof![
        Just(RecordState::Active),
        Just(RecordState::Retired),
        any::<u32>().prop_map(|record| RecordState::ReplacedBy(RecordIndex(record))),
    ]
}

prop_compose! {
    fn contents()(
        record in sources(),
        hash in any::<u64>(),
        state in record_states(),
        updated in times(),
        event in sequences(),
    ) -> RecordContent {
        RecordContent { record, hash, state, updated, event }
    }
}

prop_compose! {
    fn record_changes()(
        record in any::<u32>().prop_map(RecordIndex),
        enterprise_id in persons(),
        old_link in prop::option::of(links()),
        (link_event, content_event) in (stamps(), stamps()),
        old_content in prop::option::of(contents()),
        previous in prop::option::of(sequences()),
        chosen in prop::option::of((chosen(), chosen())),
        consent in prop::option::of((consents(), consents())),
    ) -> RecordChange {
        RecordChange {
            chosen: chosen.map(|(before, after)| ChosenChange { before, after }),
            consent: consent.map(|(before, after)| ConsentChange { before, after }),
            record,
            enterprise_id,
            old_link,
            link_event,
            old_content,
            content_event,
            previous,
        }
    }
}

fn marks() -> impl Strategy<Value = PersonMark> {
    prop_oneof![
        Just(PersonMark::Live),
        (persons(), stamps())
            .prop_map(|(survivor, event)| PersonMark::Redirect { survivor, event }),
    ]
}

prop_compose! {
    fn person_changes()(
        enterprise_id in persons(),
        before in prop::option::of(marks()),
        after in marks(),
        old_version in sequences(),
    ) -> PersonChange {
        PersonChange { enterprise_id, before, after, old_version }
    }
}

prop_compose! {
    fn task_changes()(
        task in any::<u64>().prop_map(TaskId),
        old_state in prop::option::of(states()),
        (old_event, event) in (sequences(), stamps()),
        is_open in any::<bool>(),
        old_held in prop::option::of(sources()),
    ) -> TaskChange {
        TaskChange { task, old_state, old_event, event, is_open, old_held }
    }
}

prop_compose! {
    fn kept_apart_changes()(
        [one, other] in any::<[u32; 2]>(),
        old_event in prop::option::of(sequences()),
        event in prop::option::of(sequences()),
    ) -> KeptApartChange {
        let (one, other) = (RecordIndex(one), RecordIndex(other));
        KeptApartChange { one, other, old_event, event }
    }
}

prop_compose! {
    fn changes()(
        records in prop::collection::vec(record_changes(), 0..3),
        persons in prop::collection::vec(person_changes(), 0..3),
        tasks in prop::collection::vec(task_changes(), 0..3),
        kept_apart in prop::collection::vec(kept_apart_changes(), 0..3),
    ) -> EventChange {
        EventChange { records, persons, tasks, kept_apart }
    }
}

fn outcomes() -> impl Strategy<Value = ReviewOutcome> {
    prop::sample::select(ReviewOutcome::ALL.to_vec())
}

fn guards() -> impl Strategy<Value = Vec<Guard>> {
    prop::collection::vec(prop::sample::select(Guard::ALL.to_vec()), 0..4)
}

prop_compose! {
    fn remarks()(
        (actor, time, note) in (actors(), times(), any::<String>()),
        reason in prop::option::of(prop::sample::select(ReasonCode::ALL.to_vec())),
    ) -> Remark {
        Remark { actor, time, reason, note }
    }
}

fn opinions() -> impl Strategy<Value = Vec<Opinion>> {
    let opinion = (outcomes(), remarks()).prop_map(|(outcome, remark)| Opinion { outcome, remark });
    prop::collection::vec(opinion, 0..3)
}

prop_compose! {
    fn decisions()(
        outcome in outcomes(),
        Remark { actor, time, reason, note } in remarks(),
        event in prop::option::of(sequences()),
        opinions in opinions(),
        seen in prop::option::of(("[0-9a-z-]{1,20}", weights())),
        took_ms in any::<Option<u64>>(),
        refused in any::<Option<u64>>(),
    ) -> Decision {
        let seen = seen.map(|(pattern, weight)| {
            Seen { pattern: ComparisonPattern::parse(&pattern).unwrap(), weight }
        });
        Decision { outcome, actor, time, reason, note, event, opinions, seen, took_ms, refused }
    }
}

prop_compose! {
    fn waitings()(
        snooze in prop::option::of((prop::option::of(times()), any::<bool>(), remarks())),
        assignee in any::<Option<String>>(),
        opinions in opinions(),
        escalated in prop::option::of(remarks()),
        again in prop::option::of((decisions(), weights(), guards())),
    ) -> Waiting {
        let snooze =
            snooze.map(|(until, source_asked, remark)| Snooze { until, source_asked, remark });
        let again =
            again.map(|(earlier, weight, guards)| Box::new(Again { earlier, weight, guards }));
        Waiting { snooze, assignee, opinions, escalated, again }
    }
}

fn states() -> impl Strategy<Value = ReviewState> {
    prop_oneof![
        Just(ReviewState::OPEN),
        waitings().prop_map(ReviewState::Open),
        decisions().prop_map(ReviewState::Resolved),
    ]
}

fn shared_values() -> impl Strategy<Value = SharedValue> {
    (prop::sample::select(SharedField::ALL.to_vec()), any::<u64>(), any::<u32>())
        .prop_map(|(field, hash, people)| SharedValue { field, hash, people })
}

prop_compose! {
    pub(super) fn tasks()(
        (id, incoming, candidate) in any::<(u64, u32, u32)>(),
        kind in prop::sample::select(ReviewKind::ALL.to_vec()),
        weight in weights(),
        guards in guards(),
        shared in prop::option::of(shared_values()),
        model in any::<String>(),
        basis in prop::option::of(bases()),
        created in times(),
        state in states(),
        event in sequences(),
    ) -> ReviewTask {
        let (id, incoming, candidate) = (TaskId(id), RecordIndex(incoming), RecordIndex(candidate));
        ReviewTask {
            id, kind, incoming, candidate, weight, guards, model, basis, created, shared, state,
            event,
        }
    }
}

prop_compose! {
    fn bases()(
        (levels, records, model) in any::<(u64, u32, u32)>(),
        given_frequency in weights(),
        family_frequency in weights(),
        candidate in any::<u32>(),
        incoming_hash in any::<Option<u64>>(),
        candidate_hash in any::<Option<u64>>(),
    ) -> Basis {
        let evidence = Evidence { levels, records, given_frequency, family_frequency };
        let candidate = RecordIndex(candidate);
        Basis { evidence, model, candidate, incoming_hash, candidate_hash }
    }
}

prop_compose! {
    pub(super) fn requests()(
        (request_id, content_hash, record) in any::<(String, u64, u32)>(),
        decision in 1_u8..,
        enterprise_id in persons(),
        weight in prop::option::of(weights()),
        tasks in prop::collection::vec(any::<u64>().prop_map(TaskId), 0..4),
        event in prop::option::of(sequences()),
        is_registration in any::<bool>(),
    ) -> StoredRequest {
        let registration = StoredRegistration {
            record: RecordIndex(record),
            enterprise_id,
            decision,
            weight,
            tasks,
            event,
        };
        let answer = match event {
            Some(event) if !is_registration => StoredAnswer::Event(event),
            _ => StoredAnswer::Registration(registration),
        };
        StoredRequest { request_id, content_hash, answer }
    }
}
