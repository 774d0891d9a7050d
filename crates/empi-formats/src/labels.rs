//! What people decided about pairs: `left_source,left_record_id,right_source,right_record_id,decision`.

use std::path::Path;

use empi_model::RecordKey;

use crate::FormatError;
use crate::outputs::TableReader;

const HEADER: [&str; 5] =
    ["left_source", "left_record_id", "right_source", "right_record_id", "decision"];

/// One row of a labels file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRow {
    /// One record.
    pub left: RecordKey,
    /// The other.
    pub right: RecordKey,
    /// Whether they are the same person.
    pub is_same: bool,
}

/// Reads a labels file row by row. Its columns stand in any order, others are left alone.
pub struct LabelsReader(TableReader);

impl LabelsReader {
    /// Opens the file.
    ///
    /// # Errors
    /// [`FormatError`] when it cannot be read or lacks a column.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        TableReader::open(path.as_ref(), &HEADER, "the form of a labels file").map(Self)
    }

    fn row(&self, cells: Vec<String>) -> Result<LabelRow, FormatError> {
        let Ok([left_source, left_id, right_source, right_id, decision]) =
            <[String; 5]>::try_from(cells)
        else {
            return Err(self.0.malformed("the row is incomplete"));
        };
        let is_same = match decision.trim() {
            "same" => true,
            "different" => false,
            _ => return Err(self.0.malformed("the decision is neither same nor different")),
        };
        Ok(LabelRow {
            left: RecordKey::new(left_source, left_id),
            right: RecordKey::new(right_source, right_id),
            is_same,
        })
    }
}

impl Iterator for LabelsReader {
    type Item = Result<LabelRow, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let cells = self.0.next()?;
        Some(cells.and_then(|cells| self.row(cells)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_and_what_is_neither_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        let text = "decision,left_source,left_record_id,right_source,right_record_id,by\n\
                    same,a,1,b,2,ann\ndifferent,a,1,a,3,bob\nmaybe,a,1,a,4,bob\n";
        fs_write(&path, text);
        let rows: Vec<_> = LabelsReader::open(&path).unwrap().collect();
        let keys = |left: &str, right: (&str, &str)| {
            (RecordKey::new("a", left), RecordKey::new(right.0, right.1))
        };
        let row = |at: usize| rows[at].as_ref().unwrap().clone();
        assert_eq!((row(0).left, row(0).right), keys("1", ("b", "2")));
        assert!(row(0).is_same && !row(1).is_same);
        let error = rows[2].as_ref().unwrap_err().to_string();
        assert!(error.contains("neither same nor different"), "{error}");
    }

    fn fs_write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }
}
