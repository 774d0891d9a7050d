//! The page of the audit trail.

use super::*;

#[tokio::test]
async fn auditors_see_who_saw_whom_and_what_is_to_be_accounted_for() {
    let pages = Pages::new();
    pages.add("greta", Role::Auditor);
    pages.add("ines", Role::Steward);
    let id = empi_model::EnterpriseId::from_number(7);
    let mut steward = pages.visiting("ines").await;
    pages.get(&mut steward, &format!("/persons/{id}")).await;
    pages.get(&mut steward, "/worklist").await;
    let mut auditor = pages.visiting("greta").await;
    let shown = pages.get(&mut auditor, "/audit").await;
    assert_eq!(shown.status, StatusCode::OK);
    let (queue, persons) = (shown.text.find("view queue"), shown.text.find("view persons"));
    assert!(queue.unwrap() < persons.unwrap(), "the newest come first: {}", shown.text);
    let rows = |text: &str| text.matches("<th class=\"number\" scope=\"row\">").count();
    for (fields, count) in [
        (vec![("name", "ines")], 2),
        (vec![("name", "nobody")], 0),
        (vec![("name", "ines"), ("since", "2024-01-01")], 0),
        (vec![("name", "ines"), ("until", "1970-01-01")], 2),
        (vec![("name", "ines"), ("accountable", "yes")], 0),
        (vec![("name", "ines"), ("from", "999999")], 0),
    ] {
        let found = pages.post(&mut auditor, "/audit", &fields).await;
        assert_eq!((found.status, rows(&found.text)), (StatusCode::OK, count), "{fields:?}");
    }
    for wrong in [("person", "nobody"), ("since", "yesterday")] {
        let refused = pages.post(&mut auditor, "/audit", &[wrong]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
}
