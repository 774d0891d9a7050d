//! Backups: a copy of a store, taken while it serves, that proves itself when it is restored.
//!
//! ```text
//! DIR/BACKUP          the list: format, counters, every file with its size and checksum
//! DIR/files/NAME      the files of the store
//! ```
//!
//! RocksDB makes an image of one moment inside the store's directory, by hard links; the image is copied
//! byte by byte, so that a file that rots in the store does not rot in the backup; the copy takes its name
//! when all of it is on disk. Restoring copies every file back against its checksum, opens the store,
//! verifies every row against every other, and only then gives the directory its name.

mod list;
mod place;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::TryLockError;

use rocksdb::DB;
use rocksdb::checkpoint::Checkpoint;
use xxhash_rust::xxh3::Xxh3;

use crate::layout::{self, FORMAT, SEALED_FORMAT};
use crate::store::StoreOptions;
use crate::verify::KeysOf;
use crate::{Counters, DataDir, Store, StoreError, VerifyReport};
pub(crate) use list::LIST;
use list::{BackupList, ListedFile};
pub(crate) use place::{Unfinished, refuse_occupied};

/// The directory of the files inside a backup.
const FILES: &str = "files";

/// Bytes that are copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// Told the bytes that are copied and how many there are in all.
pub type CopyProgress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What is in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// How many of each the store held at the moment of the backup.
    pub counters: Counters,
    /// Files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// What was in the backup.
    pub backup: BackupReport,
    /// What was read when the restored store was verified: without problems.
    pub verified: VerifyReport,
}

impl Store {
    /// Copies the store as it is now into a directory that does not exist yet or is empty. Everything
    /// that was committed before is in the copy, and each commit is in it as a whole or not at all;
    /// commits go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Occupied`], [`StoreError::BackupRuns`], [`StoreError::Poisoned`], or what the disk
    /// says; nothing is left behind then.
    pub fn backup(
        &self,
        to: &Path,
        progress: CopyProgress<'_>,
    ) -> Result<BackupReport, StoreError> {
        self.refuse_if_poisoned()?;
        refuse_occupied(to)?;
        let _running = match self.backing_up.try_lock() {
            Ok(running) => running,
            // It guards no value that a panic could have left half done.
            Err(TryLockError::Poisoned(running)) => running.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(StoreError::BackupRuns),
        };
        let image = Image::of(self)?;
        let unfinished = Unfinished::create(to)?;
        let counters = image.counters()?;
        let files = copy_all(&image.0, unfinished.path(), progress)?;
        let list = BackupList { format: self.format()?.unwrap_or(FORMAT), counters, files };
        list.write(unfinished.path())?;
        unfinished.finish()?;
        Ok(list.report())
    }
}

/// Makes a store of a backup, in a directory that does not exist yet or is empty, and verifies it.
/// `keys_of` is as for [`Store::verify`].
///
/// # Errors
/// [`StoreError::NoBackup`], [`StoreError::Occupied`], [`StoreError::Newer`],
/// [`StoreError::BackupDamaged`] when a file or a row is not what it was, or what the disk says; nothing
/// is left behind then.
pub fn restore(
    from: &Path,
    to: impl Into<DataDir>,
    keys_of: KeysOf<'_>,
    progress: CopyProgress<'_>,
) -> Result<RestoreReport, StoreError> {
    let DataDir { path: to, keys } = to.into();
    let list = BackupList::read(from)?;
    match list.format {
        found if found > SEALED_FORMAT => {
            return Err(StoreError::Newer { found, supported: SEALED_FORMAT });
        }
        found if layout::is_sealed(found) && keys.is_empty() => {
            return Err(StoreError::KeyMissing(from.to_owned()));
        }
        _ => {}
    }
    refuse_occupied(&to)?;
    let unfinished = Unfinished::create(&to)?;
    let damaged = |what: String| StoreError::BackupDamaged { dir: from.to_owned(), what };
    let total = list.report().bytes;
    let mut done = 0;
    for file in &list.files {
        let source = from.join(FILES).join(&file.name);
        if !source.is_file() {
            return Err(damaged(format!("the file {} is missing", file.name)));
        }
        let copied = copy(&source, &unfinished.path().join(&file.name), &mut |bytes| {
            done += bytes;
            progress(done, total);
        })?;
        if copied != (file.bytes, file.checksum) {
            return Err(damaged(format!("the file {} is not as it was written", file.name)));
        }
    }
    let place = DataDir { path: unfinished.path().to_owned(), keys };
    let store = Store::open(&place, &StoreOptions::default())?;
    let verified = store.verify(keys_of)?;
    let counters = store.snapshot().counters()?;
    drop(store);
    if let Some(first) = verified.problems.first() {
        let count = verified.problem_count;
        return Err(damaged(format!(
            "its rows do not agree ({count} problems, the first: {first})"
        )));
    }
    if counters != list.counters {
        return Err(damaged("it does not hold as much as its list says".to_owned()));
    }
    unfinished.finish()?;
    Ok(RestoreReport { backup: list.report(), verified })
}

/// A store at one moment, as files inside its own directory. They vanish with it.
struct Image(PathBuf);

impl Image {
    fn of(store: &Store) -> Result<Self, StoreError> {
        let dir = store.dir.join("backing-up");
        // Left by a backup that a crash broke off: this process alone has the store.
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        Checkpoint::new(&store.db)?.create_checkpoint(&dir)?;
        Ok(Self(dir))
    }

    fn counters(&self) -> Result<Counters, StoreError> {
        let database = layout::database_options(false);
        let families = layout::descriptors();
        let db = DB::open_cf_descriptors_read_only(&database, &self.0, families, false)?;
        Store::of(db, &self.0).snapshot().counters()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // What is left takes little room, and the next backup removes it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Copies the files of an image, in the order of their names.
fn copy_all(
    image: &Path,
    backup: &Path,
    progress: CopyProgress<'_>,
) -> Result<Vec<ListedFile>, StoreError> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(image)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The info log and the lock are of the process that opened it.
        if !name.starts_with("LOG") && name != "LOCK" {
            sources.push((name, entry.metadata()?.len()));
        }
    }
    sources.sort_unstable();
    let total = sources.iter().map(|(_, bytes)| bytes).sum();
    let files = backup.join(FILES);
    std::fs::create_dir(&files)?;
    let mut done = 0;
    let mut listed = Vec::with_capacity(sources.len());
    for (name, _) in sources {
        let (bytes, checksum) = copy(&image.join(&name), &files.join(&name), &mut |bytes| {
            done += bytes;
            progress(done, total);
        })?;
        listed.push(ListedFile { checksum, bytes, name });
    }
    File::open(&files)?.sync_all()?;
    Ok(listed)
}

/// Copies a file so that it is on disk, and gives its size and checksum as read.
fn copy(from: &Path, to: &Path, copied: &mut dyn FnMut(u64)) -> Result<(u64, u128), StoreError> {
    let (mut source, mut target) = (File::open(from)?, File::create_new(to)?);
    let mut hash = Xxh3::new();
    let mut bytes = 0;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let length = source.read(&mut buffer)?;
        let read = buffer.get(..length).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        hash.update(read);
        target.write_all(read)?;
        bytes += read.len() as u64;
        copied(read.len() as u64);
    }
    target.sync_all()?;
    Ok((bytes, hash.digest128()))
}
