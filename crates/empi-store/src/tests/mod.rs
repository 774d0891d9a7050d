//! A store on disk: what was committed is there as a whole, and what does not agree is found.

use empi_model::{
    Actor, ActorKind, Again, BlockingKey, BlockingRule, ComparisonPattern, Consent, Decision,
    EnterpriseId, EventChange, EventKind, EventSequence, Guard, KeptApartChange, Link, LinkSource,
    MatchWeight, Opinion, Person, PersonState, ReasonCode, RecordChange, RecordIndex, RecordKey,
    RecordState, RegistryEvent, Remark, ReviewKind, ReviewOutcome, ReviewState, ReviewTask, Seen,
    SharedField, SharedValue, Snooze, SourceRecord, TaskChange, TaskId, Timestamp, Waiting,
};
use tempfile::TempDir;

use crate::{
    Commit, Counters, KeptApart, Store, StoreOptions, StoredAnswer, StoredRecord,
    StoredRegistration, StoredRequest,
};

mod auditing;
mod backups;
mod bulk;
mod files;
mod flips;
mod lab;
mod opening;
mod reading;
mod rebuilding;
mod seeded;
mod vault;
mod verifying;

fn options() -> StoreOptions {
    StoreOptions { model: "us-default/1".to_owned(), create: true }
}

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path(), &options()).unwrap()
}

fn actor() -> Actor {
    Actor { kind: ActorKind::System, name: "desk".to_owned() }
}

fn key_of(number: u32) -> BlockingKey {
    BlockingKey::new(BlockingRule::Phone, u64::from(number))
}

/// Blocking keys as the records of these tests have them: one, from the record ID.
fn keys_of(record: &SourceRecord) -> Vec<BlockingKey> {
    vec![key_of(record.key.record_id.parse().unwrap())]
}

fn event(sequence: u64, records: Vec<RecordIndex>, person: EnterpriseId) -> RegistryEvent {
    RegistryEvent {
        sequence: EventSequence(sequence),
        time: Timestamp(7),
        actor: actor(),
        kind: EventKind::RegisteredNew,
        old_enterprise_id: None,
        new_enterprise_id: person,
        weight: None,
        model: "us-default/1".to_owned(),
        reason: "nobody answers".to_owned(),
        task: None,
        reason_code: None,
        note: String::new(),
        request_id: None,
        undoes: None,
        approved_by: None,
        basis: None,
        change: Some(EventChange {
            records: records
                .iter()
                .map(|it| RecordChange::registered(*it, person, EventSequence(sequence)))
                .collect(),
            ..EventChange::default()
        }),
        records,
    }
}

fn task(id: u64, state: ReviewState) -> ReviewTask {
    ReviewTask {
        id: TaskId(id),
        kind: ReviewKind::PossibleMatch,
        incoming: RecordIndex(1),
        candidate: RecordIndex(0),
        weight: MatchWeight::from_bits(4.5),
        guards: vec![Guard::PossibleTwins],
        model: "us-default/1".to_owned(),
        basis: None,
        created: Timestamp(7),
        shared: None,
        state,
        event: EventSequence(2),
    }
}

fn resolved() -> ReviewState {
    ReviewState::Resolved(Decision {
        outcome: ReviewOutcome::Different,
        actor: Actor { kind: ActorKind::Steward, name: "ana".to_owned() },
        time: Timestamp(9),
        reason: None,
        note: "other mother".to_owned(),
        event: None,
        opinions: Vec::new(),
        seen: None,
        took_ms: None,
        refused: None,
    })
}

/// A new record with a person of its own.
fn registration(number: u32) -> Commit {
    let (index, id) = (RecordIndex(number), EnterpriseId::mint(u64::from(number)));
    let sequence = u64::from(number) + 1;
    Commit {
        records: vec![StoredRecord {
            index,
            record: SourceRecord {
                key: RecordKey::new("clinic", number.to_string()),
                birth_date: Some("1980-03-12".into()),
                ..SourceRecord::default()
            },
            content_hash: 42,
            link: Link {
                enterprise_id: id,
                source: LinkSource::Automatic,
                weight: None,
                model: "us-default/1".to_owned(),
                event: EventSequence(sequence),
            },
            version: 1,
            registered: Timestamp(7),
            updated: Timestamp(7),
            state: RecordState::Active,
            content_event: EventSequence(sequence),
            chosen: Vec::new(),
            consent: Consent::default(),
            changed: EventSequence(sequence),
        }],
        keys_added: vec![(key_of(number), index)],
        persons: vec![Person {
            enterprise_id: id,
            state: PersonState::Live(vec![index]),
            created: Timestamp(7),
            version: EventSequence(sequence),
        }],
        events: vec![event(sequence, vec![index], id)],
        counters: Some(Counters {
            records: number + 1,
            persons_minted: u64::from(number) + 1,
            events: sequence,
            ..Counters::default()
        }),
        ..Commit::default()
    }
}

