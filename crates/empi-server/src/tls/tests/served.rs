//! The whole server over TLS: gRPC, web pages with FHIR, HL7 version 2, and what it tells consumers.

use std::net::SocketAddr;

use empi_model::EventSequence;
use empi_proto::v1;
use empi_proto::v1::admin_service_client::AdminServiceClient;
use empi_registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::mllp::frame::framed;
use crate::mllp::tests::{AMARA, AUTHORITIES, adt, pid};
use crate::{ConsumerConfig, Listener, Listeners, ServeError, serve};

struct Running {
    addresses: [SocketAddr; 3],
    registry: Arc<Registry>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
    _index: TempDir,
}

impl Running {
    async fn start(scene: &Scene, config: ServerConfig) -> Self {
        let index = tempfile::tempdir().unwrap();
        let registry = registry_in(index.path());
        let bind = || async { Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap() };
        let (grpc, web, mllp) = (bind().await, bind().await, bind().await);
        let addresses = [grpc.address(), web.address(), mllp.address()];
        let tls = Some(scene.tls(&config).unwrap());
        let listeners = Listeners { grpc, web: Some(web), mllp: Some(mllp), tls };
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&registry);
        let serving = tokio::spawn(async move {
            serve(listeners, &config, served, None, async {
                let _ = stopped.await;
            })
            .await
        });
        Self { addresses, registry, stop, serving, _index: index }
    }

    fn address(&self, interface: Interface) -> String {
        self.addresses[interface as usize].to_string()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap().unwrap();
    }

    async fn grpc(&self, caller: Outgoing) -> Result<Channel, tonic::transport::Error> {
        let address = self.address(Interface::Grpc);
        let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
        caller.channel(endpoint, address).await
    }

    /// The whole answer to a request without a body.
    async fn http(&self, caller: &Outgoing, lines: &str) -> String {
        let mut stream = caller.connect(&self.address(Interface::Web)).await.unwrap();
        let request = format!("GET {lines}\r\nHost: mpi.example\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Who closes without a farewell has said all it had.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    /// The answer to a message.
    async fn mllp(&self, caller: &Outgoing, message: &str) -> String {
        let mut stream = caller.connect(&self.address(Interface::Mllp)).await.unwrap();
        stream.write_all(&framed(message.replace('\n', "\r").as_bytes())).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\x1C\r") {
            answer.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(answer).unwrap()
    }
}

fn config(scene: &Scene) -> ServerConfig {
    let authorities: ServerConfig = toml::from_str(AUTHORITIES).unwrap();
    ServerConfig { authorities: authorities.authorities, ..scene.config() }
}

#[tokio::test]
async fn a_caller_with_a_certificate_is_known_on_every_interface() {
    let scene = Scene::new();
    let running = Running::start(&scene, config(&scene)).await;
    let engine = scene.caller(Some(&scene.engine));

    // gRPC: calls are answered.
    let mut admin = AdminServiceClient::new(running.grpc(engine.clone()).await.unwrap());
    let stats = admin.stats(v1::StatsRequest {}).await.unwrap().into_inner();
    assert_eq!(stats.records, 0);

    // MLLP: it is the actor, and speaks as the sender that it is and as no other.
    let north = adt("REG|NORTH", "A04", "1", &pid("1^^^NORTH", AMARA));
    assert!(running.mllp(&engine, &north).await.contains("MSA|AA|1\r"));
    let events = running.registry.events(EventSequence(1), 10).unwrap();
    assert_eq!(events[0].event.actor.name, "engine");
    let south = adt("REG|SOUTH", "A04", "2", &pid("2^^^SOUTH", AMARA));
    let refused = running.mllp(&engine, &south).await;
    assert!(refused.contains("MSA|AR|2\r") && refused.contains("certificate"), "{refused}");

    // FHIR: no token is needed, and links are of https.
    let found =
        running.http(&engine, "/fhir/Patient?family=okafor&birthdate=1985-02-14 HTTP/1.1").await;
    assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    assert!(found.contains("https://mpi.example/fhir/Patient/"), "{found}");
    let token = "Authorization: Bearer somebody-else";
    let both = format!("/fhir/Patient?family=okafor HTTP/1.1\r\n{token}");
    assert!(running.http(&engine, &both).await.starts_with("HTTP/1.1 401"));
    running.stop().await;
}

#[tokio::test]
async fn without_a_certificate_only_the_web_hears_and_asks_for_a_token() {
    let scene = Scene::new();
    let running = Running::start(&scene, config(&scene)).await;
    let nobody = scene.caller(None);
    // TLS 1.3 tells the client after its handshake.
    let refused = match running.grpc(nobody.clone()).await {
        Err(_) => true,
        Ok(channel) => AdminServiceClient::new(channel).stats(v1::StatsRequest {}).await.is_err(),
    };
    assert!(refused);
    let connected = nobody.connect(&running.address(Interface::Mllp)).await;
    if let Ok(mut stream) = connected {
        let mut answer = Vec::new();
        assert!(stream.read_to_end(&mut answer).await.is_err());
        assert_eq!(answer, b"");
    }
    let page = running.http(&nobody, "/sign-in HTTP/1.1").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.to_ascii_lowercase().contains("strict-transport-security: max-age=31536000"));
    let fhir = running.http(&nobody, "/fhir/Patient?family=okafor HTTP/1.1").await;
    assert!(fhir.starts_with("HTTP/1.1 401"), "{fhir}");
    for interface in Interface::ALL {
        let mut plain = TcpStream::connect(running.address(interface)).await.unwrap();
        plain.write_all(b"GET /livez HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert_eq!(answer, b"", "nothing is said in the clear");
    }
    running.stop().await;
}

#[tokio::test]
async fn consumers_are_told_over_tls_and_shown_the_servers_certificate() {
    let scene = Scene::new();
    scene.show(&scene.servers.issue("localhost", Use::Both));
    // The consumer takes the server for a client of its own.
    let mut theirs = scene.config();
    theirs.tls.client_authorities = Some(scene.file("servers.pem"));
    theirs.tls.client_revocations = None;
    theirs.fhir.clients[0].certificate = Some("localhost".to_owned());
    let consumer = scene.tls(&theirs).unwrap();
    let index = tempfile::tempdir().unwrap();
    let metrics = Metrics::new(&registry_in(index.path()));
    let acceptor = consumer.acceptor(Interface::Mllp, &metrics).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();

    let mut config = config(&scene);
    config.mllp.consumers_dir = Some(scene.file("told"));
    config.mllp.consumers = vec![ConsumerConfig {
        name: "ehr".to_owned(),
        address: listener.local_addr().unwrap().to_string(),
        application: "EHR".to_owned(),
        facility: "NORTH".to_owned(),
        domains: vec!["north".to_owned()],
        tls: Some(OutgoingConfig {
            authorities: scene.file("servers.pem"),
            name: Some("localhost".to_owned()),
        }),
    }];
    let running = Running::start(&scene, config).await;
    // It is told of what changes after it was known.
    while std::fs::read_to_string(scene.file("told/ehr.told")).is_err() {
        tokio::task::yield_now().await;
    }
    let engine = scene.caller(Some(&scene.engine));
    let north = adt("REG|NORTH", "A04", "1", &pid("1^^^NORTH", AMARA));
    assert!(running.mllp(&engine, &north).await.contains("MSA|AA|1\r"));
    let (stream, _) = listener.accept().await.unwrap();
    let (mut stream, shown) = acceptor.accept(stream).await.unwrap();
    assert!(shown.unwrap().is_named("localhost"));
    let mut told = Vec::new();
    while !told.ends_with(b"\x1C\r") {
        told.push(stream.read_u8().await.unwrap());
    }
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("ADT^A31") && told.contains("1^^^NORTH"), "{told}");
    running.stop().await;
}
