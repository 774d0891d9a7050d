//! One way to read every kind of file: chunks of records, rejects and, when asked for, the truth.

use std::path::Path;
use std::sync::Arc;

use empi_model::{PatientText, SourceRecord};

use crate::csv_file::{CsvParser, CsvReader};
use crate::csv_parts::CsvPart;
use crate::error::shown;
use crate::fhir::NdjsonReader;
use crate::parquet_file::ParquetReader;
use crate::row::canonical_row;
use crate::{ColumnMap, FormatError, Recognised};

/// How files are read.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// What the user says about columns.
    pub columns: ColumnMap,
    /// Whether the first bad row is an error.
    pub strict: bool,
    /// The column that holds the truth; it is returned and never used as data.
    pub truth_column: Option<String>,
    /// Rows per chunk: bounds the memory of reading. At least 1.
    pub chunk_rows: usize,
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self {
            columns: ColumnMap::default(),
            strict: false,
            truth_column: None,
            chunk_rows: 50_000,
        }
    }
}

/// A row that is no record, set aside as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The file.
    pub file: String,
    /// The row's first line, 1-based; in Parquet the row.
    pub line: u64,
    /// Why, in words, without a value of the row.
    pub reason: String,
    /// The row itself: patient data.
    pub raw: PatientText,
}

/// Some rows of a file.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// The records, in the order of the file.
    pub records: Vec<SourceRecord>,
    /// For each record the value of the truth column, `None` when blank; empty when no truth was asked
    /// for.
    pub truth: Vec<Option<String>>,
    /// For each record its first line in the file, 1-based; in Parquet its row.
    pub lines: Vec<u64>,
    /// Rows that are no records.
    pub rejects: Vec<Reject>,
}

impl Chunk {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.rejects.is_empty()
    }

    /// The record `at` as a reject, for reasons found later (such as a key that came before). Its row is
    /// written anew, under the canonical columns.
    #[must_use]
    pub fn reject(&self, file: &Path, at: usize, reason: &str) -> Reject {
        let row = self.records.get(at).map_or_else(String::new, |record| {
            let mut writer = csv::Writer::from_writer(Vec::new());
            // Writing to memory does not fail.
            let written = writer.write_record(canonical_row(record)).is_ok();
            let bytes = if written { writer.into_inner().unwrap_or_default() } else { Vec::new() };
            String::from_utf8_lossy(&bytes).trim_end().to_owned()
        });
        Reject {
            file: shown(file),
            line: self.lines.get(at).copied().unwrap_or_default(),
            reason: reason.to_owned(),
            raw: row.into(),
        }
    }
}

/// Takes rows as they are parsed, so that a record need not outlive its turn.
pub trait TakeRows {
    /// A record, its first line in the file, 1-based, and what stands in the truth column: blank when it
    /// does, `None` when no truth was asked for.
    fn take_record(&mut self, record: SourceRecord, line: u64, truth: Option<&str>);
    /// A row that is no record.
    fn take_reject(&mut self, reject: Reject);
}

impl TakeRows for Chunk {
    fn take_record(&mut self, record: SourceRecord, line: u64, truth: Option<&str>) {
        self.records.push(record);
        self.lines.push(line);
        if let Some(truth) = truth {
            self.truth.push((!truth.is_empty()).then(|| truth.to_owned()));
        }
    }

    fn take_reject(&mut self, reject: Reject) {
        self.rejects.push(reject);
    }
}

/// Hands rows on, and keeps the first bad one where reading is strict.
struct Checked<'a, T> {
    rows: &'a mut T,
    is_strict: bool,
    refused: Option<FormatError>,
}

impl<T: TakeRows> TakeRows for Checked<'_, T> {
    fn take_record(&mut self, record: SourceRecord, line: u64, truth: Option<&str>) {
        self.rows.take_record(record, line, truth);
    }

    fn take_reject(&mut self, reject: Reject) {
        if self.is_strict && self.refused.is_none() {
            let Reject { file, line, reason, .. } = &reject;
            let (file, line, reason) = (file.clone(), *line, reason.clone());
            self.refused = Some(FormatError::BadRow { file, line, reason });
        }
        self.rows.take_reject(reject);
    }
}

