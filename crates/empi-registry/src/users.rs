//! The people who may sign in to the web pages: added, given a role, disabled, and every such change kept
//! in a log of its own.
//!
//! They are few, so all of them are kept in memory; a change is written first and shows then. Passwords come
//! in hashed: how they are hashed and compared is not this room's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use empi_model::{
    AccountChange, AccountEntry, Actor, Asked, Asker, AuditEntry, AuditOutcome, Operation,
    PasswordHash, Role, Timestamp, User, UserName,
};
use empi_store::{DataDir, Store, StoreOptions};
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::registry::Registry;

/// Most users of one index.
const USERS_MAX: usize = 10_000;

/// Most preferences of one user, and most bytes of one.
const PREFERENCES_MAX: usize = 32;
const PREFERENCE_BYTES_MAX: usize = 500;

/// What is to be changed about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// They may sign in from now on, and choose their own password when they do.
    Add {
        /// What they are there for.
        role: Role,
        /// A password for the first time.
        password: PasswordHash,
    },
    /// They get another role.
    SetRole(Role),
    /// They may not sign in any more.
    Disable,
    /// They may sign in again.
    Enable,
    /// They get a password for one time, and choose their own when they sign in.
    ResetPassword(PasswordHash),
    /// They have chosen a password.
    ChangePassword(PasswordHash),
}

/// The users, as they stand in the store.
#[derive(Debug, Default)]
pub(crate) struct Users {
    list: RwLock<BTreeMap<UserName, User>>,
    /// Entries of the log; held while a change is written, so that they come one after the other.
    entries: Mutex<u64>,
}

impl Users {
    pub(crate) fn read(store: &Store) -> Result<Self, RegistryError> {
        let snapshot = store.snapshot();
        let mut list = BTreeMap::new();
        for user in snapshot.users() {
            let user = user?;
            list.insert(user.name.clone(), user);
        }
        let mut entries = 0;
        for entry in snapshot.account_entries(0) {
            entries = entry?.number;
        }
        Ok(Self { list: RwLock::new(list), entries: Mutex::new(entries) })
    }

    fn change(
        &self,
        store: &Store,
        name: &UserName,
        change: UserChange,
        (actor, asker): (Actor, Arc<Asker>),
        now: Timestamp,
    ) -> Result<User, RegistryError> {
        let mut entries = self.entries.lock();
        let (user, change) = changed(&self.list.read(), name, change, now)?;
        let number = *entries + 1;
        let entry = AccountEntry { number, time: now, actor, user: name.clone(), change };
        let asker =
            Asker { reason: format!("user {}: {name}", in_words(change)), ..Asker::clone(&asker) };
        let asked = Asked { asker: asker.into(), operation: Operation::ChangeUsers };
        let audited = AuditEntry::new(now, asked, AuditOutcome::Done, Vec::new());
        store.put_user(&user, Some((&entry, &audited)))?;
        *entries = number;
        self.list.write().insert(name.clone(), user.clone());
        Ok(user)
    }
}

const fn in_words(change: AccountChange) -> &'static str {
    match change {
        AccountChange::Added(_) => "added",
        AccountChange::RoleChanged(_) => "got another role",
        AccountChange::Disabled => "disabled",
        AccountChange::Enabled => "enabled",
        AccountChange::PasswordReset => "got a password for one time",
        AccountChange::PasswordChanged => "chose a password",
    }
}

/// How a user stands after a change, and what the log says of it.
fn changed(
    list: &BTreeMap<UserName, User>,
    name: &UserName,
    change: UserChange,
    now: Timestamp,
) -> Result<(User, AccountChange), RegistryError> {
    let known = list.get(name).cloned();
    if let UserChange::Add { role, password } = change {
        if known.is_some() {
            return Err(RegistryError::conflict(format!(
                "the name {name} is taken: choose another one, or enable the user who has it"
            )));
        }
        if list.len() >= USERS_MAX {
            return Err(RegistryError::invalid(format!("there are {USERS_MAX} users already")));
        }
        let user = User {
            name: name.clone(),
            role,
            password,
            must_change_password: true,
            is_disabled: false,
            created: now,
            preferences: BTreeMap::new(),
        };
        return Ok((user, AccountChange::Added(role)));
    }
    let mut user = known.ok_or_else(|| unknown(name))?;
    let was_administrating = administrates(&user);
    let change = match change {
        // Answered above.
        UserChange::Add { .. } => return Err(unknown(name)),
        UserChange::SetRole(role) => {
            user.role = role;
            AccountChange::RoleChanged(role)
        }
        UserChange::Disable => {
            user.is_disabled = true;
            AccountChange::Disabled
        }
        UserChange::Enable => {
            user.is_disabled = false;
            AccountChange::Enabled
        }
        UserChange::ResetPassword(password) => {
            (user.password, user.must_change_password) = (password, true);
            AccountChange::PasswordReset
        }
        UserChange::ChangePassword(password) => {
            (user.password, user.must_change_password) = (password, false);
            AccountChange::PasswordChanged
        }
    };
    let others = list.values().filter(|other| other.name != *name);
    if was_administrating && !administrates(&user) && !others.into_iter().any(administrates) {
        return Err(RegistryError::conflict(format!(
            "{name} is the only administrator: make somebody else one first"
        )));
    }
    Ok((user, change))
}

