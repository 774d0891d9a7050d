//! What the mirror knows of those who were erased: that they were, and what stands in the place of their keys.

use empi_model::{RecordIndex, RecordKey};

use super::Mirror;

impl Mirror {
    /// Every enterprise ID that was minted answers itself, redirects, or was erased.
    pub(crate) fn redirect_count(&self) -> u64 {
        let others = self.persons.len() as u64 + self.persons.erased();
        self.counters.persons_minted.saturating_sub(others)
    }

    /// Whether anybody was erased.
    pub(crate) const fn has_erased(&self) -> bool {
        self.persons.erased() > 0
    }

    /// The key of a record; none for one that was erased.
    pub(crate) fn key(&self, record: RecordIndex) -> Option<RecordKey> {
        self.keys.key(record).filter(|key| !key.source.is_empty())
    }

    /// Whether a record was erased.
    pub(crate) fn is_erased(&self, record: RecordIndex) -> bool {
        self.has_erased() && self.keys.is_erased(record)
    }
}
