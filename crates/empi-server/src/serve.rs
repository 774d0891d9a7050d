//! The whole service: what is served, on which socket, until when.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use empi_proto::FILE_DESCRIPTOR_SET;
use empi_proto::v1::{
    account_service_server, admin_service_server, audit_service_server, emergency_service_server,
    event_service_server, oversight_service_server, registry_service_server, review_service_server,
    steward_service_server,
};
use empi_registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

use crate::access::issuers::{IssuerError, Issuers};
use crate::access::{Access, LastingLayer};
use crate::admission::Admission;
use crate::audit::{CarryingEnd, Heads, Syslog, keep_heads};
use crate::call_log::CallLogLayer;
use crate::check::CheckLayer;
use crate::config::{GrpcConfig, ServerConfig};
use crate::door::Door;
use crate::exchange::Exchange;
use crate::exchange::config::authorities;
use crate::fhir::Fhir;
use crate::listen::Listener;
use crate::metrics::Metrics;
use crate::mllp::{self, Mllp};
use crate::service::{
    AccountCalls, Admin, AuditCalls, EmergencyCalls, EventCalls, OversightCalls, RegistryCalls,
    ReviewCalls, StewardCalls,
};
use crate::tls::{Acceptor, Interface, Tls};
use crate::web::{self, Elsewhere, Practice, Web};

/// How often a silent peer is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER_MAX: Duration = Duration::from_secs(20);

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is reachable from other machines, and that was not allowed.
    #[error(
        "{address} can be reached from other machines, and {why}: serve on 127.0.0.1, give the server a \
         certificate and callers theirs (--tls-cert, --tls-key, --tls-client-ca), or say \
         --insecure-allow-remote on a network you trust"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
        /// What is not secure about it.
        why: &'static str,
    },
    /// Another program listens there.
    #[error("port {} on {} is in use: stop the program that has it, or choose another port", .0.port(), .0.ip())]
    PortInUse(SocketAddr),
    /// The system refuses the address.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The descriptors compiled into the program are damaged.
    #[error("server reflection cannot be built: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("serving failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The assigning authorities cannot be told apart.
    #[error("{0}")]
    Authorities(String),
    /// The keys of an issuer of tokens do not do.
    #[error("issuer.keys_file: {0}")]
    Issuer(#[from] IssuerError),
    /// There is no key to sign the audit trail with.
    #[error("audit.key_file: {0}")]
    AuditKey(#[from] crate::AuditKeyError),
    /// The audit trail cannot be carried out of the machine, and nothing goes on without.
    #[error(
        "the server has stopped: heads of the audit trail cannot be written (audit.heads_file)"
    )]
    AuditHeads,
    /// The secret of signing in elsewhere cannot be read.
    #[error("sign_in.client_secret_file cannot be read: {0}")]
    SignIn(io::Error),
    /// How far the audit trail was sent cannot be read.
    #[error("audit.syslog.place_file cannot be read: {0}")]
    AuditPlace(io::Error),
    /// The audit trail cannot be sent, and nothing goes on without.
    #[error(
        "the server has stopped: the audit trail could not be sent for audit.syslog.stop_after_seconds"
    )]
    AuditUnsent,
    /// There is no place to keep what consumers were told.
    #[error("mllp.consumers_dir cannot be made: {0}")]
    ConsumersDir(io::Error),
}

/// The sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    /// Where gRPC is spoken.
    pub grpc: Listener,
    /// Where the web pages and FHIR are, if anywhere.
    pub web: Option<Listener>,
    /// Where HL7 version 2 is spoken, if anywhere.
    pub mllp: Option<Listener>,
    /// The certificates of all of them; without it, nothing is encrypted.
    pub tls: Option<Tls>,
}

impl Listeners {
    /// Keeps the certificates fresh, and gives for each interface what answers its handshakes.
    fn acceptors(
        &self,
        metrics: &Metrics,
        closing: &watch::Receiver<bool>,
    ) -> [Option<Acceptor>; 3] {
        let Some(tls) = &self.tls else { return [const { None }; 3] };
        tokio::spawn(tls.clone().keep_fresh(metrics.clone(), closing.clone()));
        Interface::ALL.map(|interface| tls.acceptor(interface, metrics))
    }
}

