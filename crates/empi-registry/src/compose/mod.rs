//! From a decision to the change that goes to disk: one value that holds everything or nothing.
//!
//! Composing reads the mirror and may fail; nothing is changed until the whole change is there.

mod moot;
mod pending;
mod register;
mod resolve;

pub(crate) use pending::Pending;
pub(crate) use register::{compose_registration, unchanged};
pub(crate) use resolve::compose_resolution;

use empi_linkage::{BlockingKeys, LinkageModel, blocking_keys};
use empi_model::{
    Actor, BlockingKey, EnterpriseId, EventKind, EventSequence, Link, LinkSource, MatchWeight,
    Person, PersonState, RecordIndex, RegistryEvent, ReviewKind, ReviewOutcome, ReviewState,
    ReviewTask, TaskId, Timestamp,
};
use empi_store::{Counters, StoredRecord};

use crate::RegistryError;
use crate::incoming::Incoming;
use crate::mirror::{Change, Mirror};
use crate::plan::{Question, Rules};

/// What composing needs beside the decision.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) pending: &'a Pending<'a>,
    pub(crate) model: &'a LinkageModel,
    pub(crate) rules: &'a Rules,
    pub(crate) actor: &'a Actor,
    pub(crate) time: Timestamp,
}

/// A change being composed. It makes at most one event.
struct Draft<'a> {
    context: Context<'a>,
    change: Change,
    counters: Counters,
    /// The place of the event of this change.
    event: EventSequence,
}

/// What an event says beside its place, time, actor and model.
struct EventWords {
    kind: EventKind,
    records: Vec<RecordIndex>,
    old: Option<EnterpriseId>,
    new: EnterpriseId,
    weight: Option<MatchWeight>,
    reason: String,
    task: Option<TaskId>,
}

impl<'a> Draft<'a> {
    fn new(context: Context<'a>) -> Self {
        let counters = *context.mirror.counters();
        let event = EventSequence(counters.events + 1);
        Self { context, change: Change::default(), counters, event }
    }

    /// The finished change.
    fn finish(mut self) -> Change {
        self.change.commit.counters = Some(self.counters);
        self.change
    }

    fn mint(&mut self) -> EnterpriseId {
        let id = EnterpriseId::mint(self.counters.persons_minted);
        self.counters.persons_minted += 1;
        id
    }

    /// Writes the event of this change.
    fn tell(&mut self, words: EventWords) -> EventSequence {
        let EventWords { kind, records, old, new, weight, reason, task } = words;
        self.counters.events = self.event.0;
        self.change.commit.events.push(RegistryEvent {
            sequence: self.event,
            time: self.context.time,
            actor: self.context.actor.clone(),
            kind,
            records,
            old_enterprise_id: old,
            new_enterprise_id: new,
            weight,
            model: self.context.model.name().to_owned(),
            reason,
            task,
        });
        self.event
    }

    /// A link made by this change.
    fn link(&self, person: EnterpriseId, source: LinkSource, weight: Option<MatchWeight>) -> Link {
        let model = self.context.model.name().to_owned();
        Link { enterprise_id: person, source, weight, model, event: self.event }
    }

    fn put_person(&mut self, id: EnterpriseId, state: PersonState, created: Timestamp) {
        let version = self.event;
        self.change.commit.persons.push(Person { enterprise_id: id, state, created, version });
    }

    /// When a person was created; now for one that this change mints.
    fn created(&self, id: EnterpriseId) -> Timestamp {
        self.context.mirror.person(id).map_or(self.context.time, |person| person.created)
    }

    /// Writes a living person with these records.
    fn put_live(&mut self, id: EnterpriseId, mut records: Vec<RecordIndex>) {
        records.sort_unstable();
        records.dedup();
        self.put_person(id, PersonState::Live(records), self.created(id));
    }

    /// Lets a person go into another: its enterprise ID answers through the survivor for ever.
    fn put_redirect(&mut self, id: EnterpriseId, survivor: EnterpriseId) {
        self.put_person(id, PersonState::Redirect(survivor), self.created(id));
    }

