//! The part of the configuration that says where people may sign in instead of here.

use std::path::PathBuf;

use serde::Deserialize;

use crate::tls::OutgoingConfig;

/// The provider where users sign in (OpenID Connect).
///
/// ```toml
/// [sign_in]
/// issuer = "hie"                                       # the [[issuer]] whose keys sign identities
/// title = "HIE account"                                # what people know it by
/// client_id = "empi"
/// client_secret_file = "oidc.secret"                   # none for a public client
/// authorize = "https://id.hie.example/authorize"       # where browsers are sent
/// token = "https://id.hie.example/token"               # where codes are exchanged
/// redirect = "https://mpi.hie.example/sign-in/return"  # the address of this server, as the provider knows it
/// tls = { authorities = "hie-ca.pem" }                 # who vouches for the provider
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInConfig {
    /// The name of the issuer among `[[issuer]]`.
    pub issuer: String,
    /// What people know the provider by.
    pub title: String,
    /// What the provider calls this server.
    pub client_id: String,
    /// The file of the secret that proves it.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Where browsers are sent.
    pub authorize: String,
    /// Where codes are exchanged, `https://host[:port]/path`.
    pub token: String,
    /// Where browsers come back to.
    pub redirect: String,
    /// Who vouches for the provider.
    pub tls: OutgoingConfig,
    /// The claim with the name of the user here.
    #[serde(default = "user_claim")]
    pub user_claim: String,
    /// What is asked for.
    #[serde(default = "scope")]
    pub scope: String,
}

fn user_claim() -> String {
    "preferred_username".to_owned()
}

fn scope() -> String {
    "openid profile".to_owned()
}

impl SignInConfig {
    /// Host and port, and path, of the place where codes are exchanged.
    pub(super) fn token_place(&self) -> Option<(String, &str)> {
        let (host, path) = self.token.strip_prefix("https://")?.split_once('/')?;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { host.to_owned() } else { format!("{host}:443") };
        let at = self.token.len() - path.len() - 1;
        (!host.is_empty()).then(|| (address, &self.token[at..]))
    }

    /// What is wrong with it; `issuers` are the names of those that are configured.
    pub(crate) fn fault(&self, mut issuers: impl Iterator<Item = String>) -> Option<String> {
        if !issuers.any(|name| name == self.issuer) {
            return Some(format!(
                "sign_in.issuer: there is no [[issuer]] of the name {:?}",
                self.issuer
            ));
        }
        if self.client_id.is_empty() || self.title.is_empty() {
            return Some("sign_in needs a `client_id` and a `title`".to_owned());
        }
        if self.token_place().is_none() {
            return Some("sign_in.token must be https://host/path".to_owned());
        }
        // Loopback is for trying it out; elsewhere a code on the open wire would be anybody's.
        let is_safe = |url: &str| {
            url.starts_with("https://")
                || url.starts_with("http://127.0.0.1")
                || url.starts_with("http://localhost")
        };
        for (name, url) in [("authorize", &self.authorize), ("redirect", &self.redirect)] {
            if !is_safe(url) || url.contains(char::is_whitespace) {
                return Some(format!("sign_in.{name} must be an address of https"));
            }
        }
        let is_back = self.redirect.ends_with("/sign-in/return");
        (!is_back).then(|| "sign_in.redirect must end with /sign-in/return".to_owned())
    }
}
