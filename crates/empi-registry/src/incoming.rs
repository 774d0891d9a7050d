//! A record on its way in: what the source said, what it means, and its content as one number.

use empi_linkage::normalize;
use empi_model::{NormalizedRecord, RecordKey, SourceRecord};

use crate::RegistryError;
use crate::content::content_hash;

/// A record on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) record: SourceRecord,
    pub(crate) normalized: NormalizedRecord,
    pub(crate) content_hash: u64,
}

impl Incoming {
    /// Normalises and hashes. Dirty values are no error; a missing key is.
    pub(crate) fn new(record: SourceRecord) -> Result<Self, RegistryError> {
        check_key(&record)?;
        let normalized = normalize(&record);
        let content_hash = content_hash(&record);
        Ok(Self { record, normalized, content_hash })
    }
}

/// Longest name of a source, in bytes.
const SOURCE_BYTES_MAX: usize = 200;

/// Longest record ID, in bytes.
const RECORD_ID_BYTES_MAX: usize = 1000;

/// A record that cannot be named, now or later, is refused.
pub(crate) fn check_key(record: &SourceRecord) -> Result<(), RegistryError> {
    let RecordKey { source, record_id } = &record.key;
    let parts = [
        ("source", "the name of the system it comes from", source, SOURCE_BYTES_MAX),
        ("record_id", "the source's own number for it", record_id, RECORD_ID_BYTES_MAX),
    ];
    for (field, meaning, value, bytes_max) in parts {
        if value.is_empty() {
            let sentence = format!("the record has no `{field}`: fill it in with {meaning}");
            return Err(RegistryError::invalid(sentence));
        }
        if value.len() > bytes_max {
            return Err(RegistryError::invalid(format!(
                "the record's `{field}` has {} bytes and may have at most {bytes_max}: send \
                 {meaning}",
                value.len()
            )));
        }
    }
    Ok(())
}
