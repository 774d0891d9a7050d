//! The audit trail: every event has its entry, and whatever is done to the chain is found where it was done.

use empi_model::{Asked, Asker, AuditEntry, AuditHead, AuditOutcome, EnterpriseId, Operation};
use rocksdb::WriteBatch;

use super::*;
use crate::StoreError;
use crate::audit::{AuditFault, chained, check_archive, entry_key, split};
use crate::layout::Family;

/// Entries of one trial.
const ENTRIES: u64 = 40;

fn seen(number: u64) -> AuditEntry {
    let asker = Asker { reason: format!("reason {number}"), ..Asker::internal("auditor") };
    let asked = Asked { asker: asker.into(), operation: Operation::ViewPersons };
    let persons = (0..number % 4).map(|at| EnterpriseId::from_number(number * 8 + at)).collect();
    AuditEntry::new(Timestamp(number as i64 * 1000), asked, AuditOutcome::Done, persons)
}

fn put(store: &Store, key: &[u8], value: Option<&[u8]>) {
    let family = store.family(Family::Audit).unwrap();
    let mut batch = WriteBatch::default();
    match value {
        Some(value) => batch.put_cf(&family, key, value),
        None => batch.delete_cf(&family, key),
    }
    store.write(batch, &rocksdb::WriteOptions::default()).unwrap();
}

fn rows(store: &Store) -> Vec<Vec<u8>> {
    let value = |number| store.snapshot().get(Family::Audit, &entry_key(number)).unwrap().unwrap();
    (1..=ENTRIES).map(value).collect()
}

#[test]
fn every_event_has_its_entry_whoever_asked() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let [first, second, further] = told();
    let asker = Asker { name: "adt".to_owned(), ..Asker::command() };
    let asked = Asked { asker: asker.into(), operation: Operation::RegisterRecords };
    store.commit(&[first.clone(), Commit { asked: Some(asked), ..second.clone() }]).unwrap();
    store.commit(&[further]).unwrap();
    let entries: Vec<_> = store.snapshot().audit_entries(0).map(Result::unwrap).collect();
    let events = store.snapshot().events_from(EventSequence(1)).count();
    assert_eq!(entries.len(), events);
    for (at, (number, entry)) in entries.iter().enumerate() {
        assert_eq!((*number, entry.event), (at as u64 + 1, Some(EventSequence(at as u64 + 1))));
    }
    assert_eq!(entries[0].1.asked.asker.name, first.events[0].actor.name);
    assert_eq!(entries[1].1.asked.asker.name, "adt");
    assert_eq!(entries[1].1.asked.operation, Operation::RegisterRecords);
    let person = second.persons[0].enterprise_id;
    let of_person: Vec<u64> = store.snapshot().audit_of(person).map(Result::unwrap).collect();
    assert!(of_person.contains(&2));
    // The end of the chain is found again.
    let head = store.audit_head();
    drop(store);
    assert_eq!(open(&dir).audit_head(), head);
}

#[test]
fn an_undisturbed_chain_agrees_with_every_head() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut heads = Vec::new();
    for number in 1..=ENTRIES {
        store.append_audit(&[seen(number)], number % 2 == 0).unwrap();
        heads.push(store.audit_head());
    }
    let report = store.verify_audit(&heads).unwrap();
    assert_eq!((report.entries, report.heads, report.problem_count), (ENTRIES, ENTRIES, 0));
    assert_eq!(report.head, heads[heads.len() - 1]);
}

/// What was done to a chain, and where it must be found.
struct Tampering {
    what: &'static str,
    /// The first number that must be told, and the last that may be.
    places: (u64, u64),
}

/// Does something to a chain, as a seed says. Nothing of it is random but the seed.
fn tamper(store: &Store, seed: u64) -> Tampering {
    let original = rows(store);
    let row = |number: u64| original[number as usize - 1].clone();
    let one = 1 + seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (ENTRIES - 2);
    let other = 1 + (one + seed.wrapping_mul(31) % (ENTRIES - 3)) % (ENTRIES - 1);
    let (low, high) = (one.min(other), one.max(other));
    match seed % 6 {
        0 => {
            let mut value = row(one);
            let at = 32 + seed as usize % (value.len() - 32);
            value[at] ^= 1 << (seed % 8);
            put(store, &entry_key(one), Some(&value));
            Tampering { what: "an edit", places: (one, one) }
        }
        1 => {
            let mut value = row(one);
            value[seed as usize % 32] ^= 1 << (seed % 8);
            put(store, &entry_key(one), Some(&value));
            Tampering { what: "an edit of a hash", places: (one, one) }
        }
        2 => {
            put(store, &entry_key(one), None);
            Tampering { what: "a deletion", places: (one, one) }
        }
        3 if low < high => {
            put(store, &entry_key(low), Some(&row(high)));
            put(store, &entry_key(high), Some(&row(low)));
            Tampering { what: "a reordering", places: (low, high + 1) }
        }
        3 | 4 => {
            (one..=ENTRIES).for_each(|number| put(store, &entry_key(number), None));
            Tampering { what: "a truncation", places: (one, one) }
        }
        _ => {
            // Written anew from here on, with hashes that agree: only an exported head tells.
            let mut before = if one == 1 { [0; 32] } else { *split(&row(one - 1)).unwrap().0 };
            for number in one..=ENTRIES {
                let mut value = row(number)[32..].to_vec();
                if number == one {
                    value.extend_from_slice(&[0x32, 1, b'x']);
                }
                before = chained(number, &value, &before);
                put(store, &entry_key(number), Some(&[&before[..], &value].concat()));
            }
            Tampering { what: "a rewriting", places: (one, ENTRIES) }
        }
    }
}

