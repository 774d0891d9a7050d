//! Records from CSV files, chunk by chunk.
//!
//! Two things only a whole file tells: its encoding, and whether its birth dates are day-first. Where
//! the beginning raises neither question (it is ASCII, its dates are ISO) reading starts at once, and a
//! survey of the whole file follows if a question comes up further down: until then every answer gives
//! the same records. Otherwise the survey comes first.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::bytes::{Bytes, Progress, open_decoded, open_raw};
use crate::csv_parts::{CsvPart, Cut, Cutter};
use crate::dates::DayOrder;
use crate::error::shown;
use crate::field::Field;
use crate::layout::{Layout, Recognised, lay_out, recognised_count};
use crate::reader::{Chunk, Part, Reject, TakeRows};
use crate::row::{RowContext, SEPARATOR_BYTE};
use crate::rows::{FieldRange, Row, Rows};
use crate::{FormatError, ReaderOptions};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Reads one CSV file.
pub(crate) struct CsvReader {
    feed: Feed,
    fields: Vec<FieldRange>,
    row_number: u64,
    chunk_rows: usize,
    parser: Arc<CsvParser>,
    pub(crate) progress: Progress,
}

/// How the rest of the file is taken: row by row, or in parts for several threads.
enum Feed {
    Rows(Rows<Bytes>),
    Parts(Cutter<Bytes>),
    Done,
}

/// Makes records of rows, the same for every part of a file.
pub(crate) struct CsvParser {
    path: PathBuf,
    layout: Layout,
    pub(crate) recognised: Recognised,
    stem: String,
    column_count: usize,
    delimiter: u8,
    /// Whether some part showed that birth dates are not day-first: one date is enough.
    is_month_first: AtomicBool,
    /// What the whole file tells, once somebody asked.
    whole: OnceLock<Result<Survey, FormatError>>,
    /// How to find out.
    survey: Box<dyn Fn() -> Result<Survey, FormatError> + Send + Sync>,
}

/// What a whole file tells.
#[derive(Clone, Copy)]
struct Survey {
    /// The encoding of the bytes that are still to be decoded.
    encoding: &'static Encoding,
    is_day_first: bool,
    has_rows: bool,
}

impl CsvReader {
    pub(crate) fn open(
        path: &Path,
        options: &ReaderOptions,
        is_truth_file: bool,
    ) -> Result<Self, FormatError> {
        let plain = Survey { encoding: UTF_8, is_day_first: false, has_rows: true };
        let is_plain = begins_plain(path, options, is_truth_file)?;
        let found = if is_plain { plain } else { survey(path, options, is_truth_file)? };
        if !found.has_rows {
            let found = "its first row names columns, and no rows follow";
            return Err(FormatError::Empty { file: shown(path), found });
        }
        let progress = Progress::default();
        let mut rows = Rows::new(open_decoded(path, progress.clone(), found.encoding)?, b',');
        let headers = read_header(path, &mut rows)?;
        let truth_column = options.truth_column.as_deref();
        let (layout, mut recognised) =
            lay_out(path, &headers, &options.columns, truth_column, is_truth_file)?;
        recognised.day_first = found.is_day_first;
        recognised.encoding = found.encoding.name();
        let whole = OnceLock::new();
        if !is_plain {
            let _ = whole.set(Ok(Survey { encoding: UTF_8, ..found }));
        }
        let (survey_path, survey_options) = (path.to_owned(), options.clone());
        let parser = CsvParser {
            path: path.to_owned(),
            layout,
            recognised,
            stem: crate::reader::stem(path),
            column_count: headers.len(),
            delimiter: rows.delimiter(),
            is_month_first: AtomicBool::new(false),
            whole,
            survey: Box::new(move || survey(&survey_path, &survey_options, is_truth_file)),
        };
        Ok(Self {
            // What is not surveyed is decoded part by part.
            feed: if is_plain { Feed::Parts(Cutter::after(rows)) } else { Feed::Rows(rows) },
            fields: Vec::with_capacity(headers.len()),
            row_number: 0,
            chunk_rows: options.chunk_rows.max(1),
            parser: Arc::new(parser),
            progress,
        })
    }

