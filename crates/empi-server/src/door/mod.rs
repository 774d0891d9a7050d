//! The one door from the async threads to the registry, whose calls block, and in front of it the question whether the
//! caller may: nothing runs without a permit.
//!
//! Two bounds: so many calls are admitted at all ([`Admission`]), and so many of them run at a time. The others wait,
//! first come first served. A call that runs when its caller goes away runs to its end and keeps its place until then,
//! so the bounds hold whatever callers do; one that waits is not worked on any more, nor is one whose time is over.
//!
//! Registrations take a thread only for as long as they think: until the change is durable, nobody waits on one.

mod pace;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use empi_model::{
    Asked, AuditEntry, AuditHead, AuditOutcome, EventSequence, Operation, Party, ServiceAccount,
    Timestamp, TokenHash, User, UserName,
};
use empi_registry::{AuditQuery, Clock, RegisterRequest, Registration, Registry, RegistryError};
use tokio::sync::{Semaphore, oneshot, watch};
use tonic::Status;

use crate::access::{Caller, Denial, Permit, Subject};
use crate::admission::{Admission, Place, Refused};
use crate::config::GrpcConfig;
use crate::metrics::{Metrics, Standing};
use crate::status;
use pace::Pace;

/// Runs registry calls. Cloning makes another handle to the same door.
#[derive(Clone)]
pub(crate) struct Door {
    registry: Arc<Registry>,
    admission: Admission,
    threads: Arc<Semaphore>,
    /// Registrations that are thought about: as many as there are cores, for more would only take turns.
    thinking: Arc<Semaphore>,
    /// How quickly the disk answers.
    pace: Arc<Pace>,
    /// False once the registry can take no more changes.
    healthy: Arc<watch::Sender<bool>>,
    /// The last event that is durable.
    last_event: watch::Receiver<EventSequence>,
    /// Marked as changed with every change of an account.
    account_changes: watch::Receiver<()>,
    metrics: Metrics,
}

impl Door {
    pub(crate) fn new(registry: Arc<Registry>, limits: &GrpcConfig) -> Self {
        let (heard, last_event) = watch::channel(EventSequence(0));
        let heard = Arc::new(heard);
        let hear = |heard: &watch::Sender<EventSequence>, event: EventSequence| {
            heard.send_if_modified(|last| std::mem::replace(last, event.max(*last)) < event);
        };
        // First listen, then look: so no event is missed in between.
        let listening = Arc::clone(&heard);
        registry.on_commit(move |commit| {
            commit.last_event.into_iter().for_each(|event| hear(&listening, event));
        });
        hear(&heard, EventSequence(registry.stats().events));
        let (changed, account_changes) = watch::channel(());
        registry.on_account_change(move || {
            changed.send_replace(());
        });
        let cores = std::thread::available_parallelism().map_or(2, NonZero::get).max(2);
        Self {
            last_event,
            account_changes,
            metrics: Metrics::new(&registry),
            registry,
            admission: Admission::new(limits),
            threads: Arc::new(Semaphore::new(limits.threads_max)),
            thinking: Arc::new(Semaphore::new(cores.min(limits.threads_max))),
            pace: Arc::default(),
            healthy: Arc::new(watch::Sender::new(true)),
        }
    }

    /// The number of the last event that is durable, now and whenever there is a new one.
    pub(crate) fn last_event(&self) -> watch::Receiver<EventSequence> {
        self.last_event.clone()
    }

    /// Told of whenever an account was added, revoked or given another token, from now on.
    pub(crate) fn account_changes(&self) -> watch::Receiver<()> {
        let mut changes = self.account_changes.clone();
        changes.mark_unchanged();
        changes
    }

    /// Turns to false when the registry fails for good.
    pub(crate) fn healthy(&self) -> watch::Receiver<bool> {
        self.healthy.subscribe()
    }

    /// Who lets calls in.
    pub(crate) const fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Where calls and pages are counted.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The figures of the server as text. Also told while calls are refused: then most of all.
    pub(crate) async fn figures(&self) -> Result<String, Failure> {
        let standing = Standing {
            calls_running: self.admission.running(),
            calls_refused: self.admission.refused(),
            is_ready: *self.healthy.borrow(),
        };
        let (registry, metrics) = (Arc::clone(&self.registry), self.metrics.clone());
        let telling = tokio::task::spawn_blocking(move || metrics.text(&registry, standing)).await;
        telling.ok().and_then(Result::ok).ok_or(Failure::Panicked)
    }

