//! The pages of what two people must want.

use empi_model::{EnterpriseId, RecordKey, SourceRecord};
use empi_registry::{DataDir, MasterKey};

use super::*;

/// Pages of an encrypted index with two lead stewards, and a person.
fn guarded() -> (Pages, EnterpriseId) {
    let dir = tempfile::tempdir().unwrap();
    let keys = vec![MasterKey::random().unwrap()];
    let registry = registry_in(DataDir { path: dir.path().to_owned(), keys });
    let pages = Pages::over(dir, registry, WebConfig::default());
    for (user, role) in [
        ("lena", Role::LeadSteward),
        ("nora", Role::LeadSteward),
        ("ines", Role::Steward),
        ("greta", Role::Auditor),
    ] {
        pages.add(user, role);
    }
    let record = SourceRecord {
        key: RecordKey::new("north", "1"),
        birth_date: Some("1971-08-23".into()),
        ..SourceRecord::default()
    };
    let actor = Actor { kind: ActorKind::System, name: "adt".to_owned() };
    let request = RegisterRequest { record, actor, request_id: None };
    let person = pages.registry.register(request).unwrap().enterprise_id;
    (pages, person)
}

/// The token of a preview on a page.
fn token(text: &str) -> String {
    let (_, rest) = text.split_once("name=\"token\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn an_erasure_is_proposed_by_one_and_approved_by_another() {
    let (pages, person) = guarded();
    let mut lena = pages.visiting("lena").await;
    let shown = pages.get(&mut lena, &format!("/persons/{person}")).await;
    let way = format!("/persons/{person}/erase");
    assert!(shown.text.contains(&way));
    let shown = pages.get(&mut lena, &way).await;
    assert!(shown.text.contains("Somebody else has to approve it"), "{}", shown.text);
    let token = token(&shown.text);
    let without = [("token", token.as_str()), ("reason", "other"), ("note", " ")];
    let refused = pages.post(&mut lena, &way, &without).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "it says why");
    let fields = [("token", token.as_str()), ("reason", "other"), ("note", "letter of 3 May")];
    let sent = pages.post(&mut lena, &way, &fields).await;
    assert_eq!(sent.header(header::LOCATION), "/approvals/1");
    assert!(pages.registry.person(person).is_ok(), "nothing has changed");

    let figures = pages.get(&mut Browser::default(), "/metrics").await.text;
    assert!(figures.contains("\nempi_proposals_waiting 1\n"), "{figures}");
    let own = pages.get(&mut lena, "/approvals/1").await;
    assert!(own.text.contains("Withdraw") && !own.text.contains("Approve: do it now"));
    assert!(!own.text.contains("wait for you"), "one's own does not wait for oneself");
    let refused = pages.post(&mut lena, "/approvals/1", &[("do", "approve")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    // Stewards and auditors look, and have nothing to press.
    for user in ["ines", "greta"] {
        let mut browser = pages.visiting(user).await;
        let shown = pages.get(&mut browser, "/approvals/1").await;
        assert!(shown.text.contains("letter of 3 May") && !shown.text.contains("name=\"do\""));
    }
    let mut nora = pages.visiting("nora").await;
    let list = pages.get(&mut nora, "/approvals").await;
    assert!(list.text.contains("wait for you"), "{}", list.text);
    let shown = pages.get(&mut nora, "/approvals/1").await;
    assert!(shown.text.contains("Approve: do it now") && shown.text.contains("is erased"));
    for (wrong, status) in [
        (vec![("do", "decline")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![("do", "shrug")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![("do", "withdraw")], StatusCode::CONFLICT),
    ] {
        assert_eq!(pages.post(&mut nora, "/approvals/1", &wrong).await.status, status, "{wrong:?}");
    }
    let sent = pages.post(&mut nora, "/approvals/1", &[("do", "approve")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    let done = pages.get(&mut lena, "/approvals/1").await;
    let (_, rest) = done.text.split_once("/events/").expect("there is a certificate");
    let event = rest.split_once('/').unwrap().0;
    let file = pages.get(&mut lena, &format!("/events/{event}/certificate.json")).await;
    assert_eq!(file.header(header::CONTENT_TYPE), "application/json");
    let written: serde_json::Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!((&written["erased_by"], &written["approved_by"]), (&"lena".into(), &"nora".into()));
    assert_eq!(written["enterprise_id"], person.to_string());
    let other = pages.get(&mut lena, "/events/1/certificate.json").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "that event has erased nobody");
    assert_eq!(pages.get(&mut nora, &way).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_declined_or_withdrawn_says_so_and_changes_nothing() {
    let (pages, person) = guarded();
    let way = format!("/persons/{person}/erase");
    let mut browsers = [pages.visiting("lena").await, pages.visiting("nora").await];
    for (number, by, does, note, told) in [
        (1, 1, "decline", "not theirs", "declined by nora"),
        (2, 0, "withdraw", "", "withdrawn by lena"),
    ] {
        let shown = pages.get(&mut browsers[0], &way).await;
        let token = token(&shown.text);
        let fields = [("token", token.as_str()), ("reason", "other"), ("note", "by letter")];
        pages.post(&mut browsers[0], &way, &fields).await;
        let path = format!("/approvals/{number}");
        let sent = pages.post(&mut browsers[by], &path, &[("do", does), ("note", note)]).await;
        assert_eq!(sent.header(header::LOCATION), path, "{}", sent.text);
        let shown = pages.get(&mut browsers[0], &path).await;
        assert!(shown.text.contains(told) && !shown.text.contains("name=\"do\""), "{}", shown.text);
    }
    assert!(pages.registry.person(person).is_ok());
    let list = pages.get(&mut browsers[1], "/approvals").await;
    assert!(list.text.contains("Nothing waits") && list.text.contains("withdrawn by lena"));
}
