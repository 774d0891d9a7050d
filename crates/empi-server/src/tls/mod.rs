//! TLS for everything that others connect to, in one place: which certificate the server shows, whose certificates it
//! takes, and what an operator reads when somebody is turned away.
//!
//! `config` is the part of the configuration; `files` reads what it names and judges it; this file keeps what was
//! read for each interface, takes new files without a restart, and answers handshakes; `refusal` tells why one
//! failed; `certificate` is who is calling; `outgoing` connects to others.
//!
//! **Invariants:** TLS 1.2 or 1.3, nothing older; files that do not do never replace those that did; a certificate
//! that is shown must be good, not revoked, and one that the configuration names; nothing of a key is ever told.

mod certificate;
mod config;
mod files;
mod outgoing;
mod refusal;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use empi_registry::Clock;
use parking_lot::{Mutex, RwLock};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{self, crypto};
use tokio_rustls::server::TlsStream;

use crate::config::ServerConfig;
use crate::metrics::Metrics;
pub(crate) use certificate::PeerCertificate;
pub use config::{Interface, ShownBy, TlsConfig};
pub use files::TlsError;
use files::{Files, Material};
pub use outgoing::{Outgoing, OutgoingConfig, OutgoingError};
pub(crate) use refusal::Refusal;

/// The first byte of a TLS handshake, and of the hello of a protocol that was given up in 2011.
const HANDSHAKE: u8 = 0x16;
const SSL_2: u8 = 0x80;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The certificates of a server. Cloning makes another handle.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    config: TlsConfig,
    /// The certificates that clients of the configuration show.
    known: Arc<Vec<String>>,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
    /// The digest of files that were refused: said once.
    refused: Mutex<Option<[u8; 32]>>,
}

/// What was read, ready for handshakes.
struct Kept {
    digest: [u8; 32],
    /// By the interface's place; none where nothing is encrypted.
    interfaces: [Option<Arc<rustls::ServerConfig>>; Interface::ALL.len()],
    material: Material,
}

/// What a look at the files gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    Unchanged,
    Taken,
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads what the configuration names; nothing where it names no certificate.
    ///
    /// # Errors
    /// See [`TlsError`]: each names the file and says what to do.
    pub fn load(config: &ServerConfig, clock: Arc<dyn Clock>) -> Result<Option<Self>, TlsError> {
        let Some(files) = Files::read(&config.tls)? else { return Ok(None) };
        let clients = config.fhir.clients.iter();
        let known = Arc::new(clients.filter_map(|it| it.certificate.clone()).collect::<Vec<_>>());
        let kept = keep(&config.tls, &known, &clock, &files)?;
        let (config, refused) = (config.tls.clone(), Mutex::new(None));
        Ok(Some(Self(Arc::new(Shared { config, known, clock, kept: RwLock::new(kept), refused }))))
    }

    /// Looks at the files, and takes them if they have changed and do; otherwise what was read before stands.
    pub(crate) fn reload(&self) -> Result<Reload, TlsError> {
        let shared = &*self.0;
        let Some(files) = Files::read(&shared.config)? else { return Ok(Reload::Unchanged) };
        if files.digest() == shared.kept.read().digest {
            return Ok(Reload::Unchanged);
        }
        let kept = keep(&shared.config, &shared.known, &shared.clock, &files)?;
        *shared.kept.write() = kept;
        Ok(Reload::Taken)
    }

    /// Looks at the files now and then until `closing` turns true, and tells the log and the figures what came of it.
    pub(crate) async fn keep_fresh(self, metrics: Metrics, mut closing: watch::Receiver<bool>) {
        let pause = Duration::from_secs(self.0.config.reload_seconds);
        let mut warned = self.report(&metrics, true, None);
        loop {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = tokio::time::sleep(pause) => {}
            }
            let tls = self.clone();
            // Reading files blocks. A panic in it was logged where it happened.
            if let Ok(looked) = tokio::task::spawn_blocking(move || tls.look()).await {
                warned = self.report(&metrics, looked, warned);
            }
        }
    }

    /// Reloads, and says what came of it; whether what stands is what the files say.
    fn look(&self) -> bool {
        match self.reload() {
            Ok(Reload::Unchanged) => {}
            Ok(Reload::Taken) => {
                tracing::info!("new TLS files were taken: connections from now on are shown them");
            }
            Err(error) => {
                let digest = Files::read(&self.0.config).ok().flatten().map(|it| it.digest());
                let said = std::mem::replace(&mut *self.0.refused.lock(), digest);
                if said.is_none() || said != digest {
                    tracing::error!(
                        %error,
                        "the TLS files have changed and do not do: the certificate read before stays in use"
                    );
                }
                return false;
            }
        }
        *self.0.refused.lock() = None;
        true
    }

    /// Tells the figures how the files stand, and the log, once a day, that the certificate ends soon; the day on which
    /// that was said last.
    fn report(&self, metrics: &Metrics, are_current: bool, warned: Option<i64>) -> Option<i64> {
        let kept = self.0.kept.read();
        let Material { expires, revocations_expire, .. } = &kept.material;
        metrics.certificate(*expires, *revocations_expire, are_current);
        let (today, last) = (self.0.clock.now().0 / 1000 / DAY_SECONDS, *expires / DAY_SECONDS);
        if last - today >= self.0.config.warn_days || warned == Some(today) {
            return warned;
        }
        tracing::warn!(days = last - today, "the server's certificate expires soon");
        Some(today)
    }

    /// What answers handshakes of an interface; nothing where nothing is encrypted.
    pub(crate) fn acceptor(&self, interface: Interface, metrics: &Metrics) -> Option<Acceptor> {
        self.config_of(interface)?;
        Some(Acceptor { tls: self.clone(), interface, metrics: metrics.clone() })
    }

    fn config_of(&self, interface: Interface) -> Option<Arc<rustls::ServerConfig>> {
        self.0.kept.read().interfaces.get(interface as usize).cloned().flatten()
    }

    /// What shows the server's own certificate to others that it connects to.
    pub(crate) fn outgoing(&self, config: &OutgoingConfig) -> Result<Outgoing, OutgoingError> {
        let own = self.0.kept.read().material.own();
        Outgoing::with(config, Some(own), self.time())
    }

    fn time(&self) -> Arc<dyn TimeProvider> {
        Arc::new(Time(Arc::clone(&self.0.clock)))
    }
}

