//! The files that linking writes and reads back: clusters, pairs, rejects, truth, canonical records.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use empi_model::{LinkDecision, MatchWeight, RecordKey, SourceRecord};

use crate::atomic::AtomicFile;
use crate::error::shown;
use crate::field::CANONICAL_HEADER;
use crate::reader::{Reject, open_for};
use crate::row::canonical_row;
use crate::{Chunk, FormatError, ReaderOptions, RecordReader};

const CLUSTERS_HEADER: [&str; 3] = ["source", "record_id", "enterprise_id"];
const PAIRS_HEADER: [&str; 7] = [
    "left_source",
    "left_record_id",
    "right_source",
    "right_record_id",
    "match_weight",
    "match_probability",
    "decision",
];
const REJECTS_HEADER: [&str; 4] = ["file", "line", "reason", "row"];

/// A CSV file that appears under its name when it is complete.
struct TableWriter {
    file: AtomicFile,
    rows: Rows,
}

/// Rows as CSV in memory. Writing to memory does not fail.
struct Rows(csv::Writer<Vec<u8>>);

impl Rows {
    fn new() -> Self {
        Self(csv::Writer::from_writer(Vec::new()))
    }

    fn push<T: AsRef<[u8]>>(&mut self, row: impl IntoIterator<Item = T>) {
        let _ = self.0.write_record(row);
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap_or_default()
    }
}

/// Rows kept in memory before they are written.
const ROWS_KEPT_BYTES: usize = 256 * 1024;

impl TableWriter {
    fn create<'a>(
        path: &Path,
        header: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, FormatError> {
        let mut table = Self { file: AtomicFile::create(path)?, rows: Rows::new() };
        table.write(header)?;
        Ok(table)
    }

    fn write<T: AsRef<[u8]>>(
        &mut self,
        row: impl IntoIterator<Item = T>,
    ) -> Result<(), FormatError> {
        self.rows.push(row);
        if self.rows.0.get_ref().len() >= ROWS_KEPT_BYTES { self.append(&[]) } else { Ok(()) }
    }

    /// Writes what was kept, and rows that were formatted elsewhere.
    fn append(&mut self, formatted: &[u8]) -> Result<(), FormatError> {
        let kept = std::mem::replace(&mut self.rows, Rows::new()).into_bytes();
        let written = self.file.write_all(&kept).and_then(|()| self.file.write_all(formatted));
        written.map_err(|error| FormatError::written(self.file.path(), error))
    }

    fn finish(mut self) -> Result<(), FormatError> {
        self.append(&[])?;
        self.file.finish()
    }
}

/// One row of a clusters file: a record and its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRow {
    /// The record.
    pub key: RecordKey,
    /// The person's enterprise ID as written.
    pub enterprise_id: String,
}

/// Writes a clusters file: `source,record_id,enterprise_id`.
pub struct ClustersWriter(TableWriter);

impl ClustersWriter {
    /// Begins the file; it appears under its name when finished.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        TableWriter::create(path.as_ref(), CLUSTERS_HEADER).map(Self)
    }

    /// Formats rows of source, record ID and enterprise ID, on any thread, for
    /// [`append`](Self::append).
    #[must_use]
    pub fn format<'a>(rows: impl Iterator<Item = (&'a str, &'a str, String)>) -> Vec<u8> {
        let mut formatted = Rows::new();
        rows.for_each(|(source, record_id, enterprise_id)| {
            formatted.push([source, record_id, &enterprise_id]);
        });
        formatted.into_bytes()
    }

    /// Writes rows that were formatted.
    ///
    /// # Errors
    /// [`FormatError::Io`] when they cannot be written.
    pub fn append(&mut self, formatted: &[u8]) -> Result<(), FormatError> {
        self.0.append(formatted)
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn finish(self) -> Result<(), FormatError> {
        self.0.finish()
    }
}

/// One row of a pairs file: two records, the evidence and what it decides.
#[derive(Clone, Debug, PartialEq)]
pub struct PairRow {
    /// One record.
    pub left: RecordKey,
    /// The other.
    pub right: RecordKey,
    /// The sum of the evidence, in bits; the probability is written beside it.
    pub weight: MatchWeight,
    /// Link or review.
    pub decision: LinkDecision,
}

/// A row of a pairs file still to be written: records by source and record ID.
#[derive(Clone, Copy)]
pub struct PairCells<'a> {
    /// One record.
    pub left: (&'a str, &'a str),
    /// The other.
    pub right: (&'a str, &'a str),
    /// The sum of the evidence, in bits; the probability is written beside it.
    pub weight: MatchWeight,
    /// Link or review.
    pub decision: LinkDecision,
}

