//! What the store keeps besides the words of `empi-model`: rows and the change that is one commit.

use empi_model::{
    Asked, AuditEntry, BlockingKey, Chosen, Consent, EnterpriseId, EventSequence, Link,
    MatchWeight, Person, Proposal, RecordContent, RecordIndex, RecordState, RegistryEvent,
    ReviewTask, SourceRecord, TaskId, Timestamp,
};

/// A source record as the index holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// Its number in this store.
    pub index: RecordIndex,
    /// What the source said last.
    pub record: SourceRecord,
    /// Hash of the record's content, to recognise a repeated registration.
    pub content_hash: u64,
    /// The person it belongs to, and why.
    pub link: Link,
    /// 1 as registered, one more per update.
    pub version: u32,
    /// When it was first registered.
    pub registered: Timestamp,
    /// When its content changed last.
    pub updated: Timestamp,
    /// Whether it has a say.
    pub state: RecordState,
    /// The event that brought its content and state.
    pub content_event: EventSequence,
    /// The event that changed anything about it last.
    pub changed: EventSequence,
    /// Its values that a steward has chosen for the golden record.
    pub chosen: Vec<Chosen>,
    /// What its person asks for about it.
    pub consent: Consent,
}

impl StoredRecord {
    /// What it says, and whether it still does.
    #[must_use]
    pub fn content(&self) -> RecordContent {
        RecordContent {
            record: self.record.clone(),
            hash: self.content_hash,
            state: self.state,
            updated: self.updated,
            event: self.content_event,
        }
    }
}

/// The answer to a request that carried an ID, so that the same request gets the same answer.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRequest {
    /// The caller's ID of the request.
    pub request_id: String,
    /// Hash of what was asked for, to refuse another request under the same ID.
    pub content_hash: u64,
    /// What was answered.
    pub answer: StoredAnswer,
}

impl StoredRequest {
    /// The event that the request made.
    #[must_use]
    pub const fn event(&self) -> Option<EventSequence> {
        match &self.answer {
            StoredAnswer::Registration(answer) => answer.event,
            StoredAnswer::Event(event) => Some(*event),
        }
    }
}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredAnswer {
    /// Where a record belongs.
    Registration(StoredRegistration),
    /// The event that the request made tells everything.
    Event(EventSequence),
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRegistration {
    /// The record registered.
    pub record: RecordIndex,
    /// The person answered.
    pub enterprise_id: EnterpriseId,
    /// The decision answered, as the registry numbers them.
    pub decision: u8,
    /// The weight answered.
    pub weight: Option<MatchWeight>,
    /// The review tasks answered.
    pub tasks: Vec<TaskId>,
    /// The event answered.
    pub event: Option<EventSequence>,
}

/// A model that decided something in this store, so that past decisions can be told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModel {
    /// Its number here, by which decisions name it; 1 for the first.
    pub number: u32,
    /// Its name and version.
    pub name: String,
    /// The checksum of the text (XXH3): two models of one name are told apart by it.
    pub checksum: u64,
    /// The whole model file.
    pub text: String,
}

impl StoredModel {
    pub(crate) fn new(number: u32, name: &str, text: &str) -> Self {
        let checksum = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
        Self { number, name: name.to_owned(), checksum, text: text.to_owned() }
    }

    /// Whether the text is the one that was kept.
    pub(crate) fn is_sound(&self) -> bool {
        self.checksum == xxhash_rust::xxh3::xxh3_64(self.text.as_bytes())
    }
}

/// How many of each were ever made. The next record has the index `records`; the next task and event
/// have the number one above the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Records registered.
    pub records: u32,
    /// Enterprise IDs minted.
    pub persons_minted: u64,
    /// Review tasks raised.
    pub tasks: u64,
    /// Events.
    pub events: u64,
    /// The last event whose request is forgotten: its ID may be used again.
    pub requests_forgotten: EventSequence,
}

/// Two records that a steward keeps apart, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptApart {
    /// One record, the one with the smaller number.
    pub one: RecordIndex,
    /// The other.
    pub other: RecordIndex,
    /// The event that keeps them apart; `None` takes the pair away. 0 in a store's first format.
    pub event: Option<EventSequence>,
}

/// One atomic change: all of it is durable, or nothing.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Commit {
    /// Records registered or updated.
    pub records: Vec<StoredRecord>,
    /// Blocking keys that records have now.
    pub keys_added: Vec<(BlockingKey, RecordIndex)>,
    /// Blocking keys that records had.
    pub keys_removed: Vec<(BlockingKey, RecordIndex)>,
    /// Persons minted or changed.
    pub persons: Vec<Person>,
    /// Events.
    pub events: Vec<RegistryEvent>,
    /// Review tasks raised or resolved. The list of open tasks follows by itself.
    pub tasks: Vec<ReviewTask>,
    /// Updates held for review, by task; `None` takes one away.
    pub held_updates: Vec<(TaskId, Option<SourceRecord>)>,
    /// Pairs of records that a steward keeps apart from now on, or no longer.
    pub kept_apart: Vec<KeptApart>,
    /// Answers to remember.
    pub requests: Vec<StoredRequest>,
    /// Requests whose IDs may be used again.
    pub requests_forgotten: Vec<String>,
    /// Who asked for it; without, whoever its events name.
    pub asked: Option<Asked>,
    /// Proposals made or decided.
    pub proposals: Vec<Proposal>,
    /// Proposals that are kept no longer.
    pub proposals_forgotten: Vec<u64>,
    /// Entries of the audit trail beside those of the events, which stand behind them.
    pub entries: Vec<AuditEntry>,
    /// The counters after this change; of several commits written together the last counts.
    pub counters: Option<Counters>,
}
