//! The people who work with the index through its web pages: who they are and what they may be asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{Actor, Timestamp};

/// Longest name of a user, in bytes.
const USER_NAME_BYTES_MAX: usize = 64;

/// The name that a user signs in with: small letters, digits, `.`, `_` and `-`, beginning with a letter or
/// digit. It stands in the events of what they do, so it is never given to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A text that is no user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserNameError;

impl fmt::Display for UserNameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a user name has up to {USER_NAME_BYTES_MAX} small letters, digits, dots, dashes and \
             underscores, and begins with a letter or digit"
        )
    }
}

impl std::error::Error for UserNameError {}

impl FromStr for UserName {
    type Err = UserNameError;

    /// Reads a name as it was typed: blanks around it and capital letters do not matter.
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let name = text.trim().to_ascii_lowercase();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_allowed = |byte: u8| is_plain(byte) || matches!(byte, b'.' | b'_' | b'-');
        let begins_well = name.bytes().next().is_some_and(is_plain);
        if begins_well && name.len() <= USER_NAME_BYTES_MAX && name.bytes().all(is_allowed) {
            Ok(Self(name))
        } else {
            Err(UserNameError)
        }
    }
}

impl UserName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What somebody is there for. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// Looks patients up at a desk.
    Registrar = 1,
    /// Works through the review queue.
    Steward = 2,
    /// A steward who also answers what others escalate, and decides in bulk.
    LeadSteward = 3,
    /// Looks at everything and changes nothing.
    Auditor = 4,
    /// Looks after users; has no business with patients.
    Administrator = 5,
    /// A program that registers the records of its own domains, and asks whose they are.
    Source = 6,
    /// A program that asks who somebody is.
    Reader = 7,
}

impl Role {
    /// Every role, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Registrar,
        Self::Steward,
        Self::LeadSteward,
        Self::Auditor,
        Self::Administrator,
        Self::Source,
        Self::Reader,
    ];

    /// The roles that people have; the others are for programs.
    pub const PEOPLE: [Self; 5] =
        [Self::Registrar, Self::Steward, Self::LeadSteward, Self::Auditor, Self::Administrator];

    /// The role's name in flags and forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::Steward => "steward",
            Self::LeadSteward => "lead-steward",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::Source => "source",
            Self::Reader => "reader",
        }
    }

    /// The inverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether people have it.
    #[must_use]
    pub fn is_of_people(self) -> bool {
        Self::PEOPLE.contains(&self)
    }
}

/// A password as it is kept: hashed, with salt and parameters, in the PHC string format. Prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what a password hash function gave.
    #[must_use]
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The string itself, for the function that verifies a password, and for the disk.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their name for ever.
    pub name: UserName,
    /// What they are there for.
    pub role: Role,
    /// Their password.
    pub password: PasswordHash,
    /// Whether somebody else chose the password, so that they must choose one at their next sign-in.
    pub must_change_password: bool,
    /// Whether they may not sign in any more.
    pub is_disabled: bool,
    /// Since when they are known.
    pub created: Timestamp,
    /// How they like their pages: colours, filters of the worklist. Never patient data.
    pub preferences: BTreeMap<String, String>,
}

/// What was changed about a user. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// They were added, with this role.
    Added(Role),
    /// They have another role now.
    RoleChanged(Role),
    /// They may not sign in any more.
    Disabled,
    /// They may sign in again.
    Enabled,
    /// Somebody chose a new password for them.
    PasswordReset,
    /// They chose a new password themselves.
    PasswordChanged,
}

/// One entry of the log of changes to users, kept for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// Its place in the log: 1 for the first, without gaps.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// Who changed it.
    pub actor: Actor,
    /// Whom it is about.
    pub user: UserName,
    /// What changed.
    pub change: AccountChange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_plain_whatever_was_typed() {
        for (typed, name) in
            [("ines", "ines"), (" Ines.Sol ", "ines.sol"), ("7of9", "7of9"), ("a_b-c", "a_b-c")]
        {
            assert_eq!(typed.parse::<UserName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(65);
        for bad in ["", " ", ".a", "-a", "a b", "a/b", "ä", "<b>", "a\n b", long.as_str()] {
            assert_eq!(bad.parse::<UserName>(), Err(UserNameError), "{bad:?}");
        }
    }

    #[test]
    fn roles_are_named_both_ways() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        assert_eq!(Role::from_name("root"), None);
    }

    #[test]
    fn a_password_prints_nothing() {
        assert_eq!(format!("{:?}", PasswordHash::new("$argon2id$secret")), "[secret]");
    }
}
