//! `Patient.link` by clients with a role, and by those without.

use super::*;

const NORTH: &str = "urn:oid:2.999.1.1";
const SOUTH: &str = "urn:oid:2.999.1.2";

/// Two persons of the north and one of the south, with clients of every kind.
struct Linked {
    interface: Interface,
}

impl Linked {
    async fn new() -> Self {
        let with =
            |role: &str, client: FhirClient| FhirClient { role: Some(role.to_owned()), ..client };
        let clients = vec![
            client("north", "REG", "NORTH"),
            client("portal", "", ""),
            with("auditor", client("olga", "", "")),
            with("steward", client("ines", "", "")),
            with("lead-steward", client("lead", "REG", "SOUTH")),
        ];
        let interface = Interface::with(FhirConfig { clients, ..FhirConfig::default() });
        interface.feed("R-1", "REG|NORTH", "A04", &pid("1^^^NORTH", AMARA)).await;
        interface.feed("R-2", "REG|NORTH", "A04", &pid("2^^^NORTH", BORIS)).await;
        let third = "MEYER^ANNA||19400101|F|||9 LAKE RD^^PEORIA^IL^61602||3095550111";
        interface.feed("R-3", "REG|SOUTH", "A04", &pid("3^^^SOUTH", third)).await;
        Self { interface }
    }

    async fn id_of(&self, system: &str, number: &str) -> String {
        let path = format!("Patient?identifier={system}%7C{number}");
        let (_, found) = self.interface.get(&path).await;
        found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned()
    }

    /// The three persons.
    async fn ids(&self) -> [String; 3] {
        [self.id_of(NORTH, "1").await, self.id_of(NORTH, "2").await, self.id_of(SOUTH, "3").await]
    }

    async fn put(&self, who: &str, id: &str, patient: Value) -> (u16, Value) {
        self.interface.ask(who, ("PUT", &format!("Patient/{id}")), Some(patient)).await
    }

    /// The links of a Patient as it is read, and whether it is in use.
    async fn read(&self, id: &str) -> (Value, Value) {
        let (_, patient) = self.interface.get(&format!("Patient/{id}")).await;
        (patient["active"].clone(), patient["link"].clone())
    }
}

fn to(id: &str) -> Value {
    json!({ "reference": format!("Patient/{id}") })
}

fn number(system: &str, value: &str) -> Value {
    json!({ "identifier": { "system": system, "value": value } })
}

/// A Patient that says nothing but its links; it is in use unless it is replaced.
fn linked(links: &[(&str, Value)]) -> Value {
    let is_replaced = links.iter().any(|(kind, _)| *kind == "replaced-by");
    let links: Vec<Value> =
        links.iter().map(|(kind, other)| json!({ "type": kind, "other": other })).collect();
    json!({ "resourceType": "Patient", "active": !is_replaced, "link": links })
}

#[tokio::test]
async fn a_replaced_patient_leads_to_its_survivor_and_the_survivor_names_it() {
    let linked_up = Linked::new().await;
    let [one, two, three] = linked_up.ids().await;
    let before = linked_up.interface.desk.events();
    // The younger goes on here: the client says which.
    for _ in 0..2 {
        let (status, told) =
            linked_up.put("ines", &one, linked(&[("replaced-by", to(&two))])).await;
        assert_eq!((status, told["active"].as_bool()), (200, Some(false)), "{told}");
        assert_eq!(linked_up.interface.desk.events(), before + 1);
    }
    let gone = json!([{ "other": to(&two), "type": "replaced-by" }]);
    assert_eq!(linked_up.read(&one).await, (json!(false), gone));
    let goes_on = json!([{ "other": to(&one), "type": "replaces" }]);
    assert_eq!(linked_up.read(&two).await, (json!(true), goes_on));
    // From the survivor's side, by a number; what is replaced stays named.
    let (status, told) =
        linked_up.put("lead", &two, linked(&[("replaces", number(SOUTH, "3"))])).await;
    assert_eq!(status, 200, "{told}");
    let mut replaced = [one.clone(), three.clone()];
    replaced.sort();
    let named: Vec<Value> =
        replaced.iter().map(|id| json!({ "other": to(id), "type": "replaces" })).collect();
    assert_eq!((&told["id"], &told["link"]), (&json!(two), &json!(named)));
    let (_, told) = linked_up.interface.get(&format!("Patient/{three}")).await;
    assert_eq!(told["link"][0]["other"], to(&two));
}

#[tokio::test]
async fn two_that_see_also_each_other_are_one_and_the_older_id_goes_on() {
    let linked_up = Linked::new().await;
    let [one, two, _] = linked_up.ids().await;
    let (status, told) = linked_up.put("ines", &two, linked(&[("seealso", to(&one))])).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(linked_up.read(&two).await.0, json!(false));
    let (active, link) = linked_up.read(&one).await;
    assert_eq!((active, &link[0]["type"]), (json!(true), &json!("replaces")));
    assert_eq!(linked_up.id_of(NORTH, "2").await, one);
}

#[tokio::test]
async fn what_was_read_may_be_sent_back_with_links_and_other_values_may_not() {
    let linked_up = Linked::new().await;
    let [one, two, _] = linked_up.ids().await;
    let (_, mut read) = linked_up.interface.get(&format!("Patient/{one}")).await;
    let mut changed = read.clone();
    read["link"] = json!([{ "type": "replaces", "other": to(&two) }]);
    changed["link"] = read["link"].clone();
    changed["birthDate"] = json!("1999-09-09");
    let (status, outcome) = linked_up.put("ines", &one, changed).await;
    assert_eq!((status, &outcome["issue"][0]["code"]), (422, &json!("business-rule")));
    let (status, told) = linked_up.put("ines", &one, read).await;
    assert_eq!(status, 200, "{told}");
}

