//! What the commit thread does when a second person decides: the change, with the decision in the same write.

use std::sync::Arc;

use empi_model::{
    Asked, Asker, EnterpriseId, EventKind, EventSequence, Party, Proposal, ProposalAnswer,
    ProposalDecision, ProposalRefusal, ProposalStep, Proposed, ProposedTask, RegistryEvent,
    ReviewOutcome, TaskId, Timestamp,
};
use empi_store::Commit;

use super::Committer;
use super::propose::entry;
use crate::RegistryError;
use crate::compose::{Pending, compose_review};
use crate::events::EventView;
use crate::in_force::InForce;
use crate::mirror::{Change, Mirror};
use crate::proposals::{Deciding, ProposalDecided, ProposalView, erases, unknown};
use crate::review::{ReviewRequest, Reviewed};
use crate::steward::{StewardAnswer, StewardOperation, StewardRequest, version_token};

/// An answer that counts, on its way to be written.
struct Verdict {
    proposal: Proposal,
    decision: ProposalDecision,
    asked: Asked,
}

impl Committer {
    /// Takes somebody's answer.
    pub(super) fn decide(
        &self,
        mirror: &mut Mirror,
        pending: &mut Pending<'_>,
        deciding: Deciding,
        asked: Asked,
    ) -> Result<ProposalDecided, RegistryError> {
        let Deciding { number, answer, actor, note } = deciding;
        let proposal = self.known(pending).remove(&number).ok_or_else(|| unknown(number))?;
        let now = self.core.clock.now();
        let who = Party { caller: asked.asker.name.clone(), actor };
        if !who.is_named() {
            return Err(RegistryError::invalid(
                "the actor has no name: what two people must want needs the names of both",
            ));
        }
        let step = proposal.step(answer, &who, now);
        match step.map_err(|refusal| RegistryError::conflict(sentence(&proposal, refusal)))? {
            ProposalStep::Repeats => return self.decided(mirror, pending, proposal, now),
            ProposalStep::Decides => {}
        }
        let (events, refused) = (Vec::new(), Vec::new());
        let decision = ProposalDecision { answer, who, time: now, note, events, refused };
        let verdict = Verdict { proposal: Proposal::clone(&proposal), decision, asked };
        let proposal = match (answer, &proposal.what) {
            (ProposalAnswer::Declined | ProposalAnswer::Withdrawn, _) => {
                let persons = erases(&proposal).into_iter().collect();
                let (proposal, commit) = verdict.close(persons);
                pending.push(commit);
                proposal
            }
            (ProposalAnswer::Approved, Proposed::Erasure { .. }) => {
                self.approve_erasure(mirror, pending, verdict)?
            }
            (ProposalAnswer::Approved, Proposed::Merges { tasks, is_lead }) => {
                let request = request_of(&proposal, *is_lead);
                self.approve_merges(mirror, pending, verdict, (tasks, &request))?
            }
        };
        self.decided(mirror, pending, Arc::new(proposal), now)
    }

    /// What is answered about a proposal that is decided.
    fn decided(
        &self,
        mirror: &Mirror,
        pending: &Pending<'_>,
        proposal: Arc<Proposal>,
        now: Timestamp,
    ) -> Result<ProposalDecided, RegistryError> {
        let events = proposal.decision.iter().flat_map(|decision| &decision.events);
        let events = events.map(|event| told(mirror, pending, *event)).collect::<Result<_, _>>()?;
        let state = proposal.state(now);
        Ok(ProposalDecided { view: ProposalView { proposal, state }, events })
    }

    /// Erases a person, in one change with the decision.
    fn approve_erasure(
        &self,
        mirror: &mut Mirror,
        pending: &mut Pending<'_>,
        mut verdict: Verdict,
    ) -> Result<Proposal, RegistryError> {
        let in_force = self.core.in_force();
        let (mut change, answer) = self.erased(&in_force, mirror, pending, &verdict.proposal)?;
        let event = answer.event.event;
        verdict.decision.events.push(event.sequence);
        let (asked, approver) = verdict.told();
        let (proposal, closing) = verdict.close(persons_changed(&event).collect());
        (change.commit.proposals, change.commit.entries) = (closing.proposals, closing.entries);
        self.put(mirror, pending, change, (asked, &approver))?;
        Ok(proposal)
    }

