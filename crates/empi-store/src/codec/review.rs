//! Rows of review tasks.

use empi_model::{
    EventSequence, Guard, MatchWeight, RecordIndex, ReviewKind, ReviewOutcome, ReviewState,
    ReviewTask, TaskId, Timestamp,
};
use prost::Message;

use super::{ActorRow, BasisRow, Row};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TaskRow {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint32, tag = "2")]
    kind: u32,
    #[prost(uint32, tag = "3")]
    incoming: u32,
    #[prost(uint32, tag = "4")]
    candidate: u32,
    #[prost(double, tag = "5")]
    weight: f64,
    #[prost(uint32, repeated, tag = "6")]
    guards: Vec<u32>,
    #[prost(string, tag = "7")]
    model: String,
    #[prost(int64, tag = "8")]
    created: i64,
    /// Absent while the task is open.
    #[prost(message, optional, tag = "9")]
    resolution: Option<ResolutionRow>,
    #[prost(uint64, tag = "10")]
    event: u64,
    #[prost(message, optional, tag = "17")]
    basis: Option<BasisRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResolutionRow {
    #[prost(uint32, tag = "1")]
    outcome: u32,
    #[prost(message, optional, tag = "2")]
    actor: Option<ActorRow>,
    #[prost(int64, tag = "3")]
    time: i64,
    #[prost(string, tag = "4")]
    note: String,
    #[prost(uint64, optional, tag = "5")]
    event: Option<u64>,
}

impl ResolutionRow {
    /// `None` while a task is open.
    pub(super) fn of(state: &ReviewState) -> Option<Self> {
        let ReviewState::Resolved { outcome, actor, time, note, event } = state else {
            return None;
        };
        Some(Self {
            outcome: *outcome as u32,
            actor: Some(ActorRow::of(actor)),
            time: time.0,
            note: note.clone(),
            event: event.map(|it| it.0),
        })
    }

    pub(super) fn word(self) -> Option<ReviewState> {
        let outcomes = [ReviewOutcome::Same, ReviewOutcome::Different, ReviewOutcome::Moot];
        Some(ReviewState::Resolved {
            outcome: outcomes.into_iter().find(|it| *it as u32 == self.outcome)?,
            actor: self.actor?.word()?,
            time: Timestamp(self.time),
            note: self.note,
            event: self.event.map(EventSequence),
        })
    }
}

impl Row for TaskRow {
    type Word = ReviewTask;

    fn of(task: &ReviewTask) -> Self {
        Self {
            id: task.id.0,
            kind: task.kind as u32,
            incoming: task.incoming.0,
            candidate: task.candidate.0,
            weight: task.weight.bits(),
            guards: task.guards.iter().map(|guard| *guard as u32).collect(),
            model: task.model.clone(),
            created: task.created.0,
            resolution: ResolutionRow::of(&task.state),
            event: task.event.0,
            basis: task.basis.as_ref().map(BasisRow::of),
        }
    }

    fn word(self) -> Option<ReviewTask> {
        let guard = |number: &u32| Guard::ALL.into_iter().find(|it| *it as u32 == *number);
        let guards: Option<Vec<Guard>> = self.guards.iter().map(guard).collect();
        let state = match self.resolution {
            None => ReviewState::Open,
            Some(row) => row.word()?,
        };
        Some(ReviewTask {
            id: TaskId(self.id),
            kind: ReviewKind::ALL.into_iter().find(|it| *it as u32 == self.kind)?,
            incoming: RecordIndex(self.incoming),
            candidate: RecordIndex(self.candidate),
            weight: MatchWeight::from_bits(self.weight),
            guards: guards?,
            model: self.model,
            basis: self.basis.and_then(BasisRow::word),
            created: Timestamp(self.created),
            state,
            event: EventSequence(self.event),
        })
    }
}
