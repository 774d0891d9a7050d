//! Changes that two people must want.

use empi_model::{EventSequence, Party, Proposal, ProposalAnswer, Proposed};

use super::Walk;
use crate::codec::{ProposalRow, Row as _};
use crate::layout::{self, Family};

impl Walk<'_> {
    /// Every proposal reads and stands under its number; what was decided was decided by somebody else than whoever
    /// withdraws, and what was approved names events that were made and tell of it.
    pub(super) fn check_proposals(&mut self) {
        let rows = self
            .snapshot
            .scan(Family::Meta, layout::PROPOSALS, |key, value| Ok((key.to_vec(), value.to_vec())));
        for row in rows {
            let Some((key, value)) = self.report.take(row, "proposals") else { break };
            if !key.starts_with(layout::PROPOSALS) {
                break;
            }
            let proposal = ProposalRow::decoded(&value);
            let proposal = proposal.filter(|it| layout::proposal_key(it.number) == key);
            self.report.check(proposal.is_some(), || "a proposal does not read".to_owned());
            let Some(proposal) = proposal else { continue };
            let fault = self.fault_of(&proposal);
            let number = proposal.number;
            self.report.check(fault.is_none(), || {
                format!("proposal {number} {}", fault.unwrap_or_default())
            });
        }
    }

    fn fault_of(&self, proposal: &Proposal) -> Option<&'static str> {
        let is_about_somebody = match &proposal.what {
            Proposed::Erasure { person, .. } => {
                self.snapshot.person(*person).ok().flatten().is_some()
            }
            Proposed::Merges { tasks, .. } => {
                tasks.iter().all(|it| self.snapshot.task(it.task).ok().flatten().is_some())
            }
        };
        if !is_about_somebody {
            return Some("is about somebody who is not there");
        }
        let decision = proposal.decision.as_ref()?;
        let is_own = decision.who.is_also(&proposal.proposer());
        if is_own != (decision.answer == ProposalAnswer::Withdrawn) {
            return Some("was decided by somebody who may not");
        }
        if (decision.answer == ProposalAnswer::Approved) == decision.events.is_empty() {
            return Some("says otherwise whether it was done than what was decided");
        }
        let is_told = |event: &EventSequence| self.tells(*event, proposal, &decision.who);
        (!decision.events.iter().all(is_told)).then_some("names an event that does not tell of it")
    }

    /// Whether an event names whoever proposed it, and whoever approved it.
    fn tells(&self, event: EventSequence, proposal: &Proposal, approver: &Party) -> bool {
        self.snapshot.event(event).ok().flatten().is_some_and(|event| {
            event.actor == proposal.actor
                && event.approved_by.as_ref() == Some(&approver.actor.name)
        })
    }
}
