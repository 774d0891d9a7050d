//! What the commit thread does when somebody wants what two people must want.

use std::collections::BTreeMap;
use std::sync::Arc;

use empi_model::{
    Actor, Asked, Asker, AuditEntry, AuditOutcome, EnterpriseId, Operation, Proposal,
    ProposalState, Proposed, ProposedTask, TaskId, Timestamp,
};
use empi_store::Commit;

use super::Committer;
use super::decide::{persons_changed, request_of, told};
use crate::RegistryError;
use crate::compose::Pending;
use crate::events::EventView;
use crate::mirror::Mirror;
use crate::proposals::{
    CLOSED_MS_MAX, Foreseen, PROPOSALS_CLOSED_MAX, PROPOSALS_WAITING_MAX, ProposalView,
    ProposalWork, erases, unknown,
};
use crate::review::ReviewRequest;
use crate::steward::{StewardAnswer, StewardOperation, StewardRequest, check_token, version_token};
use crate::wanted::Answer;

/// The proposals by number.
pub(super) type Known = BTreeMap<u64, Arc<Proposal>>;

impl Committer {
    /// Proposes, decides, or looks.
    pub(super) fn take_proposal(
        &self,
        mirror: &mut Mirror,
        pending: &mut Pending<'_>,
        work: ProposalWork,
        asked: Option<Asked>,
    ) -> Result<Answer, RegistryError> {
        match work {
            ProposalWork::Erase(request) => {
                let asked = asked.unwrap_or_else(|| by_nobody(Operation::ErasePersons));
                let answer = self.propose_erasure(mirror, pending, *request, asked)?;
                Ok(Answer::Steward(Box::new(answer)))
            }
            ProposalWork::Merge(tasks, request) => {
                let asked = asked.unwrap_or_else(|| by_nobody(Operation::DecideMany));
                self.propose_merges(mirror, pending, &tasks, *request, asked)
            }
            ProposalWork::Foresee(number) => {
                let proposal =
                    self.known(pending).remove(&number).ok_or_else(|| unknown(number))?;
                let state = proposal.state(self.core.clock.now());
                let foreseen = self.foresee(mirror, pending, &proposal, state)?;
                Ok(Answer::Foreseen(ProposalView { proposal, state }, foreseen))
            }
            ProposalWork::Decide(deciding) => {
                let asked = asked.unwrap_or_else(|| by_nobody(Operation::Approve));
                let decided = self.decide(mirror, pending, deciding, asked)?;
                Ok(Answer::Decided(Box::new(decided)))
            }
        }
    }

    /// All proposals, with what this write makes of them.
    pub(super) fn known(&self, pending: &Pending<'_>) -> Known {
        let mut known = self.core.proposals.all();
        for (number, proposal) in pending.proposals() {
            match proposal {
                Some(proposal) => known.insert(number, Arc::new(proposal.clone())),
                None => known.remove(&number),
            };
        }
        known
    }

    /// Keeps that somebody wants a person erased; the answer is the preview.
    fn propose_erasure(
        &self,
        mirror: &Mirror,
        pending: &mut Pending<'_>,
        request: StewardRequest,
        asked: Asked,
    ) -> Result<StewardAnswer, RegistryError> {
        let StewardOperation::ErasePerson { person } = request.operation else {
            return Err(RegistryError::damaged("only an erasure is proposed as one"));
        };
        let preview = StewardRequest { validate_only: true, ..request.clone() };
        let in_force = self.core.in_force();
        let (_, answer) = self.operate(&in_force, mirror, pending, &preview)?;
        if !answer.is_preview {
            // The same request was approved and done before.
            return Ok(answer);
        }
        check_token(&request, &answer.event.event)?;
        let StewardRequest { actor, reason, note, request_id, .. } = request;
        let version_token = answer.version_token.clone();
        let what = Proposed::Erasure { person, version_token, request_id };
        let known = self.known(pending);
        let now = self.core.clock.now();
        let mut proposal = Proposal {
            number: 0,
            what,
            actor,
            asked,
            reason: Some(reason),
            note,
            proposed: now,
            until: self.core.approval.until(now),
            decision: None,
        };
        let same = known.values().find(|other| {
            other.state(now) == ProposalState::Waiting && erases(other) == Some(person)
        });
        let number = match same {
            Some(other) => asked_before(other, &proposal)?,
            None => {
                self.keep_proposal(pending, &known, &mut proposal, vec![person])?;
                proposal.number
            }
        };
        Ok(StewardAnswer { proposal: Some(number), ..answer })
    }

    /// Keeps that somebody wants many tasks answered *same*: those that would be, now.
    fn propose_merges(
        &self,
        mirror: &Mirror,
        pending: &mut Pending<'_>,
        tasks: &[TaskId],
        request: ReviewRequest,
        asked: Asked,
    ) -> Result<Answer, RegistryError> {
        let in_force = self.core.in_force();
        let (mut proposed, mut answers, mut persons) = (Vec::new(), Vec::new(), Vec::new());
        for task in tasks {
            let composed = self.answered(&in_force, mirror, pending, *task, &request);
            if let Ok(Some((_, event))) = &composed {
                let version_token = version_token(event);
                proposed.push(ProposedTask { task: *task, version_token });
                persons.extend(persons_changed(event));
            }
            answers.push((*task, composed.map(|_| ())));
        }
        if proposed.is_empty() {
            return Ok(Answer::Merges(answers, None));
        }
        let known = self.known(pending);
        let now = self.core.clock.now();
        let mut proposal = Proposal {
            number: 0,
            what: Proposed::Merges { tasks: proposed, is_lead: request.is_lead },
            actor: request.actor,
            asked,
            reason: request.reason,
            note: request.note,
            proposed: now,
            until: self.core.approval.until(now),
            decision: None,
        };
        let same = known.values().find(|other| {
            let is_same = (&other.what, &other.note) == (&proposal.what, &proposal.note);
            is_same && other.state(now) == ProposalState::Waiting
        });
        let number = match same {
            Some(other) => asked_before(other, &proposal)?,
            None => {
                self.keep_proposal(pending, &known, &mut proposal, persons)?;
                proposal.number
            }
        };
        Ok(Answer::Merges(answers, Some(number)))
    }