/// Serves the registry until `shutdown` completes, then stops accepting, lets running calls finish
/// (for at most [`GrpcConfig::shutdown_ms_max`]) and returns. The caller closes the registry. With `practice`,
/// pages say after each answer whether it was right.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listeners: Listeners,
    config: &ServerConfig,
    registry: Arc<Registry>,
    practice: Option<Practice>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let limits = &config.grpc;
    let door = Door::new(registry, limits);
    let (closing_sender, closing) = watch::channel(false);
    let [grpc_tls, web_tls, mllp_tls] = listeners.acceptors(door.metrics(), &closing);
    let Listeners { grpc, web, mllp, tls } = listeners;
    let (ended_sender, ended) = watch::channel(false);
    let mut carrying = Carrying::start(config, &door, tls.as_ref(), (ended, &closing))?;
    let others = Others { web: web.zip(Some(web_tls)), mllp: mllp.zip(Some(mllp_tls)), tls };
    let exchange = exchange(config, &closing)?;
    let others = others.start(config, (&door, &exchange), practice, &closing)?;
    let (health, health_service) = tonic_health::server::health_reporter();
    report_health(&health, ServingStatus::Serving).await;
    let watching = tokio::spawn(watch_health(door.healthy(), health.clone()));

    let router = router((&door, &exchange), limits, &closing)?.add_service(health_service);
    let connections = grpc.connections(limits.connections_max, grpc_tls);

    let mut failure = None;
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            error = carrying.failed() => failure = Some(error),
        }
        tracing::info!("shutting down: running calls may finish");
        report_health(&health, ServingStatus::NotServing).await;
        closing_sender.send_replace(true);
    };
    let serving = async {
        let served = router.serve_with_incoming_shutdown(connections, stop).await;
        // Also where gRPC failed by itself.
        closing_sender.send_replace(true);
        for other in others {
            // A panic in it was logged where it happened.
            let _ = other.await;
        }
        served
    };
    let served = tokio::select! {
        served = serving => served,
        () = too_long_after(closing, limits.shutdown_time_max()) => {
            tracing::warn!("some calls did not finish in time and are broken off");
            Ok(())
        }
    };
    watching.abort();
    ended_sender.send_replace(true);
    carrying.end().await;
    match failure {
        Some(error) => Err(error),
        None => Ok(served?),
    }
}

/// Who may call, over HL7, FHIR and by tokens.
fn exchange(
    config: &ServerConfig,
    closing: &watch::Receiver<bool>,
) -> Result<Arc<Exchange>, ServeError> {
    let authorities = authorities(&config.authorities).map_err(ServeError::Authorities)?;
    let issuers = Issuers::load(&config.issuers)?;
    tokio::spawn(issuers.clone().keep_fresh(closing.clone()));
    Ok(Arc::new(Exchange::new(authorities, config.fhir.clients.clone(), issuers)))
}

/// What carries the audit trail out of the machine.
struct Carrying {
    heads: Option<JoinHandle<CarryingEnd>>,
    sending: Option<JoinHandle<CarryingEnd>>,
}

impl Carrying {
    /// Starts what is configured. Heads are signed until `ended`, after the last call; entries are sent until `closing`.
    fn start(
        config: &ServerConfig,
        door: &Door,
        tls: Option<&Tls>,
        (ended, closing): (watch::Receiver<bool>, &watch::Receiver<bool>),
    ) -> Result<Self, ServeError> {
        let heads = Heads::of(&config.audit)?;
        let heads = heads.map(|heads| tokio::spawn(keep_heads(heads, door.clone(), ended)));
        let sending = match config.audit.syslog.clone() {
            None => None,
            Some(syslog) => {
                let syslog = Syslog::new(syslog, door.clone(), tls.cloned());
                let syslog = syslog.map_err(ServeError::AuditPlace)?;
                Some(tokio::spawn(syslog.run(closing.clone())))
            }
        };
        Ok(Self { heads, sending })
    }

