//! Rows of users, and of the log of changes to them.

use std::collections::BTreeMap;

use empi_model::{AccountChange, AccountEntry, PasswordHash, Role, Timestamp, User};
use prost::Message;

use super::{ActorRow, Row};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UserRow {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    role: u32,
    #[prost(string, tag = "3")]
    password: String,
    #[prost(bool, tag = "4")]
    must_change_password: bool,
    #[prost(bool, tag = "5")]
    is_disabled: bool,
    #[prost(int64, tag = "6")]
    created: i64,
    #[prost(btree_map = "string, string", tag = "7")]
    preferences: BTreeMap<String, String>,
}

fn role(number: u32) -> Option<Role> {
    Role::ALL.into_iter().find(|it| *it as u32 == number)
}

impl Row for UserRow {
    type Word = User;

    fn of(user: &User) -> Self {
        Self {
            name: user.name.as_str().to_owned(),
            role: user.role as u32,
            password: user.password.expose().to_owned(),
            must_change_password: user.must_change_password,
            is_disabled: user.is_disabled,
            created: user.created.0,
            preferences: user.preferences.clone(),
        }
    }

    fn word(self) -> Option<User> {
        Some(User {
            name: self.name.parse().ok()?,
            role: role(self.role)?,
            password: PasswordHash::new(self.password),
            must_change_password: self.must_change_password,
            is_disabled: self.is_disabled,
            created: Timestamp(self.created),
            preferences: self.preferences,
        })
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AccountRow {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(int64, tag = "2")]
    time: i64,
    #[prost(message, optional, tag = "3")]
    actor: Option<ActorRow>,
    #[prost(string, tag = "4")]
    user: String,
    /// 1 added, 2 role changed, 3 disabled, 4 enabled, 5 password reset, 6 password changed.
    #[prost(uint32, tag = "5")]
    change: u32,
    /// The role that an addition or a change of role gave.
    #[prost(uint32, tag = "6")]
    role: u32,
}

impl Row for AccountRow {
    type Word = AccountEntry;

    fn of(entry: &AccountEntry) -> Self {
        let (change, role) = match entry.change {
            AccountChange::Added(role) => (1, role as u32),
            AccountChange::RoleChanged(role) => (2, role as u32),
            AccountChange::Disabled => (3, 0),
            AccountChange::Enabled => (4, 0),
            AccountChange::PasswordReset => (5, 0),
            AccountChange::PasswordChanged => (6, 0),
        };
        Self {
            number: entry.number,
            time: entry.time.0,
            actor: Some(ActorRow::of(&entry.actor)),
            user: entry.user.as_str().to_owned(),
            change,
            role,
        }
    }

    fn word(self) -> Option<AccountEntry> {
        let change = match self.change {
            1 => AccountChange::Added(role(self.role)?),
            2 => AccountChange::RoleChanged(role(self.role)?),
            3 => AccountChange::Disabled,
            4 => AccountChange::Enabled,
            5 => AccountChange::PasswordReset,
            6 => AccountChange::PasswordChanged,
            _ => return None,
        };
        Some(AccountEntry {
            number: self.number,
            time: Timestamp(self.time),
            actor: self.actor?.word()?,
            user: self.user.parse().ok()?,
            change,
        })
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{Actor, ActorKind};

    use super::*;

    #[test]
    fn users_and_their_log_come_back_as_they_went() {
        for role in Role::ALL {
            let user = User {
                name: "ines".parse().unwrap(),
                role,
                password: PasswordHash::new("$argon2id$x"),
                must_change_password: true,
                is_disabled: role == Role::Auditor,
                created: Timestamp(7),
                preferences: BTreeMap::from([("theme".to_owned(), "dark".to_owned())]),
            };
            assert_eq!(UserRow::decoded(&UserRow::encoded(&user)), Some(user));
            for change in [
                AccountChange::Added(role),
                AccountChange::RoleChanged(role),
                AccountChange::Disabled,
                AccountChange::Enabled,
                AccountChange::PasswordReset,
                AccountChange::PasswordChanged,
            ] {
                let entry = AccountEntry {
                    number: 3,
                    time: Timestamp(-1),
                    actor: Actor { kind: ActorKind::System, name: "command line".to_owned() },
                    user: "ines".parse().unwrap(),
                    change,
                };
                assert_eq!(AccountRow::decoded(&AccountRow::encoded(&entry)), Some(entry));
            }
        }
    }

    #[test]
    fn rows_without_sense_are_no_users() {
        assert_eq!(UserRow::decoded(&UserRow::default().encode_to_vec()), None);
        assert_eq!(AccountRow::decoded(&AccountRow::default().encode_to_vec()), None);
    }
}
