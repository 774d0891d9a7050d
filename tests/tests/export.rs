//! What goes out in bulk: every person once, those that were merged away with the one that answers, and all of it
//! readable by what reads Patients here.

use std::collections::BTreeMap;

use empi_tests::{Folder, Run, Server, dataset, empi};
use serde_json::Value;

const NORTH: &str = r#"
[[authority]]
name = "north"
namespace = "NORTH"
universal_id = "2.999.1.1"
"#;

fn done(run: &Run) -> Value {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(run.stdout.trim()).unwrap()
}

#[test]
fn every_person_goes_out_once_and_can_come_in_again() {
    let folder = Folder::new();
    let (data, config) = (folder.path("index"), folder.write("server.toml", NORTH));
    let records = dataset("realistic-2k/records.csv").expect("the set is committed");
    assert_eq!(empi(&["load", &records, "--data", &data]).code, Some(0));
    let north = folder.write(
        "north.csv",
        "source,record_id,given_name,family_name,dob,sex\nnorth,1,Zebulon,Quillfeather,1947-02-28,M\n\
         north,2,Oda,Brasswick,1951-11-03,F\n",
    );
    let server = Server::start(&data);
    assert_eq!(server.empi(&["register", "--file", &north]).code, Some(0));
    assert_eq!(server.stop().code, Some(0));

    let out = folder.path("persons.ndjson");
    let arguments = ["export", "--data", &data, "--out", &out, "--config", &config, "--json"];
    let told = done(&empi(&arguments));
    let stats = done(&empi(&["stats", "--data", &data, "--json"]));
    assert_eq!(told["persons"], stats["persons"]);
    assert_eq!(told["merged_away"], stats["redirects"]);
    let mut by_id = BTreeMap::new();
    for line in folder.read("persons.ndjson").lines() {
        let patient: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&patient["resourceType"], &patient["active"]),
            (&"Patient".into(), &true.into())
        );
        assert!(by_id.insert(patient["id"].as_str().unwrap().to_owned(), patient).is_none());
    }
    assert_eq!(Value::from(by_id.len()), stats["persons"]);
    let zebulon = by_id.values().find(|it| it["name"][0]["family"] == "Quillfeather").unwrap();
    assert_eq!(zebulon["identifier"][0]["system"], "urn:oid:2.999.1.1");
    assert_eq!(
        (&zebulon["identifier"][0]["value"], &zebulon["birthDate"]),
        (&"1".into(), &"1947-02-28".into())
    );

    // Packed it says the same, and what was written is read: as many records as there are persons.
    let packed = folder.path("persons.ndjson.gz");
    assert_eq!(
        empi(&["export", "--data", &data, "--out", &packed, "--config", &config]).code,
        Some(0)
    );
    let again = folder.path("again");
    assert_eq!(empi(&["load", &packed, "--data", &again]).code, Some(0));
    let reloaded = done(&empi(&["stats", "--data", &again, "--json"]));
    assert_eq!(reloaded["records"], stats["persons"]);
}

#[test]
fn who_was_merged_away_goes_out_with_the_one_that_answers() {
    let folder = Folder::new();
    let data = folder.path("index");
    let two = folder.write(
        "two.csv",
        "source,record_id,given_name,family_name,dob,sex\nnorth,1,Zebulon,Quillfeather,1947-02-28,M\n\
         north,2,Oda,Brasswick,1951-11-03,F\n",
    );
    let server = Server::start(&data);
    let run = server.empi(&["register", "--file", &two, "--json"]);
    let ids: Vec<String> = run
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["enterprise_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let merge =
        ["steward", "merge", &ids[0], &ids[1], "--actor", "ines", "--reason", "document-seen"];
    let merged = server.empi(&merge);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    assert_eq!(server.stop().code, Some(0));
    let out = folder.path("persons.ndjson");
    let told = done(&empi(&["export", "--data", &data, "--out", &out, "--json"]));
    assert_eq!((&told["persons"], &told["merged_away"]), (&1.into(), &1.into()));
    let text = folder.read("persons.ndjson");
    let patients: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let gone = patients.iter().find(|it| it["id"] == ids[1].as_str()).unwrap();
    assert_eq!(gone["active"], false);
    assert_eq!(gone["link"][0]["type"], "replaced-by");
    assert_eq!(gone["link"][0]["other"]["reference"], format!("Patient/{}", ids[0]));
    assert!(gone.get("name").is_none(), "no more than a trace");

    // Nothing is written where nothing can be read.
    let missing = folder.path("nobody.ndjson");
    let run = empi(&["export", "--data", &folder.path("nowhere"), "--out", &missing]);
    assert_eq!(run.code, Some(1));
    assert!(!folder.has("nobody.ndjson"));
}
