//! The table, asked through every way in: each gRPC method, page, HL7 event and FHIR interaction, as every role, in its
//! own domain and in another.

mod audit;
mod fhir;
mod grpc;
mod hl7;
mod issuers;
mod oversight;
mod sight;

use empi_model::{GoldenField, Shown};

use super::*;

/// Leave for anything, for tests of what lies behind the door.
pub(crate) fn permit() -> Permit {
    let origin = Origin { interface: Interface::Internal, address: None };
    let caller = Arc::new(Caller::at_their_word(origin));
    Permit::ask(&caller, Operation::ViewStats, Subject::Index).unwrap()
}

/// The account of a role that speaks for the domain `north`, and its token: the role's own name.
pub(crate) fn account(registry: &empi_registry::Registry, role: Role) {
    let step = empi_registry::AccountStep::Add {
        role,
        domains: Domains::Only(["north".to_owned()].into()),
        token: hash_token(role.as_str()),
        days: 30,
    };
    registry.change_account(&role.as_str().parse().unwrap(), step).unwrap();
}

fn caller(role: Role) -> Arc<Caller> {
    let origin = Origin { interface: Interface::Grpc, address: None };
    let domains = Domains::Only(["north".to_owned()].into());
    Arc::new(Caller::known("somebody", vec![role], domains, origin))
}

#[test]
fn every_method_of_the_contract_has_an_operation() {
    let methods = layer::methods();
    assert!(methods.len() > 40, "{methods:?}");
    for method in &methods {
        assert!(calls::operation(&format!("/{method}")).is_some(), "{method} has no operation");
    }
    for (path, operation) in [
        ("/grpc.health.v1.Health/Check", Some(Operation::Probe)),
        ("/empi.v1.RegistryService/GetPersons", None),
        ("/empi.v1.Nothing/GetPerson", None),
        ("/other/GetPerson", None),
        ("", None),
    ] {
        assert_eq!(calls::operation(path), operation, "{path}");
    }
}

#[test]
fn every_stream_of_the_contract_is_known_as_one() {
    use prost::Message as _;
    let files = prost_types::FileDescriptorSet::decode(empi_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut streams = 0;
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let is_stream = method.client_streaming() || method.server_streaming();
                assert_eq!(calls::is_stream(&path), is_stream, "{path}");
                streams += u32::from(is_stream);
            }
        }
    }
    assert!(streams >= 4, "{streams}");
}

#[test]
fn a_permit_says_what_the_table_says_in_every_domain() {
    for operation in Operation::ALL {
        for role in Role::ALL {
            let caller = caller(role);
            let ask = |subject| Permit::ask(&caller, operation, subject);
            let grant = operation.grant(role);
            let (is_all, is_own) = (grant == Grant::AllDomains, grant == Grant::OwnDomains);
            assert_eq!(ask(Subject::Index).is_ok(), is_all, "{operation:?} {role:?}");
            assert_eq!(ask(Subject::Named).is_ok(), is_all || is_own, "{operation:?} {role:?}");
            for (source, is_its_own) in [("north", true), ("south", false), ("", false)] {
                let expected = is_all || (is_own && is_its_own);
                let permit = ask(Subject::Source(source));
                assert_eq!(permit.is_ok(), expected, "{operation:?} {role:?} {source}");
                let covers = ask(Subject::Named).is_ok_and(|permit| permit.covers(source));
                assert_eq!(covers, expected, "{operation:?} {role:?} {source}");
            }
        }
    }
}

#[test]
fn somebody_nobody_knows_may_do_what_everybody_may() {
    let origin = Origin { interface: Interface::Web, address: None };
    let nobody = Arc::new(Caller::nobody(origin));
    for operation in Operation::ALL {
        let asked = Permit::ask(&nobody, operation, Subject::Index);
        assert_eq!(asked.is_ok(), operation.is_open(), "{operation:?}");
        assert!(asked.is_ok() || asked.unwrap_err() == Denial::Unknown);
    }
}

#[test]
fn the_caller_is_the_actor_and_says_whom_it_acts_for() {
    let said = |kind, name: &str| Actor { kind, name: name.to_owned() };
    let (system, steward) = (ActorKind::System, ActorKind::Steward);
    for (role, operation, kind, name, expected) in [
        (Role::Source, Operation::ViewPersons, system, "", said(system, "somebody")),
        (Role::Source, Operation::ViewPersons, system, "somebody", said(system, "somebody")),
        (Role::Source, Operation::ViewPersons, steward, "ines", said(system, "somebody/ines")),
        (Role::Steward, Operation::Decide, steward, "ines", said(steward, "somebody/ines")),
        (Role::LeadSteward, Operation::Decide, steward, "", said(steward, "somebody")),
    ] {
        let permit = Permit::ask(&caller(role), operation, Subject::Named).unwrap();
        assert_eq!(permit.actor(said(kind, name)), expected);
    }
    let open = permit();
    assert_eq!(open.actor(said(steward, "ines")), said(steward, "ines"));
    let lead = |role| Permit::ask(&caller(role), Operation::Decide, Subject::Index).unwrap();
    assert!(lead(Role::LeadSteward).is_lead(true) && !lead(Role::LeadSteward).is_lead(false));
    assert!(!lead(Role::Steward).is_lead(true));
    assert!(open.is_lead(true) && !open.is_lead(false));
}
