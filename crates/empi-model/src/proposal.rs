//! Changes that two people must want: what one of them has proposed, and what the other said.
//!
//! A proposal waits until somebody else approves or declines it, whoever made it withdraws it, or its time is over.
//! What may follow on what is decided here, without a clock or a store.
//!
//! | it is | another approves | another declines | the proposer withdraws |
//! |---|---|---|---|
//! | waiting | approved | declined | withdrawn |
//! | approved | the same answer | refused | refused |
//! | declined | refused | the same answer | refused |
//! | withdrawn | refused | refused | the same answer |
//! | expired | refused | refused | refused |
//!
//! The proposer may neither approve nor decline, and nobody else may withdraw, whatever it is.

use std::collections::BTreeSet;

use crate::{Actor, Asked, EnterpriseId, EventSequence, ReasonCode, TaskId, Timestamp};

/// A change that waits for a second person, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its name for ever; 1 for the first.
    pub number: u64,
    /// What is to be done.
    pub what: Proposed,
    /// Who wants it: the actor of the events that it makes.
    pub actor: Actor,
    /// Who asked for it, from where and what for, as the audit trail tells it.
    pub asked: Asked,
    /// Why, as one of the reasons.
    pub reason: Option<ReasonCode>,
    /// Why, in the proposer's words. Never patient data.
    pub note: String,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// From when on it can no longer be approved.
    pub until: Timestamp,
    /// What was said of it.
    pub decision: Option<ProposalDecision>,
}

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// A person is forgotten for good.
    Erasure {
        /// The person.
        person: EnterpriseId,
        /// Names the versions of the persons concerned as the proposer has seen them.
        version_token: String,
        /// Names the request of the proposer.
        request_id: Option<String>,
    },
    /// Many review tasks are answered *same*.
    Merges {
        /// The tasks.
        tasks: Vec<ProposedTask>,
        /// Whether the proposer answers as a lead steward.
        is_lead: bool,
    },
}

impl Proposed {
    /// Its name in files and answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Erasure { .. } => "erasure",
            Self::Merges { .. } => "merges",
        }
    }
}

/// A review task that is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedTask {
    /// The task.
    pub task: TaskId,
    /// Names the versions of the persons concerned as they were when it was proposed.
    pub version_token: String,
}

/// What somebody said of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalDecision {
    /// What they said.
    pub answer: ProposalAnswer,
    /// Who they are.
    pub who: Party,
    /// When.
    pub time: Timestamp,
    /// Why, in their words. Never patient data.
    pub note: String,
    /// The events that were made.
    pub events: Vec<EventSequence>,
    /// Tasks that were not answered, each with the sentence why.
    pub refused: Vec<(TaskId, String)>,
}

/// What can be said of a proposal. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProposalAnswer {
    /// Let it be done.
    Approved = 1,
    /// Let it not be done.
    Declined = 2,
    /// It is no longer wanted.
    Withdrawn = 3,
}

impl ProposalAnswer {
    /// Every answer, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Approved, Self::Declined, Self::Withdrawn];

    /// Its name in files and sentences.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// How a proposal stands. The numbers are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProposalState {
    /// A second person is awaited.
    Waiting = 1,
    /// It was done.
    Approved = 2,
    /// Somebody else did not want it.
    Declined = 3,
    /// Whoever proposed it does not want it any more.
    Withdrawn = 4,
    /// Nobody has said anything in time.
    Expired = 5,
}

impl ProposalState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Approved, Self::Declined, Self::Withdrawn, Self::Expired];

    /// Its name in files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

/// Somebody with the name by which they came in, and the name under which they act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The name of their account or user; empty where callers are taken at their word.
    pub caller: String,
    /// Who they act as: `caller`, `caller/somebody`, or on an open index whoever they say.
    pub actor: Actor,
}

impl Party {
    /// Every name of them: their own, and whom they say they act for.
    fn names(&self) -> BTreeSet<String> {
        let said = self.actor.name.strip_prefix(&self.caller).filter(|_| !self.caller.is_empty());
        let said = said.and_then(|rest| rest.strip_prefix('/')).unwrap_or(&self.actor.name);
        let names = [self.caller.as_str(), said].map(|name| name.trim().to_lowercase());
        names.into_iter().filter(|name| !name.is_empty()).collect()
    }

    /// Whether both are one, as far as names tell: they share a name, be it their own or that of whom they act for. So
    /// neither one program for two people nor one human with a program beside is a second person.
    #[must_use]
    pub fn is_also(&self, other: &Self) -> bool {
        !self.names().is_disjoint(&other.names())
    }

    /// Whether anybody can be held to it.
    #[must_use]
    pub fn is_named(&self) -> bool {
        !self.names().is_empty()
    }
}

/// What follows on an answer that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalStep {
    /// It counts.
    Decides,
    /// It was said before: the answer is the same, and nothing changes.
    Repeats,
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalRefusal {
    /// Nobody decides about their own proposal.
    Own,
    /// Only whoever proposed it withdraws it.
    NotOwn,
    /// Something else was said before.
    Decided(ProposalAnswer),
    /// Its time is over.
    Expired,
}

