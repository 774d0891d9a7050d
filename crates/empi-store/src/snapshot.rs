//! Reading a store at one point in time.

use std::borrow::Cow;

use empi_model::{
    BlockingKey, EnterpriseId, EventSequence, Person, RecordIndex, RecordKey, RegistryEvent,
    ReviewTask, SourceRecord, TaskId,
};
use prost::Message as _;
use rocksdb::{DB, DBRawIterator, ReadOptions, ReadTier, SnapshotWithThreadMode};

use crate::codec::{
    CountersRow, EventRow, ModelRow, PersonRow, RecordRow, RequestRow, Row, SourceRow, TaskRow,
};
use crate::layout::{self, Family};
use crate::seal::Seal;
use crate::store::META_COUNTERS;
use crate::vault::{Key, Vault, open_parts};
use crate::{Counters, KeptApart, Store, StoreError, StoredModel, StoredRecord, StoredRequest};

/// A store at one point in time. Later commits do not show.
pub struct Snapshot<'a> {
    store: &'a Store,
    snapshot: SnapshotWithThreadMode<'a, DB>,
}

impl std::fmt::Debug for Snapshot<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Snapshot").field("store", self.store).finish_non_exhaustive()
    }
}

/// What is read in place of a row that is not as it was sealed: it makes no sense as any row.
const UNOPENED: &[u8] = &[0xFF];

/// Rows of a family in the order of keys, opened. Ends after the first row that RocksDB cannot give.
pub(crate) struct Scan<'a, F> {
    snapshot: &'a Snapshot<'a>,
    family: Family,
    rows: Option<DBRawIterator<'a>>,
    failure: Option<StoreError>,
    read: F,
}

impl<T, F> Iterator for Scan<'_, F>
where
    F: FnMut(&[u8], &[u8]) -> Result<T, StoreError>,
{
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failure.take() {
            return Some(Err(error));
        }
        let rows = self.rows.as_mut()?;
        if let Some((key, value)) = rows.item() {
            let opened = self.snapshot.open_row(self.family, key, value);
            let word = (self.read)(key, opened.as_deref().unwrap_or(UNOPENED));
            rows.next();
            return Some(word);
        }
        let ended = rows.status();
        self.rows = None;
        ended.err().map(|error| Err(error.into()))
    }
}

impl Store {
    /// A record as the last commit left it, where no disk has to be waited for. `None` where one has, and for whatever
    /// else is not a record that reads: [`Snapshot::record`] tells what.
    #[must_use]
    pub fn record_at_hand(&self, index: RecordIndex) -> Option<StoredRecord> {
        let mut options = ReadOptions::default();
        options.set_read_tier(ReadTier::BlockCache);
        let key = layout::index_key(index);
        let records = self.family(Family::Records).ok()?;
        let value = self.db.get_pinned_cf_opt(&records, key, &options).ok()??;
        // The data key of a record stands before its row.
        let row = self.vault.open(Family::Records, &key, &value, |_| None)?;
        RecordRow::decoded(&row)
    }
}

