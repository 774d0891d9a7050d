//! Taking old entries out: they go into an archive with the same hashes, and the chain goes on behind them.

use empi_model::{Asked, Asker, AuditEntry, AuditHead, AuditOutcome, Operation, Timestamp};
use rocksdb::WriteBatch;

use super::{START, entry_key, head_row, person_key, split, unreadable};
use crate::codec::{AuditRow, Row as _};
use crate::layout::Family;
use crate::store::synced;
use crate::{Store, StoreError};

/// Entries that are taken out with one write.
const BATCH_ENTRIES: u64 = 4096;

/// What was taken out, and how it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AuditArchive {
    /// The entry before the first that was taken out.
    pub start: AuditHead,
    /// The last one that was.
    pub end: AuditHead,
}

impl Store {
    /// Takes out the entries that are older than a time, as far as they lie at the beginning: `keep` is given number and
    /// value of each and must have put them away for good when `finished` is called, before the first is deleted. Then an
    /// entry of its own says which were taken out, with the hash of the last.
    ///
    /// # Errors
    /// What `keep`, `finished` or the disk refuse with: nothing is deleted then.
    pub fn retire_audit<E: From<StoreError>>(
        &self,
        before: Timestamp,
        now: Timestamp,
        mut keep: impl FnMut(u64, &[u8]) -> Result<(), E>,
        finished: impl FnOnce(AuditArchive) -> Result<(), E>,
    ) -> Result<AuditArchive, E> {
        let start = self.snapshot().audit_start()?;
        let mut archive = AuditArchive { start, end: start };
        let snapshot = self.snapshot();
        // The last entry stays, so that the chain always has an end.
        let last = self.audit_head().sequence;
        let rows = snapshot.scan(Family::Audit, &entry_key(start.sequence + 1), |key, value| {
            Ok((key.to_vec(), value.to_vec()))
        });
        for (row, sequence) in rows.zip(start.sequence + 1..last) {
            let (key, value) = row?;
            let (hash, row) = split(&value).ok_or_else(unreadable)?;
            let entry = AuditRow::decoded(row).ok_or_else(unreadable)?;
            if key != entry_key(sequence) || entry.time >= before {
                break;
            }
            keep(sequence, &value)?;
            archive.end = AuditHead { sequence, hash: *hash };
        }
        if archive.end == archive.start {
            return Ok(archive);
        }
        finished(archive)?;
        self.delete_audit(archive, now)?;
        Ok(archive)
    }

    fn delete_audit(&self, archive: AuditArchive, now: Timestamp) -> Result<(), StoreError> {
        let family = self.family(Family::Audit)?;
        let mut end = self.audit_end();
        let mut head = *end;
        let mut batch = WriteBatch::default();
        let digits: String = archive.end.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let reason = format!(
            "entries {} to {} were archived; the last has the hash {digits}",
            archive.start.sequence + 1,
            archive.end.sequence
        );
        let asker = Asker { reason, ..Asker::command() };
        let asked = Asked { asker: asker.into(), operation: Operation::RetireAudit };
        let entry = AuditEntry::new(now, asked, AuditOutcome::Done, Vec::new());
        self.stage_entry(&mut batch, &mut head, &entry)?;
        let snapshot = self.snapshot();
        for sequence in archive.start.sequence + 1..=archive.end.sequence {
            if let Some(entry) = snapshot.audit_entry(sequence)? {
                for person in entry.persons {
                    batch.delete_cf(&family, person_key(person, sequence));
                }
            }
            batch.delete_cf(&family, entry_key(sequence));
            if sequence % BATCH_ENTRIES == 0 || sequence == archive.end.sequence {
                // The start moves with what is deleted, so that wherever it breaks off the chain is whole.
                let value = split_hash(&snapshot, sequence)?;
                batch.put_cf(&family, START, head_row(AuditHead { sequence, hash: value }));
                self.write(std::mem::take(&mut batch), &synced())?;
                *end = head;
            }
        }
        Ok(())
    }
}

fn split_hash(
    snapshot: &crate::snapshot::Snapshot<'_>,
    sequence: u64,
) -> Result<[u8; 32], StoreError> {
    let value = snapshot.get(Family::Audit, &entry_key(sequence))?.ok_or_else(unreadable)?;
    split(&value).map(|(hash, _)| *hash).ok_or_else(unreadable)
}
