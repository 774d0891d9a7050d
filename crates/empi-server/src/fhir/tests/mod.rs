//! Requests and their answers, on a store of its own for each test, beside an HL7 interface on the same index.

mod formats;
mod links;
mod unshared;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Fhir, FhirClient, FhirConfig};
use crate::MllpConfig;
use crate::mllp::tests::{AMARA, BORIS, Desk, adt, pid};

struct Interface {
    router: Router,
    desk: Desk,
}

fn client(name: &str, application: &str, facility: &str) -> FhirClient {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(format!("{name}-token").as_bytes());
    FhirClient {
        name: name.to_owned(),
        token_sha256: Some(hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        certificate: None,
        application: application.to_owned(),
        facility: facility.to_owned(),
        role: None,
    }
}

impl Interface {
    fn new() -> Self {
        let clients = vec![
            client("north", "REG", "NORTH"),
            client("south", "REG", "SOUTH"),
            client("portal", "", ""),
        ];
        Self::with(FhirConfig { clients, ..FhirConfig::default() })
    }

    fn with(config: FhirConfig) -> Self {
        let desk = Desk::known(MllpConfig::default(), config.clients.clone());
        let (door, exchange) = desk.parts();
        let router = Fhir::new(door, exchange, config, 100).router();
        Self { router, desk }
    }

    /// The status and resource of an answer.
    async fn ask(&self, client: &str, request: (&str, &str), body: Option<Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string());
        let kind = if body.is_some() { "application/fhir+json" } else { "" };
        self.send(client, request, kind, body.unwrap_or_default()).await
    }

    async fn send(
        &self,
        client: &str,
        (method, path): (&str, &str),
        kind: &str,
        body: String,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("/fhir/{path}"));
        request = request.header(header::HOST, "mpi.example");
        if !client.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {client}-token"));
        }
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let resource = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).unwrap(),
        };
        (status, resource)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("portal", ("GET", path), None).await
    }

    async fn feed(&self, control: &str, sender: &str, event: &str, segments: &str) {
        let outcome = self.desk.outcome(&adt(sender, event, control, segments)).await;
        assert_eq!(outcome, "AA");
    }
}

/// Amara as a Patient of a domain.
fn amara(oid: &str, value: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "identifier": [{ "system": format!("urn:oid:{oid}"), "value": value }],
        "name": [{ "use": "official", "family": "Okafor", "given": ["Amara", "N"] }],
        "gender": "female",
        "birthDate": "1985-02-14",
        "telecom": [{ "system": "phone", "value": "2175550123" }],
        "address": [{ "line": ["12 Elm St"], "city": "Springfield", "state": "IL", "postalCode": "62701" }]
    })
}

fn put(oid: &str, value: &str) -> (&'static str, String) {
    ("PUT", format!("Patient?identifier=urn:oid:{oid}%7C{value}"))
}

#[tokio::test]
async fn the_way_of_a_patient_through_both_interfaces() {
    let interface = Interface::new();
    // A Patient comes in by FHIR; HL7 maps and finds it.
    let (method, path) = put("2.999.1.1", "1");
    let (status, north) =
        interface.ask("north", (method, &path), Some(amara("2.999.1.1", "1"))).await;
    assert_eq!(status, 201, "{north}");
    let id = north["id"].as_str().unwrap().to_owned();
    interface.feed("R-1", "REG|SOUTH", "A04", &pid("S1^^^SOUTH", AMARA)).await;
    assert_eq!(interface.desk.pix("SOUTH:S1").await, "NORTH:1");
    let (status, again) =
        interface.ask("north", (method, &path), Some(amara("2.999.1.1", "1"))).await;
    assert_eq!((status, again["id"].as_str()), (200, Some(id.as_str())));
    let (_, read) = interface.get(&format!("Patient/{id}")).await;
    let systems: Vec<&str> = read["identifier"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["value"].as_str().unwrap())
        .collect();
    assert_eq!(systems, ["1", "S1"]);
    // Another one, merged into the first by HL7: FHIR tells what became of it.
    interface.feed("R-2", "REG|NORTH", "A04", &pid("2^^^NORTH", BORIS)).await;
    let (_, found) = interface.get("Patient?identifier=urn:oid:2.999.1.1%7C2").await;
    let other = found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    assert_ne!(other, id);
    interface.feed("R-3", "REG|NORTH", "A40", "PID|||1^^^NORTH||X\nMRG|2^^^NORTH").await;
    let (status, gone) = interface.get(&format!("Patient/{other}")).await;
    assert_eq!((status, &gone["active"]), (200, &json!(false)));
    let link =
        json!([{ "other": { "reference": format!("Patient/{id}") }, "type": "replaced-by" }]);
    assert_eq!(gone["link"], link);
    let (_, pix) = interface.get("Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.1.1%7C2").await;
    let told: Vec<&Value> = pix["parameter"].as_array().unwrap().iter().collect();
    assert_eq!(told[0]["valueIdentifier"], json!({ "system": "urn:oid:2.999.1.1", "value": "1" }));
    let url = format!("http://mpi.example/fhir/Patient/{id}");
    assert_eq!(told[2]["valueReference"]["reference"], json!(url));
}

