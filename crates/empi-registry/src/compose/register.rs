//! Composing what registering or updating a record changes.

use empi_linkage::BlockingKeys;
use empi_model::{
    Consent, EnterpriseId, EventKind, EventSequence, LinkSource, MatchWeight, QualityNote,
    RecordIndex, RecordState, ReviewKind, ReviewState, ReviewTask, TaskId, Waiting,
};
use empi_store::{StoredAnswer, StoredRecord, StoredRegistration, StoredRequest};

use super::{Context, Draft, EventWords, RaisedTask};
use crate::RegistryError;
use crate::assess::{Assessment, Own};
use crate::incoming::Incoming;
use crate::mirror::{Change, Mirror};
use crate::plan::{Placement, Target, UpdatePlan, place, plan_update};
use crate::words::{Registration, RegistrationDecision};

/// A registration composed: what changes (nothing, for a repeat) and what is answered.
pub(crate) struct ComposedRegistration {
    pub(crate) change: Option<Change>,
    pub(crate) answer: Registration,
}

/// The parts of an answer that differ. The event is that of the change.
struct Outcome {
    person: EnterpriseId,
    record: RecordIndex,
    decision: RegistrationDecision,
    weight: Option<MatchWeight>,
    tasks: Vec<TaskId>,
    event: Option<EventSequence>,
}

impl Outcome {
    fn answer(self, incoming: &Incoming) -> Registration {
        let Self { person, decision, weight, tasks, event, record: _ } = self;
        let notes: Vec<QualityNote> = incoming.normalized.notes.clone();
        let key = incoming.record.key.clone();
        Registration { key, enterprise_id: person, decision, weight, tasks, notes, event }
    }
}

/// The answer for content that the index holds already.
pub(crate) fn unchanged(
    mirror: &Mirror,
    own: RecordIndex,
    incoming: &Incoming,
) -> Option<Registration> {
    unchanged_outcome(mirror, own).map(|outcome| outcome.answer(incoming))
}

fn unchanged_outcome(mirror: &Mirror, own: RecordIndex) -> Option<Outcome> {
    let person = mirror.person_of(own)?;
    let tasks = mirror.tasks.of_record(own).map(|task| task.id).collect();
    let decision = RegistrationDecision::Unchanged;
    Some(Outcome { person, record: own, decision, weight: None, tasks, event: None })
}

/// Decides about a record and composes what follows.
pub(crate) fn compose_registration(
    context: Context<'_>,
    incoming: &Incoming,
    assessment: &Assessment,
) -> Result<ComposedRegistration, RegistryError> {
    let mut draft = Draft::new(context);
    draft.rest_on(incoming, assessment);
    let (mut outcome, words) = match &assessment.own {
        None => draft.register(incoming, assessment),
        Some(own)
            if own.says(incoming)
                || context.mirror.closed.refuses(own.record, incoming.content_hash) =>
        {
            let outcome = unchanged_outcome(context.mirror, own.record)
                .ok_or_else(|| RegistryError::damaged("a record has no person"))?;
            let Some(held) = context.mirror.tasks.held(own.record) else {
                return Ok(ComposedRegistration { change: None, answer: outcome.answer(incoming) });
            };
            draft.withdraw(own, outcome, held.task)?
        }
        Some(own) => {
            let held = context.mirror.tasks.held(own.record);
            let plan = plan_update(own, assessment, context.rules);
            if let (UpdatePlan::Held { weight, .. }, Some(held)) = (&plan, held)
                && held.content_hash == incoming.content_hash
            {
                let outcome = held_outcome(own, *weight, held.task);
                return Ok(ComposedRegistration { change: None, answer: outcome.answer(incoming) });
            }
            draft.update(own, incoming, assessment, plan)?
        }
    };
    outcome.event = Some(draft.event);
    if let Some(request_id) = context.request_id {
        draft.change.commit.requests.push(StoredRequest {
            request_id: request_id.to_owned(),
            content_hash: incoming.content_hash,
            answer: StoredAnswer::Registration(StoredRegistration {
                record: outcome.record,
                enterprise_id: outcome.person,
                decision: outcome.decision as u8,
                weight: outcome.weight,
                tasks: outcome.tasks.clone(),
                event: outcome.event,
            }),
        });
    }
    let change = Some(draft.finish(words)?);
    Ok(ComposedRegistration { change, answer: outcome.answer(incoming) })
}

fn held_outcome(own: &Own, weight: MatchWeight, task: TaskId) -> Outcome {
    Outcome {
        person: own.person,
        record: own.record,
        decision: RegistrationDecision::Review,
        weight: Some(weight),
        tasks: vec![task],
        event: None,
    }
}

