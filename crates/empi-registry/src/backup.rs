//! Backups of an index, also of one that serves, and making an index of a backup.

use std::path::{Path, PathBuf};

use empi_store::{BackupReport, CopyProgress, DataDir, RestoreReport, StoreError};

use crate::RegistryError;
use crate::offline;
use crate::query::stored_keys;
use crate::registry::Registry;

/// Longest name of a backup, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Copies a store that no server has open into a directory that does not exist yet or is empty.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing or open elsewhere, when something is in the place
/// of the backup, or when the disk refuses.
pub fn backup(
    dir: impl Into<DataDir>,
    to: &Path,
    progress: CopyProgress<'_>,
) -> Result<BackupReport, RegistryError> {
    Ok(offline::open(dir)?.backup(to, progress)?)
}

/// Makes a store of a backup, in a directory that does not exist yet or is empty, and verifies it: every
/// file against its checksum, every row against every other. Enterprise IDs are those of the backup.
///
/// # Errors
/// [`RegistryError::Store`] when there is no backup, when it is damaged, when something is in the place
/// of the store, or when the disk refuses; nothing is left behind then.
pub fn restore(
    from: &Path,
    to: impl Into<DataDir>,
    progress: CopyProgress<'_>,
) -> Result<RestoreReport, RegistryError> {
    Ok(empi_store::restore(from, to, &stored_keys, progress)?)
}

impl Registry {
    /// Copies the index as it is now into the directory of backups, under a name, while changes go on.
    /// Every change that was answered before is in the copy. Returns where it is and what it holds.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when no directory of backups was named at start, when there is a backup
    /// of this name, or while another one is made; [`RegistryError::Invalid`] for a name that is none;
    /// [`RegistryError::Store`] when the disk refuses.
    pub fn backup(
        &self,
        name: &str,
        progress: CopyProgress<'_>,
    ) -> Result<(PathBuf, BackupReport), RegistryError> {
        self.core.durability.check()?;
        check_name(name)?;
        let backups = self.core.backups.as_ref().ok_or_else(|| {
            RegistryError::conflict(
                "the server has no directory for backups: start it with --backups DIR",
            )
        })?;
        let to = backups.join(name);
        match self.core.store.backup(&to, progress) {
            Ok(report) => Ok((to, report)),
            Err(StoreError::Occupied(_)) => Err(RegistryError::conflict(
                "there is a backup of this name already, and nothing is written over: choose another \
                 name",
            )),
            Err(error @ StoreError::BackupRuns) => Err(RegistryError::conflict(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

/// A name is one plain step below the directory of backups, on any system.
fn check_name(name: &str) -> Result<(), RegistryError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(is_plain);
    if is_name {
        return Ok(());
    }
    Err(RegistryError::invalid(format!(
        "a backup's name has 1 to {NAME_BYTES_MAX} letters, digits, hyphens, points and underscores, \
         and begins with no point: choose such a name"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["monday", "2026-11-23T0200", "a.b_c-9"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "a/b", "/etc", "a\\b", "a b", "ä", &"x".repeat(101)]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
