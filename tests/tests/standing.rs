//! Streams that stand while their caller's leave ends: they end with it, at once, and everybody else's go on.

use empi_proto::v1;
use empi_proto::v1::event_service_client::EventServiceClient;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_tests::{Folder, Server, add_account, empi, nth_patient};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status, Streaming};

/// An index with accounts whose tokens are in files, and the server of it.
struct House {
    folder: Folder,
    data: String,
}

impl House {
    fn new() -> Self {
        let folder = Folder::new();
        let data = folder.path("index");
        Self { folder, data }
    }

    fn token_file(&self, name: &str) -> String {
        self.folder.path(&format!("{name}.token"))
    }

    fn add(&self, name: &str, role: &str) {
        let arguments = ["--role", role, "--all-domains"];
        let _ = add_account(&self.folder, &self.data, name, &arguments);
    }

    /// Changes an account of the running server, as the administrator.
    fn change(&self, server: &Server, words: &[&str]) {
        let by = ["--token-file", &self.token_file("ops")];
        let _ = server.empi(&[&["account"], words, &by].concat()).succeeded();
    }

    fn showing<T>(&self, name: &str, message: T) -> Request<T> {
        let token = self.folder.read(&format!("{name}.token"));
        let mut request = Request::new(message);
        let bearer = MetadataValue::try_from(format!("Bearer {}", token.trim()));
        request.metadata_mut().insert("authorization", bearer.expect("a token is a text"));
        request
    }
}

type Told = Streaming<v1::WatchEventsResponse>;

async fn watch(server: &Server, request: Request<v1::WatchEventsRequest>) -> Told {
    let mut events = EventServiceClient::new(server.connect().await);
    events.watch_events(request).await.expect("they may watch").into_inner()
}

fn everything() -> v1::WatchEventsRequest {
    v1::WatchEventsRequest { from_sequence: 1, until_now: false }
}

/// The number of the next event.
async fn next(told: &mut Told) -> Result<u64, Status> {
    let told = told.message().await?.expect("the stream stands");
    Ok(told.event.expect("it is told of an event").sequence)
}

#[track_caller]
fn is_known_no_longer(answer: Result<u64, Status>) {
    let status = answer.expect_err("the stream ends");
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    assert!(status.message().contains("known no longer"), "{status}");
}

fn one(number: u32) -> v1::RegisterRecordRequest {
    let record = Some(nth_patient(number).record("north", &number.to_string()));
    let actor = Some(v1::Actor { kind: v1::ActorKind::System.into(), name: "adt".to_owned() });
    v1::RegisterRecordRequest { record, actor, request_id: String::new() }
}

async fn register(server: &Server, house: &House, number: u32) {
    let mut registry = RegistryServiceClient::new(server.connect().await);
    let _ = registry.register_record(house.showing("adt", one(number))).await.expect("it may");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_is_told_nothing_more_once_their_leave_ends() {
    let house = House::new();
    for (name, role) in [
        ("ops", "administrator"),
        ("adt", "source"),
        ("revoked", "reader"),
        ("replaced", "reader"),
        ("pushed-out", "reader"),
        ("stays", "reader"),
    ] {
        house.add(name, role);
    }
    let server = Server::start(&house.data);
    register(&server, &house, 1).await;
    let mut watching = Vec::new();
    for name in ["revoked", "replaced", "pushed-out", "stays"] {
        let mut told = watch(&server, house.showing(name, everything())).await;
        assert_eq!(next(&mut told).await.expect("it is told"), 1);
        watching.push(told);
    }
    let Ok([mut revoked, mut replaced, mut pushed_out, mut stays]) =
        <[Told; 4]>::try_from(watching)
    else {
        panic!("four watch")
    };
    house.change(&server, &["revoke", "revoked"]);
    is_known_no_longer(next(&mut revoked).await);
    let out = house.folder.path("replaced.next");
    house.change(&server, &["rotate", "replaced", "--at-once", "--token-out", &out]);
    is_known_no_longer(next(&mut replaced).await);
    // Two tokens are good at a time: the second leaves the first, the third does not.
    for (number, is_good) in [(2, true), (3, false)] {
        let out = house.folder.path(&format!("pushed-out.{number}"));
        house.change(&server, &["rotate", "pushed-out", "--token-out", &out]);
        if is_good {
            register(&server, &house, number).await;
            assert_eq!(next(&mut pushed_out).await.expect("it is told"), u64::from(number));
        }
    }
    is_known_no_longer(next(&mut pushed_out).await);
    register(&server, &house, 3).await;
    for due in [2, 3] {
        assert_eq!(next(&mut stays).await.expect("everybody else is told"), due);
    }
    // Whoever comes again is turned away at the door, and the trail tells of the stream that ended.
    let mut events = EventServiceClient::new(server.connect().await);
    let refused = events.watch_events(house.showing("revoked", everything())).await;
    assert_eq!(refused.expect_err("nobody knows it").code(), Code::Unauthenticated);
    assert_eq!(server.stop().code, Some(0));
    let trail = empi(&["audit", "list", "--data", &house.data, "--by", "revoked", "--json"]);
    let trail = trail.succeeded().stdout;
    assert!(trail.contains("\"outcome\":\"denied\""), "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_taken_at_their_word_is_not_once_the_index_is_closed() {
    let house = House::new();
    let server = Server::start(&house.data);
    let answer = server.desk().await.register(nth_patient(1).record("north", "1")).await;
    assert!(!answer.enterprise_id.is_empty());
    let mut told = watch(&server, Request::new(everything())).await;
    assert_eq!(next(&mut told).await.expect("it is told"), 1);
    let out = house.token_file("ops");
    let words = ["account", "add", "ops", "--role", "administrator", "--all-domains"];
    let _ = server.empi(&[&words[..], &["--token-out", &out]].concat()).succeeded();
    is_known_no_longer(next(&mut told).await);
    assert_eq!(server.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_a_revoked_account_streams_are_registered_no_more() {
    let house = House::new();
    house.add("ops", "administrator");
    house.add("adt", "source");
    let server = Server::start(&house.data);
    let mut registry = RegistryServiceClient::new(server.connect().await);
    let (sender, requests) = mpsc::channel(1);
    let send = |number| v1::BulkRegisterRequest { registration: Some(one(number)) };
    sender.send(send(1)).await.expect("it is taken");
    let stream = house.showing("adt", ReceiverStream::new(requests));
    let mut answers = registry.bulk_register(stream).await.expect("it may").into_inner();
    assert!(answers.message().await.expect("it is answered").is_some());
    house.change(&server, &["revoke", "adt"]);
    let ended = answers.message().await.map(|_| 0);
    is_known_no_longer(ended);
    // Nobody may take it any more: whether the server still hears it or not, nothing comes of it.
    let _ = sender.send(send(2)).await;
    drop(sender);
    house.change(&server, &["list"]);
    assert_eq!(server.stop().code, Some(0));
    let stats = empi(&["stats", "--data", &house.data, "--json"]).succeeded().json();
    assert_eq!(stats["records"], 1, "{stats}");
}
