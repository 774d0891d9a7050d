//! Changes that two people must want: what needs it, what waits for a second person, and what they say.
//!
//! A change that needs two is not done when the first asks for it but kept as a [`Proposal`]; who may decide about it, and
//! what follows, stands in `empi_model::Proposal`. Everything that happens to proposals goes through the commit thread
//! (`commit::propose`, `commit::decide`), so that two deciding at once come one after the other, and a decision is in the batch of the
//! change that it lets happen. They are few, so all of them are kept in memory; a change is written first and shows then.

use std::collections::BTreeMap;
use std::sync::Arc;

use empi_model::{
    Actor, EnterpriseId, Party, Proposal, ProposalAnswer, ProposalState, Proposed, ReviewOutcome,
    TaskId, Timestamp,
};
use empi_store::Store;
use parking_lot::RwLock;

use crate::RegistryError;
use crate::events::EventView;
use crate::registry::Registry;
use crate::review::{ReviewRequest, ReviewStep};
use crate::steward::{StewardAnswer, StewardOperation, StewardRequest};
use crate::wanted::{Answer, Wanted};

/// Most proposals that wait at a time.
pub const PROPOSALS_WAITING_MAX: usize = 1000;

/// Most proposals that are kept after they were decided or expired; the audit trail tells of all of them for good.
pub const PROPOSALS_CLOSED_MAX: usize = 1000;

/// How long one is kept after it was decided or expired, in milliseconds: 400 days.
pub(crate) const CLOSED_MS_MAX: i64 = 400 * DAY_MS;

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 2000;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What needs two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRules {
    /// Whether erasing a person does.
    pub erasure: bool,
    /// How many tasks one person answers *same* by one request; more need two. `None` for any number.
    pub merges_max: Option<usize>,
    /// Days that a proposal waits for a second person.
    pub days: u32,
}

impl ApprovalRules {
    /// Nothing needs two people.
    pub const NONE: Self = Self { erasure: false, merges_max: None, days: 7 };

    pub(crate) fn until(self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add(i64::from(self.days).saturating_mul(DAY_MS)))
    }
}

impl Default for ApprovalRules {
    /// Erasing always does, and so do more than 10 merges at once; proposals wait for 7 days.
    fn default() -> Self {
        Self { erasure: true, merges_max: Some(10), days: 7 }
    }
}

/// A proposal, and how it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalView {
    /// The proposal.
    pub proposal: Arc<Proposal>,
    /// How it stands.
    pub state: ProposalState,
}

/// What approving would do as of now to what one part of a proposal is about, or what it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// The review task, where the part is one.
    pub task: Option<TaskId>,
    /// The event that would be made or was, or why there would be none.
    pub event: Result<EventView, String>,
}

/// What came of somebody's answer to a proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalDecided {
    /// The proposal as it stands since.
    pub view: ProposalView,
    /// The events that were made, in order.
    pub events: Vec<EventView>,
}

/// What somebody wants of the commit thread about proposals.
pub(crate) enum ProposalWork {
    /// A person is to be erased.
    Erase(Box<StewardRequest>),
    /// Tasks are to be answered *same*; of the others it is known already why not.
    Merge(Vec<TaskId>, Box<ReviewRequest>),
    /// What would approving do?
    Foresee(u64),
    /// Somebody says something of a proposal.
    Decide(Deciding),
}

/// Somebody's answer on its way to the commit thread.
pub(crate) struct Deciding {
    pub(crate) number: u64,
    pub(crate) answer: ProposalAnswer,
    pub(crate) actor: Actor,
    pub(crate) note: String,
}

/// The proposals as they stand in the store.
#[derive(Debug, Default)]
pub(crate) struct Proposals(RwLock<BTreeMap<u64, Arc<Proposal>>>);

impl Proposals {
    pub(crate) fn read(store: &Store) -> Result<Self, RegistryError> {
        let snapshot = store.snapshot();
        let mut all = BTreeMap::new();
        for proposal in snapshot.proposals() {
            let proposal = proposal?;
            all.insert(proposal.number, Arc::new(proposal));
        }
        Ok(Self(RwLock::new(all)))
    }

    pub(crate) fn all(&self) -> BTreeMap<u64, Arc<Proposal>> {
        self.0.read().clone()
    }

    /// Shows what was written: proposals as they stand now, and those that are kept no longer.
    pub(crate) fn show<'a>(&self, changed: impl IntoIterator<Item = (u64, Option<&'a Proposal>)>) {
        let mut changed = changed.into_iter().peekable();
        if changed.peek().is_none() {
            return;
        }
        let mut all = self.0.write();
        for (number, proposal) in changed {
            match proposal {
                Some(proposal) => all.insert(number, Arc::new(proposal.clone())),
                None => all.remove(&number),
            };
        }
    }
}

/// The person that a proposal wants erased.
pub(crate) fn erases(proposal: &Proposal) -> Option<EnterpriseId> {
    match proposal.what {
        Proposed::Erasure { person, .. } => Some(person),
        Proposed::Merges { .. } => None,
    }
}

pub(crate) fn unknown(number: u64) -> RegistryError {
    RegistryError::not_found(format!(
        "there is no proposal {number}, or it is kept no longer: look at the list, or at the audit trail"
    ))
}

