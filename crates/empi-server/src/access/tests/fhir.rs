//! Every FHIR interaction as every role, and those that write in the caller's own domain and in another.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use tower::ServiceExt as _;

use super::*;
use crate::FhirConfig;
use crate::fhir::{Fhir, ways};
use crate::mllp::tests::Desk;

const NORTH: &str = "urn:oid:2.999.1.1";
const SOUTH: &str = "urn:oid:2.999.1.2";

/// The interface of an index with an account for each role.
async fn closed() -> (Desk, Router) {
    let desk = Desk::new();
    let (door, exchange) = desk.parts();
    let made = door.call(permit(), |registry| {
        Role::ALL.into_iter().for_each(|role| account(registry, role));
        Ok(())
    });
    made.await.unwrap();
    let config = FhirConfig { insecure_allow_anonymous: true, ..FhirConfig::default() };
    let router = Fhir::new(door, exchange, config, 100).router();
    (desk, router)
}

async fn status(router: &Router, role: Role, (method, path): (&str, &str), body: &str) -> u16 {
    let request = Request::builder()
        .method(method)
        .uri(format!("/fhir/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", role.as_str()))
        .header(header::CONTENT_TYPE, "application/fhir+json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn every_interaction_answers_every_role_as_the_table_says() {
    let (_desk, router) = closed().await;
    for (method, path, operation) in ways() {
        for role in Role::ALL {
            let status = status(&router, role, (method, &path), "{}").await;
            let is_refused = status == 403;
            assert_eq!(is_refused, !operation.allows(role), "{method} {path} {role:?} {status}");
        }
    }
}

#[tokio::test]
async fn a_source_writes_patients_of_its_own_domain_only() {
    let (_desk, router) = closed().await;
    for (system, is_its_own) in [(NORTH, true), (SOUTH, false)] {
        let patient = format!(
            r#"{{"resourceType":"Patient","identifier":[{{"system":"{system}","value":"1"}}],"birthDate":"1985-02-14"}}"#
        );
        let place = format!("Patient?identifier={system}%7C1");
        for (request, done) in
            [(("PUT", place.as_str()), 201), (("POST", "Patient"), 200), (("DELETE", &place), 204)]
        {
            let status = status(&router, Role::Source, request, &patient).await;
            assert_eq!(status, if is_its_own { done } else { 403 }, "{request:?}");
        }
    }
}
