//! The registry: opening, the way to the commit thread, closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use empi_store::{DataDir, Store, StoreOptions};
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::accounts::Accounts;
use crate::audit::{AuditWriter, Trail};
use crate::commit::{CommitReport, Committer, Core, Journal, StoreJournal};
use crate::durability::Durability;
use crate::glass::Glass;
use crate::in_force::{self, InForce};
use crate::lab::{Lab, Samples};
use crate::mirror::{Keeper, Mirror};
use crate::proposals::Proposals;
use crate::quality::Surveyor;
use crate::queue::Claims;
use crate::users::Users;
use crate::wanted::{Answer, Tell, Waiting, Wanted};
use crate::words::RegistryOptions;

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
    keeper: Keeper,
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

/// Starts to commit what comes.
fn spawned(
    committer: Committer,
    receiver: Receiver<Waiting>,
) -> Result<JoinHandle<()>, RegistryError> {
    std::thread::Builder::new()
        .name("empi-commit".to_owned())
        .spawn(move || committer.run(&receiver))
        .map_err(|_| RegistryError::busy("the system gives no thread to commit with"))
}

/// Refuses limits that nothing could get through.
fn check_limits(queue_max: usize, commit_batch_max: usize) -> Result<(), RegistryError> {
    if queue_max == 0 || commit_batch_max == 0 {
        let sentence = "`queue_max` and `commit_batch_max` must be at least 1: set them higher";
        return Err(RegistryError::invalid(sentence));
    }
    Ok(())
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
        let (model, create) = (options.model.name().to_owned(), options.create);
        Self::over(Store::open(dir, &StoreOptions { model, create })?, options, journal)
    }

    /// A registry over a store that is open.
    pub(crate) fn over(
        store: Store,
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
            kept_records_min,
            create: _,
            next_key,
            approval,
        } = options;
        check_limits(queue_max, commit_batch_max)?;
        store.upgrade()?;
        let configured = store.keep_model(model.name(), model.text())?;
        let promotions = store.snapshot().promotions().collect::<Result<Vec<_>, _>>()?;
        let chosen = in_force::chosen(&store, &model, &promotions)?;
        let (model_number, model) = chosen.unwrap_or((configured, model));
        let (mirror, was_kept) = Mirror::read(&model, &store)?;
        let keeper = Keeper::new(kept_records_min, was_kept.then(|| mirror.counters().events));
        keeper.keep(&mirror, &store);
        let (users, accounts) = (Users::read(&store)?, Accounts::read(&store)?);
        let (glass, has_consents) = (Glass::read(&store)?, AtomicBool::new(mirror.has_consents()));
        let (samples, proposals) = (Samples::read(&store.snapshot())?, Proposals::read(&store)?);
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
            approval,
            proposals,
            glass,
            has_consents,
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
        let commit_thread = spawned(committer, receiver)?;
        AuditWriter::start(&core, pending)?;
        let (queue, commit_thread) = (Some(queue), Some(commit_thread));
        let (surveyor, lab) = (Arc::default(), Arc::default());
        Ok(Self { core, queue, queue_max, commit_thread, keeper, surveyor, lab, trail: None })
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
            keeper: Keeper::new(u32::MAX, None),
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
        let (answer, receiver) = bounded(1);
        let tell = move |told| {
            // A caller that has gone does not want its answer any more; the change stands.
            let _ = answer.send(told);
        };
        self.hand_in(wanted.into(), Box::new(tell)).map_err(|(error, _)| error)?;
        Ok(receiver)
    }

    /// Hands work to the commit thread, which tells what came of it. What it does not take comes back.
    pub(crate) fn hand_in(&self, wanted: Wanted, tell: Tell) -> Result<(), (RegistryError, Tell)> {
        let Some(queue) = &self.queue else { return Err((RegistryError::Poisoned, tell)) };
        let asked = self.asked();
        let since = Instant::now();
        queue.try_send(Waiting { wanted, asked, since, tell }).map_err(|error| match error {
            TrySendError::Full(back) => {
                let busy = RegistryError::busy(format!(
                    "{} changes wait to be committed already: send the request again a little later",
                    self.queue_max
                ));
                (busy, back.tell)
            }
            TrySendError::Disconnected(back) => (RegistryError::Poisoned, back.tell),
        })
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

    /// Commits what waits, and gives the store back.
    #[cfg(test)]
    pub(crate) fn into_store(mut self) -> Option<Store> {
        self.finish();
        let core = Arc::clone(&self.core);
        drop(self);
        Arc::into_inner(core).map(|core| core.store)
    }

    /// Commits what waits, and leaves a store that opens quickly. Dropping commits, too.
    pub fn close(mut self) {
        self.finish();
        if let Err(error) = self.core.store.write_out() {
            tracing::warn!(%error, "the log could not be written out: the next start reads it again");
        }
        self.keeper.keep(&self.core.mirror.read(), &self.core.store);
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