impl Draft<'_> {
    /// A record that the index does not have.
    fn register(&mut self, incoming: &Incoming, assessment: &Assessment) -> (Outcome, EventWords) {
        let Context { rules, time, .. } = self.context;
        let placement = place(assessment, rules);
        let record = RecordIndex(self.counters.records);
        self.counters.records = self.counters.records.saturating_add(1);
        let person = placement.target.map_or_else(|| self.mint(), |target| target.person);
        let weight = placement.target.map(|target| target.weight);
        let link = self.link(person, LinkSource::Automatic, weight);
        self.put_record(StoredRecord {
            index: record,
            record: incoming.record.clone(),
            content_hash: incoming.content_hash,
            link,
            version: 1,
            registered: time,
            updated: time,
            state: RecordState::Active,
            content_event: self.event,
            chosen: Vec::new(),
            consent: Consent::default(),
            changed: self.event,
        });
        self.change.contents.push((record, incoming.normalized.clone()));
        self.put_keys(record, &BlockingKeys::new(), &assessment.keys);
        let mut tasks = self.ask(record, &[person], &placement.questions);
        let decision = match (placement.target, tasks.is_empty()) {
            (Some(_), _) => RegistrationDecision::Link,
            (None, false) => RegistrationDecision::Review,
            (None, true) => RegistrationDecision::New,
        };
        if placement.target.is_none() {
            tasks.extend(self.ask_about_blocks(record, assessment));
        }
        tasks.extend(self.name_hubs(record, assessment));
        let kind = match placement.target {
            Some(_) => EventKind::RegisteredLinked,
            None => EventKind::RegisteredNew,
        };
        let weight = weight.or_else(|| placement.questions.first().map(|asked| asked.weight));
        let words = EventWords {
            records: vec![record],
            weight,
            task: tasks.first().copied(),
            candidate: assessment.candidate_of(placement.target),
            ..EventWords::new(kind, person, reason(&placement, assessment))
        };
        (Outcome { person, record, decision, weight, tasks, event: None }, words)
    }

    /// The content that stands is said again: the update that waits is withdrawn by its source.
    fn withdraw(
        &mut self,
        own: &Own,
        mut outcome: Outcome,
        held: TaskId,
    ) -> Result<(Outcome, EventWords), RegistryError> {
        outcome.tasks.retain(|task| *task != held);
        self.close(held, "withdrawn by the source")?;
        self.touched.insert(own.person);
        let reason = "the source said again what stands";
        let words = EventWords {
            records: vec![own.record],
            old: Some(own.person),
            task: Some(held),
            ..EventWords::new(EventKind::UpdateWithdrawn, own.person, reason)
        };
        Ok((outcome, words))
    }

    /// New content of a record that the index has.
    fn update(
        &mut self,
        own: &Own,
        incoming: &Incoming,
        assessment: &Assessment,
        plan: UpdatePlan,
    ) -> Result<(Outcome, EventWords), RegistryError> {
        let held = self.context.mirror.tasks.held(own.record);
        match plan {
            UpdatePlan::Held { candidate, weight, guards } => {
                let raised = RaisedTask {
                    kind: ReviewKind::HeldUpdate,
                    incoming: own.record,
                    candidate,
                    weight,
                    guards: guards.iter().collect(),
                    shared: None,
                };
                let task = match held {
                    None => self.raise(raised),
                    Some(held) => self.hold_other_content(held.task)?,
                };
                self.change.commit.held_updates.push((task, Some(incoming.record.clone())));
                self.touched.insert(own.person);
                let reason = "the new content does not resemble the record any longer";
                let words = EventWords {
                    records: vec![own.record],
                    old: Some(own.person),
                    weight: Some(weight),
                    task: Some(task),
                    candidate: Some(candidate),
                    ..EventWords::new(EventKind::UpdateHeld, own.person, reason)
                };
                Ok((held_outcome(own, weight, task), words))
            }
            UpdatePlan::Kept { weight, placement } => {
                self.supersede(held.map(|held| held.task))?;
                self.keep(own, incoming, assessment, weight, &placement)
            }
            UpdatePlan::Moved(target, placement) => {
                self.supersede(held.map(|held| held.task))?;
                let stored = self.context.pending.record(own.record)?;
                let link = self.link(target.person, LinkSource::Automatic, Some(target.weight));
                self.put_content(&stored, incoming, &assessment.keys, link);
                self.ask_again(own.record, incoming)?;
                Ok(self.move_only_record(own, target, &placement, assessment))
            }
        }
    }

    /// An update that waits is replaced by one that can be applied.
    fn supersede(&mut self, held: Option<TaskId>) -> Result<(), RegistryError> {
        let note = "the source sent other content";
        held.map_or(Ok(()), |task| self.close(task, note))
    }

    /// A task that holds an update holds another one from now on.
    fn hold_other_content(&mut self, id: TaskId) -> Result<TaskId, RegistryError> {
        let task = self.context.pending.task(id)?;
        let task = task.ok_or_else(|| RegistryError::damaged("an open review task is missing"))?;
        // New data have come: whoever put it off, or asked the source, looks again.
        let waiting = task.state.waiting().cloned().unwrap_or_default();
        let state = ReviewState::Open(Waiting { snooze: None, ..waiting });
        self.change.commit.tasks.push(ReviewTask { state, event: self.event, ..task });
        Ok(id)
    }

    /// The record takes its new content and stays with its person.
    fn keep(
        &mut self,
        own: &Own,
        incoming: &Incoming,
        assessment: &Assessment,
        weight: Option<MatchWeight>,
        placement: &Placement,
    ) -> Result<(Outcome, EventWords), RegistryError> {
        let stored = self.context.pending.record(own.record)?;
        let link = stored.link.clone();
        self.put_content(&stored, incoming, &assessment.keys, link);
        let mut tasks = self.ask_again(own.record, incoming)?;
        tasks.extend(self.ask(own.record, &[own.person], &placement.questions));
        tasks.dedup();
        let asks_alone = own.with_others.is_none() && !tasks.is_empty();
        if own.with_others.is_none() {
            tasks.extend(self.ask_about_blocks(own.record, assessment));
        }
        tasks.extend(self.name_hubs(own.record, assessment));
        tasks.extend(self.ask_whether_two(own, incoming));
        let words = EventWords {
            records: vec![own.record],
            old: Some(own.person),
            weight,
            task: tasks.first().copied(),
            candidate: own.with_others.map(|(record, _)| record),
            ..EventWords::new(EventKind::UpdatedKept, own.person, reason(placement, assessment))
        };
        let decision =
            if asks_alone { RegistrationDecision::Review } else { RegistrationDecision::Link };
        let (person, record) = (own.person, own.record);
        Ok((Outcome { person, record, decision, weight, tasks, event: None }, words))
    }

    /// The only record of a person goes to another; the enterprise ID it leaves goes with it,
    /// because an enterprise ID resolves for ever (identity rule 2). Its content and link are
    /// written already.
    fn move_only_record(
        &mut self,
        own: &Own,
        target: Target,
        placement: &Placement,
        assessment: &Assessment,
    ) -> (Outcome, EventWords) {
        let persons = [own.person, target.person];
        let tasks = self.ask(own.record, &persons, &placement.questions);
        let weight = Some(target.weight);
        let words = EventWords {
            records: vec![own.record],
            old: Some(own.person),
            weight,
            task: tasks.first().copied(),
            candidate: assessment.candidate_of(Some(target)),
            ..EventWords::new(EventKind::UpdatedMoved, target.person, reason(placement, assessment))
        };
        let (person, record) = (target.person, own.record);
        let decision = RegistrationDecision::Link;
        (Outcome { person, record, decision, weight, tasks, event: None }, words)
    }

    /// One task for all blocks over the limit that nobody was told about yet, so that a common
    /// value raises one task and not one per record; and one for a record of which candidates were left
    /// out, which may hide whom it belongs to (identity rule 7).
    fn ask_about_blocks(&mut self, record: RecordIndex, assessment: &Assessment) -> Option<TaskId> {
        let mirror = self.context.mirror;
        let is_new = assessment.capped.iter().any(|key| mirror.is_unasked_block(*key));
        (is_new || assessment.candidates_cut > 0).then(|| {
            self.raise(RaisedTask {
                kind: ReviewKind::CappedBlock,
                incoming: record,
                candidate: record,
                weight: MatchWeight::ZERO,
                guards: vec![empi_model::Guard::CappedBlock],
                shared: None,
            })
        })
    }
}

/// Why the record is where it is, and which limits bit. Never patient data.
fn reason(placement: &Placement, assessment: &Assessment) -> String {
    let answering = assessment.contenders.iter().filter(|contender| contender.answers()).count();
    let mut reason = match (placement.target.is_some(), answering) {
        (true, 1) => "one person answers".to_owned(),
        (true, count) => format!("the strongest of {count} persons that answer"),
        (false, _) if assessment.own.is_some() => "the record stays with its person".to_owned(),
        (false, 0) => "nobody answers".to_owned(),
        (false, count) => format!("{count} persons answer that a steward keeps apart"),
    };
    for (count, limit) in [
        (placement.questions_cut, "questions over tasks_max"),
        (assessment.capped.len(), "blocks over block_records_max"),
        (assessment.candidates_cut, "candidates over candidates_max"),
    ] {
        if count > 0 {
            reason.push_str(&format!("; {count} {limit}"));
        }
    }
    reason
}