/// Makes what answers handshakes out of files, one for each interface that is encrypted.
fn keep(
    config: &TlsConfig,
    known: &Arc<Vec<String>>,
    clock: &Arc<dyn Clock>,
    files: &Files,
) -> Result<Kept, TlsError> {
    let material = Material::of(files, config, clock.now())?;
    let mut interfaces = [const { None }; Interface::ALL.len()];
    for (interface, kept) in Interface::ALL.into_iter().zip(&mut interfaces) {
        let shown_by = config.shown_by(interface);
        if shown_by == ShownBy::NotEncrypted {
            continue;
        }
        let time: Arc<dyn TimeProvider> = Arc::new(Time(Arc::clone(clock)));
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .map_err(|error| material.refused(&error))?
            .with_client_cert_verifier(material.verifier(shown_by, known)?);
        let (chain, key) = material.own();
        let mut server =
            builder.with_single_cert(chain, key).map_err(|error| material.refused(&error))?;
        server.alpn_protocols = interface.protocols().iter().map(|it| it.to_vec()).collect();
        // Whoever was revoked must not come back on the strength of an earlier handshake.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        *kept = Some(Arc::new(server));
    }
    Ok(Kept { digest: files.digest(), interfaces, material })
}

/// The clock as the handshakes read it.
struct Time(Arc<dyn Clock>);

impl fmt::Debug for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.now().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// Answers the handshakes of one interface.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: Tls,
    interface: Interface,
    metrics: Metrics,
}

impl Acceptor {
    /// An encrypted stream and the certificate of whoever calls, or nothing, after the log and the figures were told
    /// why.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Arc<PeerCertificate>>)> {
        let peer = stream.peer_addr().ok();
        let limit = self.tls.0.config.handshake_time_max();
        let shaken =
            timeout(limit, self.shake_hands(stream)).await.unwrap_or(Err(Refusal::TooSlow));
        match shaken {
            Ok(stream) => {
                let chain = stream.get_ref().1.peer_certificates();
                let shown = chain.and_then(|chain| chain.first());
                let certificate = shown.and_then(|it| PeerCertificate::read(it)).map(Arc::new);
                Some((stream, certificate))
            }
            Err(refusal) => {
                self.metrics.turned_away(self.interface.name(), refusal.label());
                let peer = peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
                let interface = self.interface.name();
                tracing::warn!(interface, peer, reason = refusal.label(), "{}", refusal.sentence());
                None
            }
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Refusal> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE] => {}
            Ok(1) if first == [SSL_2] => return Err(Refusal::OldProtocol),
            Ok(1) => return Err(Refusal::PlainText),
            _ => return Err(Refusal::WentAway),
        }
        let config = self.tls.config_of(self.interface).ok_or(Refusal::Other)?;
        TlsAcceptor::from(config).accept(stream).await.map_err(|error| Refusal::of(&error))
    }
}
