//! FHIR R4 over HTTP: searching, reading and matching persons as Patients, mapping their identifiers, and
//! taking Patients as a feed.
//!
//! The way of a request: `handle` finds out who asks and what (`request`), finds the interaction, and runs it
//! behind the door: `person` (read, $ihe-pix), `search`, `matching` ($match), `feed` and `message` (what
//! sources say), `merge` (what a steward's client says). Whatever comes back is a resource, or an OperationOutcome (`answer`).
//!
//! **Invariants:** a path or query is never logged; nothing is served that no client was configured for; a
//! source's change is taken from whoever is registered for the assigning authority, and from nobody else; a steward's from
//! clients that have the role.

mod answer;
mod config;
mod feed;
mod link;
mod matching;
mod merge;
mod message;
mod person;
mod request;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode, header};
use empi_formats::fhir::{IssueCode, capability_statement};
use empi_model::Operation;
use empi_registry::{Registry, RegistryError};

use crate::access::{Denial, Permit, Subject};
use crate::call_log::milliseconds;
use crate::door::Door;
use crate::exchange::{Exchange, time};
use crate::listen::Peer;
use answer::{Answer, Refusal};
pub use config::{FhirClient, FhirConfig};
pub use person::patient_of_person;
use request::{Asked, caller, check_body, check_format, parameters};

/// Where the interface is served, below the address of the web pages.
const PATH: &str = "/fhir";

/// What every request has at hand. Cloning makes another handle.
#[derive(Clone)]
pub(crate) struct Fhir(Arc<Shared>);

struct Shared {
    door: Door,
    exchange: Arc<Exchange>,
    config: FhirConfig,
    candidates_max: usize,
}

impl Fhir {
    pub(crate) fn new(
        door: Door,
        exchange: Arc<Exchange>,
        config: FhirConfig,
        candidates_max: usize,
    ) -> Self {
        Self(Arc::new(Shared { door, exchange, config, candidates_max }))
    }

    /// The routes, to stand beside those of the web pages; none where nobody could be known.
    pub(crate) fn router(self) -> Router {
        if !self.0.config.is_served() && self.0.exchange.issuers.is_empty() {
            return Router::new();
        }
        let below = format!("{PATH}/{{*path}}");
        Router::new()
            .route(PATH, axum::routing::any(handle))
            .route(&below, axum::routing::any(handle))
            .with_state(self)
    }
}

/// Answers a request, whatever it is.
async fn handle(State(fhir): State<Fhir>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.address);
    let limit = fhir.0.config.request_time_max();
    let (name, answer) = match tokio::time::timeout(limit, answered(&fhir, request)).await {
        Ok((name, answer)) => (name, answer.unwrap_or_else(Answer::from)),
        Err(_) => {
            let sentence = "the server was not done in time: a change may or may not be durable";
            let late = Refusal::new(StatusCode::GATEWAY_TIMEOUT, IssueCode::Exception, sentence);
            ("late", late.into())
        }
    };
    let elapsed_ms = milliseconds(started.elapsed());
    // Where somebody knocks who is not known.
    let peer = peer.filter(|_| answer.status == StatusCode::UNAUTHORIZED).map(|peer| peer.ip());
    let (status, peer) = (answer.status.as_u16(), peer.map(tracing::field::display));
    tracing::info!(interaction = name, status, elapsed_ms, peer, "fhir");
    answer.into_response()
}

async fn answered(fhir: &Fhir, request: Request) -> (&'static str, Result<Answer, Refusal>) {
    let (interaction, asked) = match asked(fhir, request).await {
        Ok(read) => read,
        Err((name, refusal)) => return (name, Err(refusal)),
    };
    let working = fhir.clone();
    let permit = asked.permit.clone();
    // A registry that takes no more changes is an error of the call, so that the door hears of it.
    let done = fhir.0.door.answer(permit, move |registry| {
        let answer = interaction.run(&working.0, registry, &asked);
        match answer {
            Err(refusal) if refusal.status == StatusCode::SERVICE_UNAVAILABLE => {
                Err(RegistryError::Poisoned)
            }
            answer => {
                if answer.is_err() {
                    registry.refused();
                }
                Ok(answer)
            }
        }
    });
    let answer = match done.await {
        Ok(answer) => answer,
        Err(failure) => Err(failure.into()),
    };
    (interaction.name(), answer)
}

