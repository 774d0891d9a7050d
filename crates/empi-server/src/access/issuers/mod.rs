//! Callers that somebody else vouches for: bearer tokens that an issuer has signed (JWT, RFC 7519, in the profile of
//! RFC 8725 and RFC 9068). Programs come with tokens of their region's identity provider, and need no account here.
//!
//! `config` is the part of the configuration; `keys` the public keys of an issuer, read again when their file
//! changes; `signature` checks signatures by ring; this file judges what a token says.
//!
//! **Invariants:** a token is good for one issuer and one audience, both of the configuration; only signatures by public
//! keys count, by the algorithms of the key's own kind; a token without an end, or with one that is too far, is none;
//! an issuer gives no role that the configuration does not let it give; nothing of a token is ever told.

mod claims;
mod config;
mod keys;
mod signature;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use empi_model::{Domains, Role, Timestamp, TokenHash};
use jsonwebtoken::{Validation, decode, decode_header};
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value};
use tokio::sync::watch;

pub use config::IssuerConfig;
pub use keys::IssuerError;
use keys::{Keys, KeysFile};

/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// How far the clocks of an issuer and of this machine may be apart.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(30);

/// Tokens that are remembered after their signature was checked; more, and all are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// How often the files of keys are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Somebody that an issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// The issuer's name in the configuration, and what it calls them: `hie:portal-7`.
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) domains: Domains,
    /// From when on the token is good.
    from: Timestamp,
    /// Until when it is.
    until: Timestamp,
}

/// What a token says.
type Claims = Map<String, Value>;

/// Whether it is now, as far as clocks agree, between two moments.
fn is_between(from: Timestamp, until: Timestamp, now: Timestamp) -> bool {
    let apart = i64::try_from(CLOCKS_APART_MAX.as_millis()).unwrap_or(0);
    from.0 <= now.0.saturating_add(apart) && now.0 < until.0.saturating_add(apart)
}

/// Why a token is none. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no signed token at all: perhaps that of an account.
    NotSigned,
    /// No issuer of the configuration has made it.
    UnknownIssuer,
    /// No key of the issuer is meant, or the algorithm is none for it.
    UnknownKey,
    /// It was not signed so, or is for another audience, or lacks what every token must have.
    NotGood,
    /// It is not good yet, or no more.
    NotNow,
    /// It is good for longer than the configuration lets it be.
    TooLong,
    /// Nobody is named, or no role that the issuer may give.
    NobodyWithARole,
}

/// The issuers of a server. Cloning makes another handle.
#[derive(Clone, Default)]
pub(crate) struct Issuers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    issuers: Vec<Issuer>,
    /// Those whose signature was checked.
    remembered: Mutex<HashMap<TokenHash, Vouched>>,
}

struct Issuer {
    config: IssuerConfig,
    validation: Validation,
    file: KeysFile,
    keys: RwLock<Keys>,
}

impl fmt::Debug for Issuers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.issuers.iter().map(|issuer| &issuer.config.name);
        out.debug_list().entries(names).finish()
    }
}

impl Issuers {
    /// Reads the keys of every issuer.
    ///
    /// # Errors
    /// See [`IssuerError`]: each names the file and says what to do.
    pub(crate) fn load(configs: &[IssuerConfig]) -> Result<Self, IssuerError> {
        signature::install();
        let issuer = |config: &IssuerConfig| {
            let file = KeysFile::new(config.keys_file.clone());
            let keys = RwLock::new(file.read()?);
            Ok(Issuer { config: config.clone(), validation: config.validation(), file, keys })
        };
        let issuers = configs.iter().map(issuer).collect::<Result<_, IssuerError>>()?;
        Ok(Self(Arc::new(Shared { issuers, remembered: Mutex::default() })))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.issuers.is_empty()
    }

