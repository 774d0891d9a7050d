//! Accounts, and the audit trail from outside: who may, who did, and that nothing of it can be cut off unseen.

use empi_tests::{Folder, Run, Server, add_account, empi, http};
use serde_json::Value;

/// An index with accounts, and where their tokens are.
struct Office {
    folder: Folder,
    data: String,
}

impl Office {
    fn new() -> Self {
        let folder = Folder::new();
        let data = folder.path("index");
        let office = Self { folder, data };
        office.add("ops", &["--role", "administrator", "--all-domains"]);
        office.add("adt", &["--role", "source", "--domain", "north"]);
        office.add("watch", &["--role", "auditor", "--all-domains"]);
        office
    }

    fn add(&self, name: &str, arguments: &[&str]) {
        let _ = add_account(&self.folder, &self.data, name, arguments);
    }

    fn token(&self, name: &str) -> String {
        self.folder.path(&format!("{name}.token"))
    }

    /// A configuration that signs ends of the trail, and the key to check them with.
    fn signed(&self) -> (String, String) {
        let key = self.folder.path("audit.key");
        let made = empi(&["audit", "key", "--out", &key]).succeeded();
        let public = made.stdout.trim().strip_prefix("public key ").unwrap().to_owned();
        let config = format!(
            "[audit]\nkey_file = {key:?}\nheads_file = {:?}\nheads_seconds = 3600\n",
            self.folder.path("heads")
        );
        (self.folder.write("server.toml", config), public)
    }
}

/// A call as somebody.
fn by(server: &Server, token: &str, arguments: &[&str]) -> Run {
    server.empi(&[arguments, &["--token-file", token]].concat())
}

const ROBERTA: [&str; 10] = [
    "--record-id",
    "1",
    "--given-name",
    "Roberta",
    "--family-name",
    "Okafor",
    "--birth-date",
    "1980-02-29",
    "--sex",
    "F",
];

#[test]
fn accounts_open_and_close_the_door_and_tokens_are_shown_once() {
    let office = Office::new();
    let trace = [("EMPI_LOG", "trace"), ("RUST_LOG", "trace")];
    let server = Server::start_with(&office.data, &[], &trace);
    let register = |source: &str, token: &str| {
        let call = ["register", "--json", "--source", source];
        by(&server, token, &[&call[..], &ROBERTA].concat())
    };
    let (adt, ops) = (office.token("adt"), office.token("ops"));
    assert_eq!(register("north", &adt).code, Some(0));
    register("south", &adt).failed(1, &["does not speak for this source"]);
    register("north", &ops).failed(1, &["role does not allow register-records"]);
    server.empi(&["person", "7K3M-9QXT-2VC"]).failed(1, &["service account"]);

    // Another token beside the first, then the first ends, then all of it.
    let second = office.folder.path("adt.second");
    let rotate = ["account", "rotate", "adt", "--token-out", &second];
    assert_eq!(by(&server, &ops, &rotate).code, Some(0));
    assert_eq!(register("north", &adt).code, Some(0));
    assert_eq!(register("north", &second).code, Some(0));
    assert_eq!(by(&server, &ops, &["account", "revoke", "adt"]).code, Some(0));
    register("north", &second).failed(1, &["not known"]);
    let list = by(&server, &ops, &["account", "list"]);
    assert!(list.stdout.contains("adt\tsource\tnorth\trevoked"), "{}", list.stdout);
    let run = server.stop();
    for name in ["adt", "ops", "adt.second"] {
        let file = if name.contains('.') { name.to_owned() } else { format!("{name}.token") };
        let token = office.folder.read(&file);
        assert!(token.starts_with("empi_") && !run.stderr.contains(token.trim()));
    }
}