/// What a caller may not.
fn denied(denial: Denial) -> Refusal {
    match denial {
        Denial::Unknown => {
            Refusal::new(StatusCode::UNAUTHORIZED, IssueCode::Forbidden, denial.to_string())
        }
        _ => Refusal::new(StatusCode::FORBIDDEN, IssueCode::Forbidden, denial.to_string()),
    }
}

/// Reads a request: who sends it, what it asks for, whether they may, and then its body. A refusal comes with its name
/// in the log.
async fn asked(
    fhir: &Fhir,
    request: Request,
) -> Result<(Interaction, Asked), (&'static str, Refusal)> {
    let (parts, body) = request.into_parts();
    let refused = |refusal| ("refused", refusal);
    let caller = Arc::new(caller(&fhir.0, &parts).map_err(refused)?);
    let path = parts.uri.path().strip_prefix(PATH).unwrap_or_default();
    let path: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| part.replace("%24", "$"))
        .collect();
    let interaction =
        Interaction::of(&parts.method, &path).map_err(|refusal| ("unknown", refusal))?;
    let permit = fhir.0.door.admit(&caller, interaction.operation(), Subject::Named);
    let permit = permit.map_err(|denial| refused(denied(denial)))?;
    let asked = read(&fhir.0.config, parts, body, (path, permit)).await.map_err(refused)?;
    Ok((interaction, asked))
}

async fn read(
    config: &FhirConfig,
    parts: Parts,
    body: Body,
    (path, permit): (Vec<String>, Permit),
) -> Result<Asked, Refusal> {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let mut all = parameters(query.as_bytes())?;
    check_format(&parts.headers, &all)?;
    let body = to_bytes(body, config.body_bytes_max).await.map_err(|_| {
        let sentence = format!(
            "the body did not come, or is longer than {} bytes (fhir.body_bytes_max)",
            config.body_bytes_max
        );
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, IssueCode::TooLong, sentence)
    })?;
    let is_form = path.last().is_some_and(|last| last == "_search");
    if is_form {
        check_body(&parts.headers, "application/x-www-form-urlencoded")?;
        all.extend(parameters(&body)?);
    } else if matches!(parts.method, Method::POST | Method::PUT) {
        check_body(&parts.headers, "json")?;
    }
    let base = config.base_url.clone().unwrap_or_else(|| base_of(&parts));
    let said = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let (request_id, if_match) = (said("x-request-id"), said("if-match"));
    Ok(Asked {
        path,
        parameters: all,
        body: body.to_vec(),
        permit,
        base,
        query,
        if_match,
        request_id,
    })
}

/// The URL of the interface as the client called it.
fn base_of(parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let is_encrypted = parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_encrypted);
    let scheme = if is_encrypted { "https" } else { "http" };
    format!("{scheme}://{}{PATH}", host.unwrap_or("localhost"))
}

/// A segment of a path that names a resource.
const ID: &str = "*";

/// Every way in: what is not in this table is not answered, and what is in it has an operation.
const WAYS: [(&str, &[&str], Interaction); 13] = [
    ("GET", &["metadata"], Interaction::Metadata),
    ("GET", &["Patient"], Interaction::Search),
    ("POST", &["Patient", "_search"], Interaction::Search),
    ("POST", &["Patient"], Interaction::Create),
    ("PUT", &["Patient"], Interaction::Put),
    ("DELETE", &["Patient"], Interaction::Delete),
    ("POST", &["Patient", "$match"], Interaction::Match),
    ("POST", &["Patient", "$merge"], Interaction::Merge),
    ("GET", &["Patient", "$ihe-pix"], Interaction::Pix),
    ("POST", &["Patient", "$ihe-pix"], Interaction::Pix),
    ("GET", &["Patient", ID], Interaction::Read),
    ("PUT", &["Patient", ID], Interaction::Link),
    ("POST", &["$process-message"], Interaction::Message),
];

