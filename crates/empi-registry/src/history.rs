//! The history of a person: every event that changed it or one of its records, followed back from the last.

use std::collections::BTreeSet;

use empi_model::{EventSequence, Person, RecordIndex};
use empi_store::StoredRecord;

use crate::RegistryError;
use crate::events::EventView;
use crate::registry::Registry;

impl Registry {
    /// The events that changed a person or one of its records, wherever those were at the time, the newest
    /// first, at most `limit`; and whether there are more. Costs a read for each event, however many others lie
    /// between.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn history(
        &self,
        person: &Person,
        records: &[StoredRecord],
        limit: usize,
    ) -> Result<(Vec<EventView>, bool), RegistryError> {
        self.core.durability.check()?;
        let snapshot = self.core.store.snapshot();
        let of_interest: BTreeSet<RecordIndex> =
            records.iter().map(|stored| stored.index).collect();
        // A record that a bulk load brought was changed by no event.
        let last = records.iter().map(|stored| stored.changed).chain([person.version]);
        let mut due: BTreeSet<EventSequence> = last.filter(|event| event.0 > 0).collect();
        let mut events = Vec::new();
        while let Some(sequence) = due.pop_last() {
            if events.len() >= limit {
                due.insert(sequence);
                break;
            }
            let event = snapshot.event(sequence)?;
            let event = event.ok_or_else(|| RegistryError::damaged("an event is missing"))?;
            let changes = event.change.iter().flat_map(|change| &change.records);
            let of_records = changes.filter(|change| of_interest.contains(&change.record));
            let persons = event.change.iter().flat_map(|change| &change.persons);
            let of_person = persons.filter(|change| change.enterprise_id == person.enterprise_id);
            let before = of_records.filter_map(|change| change.previous);
            let before = before.chain(of_person.map(|change| change.old_version));
            // A version that an event repeats leads nowhere new.
            due.extend(before.filter(|event| event.0 > 0 && *event < sequence));
            events.push(event);
        }
        self.refuse_restricted([person.enterprise_id])?;
        self.saw([person.enterprise_id]);
        let mirror = self.core.mirror.read();
        let views = events.into_iter().map(|event| EventView::in_mirror(event, &mirror)).collect();
        Ok((views, !due.is_empty()))
    }
}
