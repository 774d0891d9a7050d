//! Patient data never leak: values planted in every field stand in no log line and no error.

use empi_proto::v1::{self, ReviewOutcome};
use empi_tests::{Desk, Folder, Patient, Server, empi_in};

/// Everything that could be logged is.
const TRACE: [(&str, &str); 2] = [("EMPI_LOG", "trace"), ("RUST_LOG", "trace")];

/// A patient whose values stand nowhere else in the world.
fn canary() -> Patient {
    Patient::new(&[
        ("given_name", "Zqxgiven"),
        ("middle_name", "Zqxmiddle"),
        ("family_name", "Zqxfamily"),
        ("suffix", "Jr"),
        ("birth_date", "1907-03-21"),
        ("sex", "F"),
        ("ssn", "219-84-7316"),
        ("street", "8642 Zqxstreet Road"),
        ("unit", "Zqxunit 9"),
        ("city", "Zqxcity"),
        ("state", "MA"),
        ("postal_code", "02139-7753"),
        ("country", "Zqxcountry"),
        ("phone", "617-555-8642"),
        ("email", "zqxmail@zqxhost.example"),
        ("identifier", "PLAN-A:ZQXPLAN-551"),
        ("mother_maiden_name", "Zqxmother"),
        ("guardian_name", "Zqxguardian"),
        ("birth_place", "Zqxplace"),
        ("birth_order", "1"),
    ])
}

/// What must not be found, in lower case and with digits as they come after cleaning.
const FORBIDDEN: [&str; 7] =
    ["zqx", "219-84-7316", "219847316", "1907-03-21", "19070321", "5558642", "02139-7753"];

#[track_caller]
fn assert_nothing_leaks(where_from: &str, text: &str) {
    for line in text.lines() {
        let lower = line.to_lowercase();
        for forbidden in FORBIDDEN {
            assert!(!lower.contains(forbidden), "{where_from}: `{forbidden}` in: {line}");
        }
    }
}