    pub(crate) fn recognised(&self) -> &Recognised {
        &self.parser.recognised
    }

    pub(crate) fn late_finding(&self) -> Option<String> {
        self.parser.late_finding()
    }

    /// The next rows, or `None` at the end.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let Feed::Rows(rows) = &mut self.feed else {
            return self.next_part()?.as_ref().map(Part::parse).transpose();
        };
        let mut chunk = Chunk::default();
        while chunk.records.len() + chunk.rejects.len() < self.chunk_rows {
            let next = rows.next(&mut self.fields);
            let Some(row) = next.map_err(|error| FormatError::read(&self.parser.path, error))?
            else {
                break;
            };
            self.row_number += 1;
            let day_first = || self.parser.is_day_first(&[]);
            self.parser.take_row(rows, &row, &self.fields, self.row_number, &day_first, &mut chunk);
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// The next part of the file, or `None` at the end. Where records are named by their row number, or
    /// the file cannot be cut, it comes parsed already.
    pub(crate) fn next_part(&mut self) -> Result<Option<Part>, FormatError> {
        let is_numbered = self.parser.layout.column(Field::RecordId).is_none();
        self.feed = match std::mem::replace(&mut self.feed, Feed::Done) {
            Feed::Rows(rows) if !is_numbered && self.row_number == 0 => {
                Feed::Parts(Cutter::after(rows))
            }
            feed => feed,
        };
        let Feed::Parts(cutter) = &mut self.feed else {
            return Ok(self.next_chunk()?.map(Part::Parsed));
        };
        match cutter.next().map_err(|error| FormatError::read(&self.parser.path, error))? {
            Cut::End => Ok(None),
            Cut::Part(part) => Ok(Some(Part::Csv(part, self.parser.clone()))),
            Cut::Uncuttable => {
                if let Feed::Parts(cutter) = std::mem::replace(&mut self.feed, Feed::Done) {
                    self.feed = Feed::Rows(cutter.into_rows());
                }
                // From here on rows come in order, so that none is taken for the first.
                self.row_number = 1;
                Ok(self.next_chunk()?.map(Part::Parsed))
            }
        }
    }
}

