//! One question: the records side by side, what speaks for and against one person, and what would happen.

use axum::extract::{Path, State};
use empi_model::{
    Actor, Asks, EnterpriseId, MatchGrade, ReasonCode, TaskId, Thresholds, Timestamp,
};
use empi_registry::{
    EventView, MatchCandidate, Rarity, Registry, RegistryError, StewardOperation, StewardRequest,
    TaskView,
};
use maud::{Markup, html};

use super::undo::undo;
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal, sentence};
use crate::web::layout::csrf;
use crate::web::session::Trail;
use crate::web::view::changes::changes;
use crate::web::view::compare::{Column, table};
use crate::web::view::evidence::{bits, gauge, waterfall};
use crate::web::view::fields::visible;
use crate::web::view::time::{date, day_and_time};
use crate::web::view::words;
use crate::web::{Visit, Web};

/// Persons that a held update is compared with.
const RESEMBLED_MAX: usize = 4;

/// What the page shows.
struct Shown {
    view: TaskView,
    thresholds: Thresholds,
    now: Timestamp,
    rarity: Rarity,
    /// What each answer would do, or why it cannot be given.
    same: Option<Outlook>,
    different: Option<Outlook>,
    /// For a held update: whom it resembles.
    resembled: Vec<MatchCandidate>,
    /// How many questions compare like this one, itself included.
    alike: u64,
}

/// What an answer would do, or why it would be refused.
type Outlook = Result<EventView, String>;

fn look(registry: &Registry, id: TaskId, actor: &Actor) -> Result<Shown, RegistryError> {
    let view = registry.task(id)?;
    let is_open = view.line.task.state.is_open();
    let asked = view.proposed.as_ref().unwrap_or(&view.incoming.record.record);
    let (rarity, resembled) = match &view.proposed {
        Some(proposed) => (registry.rarity(asked), registry.match_record(proposed, RESEMBLED_MAX)?),
        None => (registry.rarity(asked), Vec::new()),
    };
    let (same, different) = match view.line.task.asks() {
        Asks::WhetherOne if is_open => outlooks(registry, &view, actor),
        _ => (None, None),
    };
    let (thresholds, now) = (registry.thresholds(), registry.now());
    let alike = view.line.pattern.as_ref().map_or(0, |it| registry.open_tasks_alike(it));
    Ok(Shown { alike, thresholds, now, rarity, same, different, resembled, view })
}

/// Asks the registry what both answers would do. Nothing is changed.
fn outlooks(
    registry: &Registry,
    view: &TaskView,
    actor: &Actor,
) -> (Option<Outlook>, Option<Outlook>) {
    let (left, right) = (&view.incoming, &view.candidate);
    let keys = [left, right].map(|view| view.record.record.key.clone());
    let [one, other] = keys;
    let ask = |operation| {
        let request = StewardRequest {
            operation,
            actor: actor.clone(),
            reason: ReasonCode::ChartReview,
            note: String::new(),
            request_id: None,
            version_token: None,
            validate_only: true,
        };
        registry.steward(request).map(|answer| answer.event).map_err(|error| error.to_string())
    };
    let same = ask(StewardOperation::LinkRecords { left: one.clone(), right: other.clone() });
    let different = ask(StewardOperation::KeepApart { left: one, right: other });
    (Some(same), Some(different))
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<u64>,
) -> Result<Answer, Refusal> {
    let (task, actor) = (TaskId(id), visit.actor());
    let shown = web.ask(move |registry| look(registry, task, &actor)).await?;
    let trail = web.0.sessions.step(visit.session.id, id);
    Ok(Answer::Page("Task", page(&shown, &visit, trail)))
}

fn page(shown: &Shown, visit: &Visit, trail: Trail) -> Markup {
    let view = &shown.view;
    let columns = columns(view);
    html! {
        (heading(shown, trail))
        div.decision {
            div {
                @if !view.explanation.rows.is_empty() || view.line.task.asks() == Asks::Nothing {
                    (table(&columns, &view.explanation, &shown.rarity))
                }
                (resembled(shown))
                @if !view.explanation.rows.is_empty() {
                    details.card.way {
                        summary data-key="w" { "How the bits add up " kbd { "w" } }
                        (waterfall(&view.explanation, shown.thresholds, words::evidence))
                    }
                }
            }
            aside aria-label="Decision" {
                (sum(shown))
                (decision(shown, visit))
                @if let Some(pattern) = view.line.pattern.as_ref().filter(|_| shown.alike > 1) {
                    a.alike href={ "/alike/" (pattern) } {
                        (words::grouped(shown.alike)) " questions compare like this one"
                    }
                }
            }
        }
    }
}

