//! Encryption at rest, as an operator meets it: keys from files and commands, an index that serves while its key is
//! changed, and what is said of a key that does not fit.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use empi_tests::{Folder, Server, Table, empi, nth_patient};

use crate::link::generated;
/// Bytes of a text by which it is looked for.
const START: usize = 8;

/// Makes a key and gives its path and fingerprint.
pub(crate) fn new_key(folder: &Folder, name: &str) -> (String, String) {
    let path = folder.path(name);
    let said = empi(&["key", "new", "--out", &path]).succeeded().stdout;
    let fingerprint = said.split_once("master key ").expect("it is told").1.split(';').next();
    (path, fingerprint.expect("it is told").to_owned())
}

/// Every file of a folder, also of folders in it.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is a folder") {
        let path = entry.expect("it reads").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(std::fs::read(&path).expect("it reads"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_of_a_serving_index_is_changed_and_the_old_one_opens_nothing() {
    let folder = Folder::new();
    let (old, old_print) = new_key(&folder, "old.key");
    let (next, next_print) = new_key(&folder, "next.key");
    let (data, file) = (folder.path("data"), generated(&folder, 1000, 31));
    let _ = empi(&["load", &file, "--data", &data, "--key-file", &old]).succeeded();
    let keys = ["--key-file", &old, "--next-key-file", &next];
    let server = Server::start_with(&data, &keys, &[]);
    let mut desk = server.desk().await;
    let before = desk.register(nth_patient(1).record("desk", "before")).await;
    let told = server.empi(&["key", "rotate", "--running"]).succeeded().stdout;
    assert!(told.contains(&next_print), "{told}");
    let after = desk.register(nth_patient(2).record("desk", "after")).await;
    let _ = server.stop();

    empi(&["verify", "--data", &data, "--key-file", &old]).failed(1, &[&old_print, &next_print]);
    empi(&["verify", "--data", &data]).failed(1, &["--key-file"]);
    let _ = empi(&["verify", "--data", &data, "--key-command", &format!("cat {next}")]).succeeded();
    // The arguments of before serve as well, since they name the next key.
    let server = Server::start_with(&data, &keys, &[]);
    let mut desk = server.desk().await;
    assert_eq!(desk.record("desk", "before").await.enterprise_id, before.enterprise_id);
    assert_eq!(desk.record("desk", "after").await.enterprise_id, after.enterprise_id);
    let _ = server.stop();

    let table = Table::read(&file);
    // A number of one digit, as clerks type it, is found everywhere.
    let is_one_letter =
        |text: &str| text.bytes().all(|byte| text.as_bytes().first() == Some(&byte));
    let long = |text: &&str| text.get(..START).is_some_and(|begins| !is_one_letter(begins));
    let known: Vec<&str> = ["given_name", "birth_date", "ssn", "phone", "street"]
        .into_iter()
        .flat_map(|column| table.column(column))
        .chain(table.column("record_id"))
        .filter(long)
        .collect();
    assert!(known.len() > 2000, "{} texts are looked for", known.len());
    let starts: HashMap<&[u8], &str> =
        known.iter().map(|it| (&it.as_bytes()[..START], *it)).collect();
    for bytes in files(Path::new(&data)) {
        let found = bytes.windows(START).find_map(|part| starts.get(part));
        assert_eq!(found, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_shown_everything_and_then_erased_with_a_certificate() {
    let folder = Folder::new();
    let (key, _) = new_key(&folder, "a.key");
    let data = folder.path("data");
    let server = Server::start_with(&data, &["--key-file", &key], &[]);
    let mut desk = server.desk().await;
    let record = nth_patient(1).record("desk", "one");
    let id = desk.register(record.clone()).await.enterprise_id;
    let other = desk.register(nth_patient(2).record("desk", "two")).await.enterprise_id;
    let everything = server.empi(&["person", &id, "--everything"]).succeeded().stdout;
    let everything: serde_json::Value = serde_json::from_str(&everything).expect("it is JSON");
    assert_eq!(everything["person"]["records"][0]["record_id"], "one");
    assert_eq!(everything["events"][0]["kind"], "registered_new");
    assert!(!everything["audit"].as_array().expect("it is a list").is_empty());

    let certificate = folder.path("certificate.json");
    let erase = ["steward", "erase", &id, "--actor", "lena", "--note", "asked by letter"];
    let _ = server.empi(&[&erase[..], &["--preview"]].concat()).succeeded();
    let _ = server.empi(&["person", &id]).succeeded();
    let _ = server.empi(&erase).succeeded();
    let approve = ["steward", "approve", "1", "--actor", "nora", "--certificate", &certificate];
    let _ = server.empi(&approve).succeeded();
    let written: serde_json::Value =
        serde_json::from_str(&folder.read("certificate.json")).expect("it is JSON");
    assert_eq!((&written["enterprise_id"], &written["erased_by"]), (&id.into(), &"lena".into()));
    let id = written["enterprise_id"].as_str().expect("it is a text");
    server.empi(&["person", id]).failed(1, &["was erased with event"]);
    server.empi(&["person", id, "--everything"]).failed(1, &["was erased with event"]);
    server.empi(&["person", "--source", "desk", "--record-id", "one"]).failed(1, &["was erased"]);
    let refused = desk.try_register(record, "again").await.expect_err("it is refused");
    assert!(refused.message().contains("erased with its person"), "{refused}");
    assert_eq!(desk.record("desk", "two").await.enterprise_id, other);
    let _ = server.stop();
    let _ = empi(&["verify", "--data", &data, "--key-file", &key]).succeeded();
    let head = empi(&["audit", "head", "--data", &data, "--key-file", &key]).succeeded().json();
    assert!(head["sequence"].as_u64() > written["audit_sequence"].as_u64());
    let _ = empi(&["audit", "verify", "--data", &data, "--key-file", &key]).succeeded();
}

#[test]
fn an_index_in_the_clear_becomes_one_that_is_encrypted_with_its_backups() {
    let folder = Folder::new();
    let (key, fingerprint) = new_key(&folder, "a.key");
    let [plain, sealed, backup, copy] =
        ["plain", "sealed", "backup", "copy"].map(|it| folder.path(it));
    let file = generated(&folder, 200, 32);
    let _ = empi(&["load", &file, "--data", &plain]).succeeded();
    empi(&["verify", "--data", &plain, "--key-file", &key]).failed(1, &["empi key encrypt"]);
    let told = empi(&["key", "encrypt", "--data", &plain, "--to", &sealed, "--key-file", &key])
        .succeeded();
    assert!(told.stdout.contains(&fingerprint) && told.stdout.contains("in the clear"));
    let stats = |arguments: &[&str]| {
        let mut stats = empi(&[&["stats", "--json"], arguments].concat()).succeeded().json();
        stats.as_object_mut().expect("it is an object").remove("bytes");
        stats
    };
    let is = ["--data", &sealed, "--key-file", &key];
    assert_eq!(stats(&is), stats(&["--data", &plain]));
    let _ = empi(&[&["backup", "--to", &backup], &is[..]].concat()).succeeded();
    empi(&["restore", "--from", &backup, "--data", &copy]).failed(1, &["--key-file"]);
    let restored = ["restore", "--from", &backup, "--data", &copy, "--key-file", &key];
    let _ = empi(&restored).succeeded();
    let _ = empi(&["rebuild", "--data", &copy, "--key-file", &key]).succeeded();
    let _ = empi(&["verify", "--data", &copy, "--key-file", &key]).succeeded();
    let _ = empi(&["audit", "verify", "--data", &copy, "--key-file", &key]).succeeded();
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("it is ours");
    empi(&["verify", "--data", &copy, "--key-file", &key]).failed(1, &["chmod 600"]);
}
