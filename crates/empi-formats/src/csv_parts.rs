//! Cutting a CSV file into parts that can be parsed on their own, by several threads at once.
//!
//! A part ends where a row ends, by the same rules as [`Rows`]: where a part holds no quote at all, every
//! line end is a row end; where it holds one, rows are found one by one. Cutting is cheap, so that one
//! thread cuts faster than all others parse.

use std::io::{self, Read};

use crate::rows::{Rows, line_count};

/// About so many bytes make a part: a few thousand rows, small enough for a core's cache.
const PART_BYTES: usize = 512 * 1024;

/// A part that holds so much without the end of a row is not cut any further.
const PART_BYTES_MAX: usize = 8 * PART_BYTES;

/// Some rows of a file, not yet parsed.
#[derive(Debug)]
pub(crate) struct CsvPart {
    /// The rows.
    pub(crate) bytes: Vec<u8>,
    /// The first row's first line, 1-based.
    pub(crate) line: u64,
}

/// What cutting gave.
pub(crate) enum Cut {
    Part(CsvPart),
    /// No row ends within reason: the rest must be read row by row.
    Uncuttable,
    End,
}

/// Cuts what is left of a file into parts.
pub(crate) struct Cutter<R> {
    input: R,
    delimiter: u8,
    /// Bytes behind the last part.
    rest: Vec<u8>,
    line: u64,
    is_at_end: bool,
}

impl<R: Read> Cutter<R> {
    /// Goes on where `rows` is.
    pub(crate) fn after(rows: Rows<R>) -> Self {
        let (input, delimiter, rest, line, is_at_end) = rows.into_rest();
        Self { input, delimiter, rest, line, is_at_end }
    }

    pub(crate) const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Row by row from here on.
    pub(crate) fn into_rows(self) -> Rows<R> {
        Rows::resumed(self.input, self.delimiter, self.rest, self.line, self.is_at_end)
    }

    pub(crate) fn next(&mut self) -> io::Result<Cut> {
        let mut wanted = PART_BYTES;
        loop {
            self.fill(wanted)?;
            if self.rest.is_empty() {
                return Ok(Cut::End);
            }
            let (end, lines) = if self.is_at_end {
                (self.rest.len(), 0)
            } else {
                last_row_end(&self.rest, self.delimiter)
            };
            if end > 0 {
                let rest = self.rest.get(end..).unwrap_or_default().to_vec();
                let mut bytes = std::mem::replace(&mut self.rest, rest);
                bytes.truncate(end);
                let part = CsvPart { bytes, line: self.line };
                self.line += lines;
                return Ok(Cut::Part(part));
            }
            if wanted >= PART_BYTES_MAX {
                return Ok(Cut::Uncuttable);
            }
            wanted *= 2;
        }
    }

    /// Reads until so many bytes are there or the file ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.rest.len());
        if self.is_at_end || missing == 0 {
            return Ok(());
        }
        // It clears no more room than the file fills.
        let read = (&mut self.input).take(missing as u64).read_to_end(&mut self.rest)?;
        self.is_at_end = read < missing;
        Ok(())
    }
}

/// Where the last whole row ends, and how many lines stand before; 0 if none does.
fn last_row_end(bytes: &[u8], delimiter: u8) -> (usize, u64) {
    if memchr::memchr(b'"', bytes).is_some() {
        return Rows::resumed(io::empty(), delimiter, bytes.to_vec(), 0, false).last_row_end();
    }
    let Some(last) = memchr::memrchr(b'\n', bytes) else { return (0, 0) };
    let rows = bytes.get(..=last).unwrap_or_default();
    (last + 1, line_count(rows))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rows::FieldRange;

    /// Every row with its line and bytes.
    fn rows_of<R: Read>(mut rows: Rows<R>) -> Vec<(u64, Vec<u8>)> {
        let (mut found, mut fields): (_, Vec<FieldRange>) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next(&mut fields).unwrap() {
            found.push((row.line, rows.bytes(&row.range).to_vec()));
        }
        found
    }

    proptest! {
        #[test]
        fn a_cut_changes_no_row(
            text in prop::collection::vec(
                prop_oneof![Just("a"), Just(","), Just("\""), Just("\n"), Just("\r\n"), Just("\r"), Just(" ")],
                0..60,
            ),
            at in 0..60_usize,
        ) {
            let bytes = text.concat().into_bytes();
            let seen = bytes.get(..at.min(bytes.len())).unwrap();
            let (end, lines) = last_row_end(seen, b',');
            let whole = rows_of(Rows::new(&bytes[..], b','));
            let mut parted = rows_of(Rows::new(&bytes[..end], b','));
            let rest = rows_of(Rows::new(&bytes[end..], b','));
            parted.extend(rest.into_iter().map(|(line, row)| (line + lines, row)));
            prop_assert_eq!(parted, whole);
        }
    }
}
