//! What changed, by whom, in one gap-free order (identity rule 5).

use std::fmt;

use crate::{EnterpriseId, MatchWeight, RecordIndex, TaskId};

/// Milliseconds since 1970-01-01 UTC. Comes from a clock that is passed in, never from the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// The place of an event in the order of commits: 1 for the first, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventSequence(pub u64);

impl fmt::Display for EventSequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Who asks for a change. Every operation takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// In which capacity.
    pub kind: ActorKind,
    /// The name of the system or person, as the caller gave it (authenticated callers come later).
    pub name: String,
}

/// In which capacity somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A registration system or bulk load.
    System,
    /// A data steward.
    Steward,
}

/// One change of identities, kept for ever.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryEvent {
    /// Its place in the order.
    pub sequence: EventSequence,
    /// When it was committed.
    pub time: Timestamp,
    /// Who asked for it.
    pub actor: Actor,
    /// What changed.
    pub kind: EventKind,
    /// The records concerned: those whose person changed, or the record registered or updated.
    pub records: Vec<RecordIndex>,
    /// The person the records belonged to before; `None` for a new record.
    pub old_enterprise_id: Option<EnterpriseId>,
    /// The person the records belong to now.
    pub new_enterprise_id: EnterpriseId,
    /// The weight behind the decision, where scoring made it.
    pub weight: Option<MatchWeight>,
    /// The model in force.
    pub model: String,
    /// Why, in the actor's words or the rule's name. Never patient data.
    pub reason: String,
    /// The review task that the event opened or closed, if any.
    pub task: Option<TaskId>,
}

/// What an event changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// A record was registered and linked to a person that existed.
    RegisteredLinked = 1,
    /// A record was registered and a person was minted for it.
    RegisteredNew = 2,
    /// A record's content changed and its person stayed.
    UpdatedKept = 3,
    /// A record's content changed and it moved to another person.
    UpdatedMoved = 4,
    /// A steward said that two persons are one.
    MergedByReview = 5,
    /// A steward said that two records are different people, for good.
    KeptApart = 6,
    /// A record's change was held for review: the record stands as it was (identity rule 8).
    UpdateHeld = 7,
}

impl EventKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::RegisteredLinked,
        Self::RegisteredNew,
        Self::UpdatedKept,
        Self::UpdatedMoved,
        Self::MergedByReview,
        Self::KeptApart,
        Self::UpdateHeld,
    ];

    /// The kind's name in files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RegisteredLinked => "registered_linked",
            Self::RegisteredNew => "registered_new",
            Self::UpdatedKept => "updated_kept",
            Self::UpdatedMoved => "updated_moved",
            Self::MergedByReview => "merged_by_review",
            Self::KeptApart => "kept_apart",
            Self::UpdateHeld => "update_held",
        }
    }
}
