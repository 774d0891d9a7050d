//! From a decision to the change that goes to disk: one value that holds everything or nothing.
//!
//! Composing reads the mirror and may fail; nothing is changed until the whole change is there. Each use
//! case says only what it does to records, pairs kept apart and the task it answers. What follows from
//! that is the same for all and is drawn by [`Draft::finish`]: the persons that gain or lose records, the
//! questions that are settled by it, and how everything stood before, so that any event can be undone.

mod before;
mod consent;
mod erase;
mod follow;
mod pending;
mod register;
mod relink;
mod resolve;
mod retire;
mod review;
mod steward;
mod undo;
mod watch;

pub(crate) use erase::forget_words_of;
pub(crate) use pending::Pending;
pub(crate) use register::{compose_registration, unchanged};
pub(crate) use relink::compose_relinked;
pub(crate) use retire::compose_retirement;
pub(crate) use review::compose_review;
pub(crate) use steward::compose_operation;

use std::collections::BTreeSet;

use empi_linkage::{BlockingKeys, LinkageModel, blocking_keys};
use empi_model::{
    Actor, Basis, BlockingKey, Decision, EnterpriseId, EventKind, EventSequence, Evidence, Link,
    LinkSource, MatchWeight, PersonMark, ReasonCode, RecordIndex, RegistryEvent, ReviewKind,
    ReviewOutcome, ReviewState, ReviewTask, TaskId, Timestamp,
};
use empi_store::{Counters, KeptApart, StoredRecord};
use hashbrown::HashMap;

use crate::RegistryError;
use crate::assess::Assessment;
use crate::incoming::Incoming;
use crate::mirror::{Change, Mirror};
use crate::plan::{Question, Rules};

/// What composing needs beside the decision.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) pending: &'a Pending<'a>,
    pub(crate) model: &'a LinkageModel,
    /// The model's number in the store.
    pub(crate) model_number: u32,
    pub(crate) rules: &'a Rules,
    pub(crate) actor: &'a Actor,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) time: Timestamp,
}

/// A change being composed. It makes one event.
struct Draft<'a> {
    context: Context<'a>,
    change: Change,
    counters: Counters,
    /// The place of the event of this change.
    event: EventSequence,
    /// Where records belong after this change, for those that it brings or moves.
    moved: HashMap<RecordIndex, EnterpriseId>,
    /// Persons that the change says something about although no record comes or goes.
    touched: BTreeSet<EnterpriseId>,
    /// Where an enterprise ID goes again when it is left without records.
    redirects: HashMap<EnterpriseId, PersonMark>,
    /// Questions that wait again after this change, unless it settles them.
    reopened: Vec<ReviewTask>,
    /// Records about which there are new data: what was put off about them waits again.
    renewed: Vec<RecordIndex>,
    /// Persons that this change erases.
    erased: BTreeSet<EnterpriseId>,
    /// What the decisions of this change rest on, and the hash of the content that was compared.
    evidence: Vec<(RecordIndex, Evidence)>,
    incoming_hash: Option<u64>,
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
    reason_code: Option<ReasonCode>,
    note: String,
    undoes: Option<EventSequence>,
    /// The record that decided where the records belong.
    candidate: Option<RecordIndex>,
}

impl EventWords {
    /// An event about a person, with everything else to be filled in where it applies.
    fn new(kind: EventKind, person: EnterpriseId, reason: impl Into<String>) -> Self {
        Self {
            kind,
            records: Vec::new(),
            old: None,
            new: person,
            weight: None,
            reason: reason.into(),
            task: None,
            reason_code: None,
            note: String::new(),
            undoes: None,
            candidate: None,
        }
    }
}

impl<'a> Draft<'a> {
    fn new(context: Context<'a>) -> Self {
        let counters = *context.mirror.counters();
        let event = EventSequence(counters.events + 1);
        Self {
            context,
            change: Change::default(),
            counters,
            event,
            moved: HashMap::new(),
            touched: BTreeSet::new(),
            redirects: HashMap::new(),
            reopened: Vec::new(),
            renewed: Vec::new(),
            erased: BTreeSet::new(),
            evidence: Vec::new(),
            incoming_hash: None,
        }
    }

    /// From here on decisions rest on an assessment of some content.
    fn rest_on(&mut self, incoming: &Incoming, assessment: &Assessment) {
        self.evidence.clone_from(&assessment.evidence);
        self.incoming_hash = Some(incoming.content_hash);
    }

