//! What two people must want, as an operator meets it: on the command line, through a crash, and as configured.

use empi_proto::v1;
use empi_proto::v1::review_service_client::ReviewServiceClient;
use empi_tests::{Folder, Server, empi, nth_patient};

use crate::encryption::new_key;
use crate::web_steward::ask_about_twins;

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_outlives_a_crash_and_the_certificate_names_both() {
    let folder = Folder::new();
    let (key, _) = new_key(&folder, "a.key");
    let data = folder.path("data");
    let start = || Server::start_with(&data, &["--key-file", &key], &[]);
    let server = start();
    let id = server.desk().await.register(nth_patient(1).record("desk", "one")).await.enterprise_id;
    let certificate = folder.path("certificate.json");
    let erase = ["steward", "erase", &id, "--actor", "lena", "--note", "asked by letter"];
    let asked = server.empi(&[&erase[..], &["--certificate", &certificate]].concat()).succeeded();
    assert!(asked.stdout.contains("proposal 1 waits for somebody else"), "{}", asked.stdout);
    assert!(!std::path::Path::new(&certificate).exists(), "nobody was erased");
    server.kill();

    let server = start();
    let listed = server.empi(&["steward", "proposals", "--waiting", "--json"]).succeeded().json();
    assert_eq!((&listed["number"], &listed["proposed_by"]), (&1.into(), &"lena".into()));
    let one = server.empi(&["steward", "proposal", "1"]).succeeded().stdout;
    assert!(one.contains(&format!("{id}  erased")), "{one}");
    let approve = ["steward", "approve", "1", "--certificate", &certificate, "--actor"];
    server.empi(&[&approve[..], &["lena"]].concat()).failed(1, &["your own"]);
    server.empi(&["steward", "decline", "1", "--actor", "nora"]).failed(1, &["say why"]);
    let _ = server.empi(&["person", &id]).succeeded();
    let _ = server.empi(&[&approve[..], &["nora"]].concat()).succeeded();
    let written: serde_json::Value =
        serde_json::from_str(&folder.read("certificate.json")).expect("it is JSON");
    let both = (&written["erased_by"], &written["approved_by"]);
    assert_eq!(both, (&"lena".into(), &"nora".into()));
    server.empi(&["person", &id]).failed(1, &["was erased with event"]);
    let events = server.empi(&["events"]).succeeded().stdout;
    assert!(events.contains("by lena, approved by nora"), "{events}");
    let _ = server.stop();
    let _ = empi(&["verify", "--data", &data, "--key-file", &key]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_merges_one_person_makes_is_configured() {
    let folder = Folder::new();
    let config = folder.write("server.toml", "[approval]\nmerges_max = 1\ndays = 3\n");
    let server = Server::start_with(&folder.path("data"), &["--config", &config], &[]);
    ask_about_twins(&server, 3).await;
    let task_ids: Vec<u64> =
        server.steward().await.open_tasks().await.iter().map(|task| task.task_id).collect();
    assert_eq!(task_ids.len(), 3);
    let mut reviews = ReviewServiceClient::new(server.connect().await);
    let answered = reviews
        .resolve_tasks(v1::ResolveTasksRequest {
            task_ids: task_ids.clone(),
            outcome: v1::ReviewOutcome::Same.into(),
            actor: Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: "lena".to_owned() }),
            reason_code: v1::ReasonCode::ChartReview.into(),
            note: String::new(),
            lead: true,
        })
        .await
        .expect("it is taken")
        .into_inner();
    assert_eq!(answered.proposal, 1);
    assert_eq!(server.steward().await.open_tasks().await.len(), task_ids.len());
    let approved = server.empi(&["steward", "approve", "1", "--actor", "nora", "--json"]);
    let approved = approved.succeeded().json();
    let events = approved["decision"]["events"].as_array().expect("it is a list").len();
    assert_eq!(events, 3, "{approved}");
    assert_eq!(approved["foreseen"][0]["event"]["approved_by"], "nora");
    assert_eq!(server.stats().await.open_tasks, 0);
    let _ = server.stop();
}
