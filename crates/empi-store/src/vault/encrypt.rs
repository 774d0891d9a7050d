//! Making an encrypted store of one that is not: every row is read, sealed and written into another directory, which
//! is verified before it takes its name. The store that was read stays as it is.

use std::path::Path;

use empi_model::{RecordIndex, TaskId};
use prost::Message as _;
use rocksdb::WriteBatch;

use super::{Keyring, MasterKey};
use crate::backup::{Unfinished, refuse_occupied};
use crate::bulk::{start_sorting, take_in, unlogged};
use crate::codec::{CountersRow, EventRow, RecordRow, Row as _, ServiceRow, UserRow};
use crate::layout::{self, Family};
use crate::seal::event_digest;
use crate::snapshot::Snapshot;
use crate::store::{META_COUNTERS, META_FORMAT, META_ROOT, StoreOptions, synced};
use crate::verify::KeysOf;
use crate::{DataDir, Store, StoreError, VerifyReport};

/// Rows that are written together.
const BATCH_ROWS: usize = 4096;

/// What was encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptReport {
    /// Rows written, blocking keys among them.
    pub rows: u64,
    /// What was read when the encrypted store was verified: without problems.
    pub verified: VerifyReport,
}

/// Makes an encrypted store of one that nobody has open, in a directory that does not exist yet or is empty. `keys_of` is as for
/// [`Store::verify`]. Nobody but the operator takes away the store that was read.
///
/// # Errors
/// As [`Store::open`]; [`StoreError::Encrypted`] for one that is already; [`StoreError::Occupied`];
/// [`StoreError::Damaged`] when rows do not agree. Nothing is left behind then.
pub fn encrypt(
    from: &Path,
    to: &Path,
    master: &MasterKey,
    keys_of: KeysOf<'_>,
) -> Result<EncryptReport, StoreError> {
    let source = Store::open(from, &StoreOptions::default()).map_err(|error| match error {
        StoreError::KeyMissing(dir) => StoreError::Encrypted(dir),
        error => error,
    })?;
    refuse_occupied(to)?;
    let unfinished = Unfinished::create(to)?;
    let model = source.meta()?.model;
    let options = StoreOptions { model, create: true };
    let place = DataDir { path: unfinished.path().to_owned(), keys: vec![master.clone()] };
    let target = Store::open(&place, &options)?;
    let snapshot = source.snapshot();
    let mut copy = Copy { from: &snapshot, to: &target, last_event: 0, rows: 0 };
    copy.everything()?;
    let rows = copy.rows;
    drop(target);
    // Opened anew, so that what is verified is what is on disk.
    let verified = Store::open(&place, &options)?.verify(keys_of)?;
    if let Some(first) = verified.problems.first() {
        return Err(StoreError::Damaged(format!(
            "{} rows do not agree, the first: {first}",
            verified.problem_count
        )));
    }
    unfinished.finish()?;
    Ok(EncryptReport { rows, verified })
}

/// Rows on their way.
struct Copy<'a> {
    from: &'a Snapshot<'a>,
    to: &'a Store,
    /// The digest of the last event as it was written.
    last_event: u64,
    rows: u64,
}

/// Puts one row into a batch.
type Put<'a> = fn(&mut Copy<'a>, &mut Target<'a>, &[u8], Vec<u8>) -> Result<(), StoreError>;

/// Where rows go.
struct Target<'a> {
    batch: WriteBatch,
    keyring: Keyring<'a>,
    family: Family,
}

impl<'a> Copy<'a> {
    fn everything(&mut self) -> Result<(), StoreError> {
        self.family(Family::Records, Self::record)?;
        for family in [Family::Persons, Family::OpenTasks, Family::KeptApart] {
            self.family(family, Self::as_it_is)?;
        }
        self.family(Family::Tasks, Self::sealed)?;
        self.family(Family::Audit, Self::sealed)?;
        self.family(Family::HeldUpdates, Self::held)?;
        self.family(Family::Events, Self::event)?;
        self.family(Family::Requests, Self::request)?;
        self.family(Family::Meta, Self::meta)?;
        self.postings()?;
        self.counters()
    }

