//! A store that is open: commits, copies, figures.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use empi_model::{AuditHead, EventSequence, RecordIndex, RecordState, ReviewState, TaskId};
use prost::Message as _;
use rocksdb::{ColumnFamilyRef, DB, WriteBatch, WriteOptions};

use crate::bulk::BulkLoader;
use crate::codec::{
    CountersRow, EventRow, ModelRow, PersonRow, RecordRow, RequestRow, Row as _, SourceRow, TaskRow,
};
use crate::layout::{self, FORMAT, Family};
use crate::seal::{Digests, Seal, digest, event_digest};
use crate::snapshot::Snapshot;
use crate::vault::{Keyring, Vault};
use crate::{Commit, KeptApart, StoreError, StoredModel};

/// Names in the `meta` family.
pub(crate) const META_FORMAT: &[u8] = b"format";
pub(crate) const META_MODEL: &[u8] = b"model";
pub(crate) const META_CREATED_BY: &[u8] = b"created_by";
pub(crate) const META_COUNTERS: &[u8] = b"counters";
pub(crate) const META_LOADING: &[u8] = b"loading";
pub(crate) const META_REBUILDING: &[u8] = b"rebuilding";
pub(crate) const META_ROOT: &[u8] = b"root";

/// How to open a store.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// The model in force when the store is made; kept for the record.
    pub model: String,
    /// Whether to make a store where there is none.
    pub create: bool,
}

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreMeta {
    /// The format of its rows.
    pub format: u32,
    /// The model in force when it was made.
    pub model: String,
    /// The version of the program that made it.
    pub created_by: String,
}

/// Figures of a store.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Records.
    pub records: u64,
    /// Living persons.
    pub persons: u64,
    /// Enterprise IDs that were merged away.
    pub redirects: u64,
    /// Review tasks that wait.
    pub open_tasks: u64,
    /// Events.
    pub events: u64,
    /// Bytes of the sorted files on disk, by family.
    pub bytes: Vec<(&'static str, u64)>,
}