    fn put_record(&mut self, record: StoredRecord) {
        self.change.commit.records.push(record);
    }

    /// Exchanges the keys of a record. `old` is empty for a new one.
    fn put_keys(&mut self, record: RecordIndex, old: &BlockingKeys, new: &BlockingKeys) {
        let without =
            |keys: &BlockingKeys, others: &BlockingKeys| -> Vec<(BlockingKey, RecordIndex)> {
                let missing = keys.iter().filter(|key| others.binary_search(key).is_err());
                missing.map(|key| (*key, record)).collect()
            };
        self.change.commit.keys_added.extend(without(new, old));
        self.change.commit.keys_removed.extend(without(old, new));
    }

    /// Gives a stored record new content. Its link stays as it is.
    fn put_content(
        &mut self,
        stored: &StoredRecord,
        incoming: &Incoming,
        keys: &BlockingKeys,
        link: Link,
    ) {
        let mirror = self.context.mirror;
        if let Some(record) = mirror.record(stored.index) {
            let old = blocking_keys(&mirror.lexicon, &record.row);
            self.put_keys(stored.index, &old, keys);
        }
        self.change.contents.push((stored.index, incoming.normalized.clone()));
        self.put_record(StoredRecord {
            record: incoming.record.clone(),
            content_hash: incoming.content_hash,
            link,
            version: stored.version.saturating_add(1),
            index: stored.index,
            registered: stored.registered,
            updated: self.context.time,
        });
    }

    /// Raises a task and returns its ID.
    fn raise(&mut self, task: RaisedTask) -> TaskId {
        let RaisedTask { kind, incoming, candidate, weight, guards } = task;
        self.counters.tasks += 1;
        let id = TaskId(self.counters.tasks);
        self.change.commit.tasks.push(ReviewTask {
            id,
            kind,
            incoming,
            candidate,
            weight,
            guards,
            model: self.context.model.name().to_owned(),
            created: self.context.time,
            state: ReviewState::Open,
        });
        id
    }

    /// Raises questions about a record of a person. A question that is open between the same two
    /// persons already, also under an ID that goes into this person now, is not asked twice: its
    /// task is returned instead.
    fn ask(
        &mut self,
        record: RecordIndex,
        persons: &[EnterpriseId],
        questions: &[Question],
    ) -> Vec<TaskId> {
        let mirror = self.context.mirror;
        let mut tasks = Vec::new();
        for question in questions {
            let open = persons
                .iter()
                .flat_map(|person| mirror.questions_between(*person, question.person))
                .map(|task| task.id)
                .filter(|id| !self.closes(*id))
                .min();
            tasks.push(match open {
                Some(id) => id,
                None => self.raise(RaisedTask {
                    kind: question.kind,
                    incoming: record,
                    candidate: question.candidate,
                    weight: question.weight,
                    guards: question.guards.iter().collect(),
                }),
            });
        }
        tasks
    }

    /// Whether this change answers a task.
    fn closes(&self, id: TaskId) -> bool {
        self.change.commit.tasks.iter().any(|task| task.id == id)
    }

    /// Answers an open task.
    fn close(
        &mut self,
        id: TaskId,
        outcome: ReviewOutcome,
        note: &str,
        event: Option<EventSequence>,
    ) -> Result<(), RegistryError> {
        let task = self.context.pending.task(id)?;
        let task = task.ok_or_else(|| RegistryError::damaged("an open review task is missing"))?;
        let is_held = task.kind == ReviewKind::HeldUpdate;
        let actor = self.context.actor.clone();
        let (time, note) = (self.context.time, note.to_owned());
        let state = ReviewState::Resolved { outcome, actor, time, note, event };
        self.change.commit.tasks.push(ReviewTask { state, ..task });
        if is_held {
            self.change.commit.held_updates.push((id, None));
        }
        Ok(())
    }
}

/// A task to raise.
struct RaisedTask {
    kind: ReviewKind,
    incoming: RecordIndex,
    candidate: RecordIndex,
    weight: MatchWeight,
    guards: Vec<empi_model::Guard>,
}
