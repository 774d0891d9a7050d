//! A steward's operations: what they ask for, and what they are answered.
//!
//! Every operation can be asked for as a preview, which composes the change and throws it away. A preview
//! carries a version token of the persons concerned; the operation itself must bring it along, and is
//! refused when one of them has changed in between.

use empi_model::{
    Actor, EnterpriseId, EventSequence, GoldenField, PersonChange, ReasonCode, RecordIndex,
    RecordKey, RegistryEvent,
};
use xxhash_rust::xxh3::Xxh3;

use crate::RegistryError;
use crate::events::EventView;
use crate::golden::GoldenRecord;
use crate::registry::{Registry, check_request_id};
use crate::wanted::{Answer, Work};

/// What a steward wants to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum StewardOperation {
    /// Two records are one person: their persons are merged, the older enterprise ID survives.
    LinkRecords {
        /// One record.
        left: RecordKey,
        /// The other.
        right: RecordKey,
    },
    /// A record is not of its person: it gets back the enterprise ID that it came with, or a new one.
    UnlinkRecord {
        /// The record.
        record: RecordKey,
        /// Whether the two sides are kept apart from now on.
        keep_apart: bool,
    },
    /// Two persons are one.
    MergePersons {
        /// The enterprise ID that goes on answering.
        surviving: EnterpriseId,
        /// The one that redirects to it from now on.
        subsumed: EnterpriseId,
    },
    /// A merge was wrong: the event that made it is undone.
    UnmergePersons {
        /// The enterprise ID that redirects.
        subsumed: EnterpriseId,
    },
    /// A person is two: some of its records leave.
    SplitPerson {
        /// The person.
        person: EnterpriseId,
        /// The records that leave together.
        records: Vec<RecordKey>,
        /// Whether the two sides are kept apart from now on.
        keep_apart: bool,
    },
    /// Two records are two people, and so is everybody who is one with either. Taken back by undoing
    /// its event.
    KeepApart {
        /// One record.
        left: RecordKey,
        /// The other.
        right: RecordKey,
    },
    /// A record is of another person.
    MoveRecord {
        /// The record.
        record: RecordKey,
        /// The person it goes to.
        person: EnterpriseId,
    },
    /// A record's value of a field is its person's, whatever the rule of the field.
    ChooseValue {
        /// The person.
        person: EnterpriseId,
        /// The field. Every identifier is kept, so there is none to choose.
        field: GoldenField,
        /// The record whose value it is; none leaves it to the rule again.
        record: Option<RecordKey>,
    },
    /// What a person asks for about their data, for each of their records.
    SetConsent {
        /// The person.
        person: EnterpriseId,
        /// Nobody is shown the person's data but their own source and those who look after the index.
        not_shared: bool,
        /// Nothing links the person's records with others any more.
        not_linked: bool,
    },
    /// An event was wrong.
    UndoEvent {
        /// The event.
        event: EventSequence,
    },
    /// A person is forgotten for good, as the law may ask for: nobody answers under its enterprise IDs, nothing that was
    /// ever said about its records can be read any more, and no record of it is registered again under its key.
    ErasePerson {
        /// The person.
        person: EnterpriseId,
    },
}

/// A steward's operation with everything that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct StewardRequest {
    /// What is to be done.
    pub operation: StewardOperation,
    /// Who wants it.
    pub actor: Actor,
    /// Why.
    pub reason: ReasonCode,
    /// Why, in the steward's words. Never patient data.
    pub note: String,
    /// Names the request: sent again, it is answered as the first time and changes nothing.
    pub request_id: Option<String>,
    /// The token of the preview that the steward has seen. Required unless this is a preview.
    pub version_token: Option<String>,
    /// Whether to tell only what would happen.
    pub validate_only: bool,
}

/// What an operation changed, or would change.
#[derive(Clone, Debug, PartialEq)]
pub struct StewardAnswer {
    /// The event that tells it. In a preview its number is the one it would have now.
    pub event: EventView,
    /// Names the versions of the persons concerned, as they stood before.
    pub version_token: String,
    /// The best view of each person that lives after it. Empty in the answer to a repeated request.
    pub golden: Vec<(EnterpriseId, GoldenRecord)>,
    /// Whether nothing was changed.
    pub is_preview: bool,
    /// The proposal under which the change waits for a second person, where it needs two: then this is a preview.
    pub proposal: Option<u64>,
}

impl Registry {
    /// Does what a steward wants, or tells what it would change. What needs two people ([`ApprovalRules`]) is kept as a
    /// proposal, and the answer is a preview that names it.
    ///
    /// [`ApprovalRules`]: crate::ApprovalRules
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a record, person or event that is not there;
    /// [`RegistryError::Conflict`] when the operation contradicts what stands (kept apart, changed by a
    /// later event, nothing to change), when the persons concerned changed since the preview, or when
    /// the request ID was used for another request; [`RegistryError::Invalid`] without version token;
    /// [`RegistryError::Busy`] and [`RegistryError::Poisoned`] as for registering.
    pub fn steward(&self, request: StewardRequest) -> Result<StewardAnswer, RegistryError> {
        self.core.durability.check()?;
        check_request_id(request.request_id.as_deref())?;
        if !request.validate_only && request.version_token.is_none() {
            return Err(RegistryError::invalid(
                "the version token is missing: ask for a preview and send the token that it has",
            ));
        }
        if !request.validate_only && !self.sees_everybody() {
            // Whoever may not see somebody changes nothing about them either.
            self.operate(StewardRequest { validate_only: true, ..request.clone() })?;
        }
        let needs_two = !request.validate_only && self.needs_two_to(&request.operation);
        let mut answer =
            if needs_two { self.propose_erasure(request)? } else { self.operate(request)? };
        for (_, golden) in &mut answer.golden {
            self.mask(&mut golden.record);
        }
        Ok(answer)
    }