    fn family(&mut self, family: Family, put: Put<'a>) -> Result<(), StoreError> {
        let (from, to) = (self.from, self.to);
        let mut rows = from.scan(family, &[], |key, value| Ok((key.to_vec(), value.to_vec())));
        loop {
            let some: Vec<_> = rows.by_ref().take(BATCH_ROWS).collect::<Result<_, _>>()?;
            if some.is_empty() {
                return Ok(());
            }
            let keyring =
                if family == Family::Records { Keyring::of_load(to) } else { Keyring::of(to) };
            let mut target = Target { batch: WriteBatch::default(), keyring, family };
            self.rows += some.len() as u64;
            for (key, value) in some {
                put(self, &mut target, &key, value)?;
            }
            to.write(target.batch, &unlogged())?;
        }
    }

    fn as_it_is(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        target.batch.put_cf(&self.to.family(target.family)?, key, value);
        Ok(())
    }

    fn sealed(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.to.put(&mut target.batch, target.family, key, value)
    }

    fn record(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let unreadable = || StoreError::unreadable("a record");
        let stored = RecordRow::decoded(&value).ok_or_else(unreadable)?;
        let index = layout::read_index(key).ok_or_else(unreadable)?;
        let value = target.keyring.seal_record(index, value)?;
        target.batch.put_cf(&self.to.family(Family::Records)?, key, value);
        let key = self.to.vault.record_key(&stored.record.key).ok_or_else(unreadable)?;
        target.batch.put_cf(&self.to.family(Family::RecordKeys)?, key, layout::index_key(index));
        Ok(())
    }

    fn held(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let task = layout::read_u64(key).and_then(|id| self.incoming(id));
        let record = task.ok_or_else(|| StoreError::unreadable("an update that waits"))?;
        let value = target.keyring.seal_held(key, record, value)?;
        target.batch.put_cf(&self.to.family(Family::HeldUpdates)?, key, value);
        Ok(())
    }

    fn event(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let row = EventRow::decode(prost::bytes::Bytes::from(value));
        let mut row = row.map_err(|_| StoreError::unreadable("an event"))?;
        if row.last_event != 0 {
            row.last_event = self.last_event;
        }
        target.keyring.seal_parts(&mut row, |task| self.incoming(task))?;
        let value = row.encode_to_vec();
        self.last_event = event_digest(&value);
        self.to.put(&mut target.batch, Family::Events, key, value)
    }

    fn request(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let unreadable = |_| StoreError::unreadable("an answer to a request");
        let key = self.to.vault.request_key(std::str::from_utf8(key).map_err(unreadable)?);
        self.to.put(&mut target.batch, Family::Requests, &key, value)
    }

    fn meta(
        &mut self,
        target: &mut Target<'a>,
        key: &[u8],
        value: Vec<u8>,
    ) -> Result<(), StoreError> {
        let unreadable = || StoreError::unreadable("a user or an account");
        let vault = &self.to.vault;
        let key = match key {
            // What the store that is made says itself.
            META_FORMAT | META_ROOT | META_COUNTERS => return Ok(()),
            key if key.starts_with(layout::USERS) => {
                vault.user_key(&UserRow::decoded(&value).ok_or_else(unreadable)?.name)
            }
            key if key.starts_with(layout::SERVICES) => {
                vault.service_key(&ServiceRow::decoded(&value).ok_or_else(unreadable)?.name)
            }
            key => key.to_vec(),
        };
        self.to.put(&mut target.batch, Family::Meta, &key, value)
    }

    /// Blocking keys sort otherwise than before.
    fn postings(&mut self) -> Result<(), StoreError> {
        let workshop = self.to.dir.join("loading");
        let mut postings = start_sorting(&workshop)?;
        for posting in self.from.keys() {
            let (key, index) = posting?;
            postings.add(self.to.vault.posting_key(key, index))?;
            self.rows += 1;
        }
        take_in(self.to, postings, &workshop)
    }

    /// The counters vouch for the last event as it is now.
    fn counters(&self) -> Result<(), StoreError> {
        let (counters, mut seal) = (self.from.counters()?, self.from.seal()?);
        if seal.last_event != 0 {
            seal.last_event = self.last_event;
        }
        let mut batch = WriteBatch::default();
        let row = CountersRow::sealed(&counters, seal).encode_to_vec();
        batch.put_cf(&self.to.family(Family::Meta)?, META_COUNTERS, row);
        self.to.write(batch, &synced())
    }

    /// The record that a task asks about.
    fn incoming(&self, task: u64) -> Option<RecordIndex> {
        self.from.task(TaskId(task)).ok().flatten().map(|task| task.incoming)
    }
}
