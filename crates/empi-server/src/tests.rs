//! The whole service over loopback, on a store of its own for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use empi_model::Timestamp;
use empi_proto::v1;
use empi_proto::v1::admin_service_client::AdminServiceClient;
use empi_proto::v1::bulk_register_response::Outcome;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use empi_proto::v1::review_service_client::ReviewServiceClient;
use empi_registry::{Clock, LinkageModel, Registry, RegistryOptions};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::{GrpcConfig, Listener, Listeners, ServeError, ServerConfig, serve};

/// A clock that ticks one second per look.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1000, Ordering::Relaxed))
    }
}

pub(crate) fn registry_in(dir: impl Into<empi_registry::DataDir>) -> Arc<Registry> {
    let model = LinkageModel::us_default().unwrap();
    let options = RegistryOptions::new(model, Arc::new(Ticking(AtomicI64::new(1_000_000))));
    Arc::new(Registry::open(dir, options).unwrap())
}

pub(crate) struct Running {
    pub(crate) channel: Channel,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), ServeError>>,
    _dir: tempfile::TempDir,
}

impl Running {
    async fn start(limits: GrpcConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let registry = registry_in(dir.path());
        Self::serving(dir, registry, limits).await
    }

    /// The same for an index that was prepared.
    pub(crate) async fn serving(
        dir: tempfile::TempDir,
        registry: Arc<Registry>,
        limits: GrpcConfig,
    ) -> Self {
        Self::configured(dir, registry, ServerConfig { grpc: limits, ..ServerConfig::default() })
            .await
    }

    /// The same by a whole configuration.
    pub(crate) async fn configured(
        dir: tempfile::TempDir,
        registry: Arc<Registry>,
        config: ServerConfig,
    ) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let url = format!("http://{}", listener.address());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let listeners = Listeners { grpc: listener, web: None, mllp: None, tls: None };
            serve(listeners, &config, registry, None, async {
                let _ = stopped.await;
            })
            .await
        });
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        Self { channel, stop: Some(stop), serving, _dir: dir }
    }

    fn registry(&self) -> RegistryServiceClient<Channel> {
        RegistryServiceClient::new(self.channel.clone())
    }

    fn review(&self) -> ReviewServiceClient<Channel> {
        ReviewServiceClient::new(self.channel.clone())
    }

    async fn stats(&self) -> v1::StatsResponse {
        let mut admin = AdminServiceClient::new(self.channel.clone());
        admin.stats(v1::StatsRequest {}).await.unwrap().into_inner()
    }

    async fn register(&self, record: v1::SourceRecord) -> v1::RegisterRecordResponse {
        self.registry().register_record(registration(record)).await.unwrap().into_inner()
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), self.serving).await;
        ended.expect("the server ends in time").unwrap().unwrap();
    }
}

fn actor(kind: v1::ActorKind) -> Option<v1::Actor> {
    Some(v1::Actor { kind: kind.into(), name: "test".to_owned() })
}

fn registration(record: v1::SourceRecord) -> v1::RegisterRecordRequest {
    v1::RegisterRecordRequest {
        record: Some(record),
        actor: actor(v1::ActorKind::System),
        request_id: String::new(),
    }
}

fn key(source: &str, record_id: &str) -> Option<v1::RecordKey> {
    Some(v1::RecordKey { source: source.to_owned(), record_id: record_id.to_owned() })
}

/// A patient with evidence of every kind.
fn full_record(source: &str, record_id: &str) -> v1::SourceRecord {
    v1::SourceRecord {
        key: key(source, record_id),
        names: vec![v1::PersonName {
            given: "Beatrix".to_owned(),
            middle: "Quill".to_owned(),
            family: "Vandermolen".to_owned(),
            ..v1::PersonName::default()
        }],
        birth_date: "1971-08-23".to_owned(),
        sex: "F".to_owned(),
        ssn: "219-45-6781".to_owned(),
        addresses: vec![v1::PostalAddress {
            street: "4182 Larkspur Ave".to_owned(),
            city: "Duluth".to_owned(),
            state: "MN".to_owned(),
            postal_code: "55804".to_owned(),
            ..v1::PostalAddress::default()
        }],
        phones: vec!["218-349-7762".to_owned()],
        identifiers: vec![v1::Identifier {
            authority: "PLAN-A".to_owned(),
            value: "X99812".to_owned(),
        }],
        ..v1::SourceRecord::default()
    }
}

