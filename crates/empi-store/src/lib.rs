//! The only room that knows RocksDB: a directory that holds an index, durable and checked.
//!
//! The interface is narrow on purpose, so that another engine can stand behind it: read a
//! [`Snapshot`], write [`Commit`]s as one, fill an empty store in bulk, verify, back up and
//! restore.
//!
//! A store may be encrypted at rest ([`MasterKey`]): then nothing of a patient leaves this room for the disk in the clear.
//!
//! **Invariants:** a commit is on disk as a whole before [`Store::commit`] returns, or not at all; after
//! a failed write the store takes no more; no row with patient data has a `Debug`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[cfg(debug_assertions)]
mod again;
mod audit;
mod backup;
mod bulk;
mod codec;
mod derived;
mod error;
mod lab;
mod layout;
mod open;
mod postings;
mod proposals;
mod raw;
mod rebuild;
mod rows;
mod seal;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;
mod users;
mod vault;
mod verify;

#[cfg(debug_assertions)]
pub use again::Rows;
pub use audit::{
    AUDIT_PROBLEMS_MAX, AuditArchive, AuditFault, AuditProblem, AuditReport, check_archive,
};
pub use backup::{BackupReport, CopyProgress, RestoreReport, restore};
pub use bulk::BulkLoader;
pub use derived::{Derived, DerivedChunk};
pub use error::StoreError;
pub use open::DataDir;
pub use raw::each_raw_row;
pub use rebuild::{RebuildReport, rebuild};
pub use rows::{
    Commit, Counters, KeptApart, StoredAnswer, StoredModel, StoredRecord, StoredRegistration,
    StoredRequest,
};
pub use snapshot::Snapshot;
pub use store::{Store, StoreMeta, StoreOptions, StoreStats};
pub use vault::{EncryptReport, Fingerprint, MasterKey, encrypt};
pub use verify::{KeysOf, PROBLEMS_MAX, VerifyReport};