/// Every way that a value can take through the server, good and bad.
async fn call_everything(server: &Server) {
    let (mut desk, mut steward) = (server.desk().await, server.steward().await);
    let (mrn, other) = ("ZQXMRN-1", "ZQXMRN-2");
    let twin = canary().with("given_name", "Zqxtwin").with("birth_order", "2").without("ssn");
    let _ = desk.try_register(canary().record("hospital-a", mrn), "zqx-request").await.unwrap();
    let asked = desk.register(twin.record("hospital-a", other)).await;
    let moved = canary().with("street", "1357 Zqxstreet Lane");
    let _ = desk.register(moved.record("hospital-a", mrn)).await;
    let overlay = crate::registration::alice().with("family_name", "Zqxoverlay");
    let held = desk.register(overlay.record("hospital-a", mrn)).await;
    let _ = desk.candidates(canary().record("", "")).await;
    let _ = desk.person(&asked.enterprise_id).await;
    let _ = desk.persons_with("PLAN-A", "ZQXPLAN-551").await;
    for task in asked.tasks.iter().chain(&held.tasks) {
        let _ = steward.task(*task).await;
        let _ = steward.resolve(*task, ReviewOutcome::Different).await;
        assert!(steward.try_resolve(*task, ReviewOutcome::Same).await.is_err());
    }
    // Bad calls, whose sentences are errors that somebody else may log.
    let long = canary().with("birth_place", "Zqxplace".repeat(200));
    for (record, request_id) in [
        (canary().record("", mrn), ""),
        (long.record("hospital-a", mrn), ""),
        (overlay.record("hospital-a", "ZQXMRN-3"), "zqx-request"),
        (canary().record("hospital-a", &"ZQXMRN".repeat(200)), ""),
    ] {
        let status = desk.try_register(record, request_id).await.unwrap_err();
        assert_nothing_leaks("status", &format!("{status:?} {status}"));
    }
    let missing = desk.try_record("hospital-a", "ZQXMRN-9").await.unwrap_err();
    assert_nothing_leaks("status", &format!("{missing:?}"));
    let mut client = server.registry().await;
    let person = v1::GetPersonRequest { enterprise_id: "Zqxfamily".to_owned() };
    let status = client.get_person(person).await.unwrap_err();
    assert_nothing_leaks("status", &format!("{status:?}"));
    let oversized = canary().with("birth_place", "Zqxplace".repeat(1 << 18));
    let request = Desk::request(oversized.record("hospital-a", mrn), "");
    assert_nothing_leaks("status", &client.register_record(request).await.unwrap_err().to_string());
    let file = [canary().record("hospital-a", "ZQXMRN-4"), canary().record("", "ZQXMRN-5")];
    let stream = file
        .map(|record| v1::BulkRegisterRequest { registration: Some(Desk::request(record, "")) });
    let answers = client.bulk_register(tokio_stream::iter(stream)).await.unwrap();
    let mut answers = answers.into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        assert_nothing_leaks("message", &format!("{answer:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_patient_data_in_logs() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start_with(&data, &[], &TRACE);
    call_everything(&server).await;
    let run = server.stop();
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("TRACE"), "the log is as talkative as can be");
    assert!(run.stderr.contains("RegisterRecord"), "calls are logged");
    assert_nothing_leaks("the log", &run.stderr);
    assert_nothing_leaks("stdout", &run.stdout);
    // Reading the store again at start, and checking it, say no more.
    let run = Server::start_with(&data, &[], &TRACE).stop();
    assert_nothing_leaks("the second log", &run.stderr);
    let run = empi_tests::empi(&["verify", "--data", &data]).succeeded();
    assert_nothing_leaks("verify", &(run.stdout + &run.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_patient_data_in_what_the_commands_say_about_errors() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let good = Patient::csv([("a", "ZQXMRN-1", &canary())]);
    let row = good.lines().nth(1).unwrap();
    let broken = [
        good.clone(),
        format!("{row},Zqxmore\n"),
        "a,ZQXMRN-2,Zqxfew\n".to_owned(),
        format!("{row}\n"),
        format!("a,ZQXMRN-3,\"Zqxopen {row}\n"),
    ];
    let mut bytes = broken.concat().into_bytes();
    bytes.extend(b"a,ZQXMRN-4,\xff\xfe Zqxbytes\n");
    let _ = folder.write("broken.csv", bytes);
    // A file without a header: its first row would be taken for one.
    let _ = folder.write("headless.csv", format!("{row}\n{row}\n"));
    let _ = folder.write("wrong.toml", "[columns]\nnothing = 'ssn'\n");
    let address = server.address();
    for arguments in [
        &["link", "broken.csv", "--out", "clusters.csv"][..],
        &["link", "broken.csv", "--out", "clusters.csv", "--strict"],
        &["link", "headless.csv", "--out", "clusters.csv"],
        &["link", "broken.csv", "--out", "clusters.csv", "--columns", "wrong.toml"],
        &["link", "broken.csv", "--out", "clusters.csv", "--truth", "nothing"],
        &["load", "broken.csv", "--data", "store"],
        &["train", "headless.csv", "--out", "model.toml"],
        &["register", "--file", "broken.csv", "--server", address],
        &["register", "--file", "headless.csv", "--server", address],
        &["match", "--file", "broken.csv", "--server", address],
        &["evaluate", "--clusters", "broken.csv", "--truth", "broken.csv"],
    ] {
        let run = empi_in(folder.root(), arguments);
        assert!(!run.stderr.is_empty(), "{arguments:?} has something to say");
        assert_nothing_leaks(&format!("{arguments:?}"), &run.stderr);
    }
    let _ = server.empi(&["register", "--source", "a", "--family-name", "Zqxfamily"]);
    let nameless = server.empi(&["register", "--family-name", "Zqxfamily"]);
    nameless.failed(1, &["source"]);
    assert_nothing_leaks("register", &nameless.stderr);
    assert_nothing_leaks("the log", &server.stop().stderr);
}
