//! Clients of the configuration, by their tokens or by the certificates they showed. What one may do is asked elsewhere
//! (`access`), as of everybody who calls.

use empi_model::{Role, TokenHash};

use crate::fhir::FhirClient;
use crate::tls::PeerCertificate;

/// A client that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) name: String,
    /// The sender that it is, for authorities.
    pub(crate) application: String,
    pub(crate) facility: String,
    /// The role of people that it acts for, if any.
    pub(crate) role: Option<Role>,
}

impl Client {
    /// Whether it may speak as a sender. A client without an application of its own, as an interface engine is, speaks
    /// for every sender that authorities know.
    pub(crate) fn speaks_for(&self, application: &str, facility: &str) -> bool {
        self.application.is_empty()
            || (self.application == application
                && (self.facility.is_empty() || self.facility == facility))
    }
}

/// The clients of the configuration.
#[derive(Default)]
pub(crate) struct Callers(Vec<FhirClient>);

impl Callers {
    pub(crate) const fn new(clients: Vec<FhirClient>) -> Self {
        Self(clients)
    }

    /// Whose token it is that has this hash.
    pub(crate) fn of_token(&self, hash: TokenHash) -> Option<Client> {
        let hash: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
        // The tokens are drawn at random; that their hashes are compared letter by letter tells nothing of them.
        self.find(|it| it.token_sha256.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(&hash)))
    }

    /// Whose certificate it is.
    pub(crate) fn of_certificate(&self, certificate: &PeerCertificate) -> Option<Client> {
        self.find(|it| it.certificate.as_ref().is_some_and(|name| certificate.is_named(name)))
    }

    fn find(&self, is_it: impl Fn(&FhirClient) -> bool) -> Option<Client> {
        let client = self.0.iter().find(|it| is_it(it))?;
        Some(Client {
            name: client.name.clone(),
            application: client.application.clone(),
            facility: client.facility.clone(),
            role: client.role.as_deref().and_then(Role::from_name),
        })
    }
}
