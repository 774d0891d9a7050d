//! Composing what a steward's answer changes.

use empi_model::{
    EnterpriseId, EventKind, EventSequence, LinkSource, RecordIndex, ReviewKind, ReviewOutcome,
    ReviewState, ReviewTask, TaskId,
};

use super::{Context, Draft, EventWords};
use crate::RegistryError;
use crate::assess::{Assessment, Own, assess};
use crate::incoming::Incoming;
use crate::mirror::Change;
use crate::plan::{Placement, place, plan_accepted_update};

/// Composes the answer to a task. Nothing changes when the same answer was given before.
pub(crate) fn compose_resolution(
    context: Context<'_>,
    id: TaskId,
    outcome: ReviewOutcome,
    note: &str,
) -> Result<Option<Change>, RegistryError> {
    let Some(task) = context.pending.task(id)? else {
        let sentence = format!("there is no review task {id}: list the tasks and take one of them");
        return Err(RegistryError::not_found(sentence));
    };
    if let ReviewState::Resolved { outcome: answered, .. } = task.state {
        return if answered == outcome { Ok(None) } else { Err(answered_otherwise(id, answered)) };
    }
    let mut draft = Draft::new(context);
    let event = match (task.kind, outcome) {
        (_, ReviewOutcome::Moot) => {
            let sentence = "a steward answers same or different: moot is not an answer";
            return Err(RegistryError::invalid(sentence));
        }
        (ReviewKind::CappedBlock, _) => None,
        (ReviewKind::PossibleMatch | ReviewKind::PotentialDuplicate, ReviewOutcome::Same) => {
            draft.merge(&task)?
        }
        (ReviewKind::PossibleMatch | ReviewKind::PotentialDuplicate, ReviewOutcome::Different) => {
            Some(draft.keep_apart(&task)?)
        }
        (ReviewKind::HeldUpdate, ReviewOutcome::Same) => Some(draft.apply_held(&task)?),
        (ReviewKind::HeldUpdate, ReviewOutcome::Different) => Some(draft.split_held(&task)?),
    };
    draft.close(id, outcome, note, event)?;
    Ok(Some(draft.finish()))
}

fn answered_otherwise(id: TaskId, answered: ReviewOutcome) -> RegistryError {
    RegistryError::conflict(match answered {
        ReviewOutcome::Moot => format!(
            "review task {id} was settled by another change before it was answered: look at the \
             records as they stand now"
        ),
        answered => format!(
            "review task {id} was answered {} before: look at that answer, it is not overwritten",
            answered.as_str()
        ),
    })
}

