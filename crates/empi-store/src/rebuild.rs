//! Making anew what is derived: the keys that lead to records, blocking keys, the lists of records of persons,
//! the list of open tasks, the counters. All of it follows from records, persons, tasks and events, which are
//! only read.
//!
//! A mark is set before the first row is touched and taken away with the last, both synced, so a store of which
//! a rebuild broke off says so when it is opened, and is rebuilt once more.

use empi_model::{EnterpriseId, EventSequence, Person, PersonState, RecordIndex};
use prost::Message as _;
use rayon::prelude::*;
use rocksdb::WriteBatch;

use crate::bulk::{start_sorting, take_in, unlogged};
use crate::codec::{CountersRow, ModelRow, PersonRow, RecordRow, Row as _, TaskRow};
use crate::layout::{self, Family};
use crate::seal::{Seal, digest, event_digest};
use crate::store::{META_COUNTERS, META_REBUILDING, StoreOptions, synced};
use crate::verify::KeysOf;
use crate::{Counters, DataDir, Store, StoreError, StoredRecord};

/// Records that are read and keyed together, on all cores.
const CHUNK_ROWS: usize = 8192;

/// What was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// Records, each with the key that leads to it.
    pub records: u64,
    /// Blocking keys.
    pub keys: u64,
    /// Persons whose list of records was another.
    pub persons_mended: u64,
    /// Review tasks that wait.
    pub open_tasks: u64,
}

/// Makes anew what is derived in a store that nobody has open. `keys_of` tells the blocking keys that a record
/// should have; it is called on all cores.
///
/// # Errors
/// As [`Store::open`]; [`StoreError::Damaged`] where a row does not read that everything else follows from: such
/// a store is to be restored from a backup.
pub fn rebuild(
    place: impl Into<DataDir>,
    keys_of: KeysOf<'_>,
) -> Result<RebuildReport, StoreError> {
    rebuild_until(place, keys_of, STEPS.len())
}

/// One step of a rebuild.
pub(crate) type Step = fn(&mut Rebuild<'_>) -> Result<(), StoreError>;

/// The steps in order. Whatever the last one that was done, the first may be taken again.
pub(crate) const STEPS: [Step; 6] = [
    |it| it.mark(),
    |it| it.drop_derived(),
    |it| it.put_record_keys(),
    |it| it.put_members(),
    |it| it.put_open_tasks(),
    |it| it.finish(),
];

/// Takes so many steps and no more.
pub(crate) fn rebuild_until(
    place: impl Into<DataDir>,
    keys_of: KeysOf<'_>,
    steps: usize,
) -> Result<RebuildReport, StoreError> {
    let store = Store::open_as_it_is(&place.into(), &StoreOptions::default())?;
    let mut rebuild = Rebuild {
        store: &store,
        keys_of,
        members: Vec::new(),
        counters: Counters::default(),
        seal: Seal::default(),
        report: RebuildReport::default(),
    };
    STEPS.iter().take(steps).try_for_each(|step| step(&mut rebuild))?;
    Ok(rebuild.report)
}

/// A rebuild on its way.
pub(crate) struct Rebuild<'a> {
    store: &'a Store,
    keys_of: KeysOf<'a>,
    /// Each record with its person, by person and record once all are known.
    members: Vec<(EnterpriseId, RecordIndex)>,
    counters: Counters,
    seal: Seal,
    report: RebuildReport,
}