/// Some rows of a file as one thread reads them, for another to [`parse`](Self::parse).
pub struct UnparsedChunk {
    part: Part,
    is_strict: bool,
}

/// Rows of CSV parse on their own; other formats come parsed.
pub(crate) enum Part {
    Csv(CsvPart, Arc<CsvParser>),
    Parsed(Chunk),
}

impl Part {
    pub(crate) fn parse_into(&self, rows: &mut impl TakeRows) -> Result<(), FormatError> {
        match self {
            Self::Csv(part, parser) => return parser.parse(part, rows),
            Self::Parsed(chunk) => {
                let Chunk { records, truth, lines, rejects } = chunk.clone();
                let mut truth = truth.into_iter();
                for (record, line) in records.into_iter().zip(lines) {
                    let truth = truth.next().map(Option::unwrap_or_default);
                    rows.take_record(record, line, truth.as_deref());
                }
                rejects.into_iter().for_each(|reject| rows.take_reject(reject));
            }
        }
        Ok(())
    }

    pub(crate) fn parse(&self) -> Result<Chunk, FormatError> {
        let mut chunk = Chunk::default();
        self.parse_into(&mut chunk)?;
        Ok(chunk)
    }
}

impl UnparsedChunk {
    /// Hands out these rows one by one, the same each time, so that no more than one need be held.
    ///
    /// # Errors
    /// [`FormatError`] for the first bad row when reading is strict, or when the file cannot be surveyed.
    pub fn parse_into(&self, rows: &mut impl TakeRows) -> Result<(), FormatError> {
        let mut checked = Checked { rows, is_strict: self.is_strict, refused: None };
        self.part.parse_into(&mut checked)?;
        checked.refused.map_or(Ok(()), Err)
    }

    /// The records of these rows, the same each time.
    ///
    /// # Errors
    /// Those of [`parse_into`](Self::parse_into).
    pub fn parse(&self) -> Result<Chunk, FormatError> {
        let mut chunk = Chunk::default();
        self.parse_into(&mut chunk)?;
        Ok(chunk)
    }

    /// About how many rows there are, at a guess.
    #[must_use]
    pub fn rows_about(&self) -> usize {
        const ROW_BYTES: usize = 128;
        match &self.part {
            Part::Csv(part, _) => part.bytes.len() / ROW_BYTES,
            Part::Parsed(chunk) => chunk.records.len(),
        }
    }
}

fn refuse_rejects(is_strict: bool, chunk: Chunk) -> Result<Chunk, FormatError> {
    match chunk.rejects.first() {
        Some(Reject { file, line, reason, .. }) if is_strict => {
            Err(FormatError::BadRow { file: file.clone(), line: *line, reason: reason.clone() })
        }
        _ => Ok(chunk),
    }
}

/// Reads the records of one file, chunk by chunk.
pub struct RecordReader {
    kind: Kind,
    is_strict: bool,
    bytes_total: u64,
}

enum Kind {
    Csv(Box<CsvReader>),
    Ndjson(Box<NdjsonReader>),
    Parquet(Box<ParquetReader>),
}

/// Opens a file of records: `.csv`, `.tsv`, `.txt`, `.ndjson`, `.jsonl` (each also packed, `.gz`) or
/// `.parquet`. Recognises its columns and, over the whole file, day-first birth dates.
///
/// # Errors
/// [`FormatError`] when the file cannot be read, is empty or header-only, is of an unknown kind, has no
/// known column, or lacks a column that the options name.
pub fn open(path: impl AsRef<Path>, options: &ReaderOptions) -> Result<RecordReader, FormatError> {
    open_for(path.as_ref(), options, false)
}

