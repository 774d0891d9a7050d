//! Master keys of an index that serves.

use empi_store::{Fingerprint, StoreError};

use crate::RegistryError;
use crate::registry::Registry;

impl Registry {
    /// Lets the next master key open the index, and the present one no longer, while changes go on. Backups that were made
    /// before open with the one of before.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when the index is not encrypted, when the registry was not told where the next key is, or when it cannot
    /// be read; [`RegistryError::Store`] when the disk refuses.
    pub fn rotate_key(&self) -> Result<Fingerprint, RegistryError> {
        self.core.durability.check()?;
        let read = self.core.next_key.as_ref().ok_or_else(|| {
            RegistryError::conflict(
                "the server was not told where the next key is: start it with --next-key-file or its like",
            )
        })?;
        let next = read().map_err(RegistryError::conflict)?;
        match self.core.store.rotate_key(&next) {
            Ok(()) => Ok(next.fingerprint()),
            Err(error @ StoreError::NotEncrypted(_)) => {
                Err(RegistryError::conflict(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}