    /// Writes a new proposal with its entry, and drops those that are over for long.
    fn keep_proposal(
        &self,
        pending: &mut Pending<'_>,
        known: &Known,
        proposal: &mut Proposal,
        persons: Vec<EnterpriseId>,
    ) -> Result<(), RegistryError> {
        if !proposal.proposer().is_named() {
            return Err(RegistryError::invalid(
                "the actor has no name: what two people must want needs the names of both",
            ));
        }
        let now = proposal.proposed;
        let (waiting, closed): (Vec<_>, Vec<_>) =
            known.values().partition(|it| it.state(now) == ProposalState::Waiting);
        if waiting.len() >= PROPOSALS_WAITING_MAX {
            return Err(RegistryError::conflict(format!(
                "{PROPOSALS_WAITING_MAX} proposals wait already: let some of them be decided first"
            )));
        }
        proposal.number = known.keys().next_back().map_or(1, |last| last + 1);
        let reason = format!("proposal {}: {}", proposal.number, proposal.what.as_str());
        let commit = Commit {
            proposals: vec![proposal.clone()],
            proposals_forgotten: over_for_long(&closed, now),
            entries: vec![entry((&proposal.asked, &proposal.actor), reason, now, persons)],
            ..Commit::default()
        };
        pending.push(commit);
        Ok(())
    }

    /// What approving would do to each part, or did.
    fn foresee(
        &self,
        mirror: &Mirror,
        pending: &Pending<'_>,
        proposal: &Proposal,
        state: ProposalState,
    ) -> Result<Vec<Foreseen>, RegistryError> {
        if let Some(decision) = &proposal.decision {
            let made = decision.events.iter().map(|event| {
                let event = told(mirror, pending, *event)?;
                Ok(Foreseen { task: event.event.task, event: Ok(event) })
            });
            let refused = decision
                .refused
                .iter()
                .map(|(task, why)| Ok(Foreseen { task: Some(*task), event: Err(why.clone()) }));
            return made.chain(refused).collect();
        }
        if state == ProposalState::Expired {
            return Ok(Vec::new());
        }
        let in_force = self.core.in_force();
        let foreseen = |task, event: Result<_, RegistryError>| {
            let event = event.map(|event| EventView::in_mirror(event, mirror));
            Foreseen { task, event: event.map_err(|error| error.to_string()) }
        };
        Ok(match &proposal.what {
            Proposed::Erasure { .. } => {
                let composed = self.erased(&in_force, mirror, pending, proposal);
                vec![foreseen(None, composed.map(|(_, answer)| answer.event.event))]
            }
            Proposed::Merges { tasks, is_lead } => {
                let request = request_of(proposal, *is_lead);
                let each = tasks.iter().map(|it| {
                    let event = self.as_proposed(&in_force, mirror, pending, it, &request);
                    foreseen(Some(it.task), event)
                });
                each.collect()
            }
        })
    }
}

/// Who asks where the caller is not known: whoever the actor is.
fn by_nobody(operation: Operation) -> Asked {
    Asked { asker: Asker::internal("").into(), operation }
}

/// The entry of a proposal or a decision. Where nobody was named, it is whoever acts.
pub(super) fn entry(
    (asked, actor): (&Asked, &Actor),
    reason: String,
    now: Timestamp,
    persons: Vec<EnterpriseId>,
) -> AuditEntry {
    let mut asker = Asker { reason, ..Asker::clone(&asked.asker) };
    if asker.name.is_empty() {
        asker.name.clone_from(&actor.name);
    }
    let asked = Asked { asker: asker.into(), operation: asked.operation };
    AuditEntry::new(now, asked, AuditOutcome::Done, persons)
}

/// The number of a proposal that waits, for whoever asks for the same again; others are told to approve it.
fn asked_before(waiting: &Proposal, wanted: &Proposal) -> Result<u64, RegistryError> {
    let number = waiting.number;
    if !wanted.proposer().is_also(&waiting.proposer()) {
        return Err(RegistryError::conflict(format!(
            "{} has proposed this already, and proposal {number} waits for a second person: approve it",
            waiting.actor.name
        )));
    }
    let said = |it: &Proposal| (it.what.clone(), it.reason, it.note.clone());
    if said(waiting) == said(wanted) {
        return Ok(number);
    }
    Err(RegistryError::conflict(format!(
        "your proposal {number} about this waits already and says it otherwise: withdraw it first"
    )))
}

/// The numbers of closed proposals that are over for too long, or beyond how many are kept.
fn over_for_long(closed: &[&Arc<Proposal>], now: Timestamp) -> Vec<u64> {
    let surplus = (closed.len() + 1).saturating_sub(PROPOSALS_CLOSED_MAX);
    let is_old = |proposal: &Proposal| proposal.ended().0.saturating_add(CLOSED_MS_MAX) < now.0;
    let each = closed.iter().enumerate();
    let over = each.filter(|(place, it)| *place < surplus || is_old(it));
    over.map(|(_, it)| it.number).collect()
}
