//! What is derived can be made anew from the rest, to the byte, and wherever it breaks off it says so.

use rocksdb::WriteBatch;

use super::*;
use crate::codec::{PersonRow, Row as _};
use crate::layout::Family;
use crate::rebuild::{STEPS, rebuild_until};
use crate::store::{META_COUNTERS, synced};
use crate::{RebuildReport, StoreError, rebuild};

/// Every row of every family.
pub(super) fn rows(store: &Store) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let snapshot = store.snapshot();
    let of_family = |family: Family| {
        let rows = snapshot.scan(family, &[], move |key, value| {
            Ok((family.as_str(), key.to_vec(), value.to_vec()))
        });
        rows.map(Result::unwrap).collect::<Vec<_>>()
    };
    Family::ALL.into_iter().flat_map(of_family).collect()
}

/// Takes away and falsifies whatever is derived.
fn ruin(store: &Store) {
    let mut batch = WriteBatch::default();
    let family = |family| store.family(family).unwrap();
    for (name, key, _) in rows(store) {
        if ["record_keys", "keys", "open_tasks"].contains(&name) && key.len() % 3 != 1 {
            batch.delete_cf(&store.db.cf_handle(name).unwrap(), key);
        }
    }
    batch.put_cf(&family(Family::Keys), [0xFF; 12], b"");
    batch.put_cf(&family(Family::RecordKeys), b"\0\x01xy", [0, 0, 0, 1]);
    batch.put_cf(&family(Family::OpenTasks), [9; 8], b"");
    batch.delete_cf(&family(Family::Meta), META_COUNTERS);
    for person in store.snapshot().persons().map(Result::unwrap) {
        if let PersonState::Live(mut records) = person.state.clone() {
            records.push(RecordIndex(77));
            let ruined = Person { state: PersonState::Live(records), ..person };
            let key = crate::layout::person_key(ruined.enterprise_id);
            batch.put_cf(&family(Family::Persons), key, PersonRow::encoded(&ruined));
        }
    }
    store.write(batch, &synced()).unwrap();
}

#[test]
fn a_store_whose_derived_rows_are_ruined_is_rebuilt_row_by_row() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let rich = seeded::Rich::new(60).write(&store);
    let sound = rows(&store);
    ruin(&store);
    assert_ne!(rows(&store), sound);
    drop(store);
    let report = rebuild(dir.path(), &keys_of).unwrap();
    assert_eq!((report.records, report.keys), (60, 60));
    assert_eq!(report.persons_mended as usize, rich.living());
    let store = open(&dir);
    assert_eq!(rows(&store), sound);
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    drop(store);
    // Once more, there is nothing to mend.
    let again = rebuild(dir.path(), &keys_of).unwrap();
    assert_eq!(again, RebuildReport { persons_mended: 0, ..report });
    assert_eq!(rows(&open(&dir)), sound);
}

#[test]
fn a_rebuild_that_breaks_off_leaves_a_store_that_says_so() {
    for steps in 1..STEPS.len() {
        let dir = TempDir::new().unwrap();
        let store = open(&dir);
        seeded::Rich::new(20).write(&store);
        let sound = rows(&store);
        drop(store);
        rebuild_until(dir.path(), &keys_of, steps).unwrap();
        let refused = Store::open(dir.path(), &options());
        assert!(matches!(refused, Err(StoreError::Rebuilding(_))), "{steps}: {refused:?}");
        assert!(refused.unwrap_err().to_string().contains("empi rebuild"));
        rebuild(dir.path(), &keys_of).unwrap();
        assert_eq!(rows(&open(&dir)), sound, "{steps}");
    }
}

#[test]
fn what_everything_follows_from_cannot_be_rebuilt() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    seeded::Rich::new(9).write(&store);
    let mut batch = WriteBatch::default();
    let key = crate::layout::person_key(EnterpriseId::mint(0));
    batch.delete_cf(&store.family(Family::Persons).unwrap(), key);
    store.write(batch, &synced()).unwrap();
    drop(store);
    let refused = rebuild(dir.path(), &keys_of);
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
}