    /// Whom a token speaks for. A signature is checked once; how long a token is good, each time.
    pub(crate) fn vouched(
        &self,
        token: &str,
        hash: TokenHash,
        now: Timestamp,
    ) -> Result<Vouched, Refused> {
        let remembered = self.0.remembered.lock().get(&hash).cloned();
        let is_new = remembered.is_none();
        let vouched = match remembered {
            Some(vouched) => vouched,
            None => self.checked(token)?,
        };
        let is_good = is_between(vouched.from, vouched.until, now);
        if is_new && is_good {
            let mut remembered = self.0.remembered.lock();
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(hash, vouched.clone());
        }
        is_good.then_some(vouched).ok_or(Refused::NotNow)
    }

    /// Checks everything about a token but the time.
    fn checked(&self, token: &str) -> Result<Vouched, Refused> {
        let (issuer, claims) = self.signed(token, None)?;
        claims::vouched(&issuer.config, &claims)
    }

    /// What the identity token of somebody who signed in at an issuer says, if it is good now and for this client.
    pub(crate) fn identity(
        &self,
        (name, client): (&str, &str),
        token: &str,
        now: Timestamp,
    ) -> Result<Claims, Refused> {
        let (issuer, claims) = self.signed(token, Some(client))?;
        if issuer.config.name != name {
            return Err(Refused::UnknownIssuer);
        }
        let (from, until) = claims::times(&issuer.config, &claims)?;
        is_between(from, until, now).then_some(claims).ok_or(Refused::NotNow)
    }

    /// The claims of a token whose signature holds, and whose issuer and audience are those of the configuration; with
    /// `audience`, it is for that one.
    fn signed(&self, token: &str, audience: Option<&str>) -> Result<(&Issuer, Claims), Refused> {
        if token.len() > TOKEN_BYTES_MAX || token.bytes().filter(|byte| *byte == b'.').count() != 2
        {
            return Err(Refused::NotSigned);
        }
        let header = decode_header(token).map_err(|_| Refused::NotSigned)?;
        // RFC 7515 §4.1.11: what is marked critical and not understood makes a token no good; nothing is.
        if header.crit.is_some() {
            return Err(Refused::NotGood);
        }
        // What it says of its issuer only tells which keys to try: it is checked with everything else.
        let said: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token)
            .map_err(|_| Refused::NotSigned)?;
        let said = said.get("iss").and_then(Value::as_str).unwrap_or_default();
        let issuer = self.0.issuers.iter().find(|it| it.config.issuer == said);
        let issuer = issuer.ok_or(Refused::UnknownIssuer)?;
        let keys = issuer.keys.read();
        let mut meant = keys.meant(header.kid.as_deref(), header.alg).peekable();
        if meant.peek().is_none() {
            return Err(Refused::UnknownKey);
        }
        let mut validation =
            Validation { algorithms: vec![header.alg], ..issuer.validation.clone() };
        if let Some(audience) = audience {
            validation.set_audience(&[audience]);
        }
        let claims = meant
            .find_map(|key| decode::<Claims>(token, key, &validation).ok().map(|it| it.claims));
        Ok((issuer, claims.ok_or(Refused::NotGood)?))
    }

    /// Looks at the files of keys now and then until `closing` turns true. What does not do never replaces what did;
    /// with new keys, nobody is remembered: a key that was taken out vouches for nobody any more.
    pub(crate) async fn keep_fresh(self, mut closing: watch::Receiver<bool>) {
        while !self.is_empty() {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let issuers = self.clone();
            // Reading files blocks. A panic in it was logged where it happened.
            let _ = tokio::task::spawn_blocking(move || issuers.look()).await;
        }
    }

    /// Takes the keys of files that have changed.
    pub(crate) fn look(&self) {
        for issuer in &self.0.issuers {
            let name = issuer.config.name.as_str();
            match issuer.file.read() {
                Ok(keys) if keys.digest() == issuer.keys.read().digest() => {}
                Ok(keys) => {
                    *issuer.keys.write() = keys;
                    self.0.remembered.lock().clear();
                    tracing::info!(issuer = name, "new keys of an issuer were taken");
                }
                Err(error) => tracing::error!(
                    issuer = name,
                    %error,
                    "the keys of an issuer do not do: those read before stay in use"
                ),
            }
        }
    }
}
