//! Several stewards at one queue, and what their answers are good for.

use empi_proto::v1::ReviewOutcome;
use empi_tests::{Folder, Server};

use crate::registration::robert;

#[tokio::test(flavor = "multi_thread")]
async fn stewards_take_turns_and_their_answers_become_labels() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let (mut desk, mut steward) = (server.desk().await, server.steward().await);
    let senior = robert().with("suffix", "Sr").record("hospital-a", "1");
    let junior = robert().with("suffix", "Jr").record("hospital-a", "2");
    let _ = desk.register(senior).await;
    let task = desk.register(junior).await.tasks[0];

    let listed = |flags: &[&str]| {
        let run = server.empi(&[&["review", "list", "--json"], flags].concat()).succeeded();
        run.json_lines().len()
    };
    assert_eq!(listed(&["--kind", "same-source-duplicate", "--kind", "held-update"]), 1);
    assert_eq!(listed(&["--source", "hospital-a", "--weight-min", "-5"]), 1);
    for none in [["--kind", "held-update"], ["--source", "clinic-b"], ["--weight-max", "-50"]] {
        assert_eq!(listed(&none), 0, "{none:?}");
    }

    let taken = server.empi(&["review", "next", "--actor", "ana", "--json"]).succeeded().json();
    assert_eq!(taken["task_id"], task);
    let nothing = server.empi(&["review", "next", "--actor", "bo", "--json"]).succeeded();
    assert_eq!(nothing.stdout, "");
    let stats = server.empi(&["review", "stats", "--json"]).succeeded().json();
    assert_eq!((&stats["claimed"], &stats["oldest_task_id"]), (&1.into(), &task.into()));
    let refused = steward.try_resolve(task, ReviewOutcome::Different).await.unwrap_err();
    assert!(refused.message().contains("ana has taken"), "{refused}");
    let id = task.to_string();
    let _ = server.empi(&["review", "release", &id, "--actor", "ana"]).succeeded();
    let step = |words: &[&str]| {
        let who = ["--actor", "ana", "--reason", "not-enough-evidence", "--json"];
        server.empi(&[&["review", words[0], &id], &words[1..], &who].concat()).succeeded().json()
    };
    assert_eq!(step(&["snooze", "--until", "2199-12-31"])["stage"], "snoozed");
    let nothing = server.empi(&["review", "next", "--actor", "ana", "--json"]).succeeded();
    assert_eq!(nothing.stdout, "", "what is put off is passed over");
    assert_eq!(step(&["ask-source"])["stage"], "source_asked");
    assert_eq!(step(&["assign", "--to", "ines"])["assignee"], "ines");
    assert_eq!(listed(&["--stage", "source-asked", "--assignee", "ines"]), 1);
    let _ = steward.resolve(task, ReviewOutcome::Different).await;

    let labels = folder.path("labels.csv");
    let _ = server.empi(&["review", "labels", "--out", &labels]).succeeded();
    let written = folder.read("labels.csv");
    let rows: Vec<&str> = written.lines().collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1], "hospital-a,2,hospital-a,1,different");
    // An answer that is undone is no label any more.
    let _ = server.empi(&["steward", "undo", "6", "--actor", "ana"]).succeeded();
    let _ = server.empi(&["review", "labels", "--out", &labels]).succeeded();
    assert_eq!(folder.read("labels.csv").lines().count(), 1);
}
