//! The configuration file of `empi serve`: every limit of the service, with its default.

use std::path::Path;
use std::time::Duration;

use empi_formats::Authorities;
use empi_registry::{Survivorship, SurvivorshipRule};
use serde::Deserialize;

use crate::access::issuers::IssuerConfig;
use crate::approval::ApprovalConfig;
use crate::audit::AuditConfig;
use crate::exchange::config::{AuthorityConfig, authorities};
use crate::fhir::FhirConfig;
use crate::mllp::MllpConfig;
use crate::tls::TlsConfig;
use crate::web::{SignInConfig, WebConfig};

/// The whole file. Parsed loosely, validated once as a whole, then immutable.
///
/// ```toml
/// [grpc]
/// call_ms_max = 5000
///
/// [registry]
/// queue_max = 8192
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Limits of the gRPC service.
    pub grpc: GrpcConfig,
    /// Limits of the registry behind it.
    pub registry: RegistryConfig,
    /// Which values survive in the golden record.
    pub survivorship: SurvivorshipConfig,
    /// Assigning authorities: whose identifiers are whose in HL7 and FHIR.
    #[serde(rename = "authority")]
    pub authorities: Vec<AuthorityConfig>,
    /// Limits of HL7 version 2 over MLLP.
    pub mllp: MllpConfig,
    /// Limits of FHIR, and who may use it.
    pub fhir: FhirConfig,
    /// Who may vouch for callers by tokens.
    #[serde(rename = "issuer")]
    pub issuers: Vec<IssuerConfig>,
    /// What two people must want.
    pub approval: ApprovalConfig,
    /// How the audit trail is kept.
    pub audit: AuditConfig,
    /// Limits of the web pages.
    pub web: WebConfig,
    /// Where people may sign in instead of here.
    pub sign_in: Option<SignInConfig>,
    /// What is encrypted, and who must show a certificate.
    pub tls: TlsConfig,
}

/// Which values survive in the golden record; a rule that is not given is the registry's own.
///
/// ```toml
/// [survivorship]
/// name = "most_trusted"
/// trusted_sources = ["hospital-a"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SurvivorshipConfig {
    /// For birth date, sex, number, mother, birth.
    pub lasting: Option<RuleName>,
    /// For the name.
    pub name: Option<RuleName>,
    /// For address, telephone, e-mail, guardian.
    pub contact: Option<RuleName>,
    /// Sources whose word counts most, the most trusted first.
    pub trusted_sources: Vec<String>,
}

/// The name of a survivorship rule in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleName {
    /// That of the record that was updated last.
    MostRecent,
    /// The one that most records say.
    MostFrequent,
    /// That of the source that is named first among the trusted ones.
    MostTrusted,
    /// The one of most characters.
    Longest,
    /// The one that has stood unchanged for longest.
    LongestValid,
    /// The one that a steward has chosen; where nobody has, the most recent.
    StewardsChoice,
}

impl SurvivorshipConfig {
    /// The rules as the registry takes them.
    #[must_use]
    pub fn rules(self) -> Survivorship {
        let rule = |name: RuleName| match name {
            RuleName::MostRecent => SurvivorshipRule::MostRecent,
            RuleName::MostFrequent => SurvivorshipRule::MostFrequent,
            RuleName::MostTrusted => SurvivorshipRule::MostTrusted,
            RuleName::Longest => SurvivorshipRule::Longest,
            RuleName::LongestValid => SurvivorshipRule::LongestValid,
            RuleName::StewardsChoice => SurvivorshipRule::StewardsChoice,
        };
        let usual = Survivorship::default();
        Survivorship {
            lasting: self.lasting.map_or(usual.lasting, rule),
            name: self.name.map_or(usual.name, rule),
            contact: self.contact.map_or(usual.contact, rule),
            trusted_sources: self.trusted_sources,
        }
    }
}

