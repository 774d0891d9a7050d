//! Identity that nobody has to fear: whatever is done to it shows in the feed of events and can be undone,
//! by every way into the program.

use empi_proto::v1;
use empi_tests::{Folder, Patient, Server, empi};
use serde_json::Value;

use crate::registration::robert;

fn alice() -> Patient {
    Patient::new(&[
        ("given_name", "Alice"),
        ("family_name", "Smith"),
        ("birth_date", "1971-05-05"),
        ("sex", "F"),
        ("ssn", "611-20-1177"),
    ])
}

/// One line of JSON.
fn json(server: &Server, arguments: &[&str]) -> Value {
    server.empi(&[arguments, &["--json"]].concat()).succeeded().json()
}

fn lines(server: &Server, arguments: &[&str]) -> Vec<Value> {
    server.empi(&[arguments, &["--json"]].concat()).succeeded().json_lines()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_by_hand_is_previewed_made_and_undone() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    let one = desk.register(robert().record("hospital-a", "1")).await.enterprise_id;
    let other = desk.register(alice().record("clinic-b", "2")).await.enterprise_id;

    let merge = ["steward", "merge", &one, &other, "--actor", "ines", "--reason", "document-seen"];
    let preview = json(&server, &[&merge[..], &["--preview"]].concat());
    assert_eq!(preview["preview"], true);
    assert_eq!(preview["moves"][0]["new_enterprise_id"], one.as_str());
    assert_eq!(preview["sources"], serde_json::json!(["clinic-b"]));
    assert_eq!(desk.person(&other).await.enterprise_id, other, "a preview changes nothing");

    let merged = json(&server, &merge);
    assert_eq!((&merged["preview"], &merged["sequence"]), (&false.into(), &3.into()));
    assert_eq!(desk.person(&other).await.enterprise_id, one);
    assert_eq!(desk.person(&one).await.records.len(), 2);
    let person = json(&server, &["person", &one]);
    let best = &person["golden"]["provenance"][0];
    assert_eq!((&best["field"], &best["record_id"]), (&"name".into(), &"2".into()));

    // The token of the first preview has become old with the merge.
    let token = preview["version_token"].as_str().unwrap();
    let again = ["steward", "keep-apart", "hospital-a:1", "clinic-b:2", "--actor", "ines"];
    let refused = server.empi(&[&again[..], &["--version-token", token]].concat());
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);

    let undone = json(&server, &["steward", "undo", "3", "--actor", "ines"]);
    assert_eq!((&undone["kind"], &undone["undoes"]), (&"undone".into(), &3.into()));
    assert_eq!(desk.person(&other).await.enterprise_id, other);
    assert_eq!(desk.person(&one).await.records.len(), 1);

    // Kept apart, a merge is refused in words that name the event.
    let apart = json(&server, &again);
    let refused = server.empi(&merge);
    let sequence = apart["sequence"].as_u64().unwrap();
    assert!(refused.stderr.contains(&format!("event {sequence} keeps two")), "{}", refused.stderr);

    let told: Vec<u64> = lines(&server, &["events", "--from", "2"])
        .iter()
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(told, [2, 3, 4, 5]);
    let text = server.empi(&["events"]).succeeded().stdout;
    assert!(text.contains("by ines: a steward undid event 3 (merged)"), "{text}");
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_withdraws_and_merges_its_records() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    let one = desk.register(robert().record("hospital-a", "1")).await.enterprise_id;
    let other = desk.register(alice().record("hospital-a", "2")).await.enterprise_id;
    let retired = json(&server, &["retire", "hospital-a:2", "--replaced-by", "hospital-a:1"]);
    assert_eq!(retired["enterprise_id"], one.as_str());
    assert_eq!(desk.person(&other).await.enterprise_id, one);
    let record = desk.record("hospital-a", "2").await;
    assert_eq!(record.state(), v1::RecordState::Replaced);
    // A record without say is nobody's candidate.
    assert!(desk.candidates(alice().record("x", "9")).await.is_empty());
    let again = server.empi(&["retire", "hospital-a:2", "--replaced-by", "hospital-a:1"]);
    assert!(again.succeeded().stdout.contains("was already retired"));
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

/// The numbers of the next events of a feed.
async fn numbers(feed: &mut tonic::Streaming<v1::WatchEventsResponse>, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let told = feed.message().await.expect("the feed goes on").expect("the feed has no end");
        numbers.push(told.event.expect("an answer has its event").sequence);
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_catches_up_follows_and_resumes_without_a_gap() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    let watch = |from_sequence| v1::WatchEventsRequest { from_sequence, until_now: false };
    for number in 1..=20 {
        let _ = desk.register(robert().record("hospital-a", &number.to_string())).await;
    }
    let mut client = server.events().await;
    let mut feed = client.watch_events(watch(0)).await.unwrap().into_inner();
    assert_eq!(numbers(&mut feed, 20).await, (1..=20).collect::<Vec<_>>());
    // Live, while eight desks register at once.
    let desks = (0..8).map(|desk_number| {
        let mut desk = desk.clone();
        tokio::spawn(async move {
            for number in 0..10 {
                let record_id = format!("{desk_number}-{number}");
                let _ = desk.register(robert().record("clinic-b", &record_id)).await;
            }
        })
    });
    let desks: Vec<_> = desks.collect();
    assert_eq!(numbers(&mut feed, 40).await, (21..=60).collect::<Vec<_>>());
    drop(feed);
    for desk in desks {
        desk.await.unwrap();
    }
    // Resumed with the number behind the last one dealt with, also after a restart.
    let mut feed = client.watch_events(watch(61)).await.unwrap().into_inner();
    assert_eq!(numbers(&mut feed, 40).await, (61..=100).collect::<Vec<_>>());
    server.terminate();
    let ended = feed.message().await.map(|_| ()).unwrap_err();
    assert_eq!(ended.code(), tonic::Code::Unavailable, "{ended}");
    assert_eq!(server.wait().code, Some(0));
    let server = Server::start(&data);
    let mut client = server.events().await;
    let request = v1::WatchEventsRequest { from_sequence: 99, until_now: true };
    let mut feed = client.watch_events(request).await.unwrap().into_inner();
    assert_eq!(numbers(&mut feed, 2).await, [99, 100]);
    assert!(feed.message().await.unwrap().is_none(), "it ends with the last event that there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_watchers_than_the_limit_are_refused() {
    let folder = Folder::new();
    let config = folder.write("server.toml", "[grpc]\nwatchers_max = 1\n");
    let server = Server::start_with(&folder.path("data"), &["--config", &config], &[]);
    let mut client = server.events().await;
    let watch = v1::WatchEventsRequest::default;
    let feed = client.watch_events(watch()).await.unwrap();
    let refused = client.watch_events(watch()).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    drop(feed);
}
