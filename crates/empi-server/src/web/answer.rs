//! What goes back to a browser: a page, a way elsewhere, or one sentence that says what to do; and the headers
//! that are on all of them.

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use empi_model::EnterpriseId;
use empi_registry::RegistryError;
use maud::Markup;

/// Headers of every answer. Nothing but our own styles, scripts and pictures is loaded, no frame may hold a
/// page, nothing is kept by the browser, nothing is told to other sites. (Without any referrer browsers would send
/// forms with the origin `null`.)
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// For a year browsers come back over TLS only (RFC 6797). Said of this host alone: those below it are not ours.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Puts the headers on an answer that has none of its own.
pub(super) fn protect(headers: &mut HeaderMap, is_over_tls: bool) {
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_over_tls {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(TLS_ONLY);
    }
}

/// Whether what stands in front says that it was reached over TLS: `X-Forwarded-Proto`, or `Forwarded` (RFC 7239).
/// The last of several is the nearest to here. Who lies about it gains nothing: over plain HTTP browsers ignore
/// what is then said to them.
pub(super) fn is_over_tls(headers: &HeaderMap) -> bool {
    let last = |name: &str| {
        let value = headers.get_all(name).into_iter().next_back()?;
        value.to_str().ok()?.rsplit(',').next().map(|last| last.trim().to_ascii_lowercase())
    };
    let is_https = |forwarded: String| {
        forwarded.split(';').any(|part| matches!(part.trim(), "proto=https" | "proto=\"https\""))
    };
    last("x-forwarded-proto").as_deref() == Some("https") || last("forwarded").is_some_and(is_https)
}

/// What a page answers, on its way to the gate, which lays it out.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A page, to be laid out: its title, which never has patient data in it, and what stands on it.
    Page(&'static str, Markup),
    /// Go there with GET: what follows a form that was taken.
    See(String),
}

impl Answer {
    pub(super) fn see(path: impl Into<String>) -> Self {
        Self::See(path.into())
    }
}

/// Why a page cannot be shown or a form not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// What to do. Never patient data.
    pub(super) sentence: String,
    /// The person who is not shown because their data are not to be shared.
    pub(super) restricted: Option<EnterpriseId>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), restricted: None }
    }

    pub(super) fn invalid(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, sentence)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such page: use the links above.")
    }

    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Your role may not do this: ask an administrator if you need to.",
        )
    }

    pub(super) fn overloaded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server has as much to do as it can: try again in a moment.",
        )
    }

    pub(super) fn shutting_down() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is shutting down: try again in a minute.",
        )
    }

    pub(super) fn broken() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something failed inside the server: please report it with the server's log.",
        )
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        if let RegistryError::Restricted(person) = error {
            let sentence = format!("The data of person {person} are not to be shared with you.");
            let refusal = Self::new(StatusCode::FORBIDDEN, sentence);
            return Self { restricted: Some(person), ..refusal };
        }
        let status = match &error {
            RegistryError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            RegistryError::NotFound(_) => StatusCode::NOT_FOUND,
            RegistryError::Conflict(_) => StatusCode::CONFLICT,
            RegistryError::Busy(_) | RegistryError::Poisoned => StatusCode::SERVICE_UNAVAILABLE,
            _ => {
                // Store errors name files and counts, never values.
                tracing::error!(%error, "the store failed");
                return Self::broken();
            }
        };
        Self::new(status, sentence(&error.to_string()))
    }
}

/// An error as it is shown: a sentence with a capital and a full stop.
pub(super) fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// A refusal on its way to the gate, which lays it out as a page.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

/// A way elsewhere.
pub(super) fn see_other(path: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Paths are our own, made of letters and numbers.
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// A whole page.
pub(super) fn html(status: StatusCode, page: Markup) -> Response<Body> {
    let mut response = Response::new(Body::from(page.into_string()));
    *response.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_front_tells_of_tls() {
        for (name, value, expected) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "http, HTTPS", true),
            ("x-forwarded-proto", "https, http", false),
            ("forwarded", "for=10.0.0.1;proto=https;by=10.0.0.2", true),
            ("forwarded", "proto=https, for=10.0.0.1; proto=\"http\"", false),
            ("forwarded", "for=\"proto=https\"", false),
            ("x-forwarded-host", "https", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(is_over_tls(&headers), expected, "{name}: {value}");
        }
        assert!(!is_over_tls(&HeaderMap::new()));
    }

    #[test]
    fn an_error_is_shown_as_a_sentence() {
        for (error, shown) in
            [("there is no user x", "There is no user x."), ("ünder.", "Ünder."), ("", ".")]
        {
            assert_eq!(sentence(error), shown);
        }
    }
}