#[test]
fn a_thousand_tamperings_are_all_located() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut heads = Vec::new();
    for number in 1..=ENTRIES {
        store.append_audit(&[seen(number)], false).unwrap();
        // Heads are exported now and then.
        if number % 8 == 0 {
            heads.push(store.audit_head());
        }
    }
    let original = rows(&store);
    let mut kinds = std::collections::BTreeMap::new();
    for seed in 0..1000 {
        let Tampering { what, places: (first, last) } = tamper(&store, seed);
        let report = store.verify_audit(&heads).unwrap();
        assert!(report.problem_count > 0, "{what} of seed {seed} was not found");
        let found = report.problems[0].sequence;
        // What was written anew shows at the first head behind it.
        let first_head = heads.iter().map(|head| head.sequence).find(|it| *it >= first).unwrap();
        let expected = if what == "a rewriting" { first_head } else { first };
        assert_eq!(found, expected, "{what} of seed {seed}: {:?}", report.problems);
        for problem in &report.problems {
            let is_near = (first..=last).contains(&problem.sequence);
            assert!(is_near, "{what} of seed {seed}: {problem:?}");
        }
        *kinds.entry(what).or_insert(0) += 1;
        for (number, value) in (1..).zip(&original) {
            put(&store, &entry_key(number), Some(value));
        }
    }
    assert!(kinds.len() == 6 && kinds.values().all(|count| *count > 50), "{kinds:?}");
    assert_eq!(store.verify_audit(&heads).unwrap().problem_count, 0);
}

#[test]
fn a_list_by_person_that_says_otherwise_is_found() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.append_audit(&[seen(1), seen(2), seen(3)], true).unwrap();
    let key = crate::audit::person_key(EnterpriseId::from_number(16), 2);
    put(&store, &key, None);
    let report = store.verify_audit(&[]).unwrap();
    assert_eq!(report.problems[0].fault, AuditFault::ListDiffers);
    let report = store.verify(&|_| Vec::new()).unwrap();
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
}

#[test]
fn old_entries_go_into_an_archive_that_proves_itself() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let entries: Vec<AuditEntry> = (1..=ENTRIES).map(seen).collect();
    store.append_audit(&entries, true).unwrap();
    let head = store.audit_head();
    let mut kept = Vec::new();
    let keep = |number, value: &[u8]| {
        kept.push((number, value.to_vec()));
        Ok::<_, StoreError>(())
    };
    let archive = store.retire_audit(Timestamp(20_000), Timestamp(99_000), keep, |_| Ok(()));
    let archive = archive.unwrap();
    assert_eq!((archive.start.sequence, archive.end.sequence, kept.len()), (0, 19, 19));
    // The chain is whole behind it, says what was taken out, and agrees with heads of before.
    let report = store.verify_audit(&[archive.end, head]).unwrap();
    assert_eq!((report.start, report.heads, report.problem_count), (19, 2, 0), "{report:?}");
    let last = store.snapshot().audit_entry(ENTRIES + 1).unwrap().unwrap();
    assert_eq!(last.asked.operation, Operation::RetireAudit);
    assert!(last.asked.asker.reason.contains("1 to 19"));
    let proved = check_archive(kept.clone().into_iter(), archive.start, &[archive.end]);
    assert_eq!((proved.entries, proved.heads, proved.problem_count), (19, 1, 0));
    kept[4].1[40] ^= 1;
    let altered = check_archive(kept.into_iter(), archive.start, &[archive.end]);
    assert_eq!(altered.problems[0].sequence, 5);
    // What could not be put away is not taken out.
    let refuse = |_: u64, _: &[u8]| Err(StoreError::Poisoned);
    let refused = store.retire_audit(Timestamp(99_000), Timestamp(0), refuse, |_| Ok(()));
    assert!(refused.is_err());
    assert_eq!(store.verify_audit(&[head]).unwrap().problem_count, 0);
    drop(store);
    assert_eq!(open(&dir).audit_head().sequence, ENTRIES + 1);
}

#[test]
fn truncation_down_to_nothing_is_found_by_a_head() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.append_audit(&[seen(1), seen(2)], true).unwrap();
    let head = store.audit_head();
    for number in 1..=2 {
        put(&store, &entry_key(number), None);
    }
    let report = store.verify_audit(&[head]).unwrap();
    assert_eq!(report.problems[0].sequence, 1);
    assert_eq!(report.problems[0].fault, AuditFault::MissingUntil(2));
    assert_eq!(AuditHead::default().sequence, 0);
}
