//! The changes of the write that is being put together, and the store below them: what is on disk
//! is read through what is about to be.

use empi_model::{
    EnterpriseId, EventSequence, Person, Proposal, RecordIndex, RecordKey, RegistryEvent,
    ReviewTask, SourceRecord, TaskId,
};
use empi_store::{Commit, Snapshot, Store, StoreError, StoredRecord, StoredRequest};
use hashbrown::HashMap;

use crate::RegistryError;

/// What lies below the changes.
#[derive(Clone, Copy)]
enum Below<'a> {
    /// The store as it is when it is asked.
    Store(&'a Store),
    /// The store as it was at one moment.
    Snapshot(&'a Snapshot<'a>),
}

impl Below<'_> {
    fn ask<T>(
        self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Store(store) => read(&store.snapshot()),
            Self::Snapshot(snapshot) => read(snapshot),
        }
    }
}

/// Changes that are in the mirror but not yet on disk, over the store.
pub(crate) struct Pending<'a> {
    below: Below<'a>,
    commits: Vec<Commit>,
    records: HashMap<RecordIndex, (usize, usize)>,
    tasks: HashMap<TaskId, (usize, usize)>,
    held: HashMap<TaskId, (usize, usize)>,
    persons: HashMap<EnterpriseId, (usize, usize)>,
    apart: HashMap<(RecordIndex, RecordIndex), (usize, usize)>,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self::over(Below::Store(store))
    }

    /// Changes that are never written, over the store as it was at one moment.
    pub(crate) fn over_snapshot(snapshot: &'a Snapshot<'a>) -> Self {
        Self::over(Below::Snapshot(snapshot))
    }

    fn over(below: Below<'a>) -> Self {
        Self {
            below,
            commits: Vec::new(),
            records: HashMap::new(),
            tasks: HashMap::new(),
            held: HashMap::new(),
            persons: HashMap::new(),
            apart: HashMap::new(),
        }
    }

    /// Adds a change that was applied to the mirror.
    pub(crate) fn push(&mut self, commit: Commit) {
        let at = self.commits.len();
        for (place, record) in commit.records.iter().enumerate() {
            self.records.insert(record.index, (at, place));
        }
        for (place, task) in commit.tasks.iter().enumerate() {
            self.tasks.insert(task.id, (at, place));
        }
        for (place, (task, _)) in commit.held_updates.iter().enumerate() {
            self.held.insert(*task, (at, place));
        }
        for (place, person) in commit.persons.iter().enumerate() {
            self.persons.insert(person.enterprise_id, (at, place));
        }
        for (place, pair) in commit.kept_apart.iter().enumerate() {
            self.apart.insert((pair.one, pair.other), (at, place));
        }
        self.commits.push(commit);
    }

    /// The changes in order.
    pub(crate) fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// The proposals that the changes make, decide or forget, in order.
    pub(crate) fn proposals(&self) -> impl Iterator<Item = (u64, Option<&Proposal>)> {
        self.commits.iter().flat_map(|commit| {
            let forgotten = commit.proposals_forgotten.iter().map(|number| (*number, None));
            forgotten.chain(commit.proposals.iter().map(|it| (it.number, Some(it))))
        })
    }

    /// The last event among the changes.
    pub(crate) fn last_event(&self) -> Option<EventSequence> {
        self.commits.iter().flat_map(|commit| &commit.events).map(|event| event.sequence).max()
    }

    /// What stands in the place of a record's key once the record is erased; none where nothing is encrypted.
    pub(crate) fn tombstone(&self, key: &RecordKey) -> Option<RecordKey> {
        match self.below {
            Below::Store(store) => store.tombstone(key),
            Below::Snapshot(snapshot) => snapshot.tombstone(key),
        }
    }

    /// A record that the mirror has.
    pub(crate) fn record(&self, index: RecordIndex) -> Result<StoredRecord, RegistryError> {
        let pending = self.records.get(&index).and_then(|(at, place)| {
            self.commits.get(*at).and_then(|commit| commit.records.get(*place))
        });
        let found = match pending {
            Some(record) => Some(record.clone()),
            None => self.below.ask(|it| it.record(index))?,
        };
        found.ok_or_else(|| RegistryError::damaged("a record of the index is missing"))
    }

    pub(crate) fn task(&self, id: TaskId) -> Result<Option<ReviewTask>, RegistryError> {
        let pending = self.tasks.get(&id).and_then(|(at, place)| {
            self.commits.get(*at).and_then(|commit| commit.tasks.get(*place))
        });
        match pending {
            Some(task) => Ok(Some(task.clone())),
            None => Ok(self.below.ask(|it| it.task(id))?),
        }
    }

    /// The content that waits under a task.
    pub(crate) fn held_update(&self, id: TaskId) -> Result<Option<SourceRecord>, RegistryError> {
        let pending = self.held.get(&id).and_then(|(at, place)| {
            self.commits.get(*at).and_then(|commit| commit.held_updates.get(*place))
        });
        match pending {
            Some((_, held)) => Ok(held.clone()),
            None => Ok(self.below.ask(|it| it.held_update(id))?),
        }
    }

    /// A person, or the redirect that took its place.
    pub(crate) fn person(&self, id: EnterpriseId) -> Result<Option<Person>, RegistryError> {
        let pending = self.persons.get(&id).and_then(|(at, place)| {
            self.commits.get(*at).and_then(|commit| commit.persons.get(*place))
        });
        match pending {
            Some(person) => Ok(Some(person.clone())),
            None => Ok(self.below.ask(|it| it.person(id))?),
        }
    }

    /// The event that keeps two records apart.
    pub(crate) fn keeps_apart(
        &self,
        one: RecordIndex,
        other: RecordIndex,
    ) -> Result<Option<EventSequence>, RegistryError> {
        let (one, other) = (one.min(other), one.max(other));
        let pending = self.apart.get(&(one, other)).and_then(|(at, place)| {
            self.commits.get(*at).and_then(|commit| commit.kept_apart.get(*place))
        });
        match pending {
            Some(pair) => Ok(pair.event),
            None => Ok(self.below.ask(|it| it.keeps_apart(one, other))?),
        }
    }

    /// An event.
    pub(crate) fn event(
        &self,
        sequence: EventSequence,
    ) -> Result<Option<RegistryEvent>, RegistryError> {
        let mut events = self.commits.iter().flat_map(|commit| &commit.events);
        match events.find(|event| event.sequence == sequence) {
            Some(event) => Ok(Some(event.clone())),
            None => Ok(self.below.ask(|it| it.event(sequence))?),
        }
    }

    /// A request that is answered on disk. Those of this write are in the mirror's memory.
    pub(crate) fn request(&self, request_id: &str) -> Result<Option<StoredRequest>, RegistryError> {
        Ok(self.below.ask(|it| it.request(request_id))?)
    }
}
