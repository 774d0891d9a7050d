//! Opening a directory: is it a store, may this program touch it, was it made to its end?

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use empi_model::{RecordIndex, RecordKey, TaskId};
use prost::Message as _;
use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, ErrorKind, Options, WriteBatch};

use crate::backup::LIST;
use crate::layout::{self, FORMAT, Family, SEALED_FORMAT};
use crate::seal::Seal;
use crate::store::{
    META_CREATED_BY, META_FORMAT, META_LOADING, META_MODEL, META_REBUILDING, META_ROOT,
    StoreOptions, synced,
};
use crate::vault::{MasterKey, Vault};
use crate::{Store, StoreError};

/// Where a store is, and what opens it.
#[derive(Clone)]
pub struct DataDir {
    /// The directory.
    pub path: PathBuf,
    /// The master keys of a store that is encrypted at rest, tried in turn; the first encrypts a store that is made. None
    /// for a store that is not encrypted.
    pub keys: Vec<MasterKey>,
}

impl From<&Path> for DataDir {
    fn from(path: &Path) -> Self {
        Self { path: path.to_owned(), keys: Vec::new() }
    }
}

impl From<&PathBuf> for DataDir {
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<&Self> for DataDir {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

/// What a directory holds before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Nothing, or what making a store leaves behind when it breaks off.
    Nothing,
    /// A store with all its families.
    Store,
    /// A store of an earlier format, without families that are younger.
    Earlier,
}

impl Store {
    /// Opens a store, or makes one if the options say so.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Foreign`], [`StoreError::Locked`],
    /// [`StoreError::Newer`], [`StoreError::Incomplete`], [`StoreError::Rebuilding`],
    /// [`StoreError::Corrupt`], [`StoreError::KeyMissing`], [`StoreError::KeyWrong`], [`StoreError::KeyUnwanted`],
    /// [`StoreError::Directory`], or what RocksDB says.
    pub fn open(place: impl Into<DataDir>, options: &StoreOptions) -> Result<Self, StoreError> {
        let store = Self::open_as_it_is(&place.into(), options)?;
        if store.meta_value(META_REBUILDING)?.is_some() {
            return Err(StoreError::Rebuilding(store.dir));
        }
        store.seal_with(store.read_seal()?);
        *store.audit_end() = store.read_audit_end()?;
        Ok(store)
    }

    /// Opens a store, also one of which a rebuild broke off.
    pub(crate) fn open_as_it_is(
        place: &DataDir,
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let dir = place.path.as_path();
        let unusable = |error| StoreError::Directory { dir: dir.to_owned(), error };
        let content = content_of(dir)?;
        if content == Content::Nothing {
            if !options.create {
                return Err(StoreError::Missing(dir.to_owned()));
            }
            std::fs::create_dir_all(dir).map_err(unusable)?;
        }
        let mut database = layout::database_options(content == Content::Nothing);
        database.create_missing_column_families(content != Content::Store);
        let db = DB::open_cf_descriptors(&database, dir, layout::descriptors())
            .map_err(|error| open_error(error, dir))?;
        let mut store = Self::of(db, dir);
        match store.format()? {
            Some(found) if found > SEALED_FORMAT => {
                Err(StoreError::Newer { found, supported: SEALED_FORMAT })
            }
            Some(_) if store.meta_value(META_LOADING)?.is_some() => {
                Err(StoreError::Incomplete(dir.to_owned()))
            }
            Some(_) => {
                let root = store.meta_value(META_ROOT)?;
                store.vault = Vault::open_with(root.as_deref(), &place.keys, dir)?;
                Ok(store)
            }
            // Nothing was ever written: making it broke off, or begins here.
            None if store.db.latest_sequence_number() == 0 => {
                if !options.create {
                    return Err(StoreError::Missing(dir.to_owned()));
                }
                store.introduce(&place.keys, options)?;
                Ok(store)
            }
            None => Err(StoreError::Foreign(dir.to_owned())),
        }
    }

    /// A database that is open.
    pub(crate) fn of(db: DB, dir: &Path) -> Self {
        Self {
            db,
            dir: dir.to_owned(),
            poisoned: AtomicBool::new(false),
            backing_up: Mutex::new(()),
            seal: Mutex::new(Seal::default()),
            audit: Mutex::default(),
            vault: Vault::default(),
        }
    }

    pub(crate) fn format(&self) -> Result<Option<u32>, StoreError> {
        let Some(bytes) = self.meta_value(META_FORMAT)? else { return Ok(None) };
        let number = bytes.try_into().map(u32::from_be_bytes);
        number.map(Some).map_err(|_| StoreError::unreadable("the store's format"))
    }

    /// Lets a store of an earlier format say that it has the present one, so that no earlier program
    /// reads what is written from now on. Its rows stay as they are: the present codec reads them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn upgrade(&self) -> Result<(), StoreError> {
        let Some(found) = self.format()? else { return Ok(()) };
        let present = if layout::is_sealed(found) { SEALED_FORMAT } else { FORMAT };
        if found >= present {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        batch.put_cf(&self.family(Family::Meta)?, META_FORMAT, present.to_be_bytes());
        self.write(batch, &synced())
    }

    /// The first write: the store says what it is.
    fn introduce(&mut self, keys: &[MasterKey], options: &StoreOptions) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let mut format = FORMAT;
        let vault = keys.first().map(Vault::create).transpose()?;
        let meta = self.family(Family::Meta)?;
        if let Some((_, root)) = &vault {
            format = SEALED_FORMAT;
            batch.put_cf(&meta, META_ROOT, root.encode_to_vec());
        }
        batch.put_cf(&meta, META_FORMAT, format.to_be_bytes());
        batch.put_cf(&meta, META_MODEL, &options.model);
        batch.put_cf(&meta, META_CREATED_BY, env!("CARGO_PKG_VERSION"));
        drop(meta);
        self.write(batch, &synced())?;
        self.vault = vault.map(|(vault, _)| vault).unwrap_or_default();
        Ok(())
    }

