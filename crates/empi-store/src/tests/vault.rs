//! Encryption at rest: an encrypted store answers as any other, and says nothing without its key.

use std::fs;
use std::path::Path;

use super::flips::Said;
use super::*;
use crate::layout::Family;
use crate::{DataDir, MasterKey, StoreError, each_raw_row, encrypt, rebuild, restore};

fn quiet(_: u64, _: u64) {}

fn place(path: &Path, keys: &[&MasterKey]) -> DataDir {
    DataDir { path: path.to_owned(), keys: keys.iter().copied().cloned().collect() }
}

fn key() -> MasterKey {
    MasterKey::random().unwrap()
}

/// Commits that use everything an event can keep of how things were.
fn storied() -> Vec<Commit> {
    let mut commits = told().to_vec();
    commits[2].counters = counters(2);
    let before = commits[1].records[0].clone();
    let mut after = before.clone();
    after.record.birth_date = Some("1980-03-13".into());
    (after.version, after.content_event, after.changed) = (2, EventSequence(3), EventSequence(3));
    let mut update = event(3, vec![after.index], after.link.enterprise_id);
    update.kind = EventKind::UpdatedKept;
    update.note = "spoke with Okafor".to_owned();
    update.request_id = Some("visit of Okafor".to_owned());
    let change = update.change.as_mut().unwrap();
    change.records[0].old_link = Some(before.link.clone());
    change.records[0].link_event = before.link.event;
    change.records[0].old_content = Some(before.content());
    change.records[0].previous = Some(EventSequence(2));
    let held = TaskChange {
        task: TaskId(1),
        old_state: Some(ReviewState::Open(Waiting {
            escalated: Some(remark("is it Okafor")),
            ..Waiting::default()
        })),
        old_event: EventSequence(2),
        event: EventSequence(3),
        is_open: false,
        old_held: Some(before.record),
    };
    change.tasks.push(held);
    let answered = StoredRequest {
        request_id: "visit of Okafor".to_owned(),
        content_hash: 7,
        answer: StoredAnswer::Event(EventSequence(3)),
    };
    let ReviewTask { id, .. } = task(1, ReviewState::OPEN);
    let mut resolved_task = task(id.0, resolved());
    (resolved_task.kind, resolved_task.event) = (ReviewKind::HeldUpdate, EventSequence(3));
    let mut person = commits[1].persons[0].clone();
    person.version = EventSequence(3);
    let mut counted = counters(2).unwrap();
    counted.events = 3;
    commits.push(Commit {
        records: vec![after],
        persons: vec![person],
        tasks: vec![resolved_task],
        held_updates: vec![(TaskId(1), None)],
        events: vec![update],
        requests: vec![answered],
        counters: Some(counted),
        ..Commit::default()
    });
    commits
}

/// A closed store with all of it, encrypted where there are keys.
fn written(dir: &Path, keys: &[&MasterKey]) {
    let store = Store::open(place(dir, keys), &options()).unwrap();
    for commit in storied() {
        store.commit(&[commit]).unwrap();
    }
}

fn problems(store: &Store) -> Vec<String> {
    store.verify(&keys_of).unwrap().problems
}

#[test]
fn an_encrypted_store_answers_as_one_that_is_not() {
    let (dir, key) = (TempDir::new().unwrap(), key());
    let (plain, sealed) = (dir.path().join("plain"), dir.path().join("sealed"));
    written(&plain, &[]);
    written(&sealed, &[&key]);
    let plain = Store::open(&plain, &options()).unwrap();
    let sealed_store = Store::open(place(&sealed, &[&key]), &options()).unwrap();
    assert!(sealed_store.is_encrypted() && !plain.is_encrypted());
    assert_eq!((plain.meta().unwrap().format, sealed_store.meta().unwrap().format), (6, 7));
    let (said, due) = (Said::by(&sealed_store).unwrap(), Said::by(&plain).unwrap());
    assert_ne!(said.keys, due.keys, "keyed hashes stand for blocking keys");
    assert!(said.with_keys_of(&due) == due);
    assert_eq!(problems(&plain), Vec::<String>::new());
    assert_eq!(problems(&sealed_store), Vec::<String>::new());
    assert_eq!(sealed_store.audit_head().sequence, 3);
    drop(sealed_store);
    rebuild(place(&sealed, &[&key]), &keys_of).unwrap();
    let sealed_store = Store::open(place(&sealed, &[&key]), &options()).unwrap();
    assert_eq!(problems(&sealed_store), Vec::<String>::new());
}

