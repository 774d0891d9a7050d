//! Composing what stewards do with review tasks, and which of them wait again.

use empi_linkage::{Intern, LexiconOverlay, compare, score};
use empi_model::{
    Again, Asks, Decision, EventKind, Guard, LinkDecision, Opinion, RecordIndex, Remark,
    ReviewOutcome, ReviewState, ReviewTask, Seen, Snooze, TaskId, TaskStage, Timestamp, Waiting,
};

use super::{Context, Draft, EventWords};
use crate::RegistryError;
use crate::incoming::Incoming;
use crate::mirror::Change;
use crate::review::{ReviewRequest, ReviewStep, Reviewed};

/// Composes what a steward does with a task. Nothing changes when the same was done before.
pub(crate) fn compose_review(
    context: Context<'_>,
    reviewed: &Reviewed,
) -> Result<Option<Change>, RegistryError> {
    let Reviewed { task: id, request, took_ms } = reviewed;
    let Some(task) = context.pending.task(*id)? else {
        let sentence = format!("there is no review task {id}: list the tasks and take one of them");
        return Err(RegistryError::not_found(sentence));
    };
    let waiting = match &task.state {
        ReviewState::Open(waiting) => waiting.clone(),
        ReviewState::Resolved(decision) => return answered_before(*id, decision, &request.step),
    };
    let mut draft = Draft::new(context);
    let words = match &request.step {
        ReviewStep::Answer { outcome, second_opinion } => {
            let answer = Answer { outcome: *outcome, second_opinion: *second_opinion };
            draft.take_answer(&task, waiting, answer, request, *took_ms)?
        }
        ReviewStep::Snooze { until } => draft.put_off(&task, waiting, *until, false, request)?,
        ReviewStep::AskSource { until } => draft.put_off(&task, waiting, *until, true, request)?,
        ReviewStep::Escalate => draft.escalate(&task, waiting, request)?,
        ReviewStep::Assign { steward } => draft.assign(&task, waiting, steward.clone())?,
    };
    let Some(words) = words else { return Ok(None) };
    draft.finish(EventWords { task: Some(*id), ..words }).map(Some)
}

#[derive(Clone, Copy)]
struct Answer {
    outcome: ReviewOutcome,
    second_opinion: bool,
}

/// A task that is answered takes the same answer again, and nothing else.
fn answered_before(
    id: TaskId,
    decision: &Decision,
    step: &ReviewStep,
) -> Result<Option<Change>, RegistryError> {
    if matches!(step, ReviewStep::Answer { outcome, .. } if *outcome == decision.outcome) {
        return Ok(None);
    }
    Err(RegistryError::conflict(match decision.outcome {
        ReviewOutcome::Moot => format!(
            "review task {id} was settled by another change before it was answered: look at the \
             records as they stand now"
        ),
        answered => format!(
            "review task {id} was answered {} before: look at that answer, it is not overwritten",
            answered.as_str()
        ),
    }))
}