fn heading(shown: &Shown, trail: Trail) -> Markup {
    let line = &shown.view.line;
    let task = &line.task;
    html! {
        header.question {
            div {
                h1 { (words::kind(task.kind)) " " span.soft.number { (task.id) } }
                p.why { (sentence(&line.why)) }
            }
            div.meta {
                span title=(day_and_time(task.created)) { "waiting " (words::age(task.created, shown.now)) }
                @if let Some(claim) = &line.claim { span.taken { "taken by " (visible(&claim.steward)) } }
                @if let Some(stage) = line.stage { span.tag { (words::stage(stage)) } }
                @if let Some(previous) = trail.previous {
                    a.button href={ "/tasks/" (previous) } data-key="k" { "Back" kbd { "k" } }
                }
                a.button href={ "/persons/" (shown.view.incoming.enterprise_id) "#history" } data-key="h" { "History" kbd { "h" } }
                a.button href="/worklist" data-key="l" { "Worklist" kbd { "l" } }
            }
        }
    }
}

pub(super) fn columns(view: &TaskView) -> Vec<Column<'_>> {
    let person = |id: EnterpriseId, updated: Timestamp| {
        html! {
            a.id href={ "/persons/" (id) } { (id) } " \u{00b7} " span.number { (date(updated)) }
        }
    };
    let record = |part, view: &'_ empi_registry::RecordView| {
        (part, person(view.enterprise_id, view.record.updated))
    };
    let (left, right) = (&view.incoming, &view.candidate);
    let mut columns = Vec::new();
    if let Some(proposed) = &view.proposed {
        let below = html! { "waits to be applied" };
        columns.push(Column { part: "New version", key: &proposed.key, record: proposed, below });
        let (part, below) = record("As it stands", left);
        let stored = &left.record.record;
        columns.push(Column { part, key: &stored.key, record: stored, below });
    } else {
        let (part, below) = record("Incoming", left);
        let stored = &left.record.record;
        columns.push(Column { part, key: &stored.key, record: stored, below });
    }
    if left.record.index != right.record.index {
        let (part, below) = record("Candidate", right);
        let stored = &right.record.record;
        columns.push(Column { part, key: &stored.key, record: stored, below });
    }
    columns
}

/// The sum against the thresholds, and what held a link back.
fn sum(shown: &Shown) -> Markup {
    let explanation = &shown.view.explanation;
    html! {
        section.card.sum {
            h2.unseen { "Sum" }
            div.total {
                strong.number { (bits(explanation.total)) } " bits"
                span.soft { "probability " (probability(explanation.total.probability().value())) }
            }
            (gauge(explanation.total, shown.thresholds))
            @for guard in &explanation.guards {
                p.guard { (sentence(guard.reason())) }
            }
        }
    }
}

/// A probability as people read it, never rounded to a certainty.
fn probability(value: f64) -> String {
    if value > 0.9995 {
        "over 99.9 %".to_owned()
    } else if value < 0.0005 {
        "below 0.1 %".to_owned()
    } else {
        format!("{:.1} %", value * 100.0)
    }
}

/// An answer that can be given, and what it does.
struct Choice {
    value: &'static str,
    key: &'static str,
    label: &'static str,
    what: Markup,
}

fn choices(shown: &Shown) -> Vec<Choice> {
    let task = &shown.view.line.task;
    let told = |sentence: &str| html! { ul { li { (sentence) } } };
    let choice = |value, key, label, what| Choice { value, key, label, what };
    let same = |what| choice("same", "s", "Same person", what);
    let different = |what| choice("different", "d", "Different people", what);
    match task.asks() {
        Asks::WhetherOne => {
            vec![same(outlook(shown.same.as_ref())), different(outlook(shown.different.as_ref()))]
        }
        Asks::WhetherUpdated => vec![
            same(told("The new version is applied, and the record stays with its person.")),
            different(told(
                "The record leaves its person with the new version, and goes to whom it resembles.",
            )),
            choice(
                "rejected",
                "y",
                "Reject",
                told(
                    "The record stays as it is; the same version changes nothing when it comes again.",
                ),
            ),
        ],
        Asks::WhetherTwo => vec![
            same(told("The person stays as it is, and this is not asked again.")),
            different(told("The person is divided, and its two parts are kept apart.")),
        ],
        Asks::Nothing => {
            vec![choice("same", "s", "Noted", told("Nothing changes: it is taken off the list."))]
        }
    }
}

