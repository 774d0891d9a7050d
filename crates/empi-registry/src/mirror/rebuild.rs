//! Rebuilding the mirror from the store at start.

use std::time::Instant;

use empi_linkage::{BlockingKeys, Limits, blocking_keys, normalize};
use empi_model::{NormalizedRecord, ReviewState};
use empi_store::{Snapshot, StoreError, StoredRecord};
use rayon::prelude::*;

use super::{Mirror, MirroredRecord};
use crate::content::content_hash;

/// Records that are normalised at a time.
const CHUNK_RECORDS: usize = 8192;

/// Keys per record to make room for; more only cost a rehash.
const KEYS_PER_RECORD: usize = 12;

impl Mirror {
    /// Reads everything. Normalising and keys run on all cores, the rest in order.
    ///
    /// Keys are made anew and not read from the store: what is compared is then made by this
    /// version of the program throughout. `verify` tells when the stored keys differ.
    pub(crate) fn rebuild(limits: Limits, snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let started = Instant::now();
        let mut mirror = Self::new(limits);
        mirror.counters = snapshot.counters()?;
        let record_count = mirror.counters.records as usize;
        mirror.records.reserve(record_count);
        mirror.postings.reserve(record_count.saturating_mul(KEYS_PER_RECORD));
        let mut records = snapshot.records();
        loop {
            let chunk: Vec<StoredRecord> =
                records.by_ref().take(CHUNK_RECORDS).collect::<Result<_, _>>()?;
            if chunk.is_empty() {
                break;
            }
            mirror.add_stored(&chunk)?;
        }
        for person in snapshot.persons() {
            mirror.put_person(&person?);
        }
        for pair in snapshot.kept_apart() {
            mirror.put_kept_apart(&pair?);
        }
        for task in snapshot.tasks() {
            let task = task?;
            mirror.put_task(&task);
            if task.state == ReviewState::Open
                && let Some(proposed) = snapshot.held_update(task.id)?
            {
                mirror.tasks.hold(task.id, content_hash(&proposed));
            }
        }
        mirror.recent = super::Recent::default();
        tracing::info!(
            records = mirror.records.len(),
            persons = mirror.persons.len(),
            open_tasks = mirror.tasks.len(),
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "the mirror is rebuilt"
        );
        Ok(mirror)
    }

    fn add_stored(&mut self, chunk: &[StoredRecord]) -> Result<(), StoreError> {
        use empi_linkage::Intern;

        let normalized: Vec<NormalizedRecord> =
            chunk.par_iter().map(|stored| normalize(&stored.record)).collect();
        let first = self.records.len();
        for (stored, content) in chunk.iter().zip(&normalized) {
            if stored.index.0 as usize != self.records.len() {
                return Err(StoreError::Damaged("records are missing in between".to_owned()));
            }
            let row = self.lexicon.row(content);
            if stored.state.is_active() {
                self.lexicon.count(&row);
            }
            self.push_record(stored, row);
        }
        let added = self.records.get(first..).unwrap_or_default();
        let keys_of = |record: &MirroredRecord| match record.is_active {
            true => blocking_keys(&self.lexicon, &record.row),
            false => BlockingKeys::new(),
        };
        let keys: Vec<_> = added.par_iter().map(keys_of).collect();
        for (stored, keys) in chunk.iter().zip(keys) {
            for key in keys {
                self.postings.insert(key, stored.index);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod digest {
    //! Everything a mirror holds in a form that does not depend on the order in which it came.

    use std::collections::{BTreeMap, BTreeSet};

    use empi_linkage::{Values, blocking_keys};
    use empi_model::{EnterpriseId, RecordIndex, TaskId};

    use super::Mirror;

    /// Source, record ID, content, person, manual and active, keys.
    type RecordDigest = (String, String, u64, EnterpriseId, [bool; 2], Vec<u64>);

    /// What two mirrors of one store have in common.
    #[derive(Debug, PartialEq)]
    pub(crate) struct Digest {
        records: Vec<RecordDigest>,
        postings: BTreeMap<u64, Vec<u32>>,
        persons: BTreeMap<EnterpriseId, (Vec<RecordIndex>, i64, u64)>,
        kept_apart: BTreeSet<(RecordIndex, RecordIndex)>,
        tasks: Vec<(TaskId, u8, RecordIndex, RecordIndex, Option<u64>)>,
        numbers: [u64; 6],
    }

    impl Mirror {
        pub(crate) fn digest(&self) -> Digest {
            let records = self.records.iter().zip(0..).map(|(record, at)| {
                let key = self.keys.key(RecordIndex(at)).unwrap();
                let keys = blocking_keys(&self.lexicon, &record.row);
                let keys = keys.iter().map(|key| key.as_number()).collect();
                let is_manual = record.link == empi_model::LinkSource::Manual;
                let hash = record.content_hash;
                let marks = [is_manual, record.is_active];
                (key.source, key.record_id, hash, record.person, marks, keys)
            });
            let persons = self.persons.iter().map(|(id, person)| {
                (*id, (person.records.to_vec(), person.created.0, person.version.0))
            });
            let kept_apart = self.kept_apart.iter();
            let tasks = self.tasks.sorted().into_iter().map(|task| {
                let held = self.tasks.held(task.incoming).map(|held| held.content_hash);
                (task.id, task.kind as u8, task.incoming, task.candidate, held)
            });
            let counters = &self.counters;
            Digest {
                records: records.collect(),
                postings: self.postings.iter().map(|(key, ids)| (key, ids.to_vec())).collect(),
                persons: persons.collect(),
                kept_apart: kept_apart
                    .flat_map(|(one, others)| others.iter().map(|other| (*one, *other)))
                    .collect(),
                tasks: tasks.collect(),
                numbers: [
                    self.redirect_count(),
                    u64::from(self.lexicon.record_count()),
                    u64::from(counters.records),
                    counters.persons_minted,
                    counters.tasks,
                    counters.events,
                ],
            }
        }

        /// Whether the person's state fits the records: used by the property tests.
        pub(crate) fn check_persons(&self) {
            let mut seen = BTreeSet::new();
            for (id, person) in &self.persons {
                assert!(!person.records.is_empty(), "a living person has a record");
                for record in &person.records {
                    assert!(seen.insert(*record), "a record has one person");
                    assert_eq!(self.person_of(*record), Some(*id));
                }
            }
            assert_eq!(seen.len(), self.records.len(), "every record has a person");
            for (record, apart) in &self.kept_apart {
                for other in apart {
                    assert_ne!(self.person_of(*record), self.person_of(*other), "kept apart");
                }
            }
        }
    }
}