#[test]
fn the_trail_tells_who_did_what_and_that_its_end_was_cut_off() {
    let office = Office::new();
    let (config, public) = office.signed();
    let (adt, watch) = (office.token("adt"), office.token("watch"));
    let start = || Server::start_with(&office.data, &["--config", &config], &[]);
    let server = start();
    let call = ["register", "--json", "--source", "north"];
    let answer = by(&server, &adt, &[&call[..], &ROBERTA].concat()).succeeded();
    let answer: Value = serde_json::from_str(answer.stdout.trim()).unwrap();
    let id = answer["enterprise_id"].as_str().unwrap().to_owned();
    let _ = by(&server, &adt, &["person", &id]).succeeded();
    by(&server, &adt, &["audit", "head"]).failed(1, &["view-audit"]);

    let told = by(&server, &watch, &["audit", "person", &id, "--json"]).succeeded();
    let told: Vec<Value> =
        told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whats: Vec<&str> = told.iter().map(|it| it["operation"].as_str().unwrap()).collect();
    assert_eq!(whats, ["register-records", "view-persons"]);
    assert!(told.iter().all(|it| it["name"] == "adt" && it["address"] == "127.0.0.1"));
    assert_eq!((&told[0]["event"], &told[1]["event"]), (&1.into(), &Value::Null));
    let denied = by(&server, &watch, &["audit", "list", "--by", "adt", "--json"]).succeeded();
    assert!(denied.stdout.contains("\"outcome\":\"denied\""), "{}", denied.stdout);
    let sound = by(&server, &watch, &["audit", "verify"]).succeeded();
    assert!(sound.stdout.contains("0 problems"), "{}", sound.stdout);
    assert_eq!(server.stop().code, Some(0));

    // A copy is kept by somebody who wants the rest forgotten.
    let copy = office.folder.path("copy");
    let backup = office.folder.path("backup");
    let _ = empi(&["backup", "--data", &office.data, "--to", &backup]).succeeded();
    let _ = empi(&["restore", "--from", &backup, "--data", &copy]).succeeded();
    let server = start();
    let _ = by(&server, &adt, &["person", &id]).succeeded();
    assert_eq!(server.stop().code, Some(0));

    let heads = office.folder.path("heads");
    assert!(office.folder.read("heads").lines().count() >= 2);
    let verify = |data: &str| {
        let heads = ["--heads", heads.as_str(), "--public-key", &public];
        empi(&[&["audit", "verify", "--data", data][..], &heads].concat())
    };
    let _ = verify(&office.data).succeeded();
    let cut = verify(&copy);
    cut.failed(1, &["not as it was written"]);
    assert!(cut.stdout.contains("missing"), "{}", cut.stdout);
}

#[test]
fn the_trail_is_exported_and_old_entries_go_into_an_archive() {
    let office = Office::new();
    let server = Server::start(&office.data);
    let call = ["register", "--source", "north"];
    let adt = office.token("adt");
    let _ = by(&server, &adt, &[&call[..], &ROBERTA].concat()).succeeded();
    assert_eq!(server.stop().code, Some(0));
    let out = office.folder.path("trail.ndjson");
    let _ = empi(&["audit", "export", "--data", &office.data, "--out", &out]).succeeded();
    let events: Vec<Value> = office
        .folder
        .read("trail.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 4, "three accounts and a registration");
    assert!(events.iter().all(|event| event["resourceType"] == "AuditEvent"));
    assert!(!office.folder.read("trail.ndjson").contains("Okafor"));

    let archive = office.folder.path("old.audit");
    let retire = ["audit", "retire", "--data", &office.data, "--archive", &archive, "--before"];
    let run = empi(&[&retire[..], &["2099-01-01"]].concat()).succeeded();
    assert!(run.stdout.starts_with("3 entries"), "the last one stays: {}", run.stdout);
    let _ = empi(&["audit", "verify", "--archive", &archive]).succeeded();
    let _ = empi(&["audit", "verify", "--data", &office.data]).succeeded();
    let altered = office.folder.read("old.audit").replacen("61", "62", 1);
    let altered = office.folder.write("altered.audit", altered);
    empi(&["audit", "verify", "--archive", &altered]).failed(1, &["not as it was written"]);
}

#[test]
fn a_server_ends_when_heads_cannot_be_written_and_that_is_configured() {
    let office = Office::new();
    let (_, _) = office.signed();
    let key = office.folder.path("audit.key");
    let config = |failing: &str| {
        let text = format!(
            "[audit]\nkey_file = {key:?}\nheads_file = \"/nowhere/at/all\"\nwhen_heads_fail = \"{failing}\"\n"
        );
        office.folder.write("failing.toml", text)
    };
    let stop = config("stop");
    let server = Server::start_with(&office.data, &["--config", &stop], &[]);
    let run = server.wait();
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("heads of the audit trail cannot be written"), "{}", run.stderr);
    let warn = config("warn");
    let server = Server::start_with(&office.data, &["--config", &warn], &[]);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn nobody_reads_the_figures_of_patients_without_a_token() {
    let office = Office::new();
    let server = Server::start_with_pages(&office.data, &[]);
    let pages = server.pages().trim_start_matches("http://").to_owned();
    assert_eq!(http(&pages, "GET", "/livez", &[], "").unwrap().status, 200);
    assert_eq!(http(&pages, "GET", "/search", &[], "").unwrap().header("location"), "/sign-in");
    assert_eq!(server.stop().code, Some(0));
}
