//! A bulk load is whole, or the store says that it is not.

use super::*;
use crate::StoreError;
use crate::layout::Family;
use crate::store::META_LOADING;

fn is_incomplete(dir: &TempDir) -> bool {
    matches!(Store::open(dir.path(), &options()), Err(StoreError::Incomplete(_)))
}

#[test]
fn a_load_that_breaks_off_is_seen() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    loader.add(&registration(0)).unwrap();
    drop(loader);
    drop(store);
    assert!(is_incomplete(&dir));
}

#[test]
fn a_load_that_failed_cannot_be_finished() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    let mut long = registration(1);
    long.records[0].record.key.source = "s".repeat(70_000);
    assert!(matches!(loader.add(&long), Err(StoreError::TooLong(..))));
    assert!(matches!(loader.add(&registration(0)), Err(StoreError::Poisoned)));
    assert!(matches!(loader.finish(Counters::default()), Err(StoreError::Poisoned)));
    drop(store);
    assert!(is_incomplete(&dir));
}

#[test]
fn a_load_in_any_order_is_a_store_like_any_other() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    for number in [1, 0] {
        loader.add(&Commit { counters: None, ..registration(number) }).unwrap();
    }
    let tasks = vec![task(1, ReviewState::OPEN)];
    loader.add(&Commit { tasks, ..Commit::default() }).unwrap();
    loader.finish(counters(1).unwrap()).unwrap();
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    assert!(matches!(store.bulk_loader(), Err(StoreError::NotEmpty(_))));
    drop(store);
    let store = open(&dir);
    assert_eq!(store.snapshot().keys().count(), 2);
    assert_eq!(store.snapshot().tasks_after(true, None).count(), 1);
    let mark = store.meta_value(META_LOADING).unwrap();
    assert_eq!(mark, None);
    assert!(!dir.path().join("loading").exists());
    // It goes on as a store: keys loaded in bulk are removed like others.
    let keys_removed = vec![(key_of(0), RecordIndex(0))];
    store.commit(&[Commit { keys_removed, ..Commit::default() }]).unwrap();
    let keys: Vec<_> = store.snapshot().keys().map(Result::unwrap).collect();
    assert_eq!(keys, [(key_of(1), RecordIndex(1))]);
}

#[test]
fn an_empty_load_is_an_empty_store() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.bulk_loader().unwrap().finish(Counters::default()).unwrap();
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    drop(store);
    open(&dir).bulk_loader().unwrap().finish(Counters::default()).unwrap();
}

#[test]
fn keys_of_a_load_lie_in_the_last_level() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    loader.add(&registration(0)).unwrap();
    loader.finish(registration(0).counters.unwrap()).unwrap();
    let keys = Family::Keys.as_str();
    let files = store.db.live_files().unwrap();
    let levels: Vec<_> =
        files.iter().filter(|it| it.column_family_name == keys).map(|it| it.level).collect();
    assert_eq!(levels, [6]);
}
