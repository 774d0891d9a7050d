//! Composing what a steward does to identities: linking, merging, splitting, moving, keeping apart.

use empi_model::{
    Chosen, EnterpriseId, EventKind, GoldenField, LinkSource, MatchWeight, PersonState, RecordIndex,
};
use empi_store::StoredRecord;

use super::{Context, Draft, EventWords};
use crate::RegistryError;
use crate::golden::says_something;
use crate::mirror::Change;
use crate::steward::{StewardOperation, StewardRequest};

/// Composes a steward's operation.
pub(crate) fn compose_operation(
    context: Context<'_>,
    request: &StewardRequest,
) -> Result<Change, RegistryError> {
    let mut draft = Draft::new(context);
    let words = match &request.operation {
        StewardOperation::LinkRecords { left, right } => {
            let (left, right) = (draft.named(left)?, draft.named(right)?);
            draft.link_records(left, right)?
        }
        StewardOperation::UnlinkRecord { record, keep_apart } => {
            let record = draft.named(record)?;
            let person = draft.person_of(record)?;
            let words = draft.split(person, &[record], *keep_apart)?;
            EventWords { kind: EventKind::Unlinked, ..words }
        }
        StewardOperation::MergePersons { surviving, subsumed } => {
            let (surviving, subsumed) = (draft.living(*surviving)?, draft.living(*subsumed)?);
            if surviving == subsumed {
                return Err(RegistryError::conflict(
                    "the two enterprise IDs are one person already: there is nothing to merge",
                ));
            }
            let records = context.mirror.members(subsumed).to_vec();
            draft.merge(surviving, subsumed, &records, None)?
        }
        StewardOperation::UnmergePersons { subsumed } => {
            let event = draft.merge_of(*subsumed)?;
            draft.undo(event)?
        }
        StewardOperation::SplitPerson { person, records, keep_apart } => {
            let person = draft.living(*person)?;
            let records: Vec<RecordIndex> =
                records.iter().map(|key| draft.named(key)).collect::<Result<_, _>>()?;
            draft.split(person, &records, *keep_apart)?
        }
        StewardOperation::KeepApart { left, right } => {
            let (left, right) = (draft.named(left)?, draft.named(right)?);
            draft.separate(left, right)?
        }
        StewardOperation::MoveRecord { record, person } => {
            let (record, person) = (draft.named(record)?, draft.living(*person)?);
            draft.move_record(record, person)?
        }
        StewardOperation::ChooseValue { person, field, record } => {
            let person = draft.living(*person)?;
            let record = record.as_ref().map(|key| draft.named(key)).transpose()?;
            draft.choose(person, *field, record, &request.actor.name)?
        }
        StewardOperation::SetConsent { person, not_shared, not_linked } => {
            let person = draft.living(*person)?;
            draft.set_consent(person, *not_shared, *not_linked)?
        }
        StewardOperation::UndoEvent { event } => draft.undo(*event)?,
        StewardOperation::ErasePerson { person } => {
            let person = draft.living(*person)?;
            draft.erase(person)?
        }
    };
    let (reason_code, note) = (Some(request.reason), request.note.clone());
    draft.finish(EventWords { reason_code, note, ..words })
}