    /// Completes when it can no longer be carried out, and nothing may go on without.
    async fn failed(&mut self) -> ServeError {
        tokio::select! {
            () = failed(&mut self.heads) => ServeError::AuditHeads,
            () = failed(&mut self.sending) => ServeError::AuditUnsent,
        }
    }

    /// Waits for the last head, of all that was answered.
    async fn end(self) {
        if let Some(running) = self.heads {
            // A panic in it was logged where it happened.
            let _ = running.await;
        }
    }
}

/// What every call goes through: whether there is a place for it, the log, then the question who calls and whether
/// they may, and for streams how long.
type Layers = Stack<
    LastingLayer,
    Stack<CheckLayer<Access>, Stack<CallLogLayer, Stack<CheckLayer<Admission>, Identity>>>,
>;

/// The gRPC services within their limits.
fn router(
    (door, exchange): (&Door, &Arc<Exchange>),
    limits: &GrpcConfig,
    closing: &watch::Receiver<bool>,
) -> Result<Router<Layers>, ServeError> {
    let log =
        CallLogLayer { call_time_max: limits.call_time_max(), metrics: door.metrics().clone() };
    let access = Access { door: door.clone(), exchange: Arc::clone(exchange) };
    Ok(Server::builder()
        .max_concurrent_streams(limits.calls_per_connection_max)
        .http2_max_header_list_size(limits.header_bytes_max)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER_MAX))
        .max_connection_age(Duration::from_secs(limits.connection_age_seconds_max))
        .layer(CheckLayer(door.admission().clone()))
        .layer(log)
        .layer(CheckLayer(access))
        .layer(LastingLayer(door.clone()))
        .add_service(reflection()?)
        .add_service(registry_service(door.clone(), limits, closing.clone()))
        .add_service(review_service(door.clone(), limits))
        .add_service(steward_service(door.clone(), limits))
        .add_service(event_service(door.clone(), limits, closing.clone()))
        .add_service(account_service(door.clone(), limits))
        .add_service(audit_service(door.clone(), limits))
        .add_service(oversight_service(door.clone(), limits))
        .add_service(emergency_service(door.clone(), limits))
        .add_service(admin_service(door.clone(), limits)))
}

/// What is served beside gRPC.
struct Others {
    web: Option<(Listener, Option<Acceptor>)>,
    mllp: Option<(Listener, Option<Acceptor>)>,
    tls: Option<Tls>,
}

impl Others {
    /// Starts web pages with FHIR, HL7 version 2, and the notices of its consumers.
    fn start(
        self,
        config: &ServerConfig,
        (door, exchange): (&Door, &Arc<Exchange>),
        practice: Option<Practice>,
        closing: &watch::Receiver<bool>,
    ) -> Result<Vec<JoinHandle<()>>, ServeError> {
        let mut started = mllp::notify(door, exchange, &config.mllp, self.tls.as_ref(), closing)
            .map_err(ServeError::ConsumersDir)?;
        if let Some((listener, tls)) = self.mllp {
            let mllp = Mllp::new(door.clone(), Arc::clone(exchange), config.mllp.clone());
            started.push(tokio::spawn(mllp::serve(listener, mllp, tls, closing.clone())));
        }
        if let Some((listener, tls)) = self.web {
            let elsewhere = match config.sign_in.clone() {
                None => None,
                Some(sign_in) => {
                    let (issuers, clock) = (exchange.issuers.clone(), Arc::new(door.clone()));
                    let elsewhere = Elsewhere::new(sign_in, issuers, self.tls, clock);
                    Some(elsewhere.map_err(ServeError::SignIn)?)
                }
            };
            let web = Web::new(door.clone(), config.web, closing.clone(), practice, elsewhere);
            let candidates_max = config.grpc.candidates_max;
            let exchange = Arc::clone(exchange);
            let fhir = Fhir::new(door.clone(), exchange, config.fhir.clone(), candidates_max);
            let (fhir, closing) = (fhir.router(), closing.clone());
            started.push(tokio::spawn(web::serve(listener, web, fhir, tls, closing)));
        }
        Ok(started)
    }
}