#[test]
fn a_record_is_at_hand_once_it_was_read_or_written_and_says_what_the_disk_says() {
    let key = key();
    for keys in [&[][..], &[&key]] {
        let dir = TempDir::new().unwrap();
        let store = Store::open(place(dir.path(), keys), &options()).unwrap();
        store.commit(&storied()).unwrap();
        let on_disk = |store: &Store, index| store.snapshot().record(index).unwrap();
        for index in [0, 1, 9].map(RecordIndex) {
            assert_eq!(store.record_at_hand(index), on_disk(&store, index));
        }
        store.write_out().unwrap();
        drop(store);
        let store = Store::open(place(dir.path(), keys), &options()).unwrap();
        let index = RecordIndex(1);
        assert_eq!(store.record_at_hand(index), None, "nobody has read it since the start");
        let read = on_disk(&store, index);
        assert!(read.is_some());
        assert_eq!(store.record_at_hand(index), read);
    }
}

#[test]
fn a_store_opens_with_its_own_key_only_and_says_what_is_wrong() {
    let (dir, key, other) = (TempDir::new().unwrap(), key(), key());
    written(dir.path(), &[&key]);
    let opened = |keys: &[&MasterKey]| Store::open(place(dir.path(), keys), &options());
    let refused = opened(&[]).unwrap_err();
    assert!(matches!(refused, StoreError::KeyMissing(_)), "{refused}");
    assert!(refused.to_string().contains("--key-file"));
    let refused = opened(&[&other]).unwrap_err();
    let StoreError::KeyWrong { given, due, .. } = &refused else { panic!("{refused}") };
    assert_eq!((*given, *due), (other.fingerprint(), key.fingerprint()));
    assert!(opened(&[&other, &key]).is_ok());

    let plain = TempDir::new().unwrap();
    written(plain.path(), &[]);
    let refused = Store::open(place(plain.path(), &[&key]), &options()).unwrap_err();
    assert!(matches!(refused, StoreError::KeyUnwanted(_)), "{refused}");
    let store = Store::open(plain.path(), &options()).unwrap();
    assert!(matches!(store.rotate_key(&key), Err(StoreError::NotEncrypted(_))));
}

/// Every row of every family as it lies on disk.
fn raw(dir: &Path) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let each = |family: &str, key: &[u8], value: &[u8]| {
        rows.push((family.to_owned(), key.to_vec(), value.to_vec()));
    };
    each_raw_row(dir, each).unwrap();
    rows
}

fn has(rows: &[(String, Vec<u8>, Vec<u8>)], needle: &str) -> bool {
    let found = |bytes: &[u8]| bytes.windows(needle.len()).any(|part| part == needle.as_bytes());
    rows.iter().any(|(_, key, value)| found(key) || found(value))
}

#[test]
fn rows_say_nothing_without_the_key() {
    let (dir, key) = (TempDir::new().unwrap(), key());
    let (plain, sealed) = (dir.path().join("plain"), dir.path().join("sealed"));
    written(&plain, &[]);
    written(&sealed, &[&key]);
    for needle in ["Okafor", "1980-03-1", "clinic", "r-1", "other mother", "nobody answers"] {
        assert!(has(&raw(&plain), needle), "{needle} is there to be found");
        assert!(!has(&raw(&sealed), needle), "{needle}");
    }
}

#[test]
fn a_row_that_is_altered_or_put_elsewhere_is_found() {
    let (dir, key) = (TempDir::new().unwrap(), key());
    written(dir.path(), &[&key]);
    let place = place(dir.path(), &[&key]);
    let store = Store::open(&place, &options()).unwrap();
    let sealed = [Family::Records, Family::Tasks, Family::Events, Family::Requests, Family::Audit];
    for family in sealed {
        let rows: Vec<_> = raw_of(&store, family);
        let (key, value) = rows.first().unwrap().clone();
        for at in [0, 1, 30, value.len() / 2, value.len() - 1] {
            let mut altered = value.clone();
            altered[at] ^= 4;
            put_raw(&store, family, &key, &altered);
            assert_ne!(problems(&store), Vec::<String>::new(), "{family:?} byte {at}");
        }
        let (_, other) = rows
            .iter()
            .find(|(it, _)| *it != key && (family != Family::Audit || it[0] == key[0]))
            .unwrap();
        put_raw(&store, family, &key, other);
        assert_ne!(problems(&store), Vec::<String>::new(), "{family:?} another's row");
        put_raw(&store, family, &key, &value);
        assert_eq!(problems(&store), Vec::<String>::new(), "{family:?} as it was");
    }
    let (key, value) = raw_of(&store, Family::Records)[0].clone();
    put_raw(&store, Family::Records, &key, &[&value[..8], &[value[8] ^ 1], &value[9..]].concat());
    let refused = store.snapshot().record(RecordIndex(0)).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");
}

