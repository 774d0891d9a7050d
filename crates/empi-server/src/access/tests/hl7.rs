//! Every HL7 event from every kind of sender: of the domain, of another, who may only ask, and whom nobody knows.

use super::*;
use crate::MllpConfig;
use crate::exchange::config::SenderConfig;
use crate::mllp::tests::{AMARA, BORIS, Desk, adt, pid, query};

const NOT_REGISTERED: &str = "AR, MSH^1^3 204 E";

/// An index that is closed, with a sender that may ask.
async fn closed() -> Desk {
    let sender = |application: &str| SenderConfig {
        application: application.to_owned(),
        facility: "HIE".to_owned(),
    };
    let desk = Desk::with(MllpConfig { readers: vec![sender("PORTAL")], ..MllpConfig::default() });
    let (door, _) = desk.parts();
    let made = door.call(permit(), |registry| {
        account(registry, Role::Administrator);
        Ok(())
    });
    made.await.unwrap();
    desk
}

#[tokio::test]
async fn every_event_is_taken_from_whom_the_table_says() {
    let desk = closed().await;
    for (number, demographics) in [("1", AMARA), ("2", BORIS), ("3", AMARA)] {
        let segments = pid(&format!("{number}^^^NORTH"), demographics);
        assert_eq!(desk.outcome(&adt("REG|NORTH", "A04", number, &segments)).await, "AA");
    }
    let (first, second) = (pid("1^^^NORTH", AMARA), pid("2^^^NORTH", BORIS));
    let pair = format!("{first}\nMRG|3^^^NORTH");
    let renamed = format!("{second}\nMRG|9^^^NORTH");
    let both = format!("{first}\n{second}");
    for (event, segments) in [
        ("A01", &first),
        ("A04", &first),
        ("A05", &first),
        ("A08", &first),
        ("A28", &first),
        ("A31", &first),
        ("A24", &both),
        ("A37", &both),
        ("A47", &renamed),
        ("A40", &pair),
    ] {
        let kind = crate::mllp::event_operation(event).unwrap();
        for sender in ["PORTAL|HIE", "EVIL|CORP"] {
            assert!(!kind.allows(Role::Reader));
            let outcome = desk.outcome(&adt(sender, event, "x", segments)).await;
            assert_eq!(outcome, NOT_REGISTERED, "{sender} {event}");
        }
        let other = desk.outcome(&adt("REG|SOUTH", event, "x", segments)).await;
        assert!(other.starts_with("AR") && other.contains("204"), "{event} {other}");
        let own = desk.outcome(&adt("REG|NORTH", event, event, segments)).await;
        assert_eq!(own, "AA", "{event}");
    }
}

#[tokio::test]
async fn only_known_senders_ask() {
    let desk = closed().await;
    let asked = query("1^^^NORTH|");
    for (sender, is_known) in [("PORTAL|HIE", true), ("REG|SOUTH", true), ("EVIL|CORP", false)] {
        let answer = desk.send(&asked.replace("PORTAL|HIE", sender)).await;
        assert_eq!(answer.contains("MSA|AR|"), !is_known, "{sender} {answer}");
    }
}
