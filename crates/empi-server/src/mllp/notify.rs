//! PIX update notifications (ITI-10): consumers are told when the identifiers of a person change in the domains
//! that they are interested in.
//!
//! The event log is the outbox: a consumer's file keeps the number of the last event that it was told of, and is
//! written after its acknowledgement. So every change is told at least once, in order, also after a crash; the
//! control ID is the event's number, so that a consumer can tell a message that comes again. What a consumer
//! refuses for good goes into its file of dead letters, by event and enterprise ID, and the next follows.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use empi_formats::hl7::{Application, Charset, Message, NotificationWords, notification};
use empi_model::{EnterpriseId, EventKind, EventSequence, Interface, Operation};
use empi_registry::{EventView, Registry, RegistryError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::config::ConsumerConfig;
use super::frame::{Frames, framed};
use super::query::written;
use crate::access::{Subject, reader_of_its_own};
use crate::door::Door;
use crate::exchange::Exchange;
use crate::exchange::person::{Number, Told, numbers};
use crate::exchange::time;
use crate::tls::{Outgoing, Tls};

/// Events that are read at a time.
const EVENTS_MAX: usize = 64;

/// How long a consumer may take to accept a connection or to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// How long is waited after a failure: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How often a message is sent that the consumer rejects for now (`AR`).
const REJECTIONS_MAX: u32 = 10;

/// Longest answer of a consumer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Tells one consumer.
pub(crate) struct Notifier {
    door: Door,
    exchange: Arc<Exchange>,
    own: Application,
    consumer: ConsumerConfig,
    /// Keeps the number of the last event that was told.
    place: PathBuf,
    dead_letters: PathBuf,
    connection: Option<Box<dyn Stream>>,
    /// What the server shows of itself.
    tls: Option<Tls>,
}

/// A connection to a consumer, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for S {}

/// One message to a consumer.
struct Letter {
    event: EventSequence,
    person: EnterpriseId,
    bytes: Vec<u8>,
}

/// What became of a letter.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Accepted,
    /// `AE`, or `AR` too often: it is not sent again.
    Dead(&'static str),
}

impl Notifier {
    pub(crate) fn new(
        (door, exchange, tls): (Door, Arc<Exchange>, Option<Tls>),
        own: Application,
        consumer: ConsumerConfig,
        dir: &Path,
    ) -> Self {
        let place = dir.join(format!("{}.told", consumer.name));
        let dead_letters = dir.join(format!("{}.dead.csv", consumer.name));
        Self { door, exchange, own, consumer, place, dead_letters, connection: None, tls }
    }

    /// Tells events as they come, until `closing` turns true.
    pub(crate) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            ended = self.tell() => {
                if let Err(error) = ended {
                    tracing::error!(
                        consumer = self.consumer.name, %error,
                        "notifications stop: what was told cannot be kept, or events not be read"
                    );
                }
            }
        }
    }

    async fn tell(&mut self) -> io::Result<()> {
        let mut heard = self.door.last_event();
        let mut told = match self.read_place()? {
            Some(told) => told,
            // A new consumer is told of what changes from now on.
            None => {
                let now = *heard.borrow();
                self.write_place(now).await?;
                now
            }
        };
        loop {
            if heard.wait_for(|last| *last > told).await.is_err() {
                return Ok(());
            }
            let (exchange, consumer) = (Arc::clone(&self.exchange), self.consumer.clone());
            let own = self.own.clone();
            let from = EventSequence(told.0 + 1);
            let reader = reader_of_its_own(&self.consumer.name, Interface::Hl7);
            let permit = self.door.admit(&reader, Operation::ViewPersons, Subject::Index);
            let permit = permit.map_err(io::Error::other)?;
            let reading =
                move |registry: &Registry| letters(&exchange, registry, &own, &consumer, from);
            let read = self.door.wait(permit, reading);
            let (last, letters) =
                read.await.map_err(|_| io::Error::other("events cannot be read"))?;
            for letter in letters {
                if told < letter.event {
                    // All of the events before it were told.
                    told = EventSequence(letter.event.0 - 1);
                    self.write_place(told).await?;
                }
                if let Fate::Dead(reason) = self.deliver(&letter.bytes).await {
                    self.bury(&letter, reason)?;
                }
            }
            told = last;
            self.write_place(told).await?;
        }
    }

    /// Sends a letter until it has an answer for good.
    async fn deliver(&mut self, bytes: &[u8]) -> Fate {
        let (mut pause, mut rejections) = (PAUSE_MIN, 0);
        loop {
            match timeout(ANSWER_TIME_MAX, self.send(bytes)).await {
                Ok(Ok(code)) => match code.as_str() {
                    "AA" | "CA" => return Fate::Accepted,
                    "AR" | "CR" if rejections < REJECTIONS_MAX => rejections += 1,
                    "AR" | "CR" => return Fate::Dead("rejected too often"),
                    _ => return Fate::Dead("refused"),
                },
                // The consumer is away: whatever was under way is sent again on a new connection.
                Ok(Err(_)) | Err(_) => self.connection = None,
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Sends a letter once, and gives MSA-1 of the answer.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<String> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        stream.write_all(&framed(bytes)).await?;
        let (mut frames, mut read) = (Frames::default(), vec![0; 4096]);
        loop {
            if let Some(answer) = frames.next() {
                let answer = Message::read(&answer).map_err(io::Error::other)?;
                self.connection = Some(stream);
                let msa = answer.segment("MSA");
                return Ok(msa.map_or_else(String::new, |msa| msa.field(1).text().into_owned()));
            }
            let count = stream.read(&mut read).await?;
            if count == 0 || frames.pending() > ANSWER_BYTES_MAX {
                return Err(io::Error::other("the consumer closed the connection"));
            }
            frames.take(read.get(..count).unwrap_or_default());
        }
    }

    /// Connects, with the files of TLS as they are now.
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let address = &self.consumer.address;
        let Some(config) = &self.consumer.tls else {
            return Ok(Box::new(TcpStream::connect(address).await?));
        };
        let outgoing = match &self.tls {
            Some(tls) => tls.outgoing(config),
            None => Outgoing::load(config, None, Arc::new(self.door.clone())),
        };
        let connected = match outgoing {
            Ok(outgoing) => outgoing.connect(address).await,
            Err(error) => Err(error),
        };
        connected.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| {
            tracing::warn!(consumer = self.consumer.name, %error, "no connection to a consumer by TLS");
            io::Error::other(error)
        })
    }

    fn read_place(&self) -> io::Result<Option<EventSequence>> {
        match std::fs::read_to_string(&self.place) {
            Ok(text) => {
                let number = text.trim().parse().map_err(io::Error::other)?;
                Ok(Some(EventSequence(number)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps how far it is, durably.
    async fn write_place(&self, told: EventSequence) -> io::Result<()> {
        let place = self.place.clone();
        let written = tokio::task::spawn_blocking(move || {
            empi_formats::write_atomically(place, format!("{told}\n").as_bytes())
        });
        written.await?.map_err(io::Error::other)
    }

    fn bury(&self, letter: &Letter, reason: &str) -> io::Result<()> {
        use std::io::Write as _;
        tracing::warn!(
            consumer = self.consumer.name,
            event = letter.event.0,
            reason,
            "a notification was not delivered: see the file of dead letters"
        );
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(&self.dead_letters)?;
        writeln!(file, "{},{},{reason}", letter.event, letter.person)
    }
}

/// The letters about the next events, and the number of the last of them; blocks.
fn letters(
    exchange: &Exchange,
    registry: &Registry,
    own: &Application,
    consumer: &ConsumerConfig,
    from: EventSequence,
) -> Result<(EventSequence, Vec<Letter>), RegistryError> {
    let events = registry.events(from, EVENTS_MAX)?;
    let last = events.last().map_or(EventSequence(from.0 - 1), |view| view.event.sequence);
    let receiver = Application {
        application: consumer.application.clone(),
        facility: consumer.facility.clone(),
    };
    let mut letters = Vec::new();
    for view in &events {
        for (at, (person, numbers)) in
            changed(exchange, registry, consumer, view)?.into_iter().enumerate()
        {
            let words = NotificationWords {
                sender: own,
                receiver: &receiver,
                control_id: format!("{}-{at}", view.event.sequence),
                time: time::hl7(registry.now()),
                event_time: time::hl7(view.event.time),
            };
            let writer = notification(&words, &written(&exchange.authorities, &numbers));
            let bytes = writer.bytes(Charset::UTF_8);
            letters.push(Letter { event: view.event.sequence, person, bytes });
        }
    }
    Ok((last, letters))
}

/// The persons whose identifiers an event changed in a consumer's domains, with those they have now.
fn changed(
    exchange: &Exchange,
    registry: &Registry,
    consumer: &ConsumerConfig,
    view: &EventView,
) -> Result<Vec<(EnterpriseId, Vec<Number>)>, RegistryError> {
    let is_wanted = |name: &str| consumer.domains.iter().any(|domain| domain == name);
    let concerns = view.keys.values().any(|key| is_wanted(&key.source));
    if !concerns || !changes_identifiers(view.event.kind) {
        return Ok(Vec::new());
    }
    let moves = view.moves();
    let moved = moves.iter().flat_map(|it| it.old.into_iter().chain([it.new]));
    let named = view.event.old_enterprise_id.into_iter().chain([view.event.new_enterprise_id]);
    let mut persons = BTreeSet::new();
    let mut told = Vec::new();
    for id in moved.chain(named) {
        let view = match registry.person(id) {
            Ok(view) => view,
            // Nobody is told of a person who is not to be shared.
            Err(RegistryError::Restricted(_)) => continue,
            Err(error) => return Err(error),
        };
        let id = view.person.enterprise_id;
        if !persons.insert(id) {
            continue;
        }
        let mut numbers = numbers(&exchange.authorities, &view, Told::Registered);
        numbers.retain(|(name, _)| is_wanted(name));
        if !numbers.is_empty() {
            told.push((id, numbers));
        }
    }
    Ok(told)
}

/// Whether events of a kind change which records, and so which identifiers, a person has.
const fn changes_identifiers(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::KeptApart
            | EventKind::UpdateHeld
            | EventKind::UpdateWithdrawn
            | EventKind::TaskAnswered
            | EventKind::UpdatedKept
    )
}