impl CsvParser {
    /// Hands out the rows of a part.
    pub(crate) fn parse(
        &self,
        part: &CsvPart,
        taken: &mut impl TakeRows,
    ) -> Result<(), FormatError> {
        let bytes = if part.bytes.is_ascii() {
            part.bytes.clone()
        } else {
            match self.whole()?.encoding {
                encoding if encoding == UTF_8 => part.bytes.clone(),
                encoding => encoding.decode_without_bom_handling(&part.bytes).0.into_owned().into(),
            }
        };
        let mut rows = Rows::resumed(std::io::empty(), self.delimiter, bytes, part.line, true);
        let mut fields = Vec::with_capacity(self.column_count);
        let day_first = || self.is_day_first(&part.bytes);
        // Reading from memory does not fail. Rows are not numbered: their records have names.
        while let Ok(Some(row)) = rows.next(&mut fields) {
            self.take_row(&rows, &row, &fields, 0, &day_first, taken);
        }
        // A survey that failed was asked by a row that cannot tell.
        match self.whole.get() {
            Some(Err(_)) => self.whole().map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Whether birth dates are day-first. The rows around one that asks nearly always show that they are
    /// not; only if they do not the whole file is asked, while every thread waits for it.
    fn is_day_first(&self, part: &[u8]) -> bool {
        let shown = || self.whole.get().is_none() && self.shows_month_first(part);
        if self.is_month_first.load(Ordering::Relaxed) || shown() {
            self.is_month_first.store(true, Ordering::Relaxed);
            return false;
        }
        self.whole().is_ok_and(|whole| whole.is_day_first)
    }

    fn shows_month_first(&self, part: &[u8]) -> bool {
        let (mut is_utf8, mut order) = (true, DayOrder::default());
        let rows = Rows::resumed(std::io::empty(), self.delimiter, part.to_vec(), 1, true);
        let birth_date = self.layout.column(Field::BirthDate);
        survey_rows(rows, birth_date, &mut is_utf8, &mut order).is_ok() && order.is_refuted()
    }

    /// What the whole file tells, found out when first asked.
    fn whole(&self) -> Result<Survey, FormatError> {
        match self.whole.get_or_init(&self.survey) {
            Ok(survey) => Ok(*survey),
            Err(_) => (self.survey)(),
        }
    }

    /// What came to light only in the middle of the file, in words.
    pub(crate) fn late_finding(&self) -> Option<String> {
        let survey = self.whole.get()?.as_ref().ok()?;
        let mut found = Vec::new();
        if survey.is_day_first && !self.recognised.day_first {
            found.push("birth dates are day-first".to_owned());
        }
        if survey.encoding != UTF_8 {
            found.push(format!("read as {}", survey.encoding.name()));
        }
        (!found.is_empty()).then(|| found.join("; "))
    }

    /// Hands on a row, as a record or as a reject. A row of blank fields is no row. `day_first` is asked
    /// only where the row leaves it open.
    fn take_row<R: Read>(
        &self,
        rows: &Rows<R>,
        row: &Row,
        fields: &[FieldRange],
        row_number: u64,
        day_first: &dyn Fn() -> bool,
        taken: &mut impl TakeRows,
    ) {
        let bytes = rows.bytes(&row.range);
        let mut reject = |reason: String| {
            taken.take_reject(Reject {
                file: shown(&self.path),
                line: row.line,
                reason,
                raw: String::from_utf8_lossy(bytes).trim_end_matches('\r').into(),
            });
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            return reject("the row is not valid UTF-8".to_owned());
        };
        if let Some(problem) = row.problem {
            return reject(problem.to_owned());
        }
        let undone = undone(text, row.range.start, fields);
        let cell = |column: usize| cell(text, row.range.start, fields, &undone, column);
        if (0..fields.len()).all(|column| cell(column).trim().is_empty()) {
            return;
        }
        let field_count = fields.len();
        let has_more =
            (self.column_count..field_count).any(|column| !cell(column).trim().is_empty());
        if field_count < self.column_count || has_more {
            return reject(format!(
                "the row has {field_count} fields, but the first row names {} columns",
                self.column_count
            ));
        }
        if bytes.contains(&0) {
            return reject("the row holds a NUL byte".to_owned());
        }
        let context = RowContext {
            layout: &self.layout,
            stem: &self.stem,
            day_first,
            has_lists: self.layout.has_lists || memchr::memchr(SEPARATOR_BYTE, bytes).is_some(),
        };
        match context.record(&cell, row_number) {
            Err(reason) => reject(reason.to_owned()),
            Ok(record) => {
                let truth = self.layout.truth.map(|column| cell(column).trim());
                taken.take_record(record, row.line, truth);
            }
        }
    }
}

/// Fields with doubled quotes as they are meant, by column.
fn undone(text: &str, start: usize, fields: &[FieldRange]) -> Vec<(usize, String)> {
    let doubled = fields.iter().enumerate().filter(|(_, field)| field.has_doubled_quotes);
    doubled
        .map(|(column, field)| {
            let raw = text.get(field.range.start - start..field.range.end - start);
            (column, raw.unwrap_or_default().replace("\"\"", "\""))
        })
        .collect()
}

fn cell<'a>(
    text: &'a str,
    start: usize,
    fields: &[FieldRange],
    undone: &'a [(usize, String)],
    column: usize,
) -> &'a str {
    let Some(field) = fields.get(column) else { return "" };
    if field.has_doubled_quotes {
        let found = undone.iter().find(|(at, _)| *at == column);
        return found.map_or("", |(_, text)| text.as_str());
    }
    text.get(field.range.start - start..field.range.end - start).unwrap_or_default()
}

