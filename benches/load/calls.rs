//! Driving the server: as fast as it answers, or at a fixed rate.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use empi_proto::v1;
use empi_proto::v1::admin_service_client::AdminServiceClient;
use empi_proto::v1::registry_service_client::RegistryServiceClient;
use tokio::task::JoinSet;
use tonic::Status;

use crate::figures::Driven;
use crate::line::{Line, Way};
use crate::patients::Patients;

/// Callers that share a connection; a server takes so many calls of one and not many more.
const CALLERS_PER_CONNECTION: usize = 200;

/// Connections that a few callers share.
const CONNECTIONS_MIN: usize = 8;

/// How long a caller waits that was refused and not told how long.
const PUSHBACK: Duration = Duration::from_millis(100);

/// Calls of the fixed rate that may wait for their answers; more are sent late, and their latency tells.
const WAITING_MAX: usize = 4096;

pub(crate) type Client = RegistryServiceClient<Line>;

/// One outcome: `None` when there is nothing more to ask for.
pub(crate) type Outcome = Option<Result<(), Status>>;

/// Everybody who calls, by whatever interface.
pub(crate) struct Callers<C> {
    clients: Vec<C>,
    count: usize,
}

impl Callers<Client> {
    /// Callers over gRPC; several share a connection.
    pub(crate) async fn connect(way: &Way, count: usize) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..count.div_ceil(CALLERS_PER_CONNECTION).max(CONNECTIONS_MIN) {
            clients.push(Client::new(way.connect().await?));
        }
        Ok(Self { clients, count })
    }
}

impl<C: Clone> Callers<C> {
    /// Callers with a connection each.
    pub(crate) fn each(count: usize, connect: impl Fn() -> C) -> Self {
        Self { clients: std::iter::repeat_with(connect).take(count).collect(), count }
    }

    fn client(&self, number: usize) -> anyhow::Result<C> {
        self.clients.get(number % self.clients.len().max(1)).cloned().context("nobody calls")
    }
}

/// How many records the index holds.
pub(crate) async fn record_count(way: &Way) -> anyhow::Result<u64> {
    let mut admin = AdminServiceClient::new(way.connect().await?);
    Ok(admin.stats(v1::StatsRequest {}).await?.into_inner().records)
}

/// Looks up a record of the store by its key.
pub(crate) async fn lookup(mut client: Client, patients: Arc<Patients>, number: u64) -> Outcome {
    let key = patients.key(number);
    Some(client.get_record(v1::GetRecordRequest { key }).await.map(drop))
}

/// Asks whom a record resembles.
pub(crate) async fn matching(mut client: Client, patients: Arc<Patients>, number: u64) -> Outcome {
    let record = patients.stranger(number);
    let request = v1::MatchRecordRequest { record, candidates_max: 0 };
    Some(client.match_record(request).await.map(drop))
}

/// Searches for somebody by name and year of birth, as a steward types it.
pub(crate) async fn search(mut client: Client, patients: Arc<Patients>, number: u64) -> Outcome {
    let record = patients.stranger(number)?;
    let name = record.names.first()?;
    let date = record.birth_date.clone();
    // Every second time the given name is cut short, and every third the date is not known.
    let letters = if number.is_multiple_of(2) { name.given.len() } else { 3 };
    let given: String = name.given.chars().take(letters).collect();
    let date = if number.is_multiple_of(3) { String::new() } else { date };
    let text = format!("{} {given} {date}", name.family);
    let request = v1::SearchPersonsRequest { text, page_size: 20 };
    // A record without a name or with placeholders only cannot be searched for.
    match client.search_persons(request).await {
        Err(status) if status.code() == tonic::Code::InvalidArgument => Some(Ok(())),
        answer => Some(answer.map(drop)),
    }
}

/// Registers a record that was not registered before.
pub(crate) async fn register(mut client: Client, patients: Arc<Patients>, _number: u64) -> Outcome {
    let record = Some(patients.next()?);
    let kind = v1::ActorKind::System.into();
    let actor = Some(v1::Actor { kind, name: "load driver".to_owned() });
    let request = v1::RegisterRecordRequest { record, actor, request_id: String::new() };
    Some(client.register_record(request).await.map(drop))
}

/// Has every caller call again as soon as it was answered.
pub(crate) async fn flat_out<C, F>(
    callers: &Callers<C>,
    call: fn(C, Arc<Patients>, u64) -> F,
    patients: &Arc<Patients>,
    time: Duration,
) -> anyhow::Result<Driven>
where
    C: Clone + Send + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    crowd(callers, call, patients, time, Duration::ZERO).await
}

/// The same for callers of whom the last comes after some time, one after the other, so that the first moment is not
/// what is measured: no machine encodes thousands of calls at once.
pub(crate) async fn crowd<C, F>(
    callers: &Callers<C>,
    call: fn(C, Arc<Patients>, u64) -> F,
    patients: &Arc<Patients>,
    time: Duration,
    arriving: Duration,
) -> anyhow::Result<Driven>
where
    C: Clone + Send + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let numbers = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut running = JoinSet::new();
    for caller in 0..callers.count {
        let (client, patients) = (callers.client(caller)?, Arc::clone(patients));
        let numbers = Arc::clone(&numbers);
        let comes = started + arriving * u32::try_from(caller)? / u32::try_from(callers.count)?;
        running.spawn(async move {
            tokio::time::sleep_until(comes.into()).await;
            let mut driven = Driven::default();
            while started.elapsed() < time {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let sent = Instant::now();
                let Some(outcome) = call(client.clone(), Arc::clone(&patients), number).await
                else {
                    break;
                };
                driven.add(sent.elapsed(), &outcome);
                if let Err(status) = outcome {
                    // Nobody comes again after the end: waiting for it is no time of the server's.
                    let rest = time.saturating_sub(started.elapsed());
                    tokio::time::sleep(pushback(&status).min(rest)).await;
                }
            }
            driven
        });
    }
    let mut driven = Driven::default();
    for of_caller in running.join_all().await {
        driven.merge(of_caller);
    }
    Ok(driven.over(started.elapsed()))
}

/// How long a refused caller is told to wait.
fn pushback(status: &Status) -> Duration {
    let told = status.metadata().get("grpc-retry-pushback-ms");
    let told = told.and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
    told.map_or(PUSHBACK, Duration::from_millis)
}

/// Sends so many calls a second, whether earlier ones are answered or not.
pub(crate) async fn at_rate<C, F>(
    callers: &Callers<C>,
    call: fn(C, Arc<Patients>, u64) -> F,
    patients: &Arc<Patients>,
    rate: u32,
    time: Duration,
) -> anyhow::Result<Driven>
where
    C: Clone + Send + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let started = Instant::now();
    let interval = Duration::from_secs(1) / rate.max(1);
    let mut driven = Driven::default();
    let mut running = JoinSet::new();
    let mut due = started;
    for number in 0_u64.. {
        if due.duration_since(started) >= time {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let client = callers.client(usize::try_from(number)?)?;
        let patients = Arc::clone(patients);
        let was_due = due;
        running.spawn(async move {
            let outcome = call(client, patients, number).await;
            (was_due - started, was_due.elapsed(), outcome)
        });
        while running.len() > WAITING_MAX
            && let Some(ended) = running.join_next().await
        {
            driven.take(ended?);
        }
        while let Some(ended) = running.try_join_next() {
            driven.take(ended?);
        }
        due += interval;
    }
    while let Some(ended) = running.join_next().await {
        driven.take(ended?);
    }
    Ok(driven.over(started.elapsed()))
}
