//! Who is let in, and what is said of whoever is not.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;

/// A hello of TLS 1.1, with a version that the client wants at most: what an old interface engine sends.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    // No session; two cipher suites of the time; no compression; no extensions.
    body.extend([0, 0, 4, 0xC0, 0x13, 0x00, 0x2F, 1, 0]);
    let mut record = vec![HANDSHAKE, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    record.extend(body);
    record
}

/// A server's side of one handshake at a time.
struct Gate {
    listener: TcpListener,
    acceptor: Acceptor,
    address: String,
    _index: TempDir,
}

impl Gate {
    async fn new(tls: &Tls, interface: Interface) -> Self {
        let index = tempfile::tempdir().unwrap();
        let metrics = Metrics::new(&registry_in(index.path()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let acceptor = tls.acceptor(interface, &metrics).unwrap();
        Self { listener, acceptor, address, _index: index }
    }

    /// How the next handshake ends on the server's side: in a name, or a refusal.
    async fn judged(&self) -> Result<Option<String>, Refusal> {
        let (stream, _) = self.listener.accept().await.unwrap();
        let stream = self.acceptor.shake_hands(stream).await?;
        let chain = stream.get_ref().1.peer_certificates();
        let shown = chain.and_then(|chain| PeerCertificate::read(&chain[0]));
        Ok(shown.map(|it| it.first_name().to_owned()))
    }

    /// How a handshake with a caller ends, and how the caller fared.
    async fn meets(&self, caller: &Outgoing) -> (Result<Option<String>, Refusal>, bool) {
        let (judged, connected) = tokio::join!(self.judged(), caller.connect(&self.address));
        (judged, connected.is_ok())
    }

    /// How it ends with somebody who sends these bytes and waits.
    async fn hears(&self, bytes: &[u8]) -> Refusal {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let judged = self.judged().await;
        drop(stream);
        judged.unwrap_err()
    }
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_apart() {
    let scene = Scene::new();
    let tls = scene.tls(&scene.config()).unwrap();
    let strangers = Authority::new("strangers");
    let issued = |name, usage, years| Some(scene.clients.issue_for(name, usage, years));
    let good = (2026, 2027);
    for interface in Interface::ALL {
        let gate = Gate::new(&tls, interface).await;
        let known = Ok(Some("engine.example".to_owned()));
        let none = if interface == Interface::Web { Ok(None) } else { Err(Refusal::NoCertificate) };
        for (identity, expected) in [
            (Some(scene.engine.clone()), known),
            (None, none),
            (issued("engine.example", Use::Client, (2024, 2025)), Err(Refusal::Expired)),
            (issued("engine.example", Use::Client, (2028, 2030)), Err(Refusal::NotYetValid)),
            (Some(strangers.issue("engine.example", Use::Client)), Err(Refusal::UnknownAuthority)),
            (issued("other.example", Use::Client, good), Err(Refusal::UnknownCaller)),
            (issued("engine.example", Use::Server, good), Err(Refusal::WrongUse)),
        ] {
            let (judged, _) = gate.meets(&scene.caller(identity.as_ref())).await;
            assert_eq!(judged, expected, "{interface:?}");
        }
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], Refusal::PlainText),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::PlainText),
            (b"\x0BMSH|^~\\&|REG|NORTH", Refusal::PlainText),
            (&hello_of_tls_1_1(), Refusal::OldProtocol),
            (&[SSL_2, 0x2E, 1, 0, 2], Refusal::OldProtocol),
        ] {
            assert_eq!(gate.hears(bytes).await, expected, "{interface:?}");
        }
    }
}

