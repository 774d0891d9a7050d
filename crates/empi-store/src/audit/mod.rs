//! The audit trail: entries in one gap-free order, each with a hash over itself and the hash before it.
//!
//! The entry of a change is written in the batch of the change, so neither is ever without the other: every event
//! that is committed has its entry, also where nobody said who asked. Entries of what was only looked at are appended by
//! themselves. Both take turns at the end of the chain, so there is one order.
//!
//! | key in `audit` | value |
//! |---|---|
//! | `e`, number (8) | hash (32), entry |
//! | `p`, enterprise ID (8), number (8) | empty: the entry names the person |
//! | `start` | number (8) and hash (32) of the last entry that was taken out |
//!
//! The hash is SHA-256 over a mark, the number, the length of the entry, the entry, and the hash before it.

mod retire;
mod verify;

use std::sync::PoisonError;

use empi_model::{Asked, Asker, AuditEntry, AuditHead, AuditOutcome, EnterpriseId, Operation};
use rocksdb::{Direction, IteratorMode, WriteBatch};
use sha2::{Digest as _, Sha256};

use crate::codec::{AuditRow, Row as _};
use crate::layout::Family;
use crate::snapshot::Snapshot;
use crate::store::synced;
use crate::{Commit, Store, StoreError};

pub use retire::AuditArchive;
pub use verify::{AUDIT_PROBLEMS_MAX, AuditFault, AuditProblem, AuditReport, check_archive};

/// What keys of entries, and of the list by person, begin with.
const ENTRIES: u8 = b'e';
const PERSONS: u8 = b'p';

/// Where the last entry stands that was taken out.
pub(crate) const START: &[u8] = b"start";

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Whether a key is that of an entry.
pub(crate) fn is_entry(key: &[u8]) -> bool {
    key.first() == Some(&ENTRIES)
}

