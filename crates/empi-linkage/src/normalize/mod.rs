//! From what a source said to what it means.

use empi_model::{NormalizedRecord, SourceRecord};

/// Normalises.
#[must_use]
pub fn normalize(record: &SourceRecord) -> NormalizedRecord {
    NormalizedRecord { key: record.key.clone(), ..NormalizedRecord::default() }
}
