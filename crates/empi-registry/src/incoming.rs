//! A record on its way in: what the source said, what it means, and its content as one number.

use empi_linkage::normalize;
use empi_model::{NormalizedRecord, SourceRecord};

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

/// A record without a source or without a record ID cannot be named, now or later.
pub(crate) fn check_key(record: &SourceRecord) -> Result<(), RegistryError> {
    let sentence = if record.key.source.is_empty() {
        "the record names no source: fill in `source` with the name of the system it comes from"
    } else if record.key.record_id.is_empty() {
        "the record has no record ID: fill in `record_id` with the source's own number for it"
    } else {
        return Ok(());
    };
    Err(RegistryError::invalid(sentence))
}
