//! Looking at a store that no server has open.

use std::path::Path;

use empi_store::{RebuildReport, Store, StoreOptions, StoreStats, VerifyReport};

use crate::RegistryError;
use crate::query::stored_keys;

/// Reads a whole store and checks that everything in it agrees.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read; what does not
/// agree is in the report.
pub fn verify(dir: &Path) -> Result<VerifyReport, RegistryError> {
    Ok(open(dir)?.verify(&stored_keys)?)
}

/// Figures of a store.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read.
pub fn stats(dir: &Path) -> Result<StoreStats, RegistryError> {
    Ok(open(dir)?.stats())
}

pub(crate) fn open(dir: &Path) -> Result<Store, RegistryError> {
    // The model's name is written only when a store is made, which does not happen here.
    Ok(Store::open(dir, &StoreOptions { model: String::new(), create: false })?)
}

/// Makes anew what is derived in a store: the keys that lead to records, blocking keys, the lists of records of
/// persons, the list of open tasks, the counters.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing, open elsewhere, or when something is damaged that
/// everything else follows from.
pub fn rebuild(dir: &Path) -> Result<RebuildReport, RegistryError> {
    Ok(empi_store::rebuild(dir, &stored_keys)?)
}
