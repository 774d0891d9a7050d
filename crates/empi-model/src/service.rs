//! Programs that call the index: their accounts and the tokens that they show.

use std::collections::BTreeSet;
use std::fmt;

use crate::{Role, Timestamp, UserName};

/// Tokens of one account that are valid at a time: the old one goes on while the new one is handed out.
pub const TOKENS_MAX: usize = 2;

/// The domains that a caller is bound to, where the table of operations binds its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domains {
    /// Every source.
    All,
    /// These sources.
    Only(BTreeSet<String>),
}

impl Domains {
    /// Whether a source is among them.
    #[must_use]
    pub fn contain(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(sources) => sources.contains(source),
        }
    }

    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self::Only(BTreeSet::new())
    }
}

/// SHA-256 of a token. A token has 256 bits of chance, so neither salt nor a slow function adds anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// One token of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceToken {
    /// Its number among all tokens that the account ever had, from 1.
    pub number: u32,
    /// What is kept of it.
    pub hash: TokenHash,
    /// Since when it is valid.
    pub created: Timestamp,
    /// Until when it is valid.
    pub expires: Timestamp,
}

/// A program that may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its name for ever: it is the actor of what it changes.
    pub name: UserName,
    /// What it is there for.
    pub role: Role,
    /// The sources that it speaks for.
    pub domains: Domains,
    /// Its tokens that were not revoked, the newest last, at most [`TOKENS_MAX`].
    pub tokens: Vec<ServiceToken>,
    /// Tokens that it ever had.
    pub tokens_made: u32,
    /// Since when it is known.
    pub created: Timestamp,
    /// Whether it may not call any more. An account is never deleted.
    pub is_revoked: bool,
}

impl ServiceAccount {
    /// Gives it another token; the oldest goes where there would be more than [`TOKENS_MAX`], and all others
    /// at once if they should.
    pub fn rotate(&mut self, hash: TokenHash, now: Timestamp, expires: Timestamp, at_once: bool) {
        if at_once {
            self.tokens.clear();
        }
        self.tokens_made = self.tokens_made.saturating_add(1);
        let number = self.tokens_made;
        self.tokens.push(ServiceToken { number, hash, created: now, expires });
        let surplus = self.tokens.len().saturating_sub(TOKENS_MAX);
        self.tokens.drain(..surplus);
    }

    /// The token of a hash, if the account may still call with it.
    #[must_use]
    pub fn valid(&self, hash: TokenHash, now: Timestamp) -> Option<&ServiceToken> {
        let tokens = self.tokens.iter().filter(|_| !self.is_revoked);
        tokens.into_iter().find(|it| it.hash == hash && now < it.expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> TokenHash {
        TokenHash([byte; 32])
    }

    #[test]
    fn two_tokens_are_valid_at_a_time_and_each_for_its_time() {
        let mut account = ServiceAccount {
            name: "adt".parse().unwrap(),
            role: Role::Source,
            domains: Domains::All,
            tokens: Vec::new(),
            tokens_made: 0,
            created: Timestamp(0),
            is_revoked: false,
        };
        for byte in 1..=3 {
            account.rotate(hash(byte), Timestamp(0), Timestamp(100 * i64::from(byte)), false);
        }
        let valid = |account: &ServiceAccount, now| {
            let numbers = (1..=4).filter(|it| account.valid(hash(*it), Timestamp(now)).is_some());
            numbers.collect::<Vec<u8>>()
        };
        assert_eq!(valid(&account, 0), [2, 3]);
        assert_eq!(valid(&account, 199), [2, 3]);
        assert_eq!(valid(&account, 200), [3]);
        assert_eq!(valid(&account, 300), [0; 0]);
        account.rotate(hash(4), Timestamp(0), Timestamp(900), true);
        assert_eq!((valid(&account, 0), account.tokens[0].number), (vec![4], 4));
        account.is_revoked = true;
        assert_eq!(valid(&account, 0), [0; 0]);
    }

    #[test]
    fn a_hash_prints_nothing() {
        assert_eq!(format!("{:?}", hash(7)), "[secret]");
    }

    #[test]
    fn domains_contain_what_they_name() {
        let only = Domains::Only(["north".to_owned()].into());
        assert!(Domains::All.contain("north") && only.contain("north"));
        assert!(!only.contain("south") && !Domains::none().contain("north"));
    }
}
