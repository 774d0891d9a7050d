//! Composing what a steward's answer changes.

use empi_model::{
    Asks, EnterpriseId, EventKind, LinkSource, RecordIndex, ReviewOutcome, ReviewTask,
};
use empi_store::KeptApart;

use super::{Context, Draft, EventWords};
use crate::RegistryError;
use crate::assess::{Assessment, Own, assess};
use crate::incoming::Incoming;
use crate::plan::{Placement, place, plan_accepted_update};

impl Draft<'_> {
    /// What an answer does to identities.
    pub(super) fn apply_answer(
        &mut self,
        task: &ReviewTask,
        outcome: ReviewOutcome,
    ) -> Result<EventWords, RegistryError> {
        match (task.asks(), outcome) {
            (_, ReviewOutcome::Moot | ReviewOutcome::Rejected) | (Asks::Nothing, _) => {
                self.take_note(task)
            }
            (Asks::WhetherOne, ReviewOutcome::Same) => self.join(task),
            (Asks::WhetherOne, ReviewOutcome::Different) => self.keep_apart(task),
            (Asks::WhetherTwo, ReviewOutcome::Same) => self.confirm_one(task),
            (Asks::WhetherTwo, ReviewOutcome::Different) => self.divide(task),
            (Asks::WhetherUpdated, ReviewOutcome::Same) => self.apply_held(task),
            (Asks::WhetherUpdated, ReviewOutcome::Different) => self.split_held(task),
        }
    }

    /// The person of a record that the index must have.
    pub(super) fn person_of(&self, record: RecordIndex) -> Result<EnterpriseId, RegistryError> {
        let person = self.context.mirror.person_of(record);
        person.ok_or_else(|| RegistryError::damaged("a record of the index is missing"))
    }

    /// The answer changes no identity.
    fn take_note(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let person = self.person_of(task.incoming)?;
        self.touched.insert(person);
        Ok(EventWords {
            records: vec![task.incoming],
            old: Some(person),
            ..EventWords::new(EventKind::TaskAnswered, person, answer_to(task))
        })
    }

    /// One person.
    fn join(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let (one, other) = (self.person_of(task.incoming)?, self.person_of(task.candidate)?);
        if one == other {
            return self.take_note(task);
        }
        if task.is_disputed() {
            self.end_separation(one, other)?;
        }
        let (survivor, subsumed) = self.by_age(one, other);
        let pair = [task.incoming, task.candidate];
        let words = self.merge(survivor, subsumed, &pair, Some(task.weight))?;
        Ok(EventWords { kind: EventKind::MergedByReview, reason: answer_to(task), ..words })
    }

    /// Two persons that were kept apart are not any more: a steward has decided anew.
    fn end_separation(
        &mut self,
        one: EnterpriseId,
        other: EnterpriseId,
    ) -> Result<(), RegistryError> {
        let mirror = self.context.mirror;
        for record in mirror.members(one) {
            for apart in mirror.apart_from(*record) {
                if mirror.person_of(*apart) == Some(other) {
                    let (one, other) = (*record.min(apart), *record.max(apart));
                    self.change.commit.kept_apart.push(KeptApart { one, other, event: None });
                }
            }
        }
        Ok(())
    }

    /// One person, by the steward's word.
    fn confirm_one(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let words = self.link_records(task.incoming, task.candidate)?;
        Ok(EventWords { reason: answer_to(task), ..words })
    }

    /// One person is two: the side of the record that raised the question leaves.
    fn divide(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let person = self.person_of(task.incoming)?;
        let words = self.split(person, &self.half_of(task), true)?;
        Ok(EventWords { reason: answer_to(task), ..words })
    }

    /// Two people. Where a steward has said so before, that decision stands.
    fn keep_apart(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let persons = (self.person_of(task.incoming)?, self.person_of(task.candidate)?);
        if task.is_disputed() && self.context.mirror.are_kept_apart(persons.0, persons.1) {
            return self.take_note(task);
        }
        let words = self.separate(task.incoming, task.candidate)?;
        Ok(EventWords { weight: Some(task.weight), reason: answer_to(task), ..words })
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
    fn apply_held(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let (incoming, assessment, own) = self.held(task)?;
        self.rest_on(&incoming, &assessment);
        let candidate = own.with_others.map(|(record, _)| record);
        let weight = own.with_others.map(|(_, scored)| scored.weight);
        let link = self.link(own.person, LinkSource::Manual, weight);
        let stored = self.context.pending.record(own.record)?;
        self.put_content(&stored, &incoming, &assessment.keys, link);
        self.ask_again(own.record, &incoming)?;
        let stays = Own { link: LinkSource::Manual, ..own };
        let plan = plan_accepted_update(&stays, &assessment, self.context.rules);
        if let crate::plan::UpdatePlan::Kept { placement, .. } = plan {
            self.ask(own.record, &[own.person], &placement.questions);
        }
        Ok(EventWords {
            records: vec![own.record],
            old: Some(own.person),
            weight,
            candidate,
            ..EventWords::new(EventKind::UpdatedKept, own.person, answer_to(task))
        })
    }

    /// The update makes the record somebody else: it is applied, and the record leaves its person
    /// for the one that answers, or for a new one. A person that it leaves empty goes with it.
    fn split_held(&mut self, task: &ReviewTask) -> Result<EventWords, RegistryError> {
        let (incoming, assessment, own) = self.held(task)?;
        self.rest_on(&incoming, &assessment);
        let placement: Placement = place(&assessment, self.context.rules);
        let person = placement.target.map_or_else(|| self.mint(), |target| target.person);
        let weight = placement.target.map(|target| target.weight);
        let link = self.link(person, LinkSource::Automatic, weight);
        let stored = self.context.pending.record(own.record)?;
        self.put_content(&stored, &incoming, &assessment.keys, link);
        let mut persons = vec![person];
        if self.members_after(own.person).is_empty() {
            persons.push(own.person);
        } else {
            // The candidate may have left the person in the meantime.
            if task.candidate != own.record && self.person_of(task.candidate)? == own.person {
                self.put_kept_apart(own.record, task.candidate);
            }
            self.close_questions_of(own.record, "the record became somebody else")?;
        }
        self.ask(own.record, &persons, &placement.questions);
        Ok(EventWords {
            records: vec![own.record],
            old: Some(own.person),
            weight,
            candidate: assessment.candidate_of(placement.target),
            ..EventWords::new(EventKind::UpdatedMoved, person, answer_to(task))
        })
    }

    /// Closes the questions whether a record's person is one with another's: they are settled.
    pub(super) fn close_questions_of(
        &mut self,
        record: RecordIndex,
        note: &str,
    ) -> Result<(), RegistryError> {
        for question in self.context.mirror.tasks.of_record(record) {
            if question.is_about_two() && !self.writes_task(question.id) {
                self.close(question.id, note)?;
            }
        }
        Ok(())
    }
}

fn answer_to(task: &ReviewTask) -> String {
    format!("a steward's answer to review task {} ({})", task.id, task.kind.as_str())
}
