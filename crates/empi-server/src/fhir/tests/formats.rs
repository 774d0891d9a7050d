//! Which forms of a resource are taken and given: JSON, and an outcome in JSON for whoever wants another.

use super::*;

#[tokio::test]
async fn whoever_takes_or_sends_another_form_than_json_is_told_so() {
    let interface = Interface::new();
    let (search, matching) = (("GET", "Patient?family=okafor"), ("POST", "Patient/$match"));
    let in_xml = ("GET", "Patient?family=okafor&_format=application/fhir%2Bxml");
    let in_json = ("GET", "Patient?family=okafor&_format=json");
    let json = "application/fhir+json";
    for ((method, path), accept, kind, status) in [
        (search, "application/fhir+xml", "", 406),
        (search, "application/xml;q=0.9, text/html", "", 406),
        (search, "application/fhir+xml, application/fhir+json;q=0.5", "", 200),
        (search, "application/fhir+xml, */*;q=0.1", "", 200),
        (search, "application/json", "", 200),
        (search, "", "", 200),
        (in_xml, json, "", 406),
        (in_json, "application/fhir+xml", "", 200),
        (matching, "application/fhir+xml", json, 406),
        (matching, json, "application/fhir+xml", 415),
        (matching, json, "text/xml; charset=utf-8", 415),
        (matching, json, "", 415),
        (matching, json, "application/json; charset=utf-8", 200),
        (("PUT", "Patient?identifier=urn:oid:2.999.1.1%7C1"), json, "application/fhir+xml", 415),
    ] {
        let mut request = Request::builder().method(method).uri(format!("/fhir/{path}"));
        request = request.header(header::AUTHORIZATION, "Bearer north-token");
        for (name, value) in [(header::ACCEPT, accept), (header::CONTENT_TYPE, kind)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let body =
            if method == "GET" { Body::empty() } else { Body::from(amara("1", "1").to_string()) };
        let response = interface.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let case = format!("{method} {path} {accept} {kind}");
        assert_eq!(response.status().as_u16(), status, "{case}");
        let told = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert_eq!(told, "application/fhir+json; charset=utf-8", "{case}");
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let resource: Value = serde_json::from_slice(&bytes).unwrap();
        if status != 200 {
            assert_eq!(resource["resourceType"], "OperationOutcome", "{case}");
            assert_eq!(resource["issue"][0]["code"], "not-supported", "{case}");
        }
    }
    let (_, statement) = interface.get("metadata").await;
    assert_eq!(statement["format"], json!(["application/fhir+json", "json"]));
}