fn raw_of(store: &Store, family: Family) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = store.db.iterator_cf(&store.family(family).unwrap(), rocksdb::IteratorMode::Start);
    rows.map(Result::unwrap).map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

fn put_raw(store: &Store, family: Family, key: &[u8], value: &[u8]) {
    store.db.put_cf(&store.family(family).unwrap(), key, value).unwrap();
}

#[test]
fn a_backup_is_encrypted_by_the_same_and_its_restore_needs_the_key() {
    let (dir, key) = (TempDir::new().unwrap(), key());
    let (sealed, backup, target) =
        (dir.path().join("sealed"), dir.path().join("backup"), dir.path().join("target"));
    written(&sealed, &[&key]);
    let store = Store::open(place(&sealed, &[&key]), &options()).unwrap();
    store.backup(&backup, &quiet).unwrap();
    assert!(!has(&raw(&backup.join("files")), "Okafor"));
    let refused = restore(&backup, &target, &keys_of, &quiet).unwrap_err();
    assert!(matches!(refused, StoreError::KeyMissing(_)), "{refused}");
    let other = place(&target, &[&self::key()]);
    let refused = restore(&backup, &other, &keys_of, &quiet).unwrap_err();
    assert!(matches!(refused, StoreError::KeyWrong { .. }), "{refused}");
    assert!(!target.exists());
    restore(&backup, place(&target, &[&key]), &keys_of, &quiet).unwrap();
    let copy = Store::open(place(&target, &[&key]), &options()).unwrap();
    assert!(Said::by(&copy).unwrap() == Said::by(&store).unwrap());
}

#[test]
fn another_key_takes_over_while_commits_go_on_and_the_old_one_opens_nothing_any_more() {
    let (dir, old, new) = (TempDir::new().unwrap(), key(), key());
    written(dir.path(), &[&old]);
    let root = |rows: &[(String, Vec<u8>, Vec<u8>)]| {
        rows.iter().find(|(family, key, _)| family == "meta" && key == b"root").unwrap().2.clone()
    };
    let rows = raw(dir.path());
    let store = Store::open(place(dir.path(), &[&old]), &options()).unwrap();
    store.rotate_key(&new).unwrap();
    // What is left of the wrapping of before, in any file.
    let wrapped = root(&rows);
    let piece = &wrapped[wrapped.len() - 40..wrapped.len() - 16];
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(piece.len()).any(|part| part == piece), "{}", path.display());
    }
    assert_eq!(problems(&store), Vec::<String>::new());
    drop(store);
    let others = |rows: Vec<(String, Vec<u8>, Vec<u8>)>| -> Vec<_> {
        rows.into_iter().filter(|(_, key, _)| key != b"root").collect()
    };
    assert_eq!(others(raw(dir.path())), others(rows), "no other row is touched");
    let refused = Store::open(place(dir.path(), &[&old]), &options()).unwrap_err();
    assert!(matches!(refused, StoreError::KeyWrong { .. }), "{refused}");
    Store::open(place(dir.path(), &[&new]), &options()).unwrap();
}

#[test]
fn a_store_that_is_not_encrypted_becomes_one_that_is() {
    let (dir, key) = (TempDir::new().unwrap(), key());
    let (plain, sealed) = (dir.path().join("plain"), dir.path().join("sealed"));
    written(&plain, &[]);
    let report = encrypt(&plain, &sealed, &key, &keys_of).unwrap();
    assert_eq!(report.verified.events, 3);
    assert!(!has(&raw(&sealed), "Okafor"));
    let place = place(&sealed, &[&key]);
    let (of, is) = (Store::open(&plain, &options()), Store::open(&place, &options()));
    let (of, is) = (of.unwrap(), is.unwrap());
    let (said, due) = (Said::by(&is).unwrap(), Said::by(&of).unwrap());
    assert!(said.with_keys_of(&due) == due);
    assert_eq!(is.audit_head(), of.audit_head(), "the audit trail has the same hashes");
    assert_eq!(is.verify_audit(&[of.audit_head()]).unwrap().problem_count, 0);
    is.commit(&[Commit { counters: None, ..registration(2) }]).unwrap();
    drop((of, is));
    let refused = encrypt(&plain, &sealed, &key, &keys_of).unwrap_err();
    assert!(matches!(refused, StoreError::Occupied(_)), "{refused}");
    let again = encrypt(&sealed, &dir.path().join("again"), &key, &keys_of).unwrap_err();
    assert!(matches!(again, StoreError::Encrypted(_)), "{again}");
}
