//! A store on disk: what was committed is there as a whole, and what does not agree is found.

use empi_model::{
    Actor, ActorKind, BlockingKey, BlockingRule, EnterpriseId, EventKind, EventSequence, Guard,
    Link, LinkSource, MatchWeight, Person, PersonState, RecordIndex, RecordKey, RegistryEvent,
    ReviewKind, ReviewOutcome, ReviewState, ReviewTask, SourceRecord, TaskId, Timestamp,
};
use rocksdb::WriteBatch;
use tempfile::TempDir;

use crate::layout::{self, Family};
use crate::store::{META_FORMAT, META_LOADING, synced};
use crate::{Commit, Counters, Store, StoreError, StoreOptions, StoredRecord, StoredRequest};

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
        records,
        old_enterprise_id: None,
        new_enterprise_id: person,
        weight: None,
        model: "us-default/1".to_owned(),
        reason: "nobody answers".to_owned(),
        task: None,
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
        created: Timestamp(7),
        state,
    }
}

fn resolved() -> ReviewState {
    ReviewState::Resolved {
        outcome: ReviewOutcome::Different,
        actor: Actor { kind: ActorKind::Steward, name: "ana".to_owned() },
        time: Timestamp(9),
        note: "other mother".to_owned(),
        event: None,
    }
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
            tasks: 0,
            events: sequence,
        }),
        ..Commit::default()
    }
}

fn counters(tasks: u64) -> Option<Counters> {
    Some(Counters { records: 2, persons_minted: 2, tasks, events: 2 })
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let dir = TempDir::new().unwrap();
    let request = StoredRequest {
        request_id: "r-1".to_owned(),
        content_hash: 42,
        record: RecordIndex(0),
        enterprise_id: EnterpriseId::mint(0),
        decision: 3,
        weight: Some(MatchWeight::from_bits(12.25)),
        tasks: vec![TaskId(1)],
        event: Some(EventSequence(1)),
    };
    let further = Commit {
        tasks: vec![task(1, ReviewState::Open), task(2, resolved())],
        held_updates: vec![(TaskId(1), Some(registration(0).records[0].record.clone()))],
        kept_apart: vec![(RecordIndex(1), RecordIndex(0))],
        requests: vec![request.clone()],
        counters: counters(2),
        ..Commit::default()
    };
    open(&dir).commit(&[registration(0), registration(1), further]).unwrap();

    let store = open(&dir);
    let snapshot = store.snapshot();
    let expected = registration(1).records.remove(0);
    assert_eq!(snapshot.record(RecordIndex(1)).unwrap().as_ref(), Some(&expected));
    assert_eq!(snapshot.record_index(&expected.record.key).unwrap(), Some(RecordIndex(1)));
    assert_eq!(snapshot.record_index(&RecordKey::new("clini", "c1")).unwrap(), None);
    assert_eq!(snapshot.request("r-1").unwrap(), Some(request));
    assert_eq!(snapshot.event(EventSequence(2)).unwrap().as_ref(), registration(1).events.first());
    assert_eq!(snapshot.task(TaskId(2)).unwrap(), Some(task(2, resolved())));
    assert!(snapshot.held_update(TaskId(1)).unwrap().is_some());
    assert_eq!(snapshot.counters().unwrap(), counters(2).unwrap());
    let open_tasks: Vec<_> = snapshot.tasks_after(true, None).map(|it| it.unwrap().id).collect();
    assert_eq!(open_tasks, [TaskId(1)]);
    let all: Vec<_> =
        snapshot.tasks_after(false, Some(TaskId(1))).map(|it| it.unwrap().id).collect();
    assert_eq!(all, [TaskId(2)]);
    let apart: Vec<_> = snapshot.kept_apart().map(Result::unwrap).collect();
    assert_eq!(apart, [(RecordIndex(0), RecordIndex(1))]);
    let report = store.verify(&keys_of).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(
        (report.records, report.keys, report.persons, report.tasks, report.events),
        (2, 2, 2, 2, 2)
    );
    let stats = store.stats();
    assert_eq!((stats.records, stats.persons, stats.open_tasks, stats.events), (2, 2, 1, 2));
    assert_eq!(store.meta().unwrap().model, "us-default/1");
}

#[test]
fn a_snapshot_does_not_see_later_commits() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let before = store.snapshot();
    store.commit(&[registration(0)]).unwrap();
    assert_eq!(before.record(RecordIndex(0)).unwrap(), None);
    assert_eq!(before.records().count(), 0);
    assert!(store.snapshot().record(RecordIndex(0)).unwrap().is_some());
}

#[test]
fn a_resolved_task_leaves_the_list_of_open_ones() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let raised = Commit { tasks: vec![task(1, ReviewState::Open)], ..Commit::default() };
    store.commit(&[raised]).unwrap();
    assert_eq!(store.snapshot().tasks_after(true, None).count(), 1);
    let answered = Commit { tasks: vec![task(1, resolved())], ..Commit::default() };
    store.commit(&[answered]).unwrap();
    assert_eq!(store.snapshot().tasks_after(true, None).count(), 0);
    assert_eq!(store.snapshot().tasks_after(false, None).count(), 1);
}

