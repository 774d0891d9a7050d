//! Linking all records of a store anew, as bulk linkage does with files, and bringing its persons into
//! line.
//!
//! ```text
//! Relinking::open --link()--> Relinked --apply()--> RelinkReport
//! ```
//!
//! What stewards decided is never undone (identity rule 4): [`decisions`] reads from the events which
//! records they put where they are and which they took apart, and [`plan`] changes nothing that speaks
//! against it. Enterprise IDs follow their people (rule 3). Every group of persons that exchange records is
//! one change with one event (rule 5), undoable like any other. The same records, decisions and model give
//! the same persons: a second run changes nothing.

mod decisions;
mod plan;

use std::sync::Arc;

use empi_linkage::{Blocked, LinkageModel, Linker, Progress};
use empi_model::{
    Actor, MatchWeight, PersonMark, RecordIndex, RecordState, RegistryEvent, Timestamp,
};
use empi_store::{Commit, DataDir, Snapshot, Store, StoredRecord};
use hashbrown::HashMap;

use crate::compose::{Context, Pending, compose_relinked};
use crate::events::EventView;
use crate::mirror::Mirror;
use crate::offline;
use crate::plan::Rules;
use crate::words::Clock;
use crate::{RegistryError, StoreError};
use decisions::Decisions;
use plan::{Planned, Standing, plan};
pub(crate) use plan::{Regroup, RegroupKind};

/// Records that are normalised at a time.
const CHUNK_RECORDS: usize = 8192;

/// Changes in one synced write.
const COMMIT_BATCH_MAX: usize = 256;

/// Changes of each kind that a report shows.
const SAMPLES_MAX: usize = 10;

/// A store whose records are ready to be compared with one another.
#[derive(Debug)]
pub struct Relinking {
    store: Store,
    model: LinkageModel,
    blocked: Blocked,
    records: Records,
}

/// A store whose records were linked anew, before anything is changed.
#[derive(Debug)]
pub struct Relinked {
    store: Store,
    model: LinkageModel,
    anew: Anew,
}

/// The records of a store as bulk linkage sees them.
#[derive(Debug)]
pub(crate) struct Anew {
    records: Records,
    /// The person of each record; `None` for one that has no say.
    labels: Vec<Option<u32>>,
    /// The weight that links a record to its person.
    pub(crate) weights: Vec<Option<MatchWeight>>,
}

/// What is known of the records beside what they say.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Those that have a say, in the order in which they were linked.
    pub(crate) active: Vec<RecordIndex>,
    /// Where retired records went to, if to another record.
    successors: HashMap<RecordIndex, RecordIndex>,
    count: usize,
}

/// How to bring persons into line.
#[derive(Clone)]
pub struct RelinkOptions {
    /// Who asks, for the events.
    pub actor: Actor,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Whether to tell only what would change.
    pub dry_run: bool,
}

/// What relinking changed, or would change.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RelinkReport {
    /// Records of the store.
    pub records: u64,
    /// Living persons before.
    pub persons_before: u64,
    /// Living persons after.
    pub persons_after: u64,
    /// Changes in which whole persons become one.
    pub merges: u64,
    /// Changes in which one person becomes several.
    pub splits: u64,
    /// Changes in which persons exchange records.
    pub exchanges: u64,
    /// Records that answer under another enterprise ID.
    pub records_moved: u64,
    /// Enterprise IDs that redirect from now on.
    pub ids_redirected: u64,
    /// Enterprise IDs that answer themselves again.
    pub ids_revived: u64,
    /// Enterprise IDs that are new.
    pub ids_minted: u64,
    /// Review tasks that are settled by it.
    pub tasks_closed: u64,
    /// Groups of records that linkage would make one person and that stay apart, because a steward's
    /// decision speaks against it.
    pub held_back: u64,
    /// The first changes of each kind, with record keys and enterprise IDs only.
    pub samples: Vec<EventView>,
}

impl RelinkReport {
    /// How many changes there are, each with one event.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.merges + self.splits + self.exchanges
    }
}

