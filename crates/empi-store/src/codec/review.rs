//! Rows of review tasks.

use empi_model::{
    Again, ComparisonPattern, Decision, EventSequence, Guard, MatchWeight, Opinion, ReasonCode,
    RecordIndex, Remark, ReviewKind, ReviewOutcome, ReviewState, ReviewTask, Seen, SharedField,
    SharedValue, Snooze, TaskId, Timestamp, Waiting,
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
    /// Absent for a task that waits as it was raised, and for one that is resolved.
    #[prost(message, optional, tag = "11")]
    waiting: Option<WaitingRow>,
    #[prost(message, optional, tag = "12")]
    shared: Option<SharedRow>,
    #[prost(message, optional, tag = "17")]
    basis: Option<BasisRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SharedRow {
    #[prost(uint32, tag = "1")]
    field: u32,
    #[prost(fixed64, tag = "2")]
    hash: u64,
    #[prost(uint32, tag = "3")]
    people: u32,
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
    /// 0 for none.
    #[prost(uint32, tag = "6")]
    reason: u32,
    #[prost(message, repeated, tag = "7")]
    opinions: Vec<OpinionRow>,
    /// Empty for none.
    #[prost(string, tag = "8")]
    seen_pattern: String,
    #[prost(double, tag = "9")]
    seen_weight: f64,
    #[prost(uint64, optional, tag = "10")]
    took_ms: Option<u64>,
    /// Absent where nothing was rejected.
    #[prost(fixed64, optional, tag = "11")]
    refused: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WaitingRow {
    #[prost(message, optional, tag = "1")]
    snooze: Option<SnoozeRow>,
    #[prost(string, optional, tag = "2")]
    assignee: Option<String>,
    #[prost(message, repeated, tag = "3")]
    opinions: Vec<OpinionRow>,
    #[prost(message, optional, tag = "4")]
    escalated: Option<RemarkRow>,
    #[prost(message, optional, tag = "5")]
    again: Option<AgainRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnoozeRow {
    #[prost(int64, optional, tag = "1")]
    until: Option<i64>,
    #[prost(bool, tag = "2")]
    source_asked: bool,
    #[prost(message, optional, tag = "3")]
    remark: Option<RemarkRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OpinionRow {
    #[prost(uint32, tag = "1")]
    outcome: u32,
    #[prost(message, optional, tag = "2")]
    remark: Option<RemarkRow>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RemarkRow {
    #[prost(message, optional, tag = "1")]
    actor: Option<ActorRow>,
    #[prost(int64, tag = "2")]
    time: i64,
    /// 0 for none.
    #[prost(uint32, tag = "3")]
    reason: u32,
    #[prost(string, tag = "4")]
    note: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AgainRow {
    #[prost(message, optional, boxed, tag = "1")]
    earlier: Option<Box<ResolutionRow>>,
    #[prost(double, tag = "2")]
    weight: f64,
    #[prost(uint32, repeated, tag = "3")]
    guards: Vec<u32>,
}

/// A word that may be absent, from a row that may be. `None` for a row that makes no sense.
fn optional<R: Row>(row: Option<R>) -> Option<Option<R::Word>> {
    match row {
        None => Some(None),
        Some(row) => row.word().map(Some),
    }
}

fn all<R: Row>(rows: Vec<R>) -> Option<Vec<R::Word>> {
    rows.into_iter().map(Row::word).collect()
}

fn reason_number(reason: Option<ReasonCode>) -> u32 {
    reason.map_or(0, |reason| reason as u32)
}

fn reason_of(number: u32) -> Option<Option<ReasonCode>> {
    if number == 0 {
        return Some(None);
    }
    ReasonCode::ALL.into_iter().find(|it| *it as u32 == number).map(Some)
}

fn outcome_of(number: u32) -> Option<ReviewOutcome> {
    ReviewOutcome::ALL.into_iter().find(|it| *it as u32 == number)
}

fn guard_numbers(guards: &[Guard]) -> Vec<u32> {
    guards.iter().map(|guard| *guard as u32).collect()
}

fn guards_of(numbers: &[u32]) -> Option<Vec<Guard>> {
    let guard = |number: &u32| Guard::ALL.into_iter().find(|it| *it as u32 == *number);
    numbers.iter().map(guard).collect()
}

impl Row for ResolutionRow {
    type Word = Decision;

    fn of(decision: &Decision) -> Self {
        let Decision { outcome, actor, time, reason, note, event, .. } = decision;
        let Decision { opinions, seen, took_ms, refused, .. } = decision;
        Self {
            outcome: *outcome as u32,
            actor: Some(ActorRow::of(actor)),
            time: time.0,
            note: note.clone(),
            event: event.map(|it| it.0),
            reason: reason_number(*reason),
            opinions: opinions.iter().map(OpinionRow::of).collect(),
            seen_pattern: seen.as_ref().map_or_else(String::new, |seen| seen.pattern.to_string()),
            seen_weight: seen.as_ref().map_or(0.0, |seen| seen.weight.bits()),
            took_ms: *took_ms,
            refused: *refused,
        }
    }

    fn word(self) -> Option<Decision> {
        let seen = if self.seen_pattern.is_empty() {
            None
        } else {
            let pattern = ComparisonPattern::parse(&self.seen_pattern)?;
            Some(Seen { pattern, weight: MatchWeight::from_bits(self.seen_weight) })
        };
        Some(Decision {
            outcome: outcome_of(self.outcome)?,
            actor: self.actor?.word()?,
            time: Timestamp(self.time),
            reason: reason_of(self.reason)?,
            note: self.note,
            event: self.event.map(EventSequence),
            opinions: all(self.opinions)?,
            seen,
            took_ms: self.took_ms,
            refused: self.refused,
        })
    }
}

impl Row for WaitingRow {
    type Word = Waiting;

    fn of(waiting: &Waiting) -> Self {
        let Waiting { snooze, assignee, opinions, escalated, again } = waiting;
        Self {
            snooze: snooze.as_ref().map(SnoozeRow::of),
            assignee: assignee.clone(),
            opinions: opinions.iter().map(OpinionRow::of).collect(),
            escalated: escalated.as_ref().map(RemarkRow::of),
            again: again.as_deref().map(AgainRow::of),
        }
    }

    fn word(self) -> Option<Waiting> {
        Some(Waiting {
            snooze: optional(self.snooze)?,
            assignee: self.assignee,
            opinions: all(self.opinions)?,
            escalated: optional(self.escalated)?,
            again: optional(self.again)?.map(Box::new),
        })
    }
}

impl ResolutionRow {
    /// What people wrote, in a fixed order.
    pub(super) fn notes<'a>(&'a mut self, notes: &mut Vec<&'a mut String>) {
        notes.push(&mut self.note);
        notes_of_opinions(&mut self.opinions, notes);
    }
}

/// See [`ResolutionRow::notes`].
fn notes_of_opinions<'a>(opinions: &'a mut [OpinionRow], notes: &mut Vec<&'a mut String>) {
    let remarks = opinions.iter_mut().filter_map(|opinion| opinion.remark.as_mut());
    notes.extend(remarks.map(|remark| &mut remark.note));
}

impl WaitingRow {
    /// See [`ResolutionRow::notes`].
    pub(super) fn notes<'a>(&'a mut self, notes: &mut Vec<&'a mut String>) {
        let snoozed = self.snooze.as_mut().and_then(|snooze| snooze.remark.as_mut());
        notes.extend(snoozed.map(|remark| &mut remark.note));
        notes_of_opinions(&mut self.opinions, notes);
        notes.extend(self.escalated.as_mut().map(|remark| &mut remark.note));
        if let Some(earlier) = self.again.as_mut().and_then(|again| again.earlier.as_deref_mut()) {
            earlier.notes(notes);
        }
    }

    /// `None` for a task that waits as it was raised.
    pub(super) fn unless_new(waiting: &Waiting) -> Option<Self> {
        (*waiting != Waiting::default()).then(|| Self::of(waiting))
    }
}

impl Row for SnoozeRow {
    type Word = Snooze;

    fn of(snooze: &Snooze) -> Self {
        let Snooze { until, source_asked, remark } = snooze;
        let (until, remark) = (until.map(|until| until.0), Some(RemarkRow::of(remark)));
        Self { until, source_asked: *source_asked, remark }
    }

    fn word(self) -> Option<Snooze> {
        let (until, remark) = (self.until.map(Timestamp), self.remark?.word()?);
        Some(Snooze { until, source_asked: self.source_asked, remark })
    }
}

impl Row for OpinionRow {
    type Word = Opinion;

    fn of(opinion: &Opinion) -> Self {
        Self { outcome: opinion.outcome as u32, remark: Some(RemarkRow::of(&opinion.remark)) }
    }

    fn word(self) -> Option<Opinion> {
        Some(Opinion { outcome: outcome_of(self.outcome)?, remark: self.remark?.word()? })
    }
}

impl Row for RemarkRow {
    type Word = Remark;

    fn of(remark: &Remark) -> Self {
        Self {
            actor: Some(ActorRow::of(&remark.actor)),
            time: remark.time.0,
            reason: reason_number(remark.reason),
            note: remark.note.clone(),
        }
    }

    fn word(self) -> Option<Remark> {
        Some(Remark {
            actor: self.actor?.word()?,
            time: Timestamp(self.time),
            reason: reason_of(self.reason)?,
            note: self.note,
        })
    }
}

impl Row for AgainRow {
    type Word = Again;

    fn of(again: &Again) -> Self {
        Self {
            earlier: Some(Box::new(ResolutionRow::of(&again.earlier))),
            weight: again.weight.bits(),
            guards: guard_numbers(&again.guards),
        }
    }

    fn word(self) -> Option<Again> {
        Some(Again {
            earlier: self.earlier?.word()?,
            weight: MatchWeight::from_bits(self.weight),
            guards: guards_of(&self.guards)?,
        })
    }
}

impl Row for SharedRow {
    type Word = SharedValue;

    fn of(shared: &SharedValue) -> Self {
        let SharedValue { field, hash, people } = *shared;
        Self { field: field as u32, hash, people }
    }

    fn word(self) -> Option<SharedValue> {
        let field = SharedField::ALL.into_iter().find(|it| *it as u32 == self.field)?;
        Some(SharedValue { field, hash: self.hash, people: self.people })
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
            guards: guard_numbers(&task.guards),
            model: task.model.clone(),
            created: task.created.0,
            resolution: task.state.decision().map(ResolutionRow::of),
            event: task.event.0,
            waiting: task.state.waiting().and_then(WaitingRow::unless_new),
            shared: task.shared.as_ref().map(SharedRow::of),
            basis: task.basis.as_ref().map(BasisRow::of),
        }
    }

    fn word(self) -> Option<ReviewTask> {
        Some(ReviewTask {
            id: TaskId(self.id),
            kind: ReviewKind::ALL.into_iter().find(|it| *it as u32 == self.kind)?,
            incoming: RecordIndex(self.incoming),
            candidate: RecordIndex(self.candidate),
            weight: MatchWeight::from_bits(self.weight),
            guards: guards_of(&self.guards)?,
            model: self.model,
            basis: self.basis.and_then(BasisRow::word),
            created: Timestamp(self.created),
            shared: optional(self.shared)?,
            state: state(self.resolution, self.waiting)?,
            event: EventSequence(self.event),
        })
    }
}

/// Where a task stands, from how it was resolved or how it waits.
pub(super) fn state(
    resolution: Option<ResolutionRow>,
    waiting: Option<WaitingRow>,
) -> Option<ReviewState> {
    match (resolution, waiting) {
        (None, None) => Some(ReviewState::OPEN),
        (None, Some(waiting)) => waiting.word().map(ReviewState::Open),
        (Some(resolution), None) => resolution.word().map(ReviewState::Resolved),
        (Some(_), Some(_)) => None,
    }
}