#[tokio::test]
async fn links_that_cannot_be_followed_are_refused_and_change_nothing() {
    let linked_up = Linked::new().await;
    let [one, two, three] = linked_up.ids().await;
    let before = linked_up.interface.desk.events();
    let replaced = linked(&[("replaced-by", to(&two))]);
    let mut in_use = replaced.clone();
    in_use["active"] = json!(true);
    let mut other_id = replaced.clone();
    other_id["id"] = json!(two);
    let see_also = |other: Value| linked(&[("seealso", other)]);
    for (who, id, body, status, code) in [
        ("portal", &one, replaced.clone(), 403, "forbidden"),
        ("north", &one, replaced.clone(), 403, "forbidden"),
        ("olga", &one, replaced.clone(), 403, "forbidden"),
        ("ines", &"nobody".to_owned(), replaced.clone(), 404, "not-found"),
        ("ines", &one, in_use, 422, "business-rule"),
        ("ines", &one, other_id, 400, "invalid"),
        ("ines", &one, linked(&[]), 422, "business-rule"),
        ("ines", &one, see_also(to(&one)), 422, "business-rule"),
        ("ines", &one, see_also(json!({ "reference": "Observation/1" })), 404, "not-found"),
        ("ines", &one, see_also(json!({})), 422, "business-rule"),
        ("ines", &one, see_also(number(NORTH, "9")), 404, "not-found"),
        ("ines", &one, see_also(number("urn:oid:2.999.7", "9")), 400, "code-invalid"),
        ("ines", &one, linked(&[("refer", to(&two))]), 422, "business-rule"),
        ("ines", &one, linked(&[("twin", to(&two))]), 400, "code-invalid"),
        (
            "ines",
            &one,
            linked(&[("replaced-by", to(&two)), ("replaced-by", to(&three))]),
            422,
            "business-rule",
        ),
        ("ines", &one, linked(&vec![("seealso", to(&two)); 33]), 400, "too-long"),
        ("ines", &one, json!({ "resourceType": "Group" }), 400, "structure"),
    ] {
        let (answered, outcome) = linked_up.put(who, id, body).await;
        assert_eq!((answered, &outcome["issue"][0]["code"]), (status, &json!(code)), "{outcome}");
    }
    // What was read is not what is there any more.
    let request = Request::builder().method("PUT").uri(format!("/fhir/Patient/{one}"));
    let request = request
        .header(header::AUTHORIZATION, "Bearer ines-token")
        .header(header::CONTENT_TYPE, "application/fhir+json")
        .header(header::IF_MATCH, "W/\"0\"")
        .body(Body::from(replaced.to_string()));
    let router = linked_up.interface.router.clone();
    assert_eq!(router.oneshot(request.unwrap()).await.unwrap().status().as_u16(), 412);
    assert_eq!(linked_up.interface.desk.events(), before);
    // People outrank clients: whom a source keeps apart nobody links.
    linked_up
        .interface
        .feed("R-9", "REG|NORTH", "A37", "PID|||1^^^NORTH||X\nPID|||2^^^NORTH||X")
        .await;
    let (status, _) = linked_up.put("ines", &one, linked(&[("seealso", to(&two))])).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn a_feeds_links_count_where_its_client_has_the_role() {
    let linked_up = Linked::new().await;
    let [one, ..] = linked_up.ids().await;
    let feed = async |who: &str, system: &str, value: &str, mut patient: Value, link: Value| {
        patient["link"] = link;
        let path = format!("Patient?identifier={system}%7C{value}");
        linked_up.interface.ask(who, ("PUT", &path), Some(patient)).await
    };
    let boris = |system: &str, value: &str| {
        json!({
            "resourceType": "Patient",
            "identifier": [{ "system": system, "value": value }],
            "name": [{ "family": "Newcomer", "given": ["Nina"] }],
            "birthDate": "2001-01-01",
        })
    };
    let see_also = json!([{ "type": "seealso", "other": number(NORTH, "1") }]);
    // Without a role, it is left aside.
    let (status, told) = feed("north", NORTH, "7", boris(NORTH, "7"), see_also.clone()).await;
    assert_eq!(status, 201, "{told}");
    assert_ne!(told["id"], json!(one));
    let (status, told) = feed("lead", SOUTH, "8", boris(SOUTH, "8"), see_also).await;
    assert_eq!((status, &told["id"]), (201, &json!(one)), "{told}");
    // A record of one domain that is replaced by somebody of another: the persons are merged.
    let gone = json!({ "resourceType": "Patient", "active": false });
    let replaced = json!([{ "type": "replaced-by", "other": number(NORTH, "2") }]);
    let two = linked_up.id_of(NORTH, "2").await;
    let (status, told) = feed("lead", SOUTH, "3", gone.clone(), replaced.clone()).await;
    assert_eq!((status, &told["id"]), (200, &json!(two)), "{told}");
    // A client without a role may say so of its own domain only.
    let elsewhere = json!([{ "type": "replaced-by", "other": number(SOUTH, "8") }]);
    let (status, _) = feed("north", NORTH, "7", gone, elsewhere).await;
    assert_eq!(status, 403);
}
