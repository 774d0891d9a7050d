//! What a feed does to the index: each event of HL7 and FHIR as operations of the registry.
//!
//! Every operation carries a request ID made from the message, so a message that comes again is answered
//! as before and changes nothing, also after a crash between two operations of one message.

use empi_model::{
    Actor, EnterpriseId, Identifier, PatientText, ReasonCode, RecordKey, RecordState, SourceRecord,
};
use empi_registry::{
    RecordView, RegisterRequest, Registry, RegistryError, RetireRequest, StewardOperation,
    StewardRequest,
};

use super::Exchange;

/// How often an operation is previewed anew because the persons concerned changed in between.
const PREVIEWS_MAX: usize = 5;

/// One message's way into the index.
pub(crate) struct Feed<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) registry: &'a Registry,
    pub(crate) actor: Actor,
    /// Names the message, if it has a name; each operation adds its own place.
    pub(crate) request_id: Option<String>,
}

/// Why a feed is refused, beyond what the registry says.
#[derive(Debug)]
pub(crate) enum FeedError {
    /// The record that should go on was merged away or withdrawn itself.
    SurvivorGone,
    /// The record that should go away went into another one before.
    MergedElsewhere,
    /// The new number is in use.
    NumberTaken,
    /// A record is not known, and its link cannot be kept for later.
    UnknownRecord,
    /// The registry refused.
    Registry(RegistryError),
}

impl From<RegistryError> for FeedError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    pub(crate) enterprise_id: EnterpriseId,
    /// Whether the record was not there before.
    pub(crate) is_new: bool,
}

