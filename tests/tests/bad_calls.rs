//! Bad calls: each has its status code and a sentence that says what to do, and changes nothing.

use empi_proto::v1;
use empi_tests::{Desk, Folder, Server, empi, occupied_port};
use tonic::{Code, Status};

use crate::registration::robert;

/// Well formed, and of nobody: the check character fits.
const NOBODY: &str = "0000-0000-000";

fn request(record: Option<v1::SourceRecord>) -> v1::RegisterRecordRequest {
    v1::RegisterRecordRequest { record, ..Desk::request(v1::SourceRecord::default(), "") }
}

fn keyed(source: &str, record_id: &str) -> v1::RegisterRecordRequest {
    request(Some(robert().record(source, record_id)))
}

fn with_actor(kind: v1::ActorKind, name: &str) -> v1::RegisterRecordRequest {
    let actor = Some(v1::Actor { kind: kind.into(), name: name.to_owned() });
    v1::RegisterRecordRequest { actor, ..keyed("hospital-a", "1") }
}

fn changed(change: impl FnOnce(&mut v1::SourceRecord)) -> v1::RegisterRecordRequest {
    let mut record = robert().record("hospital-a", "1");
    change(&mut record);
    request(Some(record))
}

#[track_caller]
fn assert_refused<T>(answer: Result<T, Status>, code: Code, word: &str) {
    let Err(status) = answer else { panic!("not refused, but should name {word}") };
    let message = status.message();
    assert_eq!(status.code(), code, "{message}");
    assert!(message.contains(word), "`{word}` is not in: {message}");
    assert!(!message.contains("panic") && !message.contains(".rs"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_break_a_rule_name_the_field() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut client = server.registry().await;
    let long = || "x".repeat(1001);
    let with_request_id =
        v1::RegisterRecordRequest { request_id: "r".repeat(201), ..keyed("hospital-a", "1") };
    let without_actor = v1::RegisterRecordRequest { actor: None, ..keyed("hospital-a", "1") };
    for (request, named) in [
        (request(None), "record"),
        (keyed("", "1"), "source"),
        (keyed("hospital-a", ""), "record_id"),
        (without_actor, "actor"),
        (with_actor(v1::ActorKind::Unspecified, "desk"), "actor.kind"),
        (with_actor(v1::ActorKind::System, " "), "actor.name"),
        (with_request_id, "request_id"),
        (changed(|record| record.ssn = long()), "ssn"),
        (changed(|record| record.names[0].given = long()), "names.given"),
        (changed(|record| record.phones = vec!["1".to_owned(); 101]), "phones"),
    ] {
        let answer = client.register_record(request).await;
        assert_refused(answer, Code::InvalidArgument, named);
    }
    let stats = server.stats().await;
    assert_eq!((stats.records, stats.events), (0, 0), "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let (mut client, mut steward) = (server.registry().await, server.steward().await);
    let person = |id: &str| v1::GetPersonRequest { enterprise_id: id.to_owned() };
    assert_refused(client.get_person(person(NOBODY)).await, Code::NotFound, "enterprise ID");
    assert_refused(client.get_person(person("7K3M")).await, Code::InvalidArgument, "eleven");
    assert_refused(client.get_person(person("")).await, Code::InvalidArgument, "enterprise_id");
    let mistyped = person("0000-0000-001");
    assert_refused(client.get_person(mistyped).await, Code::InvalidArgument, "check character");

    let key = |source: &str, record_id: &str| v1::GetRecordRequest {
        key: Some(v1::RecordKey { source: source.to_owned(), record_id: record_id.to_owned() }),
    };
    assert_refused(client.get_record(key("a", "1")).await, Code::NotFound, "record");
    assert_refused(client.get_record(key("a", "")).await, Code::InvalidArgument, "record_id");
    let identifier = v1::ResolveIdentifierRequest::default();
    let answer = client.resolve_identifier(identifier).await;
    assert_refused(answer, Code::InvalidArgument, "identifier");
    let too_many =
        v1::MatchRecordRequest { record: Some(robert().record("", "")), candidates_max: 101 };
    assert_refused(client.match_record(too_many).await, Code::InvalidArgument, "100");

    let same = v1::ReviewOutcome::Same;
    assert_refused(steward.try_resolve(7, same).await, Code::NotFound, "task 7");
    let unsaid = v1::ReviewOutcome::Unspecified;
    assert_refused(steward.try_resolve(7, unsaid).await, Code::InvalidArgument, "outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_and_the_connection_lives() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut client = server.registry().await;
    let oversized = changed(|record| record.birth_place = "x".repeat(2 << 20));
    assert_refused(client.register_record(oversized).await, Code::OutOfRange, "1048576");
    let answer = client.register_record(keyed("hospital-a", "1")).await;
    assert!(answer.is_ok(), "the next call is answered");
}

#[test]
fn a_client_without_a_server_says_how_to_start_one() {
    let (listener, address) = occupied_port();
    drop(listener);
    let flags = robert().flags("hospital-a", "17");
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let register = [&["register", "--server", &address], &flags[..]].concat();
    empi(&register).failed(1, &["no server answers", &address, "empi serve"]);
    for arguments in [
        &["person", NOBODY, "--server", &address][..],
        &["review", "list", "--server", &address],
        &["match", "--family-name", "Lee", "--server", &address],
    ] {
        empi(arguments).failed(1, &["no server answers", &address, "empi serve"]);
    }
}

#[test]
fn a_client_that_is_used_wrongly_says_how_it_is_meant() {
    for (arguments, says) in [
        (&["register"][..], &["--file"][..]),
        (&["match"], &["--file"]),
        (&["register", "--family-name", "Lee", "--file", "x.csv"], &["either"]),
        (&["register", "--family-name", "Lee", "--server", "nowhere"], &["HOST:PORT"]),
        (&["register", "--family-name", "Lee", "--server", "https://x:1"], &["--tls-ca"]),
        (&["register", "--identifier", "12345"], &["AUTHORITY:VALUE"]),
        (&["person"], &["ENTERPRISE_ID"]),
        (&["review", "resolve", "1", "--as", "perhaps", "--actor", "ines"], &["same", "different"]),
        (&["review", "resolve", "1", "--as", "same"], &["--actor"]),
    ] {
        empi(arguments).failed(2, says);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_passes_the_servers_sentence_on() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    server.empi(&["person", NOBODY]).failed(1, &["enterprise ID"]);
    server.empi(&["person", "7K3M"]).failed(1, &["eleven"]);
    server.empi(&["review", "show", "7"]).failed(1, &["task 7"]);
    server.empi(&["person", "--source", "a", "--record-id", "1"]).failed(1, &["record"]);
    server.empi(&["person", "--identifier", "PLAN:55-1234"]).failed(1, &["nobody carries"]);
    let nameless = ["register", "--source", "a", "--family-name", "Lee"];
    server.empi(&nameless).failed(1, &["record_id"]);
}
