//! A request: who sends it, what it asks for, and in which format.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use empi_formats::fhir::IssueCode;

use super::Shared;
use super::answer::Refusal;
use crate::exchange::caller::Caller;
use crate::listen::Peer;

/// Most parameters of one request.
const PARAMETERS_MAX: usize = 100;

/// A request, with nothing of HTTP left in it but what matters.
pub(super) struct Asked {
    pub(super) method: Method,
    /// The path below the interface's own, such as `["Patient", "$match"]`.
    pub(super) path: Vec<String>,
    /// Parameters of the query and of a form, as `name` and `value`.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) caller: Caller,
    /// The URL of the interface.
    pub(super) base: String,
    /// The query as it came, for links to pages.
    pub(super) query: String,
    /// The version of the resource that the client has read, if it says so.
    pub(super) if_match: Option<String>,
    /// The client's own name of the request, if it gave one.
    pub(super) request_id: Option<String>,
}

/// Who sends a request: by its bearer token, or by the certificate that was shown in the handshake.
pub(super) fn caller(fhir: &Shared, parts: &Parts) -> Result<Caller, Refusal> {
    let callers = &fhir.exchange.callers;
    let peer = parts.extensions.get::<Peer>();
    let certificate = peer.and_then(|peer| peer.certificate.as_deref());
    let by_certificate = certificate.and_then(|it| callers.of_certificate(it));
    let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        return match by_certificate {
            Some(caller) => Ok(caller),
            None if fhir.config.insecure_allow_anonymous && bearer.is_none() => {
                Ok(Caller::anonymous())
            }
            None => Err(unauthorized("send the token of a client as `Authorization: Bearer`")),
        };
    };
    let by_token = callers.of_token(token.trim());
    let by_token = by_token.ok_or_else(|| unauthorized("this token is no client's"))?;
    if by_certificate.is_some_and(|caller| caller != by_token) {
        return Err(unauthorized("the token and the certificate are those of different clients"));
    }
    Ok(by_token)
}

fn unauthorized(sentence: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, IssueCode::Forbidden, sentence)
}

/// Refuses whoever takes no JSON.
pub(super) fn check_format(
    headers: &HeaderMap,
    parameters: &[(String, String)],
) -> Result<(), Refusal> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = parameters.iter().find(|(name, _)| name == "_format");
    let wanted = format.map(|(_, value)| value.as_str()).or(accept).unwrap_or_default();
    let is_taken = wanted.is_empty() || wanted.contains("json") || wanted.contains("*/*");
    if is_taken {
        return Ok(());
    }
    let sentence = "the server writes JSON only: accept application/fhir+json";
    Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, IssueCode::NotSupported, sentence))
}

/// Refuses a body that is not said to be JSON: a page of another site can make a browser send others without
/// asking first.
pub(super) fn check_body(headers: &HeaderMap, expected: &str) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.contains(expected)) {
        return Ok(());
    }
    let sentence = format!("the body must be {expected}, and its Content-Type say so");
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, IssueCode::NotSupported, sentence))
}

/// The parameters of a query or form.
pub(super) fn parameters(encoded: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let read: Vec<(String, String)> =
        form_urlencoded::parse(encoded).into_owned().take(PARAMETERS_MAX + 1).collect();
    if read.len() > PARAMETERS_MAX {
        let sentence = "the request has more than 100 parameters (parameters_max)";
        return Err(Refusal::invalid(IssueCode::TooLong, sentence));
    }
    Ok(read)
}

impl Asked {
    /// The values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.parameters.iter().filter(move |(it, _)| it == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The URL of a person's Patient.
    pub(super) fn url_of(&self, id: &str) -> String {
        format!("{}/Patient/{id}", self.base)
    }
}

/// The two parts of a token, `system|value`; no system where there is no bar.
pub(super) fn token(text: &str) -> (Option<&str>, &str) {
    match text.split_once('|') {
        Some((system, value)) => (Some(system.trim()), value.trim()),
        None => (None, text.trim()),
    }
}