impl<'a> Snapshot<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, snapshot: store.db.snapshot() }
    }

    /// As [`Store::tombstone`].
    #[must_use]
    pub fn tombstone(&self, key: &RecordKey) -> Option<RecordKey> {
        self.store.vault.tombstone(key)
    }

    /// What the store is sealed with.
    pub(crate) const fn vault(&self) -> &'a Vault {
        &self.store.vault
    }

    /// The bytes of one row, opened.
    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(value) = self.snapshot.get_cf(&self.store.family(family)?, key)? else {
            return Ok(None);
        };
        let opened = match self.open_row(family, key, &value) {
            Some(Cow::Owned(opened)) => Some(opened),
            Some(Cow::Borrowed(_)) => return Ok(Some(value)),
            None => None,
        };
        opened.map(Some).ok_or_else(|| StoreError::unreadable(family.as_str()))
    }

    /// A row as it was before it was sealed; `None` for one that is not as it was sealed.
    fn open_row<'v>(&self, family: Family, key: &[u8], value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        self.store.vault.open(family, key, value, |record| self.data_key(record).ok().flatten())
    }

    /// The data key of a record; `None` when it was destroyed.
    pub(crate) fn data_key(&self, record: RecordIndex) -> Result<Option<Key>, StoreError> {
        let records = self.store.family(Family::Records)?;
        let row = self.snapshot.get_pinned_cf(&records, layout::index_key(record))?;
        let missing = || StoreError::Damaged("a record is missing, or its key".to_owned());
        self.store.vault.key_of_record(record, &row.ok_or_else(missing)?)
    }

    /// The event of a row, with what is personal of it.
    fn event_of(&self, row: &[u8]) -> Result<RegistryEvent, StoreError> {
        let unreadable = || StoreError::unreadable(Family::Events.as_str());
        let row = EventRow::decode(row).map_err(|_| unreadable())?;
        self.whole_event(row)?.word().ok_or_else(unreadable)
    }

    /// The row of an event, with what is personal of it.
    pub(crate) fn whole_event(&self, mut row: EventRow) -> Result<EventRow, StoreError> {
        open_parts(&mut row, self)?;
        Ok(row)
    }

    fn row<R: Row>(&self, family: Family, key: &[u8]) -> Result<Option<R::Word>, StoreError> {
        let Some(bytes) = self.get(family, key)? else { return Ok(None) };
        R::decoded(&bytes).map(Some).ok_or_else(|| StoreError::unreadable(family.as_str()))
    }

    /// A record by its number.
    ///
    /// # Errors
    /// Like all reads: [`StoreError::Damaged`] for a row that does not read, else what RocksDB says.
    pub fn record(&self, index: RecordIndex) -> Result<Option<StoredRecord>, StoreError> {
        self.row::<RecordRow>(Family::Records, &layout::index_key(index))
    }

    /// The number of a record by its key.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_index(&self, key: &RecordKey) -> Result<Option<RecordIndex>, StoreError> {
        self.index_at(self.store.vault.record_key(key))
    }

    /// The same for a key as it stands in a record's row, also in that of one that was erased.
    pub(crate) fn stored_index(&self, key: &RecordKey) -> Result<Option<RecordIndex>, StoreError> {
        self.index_at(self.store.vault.key_of_stored(key))
    }

    fn index_at(&self, key: Option<Vec<u8>>) -> Result<Option<RecordIndex>, StoreError> {
        let Some(key) = key else { return Ok(None) };
        let Some(bytes) = self.get(Family::RecordKeys, &key)? else { return Ok(None) };
        let index = layout::read_index(&bytes);
        index.map(Some).ok_or_else(|| StoreError::unreadable(Family::RecordKeys.as_str()))
    }

    /// A person, or the redirect that took its place.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn person(&self, id: EnterpriseId) -> Result<Option<Person>, StoreError> {
        self.row::<PersonRow>(Family::Persons, &layout::person_key(id))
    }

    /// A review task.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn task(&self, id: TaskId) -> Result<Option<ReviewTask>, StoreError> {
        self.row::<TaskRow>(Family::Tasks, &layout::task_key(id))
    }

    /// The record that a task holds back.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn held_update(&self, id: TaskId) -> Result<Option<SourceRecord>, StoreError> {
        self.row::<SourceRow>(Family::HeldUpdates, &layout::task_key(id))
    }

    /// The answer to an earlier request.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn request(&self, request_id: &str) -> Result<Option<StoredRequest>, StoreError> {
        self.row::<RequestRow>(Family::Requests, &self.store.vault.request_key(request_id))
    }

    /// An event.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn event(&self, sequence: EventSequence) -> Result<Option<RegistryEvent>, StoreError> {
        let row = self.get(Family::Events, &layout::event_key(sequence))?;
        row.map(|row| self.event_of(&row)).transpose()
    }

    /// What the counters vouch for.
    pub(crate) fn seal(&self) -> Result<Seal, StoreError> {
        let Some(row) = self.get(Family::Meta, META_COUNTERS)? else { return Ok(Seal::default()) };
        let row = CountersRow::decode(row.as_slice());
        row.map(|row| row.seal()).map_err(|_| StoreError::unreadable("the counters"))
    }

    /// A model that decided in this store, by its number.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn model(&self, number: u32) -> Result<Option<StoredModel>, StoreError> {
        self.row::<ModelRow>(Family::Meta, &layout::model_key(number))
    }

    /// Every model that decided in this store, by number.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn models(&self) -> Result<Vec<StoredModel>, StoreError> {
        let rows = self.scan(Family::Meta, layout::MODELS, |key, value| {
            let is_model = key.starts_with(layout::MODELS);
            let at_home = |model: &StoredModel| layout::model_key(model.number) == key;
            Ok(is_model.then(|| ModelRow::decoded(value).filter(at_home)))
        });
        let mut models = Vec::new();
        for row in rows {
            let Some(row) = row? else { break };
            models.push(row.ok_or_else(|| StoreError::unreadable("a model"))?);
        }
        Ok(models)
    }

    /// The counters; all 0 in a new store.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn counters(&self) -> Result<Counters, StoreError> {
        Ok(self.row::<CountersRow>(Family::Meta, META_COUNTERS)?.unwrap_or_default())
    }

    /// Rows of a family from a key on, in the order of keys, each read where it lies.
    pub(crate) fn scan<T, F>(&self, family: Family, from: &[u8], read: F) -> Scan<'_, F>
    where
        F: FnMut(&[u8], &[u8]) -> Result<T, StoreError>,
    {
        let mut options = ReadOptions::default();
        options.set_verify_checksums(true);
        options.set_readahead_size(2 << 20);
        // A scan of everything must not push the rows that are asked for out of the cache.
        options.fill_cache(false);
        match self.store.family(family) {
            Err(error) => Scan { snapshot: self, family, rows: None, failure: Some(error), read },
            Ok(handle) => {
                let mut rows = self.snapshot.raw_iterator_cf_opt(&handle, options);
                rows.seek(from);
                Scan { snapshot: self, family, rows: Some(rows), failure: None, read }
            }
        }
    }

    fn words<R: Row>(
        &self,
        family: Family,
        from: &[u8],
    ) -> impl Iterator<Item = Result<R::Word, StoreError>> + use<'_, 'a, R> {
        self.scan(family, from, move |_, value| {
            R::decoded(value).ok_or_else(|| StoreError::unreadable(family.as_str()))
        })
    }

    /// Every record, by number.
    pub fn records(&self) -> impl Iterator<Item = Result<StoredRecord, StoreError>> {
        self.words::<RecordRow>(Family::Records, &[])
    }

    /// The records from a number on, by number.
    pub fn records_from(
        &self,
        first: RecordIndex,
    ) -> impl Iterator<Item = Result<StoredRecord, StoreError>> {
        self.words::<RecordRow>(Family::Records, &layout::index_key(first))
    }

    /// Every posting, by blocking key; in a store that is encrypted keyed hashes stand for those.
    pub fn keys(&self) -> impl Iterator<Item = Result<(BlockingKey, RecordIndex), StoreError>> {
        self.scan(Family::Keys, &[], |key, _| {
            layout::read_posting(key).ok_or_else(|| StoreError::unreadable("a blocking key"))
        })
    }

    /// Every person and redirect, by enterprise ID.
    pub fn persons(&self) -> impl Iterator<Item = Result<Person, StoreError>> {
        self.words::<PersonRow>(Family::Persons, &[])
    }

    /// Every review task, by ID.
    pub fn tasks(&self) -> impl Iterator<Item = Result<ReviewTask, StoreError>> {
        self.words::<TaskRow>(Family::Tasks, &[])
    }

    /// Every pair of records that a steward keeps apart.
    pub fn kept_apart(&self) -> impl Iterator<Item = Result<KeptApart, StoreError>> {
        self.scan(Family::KeptApart, &[], |key, value| {
            let pair = layout::read_pair(key).zip(layout::read_stamp(value));
            let ((one, other), event) =
                pair.ok_or_else(|| StoreError::unreadable("a pair kept apart"))?;
            Ok(KeptApart { one, other, event: Some(event) })
        })
    }

    /// The event that keeps two records apart; `None` when they are not.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn keeps_apart(
        &self,
        one: RecordIndex,
        other: RecordIndex,
    ) -> Result<Option<EventSequence>, StoreError> {
        let found = self.get(Family::KeptApart, &layout::pair_key(one, other))?;
        let Some(bytes) = found else { return Ok(None) };
        let event = layout::read_stamp(&bytes);
        event.map(Some).ok_or_else(|| StoreError::unreadable("a pair kept apart"))
    }

    /// Events from a sequence number on, in order.
    pub fn events_from(
        &self,
        sequence: EventSequence,
    ) -> impl Iterator<Item = Result<RegistryEvent, StoreError>> {
        self.scan(Family::Events, &layout::event_key(sequence), |_, value| self.event_of(value))
    }

    /// Review tasks behind one, by ID; all or only those that wait.
    pub fn tasks_after(
        &self,
        open_only: bool,
        after: Option<TaskId>,
    ) -> impl Iterator<Item = Result<ReviewTask, StoreError>> {
        let from = layout::task_key(TaskId(after.map_or(0, |id| id.0.saturating_add(1))));
        let family = if open_only { Family::OpenTasks } else { Family::Tasks };
        self.scan(family, &from, move |key, value| {
            if !open_only {
                return TaskRow::decoded(value).ok_or_else(|| StoreError::unreadable("a task"));
            }
            let id = layout::read_u64(key).ok_or_else(|| StoreError::unreadable("a task's ID"))?;
            let task = self.task(TaskId(id))?;
            task.ok_or_else(|| StoreError::Damaged(format!("task {id} is missing")))
        })
    }
}
