//! Every interface leaves its entries: who asked, how they came, what they did, and how it went.

use empi_model::{AuditEntry, AuditOutcome};
use empi_registry::AuditQuery;

use super::*;
use crate::door::Door;
use crate::mllp::tests::{AMARA, Desk, adt, pid, query};

async fn trail(door: &Door) -> Vec<AuditEntry> {
    let query = AuditQuery { limit: 1000, ..AuditQuery::default() };
    let read = door.call(permit(), move |registry| registry.audit(&query)).await;
    read.unwrap().into_iter().map(|(_, entry)| entry).collect()
}

fn told(entries: &[AuditEntry]) -> Vec<String> {
    let told = entries.iter().map(|entry| {
        let Asker { name, interface, .. } = &*entry.asked.asker;
        format!(
            "{} {name} {} {} {}",
            interface.as_str(),
            entry.asked.operation.as_str(),
            entry.outcome.as_str(),
            entry.persons_total
        )
    });
    told.collect()
}

#[tokio::test]
async fn a_message_leaves_its_entries() {
    let desk = Desk::new();
    let (door, _) = desk.parts();
    let feed = adt("REG|NORTH", "A04", "1", &pid("1^^^NORTH", AMARA));
    assert_eq!(desk.outcome(&feed).await, "AA");
    desk.pix("NORTH:1").await;
    desk.send(&query("9^^^NORTH|")).await;
    let entries = trail(&door).await;
    assert_eq!(
        told(&entries),
        [
            "hl7 REG|NORTH register-records done 1",
            "hl7 PORTAL|HIE view-persons done 1",
            "hl7 PORTAL|HIE view-persons refused 0",
        ]
    );
    assert!(entries[0].event.is_some() && entries[1].event.is_none());
}

#[tokio::test]
async fn who_is_denied_is_in_the_trail() {
    let desk = Desk::new();
    let (door, _) = desk.parts();
    for role in [Role::Reader, Role::Source] {
        let caller = caller(role);
        let asked = door.admit(&caller, Operation::ChangeIdentities, Subject::Index);
        assert!(asked.is_err());
    }
    let origin = Origin { interface: Interface::Web, address: None };
    let nobody = Arc::new(Caller::nobody(origin));
    for _ in 0..5 {
        assert!(door.admit(&nobody, Operation::ViewPersons, Subject::Index).is_err());
    }
    let entries = trail(&door).await;
    let denied: u32 = entries.iter().map(|entry| entry.times).sum();
    assert_eq!(denied, 7);
    assert!(entries.iter().all(|entry| entry.outcome == AuditOutcome::Denied));
}
