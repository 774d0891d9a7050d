//! Limits and names of the MLLP listener.

use std::path::PathBuf;
use std::time::Duration;

use empi_formats::Authorities;
use serde::Deserialize;

use crate::tls::OutgoingConfig;

/// Limits and names of the MLLP listener. All limits are at least 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MllpConfig {
    /// MSH-3 of what is sent, where the other side addresses nobody.
    pub application: String,
    /// MSH-4 likewise.
    pub facility: String,
    /// Connections at a time; more wait until one closes.
    pub connections_max: usize,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Bytes of messages that have not come whole yet, on all connections. Who would exceed it waits.
    pub pending_bytes_max: usize,
    /// Milliseconds from the beginning of a message to its end.
    pub message_ms_max: u64,
    /// Seconds that a connection may be silent.
    pub idle_seconds_max: u64,
    /// Patients in one answer to a PDQ query.
    pub page_size_max: usize,
    /// Seconds that a pointer to the next page is good for.
    pub pointer_seconds_max: u64,
    /// Whether a PIX answer also tells the identifier that was asked with.
    pub answer_asked_identifier: bool,
    /// Who is told when the identifiers of a person change.
    pub consumers: Vec<ConsumerConfig>,
    /// The directory that keeps how far each consumer was told, and what it refused.
    pub consumers_dir: Option<PathBuf>,
}

/// A consumer of PIX update notifications.
///
/// ```toml
/// [mllp]
/// consumers_dir = "notifications"
///
/// [[mllp.consumers]]
/// name = "ehr"
/// address = "127.0.0.1:2576"
/// application = "EHR"
/// facility = "NORTH"
/// domains = ["north", "south"]
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerConfig {
    /// Names its files: letters, digits and dashes.
    pub name: String,
    /// Where it listens, host and port.
    pub address: String,
    /// MSH-5 of what it is sent.
    pub application: String,
    /// MSH-6 likewise.
    #[serde(default)]
    pub facility: String,
    /// The authorities whose identifiers it is told, by their names.
    pub domains: Vec<String>,
    /// TLS of the connection to it, in which the server shows its own certificate (`[tls]`); without it, what it is told
    /// is not encrypted.
    #[serde(default)]
    pub tls: Option<OutgoingConfig>,
}

impl Default for MllpConfig {
    fn default() -> Self {
        Self {
            application: "EMPI".to_owned(),
            facility: "EMPI".to_owned(),
            connections_max: 1024,
            message_bytes_max: 1 << 20,
            pending_bytes_max: 64 << 20,
            message_ms_max: 30_000,
            idle_seconds_max: 24 * 60 * 60,
            page_size_max: 100,
            pointer_seconds_max: 600,
            answer_asked_identifier: false,
            consumers: Vec::new(),
            consumers_dir: None,
        }
    }
}

impl MllpConfig {
    /// Each limit by its name in the file, with its largest sensible value.
    pub(crate) fn bounds(&self) -> [(&'static str, u64, u64); 7] {
        let (count, time) = (1 << 30, u64::from(u32::MAX));
        [
            ("mllp.connections_max", self.connections_max as u64, count),
            ("mllp.message_bytes_max", self.message_bytes_max as u64, count),
            ("mllp.pending_bytes_max", self.pending_bytes_max as u64, count),
            ("mllp.message_ms_max", self.message_ms_max, time),
            ("mllp.idle_seconds_max", self.idle_seconds_max, time),
            ("mllp.page_size_max", self.page_size_max as u64, count),
            ("mllp.pointer_seconds_max", self.pointer_seconds_max, time),
        ]
    }

    /// What is wrong with the consumers.
    pub(crate) fn fault(&self, authorities: &Authorities) -> Option<String> {
        if !self.consumers.is_empty() && self.consumers_dir.is_none() {
            return Some(
                "mllp.consumers need `mllp.consumers_dir`, a directory of their own".into(),
            );
        }
        for (at, consumer) in self.consumers.iter().enumerate() {
            let ConsumerConfig { name, domains, .. } = consumer;
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Some(format!(
                    "mllp.consumers, number {}: a name has letters, digits and dashes",
                    at + 1
                ));
            }
            if self.consumers.iter().take(at).any(|other| other.name == *name) {
                return Some(format!("mllp.consumers: two are named {name}"));
            }
            if domains.is_empty() || domains.iter().any(|it| authorities.named(it).is_none()) {
                return Some(format!(
                    "mllp.consumers: the domains of {name} must be names of authorities"
                ));
            }
        }
        None
    }

    pub(super) const fn message_time_max(&self) -> Duration {
        Duration::from_millis(self.message_ms_max)
    }

    pub(super) const fn idle_time_max(&self) -> Duration {
        Duration::from_secs(self.idle_seconds_max)
    }
}
