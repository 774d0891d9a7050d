//! What people ask for about their data on the pages, and emergencies.

use empi_model::{EnterpriseId, PatientText, PersonName, RecordKey, SourceRecord};
use empi_registry::RegisterRequest;

use super::*;

/// Somebody with a number, and the person it became.
fn registered(pages: &Pages) -> EnterpriseId {
    let text = PatientText::non_blank;
    let record = SourceRecord {
        key: RecordKey::new("north", "1"),
        names: vec![PersonName {
            given: text("Amara"),
            family: text("Okafor"),
            ..PersonName::default()
        }],
        birth_date: text("1985-02-14"),
        ssn: text("457-12-9983"),
        ..SourceRecord::default()
    };
    let actor = Actor { kind: ActorKind::System, name: "adt".to_owned() };
    let request = RegisterRequest { record, actor, request_id: None };
    pages.registry.register(request).unwrap().enterprise_id
}

#[tokio::test]
async fn somebody_not_to_be_shared_is_seen_in_an_emergency_and_an_auditor_looks_at_it() {
    let pages = Pages::new();
    for (user, role) in [
        ("rita", Role::Registrar),
        ("ines", Role::Steward),
        ("lea", Role::LeadSteward),
        ("greta", Role::Auditor),
    ] {
        pages.add(user, role);
    }
    let id = registered(&pages);
    let person = format!("/persons/{id}");
    // A steward notes the wish on the person's page.
    let mut steward = pages.visiting("ines").await;
    pages.get(&mut steward, &person).await;
    let consent = format!("{person}/consent");
    let noted = pages.post(&mut steward, &consent, &[("not-shared", "yes")]).await;
    assert_eq!(noted.status, StatusCode::SEE_OTHER, "{}", noted.text);
    // From then on neither they nor a registrar see them; a lead steward does.
    let mut registrar = pages.visiting("rita").await;
    let refused = pages.get(&mut registrar, &person).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("State an emergency"), "{}", refused.text);
    assert!(!refused.text.contains("Amara"));
    assert_eq!(pages.get(&mut steward, &person).await.status, StatusCode::FORBIDDEN);
    let mut lead = pages.visiting("lea").await;
    let shown = pages.get(&mut lead, &person).await;
    assert!(shown.text.contains("not to be shared") && shown.text.contains("Amara"));
    let found = pages.post(&mut registrar, "/search", &[("q", "Amara Okafor")]).await;
    assert!(!found.text.contains("1985"), "{}", found.text);
    // In an emergency they do, for a reason.
    let emergency = format!("{person}/emergency");
    let password = ("password", PASSWORD);
    let without = pages.post(&mut registrar, &emergency, &[("reason", " "), password]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    pages.get(&mut registrar, &person).await;
    // Whoever sits at a desk that somebody else has left does not know the password.
    let reason = ("reason", "unconscious in the emergency room");
    for wrong in [vec![reason], vec![reason, ("password", "correct horse batter")]] {
        let refused = pages.post(&mut registrar, &emergency, &wrong).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text);
        assert!(refused.text.contains("not your password"), "{}", refused.text);
        assert!(refused.text.contains("value=\"unconscious in"), "{}", refused.text);
        assert!(!refused.text.contains("Amara"));
    }
    assert!(pages.registry.glass(false, 10).is_empty());
    assert_eq!(pages.get(&mut registrar, &person).await.status, StatusCode::FORBIDDEN);
    let reason = [reason, password];
    let stated = pages.post(&mut registrar, &emergency, &reason).await;
    assert_eq!(stated.status, StatusCode::SEE_OTHER, "{}", stated.text);
    let shown = pages.get(&mut registrar, &person).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.text.contains("in an emergency, until"), "{}", shown.text);
    // Of the number the last digits, as for any other person.
    assert!(shown.text.contains("9983") && !shown.text.contains("457"), "{}", shown.text);
    assert_eq!(pages.get(&mut steward, &person).await.status, StatusCode::FORBIDDEN);
    // An auditor finds it and says what came of it, once.
    let mut auditor = pages.visiting("greta").await;
    let list = pages.get(&mut auditor, "/emergencies").await;
    assert!(list.text.contains("unconscious in the emergency room"), "{}", list.text);
    let review = [("justified", "no"), ("note", "the patient was at the desk")];
    let reviewed = pages.post(&mut auditor, "/emergencies/1", &review).await;
    assert_eq!(reviewed.status, StatusCode::SEE_OTHER, "{}", reviewed.text);
    let list = pages.get(&mut auditor, "/emergencies").await;
    assert!(list.text.contains("the patient was at the desk") && list.text.contains("None waits"));
    let again = pages.post(&mut auditor, "/emergencies/1", &review).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}
