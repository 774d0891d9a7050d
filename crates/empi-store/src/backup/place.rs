//! Directories that are there whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A directory that is filled under another name beside its place, and takes its place when complete.
/// Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub(super) struct Unfinished {
    place: PathBuf,
    /// `None` once it has taken its place.
    temporary: Option<PathBuf>,
}

/// Refuses a place where something is: nothing is written over.
pub(super) fn refuse_occupied(place: &Path) -> Result<(), StoreError> {
    let is_free = match std::fs::read_dir(place) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !place.exists(),
    };
    if is_free { Ok(()) } else { Err(StoreError::Occupied(place.to_owned())) }
}

impl Unfinished {
    pub(super) fn create(place: &Path) -> Result<Self, StoreError> {
        let unusable = |error| StoreError::Directory { dir: place.to_owned(), error };
        let name = place.file_name().ok_or_else(|| StoreError::Occupied(place.to_owned()))?;
        // The process makes the name its own; two runs never share one.
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let temporary = place.with_file_name(hidden);
        if let Some(parent) = place.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(unusable)?;
        }
        std::fs::create_dir(&temporary).map_err(unusable)?;
        Ok(Self { place: place.to_owned(), temporary: Some(temporary) })
    }

    /// Where it is filled.
    pub(super) fn path(&self) -> &Path {
        self.temporary.as_deref().unwrap_or(&self.place)
    }

    /// Makes the directory durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        File::open(self.path())?.sync_all()?;
        // Somebody may have put something there meanwhile: a full directory is not renamed over.
        std::fs::rename(self.path(), &self.place)?;
        self.temporary = None;
        let parent = self.place.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok(File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
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
