//! Linking an index anew: what changes is foretold, done once, and can be undone.

use empi_tests::{Folder, Server, empi};
use serde_json::Value;

use crate::link::{clusters, generated, linked};
use crate::load_then_serve::served;

fn relinked(data: &str, more: &[&str]) -> Value {
    let run = empi(&[&["relink", "--data", data, "--json"], more].concat()).succeeded();
    run.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_index_is_as_linkage_sees_it_already() {
    let folder = Folder::new();
    let (data, file) = (folder.path("data"), generated(&folder, 1_500, 29));
    let _ = empi(&["load", &file, "--data", &data]).succeeded();
    for more in [&["--dry-run"][..], &[]] {
        let report = relinked(&data, more);
        assert_eq!((&report["records"], &report["changes"]), (&1_500.into(), &0.into()));
    }
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_registered_record_by_record_is_brought_into_line_once() {
    let folder = Folder::new();
    let (data, file) = (folder.path("data"), generated(&folder, 1_500, 31));
    let server = Server::start(&data);
    let _ = server.empi(&["register", "--file", &file]).succeeded();
    let mut desk = server.desk().await;
    let before = served(&mut desk, &file).await;
    assert_eq!(server.stop().code, Some(0));

    let foretold = relinked(&data, &["--dry-run"]);
    let report = relinked(&data, &[]);
    for (name, value) in foretold.as_object().unwrap() {
        assert!(name == "dry_run" || report[name] == *value, "{name}: {value}");
    }
    assert!(report["changes"].as_u64() > Some(0), "the order of arrival mattered somewhere");
    assert_eq!(relinked(&data, &[])["changes"], 0, "a second run changes nothing");
    let _ = empi(&["verify", "--data", &data]).succeeded();

    // The same persons as linking the file.
    let _ = linked(&folder, &[&file], &[]);
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    let after = served(&mut desk, &file).await;
    let agreement = clusters(&folder).compared_with(&after);
    assert_eq!((agreement.first, agreement.second), (agreement.both, agreement.both));
    // Every enterprise ID of before answers, and most people kept theirs.
    let pairs = before.pairs();
    for (record, _) in pairs.iter().take(50) {
        let _ = desk.person(before.person(record)).await;
    }
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn what_cannot_be_linked_anew_is_said() {
    let folder = Folder::new();
    let data = folder.path("data");
    empi(&["relink", "--data", &data]).failed(1, &[&data, "no store"]);
    empi(&["relink"]).failed(2, &["--data"]);
    let server = Server::start(&data);
    empi(&["relink", "--data", &data]).failed(1, &[&data, "in use"]);
    assert_eq!(server.stop().code, Some(0));
    empi(&["relink", "--data", &data, "--model", "/no/model"]).failed(1, &["/no/model"]);
    let run = empi(&["relink", "--data", &data]).succeeded();
    assert!(run.stdout.contains("nothing to change"), "{}", run.stdout);
}
