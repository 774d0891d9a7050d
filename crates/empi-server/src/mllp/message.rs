//! One message: read, its header checked, done, answered, logged.

use std::sync::Arc;
use std::time::Instant;

use empi_formats::hl7::{
    AckCode, ErrorCode, ErrorEntry, Location, Message, ReadError, Reply, Severity, Warning, Writer,
    acknowledgement,
};
use empi_model::Operation;
use empi_registry::{Registry, RegistryError};

use super::feed::{self, Event};
use super::{Mllp, query};
use crate::access::{Origin, Permit, Subject};
use crate::call_log::milliseconds;
use crate::door::Failure;
use crate::exchange::caller::Client;
use crate::exchange::time;

/// Why a message is not done.
pub(super) enum Stop {
    /// It was refused, with these errors.
    Refused(AckCode, Vec<ErrorEntry>),
    /// The registry failed.
    Failed(RegistryError),
}

impl Stop {
    pub(super) fn error(location: Location, code: ErrorCode, text: impl Into<String>) -> Self {
        Self::Refused(AckCode::Error, vec![entry(location, code, text)])
    }

    pub(super) fn reject(location: Location, code: ErrorCode, text: impl Into<String>) -> Self {
        Self::Refused(AckCode::Reject, vec![entry(location, code, text)])
    }
}

impl From<Warning> for Stop {
    fn from(Warning { location, code, text }: Warning) -> Self {
        Self::error(location, code, text)
    }
}

/// The entry of something that a message was refused for.
pub(super) fn entry(location: Location, code: ErrorCode, text: impl Into<String>) -> ErrorEntry {
    ErrorEntry { location, code, severity: Severity::Error, text: text.into() }
}

/// The entry of something that was left aside.
pub(super) fn warned(Warning { location, code, text }: Warning) -> ErrorEntry {
    ErrorEntry { location, code, severity: Severity::Warning, text: text.to_owned() }
}

/// An answer, and how the message fared, for the log.
pub(super) struct Answered {
    pub(super) writer: Writer,
    pub(super) code: &'static str,
}

/// Answers a message, whatever it is. The client is whoever showed a certificate, if any was shown.
pub(super) async fn answer(
    mllp: &Mllp,
    bytes: Vec<u8>,
    from: (&Origin, Option<&Client>),
) -> Vec<u8> {
    let started = Instant::now();
    let (message, answered, kind) = match Message::read(&bytes) {
        Err(error) => {
            let header = Message::read_header(&bytes);
            let answered = refused(mllp, &header, unreadable(error));
            (Arc::new(header), answered, "unreadable")
        }
        Ok(message) => {
            let hash = xxhash_rust::xxh3::xxh3_64(&bytes);
            let message = Arc::new(message);
            let (answered, kind) = done(mllp, &message, hash, from).await;
            (message, answered, kind)
        }
    };
    let elapsed_ms = milliseconds(started.elapsed());
    tracing::info!(kind, code = answered.code, elapsed_ms, "message");
    answered.writer.bytes(message.charset())
}

async fn done(
    mllp: &Mllp,
    message: &Arc<Message>,
    hash: u64,
    (origin, client): (&Origin, Option<&Client>),
) -> (Answered, &'static str) {
    let kind = match route(message).and_then(|kind| spoken_for(message, client).map(|()| kind)) {
        Ok(kind) => kind,
        Err(stop) => return (refused(mllp, message, stop), "unsupported"),
    };
    let caller = Arc::new(mllp.sender(message, client, origin.clone()));
    let admitted = mllp.0.door.admit(&caller, kind.operation(), Subject::Named);
    let Ok(permit) = admitted else {
        let text = "the sender (MSH-3, MSH-4) is not registered for what this message asks";
        let stop = Stop::reject(Location::field("MSH", 1, 3), ErrorCode::UnknownKey, text);
        return (refused(mllp, message, stop), "denied");
    };
    let (working, asked, leave) = (mllp.clone(), Arc::clone(message), permit.clone());
    let working =
        move |registry: &Registry| work(&working, registry, (&asked, &leave), (kind, hash));
    let answered = mllp.0.door.wait(permit, working).await;
    let answered = answered.unwrap_or_else(|failure| {
        let text = match failure {
            Failure::Registry(error) => return refused(mllp, message, Stop::Failed(error)),
            Failure::Closing | Failure::Full(_) | Failure::Late => {
                "the server is shutting down: send it again"
            }
            Failure::Panicked => "the message failed inside the server: send it again later",
        };
        let place = Location::segment("MSH", 1);
        refused(mllp, message, Stop::reject(place, ErrorCode::Internal, text))
    });
    (answered, kind.name())
}

/// Does what a message asks for; blocks. A registry that takes no more changes is an error here, so that the
/// door hears of it.
fn work(
    mllp: &Mllp,
    registry: &Registry,
    (message, permit): (&Message, &Permit),
    (kind, hash): (Kind, u64),
) -> Result<Answered, RegistryError> {
    let answered = match kind {
        Kind::Feed(event) => {
            feed::take(mllp, registry, (message, permit), (event, hash)).map(|warnings| {
                let writer = acknowledgement(&reply(mllp, message), AckCode::Accept, &warnings);
                Answered { writer, code: AckCode::Accept.as_str() }
            })
        }
        Kind::Pix => query::pix(mllp, registry, message),
        Kind::Pdq => query::pdq(mllp, registry, message),
        // Nothing is kept for a query, so there is nothing to let go.
        Kind::Cancel => {
            let writer = acknowledgement(&reply(mllp, message), AckCode::Accept, &[]);
            Ok(Answered { writer, code: AckCode::Accept.as_str() })
        }
    };
    match answered {
        Ok(answered) => {
            // A query that finds nobody is answered, and is a refusal all the same.
            if answered.code != AckCode::Accept.as_str() {
                registry.refused();
            }
            Ok(answered)
        }
        Err(Stop::Failed(RegistryError::Poisoned)) => Err(RegistryError::Poisoned),
        Err(stop) => {
            registry.refused();
            Ok(refused(mllp, message, stop))
        }
    }
}