/// A store: one directory, open in one process.
pub struct Store {
    pub(crate) db: DB,
    pub(crate) dir: PathBuf,
    /// Whether a write has failed.
    pub(crate) poisoned: AtomicBool,
    /// Held while a backup is made.
    pub(crate) backing_up: Mutex<()>,
    /// What the counters vouch for after the last commit.
    pub(crate) seal: Mutex<Seal>,
    /// The end of the audit trail.
    pub(crate) audit: Mutex<AuditHead>,
    /// What rows are sealed with.
    pub(crate) vault: Vault,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn family(&self, family: Family) -> Result<ColumnFamilyRef<'_>, StoreError> {
        let name = family.as_str();
        self.db.cf_handle(name).ok_or_else(|| StoreError::unreadable(&format!("family {name}")))
    }

    pub(crate) fn meta_value(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(&self.family(Family::Meta)?, name)?)
    }

    /// What the store says of itself.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn meta(&self) -> Result<StoreMeta, StoreError> {
        let text = |name| -> Result<String, StoreError> {
            let bytes = self.meta_value(name)?.unwrap_or_default();
            String::from_utf8(bytes).map_err(|_| StoreError::unreadable("what it says of itself"))
        };
        Ok(StoreMeta {
            format: self.format()?.unwrap_or(FORMAT),
            model: text(META_MODEL)?,
            created_by: text(META_CREATED_BY)?,
        })
    }

    /// Writes changes as one: after `Ok` all of them are on disk, after an error none is promised and
    /// the store takes no more.
    ///
    /// # Errors
    /// [`StoreError::TooLong`] for a source whose name does not fit into a key: nothing is written then,
    /// and the store stays usable. [`StoreError::Poisoned`] after an earlier failure; else what RocksDB
    /// says.
    pub fn commit(&self, changes: &[Commit]) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        let mut batch = WriteBatch::default();
        let mut seal = self.sealed();
        let mut end = self.audit_end();
        let mut head = *end;
        let mut keyring = Keyring::of(self);
        for change in changes {
            self.stage(&mut batch, &mut seal, &mut keyring, change, true)?;
            self.stage_audit(&mut batch, &mut head, change)?;
        }
        self.write(batch, &synced())?;
        self.seal_with(seal);
        *end = head;
        Ok(())
    }

    pub(crate) fn sealed(&self) -> Seal {
        *self.seal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seal_with(&self, seal: Seal) {
        *self.seal.lock().unwrap_or_else(PoisonError::into_inner) = seal;
    }

    /// What the counters on disk vouch for. In a store that was written before they did, the last event is
    /// vouched for from now on.
    pub(crate) fn read_seal(&self) -> Result<Seal, StoreError> {
        let row = self.meta_value(META_COUNTERS)?;
        let row = row.and_then(|row| CountersRow::decode(row.as_slice()).ok()).unwrap_or_default();
        let (mut seal, events) = (row.seal(), row.events());
        if seal.last_event == 0 && events > 0 {
            let key = layout::event_key(EventSequence(events));
            let last = self.db.get_cf(&self.family(Family::Events)?, key)?;
            seal.last_event = last.map_or(0, |row| event_digest(&row));
        }
        Ok(seal)
    }

    /// Keeps a model, so that what it decides can be told again, and returns its number. One that is kept
    /// already has the number it had.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn keep_model(&self, name: &str, text: &str) -> Result<u32, StoreError> {
        let models = self.snapshot().models()?;
        if let Some(known) = models.iter().find(|it| it.name == name && it.text == text) {
            return Ok(known.number);
        }
        let number = models.last().map_or(0, |last| last.number).saturating_add(1);
        let row = ModelRow::encoded(&StoredModel::new(number, name, text));
        let mut seal = self.sealed();
        seal.add_model(digest(&row));
        let counters = CountersRow::sealed(&self.snapshot().counters()?, seal).encode_to_vec();
        let meta = self.family(Family::Meta)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(&meta, layout::model_key(number), row);
        batch.put_cf(&meta, META_COUNTERS, counters);
        self.write(batch, &synced())?;
        self.seal_with(seal);
        Ok(number)
    }

    /// Writes what stands in the log only into sorted files, so that whoever opens the store next need not
    /// read the log again. Nothing that was committed depends on it.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] after an earlier failure; else what RocksDB says.
    pub fn write_out(&self) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        Family::ALL.into_iter().try_for_each(|family| {
            let family = self.family(family)?;
            Ok(self.db.flush_cf(&family)?)
        })
    }

    /// Writes a batch; a failure poisons the store.
    pub(crate) fn write(&self, batch: WriteBatch, how: &WriteOptions) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        self.poisoning(self.db.write_opt(batch, how))
    }

    pub(crate) fn refuse_if_poisoned(&self) -> Result<(), StoreError> {
        if self.poisoned.load(Ordering::Acquire) { Err(StoreError::Poisoned) } else { Ok(()) }
    }

    /// After a failure what is on disk is not known, so that nothing may build on it: the store takes
    /// no more until it is opened again.
    pub(crate) fn poisoning<T, E: Into<StoreError>>(
        &self,
        outcome: Result<T, E>,
    ) -> Result<T, StoreError> {
        outcome.map_err(|error| {
            self.poisoned.store(true, Ordering::Release);
            error.into()
        })
    }

    /// Puts a row into a batch, sealed where the store is encrypted.
    pub(crate) fn put(
        &self,
        batch: &mut WriteBatch,
        family: Family,
        key: &[u8],
        row: Vec<u8>,
    ) -> Result<(), StoreError> {
        let row = self.vault.seal(family, key, row)?;
        batch.put_cf(&self.family(family)?, key, row);
        Ok(())
    }

    /// Turns a change into writes, its added keys only if `with_keys`.
    pub(crate) fn stage(
        &self,
        batch: &mut WriteBatch,
        seal: &mut Seal,
        keyring: &mut Keyring<'_>,
        change: &Commit,
        with_keys: bool,
    ) -> Result<(), StoreError> {
        let mut digests = Digests::default();
        self.stage_records(batch, &mut digests, keyring, change, with_keys)?;
        let persons = self.family(Family::Persons)?;
        for person in &change.persons {
            let key = layout::person_key(person.enterprise_id);
            batch.put_cf(&persons, key, PersonRow::encoded(person));
        }
        self.stage_tasks(batch, &mut digests, seal, change)?;
        self.stage_held(batch, &mut digests, keyring, change)?;
        let kept_apart = self.family(Family::KeptApart)?;
        for KeptApart { one, other, event } in &change.kept_apart {
            let key = layout::pair_key(*one, *other);
            match event {
                Some(event) => batch.put_cf(&kept_apart, key, layout::event_key(*event)),
                None => batch.delete_cf(&kept_apart, key),
            }
        }
        let requests = self.family(Family::Requests)?;
        for request_id in &change.requests_forgotten {
            batch.delete_cf(&requests, self.vault.request_key(request_id));
        }
        for request in &change.requests {
            let row = RequestRow::encoded(request);
            digests.requests.insert(request.request_id.clone(), digest(&row));
            let key = self.vault.request_key(&request.request_id);
            self.put(batch, Family::Requests, &key, row)?;
        }
        for event in &change.events {
            let before = seal.before(event.sequence.0);
            let mut row = EventRow::sealed(event, before, &digests);
            let asks = |id: u64| change.tasks.iter().find(|task| task.id.0 == id);
            keyring.seal_parts(&mut row, |id| asks(id).map(|task| task.incoming))?;
            let row = row.encode_to_vec();
            (seal.last_event, seal.sequence) = (event_digest(&row), event.sequence.0);
            self.put(batch, Family::Events, &layout::event_key(event.sequence), row)?;
        }
        self.stage_proposals(batch, change)?;
        if let Some(counters) = &change.counters {
            let meta = self.family(Family::Meta)?;
            let row = CountersRow::sealed(counters, *seal).encode_to_vec();
            batch.put_cf(&meta, META_COUNTERS, row);
        }
        Ok(())
    }

    fn stage_records(
        &self,
        batch: &mut WriteBatch,
        digests: &mut Digests,
        keyring: &mut Keyring<'_>,
        change: &Commit,
        with_keys: bool,
    ) -> Result<(), StoreError> {
        let records = self.family(Family::Records)?;
        let record_keys = self.family(Family::RecordKeys)?;
        for stored in &change.records {
            let key = self
                .vault
                .key_of_stored(&stored.record.key)
                .ok_or(StoreError::TooLong("a source's name", layout::SOURCE_BYTES_MAX))?;
            let row = RecordRow::encoded(stored);
            digests.records.insert(stored.index, digest(&row));
            let row = if stored.state == RecordState::Erased {
                keyring.seal_erased(stored.index, row)?
            } else {
                keyring.seal_record(stored.index, row)?
            };
            batch.put_cf(&records, layout::index_key(stored.index), row);
            batch.put_cf(&record_keys, key, layout::index_key(stored.index));
        }
        let keys = self.family(Family::Keys)?;
        for (key, index) in &change.keys_removed {
            batch.delete_cf(&keys, self.vault.posting_key(*key, *index));
        }
        for (key, index) in change.keys_added.iter().filter(|_| with_keys) {
            batch.put_cf(&keys, self.vault.posting_key(*key, *index), b"");
        }
        Ok(())
    }

    fn stage_tasks(
        &self,
        batch: &mut WriteBatch,
        digests: &mut Digests,
        seal: &mut Seal,
        change: &Commit,
    ) -> Result<(), StoreError> {
        let changed = change.events.iter().flat_map(|event| &event.change);
        for before in changed.flat_map(|change| &change.tasks) {
            if before.old_state.is_some() && before.old_event == EventSequence(0) {
                let row = self.snapshot().get(Family::Tasks, &layout::task_key(before.task))?;
                seal.take_loaded(row.map_or(0, |row| digest(&row)));
            }
        }
        let open_tasks = self.family(Family::OpenTasks)?;
        for task in &change.tasks {
            let key = layout::task_key(task.id);
            let row = TaskRow::encoded(task);
            if task.event == EventSequence(0) {
                seal.add_loaded(digest(&row));
            }
            digests.tasks.insert(task.id, digest(&row));
            self.put(batch, Family::Tasks, &key, row)?;
            match task.state {
                ReviewState::Open(_) => batch.put_cf(&open_tasks, key, b""),
                ReviewState::Resolved(_) => batch.delete_cf(&open_tasks, key),
            }
        }
        Ok(())
    }

    fn stage_held(
        &self,
        batch: &mut WriteBatch,
        digests: &mut Digests,
        keyring: &mut Keyring<'_>,
        change: &Commit,
    ) -> Result<(), StoreError> {
        let held_updates = self.family(Family::HeldUpdates)?;
        for (id, record) in &change.held_updates {
            let key = layout::task_key(*id);
            match record {
                Some(record) => {
                    let row = SourceRow::encoded(record);
                    digests.held.insert(*id, digest(&row));
                    let row = keyring.seal_held(&key, self.asked_about(change, *id)?, row)?;
                    batch.put_cf(&held_updates, key, row);
                }
                None => batch.delete_cf(&held_updates, key),
            }
        }
        Ok(())
    }

    /// The record that a task of a change, or of before, asks about.
    fn asked_about(&self, change: &Commit, id: TaskId) -> Result<RecordIndex, StoreError> {
        if let Some(task) = change.tasks.iter().find(|task| task.id == id) {
            return Ok(task.incoming);
        }
        let task = self.snapshot().task(id)?;
        let missing =
            || StoreError::Damaged(format!("an update waits for task {id}, which is missing"));
        task.map(|task| task.incoming).ok_or_else(missing)
    }

    /// The store as it is now, unchanged by later commits.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::new(self)
    }

    /// Starts to fill an empty store. Until [`BulkLoader::finish`] nothing but the loader may write to
    /// it, and when it is opened it says that it is incomplete.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], or what RocksDB says.
    pub fn bulk_loader(&self) -> Result<BulkLoader<'_>, StoreError> {
        let snapshot = self.snapshot();
        if snapshot.records().next().is_some() || snapshot.persons().next().is_some() {
            return Err(StoreError::NotEmpty(self.dir.clone()));
        }
        BulkLoader::start(self)
    }

    /// Figures. Reads every person.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let snapshot = self.snapshot();
        let counters = snapshot.counters().unwrap_or_default();
        let is_live =
            |person: &empi_model::Person| matches!(person.state, empi_model::PersonState::Live(_));
        let (mut persons, mut redirects) = (0, 0);
        for person in snapshot.persons().filter_map(Result::ok) {
            *(if is_live(&person) { &mut persons } else { &mut redirects }) += 1;
        }
        let bytes = Family::ALL.map(|family| (family.as_str(), self.bytes_of(family)));
        StoreStats {
            records: u64::from(counters.records),
            persons,
            redirects,
            open_tasks: snapshot.tasks_after(true, None).count() as u64,
            events: counters.events,
            bytes: bytes.to_vec(),
        }
    }

    fn bytes_of(&self, family: Family) -> u64 {
        let handle = self.family(family).ok();
        let bytes = handle.and_then(|handle| {
            self.db
                .property_int_value_cf(&handle, rocksdb::properties::TOTAL_SST_FILES_SIZE)
                .ok()?
        });
        bytes.unwrap_or_default()
    }
}

/// A write that is on disk when it returns.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}
