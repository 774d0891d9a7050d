//! What each role is shown of persons over the wire: fields, persons who are not to be shared, emergencies.

use empi_proto::v1;
use empi_proto::v1::emergency_service_client::EmergencyServiceClient;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_proto::v1::steward_service_client::StewardServiceClient;
use tonic::Code;

use super::grpc::{closed, with_token};
use super::*;

/// A source registers somebody with a number.
async fn registered(registry: &mut RegistryServiceClient<tonic::transport::Channel>) -> String {
    let record = v1::SourceRecord {
        key: Some(v1::RecordKey { source: "north".to_owned(), record_id: "1".to_owned() }),
        names: vec![v1::PersonName {
            given: "Amara".to_owned(),
            family: "Okafor".to_owned(),
            ..v1::PersonName::default()
        }],
        birth_date: "1985-02-14".to_owned(),
        ssn: "457-12-9983".to_owned(),
        phones: vec!["217-555-0123".to_owned()],
        ..v1::SourceRecord::default()
    };
    let actor = Some(v1::Actor { kind: v1::ActorKind::System.into(), name: "ines".to_owned() });
    let request =
        v1::RegisterRecordRequest { record: Some(record), actor, request_id: String::new() };
    let answer = registry.register_record(with_token(request, Role::Source.as_str())).await;
    answer.unwrap().into_inner().enterprise_id
}

#[tokio::test]
async fn each_role_is_shown_its_fields_and_nobody_who_is_not_to_be_shared() {
    let running = closed().await;
    let mut registry = RegistryServiceClient::new(running.channel.clone());
    let id = registered(&mut registry).await;
    let get = |role: Role| {
        let (mut registry, enterprise_id) = (registry.clone(), id.clone());
        async move {
            let request = v1::GetPersonRequest { enterprise_id };
            let answer = registry.get_person(with_token(request, role.as_str())).await;
            answer.map(|answer| answer.into_inner())
        }
    };
    let viewers = || Role::ALL.into_iter().filter(|role| Operation::ViewPersons.allows(*role));
    for role in viewers() {
        let answer = get(role).await.unwrap();
        let stored = &answer.person.unwrap().records[0];
        let shown = stored.record.as_ref().unwrap();
        let golden = answer.golden.unwrap().record.unwrap();
        let sees = |field| if role == Role::Source { Shown::Whole } else { role.is_shown(field) };
        let ssn = match sees(GoldenField::Ssn) {
            Shown::Whole => "457-12-9983",
            Shown::LastFour => "9983",
            Shown::Nothing => "",
        };
        assert_eq!(shown.ssn, ssn, "{role:?}");
        // The best view is nobody's own.
        let is_whole = role.is_shown(GoldenField::Ssn) == Shown::Whole;
        assert_eq!(golden.ssn == "457-12-9983", is_whole, "{role:?}");
        assert_eq!(shown.phones.is_empty(), sees(GoldenField::Phone) != Shown::Whole, "{role:?}");
        let ssn = v1::GoldenField::Ssn as i32;
        assert_eq!(stored.withheld.contains(&ssn), !is_whole, "{role:?}");
    }
    set_consent(&running.channel, &id).await;
    for role in viewers() {
        let code = get(role).await.map_or_else(|status| status.code(), |_| Code::Ok);
        let sees = Operation::ViewRestricted.allows(role);
        assert_eq!(code == Code::Ok, sees, "{role:?}");
        assert!(sees || code == Code::PermissionDenied, "{role:?} {code:?}");
    }
    emergency(&running.channel, &id).await;
    let person = get(Role::Reader).await.unwrap().person.unwrap();
    assert!(person.emergency_until.is_some() && person.consent.unwrap().not_shared);
    assert_eq!(get(Role::Registrar).await.unwrap_err().code(), Code::PermissionDenied);
    running.stop().await;
}

/// A steward notes that somebody is not to be shared.
async fn set_consent(channel: &tonic::transport::Channel, id: &str) {
    let mut steward = StewardServiceClient::new(channel.clone());
    let mut request = v1::SetConsentRequest {
        terms: Some(v1::ChangeTerms {
            actor: Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: "ines".to_owned() }),
            reason_code: v1::ReasonCode::Other.into(),
            validate_only: true,
            ..v1::ChangeTerms::default()
        }),
        enterprise_id: id.to_owned(),
        not_shared: true,
        not_linked: false,
    };
    let token = Role::Steward.as_str();
    let preview = steward.set_consent(with_token(request.clone(), token)).await.unwrap();
    if let Some(terms) = &mut request.terms {
        terms.validate_only = false;
        terms.version_token = preview.into_inner().version_token;
    }
    let noted = steward.set_consent(with_token(request, token)).await.unwrap().into_inner();
    assert_eq!(noted.event.unwrap().kind(), v1::EventKind::ConsentChanged);
}

/// A reader states an emergency; an auditor looks at it.
async fn emergency(channel: &tonic::transport::Channel, id: &str) {
    let mut emergencies = EmergencyServiceClient::new(channel.clone());
    let request = v1::BreakGlassRequest {
        enterprise_id: id.to_owned(),
        reason: "unconscious in the emergency room".to_owned(),
        minutes: 0,
    };
    let stated = emergencies.break_glass(with_token(request, Role::Reader.as_str())).await;
    let stated = stated.unwrap().into_inner().emergency.unwrap();
    assert_eq!((stated.number, stated.stated_by.as_str()), (1, "reader"));
    let auditor = Role::Auditor.as_str();
    let list = v1::ListEmergenciesRequest::default();
    let listed = emergencies.list_emergencies(with_token(list, auditor)).await.unwrap();
    assert_eq!(listed.into_inner().emergencies.len(), 1);
    let review = v1::ReviewEmergencyRequest {
        number: 1,
        is_justified: true,
        note: "in the chart".to_owned(),
    };
    let reviewed = emergencies.review_emergency(with_token(review, auditor)).await.unwrap();
    assert!(reviewed.into_inner().emergency.unwrap().review.unwrap().is_justified);
    let listed = emergencies.list_emergencies(with_token(list, auditor)).await.unwrap();
    assert!(listed.into_inner().emergencies.is_empty());
}