impl Draft<'_> {
    /// The number of a record that a steward names.
    fn named(&self, key: &empi_model::RecordKey) -> Result<RecordIndex, RegistryError> {
        self.context.mirror.record_index(key).ok_or_else(|| {
            RegistryError::not_found(
                "no such record is registered: check its source and its record ID",
            )
        })
    }

    /// A living person that a steward names. An ID that redirects is refused and not followed: whoever
    /// changes a person must know which.
    fn living(&self, id: EnterpriseId) -> Result<EnterpriseId, RegistryError> {
        if self.context.mirror.person(id).is_some() {
            return Ok(id);
        }
        Err(match self.context.pending.person(id)?.map(|person| person.state) {
            Some(PersonState::Redirect { survivor, event }) => RegistryError::conflict(format!(
                "{id} went into {survivor} with event {event}: name the person that answers now, \
                 or undo that event first"
            )),
            Some(PersonState::Erased { event, .. }) => crate::erase::gone(event),
            _ => RegistryError::not_found(
                "no person has this enterprise ID: it was never given out here",
            ),
        })
    }

    /// The event that merged a person into another.
    fn merge_of(&self, subsumed: EnterpriseId) -> Result<empi_model::EventSequence, RegistryError> {
        match self.context.pending.person(subsumed)?.map(|person| person.state) {
            Some(PersonState::Redirect { event, .. }) => Ok(event),
            Some(PersonState::Live(_)) => Err(RegistryError::conflict(format!(
                "{subsumed} answers for itself: there is no merge to take back"
            ))),
            Some(PersonState::Erased { event, .. }) => Err(crate::erase::gone(event)),
            None => Err(RegistryError::not_found(
                "no person has this enterprise ID: it was never given out here",
            )),
        }
    }

    /// The older of two persons first (identity rule 3).
    pub(super) fn by_age(
        &self,
        one: EnterpriseId,
        other: EnterpriseId,
    ) -> (EnterpriseId, EnterpriseId) {
        let age = |id| self.context.mirror.person(id).map(|person| person.age());
        if age(one) <= age(other) { (one, other) } else { (other, one) }
    }

    /// Two persons become one. The links of the records that the steward spoke about are the steward's
    /// from now on; the other records follow with theirs as they were.
    pub(super) fn merge(
        &mut self,
        survivor: EnterpriseId,
        subsumed: EnterpriseId,
        spoken_of: &[RecordIndex],
        weight: Option<MatchWeight>,
    ) -> Result<EventWords, RegistryError> {
        let moved = self.context.mirror.members(subsumed).to_vec();
        let stay = spoken_of.iter().filter(|record| !moved.contains(record));
        for record in moved.iter().chain(stay) {
            let old = self.context.pending.record(*record)?.link;
            let link = if spoken_of.contains(record) {
                self.link(survivor, LinkSource::Manual, weight.or(old.weight))
            } else {
                self.link(survivor, old.source, old.weight)
            };
            self.relink(*record, link)?;
        }
        Ok(EventWords {
            records: moved,
            old: Some(subsumed),
            weight,
            ..EventWords::new(EventKind::Merged, survivor, "a steward merged two persons")
        })
    }

    pub(super) fn link_records(
        &mut self,
        left: RecordIndex,
        right: RecordIndex,
    ) -> Result<EventWords, RegistryError> {
        let (one, other) = (self.person_of(left)?, self.person_of(right)?);
        let words = if one == other {
            for record in [left, right] {
                let weight = self.context.pending.record(record)?.link.weight;
                self.relink(record, self.link(one, LinkSource::Manual, weight))?;
            }
            EventWords { records: vec![left, right], old: Some(one), ..by_hand(one) }
        } else {
            let (survivor, subsumed) = self.by_age(one, other);
            self.merge(survivor, subsumed, &[left, right], None)?
        };
        let reason = "a steward said that two records are one person".to_owned();
        Ok(EventWords { kind: EventKind::Linked, reason, ..words })
    }

    /// Two people, for good, and with them everybody who is or will be one with either.
    pub(super) fn separate(
        &mut self,
        left: RecordIndex,
        right: RecordIndex,
    ) -> Result<EventWords, RegistryError> {
        if let Some(event) = self.context.pending.keeps_apart(left, right)? {
            return Err(RegistryError::conflict(format!(
                "event {event} keeps the two apart already: there is nothing to change"
            )));
        }
        let (one, other) = (self.person_of(left)?, self.person_of(right)?);
        self.put_kept_apart(left, right);
        self.touched.extend([one, other]);
        Ok(EventWords {
            records: vec![left, right],
            ..EventWords::new(EventKind::KeptApart, one, "a steward said that these are two people")
        })
    }

    /// Some records leave a person. The side with most records keeps the enterprise ID, the side that
    /// stays when they are as many (identity rule 3).
    pub(super) fn split(
        &mut self,
        person: EnterpriseId,
        leaving: &[RecordIndex],
        keep_apart: bool,
    ) -> Result<EventWords, RegistryError> {
        let members = self.context.mirror.members(person).to_vec();
        let (leave, stay): (Vec<RecordIndex>, Vec<RecordIndex>) =
            members.iter().partition(|record| leaving.contains(record));
        if leaving.iter().any(|record| !members.contains(record)) {
            return Err(RegistryError::conflict(format!(
                "one of these records does not belong to {person}: look at the person again"
            )));
        }
        let (Some(first_leaving), Some(first_staying)) = (leave.first(), stay.first()) else {
            return Err(RegistryError::conflict(format!(
                "{person} must keep a record and lose one: name some of its records and not all"
            )));
        };
        let moved = if leave.len() > stay.len() { &stay } else { &leave };
        let to = self.home_of(person, moved)?;
        for record in &members {
            let old = self.context.pending.record(*record)?.link;
            let source = if leave.contains(record) { LinkSource::Manual } else { old.source };
            let goes_to = if moved.contains(record) { to } else { person };
            if goes_to != person || source != old.source {
                self.relink(*record, self.link(goes_to, source, None))?;
            }
        }
        if keep_apart {
            // Each side against the first record of the other: whatever is moved about later, somebody
            // remembers.
            leave.iter().for_each(|record| self.put_kept_apart(*record, *first_staying));
            let others = stay.iter().filter(|record| *record != first_staying);
            others.for_each(|record| self.put_kept_apart(*first_leaving, *record));
        }
        self.touched.insert(person);
        Ok(EventWords {
            records: moved.clone(),
            old: Some(person),
            ..EventWords::new(EventKind::Split, to, "a steward took records out of a person")
        })
    }

    /// The enterprise ID for records that leave a person: the one that all of them brought along, if
    /// nobody else did, so that whoever remembers it is right again; else a new one.
    pub(super) fn home_of(
        &mut self,
        person: EnterpriseId,
        leaving: &[RecordIndex],
    ) -> Result<EnterpriseId, RegistryError> {
        for record in leaving {
            let link = self.context.pending.record(*record)?.link;
            let Some(event) = self.context.pending.event(link.event)? else { continue };
            let Some(change) = event.change else { continue };
            let brought = |record: &RecordIndex| {
                let mut changes = change.records.iter();
                let change = changes.find(|change| change.record == *record)?;
                Some(change.old_link.as_ref()?.enterprise_id)
            };
            let Some(home) = brought(record).filter(|home| *home != person) else { continue };
            let came_along = change.records.iter().filter(|change| {
                change.old_link.as_ref().is_some_and(|link| link.enterprise_id == home)
            });
            let all_leave = came_along.clone().all(|change| leaving.contains(&change.record));
            let is_empty = self.context.mirror.person(home).is_none();
            if is_empty && all_leave && came_along.count() == leaving.len() {
                return Ok(home);
            }
        }
        Ok(self.mint())
    }

    fn move_record(
        &mut self,
        record: RecordIndex,
        person: EnterpriseId,
    ) -> Result<EventWords, RegistryError> {
        let from = self.person_of(record)?;
        if from == person {
            return Err(RegistryError::conflict(format!(
                "the record belongs to {person} already: there is nothing to move"
            )));
        }
        self.relink(record, self.link(person, LinkSource::Manual, None))?;
        Ok(EventWords {
            records: vec![record],
            old: Some(from),
            ..EventWords::new(EventKind::Moved, person, "a steward moved a record")
        })
    }
}

