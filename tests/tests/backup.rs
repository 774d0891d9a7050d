//! Backups: made while clients write, restored, verified, with the same enterprise IDs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use empi_proto::v1;
use empi_tests::{Desk, Folder, Server, empi, nth_patient};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tonic::Code;

const CLIENTS: u32 = 8;

/// Registrations that are acknowledged before the backup begins, at least.
const BEFORE: usize = 400;

/// Registrations that are acknowledged while backups are made, at least.
const MEANWHILE: usize = 400;

/// What a client was told: the record's source and number, and its person.
type Acknowledged = (String, u32, String);

/// Registers patients one after the other until enough were acknowledged.
async fn register_on(
    mut desk: Desk,
    client: u32,
    stop: Arc<AtomicU32>,
    told: UnboundedSender<Acknowledged>,
) {
    let source = format!("hospital-{client}");
    for step in 0.. {
        if stop.load(Ordering::Relaxed) > 0 {
            return;
        }
        // Every other patient is known to another client too, so that records are linked.
        let number = if step % 2 == 0 { step } else { 10_000 * (client + 1) + step };
        let record = nth_patient(number).record(&source, &step.to_string());
        let answer = desk.register(record).await;
        // Nobody listens any more once the test has seen enough.
        let _ = told.send((source.clone(), step, answer.enterprise_id));
    }
}

/// Every acknowledged registration so far, after at least `count` more.
async fn hear(told: &mut UnboundedReceiver<Acknowledged>, count: usize) -> Vec<Acknowledged> {
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(told.recv().await.expect("clients write until they are stopped"));
    }
    while let Ok(more) = told.try_recv() {
        heard.push(more);
    }
    heard
}

