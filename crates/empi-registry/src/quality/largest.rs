//! The persons with most records, and the values that very many people share.

use std::cmp::Reverse;

use empi_model::{EnterpriseId, ReviewKind, SharedField, TaskId};
use empi_store::Snapshot;
use hashbrown::HashMap;

use crate::RegistryError;
use crate::commit::Core;
use crate::hubs::{field_of, hubs_on_page};
use crate::review_stats::AllTasks;

/// Persons and values that are listed.
pub(super) const LISTED_MAX: usize = 20;

/// A person with many records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargePerson {
    /// The person.
    pub enterprise_id: EnterpriseId,
    /// Its records with a say.
    pub records: u64,
    /// The sources that they come from.
    pub sources: u64,
}

/// A value that very many people share, without the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubFigure {
    /// What kind of value it is.
    pub field: SharedField,
    /// People who share it, of the first records that have it.
    pub people: u64,
    /// The task that tells of it; none where a bulk load brought the value.
    pub task: Option<TaskId>,
}

/// The largest persons so far.
#[derive(Debug, Default)]
pub(super) struct Largest(Vec<LargePerson>);

impl Largest {
    /// Takes in a person with several records.
    pub(super) fn add(&mut self, person: LargePerson) {
        let is_large = self.0.len() < LISTED_MAX
            || self.0.last().is_some_and(|it| it.records < person.records);
        if person.records > 1 && is_large {
            let at = self.0.partition_point(|known| known.records >= person.records);
            self.0.insert(at, person);
            self.0.truncate(LISTED_MAX);
        }
    }

    pub(super) fn into_list(self) -> Vec<LargePerson> {
        self.0
    }
}

/// The values that very many people share, the most shared first, and how many there are; `None` when it was told to
/// stop. Found from the lists of records in memory, one page of them under a lock at a time.
pub(super) fn hubs(
    core: &Core,
    snapshot: &Snapshot<'_>,
    tasks: &AllTasks,
    goes_on: &dyn Fn() -> bool,
) -> Result<Option<(Vec<HubFigure>, u64)>, RegistryError> {
    let mut found = Vec::new();
    for page in 0.. {
        if !goes_on() {
            return Ok(None);
        }
        let Some(more) = hubs_on_page(&core.mirror.read(), page) else { break };
        found.extend(more);
    }
    found.sort_unstable_by_key(|(kind, hash, people)| (Reverse(*people), *kind, *hash));
    let count = found.len() as u64;
    found.truncate(LISTED_MAX);
    let told = tasks_of_hubs(snapshot, tasks)?;
    let hubs = found.into_iter().map(|(kind, hash, people)| {
        let field = field_of(kind);
        let task = told.get(&(field, hash)).copied();
        HubFigure { field, people: u64::from(people), task }
    });
    Ok(Some((hubs.collect(), count)))
}

/// The tasks that tell of such values.
fn tasks_of_hubs(
    snapshot: &Snapshot<'_>,
    tasks: &AllTasks,
) -> Result<HashMap<(SharedField, u64), TaskId>, RegistryError> {
    let is_hub = |kind: ReviewKind| kind == ReviewKind::SharedIdentifier;
    let open = tasks.open.iter().filter(|task| is_hub(task.kind)).map(|task| task.id);
    let closed = tasks.closed.iter().filter(|(_, task)| is_hub(task.kind)).map(|(id, _)| *id);
    let mut told = HashMap::new();
    for id in open.chain(closed) {
        let shared = snapshot.task(id)?.and_then(|task| task.shared);
        told.extend(shared.map(|shared| ((shared.field, shared.hash), id)));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_listed_and_no_others() {
        let mut largest = Largest::default();
        let person = |at, records| LargePerson {
            enterprise_id: EnterpriseId::mint(at),
            records,
            sources: 1,
        };
        for at in 0..100 {
            largest.add(person(at, at % 40));
        }
        let list = largest.into_list();
        assert_eq!(list.len(), LISTED_MAX);
        assert_eq!((list[0], list[19].records), (person(39, 39), 30), "{list:?}");
        let mut small = Largest::default();
        small.add(person(0, 1));
        assert_eq!(small.into_list(), [], "one record is not many");
    }
}
