//! `empi explain`: why two records are one person, or why not.

use empi_tests::{Folder, Patient, Run, empi, empi_in, nth_patient};
use serde_json::Value;

use crate::link::linked;

/// Two hospitals: record 1 is one person under a nickname, 2 stands in one hospital only, 3 is a pair of
/// twins, 4 moved and lost everything but the name.
fn hospitals(folder: &Folder) -> [String; 2] {
    let people: Vec<Patient> = (0..40).map(nth_patient).collect();
    let csv = |source: &str, change: &dyn Fn(usize, Patient) -> Patient| {
        let rows: Vec<(String, Patient)> = people
            .iter()
            .enumerate()
            .map(|(at, patient)| ((at + 1).to_string(), change(at + 1, patient.clone())))
            .collect();
        let rows = rows.iter().map(|(record, patient)| (source, record.as_str(), patient));
        folder.write(&format!("{source}.csv"), Patient::csv(rows))
    };
    let other = |record: usize, patient: Patient| match record {
        1 => patient.under_nickname(),
        2 => nth_patient(900),
        3 => patient.with("given_name", "Zebulon").without("ssn").without("middle_name"),
        _ => patient,
    };
    [csv("north", &|_, patient| patient), csv("south", &other)]
}

fn explained(folder: &Folder, files: &[&str], left: &str, right: &str, more: &[&str]) -> Run {
    let pair = ["--left", left, "--right", right];
    empi_in(folder.root(), &[&["explain"], files, &pair, more].concat())
}