fn counters(tasks: u64) -> Option<Counters> {
    Some(Counters { records: 2, persons_minted: 2, tasks, events: 2, ..Counters::default() })
}

fn remark(note: &str) -> Remark {
    let actor = Actor { kind: ActorKind::Steward, name: "ana".to_owned() };
    let reason = Some(ReasonCode::NotEnoughEvidence);
    Remark { actor, time: Timestamp(8), reason, note: note.to_owned() }
}

/// Tasks that wait in every way, and one that was answered by two.
fn tasks_of_format_3() -> Vec<ReviewTask> {
    let ReviewState::Resolved(plain) = resolved() else { return Vec::new() };
    let opinion = Opinion { outcome: ReviewOutcome::Same, remark: remark("one") };
    let pattern = ComparisonPattern::parse("0-12").unwrap();
    let seen = Some(Seen { pattern, weight: MatchWeight::from_bits(4.25) });
    let opinions = vec![opinion];
    let decided = Decision { opinions: opinions.clone(), seen, took_ms: Some(12), ..plain };
    let again = Again {
        earlier: decided.clone(),
        weight: MatchWeight::from_bits(6.5),
        guards: vec![Guard::BridgedPerson, Guard::HubValue],
    };
    let snooze = Snooze { until: Some(Timestamp(99)), source_asked: true, remark: remark("asked") };
    let waiting = Waiting {
        snooze: Some(snooze),
        assignee: Some("ines".to_owned()),
        opinions,
        escalated: Some(remark("torn")),
        again: Some(Box::new(again)),
    };
    let shared = Some(SharedValue { field: SharedField::Phone, hash: 5, people: 31 });
    vec![
        ReviewTask { kind: ReviewKind::Conflict, ..task(3, ReviewState::Open(waiting)) },
        ReviewTask {
            kind: ReviewKind::SharedIdentifier,
            shared,
            ..task(4, ReviewState::Resolved(decided))
        },
        ReviewTask { kind: ReviewKind::SameSourceDuplicate, ..task(5, ReviewState::OPEN) },
    ]
}

fn request() -> StoredRequest {
    StoredRequest {
        request_id: "r-1".to_owned(),
        content_hash: 42,
        answer: StoredAnswer::Registration(StoredRegistration {
            record: RecordIndex(0),
            enterprise_id: EnterpriseId::mint(0),
            decision: 3,
            weight: Some(MatchWeight::from_bits(12.25)),
            tasks: vec![TaskId(1)],
            event: Some(EventSequence(1)),
        }),
    }
}

/// Two persons, an open question with an update that waits, an answered one, a pair kept apart and an
/// answer to a request.
fn full() -> [Commit; 3] {
    let further = Commit {
        tasks: vec![
            ReviewTask { kind: ReviewKind::HeldUpdate, ..task(1, ReviewState::OPEN) },
            task(2, resolved()),
        ],
        held_updates: vec![(TaskId(1), Some(registration(0).records[0].record.clone()))],
        kept_apart: vec![KeptApart {
            one: RecordIndex(0),
            other: RecordIndex(1),
            event: Some(EventSequence(2)),
        }],
        requests: vec![request()],
        counters: counters(2),
        ..Commit::default()
    };
    [registration(0), registration(1), further]
}

/// The same, with events that tell of all of it.
fn told() -> [Commit; 3] {
    let [mut first, mut second, further] = full();
    first.events[0].request_id = Some("r-1".to_owned());
    first.requests = further.requests.clone();
    let change = second.events[0].change.as_mut().unwrap();
    let (one, other, event) = (RecordIndex(0), RecordIndex(1), Some(EventSequence(2)));
    change.kept_apart.push(KeptApartChange { one, other, old_event: None, event });
    [first, second, further]
}

fn redirect_to(person: u64) -> PersonState {
    PersonState::Redirect { survivor: EnterpriseId::mint(person), event: EventSequence(1) }
}

fn redirect(from: u64, to: u64) -> Person {
    Person {
        enterprise_id: EnterpriseId::mint(from),
        state: redirect_to(to),
        created: Timestamp(7),
        version: EventSequence(1),
    }
}
