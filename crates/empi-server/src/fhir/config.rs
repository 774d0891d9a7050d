//! Limits of the FHIR interface, and who may use it.

use std::time::Duration;

use empi_model::Role;
use serde::Deserialize;

/// Limits of the FHIR interface, and who may use it. Without clients, issuers of tokens, or leave for
/// everybody, it is not served.
///
/// ```toml
/// [[fhir.clients]]
/// name = "portal"
/// token_sha256 = "..."           # of the bearer token, in hexadecimal digits
/// certificate = "portal.example" # or by the certificate that it shows, on every interface
/// application = "PORTAL"         # as among the senders of authorities
/// role = "steward"               # may merge persons
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FhirConfig {
    /// The URL that others know the interface by; without it, that of the request.
    pub base_url: Option<String>,
    /// Bytes of one request's body.
    pub body_bytes_max: usize,
    /// Milliseconds until a request is given up.
    pub request_ms_max: u64,
    /// Patients on one page.
    pub page_size_max: usize,
    /// Who may use it.
    pub clients: Vec<FhirClient>,
    /// INSECURE: whether callers without a token may search, read and match.
    pub insecure_allow_anonymous: bool,
}

/// One client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FhirClient {
    /// Its name, as the actor of what it changes.
    pub name: String,
    /// SHA-256 of its bearer token, in hexadecimal digits.
    #[serde(default)]
    pub token_sha256: Option<String>,
    /// A name of its certificate: a host name, URL, e-mail address or common name in it, or `sha256:` and its
    /// fingerprint. Only certificates that `tls.client_authorities` vouch for count.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The sender that it is, for authorities.
    #[serde(default)]
    pub application: String,
    /// Its facility likewise.
    #[serde(default)]
    pub facility: String,
    /// The role of the people it acts for, as among users of the web pages (`steward`): what it may do beyond feeding its
    /// own domains.
    #[serde(default)]
    pub role: Option<String>,
}

impl Default for FhirConfig {
    fn default() -> Self {
        Self {
            base_url: None,
            body_bytes_max: 1 << 20,
            request_ms_max: 10_000,
            page_size_max: 100,
            clients: Vec::new(),
            insecure_allow_anonymous: false,
        }
    }
}

impl FhirConfig {
    /// Each limit by its name in the file, with its largest sensible value.
    pub(crate) fn bounds(&self) -> [(&'static str, u64, u64); 3] {
        [
            ("fhir.body_bytes_max", self.body_bytes_max as u64, 1 << 30),
            ("fhir.request_ms_max", self.request_ms_max, u64::from(u32::MAX)),
            ("fhir.page_size_max", self.page_size_max as u64, 1 << 30),
        ]
    }

    /// Whether a client is known by its certificate.
    pub(crate) fn names_a_certificate(&self) -> bool {
        self.clients.iter().any(|client| client.certificate.is_some())
    }

    /// Whether it is served at all.
    pub(crate) fn is_served(&self) -> bool {
        !self.clients.is_empty() || self.insecure_allow_anonymous
    }

    /// What is wrong with the clients.
    pub(crate) fn fault(&self) -> Option<String> {
        for (at, client) in self.clients.iter().enumerate() {
            let is_hash =
                |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_known = match (&client.token_sha256, &client.certificate) {
                (None, None) => false,
                (token, name) => {
                    token.as_deref().is_none_or(is_hash)
                        && name.as_deref().is_none_or(|it| !it.is_empty())
                }
            };
            if client.name.is_empty() || !is_known {
                return Some(format!(
                    "fhir.clients, number {}: a client needs a name, and a `token_sha256` of 64 hexadecimal \
                     digits or the name of its `certificate`",
                    at + 1
                ));
            }
            if client.role.as_deref().is_some_and(|role| Role::from_name(role).is_none()) {
                return Some(format!(
                    "fhir.clients: the role of {} must be that of a user, such as \"steward\"",
                    client.name
                ));
            }
            let mut before = self.clients.iter().take(at);
            if before.clone().any(|it| it.name == client.name) {
                return Some(format!("fhir.clients: two are named {}", client.name));
            }
            let name = client.certificate.as_ref();
            let has_it = |it: &FhirClient| {
                it.certificate.as_ref().zip(name).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
            };
            if before.any(has_it) {
                return Some(format!("fhir.clients: two have the certificate of {}", client.name));
            }
        }
        None
    }

    pub(super) const fn request_time_max(&self) -> Duration {
        Duration::from_millis(self.request_ms_max)
    }
}
