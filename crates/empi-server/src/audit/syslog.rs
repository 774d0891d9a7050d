//! The trail to an audit record repository (IHE ATNA, ITI-20): every entry as syslog over TLS (RFC 5425), in order.
//!
//! The trail itself is the spool: a file keeps the number of the last entry that was sent, and while the repository is
//! away, nothing is lost and nothing waits. Syslog has no receipts, so after a broken connection the last entries are
//! sent again; each says its number, by which a receiver knows it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::dicom::frame;
use super::heads::CarryingEnd;
use crate::door::Door;
use crate::tls::{Outgoing, OutgoingConfig, Tls};

/// Entries that are sent at a time.
const ENTRIES_TOGETHER: usize = 1000;

/// Entries that are sent again after a connection broke: what may have been on its way.
const SENT_AGAIN: u64 = 2 * ENTRIES_TOGETHER as u64;

/// How often it is kept how far the trail was sent, while entries are sent: what lies between comes again after a crash.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// How often new entries are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the repository may take to accept a connection, or some entries.
const SENDING_TIME_MAX: Duration = Duration::from_secs(30);

/// How long is waited after a failure: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Where the trail is sent.
///
/// ```toml
/// [audit.syslog]
/// address = "audit.hie.example:6514"
/// source_id = "mpi1"                   # what the repository calls this server
/// place_file = "/var/lib/empi.sent"    # how far the trail was sent
/// tls = { authorities = "hie-ca.pem" } # the server shows its own certificate, if it has one
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// The repository's host and port.
    pub address: String,
    /// Who vouches for it.
    pub tls: OutgoingConfig,
    /// The name of this server in every message: letters, digits, dots and dashes.
    pub source_id: String,
    /// The file that keeps how far the trail was sent. Without it there, everything is sent.
    pub place_file: PathBuf,
    /// Seconds without any entry sent, though there are some, after which the server takes no more calls and ends; 0 lets it go on,
    /// and the trail be sent when the repository is back.
    #[serde(default)]
    pub stop_after_seconds: u64,
}

impl SyslogConfig {
    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // RFC 5424: a host's name has at most 255 letters.
        let is_name = (1..=255).contains(&self.source_id.len());
        if !is_name || !self.source_id.bytes().all(is_plain) {
            return Some(
                "audit.syslog.source_id must be letters, digits, dots and dashes".to_owned(),
            );
        }
        let port = self.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        port.is_none().then(|| {
            "audit.syslog.address must be a host and a port, such as audit.example:6514".to_owned()
        })
    }
}

/// Sends the trail.
pub(crate) struct Syslog {
    config: SyslogConfig,
    door: Door,
    /// What the server shows of itself.
    tls: Option<Tls>,
    connection: Option<TlsStream<TcpStream>>,
    /// The last entry that was sent, and the last of which the file says so, since then.
    sent: u64,
    kept: (u64, Instant),
    /// When the last was, or there was none to send.
    current: Instant,
}

impl Syslog {
    /// Reads how far the trail was sent.
    ///
    /// # Errors
    /// Where the file is there and says no number.
    pub(crate) fn new(config: SyslogConfig, door: Door, tls: Option<Tls>) -> io::Result<Self> {
        let sent = match std::fs::read_to_string(&config.place_file) {
            Ok(text) => text.trim().parse().map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        Ok(Self { config, door, tls, connection: None, sent, kept: (sent, now), current: now })
    }

    /// Sends entries as they come, until `closing` turns true; what is left then is sent after the next start.
    pub(crate) async fn run(mut self, mut closing: watch::Receiver<bool>) -> CarryingEnd {
        let mut pause = PAUSE_MIN;
        loop {
            let sent = tokio::select! {
                _ = closing.wait_for(|closing| *closing) => break,
                sent = self.send_some() => sent,
            };
            // Nothing breaks this off: the file is written by one at a time.
            let kept = match sent {
                Ok(is_current) => self.keep_place_when_due(is_current).await.map(|()| is_current),
                Err(error) => Err(error),
            };
            let wait = match kept {
                Ok(is_current) => {
                    (pause, self.current) = (PAUSE_MIN, Instant::now());
                    if is_current { LOOK_EVERY } else { Duration::ZERO }
                }
                Err(error) if self.gives_up(&error) => return CarryingEnd::Failed,
                Err(_) => {
                    let longer = (pause * 2).min(PAUSE_MAX);
                    std::mem::replace(&mut pause, longer)
                }
            };
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => break,
                () = sleep(wait) => {}
            }
        }
        if let Err(error) = self.keep_place().await {
            tracing::warn!(%error, "how far the audit trail was sent is not kept: some of it comes again");
        }
        CarryingEnd::Closed
    }

    /// Tells the log of a failure; whether nothing could be sent for longer than the configuration allows.
    fn gives_up(&mut self, error: &io::Error) -> bool {
        if self.connection.take().is_some() {
            self.sent = self.sent.saturating_sub(SENT_AGAIN);
        }
        tracing::warn!(%error, "the audit trail cannot be sent: it is kept, and tried again");
        let allowed = Duration::from_secs(self.config.stop_after_seconds);
        !allowed.is_zero() && self.current.elapsed() >= allowed
    }

    /// Sends the next entries; whether there are no more.
    async fn send_some(&mut self) -> io::Result<bool> {
        let entries = self.door.audit_after(self.sent, ENTRIES_TOGETHER).await;
        let entries = entries.map_err(io::Error::other)?;
        let Some((last, _)) = entries.last() else { return Ok(true) };
        let (last, is_current) = (*last, entries.len() < ENTRIES_TOGETHER);
        let source = &self.config.source_id;
        let mut frames = Vec::new();
        for (number, entry) in &entries {
            frame(&mut frames, source, *number, entry);
        }
        let sending = timeout(SENDING_TIME_MAX, self.write(&frames)).await;
        sending.map_err(|_| io::Error::other("the repository takes nothing"))??;
        self.sent = last;
        Ok(is_current)
    }

    async fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        if let Some(stream) = &mut self.connection {
            // A repository says nothing: what can be read is the end of the connection.
            let mut byte = [0];
            if let Ok(read) = timeout(Duration::ZERO, stream.read(&mut byte)).await {
                read?;
                return Err(io::Error::other("the repository closed the connection"));
            }
        }
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let written = async {
            stream.write_all(frames).await?;
            stream.flush().await
        };
        let written = written.await;
        self.connection = Some(stream);
        written
    }

    /// Connects, with the files of TLS as they are now.
    async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let outgoing = match &self.tls {
            Some(tls) => tls.outgoing(&self.config.tls),
            None => Outgoing::load(&self.config.tls, None, Arc::new(self.door.clone())),
        };
        let outgoing = outgoing.map_err(io::Error::other)?;
        outgoing.connect(&self.config.address).await.map_err(io::Error::other)
    }

    async fn keep_place_when_due(&mut self, is_current: bool) -> io::Result<()> {
        if is_current || self.kept.1.elapsed() >= KEEP_EVERY {
            self.keep_place().await?;
        }
        Ok(())
    }

    /// Keeps how far it is, durably.
    async fn keep_place(&mut self) -> io::Result<()> {
        let (file, sent) = (self.config.place_file.clone(), self.sent);
        if sent == self.kept.0 {
            return Ok(());
        }
        let written = tokio::task::spawn_blocking(move || {
            empi_formats::write_atomically(file, format!("{sent}\n").as_bytes())
        });
        written.await?.map_err(io::Error::other)?;
        self.kept = (sent, Instant::now());
        Ok(())
    }
}