/// Opens a file; a file of truth need not say anything about patients.
pub(crate) fn open_for(
    path: &Path,
    options: &ReaderOptions,
    is_truth_file: bool,
) -> Result<RecordReader, FormatError> {
    let file = crate::bytes::open_file(path)?;
    let bytes_total = file.metadata().map_err(|error| FormatError::read(path, error))?.len();
    if bytes_total == 0 {
        return Err(FormatError::Empty { file: shown(path), found: "the file is empty" });
    }
    let kind = match extension(path).as_str() {
        "csv" | "tsv" | "txt" => {
            Kind::Csv(Box::new(CsvReader::open(path, options, is_truth_file)?))
        }
        "ndjson" | "jsonl" => Kind::Ndjson(Box::new(NdjsonReader::open(path, options)?)),
        "parquet" => Kind::Parquet(Box::new(ParquetReader::open(path, options, is_truth_file)?)),
        _ => return Err(FormatError::UnknownFormat { file: shown(path) }),
    };
    Ok(RecordReader { kind, is_strict: options.strict, bytes_total })
}

/// The ending that tells the format, without `.gz`, in lower case.
fn extension(path: &Path) -> String {
    let name = file_name(path).to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension).to_owned()
}

/// The source of records whose file names none: `hospital-a` for `hospital-a.csv.gz`.
pub(crate) fn stem(path: &Path) -> String {
    let name = file_name(path);
    let unpacked = match name.len().checked_sub(3).and_then(|at| name.split_at_checked(at)) {
        Some((front, end)) if end.eq_ignore_ascii_case(".gz") => front,
        _ => name.as_str(),
    };
    match unpacked.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => unpacked.to_owned(),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl RecordReader {
    /// What was recognised in the file.
    #[must_use]
    pub fn recognised(&self) -> &Recognised {
        match &self.kind {
            Kind::Csv(reader) => reader.recognised(),
            Kind::Ndjson(reader) => &reader.recognised,
            Kind::Parquet(reader) => &reader.recognised,
        }
    }

    /// What was recognised only in the middle of the file, in words; to be asked at its end.
    #[must_use]
    pub fn late_finding(&self) -> Option<String> {
        match &self.kind {
            Kind::Csv(reader) => reader.late_finding(),
            Kind::Ndjson(_) | Kind::Parquet(_) => None,
        }
    }

    /// The next rows, or `None` at the end.
    ///
    /// # Errors
    /// [`FormatError`] when the file cannot be read on, or at the first bad row when reading is strict.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let chunk = match &mut self.kind {
            Kind::Csv(reader) => reader.next_chunk(),
            Kind::Ndjson(reader) => reader.next_chunk(),
            Kind::Parquet(reader) => reader.next_chunk(),
        }?;
        chunk.map(|chunk| refuse_rejects(self.is_strict, chunk)).transpose()
    }

    /// The next rows unparsed, or `None` at the end: reading is one thread's work, parsing that of all.
    /// How many rows come at a time is the reader's choice, about a mebibyte of them.
    ///
    /// # Errors
    /// [`FormatError`] when the file cannot be read on.
    pub fn next_unparsed(&mut self) -> Result<Option<UnparsedChunk>, FormatError> {
        let part = match &mut self.kind {
            Kind::Csv(reader) => reader.next_part()?,
            Kind::Ndjson(reader) => reader.next_chunk()?.map(Part::Parsed),
            Kind::Parquet(reader) => reader.next_chunk()?.map(Part::Parsed),
        };
        Ok(part.map(|part| UnparsedChunk { part, is_strict: self.is_strict }))
    }

    /// Bytes of the file read so far, as it lies on disk; in Parquet in proportion to the rows.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        let read = match &self.kind {
            Kind::Csv(reader) => reader.progress.bytes_read(),
            Kind::Ndjson(reader) => reader.progress.bytes_read(),
            Kind::Parquet(reader) => reader.progress.bytes_read(),
        };
        read.min(self.bytes_total)
    }

    /// Bytes of the file as it lies on disk.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_names_the_source() {
        for (path, expected) in [
            ("/a/hospital-a.csv", "hospital-a"),
            ("hospital.a.csv.gz", "hospital.a"),
            ("X.CSV.GZ", "X"),
            (".csv", ".csv"),
            ("é.gz", "é"),
        ] {
            assert_eq!(stem(Path::new(path)), expected);
        }
        assert_eq!(extension(Path::new("x.NDJSON.gz")), "ndjson");
    }
}
