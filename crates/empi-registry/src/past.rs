//! Past decisions told again as they were: with the model that decided, the levels that were reached, what the
//! names were worth then, and the values that the two records had.

use empi_linkage::{LinkageModel, explain_again, normalize};
use empi_model::{
    Basis, EnterpriseId, EventSequence, Guard, RecordContent, RecordIndex, RecordKey,
    RegistryEvent, ReviewTask, ScoreExplanation, SourceRecord, TaskId, Thresholds,
};
use empi_store::Snapshot;

use crate::RegistryError;
use crate::events::EventView;
use crate::registry::Registry;

/// Most earlier contents of one record that are looked through.
const VERSIONS_MAX: usize = 100_000;

/// An event, and what its decisions rested on.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    /// The event.
    pub event: EventView,
    /// What scoring found where it decided: first the event itself, then the questions that it raised. Empty
    /// for an event that only people made, and for one of a store that did not keep it.
    pub decisions: Vec<PastDecision>,
}

/// One pair as it was compared.
#[derive(Clone, Debug, PartialEq)]
pub struct PastDecision {
    /// The question that was raised; `None` for the event itself.
    pub task: Option<TaskId>,
    /// The record that came or changed.
    pub incoming: PastRecord,
    /// The record that it was compared with.
    pub candidate: PastRecord,
    /// How the weight came about.
    pub explanation: ScoreExplanation,
    /// The cut-offs of the model.
    pub thresholds: Thresholds,
}

/// A record as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRecord {
    /// The record.
    pub key: RecordKey,
    /// What it said.
    pub content: SourceRecord,
    /// The event that had brought this content; `None` for an update that was held and never applied.
    pub brought_by: Option<EventSequence>,
    /// Whether it says so still.
    pub stands: bool,
}

impl Registry {
    /// Tells why an event decided as it did, as things stood then.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a number that no event has yet; [`RegistryError::Store`] when
    /// reading fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn explain_event(&self, sequence: EventSequence) -> Result<PastEvent, RegistryError> {
        let event = self.event(sequence)?;
        self.refuse_restricted(self.persons_of(&event.event.records))?;
        let past = Past { snapshot: self.core.store.snapshot() };
        let mut decisions = Vec::new();
        let basis = event.event.basis.filter(|basis| basis.model != 0);
        if let (Some(basis), Some(incoming)) = (basis, event.event.records.first()) {
            let held = event.event.task;
            decisions.push(past.decision(None, &basis, *incoming, Vec::new(), held)?);
        }
        for id in raised(&event.event) {
            let task = past.snapshot.task(id)?;
            let task = task.ok_or_else(|| RegistryError::damaged("a review task is missing"))?;
            decisions.extend(past.question(&task)?);
        }
        // The guards of a held update stand in its question.
        if let [first, others @ ..] = &mut decisions[..]
            && let Some(same) =
                others.iter().find(|it| it.explanation.rows == first.explanation.rows)
        {
            first.explanation = same.explanation.clone();
        }
        let decisions = decisions.into_iter().map(|past| self.mask_past(past)).collect();
        Ok(PastEvent { event, decisions })
    }

    /// Tells what a review task rested on when it was raised. `None` for a question about one record alone,
    /// and for a task of a store that did not keep it.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] without such a task; else as [`explain_event`](Self::explain_event).
    pub fn explain_task(&self, id: TaskId) -> Result<Option<PastDecision>, RegistryError> {
        self.core.durability.check()?;
        let past = Past { snapshot: self.core.store.snapshot() };
        let task = past.snapshot.task(id)?.ok_or_else(|| {
            let sentence = format!("there is no review task {id}: list the tasks and take one");
            RegistryError::not_found(sentence)
        })?;
        self.refuse_restricted(self.persons_of(&[task.incoming, task.candidate]))?;
        Ok(past.question(&task)?.map(|past| self.mask_past(past)))
    }

    /// The persons that some records belong to now.
    fn persons_of(&self, records: &[RecordIndex]) -> Vec<EnterpriseId> {
        let mirror = self.core.mirror.read();
        records.iter().filter_map(|record| mirror.person_of(*record)).collect()
    }
}

/// The tasks that an event raised.
fn raised(event: &RegistryEvent) -> impl Iterator<Item = TaskId> + '_ {
    let changes = event.change.iter().flat_map(|change| &change.tasks);
    changes.filter(|change| change.old_state.is_none()).map(|change| change.task)
}

/// What a record said before an event, if that changed it, and the event that had changed it before.
type Before = (Option<RecordContent>, Option<EventSequence>);

/// A store in which is looked back.
struct Past<'a> {
    snapshot: Snapshot<'a>,
}