/// Completes when the audit trail can no longer be carried out of the machine, and nothing may go on without.
async fn failed(carrying: &mut Option<JoinHandle<CarryingEnd>>) {
    if let Some(running) = carrying.as_mut() {
        let ended = running.await;
        *carrying = None;
        if !matches!(ended, Ok(CarryingEnd::Closed)) {
            return;
        }
    }
    std::future::pending().await
}

/// Completes when closing has begun and so much time has passed since.
async fn too_long_after(mut closing: watch::Receiver<bool>, time_max: Duration) {
    if closing.wait_for(|closing| *closing).await.is_ok() {
        tokio::time::sleep(time_max).await;
    }
}

async fn watch_health(mut healthy: watch::Receiver<bool>, health: HealthReporter) {
    if healthy.wait_for(|healthy| !healthy).await.is_ok() {
        tracing::error!("a write to disk failed: the index takes no more changes");
        report_health(&health, ServingStatus::NotServing).await;
    }
}

/// Reports the same for the server as a whole (the empty name) and for each service.
async fn report_health(health: &HealthReporter, status: ServingStatus) {
    for service in [
        "",
        registry_service_server::SERVICE_NAME,
        review_service_server::SERVICE_NAME,
        steward_service_server::SERVICE_NAME,
        event_service_server::SERVICE_NAME,
        admin_service_server::SERVICE_NAME,
        account_service_server::SERVICE_NAME,
        audit_service_server::SERVICE_NAME,
        oversight_service_server::SERVICE_NAME,
    ] {
        health.set_service_status(service, status).await;
    }
}

fn reflection() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<
        impl tonic_reflection::server::v1::ServerReflection,
    >,
    tonic_reflection::server::Error,
> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
}

fn registry_service(
    door: Door,
    limits: &GrpcConfig,
    closing: watch::Receiver<bool>,
) -> registry_service_server::RegistryServiceServer<RegistryCalls> {
    let calls = RegistryCalls { door, limits: *limits, closing };
    registry_service_server::RegistryServiceServer::new(calls)
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn review_service(
    door: Door,
    limits: &GrpcConfig,
) -> review_service_server::ReviewServiceServer<ReviewCalls> {
    review_service_server::ReviewServiceServer::new(ReviewCalls { door, limits: *limits })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn audit_service(
    door: Door,
    limits: &GrpcConfig,
) -> audit_service_server::AuditServiceServer<AuditCalls> {
    audit_service_server::AuditServiceServer::new(AuditCalls { door, limits: *limits })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn oversight_service(
    door: Door,
    limits: &GrpcConfig,
) -> oversight_service_server::OversightServiceServer<OversightCalls> {
    oversight_service_server::OversightServiceServer::new(OversightCalls { door })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn account_service(
    door: Door,
    limits: &GrpcConfig,
) -> account_service_server::AccountServiceServer<AccountCalls> {
    account_service_server::AccountServiceServer::new(AccountCalls { door })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn emergency_service(
    door: Door,
    limits: &GrpcConfig,
) -> emergency_service_server::EmergencyServiceServer<EmergencyCalls> {
    emergency_service_server::EmergencyServiceServer::new(EmergencyCalls { door })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn steward_service(
    door: Door,
    limits: &GrpcConfig,
) -> steward_service_server::StewardServiceServer<StewardCalls> {
    steward_service_server::StewardServiceServer::new(StewardCalls { door })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn event_service(
    door: Door,
    limits: &GrpcConfig,
    closing: watch::Receiver<bool>,
) -> event_service_server::EventServiceServer<EventCalls> {
    event_service_server::EventServiceServer::new(EventCalls::new(door, limits, closing))
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}

fn admin_service(
    door: Door,
    limits: &GrpcConfig,
) -> admin_service_server::AdminServiceServer<Admin> {
    admin_service_server::AdminServiceServer::new(Admin { door })
        .accept_compressed(Gzip)
        .max_decoding_message_size(limits.message_bytes_max)
        .max_encoding_message_size(limits.answer_bytes_max)
}
