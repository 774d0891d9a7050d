//! Signing in elsewhere: OpenID Connect Core 1.0, the flow with an authorization code and a proof that it was asked for from
//! here (PKCE, RFC 7636). Who somebody is, the provider says; what they may do, the users of the index say.
//!
//! **Invariants:** a code is exchanged only in the browser that asked for it (its cookie), once, within minutes; an
//! identity counts when it was signed by the issuer of the configuration for this client and this very way
//! (nonce); nobody becomes a user by signing in; codes, tokens and secrets are told to nobody.

mod config;
mod exchange;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use empi_model::{EnterpriseId, Secret, Timestamp, UserName};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};

use super::session::{FRESH_TIME_MAX, Token};
use crate::access::issuers::{Issuers, Refused};
use crate::tls::{Outgoing, OutgoingError, Tls};
pub use config::SignInConfig;
pub(crate) use exchange::ExchangeError;

/// How long somebody may take at the provider.
const WAY_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Ways that are open at a time; more, and the oldest are forgotten.
const WAYS_MAX: usize = 1000;

/// How long the provider may take to exchange a code.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(10);

/// Somebody on their way to the provider and back.
struct Way {
    /// Stands in the identity that comes back.
    nonce: Token,
    /// Proves that the code was asked for from here.
    verifier: String,
    begun: Instant,
    /// Whom they want to see in an emergency, for which they must prove once more who they are.
    emergency: Option<EnterpriseId>,
}

/// Somebody who came back.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) user: UserName,
    /// How long ago they proved who they are, where the provider says.
    pub(super) proved: Option<Duration>,
    /// Whom they want to see in an emergency.
    pub(super) emergency: Option<EnterpriseId>,
}

/// The provider, and who is on the way to it.
pub(crate) struct Elsewhere {
    config: SignInConfig,
    secret: Option<Secret>,
    issuers: Issuers,
    /// What the server shows of itself.
    tls: Option<Tls>,
    clock: Arc<dyn empi_registry::Clock>,
    ways: Mutex<HashMap<[u8; 32], Way>>,
}

/// Why somebody does not come in. Says nothing of codes and tokens.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotIn {
    /// The way was not begun in this browser, or too long ago.
    #[error("the way was not begun in this browser, or too long ago")]
    NoWay,
    /// The provider cannot be asked, or gives no identity.
    #[error("the provider: {0}")]
    Provider(#[from] ExchangeError),
    /// The identity is none for here.
    #[error("the identity was refused: {0:?}")]
    Identity(Refused),
    /// It names nobody that can be a user.
    #[error("the identity names nobody that can be a user")]
    Nobody,
    /// They were to prove once more who they are, and the provider does not say that they did.
    #[error("the identity does not say (auth_time) that somebody signed in just now")]
    NotAgain,
}

impl Elsewhere {
    /// Reads the client's secret, where it has one.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub(crate) fn new(
        config: SignInConfig,
        issuers: Issuers,
        tls: Option<Tls>,
        clock: Arc<dyn empi_registry::Clock>,
    ) -> io::Result<Self> {
        let read = |file: &std::path::PathBuf| {
            std::fs::read_to_string(file).map(|text| Secret::new(text.trim()))
        };
        let secret = config.client_secret_file.as_ref().map(read).transpose()?;
        Ok(Self { config, secret, issuers, tls, clock, ways: Mutex::default() })
    }

    /// What stands on the way there.
    pub(super) fn title(&self) -> &str {
        &self.config.title
    }

    /// Begins a way: what is kept in the browser, and the address of the provider. `None` when the system gives no random
    /// numbers. For an emergency the provider is to ask who it is even where it knows (OpenID Connect Core 1.0, 3.1.2.1).
    pub(super) fn begin(&self, emergency: Option<EnterpriseId>) -> Option<(Token, String)> {
        let (state, nonce) = (Token::random()?, Token::random()?);
        // RFC 7636 §4.1: 43 letters at least.
        let verifier = format!("{}{}", Token::random()?.text(), Token::random()?.text());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", &self.config.redirect)
            .append_pair("scope", &self.config.scope)
            .append_pair("state", &state.text())
            .append_pair("nonce", &nonce.text())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if emergency.is_some() {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        let mark = if self.config.authorize.contains('?') { '&' } else { '?' };
        let address = format!("{}{mark}{}", self.config.authorize, query.finish());
        let now = Instant::now();
        let mut ways = self.ways.lock();
        ways.retain(|_, way| now < way.begun + WAY_TIME_MAX);
        if ways.len() >= WAYS_MAX
            && let Some(oldest) = ways.iter().min_by_key(|(_, way)| way.begun).map(|(at, _)| *at)
        {
            ways.remove(&oldest);
        }
        ways.insert(hashed(state), Way { nonce, verifier, begun: now, emergency });
        Some((state, address))
    }

    /// Ends a way: who it is that came back with a code to the browser that keeps `state`.
    pub(super) async fn end(&self, state: Token, code: &str) -> Result<Returned, NotIn> {
        let way = self.ways.lock().remove(&hashed(state)).ok_or(NotIn::NoWay)?;
        if Instant::now() >= way.begun + WAY_TIME_MAX {
            return Err(NotIn::NoWay);
        }
        let exchanging = timeout(EXCHANGE_TIME_MAX, self.exchange(code, &way.verifier)).await;
        let identity = exchanging.map_err(|_| ExchangeError::Late)??;
        let SignInConfig { issuer, client_id, user_claim, .. } = &self.config;
        let now: Timestamp = self.clock.now();
        let claims =
            self.issuers.identity((issuer, client_id), &identity, now).map_err(NotIn::Identity)?;
        let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
        if text("nonce") != Some(way.nonce.text().as_str()) {
            return Err(NotIn::Identity(Refused::NotGood));
        }
        let name = text(user_claim).ok_or(NotIn::Nobody)?;
        let user = name.to_ascii_lowercase().parse().map_err(|_| NotIn::Nobody)?;
        let at = claims.get("auth_time").and_then(serde_json::Value::as_i64);
        // Where the provider's clock is a little ahead it was just now.
        let ago = at.map(|at| now.0.div_euclid(1000).saturating_sub(at).max(0).unsigned_abs());
        let (proved, emergency) = (ago.map(Duration::from_secs), way.emergency);
        if emergency.is_some() && proved.is_none_or(|ago| ago >= FRESH_TIME_MAX) {
            return Err(NotIn::NotAgain);
        }
        Ok(Returned { user, proved, emergency })
    }

    /// What connects to the provider, with the files of TLS as they are now.
    fn outgoing(&self) -> Result<Outgoing, OutgoingError> {
        match &self.tls {
            Some(tls) => tls.outgoing(&self.config.tls),
            None => Outgoing::load(&self.config.tls, None, Arc::clone(&self.clock)),
        }
    }
}

/// What is kept of a state here: the cookie alone has it whole.
fn hashed(state: Token) -> [u8; 32] {
    Sha256::digest(state.text().as_bytes()).into()
}
