//! What was committed is read back, as it was at one point in time.

use super::*;
use crate::StoreError;
use crate::store::synced;

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let dir = TempDir::new().unwrap();
    open(&dir).commit(&told()).unwrap();

    let store = open(&dir);
    let snapshot = store.snapshot();
    let expected = registration(1).records.remove(0);
    assert_eq!(snapshot.record(RecordIndex(1)).unwrap().as_ref(), Some(&expected));
    assert_eq!(snapshot.record_index(&expected.record.key).unwrap(), Some(RecordIndex(1)));
    assert_eq!(snapshot.record_index(&RecordKey::new("clini", "c1")).unwrap(), None);
    assert_eq!(snapshot.request("r-1").unwrap(), Some(request()));
    let second = snapshot.event(EventSequence(2)).unwrap();
    assert_eq!(second.as_ref(), told()[1].events.first());
    assert_eq!(snapshot.task(TaskId(2)).unwrap(), Some(task(2, resolved())));
    assert!(snapshot.held_update(TaskId(1)).unwrap().is_some());
    assert_eq!(snapshot.counters().unwrap(), counters(2).unwrap());
    let open_tasks: Vec<_> = snapshot.tasks_after(true, None).map(|it| it.unwrap().id).collect();
    assert_eq!(open_tasks, [TaskId(1)]);
    let all: Vec<_> =
        snapshot.tasks_after(false, Some(TaskId(1))).map(|it| it.unwrap().id).collect();
    assert_eq!(all, [TaskId(2)]);
    let apart: Vec<_> = snapshot.kept_apart().map(Result::unwrap).collect();
    let event = Some(EventSequence(2));
    assert_eq!(apart, [KeptApart { one: RecordIndex(0), other: RecordIndex(1), event }]);
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
    let raised = Commit { tasks: vec![task(1, ReviewState::OPEN)], ..Commit::default() };
    store.commit(&[raised]).unwrap();
    assert_eq!(store.snapshot().tasks_after(true, None).count(), 1);
    let answered = Commit { tasks: vec![task(1, resolved())], ..Commit::default() };
    store.commit(&[answered]).unwrap();
    assert_eq!(store.snapshot().tasks_after(true, None).count(), 0);
    assert_eq!(store.snapshot().tasks_after(false, None).count(), 1);
}

#[test]
fn keys_that_a_record_had_are_gone() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (old, new) = ((key_of(0), RecordIndex(0)), (key_of(7), RecordIndex(0)));
    let exchanged = Commit { keys_added: vec![new], keys_removed: vec![old], ..Commit::default() };
    store.commit(&[registration(0), exchanged]).unwrap();
    let keys: Vec<_> = store.snapshot().keys().map(Result::unwrap).collect();
    assert_eq!(keys, [new]);
}

#[test]
fn a_change_that_cannot_be_written_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut long = registration(1);
    long.records[0].record.key.source = "s".repeat(70_000);
    let refused = store.commit(&[registration(0), long]);
    assert!(matches!(refused, Err(StoreError::TooLong(_, 65_535))), "{refused:?}");
    assert_eq!(store.snapshot().records().count(), 0);
    store.commit(&[registration(0)]).unwrap();
    assert_eq!(store.snapshot().records().count(), 1);
}

#[test]
fn after_a_failed_write_the_store_takes_no_more() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.commit(&[registration(0)]).unwrap();
    // RocksDB refuses a write into a family that is gone.
    store.db.create_cf("passing", &rocksdb::Options::default()).unwrap();
    let mut batch = rocksdb::WriteBatch::default();
    batch.put_cf(&store.db.cf_handle("passing").unwrap(), b"key", b"value");
    store.db.drop_cf("passing").unwrap();
    assert!(matches!(store.write(batch, &synced()), Err(StoreError::RocksDb(_))));
    assert!(matches!(store.commit(&[registration(1)]), Err(StoreError::Poisoned)));
    drop(store);
    let store = open(&dir);
    assert_eq!(store.snapshot().records().count(), 1);
    store.commit(&[registration(1)]).unwrap();
}

#[test]
fn a_store_that_was_written_out_has_nothing_left_in_its_log() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for number in 0..40 {
        store.commit(&[registration(number)]).unwrap();
    }
    let tables = || {
        let paths = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "sst")).count()
    };
    assert_eq!(tables(), 0);
    store.write_out().unwrap();
    assert!(tables() >= 5, "{} tables", tables());
    drop(store);
    // Without the log, everything is there.
    let logs = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let logs: Vec<_> = logs.filter(|it| it.extension().is_some_and(|it| it == "log")).collect();
    for log in logs {
        let committed = std::fs::read(&log).unwrap();
        assert!(!committed.windows(6).any(|bytes| bytes == b"clinic"), "{log:?}");
    }
    let store = open(&dir);
    assert_eq!(store.snapshot().records().count(), 40);
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
}