    /// What a decision about the incoming content and a candidate rests on.
    fn basis(&self, candidate: RecordIndex) -> Option<Basis> {
        let (_, evidence) = self.evidence.iter().find(|(record, _)| *record == candidate)?;
        Some(Basis {
            evidence: *evidence,
            model: self.context.model_number,
            candidate,
            incoming_hash: self.incoming_hash,
            candidate_hash: self.context.mirror.known(candidate).map(|it| it.content_hash),
        })
    }

    /// Draws what follows and writes the event: the finished change.
    fn finish(mut self, words: EventWords) -> Result<Change, RegistryError> {
        self.refuse_kept_apart()?;
        self.refuse_not_linked(words.undoes)?;
        self.put_persons()?;
        self.settle_questions()?;
        self.wake_questions()?;
        let mut change = self.before()?;
        if !self.erased.is_empty() {
            forget_words_of(&mut change, |_| true);
        }
        self.counters.events = self.event.0;
        let basis = words.candidate.and_then(|candidate| self.basis(candidate));
        let EventWords { kind, records, old, new, weight, reason, task, .. } = words;
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
            reason_code: words.reason_code,
            note: words.note,
            request_id: self.context.request_id.map(str::to_owned),
            undoes: words.undoes,
            approved_by: None,
            basis,
            change: Some(change),
        });
        self.change.commit.counters = Some(self.counters);
        Ok(self.change)
    }

    fn mint(&mut self) -> EnterpriseId {
        let id = EnterpriseId::mint(self.counters.persons_minted);
        self.counters.persons_minted += 1;
        id
    }

    /// A link made by this change.
    fn link(&self, person: EnterpriseId, source: LinkSource, weight: Option<MatchWeight>) -> Link {
        let model = self.context.model.name().to_owned();
        Link { enterprise_id: person, source, weight, model, event: self.event }
    }

    /// A record as this change has it so far.
    fn stored(&self, record: RecordIndex) -> Result<StoredRecord, RegistryError> {
        match self.change.commit.records.iter().find(|stored| stored.index == record) {
            Some(stored) => Ok(stored.clone()),
            None => self.context.pending.record(record),
        }
    }

    /// Writes a record with whatever is new about it.
    fn put_record(&mut self, record: StoredRecord) {
        let record = StoredRecord { changed: self.event, ..record };
        let (index, person) = (record.index, record.link.enterprise_id);
        if self.context.mirror.person_of(index) == Some(person) {
            self.moved.remove(&index);
        } else {
            self.moved.insert(index, person);
        }
        self.touched.insert(person);
        let records = &mut self.change.commit.records;
        match records.iter_mut().find(|written| written.index == index) {
            Some(written) => *written = record,
            None => records.push(record),
        }
    }

    /// Gives a record another link.
    fn relink(&mut self, record: RecordIndex, link: Link) -> Result<(), RegistryError> {
        let stored = self.stored(record)?;
        self.put_record(StoredRecord { link, ..stored });
        Ok(())
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

    /// The keys under which a record is found now; none for one that has no say.
    fn keys_now(&self, record: RecordIndex) -> BlockingKeys {
        let mirror = self.context.mirror;
        match mirror.record(record) {
            Some(record) if record.is_active => blocking_keys(&mirror.lexicon, &record.row),
            _ => BlockingKeys::new(),
        }
    }

    /// Gives a stored record new content and a say. Its link is as given.
    fn put_content(
        &mut self,
        stored: &StoredRecord,
        incoming: &Incoming,
        keys: &BlockingKeys,
        link: Link,
    ) {
        self.put_keys(stored.index, &self.keys_now(stored.index), keys);
        self.change.contents.push((stored.index, incoming.normalized.clone()));
        self.renewed.push(stored.index);
        self.put_record(StoredRecord {
            record: incoming.record.clone(),
            content_hash: incoming.content_hash,
            link,
            version: stored.version.saturating_add(1),
            updated: self.context.time,
            state: empi_model::RecordState::Active,
            content_event: self.event,
            chosen: stored.chosen.clone(),
            consent: stored.consent,
            changed: self.event,
            index: stored.index,
            registered: stored.registered,
        });
    }

    /// Two people, for good: no later record may join them (identity rule 4).
    fn put_kept_apart(&mut self, one: RecordIndex, other: RecordIndex) {
        let (one, other) = (one.min(other), one.max(other));
        let event = Some(self.event);
        self.change.commit.kept_apart.push(KeptApart { one, other, event });
    }

    /// Raises a task and returns its ID.
    fn raise(&mut self, task: RaisedTask) -> TaskId {
        let RaisedTask { kind, incoming, candidate, weight, guards, shared } = task;
        self.counters.tasks += 1;
        let id = TaskId(self.counters.tasks);
        let basis = self.basis(candidate);
        self.change.commit.tasks.push(ReviewTask {
            id,
            kind,
            incoming,
            candidate,
            weight,
            guards,
            model: self.context.model.name().to_owned(),
            basis,
            created: self.context.time,
            shared,
            state: ReviewState::OPEN,
            event: self.event,
        });
        id
    }

    /// Raises questions about a record of a person. A question that is open between the same two
    /// persons already, also under an ID that goes into this person now, is not asked twice: its
    /// task is returned instead. What this change settles is not asked.
    fn ask(
        &mut self,
        record: RecordIndex,
        persons: &[EnterpriseId],
        questions: &[Question],
    ) -> Vec<TaskId> {
        let mirror = self.context.mirror;
        let mut tasks = Vec::new();
        for question in questions {
            if self.is_settled(record, question.candidate) {
                continue;
            }
            let open = persons
                .iter()
                .flat_map(|person| mirror.questions_between(*person, question.person))
                .map(|task| task.id)
                .filter(|id| !self.writes_task(*id))
                .chain(self.reopened_between(record, question.candidate))
                .min();
            tasks.push(match open {
                Some(id) => id,
                None => self.raise(RaisedTask {
                    kind: self.kind_of(question, record),
                    incoming: record,
                    candidate: question.candidate,
                    weight: question.weight,
                    guards: question.guards.iter().collect(),
                    shared: None,
                }),
            });
        }
        tasks
    }

    /// Whether this change raises, answers or opens a task.
    fn writes_task(&self, id: TaskId) -> bool {
        self.change.commit.tasks.iter().any(|task| task.id == id)
    }

    /// A question about two records of one source is one for that source: it has registered somebody twice.
    /// One about a person that would be too large is about that person.
    fn kind_of(&self, question: &Question, record: RecordIndex) -> ReviewKind {
        let source =
            |record| self.context.mirror.source_of(record).or_else(|| self.new_source(record));
        let (one, other) = (source(record), source(question.candidate));
        let is_of_one = record != question.candidate && one.is_some() && one == other;
        match question.kind {
            ReviewKind::PossibleMatch | ReviewKind::PotentialDuplicate
                if question.guards.contains(empi_model::Guard::OversizedPerson) =>
            {
                ReviewKind::OversizedIdentity
            }
            ReviewKind::PossibleMatch | ReviewKind::PotentialDuplicate if is_of_one => {
                ReviewKind::SameSourceDuplicate
            }
            kind => kind,
        }
    }

    /// The number of the source of a record that this change brings, if it has sent others.
    fn new_source(&self, record: RecordIndex) -> Option<u32> {
        let written = self.change.commit.records.iter().find(|stored| stored.index == record)?;
        self.context.mirror.source(&written.record.key.source)
    }

    /// Settles an open task that nobody has answered, or whose answer is moot.
    fn close(&mut self, id: TaskId, note: &str) -> Result<(), RegistryError> {
        let task = self.context.pending.task(id)?;
        let task = task.ok_or_else(|| RegistryError::damaged("an open review task is missing"))?;
        let waiting = task.state.waiting().cloned().unwrap_or_default();
        self.decide(
            task.clone(),
            Decision {
                outcome: ReviewOutcome::Moot,
                actor: self.context.actor.clone(),
                time: self.context.time,
                reason: None,
                note: note.to_owned(),
                event: Some(self.event),
                opinions: waiting.opinions,
                seen: self.seen(&task),
                took_ms: None,
                refused: None,
            },
        );
        Ok(())
    }

    /// Writes how a task was decided.
    fn decide(&mut self, task: ReviewTask, decision: Decision) {
        if task.kind == ReviewKind::HeldUpdate {
            self.change.commit.held_updates.push((task.id, None));
        }
        let state = ReviewState::Resolved(decision);
        self.change.commit.tasks.push(ReviewTask { state, event: self.event, ..task });
    }
}

/// A task to raise.
struct RaisedTask {
    kind: ReviewKind,
    incoming: RecordIndex,
    candidate: RecordIndex,
    weight: MatchWeight,
    guards: Vec<empi_model::Guard>,
    shared: Option<empi_model::SharedValue>,
}
