//! Rows of a CSV file: RFC 4180, forgiving where files in the wild are, and never losing a line.
//!
//! A row that cannot be parted into fields does not take the rest of the file with it: a quote that is
//! opened and never closed costs its own line only, and reading goes on behind it.

use std::io::{self, Read};
use std::ops::Range;

/// The longest row, in bytes. Beyond it a row is set aside: nobody's data are a mebibyte long.
pub(crate) const ROW_BYTES_MAX: usize = 1 << 20;

/// The most lines one row may span through line breaks inside quotes.
pub(crate) const ROW_LINES_MAX: usize = 100;

/// Bytes read at a time: few at first, since most of a small file's time would go into clearing the room for many,
/// and twice as many each time.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 256 * 1024;

/// Parts a file into rows.
pub(crate) struct Rows<R> {
    input: R,
    delimiter: u8,
    buffer: Vec<u8>,
    start: usize,
    is_at_end: bool,
    line: u64,
    /// Bytes that are read next.
    read_bytes: usize,
}

/// One row. Ranges point into the buffer of [`Rows`] and hold until the next row is read.
#[derive(Debug)]
pub(crate) struct Row {
    /// The row's first line, 1-based.
    pub(crate) line: u64,
    /// The row without its line end.
    pub(crate) range: Range<usize>,
    /// Why the row could not be parted.
    pub(crate) problem: Option<&'static str>,
}

/// One field of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldRange {
    pub(crate) range: Range<usize>,
    /// Whether doubled quotes stand in it.
    pub(crate) has_doubled_quotes: bool,
}

const LONG_ROW: &str =
    "the row is longer than the limit of 1 MiB (row_bytes_max); only its beginning is kept here";
const OPEN_QUOTE: &str =
    "a quote is opened and not closed, within the limit of 100 lines (row_lines_max)";
const STRAY_QUOTE: &str = "a quoted field goes on behind its closing quote";

/// What the scan of one row found.
enum Scan {
    /// The row ends before `end`; the next one starts at `next`, `lines` further on.
    Row { end: usize, next: usize, lines: u64 },
    /// The buffer ends before the row does.
    Cut,
    /// The row cannot be parted; its first line is set aside.
    Broken(&'static str),
}

/// How many lines end in a text: by `\n`, `\r\n`, or a lone `\r`.
pub(crate) fn line_count(bytes: &[u8]) -> u64 {
    let lone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    let count = memchr::memchr_iter(b'\n', bytes).count()
        + memchr::memchr_iter(b'\r', bytes).filter(lone).count();
    count as u64
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(input: R, delimiter: u8) -> Self {
        Self::resumed(input, delimiter, Vec::new(), 1, false)
    }

    /// Goes on in the middle of a file: `buffer` comes before `input`, and begins at `line`.
    pub(crate) fn resumed(
        input: R,
        delimiter: u8,
        buffer: Vec<u8>,
        line: u64,
        is_at_end: bool,
    ) -> Self {
        let read_bytes = READ_BYTES_MIN;
        Self { input, delimiter, buffer, start: 0, is_at_end, line, read_bytes }
    }

    /// What was not read yet, for somebody else to go on: input, delimiter, bytes that come before the
    /// input, their line, and whether the input has ended.
    pub(crate) fn into_rest(mut self) -> (R, u8, Vec<u8>, u64, bool) {
        self.buffer.drain(..self.start);
        (self.input, self.delimiter, self.buffer, self.line, self.is_at_end)
    }

    /// Where the last row in the buffer ends for certain, whatever follows, and how many lines there are
    /// up to it.
    pub(crate) fn last_row_end(mut self) -> (usize, u64) {
        let mut fields = Vec::new();
        loop {
            self.take_plain_lines();
            match self.scan(&mut fields) {
                Scan::Row { next, lines, .. } => {
                    self.start = next;
                    self.line += lines;
                }
                Scan::Cut => break,
                Scan::Broken(_) => {
                    let rest = self.buffer.get(self.start..).unwrap_or_default();
                    let Some(length) = memchr::memchr(b'\n', rest) else { break };
                    self.start += length + 1;
                    self.line += 1;
                }
            }
        }
        (self.start, self.line)
    }

    /// Takes away the lines in the buffer that end before the next quote, and gives their bytes: there every
    /// line end is the end of a row. Only where a row begins.
    pub(crate) fn take_plain_lines(&mut self) -> Range<usize> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let quote = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let before = rest.get(..quote).unwrap_or_default();
        let length = memchr::memrchr(b'\n', before).map_or(0, |last| last + 1);
        self.line += line_count(before.get(..length).unwrap_or_default());
        self.start += length;
        self.start - length..self.start
    }