/// The same name and birth date and nothing else: never enough for a link.
fn sparse_record(source: &str, record_id: &str) -> v1::SourceRecord {
    let full = full_record(source, record_id);
    v1::SourceRecord {
        key: full.key,
        names: full.names,
        birth_date: full.birth_date,
        ..v1::SourceRecord::default()
    }
}

#[tokio::test]
async fn two_records_of_one_human_are_one_person() {
    let running = Running::start(GrpcConfig::default()).await;
    let first = running.register(full_record("a", "1")).await;
    assert_eq!(first.decision(), v1::RegistrationDecision::New);
    let second = running.register(full_record("b", "2")).await;
    assert_eq!(second.decision(), v1::RegistrationDecision::Link);
    assert_eq!(second.enterprise_id, first.enterprise_id);
    assert!(second.match_weight.unwrap() > 0.0);

    let asked = first.enterprise_id.to_lowercase().replace('-', "");
    let mut registry = running.registry();
    let person = registry.get_person(v1::GetPersonRequest { enterprise_id: asked }).await;
    let person = person.unwrap().into_inner();
    assert_eq!(person.asked_enterprise_id, first.enterprise_id);
    assert_eq!(person.person.unwrap().records.len(), 2);

    let record = registry.get_record(v1::GetRecordRequest { key: key("b", "2") }).await;
    let record = record.unwrap().into_inner().record.unwrap();
    assert_eq!(record.enterprise_id, first.enterprise_id);
    assert_eq!(record.record.unwrap(), full_record("b", "2"));

    let identifier = full_record("a", "1").identifiers.pop();
    let request = v1::ResolveIdentifierRequest { identifier };
    let carriers = registry.resolve_identifier(request).await.unwrap().into_inner();
    assert_eq!(carriers.persons.len(), 1);
    assert_eq!(carriers.persons[0].enterprise_id, first.enterprise_id);

    let stats = running.stats().await;
    assert_eq!((stats.records, stats.persons), (2, 1));
    running.stop().await;
}

#[tokio::test]
async fn matching_explains_and_writes_nothing() {
    let running = Running::start(GrpcConfig::default()).await;
    let known = running.register(full_record("a", "1")).await;
    let asking = v1::SourceRecord { key: None, ..full_record("", "") };
    let request = v1::MatchRecordRequest { record: Some(asking), candidates_max: 0 };
    let answer = running.registry().match_record(request).await.unwrap().into_inner();
    let best = &answer.candidates[0];
    assert_eq!(best.enterprise_id, known.enterprise_id);
    assert_eq!(best.grade(), v1::MatchGrade::Certain);
    let explanation = best.explanation.as_ref().unwrap();
    let sum: f64 = explanation.rows.iter().map(|row| row.match_weight).sum();
    assert!((sum - explanation.total).abs() < 1e-6);
    assert_eq!(running.stats().await.records, 1);
    running.stop().await;
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let running = Running::start(GrpcConfig::default()).await;
    let request = v1::RegisterRecordRequest {
        request_id: "request-1".to_owned(),
        ..registration(full_record("a", "1"))
    };
    let mut registry = running.registry();
    let first = registry.register_record(request.clone()).await.unwrap().into_inner();
    let again = registry.register_record(request.clone()).await.unwrap().into_inner();
    assert_eq!(again.enterprise_id, first.enterprise_id);
    let reused =
        v1::RegisterRecordRequest { record: Some(full_record("a", "2")), ..request.clone() };
    let refused = registry.register_record(reused).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let without_id = registration(full_record("a", "1"));
    let unchanged = registry.register_record(without_id).await.unwrap().into_inner();
    assert_eq!(unchanged.decision(), v1::RegistrationDecision::Unchanged);
    running.stop().await;
}

