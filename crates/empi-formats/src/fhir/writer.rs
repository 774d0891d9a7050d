//! Patients out, one resource on each line, as [`crate::open`] reads them.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::FormatError;
use crate::atomic::AtomicFile;

use super::types::Patient;

/// Writes a file of Patients; it appears under its name when finished. A name that ends in `.gz` makes a packed one.
pub struct PatientsWriter(Output);

enum Output {
    Plain(AtomicFile),
    Packed(GzEncoder<AtomicFile>),
}

impl PatientsWriter {
    /// Begins the file.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        let path = path.as_ref();
        let file = AtomicFile::create(path)?;
        let is_packed = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("gz"));
        Ok(Self(if is_packed {
            Output::Packed(GzEncoder::new(file, Compression::fast()))
        } else {
            Output::Plain(file)
        }))
    }

    /// Writes a Patient.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn write(&mut self, patient: &Patient) -> Result<(), FormatError> {
        let (output, path): (&mut dyn Write, _) = match &mut self.0 {
            Output::Plain(file) => {
                let path = file.path().to_owned();
                (file, path)
            }
            Output::Packed(packed) => {
                let path = packed.get_ref().path().to_owned();
                (packed, path)
            }
        };
        let mut line = serde_json::to_vec(patient)
            .map_err(|error| FormatError::written(&path, error.into()))?;
        line.push(b'\n');
        output.write_all(&line).map_err(|error| FormatError::written(&path, error))
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn finish(self) -> Result<(), FormatError> {
        match self.0 {
            Output::Plain(file) => file.finish(),
            Output::Packed(packed) => {
                let path = packed.get_ref().path().to_owned();
                packed.finish().map_err(|error| FormatError::written(&path, error))?.finish()
            }
        }
    }
}