impl Proposal {
    /// Who proposed it.
    #[must_use]
    pub fn proposer(&self) -> Party {
        Party { caller: self.asked.asker.name.clone(), actor: self.actor.clone() }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> ProposalState {
        match self.decision.as_ref().map(|decision| decision.answer) {
            Some(ProposalAnswer::Approved) => ProposalState::Approved,
            Some(ProposalAnswer::Declined) => ProposalState::Declined,
            Some(ProposalAnswer::Withdrawn) => ProposalState::Withdrawn,
            None if now >= self.until => ProposalState::Expired,
            None => ProposalState::Waiting,
        }
    }

    /// When it was decided, or when its time is over.
    #[must_use]
    pub fn ended(&self) -> Timestamp {
        self.decision.as_ref().map_or(self.until, |decision| decision.time)
    }

    /// What follows on somebody's answer, by the table above.
    ///
    /// # Errors
    /// [`ProposalRefusal`], where it does not count.
    pub fn step(
        &self,
        answer: ProposalAnswer,
        who: &Party,
        now: Timestamp,
    ) -> Result<ProposalStep, ProposalRefusal> {
        let is_own = who.is_also(&self.proposer());
        match answer {
            ProposalAnswer::Withdrawn if !is_own => return Err(ProposalRefusal::NotOwn),
            ProposalAnswer::Approved | ProposalAnswer::Declined if is_own => {
                return Err(ProposalRefusal::Own);
            }
            _ => {}
        }
        match &self.decision {
            Some(decision) if decision.answer == answer => Ok(ProposalStep::Repeats),
            Some(decision) => Err(ProposalRefusal::Decided(decision.answer)),
            None if now >= self.until => Err(ProposalRefusal::Expired),
            None => Ok(ProposalStep::Decides),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ActorKind, Asker, Operation};

    fn party(caller: &str, actor: &str) -> Party {
        let actor = Actor { kind: ActorKind::Steward, name: actor.to_owned() };
        Party { caller: caller.to_owned(), actor }
    }

    fn proposal(by: &Party, decided: Option<ProposalAnswer>) -> Proposal {
        let asker = Arc::new(Asker::internal(by.caller.clone()));
        let decision = decided.map(|answer| ProposalDecision {
            answer,
            who: party("", "somebody"),
            time: Timestamp(5),
            note: String::new(),
            events: Vec::new(),
            refused: Vec::new(),
        });
        Proposal {
            number: 1,
            what: Proposed::Merges { tasks: Vec::new(), is_lead: true },
            actor: by.actor.clone(),
            asked: Asked { asker, operation: Operation::DecideMany },
            reason: None,
            note: String::new(),
            proposed: Timestamp(0),
            until: Timestamp(10),
            decision,
        }
    }

    #[test]
    fn what_follows_on_what_is_as_the_table_says() {
        use ProposalAnswer::{Approved, Declined, Withdrawn};
        use ProposalRefusal::{Decided, Expired, NotOwn, Own};
        use ProposalStep::{Decides, Repeats};
        let (lena, nora) = (party("", "lena"), party("", "nora"));
        // Decided how, asked when, and then: another approves, another declines, the proposer withdraws.
        for (decided, now, approved, declined, withdrawn) in [
            (None, 9, Ok(Decides), Ok(Decides), Ok(Decides)),
            (None, 10, Err(Expired), Err(Expired), Err(Expired)),
            (Some(Approved), 9, Ok(Repeats), Err(Decided(Approved)), Err(Decided(Approved))),
            (Some(Approved), 99, Ok(Repeats), Err(Decided(Approved)), Err(Decided(Approved))),
            (Some(Declined), 9, Err(Decided(Declined)), Ok(Repeats), Err(Decided(Declined))),
            (Some(Withdrawn), 99, Err(Decided(Withdrawn)), Err(Decided(Withdrawn)), Ok(Repeats)),
        ] {
            let (it, now) = (proposal(&lena, decided), Timestamp(now));
            assert_eq!(it.step(Approved, &nora, now), approved, "{decided:?} {now:?}");
            assert_eq!(it.step(Declined, &nora, now), declined, "{decided:?} {now:?}");
            assert_eq!(it.step(Withdrawn, &lena, now), withdrawn, "{decided:?} {now:?}");
            assert_eq!(it.step(Approved, &lena, now), Err(Own));
            assert_eq!(it.step(Declined, &lena, now), Err(Own));
            assert_eq!(it.step(Withdrawn, &nora, now), Err(NotOwn));
            let is_waiting = it.state(now) == ProposalState::Waiting;
            assert_eq!(is_waiting, it.step(Approved, &nora, now) == Ok(Decides));
        }
    }

    #[test]
    fn one_human_is_one_whatever_they_come_in_by() {
        for (one, other, is_one) in [
            (("", "lena"), ("", "nora"), false),
            (("", "lena"), ("", " Lena"), true),
            (("lena", "lena"), ("nora", "nora"), false),
            // One program for two people is no second person, nor is a human beside their program.
            (("portal", "portal/lena"), ("portal", "portal/nora"), true),
            (("portal", "portal/lena"), ("lena", "lena"), true),
            (("portal", "portal/lena"), ("console", "console/lena"), true),
            (("portal", "portal/lena"), ("console", "console/nora"), false),
            (("lena", "lena"), ("", "lena"), true),
            (("por", "portal/lena"), ("portal", "portal"), false),
        ] {
            let (one, other) = (party(one.0, one.1), party(other.0, other.1));
            assert_eq!(
                (one.is_also(&other), other.is_also(&one)),
                (is_one, is_one),
                "{one:?} {other:?}"
            );
        }
        assert!(!party("", " ").is_named() && party("", "lena").is_named());
    }
}