impl Draft<'_> {
    fn person_of(&self, record: RecordIndex) -> Result<EnterpriseId, RegistryError> {
        let person = self.context.mirror.person_of(record);
        person.ok_or_else(|| RegistryError::damaged("a review task names a record that is missing"))
    }

    /// One person: the older enterprise ID survives (identity rule 3), the other redirects to it.
    fn merge(&mut self, task: &ReviewTask) -> Result<Option<EventSequence>, RegistryError> {
        let Context { mirror, pending, .. } = self.context;
        let (one, other) = (self.person_of(task.incoming)?, self.person_of(task.candidate)?);
        if one == other {
            return Ok(None);
        }
        if mirror.are_kept_apart(one, other) {
            return Err(RegistryError::conflict(format!(
                "the two persons of review task {} are kept apart by an earlier answer: look at \
                 that one first",
                task.id
            )));
        }
        let age = |id: EnterpriseId| mirror.person(id).map(|person| person.age());
        let (survivor, subsumed) = if age(one) <= age(other) { (one, other) } else { (other, one) };
        let moved = mirror.members(subsumed).to_vec();
        let asked = [task.incoming, task.candidate];
        let rewritten = moved.iter().chain(asked.iter().filter(|record| !moved.contains(record)));
        for record in rewritten {
            let mut stored = pending.record(*record)?;
            // The steward spoke about the two records of the task; the others follow them.
            stored.link = if asked.contains(record) {
                self.link(survivor, LinkSource::Manual, Some(task.weight))
            } else {
                self.link(survivor, stored.link.source, stored.link.weight)
            };
            self.put_record(stored);
        }
        let all = mirror.members(survivor).iter().chain(&moved).copied().collect();
        self.put_live(survivor, all);
        self.put_redirect(subsumed, survivor);
        self.close_moot(subsumed, survivor, Some(task.id))?;
        let event = self.tell(EventWords {
            kind: EventKind::MergedByReview,
            records: moved,
            old: Some(subsumed),
            new: survivor,
            weight: Some(task.weight),
            reason: answer_to(task),
            task: Some(task.id),
        });
        Ok(Some(event))
    }

    /// Two people, for good: no later record may join them (identity rule 4).
    fn keep_apart(&mut self, task: &ReviewTask) -> Result<EventSequence, RegistryError> {
        let mirror = self.context.mirror;
        let (one, other) = (self.person_of(task.incoming)?, self.person_of(task.candidate)?);
        if one == other {
            return Err(RegistryError::conflict(format!(
                "the records of review task {} are one person by now: they cannot be kept apart \
                 before they are separated",
                task.id
            )));
        }
        self.put_kept_apart(task.incoming, task.candidate);
        for person in [one, other] {
            self.put_live(person, mirror.members(person).to_vec());
        }
        for question in mirror.questions_between(one, other) {
            if question.id != task.id {
                let note = "settled by another change";
                self.close(question.id, ReviewOutcome::Moot, note, Some(self.event))?;
            }
        }
        Ok(self.tell(EventWords {
            kind: EventKind::KeptApart,
            records: vec![task.incoming, task.candidate],
            old: None,
            new: one,
            weight: Some(task.weight),
            reason: answer_to(task),
            task: Some(task.id),
        }))
    }

    fn put_kept_apart(&mut self, one: RecordIndex, other: RecordIndex) {
        self.change.commit.kept_apart.push((one.min(other), one.max(other)));
    }

    /// The content that waits, read against the index as it is now.
    fn held(&self, task: &ReviewTask) -> Result<(Incoming, Assessment, Own), RegistryError> {
        let Context { mirror, pending, model, .. } = self.context;
        let missing = || RegistryError::damaged("the content of a held update is missing");
        let held = pending.held_update(task.id)?.ok_or_else(missing)?;
        let incoming = Incoming::new(held)?;
        let assessment = assess(mirror, model, &incoming.normalized, Some(task.incoming));
        let own = assessment.own.clone().ok_or_else(missing)?;
        Ok((incoming, assessment, own))
    }

    /// The update is right: it is applied, and the record stays with its person by the steward's
    /// word.
    fn apply_held(&mut self, task: &ReviewTask) -> Result<EventSequence, RegistryError> {
        let (incoming, assessment, own) = self.held(task)?;
        let weight = own.with_others.map(|(_, scored)| scored.weight);
        let link = self.link(own.person, LinkSource::Manual, weight);
        let stored = self.context.pending.record(own.record)?;
        self.put_content(&stored, &incoming, &assessment.keys, link);
        self.put_live(own.person, self.context.mirror.members(own.person).to_vec());
        let stays = Own { link: LinkSource::Manual, ..own };
        let plan = plan_accepted_update(&stays, &assessment, self.context.rules);
        if let crate::plan::UpdatePlan::Kept { placement, .. } = plan {
            self.ask(own.record, &[own.person], &placement.questions);
        }
        Ok(self.tell(EventWords {
            kind: EventKind::UpdatedKept,
            records: vec![own.record],
            old: Some(own.person),
            new: own.person,
            weight,
            reason: answer_to(task),
            task: Some(task.id),
        }))
    }

    /// The update makes the record somebody else: it is applied, and the record leaves its person
    /// for the one that answers, or for a new one. A person that it leaves empty goes with it.
    fn split_held(&mut self, task: &ReviewTask) -> Result<EventSequence, RegistryError> {
        let (incoming, assessment, own) = self.held(task)?;
        let mirror = self.context.mirror;
        let placement: Placement = place(&assessment, self.context.rules);
        let person = placement.target.map_or_else(|| self.mint(), |target| target.person);
        let weight = placement.target.map(|target| target.weight);
        let link = self.link(person, LinkSource::Automatic, weight);
        let stored = self.context.pending.record(own.record)?;
        self.put_content(&stored, &incoming, &assessment.keys, link);
        let mut records = mirror.members(person).to_vec();
        records.push(own.record);
        self.put_live(person, records);
        let mut left = mirror.members(own.person).to_vec();
        left.retain(|record| *record != own.record);
        let mut persons = vec![person];
        if left.is_empty() {
            self.put_redirect(own.person, person);
            self.close_moot(own.person, person, Some(task.id))?;
            persons.push(own.person);
        } else {
            self.put_live(own.person, left);
            // The candidate may have left the person in the meantime.
            if task.candidate != own.record && self.person_of(task.candidate)? == own.person {
                self.put_kept_apart(own.record, task.candidate);
            }
            self.close_questions_of(own.record, task.id)?;
        }
        self.ask(own.record, &persons, &placement.questions);
        Ok(self.tell(EventWords {
            kind: EventKind::UpdatedMoved,
            records: vec![own.record],
            old: Some(own.person),
            new: person,
            weight,
            reason: answer_to(task),
            task: Some(task.id),
        }))
    }

    /// A record that is somebody else now takes its old questions with it: they are settled.
    fn close_questions_of(
        &mut self,
        record: RecordIndex,
        answered: TaskId,
    ) -> Result<(), RegistryError> {
        let mirror = self.context.mirror;
        for question in mirror.tasks.of_record(record) {
            if question.id != answered && question.is_about_two() {
                let note = "the record became somebody else";
                self.close(question.id, ReviewOutcome::Moot, note, Some(self.event))?;
            }
        }
        Ok(())
    }
}

fn answer_to(task: &ReviewTask) -> String {
    format!("a steward's answer to review task {} ({})", task.id, task.kind.as_str())
}
