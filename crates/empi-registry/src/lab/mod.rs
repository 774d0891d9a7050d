//! The laboratory: how the weights of all pairs are spread, what stewards say of a random sample of them, what another
//! model would change, and putting another model in force.
//!
//! Counting pairs and trying a model take a core for as long as linking takes, so a thread of its own does it, one
//! piece of work at a time, on the store as it was when the work began; callers ask how far it is. Nothing here holds a
//! lock that a registration waits for, but for the moment in which another model begins to decide.
//!
//! **Invariants:** neither counting, labelling nor trying changes who is who; a model decides only after its entry in the
//! log is on disk; persons are brought into line one event at a time, each only where they are still as the trial has
//! seen them, and what stewards decided stands (identity rule 4).

mod estimate;
mod promote;
mod replay;
mod samples;
mod weights;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::Sender;
use empi_linkage::Progress;
use parking_lot::Mutex;

use crate::RegistryError;
use crate::commit::Core;
use crate::registry::Registry;
use crate::wanted::Waiting;

pub(crate) use estimate::label_figures;
pub use estimate::{LabelFigures, SampleProgress};
pub use promote::{PromoteRequest, PromotionView, promoted_model};
pub(crate) use promote::{Promoting, Regrouping, read_model};
pub use replay::{BroughtIntoLine, Replay};
pub(crate) use samples::Samples;
pub use samples::{PAIRS_EACH_MAX, PairToLabel};
pub use weights::{LabelledBin, WeightCounts};

/// What is done in the laboratory. One piece of work at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabWork {
    /// Every compared pair is weighed and counted.
    Counting,
    /// The same, and pairs are drawn to be labelled.
    Drawing,
    /// All records are linked under another model, and compared with how they are.
    Replaying,
    /// Persons are brought into line with the model that decides.
    BringingIntoLine,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabProgress {
    /// What is done.
    pub work: LabWork,
    /// Pairs or changes that are done.
    pub done: u64,
    /// Of so many; 0 while records are still being read.
    pub total: u64,
}

/// The laboratory at this moment.
#[derive(Clone, Debug, Default)]
pub struct LabView {
    /// What is being done.
    pub running: Option<LabProgress>,
    /// How weights were spread when they were counted last.
    pub counts: Option<Arc<WeightCounts>>,
    /// The model that was tried last.
    pub replay: Option<Arc<Replay>>,
    /// How far persons were brought into line the last time.
    pub brought: Option<BroughtIntoLine>,
    /// Why the last work came to nothing, if it did.
    pub failure: Option<String>,
}

/// What does the work, and what came out.
#[derive(Default)]
pub(crate) struct Lab {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    view: LabView,
    running: Option<(LabWork, Arc<Steps>)>,
    thread: Option<JoinHandle<()>>,
    /// Trials begun.
    replays: u64,
}

/// How far a piece of work is.
#[derive(Default)]
struct Steps {
    /// Of comparing pairs.
    pairs: Progress,
    /// Of changing persons, which comes last.
    changes: AtomicU64,
    is_changing: AtomicBool,
    total: AtomicU64,
}

impl Steps {
    fn done(&self) -> u64 {
        if self.is_changing.load(Ordering::Relaxed) {
            self.changes.load(Ordering::Relaxed)
        } else {
            self.pairs.done()
        }
    }
}

/// What a piece of work has at hand.
struct Job {
    core: Arc<Core>,
    steps: Arc<Steps>,
    /// The way to the commit thread.
    queue: Sender<Waiting>,
    begun: Instant,
}

impl Job {
    /// Fails when the work is to end early.
    fn goes_on(&self) -> Result<(), RegistryError> {
        if self.steps.pairs.is_stopped() {
            return Err(RegistryError::conflict("it was stopped"));
        }
        Ok(())
    }

    fn took_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn set_total(&self, total: u64) {
        self.steps.total.store(total, Ordering::Relaxed);
    }
}

/// What came out of a piece of work.
enum Outcome {
    Counted(WeightCounts),
    Replayed(Box<Replay>),
    Brought(BroughtIntoLine),
}

impl Registry {
    /// The laboratory at this moment.
    #[must_use]
    pub fn lab(&self) -> LabView {
        let state = self.lab.state.lock();
        let running = state.running.as_ref().map(|(work, steps)| LabProgress {
            work: *work,
            done: steps.done(),
            total: steps.total.load(Ordering::Relaxed),
        });
        LabView { running, ..state.view.clone() }
    }

    /// Ends what is being done in the laboratory. Changes of persons that were made stand.
    pub fn stop_lab_work(&self) {
        if let Some((_, steps)) = &self.lab.state.lock().running {
            steps.pairs.stop();
        }
    }

    /// Begins a piece of work.
    fn begin(
        &self,
        work: LabWork,
        job: impl FnOnce(&Job) -> Result<Outcome, RegistryError> + Send + 'static,
    ) -> Result<(), RegistryError> {
        self.core.durability.check()?;
        let mut state = self.lab.state.lock();
        if state.running.is_some() {
            return Err(busy());
        }
        let steps = Arc::<Steps>::default();
        let own = Job {
            core: Arc::clone(&self.core),
            steps: Arc::clone(&steps),
            queue: self.queue()?,
            begun: Instant::now(),
        };
        let lab = Arc::clone(&self.lab);
        let thread = std::thread::Builder::new()
            .name("empi-lab".to_owned())
            .spawn(move || lab.run(own, job))
            .map_err(|_| RegistryError::busy("the system gives no thread to work with"))?;
        state.running = Some((work, steps));
        state.view.failure = None;
        state.thread = Some(thread);
        Ok(())
    }

    /// Waits until nothing is being done in the laboratory.
    #[cfg(test)]
    pub(crate) fn wait_for_lab(&self) -> LabView {
        let thread = self.lab.state.lock().thread.take();
        thread.map(JoinHandle::join);
        self.lab()
    }
}

fn busy() -> RegistryError {
    RegistryError::conflict("something else is being done already: wait for it, or stop it")
}

impl Lab {
    /// Lets the thread that works end.
    pub(crate) fn close(&self) {
        let thread = {
            let mut state = self.state.lock();
            if let Some((_, steps)) = &state.running {
                steps.pairs.stop();
            }
            state.thread.take()
        };
        // It catches its panics itself, and has told about them.
        thread.map(JoinHandle::join);
    }

    fn run(&self, own: Job, job: impl FnOnce(&Job) -> Result<Outcome, RegistryError> + Send) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            // One thread: whoever registers patients meanwhile has the other cores.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            let pool = pool.map_err(|_| RegistryError::busy("the system gives no thread"))?;
            pool.install(|| job(&own))
        }));
        drop(own);
        let mut state = self.state.lock();
        match outcome {
            Ok(Ok(Outcome::Counted(counts))) => state.view.counts = Some(Arc::new(counts)),
            Ok(Ok(Outcome::Replayed(mut replay))) => {
                state.replays += 1;
                replay.number = state.replays;
                state.view.replay = Some(Arc::new(*replay));
            }
            Ok(Ok(Outcome::Brought(brought))) => {
                // What was foretold is history.
                (state.view.brought, state.view.replay) = (Some(brought), None);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the laboratory came to no end");
                state.view.failure = Some(error.to_string());
            }
            // The message of a panic may hold anything: it is not repeated here.
            Err(_) => {
                tracing::error!("the laboratory panicked");
                state.view.failure =
                    Some("something failed inside: see the server's log".to_owned());
            }
        }
        state.running = None;
    }
}
