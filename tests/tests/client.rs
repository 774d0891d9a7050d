//! `empi register`, `match`, `person`, `review`: what scripts read is a promise.

use std::collections::BTreeSet;

use empi_tests::{Folder, Patient, Server};
use serde_json::Value;

use crate::registration::{alice, robert};

/// Registers with flags.
fn register(server: &Server, patient: &Patient, source: &str, record_id: &str) -> Value {
    let flags = patient.flags(source, record_id);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    server.empi(&[&["register", "--json"], &flags[..]].concat()).succeeded().json()
}

/// The names of an object's fields.
fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[track_caller]
fn assert_has(value: &Value, wanted: &[&str]) {
    for name in wanted {
        assert!(names(value).contains(name), "{name} is not in {value}");
    }
}

fn twin(given: &str, order: &str) -> Patient {
    robert().without("ssn").with("given_name", given).with("birth_order", order)
}

#[tokio::test(flavor = "multi_thread")]
async fn register_answers_with_one_line_of_json() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let answers = [
        register(&server, &robert(), "hospital-a", "17"),
        register(&server, &robert(), "hospital-a", "17"),
        register(&server, &robert().with("given_name", "Bob"), "clinic-b", "1"),
        register(&server, &robert().with("given_name", "Zoe").without("ssn"), "clinic-b", "2"),
    ];
    for answer in &answers {
        assert_has(answer, &["source", "record_id", "enterprise_id", "decision", "match_weight"]);
    }
    let decisions: Vec<&Value> = answers.iter().map(|answer| &answer["decision"]).collect();
    assert_eq!(decisions, ["new", "unchanged", "link", "review"]);
    assert_eq!(
        (&answers[0]["source"], &answers[0]["record_id"]),
        (&"hospital-a".into(), &"17".into())
    );
    assert_eq!(answers[0]["match_weight"], Value::Null);
    assert!(answers[2]["match_weight"].as_f64().is_some_and(|weight| weight >= 10.0));
    assert_eq!(answers[2]["enterprise_id"], answers[0]["enterprise_id"]);
    assert_eq!(answers[3]["review_tasks"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_answered_row_by_row_in_order() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let rows = Patient::csv([
        ("a", "1", &robert()),
        ("a", "2", &alice()),
        ("a", "3", &robert().with("given_name", "Bob")),
    ]);
    let file = folder.write("in.csv", &rows);
    let answers = server.empi(&["register", "--file", &file, "--json"]).succeeded().json_lines();
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["record_id"]).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(answers[0]["enterprise_id"], answers[2]["enterprise_id"]);

    // A bad row is named by file and line, the others are answered, and the exit code tells.
    let file = folder.write("bad.csv", format!("{rows}a,4,too,few\n"));
    let run = server.empi(&["register", "--file", &file, "--json"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("bad.csv:5"), "{}", run.stderr);
    let decisions: Vec<Value> =
        run.json_lines().into_iter().map(|answer| answer["decision"].clone()).collect();
    assert_eq!(decisions, ["unchanged"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn match_explains_without_writing() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let known = register(&server, &robert(), "hospital-a", "17");
    let flags = robert().with("given_name", "Bob").flags("desk", "x");
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let answer = server.empi(&[&["match", "--json"], &flags[..]].concat()).succeeded().json();
    assert_eq!(answer["decision"], "link");
    assert_eq!(answer["enterprise_id"], known["enterprise_id"]);
    let best = &answer["candidates"][0];
    assert_eq!((&best["grade"], &best["record_id"]), (&"certain".into(), &"17".into()));
    let rows = best["rows"].as_array().expect("rows");
    let sum: f64 = rows.iter().filter_map(|row| row["match_weight"].as_f64()).sum();
    assert!((sum - best["match_weight"].as_f64().expect("a weight")).abs() < 1e-6);
    for row in rows {
        assert_has(row, &["label", "level", "incoming", "candidate", "m", "u", "match_weight"]);
    }
    let file = folder.write("in.csv", Patient::csv([("b", "1", &alice()), ("b", "2", &robert())]));
    let answers = server.empi(&["match", "--file", &file, "--json"]).succeeded().json_lines();
    let decisions: Vec<&Value> = answers.iter().map(|answer| &answer["decision"]).collect();
    assert_eq!(decisions, ["new", "link"]);
    assert_eq!(answers[0]["enterprise_id"], Value::Null);
    assert_eq!(server.stats().await.records, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_prints_who_answers_and_the_records() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let insured = robert().with("identifier", "PLAN-A:55-1234");
    let known = register(&server, &insured, "hospital-a", "17");
    let id = known["enterprise_id"].as_str().expect("an ID");
    let by_id = server.empi(&["person", id, "--json"]).succeeded().json();
    assert_has(&by_id, &["asked", "enterprise_id", "created", "version", "records"]);
    assert_eq!(by_id["enterprise_id"], id);
    let record = &by_id["records"][0];
    assert_has(record, &["source", "record_id", "link_source", "version", "registered", "fields"]);
    assert_eq!(record["fields"]["family_name"], "Okafor");
    assert_eq!(record["fields"]["birth_date"], "1980-03-12");

    let spoken = id.to_lowercase().replace('-', "");
    for arguments in [
        &["person", &spoken][..],
        &["person", "--source", "hospital-a", "--record-id", "17"],
        &["person", "--identifier", "PLAN-A:55-1234"],
    ] {
        let same = server.empi(&[arguments, &["--json"]].concat()).succeeded().json();
        assert_eq!(same["records"], by_id["records"], "{arguments:?}");
    }
    let table = server.empi(&["person", id]).succeeded().stdout;
    assert!(table.contains(id) && table.contains("Okafor"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn review_lists_shows_and_resolves() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let none = server.empi(&["review", "next", "--json"]).succeeded();
    assert_eq!(none.stdout, "", "for a script, no line is the answer");
    let one = register(&server, &twin("Anna", "1"), "hospital-a", "1");
    let other = register(&server, &twin("Bella", "2"), "hospital-a", "2");

    let list = server.empi(&["review", "list", "--json"]).succeeded().json();
    assert_has(&list, &["task_id", "kind", "match_weight", "guards", "model", "created", "state"]);
    assert_eq!(list["task_id"], other["review_tasks"][0]);
    assert_eq!((&list["kind"], &list["state"]), (&"same_source_duplicate".into(), &"open".into()));
    assert_eq!(list["guards"], serde_json::json!(["possible_twins"]));

    let task = list["task_id"].to_string();
    let show = server.empi(&["review", "show", &task, "--json"]).succeeded().json();
    assert_has(&show, &["incoming", "candidate", "proposed", "explanation"]);
    assert_eq!(show["incoming"]["fields"]["given_name"], "Bella");
    assert_eq!(show["candidate"]["enterprise_id"], one["enterprise_id"]);
    let next = server.empi(&["review", "next", "--json"]).succeeded().json();
    assert_eq!(next, show);
    let text = server.empi(&["review", "next"]).succeeded().stdout;
    for word in ["Anna", "Bella", "possible_twins", "total", "empi review resolve"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }

    let answer = ["review", "resolve", &task, "--actor", "ines", "--note", "asked", "--json"];
    let same = [&answer[..], &["--as", "same"]].concat();
    let resolved = server.empi(&same).succeeded().json();
    assert_eq!(resolved["state"], "resolved");
    assert_has(&resolved["resolution"], &["outcome", "actor", "time", "note", "event"]);
    assert_eq!(resolved["resolution"]["outcome"], "same");
    assert_eq!(resolved["incoming"]["enterprise_id"], one["enterprise_id"]);
    assert_eq!(server.empi(&same).succeeded().json(), resolved, "the same answer again");
    let different = [&answer[..], &["--as", "different"]].concat();
    server.empi(&different).failed(1, &["answered same before"]);

    let old = other["enterprise_id"].as_str().expect("an ID");
    let person = server.empi(&["person", old, "--json"]).succeeded().json();
    assert_eq!(
        (&person["asked"], &person["enterprise_id"]),
        (&other["enterprise_id"], &one["enterprise_id"])
    );
    assert_eq!(person["records"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.empi(&["review", "list", "--json"]).succeeded().stdout, "");
    let all = server.empi(&["review", "list", "--all", "--json"]).succeeded().json();
    assert_eq!(all["state"], "resolved");
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_and_verify_read_a_store_that_nobody_serves() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let _ = register(&server, &robert(), "hospital-a", "17");
    let _ = register(&server, &alice(), "hospital-a", "18");
    let served = server.stats().await;
    assert_eq!(server.stop().code, Some(0));
    let stats = empi_tests::empi(&["stats", "--data", &data, "--json"]).succeeded().json();
    for (name, count) in [
        ("records", served.records),
        ("persons", served.persons),
        ("redirects", served.redirects),
        ("open_tasks", served.open_tasks),
        ("events", served.events),
    ] {
        assert_eq!(stats[name], count, "{name}");
    }
    let verified = empi_tests::empi(&["verify", "--data", &data]).succeeded();
    assert!(verified.stdout.contains("2 records"), "{}", verified.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let known = register(&server, &robert(), "hospital-a", "17");
    let id = known["enterprise_id"].as_str().expect("an ID");
    for arguments in [
        &["person", id, "--server", server.address()][..],
        &["person", id, "--json", "--server", server.address()],
        &["review", "list", "--server", server.address()],
    ] {
        let run = empi_tests::empi_unheard(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
