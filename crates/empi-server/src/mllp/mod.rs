//! HL7 version 2 over MLLP: feeds and queries of registration systems.
//!
//! The way of a message: `connection` takes it out of its frame within the limits of size and time;
//! `message` reads it, checks its header and hands it to `feed` (what changes something) or `query` (what
//! asks); the answer goes back on the same connection, and only then the next message is read. So a sender
//! that is faster than the index waits, and an acknowledgement says that what was sent is on disk.
//!
//! **Invariants:** every message that can be read is answered; a message that comes again is answered as before
//! and changes nothing; no patient data in the log.

mod config;
mod connection;
mod feed;
pub(crate) mod frame;
mod message;
mod notify;
mod pointer;
mod query;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use empi_formats::hl7::{Application, Message};
use empi_model::{Domains, Interface, Role};
use tokio::sync::{Semaphore, watch};
use tokio_stream::StreamExt as _;

use crate::access::{Caller, Origin};
use crate::door::Door;
use crate::exchange::Exchange;
use crate::exchange::caller::Client;
use crate::listen::Listener;
use crate::tls::{Acceptor, Tls};
pub use config::{ConsumerConfig, MllpConfig};
use notify::Notifier;
use pointer::Pointers;

/// Longest name of a sender that is taken from a message, in letters.
const SENDER_LETTERS_MAX: usize = 100;

/// Bytes that one permit of the shared budget stands for.
const PERMIT_BYTES: usize = 1024;

/// What every connection has at hand. Cloning makes another handle.
#[derive(Clone)]
pub(crate) struct Mllp(Arc<Shared>);

struct Shared {
    door: Door,
    exchange: Arc<Exchange>,
    config: MllpConfig,
    own: Application,
    pointers: Pointers,
    /// Memory for messages that have not come whole.
    budget: Arc<Semaphore>,
    /// Control IDs of what is sent: unique while the server runs, and told apart by when it began.
    control: AtomicU64,
    began: u64,
}

impl Mllp {
    pub(crate) fn new(door: Door, exchange: Arc<Exchange>, config: MllpConfig) -> Self {
        let own = Application {
            application: config.application.clone(),
            facility: config.facility.clone(),
        };
        let began = u64::try_from(door.now().0).unwrap_or(0);
        let permits = config.pending_bytes_max.div_ceil(PERMIT_BYTES);
        Self(Arc::new(Shared {
            door,
            exchange,
            pointers: Pointers::new(config.pointer_seconds_max),
            own,
            budget: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            control: AtomicU64::new(0),
            began,
            config,
        }))
    }

    /// Whoever sends a message, by what it says of itself: one that authorities name is a source with their domains,
    /// one that the configuration names may ask, and on an open index so may anybody.
    fn sender(&self, message: &Message, client: Option<&Client>, origin: Origin) -> Caller {
        let said = |number: usize| message.header(number).component(1).text().into_owned();
        let (application, facility) = (said(3), said(4));
        let name: String =
            format!("{application}|{facility}").chars().take(SENDER_LETTERS_MAX).collect();
        // Who is known by a certificate is the actor, whatever the message says of itself.
        let name = client.map_or(name, |client| client.name.clone());
        let domains = self.0.exchange.domains_of(&application, &facility);
        let may_ask = client.is_some()
            || self.0.config.readers.iter().any(|it| it.is(&application, &facility));
        let role = if domains != Domains::none() || self.0.exchange.is_open(&self.0.door) {
            Role::Source
        } else if may_ask {
            Role::Reader
        } else {
            return Caller::nobody(origin).named(name);
        };
        Caller::known(name, vec![role], domains, origin)
    }

    /// The control ID of the next message that is sent.
    fn control_id(&self) -> String {
        let count = self.0.control.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{count:x}", self.0.began)
    }
}

/// What an event of a feed lets its sender do.
#[cfg(test)]
pub(crate) fn event_operation(event: &str) -> Option<empi_model::Operation> {
    feed::Event::of(event).map(feed::Event::operation)
}

/// Tells every configured consumer, until `closing` turns true.
///
/// # Errors
/// When the directory for what was told cannot be made.
pub(crate) fn notify(
    door: &Door,
    exchange: &Arc<Exchange>,
    config: &MllpConfig,
    tls: Option<&Tls>,
    closing: &watch::Receiver<bool>,
) -> std::io::Result<Vec<tokio::task::JoinHandle<()>>> {
    let Some(dir) = &config.consumers_dir else { return Ok(Vec::new()) };
    std::fs::create_dir_all(dir)?;
    let own =
        Application { application: config.application.clone(), facility: config.facility.clone() };
    let notifiers = config.consumers.iter().map(|consumer| {
        let (own, consumer) = (own.clone(), consumer.clone());
        let parts = (door.clone(), Arc::clone(exchange), tls.cloned());
        let notifier = Notifier::new(parts, own, consumer, dir);
        tokio::spawn(notifier.run(closing.clone()))
    });
    Ok(notifiers.collect())
}

/// Serves connections until `closing` turns true, then lets messages in work be answered.
pub(crate) async fn serve(
    listener: Listener,
    mllp: Mllp,
    tls: Option<Acceptor>,
    closing: watch::Receiver<bool>,
) {
    let mut connections = listener.connections(mllp.0.config.connections_max, tls);
    let mut running = tokio::task::JoinSet::new();
    let mut stop = closing.clone();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|closing| *closing) => break,
            Some(_) = running.join_next(), if !running.is_empty() => continue,
            accepted = connections.next() => accepted,
        };
        match accepted {
            Some(Ok(stream)) => {
                let peer = stream.peer();
                let address = peer.address.map(|address| address.ip());
                let origin = Origin { interface: Interface::Hl7, address };
                let callers = &mllp.0.exchange.callers;
                let certificate = peer.certificate.as_deref();
                let client = certificate.and_then(|it| callers.of_certificate(it));
                let from = (origin, client);
                running.spawn(connection::serve(stream, mllp.clone(), from, closing.clone()));
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    drop(connections);
    while running.join_next().await.is_some() {}
}