impl Relinking {
    /// Opens a store that no server has open, reads its records and puts them into blocks.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when the store is missing, open elsewhere or cannot be read.
    pub fn open(dir: impl Into<DataDir>, model: LinkageModel) -> Result<Self, RegistryError> {
        let store = offline::open(dir)?;
        let mut linker = Linker::new(model.clone());
        let records = read_records(&store.snapshot(), &mut linker, &|| true)?;
        Ok(Self { store, model, blocked: linker.block(), records })
    }

    /// How many pairs will be looked at: what [`Progress`] counts up to.
    #[must_use]
    pub fn pairs_total(&self) -> u64 {
        self.blocked.pairs_with_repeats()
    }

    /// Compares the records and joins them into persons, as bulk linkage does.
    #[must_use]
    pub fn link(self, progress: &Progress) -> Relinked {
        let Self { store, model, blocked, records } = self;
        Relinked { store, model, anew: Anew::of(blocked, records, progress) }
    }
}

impl Anew {
    /// Compares records and joins them into persons, as bulk linkage does.
    pub(crate) fn of(blocked: Blocked, records: Records, progress: &Progress) -> Self {
        let linkage = blocked.score(progress).cluster();
        let mut labels = vec![None; records.count];
        let mut weights = vec![None; records.count];
        for (record, place) in records.active.iter().zip(&linkage.order) {
            let (at, place) = (record.0 as usize, *place as usize);
            if let (Some(label), Some(weight)) = (labels.get_mut(at), weights.get_mut(at)) {
                *label = linkage.persons.get(place).copied();
                *weight = linkage.link_weights.get(place).copied().flatten();
            }
        }
        Self { records, labels, weights }
    }

    fn plan(&self, snapshot: &Snapshot<'_>, mirror: &Mirror) -> Result<Planned, StoreError> {
        let Self { records, labels, .. } = self;
        let decisions = Decisions::read(snapshot)?;
        let successors = &records.successors;
        Ok(plan(&Standing { mirror, labels, successors, decisions: &decisions }))
    }

    /// What bringing persons into line would change, in a store as it was at one moment.
    pub(crate) fn foretell(
        &self,
        snapshot: &Snapshot<'_>,
        model: &LinkageModel,
        options: &RelinkOptions,
    ) -> Result<(RelinkReport, Vec<Regroup>), RegistryError> {
        let mirror = Mirror::rebuild(model, snapshot)?;
        let planned = self.plan(snapshot, &mirror)?;
        let (store, model_number) = (None, 0);
        let pending = Pending::over_snapshot(snapshot);
        let report =
            self.write(mirror, &planned, Writing { store, pending, model, model_number }, options)?;
        Ok((report, planned.regroups))
    }

    fn write(
        &self,
        mirror: Mirror,
        planned: &Planned,
        writing: Writing<'_>,
        options: &RelinkOptions,
    ) -> Result<RelinkReport, RegistryError> {
        let report = RelinkReport {
            records: self.records.count as u64,
            persons_before: mirror.person_count() as u64,
            held_back: planned.held_back,
            ..RelinkReport::default()
        };
        let rules = Rules { thresholds: writing.model.thresholds(), tasks_max: 0 };
        let time = options.clock.now();
        let writer = Writer { writing, rules, options, time, mirror, report };
        writer.write(&planned.regroups, &self.weights)
    }
}

/// Reads the records of a store into a linker, those that have a say. Ends early, with a part of them, when it does not
/// go on.
pub(crate) fn read_records(
    snapshot: &Snapshot<'_>,
    linker: &mut Linker,
    goes_on: &dyn Fn() -> bool,
) -> Result<Records, StoreError> {
    let mut stored = snapshot.records();
    let mut records = Records::default();
    loop {
        let chunk: Vec<StoredRecord> =
            stored.by_ref().take(CHUNK_RECORDS).collect::<Result<_, _>>()?;
        if chunk.is_empty() || !goes_on() {
            return Ok(records);
        }
        let mut speaking = Vec::with_capacity(chunk.len());
        for StoredRecord { index, record, state, consent, .. } in chunk {
            records.count = records.count.max(index.0 as usize + 1);
            match state {
                RecordState::Active if consent.not_linked => {}
                RecordState::Active => {
                    records.active.push(index);
                    speaking.push(record);
                }
                RecordState::ReplacedBy(successor) => {
                    records.successors.insert(index, successor);
                }
                RecordState::Retired | RecordState::Erased => {}
            }
        }
        if !linker.add(&speaking).is_empty() {
            return Err(StoreError::Damaged("two records have one key".to_owned()));
        }
    }
}

