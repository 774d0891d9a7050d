//! What stewards do with review tasks: answer, put off, ask the source, escalate, assign; one or many.
//!
//! Each is an event of its own and can be undone like every other. An answer may ask for a second opinion:
//! then another steward answers without knowing it; two that agree close the task, two that do not leave it
//! to a lead steward.

use empi_model::{Actor, ReasonCode, ReviewOutcome, TaskId, Timestamp};

use crate::RegistryError;
use crate::proposals::{ProposalWork, needs_two};
use crate::registry::Registry;
use crate::wanted::{Answer, Wanted, Work};
use crate::words::TaskView;

/// Most tasks of one request.
pub const TASKS_AT_ONCE_MAX: usize = 1000;

/// Tasks that are handed to the commit thread before the first is waited for.
const IN_FLIGHT_MAX: usize = 64;

/// What a steward does with a task.
#[derive(Clone, Debug, PartialEq)]
pub enum ReviewStep {
    /// Answers it.
    Answer {
        /// Same or different.
        outcome: ReviewOutcome,
        /// Whether another steward has to say the same before it counts.
        second_opinion: bool,
    },
    /// Puts it off until a date, if there is one, and in any case only until new data come to one of its
    /// records.
    Snooze {
        /// The date.
        until: Option<Timestamp>,
    },
    /// Has asked the source of the record; otherwise like putting it off.
    AskSource {
        /// The date by which an answer is expected.
        until: Option<Timestamp>,
    },
    /// Leaves it to a lead steward.
    Escalate,
    /// Gives it to somebody, or to nobody any more.
    Assign {
        /// The steward who is to answer it.
        steward: Option<String>,
    },
}

/// What a steward does with a task, with everything that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewRequest {
    /// What is done.
    pub step: ReviewStep,
    /// Who does it.
    pub actor: Actor,
    /// Whether the actor is a lead steward, who alone answers what was escalated.
    pub is_lead: bool,
    /// Why, as one of the reasons. Required to escalate.
    pub reason: Option<ReasonCode>,
    /// Why, in the steward's words. Never patient data.
    pub note: String,
}

impl ReviewRequest {
    /// An answer that counts at once, without further words.
    #[must_use]
    pub fn answer(outcome: ReviewOutcome, actor: Actor) -> Self {
        Self::new(ReviewStep::Answer { outcome, second_opinion: false }, actor)
    }

    /// A step without further words.
    #[must_use]
    pub fn new(step: ReviewStep, actor: Actor) -> Self {
        Self { step, actor, is_lead: false, reason: None, note: String::new() }
    }
}

/// What became of each of many tasks.
pub type TaskAnswers = Vec<(TaskId, Result<(), RegistryError>)>;

/// What became of many tasks.
#[derive(Debug)]
pub struct ManyAnswers {
    /// Each in the order of the tasks.
    pub answers: TaskAnswers,
    /// The proposal under which those that were not refused wait for a second person, where so many need two: then
    /// nothing has changed.
    pub proposal: Option<u64>,
}

/// A request on its way to the commit thread.
pub(crate) struct Reviewed {
    pub(crate) task: TaskId,
    pub(crate) request: ReviewRequest,
    /// How long the steward has had the task.
    pub(crate) took_ms: Option<u64>,
}

impl Registry {
    /// Does what a steward wants with a review task. The same again changes nothing.
    ///
    /// *Same* merges the two persons (the older enterprise ID survives) or applies the held update;
    /// *different* keeps the two apart for good, or applies the held update as somebody else.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] without such a task; [`RegistryError::Conflict`] when it was
    /// answered otherwise, when another steward has taken it, when it waits for a lead steward or for a second
    /// opinion that the actor cannot give, or when the persons are kept apart by another answer;
    /// [`RegistryError::Invalid`] for an outcome that is no answer, a date that is past, or an escalation
    /// without reason; [`RegistryError::Busy`] and [`RegistryError::Poisoned`] as for registering.
    pub fn review(&self, task: TaskId, request: ReviewRequest) -> Result<TaskView, RegistryError> {
        let reviewed = self.checked(task, request)?;
        self.submit(Work::Review(Box::new(reviewed)))?;
        self.changed([]);
        self.core.claims.lock().forget(task);
        self.task(task)
    }

    /// Does the same with many tasks, each by an event of its own: what one is refused for does not
    /// hinder the others. More merges than one person may make at once ([`ApprovalRules`](crate::ApprovalRules)) are
    /// kept as a proposal.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for more than [`TASKS_AT_ONCE_MAX`]; [`RegistryError::Poisoned`] after a
    /// failed write.
    pub fn review_all(
        &self,
        tasks: &[TaskId],
        request: &ReviewRequest,
    ) -> Result<ManyAnswers, RegistryError> {
        if tasks.len() > TASKS_AT_ONCE_MAX {
            return Err(RegistryError::invalid(format!(
                "{} tasks were named and may be at most {TASKS_AT_ONCE_MAX}: send them in parts",
                tasks.len()
            )));
        }
        self.core.durability.check()?;
        if needs_two(self.core.approval, tasks, request) {
            let work = ProposalWork::Merge(tasks.to_vec(), Box::new(request.clone()));
            let Answer::Merges(answers, proposal) = self.submit(Wanted::Proposal(work))? else {
                return Err(RegistryError::Poisoned);
            };
            if proposal.is_some() {
                self.changed([]);
            }
            return Ok(ManyAnswers { answers, proposal });
        }
        let mut answers = Vec::with_capacity(tasks.len());
        for part in tasks.chunks(IN_FLIGHT_MAX) {
            let sent: Vec<_> = part
                .iter()
                .map(|task| {
                    let reviewed = self.checked(*task, request.clone())?;
                    self.send(Work::Review(Box::new(reviewed)))
                })
                .collect();
            for (task, sent) in part.iter().zip(sent) {
                let answer = sent.and_then(|receiver| self.receive(&receiver));
                if answer.is_ok() {
                    self.changed([]);
                    self.core.claims.lock().forget(*task);
                }
                answers.push((*task, answer.map(|_: Answer| ())));
            }
        }
        Ok(ManyAnswers { answers, proposal: None })
    }

    /// What can be checked before the commit thread is asked.
    fn checked(&self, task: TaskId, request: ReviewRequest) -> Result<Reviewed, RegistryError> {
        self.core.durability.check()?;
        self.refuse_changing(self.core.persons_of_task(task))?;
        let now = self.core.clock.now();
        match &request.step {
            ReviewStep::Answer { outcome: ReviewOutcome::Moot, .. } => {
                return Err(RegistryError::invalid(
                    "a steward answers same or different: moot is not an answer",
                ));
            }
            ReviewStep::Escalate if request.reason.is_none() => {
                return Err(RegistryError::invalid(
                    "the reason is missing: say why a lead steward should decide",
                ));
            }
            ReviewStep::Snooze { until: Some(until) }
            | ReviewStep::AskSource { until: Some(until) }
                if *until <= now =>
            {
                return Err(RegistryError::invalid(
                    "the date is past: name one that is to come, or none to wait for new data",
                ));
            }
            ReviewStep::Assign { steward: Some(name) } if name.trim().is_empty() => {
                return Err(RegistryError::invalid(
                    "the steward's name is empty: name one, or give the task to nobody",
                ));
            }
            _ => {}
        }
        let claims = self.core.claims.lock();
        claims.refuse_others(task, &request.actor.name, now)?;
        let took_ms = claims.held_ms(task, &request.actor.name, now);
        Ok(Reviewed { task, request, took_ms })
    }
}