/// Writes a pairs file. Weights have four decimals, probabilities nine.
pub struct PairsWriter(TableWriter);

impl PairsWriter {
    /// Begins the file; it appears under its name when finished.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        TableWriter::create(path.as_ref(), PAIRS_HEADER).map(Self)
    }

    /// Formats rows, on any thread, for [`append`](Self::append).
    #[must_use]
    pub fn format<'a>(rows: impl Iterator<Item = PairCells<'a>>) -> Vec<u8> {
        let mut formatted = Rows::new();
        rows.for_each(|PairCells { left, right, weight, decision }| {
            let bits = format!("{:.4}", weight.bits());
            let probability = format!("{:.9}", weight.probability().value());
            let decision = decision.as_str();
            formatted.push([left.0, left.1, right.0, right.1, &bits, &probability, decision]);
        });
        formatted.into_bytes()
    }

    /// Writes rows that were formatted.
    ///
    /// # Errors
    /// [`FormatError::Io`] when they cannot be written.
    pub fn append(&mut self, formatted: &[u8]) -> Result<(), FormatError> {
        self.0.append(formatted)
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn finish(self) -> Result<(), FormatError> {
        self.0.finish()
    }
}

/// Writes the rows that were set aside: `file,line,reason,row`, the row as it was.
///
/// # Errors
/// [`FormatError::Io`] when the file cannot be written.
pub fn write_rejects(path: impl AsRef<Path>, rejects: &[Reject]) -> Result<(), FormatError> {
    let mut table = TableWriter::create(path.as_ref(), REJECTS_HEADER)?;
    for Reject { file, line, reason, raw } in rejects {
        table.write([file.as_str(), &line.to_string(), reason, raw.expose()])?;
    }
    table.finish()
}

/// Writes records under the canonical columns, with the truth as a last column `person_id` if wanted.
pub struct CsvRecordWriter {
    table: TableWriter,
    has_truth: bool,
}

impl CsvRecordWriter {
    /// Begins the file; it appears under its name when finished.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>, has_truth: bool) -> Result<Self, FormatError> {
        let header = CANONICAL_HEADER.into_iter().chain(has_truth.then_some("person_id"));
        Ok(Self { table: TableWriter::create(path.as_ref(), header)?, has_truth })
    }

    /// Writes a record; `truth` is left out where the file has no such column.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn write(&mut self, record: &SourceRecord, truth: Option<&str>) -> Result<(), FormatError> {
        let truth = self.has_truth.then(|| truth.unwrap_or_default().to_owned());
        self.table.write(canonical_row(record).into_iter().chain(truth))
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// [`FormatError::Io`] when it cannot be written.
    pub fn finish(self) -> Result<(), FormatError> {
        self.table.finish()
    }
}

/// Rows of a CSV file with columns that must be there, in any order.
pub(crate) struct TableReader {
    path: PathBuf,
    rows: csv::StringRecordsIntoIter<File>,
    columns: Vec<usize>,
    line: u64,
}

impl TableReader {
    pub(crate) fn open(
        path: &Path,
        columns: &[&str],
        wanted_by: &'static str,
    ) -> Result<Self, FormatError> {
        let file = crate::bytes::open_file(path)?;
        let mut reader = csv::Reader::from_reader(file);
        let header = reader.headers().map_err(|error| malformed(path, &error))?;
        if header.is_empty() {
            return Err(FormatError::Empty { file: shown(path), found: "the file is empty" });
        }
        let find = |column: &&str| {
            let found = header.iter().position(|it| it.trim_start_matches('\u{FEFF}') == *column);
            found.ok_or_else(|| FormatError::MissingColumn {
                file: shown(path),
                column: (*column).to_owned(),
                wanted_by,
            })
        };
        let columns = columns.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), rows: reader.into_records(), columns, line: 1 })
    }

    /// The next row's wanted columns.
    pub(crate) fn next(&mut self) -> Option<Result<Vec<String>, FormatError>> {
        let row: Result<StringRecord, csv::Error> = self.rows.next()?;
        let row = match row {
            Ok(row) => row,
            Err(error) => return Some(Err(malformed(&self.path, &error))),
        };
        self.line = row.position().map_or(self.line, csv::Position::line);
        let cells = self.columns.iter().map(|column| row.get(*column).unwrap_or("").to_owned());
        Some(Ok(cells.collect()))
    }

    pub(crate) fn malformed(&self, problem: &str) -> FormatError {
        FormatError::Malformed {
            file: shown(&self.path),
            line: self.line,
            problem: problem.to_owned(),
        }
    }
}

