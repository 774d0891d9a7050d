//! What changed, by whom, in one gap-free order (identity rule 5).

use std::fmt;

use crate::{Basis, EnterpriseId, EventChange, MatchWeight, RecordIndex, TaskId};

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
    /// Why, as one of the steward's reasons.
    pub reason_code: Option<ReasonCode>,
    /// Why, in the steward's words. Empty where nobody said anything.
    pub note: String,
    /// The caller's ID of the request that made it.
    pub request_id: Option<String>,
    /// The event that this one undid.
    pub undoes: Option<EventSequence>,
    /// Who else wanted it, where two people had to: the name of whoever approved what the actor had proposed.
    pub approved_by: Option<String>,
    /// What the decision rested on, where scoring compared the record with one of the person it stays with
    /// or goes to, or with itself. The questions that an event raises keep their own.
    pub basis: Option<Basis>,
    /// Everything that changed, and how it stood before. `None` for an event of a store's first format,
    /// which cannot be undone.
    pub change: Option<EventChange>,
}

/// Why a steward changes an identity. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReasonCode {
    /// Somebody compared the charts.
    ChartReview = 1,
    /// A document was seen: passport, licence, insurance card.
    DocumentSeen = 2,
    /// The patient or a relative said so.
    PatientConfirmed = 3,
    /// The source was asked and said so.
    SourceConfirmed = 4,
    /// A typing or registration error came to light.
    DataEntryError = 5,
    /// An earlier decision, of scoring or of a person, was wrong.
    WrongDecision = 6,
    /// The note says why.
    Other = 7,
    /// What is known does not suffice to decide.
    NotEnoughEvidence = 8,
    /// What is known contradicts itself.
    ContradictoryEvidence = 9,
}

impl ReasonCode {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::ChartReview,
        Self::DocumentSeen,
        Self::PatientConfirmed,
        Self::SourceConfirmed,
        Self::DataEntryError,
        Self::WrongDecision,
        Self::Other,
        Self::NotEnoughEvidence,
        Self::ContradictoryEvidence,
    ];

    /// The reason's name in files, flags and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChartReview => "chart_review",
            Self::DocumentSeen => "document_seen",
            Self::PatientConfirmed => "patient_confirmed",
            Self::SourceConfirmed => "source_confirmed",
            Self::DataEntryError => "data_entry_error",
            Self::WrongDecision => "wrong_decision",
            Self::Other => "other",
            Self::NotEnoughEvidence => "not_enough_evidence",
            Self::ContradictoryEvidence => "contradictory_evidence",
        }
    }
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
    /// A change that was held was withdrawn by its source.
    UpdateWithdrawn = 8,
    /// A review task was answered, and no identity had to change for it.
    TaskAnswered = 9,
    /// A steward said that two records are one person.
    Linked = 10,
    /// A steward took a record out of its person.
    Unlinked = 11,
    /// A steward merged two persons.
    Merged = 12,
    /// A steward took several records out of a person.
    Split = 13,
    /// A steward moved a record to another person.
    Moved = 14,
    /// A steward undid an earlier event.
    Undone = 15,
    /// A source withdrew a record: it stays with its person and has no say any more.
    RecordRetired = 16,
    /// A source said that one of its records is another of its records now.
    RecordReplaced = 17,
    /// All records were linked anew, and persons exchanged records.
    Relinked = 18,
    /// A steward put a review task off: until a date, or until new data come.
    TaskSnoozed = 19,
    /// A steward asked the source of a record about it; the task waits for the answer.
    SourceAsked = 20,
    /// A steward left a review task to a lead steward.
    TaskEscalated = 21,
    /// A steward gave an answer that another has to confirm, or that contradicts another's.
    OpinionGiven = 22,
    /// A review task was given to a steward, or to nobody any more.
    TaskAssigned = 23,
    /// A steward chose whose value survives in a golden record, or left it to the rule again.
    ValueChosen = 24,
    /// A person was erased for good: what is left tells that it was, and nothing of it.
    Erased = 25,
    /// What a person asks for about their data was noted: that it is not to be shared, or not to be linked.
    ConsentChanged = 26,
}

impl EventKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 26] = [
        Self::RegisteredLinked,
        Self::RegisteredNew,
        Self::UpdatedKept,
        Self::UpdatedMoved,
        Self::MergedByReview,
        Self::KeptApart,
        Self::UpdateHeld,
        Self::UpdateWithdrawn,
        Self::TaskAnswered,
        Self::Linked,
        Self::Unlinked,
        Self::Merged,
        Self::Split,
        Self::Moved,
        Self::Undone,
        Self::RecordRetired,
        Self::RecordReplaced,
        Self::Relinked,
        Self::TaskSnoozed,
        Self::SourceAsked,
        Self::TaskEscalated,
        Self::OpinionGiven,
        Self::TaskAssigned,
        Self::ValueChosen,
        Self::Erased,
        Self::ConsentChanged,
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
            Self::UpdateWithdrawn => "update_withdrawn",
            Self::TaskAnswered => "task_answered",
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
            Self::Merged => "merged",
            Self::Split => "split",
            Self::Moved => "moved",
            Self::Undone => "undone",
            Self::RecordRetired => "record_retired",
            Self::RecordReplaced => "record_replaced",
            Self::Relinked => "relinked",
            Self::TaskSnoozed => "task_snoozed",
            Self::SourceAsked => "source_asked",
            Self::TaskEscalated => "task_escalated",
            Self::OpinionGiven => "opinion_given",
            Self::TaskAssigned => "task_assigned",
            Self::ValueChosen => "value_chosen",
            Self::Erased => "erased",
            Self::ConsentChanged => "consent_changed",
        }
    }
}