    /// What stands in the place of a record's key once the record is erased: a keyed hash, under a source without a name.
    /// `None` for a store that is not encrypted.
    #[must_use]
    pub fn tombstone(&self, key: &RecordKey) -> Option<RecordKey> {
        self.vault.tombstone(key)
    }

    /// Writes the files anew in which rows may still stand as they were: of records that were erased, with their data keys,
    /// of tasks about them, and of answers to requests about them. A snapshot that somebody holds meanwhile keeps what it sees.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] after an earlier failure; else what RocksDB says.
    pub fn purge(&self, records: &[RecordIndex], tasks: &[TaskId]) -> Result<(), StoreError> {
        self.forget_derived()?;
        self.write_out()?;
        for record in records {
            self.compact(Family::Records, &layout::index_key(*record))?;
        }
        for task in tasks {
            self.compact(Family::Tasks, &layout::task_key(*task))?;
            self.compact(Family::HeldUpdates, &layout::task_key(*task))?;
        }
        // Which of the answers were about them is not known any more; they are few.
        self.compact_between(Family::Requests, None, None)
    }

    /// Whether the store is encrypted at rest.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.vault.is_sealed()
    }

    /// Lets another master key open the store, and the one of before no longer: the root is wrapped anew, no other row is
    /// touched, and what is left of the old wrapping goes from the files. Commits go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotEncrypted`], or as [`commit`](Self::commit).
    pub fn rotate_key(&self, master: &MasterKey) -> Result<(), StoreError> {
        let row = self.vault.wrapped_by(master)?;
        let row = row.ok_or_else(|| StoreError::NotEncrypted(self.dir.clone()))?;
        let meta = self.family(Family::Meta)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(&meta, META_ROOT, row.encode_to_vec());
        self.write(batch, &synced())?;
        // The log holds the old row until all families are in files, and a file holds it until it is compacted.
        self.write_out()?;
        self.compact(Family::Meta, META_ROOT)
    }

    /// Writes the files anew in which a row may stand as it was before.
    pub(crate) fn compact(&self, family: Family, key: &[u8]) -> Result<(), StoreError> {
        self.compact_between(family, Some(key), Some(&[key, &[0]].concat()))
    }

    fn compact_between(
        &self,
        family: Family,
        first: Option<&[u8]>,
        end: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let family = self.family(family)?;
        self.db.compact_range_cf_opt(&family, first, end, &options);
        Ok(())
    }
}

fn content_of(dir: &Path) -> Result<Content, StoreError> {
    let unusable = |error| StoreError::Directory { dir: dir.to_owned(), error };
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Nothing),
        entries => entries.map_err(unusable)?,
    };
    if !dir.join("CURRENT").is_file() {
        if dir.join(LIST).is_file() {
            return Err(StoreError::Backup(dir.to_owned()));
        }
        for entry in entries {
            let name = entry.map_err(unusable)?.file_name();
            if !is_left_by_creation(&name.to_string_lossy()) {
                return Err(StoreError::Foreign(dir.to_owned()));
            }
        }
        return Ok(Content::Nothing);
    }
    // A list that cannot be read is damage, of which opening tells more.
    let Ok(names) = DB::list_cf(&Options::default(), dir) else { return Ok(Content::Store) };
    let is_there = |family: &Family| names.iter().any(|name| name == family.as_str());
    let is_known =
        |name: &String| name == "default" || Family::ALL.iter().any(|it| it.as_str() == name);
    let is_ours = is_there(&Family::Meta);
    let has_all = Family::ALL.iter().all(is_there);
    let mut elder = Family::ALL.iter().filter(|family| !layout::YOUNGER.contains(family));
    let is_earlier = !has_all && elder.all(is_there) && !is_unwritten(dir, &names)?;
    match (has_all, names.iter().all(is_known)) {
        (true, true) => Ok(Content::Store),
        (false, true) if is_ours && is_earlier => Ok(Content::Earlier),
        // Written by a program that knows other families than this one.
        (_, false) if is_ours => {
            Err(StoreError::Newer { found: SEALED_FORMAT + 1, supported: SEALED_FORMAT })
        }
        (false, true) if is_unwritten(dir, &names)? => Ok(Content::Nothing),
        _ => Err(StoreError::Foreign(dir.to_owned())),
    }
}

/// Files that RocksDB makes before there is a database, and the one that some file systems put into
/// every root.
fn is_left_by_creation(name: &str) -> bool {
    matches!(name, "LOCK" | "IDENTITY" | "MANIFEST-000001" | "000001.dbtmp" | "lost+found")
        || name.starts_with("LOG")
}

/// Whether a database without some of the families was never written to: its making broke off.
fn is_unwritten(dir: &Path, names: &[String]) -> Result<bool, StoreError> {
    let db = DB::open_cf_for_read_only(&Options::default(), dir, names, false)
        .map_err(|error| open_error(error, dir))?;
    Ok(db.latest_sequence_number() == 0)
}

/// RocksDB tells only in words that the lock is taken.
fn open_error(error: rocksdb::Error, dir: &Path) -> StoreError {
    let says = |words: &str| error.as_ref().contains(words);
    if error.kind() == ErrorKind::IOError && (says("lock hold") || says("While lock file")) {
        return StoreError::Locked(dir.to_owned());
    }
    error.into()
}