/// Limits of the gRPC service. All are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcConfig {
    /// Connections at a time; more wait until one closes.
    pub connections_max: usize,
    /// Calls at a time on one connection; HTTP/2 makes the client wait with more.
    pub calls_per_connection_max: u32,
    /// Calls at a time on all connections; more are answered with RESOURCE_EXHAUSTED.
    pub calls_max: usize,
    /// Milliseconds that a call may wait behind others when there are too many: a queue is as long as what is worked
    /// off in that time, and more are answered with RESOURCE_EXHAUSTED.
    pub queue_ms_max: u64,
    /// Threads that run registry calls; the other admitted calls wait for one.
    pub threads_max: usize,
    /// Bytes of one message from a client, after decompression.
    pub message_bytes_max: usize,
    /// Bytes of one message to a client.
    pub answer_bytes_max: usize,
    /// Bytes of the headers of a call.
    pub header_bytes_max: u32,
    /// Milliseconds until a call is given up with DEADLINE_EXCEEDED.
    pub call_ms_max: u64,
    /// Seconds until a connection is asked to close after its running calls, so that clients spread
    /// over servers and forgotten connections end.
    pub connection_age_seconds_max: u64,
    /// Records of one BulkRegister stream in work at a time.
    pub bulk_in_flight_max: usize,
    /// Milliseconds that a BulkRegister stream may be silent.
    pub bulk_idle_ms_max: u64,
    /// Callers that watch events at a time; more are answered with RESOURCE_EXHAUSTED.
    pub watchers_max: usize,
    /// Milliseconds that a watcher may leave an event unread before its stream ends.
    pub watch_stall_ms_max: u64,
    /// Candidates that MatchRecord may be asked for.
    pub candidates_max: usize,
    /// Tasks on one page.
    pub page_size_max: usize,
    /// Milliseconds that running calls get to finish at shutdown.
    pub shutdown_ms_max: u64,
}

/// Limits of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryConfig {
    /// Changes that wait for the commit thread.
    pub queue_max: usize,
    /// Changes that one synced write covers.
    pub commit_batch_max: usize,
    /// Review tasks that one registration raises.
    pub tasks_max: usize,
    /// Seconds that the answer to a request is kept at least; afterwards its ID may be used again.
    pub requests_kept_seconds: u64,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is no TOML, or names something that does not exist.
    #[error("the configuration {file} is not understood: {error}")]
    Malformed {
        /// The file.
        file: String,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    #[error("the configuration is refused: {0}")]
    OutOfRange(String),
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            calls_per_connection_max: 256,
            calls_max: 256,
            queue_ms_max: 12,
            threads_max: 64,
            message_bytes_max: 1 << 20,
            answer_bytes_max: 16 << 20,
            header_bytes_max: 16 << 10,
            call_ms_max: 10_000,
            connection_age_seconds_max: 3600,
            bulk_in_flight_max: 64,
            bulk_idle_ms_max: 300_000,
            watchers_max: 64,
            watch_stall_ms_max: 30_000,
            candidates_max: 100,
            page_size_max: 500,
            shutdown_ms_max: 10_000,
        }
    }
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            queue_max: 4096,
            commit_batch_max: 256,
            tasks_max: 8,
            requests_kept_seconds: 7 * 24 * 60 * 60,
        }
    }
}

impl GrpcConfig {
    /// [`call_ms_max`](Self::call_ms_max) as a duration.
    pub(crate) const fn call_time_max(&self) -> Duration {
        Duration::from_millis(self.call_ms_max)
    }

    /// [`bulk_idle_ms_max`](Self::bulk_idle_ms_max) as a duration.
    pub(crate) const fn bulk_idle_time_max(&self) -> Duration {
        Duration::from_millis(self.bulk_idle_ms_max)
    }

    /// [`watch_stall_ms_max`](Self::watch_stall_ms_max) as a duration.
    pub(crate) const fn watch_stall_time_max(&self) -> Duration {
        Duration::from_millis(self.watch_stall_ms_max)
    }