    /// Answers the tasks that are as they were proposed, in one write with the decision.
    fn approve_merges(
        &self,
        mirror: &mut Mirror,
        pending: &mut Pending<'_>,
        mut verdict: Verdict,
        (tasks, request): (&[ProposedTask], &ReviewRequest),
    ) -> Result<Proposal, RegistryError> {
        let in_force = self.core.in_force();
        let number = verdict.proposal.number;
        // First look at all of them: what one of them changes is no change to the others.
        let mut due = Vec::new();
        for it in tasks {
            match self.as_proposed(&in_force, mirror, pending, it, request) {
                Ok(_) => due.push(it.task),
                Err(error) => verdict.decision.refused.push((it.task, error.to_string())),
            }
        }
        if due.is_empty() {
            return Err(RegistryError::conflict(format!(
                "nothing of proposal {number} can be done any more: look at its tasks again, and propose what still \
                 holds"
            )));
        }
        let mut persons = Vec::new();
        for task in due {
            match self.answered(&in_force, mirror, pending, task, request) {
                Ok(Some((change, event))) => {
                    verdict.decision.events.push(event.sequence);
                    persons.extend(persons_changed(&event));
                    let (asked, approver) = verdict.told();
                    self.put(mirror, pending, change, (asked, &approver))?;
                    self.core.claims.lock().forget(task);
                }
                // Settled by another of them.
                Ok(None) => {}
                Err(error) => verdict.decision.refused.push((task, error.to_string())),
            }
        }
        let (proposal, commit) = verdict.close(persons);
        pending.push(commit);
        Ok(proposal)
    }

    /// The erasure that a proposal is about, composed as of now: refused where the person has changed since.
    pub(super) fn erased(
        &self,
        in_force: &InForce,
        mirror: &Mirror,
        pending: &Pending<'_>,
        proposal: &Proposal,
    ) -> Result<(Change, StewardAnswer), RegistryError> {
        let Proposed::Erasure { person, version_token, request_id } = &proposal.what else {
            return Err(RegistryError::damaged("a proposal is about something else"));
        };
        let Some(reason) = proposal.reason else {
            return Err(RegistryError::damaged("a proposal has no reason"));
        };
        let mut request = StewardRequest {
            operation: StewardOperation::ErasePerson { person: *person },
            actor: proposal.actor.clone(),
            reason,
            note: proposal.note.clone(),
            request_id: request_id.clone(),
            version_token: Some(version_token.clone()),
            validate_only: true,
        };
        let (_, preview) = self.operate(in_force, mirror, pending, &request)?;
        if preview.version_token != *version_token {
            return Err(RegistryError::conflict(format!(
                "the person has changed since proposal {} was made: look at the person again, and propose it again",
                proposal.number
            )));
        }
        request.validate_only = false;
        match self.operate(in_force, mirror, pending, &request)? {
            (Some(change), answer) => Ok((change, answer)),
            (None, answer) => Err(RegistryError::conflict(format!(
                "event {} has done this already",
                answer.event.event.sequence
            ))),
        }
    }

    /// What answering a task *same* would change now; nothing where it was answered so before.
    pub(super) fn answered(
        &self,
        in_force: &InForce,
        mirror: &Mirror,
        pending: &Pending<'_>,
        task: TaskId,
        request: &ReviewRequest,
    ) -> Result<Option<(Change, RegistryEvent)>, RegistryError> {
        let now = self.core.clock.now();
        self.core.claims.lock().refuse_others(task, &request.actor.name, now)?;
        let context = self.context(in_force, mirror, pending, &request.actor, None);
        let reviewed = Reviewed { task, request: request.clone(), took_ms: None };
        let Some(change) = compose_review(context, &reviewed)? else { return Ok(None) };
        let event = change.commit.events.first().cloned();
        let event = event.ok_or_else(|| RegistryError::damaged("a change has no event"))?;
        Ok(Some((change, event)))
    }

    /// The same for a task that was proposed: refused where the persons have changed since.
    pub(super) fn as_proposed(
        &self,
        in_force: &InForce,
        mirror: &Mirror,
        pending: &Pending<'_>,
        proposed: &ProposedTask,
        request: &ReviewRequest,
    ) -> Result<RegistryEvent, RegistryError> {
        let task = proposed.task;
        match self.answered(in_force, mirror, pending, task, request)? {
            None => Err(RegistryError::conflict(format!("review task {task} was answered before"))),
            Some((_, event)) if version_token(&event) != proposed.version_token => {
                Err(RegistryError::conflict(format!(
                    "the persons of review task {task} have changed since it was proposed: look at it again"
                )))
            }
            Some((_, event)) => Ok(event),
        }
    }