/// A request for each way in, and what it lets somebody do.
#[cfg(test)]
pub(crate) fn ways() -> impl Iterator<Item = (&'static str, String, Operation)> {
    let path = |segments: &[&str]| segments.join("/").replace(ID, "7K3M-9QXT-2VC");
    WAYS.iter().map(move |(method, segments, it)| (*method, path(segments), it.operation()))
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interaction {
    Metadata,
    Read,
    Search,
    Match,
    Merge,
    Pix,
    Put,
    Link,
    Create,
    Delete,
    Message,
}

impl Interaction {
    /// What it lets somebody do.
    const fn operation(self) -> Operation {
        match self {
            Self::Metadata => Operation::Probe,
            Self::Read | Self::Search | Self::Match | Self::Pix => Operation::ViewPersons,
            Self::Merge | Self::Link => Operation::ChangeIdentities,
            Self::Put | Self::Create | Self::Message => Operation::RegisterRecords,
            Self::Delete => Operation::RetireRecords,
        }
    }

    fn of(method: &Method, path: &[String]) -> Result<Self, Refusal> {
        let is_id = |segment: &str| !segment.starts_with(['$', '_']);
        let is_it = |wanted: &[&str]| {
            let mut pairs = wanted.iter().zip(path);
            let fits =
                |(wanted, it): (&&str, &String)| it == wanted || (*wanted == ID && is_id(it));
            wanted.len() == path.len() && pairs.all(fits)
        };
        let found = WAYS.iter().find(|(by, wanted, _)| method == by && is_it(wanted));
        if let Some((.., interaction)) = found {
            return Ok(*interaction);
        }
        let first = path.first().map(String::as_str);
        let is_near = WAYS.iter().any(|(_, wanted, _)| wanted.first().copied() == first);
        Err(if is_near && path.len() <= 2 {
            let sentence = "this cannot be done with this method: read the capability statement";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, IssueCode::NotSupported, sentence)
        } else {
            let sentence = "there is nothing here: read the capability statement at metadata";
            Refusal::new(StatusCode::NOT_FOUND, IssueCode::NotSupported, sentence)
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Read => "read",
            Self::Search => "search",
            Self::Match => "match",
            Self::Merge => "merge",
            Self::Pix => "ihe-pix",
            Self::Put => "update",
            Self::Link => "link",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Message => "process-message",
        }
    }

    fn run(self, fhir: &Shared, registry: &Registry, asked: &Asked) -> Result<Answer, Refusal> {
        let exchange = &*fhir.exchange;
        match self {
            Self::Metadata => {
                let version = env!("CARGO_PKG_VERSION");
                let date = time::fhir(registry.now());
                Ok(Answer::ok(&capability_statement(&asked.base, version, &date)))
            }
            Self::Read => {
                let id = asked.path.get(1).map_or("", String::as_str);
                person::read(exchange, registry, id)
            }
            Self::Search => search::search(exchange, registry, asked, fhir.config.page_size_max),
            Self::Match => matching::matched(exchange, registry, asked, fhir.candidates_max),
            Self::Merge => merge::merge(exchange, registry, asked),
            Self::Pix => person::pix(exchange, registry, asked),
            Self::Put => feed::put(exchange, registry, asked),
            Self::Link => {
                let id = asked.path.get(1).map_or("", String::as_str);
                link::put(exchange, registry, asked, id)
            }
            Self::Create => feed::create(exchange, registry, asked),
            Self::Delete => feed::delete(exchange, registry, asked),
            Self::Message => message::take(exchange, registry, asked),
        }
    }
}
