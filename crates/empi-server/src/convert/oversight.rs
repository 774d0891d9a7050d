//! Changes that two people must want, as they go over the wire.

use empi_model::{Actor, ActorKind, Proposal, ProposalDecision, ProposalState, Proposed, TaskId};
use empi_proto::v1;
use empi_registry::{Foreseen, ProposalDecided, ProposalView};

use super::answer::timestamp;
use super::event::event;
use super::review::actor_to_proto;
use super::review_request::NOTE_BYTES_MAX;
use super::{InvalidRequest, actor, bounded};

/// Who says something of a proposal, and why. Nobody but a steward may.
pub(crate) fn deciding(
    number: u64,
    sent: Option<v1::Actor>,
    note: String,
) -> Result<(u64, Actor, String), InvalidRequest> {
    let actor = actor(sent)?;
    if actor.kind != ActorKind::Steward {
        return Err(InvalidRequest::new(
            "`actor.kind` must be STEWARD: only a person decides about a proposal",
        ));
    }
    bounded("note", &note, NOTE_BYTES_MAX)?;
    Ok((proposal_number(number)?, actor, note))
}

/// The number of a proposal that there may be.
pub(crate) fn proposal_number(number: u64) -> Result<u64, InvalidRequest> {
    if number == 0 {
        return Err(InvalidRequest::new("`number` is missing: say which proposal"));
    }
    Ok(number)
}

pub(crate) fn proposal(view: &ProposalView) -> v1::Proposal {
    let Proposal { number, what, actor, reason, note, proposed, until, decision, .. } =
        &*view.proposal;
    let (kind, person, tasks) = match what {
        Proposed::Erasure { person, .. } => {
            (v1::ProposalKind::Erasure, person.to_string(), Vec::new())
        }
        Proposed::Merges { tasks, .. } => {
            let tasks = tasks.iter().map(|it| it.task.0).collect();
            (v1::ProposalKind::Merges, String::new(), tasks)
        }
    };
    v1::Proposal {
        number: *number,
        kind: kind.into(),
        state: state(view.state).into(),
        actor: Some(actor_to_proto(actor.clone())),
        reason_code: reason.map_or(0, |code| code as i32),
        note: note.clone(),
        proposed: Some(timestamp(*proposed)),
        expires: Some(timestamp(*until)),
        enterprise_id: person,
        task_ids: tasks,
        decision: decision.as_ref().map(decided),
    }
}

const fn state(state: ProposalState) -> v1::ProposalState {
    match state {
        ProposalState::Waiting => v1::ProposalState::Waiting,
        ProposalState::Approved => v1::ProposalState::Approved,
        ProposalState::Declined => v1::ProposalState::Declined,
        ProposalState::Withdrawn => v1::ProposalState::Withdrawn,
        ProposalState::Expired => v1::ProposalState::Expired,
    }
}

fn decided(decision: &ProposalDecision) -> v1::ProposalDecision {
    let refused =
        |(task, why): &(TaskId, String)| v1::TaskAnswer { task_id: task.0, refused: why.clone() };
    v1::ProposalDecision {
        actor: Some(actor_to_proto(decision.who.actor.clone())),
        time: Some(timestamp(decision.time)),
        note: decision.note.clone(),
        events: decision.events.iter().map(|event| event.0).collect(),
        refused: decision.refused.iter().map(refused).collect(),
    }
}

pub(crate) fn foreseen(part: Foreseen) -> v1::Foreseen {
    let task_id = part.task.map(|task| task.0);
    let (told, refused) = match part.event {
        Ok(view) => (Some(event(view)), String::new()),
        Err(why) => (None, why),
    };
    v1::Foreseen { task_id, event: told, refused }
}

pub(crate) fn proposal_decided(decided: ProposalDecided) -> v1::DecideProposalResponse {
    v1::DecideProposalResponse {
        proposal: Some(proposal(&decided.view)),
        events: decided.events.into_iter().map(event).collect(),
        audit_head: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_steward_decides_about_a_proposal() {
        let sent = |kind: v1::ActorKind, name: &str| {
            Some(v1::Actor { kind: kind.into(), name: name.to_owned() })
        };
        let (steward, system) = (v1::ActorKind::Steward, v1::ActorKind::System);
        assert!(deciding(1, sent(steward, "nora"), String::new()).is_ok());
        for (number, actor, note, named) in [
            (0, sent(steward, "nora"), String::new(), "`number`"),
            (1, sent(system, "adt"), String::new(), "`actor.kind`"),
            (1, sent(steward, ""), String::new(), "`actor.name`"),
            (1, None, String::new(), "`actor`"),
            (1, sent(steward, "nora"), "x".repeat(2001), "`note`"),
        ] {
            let sentence = deciding(number, actor, note).unwrap_err().to_string();
            assert!(sentence.contains(named), "{sentence}");
        }
        for it in ProposalState::ALL {
            assert_eq!(state(it) as i32, it as i32);
        }
    }
}
