//! Tokens of an issuer over the wire: they close the index, give their roles within their domains, and stand in the
//! events as the actor.

use axum::Router;
use axum::body::Body;
use axum::http::{Request as HttpRequest, header};
use empi_proto::v1;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use serde_json::json;
use tonic::{Code, Request};
use tower::ServiceExt as _;

use crate::ServerConfig;
use crate::access::issuers::Issuers;
use crate::access::issuers::tests::{Signer, claims, config, header as token_header, write_keys};
use crate::fhir::Fhir;
use crate::mllp::MllpConfig;
use crate::mllp::tests::Desk;
use crate::tests::{Running, registry_in};

fn registration(source: &str, token: Option<&str>) -> Request<v1::RegisterRecordRequest> {
    let key = Some(v1::RecordKey { source: source.to_owned(), record_id: "1".to_owned() });
    let birth_date = "1971-08-23".to_owned();
    let record = Some(v1::SourceRecord { key, birth_date, ..v1::SourceRecord::default() });
    let actor = Some(v1::Actor { kind: v1::ActorKind::System.into(), name: "adt".to_owned() });
    let request_id = String::new();
    let mut request = Request::new(v1::RegisterRecordRequest { record, actor, request_id });
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_program_comes_with_the_token_of_an_issuer_and_needs_no_account() {
    let dir = tempfile::tempdir().unwrap();
    let (file, signer) = (dir.path().join("hie.jwks.json"), Signer::new());
    write_keys(&file, &[signer.jwk("one")]);
    let server = ServerConfig { issuers: vec![config(&file)], ..ServerConfig::default() };
    let registry = registry_in(&dir.path().join("index"));
    let running = Running::configured(dir, registry, server).await;
    let mut client = RegistryServiceClient::new(running.channel.clone());
    let good = signer.token(&token_header(), &claims());
    let forged = Signer::new().token(&token_header(), &claims());
    for (source, token, expected) in [
        ("north", None, Code::Unauthenticated),
        ("north", Some(forged.as_str()), Code::Unauthenticated),
        ("north", Some("made-up"), Code::Unauthenticated),
        ("east", Some(good.as_str()), Code::PermissionDenied),
        ("north", Some(good.as_str()), Code::Ok),
        ("south", Some(good.as_str()), Code::Ok),
    ] {
        let answer = client.register_record(registration(source, token)).await;
        assert_eq!(answer.map_or_else(|it| it.code(), |_| Code::Ok), expected, "{source}");
    }
    let mut events = v1::event_service_client::EventServiceClient::new(running.channel.clone());
    let mut request = Request::new(v1::GetEventRequest { sequence: 1 });
    request.metadata_mut().insert("authorization", format!("Bearer {good}").parse().unwrap());
    let event = events.get_event(request).await.unwrap().into_inner().event.unwrap();
    assert_eq!(event.actor.unwrap().name, "hie:portal-7/adt");
    running.stop().await;
}

async fn status(router: &Router, token: &str) -> u16 {
    let request = HttpRequest::builder()
        .uri("/fhir/Patient?identifier=urn:oid:2.999.1.1%7C1")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn fhir_knows_the_same_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let (file, signer) = (dir.path().join("hie.jwks.json"), Signer::new());
    write_keys(&file, &[signer.jwk("one")]);
    let issuers = Issuers::load(&[config(&file)]).unwrap();
    let desk = Desk::vouched_for(MllpConfig::default(), Vec::new(), issuers);
    let (door, exchange) = desk.parts();
    let router = Fhir::new(door, exchange, crate::FhirConfig::default(), 100).router();
    let mut reader = claims();
    reader["empi_roles"] = json!("reader");
    let mut nobody = claims();
    nobody["empi_roles"] = json!("administrator");
    for (claims, expected) in [(claims(), 200), (reader, 200), (nobody, 401)] {
        let token = signer.token(&token_header(), &claims);
        assert_eq!(status(&router, &token).await, expected, "{claims}");
    }
    assert_eq!(status(&router, "a.b.c").await, 401);
}
