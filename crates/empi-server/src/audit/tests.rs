//! The trail sent to a repository over TLS: all of it, in order, and what was on its way once more.

use std::sync::Arc;
use std::time::Duration;

use empi_model::Operation;
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::heads::CarryingEnd;
use super::{Syslog, SyslogConfig};
use crate::GrpcConfig;
use crate::access::Subject;
use crate::access::tests::permit;
use crate::door::Door;
use crate::tests::registry_in;
use crate::tls::OutgoingConfig;
use crate::tls::tests::{Authority, Scene};

/// A repository of audit records.
struct Repository {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

type Connection = BufReader<TlsStream<tokio::net::TcpStream>>;

impl Repository {
    async fn new(authority: &Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: authority.acceptor() }
    }

    async fn accept(&self) -> Connection {
        let (stream, _) = self.listener.accept().await.unwrap();
        BufReader::new(self.acceptor.accept(stream).await.unwrap())
    }
}

/// The number of the entry that the next frame is about, and its kind.
async fn next(connection: &mut Connection) -> (u64, String) {
    let mut length = String::new();
    loop {
        match connection.read_u8().await.unwrap() {
            b' ' => break,
            digit => length.push(char::from(digit)),
        }
    }
    let mut bytes = vec![0; length.parse().unwrap()];
    connection.read_exact(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("<8") && text.ends_with("</AuditMessage>"), "{text}");
    let part = |before: &str| {
        let from = text.rfind(before).unwrap() + before.len();
        text[from..].split('"').next().unwrap().to_owned()
    };
    let own = "ParticipantObjectTypeCodeRole=\"13\" ParticipantObjectID=\"";
    (part(own).parse().unwrap(), part("<EventTypeCode csd-code=\""))
}

fn config(scene: &Scene, repository: &Repository) -> SyslogConfig {
    SyslogConfig {
        address: repository.listener.local_addr().unwrap().to_string(),
        tls: OutgoingConfig {
            authorities: scene.file("servers.pem"),
            name: Some("localhost".to_owned()),
        },
        source_id: "mpi1".to_owned(),
        place_file: scene.file("sent"),
        stop_after_seconds: 0,
    }
}

/// Leaves so many entries of somebody who looked at persons that are not there.
async fn look(door: &Door, times: u64) {
    let caller = permit().caller().clone();
    for at in 0..times {
        // Each by somebody else: what one does again and again is one entry.
        let caller = Arc::new(caller.clone().named(format!("desk-{at}")));
        let leave = door.admit(&caller, Operation::ViewPersons, Subject::Index).unwrap();
        let id = empi_model::EnterpriseId::from_number(at + 1);
        door.call(leave, move |registry| registry.person(id)).await.unwrap_err();
    }
}

#[tokio::test]
async fn every_entry_is_sent_in_order_and_again_after_a_broken_connection() {
    let (scene, dir) = (Scene::new(), tempfile::tempdir().unwrap());
    let repository = Repository::new(&scene.servers).await;
    let door = Door::new(registry_in(dir.path()), &GrpcConfig::default());
    look(&door, 250).await;
    let (close, closing) = watch::channel(false);
    let syslog = Syslog::new(config(&scene, &repository), door.clone(), None).unwrap();
    let running = tokio::spawn(syslog.run(closing.clone()));
    let mut connection = repository.accept().await;
    for number in 1..=250 {
        assert_eq!(next(&mut connection).await, (number, "view-persons".to_owned()));
    }
    // The connection breaks, and something more happens.
    drop(connection);
    look(&door, 1).await;
    let mut connection = repository.accept().await;
    let (first, _) = next(&mut connection).await;
    assert!(first <= 250, "what may have been on its way comes again, from {first}");
    for number in first + 1..=251 {
        assert_eq!(next(&mut connection).await.0, number);
    }
    close.send(true).unwrap();
    assert_eq!(running.await.unwrap(), CarryingEnd::Closed);

    // After a start it goes on where it was: nothing is left out.
    look(&door, 3).await;
    let syslog = Syslog::new(config(&scene, &repository), door, None).unwrap();
    let (_close, closing) = watch::channel(false);
    let running = tokio::spawn(syslog.run(closing));
    let mut connection = repository.accept().await;
    let (mut number, _) = next(&mut connection).await;
    assert!(number <= 252);
    while number < 254 {
        let (following, _) = next(&mut connection).await;
        assert_eq!(following, number + 1);
        number = following;
    }
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn the_server_may_end_when_nothing_can_be_sent_for_too_long() {
    let (scene, dir) = (Scene::new(), tempfile::tempdir().unwrap());
    let repository = Repository::new(&scene.servers).await;
    let door = Door::new(registry_in(dir.path()), &GrpcConfig::default());
    look(&door, 1).await;
    let reachable = config(&scene, &repository);
    drop(repository);
    let begun = tokio::time::Instant::now();
    let strict = SyslogConfig { stop_after_seconds: 600, ..reachable };
    let syslog = Syslog::new(strict, door, None).unwrap();
    let (_close, closing) = watch::channel(false);
    assert_eq!(syslog.run(closing).await, CarryingEnd::Failed);
    assert!(begun.elapsed() >= Duration::from_secs(600));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let parsed = |text: &str| toml::from_str::<SyslogConfig>(text).unwrap().fault();
    let file = |address: &str, source: &str| {
        format!(
            "address = {address:?}\nsource_id = {source:?}\nplace_file = \"p\"\ntls = {{ authorities = \"a\" }}\n"
        )
    };
    assert_eq!(parsed(&file("audit.example:6514", "mpi-1.north")), None);
    for (address, source, named) in [
        ("audit.example", "mpi1", "audit.syslog.address"),
        ("audit.example:x", "mpi1", "audit.syslog.address"),
        ("audit.example:6514", "", "audit.syslog.source_id"),
        ("audit.example:6514", "mpi 1", "audit.syslog.source_id"),
        ("audit.example:6514", "mpi\"1", "audit.syslog.source_id"),
    ] {
        assert!(parsed(&file(address, source)).unwrap().contains(named), "{address} {source}");
    }
}
