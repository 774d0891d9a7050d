//! `empi search` against a running server.

use empi_tests::{Folder, Server};

use crate::registration::{alice, robert};

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_what_is_typed() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    for (patient, source) in
        [(robert(), "hospital-a"), (robert(), "clinic-b"), (alice(), "clinic-b")]
    {
        let flags = patient.flags(source, "17-x");
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let _ = server.empi(&[&["register", "--json"], &flags[..]].concat()).succeeded();
        if source == "clinic-b" {
            let _ = server.empi(&["retire", "clinic-b:17-x"]).succeeded();
        }
    }
    let person =
        server.empi(&["person", "--source", "hospital-a", "--record-id", "17-x", "--json"]);
    let person = person.succeeded().json();
    let enterprise_id = person["enterprise_id"].as_str().expect("an enterprise ID");
    let family = person["golden"]["fields"]["family_name"].as_str().expect("a family name");
    for words in [vec![family], vec![&family[..3], "1980"], vec![enterprise_id], vec!["17-x"]] {
        let found = server.empi(&[&["search", "--json"], &words[..]].concat()).succeeded();
        let first = found.json_lines().into_iter().next().expect("somebody is found");
        let is_found = first["enterprise_id"] == enterprise_id || words == ["17-x"];
        assert!(is_found, "{words:?}: {first}");
        assert!(first["score"].as_f64().is_some_and(|score| score > 0.5), "{words:?}: {first}");
    }
    let table = server.empi(&["search", family]).succeeded();
    assert!(table.stdout.contains(enterprise_id), "{}", table.stdout);
    let nobody = server.empi(&["search", "Xyzzyx"]).succeeded();
    assert_eq!(nobody.stdout.trim(), "nobody in the index fits");
    server.empi(&["search", ""]).failed(1, &["search for a name"]);
}
