//! Rows of changes that two people must want.

use empi_model::{
    AuditEntry, AuditOutcome, EnterpriseId, EventSequence, Party, Proposal, ProposalAnswer,
    ProposalDecision, Proposed, ProposedTask, ReasonCode, TaskId, Timestamp,
};
use prost::Message;

use super::{ActorRow, AuditRow, Row};

/// Numbers of what is proposed.
const ERASURE: u32 = 1;
const MERGES: u32 = 2;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ProposalRow {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint32, tag = "2")]
    what: u32,
    #[prost(fixed64, tag = "3")]
    person: u64,
    #[prost(string, tag = "4")]
    version_token: String,
    #[prost(string, optional, tag = "5")]
    request_id: Option<String>,
    #[prost(message, repeated, tag = "6")]
    tasks: Vec<TaskRow>,
    #[prost(bool, tag = "7")]
    is_lead: bool,
    #[prost(message, optional, tag = "8")]
    actor: Option<ActorRow>,
    /// Who asked, and when, as an entry of the audit trail about nobody.
    #[prost(message, optional, tag = "9")]
    asked: Option<AuditRow>,
    /// 0 where none was given.
    #[prost(uint32, tag = "10")]
    reason_code: u32,
    #[prost(string, tag = "11")]
    note: String,
    #[prost(int64, tag = "12")]
    until: i64,
    #[prost(message, optional, tag = "13")]
    decision: Option<DecisionRow>,
}

#[derive(Clone, PartialEq, Message)]
struct TaskRow {
    #[prost(uint64, tag = "1")]
    task: u64,
    #[prost(string, tag = "2")]
    version_token: String,
}

#[derive(Clone, PartialEq, Message)]
struct DecisionRow {
    #[prost(uint32, tag = "1")]
    answer: u32,
    #[prost(string, tag = "2")]
    caller: String,
    #[prost(message, optional, tag = "3")]
    actor: Option<ActorRow>,
    #[prost(int64, tag = "4")]
    time: i64,
    #[prost(string, tag = "5")]
    note: String,
    #[prost(uint64, repeated, tag = "6")]
    events: Vec<u64>,
    #[prost(message, repeated, tag = "7")]
    refused: Vec<RefusedRow>,
}

#[derive(Clone, PartialEq, Message)]
struct RefusedRow {
    #[prost(uint64, tag = "1")]
    task: u64,
    #[prost(string, tag = "2")]
    why: String,
}

impl DecisionRow {
    fn of(decision: &ProposalDecision) -> Self {
        let refused =
            |(task, why): &(TaskId, String)| RefusedRow { task: task.0, why: why.clone() };
        Self {
            answer: decision.answer as u32,
            caller: decision.who.caller.clone(),
            actor: Some(ActorRow::of(&decision.who.actor)),
            time: decision.time.0,
            note: decision.note.clone(),
            events: decision.events.iter().map(|event| event.0).collect(),
            refused: decision.refused.iter().map(refused).collect(),
        }
    }

    fn word(self) -> Option<ProposalDecision> {
        let mut answers = ProposalAnswer::ALL.into_iter();
        Some(ProposalDecision {
            answer: answers.find(|answer| *answer as u32 == self.answer)?,
            who: Party { caller: self.caller, actor: self.actor?.word()? },
            time: Timestamp(self.time),
            note: self.note,
            events: self.events.into_iter().map(EventSequence).collect(),
            refused: self.refused.into_iter().map(|it| (TaskId(it.task), it.why)).collect(),
        })
    }
}

impl Row for ProposalRow {
    type Word = Proposal;

    fn of(proposal: &Proposal) -> Self {
        let asked = proposal.asked.clone();
        let asked = AuditEntry::new(proposal.proposed, asked, AuditOutcome::Done, Vec::new());
        let row = Self {
            number: proposal.number,
            actor: Some(ActorRow::of(&proposal.actor)),
            asked: Some(AuditRow::of(&asked)),
            reason_code: proposal.reason.map_or(0, |code| code as u32),
            note: proposal.note.clone(),
            until: proposal.until.0,
            decision: proposal.decision.as_ref().map(DecisionRow::of),
            ..Self::default()
        };
        match &proposal.what {
            Proposed::Erasure { person, version_token, request_id } => Self {
                what: ERASURE,
                person: person.as_number(),
                version_token: version_token.clone(),
                request_id: request_id.clone(),
                ..row
            },
            Proposed::Merges { tasks, is_lead } => {
                let task = |it: &ProposedTask| TaskRow {
                    task: it.task.0,
                    version_token: it.version_token.clone(),
                };
                let tasks = tasks.iter().map(task).collect();
                Self { what: MERGES, tasks, is_lead: *is_lead, ..row }
            }
        }
    }

    fn word(self) -> Option<Proposal> {
        let task =
            |TaskRow { task, version_token }| ProposedTask { task: TaskId(task), version_token };
        let what = match self.what {
            ERASURE => Proposed::Erasure {
                person: EnterpriseId::from_number(self.person),
                version_token: self.version_token,
                request_id: self.request_id,
            },
            MERGES => Proposed::Merges {
                tasks: self.tasks.into_iter().map(task).collect(),
                is_lead: self.is_lead,
            },
            _ => return None,
        };
        let reason = match self.reason_code {
            0 => None,
            number => Some(ReasonCode::ALL.into_iter().find(|code| *code as u32 == number)?),
        };
        let decision = match self.decision {
            Some(decision) => Some(decision.word()?),
            None => None,
        };
        let asked = self.asked?.word()?;
        Some(Proposal {
            number: self.number,
            what,
            actor: self.actor?.word()?,
            asked: asked.asked,
            reason,
            note: self.note,
            proposed: asked.time,
            until: Timestamp(self.until),
            decision,
        })
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{Actor, ActorKind, Asked, Asker, Operation};

    use super::*;

    #[test]
    fn proposals_come_back_as_they_went() {
        let actor = |name: &str| Actor { kind: ActorKind::Steward, name: name.to_owned() };
        let erasure = Proposed::Erasure {
            person: EnterpriseId::from_number(7),
            version_token: "cafe".to_owned(),
            request_id: Some("letter-5".to_owned()),
        };
        let task = ProposedTask { task: TaskId(3), version_token: "beef".to_owned() };
        let merges = Proposed::Merges { tasks: vec![task], is_lead: true };
        let decisions = ProposalAnswer::ALL.map(|answer| {
            Some(ProposalDecision {
                answer,
                who: Party { caller: "desk".to_owned(), actor: actor("desk/nora") },
                time: Timestamp(9),
                note: "seen".to_owned(),
                events: vec![EventSequence(4), EventSequence(5)],
                refused: vec![(TaskId(3), "it was answered before".to_owned())],
            })
        });
        for what in [erasure, merges] {
            for decision in std::iter::once(None).chain(decisions.clone()) {
                let asker = Asker::internal("lena").into();
                let proposal = Proposal {
                    number: 2,
                    what: what.clone(),
                    actor: actor("lena"),
                    asked: Asked { asker, operation: Operation::ErasePersons },
                    reason: decision.as_ref().map(|_| ReasonCode::Other),
                    note: "by letter".to_owned(),
                    proposed: Timestamp(-3),
                    until: Timestamp(8),
                    decision,
                };
                assert_eq!(ProposalRow::decoded(&ProposalRow::encoded(&proposal)), Some(proposal));
            }
        }
        assert_eq!(ProposalRow::decoded(&ProposalRow::default().encode_to_vec()), None);
    }
}
