//! The registry: opening, registering, closing.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use empi_model::RecordIndex;
use empi_store::{DataDir, Store, StoreOptions};
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::accounts::Accounts;
use crate::assess::assess;
use crate::audit::{AuditWriter, Trail};
use crate::commit::{CommitReport, Committer, Core, Journal, StoreJournal, answer_again};
use crate::compose::unchanged;
use crate::durability::Durability;
use crate::in_force::{self, InForce};
use crate::incoming::Incoming;
use crate::lab::{Lab, Samples};
use crate::mirror::Mirror;
use crate::quality::Surveyor;
use crate::queue::Claims;
use crate::users::Users;
use crate::wanted::{Answer, Planned, Waiting, Wanted, Work};
use crate::words::{RegisterRequest, Registration, RegistrationDecision, RegistryOptions};

/// Longest request ID, in bytes. Its event keeps it for ever.
const REQUEST_ID_BYTES_MAX: usize = 200;

/// Where the answer to work comes from.
pub(crate) type Answering = Receiver<Result<Answer, RegistryError>>;

/// An open patient index. Shared between threads; every call blocks until its answer is durable.
///
/// Strictly serialisable: every change takes effect at one moment between call and answer, and what
/// is read is the state after some change that was durable when it was answered.
pub struct Registry {
    pub(crate) core: Arc<Core>,
    /// `None` once closing.
    queue: Option<Sender<Waiting>>,
    queue_max: usize,
    commit_thread: Option<JoinHandle<()>>,
    /// What counts the quality board.
    pub(crate) surveyor: Arc<Surveyor>,
    /// What counts pairs, and tries other models.
    pub(crate) lab: Arc<Lab>,
    /// Whose call it serves, in a handle of somebody's own.
    pub(crate) trail: Option<Arc<Trail>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Registry {
    /// Opens the store of a directory and reads it into memory.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when the store is missing, locked, newer, damaged or half loaded;
    /// [`RegistryError::Invalid`] for a limit of zero.
    pub fn open(
        place: impl Into<DataDir>,
        options: RegistryOptions,
    ) -> Result<Self, RegistryError> {
        Self::open_with(&place.into(), options, Box::new(StoreJournal))
    }

    pub(crate) fn open_with(
        dir: &DataDir,
        options: RegistryOptions,
        journal: Box<dyn Journal>,
    ) -> Result<Self, RegistryError> {
        let RegistryOptions {
            model,
            clock,
            queue_max,
            commit_batch_max,
            tasks_max,
            requests_kept_ms,
            survivorship,
            backups,
            audit,
            create,
            next_key,
        } = options;
        if queue_max == 0 || commit_batch_max == 0 {
            let sentence = "`queue_max` and `commit_batch_max` must be at least 1: set them higher";
            return Err(RegistryError::invalid(sentence));
        }
        let store_options = StoreOptions { model: model.name().to_owned(), create };
        let store = Store::open(dir, &store_options)?;
        store.upgrade()?;
        let configured = store.keep_model(model.name(), model.text())?;
        let promotions = store.snapshot().promotions().collect::<Result<Vec<_>, _>>()?;
        let chosen = in_force::chosen(&store, &model, &promotions)?;
        let (model_number, model) = chosen.unwrap_or((configured, model));
        let mirror = Mirror::rebuild(&model, &store.snapshot())?;
        let (users, accounts) = (Users::read(&store)?, Accounts::read(&store)?);
        let samples = Samples::read(&store.snapshot())?;
        let in_force = InForce::new(model, model_number, tasks_max);
        let (audit, pending) = AuditWriter::new(audit);
        let core = Arc::new(Core {
            store,
            mirror: RwLock::new(mirror),
            durability: Durability::default(),
            in_force: RwLock::new(Arc::new(in_force)),
            configured,
            clock,
            requests_kept_ms: i64::try_from(requests_kept_ms).unwrap_or(i64::MAX),
            survivorship,
            claims: Mutex::new(Claims::default()),
            users,
            accounts,
            audit,
            backups,
            next_key,
            samples: Mutex::new(samples),
            promotions: Mutex::new(promotions),
            listeners: Mutex::new(Vec::new()),
        });
        let (queue, receiver) = bounded(queue_max);
        let forget_from = AtomicI64::new(i64::MIN);
        let committer =
            Committer { core: Arc::clone(&core), journal, commit_batch_max, forget_from };
        let commit_thread = std::thread::Builder::new()
            .name("empi-commit".to_owned())
            .spawn(move || committer.run(&receiver))
            .map_err(|_| RegistryError::busy("the system gives no thread to commit with"))?;
        AuditWriter::start(&core, pending)?;
        let (queue, commit_thread) = (Some(queue), Some(commit_thread));
        let (surveyor, lab) = (Arc::default(), Arc::default());
        Ok(Self { core, queue, queue_max, commit_thread, surveyor, lab, trail: None })
    }

    /// Registers a record, or updates it when its key is known, and says which person it belongs
    /// to.
    ///
    /// Sent again with the same request ID, or with the same content, it changes nothing.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] without source or record ID; [`RegistryError::Conflict`] when the
    /// request ID was used for other content; [`RegistryError::Busy`] when too many changes wait;
    /// [`RegistryError::Poisoned`] after a failed write.
    pub fn register(&self, request: RegisterRequest) -> Result<Registration, RegistryError> {
        self.core.durability.check()?;
        let RegisterRequest { record, actor, request_id } = request;
        check_request_id(request_id.as_deref())?;
        let incoming = Incoming::new(record)?;
        let looked_up = match &request_id {
            None => 0,
            Some(request_id) => match self.look_up(request_id, &incoming)? {
                Ok(answer) => {
                    self.saw([answer.enterprise_id]);
                    return Ok(answer);
                }
                Err(sequence) => sequence,
            },
        };
        let assessment = {
            let mirror = self.core.mirror.read();
            let existing = mirror.record_index(&incoming.record.key);
            let is_answered = request_id.as_deref().is_some_and(|request_id| {
                mirror.recent.request(request_id).is_some() || looked_up < mirror.recent.floor()
            });
            // A request that was answered since it was looked for is left to the commit thread.
            let repeat = if is_answered { None } else { repeat(&mirror, existing, &incoming) };
            if let Some(answer) = repeat {
                let sequence = mirror.recent.person_changed(answer.enterprise_id);
                drop(mirror);
                self.core.durability.wait(sequence)?;
                self.saw([answer.enterprise_id]);
                return Ok(answer);
            }
            assess(&mirror, &self.core.in_force().model, &incoming.normalized, existing)
        };
        let planned = Planned { incoming, actor, request_id, looked_up, assessment };
        match self.submit(Work::Register(Box::new(planned)))? {
            Answer::Registered(registration) => {
                match registration.decision {
                    RegistrationDecision::Unchanged => self.saw([registration.enterprise_id]),
                    _ => self.changed([registration.enterprise_id]),
                }
                Ok(*registration)
            }
            _ => Err(RegistryError::Poisoned),
        }
    }

    /// The answer given to a request before, or the mirror's last change before it was looked for:
    /// first in memory, then on disk, so that no answer slips through between the two.
    fn look_up(
        &self,
        request_id: &str,
        incoming: &Incoming,
    ) -> Result<Result<Registration, u64>, RegistryError> {
        let (remembered, sequence) = {
            let mirror = self.core.mirror.read();
            (mirror.recent.request(request_id).cloned(), mirror.sequence())
        };
        if let Some((changed, stored)) = remembered {
            self.core.durability.wait(changed)?;
            return answer_again(&stored, incoming).map(Ok);
        }
        match self.core.store.snapshot().request(request_id)? {
            Some(stored) => answer_again(&stored, incoming).map(Ok),
            None => Ok(Err(sequence)),
        }
    }

    /// Wants to be told of every commit once it is durable. The listener is called by the thread that
    /// commits, so it must not wait.
    pub fn on_commit(&self, listener: impl Fn(CommitReport) + Send + Sync + 'static) {
        self.core.listeners.lock().push(Box::new(listener));
    }

    /// A handle to the same registry for one call.
    pub(crate) fn view(&self, trail: Arc<Trail>) -> Self {
        Self {
            core: Arc::clone(&self.core),
            queue: self.queue.clone(),
            queue_max: self.queue_max,
            commit_thread: None,
            surveyor: Arc::clone(&self.surveyor),
            lab: Arc::clone(&self.lab),
            trail: Some(trail),
        }
    }

    /// The way to the commit thread, for work that goes on behind the caller's back.
    pub(crate) fn queue(&self) -> Result<Sender<Waiting>, RegistryError> {
        self.queue.clone().ok_or(RegistryError::Poisoned)
    }

    pub(crate) fn submit(&self, wanted: impl Into<Wanted>) -> Result<Answer, RegistryError> {
        self.receive(&self.send(wanted)?)
    }

    /// Hands work to the commit thread.
    pub(crate) fn send(&self, wanted: impl Into<Wanted>) -> Result<Answering, RegistryError> {
        let queue = self.queue.as_ref().ok_or(RegistryError::Poisoned)?;
        let (answer, receiver) = bounded(1);
        let asked = self.asked();
        queue.try_send(Waiting { wanted: wanted.into(), asked, answer }).map_err(|error| match error {
            TrySendError::Full(_) => RegistryError::busy(format!(
                "{} changes wait to be committed already: send the request again a little later",
                self.queue_max
            )),
            TrySendError::Disconnected(_) => RegistryError::Poisoned,
        })?;
        Ok(receiver)
    }

    /// Waits for the answer to work.
    pub(crate) fn receive(&self, answering: &Answering) -> Result<Answer, RegistryError> {
        // The commit thread drops the sender without an answer only when it fails. It may not have
        // told so yet: nobody is answered from here on.
        answering.recv().unwrap_or_else(|_| {
            self.core.durability.poison();
            Err(RegistryError::Poisoned)
        })
    }

    /// How many changes wait for the commit thread.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    /// Commits what waits, and leaves a store that opens quickly. Dropping commits, too.
    pub fn close(mut self) {
        self.finish();
        if let Err(error) = self.core.store.write_out() {
            tracing::warn!(%error, "the log could not be written out: the next start reads it again");
        }
    }

    /// Lets the commit thread do what waits, and end.
    fn finish(&mut self) {
        drop(self.queue.take());
        // A handle of one call ends nothing.
        let Some(thread) = self.commit_thread.take() else { return };
        self.surveyor.close();
        self.lab.close();
        // It catches its panics itself, and has told about them.
        let _ = thread.join();
        self.core.audit.close();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The answer to content that the index holds already; `None` when there is something to decide.
fn repeat(
    mirror: &Mirror,
    existing: Option<RecordIndex>,
    incoming: &Incoming,
) -> Option<Registration> {
    let record = existing?;
    let known = mirror.record(record)?;
    let is_same = known.is_active && known.content_hash == incoming.content_hash;
    // The content that stands, said again, withdraws an update that waits: that is a change.
    let is_repeat = is_same && mirror.tasks.held(record).is_none();
    is_repeat.then(|| unchanged(mirror, record, incoming)).flatten()
}

pub(crate) fn check_request_id(request_id: Option<&str>) -> Result<(), RegistryError> {
    match request_id.map(str::len) {
        Some(0) => Err(RegistryError::invalid(
            "the request ID is empty: leave it out, or give every request its own",
        )),
        Some(length) if length > REQUEST_ID_BYTES_MAX => Err(RegistryError::invalid(format!(
            "the request ID has {length} bytes and may have at most {REQUEST_ID_BYTES_MAX}: use a \
             shorter one"
        ))),
        _ => Ok(()),
    }
}