impl Draft<'_> {
    /// A record's value of a field is its person's, or the rule decides again.
    fn choose(
        &mut self,
        person: EnterpriseId,
        field: GoldenField,
        record: Option<RecordIndex>,
        steward: &str,
    ) -> Result<EventWords, RegistryError> {
        let members = self.context.mirror.members(person).to_vec();
        if field == GoldenField::Identifier {
            return Err(RegistryError::conflict(
                "every identifier of a person is kept: there is none to choose",
            ));
        }
        if let Some(record) = record {
            if !members.contains(&record) {
                return Err(RegistryError::conflict(format!(
                    "the record does not belong to {person}: look at the person again"
                )));
            }
            if !says_something(field, &self.stored(record)?.record) {
                return Err(RegistryError::conflict(
                    "the record says nothing there that could be chosen: name another record",
                ));
            }
        }
        let mut changed = Vec::new();
        for member in members {
            let stored = self.stored(member)?;
            let is_chosen = stored.chosen.iter().any(|chosen| chosen.field == field);
            if !is_chosen && record != Some(member) {
                continue;
            }
            let mut chosen = stored.chosen.clone();
            chosen.retain(|chosen| chosen.field != field);
            if record == Some(member) {
                chosen.push(Chosen { field, steward: steward.to_owned(), event: self.event });
            }
            self.put_record(StoredRecord { chosen, ..stored });
            changed.push(member);
        }
        if changed.is_empty() {
            return Err(RegistryError::conflict(
                "nobody has chosen a value there: there is nothing to change",
            ));
        }
        let what = match record {
            Some(_) => "a steward chose whose value survives",
            None => "a steward left it to the rule whose value survives",
        };
        Ok(EventWords {
            records: changed,
            old: Some(person),
            ..EventWords::new(EventKind::ValueChosen, person, what)
        })
    }
}

/// Words that say no more than that a steward did it.
fn by_hand(person: EnterpriseId) -> EventWords {
    EventWords::new(EventKind::Linked, person, "")
}
