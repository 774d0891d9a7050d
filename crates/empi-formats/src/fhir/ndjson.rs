//! Records from NDJSON of FHIR R4 Patients, one resource on each line.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use empi_model::{RecordKey, SourceRecord};

use crate::authority::Authorities;
use crate::bytes::{Bytes, Progress, open_decoded};
use crate::error::shown;
use crate::field::Field;
use crate::layout::Recognised;
use crate::reader::{Chunk, Reject, TakeRows};
use crate::{FormatError, ReaderOptions};

use super::patient::record_of;
use super::types::Patient;

/// The longest line, in bytes: a Patient with photographs fits, a file without line ends does not.
const LINE_BYTES_MAX: usize = 8 << 20;

/// The elements that are read, with the fields they become.
const USED: [(&str, &str); 9] = [
    ("id", "record_id"),
    ("name", "given_name, middle_name, family_name, suffix"),
    ("birthDate", "birth_date"),
    ("gender", "sex"),
    ("address", "street, unit, city, state, postal_code, country"),
    ("telecom", "phone, email"),
    ("identifier", "ssn, mrn, identifier"),
    ("multipleBirthInteger", "birth_order"),
    ("extension", "mother_maiden_name, birth_place"),
];

/// Reads one NDJSON file.
pub(crate) struct NdjsonReader {
    path: PathBuf,
    input: BufReader<Bytes>,
    line: u64,
    chunk_rows: usize,
    source: String,
    pub(crate) recognised: Recognised,
    pub(crate) progress: Progress,
}

impl NdjsonReader {
    pub(crate) fn open(path: &Path, options: &ReaderOptions) -> Result<Self, FormatError> {
        if let Some(column) = &options.truth_column {
            return Err(FormatError::MissingColumn {
                file: shown(path),
                column: column.clone(),
                wanted_by: "the truth option",
            });
        }
        if let Some((column, _)) = options.columns.columns.first() {
            return Err(FormatError::MissingColumn {
                file: shown(path),
                column: column.clone(),
                wanted_by: "the columns file",
            });
        }
        let constants = &options.columns.constants;
        let source = constants.iter().find(|(field, _)| *field == Field::Source);
        let used = USED.iter().map(|(element, field)| ((*element).to_owned(), (*field).to_owned()));
        let progress = Progress::default();
        let bytes = open_decoded(path, progress.clone(), encoding_rs::UTF_8)?;
        Ok(Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(256 * 1024, bytes),
            line: 0,
            chunk_rows: options.chunk_rows.max(1),
            source: source.map_or_else(|| crate::reader::stem(path), |(_, value)| value.clone()),
            recognised: Recognised {
                used: used.collect(),
                encoding: "UTF-8",
                ..Recognised::default()
            },
            progress,
        })
    }

    /// The next lines, or `None` at the end.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let mut chunk = Chunk::default();
        let mut bytes = Vec::new();
        while chunk.records.len() + chunk.rejects.len() < self.chunk_rows {
            let is_whole = match self.next_line(&mut bytes) {
                Ok(Some(is_whole)) => is_whole,
                Ok(None) => break,
                Err(error) => return Err(FormatError::read(&self.path, error)),
            };
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let read = if is_whole {
                read_line(&bytes, &self.source)
            } else {
                Err("the line is longer than the limit of 8 MiB (line_bytes_max); only its beginning \
                     is kept here"
                    .to_owned())
            };
            match read {
                Ok(record) => chunk.take_record(record, self.line, None),
                Err(reason) => chunk.rejects.push(Reject {
                    file: shown(&self.path),
                    line: self.line,
                    reason,
                    raw: String::from_utf8_lossy(&bytes).trim_end().into(),
                }),
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Reads a line; gives whether it was within the limit, `None` at the end.
    fn next_line(&mut self, bytes: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
        bytes.clear();
        let limit = LINE_BYTES_MAX as u64;
        if (&mut self.input).take(limit).read_until(b'\n', bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.ends_with(b"\n") || bytes.len() < LINE_BYTES_MAX {
            return Ok(Some(true));
        }
        // Needs no memory for the rest of the line.
        Ok(Some(self.input.skip_until(b'\n')? == 0))
    }
}

/// One line as a record, or why it is none. The reason never quotes the line.
fn read_line(bytes: &[u8], source: &str) -> Result<SourceRecord, String> {
    let patient = Patient::read(bytes).map_err(|error| format!("the line is {error}"))?;
    let record_id = match patient.id.as_deref().map(str::trim) {
        None | Some("") => return Err(crate::row::BLANK_RECORD_ID.to_owned()),
        Some(id) => id.to_owned(),
    };
    Ok(record_of(&patient, RecordKey::new(source, record_id), &Authorities::default()))
}