/// What the answers would do, for those who do not give them.
fn what_would_happen(shown: &Shown) -> Markup {
    html! {
        section.card.outlook {
            h2 { "What would happen" }
            @for choice in choices(shown) { h3 { (choice.label) } (choice.what) }
        }
    }
}

fn outlook(outlook: Option<&Outlook>) -> Markup {
    html! {
        @match outlook {
            None => {}
            Some(Err(refused)) => p.wrong { (sentence(refused)) },
            Some(Ok(event)) => (changes(event)),
        }
    }
}

/// Whom a held update resembles now.
fn resembled(shown: &Shown) -> Markup {
    html! {
        @if shown.view.proposed.is_some() {
            section.card {
                h2 { "Whom the new version resembles" }
                @if shown.resembled.is_empty() { p.soft { "Nobody in the index." } }
                table.rows {
                    tbody {
                        @for candidate in &shown.resembled {
                            tr {
                                th scope="row" { a.id href={ "/persons/" (candidate.enterprise_id) } { (candidate.enterprise_id) } }
                                td { (visible(&candidate.record.source)) " " span.id { (visible(&candidate.record.record_id)) } }
                                td.bits.number { (bits(candidate.explanation.total)) }
                                td {
                                    @match candidate.grade {
                                        MatchGrade::Certain => "certain",
                                        MatchGrade::Probable => "probable",
                                        MatchGrade::Possible => "possible",
                                        MatchGrade::CertainlyNot => "not",
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The answers, each with its key, or how it was answered.
fn decision(shown: &Shown, visit: &Visit) -> Markup {
    let task = &shown.view.line.task;
    let id = task.id;
    if let Some(decision) = task.state.decision() {
        return answered(decision, visit);
    }
    if !Operation::Decide.allows(visit.user.role) {
        return what_would_happen(shown);
    }
    html! {
        form.card.answers.outlook method="post" action={ "/tasks/" (id) } {
            h2.unseen { "Answer" }
            (csrf(visit))
            input type="hidden" name="place" value=(shown.view.line.place);
            @for Choice { value, key, label, what } in choices(shown) {
                button.answer.(value) type="submit" name="do" value=(value) data-key=(key) { (label) kbd { (key) } }
                (what)
            }
            label for="reason" { "Reason" }
            select #reason name="reason" data-key="r" {
                @for reason in ReasonCode::ALL {
                    option value=(reason.as_str()) { (words::reason(reason)) }
                }
            }
            label for="note" { "Note, without patient data" }
            input #note name="note" type="text" maxlength="500" autocomplete="off" data-key="o";
            div.more {
                button type="submit" name="do" value="snooze" data-key="n" { "Not sure" kbd { "n" } }
                select name="until" aria-label="Put off until" {
                    option value="1" { "tomorrow" }
                    option value="7" selected { "next week" }
                    option value="30" { "next month" }
                    option value="0" { "new data come" }
                }
            }
            div.more {
                button type="submit" name="do" value="escalate" data-key="e" { "Escalate" kbd { "e" } }
                button type="submit" name="do" value="ask" data-key="a" { "Source asked" kbd { "a" } }
            }
            div.more {
                a.button href={ "/persons/" (shown.view.candidate.enterprise_id) } data-key="x" { "Split" kbd { "x" } }
                button type="submit" name="do" value="skip" data-key="j" { "Next" kbd { "j" } }
                button type="submit" name="do" value="release" { "Give back" }
            }
            label.check { input type="checkbox" name="second" value="yes"; "Ask a second steward" }
        }
    }
}

fn answered(decision: &empi_model::Decision, visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 { "Answered: " (decision.outcome.as_str()) }
            p {
                (visible(&decision.actor.name)) ", " (day_and_time(decision.time))
                @if let Some(reason) = decision.reason { ". " (words::reason(reason)) }
                @if !decision.note.is_empty() { ". " (visible(&decision.note)) }
            }
            @if let Some(event) = decision.event.filter(|_| Operation::Decide.allows(visit.user.role)) {
                (undo(visit, event, None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_probability_is_told_as_certainty() {
        for (value, told) in
            [(1.0, "over 99.9 %"), (0.992, "99.2 %"), (0.5, "50.0 %"), (0.0, "below 0.1 %")]
        {
            assert_eq!(probability(value), told);
        }
    }
}
