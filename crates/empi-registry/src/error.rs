//! Why a use case did not happen. One sentence each that says what to do; never patient data.

use empi_model::EnterpriseId;
use empi_store::StoreError;

/// Why a use case did not happen. Nothing was changed, except where [`Poisoned`](Self::Poisoned)
/// says that this is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The request itself cannot be answered, now or later.
    #[error("{0}")]
    Invalid(String),
    /// What the request names is not in the index.
    #[error("{0}")]
    NotFound(String),
    /// The request contradicts what was decided before.
    #[error("{0}")]
    Conflict(String),
    /// The person's data are not to be shared with whoever asks.
    #[error(
        "the data of person {0} are not to be shared with you: in an emergency state why you must see them"
    )]
    Restricted(EnterpriseId),
    /// Too many changes wait to be committed: the same request may be sent again a little later.
    #[error("{0}")]
    Busy(String),
    /// The store could not read or open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A write failed before, or the commit thread did. Nothing is answered any more, because what
    /// is in memory may not be on disk; whether the failed change itself is there shows after a
    /// restart, when the same request may be sent again.
    #[error(
        "a write to disk failed, so the index takes no more requests: repair the disk, start again \
         and send the request again"
    )]
    Poisoned,
}

impl RegistryError {
    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }

    pub(crate) fn not_found(sentence: impl Into<String>) -> Self {
        Self::NotFound(sentence.into())
    }

    pub(crate) fn busy(sentence: impl Into<String>) -> Self {
        Self::Busy(sentence.into())
    }

    pub(crate) fn conflict(sentence: impl Into<String>) -> Self {
        Self::Conflict(sentence.into())
    }

    /// The store holds something that contradicts itself.
    pub(crate) fn damaged(what: &str) -> Self {
        Self::Store(StoreError::Damaged(what.to_owned()))
    }
}