    /// [`shutdown_ms_max`](Self::shutdown_ms_max) as a duration.
    #[must_use]
    pub const fn shutdown_time_max(&self) -> Duration {
        Duration::from_millis(self.shutdown_ms_max)
    }
}

impl ServerConfig {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let name = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text, &name),
            Err(error) => Err(ConfigError::Unreadable { file: name, error }),
        }
    }

    fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Malformed {
            file: file.to_owned(),
            error: Box::new(error),
        })?;
        config.validate()?;
        Ok(config)
    }

    /// The assigning authorities, ready to be asked.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] when two cannot be told apart.
    pub fn assigning_authorities(&self) -> Result<Authorities, ConfigError> {
        authorities(&self.authorities).map_err(ConfigError::OutOfRange)
    }

    /// Checks the values alone and against each other; done when a file was read, and to be done again when something
    /// was changed since.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] names what is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self { grpc, registry, survivorship, mllp, fhir, issuers, audit, web, tls, .. } = self;
        let authorities = self.assigning_authorities()?;
        let fault = fhir.fault().or_else(|| mllp.fault(&authorities)).or_else(|| audit.fault());
        let fault = fault.or_else(|| IssuerConfig::fault(issuers)).or_else(|| {
            let names = issuers.iter().map(|issuer| issuer.name.clone());
            self.sign_in.as_ref().and_then(|sign_in| sign_in.fault(names))
        });
        if let Some(sentence) = fault.or_else(|| tls.fault(fhir.names_a_certificate())) {
            return Err(ConfigError::OutOfRange(sentence));
        }
        let bounds = mllp.bounds().into_iter().chain(fhir.bounds()).chain(tls.bounds());
        let bounds = bounds.chain(IssuerConfig::bounds(issuers));
        let bounds = bounds.chain(self.approval.bounds());
        for (name, value, max) in bounds.chain(audit.bounds()) {
            within(name, value, max)?;
        }
        let trusts = !survivorship.trusted_sources.is_empty();
        let rules = [survivorship.lasting, survivorship.name, survivorship.contact];
        if !trusts && rules.contains(&Some(RuleName::MostTrusted)) {
            return Err(ConfigError::OutOfRange(
                "survivorship.trusted_sources is empty, but a rule is \"most_trusted\": name the \
                 sources, the most trusted first"
                    .to_owned(),
            ));
        }
        for (name, value) in [
            ("grpc.connections_max", grpc.connections_max),
            ("grpc.calls_per_connection_max", grpc.calls_per_connection_max as usize),
            ("grpc.calls_max", grpc.calls_max),
            ("grpc.threads_max", grpc.threads_max),
            ("grpc.message_bytes_max", grpc.message_bytes_max),
            ("grpc.answer_bytes_max", grpc.answer_bytes_max),
            ("grpc.header_bytes_max", grpc.header_bytes_max as usize),
            ("grpc.bulk_in_flight_max", grpc.bulk_in_flight_max),
            ("grpc.watchers_max", grpc.watchers_max),
            ("grpc.candidates_max", grpc.candidates_max),
            ("grpc.page_size_max", grpc.page_size_max),
            ("registry.queue_max", registry.queue_max),
            ("registry.commit_batch_max", registry.commit_batch_max),
            ("registry.tasks_max", registry.tasks_max),
        ] {
            // Counts of bytes, calls and threads: a gibi is far beyond what any of them can mean.
            within(name, value as u64, 1 << 30)?;
        }
        for (name, value) in [
            ("grpc.call_ms_max", grpc.call_ms_max),
            ("grpc.queue_ms_max", grpc.queue_ms_max),
            ("grpc.connection_age_seconds_max", grpc.connection_age_seconds_max),
            ("grpc.bulk_idle_ms_max", grpc.bulk_idle_ms_max),
            ("grpc.watch_stall_ms_max", grpc.watch_stall_ms_max),
            ("grpc.shutdown_ms_max", grpc.shutdown_ms_max),
            ("registry.requests_kept_seconds", registry.requests_kept_seconds),
        ] {
            within(name, value, u64::from(u32::MAX))?;
        }
        for (name, value, max) in web.bounds() {
            within(name, value, max)?;
        }
        if grpc.threads_max > registry.queue_max {
            return Err(ConfigError::OutOfRange(format!(
                "grpc.threads_max ({}) must not be more than registry.queue_max ({}), or calls \
                 would be refused that were admitted",
                grpc.threads_max, registry.queue_max
            )));
        }
        Ok(())
    }
}