    /// Takes the change of a proposal that is approved into the write.
    fn put(
        &self,
        mirror: &mut Mirror,
        pending: &mut Pending<'_>,
        mut change: Change,
        (asked, approver): (Asked, &str),
    ) -> Result<(), RegistryError> {
        for event in &mut change.commit.events {
            event.approved_by = Some(approver.to_owned());
        }
        change.commit.asked = Some(asked);
        self.forget_words_of_proposals(pending, &mut change.commit);
        self.forget_requests(pending, &mut change.commit)?;
        mirror.apply(&change);
        pending.push(change.commit);
        Ok(())
    }

    /// Takes what people wrote out of other proposals about whoever a change erases.
    pub(super) fn forget_words_of_proposals(&self, pending: &Pending<'_>, commit: &mut Commit) {
        let erased = commit.events.iter().filter(|event| event.kind == EventKind::Erased);
        let persons: Vec<EnterpriseId> = erased.flat_map(persons_changed).collect();
        if persons.is_empty() {
            return;
        }
        let mut known = self.known(pending);
        commit.proposals.iter().for_each(|written| drop(known.remove(&written.number)));
        let about = known.values().filter(|it| erases(it).is_some_and(|it| persons.contains(&it)));
        commit.proposals.extend(about.map(|it| {
            let mut silent = Proposal::clone(it);
            silent.note.clear();
            silent.decision.iter_mut().for_each(|decision| decision.note.clear());
            silent
        }));
    }
}

impl Verdict {
    /// Who asked for the change that the proposal becomes, namely whoever proposed it, as they came then; and the name
    /// of whoever approves.
    fn told(&self) -> (Asked, String) {
        let Self { proposal, decision, .. } = self;
        let approver = decision.who.actor.name.clone();
        let reason = format!("proposal {}, approved by {approver}", proposal.number);
        let asker = Asker { reason, ..Asker::clone(&proposal.asked.asker) };
        (Asked { asker: asker.into(), operation: proposal.asked.operation }, approver)
    }

    /// The proposal with its decision, and what is written of both.
    fn close(self, persons: Vec<EnterpriseId>) -> (Proposal, Commit) {
        let Self { proposal, decision, asked } = self;
        let reason = format!("proposal {} {}", proposal.number, decision.answer.as_str());
        let who = (&asked, &decision.who.actor);
        let entries = vec![entry(who, reason, decision.time, persons)];
        let proposal = Proposal { decision: Some(decision), ..proposal };
        let commit = Commit { proposals: vec![proposal.clone()], entries, ..Commit::default() };
        (proposal, commit)
    }
}

pub(super) fn request_of(proposal: &Proposal, is_lead: bool) -> ReviewRequest {
    ReviewRequest {
        is_lead,
        reason: proposal.reason,
        note: proposal.note.clone(),
        ..ReviewRequest::answer(ReviewOutcome::Same, proposal.actor.clone())
    }
}

pub(super) fn persons_changed(event: &RegistryEvent) -> impl Iterator<Item = EnterpriseId> {
    event.change.iter().flat_map(|change| &change.persons).map(|it| it.enterprise_id)
}

/// An event with its keys, as it is told.
pub(super) fn told(
    mirror: &Mirror,
    pending: &Pending<'_>,
    event: EventSequence,
) -> Result<EventView, RegistryError> {
    let event = pending.event(event)?;
    let event = event.ok_or_else(|| RegistryError::damaged("an event is missing"))?;
    Ok(EventView::in_mirror(event, mirror))
}

/// Why an answer does not count, in words.
fn sentence(proposal: &Proposal, refusal: ProposalRefusal) -> String {
    let Proposal { number, actor, .. } = proposal;
    match refusal {
        ProposalRefusal::Own => format!(
            "proposal {number} is your own: somebody else approves or declines it, and you may withdraw it"
        ),
        ProposalRefusal::NotOwn => format!(
            "proposal {number} is that of {}, who alone may withdraw it: decline it, and say why",
            actor.name
        ),
        ProposalRefusal::Expired => format!(
            "proposal {number} has expired, for nobody has decided in time: look again, and propose it again"
        ),
        ProposalRefusal::Decided(answer) => {
            let by = proposal.decision.as_ref().map(|decision| decision.who.actor.name.as_str());
            let by = by.unwrap_or_default();
            format!("proposal {number} was {} by {by} before", answer.as_str())
        }
    }
}