fn malformed(path: &Path, error: &csv::Error) -> FormatError {
    let problem = match error.kind() {
        csv::ErrorKind::Io(error) => {
            return FormatError::read(path, std::io::Error::from(error.kind()));
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not valid UTF-8",
        csv::ErrorKind::UnequalLengths { .. } => {
            "the row has another number of fields than the first"
        }
        _ => "the row cannot be parted into fields",
    };
    let line = error.position().map_or(1, csv::Position::line);
    FormatError::Malformed { file: shown(path), line, problem: problem.to_owned() }
}

/// Reads a clusters file row by row.
pub struct ClustersReader(TableReader);

impl ClustersReader {
    /// Opens the file.
    ///
    /// # Errors
    /// [`FormatError`] when it cannot be read or lacks a column.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        TableReader::open(path.as_ref(), &CLUSTERS_HEADER, "the form of a clusters file").map(Self)
    }
}

impl Iterator for ClustersReader {
    type Item = Result<ClusterRow, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let cells = self.0.next()?;
        Some(cells.and_then(|cells| match <[String; 3]>::try_from(cells) {
            Ok([source, record_id, enterprise_id]) if !enterprise_id.is_empty() => {
                Ok(ClusterRow { key: RecordKey { source, record_id }, enterprise_id })
            }
            _ => Err(self.0.malformed("the enterprise ID is missing")),
        }))
    }
}

/// Reads a pairs file row by row.
pub struct PairsReader(TableReader);

impl PairsReader {
    /// Opens the file.
    ///
    /// # Errors
    /// [`FormatError`] when it cannot be read or lacks a column.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        TableReader::open(path.as_ref(), &PAIRS_HEADER, "the form of a pairs file").map(Self)
    }

    fn row(&self, cells: Vec<String>) -> Result<PairRow, FormatError> {
        let Ok([left_source, left_id, right_source, right_id, bits, _, decision]) =
            <[String; 7]>::try_from(cells)
        else {
            return Err(self.0.malformed("the row is incomplete"));
        };
        let decision = [LinkDecision::Link, LinkDecision::Review, LinkDecision::NonLink]
            .into_iter()
            .find(|it| it.as_str() == decision)
            .ok_or_else(|| self.0.malformed("the decision is neither link nor review"))?;
        let bits: f64 =
            bits.parse().map_err(|_| self.0.malformed("the match weight is no number"))?;
        Ok(PairRow {
            left: RecordKey::new(left_source, left_id),
            right: RecordKey::new(right_source, right_id),
            weight: MatchWeight::from_bits(bits),
            decision,
        })
    }
}

impl Iterator for PairsReader {
    type Item = Result<PairRow, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let cells = self.0.next()?;
        Some(cells.and_then(|cells| self.row(cells)))
    }
}

/// One row of a truth file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthRow {
    /// The record.
    pub key: RecordKey,
    /// The true person, where known.
    pub truth: Option<String>,
}

/// Reads the truth from any file of records with a column of it; the other columns may be missing.
pub struct TruthReader {
    reader: RecordReader,
    rows: std::iter::Zip<std::vec::IntoIter<SourceRecord>, std::vec::IntoIter<Option<String>>>,
}

impl TruthReader {
    /// Opens the file. A bad row in it is an error.
    ///
    /// # Errors
    /// [`FormatError`] as of [`open`](crate::open), and when the column of the truth is missing.
    pub fn open(path: impl AsRef<Path>, truth_column: &str) -> Result<Self, FormatError> {
        let options = ReaderOptions {
            truth_column: Some(truth_column.to_owned()),
            strict: true,
            ..ReaderOptions::default()
        };
        let reader = open_for(path.as_ref(), &options, true)?;
        Ok(Self { reader, rows: Vec::new().into_iter().zip(Vec::new()) })
    }
}

impl Iterator for TruthReader {
    type Item = Result<TruthRow, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((record, truth)) = self.rows.next() {
                return Some(Ok(TruthRow { key: record.key, truth }));
            }
            match self.reader.next_chunk() {
                Ok(Some(Chunk { records, truth, .. })) => {
                    self.rows = records.into_iter().zip(truth);
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