fn within(name: &str, value: u64, max: u64) -> Result<(), ConfigError> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::OutOfRange(format!("{name} is {value} and must lie between 1 and {max}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ServerConfig, String> {
        ServerConfig::parse(text, "server.toml").map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_for_what_is_not_given_and_are_valid() {
        assert_eq!(parsed(""), Ok(ServerConfig::default()));
        let config = parsed("[grpc]\ncall_ms_max = 250\n").unwrap();
        assert_eq!(config.grpc.call_time_max(), Duration::from_millis(250));
        assert_eq!(config.grpc.page_size_max, GrpcConfig::default().page_size_max);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_named() {
        for (text, named) in [
            ("[grpc]\ncalls_maxx = 5\n", "calls_maxx"),
            ("[http]\n", "http"),
            ("[grpc]\ncalls_max = \"many\"\n", "calls_max"),
            ("[grpc]\ncalls_max = 0\n", "grpc.calls_max"),
            ("[grpc]\ncall_ms_max = 99999999999\n", "grpc.call_ms_max"),
            ("[grpc]\nthreads_max = 9\n[registry]\nqueue_max = 8\n", "registry.queue_max"),
            ("[survivorship]\nname = \"best\"\n", "best"),
            ("[survivorship]\nname = \"most_trusted\"\n", "survivorship.trusted_sources"),
            (
                "[[authority]]\nname = \"a\"\nnamespace = \"A\"\nuniversal_id = \"\"\n",
                "universal ID",
            ),
            ("[mllp]\nconnections_max = 0\n", "mllp.connections_max"),
            ("[[fhir.clients]]\nname = \"a\"\ntoken_sha256 = \"a\"\n", "token_sha256"),
            ("[fhir]\npage_size_max = 0\n", "fhir.page_size_max"),
            ("[[fhir.clients]]\nname = \"a\"\n", "certificate"),
            ("[tls]\nkey = \"a\"\n", "tls.certificates"),
            ("[tls]\ncertificates = \"a\"\n", "tls.key"),
            ("[tls]\nclient_authorities = \"a\"\n", "tls.certificates"),
            ("[tls]\ngrpc = \"server\"\n", "tls.grpc"),
            (
                "[tls]\ncertificates = \"a\"\nkey = \"b\"\nmllp = \"everybody\"\n",
                "tls.client_authorities",
            ),
            (
                "[tls]\ncertificates = \"a\"\nkey = \"b\"\nclient_revocations = \"c\"\n",
                "tls.client_authorities",
            ),
            (
                "[tls]\ncertificates = \"a\"\nkey = \"b\"\nclient_authorities = \"c\"\n",
                "no client is known by one",
            ),
            ("[tls]\nreload_seconds = 0\n", "tls.reload_seconds"),
            ("[web]\nsessions_max = 0\n", "web.sessions_max"),
            ("[approval]\nmerges_max = 0\n", "approval.merges_max"),
            ("[approval]\nmerges_max = 1001\n", "approval.merges_max"),
            ("[approval]\ndays = 0\n", "approval.days"),
            ("[approval]\nerasure = \"never\"\n", "erasure"),
            ("[audit]\npending_max = 0\n", "audit.pending_max"),
            ("[audit]\nkey_file = \"k\"\n", "audit.heads_file"),
            ("[audit]\nwhen_heads_fail = \"sleep\"\n", "sleep"),
            ("[grpc\n", "server.toml"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