    fn operate(&self, request: StewardRequest) -> Result<StewardAnswer, RegistryError> {
        let Answer::Steward(answer) = self.submit(Work::Steward(Box::new(request)))? else {
            return Err(RegistryError::Poisoned);
        };
        if !answer.is_preview {
            self.purge(&answer.event.event)?;
        }
        let persons = answer.event.persons().into_iter().map(|(person, _)| person);
        if answer.is_preview {
            self.refuse_changing(persons.clone())?;
            self.saw(persons);
        } else {
            self.changed(persons);
        }
        Ok(*answer)
    }
}

/// Names the versions that the persons concerned had before an event.
pub(crate) fn version_token(event: &RegistryEvent) -> String {
    let persons = event.change.iter().flat_map(|change| &change.persons);
    let mut versions: Vec<(EnterpriseId, EventSequence)> = persons
        .map(|PersonChange { enterprise_id, old_version, .. }| (*enterprise_id, *old_version))
        .collect();
    versions.sort_unstable();
    let mut hash = Xxh3::new();
    for (id, version) in versions {
        // An enterprise ID that the event mints is not known before.
        if version != EventSequence(0) {
            hash.update(&id.as_number().to_le_bytes());
            hash.update(&version.0.to_le_bytes());
        }
    }
    format!("{:016x}", hash.digest())
}

/// Refuses an operation on persons that are not as the steward has seen them.
pub(crate) fn check_token(
    request: &StewardRequest,
    event: &RegistryEvent,
) -> Result<(), RegistryError> {
    if request.version_token.as_deref() == Some(version_token(event).as_str()) {
        return Ok(());
    }
    let persons = event.change.iter().flat_map(|change| &change.persons);
    let last = persons.map(|person| person.old_version).max().unwrap_or_default();
    Err(RegistryError::conflict(format!(
        "the persons concerned are not as the preview has shown them, event {last} changed them last: \
         ask for a new preview"
    )))
}

/// One number for what is asked for: the same request has the same.
pub(crate) fn fingerprint(request: &StewardRequest) -> u64 {
    let mut hash = Fingerprint(Xxh3::new());
    match &request.operation {
        StewardOperation::LinkRecords { left, right } => hash.number(1).record(left).record(right),
        StewardOperation::UnlinkRecord { record, keep_apart } => {
            hash.number(2).record(record).number(u64::from(*keep_apart))
        }
        StewardOperation::MergePersons { surviving, subsumed } => {
            hash.number(3).number(surviving.as_number()).number(subsumed.as_number())
        }
        StewardOperation::UnmergePersons { subsumed } => {
            hash.number(4).number(subsumed.as_number())
        }
        StewardOperation::SplitPerson { person, records, keep_apart } => {
            hash.number(5).number(person.as_number()).number(u64::from(*keep_apart));
            records.iter().fold(&mut hash, |hash, record| hash.record(record))
        }
        StewardOperation::KeepApart { left, right } => hash.number(6).record(left).record(right),
        StewardOperation::MoveRecord { record, person } => {
            hash.number(7).record(record).number(person.as_number())
        }
        StewardOperation::UndoEvent { event } => hash.number(8).number(event.0),
        StewardOperation::ChooseValue { person, field, record } => {
            let hash = hash.number(9).number(person.as_number()).number(*field as u64);
            record.iter().fold(hash, |hash, record| hash.record(record))
        }
        StewardOperation::SetConsent { person, not_shared, not_linked } => hash
            .number(11)
            .number(person.as_number())
            .number(u64::from(*not_shared))
            .number(u64::from(*not_linked)),
        StewardOperation::ErasePerson { person } => hash.number(10).number(person.as_number()),
    };
    hash.number(request.reason as u64).text(&request.note);
    hash.0.digest()
}

/// Bytes being hashed. Every text begins with its length.
struct Fingerprint(Xxh3);

impl Fingerprint {
    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
        self
    }

    fn record(&mut self, key: &RecordKey) -> &mut Self {
        self.text(&key.source).text(&key.record_id)
    }
}

/// The records that an event names, in the order of their numbers.
pub(crate) fn records_of(event: &RegistryEvent) -> Vec<RecordIndex> {
    let changes = event.change.iter();
    let changed = changes.clone().flat_map(|change| change.records.iter().map(|it| it.record));
    let pairs =
        changes.flat_map(|change| change.kept_apart.iter().flat_map(|it| [it.one, it.other]));
    let mut records: Vec<RecordIndex> =
        event.records.iter().copied().chain(changed).chain(pairs).collect();
    records.sort_unstable();
    records.dedup();
    records
}
