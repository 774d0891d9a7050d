//! A request: who sends it, what it asks for, and in which format.

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use empi_formats::fhir::IssueCode;
use empi_model::{Actor, ActorKind, Domains, Interface, Purpose, Role};

use super::Shared;
use super::answer::Refusal;
use crate::access::{Caller, Origin, PURPOSE_HEADER, Permit, bearer};
use crate::listen::Peer;

/// Most parameters of one request.
const PARAMETERS_MAX: usize = 100;

/// A request, with nothing of HTTP left in it but what matters.
pub(super) struct Asked {
    /// The path below the interface's own, such as `["Patient", "$match"]`.
    pub(super) path: Vec<String>,
    /// Parameters of the query and of a form, as `name` and `value`.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) permit: Permit,
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
    let (exchange, callers) = (&fhir.exchange, &fhir.exchange.callers);
    let peer = parts.extensions.get::<Peer>();
    let address = peer.and_then(|peer| peer.address).map(|address| address.ip());
    let origin = Origin { interface: Interface::Fhir, address };
    let purpose = match parts.headers.get(PURPOSE_HEADER).map(|value| value.to_str()) {
        None => Purpose::Unsaid,
        Some(code) => code.ok().and_then(Purpose::from_code).ok_or_else(|| {
            let sentence = format!("`{PURPOSE_HEADER}` is no purpose of use");
            Refusal::invalid(IssueCode::CodeInvalid, sentence)
        })?,
    };
    let certificate = peer.and_then(|peer| peer.certificate.as_deref());
    let by_certificate = certificate.and_then(|it| callers.of_certificate(it));
    let by_certificate = by_certificate.map(|client| exchange.caller(client, origin.clone()));
    let authorization = parts.headers.get(header::AUTHORIZATION);
    let token = authorization.map(|value| value.to_str().ok().and_then(bearer));
    let caller = match (token, by_certificate) {
        (None, Some(caller)) => Some(caller),
        (None, None) if fhir.config.insecure_allow_anonymous => {
            Some(Caller::known("fhir", vec![Role::Reader], Domains::none(), origin))
        }
        (None | Some(None), _) => {
            return Err(unauthorized("send the token of a client as `Authorization: Bearer`"));
        }
        (Some(Some(token)), by_certificate) => {
            let by_token = exchange.of_token(&fhir.door, token, origin);
            let are_two = by_token.is_some() && by_certificate.is_some();
            if are_two && by_token != by_certificate {
                return Err(unauthorized(
                    "the token and the certificate are those of different clients",
                ));
            }
            by_token
        }
    };
    let caller = caller.ok_or_else(|| unauthorized("this token is no client's"))?;
    Ok(caller.for_purpose(purpose))
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
    /// Whether the parameters came as a form.
    pub(super) fn is_form(&self) -> bool {
        self.path.last().is_some_and(|last| last == "_search")
    }

    /// The caller as the actor of what it changes, as a system or as the steward it acts for.
    pub(super) fn actor(&self, kind: ActorKind) -> Actor {
        self.permit.actor(Actor { kind, name: String::new() })
    }

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
