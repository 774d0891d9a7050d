//! How everything stood that a change writes: what its event remembers, so that it can be undone.

use empi_model::{
    ChosenChange, ConsentChange, EventChange, EventSequence, KeptApartChange, Person, PersonChange,
    PersonMark, RecordChange, ReviewKind, ReviewTask, TaskChange,
};
use empi_store::{KeptApart, StoredRecord};

use super::Draft;
use crate::RegistryError;

impl Draft<'_> {
    /// Everything that this change writes, each with what stood before. Called when it is complete.
    pub(super) fn before(&self) -> Result<EventChange, RegistryError> {
        let commit = &self.change.commit;
        let records = commit.records.iter().map(|record| self.record_before(record));
        let persons = commit.persons.iter().map(|person| self.person_before(person));
        let tasks = commit.tasks.iter().map(|task| self.task_before(task));
        let kept_apart = commit.kept_apart.iter().map(|pair| self.pair_before(pair));
        Ok(EventChange {
            records: records.collect::<Result<_, _>>()?,
            persons: persons.collect::<Result<_, _>>()?,
            tasks: tasks.collect::<Result<_, _>>()?,
            kept_apart: kept_apart.collect::<Result<_, _>>()?,
        })
    }

    fn record_before(&self, after: &StoredRecord) -> Result<RecordChange, RegistryError> {
        let (index, person) = (after.index, after.link.enterprise_id);
        if self.context.mirror.known(index).is_none() {
            return Ok(RecordChange::registered(index, person, self.event));
        }
        let before = self.context.pending.record(index)?;
        let is_new_content = before.content_event != after.content_event;
        Ok(RecordChange {
            record: index,
            enterprise_id: person,
            link_event: after.link.event,
            old_content: is_new_content.then(|| before.content()),
            content_event: after.content_event,
            previous: Some(before.changed),
            chosen: (before.chosen != after.chosen).then(|| ChosenChange {
                before: before.chosen.clone(),
                after: after.chosen.clone(),
            }),
            consent: (before.consent != after.consent)
                .then_some(ConsentChange { before: before.consent, after: after.consent }),
            old_link: Some(before.link),
        })
    }

    fn person_before(&self, after: &Person) -> Result<PersonChange, RegistryError> {
        let id = after.enterprise_id;
        let (before, old_version) = match self.context.mirror.person(id) {
            Some(person) => (Some(PersonMark::Live), person.version),
            None => match self.context.pending.person(id)? {
                Some(person) => (Some(PersonMark::of(&person.state)), person.version),
                None => (None, EventSequence(0)),
            },
        };
        let after = PersonMark::of(&after.state);
        Ok(PersonChange { enterprise_id: id, before, after, old_version })
    }

    fn task_before(&self, after: &ReviewTask) -> Result<TaskChange, RegistryError> {
        let is_raised = after.id.0 > self.context.mirror.counters().tasks;
        let before = if is_raised { None } else { self.context.pending.task(after.id)? };
        let holds = before
            .as_ref()
            .is_some_and(|before| before.kind == ReviewKind::HeldUpdate && before.state.is_open());
        let old_held = if holds { self.context.pending.held_update(after.id)? } else { None };
        Ok(TaskChange {
            task: after.id,
            old_event: before.as_ref().map_or(EventSequence(0), |before| before.event),
            old_state: before.map(|before| before.state),
            event: after.event,
            is_open: after.state.is_open(),
            old_held,
        })
    }

    fn pair_before(&self, pair: &KeptApart) -> Result<KeptApartChange, RegistryError> {
        let KeptApart { one, other, event } = *pair;
        let old_event = self.context.pending.keeps_apart(one, other)?;
        Ok(KeptApartChange { one, other, old_event, event })
    }
}