impl Feed<'_> {
    /// Registers a record or changes it: `said` puts what the message says on what stood there.
    pub(crate) fn register(
        &self,
        key: &RecordKey,
        said: impl FnOnce(&mut SourceRecord),
    ) -> Result<Fed, FeedError> {
        let _held = self.exchange.hold(key);
        let stored = self.known(key)?;
        let state = stored.as_ref().map(|view| view.record.state);
        if matches!(state, Some(RecordState::ReplacedBy(_))) {
            return Err(FeedError::MergedElsewhere);
        }
        let is_new = stored.is_none();
        let mut record = stored.map_or_else(
            || SourceRecord { key: key.clone(), ..SourceRecord::default() },
            |view| view.record.record,
        );
        said(&mut record);
        let enterprise_id = self.put(record, "register")?;
        Ok(Fed { enterprise_id, is_new })
    }

    fn request_at(&self, place: &str) -> Option<String> {
        self.request_id.as_ref().map(|id| format!("{id}/{place}"))
    }

    fn put(&self, record: SourceRecord, place: &str) -> Result<EnterpriseId, FeedError> {
        let key = record.key.clone();
        let request_id = self.request_at(place);
        let request = RegisterRequest { record, actor: self.actor.clone(), request_id };
        match self.registry.register(request) {
            Ok(registration) => Ok(registration.enterprise_id),
            // The same message was taken before, and the record has changed since: what it said stays said
            // in its place.
            Err(RegistryError::Conflict(_)) => Ok(self.registry.record(&key)?.enterprise_id),
            Err(error) => Err(error.into()),
        }
    }

    /// A record as it stands; `None` where there is none.
    pub(crate) fn known(&self, key: &RecordKey) -> Result<Option<RecordView>, FeedError> {
        match self.registry.record(key) {
            Ok(view) => Ok(Some(view)),
            Err(RegistryError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// One record of a source is another of its records now. Where nobody has the survivor's number, the
    /// record gets it; where nobody has the other, nothing is to be done.
    pub(crate) fn merge(
        &self,
        survivor: &RecordKey,
        subsumed: &RecordKey,
    ) -> Result<(), FeedError> {
        let Some(old) = self.known(subsumed)? else { return Ok(()) };
        match self.known(survivor)? {
            Some(new) if !is_renamed(&old, &new) => self.replace(&old, &new),
            _ => self.rename(&old, survivor),
        }
    }

    /// A record gets another number.
    pub(crate) fn change_number(
        &self,
        new: &RecordKey,
        prior: &RecordKey,
    ) -> Result<(), FeedError> {
        let Some(old) = self.known(prior)? else { return Ok(()) };
        match self.known(new)? {
            Some(taken) if is_replaced_by(&old, &taken) => Ok(()),
            Some(taken) if !is_renamed(&old, &taken) => Err(FeedError::NumberTaken),
            _ => self.rename(&old, new),
        }
    }

    fn replace(&self, old: &RecordView, new: &RecordView) -> Result<(), FeedError> {
        if is_replaced_by(old, new) {
            return Ok(());
        }
        if matches!(old.record.state, RecordState::ReplacedBy(_)) {
            return Err(FeedError::MergedElsewhere);
        }
        if !new.record.state.is_active() {
            return Err(FeedError::SurvivorGone);
        }
        self.retire(&old.record.record.key, Some(new.record.record.key.clone()))?;
        Ok(())
    }

    /// Record keys are for ever, so the new number is a record of its own, one person with the old one, which
    /// has no say any more. The person keeps its enterprise ID.
    fn rename(&self, old: &RecordView, new: &RecordKey) -> Result<(), FeedError> {
        if matches!(old.record.state, RecordState::ReplacedBy(_)) {
            return Err(FeedError::MergedElsewhere);
        }
        let old_key = old.record.record.key.clone();
        let person = self.put(renumbered(&old.record.record, new), "rename")?;
        if person != self.registry.record(&old_key)?.enterprise_id {
            let link = StewardOperation::LinkRecords { left: old_key.clone(), right: new.clone() };
            self.assert(link, "rename-link", "the source gave the record another number")?;
        }
        self.retire(&old_key, Some(new.clone()))?;
        Ok(())
    }

    /// A source withdraws a record, or says which of its records it is now.
    pub(crate) fn retire(
        &self,
        record: &RecordKey,
        replaced_by: Option<RecordKey>,
    ) -> Result<EnterpriseId, FeedError> {
        let retirement = self.registry.retire(RetireRequest {
            record: record.clone(),
            replaced_by,
            actor: self.actor.clone(),
            request_id: self.request_at("retire"),
        })?;
        Ok(retirement.enterprise_id)
    }

    /// Two records are one person, whatever scoring says.
    pub(crate) fn link(&self, left: &RecordKey, right: &RecordKey) -> Result<(), FeedError> {
        let (Some(_), Some(_)) = (self.known(left)?, self.known(right)?) else {
            return Err(FeedError::UnknownRecord);
        };
        let link = StewardOperation::LinkRecords { left: left.clone(), right: right.clone() };
        self.assert(link, "link", "the source linked the two")
    }

    /// Two records are two people, whatever scoring says.
    pub(crate) fn unlink(&self, left: &RecordKey, right: &RecordKey) -> Result<(), FeedError> {
        let (Some(one), Some(other)) = (self.known(left)?, self.known(right)?) else {
            return Err(FeedError::UnknownRecord);
        };
        let operation = if one.enterprise_id == other.enterprise_id {
            StewardOperation::UnlinkRecord { record: right.clone(), keep_apart: true }
        } else if self.registry.explain_pair(left, right)?.kept_apart {
            return Ok(());
        } else {
            StewardOperation::KeepApart { left: left.clone(), right: right.clone() }
        };
        self.assert(operation, "unlink", "the source unlinked the two")
    }

    /// A lasting assertion of a source: previewed, and done as previewed.
    fn assert(
        &self,
        operation: StewardOperation,
        place: &str,
        note: &str,
    ) -> Result<(), FeedError> {
        let preview = StewardRequest {
            operation,
            actor: self.actor.clone(),
            reason: ReasonCode::SourceConfirmed,
            note: note.to_owned(),
            request_id: None,
            version_token: None,
            validate_only: true,
        };
        let mut refused = None;
        for _ in 0..PREVIEWS_MAX {
            let seen = self.registry.steward(preview.clone())?;
            let request = StewardRequest {
                request_id: self.request_at(place),
                version_token: Some(seen.version_token),
                validate_only: false,
                ..preview.clone()
            };
            match self.registry.steward(request) {
                Ok(_) => return Ok(()),
                Err(RegistryError::Conflict(sentence)) => refused = Some(sentence),
                Err(error) => return Err(error.into()),
            }
        }
        Err(FeedError::Registry(RegistryError::Conflict(refused.unwrap_or_default())))
    }
}

fn is_replaced_by(old: &RecordView, new: &RecordView) -> bool {
    old.record.state == RecordState::ReplacedBy(new.record.index)
}

/// Whether a record is another one under a new number: what a message finds that comes again after a crash.
fn is_renamed(old: &RecordView, new: &RecordView) -> bool {
    old.record.state.is_active()
        && new.record.record == renumbered(&old.record.record, &new.record.record.key)
}

/// A record under another number, which it carries as an identifier, too.
fn renumbered(record: &SourceRecord, new: &RecordKey) -> SourceRecord {
    let mut record = record.clone();
    let old = std::mem::replace(&mut record.key, new.clone());
    record
        .identifiers
        .retain(|it| it.authority != old.source || it.value.expose() != old.record_id);
    record.identifiers.insert(0, own_identifier(new));
    record
}

/// A record's own number as an identifier: other sources may quote it.
pub(crate) fn own_identifier(key: &RecordKey) -> Identifier {
    Identifier { authority: key.source.clone(), value: PatientText::new(key.record_id.as_str()) }
}
