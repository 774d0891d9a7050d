//! The one table from errors to gRPC status codes.

use empi_registry::RegistryError;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::admission::Refused;
use crate::convert::InvalidRequest;

/// How long a caller is asked to wait whom the registry refuses, in milliseconds. Long enough for a full commit queue
/// to drain: it holds thousands of changes and one synced write covers hundreds.
const RETRY_AFTER_MS: u32 = 200;

/// The trailer that gRPC clients obey when they retry (gRPC retry design, "pushback").
const RETRY_TRAILER: &str = "grpc-retry-pushback-ms";

impl From<InvalidRequest> for Status {
    fn from(error: InvalidRequest) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

/// The status that answers for a registry error. Its sentences carry no patient data.
pub(crate) fn of_registry(error: RegistryError) -> Status {
    match error {
        RegistryError::Invalid(sentence) => Status::invalid_argument(sentence),
        RegistryError::NotFound(sentence) => Status::not_found(sentence),
        RegistryError::Conflict(sentence) => Status::failed_precondition(sentence),
        RegistryError::Restricted(_) => Status::permission_denied(error.to_string()),
        RegistryError::Busy(sentence) => busy(sentence),
        RegistryError::Poisoned => Status::unavailable(RegistryError::Poisoned.to_string()),
        RegistryError::Store(error) => {
            // Store errors name files and counts, never values.
            tracing::error!(%error, "the store failed");
            Status::internal("the store failed: see the server's log, and run `empi verify`")
        }
        other => Status::internal(other.to_string()),
    }
}

/// Overloaded: nothing was done, and the caller is told when to come again.
pub(crate) fn busy(sentence: impl Into<String>) -> Status {
    come_again(sentence, RETRY_AFTER_MS)
}

/// There is no place for a call.
pub(crate) fn full(refused: Refused) -> Status {
    let again_ms = u32::try_from(refused.again.as_millis()).unwrap_or(u32::MAX);
    come_again("the server has as many calls as it can take: wait a little", again_ms)
}

/// Nothing has come of a call because the time had passed that its caller gave it.
pub(crate) fn late() -> Status {
    Status::deadline_exceeded("the call waited for as long as its caller does: nothing was done")
}

fn come_again(sentence: impl Into<String>, again_ms: u32) -> Status {
    let mut status = Status::new(Code::ResourceExhausted, sentence);
    status.metadata_mut().insert(RETRY_TRAILER, MetadataValue::from(again_ms));
    status
}

pub(crate) fn shutting_down() -> Status {
    Status::unavailable("the server is shutting down: send the call again to the next one")
}

#[cfg(test)]
mod tests {
    use empi_model::EnterpriseId;

    use super::*;

    #[test]
    fn every_registry_error_has_its_code() {
        let sentence = || "sentence".to_owned();
        for (error, code) in [
            (RegistryError::Invalid(sentence()), Code::InvalidArgument),
            (RegistryError::NotFound(sentence()), Code::NotFound),
            (RegistryError::Conflict(sentence()), Code::FailedPrecondition),
            (RegistryError::Restricted(EnterpriseId::mint(1)), Code::PermissionDenied),
            (RegistryError::Busy(sentence()), Code::ResourceExhausted),
            (RegistryError::Poisoned, Code::Unavailable),
        ] {
            let status = of_registry(error);
            assert_eq!(status.code(), code);
            assert!(!status.message().is_empty());
        }
    }

    #[test]
    fn the_overloaded_say_when_to_come_again() {
        let status = busy("full");
        assert_eq!(status.metadata().get(RETRY_TRAILER).unwrap(), "200");
    }
}
