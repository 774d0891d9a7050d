//! Sources withdraw their records, or say that one of them is another one now.

use empi_model::{Actor, EnterpriseId, EventSequence, RecordKey};
use xxhash_rust::xxh3::xxh3_64;

use crate::RegistryError;
use crate::registry::{Registry, check_request_id};
use crate::wanted::{Answer, Work};

/// A source's word that a record counts no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct RetireRequest {
    /// The record.
    pub record: RecordKey,
    /// The record of the same source that it is now, as after a merge in the source (HL7 A40).
    pub replaced_by: Option<RecordKey>,
    /// Who asks.
    pub actor: Actor,
    /// Names the request: sent again, it is answered as the first time and changes nothing.
    pub request_id: Option<String>,
}

/// Where a retired record belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// The person it belongs to. Resolves for ever.
    pub enterprise_id: EnterpriseId,
    /// The event that was made; `None` when it was retired before.
    pub event: Option<EventSequence>,
}

impl Registry {
    /// Takes a record's say: it keeps its key and its person (identity rule 1), is compared with nothing
    /// any more, and is found by its key alone. Registered again, it has a say again. Replaced by another
    /// record, it goes to that record's person.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a record that was never registered; [`RegistryError::Invalid`]
    /// when a record is to be replaced by one of another source, by itself, or by a retired one;
    /// [`RegistryError::Conflict`] when a steward keeps the two apart, or when the request ID was used
    /// for another request; [`RegistryError::Busy`] and [`RegistryError::Poisoned`] as for registering.
    pub fn retire(&self, request: RetireRequest) -> Result<Retirement, RegistryError> {
        self.core.durability.check()?;
        check_request_id(request.request_id.as_deref())?;
        if let Some(other) = &request.replaced_by
            && (other.source != request.record.source || *other == request.record)
        {
            return Err(RegistryError::invalid(
                "a source merges its own records: name another record of the same source",
            ));
        }
        match self.submit(Work::Retire(Box::new(request)))? {
            Answer::Retired(retirement) => {
                match retirement.event {
                    Some(_) => self.changed([retirement.enterprise_id]),
                    None => self.saw([retirement.enterprise_id]),
                }
                Ok(retirement)
            }
            _ => Err(RegistryError::Poisoned),
        }
    }
}

/// One number for what is asked for: the same request has the same.
pub(crate) fn fingerprint(request: &RetireRequest) -> u64 {
    let mut bytes = b"retire".to_vec();
    for key in std::iter::once(&request.record).chain(&request.replaced_by) {
        for text in [&key.source, &key.record_id] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    xxh3_64(&bytes)
}
