//! A store made by `empi load` opens in `empi serve`, with its review tasks waiting.

use std::collections::HashMap;
use std::process::Command;

use empi_proto::v1::{self, RegistrationDecision, ReviewOutcome};
use empi_tests::{Desk, Folder, Partition, Server, Steward, Table, empi, start_empi};
use serde_json::Value;

use crate::link::{clusters, generated, linked};
use crate::registration::assert_adds_up;

const RECORDS: u32 = 1_500;

/// Loads a generated file and gives the summary.
fn loaded(folder: &Folder) -> (String, Value) {
    let file = generated(folder, RECORDS, 23);
    let (data, summary) = (folder.path("data"), folder.path("load.json"));
    let _ = empi(&["load", &file, "--data", &data, "--summary", &summary]).succeeded();
    let summary = serde_json::from_str(&folder.read("load.json")).expect("the summary is JSON");
    (file, summary)
}

/// The persons of all records of a file, as the server knows them.
pub(crate) async fn served(desk: &mut Desk, file: &str) -> Partition {
    let table = Table::read(file);
    let keys: Vec<(&str, &str)> = table.column("source").zip(table.column("record_id")).collect();
    let mut persons = HashMap::new();
    for (source, record_id) in keys {
        let person = desk.record(source, record_id).await.enterprise_id;
        persons.insert(format!("{source}/{record_id}"), person);
    }
    Partition::new(persons)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_store_serves_the_persons_that_linking_found() {
    let folder = Folder::new();
    let (file, summary) = loaded(&folder);
    let _ = empi(&["verify", "--data", &folder.path("data")]).succeeded();
    let server = Server::start(&folder.path("data"));
    let stats = server.stats().await;
    assert_eq!(stats.records, u64::from(RECORDS));
    assert_eq!(summary["persons"], stats.persons);
    assert_eq!(summary["reviews"], stats.open_tasks);
    assert_eq!(summary["model"], stats.model.as_str());
    assert!(stats.open_tasks > 10, "the set has uncertain pairs");

    let _ = linked(&folder, &[&file], &[]);
    let mut desk = server.desk().await;
    let served = served(&mut desk, &file).await;
    let agreement = clusters(&folder).compared_with(&served);
    assert_eq!((agreement.first, agreement.second), (agreement.both, agreement.both));

    // A record of the file registered again is known; a new person gets an ID of their own.
    let known = served.person(served.pairs()[0].0).to_owned();
    let record = desk.person(&known).await.records[0].record.clone().unwrap();
    let again = desk.register(record).await;
    assert_eq!(again.decision(), RegistrationDecision::Unchanged);
    assert_eq!(again.enterprise_id, known);
    let stranger = empi_tests::nth_patient(1).record("hospital-z", "1");
    let stranger = desk.register(stranger).await;
    assert_eq!(stranger.decision(), RegistrationDecision::New);
    assert_eq!(desk.person(&stranger.enterprise_id).await.records.len(), 1);
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &folder.path("data")]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_of_a_loaded_store_shows_two_persons_and_adds_up() {
    let folder = Folder::new();
    let (_, summary) = loaded(&folder);
    let server = Server::start(&folder.path("data"));
    let mut steward = server.steward().await;
    let tasks = steward.open_tasks().await;
    assert_eq!(summary["reviews"], tasks.len());
    for task in &tasks {
        let view = steward.task(task.task_id).await;
        assert!(view.task.as_ref() == Some(task));
        let explanation = view.explanation.unwrap();
        assert_adds_up(&explanation);
        let drift = (explanation.total - task.match_weight).abs();
        assert!(drift < 1e-6, "task {}: {drift} bits of drift", task.task_id);
        let persons = [view.incoming.unwrap(), view.candidate.unwrap()];
        let [one, other] = persons.map(|record| record.enterprise_id);
        assert_ne!(one, other, "task {} asks about two persons", task.task_id);
    }
}

/// The first open tasks whose persons are asked about in no other task, with those persons.
async fn lone_tasks(steward: &mut Steward, count: usize) -> Vec<(u64, String, String)> {
    let mut asked: HashMap<String, u32> = HashMap::new();
    let mut found = Vec::new();
    for task in steward.open_tasks().await {
        let view = steward.task(task.task_id).await;
        let incoming = view.incoming.unwrap().enterprise_id;
        let candidate = view.candidate.unwrap().enterprise_id;
        for person in [&incoming, &candidate] {
            *asked.entry(person.clone()).or_default() += 1;
        }
        found.push((task.task_id, incoming, candidate));
    }
    found.retain(|(_, one, other)| asked[one] == 1 && asked[other] == 1);
    found.truncate(count);
    assert_eq!(found.len(), count, "the set has enough questions that stand alone");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steward_decides_the_tasks_of_a_loaded_store() {
    let folder = Folder::new();
    let (_, _) = loaded(&folder);
    let data = folder.path("data");
    let server = Server::start(&data);
    let (mut desk, mut steward) = (server.desk().await, server.steward().await);
    let before = server.stats().await;
    let tasks = lone_tasks(&mut steward, 2).await;

    let (task, one, other) = &tasks[0];
    let counts = [desk.person(one).await.records.len(), desk.person(other).await.records.len()];
    let view = steward.resolve(*task, ReviewOutcome::Same).await;
    let survivor = view.incoming.unwrap().enterprise_id;
    assert!([one, other].contains(&&survivor));
    for asked in [one, other] {
        let person = desk.person(asked).await;
        assert_eq!(person.enterprise_id, survivor);
        assert_eq!(person.records.len(), counts.iter().sum::<usize>());
    }

    let (task, one, other) = &tasks[1];
    let view = steward.resolve(*task, ReviewOutcome::Different).await;
    assert_eq!(view.task.unwrap().resolution.unwrap().outcome(), ReviewOutcome::Different);
    for asked in [one, other] {
        assert_eq!(&desk.person(asked).await.enterprise_id, asked);
    }

    let after = server.stats().await;
    assert_eq!(after.open_tasks, before.open_tasks - 2);
    assert_eq!(after.persons, before.persons - 1);
    assert_eq!(after.redirects, before.redirects + 1);
    let all = steward_list(&server, true).await;
    assert_eq!(all.len() as u64, before.open_tasks, "resolved tasks can still be read");
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

async fn steward_list(server: &Server, include_resolved: bool) -> Vec<Value> {
    let all = if include_resolved { &["--all"][..] } else { &[] };
    let arguments = [&["review", "list", "--limit", "100000", "--json"], all].concat();
    server.empi(&arguments).succeeded().json_lines()
}

#[test]
fn loading_twice_into_one_store_is_refused() {
    let folder = Folder::new();
    let (file, _) = loaded(&folder);
    let data = folder.path("data");
    empi(&["load", &file, "--data", &data]).failed(1, &["empty", &data]);
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[test]
fn a_load_that_was_broken_off_is_no_store() {
    let folder = Folder::new();
    let (data, pipe) = (folder.path("data"), folder.path("in.csv"));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let mut load = start_empi(&["load", &pipe, "--data", &data]);
    // Opening a pipe waits for its reader: from here on the load is in the middle of its work, and
    // stays there, because nobody writes.
    let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    load.kill().unwrap();
    load.wait().unwrap();
    drop(writer);
    std::fs::remove_file(&pipe).unwrap();

    let Err(run) = Server::try_start(&["--data", &data, "--grpc", "127.0.0.1:0"], &[]) else {
        panic!("half a store must not be served")
    };
    run.failed(1, &[&data, "not loaded to its end", "load again"]);
    empi(&["verify", "--data", &data]).failed(1, &[&data, "load again"]);
    let file = generated(&folder, 100, 1);
    empi(&["load", &file, "--data", &data]).failed(1, &[&data, "load again"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_keys_and_bad_rows_are_set_aside_when_loading() {
    let folder = Folder::new();
    let patient = crate::registration::robert();
    let good = empi_tests::Patient::csv([("a", "1", &patient), ("a", "2", &patient)]);
    let repeated = good.lines().nth(1).unwrap();
    let file = folder.write("in.csv", format!("{good}{repeated}\na,3,too,few\n"));
    let data = folder.path("data");
    let run = empi(&["load", &file, "--data", &data]).succeeded();
    assert!(run.stderr.contains("2 bad rows"), "{}", run.stderr);
    let server = Server::start(&data);
    let stats = server.stats().await;
    assert_eq!((stats.records, stats.persons), (2, 1));
    let first = server.desk().await.record("a", "1").await;
    assert!(first.link.unwrap().source() == v1::LinkSource::Automatic);
}
