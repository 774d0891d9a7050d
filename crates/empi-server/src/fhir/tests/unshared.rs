//! A person who is not to be shared, asked for by FHIR and by HL7.

use empi_model::{Actor, ActorKind, EnterpriseId, ReasonCode};
use empi_registry::{Registry, StewardOperation, StewardRequest};

use super::*;

/// Notes that a person is not to be shared, or is again.
fn note(registry: &Registry, person: EnterpriseId, not_shared: bool) {
    let asked = StewardRequest {
        operation: StewardOperation::SetConsent { person, not_shared, not_linked: false },
        actor: Actor { kind: ActorKind::Steward, name: "lea".to_owned() },
        reason: ReasonCode::Other,
        note: String::new(),
        request_id: None,
        version_token: None,
        validate_only: true,
    };
    let version_token = Some(registry.steward(asked.clone()).unwrap().version_token);
    registry.steward(StewardRequest { version_token, validate_only: false, ..asked }).unwrap();
}

#[tokio::test]
async fn who_is_not_to_be_shared_is_told_to_nobody_and_their_source_goes_on() {
    let interface = Interface::new();
    let (method, path) = put("2.999.1.1", "1");
    let patient = amara("2.999.1.1", "1");
    let (_, north) = interface.ask("north", (method, &path), Some(patient.clone())).await;
    interface.feed("R-1", "REG|SOUTH", "A04", &pid("S1^^^SOUTH", AMARA)).await;
    let id = north["id"].as_str().unwrap().to_owned();
    let looks = [
        format!("Patient/{id}"),
        "Patient?identifier=urn:oid:2.999.1.1%7C1".to_owned(),
        "Patient?family=okafor&given=amara&birthdate=1985-02-14".to_owned(),
        "Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.1.2%7CS1".to_owned(),
    ];
    let matched = || interface.ask("portal", ("POST", "Patient/$match"), Some(patient.clone()));
    let query = query_of_amara();
    let pdq = || interface.desk.send(&query);
    let (door, _) = interface.desk.parts();
    let person: EnterpriseId = id.parse().unwrap();
    let noting = |not_shared| {
        let permit = crate::access::tests::permit();
        door.call(permit, move |registry| {
            note(registry, person, not_shared);
            Ok(())
        })
    };
    for is_shared in [true, false, true] {
        if !is_shared || interface.desk.pix("SOUTH:S1").await != "NORTH:1" {
            noting(!is_shared).await.unwrap();
        }
        for look in &looks {
            let (status, resource) = interface.get(look).await;
            let text = resource.to_string();
            let tells = status == 200 && text.contains("2.999.1.1") && text.contains(&id);
            assert_eq!(tells, is_shared, "{look}: {status} {text}");
            assert!(is_shared || !text.contains("Amara"), "{look}: {text}");
        }
        let (_, bundle) = matched().await;
        assert_eq!(bundle["total"].as_u64(), Some(u64::from(is_shared)), "{bundle}");
        // As of a number that nobody has.
        let expected = if is_shared { "NORTH:1" } else { "AE" };
        assert_eq!(interface.desk.pix("SOUTH:S1").await, expected);
        assert_eq!(pdq().await.contains("\nPID|"), is_shared);
        // Its own source registers as ever.
        let mut moved = patient.clone();
        let line = if is_shared { "14 Elm St" } else { "16 Elm St" };
        moved["address"][0]["line"] = json!([line]);
        let (status, _) = interface.ask("north", (method, &path), Some(moved)).await;
        assert_eq!(status, 200);
    }
}

fn query_of_amara() -> String {
    "MSH|^~\\&|KIOSK|HIE|MPI|HIE|2026||QBP^Q22^QBP_Q21|Q|P|2.5\n\
     QPD|IHE PDQ Query|T|@PID.5.1^OKAFOR~@PID.5.2^AMARA\nRCP|I\n"
        .to_owned()
}