#[test]
fn stores_that_must_not_be_opened_are_refused() {
    let dir = TempDir::new().unwrap();
    let nothing = Store::open(&dir.path().join("x"), &StoreOptions::default());
    assert!(matches!(nothing, Err(StoreError::Missing(_))), "{nothing:?}");

    let foreign = TempDir::new().unwrap();
    std::fs::write(foreign.path().join("letter.txt"), "dear all").unwrap();
    let refused = Store::open(foreign.path(), &options());
    assert!(matches!(refused, Err(StoreError::Foreign(_))), "{refused:?}");

    let store = open(&dir);
    let second = Store::open(dir.path(), &options());
    assert!(matches!(second, Err(StoreError::Locked(_))), "{second:?}");

    let mut newer = WriteBatch::default();
    newer.put_cf(&store.family(Family::Meta).unwrap(), META_FORMAT, 99_u32.to_be_bytes());
    store.write(newer, &synced()).unwrap();
    drop(store);
    let refused = Store::open(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Newer { found: 99, supported: 1 })), "{refused:?}");
}

#[test]
fn a_bulk_load_is_whole_or_says_that_it_is_not() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    loader.add(&registration(0)).unwrap();
    drop(loader);
    drop(store);
    let refused = Store::open(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Incomplete(_))), "{refused:?}");

    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    for number in [1, 0] {
        loader.add(&Commit { counters: None, ..registration(number) }).unwrap();
    }
    loader.finish(counters(0).unwrap()).unwrap();
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    assert!(matches!(store.bulk_loader(), Err(StoreError::NotEmpty(_))));
    drop(store);
    let store = open(&dir);
    assert_eq!(store.snapshot().keys().count(), 2);
    assert!(store.db.get_cf(&store.family(Family::Meta).unwrap(), META_LOADING).unwrap().is_none());
}

#[test]
fn verify_finds_each_kind_of_damage() {
    type Damage = fn(&Store, &mut WriteBatch);
    let damages: [(&str, Damage); 9] = [
        ("listed by no person", |store, batch| {
            batch.delete_cf(
                &store.family(Family::Persons).unwrap(),
                layout::person_key(EnterpriseId::mint(1)),
            );
        }),
        ("leads elsewhere", |store, batch| {
            let key = layout::record_key(&RecordKey::new("clinic", "1")).unwrap();
            batch.put_cf(&store.family(Family::RecordKeys).unwrap(), key, [0; 4]);
        }),
        ("record keys stand for", |store, batch| {
            let key = layout::record_key(&RecordKey::new("clinic", "9")).unwrap();
            batch.put_cf(&store.family(Family::RecordKeys).unwrap(), key, [0; 4]);
        }),
        ("other blocking keys", |store, batch| {
            let key = layout::posting_key(key_of(1), RecordIndex(1));
            batch.delete_cf(&store.family(Family::Keys).unwrap(), key);
        }),
        ("names no record", |store, batch| {
            let key = layout::posting_key(key_of(1), RecordIndex(9));
            batch.put_cf(&store.family(Family::Keys).unwrap(), key, b"");
        }),
        ("cannot be read", |store, batch| {
            batch.put_cf(
                &store.family(Family::Records).unwrap(),
                layout::index_key(RecordIndex(1)),
                [0xFF],
            );
        }),
        ("event 2 stands in place 1", |store, batch| {
            batch.delete_cf(
                &store.family(Family::Events).unwrap(),
                layout::event_key(EventSequence(1)),
            );
        }),
        ("listed as open", |store, batch| {
            batch.delete_cf(&store.family(Family::OpenTasks).unwrap(), layout::task_key(TaskId(1)));
        }),
        ("counted", |store, batch| {
            let change = Commit { counters: counters(7), ..Commit::default() };
            store.stage(batch, &change, true).unwrap();
        }),
    ];
    for (expected, damage) in damages {
        let dir = TempDir::new().unwrap();
        let store = open(&dir);
        let raised = Commit {
            tasks: vec![task(1, ReviewState::Open)],
            counters: counters(1),
            ..Commit::default()
        };
        store.commit(&[registration(0), registration(1), raised]).unwrap();
        assert_eq!(store.verify(&keys_of).unwrap().problem_count, 0);
        let mut batch = WriteBatch::default();
        damage(&store, &mut batch);
        store.write(batch, &synced()).unwrap();
        let report = store.verify(&keys_of).unwrap();
        let told = report.problems.iter().any(|problem| problem.contains(expected));
        assert!(told, "{expected}: {:?}", report.problems);
    }
}

#[test]
fn a_redirect_in_a_circle_is_found() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let redirect = |from: u64, to: u64| Person {
        enterprise_id: EnterpriseId::mint(from),
        state: PersonState::Redirect(EnterpriseId::mint(to)),
        created: Timestamp(7),
        version: EventSequence(1),
    };
    let circle = Commit { persons: vec![redirect(5, 6), redirect(6, 5)], ..Commit::default() };
    store.commit(&[registration(0), circle]).unwrap();
    let report = store.verify(&keys_of).unwrap();
    assert!(report.problems.iter().any(|it| it.contains("redirects to nobody")), "{report:?}");
}
