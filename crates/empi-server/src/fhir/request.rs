//! A request: who sends it, what it asks for, and in which format.

use axum::http::{HeaderMap, Method, StatusCode, header};
use empi_formats::fhir::IssueCode;
use empi_model::{Actor, ActorKind, Role};
use sha2::{Digest as _, Sha256};

use super::answer::Refusal;
use super::config::{FhirClient, FhirConfig};
use crate::web::Operation;

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
    /// The client's own name of the request, if it gave one.
    pub(super) request_id: Option<String>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) application: String,
    pub(super) facility: String,
    /// The role of people that it acts for, if any.
    pub(super) role: Option<Role>,
}

impl Caller {
    /// Whether it may say which persons are one.
    pub(super) fn may_change_identities(&self) -> bool {
        self.role.is_some_and(|role| Operation::ChangeIdentities.allows(role))
    }

    /// The caller as the steward of what it changes.
    pub(super) fn steward(&self) -> Actor {
        Actor { kind: ActorKind::Steward, name: self.name.clone() }
    }

    /// The caller as the actor of what they change.
    pub(super) fn actor(&self) -> Actor {
        Actor { kind: ActorKind::System, name: self.name.clone() }
    }
}

/// Who sends a request, by its bearer token.
pub(super) fn caller(config: &FhirConfig, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        if config.insecure_allow_anonymous && bearer.is_none() {
            return Ok(Caller {
                name: "fhir".to_owned(),
                application: String::new(),
                facility: String::new(),
                role: None,
            });
        }
        return Err(unauthorized("send the token of a client as `Authorization: Bearer`"));
    };
    let hash: String =
        Sha256::digest(token.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    // The tokens are drawn at random; that their hashes are compared letter by letter tells nothing of them.
    let is_it = |client: &&FhirClient| client.token_sha256.eq_ignore_ascii_case(&hash);
    let client = config.clients.iter().find(is_it);
    let client = client.ok_or_else(|| unauthorized("this token is no client's"))?;
    Ok(Caller {
        name: client.name.clone(),
        application: client.application.clone(),
        facility: client.facility.clone(),
        role: client.role.as_deref().and_then(Role::from_name),
    })
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
