//! Rows of the accounts of programs.

use empi_model::{Domains, Role, ServiceAccount, ServiceToken, Timestamp, TokenHash};
use prost::Message;

use super::Row;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ServiceRow {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    role: u32,
    #[prost(bool, tag = "3")]
    is_for_all_domains: bool,
    #[prost(string, repeated, tag = "4")]
    domains: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    tokens: Vec<TokenRow>,
    #[prost(uint32, tag = "6")]
    tokens_made: u32,
    #[prost(int64, tag = "7")]
    created: i64,
    #[prost(bool, tag = "8")]
    is_revoked: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TokenRow {
    #[prost(uint32, tag = "1")]
    number: u32,
    /// SHA-256 of the token.
    #[prost(bytes = "vec", tag = "2")]
    hash: Vec<u8>,
    #[prost(int64, tag = "3")]
    created: i64,
    #[prost(int64, tag = "4")]
    expires: i64,
}

impl Row for ServiceRow {
    type Word = ServiceAccount;

    fn of(account: &ServiceAccount) -> Self {
        let (is_for_all_domains, domains) = match &account.domains {
            Domains::All => (true, Vec::new()),
            Domains::Only(sources) => (false, sources.iter().cloned().collect()),
        };
        let token = |token: &ServiceToken| TokenRow {
            number: token.number,
            hash: token.hash.0.to_vec(),
            created: token.created.0,
            expires: token.expires.0,
        };
        Self {
            name: account.name.as_str().to_owned(),
            role: account.role as u32,
            is_for_all_domains,
            domains,
            tokens: account.tokens.iter().map(token).collect(),
            tokens_made: account.tokens_made,
            created: account.created.0,
            is_revoked: account.is_revoked,
        }
    }

    fn word(self) -> Option<ServiceAccount> {
        let token = |token: TokenRow| {
            Some(ServiceToken {
                number: token.number,
                hash: TokenHash(token.hash.try_into().ok()?),
                created: Timestamp(token.created),
                expires: Timestamp(token.expires),
            })
        };
        Some(ServiceAccount {
            name: self.name.parse().ok()?,
            role: Role::ALL.into_iter().find(|role| *role as u32 == self.role)?,
            domains: match self.is_for_all_domains {
                true => Domains::All,
                false => Domains::Only(self.domains.into_iter().collect()),
            },
            tokens: self.tokens.into_iter().map(token).collect::<Option<_>>()?,
            tokens_made: self.tokens_made,
            created: Timestamp(self.created),
            is_revoked: self.is_revoked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_come_back_as_they_went() {
        let only = Domains::Only(["north".to_owned(), "lab".to_owned()].into());
        for (role, domains) in [(Role::Source, only), (Role::Reader, Domains::All)] {
            let token = ServiceToken {
                number: 3,
                hash: TokenHash([7; 32]),
                created: Timestamp(1),
                expires: Timestamp(9),
            };
            let account = ServiceAccount {
                name: "adt".parse().unwrap(),
                role,
                domains,
                tokens: vec![token],
                tokens_made: 3,
                created: Timestamp(-5),
                is_revoked: role == Role::Reader,
            };
            assert_eq!(ServiceRow::decoded(&ServiceRow::encoded(&account)), Some(account));
        }
        assert_eq!(ServiceRow::decoded(&ServiceRow::default().encode_to_vec()), None);
    }
}
