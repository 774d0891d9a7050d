//! What goes back to a FHIR client: a resource, or an outcome that says what went wrong.

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{Response, StatusCode};
use empi_formats::fhir::{IssueCode, OperationOutcome};
use empi_registry::RegistryError;
use serde::Serialize;

use crate::door::Failure;

/// Seconds after which an overloaded server may be asked again.
const RETRY_AFTER_SECONDS: &str = "1";

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The resource as JSON; empty where there is none.
    body: Vec<u8>,
    location: Option<String>,
}

impl Answer {
    /// A resource.
    pub(super) fn resource(status: StatusCode, resource: &impl Serialize) -> Self {
        match serde_json::to_vec(resource) {
            Ok(body) => Self { status, body, location: None },
            Err(_) => Refusal::broken().into(),
        }
    }

    pub(super) fn ok(resource: &impl Serialize) -> Self {
        Self::resource(StatusCode::OK, resource)
    }

    /// Done, and the caller is not shown what came of it.
    pub(super) const fn unshown(status: StatusCode) -> Self {
        Self { status, body: Vec::new(), location: None }
    }

    /// Done, with nothing to tell.
    pub(super) const fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new(), location: None }
    }

    pub(super) fn at(self, location: String) -> Self {
        Self { location: Some(location), ..self }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let is_empty = self.body.is_empty();
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !is_empty {
            let json = HeaderValue::from_static("application/fhir+json; charset=utf-8");
            headers.insert(header::CONTENT_TYPE, json);
        }
        if let Some(location) = self.location.and_then(|it| HeaderValue::from_str(&it).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) outcome: OperationOutcome,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: IssueCode, diagnostics: impl Into<String>) -> Self {
        Self { status, outcome: OperationOutcome::error(code, diagnostics) }
    }

    pub(super) fn invalid(code: IssueCode, diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, diagnostics)
    }

    pub(super) fn not_found(diagnostics: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, IssueCode::NotFound, diagnostics)
    }

    fn broken() -> Self {
        let sentence = "the request failed inside the server: please report it with its log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, IssueCode::Exception, sentence)
    }
}

impl From<Refusal> for Answer {
    fn from(Refusal { status, outcome }: Refusal) -> Self {
        // An outcome is made of texts alone.
        let body = serde_json::to_vec(&outcome).unwrap_or_default();
        Self { status, body, location: None }
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Invalid(text) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::Invalid, text)
            }
            RegistryError::NotFound(text) => Self::not_found(text),
            RegistryError::Conflict(text) => {
                Self::new(StatusCode::CONFLICT, IssueCode::Conflict, text)
            }
            RegistryError::Restricted(_) => {
                Self::new(StatusCode::FORBIDDEN, IssueCode::Forbidden, error.to_string())
            }
            RegistryError::Busy(text) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, IssueCode::Throttled, text)
            }
            RegistryError::Poisoned => {
                let text = RegistryError::Poisoned.to_string();
                Self::new(StatusCode::SERVICE_UNAVAILABLE, IssueCode::Exception, text)
            }
            RegistryError::Store(error) => {
                // Store errors name files and counts, never values.
                tracing::error!(%error, "the store failed");
                Self::broken()
            }
            _ => Self::broken(),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Registry(error) => error.into(),
            Failure::Full(_) | Failure::Late => {
                let text = "the server has as many calls as it can take: wait a little";
                Self::new(StatusCode::TOO_MANY_REQUESTS, IssueCode::Throttled, text)
            }
            Failure::Closing => {
                let text = "the server is shutting down: send the request to the next one";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, IssueCode::Exception, text)
            }
            Failure::Panicked => Self::broken(),
        }
    }
}
