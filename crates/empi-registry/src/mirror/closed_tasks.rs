//! The review tasks that are answered: what figures are made of, and what may have to be asked again.

use empi_model::{
    Asks, Decision, MatchWeight, RecordIndex, ReviewKind, ReviewOutcome, ReviewTask, TaskId,
    Timestamp,
};
use hashbrown::HashMap;
use smallvec::SmallVec;

/// What is known of an answered task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Closed {
    pub(crate) kind: ReviewKind,
    pub(crate) outcome: ReviewOutcome,
    /// What the answer decided.
    pub(crate) asks: Asks,
    /// The weight of the pair when the question was raised.
    pub(crate) weight: MatchWeight,
    pub(crate) created: Timestamp,
    pub(crate) decided: Timestamp,
    pub(crate) took_ms: Option<u64>,
    /// What two stewards have said without knowing of one another.
    pub(crate) opinions: Option<(ReviewOutcome, ReviewOutcome)>,
    records: [RecordIndex; 2],
    may_be_asked_again: bool,
}

impl Closed {
    fn of(task: &ReviewTask, decision: &Decision) -> Self {
        let said = |at: usize| decision.opinions.get(at).map(|opinion| opinion.outcome);
        Self {
            kind: task.kind,
            outcome: decision.outcome,
            asks: task.asks(),
            weight: task.weight,
            created: task.created,
            decided: decision.time,
            took_ms: decision.took_ms,
            opinions: said(0).zip(said(1)),
            records: [task.incoming, task.candidate],
            may_be_asked_again: decision.outcome != ReviewOutcome::Same
                && task.asks() == Asks::WhetherOne,
        }
    }
}

/// The answered tasks.
#[derive(Debug, Default)]
pub(crate) struct ClosedTasks {
    by_id: HashMap<TaskId, Closed>,
    /// Those that new data may open again, by their records.
    of_record: HashMap<RecordIndex, SmallVec<[TaskId; 1]>>,
    /// Content that stewards have rejected, by its record, with the task that held it.
    refused: HashMap<RecordIndex, SmallVec<[(TaskId, u64); 1]>>,
}

impl ClosedTasks {
    pub(crate) fn put(&mut self, task: &ReviewTask, decision: &Decision) {
        self.remove(task.id);
        let closed = Closed::of(task, decision);
        if closed.may_be_asked_again {
            for record in closed.records {
                self.of_record.entry(record).or_default().push(task.id);
            }
        }
        if let Some(hash) = decision.refused {
            self.refused.entry(task.incoming).or_default().push((task.id, hash));
        }
        self.by_id.insert(task.id, closed);
    }

    /// Whether a steward has rejected content of this hash for a record.
    pub(crate) fn refuses(&self, record: RecordIndex, content_hash: u64) -> bool {
        let refused = self.refused.get(&record);
        refused.is_some_and(|all| all.iter().any(|(_, hash)| *hash == content_hash))
    }

    pub(crate) fn remove(&mut self, id: TaskId) {
        let Some(closed) = self.by_id.remove(&id) else { return };
        if let Some(refused) = self.refused.get_mut(&closed.records[0]) {
            refused.retain(|(task, _)| *task != id);
        }
        for record in closed.records {
            if let Some(ids) = self.of_record.get_mut(&record) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.of_record.remove(&record);
                }
            }
        }
    }

    /// The answered questions whether two persons are one that name a record and may have to be asked again,
    /// in the order of their IDs.
    pub(crate) fn of_record(&self, record: RecordIndex) -> Vec<TaskId> {
        let mut ids = self.of_record.get(&record).map_or_else(Vec::new, |ids| ids.to_vec());
        ids.sort_unstable();
        ids
    }

    /// The answered tasks that name one of some records, in the order of their IDs. Looks at all of them.
    pub(crate) fn naming(&self, records: &[RecordIndex]) -> Vec<TaskId> {
        let names = |closed: &Closed| closed.records.iter().any(|record| records.contains(record));
        let mut ids: Vec<TaskId> =
            self.by_id.iter().filter(|(_, closed)| names(closed)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn get(&self, id: TaskId) -> Option<&Closed> {
        self.by_id.get(&id)
    }

    /// Every answered task, in no order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TaskId, &Closed)> {
        self.by_id.iter().map(|(id, closed)| (*id, closed))
    }
}