/// Whether an answer to so many tasks needs two people.
pub(crate) fn needs_two(rules: ApprovalRules, tasks: &[TaskId], request: &ReviewRequest) -> bool {
    let ReviewStep::Answer { outcome: ReviewOutcome::Same, second_opinion: false } = request.step
    else {
        return false;
    };
    let Some(max) = rules.merges_max else { return false };
    let mut distinct = tasks.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() > max
}

impl Registry {
    /// Whether erasing a person needs two people.
    pub(crate) fn needs_two_to(&self, operation: &StewardOperation) -> bool {
        matches!(operation, StewardOperation::ErasePerson { .. }) && self.core.approval.erasure
    }

    /// What needs two people.
    #[must_use]
    pub fn approval(&self) -> ApprovalRules {
        self.core.approval
    }

    /// Proposes to erase a person, and answers with the preview.
    pub(crate) fn propose_erasure(
        &self,
        request: StewardRequest,
    ) -> Result<StewardAnswer, RegistryError> {
        match self.submit(Wanted::Proposal(ProposalWork::Erase(Box::new(request))))? {
            Answer::Steward(answer) => {
                self.changed(answer.event.persons().into_iter().map(|(person, _)| person));
                Ok(*answer)
            }
            _ => Err(RegistryError::Poisoned),
        }
    }

    /// Every proposal that is kept: those that wait first, each part with the newest first.
    ///
    /// # Errors
    /// [`RegistryError::Poisoned`] after a failed write.
    pub fn proposals(&self) -> Result<Vec<ProposalView>, RegistryError> {
        self.core.durability.check()?;
        let now = self.core.clock.now();
        let all = self.core.proposals.all().into_values().rev();
        let views = all.map(|proposal| ProposalView { state: proposal.state(now), proposal });
        let (mut waiting, closed): (Vec<_>, Vec<_>) =
            views.partition(|view| view.state == ProposalState::Waiting);
        waiting.extend(closed);
        Ok(waiting)
    }

    /// How many proposals wait for a second person, whoever it is.
    #[must_use]
    pub fn proposals_waiting(&self) -> usize {
        self.waiting_where(|_| true)
    }

    /// How many proposals wait for somebody to approve or decline.
    #[must_use]
    pub fn proposals_waiting_for(&self, who: &Party) -> usize {
        self.waiting_where(|proposal| !who.is_also(&proposal.proposer()))
    }

    fn waiting_where(&self, is_due: impl Fn(&Proposal) -> bool) -> usize {
        let now = self.core.clock.now();
        let is_counted =
            |it: &&Arc<Proposal>| it.state(now) == ProposalState::Waiting && is_due(it);
        self.core.proposals.0.read().values().filter(is_counted).count()
    }

    /// A proposal with what approving it would do now, part by part; of one that was approved with what it did.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] without such a proposal; [`RegistryError::Restricted`] where it is about somebody who is
    /// not shown to whoever asks; [`RegistryError::Busy`] and [`RegistryError::Poisoned`] as for registering.
    pub fn proposal(&self, number: u64) -> Result<(ProposalView, Vec<Foreseen>), RegistryError> {
        self.core.durability.check()?;
        match self.submit(Wanted::Proposal(ProposalWork::Foresee(number)))? {
            Answer::Foreseen(view, foreseen) => {
                let events = foreseen.iter().filter_map(|it| it.event.as_ref().ok());
                let persons = events.flat_map(EventView::persons).map(|(person, _)| person);
                let persons: Vec<_> = persons.chain(erases(&view.proposal)).collect();
                self.refuse_restricted(persons.iter().copied())?;
                self.saw(persons);
                Ok((view, foreseen))
            }
            _ => Err(RegistryError::Poisoned),
        }
    }

    /// Says something of a proposal. Approving does it, as of now: with the persons that it names as they were when it was
    /// proposed, or not at all. The same again has the same answer and changes nothing.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] without such a proposal; [`RegistryError::Conflict`] for the proposer's own, one that
    /// was decided otherwise or has expired, and one that can no longer be done; [`RegistryError::Invalid`] for somebody
    /// without a name, for too long a note, and for declining without one; [`RegistryError::Busy`] and
    /// [`RegistryError::Poisoned`] as for registering.
    pub fn decide_proposal(
        &self,
        number: u64,
        answer: ProposalAnswer,
        actor: Actor,
        note: &str,
    ) -> Result<ProposalDecided, RegistryError> {
        self.core.durability.check()?;
        let note = note.trim().to_owned();
        if note.len() > NOTE_BYTES_MAX {
            return Err(RegistryError::invalid(format!(
                "the note has {} bytes and may have at most {NOTE_BYTES_MAX}: shorten it",
                note.len()
            )));
        }
        if answer == ProposalAnswer::Declined && note.is_empty() {
            return Err(RegistryError::invalid(
                "the note is missing: say why it should not be done",
            ));
        }
        let deciding = Deciding { number, answer, actor, note };
        let answer = self.submit(Wanted::Proposal(ProposalWork::Decide(deciding)))?;
        let Answer::Decided(decided) = answer else { return Err(RegistryError::Poisoned) };
        decided.events.iter().try_for_each(|event| self.purge(&event.event))?;
        let persons = decided.events.iter().flat_map(EventView::persons).map(|(person, _)| person);
        self.changed(persons);
        Ok(*decided)
    }
}