    /// The first line, up to the longest row, without taking it away.
    pub(crate) fn peek_line(&mut self) -> io::Result<&[u8]> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let found = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            if found.is_some() || self.is_at_end || rest.len() > ROW_BYTES_MAX {
                let end = self.start + found.unwrap_or(rest.len());
                return Ok(self.buffer.get(self.start..end).unwrap_or_default());
            }
            self.fill()?;
        }
    }

    /// Another delimiter for the rows that follow.
    pub(crate) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    pub(crate) const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The bytes of a row or field that was read last.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    /// The next row that is not blank, its fields in `fields`; `None` at the end.
    pub(crate) fn next(&mut self, fields: &mut Vec<FieldRange>) -> io::Result<Option<Row>> {
        loop {
            let row = self.next_line(fields)?;
            let is_blank = row.as_ref().is_some_and(|row| {
                row.problem.is_none() && self.bytes(&row.range).iter().all(u8::is_ascii_whitespace)
            });
            if !is_blank {
                return Ok(row);
            }
        }
    }

    fn next_line(&mut self, fields: &mut Vec<FieldRange>) -> io::Result<Option<Row>> {
        loop {
            if self.start == self.buffer.len() && self.is_at_end {
                return Ok(None);
            }
            match self.scan(fields) {
                Scan::Row { end, next, lines } => {
                    let row = Row { line: self.line, range: self.start..end, problem: None };
                    self.start = next;
                    self.line += lines;
                    return Ok(Some(row));
                }
                Scan::Cut => self.fill()?,
                Scan::Broken(problem) => return self.set_aside(problem).map(Some),
            }
        }
    }

    /// Parts the row at `start` into fields.
    fn scan(&self, fields: &mut Vec<FieldRange>) -> Scan {
        fields.clear();
        let bytes = self.buffer.as_slice();
        let (mut at, mut field_start, mut lines) = (self.start, self.start, 0);
        loop {
            if at - self.start > ROW_BYTES_MAX {
                return Scan::Broken(LONG_ROW);
            }
            // Only here, at the beginning of a field, a quote opens one; blanks before it mean nothing.
            if bytes.get(at) == Some(&b' ') {
                let blanks = bytes.iter().skip(at).take_while(|byte| **byte == b' ').count();
                if bytes.get(at + blanks) == Some(&b'"') {
                    at += blanks;
                }
            }
            if bytes.get(at) == Some(&b'"') {
                let (end, has_doubled_quotes) = match self.quoted(at + 1, &mut lines) {
                    Ok(found) => found,
                    Err(scan) => return scan,
                };
                fields.push(FieldRange { range: at + 1..end, has_doubled_quotes });
                at = end + 1;
                // Blanks behind a closing quote are common and mean nothing.
                while bytes.get(at) == Some(&b' ') {
                    at += 1;
                }
            } else {
                let rest = bytes.get(at..).unwrap_or_default();
                let limit = ROW_BYTES_MAX + 2;
                let rest = rest.get(..limit).unwrap_or(rest);
                // Every second field is empty.
                let found = match rest.first() {
                    Some(byte) if *byte == self.delimiter => Some(0),
                    _ => memchr::memchr3(self.delimiter, b'\n', b'\r', rest),
                };
                at += found.unwrap_or(rest.len());
                fields.push(FieldRange { range: field_start..at, has_doubled_quotes: false });
            }
            match bytes.get(at) {
                Some(byte) if *byte == self.delimiter => {
                    at += 1;
                    field_start = at;
                }
                Some(b'\n') => return Scan::Row { end: at, next: at + 1, lines: lines + 1 },
                Some(b'\r') => match bytes.get(at + 1) {
                    Some(b'\n') => return Scan::Row { end: at, next: at + 2, lines: lines + 1 },
                    None if !self.is_at_end => return Scan::Cut,
                    _ => return Scan::Row { end: at, next: at + 1, lines: lines + 1 },
                },
                None if !self.is_at_end => return Scan::Cut,
                None => return Scan::Row { end: at, next: at, lines: lines + 1 },
                Some(_) if at - self.start > ROW_BYTES_MAX => return Scan::Broken(LONG_ROW),
                // More text behind a quote lines below was rather meant to open there than to close here.
                Some(_) if lines > 0 => return Scan::Broken(OPEN_QUOTE),
                Some(_) => return Scan::Broken(STRAY_QUOTE),
            }
        }
    }

    /// Finds the closing quote of a field that starts at `at`.
    fn quoted(&self, mut at: usize, lines: &mut u64) -> Result<(usize, bool), Scan> {
        let mut has_doubled_quotes = false;
        loop {
            match (self.buffer.get(at), self.buffer.get(at + 1)) {
                (Some(b'"'), Some(b'"')) => {
                    has_doubled_quotes = true;
                    at += 1;
                }
                (Some(b'"'), None) if !self.is_at_end => return Err(Scan::Cut),
                (Some(b'"'), _) => return Ok((at, has_doubled_quotes)),
                (Some(b'\n'), _) => {
                    *lines += 1;
                    if *lines >= ROW_LINES_MAX as u64 {
                        return Err(Scan::Broken(OPEN_QUOTE));
                    }
                }
                (Some(_), _) => {}
                (None, _) if self.is_at_end => return Err(Scan::Broken(OPEN_QUOTE)),
                (None, _) => return Err(Scan::Cut),
            }
            at += 1;
            if at - self.start > ROW_BYTES_MAX {
                return Err(Scan::Broken(LONG_ROW));
            }
        }
    }

    /// Reads more bytes behind those that are still needed.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        // Doubling keeps the rescans of a long row linear in its length.
        self.buffer.resize(filled + self.read_bytes.max(filled), 0);
        self.read_bytes = (2 * self.read_bytes).min(READ_BYTES_MAX);
        let count = loop {
            let space = self.buffer.get_mut(filled..).unwrap_or_default();
            match self.input.read(space) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(filled);
                    return Err(error);
                }
                Ok(count) => break count,
            }
        };
        self.buffer.truncate(filled + count);
        self.is_at_end = count == 0;
        Ok(())
    }

    /// Takes the first line of a broken row away; of a line beyond all limits the beginning is kept.
    fn set_aside(&mut self, problem: &'static str) -> io::Result<Row> {
        let line = self.line;
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let length = rest.iter().take(ROW_BYTES_MAX).position(|byte| *byte == b'\n');
        if let Some(length) = length {
            let range = self.start..self.start + length;
            self.start = range.end + 1;
            self.line += 1;
            return Ok(Row { line, range, problem: Some(problem) });
        }
        let mut kept = Vec::new();
        let mut is_cut_off = false;
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let found = rest.iter().position(|byte| *byte == b'\n');
            let text = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
            let room = ROW_BYTES_MAX - kept.len().min(ROW_BYTES_MAX);
            is_cut_off |= text.len() > room;
            kept.extend_from_slice(text.get(..room.min(text.len())).unwrap_or_default());
            self.start += text.len() + usize::from(found.is_some());
            if found.is_some() || self.is_at_end {
                break;
            }
            self.fill()?;
        }
        self.line += 1;
        // The row's own bytes move before the rest, so that a range can name them.
        let kept_count = kept.len();
        self.buffer.splice(..self.start, kept);
        self.start = kept_count;
        let problem = if is_cut_off { LONG_ROW } else { problem };
        Ok(Row { line, range: 0..kept_count, problem: Some(problem) })
    }
}