#[tokio::test]
async fn a_match_tells_how_sure_it_is() {
    let interface = Interface::new();
    interface.feed("R-1", "REG|NORTH", "A04", &pid("1^^^NORTH", AMARA)).await;
    interface.feed("R-2", "REG|NORTH", "A04", &pid("2^^^NORTH", BORIS)).await;
    let parameters = |patient: &Value, more: &[Value]| {
        let mut all = vec![json!({ "name": "resource", "resource": patient })];
        all.extend_from_slice(more);
        json!({ "resourceType": "Parameters", "parameter": all })
    };
    let certain = json!({ "name": "onlyCertainMatches", "valueBoolean": true });
    let full = amara("2.999.1.2", "9");
    let mut sparse = full.clone();
    for element in ["address", "telecom", "identifier"] {
        sparse.as_object_mut().unwrap().remove(element);
    }
    let nobody = json!({ "resourceType": "Patient", "name": [{ "family": "Nobody" }] });
    for (body, grades) in [
        (parameters(&full, &[]), vec!["certain"]),
        (full.clone(), vec!["certain"]),
        (
            parameters(&full, &[certain.clone(), json!({ "name": "count", "valueInteger": 3 })]),
            vec!["certain"],
        ),
        (parameters(&sparse, &[]), vec!["probable"]),
        (parameters(&sparse, &[certain]), vec![]),
        (parameters(&nobody, &[]), vec![]),
    ] {
        let (status, bundle) =
            interface.ask("portal", ("POST", "Patient/$match"), Some(body)).await;
        assert_eq!(
            (status, bundle["total"].as_u64()),
            (200, Some(grades.len() as u64)),
            "{bundle}"
        );
        for (at, grade) in grades.iter().enumerate() {
            let search = &bundle["entry"][at]["search"];
            assert_eq!(search["mode"], "match");
            let score = search["score"].as_f64().unwrap();
            assert!((0.5..=1.0).contains(&score), "{score}");
            assert_eq!(search["extension"][0]["valueCode"], *grade, "{bundle}");
            let full_url = bundle["entry"][at]["fullUrl"].as_str().unwrap();
            assert!(full_url.starts_with("http://mpi.example/fhir/Patient/"));
        }
    }
    let mut modified = full.clone();
    modified["modifierExtension"] = json!([{ "url": "http://example.org/not" }]);
    let unknown = json!({ "resourceType": "Patient", "extension": [{ "url": "http://example.org/x", "valueInteger": 3 }], "name": [{ "family": "Okafor" }] });
    for (body, status, code) in [
        (json!({ "resourceType": "Patient" }), 422, "required"),
        (parameters(&modified, &[]), 400, "extension"),
        (json!({ "resourceType": "Parameters" }), 400, "required"),
        (json!({ "resourceType": "Observation" }), 400, "structure"),
        (json!({ "resourceType": "Patient", "name": "Okafor" }), 400, "structure"),
        (parameters(&full, &[json!({ "name": "count", "valueInteger": 0 })]), 400, "value"),
    ] {
        let (answered, outcome) =
            interface.ask("portal", ("POST", "Patient/$match"), Some(body)).await;
        assert_eq!((answered, &outcome["issue"][0]["code"]), (status, &json!(code)), "{outcome}");
    }
    let (status, _) = interface.ask("portal", ("POST", "Patient/$match"), Some(unknown)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_search_finds_whoever_meets_all_parameters() {
    let interface = Interface::new();
    interface.feed("R-1", "REG|NORTH", "A04", &pid("1^^^NORTH", AMARA)).await;
    interface.feed("R-2", "REG|SOUTH", "A04", &pid("S1^^^SOUTH", AMARA)).await;
    interface.feed("R-3", "REG|NORTH", "A04", &pid("2^^^NORTH", BORIS)).await;
    for (query, total) in [
        ("family=okaf&gender=female", 1),
        ("birthdate=1985-02-14&family=Okafor", 1),
        ("family:exact=Okafor", 0),
        ("family:exact=OKAFOR", 1),
        ("family=ivanov,okafor", 2),
        ("birthdate=ge1985-01-01&birthdate=lt1986", 1),
        ("birthdate=1985&address-city=spring", 1),
        ("identifier=urn:oid:2.999.1.2%7CS1", 1),
        ("identifier=%7CS1", 1),
        ("identifier=urn:oid:2.999.1.2%7C1", 0),
        ("telecom=phone%7C%2B1%20217%20555%200123", 1),
        ("family=okafor&mothersMaidenName=reyes", 1),
        ("family=okafor&active=false", 0),
        ("family=nobody", 0),
    ] {
        let (status, bundle) = interface.get(&format!("Patient?{query}")).await;
        assert_eq!((status, bundle["total"].as_u64()), (200, Some(total)), "{query} {bundle}");
        assert_eq!(bundle["type"], "searchset");
    }
    let (_, restricted) =
        interface.get("Patient?family=okafor&identifier=urn:oid:2.999.1.2%7C").await;
    let identifiers = restricted["entry"][0]["resource"]["identifier"].as_array().unwrap();
    assert_eq!(identifiers.len(), 1, "{restricted}");
    let form = "family=okafor&gender=female".to_owned();
    let kind = "application/x-www-form-urlencoded";
    let (_, posted) = interface.send("portal", ("POST", "Patient/_search"), kind, form).await;
    assert_eq!((posted["total"].as_u64(), posted.get("link")), (Some(1), None));
    for (query, status, code) in [
        ("family=okafor&deceased=true", 400, "not-supported"),
        ("family:sounds=okafor", 400, "not-supported"),
        ("birthdate=14.2.1985", 400, "value"),
        ("family=okafor&gender=f", 400, "value"),
        ("family=okafor&identifier=urn:oid:9.9%7C", 404, "not-found"),
        ("family=okafor&_format=xml", 406, "not-supported"),
    ] {
        let (answered, outcome) = interface.get(&format!("Patient?{query}")).await;
        assert_eq!((answered, &outcome["issue"][0]["code"]), (status, &json!(code)), "{query}");
    }
    let (status, costly) = interface.get("Patient?gender=female").await;
    assert_eq!(
        (status, &costly["entry"][0]["resource"]["issue"][0]["code"]),
        (200, &json!("too-costly"))
    );
    let (_, first) = interface.get("Patient?family=ivanov,okafor&_count=1").await;
    let next =
        first["link"].as_array().unwrap().iter().find(|it| it["relation"] == "next").unwrap();
    let next = next["url"].as_str().unwrap().strip_prefix("http://mpi.example/fhir/").unwrap();
    let (_, second) = interface.get(next).await;
    assert_eq!(second["entry"].as_array().unwrap().len(), 1);
    assert_ne!(first["entry"][0]["resource"]["id"], second["entry"][0]["resource"]["id"]);
    assert!(second["link"].as_array().unwrap().iter().all(|it| it["relation"] != "next"));
}

#[tokio::test]
async fn a_source_writes_its_own_domain_and_no_other() {
    let interface = Interface::new();
    let (method, path) = put("2.999.1.1", "1");
    let body = || Some(amara("2.999.1.1", "1"));
    for (client, status) in
        [("north", 201), ("south", 403), ("portal", 403), ("nobody", 401), ("", 401)]
    {
        let (answered, outcome) = interface.ask(client, (method, &path), body()).await;
        assert_eq!(answered, status, "{client} {outcome}");
    }
    let events = interface.desk.events();
    for (client, query, body, status, code) in [
        ("north", "identifier=urn:oid:9.9%7C1", body(), 400, "code-invalid"),
        ("north", "identifier=1", body(), 400, "invalid"),
        ("north", "", body(), 412, "multiple-matches"),
        (
            "north",
            "identifier=urn:oid:2.999.1.1%7C9",
            Some(json!({ "resourceType": "Patient" })),
            422,
            "required",
        ),
        (
            "north",
            "identifier=urn:oid:2.999.1.1%7C9",
            Some(json!({ "resourceType": "Person" })),
            400,
            "structure",
        ),
    ] {
        let path = format!("Patient?{query}");
        let (answered, outcome) = interface.ask(client, ("PUT", &path), body).await;
        assert_eq!((answered, &outcome["issue"][0]["code"]), (status, &json!(code)), "{query}");
    }
    assert_eq!(interface.desk.events(), events);
    let (status, _) =
        interface.ask("north", ("POST", "Patient"), Some(amara("2.999.1.1", "7"))).await;
    assert_eq!(status, 201);
    let text = amara("2.999.1.1", "8").to_string();
    let (status, _) = interface.send("north", ("POST", "Patient"), "text/plain", text).await;
    assert_eq!(status, 415);
}

#[tokio::test]
async fn patients_are_merged_and_withdrawn_by_their_identifiers() {
    let interface = Interface::new();
    for value in ["1", "2"] {
        let mut patient = amara("2.999.1.1", value);
        patient["name"][0]["family"] = json!(if value == "1" { "Okafor" } else { "Bell" });
        let (method, path) = put("2.999.1.1", value);
        interface.ask("north", (method, &path), Some(patient)).await;
    }
    let replaced = |survivor: Value, active: bool| {
        json!({
            "resourceType": "Patient", "active": active,
            "identifier": [{ "system": "urn:oid:2.999.1.1", "value": "2" }],
            "link": [{ "other": survivor, "type": "replaced-by" }]
        })
    };
    let one = |value: &str, oid: &str| json!({ "identifier": { "system": format!("urn:oid:{oid}"), "value": value } });
    let (method, path) = put("2.999.1.1", "2");
    for (body, status) in [
        (replaced(one("1", "2.999.1.1"), true), 422),
        (replaced(json!({ "identifier": { "value": "1" } }), false), 422),
        (replaced(one("2", "2.999.1.1"), false), 422),
        (replaced(one("1", "2.999.1.2"), false), 403),
        (replaced(one("1", "2.999.1.1"), false), 200),
        (replaced(one("1", "2.999.1.1"), false), 200),
    ] {
        let (answered, outcome) = interface.ask("north", (method, &path), Some(body)).await;
        assert_eq!(answered, status, "{outcome}");
    }
    assert_eq!(interface.desk.pix("NORTH:2").await, "NORTH:1");
    let (status, _) = interface.ask("north", (method, &path), Some(amara("2.999.1.1", "2"))).await;
    assert_eq!(status, 409);
    let (_, path) = put("2.999.1.1", "1");
    for (client, status) in [("south", 403), ("north", 204), ("north", 204)] {
        assert_eq!(interface.ask(client, ("DELETE", &path), None).await.0, status);
    }
    let (_, missing) = put("2.999.1.1", "404");
    assert_eq!(interface.ask("north", ("DELETE", &missing), None).await.0, 404);
}

#[tokio::test]
async fn identifiers_are_mapped_as_the_profile_says() {
    let interface = Interface::new();
    interface.feed("R-1", "REG|NORTH", "A04", &pid("1^^^NORTH", AMARA)).await;
    interface.feed("R-2", "REG|SOUTH", "A04", &pid("S1^^^SOUTH", AMARA)).await;
    let source = "sourceIdentifier=urn:oid:2.999.1.1%7C";
    for (query, status, expected) in [
        (format!("{source}1&targetSystem=urn:oid:2.999.1.2"), 200, "2"),
        (format!("{source}1"), 200, "2"),
        (format!("{source}1&targetSystem=urn:oid:2.999.1.3"), 200, "0"),
        (format!("{source}404"), 404, "not-found"),
        ("sourceIdentifier=urn:oid:9.9%7C1".to_owned(), 400, "code-invalid"),
        (format!("{source}1&targetSystem=urn:oid:9.9"), 403, "code-invalid"),
        ("".to_owned(), 400, "required"),
        (format!("{source}1&{source}2"), 400, "invalid"),
        ("sourceIdentifier=1".to_owned(), 400, "invalid"),
    ] {
        let (answered, resource) = interface.get(&format!("Patient/$ihe-pix?{query}")).await;
        assert_eq!(answered, status, "{query}");
        let told = match status {
            200 => resource["parameter"].as_array().map_or(0, Vec::len).to_string(),
            _ => resource["issue"][0]["code"].as_str().unwrap().to_owned(),
        };
        assert_eq!(told, expected, "{query} {resource}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_as_an_outcome() {
    let interface = Interface::new();
    for ((method, path), status) in [
        (("GET", "Patient/7K3M-9QXT-2VC"), 404),
        (("GET", "Patient/nobody"), 404),
        (("GET", "Observation"), 404),
        (("DELETE", "metadata"), 405),
        (("PATCH", "Patient"), 405),
    ] {
        let (answered, outcome) = interface.ask("portal", (method, path), None).await;
        assert_eq!(
            (answered, outcome["resourceType"].as_str()),
            (status, Some("OperationOutcome"))
        );
    }
    let (status, statement) = interface.get("metadata").await;
    assert_eq!((status, &statement["fhirVersion"]), (200, &json!("4.0.1")));
    let nobody = Interface::with(FhirConfig::default());
    let request = Request::builder().uri("/fhir/metadata").body(Body::empty()).unwrap();
    let response = nobody.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 404);
    let open = FhirConfig { insecure_allow_anonymous: true, ..FhirConfig::default() };
    let anybody = Interface::with(open);
    assert_eq!(anybody.ask("", ("GET", "metadata"), None).await.0, 200);
    assert_eq!(anybody.ask("wrong", ("GET", "metadata"), None).await.0, 401);
    let (method, path) = put("2.999.1.1", "1");
    let (status, _) = anybody.ask("", (method, &path), Some(amara("2.999.1.1", "1"))).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_body_longer_than_the_limit_is_refused() {
    let small =
        FhirConfig { body_bytes_max: 100, insecure_allow_anonymous: true, ..FhirConfig::default() };
    let interface = Interface::with(small);
    let (status, _) = interface.ask("", ("POST", "Patient/$match"), Some(amara("1", "1"))).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_merge_wants_a_role_and_is_a_stewards() {
    let steward = FhirClient { role: Some("steward".to_owned()), ..client("ines", "", "") };
    let auditor = FhirClient { role: Some("auditor".to_owned()), ..client("olga", "", "") };
    let clients = vec![client("north", "REG", "NORTH"), client("portal", "", ""), steward, auditor];
    let interface = Interface::with(FhirConfig { clients, ..FhirConfig::default() });
    interface.feed("R-1", "REG|NORTH", "A04", &pid("1^^^NORTH", AMARA)).await;
    interface.feed("R-2", "REG|NORTH", "A04", &pid("2^^^NORTH", BORIS)).await;
    let id_of = async |number: &str| {
        let path = format!("Patient?identifier=urn:oid:2.999.1.1%7C{number}");
        let (_, found) = interface.get(&path).await;
        found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned()
    };
    let (target, source) = (id_of("1").await, id_of("2").await);
    let number = |value: &str| json!({ "system": "urn:oid:2.999.1.1", "value": value });
    let parameters = |more: &[Value]| {
        let mut all = vec![
            json!({ "name": "target-patient", "valueReference": { "reference": format!("Patient/{target}") } }),
        ];
        all.extend_from_slice(more);
        json!({ "resourceType": "Parameters", "parameter": all })
    };
    let other = json!({ "name": "source-patient-identifier", "valueIdentifier": number("2") });
    let preview = json!({ "name": "preview", "valueBoolean": true });
    let nobody =
        json!({ "name": "source-patient", "valueReference": { "reference": "Patient/nobody" } });
    let unknown = json!({ "name": "source-patient-identifier", "valueIdentifier": number("9") });
    let merge = ("POST", "Patient/$merge");
    for (who, body, status, code) in [
        ("portal", parameters(std::slice::from_ref(&other)), 403, "forbidden"),
        ("north", parameters(std::slice::from_ref(&other)), 403, "forbidden"),
        ("olga", parameters(std::slice::from_ref(&other)), 403, "forbidden"),
        ("ines", parameters(&[]), 400, "required"),
        ("ines", parameters(&[nobody]), 404, "not-found"),
        ("ines", parameters(&[unknown]), 404, "not-found"),
        ("ines", json!({ "resourceType": "Parameters", "parameter": 1 }), 400, "structure"),
    ] {
        let (answered, outcome) = interface.ask(who, merge, Some(body)).await;
        assert_eq!((answered, &outcome["issue"][0]["code"]), (status, &json!(code)), "{outcome}");
    }
    let before = interface.desk.events();
    let body = parameters(&[other.clone(), preview]);
    let (status, seen) = interface.ask("ines", merge, Some(body)).await;
    assert_eq!((status, &seen["parameter"][1]["resource"]["id"]), (200, &json!(target)), "{seen}");
    assert_eq!((interface.desk.events(), id_of("2").await), (before, source.clone()));
    // Twice: the second time there is nothing to do.
    for _ in 0..2 {
        let (status, done) =
            interface.ask("ines", merge, Some(parameters(std::slice::from_ref(&other)))).await;
        assert_eq!(status, 200, "{done}");
        let numbers = done["parameter"][1]["resource"]["identifier"].as_array().unwrap();
        assert_eq!((numbers.len(), interface.desk.events()), (2, before + 1));
    }
    let (_, gone) = interface.get(&format!("Patient/{source}")).await;
    assert_eq!(gone["link"][0]["other"]["reference"], json!(format!("Patient/{target}")));
}
