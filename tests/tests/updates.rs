//! What a source changes about its own record.

use empi_proto::v1::{RegistrationDecision, ReviewKind, ReviewOutcome};
use empi_tests::{Folder, Patient, Server};

use crate::registration::{alice, robert};

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_still_fits_stays_with_its_person() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let first = desk.register(robert().record("hospital-a", "17")).await;
    let _ = desk.register(robert().with("given_name", "Bob").record("clinic-b", "1")).await;
    let moved = robert().with("street", "7 Oak Avenue").with("phone", "312-555-0144");
    let update = desk.register(moved.record("hospital-a", "17")).await;
    assert_eq!(update.decision(), RegistrationDecision::Link);
    assert_eq!(update.enterprise_id, first.enterprise_id);
    assert!(update.event.is_some());
    let held = desk.record("hospital-a", "17").await;
    assert!(held.record == Some(moved.record("hospital-a", "17")));
    assert_eq!(held.version, 2);
    assert_eq!(server.stats().await.persons, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_tells_who_a_lone_record_is_moves_it_and_its_old_id_still_answers() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut desk = server.desk().await;
    let first = desk.register(robert().record("hospital-a", "17")).await;
    let unknown = Patient::new(&[("given_name", "Bob"), ("family_name", "Okafor"), ("sex", "M")]);
    let alone = desk.register(unknown.record("clinic-b", "1")).await;
    assert_ne!(alone.enterprise_id, first.enterprise_id);

    let known = robert().with("given_name", "Bob");
    let update = desk.register(known.record("clinic-b", "1")).await;
    assert_eq!(update.decision(), RegistrationDecision::Link);
    assert_eq!(update.enterprise_id, first.enterprise_id);
    let person = desk.person(&alone.enterprise_id).await;
    assert_eq!((person.enterprise_id, person.records.len()), (first.enterprise_id, 2));
    let stats = server.stats().await;
    assert_eq!((stats.persons, stats.redirects, stats.open_tasks), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_makes_a_record_somebody_else_is_held_until_a_steward_says_so() {
    for outcome in [ReviewOutcome::Same, ReviewOutcome::Different] {
        let folder = Folder::new();
        let server = Server::start(&folder.path("data"));
        let (mut desk, mut steward) = (server.desk().await, server.steward().await);
        let first = desk.register(robert().record("hospital-a", "17")).await;
        let _ = desk.register(robert().with("given_name", "Bob").record("clinic-b", "1")).await;

        let update = desk.register(alice().record("hospital-a", "17")).await;
        assert_eq!(update.decision(), RegistrationDecision::Review);
        assert_eq!(update.enterprise_id, first.enterprise_id);
        let held = desk.record("hospital-a", "17").await;
        assert!(held.record == Some(robert().record("hospital-a", "17")), "not applied");
        // Sent again while it waits: the same answer, and no second task.
        let again = desk.register(alice().record("hospital-a", "17")).await;
        assert_eq!((again.decision(), &again.tasks), (RegistrationDecision::Review, &update.tasks));

        let view = steward.task(update.tasks[0]).await;
        assert_eq!(view.task.unwrap().kind(), ReviewKind::HeldUpdate);
        assert!(view.proposed == Some(alice().record("hospital-a", "17")));
        let _ = steward.resolve(update.tasks[0], outcome).await;
        let applied = desk.record("hospital-a", "17").await;
        assert!(applied.record == Some(alice().record("hospital-a", "17")), "applied now");
        let stayed = applied.enterprise_id == first.enterprise_id;
        assert_eq!(stayed, outcome == ReviewOutcome::Same);
        // Whoever the record is now, the other record's person is who it was.
        assert_eq!(desk.record("clinic-b", "1").await.enterprise_id, first.enterprise_id);
        assert_eq!(server.stats().await.open_tasks, 0);
        assert_eq!(server.stop().code, Some(0));
        let _ = empi_tests::empi(&["verify", "--data", &folder.path("data")]).succeeded();
    }
}
