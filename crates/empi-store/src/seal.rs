//! What vouches for what: an event keeps a digest of every row that was written with it, each event one of the
//! event before, and the counters one of the last. So a row that is not as some commit had written it is found
//! by [`verify`](crate::Store::verify), also where the row alone makes sense.
//!
//! A digest of 0 stands for none: of rows that were written before there were any.

use std::collections::HashMap;

use empi_model::{RecordIndex, TaskId};
use xxhash_rust::xxh3::xxh3_64;

/// Four bytes are enough to find damage, not to withstand malice.
pub(crate) fn digest(row: &[u8]) -> u32 {
    // The lower half of a good hash is a good hash.
    (xxh3_64(row) as u32).max(1)
}

/// The digest of an event's row, which vouches for all events before it.
pub(crate) fn event_digest(row: &[u8]) -> u64 {
    xxh3_64(row).max(1)
}

/// What the counters vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Seal {
    /// The digest of the event that was written last, and its number.
    pub(crate) last_event: u64,
    pub(crate) sequence: u64,
    /// The digests of all review tasks that a bulk load raised and nothing has changed since, added up.
    pub(crate) loaded_tasks: u64,
    /// The digests of all models that were kept, added up.
    pub(crate) models: u64,
}

impl Seal {
    /// The digest of the event before this one; 0 where a bulk load adds them in another order.
    pub(crate) const fn before(&self, sequence: u64) -> u64 {
        if sequence == self.sequence + 1 { self.last_event } else { 0 }
    }

    /// Takes in a task that a bulk load raises.
    pub(crate) const fn add_loaded(&mut self, digest: u32) {
        self.loaded_tasks = self.loaded_tasks.wrapping_add(digest as u64);
    }

    /// Takes in a model that is kept.
    pub(crate) const fn add_model(&mut self, digest: u32) {
        self.models = self.models.wrapping_add(digest as u64);
    }

    /// Lets go of one that an event changes: the event vouches for it from then on.
    pub(crate) const fn take_loaded(&mut self, digest: u32) {
        self.loaded_tasks = self.loaded_tasks.wrapping_sub(digest as u64);
    }
}

/// The digests of the rows of one commit, for its events.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    pub(crate) records: HashMap<RecordIndex, u32>,
    pub(crate) tasks: HashMap<TaskId, u32>,
    pub(crate) held: HashMap<TaskId, u32>,
    pub(crate) requests: HashMap<String, u32>,
}