/// Every record of the heard ones is there, with the person that was acknowledged.
async fn assert_holds(server: &Server, heard: &[Acknowledged]) {
    let mut desk = server.desk().await;
    for (source, step, enterprise_id) in heard {
        let record = desk.record(source, &step.to_string()).await;
        assert_eq!(&record.enterprise_id, enterprise_id, "{source}/{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_all_that_was_acknowledged_before() {
    let folder = Folder::new();
    let (data, backups) = (folder.path("data"), folder.path("backups"));
    let server = Server::start_with(&data, &["--backups", &backups], &[]);
    let (sender, mut told) = unbounded_channel();
    let stop = Arc::new(AtomicU32::new(0));
    let mut running = JoinSet::new();
    for client in 0..CLIENTS {
        let desk = server.desk().await;
        running.spawn(register_on(desk, client, Arc::clone(&stop), sender.clone()));
    }
    drop(sender);
    let mut before = hear(&mut told, BEFORE).await;
    let first = server.empi(&["backup", "--name", "first", "--json"]).succeeded().json();
    let of_first = before.clone();
    before.extend(hear(&mut told, MEANWHILE).await);
    let second = server.empi(&["backup", "--name", "second", "--json"]).succeeded().json();
    stop.store(1, Ordering::Relaxed);
    running.join_all().await;
    while let Some(late) = told.recv().await {
        before.push(late);
    }
    let all = before;
    let checked = server.empi(&["verify", "--running"]).succeeded();
    assert!(checked.stdout.contains("sound"), "{}", checked.stdout);

    for (name, report, least) in
        [("first", &first, of_first.len()), ("second", &second, of_first.len() + MEANWHILE)]
    {
        let restored = folder.path(&format!("restored-{name}"));
        assert_eq!(report["directory"], format!("{backups}/{name}"));
        let from = format!("{backups}/{name}");
        let run = empi(&["restore", "--from", &from, "--data", &restored, "--json"]).succeeded();
        assert_eq!(run.json()["records"], report["records"]);
        assert_eq!(run.json()["last_event"], report["last_event"]);
        let _ = empi(&["verify", "--data", &restored]).succeeded();
        let records = report["records"].as_u64().unwrap();
        assert!((least as u64..=all.len() as u64).contains(&records), "{name}: {records} records");
    }

    let restored = Server::start(&folder.path("restored-first"));
    assert_holds(&restored, &of_first).await;
    assert_same_ids(&server, &restored, &all).await;
    assert_eq!(restored.stop().code, Some(0));
    assert_eq!(server.stop().code, Some(0));
}

/// Whatever the restored index holds, it holds under the enterprise ID that the original has it under.
async fn assert_same_ids(original: &Server, restored: &Server, all: &[Acknowledged]) {
    let (mut then, mut now) = (restored.desk().await, original.desk().await);
    let mut of_person: HashMap<String, usize> = HashMap::new();
    for (source, step, enterprise_id) in all {
        if let Ok(record) = then.try_record(source, &step.to_string()).await {
            assert_eq!(&record.enterprise_id, enterprise_id);
            *of_person.entry(record.enterprise_id).or_default() += 1;
        }
    }
    assert!(of_person.values().any(|records| *records > 1), "some records were linked");
    for (enterprise_id, records) in of_person {
        assert_eq!(then.person(&enterprise_id).await.records.len(), records);
        assert!(now.person(&enterprise_id).await.records.len() >= records);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_not_served_is_backed_up_and_goes_on_where_it_stood() {
    let folder = Folder::new();
    let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path(name));
    let server = Server::start(&data);
    let known = server.desk().await.register(nth_patient(1).record("a", "1")).await.enterprise_id;
    empi(&["backup", "--data", &data, "--to", &backup]).failed(1, &["in use", &data]);
    assert_eq!(server.stop().code, Some(0));
    let made = empi(&["backup", "--data", &data, "--to", &backup]).succeeded();
    assert!(made.stdout.contains("1 records up to event 1"), "{}", made.stdout);
    let run = empi(&["restore", "--from", &backup, "--data", &restored]).succeeded();
    assert!(run.stdout.contains("verified"), "{}", run.stdout);

    let server = Server::start(&restored);
    let mut desk = server.desk().await;
    assert_eq!(desk.register(nth_patient(1).record("b", "7")).await.enterprise_id, known);
    let stranger = desk.register(nth_patient(2).record("b", "8")).await.enterprise_id;
    assert_ne!(stranger, known, "an enterprise ID is given out once");
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &restored]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_backed_up_or_restored_is_said() {
    let folder = Folder::new();
    let [data, backup, other] = ["data", "backup", "other"].map(|name| folder.path(name));
    let backups = folder.path("backups");
    assert_eq!(Server::start(&data).stop().code, Some(0));
    let _ = empi(&["backup", "--data", &data, "--to", &backup]).succeeded();

    empi(&["backup", "--data", &data, "--to", &backup]).failed(1, &[&backup, "written over"]);
    empi(&["backup", "--data", &other, "--to", &folder.path("x")]).failed(1, &[&other]);
    empi(&["restore", "--from", &backup, "--data", &data]).failed(1, &[&data, "written over"]);
    empi(&["restore", "--from", &data, "--data", &other]).failed(1, &[&data, "no backup"]);
    empi(&["verify", "--data", &backup]).failed(1, &[&backup, "empi restore"]);
    empi(&["backup", "--data", &data]).failed(2, &["--to"]);
    empi(&["backup", "--data", &data, "--name", "x"]).failed(2, &["--name"]);
    std::fs::write(folder.root().join("backup/files/CURRENT"), "MANIFEST-000099\n").unwrap();
    empi(&["restore", "--from", &backup, "--data", &other]).failed(1, &[&backup, "CURRENT"]);
    assert!(!folder.has("other"), "nothing is left behind");

    let server = Server::start(&data);
    server.empi(&["backup", "--name", "monday"]).failed(1, &["--backups DIR"]);
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start_with(&data, &["--backups", &backups], &[]);
    let _ = server.empi(&["backup", "--name", "monday"]).succeeded();
    server.empi(&["backup", "--name", "monday"]).failed(1, &["another name"]);
    let mut admin = server.admin().await;
    for name in ["../out", "", "a/b"] {
        let mut told =
            admin.backup(v1::BackupRequest { name: name.to_owned() }).await.unwrap().into_inner();
        let refused = told.message().await.err().map(|status| status.code());
        assert_eq!(refused, Some(Code::InvalidArgument), "{name}");
    }
    assert_eq!(server.stop().code, Some(0));
}
