//! Looking at a store that no server has open.

use std::path::Path;

use empi_linkage::LinkageModel;
use empi_store::{
    DataDir, EncryptReport, MasterKey, RebuildReport, Store, StoreOptions, StoreStats, VerifyReport,
};

use crate::RegistryError;
use crate::mirror::{Keeper, Mirror};
use crate::query::stored_keys;
use crate::words::KEPT_RECORDS_MIN;

/// Reads a whole store and checks that everything in it agrees.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read; what does not
/// agree is in the report.
pub fn verify(dir: impl Into<DataDir>) -> Result<VerifyReport, RegistryError> {
    Ok(open(dir)?.verify(&stored_keys)?)
}

/// Figures of a store.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read.
pub fn stats(dir: impl Into<DataDir>) -> Result<StoreStats, RegistryError> {
    Ok(open(dir)?.stats())
}

pub(crate) fn open(dir: impl Into<DataDir>) -> Result<Store, RegistryError> {
    // The model's name is written only when a store is made, which does not happen here.
    Ok(Store::open(dir, &StoreOptions { model: String::new(), create: false })?)
}

/// Reads a store that was loaded into memory once and keeps that, so that its first start is as quick as later ones. A small
/// store needs none of it. Whether anything was kept.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read.
pub fn keep(dir: impl Into<DataDir>, model: &LinkageModel) -> Result<bool, RegistryError> {
    let store = open(dir)?;
    let snapshot = store.snapshot();
    if snapshot.counters()?.records < KEPT_RECORDS_MIN {
        return Ok(false);
    }
    let mirror = Mirror::of_records(model, &snapshot)?;
    Ok(Keeper::new(KEPT_RECORDS_MIN, None).keep(&mirror, &store))
}

/// Makes an encrypted store of one that is not, in a directory that does not exist yet or is empty, and verifies it.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing, open elsewhere, damaged or encrypted already, or when something is
/// in the place of the new one; nothing is left behind then.
pub fn encrypt(from: &Path, to: &Path, key: &MasterKey) -> Result<EncryptReport, RegistryError> {
    Ok(empi_store::encrypt(from, to, key, &stored_keys)?)
}

/// Lets another master key open an encrypted store, and the one of before no longer.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing, open elsewhere or not encrypted, or when the disk refuses.
pub fn rotate_key(dir: impl Into<DataDir>, key: &MasterKey) -> Result<(), RegistryError> {
    Ok(open(dir)?.rotate_key(key)?)
}

/// Makes anew what is derived in a store: the keys that lead to records, blocking keys, the lists of records of
/// persons, the list of open tasks, the counters.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing, open elsewhere, or when something is damaged that
/// everything else follows from.
pub fn rebuild(dir: impl Into<DataDir>) -> Result<RebuildReport, RegistryError> {
    Ok(empi_store::rebuild(dir, &stored_keys)?)
}
