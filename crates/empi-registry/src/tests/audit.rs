//! The audit trail: whatever is changed or shown has its entry, and whoever asked is in it.

use empi_model::{
    Asked, Asker, AuditEntry, AuditOutcome, Identifier, Interface, Operation, Purpose,
};

use super::*;
use crate::{AuditQuery, Trail};

fn asked(name: &str, operation: Operation) -> Asked {
    let asker = Asker {
        name: name.to_owned(),
        interface: Interface::Grpc,
        address: Some("10.0.0.8".parse().unwrap()),
        purpose: Purpose::Treatment,
        reason: String::new(),
    };
    Asked { asker: asker.into(), operation }
}

/// Runs a call as somebody, and gives what it came to beside its entries.
fn call<T>(
    index: &Index,
    (name, operation): (&str, Operation),
    work: impl FnOnce(&Registry) -> Result<T, RegistryError>,
) -> (Result<T, RegistryError>, Vec<AuditEntry>) {
    let registry = index.registry();
    let before = registry.audit_head().unwrap().sequence;
    let trail = Arc::new(Trail::new(asked(name, operation), registry.now()));
    let answer = work(&registry.asked_by(&trail));
    registry.end(&trail, answer.as_ref().err()).unwrap();
    let query = AuditQuery { from: before + 1, limit: 100, ..AuditQuery::default() };
    let entries = registry.audit(&query).unwrap().into_iter().map(|(_, entry)| entry).collect();
    (answer, entries)
}

fn told(entries: &[AuditEntry]) -> Vec<(&str, Operation, AuditOutcome, bool, u32)> {
    let told = entries.iter().map(|entry| {
        let name = entry.asked.asker.name.as_str();
        let Asked { operation, .. } = entry.asked;
        (name, operation, entry.outcome, entry.event.is_some(), entry.persons_total)
    });
    told.collect()
}

#[test]
fn whatever_is_shown_or_changed_has_its_entry_with_who_asked() {
    use AuditOutcome::{Done, Refused};
    use Operation::{RegisterRecords, ViewPersons, ViewStats};
    let index = Index::new();
    let register = |line: &str, key: &str| RegisterRequest {
        record: record(key, line),
        actor: system(),
        request_id: None,
    };
    let (robert, entries) = call(&index, ("adt", RegisterRecords), |registry| {
        registry.register(register(ROBERT, "a/1"))
    });
    let robert = robert.unwrap().enterprise_id;
    assert_eq!(told(&entries), [("adt", RegisterRecords, Done, true, 1)]);
    assert_eq!(entries[0].persons, [robert]);
    // The same again changes nothing: then it is a look.
    let (_, entries) = call(&index, ("adt", RegisterRecords), |registry| {
        registry.register(register(ROBERT, "a/1"))
    });
    assert_eq!(told(&entries), [("adt", RegisterRecords, Done, false, 1)]);

    let look = ("portal", ViewPersons);
    let (_, entries) = call(&index, look, |registry| registry.person(robert));
    assert_eq!(told(&entries), [("portal", ViewPersons, Done, false, 1)]);
    assert_eq!(entries[0].persons, [robert]);
    assert_eq!(entries[0].asked.asker.purpose, Purpose::Treatment);
    let (_, entries) =
        call(&index, look, |registry| registry.match_record(&record("x/1", BOB), 10));
    assert_eq!(entries[0].persons, [robert]);
    let (_, entries) = call(&index, look, |registry| registry.search("robert okafor", 10));
    assert_eq!(entries[0].persons, [robert]);
    let (_, entries) = call(&index, look, |registry| registry.record(&key("a/1")));
    assert_eq!(entries[0].persons, [robert]);
    // Nobody was found, and nothing was there: both were asked for.
    let (_, entries) = call(&index, look, |registry| registry.search("zzyzx", 10));
    assert_eq!(told(&entries), [("portal", ViewPersons, Done, false, 0)]);
    let nobody = EnterpriseId::mint(99);
    let (_, entries) = call(&index, look, |registry| registry.person(nobody));
    assert_eq!(told(&entries), [("portal", ViewPersons, Refused, false, 0)]);
    let placeholder = Identifier { authority: "plan".to_owned(), value: PatientText::new("0") };
    let (_, entries) = call(&index, look, |registry| registry.resolve_identifier(&placeholder));
    assert_eq!(told(&entries), [("portal", ViewPersons, Refused, false, 0)]);
    // Figures name nobody.
    let (_, entries) = call(&index, ("portal", ViewStats), |registry| Ok(registry.stats()));
    assert_eq!(told(&entries), []);
    index.check();
}

#[test]
fn a_person_is_found_in_the_trail_under_every_enterprise_id_it_had() {
    let index = Index::new();
    let first = index.register("a/1", ROBERT).enterprise_id;
    let second = index.register("b/1", ALICE).enterprise_id;
    let look = ("portal", Operation::ViewPersons);
    call(&index, look, |registry| registry.person(second)).0.unwrap();
    index.steward(StewardOperation::MergePersons { surviving: first, subsumed: second });
    call(&index, look, |registry| registry.person(first)).0.unwrap();
    let of = |person| {
        let query = AuditQuery { person: Some(person), limit: 100, ..AuditQuery::default() };
        index.registry().audit(&query).unwrap()
    };
    assert_eq!(of(first).len(), 5, "two registrations, a look, a merge, a look");
    assert_eq!(of(first), of(second));
    let by = |name: &str, limit| {
        let query = AuditQuery { name: Some(name.to_owned()), limit, ..AuditQuery::default() };
        index.registry().audit(&query).unwrap().len()
    };
    assert_eq!((by("portal", 9), by("portal", 1), by("nobody", 9)), (2, 1, 0));
}

#[test]
fn entries_that_wait_are_written_at_a_clean_end_and_the_chain_goes_on() {
    let mut index = Index::new();
    let robert = index.register("a/1", ROBERT).enterprise_id;
    for _ in 0..500 {
        let registry = index.registry();
        let look = asked("portal", Operation::ViewPersons);
        let trail = Arc::new(Trail::new(look, registry.now()));
        registry.asked_by(&trail).person(robert).unwrap();
        registry.end(&trail, None).unwrap();
    }
    index.reopen();
    let registry = index.registry();
    assert_eq!(registry.audit_head().unwrap().sequence, 501);
    let head = registry.audit_head().unwrap();
    index.register("b/1", ALICE);
    let report = index.registry().verify_audit(&[head]).unwrap();
    assert_eq!((report.entries, report.heads, report.problem_count), (502, 1, 0));
}

#[test]
fn users_and_accounts_are_changed_together_with_their_entry() {
    let index = Index::new();
    let asked = ("root", Operation::ChangeAccounts);
    let step = crate::AccountStep::Add {
        role: empi_model::Role::Reader,
        domains: empi_model::Domains::All,
        token: empi_model::TokenHash([1; 32]),
        days: 9,
    };
    let name = "portal".parse().unwrap();
    let (_, entries) = call(&index, asked, |registry| registry.change_account(&name, step));
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.asked.asker.name, "root");
    assert_eq!(entry.asked.asker.reason, "account added: portal");
    let add = crate::UserChange::Add {
        role: empi_model::Role::Steward,
        password: empi_model::PasswordHash::new("x"),
    };
    let name = "ines".parse().unwrap();
    let (_, entries) = call(&index, ("root", Operation::ChangeUsers), |registry| {
        registry.change_user(&name, add, system())
    });
    assert_eq!(entries[0].asked.asker.reason, "user added: ines");
    assert_eq!(entries.len(), 1);
}
