//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::FormatError;

/// A file that is written under a temporary name beside its place, and takes its place when complete.
/// Dropped before [`finish`](Self::finish), it leaves nothing behind.
pub(crate) struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    output: Option<BufWriter<File>>,
}

impl AtomicFile {
    pub(crate) fn create(path: &Path) -> Result<Self, FormatError> {
        let failed = |error| FormatError::written(path, error);
        let Some(name) = path.file_name() else {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it names no file")));
        };
        // The process makes the name its own; two runs never share a temporary file.
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let file = File::create(&temporary).map_err(failed)?;
        let output = Some(BufWriter::with_capacity(256 * 1024, file));
        Ok(Self { path: path.to_owned(), temporary, output })
    }

    /// Makes the file durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), FormatError> {
        let result = self.put_in_place();
        result.map_err(|error| FormatError::written(&self.path, error))
    }

    fn put_in_place(&mut self) -> io::Result<()> {
        let Some(output) = self.output.take() else { return Ok(()) };
        let placed = output
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.temporary, &self.path));
        if placed.is_err() {
            let _ = fs::remove_file(&self.temporary);
            return placed;
        }
        // The name itself must survive a power failure too. Where directories cannot be synced, it
        // is the system's to keep it.
        let directory = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
            let _ = directory.sync_all();
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.output.as_mut().map_or(Ok(0), |output| output.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.output.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole file: it is there complete and durable, or as it was before.
///
/// # Errors
/// [`FormatError::Io`] when the file cannot be written.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FormatError> {
    let mut file = AtomicFile::create(path.as_ref())?;
    file.write_all(bytes).map_err(|error| FormatError::written(path.as_ref(), error))?;
    file.finish()
}
