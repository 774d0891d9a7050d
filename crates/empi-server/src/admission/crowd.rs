//! A crowd before a server that has its hands full: everybody is refused at once, on connections that hold, and who
//! is in gets an answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use empi_model::Timestamp;
use empi_proto::v1;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_registry::{Clock, LinkageModel, Registry, RegistryOptions};
use tonic::Code;

use crate::GrpcConfig;
use crate::tests::Running;

/// Refusals on one connection: more than HTTP/2 lets a server break off by mistake before it gives a connection up.
const REFUSALS: u64 = 3000;

/// A clock at which a look waits, once it is told to.
struct Held {
    is_held: AtomicBool,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Clock for Held {
    fn now(&self) -> Timestamp {
        if self.is_held.swap(false, Ordering::SeqCst) {
            // Whoever releases is gone where a test has failed.
            let _ = self.released.lock().unwrap().recv();
        }
        Timestamp(1_000_000)
    }
}

fn registration(record_id: u64, letters: usize) -> v1::RegisterRecordRequest {
    let key = v1::RecordKey { source: "north".to_owned(), record_id: record_id.to_string() };
    let names = vec![v1::PersonName { family: "x".repeat(letters), ..v1::PersonName::default() }];
    let record = v1::SourceRecord { key: Some(key), names, ..v1::SourceRecord::default() };
    let actor = Some(v1::Actor { kind: v1::ActorKind::System.into(), name: "north".to_owned() });
    v1::RegisterRecordRequest { record: Some(record), actor, request_id: String::new() }
}

#[tokio::test]
async fn whoever_finds_no_place_is_refused_and_the_connection_holds() {
    let (release, released) = mpsc::channel();
    let clock = Arc::new(Held { is_held: AtomicBool::new(false), released: Mutex::new(released) });
    let dir = tempfile::tempdir().unwrap();
    let model = LinkageModel::us_default().unwrap();
    let options = RegistryOptions::new(model, Arc::<Held>::clone(&clock));
    let registry = Arc::new(Registry::open(dir.path(), options).unwrap());
    let limits = GrpcConfig { calls_max: 2, ..GrpcConfig::default() };
    let running = Running::serving(dir, registry, limits).await;
    let client = RegistryServiceClient::new(running.channel.clone());
    clock.is_held.store(true, Ordering::SeqCst);
    let mut first = client.clone();
    let inside = tokio::spawn(async move { first.register_record(registration(1, 5)).await });
    while clock.is_held.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    let mut outside = client.clone();
    for number in 0..REFUSALS {
        // Every tenth is so long that most of it is under way when it is refused.
        let letters = if number.is_multiple_of(10) { 200_000 } else { 200 };
        let refused = outside.register_record(registration(2, letters)).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{number}: {refused}");
        assert!(refused.metadata().contains_key("grpc-retry-pushback-ms"), "{number}");
    }
    // Who only looks finds a place.
    let key = Some(v1::RecordKey { source: "north".to_owned(), record_id: "2".to_owned() });
    let looked = outside.get_record(v1::GetRecordRequest { key }).await.unwrap_err();
    assert_eq!(looked.code(), Code::NotFound, "nothing came of what was refused");
    release.send(()).unwrap();
    let answer = inside.await.unwrap().unwrap().into_inner();
    assert_eq!(answer.decision(), v1::RegistrationDecision::New);
    outside.register_record(registration(2, 200)).await.unwrap();
    drop((client, outside));
    running.stop().await;
}
