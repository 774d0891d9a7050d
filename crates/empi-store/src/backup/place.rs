//! Directories that are there whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A directory that is filled under another name beside its place, and takes its place when complete.
/// Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub(crate) struct Unfinished {
    place: PathBuf,
    /// `None` once it has taken its place.
    temporary: Option<PathBuf>,
    /// The directory, locked for as long as somebody fills it: the lock of a process ends with it, so that
    /// what nobody has locked is what a crash left.
    _filling: File,
}

/// Refuses a place where something is: nothing is written over.
pub(crate) fn refuse_occupied(place: &Path) -> Result<(), StoreError> {
    let is_free = match std::fs::read_dir(place) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !place.exists(),
    };
    if is_free { Ok(()) } else { Err(StoreError::Occupied(place.to_owned())) }
}

/// What the names of unfinished directories end in.
const PART: &str = ".part";

/// What the names of unfinished directories of a place begin with; the number of a process follows.
fn hidden_prefix(name: &OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden
}

/// The directory that a place is in.
fn parent_of(place: &Path) -> &Path {
    let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Removes what earlier runs were killed over while they filled the same place. It takes as much room as
/// a backup; and a process may have the number of the one before, as every first process of a container
/// has, and then it would find its own name taken for ever.
fn remove_abandoned(parent: &Path, name: &OsStr) -> io::Result<()> {
    let prefix = hidden_prefix(name);
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let found = entry.file_name();
        let process = found
            .as_encoded_bytes()
            .strip_prefix(prefix.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(PART.as_bytes()));
        let is_ours = process.is_some_and(|it| !it.is_empty() && it.iter().all(u8::is_ascii_digit));
        if !is_ours || !entry.file_type()?.is_dir() {
            continue;
        }
        // The lock is held until it is gone, so that nobody else begins to remove it. What may not be
        // removed, or is gone already, is no reason to make no backup.
        if let Ok(abandoned) = File::open(entry.path())
            && abandoned.try_lock().is_ok()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

impl Unfinished {
    pub(crate) fn create(place: &Path) -> Result<Self, StoreError> {
        let unusable = |error| StoreError::Directory { dir: place.to_owned(), error };
        let name = place.file_name().ok_or_else(|| StoreError::Occupied(place.to_owned()))?;
        let parent = parent_of(place);
        std::fs::create_dir_all(parent).map_err(unusable)?;
        remove_abandoned(parent, name).map_err(unusable)?;
        // The process makes the name its own; two runs never share one.
        let mut hidden = hidden_prefix(name);
        hidden.push(std::process::id().to_string());
        hidden.push(PART);
        let temporary = place.with_file_name(hidden);
        std::fs::create_dir(&temporary).map_err(unusable)?;
        let filling = File::open(&temporary).map_err(unusable)?;
        filling.try_lock().map_err(|refused| unusable(refused.into()))?;
        Ok(Self { place: place.to_owned(), temporary: Some(temporary), _filling: filling })
    }

    /// Where it is filled.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.as_deref().unwrap_or(&self.place)
    }

    /// Makes the directory durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        File::open(self.path())?.sync_all()?;
        // Somebody may have put something there meanwhile: a full directory is not renamed over.
        std::fs::rename(self.path(), &self.place)?;
        self.temporary = None;
        Ok(File::open(parent_of(&self.place))?.sync_all()?)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // On the way out of an error there is nobody to tell; the name says what it is.
            let _ = std::fs::remove_dir_all(temporary);
        }
    }
}
