//! Questions whose records compare alike, answered together: some of them in full to look at first, then all
//! that were listed by one key, each by an event of its own, and a way back for all of them.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use empi_model::{ComparisonPattern, EventSequence, ReviewOutcome, TaskId, TaskPlace};
use empi_registry::{
    ManyAnswers, Rarity, Registry, RegistryError, ReviewRequest, ReviewStep, TASKS_AT_ONCE_MAX,
    TaskFilter, TaskQuery, TaskView,
};
use maud::{Markup, html};

use super::decide::note;
use super::operation::{choose_reason, reason};
use super::task::columns;
use super::undo::undo_all;
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal, sentence};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::compare::table;
use crate::web::view::evidence::bits;
use crate::web::view::words;
use crate::web::{Visit, Web};

/// Questions that are shown in full before all of them are answered.
const SAMPLE: usize = 4;

/// Questions that are answered together at most.
const TOGETHER_MAX: usize = 500;

/// What the page shows.
struct Shown {
    tasks: Vec<TaskId>,
    /// How many compare alike, those that are not listed included.
    count: u64,
    sample: Vec<(TaskView, Rarity)>,
    /// Questions that one person answers *same* together; more need a second person.
    merges_max: Option<usize>,
}

/// The first of the questions that compare alike, in the order of the queue.
fn listed(registry: &Registry, pattern: &ComparisonPattern) -> Result<Vec<TaskId>, RegistryError> {
    let filter = TaskFilter { pattern: Some(pattern.clone()), ..TaskFilter::default() };
    let mut tasks = Vec::new();
    let mut after: Option<TaskPlace> = None;
    while tasks.len() < TOGETHER_MAX {
        let limit = TOGETHER_MAX - tasks.len();
        let query = TaskQuery { filter: filter.clone(), include_resolved: false, after, limit };
        let page = registry.tasks(&query)?;
        tasks.extend(page.tasks.iter().map(|line| line.task.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(tasks)
}

fn look(registry: &Registry, pattern: &ComparisonPattern) -> Result<Shown, RegistryError> {
    let tasks = listed(registry, pattern)?;
    let apart = tasks.len().div_ceil(SAMPLE).max(1);
    let shown = tasks.iter().step_by(apart).map(|id| {
        let view = registry.task(*id)?;
        let rarity = registry.rarity(&view.incoming.record.record);
        Ok((view, rarity))
    });
    let sample = shown.collect::<Result<_, RegistryError>>()?;
    let merges_max = registry.approval().merges_max;
    Ok(Shown { count: registry.open_tasks_alike(pattern), sample, tasks, merges_max })
}

fn pattern_of(text: &str) -> Result<ComparisonPattern, Refusal> {
    ComparisonPattern::parse(text).ok_or_else(Refusal::not_found)
}

/// The questions that compare alike.
pub(in crate::web) async fn show(
    State(web): State<Web>,
    visit: Visit,
    Path(text): Path<String>,
) -> Result<Answer, Refusal> {
    let pattern = pattern_of(&text)?;
    let shown = web.ask(move |registry| look(registry, &pattern)).await?;
    Ok(Answer::Page("Alike", page(&shown, &text, &visit)))
}

fn page(shown: &Shown, pattern: &str, visit: &Visit) -> Markup {
    let listed = shown.tasks.len();
    html! {
        header.question {
            div {
                h1 { (words::grouped(shown.count)) " questions compare alike" }
                p.why {
                    "Their records agree and disagree in the same fields by the same degree. "
                    "What follows are " (shown.sample.len()) " of them, taken evenly from the list."
                }
            }
            div.meta { a.button href="/worklist" data-key="l" { "Worklist" kbd { "l" } } }
        }
        @for (view, rarity) in &shown.sample {
            section.card {
                h2 {
                    a href={ "/tasks/" (view.line.task.id) } { "Task " (view.line.task.id) }
                    " " span.soft.number { (bits(view.explanation.total)) " bits" }
                }
                p.soft { (sentence(&view.line.why)) }
                (table(&columns(view), &view.explanation, rarity))
            }
        }
        @if listed == 0 { p.empty { "Nothing waits here." } }
        @if listed > 0 && Operation::DecideMany.allows(visit.user.role) {
            (answers(shown, pattern, visit))
        }
    }
}

fn answers(shown: &Shown, pattern: &str, visit: &Visit) -> Markup {
    let listed = shown.tasks.len();
    html! {
        form.card.answers.together method="post" action={ "/alike/" (pattern) } {
            h2 { "Answer " (words::grouped(listed as u64)) " questions at once" }
            @if (listed as u64) < shown.count {
                p.soft { "The others follow when these are answered." }
            }
            p.soft { "Each becomes an event of its own. Those that somebody has taken are left out." }
            @if shown.merges_max.is_some_and(|max| listed > max) {
                p.soft { "That they are one person each is done when somebody else approves it." }
            }
            (csrf(visit))
            @for task in &shown.tasks { input type="hidden" name="task" value=(task); }
            button.answer.same type="submit" name="do" value="same" { "All are one person each" }
            button.answer.different type="submit" name="do" value="different" { "All are different people" }
            (choose_reason("reason"))
            label for="note" { "Note, without patient data" }
            input #note name="note" type="text" maxlength="500" autocomplete="off";
        }
    }
}

/// What became of one task: the event that answered it, or why it is as it was.
type Became = (TaskId, Result<EventSequence, String>);

/// Answers every question that the page had listed.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(text): Path<String>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let pattern = pattern_of(&text)?;
    let outcome = match fields.get("do") {
        "same" => ReviewOutcome::Same,
        "different" => ReviewOutcome::Different,
        _ => return Err(Refusal::invalid("There is no such answer.")),
    };
    let numbers = fields.all("task").map(|number| number.parse().map(TaskId));
    let tasks: Vec<TaskId> = numbers
        .take(TASKS_AT_ONCE_MAX + 1)
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::invalid("A task has no number: go back and try again."))?;
    let request = ReviewRequest {
        step: ReviewStep::Answer { outcome, second_opinion: false },
        actor: visit.actor(),
        is_lead: visit.is_lead(),
        reason: reason(&fields),
        note: note(&fields)?,
    };
    let became = web.ask(move |registry| answer_all(registry, &pattern, &tasks, &request)).await?;
    if let (became, Some(number)) = &became {
        return Ok(Answer::Page("Alike", proposed_page(became, *number)));
    }
    Ok(Answer::Page("Alike", outcome_page(&became.0, outcome, &visit)))
}

/// Answers those that still compare as the sample did: the others nobody has looked at.
fn answer_all(
    registry: &Registry,
    pattern: &ComparisonPattern,
    tasks: &[TaskId],
    request: &ReviewRequest,
) -> Result<(Vec<Became>, Option<u64>), RegistryError> {
    let still: BTreeSet<TaskId> = listed(registry, pattern)?.into_iter().collect();
    let (alike, changed): (Vec<TaskId>, Vec<TaskId>) =
        tasks.iter().partition(|task| still.contains(*task));
    let why = "its records compare otherwise now: look at it by itself";
    let mut all: Vec<Became> = changed.into_iter().map(|id| (id, Err(why.to_owned()))).collect();
    let ManyAnswers { answers, proposal } = registry.review_all(&alike, request)?;
    let became = answers.into_iter().map(|(task, answer)| {
        let event = match answer {
            Ok(()) => Ok(registry.task(task)?.line.task.event),
            Err(error) => Err(error.to_string()),
        };
        Ok((task, event))
    });
    all.extend(became.collect::<Result<Vec<_>, RegistryError>>()?);
    Ok((all, proposal))
}

/// So many that somebody else has to approve it.
fn proposed_page(became: &[Became], number: u64) -> Markup {
    let proposed = became.iter().filter(|(_, event)| event.is_ok()).count();
    html! {
        h1 { (words::grouped(proposed as u64)) " questions wait for a second person" }
        p.why { "Nothing has changed yet: so many at once are answered when somebody else approves it." }
        div.inline.left {
            a.button.primary href={ "/approvals/" (number) } { "Proposal " (number) }
            a.button href="/worklist" data-key="l" { "Worklist" kbd { "l" } }
        }
        (left_out(became, became.len() - proposed))
    }
}

fn outcome_page(became: &[Became], outcome: ReviewOutcome, visit: &Visit) -> Markup {
    let events: Vec<EventSequence> =
        became.iter().filter_map(|(_, event)| event.as_ref().ok().copied()).collect();
    let refused = became.len() - events.len();
    html! {
        h1 { (words::grouped(events.len() as u64)) " questions answered: " (outcome.as_str()) }
        div.inline.left {
            a.button href="/worklist" data-key="l" { "Worklist" kbd { "l" } }
            @if !events.is_empty() { (undo_all(visit, &events)) }
        }
        (left_out(became, refused))
    }
}

/// Those that were refused, each with why.
fn left_out(became: &[Became], refused: usize) -> Markup {
    html! {
        @if refused > 0 {
            section.card.narrow {
                h2 { (words::grouped(refused as u64)) " are as they were" }
                table.rows {
                    tbody {
                        @for (task, event) in became {
                            @if let Err(why) = event {
                                tr {
                                    th.number scope="row" { a href={ "/tasks/" (task) } { (task) } }
                                    td { (sentence(why)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