    /// The time by the registry's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.registry.now()
    }

    /// The end of the audit trail. Asked for by the server itself, so it is no entry of it.
    pub(crate) async fn audit_head(&self) -> Result<AuditHead, RegistryError> {
        let registry = Arc::clone(&self.registry);
        let asking = tokio::task::spawn_blocking(move || registry.audit_head()).await;
        asking.map_err(|_| RegistryError::Poisoned)?
    }

    /// The entries of the audit trail behind one, so many at most. Asked for by the server itself, so it is no entry of it.
    pub(crate) async fn audit_after(
        &self,
        number: u64,
        limit: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, RegistryError> {
        let registry = Arc::clone(&self.registry);
        let query = AuditQuery { from: number.saturating_add(1), limit, ..AuditQuery::default() };
        let asking = tokio::task::spawn_blocking(move || registry.audit(&query)).await;
        asking.map_err(|_| RegistryError::Poisoned)?
    }

    /// A user by name. Users are in memory, so nothing blocks.
    pub(crate) fn user(&self, name: &UserName) -> Option<User> {
        self.registry.user(name)
    }

    /// How many proposals wait for somebody. They are in memory, so nothing blocks.
    pub(crate) fn proposals_waiting_for(&self, who: &Party) -> usize {
        self.registry.proposals_waiting_for(who)
    }

    /// Whether the index has no account of a program yet, so that callers are taken at their word.
    pub(crate) fn is_open(&self) -> bool {
        self.registry.is_open()
    }

    /// The account of a token that is valid now. Accounts are in memory, so nothing blocks.
    pub(crate) fn account(&self, token: TokenHash) -> Option<Arc<ServiceAccount>> {
        self.registry.account_of(token)
    }

    /// Leave to run an operation, if the table says so: the one place where every interface asks.
    pub(crate) fn admit(
        &self,
        caller: &Arc<Caller>,
        operation: Operation,
        subject: Subject<'_>,
    ) -> Result<Permit, Denial> {
        Permit::ask(caller, operation, subject).inspect_err(|denial| {
            let interface = caller.origin.interface.as_str();
            tracing::warn!(operation = operation.as_str(), interface, ?denial, "denied");
            self.note(caller.asked(operation), AuditOutcome::Denied);
        })
    }

    /// Keeps an entry of something that no call of the registry tells: who was denied, who signed in. Nobody is
    /// shown anything for it, so nothing has to be refused where it cannot be kept; how many cannot is in the trail.
    pub(crate) fn note(&self, asked: Asked, outcome: AuditOutcome) {
        let entry = AuditEntry::new(self.registry.now(), asked, outcome, Vec::new());
        if self.registry.keep(entry).is_err() {
            tracing::error!("an entry of the audit trail could not be kept");
        }
    }

    /// Runs one gRPC call, or refuses it at once when too many are admitted already.
    pub(crate) async fn call<T, F>(&self, permit: Permit, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        self.answer(permit, work).await.map_err(Status::from)
    }

    /// The same for reading a few rows. What is at hand is answered here, and no thread is woken for it. So is what has to
    /// be read, as long as the disk mostly answers at once, as it does where the system keeps its files in memory: waking
    /// a thread takes longer than that. A slow disk is waited for on a thread, so that it holds up nobody else.
    pub(crate) async fn look_up<T, F>(
        &self,
        mut permit: Permit,
        at_hand: impl FnOnce(&Registry) -> Option<T>,
        read: F,
    ) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        let place = self.place(&mut permit)?;
        if let Some(answer) = self.at_hand(&permit, at_hand) {
            return answer.map_err(Status::from);
        }
        let pace = Arc::clone(&self.pace);
        let reads_at_once = pace.is_quick();
        let timed = move |registry: &Registry| pace.time(|| read(registry));
        if reads_at_once {
            let reading = AssertUnwindSafe(|| audited(&self.registry, &permit, timed));
            let answer = catch_unwind(reading).map_err(|_| Failure::Panicked);
            return answer
                .and_then(|it| self.noted(it.map_err(Failure::Registry)))
                .map_err(Status::from);
        }
        self.run(permit, timed, Some(place)).await.map_err(Status::from)
    }

    fn at_hand<T>(
        &self,
        permit: &Permit,
        look: impl FnOnce(&Registry) -> Option<T>,
    ) -> Option<Result<T, Failure>> {
        let trail = Arc::new(permit.trail(self.registry.now()));
        let looking = AssertUnwindSafe(|| look(&self.registry.asked_by(&trail)));
        let Ok(found) = catch_unwind(looking) else { return Some(Err(Failure::Panicked)) };
        let found = found?;
        // What the trail cannot keep is not answered.
        Some(self.registry.end(&trail, None).map(|()| found).map_err(Failure::Registry))
    }

    /// The same for other callers than those of gRPC.
    pub(crate) async fn answer<T, F>(&self, mut permit: Permit, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        let place = self.place(&mut permit)?;
        self.run(permit, work, Some(place)).await
    }

    /// The same for callers that wait: a connection with one message at a time is bounded itself.
    pub(crate) async fn wait<T, F>(&self, permit: Permit, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        self.run(permit, work, None).await
    }

    /// Runs one call of a stream. It waits instead of being refused: the stream itself is bounded,
    /// and flow control passes the waiting on to its sender.
    pub(crate) async fn call_of_stream<T, F>(&self, permit: Permit, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        self.run(permit, work, None).await.map_err(Status::from)
    }

    /// Registers a record, or refuses it at once when too many calls are admitted already.
    pub(crate) async fn register(
        &self,
        mut permit: Permit,
        request: RegisterRequest,
    ) -> Result<Registration, Failure> {
        let place = self.place(&mut permit)?;
        let thread = Arc::clone(&self.thinking).acquire_owned().await;
        let thread = thread.map_err(|_| Failure::Closing)?;
        let registry = Arc::clone(&self.registry);
        let (tell, told) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            if let Some(failure) = unwanted(&tell, Some(&place)) {
                return drop(tell.send(Err(failure)));
            }
            let trail = Arc::new(permit.trail(registry.now()));
            let handle = registry.asked_by(&trail);
            // The registry goes before the call has its answer: whoever waits for the last call finds it free.
            drop(registry);
            handle.register_then(request, move |answer| {
                drop(place);
                // A caller that has gone does not want its answer any more.
                let _ = tell.send(answer.map_err(Failure::Registry));
            });
            drop(thread);
        });
        self.hear(told).await
    }

    /// The place of a call: the one it came in with, or one now.
    fn place(&self, permit: &mut Permit) -> Result<Arc<Place>, Failure> {
        if let Some(place) = permit.take_place() {
            return Ok(place);
        }
        let place = self.admission.enter(permit.operation(), Instant::now(), None);
        place.map(Arc::new).map_err(Failure::Full)
    }

    async fn run<T, F>(
        &self,
        permit: Permit,
        work: F,
        place: Option<Arc<Place>>,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    {
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let thread = thread.map_err(|_| Failure::Closing)?;
        let registry = Arc::clone(&self.registry);
        let (tell, told) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let answer = match unwanted(&tell, place.as_deref()) {
                Some(failure) => Err(failure),
                None => audited(&registry, &permit, work).map_err(Failure::Registry),
            };
            // The registry goes before the permits: whoever waits for the last call finds it free.
            drop(registry);
            drop((permit, place, thread));
            // A caller that has gone does not want its answer any more.
            let _ = tell.send(answer);
        });
        self.hear(told).await
    }

    /// Waits for the answer of a call.
    async fn hear<T>(&self, told: oneshot::Receiver<Result<T, Failure>>) -> Result<T, Failure> {
        // A panic was logged, without its message, where it happened.
        self.noted(told.await.unwrap_or(Err(Failure::Panicked)))
    }

    /// An answer; one that tells that the registry takes no more changes turns the server's health.
    fn noted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(answer, Err(Failure::Registry(RegistryError::Poisoned))) {
            self.healthy.send_replace(false);
        }
        answer
    }
}