/// What a message is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Feed(Event),
    Pix,
    Pdq,
    Cancel,
}

impl Kind {
    /// What it lets its sender do.
    pub(super) const fn operation(self) -> Operation {
        match self {
            Self::Feed(event) => event.operation(),
            Self::Pix | Self::Pdq => Operation::ViewPersons,
            Self::Cancel => Operation::Probe,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Feed(event) => event.name(),
            Self::Pix => "QBP^Q23",
            Self::Pdq => "QBP^Q22",
            Self::Cancel => "QCN^J01",
        }
    }
}

/// What a message is by MSH-9.1 and MSH-9.2; senders write what they like into MSH-9.3.
fn route(message: &Message) -> Result<Kind, Stop> {
    let header = |number: usize| message.header(number).component(1).text().into_owned();
    let place = |field: usize| Location::part("MSH", 1, [field, 1, 1]);
    if header(10).is_empty() {
        let text = "MSH-10, the control ID, is missing";
        return Err(Stop::error(Location::field("MSH", 1, 10), ErrorCode::RequiredField, text));
    }
    let version = header(12);
    if !version.is_empty() && !version.starts_with("2.") {
        let text = "MSH-12 is no version of HL7 2";
        return Err(Stop::reject(place(12), ErrorCode::UnsupportedVersion, text));
    }
    if !matches!(header(11).as_str(), "" | "P" | "T" | "D") {
        let text = "MSH-11 must be P, T or D";
        return Err(Stop::reject(place(11), ErrorCode::UnsupportedProcessingId, text));
    }
    let event = message.header(9).component(2).text().to_ascii_uppercase();
    let known = match header(9).to_ascii_uppercase().as_str() {
        "ADT" => Event::of(&event).map(Kind::Feed),
        "QBP" if event == "Q23" => Some(Kind::Pix),
        "QBP" if event == "Q22" => Some(Kind::Pdq),
        "QCN" if event == "J01" => Some(Kind::Cancel),
        "QBP" | "QCN" => None,
        _ => {
            let text = "only ADT, QBP and QCN are taken here";
            return Err(Stop::reject(place(9), ErrorCode::UnsupportedMessageType, text));
        }
    };
    known.ok_or_else(|| {
        let place = Location::part("MSH", 1, [9, 1, 2]);
        Stop::reject(place, ErrorCode::UnsupportedEvent, "this event is not taken here")
    })
}

/// Refuses a message of a sender that the certificate of whoever calls does not stand for.
fn spoken_for(message: &Message, client: Option<&Client>) -> Result<(), Stop> {
    let said = |number: usize| message.header(number).component(1).text().into_owned();
    if client.is_none_or(|client| client.speaks_for(&said(3), &said(4))) {
        return Ok(());
    }
    let text = "MSH-3 and MSH-4 are not those of the caller's certificate";
    Err(Stop::reject(Location::field("MSH", 1, 3), ErrorCode::UnknownKey, text))
}

fn unreadable(error: ReadError) -> Stop {
    let (place, code) = match error {
        ReadError::UnknownCharset => (Location::field("MSH", 1, 18), ErrorCode::TableValueNotFound),
        ReadError::NotOfCharset => (Location::field("MSH", 1, 18), ErrorCode::DataType),
        _ => (Location::segment("MSH", 1), ErrorCode::SegmentSequence),
    };
    Stop::error(place, code, error.to_string())
}

/// What an answer needs to know.
pub(super) fn reply<'a>(mllp: &'a Mllp, message: &'a Message) -> Reply<'a> {
    Reply {
        message,
        application: &mllp.0.own,
        control_id: mllp.control_id(),
        time: time::hl7(mllp.0.door.now()),
    }
}

fn refused(mllp: &Mllp, message: &Message, stop: Stop) -> Answered {
    let (code, errors) = match stop {
        Stop::Refused(code, errors) => (code, errors),
        Stop::Failed(error) => failed(error),
    };
    let writer = acknowledgement(&reply(mllp, message), code, &errors);
    Answered { writer, code: code.as_str() }
}

/// What a registry's error means to a sender: whether the same message may fare better later.
pub(super) fn failed(error: RegistryError) -> (AckCode, Vec<ErrorEntry>) {
    let (ack, code, text) = match error {
        RegistryError::Invalid(text) => (AckCode::Error, ErrorCode::Internal, text),
        RegistryError::NotFound(text) => (AckCode::Error, ErrorCode::UnknownKey, text),
        RegistryError::Conflict(text) => (AckCode::Error, ErrorCode::RecordLocked, text),
        RegistryError::Restricted(_) => (AckCode::Error, ErrorCode::UnknownKey, error.to_string()),
        RegistryError::Busy(text) => (AckCode::Reject, ErrorCode::Internal, text),
        RegistryError::Store(error) => {
            // Store errors name files and counts, never values.
            tracing::error!(%error, "the store failed");
            (AckCode::Reject, ErrorCode::Internal, "the store failed: send it again later".into())
        }
        other => (AckCode::Reject, ErrorCode::Internal, other.to_string()),
    };
    (ack, vec![entry(Location::segment("MSH", 1), code, text)])
}