#[tokio::test]
async fn a_steward_answers_a_review_task_once() {
    let running = Running::start(GrpcConfig::default()).await;
    let first = running.register(sparse_record("a", "1")).await;
    let second = running.register(sparse_record("b", "2")).await;
    assert_eq!(second.decision(), v1::RegistrationDecision::Review);
    assert_ne!(second.enterprise_id, first.enterprise_id);

    let page = running.review().list_tasks(v1::ListTasksRequest::default()).await.unwrap();
    let tasks = page.into_inner().tasks;
    let task_id = second.tasks[0];
    assert!(tasks.iter().any(|task| task.task_id == task_id && task.resolution.is_none()));

    let view = running.review().get_task(v1::GetTaskRequest { task_id }).await.unwrap();
    let view = view.into_inner().view.unwrap();
    assert_eq!(view.incoming.unwrap().enterprise_id, second.enterprise_id);
    assert_eq!(view.candidate.unwrap().enterprise_id, first.enterprise_id);
    assert!(!view.explanation.unwrap().rows.is_empty());

    let answer = |outcome: v1::ReviewOutcome, kind| v1::ResolveTaskRequest {
        task_id,
        outcome: outcome.into(),
        actor: actor(kind),
        note: "passport seen".to_owned(),
        ..v1::ResolveTaskRequest::default()
    };
    let machine = answer(v1::ReviewOutcome::Same, v1::ActorKind::System);
    let refused = running.review().resolve_task(machine).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);

    let same = answer(v1::ReviewOutcome::Same, v1::ActorKind::Steward);
    for _ in 0..2 {
        let resolved = running.review().resolve_task(same.clone()).await.unwrap().into_inner();
        let view = resolved.view.unwrap();
        assert_eq!(view.incoming.unwrap().enterprise_id, first.enterprise_id);
        let resolution = view.task.unwrap().resolution.unwrap();
        assert_eq!(resolution.outcome(), v1::ReviewOutcome::Same);
        assert_eq!(resolution.note, "passport seen");
    }
    let other = answer(v1::ReviewOutcome::Different, v1::ActorKind::Steward);
    let refused = running.review().resolve_task(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);

    let asked = v1::GetPersonRequest { enterprise_id: second.enterprise_id };
    let person = running.registry().get_person(asked).await.unwrap().into_inner();
    assert_eq!(person.person.unwrap().enterprise_id, first.enterprise_id);
    running.stop().await;
}