/// Why a call is not worked on although its turn has come: nobody waits for its answer.
fn unwanted<T>(tell: &oneshot::Sender<T>, place: Option<&Place>) -> Option<Failure> {
    let is_late = || place.is_some_and(|place| place.is_late(Instant::now()));
    (tell.is_closed() || is_late()).then_some(Failure::Late)
}

/// Runs a call with its trail. What the trail cannot keep is not answered.
fn audited<T>(
    registry: &Registry,
    permit: &Permit,
    work: impl FnOnce(&Registry) -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    let trail = Arc::new(permit.trail(registry.now()));
    let answer = work(&registry.asked_by(&trail));
    registry.end(&trail, answer.as_ref().err())?;
    answer
}

/// Whoever needs the registry's clock alone.
impl Clock for Door {
    fn now(&self) -> Timestamp {
        self.registry.now()
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Too many calls are admitted already.
    Full(Refused),
    /// Its caller has stopped waiting: nothing was done.
    Late,
    /// The server is shutting down.
    Closing,
    /// The call failed inside the server.
    Panicked,
    /// The registry refused it.
    Registry(RegistryError),
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Full(refused) => status::full(refused),
            Failure::Late => status::late(),
            Failure::Closing => status::shutting_down(),
            Failure::Panicked => Self::internal(
                "the call failed inside the server: please report it with the server's log",
            ),
            Failure::Registry(error) => status::of_registry(error),
        }
    }
}

#[cfg(test)]
mod tests;
