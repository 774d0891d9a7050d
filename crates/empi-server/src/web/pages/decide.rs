//! What stewards do with a question, and the way to the next one; and the way back.

use axum::extract::{Path, State};
use empi_model::{Actor, ReviewOutcome, TaskId, TaskPlace, TaskStage, Timestamp};
use empi_registry::{Registry, RegistryError, ReviewRequest, ReviewStep, TaskFilter, TaskQuery};
use maud::html;

use super::operation::reason;
use super::undo::undo;
use super::worklist::Filter;
use crate::web::answer::{Answer, Refusal};
use crate::web::form::Fields;
use crate::web::gate::Form;
use crate::web::{Visit, Web};

/// How long somebody has a task who takes it.
const LEASE_MS: u64 = 15 * 60 * 1000;

/// Tasks that are looked at for the next one before the queue is begun anew.
const LOOK_AHEAD: usize = 64;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 2000;

/// Takes the first question of the worklist.
pub(in crate::web) async fn take_next(
    State(web): State<Web>,
    visit: Visit,
) -> Result<Answer, Refusal> {
    onward(&web, &visit, None).await
}

/// Takes one question of the worklist.
pub(in crate::web) async fn claim(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<u64>,
) -> Result<Answer, Refusal> {
    let actor = visit.actor();
    web.ask(move |registry| registry.claim_task(TaskId(id), &actor, LEASE_MS)).await?;
    Ok(Answer::see(format!("/tasks/{id}")))
}

/// What a button of the decision page does.
enum Deed {
    Review(ReviewStep, &'static str),
    Skip,
    Release,
}

fn deed(fields: &Fields, now: Timestamp) -> Result<Deed, Refusal> {
    let second_opinion = fields.get("second") == "yes";
    let days = fields.get("until").parse::<u16>().unwrap_or(7);
    let until = (days > 0).then(|| Timestamp(now.0.saturating_add(i64::from(days) * DAY_MS)));
    let answer = |outcome| ReviewStep::Answer { outcome, second_opinion };
    Ok(match fields.get("do") {
        "same" => Deed::Review(answer(ReviewOutcome::Same), "same person"),
        "rejected" => Deed::Review(answer(ReviewOutcome::Rejected), "update rejected"),
        "different" => Deed::Review(answer(ReviewOutcome::Different), "different people"),
        "snooze" => Deed::Review(ReviewStep::Snooze { until }, "put off"),
        "ask" => Deed::Review(ReviewStep::AskSource { until }, "source asked"),
        "escalate" => Deed::Review(ReviewStep::Escalate, "left to a lead steward"),
        "skip" => Deed::Skip,
        "release" => Deed::Release,
        _ => return Err(Refusal::invalid("There is no such answer.")),
    })
}

/// Does what the button says, and goes on to the next question.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<u64>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (task, actor) = (TaskId(id), visit.actor());
    let now = web.ask(|registry| Ok(registry.now())).await?;
    match deed(&fields, now)? {
        Deed::Skip => {}
        Deed::Release => {
            web.ask(move |registry| registry.release_task(task, &actor)).await?;
            return Ok(Answer::see("/worklist"));
        }
        Deed::Review(step, words) => {
            let outcome = match &step {
                ReviewStep::Answer { outcome, .. } => Some(*outcome),
                _ => None,
            };
            let request = request(step, &visit, &fields)?;
            let view = web.ask(move |registry| registry.review(task, request)).await?;
            let event = view.line.task.event;
            let practice = web.0.practice.as_ref();
            let comment = practice
                .zip(outcome)
                .and_then(|(practice, said)| practice.comment(&visit.user.name, &view, said));
            let notice = html! {
                @if let Some(comment) = comment { (comment) }
                span { "Task " (task) ": " (words) "." }
                (undo(&visit, event, None))
            };
            web.0.sessions.leave_notice(visit.session.id, notice);
        }
    }
    onward(&web, &visit, fields.get("place").parse().ok()).await
}

fn request(step: ReviewStep, visit: &Visit, fields: &Fields) -> Result<ReviewRequest, Refusal> {
    let note = note(fields)?;
    let reason = reason(fields);
    let is_lead = visit.is_lead();
    Ok(ReviewRequest { step, actor: visit.actor(), is_lead, reason, note })
}

/// The note that was written.
pub(super) fn note(fields: &Fields) -> Result<String, Refusal> {
    let note = fields.get("note").to_owned();
    if note.len() > NOTE_BYTES_MAX {
        return Err(Refusal::invalid("The note is too long: say it in 2,000 bytes."));
    }
    Ok(note)
}

/// Goes to the next question behind a place, taken for whoever is signed in, or back to the worklist.
async fn onward(web: &Web, visit: &Visit, after: Option<TaskPlace>) -> Result<Answer, Refusal> {
    let (filter, actor) = (Filter::of(visit).wanted(visit), visit.actor());
    let is_lead = visit.is_lead();
    let next = web.ask(move |registry| next(registry, &filter, after, &actor, is_lead)).await?;
    Ok(next.map_or_else(
        || {
            web.0
                .sessions
                .add_notice(visit.session.id, html! { "Nothing more waits that nobody else has." });
            Answer::see("/worklist")
        },
        |task| Answer::see(format!("/tasks/{task}")),
    ))
}

/// The next task that the steward may have, taken for them: behind a place first, then from the beginning.
fn next(
    registry: &Registry,
    filter: &TaskFilter,
    after: Option<TaskPlace>,
    actor: &Actor,
    is_lead: bool,
) -> Result<Option<TaskId>, RegistryError> {
    let query =
        TaskQuery { filter: filter.clone(), include_resolved: false, after, limit: LOOK_AHEAD };
    for line in registry.tasks(&query)?.tasks {
        let waiting = line.task.state.waiting();
        let assignee = waiting.and_then(|waiting| waiting.assignee.as_ref());
        let is_free = line.claim.as_ref().is_none_or(|claim| claim.steward == actor.name)
            && assignee.is_none_or(|assignee| *assignee == actor.name);
        let is_due = match line.stage {
            Some(TaskStage::Open | TaskStage::SecondOpinion) => true,
            Some(TaskStage::Escalated) => is_lead,
            Some(TaskStage::Snoozed | TaskStage::SourceAsked) => {
                filter.stages == line.stage.as_slice()
            }
            None => false,
        };
        if !is_free || !is_due || after.is_some_and(|after| after.task() == line.task.id) {
            continue;
        }
        match registry.claim_task(line.task.id, actor, LEASE_MS) {
            Ok(_) => return Ok(Some(line.task.id)),
            // Somebody was faster.
            Err(RegistryError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    match registry.claim_next(filter, actor, LEASE_MS) {
        Ok((view, _)) => Ok(Some(view.line.task.id)),
        Err(RegistryError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
