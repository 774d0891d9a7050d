//! People outrank the machine: what a steward kept apart, no record ever joins (identity rule 4).

use empi_proto::v1::{RegistrationDecision, ReviewOutcome};
use empi_tests::{Desk, Folder, Patient, Server, empi};

use crate::registration::robert;

fn senior() -> Patient {
    robert().with("suffix", "Sr")
}

fn junior() -> Patient {
    robert().with("suffix", "Jr")
}

/// Resembles both as much as can be.
fn either() -> Patient {
    robert()
}

async fn assert_apart(desk: &mut Desk, when: &str) {
    let senior = desk.record("hospital-a", "senior").await.enterprise_id;
    let junior = desk.record("hospital-a", "junior").await.enterprise_id;
    assert_ne!(senior, junior, "{when}");
    let persons = [desk.person(&senior).await, desk.person(&junior).await];
    assert_eq!(persons[0].enterprise_id, senior, "{when}");
    assert_eq!(persons[1].enterprise_id, junior, "{when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn different_people_are_kept_apart_for_ever() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let (mut desk, mut steward) = (server.desk().await, server.steward().await);
    let one = desk.register(senior().record("hospital-a", "senior")).await;
    let other = desk.register(junior().record("hospital-a", "junior")).await;
    assert_eq!(other.decision(), RegistrationDecision::Review);
    let _ = steward.resolve(other.tasks[0], ReviewOutcome::Different).await;
    assert_apart(&mut desk, "after the answer").await;
    assert_eq!(server.stats().await.open_tasks, 0);

    // A third record that resembles both: nobody can tell whose it is, so it belongs to neither.
    let third = desk.register(either().record("clinic-b", "third")).await;
    assert_eq!(third.decision(), RegistrationDecision::Review);
    assert!(![&one.enterprise_id, &other.enterprise_id].contains(&&third.enterprise_id));
    assert_eq!(third.tasks.len(), 2);
    assert_apart(&mut desk, "after a third that resembles both").await;

    // A steward says whose it is: the question about the other one is settled by that.
    let mut resolved = None;
    for task in &third.tasks {
        let candidate = steward.task(*task).await.candidate.unwrap();
        if candidate.enterprise_id == one.enterprise_id {
            resolved = Some(steward.resolve(*task, ReviewOutcome::Same).await);
        }
    }
    assert_eq!(resolved.unwrap().incoming.unwrap().enterprise_id, one.enterprise_id);
    assert_apart(&mut desk, "after the third was joined to one").await;
    assert!(steward.open_tasks().await.is_empty());

    // Nor does a change of the records themselves join them, nor a restart, nor more records.
    let _ = desk.register(either().record("hospital-a", "senior")).await;
    assert_apart(&mut desk, "after an update that removes the difference").await;
    let _ = desk.register(either().record("hospital-a", "junior")).await;
    assert_apart(&mut desk, "after both were updated").await;
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    for number in 0..10 {
        let record_id = format!("more-{number}");
        let _ = desk.register(either().record("clinic-c", &record_id)).await;
        assert_apart(&mut desk, &record_id).await;
    }
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_answered_is_not_asked_again() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let (mut desk, mut steward) = (server.desk().await, server.steward().await);
    let _ = desk.register(senior().record("hospital-a", "senior")).await;
    let other = desk.register(junior().record("hospital-a", "junior")).await;
    let _ = steward.resolve(other.tasks[0], ReviewOutcome::Different).await;
    let moved = junior().with("street", "7 Oak Avenue");
    let update = desk.register(moved.record("hospital-a", "junior")).await;
    assert_eq!(update.enterprise_id, other.enterprise_id);
    assert!(update.tasks.is_empty(), "the steward has answered this already");
    assert!(steward.open_tasks().await.is_empty());
}
