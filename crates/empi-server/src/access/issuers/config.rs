//! The part of the configuration that says who may vouch for callers.

use std::path::PathBuf;

use empi_model::Role;
use jsonwebtoken::Validation;
use serde::Deserialize;

/// Longest name of an issuer, in letters.
const NAME_LETTERS_MAX: usize = 40;

/// Somebody who vouches for callers by tokens it signs.
///
/// ```toml
/// [[issuer]]
/// name = "hie"                          # stands before the name of whomever it vouches for: hie:portal-7
/// issuer = "https://id.hie.example"     # `iss` of its tokens
/// audience = "empi"                     # `aud` of tokens that are for this server
/// keys_file = "hie.jwks.json"           # its public keys (RFC 7517), read again when they change
/// roles = ["source", "reader"]          # what it may let somebody be
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its name in the audit trail.
    pub name: String,
    /// What its tokens call it (`iss`).
    pub issuer: String,
    /// What its tokens call this server (`aud`).
    pub audience: String,
    /// Its public keys as a JSON Web Key Set.
    pub keys_file: PathBuf,
    /// The roles that it may give; others in a token are passed over. None where people only sign in there.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The claim with the role or roles; dots lead into objects (`realm_access.roles`).
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// The claim with the sources that a program speaks for.
    #[serde(default = "domains_claim")]
    pub domains_claim: String,
    /// Seconds that a token may be good for.
    #[serde(default = "lifetime_seconds_max")]
    pub lifetime_seconds_max: u64,
}

fn roles_claim() -> String {
    "empi_roles".to_owned()
}

fn domains_claim() -> String {
    "empi_domains".to_owned()
}

const fn lifetime_seconds_max() -> u64 {
    3600
}

impl IssuerConfig {
    /// What the library checks of a token; of time it knows nothing, since that comes from our own clock.
    pub(super) fn validation(&self) -> Validation {
        let mut validation = Validation::default();
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.validate_exp = false;
        validation
    }

    /// The roles that it may give.
    pub(super) fn may_give(&self, role: Role) -> bool {
        self.roles.iter().any(|name| name == role.as_str())
    }

    /// What is wrong with some issuers.
    pub(crate) fn fault(issuers: &[Self]) -> Option<String> {
        for (at, issuer) in issuers.iter().enumerate() {
            let Self { name, issuer: said, audience, roles, .. } = issuer;
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_name =
                (1..=NAME_LETTERS_MAX).contains(&name.len()) && name.bytes().all(is_plain);
            if !is_name {
                return Some(format!(
                    "issuer, number {}: its name must have 1 to {NAME_LETTERS_MAX} letters, digits, dots and dashes",
                    at + 1
                ));
            }
            if said.is_empty() || audience.is_empty() {
                return Some(format!("issuer: {name} needs an `issuer` and an `audience`"));
            }
            let unknown = roles.iter().find(|role| Role::from_name(role).is_none());
            if let Some(role) = unknown {
                return Some(format!(
                    "issuer: {name} gives the role {role:?}, which does not exist"
                ));
            }
            let mut before = issuers.iter().take(at);
            if before.any(|it| it.name == *name || it.issuer == *said) {
                return Some(format!("issuer: two have the name or the issuer of {name}"));
            }
        }
        None
    }

    /// Each limit by its name in the file, with its largest sensible value: a day.
    pub(crate) fn bounds(issuers: &[Self]) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let bound = |it: &Self| ("issuer.lifetime_seconds_max", it.lifetime_seconds_max, 86_400);
        issuers.iter().map(bound).collect::<Vec<_>>().into_iter()
    }
}
