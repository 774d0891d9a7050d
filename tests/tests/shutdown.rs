//! Stopping politely: what was answered is durable, the others are told, and the exit code is 0.

use std::collections::HashMap;

use empi_tests::{Folder, Server, empi, nth_patient};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const SERVICES: [&str; 3] =
    ["empi.v1.AdminService", "empi.v1.RegistryService", "empi.v1.ReviewService"];

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_calls_run_loses_no_answer_and_exits_with_0() {
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let (sender, mut told) = unbounded_channel();
    let mut running = JoinSet::new();
    for client in 0..6 {
        let (mut desk, sender) = (server.desk().await, sender.clone());
        running.spawn(async move {
            for number in 0_u32.. {
                let key = (format!("hospital-{client}"), number.to_string());
                let record = nth_patient(number).record(&key.0, &key.1);
                match desk.try_register(record, "").await {
                    // Nobody listens any more once all is counted; the call after fails.
                    Ok(answer) => drop(sender.send((key, answer.enterprise_id))),
                    Err(status) => return status,
                }
            }
            unreachable!("numbers never end")
        });
    }
    drop(sender);
    let mut answered = HashMap::new();
    while answered.len() < 100 {
        let (key, person) = told.recv().await.expect("clients register until the server is gone");
        answered.insert(key, person);
    }
    server.terminate();
    while let Some((key, person)) = told.recv().await {
        answered.insert(key, person);
    }
    for status in running.join_all().await {
        // Refused by a server that stops, or by a connection that is closed. Where the client's own end of
        // the connection finds out first, gRPC has it say that something was wrong inside.
        let is_told = match status.code() {
            Code::Unavailable | Code::Cancelled | Code::Unknown => true,
            Code::Internal => status.message().starts_with("h2 protocol error"),
            _ => false,
        };
        assert!(is_told, "{status:?}");
    }
    let run = server.wait();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);

    let server = Server::start(&data);
    let mut desk = server.desk().await;
    for ((source, record_id), person) in &answered {
        assert_eq!(&desk.record(source, record_id).await.enterprise_id, person);
    }
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_serving_and_then_not_serving() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut health = HealthClient::new(server.connect().await);
    for service in SERVICES.iter().chain([&""]) {
        let request = HealthCheckRequest { service: (*service).to_owned() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "empi.v1.NoService".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);

    let watching = HealthCheckRequest { service: String::new() };
    let mut states = health.watch(watching).await.unwrap().into_inner();
    let mut next = async || states.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    server.terminate();
    assert_eq!(next().await, ServingStatus::NotServing);
    drop(states);
    assert_eq!(server.wait().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let mut reflection = ServerReflectionClient::new(server.connect().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(tokio_stream::iter([request])).await.unwrap();
    let answer = answers.into_inner().next().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("not a list of services")
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in SERVICES.iter().chain([&"grpc.health.v1.Health"]) {
        assert!(names.contains(service), "{service} is not in {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_the_server_up() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("data"));
    let _idle = server.connect().await;
    let run = server.stop();
    assert_eq!(run.code, Some(0));
    assert!(!run.stderr.contains("broken off"), "{}", run.stderr);
}