fn administrates(user: &User) -> bool {
    user.role == Role::Administrator && !user.is_disabled
}

fn unknown(name: &UserName) -> RegistryError {
    RegistryError::not_found(format!("there is no user {name}"))
}

impl Registry {
    /// A user by name, also a disabled one.
    #[must_use]
    pub fn user(&self, name: &UserName) -> Option<User> {
        self.core.users.list.read().get(name).cloned()
    }

    /// Every user, by name.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.core.users.list.read().values().cloned().collect()
    }

    /// Changes a user, and keeps an entry of it; both are durable when this returns.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a user who is not there; [`RegistryError::Conflict`] for a name that
    /// is taken, and where nobody would be left to look after users; [`RegistryError::Invalid`] beyond
    /// 10,000 users; [`RegistryError::Store`] when it cannot be written.
    pub fn change_user(
        &self,
        name: &UserName,
        change: UserChange,
        actor: Actor,
    ) -> Result<User, RegistryError> {
        self.core.durability.check()?;
        let now = self.core.clock.now();
        let asker = self.asked().map(|asked| asked.asker);
        let asker = asker.unwrap_or_else(|| Arc::new(Asker::internal(actor.name.clone())));
        let user = self.core.users.change(&self.core.store, name, change, (actor, asker), now)?;
        self.changed([]);
        Ok(user)
    }

    /// Remembers how a user likes their pages; an empty value forgets.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a user who is not there; [`RegistryError::Invalid`] for more than 32
    /// preferences or 500 bytes; [`RegistryError::Store`] when it cannot be written.
    pub fn set_preference(
        &self,
        name: &UserName,
        key: &str,
        value: &str,
    ) -> Result<(), RegistryError> {
        self.core.durability.check()?;
        let users = &self.core.users;
        let _one_at_a_time = users.entries.lock();
        let mut user = self.user(name).ok_or_else(|| unknown(name))?;
        if value.is_empty() {
            user.preferences.remove(key);
        } else {
            user.preferences.insert(key.to_owned(), value.to_owned());
        }
        let longest = key.len().max(value.len());
        if user.preferences.len() > PREFERENCES_MAX || longest > PREFERENCE_BYTES_MAX {
            return Err(RegistryError::invalid("this is more than can be remembered for a user"));
        }
        self.core.store.put_user(&user, None)?;
        users.list.write().insert(name.clone(), user);
        Ok(())
    }

    /// The last entries of the log of changes to users, at most `limit`, the newest first.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails.
    pub fn account_log(&self, limit: usize) -> Result<Vec<AccountEntry>, RegistryError> {
        self.core.durability.check()?;
        let last = *self.core.users.entries.lock();
        let first = last.saturating_sub(limit as u64) + 1;
        let snapshot = self.core.store.snapshot();
        let mut entries = snapshot.account_entries(first).collect::<Result<Vec<_>, _>>()?;
        entries.reverse();
        Ok(entries)
    }
}

/// Changes a user of an index that no server has open. For one who is added, an index is made where there is
/// none, so that its first administrator can be there before it is served.
///
/// # Errors
/// As [`Registry::change_user`]; [`RegistryError::Store`] when the index is open elsewhere.
pub fn change_user_offline(
    dir: impl Into<DataDir>,
    model: &str,
    name: &UserName,
    change: UserChange,
    actor: Actor,
    now: Timestamp,
) -> Result<User, RegistryError> {
    let create = matches!(change, UserChange::Add { .. });
    let store = Store::open(dir, &StoreOptions { model: model.to_owned(), create })?;
    Users::read(&store)?.change(&store, name, change, (actor, Arc::new(Asker::command())), now)
}

/// The users of an index that no server has open, by name.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read.
pub fn users_offline(dir: impl Into<DataDir>) -> Result<Vec<User>, RegistryError> {
    let store = crate::offline::open(dir)?;
    let mut users = store.snapshot().users().collect::<Result<Vec<_>, _>>()?;
    users.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(users)
}