impl Relinked {
    /// Changes the persons of the store so that they are those that linkage sees, as far as no steward's
    /// decision speaks against it; or tells only what would change.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading or writing fails. What was written before stands, each change
    /// as a whole; another run does the rest.
    pub fn apply(self, options: &RelinkOptions) -> Result<RelinkReport, RegistryError> {
        let Self { store, model, anew } = self;
        if options.dry_run {
            let snapshot = store.snapshot();
            return Ok(anew.foretell(&snapshot, &model, options)?.0);
        }
        store.upgrade()?;
        let model_number = store.keep_model(model.name(), model.text())?;
        let mirror = Mirror::rebuild(&model, &store.snapshot())?;
        let planned = anew.plan(&store.snapshot(), &mirror)?;
        let pending = Pending::new(&store);
        let writing = Writing { store: Some(&store), pending, model: &model, model_number };
        anew.write(mirror, &planned, writing, options)
    }
}

/// Where changes go, and under which model.
struct Writing<'a> {
    /// `None` for changes that are only foretold.
    store: Option<&'a Store>,
    /// The changes of the write in progress; of those that are only foretold, all.
    pending: Pending<'a>,
    model: &'a LinkageModel,
    model_number: u32,
}

/// Writes changes, one after the other, a batch at a time.
struct Writer<'a> {
    writing: Writing<'a>,
    rules: Rules,
    options: &'a RelinkOptions,
    time: Timestamp,
    mirror: Mirror,
    report: RelinkReport,
}

impl Writer<'_> {
    fn write(
        mut self,
        regroups: &[Regroup],
        weights: &[Option<MatchWeight>],
    ) -> Result<RelinkReport, RegistryError> {
        let weight = |record: RecordIndex| weights.get(record.0 as usize).copied().flatten();
        for batch in regroups.chunks(COMMIT_BATCH_MAX) {
            for regroup in batch {
                let Writing { pending, model, model_number, .. } = &self.writing;
                let context = Context {
                    mirror: &self.mirror,
                    pending,
                    model,
                    model_number: *model_number,
                    rules: &self.rules,
                    actor: &self.options.actor,
                    request_id: None,
                    time: self.time,
                };
                let change = compose_relinked(context, regroup, &weight)?;
                self.report(regroup.kind(), &change.commit);
                self.mirror.apply(&change);
                self.writing.pending.push(change.commit);
            }
            if let Some(store) = self.writing.store {
                store.commit(self.writing.pending.commits())?;
                self.writing.pending = Pending::new(store);
                // The keys and requests of a write that is done are asked for by nobody.
                let sequence = self.mirror.sequence();
                self.mirror.recent.turn(sequence);
            }
        }
        self.report.persons_after = self.mirror.person_count() as u64;
        Ok(self.report)
    }

    fn report(&mut self, kind: RegroupKind, commit: &Commit) {
        let report = &mut self.report;
        let count = match kind {
            RegroupKind::Merge => &mut report.merges,
            RegroupKind::Split => &mut report.splits,
            RegroupKind::Exchange => &mut report.exchanges,
        };
        *count += 1;
        let is_shown = *count <= SAMPLES_MAX as u64;
        for event in &commit.events {
            report.count(event);
            if is_shown {
                report.samples.push(EventView::in_mirror(event.clone(), &self.mirror));
            }
        }
    }
}

impl RelinkReport {
    fn count(&mut self, event: &RegistryEvent) {
        let Some(change) = &event.change else { return };
        self.records_moved += change.records.iter().filter(|it| it.moves()).count() as u64;
        for person in &change.persons {
            let count = match (person.before, person.after) {
                (Some(PersonMark::Live), PersonMark::Redirect { .. }) => &mut self.ids_redirected,
                (Some(PersonMark::Redirect { .. }), PersonMark::Live) => &mut self.ids_revived,
                (None, PersonMark::Live) => &mut self.ids_minted,
                _ => continue,
            };
            *count += 1;
        }
        let closed = change.tasks.iter().filter(|task| task.old_state.is_some() && !task.is_open);
        self.tasks_closed += closed.count() as u64;
    }
}
