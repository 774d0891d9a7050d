//! Reading the mirror from the store at start: from what was kept of it, or anew from every record.

use std::time::Instant;

use empi_linkage::{LinkageModel, Normalizer, Prepared, blocking_keys};
use empi_model::{Consent, RecordIndex, RecordKey};
use empi_store::{Snapshot, Store, StoreError};
use rayon::prelude::*;

use super::Mirror;
use super::persons::Persons;
use super::postings::{Part, Postings};
use super::records::Known;
use super::search_keys::search_keys;
use crate::content::content_hash;

/// Records that one task reads and normalises.
const CHUNK_RECORDS: u32 = 8192;

/// Chunks that are prepared while those before are taken in, for each core.
const CHUNKS_PER_CORE: u32 = 2;

/// Records whose keys one task makes and puts in order.
const KEYED_RECORDS: usize = 1 << 15;

/// Some records read from the store.
struct Chunk {
    /// Each one's number and key, beside what the mirror keeps of it.
    known: Vec<(RecordIndex, Known, RecordKey)>,
    /// What is asked for about few of them.
    consents: Vec<(RecordIndex, Consent)>,
    prepared: Prepared,
}

impl Chunk {
    fn read(snapshot: &Snapshot<'_>, first: u32) -> Result<Self, StoreError> {
        let mut known = Vec::with_capacity(CHUNK_RECORDS as usize);
        let mut consents = Vec::new();
        let mut prepared = Prepared::with_capacity(CHUNK_RECORDS as usize);
        let mut normalizer = Normalizer::default();
        // One after the other, so that each is still near when it is normalised.
        for stored in snapshot.records_from(RecordIndex(first)).take(CHUNK_RECORDS as usize) {
            let stored = stored?;
            prepared.add(&normalizer.normalize(&stored.record));
            if !stored.consent.is_free() {
                consents.push((stored.index, stored.consent));
            }
            known.push((stored.index, Known::of(&stored), stored.record.key));
        }
        Ok(Self { known, consents, prepared })
    }

    /// The chunks of a wave, each read on some core.
    fn read_wave(
        snapshot: &Snapshot<'_>,
        wave: std::ops::Range<u32>,
    ) -> Result<Vec<Self>, StoreError> {
        let firsts = wave.step_by(CHUNK_RECORDS as usize);
        firsts
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|first| Self::read(snapshot, first))
            .collect()
    }
}

impl Mirror {
    /// Reads everything, from what was kept where that is of use, and tells whether it was.
    pub(crate) fn read(model: &LinkageModel, store: &Store) -> Result<(Self, bool), StoreError> {
        let (started, snapshot) = (Instant::now(), store.snapshot());
        let mut mirror = Self::new(model);
        let kept = mirror.take_kept(store, &snapshot).unwrap_or_else(|error| {
            tracing::warn!(%error, "what was kept cannot be used: every record is read instead");
            None
        });
        if kept.is_none() {
            mirror = Self::of_records(model, &snapshot)?;
        }
        mirror.read_what_waits(&snapshot)?;
        tracing::info!(
            records = mirror.records.len(),
            persons = mirror.persons.len(),
            open_tasks = mirror.tasks.len(),
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            was_kept = kept.is_some(),
            "the index is in memory"
        );
        Ok((mirror, kept.is_some()))
    }

    /// Reads every record anew, and not what waits for stewards. Reading, normalising and keys run on all cores, the rest in order.
    ///
    /// Keys are made anew and not read from the store: what is compared is then made by this
    /// version of the program throughout. `verify` tells when the stored keys differ.
    pub(crate) fn of_records(
        model: &LinkageModel,
        snapshot: &Snapshot<'_>,
    ) -> Result<Self, StoreError> {
        let mut mirror = Self::new(model);
        mirror.counters = snapshot.counters()?;
        mirror.add_records(snapshot)?;
        let (persons, postings) = rayon::join(
            || read_persons(snapshot, mirror.counters.persons_minted),
            || mirror.packed(),
        );
        (mirror.persons, mirror.postings) = (persons?, postings);
        Ok(mirror)
    }

    /// Reads who is kept apart, and what waits for stewards: few, beside the records.
    fn read_what_waits(&mut self, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        for pair in snapshot.kept_apart() {
            self.put_kept_apart(&pair?);
        }
        for task in snapshot.tasks() {
            let task = task?;
            self.put_task(&task);
            if task.state.is_open()
                && let Some(proposed) = snapshot.held_update(task.id)?
            {
                self.tasks.hold(task.id, content_hash(&proposed));
            }
        }
        self.recent = super::Recent::default();
        Ok(())
    }

    /// Reads everything anew, whatever was kept.
    pub(crate) fn rebuild(
        model: &LinkageModel,
        snapshot: &Snapshot<'_>,
    ) -> Result<Self, StoreError> {
        let mut mirror = Self::of_records(model, snapshot)?;
        mirror.read_what_waits(snapshot)?;
        Ok(mirror)
    }

    /// Takes in every record, a wave of chunks while the next is being read.
    fn add_records(&mut self, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        let count = self.counters.records;
        let cores = u32::try_from(rayon::current_num_threads()).unwrap_or(1);
        let wave_records = CHUNK_RECORDS.saturating_mul(CHUNKS_PER_CORE.saturating_mul(cores));
        let wave = |start: u32| start..count.min(start.saturating_add(wave_records));
        let mut chunks = Chunk::read_wave(snapshot, wave(0))?;
        let mut start = wave(0).end;
        while !chunks.is_empty() {
            let (next, taken) = rayon::join(
                || Chunk::read_wave(snapshot, wave(start)),
                || chunks.into_iter().try_for_each(|chunk| self.take_in(chunk)),
            );
            taken?;
            chunks = next?;
            start = wave(start).end;
        }
        self.keys.index_all();
        let has_more = snapshot.records_from(RecordIndex(count)).next().is_some();
        if self.records.len() != count as usize || has_more {
            return Err(StoreError::Damaged("records and their count differ".to_owned()));
        }
        Ok(())
    }

