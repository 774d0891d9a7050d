//! Backups: whole, proved when they are restored, and never written over anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{RestoreReport, StoreError, restore};

fn quiet(_: u64, _: u64) {}

/// A store with everything in it, and its backup.
fn backed_up() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&dir.path().join("store"), &options()).unwrap();
    store.commit(&told()).unwrap();
    let backup = dir.path().join("backups/monday");
    store.backup(&backup, &quiet).unwrap();
    (dir, backup)
}

fn restored(from: &Path, to: &Path) -> Result<RestoreReport, StoreError> {
    restore(from, to, &keys_of, &quiet)
}

/// Nothing is left beside what was asked for.
fn entries(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_restored_as_the_store_was() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.commit(&told()).unwrap();
    let (backup, target) = (dir.path().join("b"), dir.path().join("deep/r"));
    let (done, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let progress = |at, of| {
        done.store(at, Ordering::Relaxed);
        total.store(of, Ordering::Relaxed);
    };
    let report = store.backup(&backup, &progress).unwrap();
    assert_eq!(report.counters, counters(2).unwrap());
    assert_eq!(done.into_inner(), report.bytes);
    assert_eq!(total.into_inner(), report.bytes);
    store.commit(&[registration(2)]).unwrap();
    assert!(!dir.path().join("backing-up").exists());

    let restored_report = restored(&backup, &target).unwrap();
    assert_eq!(restored_report.backup, report);
    assert_eq!(restored_report.verified.records, 2);
    let copy = Store::open(&target, &StoreOptions::default()).unwrap();
    let (then, now) = (copy.snapshot(), store.snapshot());
    assert_eq!(then.records().count(), 2);
    assert_eq!(now.records().count(), 3);
    for person in then.persons().map(Result::unwrap) {
        assert_eq!(now.person(person.enterprise_id).unwrap().as_ref(), Some(&person));
    }
    let held = then.held_update(TaskId(1)).unwrap();
    assert_eq!(held, now.held_update(TaskId(1)).unwrap());
    assert_eq!(entries(&dir.path().join("deep")), ["r"]);
}

#[test]
fn a_backup_can_be_taken_back_again_and_again() {
    let (dir, backup) = backed_up();
    for name in ["one", "two"] {
        restored(&backup, &dir.path().join(name)).unwrap();
    }
    let store = Store::open(&dir.path().join("one"), &options()).unwrap();
    let second = dir.path().join("second");
    store.backup(&second, &quiet).unwrap();
    assert_eq!(restored(&second, &dir.path().join("three")).unwrap().verified.records, 2);
}

#[test]
fn nothing_is_written_over() {
    let (dir, backup) = backed_up();
    let store = Store::open(&dir.path().join("store"), &options()).unwrap();
    let file = dir.path().join("letter.txt");
    fs::write(&file, "dear all").unwrap();
    for occupied in [&backup, &dir.path().join("store"), &file] {
        let refused = store.backup(occupied, &quiet);
        assert!(matches!(refused, Err(StoreError::Occupied(_))), "{refused:?}");
        let refused = restored(&backup, occupied);
        assert!(matches!(refused, Err(StoreError::Occupied(_))), "{refused:?}");
    }
    // An empty directory is no obstacle.
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    store.backup(&empty, &quiet).unwrap();
    assert_eq!(entries(&empty), ["BACKUP", "files"]);
}

#[test]
fn a_backup_that_was_altered_anywhere_is_refused() {
    let (dir, backup) = backed_up();
    let target = dir.path().join("restored");
    for name in entries(&backup.join("files")) {
        let path = backup.join("files").join(&name);
        let whole = fs::read(&path).unwrap();
        let mut altered = whole.clone();
        match altered.len() / 2 {
            0 => altered.push(1),
            middle => altered[middle] ^= 1,
        }
        fs::write(&path, altered).unwrap();
        let refused = restored(&backup, &target).unwrap_err();
        assert!(matches!(refused, StoreError::BackupDamaged { .. }), "{name}: {refused}");
        assert!(refused.to_string().contains(&name), "{refused}");
        fs::remove_file(&path).unwrap();
        let refused = restored(&backup, &target).unwrap_err();
        assert!(refused.to_string().contains("missing"), "{refused}");
        fs::write(&path, whole).unwrap();
        assert_eq!(entries(dir.path()), ["backups", "store"], "nothing is left behind");
    }
    fs::write(backup.join("BACKUP"), "empi-backup 1\n").unwrap();
    let refused = restored(&backup, &target).unwrap_err();
    assert!(matches!(refused, StoreError::BackupDamaged { .. }), "{refused}");
}

#[test]
fn rows_that_do_not_agree_are_not_restored() {
    let (dir, backup) = backed_up();
    let refused = restore(&backup, &dir.path().join("r"), &|_| Vec::new(), &quiet).unwrap_err();
    assert!(refused.to_string().contains("do not agree"), "{refused}");
    assert_eq!(entries(dir.path()), ["backups", "store"]);
}

#[test]
fn a_backup_is_no_store_and_a_store_no_backup() {
    let (dir, backup) = backed_up();
    for create in [true, false] {
        let refused = Store::open(&backup, &StoreOptions { create, ..options() });
        assert!(matches!(refused, Err(StoreError::Backup(_))), "{refused:?}");
    }
    for no_backup in [dir.path().join("store"), dir.path().join("nowhere")] {
        let refused = restored(&no_backup, &dir.path().join("r"));
        assert!(matches!(refused, Err(StoreError::NoBackup(_))), "{refused:?}");
    }
}

#[test]
fn one_backup_is_made_at_a_time() {
    let (dir, _) = backed_up();
    let store = Store::open(&dir.path().join("store"), &options()).unwrap();
    let (first, second) = (dir.path().join("1"), dir.path().join("2"));
    let while_copying = |done: u64, total: u64| {
        if done == total {
            let refused = store.backup(&second, &quiet);
            assert!(matches!(refused, Err(StoreError::BackupRuns)), "{refused:?}");
        }
    };
    store.backup(&first, &while_copying).unwrap();
    store.backup(&second, &quiet).unwrap();
}

#[test]
fn what_a_crash_left_of_a_backup_does_no_harm() {
    let (dir, _) = backed_up();
    let store = Store::open(&dir.path().join("store"), &options()).unwrap();
    fs::create_dir(dir.path().join("store/backing-up")).unwrap();
    fs::write(dir.path().join("store/backing-up/000009.sst"), "half").unwrap();
    let backup = dir.path().join("again");
    store.backup(&backup, &quiet).unwrap();
    restored(&backup, &dir.path().join("restored")).unwrap();
}

#[test]
fn what_a_killed_backup_left_beside_its_place_goes_with_the_next() {
    let (dir, backup) = backed_up();
    let store = Store::open(&dir.path().join("store"), &options()).unwrap();
    let beside = dir.path().join("backups");
    // The first has the number of this process, as after a restart in a container; the third is still
    // being filled; the others are somebody else's.
    let own = format!(".tuesday.{}.part", std::process::id());
    let others = [".tuesday.7.part", ".tuesday.9.part", ".tuesday.x.part", ".wednesday.7.part"];
    for name in [&[own.as_str()], &others[..]].concat() {
        fs::create_dir(beside.join(name)).unwrap();
        fs::write(beside.join(name).join("half"), "half").unwrap();
    }
    let filling = fs::File::open(beside.join(".tuesday.9.part")).unwrap();
    filling.lock().unwrap();
    store.backup(&beside.join("tuesday"), &quiet).unwrap();
    let left = [".tuesday.9.part", ".tuesday.x.part", ".wednesday.7.part", "monday", "tuesday"];
    assert_eq!(entries(&beside), left);
    drop(filling);
    // A restore that was killed is cleared away in the same way.
    fs::create_dir(dir.path().join(&own)).unwrap();
    restored(&backup, &dir.path().join("tuesday")).unwrap();
    assert_eq!(entries(dir.path()), ["backups", "store", "tuesday"]);
}