/// Reads the first row and finds the delimiter by it: the one under which most columns are known, of
/// equals the one that parts most columns. A line `sep=;`, as spreadsheets write it, says it outright.
fn read_header(path: &Path, rows: &mut Rows<Bytes>) -> Result<Vec<String>, FormatError> {
    let failed = |error| FormatError::read(path, error);
    let mut fields = Vec::new();
    let line = rows.peek_line().map_err(failed)?.to_vec();
    let named = match line.trim_ascii() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] => Some(*delimiter),
        _ => None,
    };
    if named.is_some() {
        rows.next(&mut fields).map_err(failed)?;
    }
    let line = if named.is_some() { rows.peek_line().map_err(failed)?.to_vec() } else { line };
    let delimiter = named.unwrap_or_else(|| sniff(&line));
    rows.set_delimiter(delimiter);
    let Some(row) = rows.next(&mut fields).map_err(failed)? else {
        return Err(FormatError::Empty { file: shown(path), found: "the file is empty" });
    };
    if let Some(problem) = row.problem {
        return Err(FormatError::damaged(path, format!("its first row cannot be read: {problem}")));
    }
    let bytes = rows.bytes(&row.range);
    if bytes.contains(&0) {
        let problem =
            "its first row holds NUL bytes: it is no text, or UTF-16 without a byte order mark";
        return Err(FormatError::damaged(path, problem));
    }
    Ok(header_texts(bytes, row.range.start, &fields))
}

fn sniff(line: &[u8]) -> u8 {
    let mut best = (b',', (0, 0));
    for delimiter in DELIMITERS {
        let mut fields = Vec::new();
        // Reading from memory does not fail.
        let Ok(Some(row)) = Rows::new(line, delimiter).next(&mut fields) else { continue };
        let headers = header_texts(line, row.range.start, &fields);
        let rank = (recognised_count(&headers), headers.len());
        if rank > best.1 && headers.len() > 1 {
            best = (delimiter, rank);
        }
    }
    best.0
}

fn header_texts(bytes: &[u8], start: usize, fields: &[FieldRange]) -> Vec<String> {
    let texts = fields.iter().enumerate().map(|(column, field)| {
        let raw = bytes.get(field.range.start - start..field.range.end - start);
        let (text, _) = UTF_8.decode_without_bom_handling(raw.unwrap_or_default());
        match text.replace("\"\"", "\"").trim() {
            "" => format!("column {}", column + 1),
            text => text.to_owned(),
        }
    });
    texts.collect()
}

/// Whether a file begins without a question that only the whole of it answers. Records named by their row
/// number are read in order, so there is nothing to gain.
fn begins_plain(
    path: &Path,
    options: &ReaderOptions,
    is_truth_file: bool,
) -> Result<bool, FormatError> {
    let (raw, marked) = open_raw(path, Progress::default())?;
    if marked.is_some() {
        return Ok(false);
    }
    let mut rows = Rows::new(raw, b',');
    let headers = read_header(path, &mut rows)?;
    let truth_column = options.truth_column.as_deref();
    let laid_out = lay_out(path, &headers, &options.columns, truth_column, is_truth_file);
    let Ok((layout, _)) = laid_out else { return Ok(false) };
    let mut cutter = Cutter::after(rows);
    let Cut::Part(part) = cutter.next().map_err(|error| FormatError::read(path, error))? else {
        return Ok(false);
    };
    let is_plain = layout.column(Field::RecordId).is_some()
        && headers.iter().all(|header| header.is_ascii())
        && part.bytes.is_ascii()
        && !part.bytes.trim_ascii().is_empty();
    let (mut order, mut is_utf8) = (DayOrder::default(), true);
    let rows = Rows::resumed(std::io::empty(), cutter.delimiter(), part.bytes, 1, true);
    survey_rows(rows, layout.column(Field::BirthDate), &mut is_utf8, &mut order)
        .map_err(|error| FormatError::read(path, error))?;
    Ok(is_plain && !order.is_at_issue)
}