fn answer(folder: &Folder, files: &[&str], left: &str, right: &str) -> Value {
    explained(folder, files, left, right, &["--json"]).succeeded().json()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn a_link_is_explained_as_linking_decided_it() {
    let folder = Folder::new();
    let files = hospitals(&folder);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let found = answer(&folder, &files, "north:1", "south:1");
    assert_eq!((&found["one_person"], text(&found, "decision")), (&true.into(), "link"));
    assert!(text(&found, "sentence").starts_with("One person"), "{found}");
    let rows = found["rows"].as_array().expect("rows");
    assert_eq!(rows[0]["label"], "prior");
    let name = rows.iter().find(|row| row["label"] == "name").expect("names are compared");
    assert_eq!(name["level"], "nickname");
    let sum: f64 = rows.iter().filter_map(|row| row["match_weight"].as_f64()).sum();
    let total = found["match_weight"].as_f64().expect("a weight");
    assert!((sum - total).abs() < 1e-9, "the rows add up: {sum} and {total}");
    assert!(!found["blocking_rules"].as_array().expect("rules").is_empty());

    // The same weight and the same persons as linking gives.
    let _ = linked(&folder, &files, &[]);
    let pairs = folder.read("pairs.csv");
    let pair = pairs.lines().find(|line| line.starts_with("north,1,south,1,")).expect("a link");
    let weight: f64 = pair.split(',').nth(4).unwrap_or_default().parse().expect("a weight");
    assert!((weight - total).abs() < 1e-3, "{weight} and {total}");
    let person = format!("north,1,{}", text(&found["left"], "enterprise_id"));
    assert!(folder.read("clusters.csv").lines().any(|line| line == person), "{person}");
}

#[test]
fn what_keeps_two_records_apart_is_named() {
    let folder = Folder::new();
    let files = hospitals(&folder);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let strangers = answer(&folder, &files, "north:2", "south:9");
    assert_eq!((&strangers["compared"], &strangers["one_person"]), (&false.into(), &false.into()));
    assert!(text(&strangers, "sentence").contains("no blocking key in common"), "{strangers}");

    let twins = answer(&folder, &files, "north:3", "south:3");
    assert_eq!((&twins["one_person"], text(&twins, "decision")), (&false.into(), "review"));
    let guards = twins["guards"].as_array().expect("guards");
    assert!(guards.iter().any(|guard| guard["name"] == "possible_twins"), "{twins}");
    assert!(text(&twins, "sentence").contains("perhaps twins"), "{twins}");
}

#[test]
fn values_are_shown_unless_they_are_not_wanted() {
    let folder = Folder::new();
    let [north, south] = hospitals(&folder);
    let files = [north.as_str(), &south];
    let family = nth_patient(0).get("family_name").to_ascii_uppercase();
    let shown = explained(&folder, &files, "north:1", "south:1", &[]).succeeded().stdout;
    for wanted in [family.as_str(), "prior", "birth_date", "brought together by", "█", "One person"]
    {
        assert!(shown.contains(wanted), "{wanted} is not in:\n{shown}");
    }
    for more in [&["--no-values"][..], &["--no-values", "--json"]] {
        let hidden = explained(&folder, &files, "north:1", "south:1", more).succeeded();
        assert!(!hidden.stdout.to_ascii_uppercase().contains(&family), "{}", hidden.stdout);
        assert!(hidden.stdout.contains("nickname"));
    }
}

#[test]
fn an_index_explains_its_records_too() {
    let folder = Folder::new();
    let [north, south] = hospitals(&folder);
    let data = folder.path("data");
    let _ = empi(&["load", &north, &south, "--data", &data]).succeeded();
    let ask = |left, right| empi(&["explain", "--data", &data, left, right, "--json"]).succeeded();
    let one = ask("north:1", "south:1").json();
    let of_files = answer(&folder, &[&north, &south], "north:1", "south:1");
    for name in ["match_weight", "decision", "one_person", "rows", "blocking_rules", "sentence"] {
        assert_eq!(one[name], of_files[name], "{name}");
    }
    let twins = ask("north:3", "south:3").json();
    assert!(!twins["review_tasks"].as_array().expect("tasks").is_empty(), "{twins}");
    assert!(text(&twins, "sentence").contains("Review task"), "{twins}");
}

#[test]
fn a_past_decision_is_told_as_it_was_also_by_a_rebuilt_index() {
    let folder = Folder::new();
    let [north, south] = hospitals(&folder);
    let data = folder.path("data");
    let _ = empi(&["load", &north, &south, "--data", &data]).succeeded();
    let told = |event: u64| {
        let event = event.to_string();
        empi(&["explain", "--data", &data, "--event", &event, "--json"]).succeeded().json()
    };
    let is_of_south = |decision: &serde_json::Value| {
        decision["incoming"]["source"] == "south" && decision["incoming"]["record_id"] == "1"
    };
    let found = (1..=60).map(|event| (event, told(event)["decisions"][0].clone()));
    let (event, decision) = found.into_iter().find(|(_, it)| is_of_south(it)).expect("a link");
    let now =
        empi(&["explain", "--data", &data, "north:1", "south:1", "--json"]).succeeded().json();
    assert_eq!(
        (&decision["match_weight"], &decision["decision"]),
        (&now["match_weight"], &"link".into())
    );
    let shown =
        empi(&["explain", "--data", &data, "--event", &event.to_string()]).succeeded().stdout;
    for wanted in ["what decided", "south:1", "prior", "█", "us-default/1"] {
        assert!(shown.contains(wanted), "{wanted} is not in:\n{shown}");
    }
    let rebuilt = empi(&["rebuild", "--data", &data]).succeeded().stdout;
    assert!(rebuilt.contains("blocking keys"), "{rebuilt}");
    assert_eq!(told(event)["decisions"][0], decision);
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let folder = Folder::new();
    let [north, south] = hospitals(&folder);
    let files = [north.as_str(), &south];
    let ask = |left, right| explained(&folder, &files, left, right, &[]);
    ask("north:1", "south:4711").failed(1, &["--right names no record"]);
    ask("north:1", "north:1").failed(1, &["two are needed"]);
    ask("north", "south:1").failed(2, &["SOURCE:ID"]);
    empi(&["explain", &north, "--left", "north:1"]).failed(2, &["--left", "--right"]);
    empi(&["explain", "--left", "north:1", "--right", "north:2"]).failed(2, &["files"]);
    let nowhere = folder.path("nowhere");
    empi(&["explain", "--data", &nowhere, "north:1", "north:2"]).failed(1, &[]);
}
