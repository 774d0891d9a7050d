//! What goes into the use cases and what comes out of them.

use std::path::PathBuf;
use std::sync::Arc;

use empi_linkage::LinkageModel;
use empi_model::{
    Actor, BlockingRule, Consent, EnterpriseId, EventSequence, GoldenField, MatchGrade,
    MatchWeight, Person, QualityNote, RecordKey, ScoreExplanation, SourceRecord, TaskId, Timestamp,
};
use empi_store::{MasterKey, StoredRecord};

use crate::audit::AuditLimits;
use crate::golden::{GoldenRecord, Survivorship};
use crate::proposals::ApprovalRules;
use crate::queue::TaskLine;

/// Tells the time. Passed in, so that tests decide what time it is.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// How a registry works. Every limit says so when it bites.
#[derive(Clone)]
pub struct RegistryOptions {
    /// The model that decides.
    pub model: LinkageModel,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Most changes that wait for the commit thread; beyond, requests are refused as busy.
    pub queue_max: usize,
    /// Most changes in one synced write.
    pub commit_batch_max: usize,
    /// Most review tasks that one registration raises; the event's reason tells when there were
    /// more.
    pub tasks_max: usize,
    /// How long the answer to a request is kept at least, in milliseconds. Afterwards its ID may be used
    /// for another request.
    pub requests_kept_ms: u64,
    /// Which values survive in the golden record.
    pub survivorship: Survivorship,
    /// Where [`Registry::backup`](crate::Registry::backup) puts backups; without it, it makes none.
    pub backups: Option<PathBuf>,
    /// How many entries of the audit trail may wait.
    pub audit: AuditLimits,
    /// From how many records on the index in memory is kept beside the store, for the next start.
    pub kept_records_min: u32,
    /// Whether to make a store where there is none.
    pub create: bool,
    /// Reads the master key that [`Registry::rotate_key`](crate::Registry::rotate_key) puts in the place of the present one.
    pub next_key: Option<NextKey>,
    /// What two people must want.
    pub approval: ApprovalRules,
}

/// Reads a master key; the error is one sentence that says what to do.
pub type NextKey = Arc<dyn Fn() -> Result<MasterKey, String> + Send + Sync>;

/// From how many records on an index in memory is kept unless options say otherwise: fewer are read in half a second.
pub(crate) const KEPT_RECORDS_MIN: u32 = 50_000;

impl RegistryOptions {
    /// The defaults: 4,096 waiting changes, 256 changes per write, 8 tasks per registration, answers kept
    /// for 7 days, a store is made where there is none, and what is grave needs two people.
    #[must_use]
    pub fn new(model: LinkageModel, clock: Arc<dyn Clock>) -> Self {
        Self {
            model,
            clock,
            queue_max: 4096,
            commit_batch_max: 256,
            tasks_max: 8,
            requests_kept_ms: 7 * 24 * 60 * 60 * 1000,
            survivorship: Survivorship::default(),
            backups: None,
            audit: AuditLimits::default(),
            kept_records_min: KEPT_RECORDS_MIN,
            create: true,
            next_key: None,
            approval: ApprovalRules::default(),
        }
    }
}

/// A record to register or to update, and who asks for it.
#[derive(Clone, Debug)]
pub struct RegisterRequest {
    /// What the source says. Its key needs both parts.
    pub record: SourceRecord,
    /// Who asks.
    pub actor: Actor,
    /// Names the request: sent again, it is answered as the first time and changes nothing.
    pub request_id: Option<String>,
}

/// What was decided about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RegistrationDecision {
    /// The record belongs to a person that was there before.
    Link = 1,
    /// A data steward is asked: whether a new record belongs to another person too, or whether an
    /// update is to be applied.
    Review = 2,
    /// A person was minted for the record.
    New = 3,
    /// The same content was registered before. Nothing changed.
    Unchanged = 4,
}

impl RegistrationDecision {
    /// The word used in files and answers: `link`, `review`, `new` or `unchanged`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Review => "review",
            Self::New => "new",
            Self::Unchanged => "unchanged",
        }
    }

    /// The inverse of the number that a stored answer carries.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Link),
            2 => Some(Self::Review),
            3 => Some(Self::New),
            4 => Some(Self::Unchanged),
            _ => None,
        }
    }
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// The record.
    pub key: RecordKey,
    /// The person it belongs to. Resolves for ever.
    pub enterprise_id: EnterpriseId,
    /// What was decided.
    pub decision: RegistrationDecision,
    /// The best weight to a record of the person, where there was one to compare with.
    pub weight: Option<MatchWeight>,
    /// The open questions to data stewards that go with it.
    pub tasks: Vec<TaskId>,
    /// What normalising set aside or doubted.
    pub notes: Vec<QualityNote>,
    /// The event that was made; `None` when nothing changed.
    pub event: Option<EventSequence>,
}

/// A person that answers to a record.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchCandidate {
    /// The person.
    pub enterprise_id: EnterpriseId,
    /// The person's record that resembles most.
    pub record: RecordKey,
    /// How sure it is.
    pub grade: MatchGrade,
    /// Why.
    pub explanation: ScoreExplanation,
}

/// A person with all its records.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonView {
    /// The enterprise ID that was asked for, which may have gone into another.
    pub asked: EnterpriseId,
    /// The living person that answers.
    pub person: Person,
    /// Its records in order of registration.
    pub records: Vec<StoredRecord>,
    /// The best view of it, computed from the records.
    pub golden: GoldenRecord,
    /// What is asked for about it, by the last event that noted anything.
    pub consent: Consent,
    /// Fields of which whoever asks is not shown everything.
    pub withheld: Vec<GoldenField>,
    /// Until when it is shown although it is not to be shared: whoever asks stated an emergency.
    pub emergency_until: Option<Timestamp>,
}

/// A record and the person it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordView {
    /// The record as it stands.
    pub record: StoredRecord,
    /// The living person.
    pub enterprise_id: EnterpriseId,
    /// Fields of which whoever asks is not shown everything.
    pub withheld: Vec<GoldenField>,
}

/// Two records of the index, and why they are one person or not.
#[derive(Clone, Debug, PartialEq)]
pub struct PairView {
    /// One record, as it stands.
    pub left: RecordView,
    /// The other.
    pub right: RecordView,
    /// Why the pair weighs what it weighs now.
    pub explanation: ScoreExplanation,
    /// The blocking rules that bring the two together.
    pub rules: Vec<BlockingRule>,
    /// Rules that give both the same key, but one that more than `block_records_max` records have: its
    /// block is split by birth year, and left out where that is not enough.
    pub capped_rules: Vec<BlockingRule>,
    /// Whether a steward keeps the two persons apart.
    pub kept_apart: bool,
    /// The open questions whether the two persons are one.
    pub tasks: Vec<TaskId>,
}

/// A review task with everything a steward needs to answer it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// The task, and what a list says of it.
    pub line: TaskLine,
    /// The record that raised it, as it stands.
    pub incoming: RecordView,
    /// The record it is compared with, as it stands.
    pub candidate: RecordView,
    /// For a held update: the content that waits.
    pub proposed: Option<SourceRecord>,
    /// Why the pair weighs what it weighs now. Without rows for a question about one record alone.
    pub explanation: ScoreExplanation,
}

/// Figures of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RegistryStats {
    /// Source records.
    pub records: u64,
    /// Living persons.
    pub persons: u64,
    /// Enterprise IDs that went into another.
    pub redirects: u64,
    /// Questions that wait for a steward.
    pub open_tasks: u64,
    /// Events so far.
    pub events: u64,
}
