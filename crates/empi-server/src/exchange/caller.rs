//! Who is calling: a client of the configuration, by its token or by the certificate it showed. One table for every
//! interface.

use empi_model::{Actor, ActorKind, Role};
use sha2::{Digest as _, Sha256};

use crate::fhir::FhirClient;
use crate::tls::PeerCertificate;
use crate::web::Operation;

/// Somebody who calls, and is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: String,
    /// The sender that it is, for authorities.
    pub(crate) application: String,
    pub(crate) facility: String,
    /// The role of people that it acts for, if any.
    pub(crate) role: Option<Role>,
}

impl Caller {
    /// Somebody without a token, where that is allowed.
    pub(crate) fn anonymous() -> Self {
        let nothing = String::new;
        Self { name: "fhir".to_owned(), application: nothing(), facility: nothing(), role: None }
    }

    /// Whether it may say which persons are one.
    pub(crate) fn may_change_identities(&self) -> bool {
        self.role.is_some_and(|role| Operation::ChangeIdentities.allows(role))
    }

    /// The caller as the steward of what it changes.
    pub(crate) fn steward(&self) -> Actor {
        Actor { kind: ActorKind::Steward, name: self.name.clone() }
    }

    /// The caller as the actor of what they change.
    pub(crate) fn actor(&self) -> Actor {
        Actor { kind: ActorKind::System, name: self.name.clone() }
    }

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

    /// Whose token it is.
    pub(crate) fn of_token(&self, token: &str) -> Option<Caller> {
        let digest = Sha256::digest(token.as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        // The tokens are drawn at random; that their hashes are compared letter by letter tells nothing of them.
        self.find(|it| it.token_sha256.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(&hash)))
    }

    /// Whose certificate it is.
    pub(crate) fn of_certificate(&self, certificate: &PeerCertificate) -> Option<Caller> {
        self.find(|it| it.certificate.as_ref().is_some_and(|name| certificate.is_named(name)))
    }

    fn find(&self, is_it: impl Fn(&FhirClient) -> bool) -> Option<Caller> {
        let client = self.0.iter().find(|it| is_it(it))?;
        Some(Caller {
            name: client.name.clone(),
            application: client.application.clone(),
            facility: client.facility.clone(),
            role: client.role.as_deref().and_then(Role::from_name),
        })
    }
}