impl Past<'_> {
    fn question(&self, task: &ReviewTask) -> Result<Option<PastDecision>, RegistryError> {
        let kept = task.basis.as_ref().filter(|basis| basis.model != 0);
        let Some(basis) = kept else { return Ok(None) };
        let (id, guards) = (Some(task.id), task.guards.clone());
        self.decision(id, basis, task.incoming, guards, id).map(Some)
    }

    fn decision(
        &self,
        task: Option<TaskId>,
        basis: &Basis,
        incoming: RecordIndex,
        guards: Vec<Guard>,
        held: Option<TaskId>,
    ) -> Result<PastDecision, RegistryError> {
        let model = self.snapshot.model(basis.model)?.ok_or_else(|| {
            RegistryError::damaged("the model of a decision is missing in the store")
        })?;
        let model = LinkageModel::parse(&model.text).map_err(|_| {
            RegistryError::damaged("this version of the program cannot read a model that decided")
        })?;
        let incoming = self.record(incoming, basis.incoming_hash, held)?;
        let candidate = self.record(basis.candidate, basis.candidate_hash, None)?;
        let [left, right] = [&incoming, &candidate].map(|record| normalize(&record.content));
        let explanation = explain_again(&model, &basis.evidence, guards, &left, &right);
        let thresholds = model.thresholds();
        Ok(PastDecision { task, incoming, candidate, explanation, thresholds })
    }

    /// A record when it said what has this hash; without one, when it was registered. Content that a task
    /// held is looked for there, if the record never said it.
    fn record(
        &self,
        index: RecordIndex,
        hash: Option<u64>,
        held: Option<TaskId>,
    ) -> Result<PastRecord, RegistryError> {
        let missing = || RegistryError::damaged("a record is missing");
        let stored = self.snapshot.record(index)?.ok_or_else(missing)?;
        let key = stored.record.key.clone();
        let stands = hash == Some(stored.content_hash);
        let mut content =
            (stored.record, Some(stored.content_event), stored.content_hash, Some(stored.changed));
        for _ in 0..VERSIONS_MAX {
            let (record, brought_by, its_hash, changed) = content;
            let is_wanted = hash == Some(its_hash);
            let earlier = match changed {
                Some(event) => self.content_before(index, event)?,
                None => None,
            };
            match earlier {
                // What retired a record, or brought it back, left the content as it was.
                Some((Some(earlier), previous)) if !is_wanted || earlier.hash == its_hash => {
                    content = (earlier.record, Some(earlier.event), earlier.hash, previous);
                }
                Some((Some(_), _)) => {
                    return Ok(PastRecord { key, content: record, brought_by, stands });
                }
                // The event changed something else about the record.
                Some((None, previous)) => content = (record, brought_by, its_hash, previous),
                None => {
                    if hash.is_none_or(|hash| hash == its_hash) {
                        let stands = stands || (hash.is_none() && its_hash == stored.content_hash);
                        return Ok(PastRecord { key, content: record, brought_by, stands });
                    }
                    break;
                }
            }
        }
        let held = held.map(|task| self.held_content(task, hash)).transpose()?.flatten();
        let content = held.ok_or_else(|| {
            RegistryError::damaged("the content that was compared is in no event any more")
        })?;
        Ok(PastRecord { key, content, brought_by: None, stands: false })
    }

    /// One step back in the history of a record; `None` where it begins.
    fn content_before(
        &self,
        index: RecordIndex,
        event: EventSequence,
    ) -> Result<Option<Before>, RegistryError> {
        let Some(event) = self.snapshot.event(event)? else { return Ok(None) };
        let mut changes = event.change.into_iter().flat_map(|change| change.records);
        let change = changes.find(|change| change.record == index);
        Ok(change.filter(|change| !change.is_new()).map(|it| (it.old_content, it.previous)))
    }

    /// The content with a hash that a task held at some time.
    fn held_content(
        &self,
        id: TaskId,
        hash: Option<u64>,
    ) -> Result<Option<SourceRecord>, RegistryError> {
        let is_wanted = |held: &SourceRecord| hash == Some(crate::content::content_hash(held));
        if let Some(held) = self.snapshot.held_update(id)?.filter(is_wanted) {
            return Ok(Some(held));
        }
        let mut event = self.snapshot.task(id)?.map(|task| task.event);
        for _ in 0..VERSIONS_MAX {
            let Some(at) = event else { return Ok(None) };
            let Some(told) = self.snapshot.event(at)? else { return Ok(None) };
            let mut changes = told.change.into_iter().flat_map(|change| change.tasks);
            let Some(change) = changes.find(|change| change.task == id) else {
                return Ok(None);
            };
            if let Some(held) = change.old_held.filter(is_wanted) {
                return Ok(Some(held));
            }
            event = (change.old_event != EventSequence(0)).then_some(change.old_event);
        }
        Ok(None)
    }
}
