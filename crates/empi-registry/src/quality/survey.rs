//! Counting: when it is done, and in which order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use empi_model::{RecordIndex, Timestamp};
use empi_store::Snapshot;
use parking_lot::{Condvar, Mutex};

use super::duplicates::{PERIODS, PersonCount};
use super::history::Ledger;
use super::largest::{LargePerson, Largest, hubs};
use super::{CountedBoard, QualityBoard, reviewed, work};
use crate::RegistryError;
use crate::commit::Core;
use crate::lab::label_figures;
use crate::registry::Registry;
use crate::review_stats::{AllTasks, DAY_MS, QueueStats};

/// Persons that are looked at under one lock.
const CHUNK: u64 = 4096;

/// So many times as long as counting took it is not repeated.
const REST: u32 = 20;

/// After counting failed it is not tried again for so long.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// The thread that counts, and what it has counted.
#[derive(Default)]
pub(crate) struct Surveyor {
    state: Mutex<State>,
    /// A survey has ended.
    ended: Condvar,
    is_closing: AtomicBool,
    /// Only the thread that counts takes it.
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct State {
    board: Option<Arc<QualityBoard>>,
    /// Counting is not repeated before.
    rests_until: Option<Instant>,
    is_counting: bool,
    /// How long counting took the last time.
    took: Duration,
    thread: Option<JoinHandle<()>>,
}

impl Registry {
    /// The quality board as it was counted last. Where that is some time ago, it is counted anew, and the answer
    /// waits so long for the new one, unless there is one from before and counting takes longer.
    ///
    /// # Errors
    /// [`RegistryError::Poisoned`] after a failed write; [`RegistryError::Busy`] when the system gives no thread.
    pub fn quality(&self, wait: Duration) -> Result<CountedBoard, RegistryError> {
        self.core.durability.check()?;
        let mut state = self.surveyor.state.lock();
        let rests = state.rests_until.is_some_and(|until| Instant::now() < until);
        if !state.is_counting && !rests {
            self.begin_survey(&mut state)?;
        }
        let is_worth_it = state.board.is_none() || state.took <= wait;
        let until = Instant::now() + if is_worth_it { wait } else { Duration::ZERO };
        while state.is_counting {
            if self.surveyor.ended.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        Ok(CountedBoard { board: state.board.clone(), is_counting: state.is_counting })
    }

    fn begin_survey(&self, state: &mut State) -> Result<(), RegistryError> {
        let (core, surveyor) = (Arc::clone(&self.core), Arc::clone(&self.surveyor));
        let thread = std::thread::Builder::new()
            .name("empi-quality".to_owned())
            .spawn(move || surveyor.survey(&core))
            .map_err(|_| RegistryError::busy("the system gives no thread to count with"))?;
        state.is_counting = true;
        state.thread = Some(thread);
        Ok(())
    }

    /// The board as it stands at this moment, counted by the caller.
    #[cfg(test)]
    pub(crate) fn quality_now(&self) -> QualityBoard {
        let mut ledger = self.surveyor.ledger.lock();
        let survey = Survey { core: &self.core, surveyor: &self.surveyor };
        survey.run(&mut ledger).unwrap().unwrap()
    }
}

impl Surveyor {
    /// Lets the thread that counts end.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        let thread = self.state.lock().thread.take();
        // It catches its panics itself, and has told about them.
        thread.map(JoinHandle::join);
    }

    fn survey(&self, core: &Core) {
        let begun = Instant::now();
        let survey = Survey { core, surveyor: self };
        let outcome = catch_unwind(AssertUnwindSafe(|| survey.run(&mut self.ledger.lock())));
        let rest = match &outcome {
            Ok(Ok(_)) => begun.elapsed() * REST,
            Ok(Err(error)) => {
                tracing::error!(%error, "the quality board could not be counted");
                REST_AFTER_FAILURE
            }
            // The message of a panic may hold anything: it is not repeated here.
            Err(_) => {
                tracing::error!("counting the quality board panicked");
                REST_AFTER_FAILURE
            }
        };
        let mut state = self.state.lock();
        state.took = begun.elapsed();
        if let Ok(Ok(Some(board))) = outcome {
            state.board = Some(Arc::new(board));
        }
        state.rests_until = Some(Instant::now() + rest);
        state.is_counting = false;
        self.ended.notify_all();
    }
}

/// One survey.
struct Survey<'a> {
    core: &'a Core,
    surveyor: &'a Surveyor,
}

