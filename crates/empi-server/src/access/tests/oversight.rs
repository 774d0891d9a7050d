//! What two people must want, over the wire: by their accounts, and not by whom they say they act for.

use empi_proto::v1;
use empi_proto::v1::oversight_service_client::OversightServiceClient;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_proto::v1::steward_service_client::StewardServiceClient;
use empi_registry::{DataDir, MasterKey};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use super::*;
use crate::GrpcConfig;
use crate::tests::{Running, registry_in};

fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

fn acting_for(name: &str) -> Option<v1::Actor> {
    Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: name.to_owned() })
}

/// A server on an encrypted index with accounts of lead stewards, whose tokens are their names, and one registered person.
async fn with_leads(names: &[&str]) -> (Running, String) {
    let dir = tempfile::tempdir().unwrap();
    let keys = vec![MasterKey::random().unwrap()];
    let registry = registry_in(DataDir { path: dir.path().to_owned(), keys });
    let leads = names.iter().map(|name| (*name, Role::LeadSteward));
    for (name, role) in leads.chain([("adt", Role::Source)]) {
        let (domains, token) = (Domains::All, hash_token(name));
        let step = empi_registry::AccountStep::Add { role, domains, token, days: 30 };
        registry.change_account(&name.parse().unwrap(), step).unwrap();
    }
    let running = Running::serving(dir, registry, GrpcConfig::default()).await;
    let key = v1::RecordKey { source: "north".to_owned(), record_id: "1".to_owned() };
    let registration = v1::RegisterRecordRequest {
        record: Some(v1::SourceRecord {
            key: Some(key),
            birth_date: "1971-08-23".to_owned(),
            ..v1::SourceRecord::default()
        }),
        actor: Some(v1::Actor { kind: v1::ActorKind::System.into(), name: "adt".to_owned() }),
        request_id: String::new(),
    };
    let mut client = RegistryServiceClient::new(running.channel.clone());
    let registered = client.register_record(by("adt", registration)).await.unwrap();
    let person = registered.into_inner().enterprise_id;
    (running, person)
}

/// Asks to erase a person, after a preview.
async fn erase(running: &Running, token: &str, actor: &str, person: &str) -> v1::ChangeResponse {
    let mut client = StewardServiceClient::new(running.channel.clone());
    let mut terms = v1::ChangeTerms {
        actor: acting_for(actor),
        reason_code: v1::ReasonCode::Other.into(),
        note: "by letter".to_owned(),
        validate_only: true,
        ..v1::ChangeTerms::default()
    };
    let request = |terms: &v1::ChangeTerms| v1::ErasePersonRequest {
        terms: Some(terms.clone()),
        enterprise_id: person.to_owned(),
    };
    let preview = client.erase_person(by(token, request(&terms))).await.unwrap().into_inner();
    assert_eq!((preview.preview, preview.proposal), (true, 0));
    (terms.validate_only, terms.version_token) = (false, preview.version_token);
    client.erase_person(by(token, request(&terms))).await.unwrap().into_inner()
}

#[tokio::test]
async fn no_account_approves_its_own_whomever_it_says_it_acts_for() {
    let (running, person) = with_leads(&["portal", "console", "lena"]).await;
    let mut client = OversightServiceClient::new(running.channel.clone());
    let asked = erase(&running, "portal", "lena", &person).await;
    assert_eq!((asked.preview, asked.proposal, asked.audit_head.is_none()), (true, 1, true));
    let approve = |actor: &str| v1::ApproveProposalRequest {
        number: 1,
        actor: acting_for(actor),
        note: String::new(),
    };
    // The same program for somebody else; the same human by another program, and in person.
    for (token, actor) in [("portal", "nora"), ("console", "lena"), ("lena", "lena")] {
        let refused = client.approve_proposal(by(token, approve(actor))).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{token}");
        assert!(refused.message().contains("your own"), "{}", refused.message());
    }
    let get = v1::GetProposalRequest { number: 1 };
    let seen = client.get_proposal(by("console", get)).await.unwrap().into_inner();
    assert_eq!(seen.proposal.unwrap().state(), v1::ProposalState::Waiting);
    assert_eq!(seen.foreseen[0].event.as_ref().unwrap().persons[0].enterprise_id, person);
    let done = client.approve_proposal(by("console", approve("nora"))).await.unwrap().into_inner();
    let event = &done.events[0];
    assert_eq!(event.actor.as_ref().unwrap().name, "portal/lena");
    assert_eq!(event.approved_by, "console/nora");
    assert!(done.audit_head.is_some());
    let again = client.approve_proposal(by("console", approve("nora"))).await.unwrap().into_inner();
    assert_eq!(again.events[0].sequence, event.sequence);
    running.stop().await;
}

#[tokio::test]
async fn proposals_are_listed_declined_and_withdrawn_over_the_wire() {
    let (running, person) = with_leads(&["lena", "nora"]).await;
    let mut client = OversightServiceClient::new(running.channel.clone());
    assert_eq!(erase(&running, "lena", "lena", &person).await.proposal, 1);
    let decline = |note: &str| v1::DeclineProposalRequest {
        number: 1,
        actor: acting_for("nora"),
        note: note.to_owned(),
    };
    let refused = client.decline_proposal(by("nora", decline(""))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let declined = client.decline_proposal(by("nora", decline("not theirs"))).await.unwrap();
    let decision = declined.into_inner().proposal.unwrap().decision.unwrap();
    assert_eq!((decision.note.as_str(), decision.events.len()), ("not theirs", 0));
    assert_eq!(erase(&running, "lena", "lena", &person).await.proposal, 2);
    let listed = |waiting| by("nora", v1::ListProposalsRequest { waiting });
    for (waiting, expected) in [(true, vec![2]), (false, vec![2, 1])] {
        let list = client.list_proposals(listed(waiting)).await.unwrap().into_inner().proposals;
        assert_eq!(list.iter().map(|it| it.number).collect::<Vec<_>>(), expected);
    }
    let withdraw = |number, name: &str| v1::WithdrawProposalRequest {
        number,
        actor: acting_for(name),
        note: String::new(),
    };
    for (number, token, code) in [
        (2, "nora", Code::FailedPrecondition),
        (9, "lena", Code::NotFound),
        (0, "lena", Code::InvalidArgument),
        (2, "lena", Code::Ok),
    ] {
        let answer = client.withdraw_proposal(by(token, withdraw(number, token))).await;
        assert_eq!(answer.map_or_else(|it| it.code(), |_| Code::Ok), code, "{number} {token}");
    }
    running.stop().await;
}