pub(crate) fn entry_key(sequence: u64) -> [u8; 9] {
    let mut key = [ENTRIES; 9];
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

pub(crate) fn person_key(person: EnterpriseId, sequence: u64) -> [u8; 17] {
    let mut key = [PERSONS; 17];
    key[1..9].copy_from_slice(&person.as_number().to_be_bytes());
    key[9..].copy_from_slice(&sequence.to_be_bytes());
    key
}

/// The hash of an entry as it stands behind another.
pub(crate) fn chained(sequence: u64, row: &[u8], before: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    let mut hash = Sha256::new();
    hash.update(b"empi audit 1\n");
    hash.update(sequence.to_be_bytes());
    hash.update((row.len() as u64).to_be_bytes());
    hash.update(row);
    hash.update(before);
    hash.finalize().into()
}

/// Hash and row of an entry's value.
pub(crate) fn split(value: &[u8]) -> Option<(&[u8; HASH_BYTES], &[u8])> {
    value.split_first_chunk::<HASH_BYTES>()
}

/// A head as it is kept in a row.
pub(crate) fn head_row(head: AuditHead) -> Vec<u8> {
    [&head.sequence.to_be_bytes()[..], &head.hash].concat()
}

pub(crate) fn read_head(bytes: &[u8]) -> Option<AuditHead> {
    let (sequence, hash) = bytes.split_first_chunk::<8>()?;
    Some(AuditHead { sequence: u64::from_be_bytes(*sequence), hash: hash.try_into().ok()? })
}

impl Store {
    /// Appends entries; with `is_synced` they are on disk after `Ok`, else they outlive the program from then on and
    /// the machine from the next synced write on.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn append_audit(&self, entries: &[AuditEntry], is_synced: bool) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        let how = if is_synced { synced() } else { rocksdb::WriteOptions::default() };
        let mut end = self.audit_end();
        let (mut batch, mut head) = (WriteBatch::default(), *end);
        for entry in entries {
            self.stage_entry(&mut batch, &mut head, entry)?;
        }
        self.write(batch, &how)?;
        *end = head;
        Ok(())
    }

    /// Makes durable what was written unsynced.
    ///
    /// # Errors
    /// What the disk says; the store takes no more then.
    pub fn sync_log(&self) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        self.poisoning(self.db.flush_wal(true))
    }

    /// The end of the chain. Whoever holds it is the only one who writes entries.
    pub(crate) fn audit_end(&self) -> std::sync::MutexGuard<'_, AuditHead> {
        self.audit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number and hash of the last entry.
    #[must_use]
    pub fn audit_head(&self) -> AuditHead {
        *self.audit_end()
    }

    /// Reads the end of the chain when a store is opened.
    pub(crate) fn read_audit_end(&self) -> Result<AuditHead, StoreError> {
        let family = self.family(Family::Audit)?;
        let from = IteratorMode::From(&[ENTRIES + 1], Direction::Reverse);
        let snapshot = self.snapshot();
        if let Some(last) = self.db.iterator_cf(&family, from).next() {
            let (key, _) = last?;
            if let [ENTRIES, number @ ..] = &*key {
                let number = number.try_into().map(u64::from_be_bytes);
                let value = snapshot.get(Family::Audit, &key)?.ok_or_else(unreadable)?;
                let (hash, _) = split(&value).ok_or_else(unreadable)?;
                return Ok(AuditHead { sequence: number.map_err(|_| unreadable())?, hash: *hash });
            }
        }
        snapshot.audit_start()
    }

    /// The entries of a change: those that it brings, and one for each event, whoever asked for it.
    pub(crate) fn stage_audit(
        &self,
        batch: &mut WriteBatch,
        head: &mut AuditHead,
        change: &Commit,
    ) -> Result<(), StoreError> {
        for entry in &change.entries {
            self.stage_entry(batch, head, entry)?;
        }
        for event in &change.events {
            let asked = match &change.asked {
                Some(asked) if !asked.asker.name.is_empty() => asked.clone(),
                // Nobody was named: then it is whoever the event names.
                asked => {
                    let name = event.actor.name.clone();
                    let asker = asked.as_ref().map_or_else(
                        || Asker::internal(name.clone()),
                        |asked| Asker { name: name.clone(), ..Asker::clone(&asked.asker) },
                    );
                    let operation =
                        asked.as_ref().map_or(Operation::ChangeIdentities, |it| it.operation);
                    Asked { asker: asker.into(), operation }
                }
            };
            let persons = change.persons.iter().map(|person| person.enterprise_id).collect();
            let entry = AuditEntry {
                event: Some(event.sequence),
                ..AuditEntry::new(event.time, asked, AuditOutcome::Done, persons)
            };
            self.stage_entry(batch, head, &entry)?;
        }
        Ok(())
    }

    pub(crate) fn stage_entry(
        &self,
        batch: &mut WriteBatch,
        head: &mut AuditHead,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let family = self.family(Family::Audit)?;
        let row = AuditRow::encoded(entry);
        head.sequence += 1;
        head.hash = chained(head.sequence, &row, &head.hash);
        let value = [&head.hash[..], &row].concat();
        self.put(batch, Family::Audit, &entry_key(head.sequence), value)?;
        for person in &entry.persons {
            batch.put_cf(&family, person_key(*person, head.sequence), b"");
        }
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The last entry that was taken out, behind which the chain begins.
    pub(crate) fn audit_start(&self) -> Result<AuditHead, StoreError> {
        match self.get(Family::Audit, START)? {
            None => Ok(AuditHead::default()),
            Some(row) => read_head(&row).ok_or_else(unreadable),
        }
    }

    /// The entries from a number on, in order.
    pub fn audit_entries(
        &self,
        from: u64,
    ) -> impl Iterator<Item = Result<(u64, AuditEntry), StoreError>> {
        let rows = self.scan(Family::Audit, &entry_key(from), |key, value| match key {
            [ENTRIES, number @ ..] => {
                let number = number.try_into().map(u64::from_be_bytes).map_err(|_| unreadable())?;
                let entry = split(value).and_then(|(_, row)| AuditRow::decoded(row));
                entry.map(|entry| Some((number, entry))).ok_or_else(unreadable)
            }
            _ => Ok(None),
        });
        rows.map_while(Result::transpose)
    }

    /// One entry by its number; `None` for one that is not there.
    ///
    /// # Errors
    /// As all reads.
    pub fn audit_entry(&self, sequence: u64) -> Result<Option<AuditEntry>, StoreError> {
        let Some(value) = self.get(Family::Audit, &entry_key(sequence))? else { return Ok(None) };
        let entry = split(&value).and_then(|(_, row)| AuditRow::decoded(row));
        entry.map(Some).ok_or_else(unreadable)
    }

    /// The numbers of the entries that name a person, in order.
    pub fn audit_of(&self, person: EnterpriseId) -> impl Iterator<Item = Result<u64, StoreError>> {
        let first = person_key(person, 0);
        let rows = self.scan(Family::Audit, &first, move |key, _| {
            let is_theirs = key.starts_with(&first[..9]);
            let number = key.get(9..).and_then(|number| number.try_into().ok());
            match (is_theirs, number) {
                (false, _) => Ok(None),
                (true, number) => number.map(u64::from_be_bytes).map(Some).ok_or_else(unreadable),
            }
        });
        rows.map_while(Result::transpose)
    }
}

pub(crate) fn unreadable() -> StoreError {
    StoreError::unreadable("the audit trail")
}
