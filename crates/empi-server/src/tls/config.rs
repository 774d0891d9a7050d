//! The part of the configuration that says what is encrypted, and who must show a certificate.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// TLS of all interfaces; files in PEM, read again when they change.
///
/// ```toml
/// [tls]
/// certificates = "server.pem"          # the server's own first, then those that vouch for it
/// key = "server.key"
/// client_authorities = "clients.pem"   # who vouches for callers
/// client_revocations = "clients.crl"   # which certificates of theirs are good no more
/// web = "optional"                     # who must show a certificate there
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate that is shown, and those that vouch for it. Without it, nothing is encrypted.
    pub certificates: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Who vouches for callers.
    pub client_authorities: Option<PathBuf>,
    /// The lists of what they have revoked, one of each authority. A list that is out of date lets nobody in.
    pub client_revocations: Option<PathBuf>,
    /// Who must show a certificate over gRPC; without it, see [`TlsConfig::shown_by`].
    pub grpc: Option<ShownBy>,
    /// The same for web pages and FHIR.
    pub web: Option<ShownBy>,
    /// The same for HL7 version 2 over MLLP.
    pub mllp: Option<ShownBy>,
    /// Seconds between two looks at the files.
    pub reload_seconds: u64,
    /// Days before the certificate expires from which on the log says so at each look.
    pub warn_days: i64,
    /// Milliseconds that a handshake may take.
    pub handshake_ms_max: u64,
}

/// Something that others connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// gRPC.
    Grpc,
    /// Web pages and FHIR.
    Web,
    /// HL7 version 2 over MLLP.
    Mllp,
}

/// Who must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownBy {
    /// Nothing is encrypted on this address.
    NotEncrypted,
    /// The server alone.
    Server,
    /// The server, and callers who have one: they need no token.
    Optional,
    /// The server and every caller.
    Everybody,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificates: None,
            key: None,
            client_authorities: None,
            client_revocations: None,
            grpc: None,
            web: None,
            mllp: None,
            reload_seconds: 30,
            warn_days: 14,
            handshake_ms_max: 10_000,
        }
    }
}

impl Interface {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 3] = [Self::Grpc, Self::Web, Self::Mllp];

    /// Its name in the configuration, the log and the figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Web => "web",
            Self::Mllp => "mllp",
        }
    }

    /// What is spoken inside TLS, by the names of RFC 7301; MLLP has none.
    pub(crate) const fn protocols(self) -> &'static [&'static [u8]] {
        match self {
            Self::Grpc => &[b"h2"],
            Self::Web => &[b"http/1.1"],
            Self::Mllp => &[],
        }
    }
}

impl TlsConfig {
    /// Who must show a certificate there. Where the file does not say it: with client authorities, everybody over gRPC
    /// and MLLP, and whoever has one on the web, since people sign in there; without them, the server alone.
    #[must_use]
    pub fn shown_by(&self, interface: Interface) -> ShownBy {
        if self.certificates.is_none() {
            return ShownBy::NotEncrypted;
        }
        let said = match interface {
            Interface::Grpc => self.grpc,
            Interface::Web => self.web,
            Interface::Mllp => self.mllp,
        };
        let usual = match (self.client_authorities.is_some(), interface) {
            (false, _) => ShownBy::Server,
            (true, Interface::Web) => ShownBy::Optional,
            (true, Interface::Grpc | Interface::Mllp) => ShownBy::Everybody,
        };
        said.unwrap_or(usual)
    }

    /// Why other machines must not reach an address with this interface; `None` where they may. People who sign in on the
    /// web and clients with tokens are known without a certificate.
    #[must_use]
    pub fn insecure(&self, interface: Interface) -> Option<&'static str> {
        match (self.shown_by(interface), interface) {
            (ShownBy::Everybody, _) | (ShownBy::Server | ShownBy::Optional, Interface::Web) => None,
            (ShownBy::NotEncrypted, Interface::Web) => Some("nothing is encrypted there"),
            (ShownBy::NotEncrypted, _) => {
                Some("nothing is encrypted there and callers are not authenticated")
            }
            (ShownBy::Server | ShownBy::Optional, _) => {
                Some("callers without a certificate are heard there, whoever they are")
            }
        }
    }

    /// What is wrong with it; `named` tells whether a client of the configuration has a certificate.
    pub(crate) fn fault(&self, named: bool) -> Option<String> {
        let Self { certificates, key, client_authorities, client_revocations, .. } = self;
        let sentence = match (certificates, key) {
            (Some(_), None) => {
                "tls.certificates need tls.key, the private key of the first of them"
            }
            (None, Some(_)) => "tls.key needs tls.certificates, which it belongs to",
            (None, None) if client_authorities.is_some() || client_revocations.is_some() => {
                "tls.client_authorities and tls.client_revocations need tls.certificates and tls.key"
            }
            _ if client_revocations.is_some() && client_authorities.is_none() => {
                "tls.client_revocations need tls.client_authorities, whose lists they are"
            }
            _ => "",
        };
        if !sentence.is_empty() {
            return Some(sentence.to_owned());
        }
        for (interface, said) in Interface::ALL.into_iter().zip([self.grpc, self.web, self.mllp]) {
            let name = interface.name();
            match said {
                Some(_) if certificates.is_none() => {
                    return Some(format!("tls.{name} needs tls.certificates and tls.key"));
                }
                Some(ShownBy::Everybody | ShownBy::Optional) if client_authorities.is_none() => {
                    return Some(format!("tls.{name} needs tls.client_authorities"));
                }
                _ => {}
            }
        }
        let wanted = Interface::ALL.into_iter().any(|it| self.shown_by(it) == ShownBy::Everybody);
        (wanted && !named).then(|| {
            "callers must show a certificate (tls.client_authorities), but no client is known by one: name it as \
             `certificate` in [[fhir.clients]]"
                .to_owned()
        })
    }

    /// Each limit by its name in the file, with its largest sensible value.
    pub(crate) fn bounds(&self) -> [(&'static str, u64, u64); 3] {
        let days = u64::try_from(self.warn_days).unwrap_or(0);
        [
            ("tls.reload_seconds", self.reload_seconds, 24 * 60 * 60),
            ("tls.warn_days", days, 3660),
            ("tls.handshake_ms_max", self.handshake_ms_max, u64::from(u32::MAX)),
        ]
    }

    pub(crate) const fn handshake_time_max(&self) -> Duration {
        Duration::from_millis(self.handshake_ms_max)
    }
}