/// Reads the whole file for what only the whole of it tells.
fn survey(
    path: &Path,
    options: &ReaderOptions,
    is_truth_file: bool,
) -> Result<Survey, FormatError> {
    let (raw, marked) = open_raw(path, Progress::default())?;
    let bytes = match marked {
        Some(encoding) => open_decoded(path, Progress::default(), encoding)?,
        None => raw,
    };
    let mut rows = Rows::new(bytes, b',');
    let headers = read_header(path, &mut rows)?;
    // A header in another encoding may spell a column that is asked for: then the real pass tells.
    let birth_date = lay_out(path, &headers, &options.columns, None, is_truth_file)
        .ok()
        .and_then(|(layout, _)| layout.column(Field::BirthDate));
    let mut is_utf8 = headers.iter().all(|header| !header.contains('\u{FFFD}'));
    let (mut order, mut has_rows) = (DayOrder::default(), false);
    let failed = |error| FormatError::read(path, error);
    let mut cutter = Cutter::after(rows);
    loop {
        let part = match cutter.next().map_err(failed)? {
            Cut::Part(part) => part.bytes,
            Cut::End => break,
            Cut::Uncuttable => {
                survey_rows(cutter.into_rows(), birth_date, &mut is_utf8, &mut order)
                    .map_err(failed)?;
                has_rows = true;
                break;
            }
        };
        has_rows = has_rows || !part.trim_ascii().is_empty();
        let rows = Rows::resumed(std::io::empty(), cutter.delimiter(), part, 1, true);
        survey_rows(rows, birth_date, &mut is_utf8, &mut order).map_err(failed)?;
        if !is_utf8 && (birth_date.is_none() || order.is_refuted()) {
            break;
        }
    }
    let encoding = marked.unwrap_or(if is_utf8 { UTF_8 } else { WINDOWS_1252 });
    Ok(Survey { encoding, is_day_first: order.is_day_first(), has_rows })
}

/// A field of a row without quotes.
fn field_of(row: &[u8], delimiter: u8, column: usize) -> Option<&str> {
    let mut ends = memchr::memchr_iter(delimiter, row);
    let start = match column.checked_sub(1) {
        Some(before) => ends.nth(before)? + 1,
        None => 0,
    };
    let end = ends.next().unwrap_or(row.len());
    std::str::from_utf8(row.get(start..end)?).ok()
}

/// Takes rows into account: whether they are UTF-8, and their birth dates.
fn survey_rows<R: Read>(
    mut rows: Rows<R>,
    birth_date: Option<usize>,
    is_utf8: &mut bool,
    order: &mut DayOrder,
) -> std::io::Result<()> {
    let mut fields = Vec::new();
    loop {
        let plain = rows.take_plain_lines();
        let plain = rows.bytes(&plain);
        *is_utf8 = *is_utf8 && std::str::from_utf8(plain).is_ok();
        if let Some(column) = birth_date {
            let mut start = 0;
            for end in memchr::memchr2_iter(b'\n', b'\r', plain) {
                let row = plain.get(start..end).unwrap_or_default();
                if let Some(text) = field_of(row, rows.delimiter(), column) {
                    order.see(text);
                }
                start = end + 1;
            }
        }
        let Some(row) = rows.next(&mut fields)? else { return Ok(()) };
        *is_utf8 = *is_utf8 && std::str::from_utf8(rows.bytes(&row.range)).is_ok();
        let date = birth_date.and_then(|column| fields.get(column));
        if let (Some(date), None) = (date, row.problem)
            && let Ok(text) = std::str::from_utf8(rows.bytes(&date.range))
        {
            order.see(text);
        }
    }
}
