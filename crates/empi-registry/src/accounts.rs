//! The programs that may call: their accounts, and the tokens that they show. Few, so all of them are in memory; a
//! change is written first and counts then.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use empi_model::{
    Asked, Asker, AuditEntry, AuditOutcome, Domains, Operation, Role, ServiceAccount, Timestamp,
    TokenHash, UserName,
};
use empi_store::{DataDir, Store, StoreOptions};
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::registry::Registry;

/// Most accounts of one index.
const ACCOUNTS_MAX: usize = 10_000;

/// Most domains of one account.
const DOMAINS_MAX: usize = 1000;

/// Longest time that a token may be valid, in days.
const TOKEN_DAYS_MAX: u32 = 3650;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is to be changed about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStep {
    /// The program may call from now on.
    Add {
        /// What it is there for.
        role: Role,
        /// The sources that it speaks for.
        domains: Domains,
        /// Its first token, hashed.
        token: TokenHash,
        /// Days that the token is valid.
        days: u32,
    },
    /// It gets another token; the newest before stays valid beside it.
    Rotate {
        /// The token, hashed.
        token: TokenHash,
        /// Days that the token is valid.
        days: u32,
        /// Whether no other token is valid any more.
        at_once: bool,
    },
    /// It may not call any more.
    Revoke,
}

impl AccountStep {
    const fn in_words(&self) -> &'static str {
        match self {
            Self::Add { .. } => "account added:",
            Self::Rotate { at_once: false, .. } => "token added:",
            Self::Rotate { at_once: true, .. } => "token replaced:",
            Self::Revoke => "account revoked:",
        }
    }
}

/// The audit entry of a change.
fn entry(asker: &Asker, what: &str, now: Timestamp) -> AuditEntry {
    let asker = Asker { reason: what.to_owned(), ..asker.clone() };
    let asked = Asked { asker: asker.into(), operation: Operation::ChangeAccounts };
    AuditEntry::new(now, asked, AuditOutcome::Done, Vec::new())
}

/// The accounts, as they stand in the store.
#[derive(Default)]
pub(crate) struct Accounts {
    known: RwLock<Known>,
    /// Held while a change is written.
    changing: Mutex<()>,
    /// Who is told of changes.
    listeners: Mutex<Vec<Listener>>,
}

type Listener = Box<dyn Fn() + Send + Sync>;

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<UserName, Arc<ServiceAccount>>,
    by_token: HashMap<TokenHash, UserName>,
}

impl Known {
    fn put(&mut self, account: Arc<ServiceAccount>) {
        self.by_token.retain(|_, name| *name != account.name);
        let tokens = account.tokens.iter().map(|token| (token.hash, account.name.clone()));
        self.by_token.extend(tokens);
        self.by_name.insert(account.name.clone(), account);
    }
}

impl Accounts {
    pub(crate) fn read(store: &Store) -> Result<Self, RegistryError> {
        let mut known = Known::default();
        for account in store.snapshot().services() {
            known.put(Arc::new(account?));
        }
        Ok(Self { known: RwLock::new(known), ..Self::default() })
    }

    fn change(
        &self,
        store: &Store,
        name: &UserName,
        step: AccountStep,
        (asker, now): (&Asker, Timestamp),
    ) -> Result<Arc<ServiceAccount>, RegistryError> {
        let _one_at_a_time = self.changing.lock();
        let what = format!("{} {name}", step.in_words());
        let account = changed(&self.known.read().by_name, name, step, now)?;
        store.put_service(&account, &entry(asker, &what, now))?;
        let account = Arc::new(account);
        self.known.write().put(Arc::clone(&account));
        self.listeners.lock().iter().for_each(|tell| tell());
        Ok(account)
    }
}

/// How an account stands after a change.
fn changed(
    list: &BTreeMap<UserName, Arc<ServiceAccount>>,
    name: &UserName,
    step: AccountStep,
    now: Timestamp,
) -> Result<ServiceAccount, RegistryError> {
    let known = list.get(name).map(|account| ServiceAccount::clone(account));
    match (step, known) {
        (AccountStep::Add { .. }, Some(_)) => Err(RegistryError::conflict(format!(
            "the name {name} is taken: an account keeps its name for ever, also a revoked one"
        ))),
        (AccountStep::Add { role, domains, token, days }, None) => {
            if list.len() >= ACCOUNTS_MAX {
                let sentence = format!("there are {ACCOUNTS_MAX} accounts already");
                return Err(RegistryError::invalid(sentence));
            }
            check_domains(role, &domains)?;
            let mut account = ServiceAccount {
                name: name.clone(),
                role,
                domains,
                tokens: Vec::new(),
                tokens_made: 0,
                created: now,
                is_revoked: false,
            };
            account.rotate(token, now, end(now, days)?, true);
            Ok(account)
        }
        (_, None) => Err(unknown(name)),
        (AccountStep::Rotate { .. }, Some(account)) if account.is_revoked => {
            Err(RegistryError::conflict(format!(
                "the account {name} was revoked: add another one in its place"
            )))
        }
        (AccountStep::Rotate { token, days, at_once }, Some(mut account)) => {
            account.rotate(token, now, end(now, days)?, at_once);
            Ok(account)
        }
        (AccountStep::Revoke, Some(mut account)) => {
            account.tokens.clear();
            account.is_revoked = true;
            Ok(account)
        }
    }
}

