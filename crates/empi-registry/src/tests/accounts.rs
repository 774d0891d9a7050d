//! Accounts of programs: tokens that are valid, and what becomes of them.

use empi_model::{Domains, Role, TokenHash};

use super::*;
use crate::Registry;
use crate::{AccountStep, accounts_offline};

fn token(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

fn add(byte: u8) -> AccountStep {
    let domains = Domains::Only(["north".to_owned()].into());
    AccountStep::Add { role: Role::Source, domains, token: token(byte), days: 90 }
}

#[test]
fn an_index_is_open_until_its_first_account_and_never_again() {
    let dir = tempfile::tempdir().unwrap();
    let name = "adt".parse().unwrap();
    {
        let registry = Registry::open(dir.path(), options()).unwrap();
        assert!(registry.is_open());
        assert!(registry.account_of(token(1)).is_none());
        registry.change_account(&name, add(1)).unwrap();
        assert!(!registry.is_open());
        let account = registry.account_of(token(1)).unwrap();
        assert_eq!((account.name.as_str(), account.role), ("adt", Role::Source));
        let rotate = AccountStep::Rotate { token: token(2), days: 1, at_once: false };
        registry.change_account(&name, rotate).unwrap();
        assert!(registry.account_of(token(1)).is_some() && registry.account_of(token(2)).is_some());
    }
    let registry = Registry::open(dir.path(), options()).unwrap();
    assert!(registry.account_of(token(2)).is_some(), "also after a restart");
    registry.change_account(&name, AccountStep::Revoke).unwrap();
    assert!(registry.account_of(token(1)).is_none() && registry.account_of(token(2)).is_none());
    assert!(!registry.is_open(), "a revoked account counts");
    drop(registry);
    let kept = accounts_offline(dir.path()).unwrap();
    assert!(kept.len() == 1 && kept[0].is_revoked && kept[0].tokens.is_empty());
}

#[test]
fn accounts_that_cannot_be_meant_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::open(dir.path(), options()).unwrap();
    let name = "adt".parse().unwrap();
    let nothing = AccountStep::Rotate { token: token(1), days: 1, at_once: false };
    let said = |step: AccountStep| registry.change_account(&name, step).unwrap_err().to_string();
    assert!(said(nothing).contains("no account"));
    let Domains::Only(none) = Domains::none() else { unreachable!() };
    for (domains, days, expected) in [
        (Domains::Only(none), 90, "sources"),
        (Domains::Only([" ".to_owned()].into()), 90, "sources"),
        (Domains::All, 0, "days"),
        (Domains::All, 5000, "days"),
    ] {
        let step = AccountStep::Add { role: Role::Source, domains, token: token(1), days };
        assert!(said(step).contains(expected));
    }
    registry.change_account(&name, add(1)).unwrap();
    assert!(said(add(2)).contains("taken"));
    registry.change_account(&name, AccountStep::Revoke).unwrap();
    let late = AccountStep::Rotate { token: token(3), days: 1, at_once: true };
    assert!(said(late).contains("revoked"));
}
