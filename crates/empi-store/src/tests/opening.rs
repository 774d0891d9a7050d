//! Directories that are no store, and stores that this program must not touch.

use rocksdb::{DB, Options, WriteBatch};

use super::*;
use crate::StoreError;
use crate::layout::Family;
use crate::store::{META_FORMAT, synced};

#[test]
fn a_store_is_made_only_where_asked_for() {
    let dir = TempDir::new().unwrap();
    for missing in [dir.path().join("x"), dir.path().to_owned()] {
        let nothing = Store::open(&missing, &StoreOptions::default());
        assert!(matches!(nothing, Err(StoreError::Missing(_))), "{nothing:?}");
    }
    assert!(!dir.path().join("x").exists());
    let store = Store::open(&dir.path().join("deep/er"), &options()).unwrap();
    assert_eq!(store.meta().unwrap().model, "us-default/1");
}

#[test]
fn a_directory_of_other_things_is_left_alone() {
    let foreign = TempDir::new().unwrap();
    std::fs::write(foreign.path().join("letter.txt"), "dear all").unwrap();
    let refused = Store::open(foreign.path(), &options());
    assert!(matches!(refused, Err(StoreError::Foreign(_))), "{refused:?}");

    let file = foreign.path().join("letter.txt");
    let refused = Store::open(&file, &options()).unwrap_err();
    assert!(matches!(refused, StoreError::Directory { .. }), "{refused:?}");
    assert!(refused.to_string().contains("letter.txt"), "{refused}");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let dir = TempDir::new().unwrap();
    DB::open_default(dir.path()).unwrap().put(b"key", b"value").unwrap();
    let refused = Store::open(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Foreign(_))), "{refused:?}");
    let families = DB::list_cf(&Options::default(), dir.path()).unwrap();
    assert_eq!(families, ["default"]);
}

#[test]
fn a_store_is_open_in_one_process() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let second = Store::open(dir.path(), &options());
    assert!(matches!(second, Err(StoreError::Locked(_))), "{second:?}");
    drop(store);
    open(&dir);
}

#[test]
fn a_newer_store_is_refused() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut newer = WriteBatch::default();
    newer.put_cf(&store.family(Family::Meta).unwrap(), META_FORMAT, 99_u32.to_be_bytes());
    store.write(newer, &synced()).unwrap();
    drop(store);
    let refused = Store::open(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Newer { found: 99, supported: 7 })), "{refused:?}");

    let dir = TempDir::new().unwrap();
    open(&dir).db.create_cf("later_idea", &Options::default()).unwrap();
    let refused = Store::open(dir.path(), &options());
    assert!(matches!(refused, Err(StoreError::Newer { .. })), "{refused:?}");
}

#[test]
fn a_store_of_the_first_format_is_read_and_upgraded() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut older = WriteBatch::default();
    older.put_cf(&store.family(Family::Meta).unwrap(), META_FORMAT, 1_u32.to_be_bytes());
    // A pair kept apart had no event then.
    let pair = crate::layout::pair_key(RecordIndex(0), RecordIndex(1));
    older.put_cf(&store.family(Family::KeptApart).unwrap(), pair, b"");
    store.write(older, &synced()).unwrap();
    // Nor was there an audit trail: its family is made when the store is opened.
    store.db.drop_cf(Family::Audit.as_str()).unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.audit_head().sequence, 0);
    assert_eq!(store.meta().unwrap().format, 1);
    let kept = store.snapshot().keeps_apart(RecordIndex(1), RecordIndex(0)).unwrap();
    assert_eq!(kept, Some(EventSequence(0)));
    for _ in 0..2 {
        store.upgrade().unwrap();
        assert_eq!(store.meta().unwrap().format, 6);
    }
}

#[test]
fn a_store_whose_making_broke_off_is_made_to_its_end() {
    for family_count in [0, 1, 5, Family::ALL.len()] {
        let dir = TempDir::new().unwrap();
        let mut made = Options::default();
        made.create_if_missing(true);
        let db = DB::open(&made, dir.path()).unwrap();
        for family in Family::ALL.into_iter().take(family_count) {
            db.create_cf(family.as_str(), &Options::default()).unwrap();
        }
        drop(db);
        let missing = Store::open(dir.path(), &StoreOptions::default());
        assert!(matches!(missing, Err(StoreError::Missing(_))), "{missing:?}");
        open(&dir).commit(&[registration(0)]).unwrap();
        assert_eq!(open(&dir).snapshot().records().count(), 1);
    }

    let dir = TempDir::new().unwrap();
    for left in ["LOCK", "LOG", "LOG.old.17", "IDENTITY", "lost+found"] {
        std::fs::write(dir.path().join(left), "").unwrap();
    }
    open(&dir);
}
