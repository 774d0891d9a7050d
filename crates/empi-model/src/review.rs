//! Uncertainty goes to people: the tasks of the review queue.

mod place;
mod state;

pub use place::TaskPlace;
pub use state::{
    Again, Decision, Opinion, Remark, ReviewOutcome, ReviewState, Seen, Snooze, TaskStage, Waiting,
};

use std::fmt;

use compact_str::CompactString;

use crate::{Basis, EventSequence, Guard, MatchWeight, RecordIndex, Timestamp};

/// Names a review task for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
    /// record alone (a capped block, a shared value).
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
    /// For a shared identifier: which value of the record it is.
    pub shared: Option<SharedValue>,
    /// Waiting, or decided.
    pub state: ReviewState,
    /// The event that brought it there; 0 in a task that a bulk load raised.
    pub event: EventSequence,
}

impl ReviewTask {
    /// The weight that the question is asked with: that of the change that opened it again, where one did.
    #[must_use]
    pub fn asked_weight(&self) -> MatchWeight {
        self.again().map_or(self.weight, |again| again.weight)
    }

    /// The guards that the question is asked with.
    #[must_use]
    pub fn asked_guards(&self) -> &[Guard] {
        self.again().map_or(&self.guards, |again| &again.guards)
    }

    /// Why the question waits again, if it does.
    #[must_use]
    pub fn again(&self) -> Option<&Again> {
        self.state.waiting().and_then(|waiting| waiting.again.as_deref())
    }

    /// What the answer decides.
    #[must_use]
    pub fn asks(&self) -> Asks {
        match self.kind {
            ReviewKind::PossibleMatch
            | ReviewKind::PotentialDuplicate
            | ReviewKind::SameSourceDuplicate => Asks::WhetherOne,
            ReviewKind::HeldUpdate => Asks::WhetherUpdated,
            ReviewKind::CappedBlock | ReviewKind::SharedIdentifier => Asks::Nothing,
            ReviewKind::OversizedIdentity if self.guards.contains(&Guard::BridgedPerson) => {
                Asks::WhetherTwo
            }
            ReviewKind::OversizedIdentity => Asks::WhetherOne,
            ReviewKind::Conflict if self.guards.contains(&Guard::KeptApart) => Asks::WhetherOne,
            ReviewKind::Conflict => Asks::WhetherTwo,
        }
    }

    /// Whether it asks about two persons although a steward keeps them apart: new data, or a source,
    /// speak against that decision, which stands until somebody answers.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        let is_claimed =
            self.kind == ReviewKind::Conflict && self.guards.contains(&Guard::KeptApart);
        let was_different =
            self.again().is_some_and(|again| again.earlier.outcome == ReviewOutcome::Different);
        is_claimed || was_different
    }
}

/// What the answer to a task decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Whether two persons are one. Moot when they are one, or kept apart.
    WhetherOne,
    /// Whether one person is two. Moot when its two records are of two persons.
    WhetherTwo,
    /// Whether a changed record is still its person.
    WhetherUpdated,
    /// Nothing: it tells what somebody should know.
    Nothing,
}

/// What kind of question a task asks. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Two records of one source may be one person: the source has registered somebody twice.
    SameSourceDuplicate = 5,
    /// A number, telephone, e-mail or address is shared by so many people that it says nothing about any.
    SharedIdentifier = 6,
    /// A person would be too large or too loose, or is two halves that one weak link holds together.
    OversizedIdentity = 7,
    /// What is known contradicts itself: two people's numbers in one person, or one person claimed for
    /// two that are kept apart.
    Conflict = 8,
}

impl ReviewKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::PossibleMatch,
        Self::PotentialDuplicate,
        Self::HeldUpdate,
        Self::CappedBlock,
        Self::SameSourceDuplicate,
        Self::SharedIdentifier,
        Self::OversizedIdentity,
        Self::Conflict,
    ];

    /// The kind's name in files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PossibleMatch => "possible_match",
            Self::PotentialDuplicate => "potential_duplicate",
            Self::HeldUpdate => "held_update",
            Self::CappedBlock => "capped_block",
            Self::SameSourceDuplicate => "same_source_duplicate",
            Self::SharedIdentifier => "shared_identifier",
            Self::OversizedIdentity => "oversized_identity",
            Self::Conflict => "conflict",
        }
    }

    /// The inverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A value that very many people share, without the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedValue {
    /// What kind of value it is; the record that the task names carries it.
    pub field: SharedField,
    /// Its hash: one task for each.
    pub hash: u64,
    /// How many people shared it when the task was raised.
    pub people: u32,
}

/// The kind of a value that very many people share. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SharedField {
    /// Social Security or other national number.
    Ssn = 1,
    /// An identifier with its authority.
    Identifier = 2,
    /// A telephone number.
    Phone = 3,
    /// An e-mail address.
    Email = 4,
    /// A whole address.
    Address = 5,
}

impl SharedField {
    /// Every field, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Ssn, Self::Identifier, Self::Phone, Self::Email, Self::Address];

    /// What it is called in a sentence.
    #[must_use]
    pub const fn as_words(self) -> &'static str {
        match self {
            Self::Ssn => "national number",
            Self::Identifier => "identifier",
            Self::Phone => "telephone number",
            Self::Email => "e-mail address",
            Self::Address => "address",
        }
    }
}

/// The level that a pair of records reaches in each comparison, as a word: one character each, `0` the
/// best level, `-` where a side is missing. Pairs of one pattern are questions of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComparisonPattern(CompactString);

impl ComparisonPattern {
    /// Longest pattern, in characters.
    const CHARACTERS_MAX: usize = 64;

    /// The pattern of the levels of all comparisons in their order, `None` where a side is missing.
    pub fn of_levels(levels: impl IntoIterator<Item = Option<u8>>) -> Self {
        let character = |level: Option<u8>| {
            let digit = level.map(|level| char::from_digit(u32::from(level), 36).unwrap_or('z'));
            digit.unwrap_or('-')
        };
        Self(levels.into_iter().map(character).collect())
    }

    /// The pattern as it was told; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_known =
            |byte: u8| byte == b'-' || byte.is_ascii_digit() || byte.is_ascii_lowercase();
        let is_pattern =
            (1..=Self::CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_known);
        is_pattern.then(|| Self(text.into()))
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComparisonPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reads_as_it_is_told() {
        let pattern = ComparisonPattern::of_levels([Some(0), None, Some(11), Some(3)]);
        assert_eq!(pattern.as_str(), "0-b3");
        assert_eq!(ComparisonPattern::parse("0-b3"), Some(pattern));
        for none in ["", "0 1", "0/1", "A", &"0".repeat(65)] {
            assert_eq!(ComparisonPattern::parse(none), None, "{none}");
        }
    }
}
