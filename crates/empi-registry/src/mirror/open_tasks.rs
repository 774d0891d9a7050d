//! The open review tasks, found by the records they name.

use empi_model::{Asks, RecordIndex, ReviewKind, ReviewTask, TaskId};
use hashbrown::HashMap;
use smallvec::SmallVec;

/// An open question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenTask {
    pub(crate) id: TaskId,
    pub(crate) kind: ReviewKind,
    pub(crate) incoming: RecordIndex,
    pub(crate) candidate: RecordIndex,
    pub(crate) asks: Asks,
    /// Whether it is asked although a steward keeps the two persons apart.
    pub(crate) is_disputed: bool,
}

impl OpenTask {
    pub(crate) fn of(task: &ReviewTask) -> Self {
        let ReviewTask { id, kind, incoming, candidate, .. } = *task;
        let (asks, is_disputed) = (task.asks(), task.is_disputed());
        Self { id, kind, incoming, candidate, asks, is_disputed }
    }

    /// Whether it asks if two persons are one.
    pub(crate) fn is_about_two(&self) -> bool {
        self.asks == Asks::WhetherOne
    }

    /// The record at the other end of a question about two.
    pub(crate) fn other(&self, record: RecordIndex) -> RecordIndex {
        if self.incoming == record { self.candidate } else { self.incoming }
    }
}

/// An update that waits for a steward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldUpdate {
    pub(crate) task: TaskId,
    pub(crate) content_hash: u64,
}

/// The open questions.
#[derive(Debug, Default)]
pub(crate) struct OpenTasks {
    by_id: HashMap<TaskId, OpenTask>,
    of_record: HashMap<RecordIndex, SmallVec<[TaskId; 2]>>,
    held: HashMap<RecordIndex, HeldUpdate>,
}

impl OpenTasks {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: TaskId) -> Option<OpenTask> {
        self.by_id.get(&id).copied()
    }

    /// Every open question, in no order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = OpenTask> + '_ {
        self.by_id.values().copied()
    }

    /// The questions that name a record, in order of their IDs.
    pub(crate) fn of_record(&self, record: RecordIndex) -> impl Iterator<Item = OpenTask> + '_ {
        let ids = self.of_record.get(&record).map_or(&[][..], SmallVec::as_slice);
        ids.iter().filter_map(|id| self.get(*id))
    }

    /// The update of a record that waits.
    pub(crate) fn held(&self, record: RecordIndex) -> Option<HeldUpdate> {
        self.held.get(&record).copied()
    }

    pub(crate) fn insert(&mut self, task: OpenTask) {
        self.by_id.insert(task.id, task);
        for record in [task.incoming, task.candidate] {
            let ids = self.of_record.entry(record).or_default();
            if let Err(at) = ids.binary_search(&task.id) {
                ids.insert(at, task.id);
            }
        }
    }

    /// Takes an answered question out.
    pub(crate) fn remove(&mut self, id: TaskId) {
        let Some(task) = self.by_id.remove(&id) else { return };
        for record in [task.incoming, task.candidate] {
            if let Some(ids) = self.of_record.get_mut(&record) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.of_record.remove(&record);
                }
            }
        }
        if task.kind == ReviewKind::HeldUpdate {
            self.held.remove(&task.incoming);
        }
    }

    /// Notes the content that waits under a question that is open.
    pub(crate) fn hold(&mut self, id: TaskId, content_hash: u64) {
        if let Some(task) = self.by_id.get(&id) {
            self.held.insert(task.incoming, HeldUpdate { task: id, content_hash });
        }
    }

    /// Every open question, in order of its ID.
    #[cfg(test)]
    pub(crate) fn sorted(&self) -> Vec<OpenTask> {
        let mut tasks: Vec<_> = self.iter().collect();
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }
}
