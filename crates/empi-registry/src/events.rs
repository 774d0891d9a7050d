//! Events as they are told: in order, with the records by their keys.

use std::collections::{BTreeMap, BTreeSet};

use empi_model::{
    EnterpriseId, EventSequence, PersonMark, RecordIndex, RecordKey, RegistryEvent, ReviewState,
    TaskId,
};

use crate::RegistryError;
use crate::mirror::Mirror;
use crate::registry::Registry;
use crate::steward::records_of;

/// An event with the keys of the records that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct EventView {
    /// The event.
    pub event: RegistryEvent,
    /// The key of each record that it names.
    pub keys: BTreeMap<RecordIndex, RecordKey>,
}

/// What became of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonFate {
    /// It was minted.
    Minted,
    /// It answered itself and still does.
    Stays,
    /// It was merged away before and answers itself again.
    Revived,
    /// It answers through a survivor from now on.
    Retired(EnterpriseId),
    /// It was erased.
    Erased,
}

/// One record that belongs to another person since an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMove {
    /// The record.
    pub key: RecordKey,
    /// Its person before; `None` for a record that was not there.
    pub old: Option<EnterpriseId>,
    /// Its person after.
    pub new: EnterpriseId,
}

impl EventView {
    pub(crate) fn in_mirror(event: RegistryEvent, mirror: &Mirror) -> Self {
        let mut event = event;
        crate::erase::forget_words(&mut event, mirror);
        let records = records_of(&event).into_iter();
        let keys = records.filter_map(|record| Some((record, mirror.key(record)?))).collect();
        Self { event, keys }
    }

    /// What became of each person concerned.
    #[must_use]
    pub fn persons(&self) -> Vec<(EnterpriseId, PersonFate)> {
        let changes = self.event.change.iter().flat_map(|change| &change.persons);
        let fate = |before: Option<PersonMark>, after: PersonMark| match (before, after) {
            (_, PersonMark::Redirect { survivor, .. }) => PersonFate::Retired(survivor),
            (_, PersonMark::Erased) => PersonFate::Erased,
            (None, PersonMark::Live) => PersonFate::Minted,
            (Some(PersonMark::Live), PersonMark::Live) => PersonFate::Stays,
            (Some(_), PersonMark::Live) => PersonFate::Revived,
        };
        changes.map(|it| (it.enterprise_id, fate(it.before, it.after))).collect()
    }

    /// The records that belong to another person since.
    #[must_use]
    pub fn moves(&self) -> Vec<RecordMove> {
        let changes = self.event.change.iter().flat_map(|change| &change.records);
        let moved = changes.filter(|change| change.moves());
        let told = moved.filter_map(|change| {
            let key = self.keys.get(&change.record)?.clone();
            let old = change.old_link.as_ref().map(|link| link.enterprise_id);
            Some(RecordMove { key, old, new: change.enterprise_id })
        });
        told.collect()
    }

    /// Review tasks that wait since the event and did not before.
    #[must_use]
    pub fn tasks_opened(&self) -> Vec<TaskId> {
        self.tasks(|was_open, is_open| !was_open && is_open)
    }

    /// Review tasks that waited before the event and do not any more.
    #[must_use]
    pub fn tasks_closed(&self) -> Vec<TaskId> {
        self.tasks(|was_open, is_open| was_open && !is_open)
    }

    fn tasks(&self, wanted: impl Fn(bool, bool) -> bool) -> Vec<TaskId> {
        let changes = self.event.change.iter().flat_map(|change| &change.tasks);
        let was_open =
            |state: &Option<ReviewState>| state.as_ref().is_some_and(ReviewState::is_open);
        let told = changes.filter(|change| wanted(was_open(&change.old_state), change.is_open));
        told.map(|change| change.task).collect()
    }

    /// The pairs of records that are kept apart since, and those that are no longer.
    #[must_use]
    pub fn kept_apart(&self) -> Vec<(RecordKey, RecordKey, bool)> {
        let changes = self.event.change.iter().flat_map(|change| &change.kept_apart);
        let told = changes.filter_map(|pair| {
            let (one, other) = (self.keys.get(&pair.one)?, self.keys.get(&pair.other)?);
            Some((one.clone(), other.clone(), pair.event.is_some()))
        });
        told.collect()
    }

    /// The sources whose records the event names: those to be told.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let sources: BTreeSet<&String> = self.keys.values().map(|key| &key.source).collect();
        sources.into_iter().cloned().collect()
    }
}

impl Registry {
    /// One event.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a number that no event has yet.
    pub fn event(&self, sequence: EventSequence) -> Result<EventView, RegistryError> {
        let first = self.events(sequence, 1)?.into_iter().next();
        first.filter(|view| view.event.sequence == sequence).ok_or_else(|| {
            RegistryError::not_found(format!("there is no event {sequence}: look at the events"))
        })
    }

    /// Events from a number on, in order and without a gap, at most `limit`. Only what is durable is
    /// told.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn events(
        &self,
        from: EventSequence,
        limit: usize,
    ) -> Result<Vec<EventView>, RegistryError> {
        self.core.durability.check()?;
        let snapshot = self.core.store.snapshot();
        let events: Vec<RegistryEvent> =
            snapshot.events_from(from).take(limit).collect::<Result<_, _>>()?;
        self.saw(events.iter().map(|event| event.new_enterprise_id));
        let mirror = self.core.mirror.read();
        Ok(events.into_iter().map(|event| EventView::in_mirror(event, &mirror)).collect())
    }
}
