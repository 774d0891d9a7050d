//! What an event changed, and how all of it stood before: enough to tell it, to explain a decision as it
//! was, and to undo it.
//!
//! Each part of a document carries the event that made its present value, its *stamp*. A change names
//! the stamp before and the stamp after. Undoing an event puts the old value back together with its old
//! stamp; whether something came on top of it shows by one comparison: the stamp that stands is not the
//! one the event left behind.

use crate::{
    ChosenChange, ConsentChange, EnterpriseId, EventSequence, Link, PersonState, RecordContent,
    RecordIndex, ReviewState, SourceRecord, TaskId,
};

/// Everything that one event changed, each with what stood before.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct EventChange {
    /// Records registered, changed or moved.
    pub records: Vec<RecordChange>,
    /// Persons minted, changed, merged away or brought back.
    pub persons: Vec<PersonChange>,
    /// Review tasks raised, answered, settled or opened again.
    pub tasks: Vec<TaskChange>,
    /// Pairs of records that are kept apart now, or no longer.
    pub kept_apart: Vec<KeptApartChange>,
}

/// What an event changed of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordChange {
    /// The record.
    pub record: RecordIndex,
    /// The person it belongs to after the event.
    pub enterprise_id: EnterpriseId,
    /// Its link before; `None` for a record that was not there.
    pub old_link: Option<Link>,
    /// The stamp of its link after.
    pub link_event: EventSequence,
    /// Its content before, if that changed; `None` for a record that was not there.
    pub old_content: Option<RecordContent>,
    /// The stamp of its content after.
    pub content_event: EventSequence,
    /// The event that had changed the record last before this one: the way back through its history.
    pub previous: Option<EventSequence>,
    /// The values chosen of it, if those changed.
    pub chosen: Option<ChosenChange>,
    /// What is asked for about it, if that changed.
    pub consent: Option<ConsentChange>,
}

impl RecordChange {
    /// What an event changed that brought a record into the index.
    #[must_use]
    pub const fn registered(
        record: RecordIndex,
        enterprise_id: EnterpriseId,
        event: EventSequence,
    ) -> Self {
        Self {
            record,
            enterprise_id,
            old_link: None,
            link_event: event,
            old_content: None,
            content_event: event,
            previous: None,
            chosen: None,
            consent: None,
        }
    }

    /// Whether the event brought the record into the index.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.old_link.is_none()
    }

    /// Whether the record was there and got another link.
    #[must_use]
    pub fn relinks(&self) -> bool {
        self.old_link.as_ref().is_some_and(|link| link.event != self.link_event)
    }

    /// Whether the record belongs to another person since, or to one for the first time.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.old_link.as_ref().is_none_or(|link| link.enterprise_id != self.enterprise_id)
    }
}

/// What an event changed of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonChange {
    /// The person.
    pub enterprise_id: EnterpriseId,
    /// How it stood before; `None` for one that the event minted.
    pub before: Option<PersonMark>,
    /// How it stands after.
    pub after: PersonMark,
    /// Its version before; 0 for one that the event minted.
    pub old_version: EventSequence,
}

/// Whether an enterprise ID answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonMark {
    /// It has records.
    Live,
    /// It answers through its survivor.
    Redirect {
        /// The survivor.
        survivor: EnterpriseId,
        /// The stamp: the event that sent it there.
        event: EventSequence,
    },
    /// It was erased.
    Erased,
}

impl PersonMark {
    /// The mark of a state.
    #[must_use]
    pub const fn of(state: &PersonState) -> Self {
        match state {
            PersonState::Live(_) => Self::Live,
            PersonState::Redirect { survivor, event } => {
                Self::Redirect { survivor: *survivor, event: *event }
            }
            PersonState::Erased { .. } => Self::Erased,
        }
    }
}

/// What an event changed of one review task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskChange {
    /// The task.
    pub task: TaskId,
    /// How it stood before; `None` for one that the event raised.
    pub old_state: Option<ReviewState>,
    /// The stamp of its state before.
    pub old_event: EventSequence,
    /// The stamp of its state after.
    pub event: EventSequence,
    /// Whether it waits for a steward after the event.
    pub is_open: bool,
    /// The update that it held before.
    pub old_held: Option<SourceRecord>,
}

/// What an event changed about two records that are kept apart, or were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptApartChange {
    /// One record, the one with the smaller number.
    pub one: RecordIndex,
    /// The other.
    pub other: RecordIndex,
    /// The stamp before; `None` when the two were not kept apart.
    pub old_event: Option<EventSequence>,
    /// The stamp after; `None` when the two are kept apart no longer.
    pub event: Option<EventSequence>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkSource;

    fn change(old: Option<(u64, u64)>, new: (u64, u64)) -> RecordChange {
        let old_link = old.map(|(person, event)| Link {
            enterprise_id: EnterpriseId::mint(person),
            source: LinkSource::Automatic,
            weight: None,
            model: String::new(),
            event: EventSequence(event),
        });
        RecordChange {
            record: RecordIndex(0),
            enterprise_id: EnterpriseId::mint(new.0),
            old_link,
            link_event: EventSequence(new.1),
            old_content: None,
            content_event: EventSequence(1),
            previous: None,
            chosen: None,
            consent: None,
        }
    }

    #[test]
    fn a_record_is_new_moved_linked_anew_or_left_where_it_is() {
        for (old, new, told) in [
            (None, (1, 5), (true, false, true)),
            (Some((1, 5)), (2, 6), (false, true, true)),
            (Some((1, 5)), (1, 6), (false, true, false)),
            (Some((1, 5)), (1, 5), (false, false, false)),
        ] {
            let change = change(old, new);
            assert_eq!(
                (change.is_new(), change.relinks(), change.moves()),
                told,
                "{old:?} {new:?}"
            );
        }
    }
}