#[tokio::test]
async fn whoever_does_not_know_the_server_goes_away_and_the_log_says_why() {
    let scene = Scene::new();
    let other = Authority::new("others");
    scene.write("others.pem", &other.pem());
    for (shown, trusted, said) in [
        (scene.servers.issue("elsewhere", Use::Server), "servers.pem", "for another name"),
        (scene.servers.issue("localhost", Use::Server), "others.pem", "not among those named"),
    ] {
        scene.show(&shown);
        let tls = scene.tls(&scene.config()).unwrap();
        let gate = Gate::new(&tls, Interface::Mllp).await;
        let caller = scene.caller_who_trusts(trusted, Some(&scene.engine));
        let (judged, connected) = tokio::join!(gate.judged(), caller.connect(&gate.address));
        assert_eq!(judged, Err(Refusal::NotAccepted));
        let error = connected.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // The server's certificate has expired since it was read.
    scene.show(&scene.servers.issue("localhost", Use::Server));
    let tls = scene.tls(&scene.config()).unwrap();
    let gate = Gate::new(&tls, Interface::Mllp).await;
    scene.clock.0.fetch_add(366 * 24 * 60 * 60 * 1000, Ordering::SeqCst);
    let caller = scene.caller(None);
    let (judged, connected) = tokio::join!(gate.judged(), caller.connect(&gate.address));
    assert_eq!(judged, Err(Refusal::NotAccepted));
    assert_eq!(connected.unwrap_err().to_string(), "its certificate has expired");
}

#[tokio::test]
async fn what_was_revoked_is_refused_and_a_list_must_be_there_and_current() {
    let scene = Scene::new();
    let revoked = scene.clients.issue("engine.example", Use::Client);
    scene.write("clients.crl", &scene.clients.revoke(&[&revoked]));
    let tls = scene.tls(&scene.config()).unwrap();
    let gate = Gate::new(&tls, Interface::Grpc).await;
    let (judged, _) = gate.meets(&scene.caller(Some(&revoked))).await;
    assert_eq!(judged, Err(Refusal::Revoked));
    let (judged, connected) = gate.meets(&scene.caller(Some(&scene.engine))).await;
    assert!(judged.is_ok() && connected);

    // Two authorities, and a list of one of them.
    let second = Authority::new("second");
    scene.write("clients.pem", &format!("{}{}", scene.clients.pem(), second.pem()));
    let tls = scene.tls(&scene.config()).unwrap();
    let gate = Gate::new(&tls, Interface::Grpc).await;
    let theirs = second.issue("engine.example", Use::Client);
    let (judged, _) = gate.meets(&scene.caller(Some(&theirs))).await;
    assert_eq!(judged, Err(Refusal::NoRevocationList));

    // The list is good until 2027, the certificate for longer.
    let lasting = scene.clients.issue_for("engine.example", Use::Client, (2026, 2030));
    scene.show(&scene.servers.issue_for("localhost", Use::Server, (2026, 2030)));
    let tls = scene.tls(&scene.config()).unwrap();
    let gate = Gate::new(&tls, Interface::Grpc).await;
    scene.clock.0.fetch_add(366 * 24 * 60 * 60 * 1000, Ordering::SeqCst);
    let (judged, _) = gate.meets(&scene.caller(Some(&lasting))).await;
    assert_eq!(judged, Err(Refusal::OldRevocationList));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_comes_is_given_up_and_counted() {
    let scene = Scene::new();
    let tls = scene.tls(&scene.config()).unwrap();
    let gate = Gate::new(&tls, Interface::Mllp).await;
    let _silent = TcpStream::connect(&gate.address).await.unwrap();
    let (stream, _) = gate.listener.accept().await.unwrap();
    assert!(gate.acceptor.accept(stream).await.is_none());
    let index = tempfile::tempdir().unwrap();
    let standing = crate::metrics::Standing { calls_running: 0, calls_refused: 0, is_ready: true };
    let figures = gate.acceptor.metrics.text(&registry_in(index.path()), standing).unwrap();
    let line = "empi_tls_turned_away_total{interface=\"mllp\",reason=\"too_slow\"} 1";
    assert!(figures.lines().any(|it| it == line), "{figures}");
}

#[test]
fn every_refusal_has_a_word_and_a_sentence_of_its_own() {
    use Refusal as R;
    let all = [
        R::PlainText,
        R::OldProtocol,
        R::NoCertificate,
        R::Expired,
        R::NotYetValid,
        R::UnknownAuthority,
        R::UnknownCaller,
        R::Revoked,
        R::NoRevocationList,
        R::OldRevocationList,
        R::WrongUse,
        R::NotAccepted,
        R::TooSlow,
        R::WentAway,
        R::Other,
    ];
    let words: std::collections::BTreeSet<_> = all.iter().map(|it| it.label()).collect();
    let sentences: std::collections::BTreeSet<_> = all.iter().map(|it| it.sentence()).collect();
    assert_eq!((words.len(), sentences.len()), (all.len(), all.len()));
}

#[test]
fn a_certificate_goes_by_its_names_and_its_fingerprint() {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    let identity = Authority::new("clients").issue("engine.example", Use::Client);
    let der = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let certificate = PeerCertificate::read(&der).unwrap();
    let digits: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(&der).iter().map(|byte| format!("{byte:02X}")).collect()
    };
    for name in ["engine.example", "ENGINE.example", "engine.example system"] {
        assert!(certificate.is_named(name), "{name}");
    }
    assert!(certificate.is_named(&format!("sha256:{digits}")));
    for name in ["", "engine", "example", "sha256:", "gine.example"] {
        assert!(!certificate.is_named(name), "{name}");
    }
    assert_eq!(PeerCertificate::read(b"no certificate"), None);
}
