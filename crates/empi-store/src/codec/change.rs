//! What an event changed, inside the event's row. It holds earlier contents, so it has no `Debug`.
//!
//! Most of what an event leaves behind carries its own number and belongs to its own person: both are
//! left out, and 0 or nothing stands for them.

use empi_model::{
    Chosen, ChosenChange, ConsentChange, EnterpriseId, EventChange, EventSequence, KeptApartChange,
    PersonChange, PersonMark, RecordChange, RecordContent, RecordIndex, RecordState, ReviewState,
    TaskChange, TaskId, Timestamp,
};
use prost::Message;

use super::Row;
use super::identity::LinkRow;
use super::record::{ChosenRow, ConsentRow, SourceRow, chosen_of};
use super::review::{self, ResolutionRow, WaitingRow};
use crate::seal::Digests;

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct ChangeRow {
    #[prost(message, repeated, tag = "1")]
    pub(super) records: Vec<RecordChangeRow>,
    #[prost(message, repeated, tag = "2")]
    persons: Vec<PersonChangeRow>,
    #[prost(message, repeated, tag = "3")]
    pub(super) tasks: Vec<TaskChangeRow>,
    #[prost(message, repeated, tag = "4")]
    kept_apart: Vec<KeptApartChangeRow>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct RecordChangeRow {
    #[prost(uint32, tag = "1")]
    pub(super) record: u32,
    /// Absent for the person that the event names as new.
    #[prost(fixed64, optional, tag = "2")]
    enterprise_id: Option<u64>,
    #[prost(message, optional, tag = "3")]
    old_link: Option<LinkRow>,
    /// 0 for this event.
    #[prost(uint64, tag = "4")]
    link_event: u64,
    #[prost(message, optional, tag = "5")]
    pub(super) old_content: Option<ContentRow>,
    /// 0 for this event.
    #[prost(uint64, tag = "6")]
    content_event: u64,
    #[prost(uint64, optional, tag = "7")]
    previous: Option<u64>,
    /// Of the record's row as the event left it.
    #[prost(fixed32, tag = "8")]
    digest: u32,
    /// Absent where nothing that was chosen changed.
    #[prost(message, optional, tag = "9")]
    chosen: Option<ChosenChangeRow>,
    /// Absent where what is asked for did not change.
    #[prost(message, optional, tag = "10")]
    consent: Option<ConsentChangeRow>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct ConsentChangeRow {
    #[prost(message, optional, tag = "1")]
    before: Option<ConsentRow>,
    #[prost(message, optional, tag = "2")]
    after: Option<ConsentRow>,
}

impl ConsentChangeRow {
    fn of(change: &ConsentChange) -> Self {
        let ConsentChange { before, after } = *change;
        Self { before: ConsentRow::of(before), after: ConsentRow::of(after) }
    }

    fn word(self) -> ConsentChange {
        ConsentChange { before: ConsentRow::word(self.before), after: ConsentRow::word(self.after) }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChosenChangeRow {
    #[prost(message, repeated, tag = "1")]
    before: Vec<ChosenRow>,
    #[prost(message, repeated, tag = "2")]
    after: Vec<ChosenRow>,
}

impl Row for ChosenChangeRow {
    type Word = ChosenChange;

    fn of(change: &ChosenChange) -> Self {
        let rows = |chosen: &[Chosen]| chosen.iter().map(ChosenRow::of).collect();
        Self { before: rows(&change.before), after: rows(&change.after) }
    }

    fn word(self) -> Option<ChosenChange> {
        Some(ChosenChange { before: chosen_of(self.before)?, after: chosen_of(self.after)? })
    }
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct ContentRow {
    #[prost(message, optional, tag = "1")]
    pub(super) record: Option<SourceRow>,
    #[prost(fixed64, tag = "2")]
    pub(super) hash: u64,
    #[prost(uint32, tag = "3")]
    state: u32,
    #[prost(uint32, tag = "4")]
    replaced_by: u32,
    #[prost(int64, tag = "5")]
    updated: i64,
    #[prost(uint64, tag = "6")]
    event: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PersonChangeRow {
    #[prost(fixed64, tag = "1")]
    enterprise_id: u64,
    /// 0 minted, 1 live, 2 a redirect.
    #[prost(uint32, tag = "2")]
    before: u32,
    #[prost(fixed64, tag = "3")]
    before_survivor: u64,
    #[prost(uint64, tag = "4")]
    before_event: u64,
    /// Absent for a person that lives after the event.
    #[prost(fixed64, optional, tag = "5")]
    after_survivor: Option<u64>,
    /// 0 for this event.
    #[prost(uint64, tag = "6")]
    after_event: u64,
    #[prost(uint64, tag = "7")]
    old_version: u64,
    /// Whether the event erased the person. Nothing comes after that.
    #[prost(bool, tag = "8")]
    is_erased: bool,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct TaskChangeRow {
    #[prost(uint64, tag = "1")]
    pub(super) task: u64,
    /// 0 raised, 1 open, 2 resolved.
    #[prost(uint32, tag = "2")]
    old_state: u32,
    #[prost(message, optional, tag = "3")]
    pub(super) old_resolution: Option<ResolutionRow>,
    #[prost(uint64, tag = "4")]
    old_event: u64,
    /// 0 for this event.
    #[prost(uint64, tag = "5")]
    event: u64,
    #[prost(bool, tag = "6")]
    is_open: bool,
    #[prost(message, optional, tag = "7")]
    pub(super) old_held: Option<SourceRow>,
    /// Absent for a task that waited as it was raised.
    #[prost(message, optional, tag = "8")]
    pub(super) old_waiting: Option<WaitingRow>,
    /// Of the task's row as the event left it.
    #[prost(fixed32, tag = "18")]
    digest: u32,
    /// Of the update that it holds since.
    #[prost(fixed32, tag = "19")]
    held_digest: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeptApartChangeRow {
    #[prost(uint32, tag = "1")]
    one: u32,
    #[prost(uint32, tag = "2")]
    other: u32,
    #[prost(uint64, optional, tag = "3")]
    old_event: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    event: Option<u64>,
}

/// The digests that an event keeps: of records, of tasks, and of updates held by tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ChangeDigests {
    pub(crate) records: Vec<(RecordIndex, u32)>,
    pub(crate) tasks: Vec<(TaskId, u32)>,
    pub(crate) held: Vec<(TaskId, u32)>,
}

impl ChangeRow {
    pub(super) fn seal(&mut self, digests: &Digests) {
        for row in &mut self.records {
            row.digest = digests.records.get(&RecordIndex(row.record)).copied().unwrap_or_default();
        }
        for row in &mut self.tasks {
            let task = TaskId(row.task);
            row.digest = digests.tasks.get(&task).copied().unwrap_or_default();
            row.held_digest = digests.held.get(&task).copied().unwrap_or_default();
        }
    }

    pub(super) fn digests(&self) -> ChangeDigests {
        let task = |row: &TaskChangeRow| TaskId(row.task);
        ChangeDigests {
            records: self.records.iter().map(|it| (RecordIndex(it.record), it.digest)).collect(),
            tasks: self.tasks.iter().map(|it| (task(it), it.digest)).collect(),
            held: self.tasks.iter().map(|it| (task(it), it.held_digest)).collect(),
        }
    }
}

/// What the row of an event says already.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) sequence: EventSequence,
    pub(super) person: EnterpriseId,
}

impl Frame {
    fn stamp(self, event: EventSequence) -> u64 {
        if event == self.sequence { 0 } else { event.0 }
    }

    fn event(self, stamp: u64) -> EventSequence {
        if stamp == 0 { self.sequence } else { EventSequence(stamp) }
    }

    pub(super) fn row(self, change: &EventChange) -> ChangeRow {
        let EventChange { records, persons, tasks, kept_apart } = change;
        ChangeRow {
            records: records.iter().map(|change| self.record_row(change)).collect(),
            persons: persons.iter().map(|change| self.person_row(change)).collect(),
            tasks: tasks.iter().map(|change| self.task_row(change)).collect(),
            kept_apart: kept_apart.iter().map(KeptApartChangeRow::from).collect(),
        }
    }

    pub(super) fn word(self, row: ChangeRow) -> Option<EventChange> {
        let ChangeRow { records, persons, tasks, kept_apart } = row;
        Some(EventChange {
            records: records.into_iter().map(|row| self.record(row)).collect::<Option<_>>()?,
            persons: persons.into_iter().map(|row| self.person(&row)).collect::<Option<_>>()?,
            tasks: tasks.into_iter().map(|row| self.task(row)).collect::<Option<_>>()?,
            kept_apart: kept_apart.into_iter().map(KeptApartChange::from).collect(),
        })
    }

    fn record_row(self, change: &RecordChange) -> RecordChangeRow {
        let id = change.enterprise_id;
        RecordChangeRow {
            record: change.record.0,
            enterprise_id: (id != self.person).then(|| id.as_number()),
            old_link: change.old_link.as_ref().map(LinkRow::of),
            link_event: self.stamp(change.link_event),
            old_content: change.old_content.as_ref().map(ContentRow::of),
            content_event: self.stamp(change.content_event),
            previous: change.previous.map(|event| event.0),
            digest: 0,
            chosen: change.chosen.as_ref().map(ChosenChangeRow::of),
            consent: change.consent.as_ref().map(ConsentChangeRow::of),
        }
    }

    fn record(self, row: RecordChangeRow) -> Option<RecordChange> {
        let old_link = match row.old_link {
            Some(link) => Some(link.word()?),
            None => None,
        };
        let old_content = match row.old_content {
            Some(content) => Some(content.word()?),
            None => None,
        };
        let chosen = match row.chosen {
            Some(chosen) => Some(chosen.word()?),
            None => None,
        };
        Some(RecordChange {
            record: RecordIndex(row.record),
            enterprise_id: row.enterprise_id.map_or(self.person, EnterpriseId::from_number),
            old_link,
            link_event: self.event(row.link_event),
            old_content,
            content_event: self.event(row.content_event),
            previous: row.previous.map(EventSequence),
            chosen,
            consent: row.consent.map(ConsentChangeRow::word),
        })
    }

    fn person_row(self, change: &PersonChange) -> PersonChangeRow {
        let (before, before_survivor, before_event) = match change.before {
            None => (0, 0, 0),
            Some(PersonMark::Live) => (1, 0, 0),
            Some(PersonMark::Redirect { survivor, event }) => (2, survivor.as_number(), event.0),
            Some(PersonMark::Erased) => (3, 0, 0),
        };
        let (after_survivor, after_event) = match change.after {
            PersonMark::Live | PersonMark::Erased => (None, 0),
            PersonMark::Redirect { survivor, event } => {
                (Some(survivor.as_number()), self.stamp(event))
            }
        };
        PersonChangeRow {
            enterprise_id: change.enterprise_id.as_number(),
            before,
            before_survivor,
            before_event,
            after_survivor,
            after_event,
            old_version: change.old_version.0,
            is_erased: change.after == PersonMark::Erased,
        }
    }

    fn person(self, row: &PersonChangeRow) -> Option<PersonChange> {
        let redirect = |survivor, event| PersonMark::Redirect {
            survivor: EnterpriseId::from_number(survivor),
            event,
        };
        let before = match row.before {
            0 => None,
            1 => Some(PersonMark::Live),
            2 => Some(redirect(row.before_survivor, EventSequence(row.before_event))),
            3 => Some(PersonMark::Erased),
            _ => return None,
        };
        let stays = if row.is_erased { PersonMark::Erased } else { PersonMark::Live };
        let after = row
            .after_survivor
            .map_or(stays, |survivor| redirect(survivor, self.event(row.after_event)));
        Some(PersonChange {
            enterprise_id: EnterpriseId::from_number(row.enterprise_id),
            before,
            after,
            old_version: EventSequence(row.old_version),
        })
    }

    fn task_row(self, change: &TaskChange) -> TaskChangeRow {
        let old = change.old_state.as_ref();
        TaskChangeRow {
            task: change.task.0,
            old_state: match change.old_state {
                None => 0,
                Some(ReviewState::Open(_)) => 1,
                Some(ReviewState::Resolved(_)) => 2,
            },
            old_resolution: old.and_then(ReviewState::decision).map(ResolutionRow::of),
            old_waiting: old.and_then(ReviewState::waiting).and_then(WaitingRow::unless_new),
            old_event: change.old_event.0,
            event: self.stamp(change.event),
            is_open: change.is_open,
            old_held: change.old_held.as_ref().map(SourceRow::of),
            digest: 0,
            held_digest: 0,
        }
    }

    fn task(self, row: TaskChangeRow) -> Option<TaskChange> {
        let old_state = match (row.old_state, row.old_resolution, row.old_waiting) {
            (0, None, None) => None,
            (1, None, waiting) => Some(review::state(None, waiting)?),
            (2, Some(resolution), None) => Some(review::state(Some(resolution), None)?),
            _ => return None,
        };
        let old_held = match row.old_held {
            Some(held) => Some(held.word()?),
            None => None,
        };
        Some(TaskChange {
            task: TaskId(row.task),
            old_state,
            old_event: EventSequence(row.old_event),
            event: self.event(row.event),
            is_open: row.is_open,
            old_held,
        })
    }
}

impl From<&KeptApartChange> for KeptApartChangeRow {
    fn from(change: &KeptApartChange) -> Self {
        Self {
            one: change.one.0,
            other: change.other.0,
            old_event: change.old_event.map(|event| event.0),
            event: change.event.map(|event| event.0),
        }
    }
}

impl From<KeptApartChangeRow> for KeptApartChange {
    fn from(row: KeptApartChangeRow) -> Self {
        Self {
            one: RecordIndex(row.one),
            other: RecordIndex(row.other),
            old_event: row.old_event.map(EventSequence),
            event: row.event.map(EventSequence),
        }
    }
}

/// Whether a record has a say, as two numbers.
pub(super) fn state_numbers(state: RecordState) -> (u32, u32) {
    match state {
        RecordState::Active => (0, 0),
        RecordState::Retired => (1, 0),
        RecordState::ReplacedBy(record) => (2, record.0),
        RecordState::Erased => (3, 0),
    }
}

/// The inverse of [`state_numbers`].
pub(super) fn state_of(state: u32, replaced_by: u32) -> Option<RecordState> {
    match state {
        0 => Some(RecordState::Active),
        1 => Some(RecordState::Retired),
        2 => Some(RecordState::ReplacedBy(RecordIndex(replaced_by))),
        3 => Some(RecordState::Erased),
        _ => None,
    }
}

impl Row for ContentRow {
    type Word = RecordContent;

    fn of(content: &RecordContent) -> Self {
        let (state, replaced_by) = state_numbers(content.state);
        Self {
            record: Some(SourceRow::of(&content.record)),
            hash: content.hash,
            state,
            replaced_by,
            updated: content.updated.0,
            event: content.event.0,
        }
    }

    fn word(self) -> Option<RecordContent> {
        Some(RecordContent {
            record: self.record?.word()?,
            hash: self.hash,
            state: state_of(self.state, self.replaced_by)?,
            updated: Timestamp(self.updated),
            event: EventSequence(self.event),
        })
    }
}
