//! What HL7 v2 and FHIR have in common: whose numbers are whose, what a feed does to the index, and who a
//! number belongs to.
//!
//! `config` names the assigning authorities; `caller` tells who is calling; `feed` turns what sources say (register, merge, rename, link,
//! unlink) into the registry's operations; `person` tells which numbers a person has, and finds persons by
//! them. All of it is plain and blocking: the interfaces run it behind the door.

pub(crate) mod caller;
pub(crate) mod config;
pub(crate) mod feed;
pub(crate) mod person;
pub(crate) mod time;

use empi_formats::Authorities;
use parking_lot::{Mutex, MutexGuard};
use xxhash_rust::xxh3::xxh3_64;

use empi_model::RecordKey;

use crate::fhir::FhirClient;
use caller::Callers;

/// Locks for records being read, changed and written back; two records may share one.
const LOCKS: usize = 256;

/// What the interfaces share.
pub(crate) struct Exchange {
    pub(crate) authorities: Authorities,
    pub(crate) callers: Callers,
    locks: Vec<Mutex<()>>,
}

impl Exchange {
    pub(crate) fn new(authorities: Authorities, clients: Vec<FhirClient>) -> Self {
        let locks = std::iter::repeat_with(|| Mutex::new(())).take(LOCKS).collect();
        Self { authorities, callers: Callers::new(clients), locks }
    }

    /// Keeps others from changing a record through these interfaces until the guard is dropped: what a
    /// message leaves unsaid is read from the record before it is written.
    fn hold(&self, key: &RecordKey) -> Option<MutexGuard<'_, ()>> {
        let hash = xxh3_64(key.source.as_bytes()) ^ xxh3_64(key.record_id.as_bytes());
        self.locks.get(hash as usize % LOCKS).map(Mutex::lock)
    }
}