impl Draft<'_> {
    fn take_answer(
        &mut self,
        task: &ReviewTask,
        mut waiting: Waiting,
        answer: Answer,
        request: &ReviewRequest,
        took_ms: Option<u64>,
    ) -> Result<Option<EventWords>, RegistryError> {
        let Answer { outcome, second_opinion } = answer;
        let id = task.id;
        let opinion = Opinion { outcome, remark: self.remark(request) };
        match (waiting.stage_awake(), waiting.opinions.first()) {
            (TaskStage::Escalated, _) if !request.is_lead => {
                return Err(RegistryError::conflict(format!(
                    "review task {id} waits for a lead steward: leave it to one, or answer as one"
                )));
            }
            (TaskStage::SecondOpinion, Some(first)) => {
                if first.remark.actor.name == opinion.remark.actor.name {
                    if second_opinion && first.outcome == outcome {
                        return Ok(None);
                    }
                    return Err(RegistryError::conflict(format!(
                        "you have answered review task {id} already: another steward says what they \
                         think, without knowing your answer"
                    )));
                }
                if first.outcome != outcome {
                    let note = "two stewards do not agree".to_owned();
                    waiting.escalated = Some(Remark { note, ..opinion.remark.clone() });
                    return Ok(Some(self.take_opinion(task, waiting, opinion)?));
                }
                waiting.opinions.push(opinion);
            }
            _ if second_opinion => return Ok(Some(self.take_opinion(task, waiting, opinion)?)),
            _ => {}
        }
        self.decide(
            task.clone(),
            Decision {
                outcome,
                actor: request.actor.clone(),
                time: self.context.time,
                reason: request.reason,
                note: request.note.clone(),
                event: Some(self.event),
                opinions: waiting.opinions,
                seen: self.seen(task),
                took_ms,
                refused: self.refused(task, outcome)?,
            },
        );
        let words = self.apply_answer(task, outcome)?;
        Ok(Some(said(words, request)))
    }

    /// The hash of the content that an answer rejects.
    fn refused(
        &self,
        task: &ReviewTask,
        outcome: ReviewOutcome,
    ) -> Result<Option<u64>, RegistryError> {
        if outcome != ReviewOutcome::Rejected {
            return Ok(None);
        }
        match self.context.mirror.tasks.held(task.incoming) {
            Some(held) if held.task == task.id => Ok(Some(held.content_hash)),
            _ => Err(RegistryError::conflict(format!(
                "review task {} holds no update that could be rejected: answer same or different",
                task.id
            ))),
        }
    }

    /// An answer that does not count yet. Its event does not tell it: another steward is asked who should not
    /// know.
    fn take_opinion(
        &mut self,
        task: &ReviewTask,
        mut waiting: Waiting,
        opinion: Opinion,
    ) -> Result<EventWords, RegistryError> {
        waiting.opinions.push(opinion);
        (waiting.snooze, waiting.assignee) = (None, None);
        let what = match waiting.escalated {
            Some(_) => "two stewards do not agree about",
            None => "a steward has answered, and another is asked about,",
        };
        self.put_waiting(task, waiting, EventKind::OpinionGiven, what)
    }

    fn put_off(
        &mut self,
        task: &ReviewTask,
        mut waiting: Waiting,
        until: Option<Timestamp>,
        source_asked: bool,
        request: &ReviewRequest,
    ) -> Result<Option<EventWords>, RegistryError> {
        let remark = self.remark(request);
        if let Some(snooze) = &waiting.snooze
            && (snooze.until, snooze.source_asked) == (until, source_asked)
            && snooze.remark.actor == remark.actor
        {
            return Ok(None);
        }
        waiting.snooze = Some(Snooze { until, source_asked, remark });
        let (kind, what) = if source_asked {
            (EventKind::SourceAsked, "a steward asked the source about")
        } else {
            (EventKind::TaskSnoozed, "a steward put off")
        };
        let words = self.put_waiting(task, waiting, kind, what)?;
        Ok(Some(said(words, request)))
    }

    fn escalate(
        &mut self,
        task: &ReviewTask,
        mut waiting: Waiting,
        request: &ReviewRequest,
    ) -> Result<Option<EventWords>, RegistryError> {
        if waiting.escalated.is_some() {
            return Ok(None);
        }
        waiting.escalated = Some(self.remark(request));
        (waiting.snooze, waiting.assignee) = (None, None);
        let what = "a steward left to a lead steward";
        let words = self.put_waiting(task, waiting, EventKind::TaskEscalated, what)?;
        Ok(Some(said(words, request)))
    }

    fn assign(
        &mut self,
        task: &ReviewTask,
        mut waiting: Waiting,
        steward: Option<String>,
    ) -> Result<Option<EventWords>, RegistryError> {
        if waiting.assignee == steward {
            return Ok(None);
        }
        let what = match &steward {
            Some(_) => "somebody is to answer",
            None => "nobody in particular is to answer",
        };
        waiting.assignee = steward;
        self.put_waiting(task, waiting, EventKind::TaskAssigned, what).map(Some)
    }

    /// Writes how a task waits, and says so in an event about its person. No identity changes.
    fn put_waiting(
        &mut self,
        task: &ReviewTask,
        waiting: Waiting,
        kind: EventKind,
        what: &str,
    ) -> Result<EventWords, RegistryError> {
        let person = self.person_of(task.incoming)?;
        let state = ReviewState::Open(waiting);
        self.change.commit.tasks.push(ReviewTask { state, event: self.event, ..task.clone() });
        let reason = format!("{what} review task {} ({})", task.id, task.kind.as_str());
        Ok(EventWords {
            records: vec![task.incoming],
            old: Some(person),
            ..EventWords::new(kind, person, reason)
        })
    }

    fn remark(&self, request: &ReviewRequest) -> Remark {
        let (actor, note) = (request.actor.clone(), request.note.clone());
        Remark { actor, time: self.context.time, reason: request.reason, note }
    }

    /// How the two records of a question compare before this change.
    pub(super) fn seen(&self, task: &ReviewTask) -> Option<Seen> {
        if !matches!(task.asks(), Asks::WhetherOne | Asks::WhetherTwo) {
            return None;
        }
        let Context { mirror, model, .. } = self.context;
        let (one, other) = (mirror.row(task.incoming)?, mirror.row(task.candidate)?);
        let pattern = mirror.pattern(task.incoming, task.candidate)?;
        let weight = score(model, &mirror.lexicon, &one, &other).weight;
        Some(Seen { pattern, weight })
    }

    /// Lets questions about a record wait again that were answered *different* or settled, if its new content
    /// changes the comparison decisively (identity rule 9): the pair reaches the review threshold, with other
    /// levels than were decided on, and weighs more than it did then. What was decided stays in force until
    /// somebody answers. Called when the new content is written.
    pub(super) fn ask_again(
        &mut self,
        record: RecordIndex,
        incoming: &Incoming,
    ) -> Result<Vec<TaskId>, RegistryError> {
        let mirror = self.context.mirror;
        let mut asked = Vec::new();
        for id in mirror.closed.of_record(record) {
            let Some(task) = self.context.pending.task(id)? else { continue };
            let Some(decision) = task.state.decision().filter(|_| !self.writes_task(id)) else {
                continue;
            };
            let other = if task.incoming == record { task.candidate } else { task.incoming };
            let Some((seen, guards)) = self.compares_now(incoming, other) else { continue };
            let was = decision.seen.clone().or_else(|| {
                let pattern = mirror.pattern(task.incoming, task.candidate)?;
                Some(Seen { pattern, weight: task.weight })
            });
            let is_decisive =
                was.is_none_or(|was| was.pattern != seen.pattern && seen.weight > was.weight);
            if !is_decisive || !self.may_be_asked(&task, record, other) {
                continue;
            }
            let again = Again { earlier: decision.clone(), weight: seen.weight, guards };
            let waiting = Waiting { again: Some(Box::new(again)), ..Waiting::default() };
            let state = ReviewState::Open(waiting);
            self.reopened.push(ReviewTask { state, event: self.event, ..task });
            asked.push(id);
        }
        Ok(asked)
    }

    /// How the new content of a record compares with another record, and what would hold a link back; `None`
    /// below the review threshold.
    fn compares_now(&self, incoming: &Incoming, other: RecordIndex) -> Option<(Seen, Vec<Guard>)> {
        let Context { mirror, model, .. } = self.context;
        let other = mirror.row(other)?;
        let mut values = LexiconOverlay::new(&mirror.lexicon);
        let row = values.row(&incoming.normalized);
        let scored = score(model, &values, &row, &other);
        let pattern = compare(&values, &row, &other).vector.pattern();
        let seen = Seen { pattern, weight: scored.weight };
        (scored.decision != LinkDecision::NonLink).then(|| (seen, scored.guards.iter().collect()))
    }

    /// Whether an answered question may be asked again: about two persons with a say about whom nothing is
    /// asked yet, and who are kept apart, if they are, by nothing but its own answer.
    fn may_be_asked(&self, task: &ReviewTask, record: RecordIndex, other: RecordIndex) -> bool {
        let mirror = self.context.mirror;
        let (Some(one), Some(two)) = (self.person_after(record), self.person_after(other)) else {
            return false;
        };
        let was_different =
            task.state.decision().is_some_and(|it| it.outcome == ReviewOutcome::Different);
        one != two
            && mirror.known(other).is_some_and(|other| other.is_active)
            && mirror.questions_between(one, two).is_empty()
            && self.reopened_between(record, other).is_none()
            && (was_different || !mirror.are_kept_apart(one, two))
    }

    /// A question that waits again after this change between the persons of two records.
    pub(super) fn reopened_between(
        &self,
        record: RecordIndex,
        other: RecordIndex,
    ) -> Option<TaskId> {
        let persons = [self.person_after(record), self.person_after(other)];
        let is_between = |task: &&ReviewTask| {
            let asked = [self.person_after(task.incoming), self.person_after(task.candidate)];
            task.asks() == Asks::WhetherOne
                && (asked == persons || asked == [persons[1], persons[0]])
        };
        self.reopened.iter().filter(is_between).map(|task| task.id).min()
    }

    /// What was put off about a record waits again when new data come to it.
    pub(super) fn wake_questions(&mut self) -> Result<(), RegistryError> {
        for record in std::mem::take(&mut self.renewed) {
            let tasks: Vec<TaskId> =
                self.context.mirror.tasks.of_record(record).map(|task| task.id).collect();
            for id in tasks {
                let is_put_off = self.context.mirror.worklist.get(id).is_some_and(|listed| {
                    listed.snoozed.is_some()
                        || matches!(listed.stage, TaskStage::Snoozed | TaskStage::SourceAsked)
                });
                if !is_put_off || self.writes_task(id) {
                    continue;
                }
                let Some(task) = self.context.pending.task(id)? else { continue };
                let Some(waiting) = task.state.waiting().cloned() else { continue };
                let state = ReviewState::Open(Waiting { snooze: None, ..waiting });
                self.change.commit.tasks.push(ReviewTask { state, event: self.event, ..task });
            }
        }
        Ok(())
    }
}

/// An event with what the steward said.
fn said(words: EventWords, request: &ReviewRequest) -> EventWords {
    EventWords { reason_code: request.reason, note: request.note.clone(), ..words }
}
