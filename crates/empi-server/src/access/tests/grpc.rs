//! Every method of the contract over the wire: as every role, as nobody, in its own domain and in another.

use empi_proto::v1;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use super::*;
use crate::GrpcConfig;
use crate::tests::{Running, registry_in};

/// A server on an index with an account for each role.
pub(super) async fn closed() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry_in(dir.path());
    Role::ALL.into_iter().for_each(|role| account(&registry, role));
    Running::serving(dir, registry, GrpcConfig::default()).await
}

pub(super) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    if !token.is_empty() {
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    request
}

/// What an empty message to a method is answered.
async fn answered(channel: &Channel, method: &str, token: &str) -> Code {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::try_from(format!("/{method}")).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    match client.server_streaming(with_token((), token), path, codec).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

#[tokio::test]
async fn every_method_answers_every_role_as_the_table_says() {
    let running = closed().await;
    for method in layer::methods() {
        let operation = calls::operation(&format!("/{method}")).unwrap();
        for role in Role::ALL {
            let code = answered(&running.channel, &method, role.as_str()).await;
            let is_refused = code == Code::PermissionDenied;
            assert_eq!(is_refused, !operation.allows(role), "{method} {role:?} {code:?}");
            assert_ne!(code, Code::Unauthenticated, "{method} {role:?}");
        }
        for token in ["", "made-up"] {
            let code = answered(&running.channel, &method, token).await;
            assert_eq!(code, Code::Unauthenticated, "{method} {token}");
        }
    }
    let health = "grpc.health.v1.Health/Check";
    assert_eq!(answered(&running.channel, health, "").await, Code::Ok);
    running.stop().await;
}

#[tokio::test]
async fn a_source_writes_and_reads_records_of_its_own_domains_only() {
    let running = closed().await;
    let mut client = RegistryServiceClient::new(running.channel.clone());
    let token = Role::Source.as_str();
    let key =
        |source: &str| Some(v1::RecordKey { source: source.to_owned(), record_id: "1".to_owned() });
    let actor = Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: "ines".to_owned() });
    for (source, is_its_own) in [("north", true), ("south", false)] {
        let expected = if is_its_own { Code::Ok } else { Code::PermissionDenied };
        let record = v1::SourceRecord {
            key: key(source),
            birth_date: "1971-08-23".to_owned(),
            ..v1::SourceRecord::default()
        };
        let registration = v1::RegisterRecordRequest {
            record: Some(record),
            actor: actor.clone(),
            request_id: String::new(),
        };
        let answer = client.register_record(with_token(registration.clone(), token)).await;
        assert_eq!(answer.map_or_else(|it| it.code(), |_| Code::Ok), expected, "{source}");

        let stream = v1::BulkRegisterRequest { registration: Some(registration) };
        let stream = with_token(tokio_stream::iter([stream]), token);
        let mut answers = client.bulk_register(stream).await.unwrap().into_inner();
        let outcome = answers.message().await.unwrap().unwrap().outcome.unwrap();
        let is_refused = matches!(
            &outcome,
            v1::bulk_register_response::Outcome::Error(error)
                if error.code == Code::PermissionDenied as i32
        );
        assert_eq!(is_refused, !is_its_own, "{source}");

        let read = client.get_record(with_token(v1::GetRecordRequest { key: key(source) }, token));
        assert_eq!(read.await.map_or_else(|it| it.code(), |_| Code::Ok), expected, "{source}");
        let retired = v1::RetireRecordRequest {
            key: key(source),
            replaced_by: None,
            actor: actor.clone(),
            request_id: String::new(),
        };
        let retired = client.retire_record(with_token(retired, token)).await;
        assert_eq!(retired.map_or_else(|it| it.code(), |_| Code::Ok), expected, "{source}");
    }
    let mut events = v1::event_service_client::EventServiceClient::new(running.channel.clone());
    let request = with_token(v1::GetEventRequest { sequence: 1 }, token);
    let event = events.get_event(request).await.unwrap().into_inner().event.unwrap();
    let actor = event.actor.unwrap();
    assert_eq!((actor.name.as_str(), actor.kind()), ("source/ines", v1::ActorKind::System));
    running.stop().await;
}

#[tokio::test]
async fn accounts_are_made_rotated_and_revoked_over_the_wire() {
    let dir = tempfile::tempdir().unwrap();
    let registry = registry_in(dir.path());
    let running = Running::serving(dir, registry, GrpcConfig::default()).await;
    let mut accounts =
        v1::account_service_client::AccountServiceClient::new(running.channel.clone());
    let add = |name: &str, role: &str| v1::AddAccountRequest {
        name: name.to_owned(),
        role: role.to_owned(),
        all_domains: true,
        ..v1::AddAccountRequest::default()
    };
    // Open: whoever is there may make the first account. That closes the index.
    let root = accounts.add_account(add("root", "administrator")).await.unwrap().into_inner().token;
    let refused = accounts.add_account(add("adt", "source")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let made = accounts.add_account(with_token(add("adt", "source"), &root)).await.unwrap();
    let first = made.into_inner().token;
    let method = "empi.v1.RegistryService/GetPerson";
    let stats = "empi.v1.AdminService/Stats";
    assert_eq!(answered(&running.channel, stats, &first).await, Code::Ok);
    assert_eq!(answered(&running.channel, method, &root).await, Code::PermissionDenied);
    let rotate =
        |at_once| v1::RotateTokenRequest { name: "adt".to_owned(), token_days: 1, at_once };
    let second = accounts.rotate_token(with_token(rotate(false), &root)).await.unwrap();
    let second = second.into_inner().token;
    for token in [&first, &second] {
        assert_eq!(answered(&running.channel, stats, token).await, Code::Ok);
    }
    let third = accounts.rotate_token(with_token(rotate(true), &root)).await.unwrap();
    let third = third.into_inner().token;
    for (token, code) in
        [(&first, Code::Unauthenticated), (&second, Code::Unauthenticated), (&third, Code::Ok)]
    {
        assert_eq!(answered(&running.channel, stats, token).await, code);
    }
    let revoke = v1::RevokeAccountRequest { name: "adt".to_owned() };
    accounts.revoke_account(with_token(revoke, &root)).await.unwrap();
    assert_eq!(answered(&running.channel, stats, &third).await, Code::Unauthenticated);
    let list = accounts.list_accounts(with_token(v1::ListAccountsRequest {}, &root)).await.unwrap();
    let list = list.into_inner().accounts;
    let told: Vec<(&str, bool)> = list.iter().map(|it| (it.name.as_str(), it.is_revoked)).collect();
    assert_eq!(told, [("adt", true), ("root", false)]);
    running.stop().await;
}

#[tokio::test]
async fn a_purpose_that_is_none_is_refused() {
    let running = closed().await;
    let mut admin = v1::admin_service_client::AdminServiceClient::new(running.channel.clone());
    for (purpose, code) in [("TREAT", Code::Ok), ("btg", Code::Ok), ("FUN", Code::InvalidArgument)]
    {
        let mut request = with_token(v1::StatsRequest {}, "reader");
        request.metadata_mut().insert(PURPOSE_HEADER, purpose.parse().unwrap());
        let answer = admin.stats(request).await;
        assert_eq!(answer.map_or_else(|it| it.code(), |_| Code::Ok), code, "{purpose}");
    }
    running.stop().await;
}
