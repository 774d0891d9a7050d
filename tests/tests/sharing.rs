//! A person who asks not to be shared, from the command line of those who work with the index: noted, refused, seen in
//! an emergency, looked at afterwards.

use empi_tests::{Folder, Run, Server, add_account, empi};
use serde_json::Value;

/// A server of an index with an account for each role that has to do with it.
struct House {
    folder: Folder,
    server: Server,
}

impl House {
    fn new() -> Self {
        let folder = Folder::new();
        let data = folder.path("index");
        for (name, role) in [
            ("adt", "source"),
            ("desk", "reader"),
            ("ines", "steward"),
            ("lea", "lead-steward"),
            ("greta", "auditor"),
        ] {
            let domains = ["--domain", "north"];
            let domains = if role == "source" { &domains[..] } else { &["--all-domains"] };
            let arguments = [&["--role", role], domains].concat();
            let _ = add_account(&folder, &data, name, &arguments);
        }
        let server = Server::start(&data);
        Self { folder, server }
    }

    fn by(&self, name: &str, call: &[&str]) -> Run {
        let token = self.folder.path(&format!("{name}.token"));
        self.server.empi(&[call, &["--token-file", &token]].concat())
    }
}

const REASON: [&str; 2] = ["--reason", "unconscious in the emergency room"];

#[test]
fn somebody_not_to_be_shared_is_seen_in_an_emergency_by_the_command_line() {
    let house = House::new();
    let patient =
        ["--given-name", "Amara", "--family-name", "Okafor", "--birth-date", "1985-02-14"];
    let call =
        ["register", "--json", "--source", "north", "--record-id", "1", "--ssn", "457-12-9983"];
    let registered = house.by("adt", &[&call[..], &patient].concat()).succeeded().json();
    let id = registered["enterprise_id"].as_str().unwrap().to_owned();
    let shown = house.by("desk", &["person", &id, "--json"]).succeeded().json();
    assert_eq!(shown["records"][0]["fields"]["ssn"], "9983", "{shown}");
    assert_eq!(shown["records"][0]["withheld"], serde_json::json!(["ssn"]), "{shown}");

    let noted = house
        .by("ines", &["steward", "consent", &id, "--not-shared", "--actor", "ines", "--json"])
        .succeeded();
    assert_eq!(noted.json()["kind"], "consent_changed");
    house.by("desk", &["person", &id]).failed(1, &["not to be shared with you"]);
    let own = house.by("adt", &["person", "--source", "north", "--record-id", "1"]);
    own.failed(1, &["not to be shared with you"]);
    let lead = house.by("lea", &["person", &id, "--json"]).succeeded().json();
    assert_eq!(lead["consent"]["not_shared"], true, "{lead}");

    let state = [&["emergency", "state", &id, "--json"][..], &REASON].concat();
    house.by("lea", &state).failed(1, &["role does not allow break-glass"]);
    let stated = house.by("desk", &state).succeeded().json();
    assert_eq!((&stated["number"], &stated["stated_by"]), (&Value::from(1), &Value::from("desk")));
    let shown = house.by("desk", &["person", &id, "--json"]).succeeded().json();
    assert!(shown["emergency_until"].is_string(), "{shown}");
    let text = house.by("desk", &["person", &id]).succeeded().stdout;
    assert!(text.contains("not to be shared") && text.contains("in an emergency until"), "{text}");

    let list = house.by("greta", &["emergency", "list"]).succeeded().stdout;
    assert!(
        list.contains("unconscious in the emergency room") && list.contains("nobody has looked")
    );
    let review = ["emergency", "review", "1", "--note", "seen in the chart"];
    house.by("desk", &review).failed(1, &["role does not allow review-glass"]);
    let _ = house.by("greta", &review).succeeded();
    assert_eq!(house.by("greta", &["emergency", "list"]).succeeded().stdout, "");
    house.by("greta", &review).failed(1, &["has looked at emergency 1 already"]);
    // The index is sound with it, and the trail tells of it.
    let trail = house.by("greta", &["audit", "person", &id]).succeeded().stdout;
    assert!(trail.contains("break-glass") && trail.contains("BTG"), "{trail}");
    let run = house.server.stop();
    assert!(!run.stderr.contains("Okafor"));
    let _ = empi(&["verify", "--data", &house.folder.path("index")]).succeeded();
}
