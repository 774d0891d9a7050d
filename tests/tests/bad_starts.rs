//! A server or a store command that cannot start says why, what to do, and ends with the right code.

use empi_tests::{Folder, Run, Server, empi, occupied_port};

use crate::registration::robert;

/// `empi serve` with arguments under which it must not serve.
fn refused(arguments: &[&str]) -> Run {
    match Server::try_start(arguments, &[]) {
        Ok(server) => panic!("it serves on {}", server.address()),
        Err(run) => run,
    }
}

const ANY_PORT: [&str; 2] = ["--grpc", "127.0.0.1:0"];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_server_has_open_is_locked() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let _ = server.desk().await.register(robert().record("hospital-a", "17")).await;

    refused(&["--data", &data, "--grpc", "127.0.0.1:0"]).failed(1, &["in use", &data]);
    for command in ["verify", "stats"] {
        empi(&[command, "--data", &data]).failed(1, &["in use", &data]);
    }
    // The first server was not disturbed.
    assert_eq!(server.desk().await.record("hospital-a", "17").await.version, 1);
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[test]
fn a_port_in_use_is_said_before_the_store_is_touched() {
    let folder = Folder::new();
    let data = folder.path("data");
    let (_somebody, address) = occupied_port();
    refused(&["--data", &data, "--grpc", &address]).failed(1, &["in use", "another port"]);
    assert!(!folder.has("data"), "no store was made");
}

#[test]
fn an_address_that_others_can_reach_needs_a_flag_that_says_so() {
    let folder = Folder::new();
    let data = folder.path("data");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let run = refused(&["--data", &data, "--grpc", address]);
        run.failed(1, &["--insecure-allow-remote", "127.0.0.1"]);
    }
    assert!(!folder.has("data"), "no store was made");
    let arguments = ["--data", &data, "--grpc", "0.0.0.0:0", "--insecure-allow-remote"];
    let server = Server::try_start(&arguments, &[]).expect("it was allowed in so many words");
    let log = server.stop();
    assert_eq!(log.code, Some(0));
    assert!(log.stderr.contains("INSECURE"), "{}", log.stderr);
}

#[test]
fn what_the_server_cannot_use_is_named() {
    let folder = Folder::new();
    let data = folder.path("data");
    let model = folder.write("model.toml", "format = 99\n");
    let unknown = folder.write("unknown.toml", "[grpc]\ncalls_maxx = 5\n");
    let zero = folder.write("zero.toml", "[grpc]\ncalls_max = 0\n");
    let file = folder.write("file", "not a store");
    for (arguments, code, says) in [
        (&["--data", &data, "--model", &model][..], 1, &["model.toml"][..]),
        (&["--data", &data, "--model", "/no/model"], 1, &["/no/model", "cannot read"]),
        (&["--data", &data, "--config", &unknown], 1, &["unknown.toml", "calls_maxx"]),
        (&["--data", &data, "--config", &zero], 1, &["grpc.calls_max", "between 1"]),
        (&["--data", &data, "--config", "/no/config"], 1, &["/no/config"]),
        (&["--data", &file], 1, &[file.as_str()]),
        (&["--data", &data, "--grpcc", "127.0.0.1:1"], 2, &["--grpcc"]),
        (&[], 2, &["--data"]),
    ] {
        refused(&[arguments, &ANY_PORT].concat()).failed(code, says);
    }
    refused(&["--data", &data, "--grpc", "nowhere"]).failed(2, &["HOST:PORT"]);
    assert!(!folder.has("data"), "no store was made");
    assert_eq!(folder.read("file"), "not a store", "a file in the way is left alone");
}

#[test]
fn store_commands_want_a_store_that_is_there() {
    let folder = Folder::new();
    let missing = folder.path("no-such-store");
    for command in ["verify", "stats"] {
        empi(&[command, "--data", &missing]).failed(1, &[&missing]);
        empi(&[command]).failed(2, &["--data"]);
    }
    assert!(!folder.has("no-such-store"), "looking makes no store");
}

#[test]
fn the_command_line_says_what_it_knows() {
    empi(&["sever"]).failed(2, &["sever"]);
    empi(&[]).failed(2, &["serve", "link"]);
    let help = empi(&["--help"]).succeeded();
    for command in [
        "serve", "link", "load", "train", "evaluate", "generate", "register", "match", "person",
        "review", "verify", "stats", "backup", "restore", "relink",
    ] {
        assert!(help.stdout.contains(command), "{command}");
        let _ = empi(&[command, "--help"]).succeeded();
    }
    let version = empi(&["--version"]).succeeded().stdout;
    assert!(version.starts_with("empi ") && version.lines().count() == 1, "{version}");
}
