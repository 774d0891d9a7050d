//! Uncertainty goes to people: the tasks of the review queue.

use std::fmt;

use crate::{Actor, Basis, EventSequence, Guard, MatchWeight, RecordIndex, Timestamp};

/// Names a review task for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One question to a data steward about two records: are they one person?
///
/// It names records, not enterprise IDs, so it follows merges by itself (identity rule 9): the
/// persons are those the records belong to when the question is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewTask {
    /// The task's name.
    pub id: TaskId,
    /// What kind of question it is.
    pub kind: ReviewKind,
    /// The record that raised it, and the record it was compared with. Equal for a question about one
    /// record alone (a capped block).
    pub incoming: RecordIndex,
    /// The other record.
    pub candidate: RecordIndex,
    /// The weight of the pair when the question was raised.
    pub weight: MatchWeight,
    /// The guards that held a link back; empty when the weight alone was uncertain.
    pub guards: Vec<Guard>,
    /// The model in force.
    pub model: String,
    /// What the question rests on. `None` for a question about one record alone, and in tasks of stores
    /// that did not keep it.
    pub basis: Option<Basis>,
    /// When it was raised.
    pub created: Timestamp,
    /// Open, or decided.
    pub state: ReviewState,
    /// The event that brought it there; 0 in a task that a bulk load raised.
    pub event: EventSequence,
}

/// What kind of question a task asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReviewKind {
    /// A record may belong to a person.
    PossibleMatch = 1,
    /// Two persons may be one: a record resembles both.
    PotentialDuplicate = 2,
    /// A record's change makes it resemble its own person no longer.
    HeldUpdate = 3,
    /// A value is shared by so many records that not all of them were compared.
    CappedBlock = 4,
}

impl ReviewKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 4] =
        [Self::PossibleMatch, Self::PotentialDuplicate, Self::HeldUpdate, Self::CappedBlock];

    /// The kind's name in files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PossibleMatch => "possible_match",
            Self::PotentialDuplicate => "potential_duplicate",
            Self::HeldUpdate => "held_update",
            Self::CappedBlock => "capped_block",
        }
    }
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ReviewState {
    /// Waiting for a steward.
    Open,
    /// Answered.
    Resolved {
        /// The answer.
        outcome: ReviewOutcome,
        /// Who gave it.
        actor: Actor,
        /// When.
        time: Timestamp,
        /// Why, in the steward's words.
        note: String,
        /// The event that the answer made; `None` when nothing had to change.
        event: Option<EventSequence>,
    },
}

/// A steward's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReviewOutcome {
    /// One person: their persons are merged.
    Same = 1,
    /// Two people: they are kept apart, and scoring never joins them again.
    Different = 2,
    /// The question had already been settled otherwise when it was looked at.
    Moot = 3,
}

impl ReviewOutcome {
    /// The outcome's name in files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Moot => "moot",
        }
    }
}