fn check_domains(role: Role, domains: &Domains) -> Result<(), RegistryError> {
    let Domains::Only(sources) = domains else { return Ok(()) };
    if sources.len() > DOMAINS_MAX || sources.iter().any(|source| source.trim().is_empty()) {
        return Err(RegistryError::invalid(format!(
            "an account speaks for at most {DOMAINS_MAX} sources, each with a name"
        )));
    }
    if role == Role::Source && sources.is_empty() {
        return Err(RegistryError::invalid(
            "an account that registers records needs the sources that it speaks for",
        ));
    }
    Ok(())
}

fn end(now: Timestamp, days: u32) -> Result<Timestamp, RegistryError> {
    if days == 0 || days > TOKEN_DAYS_MAX {
        return Err(RegistryError::invalid(format!(
            "a token is valid for 1 to {TOKEN_DAYS_MAX} days"
        )));
    }
    Ok(Timestamp(now.0.saturating_add(i64::from(days) * DAY_MS)))
}

fn unknown(name: &UserName) -> RegistryError {
    RegistryError::not_found(format!("there is no account {name}"))
}

impl Registry {
    /// Whether no account was ever made: then whoever reaches the index is taken at their word.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.core.accounts.known.read().by_name.is_empty()
    }

    /// Every account, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<Arc<ServiceAccount>> {
        self.core.accounts.known.read().by_name.values().cloned().collect()
    }

    /// The account of a token that is valid now.
    #[must_use]
    pub fn account_of(&self, token: TokenHash) -> Option<Arc<ServiceAccount>> {
        let account = {
            let known = self.core.accounts.known.read();
            known.by_name.get(known.by_token.get(&token)?).cloned()?
        };
        account.valid(token, self.core.clock.now()).is_some().then_some(account)
    }

    /// Wants to be told whenever an account was changed; the change counts already then. The listener is called by whoever
    /// changes, so it must not wait.
    pub fn on_account_change(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.core.accounts.listeners.lock().push(Box::new(listener));
    }

    /// Changes an account; it is durable when this returns, and counts for every call from then on.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for an account that is not there; [`RegistryError::Conflict`] for a name
    /// that is taken or was revoked; [`RegistryError::Invalid`] for what cannot be meant;
    /// [`RegistryError::Store`] when it cannot be written.
    pub fn change_account(
        &self,
        name: &UserName,
        step: AccountStep,
    ) -> Result<Arc<ServiceAccount>, RegistryError> {
        self.core.durability.check()?;
        let asked = self.asked().map(|asked| asked.asker);
        let asker = asked.unwrap_or_else(|| Arc::new(Asker::internal("empi")));
        let now = self.core.clock.now();
        let account = self.core.accounts.change(&self.core.store, name, step, (&*asker, now))?;
        self.changed([]);
        Ok(account)
    }
}

/// Changes an account of an index that no server has open. For one that is added, an index is made where there is
/// none, so that it is never served without.
///
/// # Errors
/// As [`Registry::change_account`]; [`RegistryError::Store`] when the index is open elsewhere.
pub fn change_account_offline(
    dir: impl Into<DataDir>,
    model: &str,
    name: &UserName,
    step: AccountStep,
    now: Timestamp,
) -> Result<Arc<ServiceAccount>, RegistryError> {
    let create = matches!(step, AccountStep::Add { .. });
    let store = Store::open(dir, &StoreOptions { model: model.to_owned(), create })?;
    Accounts::read(&store)?.change(&store, name, step, (&Asker::command(), now))
}

/// The accounts of an index that no server has open, by name.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read.
pub fn accounts_offline(dir: impl Into<DataDir>) -> Result<Vec<ServiceAccount>, RegistryError> {
    let store = crate::offline::open(dir)?;
    let mut accounts = store.snapshot().services().collect::<Result<Vec<_>, _>>()?;
    accounts.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(accounts)
}