#[tokio::test]
async fn tasks_come_in_pages() {
    let running = Running::start(GrpcConfig::default()).await;
    for number in 0..4 {
        running.register(sparse_record("a", &number.to_string())).await;
    }
    let all = running.review().list_tasks(v1::ListTasksRequest::default()).await.unwrap();
    let all: Vec<u64> = all.into_inner().tasks.iter().map(|task| task.task_id).collect();
    assert!(all.len() >= 3, "{all:?}");
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            v1::ListTasksRequest { page_size: 2, page_token, ..v1::ListTasksRequest::default() };
        let page = running.review().list_tasks(request).await.unwrap().into_inner();
        assert!(page.tasks.len() <= 2);
        paged.extend(page.tasks.iter().map(|task| task.task_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    let request = v1::ListTasksRequest { page_size: 5000, ..v1::ListTasksRequest::default() };
    let refused = running.review().list_tasks(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    running.stop().await;
}

#[tokio::test]
async fn a_stream_is_answered_in_order_and_survives_refusals() {
    let running =
        Running::start(GrpcConfig { bulk_in_flight_max: 8, ..GrpcConfig::default() }).await;
    let requests: Vec<v1::BulkRegisterRequest> = (0..60)
        .map(|number| {
            // Every tenth has no record ID, and every third is the record before it again.
            let id = if number % 3 == 2 { number - 1 } else { number };
            let id = if number % 10 == 9 { String::new() } else { id.to_string() };
            let registration = Some(registration(sparse_record("a", &id)));
            v1::BulkRegisterRequest { registration }
        })
        .collect();
    let answers = running.registry().bulk_register(tokio_stream::iter(requests)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().collect::<Result<_, Status>>().await.unwrap();
    assert_eq!(answers.len(), 60);
    for (number, answer) in (0_u64..).zip(answers) {
        assert_eq!(answer.position, number);
        match answer.outcome.unwrap() {
            Outcome::Error(error) => {
                assert_eq!((number % 10, error.code), (9, Code::InvalidArgument as i32));
            }
            Outcome::Registered(answer) => {
                assert_ne!(number % 10, 9);
                let again = number % 3 == 2;
                let unchanged = answer.decision() == v1::RegistrationDecision::Unchanged;
                // The record before position 20, 50 had no ID, so those are new.
                assert!(unchanged == (again && number % 10 != 0), "{number}");
            }
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let running = Running::start(GrpcConfig::default()).await;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let answers = running.registry().bulk_register(ReceiverStream::new(requests)).await.unwrap();
    let mut answers = answers.into_inner();
    let registration = Some(registration(sparse_record("a", "1")));
    sender.send(v1::BulkRegisterRequest { registration }).await.unwrap();
    assert!(answers.message().await.unwrap().is_some());
    running.stop().await;
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_silent_stream_is_ended() {
    let running =
        Running::start(GrpcConfig { bulk_idle_ms_max: 50, ..GrpcConfig::default() }).await;
    let (_sender, requests) = tokio::sync::mpsc::channel(1);
    let answers = running.registry().bulk_register(ReceiverStream::new(requests)).await.unwrap();
    let ended = answers.into_inner().message().await.unwrap_err();
    assert_eq!(ended.code(), Code::DeadlineExceeded);
    running.stop().await;
}

#[tokio::test]
async fn bad_requests_have_their_code_and_show_nothing() {
    let running = Running::start(GrpcConfig::default()).await;
    let mut registry = running.registry();
    let canary = || v1::SourceRecord { ssn: "CANARY".repeat(300), ..full_record("a", "CANARY-ID") };
    let nobody = v1::RegisterRecordRequest { actor: None, ..registration(full_record("a", "1")) };
    let no_source = registration(full_record("", "CANARY-ID"));
    let too_long = registration(canary());
    for request in [nobody, no_source, too_long] {
        let refused = registry.register_record(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(!refused.message().contains("CANARY"), "{}", refused.message());
    }
    let missing = v1::GetRecordRequest { key: key("a", "CANARY-ID") };
    let refused = registry.get_record(missing).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(!refused.message().contains("CANARY"));
    let mistyped = v1::GetPersonRequest { enterprise_id: "7K3M".to_owned() };
    assert_eq!(registry.get_person(mistyped).await.unwrap_err().code(), Code::InvalidArgument);
    running.stop().await;
}

#[tokio::test]
async fn an_oversized_message_is_out_of_range() {
    let limits = GrpcConfig { message_bytes_max: 4096, ..GrpcConfig::default() };
    let running = Running::start(limits).await;
    let record = v1::SourceRecord { sex: "x".repeat(5000), ..full_record("a", "1") };
    let refused = running.registry().register_record(registration(record)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert!(refused.message().contains("4096"), "{}", refused.message());
    let accepted = running.register(full_record("a", "1")).await;
    assert_eq!(accepted.decision(), v1::RegistrationDecision::New);
    running.stop().await;
}

#[tokio::test]
async fn gzip_is_accepted_but_unpacks_no_further_than_the_limit() {
    let limits = GrpcConfig { message_bytes_max: 4096, ..GrpcConfig::default() };
    let running = Running::start(limits).await;
    let mut registry = running.registry().send_compressed(CompressionEncoding::Gzip);
    let accepted = registry.register_record(registration(full_record("a", "1"))).await.unwrap();
    assert_eq!(accepted.into_inner().decision(), v1::RegistrationDecision::New);
    let bomb = v1::SourceRecord { sex: "x".repeat(1_000_000), ..full_record("a", "2") };
    let refused = registry.register_record(registration(bomb)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    running.stop().await;
}

#[tokio::test]
async fn health_and_reflection_answer() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let running = Running::start(GrpcConfig::default()).await;
    let request = HealthCheckRequest { service: "empi.v1.RegistryService".to_owned() };
    let health = HealthClient::new(running.channel.clone()).check(request).await.unwrap();
    let serving = tonic_health::pb::health_check_response::ServingStatus::Serving;
    assert_eq!(health.into_inner().status(), serving);

    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = ServerReflectionClient::new(running.channel.clone())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
        unreachable!()
    };
    let names: Vec<&str> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["RegistryService", "ReviewService", "AdminService"] {
        assert!(names.contains(&format!("empi.v1.{service}").as_str()), "{names:?}");
    }
    running.stop().await;
}
