//! Users: what may be changed about them, by whom it was, and that all of it outlives a restart.

use empi_model::{AccountChange, PasswordHash, Role, User, UserName};

use super::*;
use crate::{UserChange, change_user_offline, users_offline};

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn add(role: Role) -> UserChange {
    UserChange::Add { role, password: PasswordHash::new("first") }
}

fn by(text: &str) -> Actor {
    Actor { kind: ActorKind::Steward, name: text.to_owned() }
}

#[test]
fn every_change_to_a_user_is_kept_with_who_made_it() {
    let mut index = Index::new();
    let registry = index.registry();
    let change = |user: &str, change| registry.change_user(&name(user), change, by("root"));
    change("root", add(Role::Administrator)).unwrap();
    assert!(change("ines", add(Role::Steward)).unwrap().must_change_password);
    let own = change("ines", UserChange::ChangePassword(PasswordHash::new("own"))).unwrap();
    assert!(!own.must_change_password);
    change("ines", UserChange::SetRole(Role::LeadSteward)).unwrap();
    let reset = change("ines", UserChange::ResetPassword(PasswordHash::new("new"))).unwrap();
    assert!(reset.must_change_password);
    assert!(change("ines", UserChange::Disable).unwrap().is_disabled);
    assert!(!change("ines", UserChange::Enable).unwrap().is_disabled);
    index.reopen();
    let registry = index.registry();
    let ines = registry.user(&name("ines")).unwrap();
    assert_eq!((ines.role, ines.password.expose()), (Role::LeadSteward, "new"));
    let log = registry.account_log(100).unwrap();
    let changes: Vec<AccountChange> = log.iter().rev().map(|entry| entry.change).collect();
    assert_eq!(
        changes,
        [
            AccountChange::Added(Role::Administrator),
            AccountChange::Added(Role::Steward),
            AccountChange::PasswordChanged,
            AccountChange::RoleChanged(Role::LeadSteward),
            AccountChange::PasswordReset,
            AccountChange::Disabled,
            AccountChange::Enabled,
        ]
    );
    assert!(log.iter().all(|entry| entry.actor == by("root")));
    let last = registry.account_log(2).unwrap();
    assert_eq!(last.iter().map(|entry| entry.number).collect::<Vec<_>>(), [7, 6]);
    assert_eq!(registry.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn somebody_can_always_look_after_users() {
    let index = Index::new();
    let registry = index.registry();
    let change = |user: &str, change| registry.change_user(&name(user), change, by("root"));
    change("root", add(Role::Administrator)).unwrap();
    change("ines", add(Role::Steward)).unwrap();
    for refused in [UserChange::Disable, UserChange::SetRole(Role::Auditor)] {
        let error = change("root", refused.clone()).unwrap_err();
        assert!(matches!(error, RegistryError::Conflict(_)), "{error}");
    }
    change("ines", UserChange::SetRole(Role::Administrator)).unwrap();
    change("root", UserChange::Disable).unwrap();
    // The one who is disabled does not count.
    assert!(change("ines", UserChange::SetRole(Role::Steward)).is_err());
    assert!(change("nobody", UserChange::Enable).is_err());
    let taken = change("ines", add(Role::Steward)).unwrap_err();
    assert!(matches!(taken, RegistryError::Conflict(_)), "{taken}");
}

#[test]
fn what_a_user_prefers_is_remembered_within_bounds() {
    let mut index = Index::new();
    let registry = index.registry();
    let ines = name("ines");
    assert!(registry.set_preference(&ines, "theme", "dark").is_err());
    registry.change_user(&ines, add(Role::Steward), by("root")).unwrap();
    registry.set_preference(&ines, "theme", "dark").unwrap();
    registry.set_preference(&ines, "gone", "x").unwrap();
    registry.set_preference(&ines, "gone", "").unwrap();
    assert!(registry.set_preference(&ines, "long", &"x".repeat(501)).is_err());
    for at in 0..31 {
        registry.set_preference(&ines, &at.to_string(), "x").unwrap();
    }
    assert!(registry.set_preference(&ines, "one too many", "x").is_err());
    index.reopen();
    let User { preferences, .. } = index.registry().user(&ines).unwrap();
    assert_eq!(preferences["theme"], "dark");
    assert!(!preferences.contains_key("gone") && preferences.len() == 32);
}

#[test]
fn the_first_user_is_there_before_the_index_is_served() {
    let dir = TempDir::new().unwrap();
    let root = name("root");
    // Only adding makes an index: a directory that was mistyped stays as it is.
    let mistyped = dir.path().join("mistyped");
    let enable = UserChange::Enable;
    let missing = change_user_offline(&mistyped, "m/1", &root, enable, system(), Timestamp(4));
    assert!(missing.is_err() && !mistyped.exists());
    let add = || add(Role::Administrator);
    change_user_offline(dir.path(), "m/1", &root, add(), system(), Timestamp(5)).unwrap();
    let again = change_user_offline(dir.path(), "m/1", &root, add(), system(), Timestamp(6));
    assert!(again.is_err());
    let users = users_offline(dir.path()).unwrap();
    assert_eq!(users.iter().map(|user| &user.name).collect::<Vec<_>>(), [&root]);
    let registry = Registry::open(dir.path(), options()).unwrap();
    assert_eq!(registry.user(&root).unwrap().created, Timestamp(5));
    assert_eq!(registry.account_log(9).unwrap().len(), 1);
}
