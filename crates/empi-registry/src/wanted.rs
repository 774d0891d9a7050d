//! What callers want of the commit thread, and what it answers.

use std::time::Instant;

use empi_model::{Actor, Asked, Promotion};

use crate::RegistryError;
use crate::assess::Assessment;
use crate::incoming::Incoming;
use crate::lab::{Promoting, Regrouping};
use crate::proposals::{Foreseen, ProposalDecided, ProposalView, ProposalWork};
use crate::retire::{RetireRequest, Retirement};
use crate::review::{Reviewed, TaskAnswers};
use crate::steward::{StewardAnswer, StewardRequest};
use crate::words::Registration;

/// A change that somebody waits for.
pub(crate) struct Waiting {
    pub(crate) wanted: Wanted,
    /// Who asks.
    pub(crate) asked: Option<Asked>,
    /// Since when.
    pub(crate) since: Instant,
    /// Dropped without an answer when the registry fails.
    pub(crate) tell: Tell,
}

/// Tells whoever waits for a change what came of it. Called by the commit thread, so it must not wait.
pub(crate) type Tell = Box<dyn FnOnce(Result<Answer, RegistryError>) + Send>;

pub(crate) enum Work {
    Register(Box<Planned>),
    Review(Box<Reviewed>),
    Steward(Box<StewardRequest>),
    Retire(Box<RetireRequest>),
    /// Persons exchange records, as linking anew has found.
    Regroup(Box<Regrouping>),
}

/// What somebody wants of the commit thread.
pub(crate) enum Wanted {
    /// That rows of the index change.
    Change(Work),
    /// That another model decides from now on. It changes no row, but must come between two changes.
    Promotion(Box<Promoting>),
    /// What two people must want.
    Proposal(ProposalWork),
}

impl From<Work> for Wanted {
    fn from(work: Work) -> Self {
        Self::Change(work)
    }
}

/// A registration with what its caller read.
pub(crate) struct Planned {
    pub(crate) incoming: Incoming,
    pub(crate) actor: Actor,
    pub(crate) request_id: Option<String>,
    /// The mirror's last change when the request ID was looked for.
    pub(crate) looked_up: u64,
    pub(crate) assessment: Assessment,
}

#[derive(Debug)]
pub(crate) enum Answer {
    Registered(Box<Registration>),
    Reviewed,
    Steward(Box<StewardAnswer>),
    Retired(Retirement),
    Promoted(Promotion),
    /// Whether each task would be answered, and the proposal that waits for a second person.
    Merges(TaskAnswers, Option<u64>),
    Foreseen(ProposalView, Vec<Foreseen>),
    Decided(Box<ProposalDecided>),
    /// Whether the persons were still as linking anew had seen them, and were changed.
    Regrouped(bool),
}
