//! What can go wrong with a store, each as one sentence that says what to do.

use std::path::PathBuf;

use crate::Fingerprint;

/// A failure of the store. No message carries patient data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("the store {} is in use by another process: stop it, or use another directory", .0.display())]
    Locked(PathBuf),
    /// The store was written by a later version of the program.
    #[error(
        "the store has format {found}, and this program reads up to {supported}: use the newer \
         program that wrote it"
    )]
    Newer {
        /// The store's format.
        found: u32,
        /// The latest that is read.
        supported: u32,
    },
    /// A bulk load was broken off.
    #[error("the store {} was not loaded to its end: delete it and load again", .0.display())]
    Incomplete(PathBuf),
    /// A rebuild was broken off.
    #[error(
        "the store {} was being rebuilt and is not complete: run `empi rebuild` again",
        .0.display()
    )]
    Rebuilding(PathBuf),
    /// There is no store.
    #[error("there is no store in {}: `empi load` or `empi serve` makes one", .0.display())]
    Missing(PathBuf),
    /// The directory holds something else.
    #[error("{} holds files that are no store: choose an empty directory", .0.display())]
    Foreign(PathBuf),
    /// The directory holds a backup.
    #[error("{} is a backup and no store: make a store of it with `empi restore`", .0.display())]
    Backup(PathBuf),
    /// There is no backup.
    #[error("there is no backup in {}: name a directory that `empi backup` made", .0.display())]
    NoBackup(PathBuf),
    /// A backup is not as it was written.
    #[error("the backup {} is damaged, {what}: restore another one", dir.display())]
    BackupDamaged {
        /// The directory.
        dir: PathBuf,
        /// What is wrong. Never patient data.
        what: String,
    },
    /// A backup was asked for while another one is made.
    #[error("another backup is being made: ask again when it is done")]
    BackupRuns,
    /// Something is where a directory should be made.
    #[error("{} is there already, and nothing is written over: choose another directory", .0.display())]
    Occupied(PathBuf),
    /// The store is encrypted at rest, and no key was given.
    #[error(
        "the store {} is encrypted and no key was given: name its master key with --key-file, --key-env or \
         --key-command",
        .0.display()
    )]
    KeyMissing(PathBuf),
    /// The store is encrypted at rest, under another key.
    #[error(
        "the store {} is encrypted under the master key {due}, and the key given is {given}: give the one that it was \
         encrypted or rotated with last",
        dir.display()
    )]
    KeyWrong {
        /// The directory.
        dir: PathBuf,
        /// The key that was given.
        given: Fingerprint,
        /// The key that opens it.
        due: Fingerprint,
    },
    /// A key was given for a store that is not encrypted.
    #[error(
        "the store {} is not encrypted and a key was given: make an encrypted one of it with `empi key encrypt`, or \
         leave the key out",
        .0.display()
    )]
    KeyUnwanted(PathBuf),
    /// Something was asked for that only an encrypted store can do.
    #[error("the store {} is not encrypted: make an encrypted one of it with `empi key encrypt`", .0.display())]
    NotEncrypted(PathBuf),
    /// A store that is encrypted was to be encrypted.
    #[error("the store {} is encrypted already: give it another key with `empi key rotate`", .0.display())]
    Encrypted(PathBuf),
    /// The operating system gives no random bytes.
    #[error("the system gives no random bytes for keys: look after it, then start again")]
    NoChance,
    /// A bulk load needs an empty store.
    #[error("the store {} has records already: load into an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// A write failed before; what is on disk is known only after opening it again.
    #[error("the disk failed in an earlier write: look after it, then start again")]
    Poisoned,
    /// Something in the store does not agree with the rest of it.
    #[error("the store is damaged, {0}: run `empi verify`, and restore a backup if it agrees")]
    Damaged(String),
    /// RocksDB found bytes that are not those it wrote. It redacts keys in its messages.
    #[error("the store's files are damaged, {0}: restore a backup")]
    Corrupt(rocksdb::Error),
    /// A name is longer than a key of the store can be.
    #[error("{0} is longer than {1} bytes: shorten it where it comes from")]
    TooLong(&'static str, usize),
    /// The operating system refuses the directory.
    #[error("the directory {} cannot be used for a store, {error}: choose another one", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The operating system refused.
    #[error("the store cannot be reached, {0}: look after the disk, then try again")]
    Io(#[from] std::io::Error),
    /// RocksDB refused.
    #[error("the store cannot be read or written, {0}: look after the disk, then start again")]
    RocksDb(rocksdb::Error),
}

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        match error.kind() {
            rocksdb::ErrorKind::Corruption => Self::Corrupt(error),
            _ => Self::RocksDb(error),
        }
    }
}

impl StoreError {
    /// A row that does not read.
    pub(crate) fn unreadable(what: &str) -> Self {
        Self::Damaged(format!("{what} does not read"))
    }
}