impl Survey<'_> {
    fn goes_on(&self) -> bool {
        !self.surveyor.is_closing.load(Ordering::Relaxed)
    }

    /// Counts everything; `None` when it was told to stop. What is quick is told as soon as it is counted, where
    /// nothing was told before.
    fn run(&self, ledger: &mut Ledger) -> Result<Option<QualityBoard>, RegistryError> {
        let (core, begun) = (self.core, Instant::now());
        let counted = core.clock.now();
        let snapshot = core.store.snapshot();
        let goes_on = || self.goes_on();
        if !ledger.read_events(&snapshot, &goes_on)? {
            return Ok(None);
        }
        let Some(mut board) = self.count(&snapshot, ledger, counted)? else { return Ok(None) };
        let took = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        board.took_ms = took();
        self.tell_first(&board);
        if !ledger.read_records(&snapshot, &goes_on)? {
            return Ok(None);
        }
        board.fields = ledger.fields().map(super::fields::FieldLedger::list);
        board.took_ms = took();
        Ok(Some(board))
    }

    fn tell_first(&self, board: &QualityBoard) {
        let mut state = self.surveyor.state.lock();
        if state.board.is_none() {
            state.board = Some(Arc::new(board.clone()));
        }
    }

    /// What memory tells.
    fn count(
        &self,
        snapshot: &Snapshot<'_>,
        ledger: &Ledger,
        counted: Timestamp,
    ) -> Result<Option<QualityBoard>, RegistryError> {
        let core = self.core;
        let Some((persons, largest)) = self.count_persons(snapshot, counted)? else {
            return Ok(None);
        };
        let tasks = AllTasks::read(core);
        let link_threshold = core.in_force().rules.thresholds.link;
        let hubs = hubs(core, snapshot, &tasks, &|| self.goes_on())?;
        let Some((hubs, hub_count)) = hubs else { return Ok(None) };
        let board = QualityBoard {
            counted,
            took_ms: 0,
            records: persons.records(),
            persons: persons.persons(),
            duplicates: persons.figures(core, &tasks, ledger.apart_by_hand()),
            queue: QueueStats::of(core, &tasks, counted),
            days: work::days(&tasks, counted),
            link_threshold,
            reviewed: reviewed::reviewed(tasks.closed.iter().map(|(_, it)| it), link_threshold),
            labelled: label_figures(core, None)?,
            fields: ledger.fields().map(super::fields::FieldLedger::list),
            largest: largest.into_list(),
            hubs,
            hub_count,
        };
        // Nothing is told that is not durable.
        let sequence = core.mirror.read().sequence();
        core.durability.wait(sequence)?;
        Ok(Some(board))
    }

    fn count_persons(
        &self,
        snapshot: &Snapshot<'_>,
        now: Timestamp,
    ) -> Result<Option<(PersonCount, Largest)>, RegistryError> {
        let counters = snapshot.counters()?;
        let mut firsts = [RecordIndex(0); PERIODS.len()];
        for (first, days) in firsts.iter_mut().zip(PERIODS) {
            let begins = Timestamp(now.0.saturating_sub(i64::from(days) * DAY_MS));
            *first = first_since(snapshot, counters.records, begins)?;
        }
        let (mut persons, mut largest) = (PersonCount::since(firsts), Largest::default());
        for first in (0..counters.persons_minted).step_by(CHUNK as usize) {
            if !self.goes_on() {
                return Ok(None);
            }
            let mirror = self.core.mirror.read();
            let last = counters.persons_minted.min(first + CHUNK);
            for (enterprise_id, person) in mirror.persons_minted_between(first..last) {
                let speakers = person.records.iter().filter_map(|record| {
                    let is_active = mirror.known(*record)?.is_active;
                    Some((mirror.source_of(*record)?, *record)).filter(|_| is_active)
                });
                let (records, sources) = persons.add(speakers);
                largest.add(LargePerson { enterprise_id, records, sources });
            }
        }
        Ok(Some((persons, largest)))
    }
}

/// The first record that was registered since a time. Records are numbered as they come.
fn first_since(
    snapshot: &Snapshot<'_>,
    records: u32,
    time: Timestamp,
) -> Result<RecordIndex, RegistryError> {
    let (mut low, mut high) = (0, records);
    while low < high {
        let middle = low + (high - low) / 2;
        let registered = snapshot.record(RecordIndex(middle))?.map(|record| record.registered);
        if registered.is_some_and(|registered| registered < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(RecordIndex(low))
}