impl Rebuild<'_> {
    fn mark(&mut self) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(&self.store.family(Family::Meta)?, META_REBUILDING, b"");
        self.store.write(batch, &synced())
    }

    /// Takes the derived families away, and what an earlier try may have left.
    fn drop_derived(&mut self) -> Result<(), StoreError> {
        self.store.forget_derived()?;
        let workshop = self.store.dir.join("loading");
        if workshop.exists() {
            std::fs::remove_dir_all(&workshop)?;
        }
        // No key of these families is as high: texts in them are UTF-8.
        let end = [0xFF; 16];
        for family in [Family::RecordKeys, Family::Keys, Family::OpenTasks] {
            let handle = self.store.family(family)?;
            self.store.db.delete_file_in_range_cf(&handle, b"".as_slice(), end.as_slice())?;
            let mut batch = WriteBatch::default();
            batch.delete_range_cf(&handle, b"".as_slice(), end.as_slice());
            self.store.write(batch, &synced())?;
            self.store.db.flush_cf(&handle)?;
            self.store.db.compact_range_cf(&handle, None::<&[u8]>, None::<&[u8]>);
        }
        Ok(())
    }

    /// The keys that lead to records, and the blocking keys.
    fn put_record_keys(&mut self) -> Result<(), StoreError> {
        let (store, keys_of) = (self.store, self.keys_of);
        let snapshot = store.snapshot();
        let workshop = store.dir.join("loading");
        let mut postings = start_sorting(&workshop)?;
        let record_keys = store.family(Family::RecordKeys)?;
        let mut rows = snapshot.scan(Family::Records, &[], |_, value| Ok(value.to_vec()));
        loop {
            let chunk: Vec<Vec<u8>> = rows.by_ref().take(CHUNK_ROWS).collect::<Result<_, _>>()?;
            if chunk.is_empty() {
                break;
            }
            let keyed = chunk.par_iter().map(|row| {
                let stored = RecordRow::decoded(row)?;
                let mut keys =
                    if stored.state.is_active() { keys_of(&stored.record) } else { Vec::new() };
                keys.sort_unstable();
                keys.dedup();
                Some((stored, keys))
            });
            let mut batch = WriteBatch::default();
            for keyed in keyed.collect::<Vec<_>>() {
                let (stored, keys) = keyed.ok_or_else(|| StoreError::unreadable("a record"))?;
                let StoredRecord { index, record, link, .. } = stored;
                let key = store
                    .vault
                    .key_of_stored(&record.key)
                    .ok_or(StoreError::TooLong("a source's name", layout::SOURCE_BYTES_MAX))?;
                batch.put_cf(&record_keys, key, layout::index_key(index));
                self.members.push((link.enterprise_id, index));
                self.report.records += 1;
                self.report.keys += keys.len() as u64;
                for key in keys {
                    postings.add(store.vault.posting_key(key, index))?;
                }
            }
            store.write(batch, &unlogged())?;
        }
        self.members.par_sort_unstable();
        take_in(store, postings, &workshop)
    }

    /// The records of every living person.
    fn put_members(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        let snapshot = store.snapshot();
        let persons = store.family(Family::Persons)?;
        let mut batch = WriteBatch::default();
        let mut members = self.members.iter().peekable();
        for person in snapshot.persons() {
            let person = person?;
            self.counters.persons_minted += 1;
            let mut own = Vec::new();
            while let Some((_, index)) = members.next_if(|(id, _)| *id == person.enterprise_id) {
                own.push(*index);
            }
            match &person.state {
                PersonState::Redirect { .. } if own.is_empty() => {}
                // Nothing was ever taken from its records, nor added.
                PersonState::Erased { records, .. } if *records == own => {}
                PersonState::Live(listed) if !own.is_empty() => {
                    if *listed != own {
                        let mended = Person { state: PersonState::Live(own), ..person };
                        let key = layout::person_key(mended.enterprise_id);
                        batch.put_cf(&persons, key, PersonRow::encoded(&mended));
                        self.report.persons_mended += 1;
                    }
                }
                _ => {
                    return Err(StoreError::Damaged(
                        "a person has no record, or should not".to_owned(),
                    ));
                }
            }
        }
        if members.next().is_some() {
            return Err(StoreError::Damaged("a record names a person that is missing".to_owned()));
        }
        store.write(batch, &synced())
    }

    fn put_open_tasks(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        let snapshot = store.snapshot();
        let open_tasks = store.family(Family::OpenTasks)?;
        let mut batch = WriteBatch::default();
        let rows =
            snapshot.scan(Family::Tasks, &[], |key, value| Ok((key.to_vec(), value.to_vec())));
        for row in rows {
            let (key, value) = row?;
            let task =
                TaskRow::decoded(&value).ok_or_else(|| StoreError::unreadable("a review task"))?;
            self.counters.tasks += 1;
            if task.event == EventSequence(0) {
                self.seal.add_loaded(digest(&value));
            }
            if task.state.is_open() {
                batch.put_cf(&open_tasks, key, b"");
                self.report.open_tasks += 1;
            }
        }
        store.write(batch, &synced())
    }

    /// The counters, and with them the mark goes.
    fn finish(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        let snapshot = store.snapshot();
        let mut last = Vec::new();
        for row in snapshot.scan(Family::Events, &[], |_, value| Ok(value.to_vec())) {
            last = row?;
            self.counters.events += 1;
        }
        if self.counters.events > 0 {
            // Also what is sealed inside of it.
            snapshot.event(EventSequence(self.counters.events))?;
            self.seal.last_event = event_digest(&last);
            self.seal.sequence = self.counters.events;
        }
        for model in snapshot.models()? {
            self.seal.add_model(digest(&ModelRow::encoded(&model)));
        }
        let records = u32::try_from(self.report.records);
        self.counters.records = records.map_err(|_| StoreError::unreadable("the records"))?;
        // How far requests are forgotten is nowhere else. Forgotten once more, they are gone as before.
        let forgotten = snapshot.counters().unwrap_or_default().requests_forgotten;
        self.counters.requests_forgotten = forgotten.min(EventSequence(self.counters.events));
        let meta = store.family(Family::Meta)?;
        let mut batch = WriteBatch::default();
        let counters = CountersRow::sealed(&self.counters, self.seal).encode_to_vec();
        batch.put_cf(&meta, META_COUNTERS, counters);
        batch.delete_cf(&meta, META_REBUILDING);
        store.write(batch, &synced())
    }
}