    fn take_in(&mut self, chunk: Chunk) -> Result<(), StoreError> {
        for (record, consent) in chunk.consents {
            self.consents.put(record, consent);
        }
        let rows = chunk.prepared.into_rows(&mut self.lexicon);
        for ((index, known, key), row) in chunk.known.into_iter().zip(rows) {
            if index.0 as usize != self.records.len() {
                return Err(StoreError::Damaged("records are missing in between".to_owned()));
            }
            // A retired record is known, and counts for nothing.
            if !known.is_active {
                self.lexicon.discount(&row);
            }
            self.keys.push_unindexed(&key);
            self.records.push(&row, known);
        }
        Ok(())
    }

    /// The blocking keys of every record that has a say, and what people search by of every record.
    fn packed(&self) -> Postings {
        let indexes: Vec<RecordIndex> = (0..self.counters.records).map(RecordIndex).collect();
        let parts = indexes.par_chunks(KEYED_RECORDS).map(|indexes| {
            let records = indexes.iter().filter_map(|index| Some((*index, self.record(*index)?)));
            records
                .flat_map(|(index, record)| {
                    let blocking =
                        record.is_active.then(|| blocking_keys(&self.lexicon, &record.row));
                    let search = search_keys(&self.lexicon, &record.row);
                    let keys = blocking.into_iter().flatten().chain(search);
                    keys.map(move |key| (key, index))
                })
                .collect::<Part>()
        });
        Postings::of_parts(parts.collect())
    }
}

fn read_persons(snapshot: &Snapshot<'_>, minted: u64) -> Result<Persons, StoreError> {
    let mut persons = Persons::default();
    persons.mint(minted);
    for person in snapshot.persons() {
        if !persons.put(&person?) {
            return Err(StoreError::Damaged("there are more persons than were minted".to_owned()));
        }
    }
    Ok(persons)
}

#[cfg(test)]
mod digest {
    //! Everything a mirror holds in a form that does not depend on the order in which it came.

    use std::collections::{BTreeMap, BTreeSet};

    use empi_linkage::{Values, blocking_keys};
    use empi_model::{Consent, EnterpriseId, RecordIndex, TaskId};

    use super::Mirror;
    use crate::mirror::closed_tasks::Closed;
    use crate::mirror::search_keys::search_keys;
    use crate::mirror::worklist::Listed;

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
        /// How each task waits, as the queue knows it, whether it was woken or not.
        listed: BTreeMap<TaskId, Listed>,
        closed: BTreeMap<TaskId, Closed>,
        consents: BTreeMap<RecordIndex, Consent>,
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
                (id, (person.records.to_vec(), person.created.0, person.version.0))
            });
            let kept_apart = self.kept_apart.iter();
            let tasks = self.tasks.sorted().into_iter().map(|task| {
                let held = self.tasks.held(task.incoming).map(|held| held.content_hash);
                (task.id, task.kind as u8, task.incoming, task.candidate, held)
            });
            let counters = &self.counters;
            let listed = self.worklist.iter().map(|(id, listed)| {
                let awake = listed.snoozed.map_or(listed.stage, |(_, awake)| awake);
                (id, Listed { stage: awake, snoozed: None, ..listed.clone() })
            });
            Digest {
                listed: listed.collect(),
                closed: self.closed.iter().map(|(id, closed)| (id, *closed)).collect(),
                records: records.collect(),
                postings: self.digest_of_postings(),
                persons: persons.collect(),
                kept_apart: kept_apart
                    .flat_map(|(one, others)| others.iter().map(|other| (*one, *other)))
                    .collect(),
                tasks: tasks.collect(),
                consents: self.consents.iter().collect(),
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

        /// The lists of all blocking keys. That there is no other list, and none has a record too many, is
        /// told by their lengths.
        fn digest_of_postings(&self) -> BTreeMap<u64, Vec<u32>> {
            let (mut lists, mut count) = (BTreeMap::new(), 0);
            for record in self.records.iter() {
                let search = search_keys(&self.lexicon, &record.row);
                count += search.len();
                let blocking = record.is_active.then(|| blocking_keys(&self.lexicon, &record.row));
                for key in blocking.into_iter().flatten() {
                    let records = self.postings.records(key).to_vec();
                    lists.insert(key.as_number(), records);
                }
            }
            count += lists.values().map(Vec::len).sum::<usize>();
            let counted: usize = self.postings.iter().map(|(_, records)| records.len()).sum();
            assert_eq!(counted, count, "every posting is of a key that the record has");
            lists
        }

        /// Whether the person's state fits the records: used by the property tests.
        pub(crate) fn check_persons(&self) {
            let mut seen = BTreeSet::new();
            for (id, person) in self.persons.iter() {
                assert!(!person.records.is_empty(), "a living person has a record");
                for record in person.records {
                    assert!(seen.insert(*record), "a record has one person");
                    assert_eq!(self.person_of(*record), Some(id));
                }
            }
            let all = (0..self.counters.records).map(RecordIndex);
            let erased = all.filter(|record| self.is_erased(*record)).count();
            assert_eq!(seen.len() + erased, self.records.len(), "every record has a person");
            for (record, apart) in &self.kept_apart {
                for other in apart {
                    assert_ne!(self.person_of(*record), self.person_of(*other), "kept apart");
                }
            }
        }
    }
}
