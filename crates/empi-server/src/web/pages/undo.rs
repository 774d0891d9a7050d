//! The way back: the button that undoes an event, and what it does.

use axum::extract::{Path, State};
use empi_model::{Actor, EnterpriseId, EventSequence, ReasonCode, TaskId};
use empi_registry::{Registry, RegistryError, StewardOperation, StewardRequest};
use maud::{Markup, html};

use super::operation::reason;
use crate::web::answer::{Answer, Refusal};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::{Visit, Web};

/// The button that undoes an event, and then leads back to a person, or to the question that the event answered.
pub(super) fn undo(visit: &Visit, event: EventSequence, person: Option<EnterpriseId>) -> Markup {
    html! {
        form.undo method="post" action={ "/events/" (event) "/undo" } {
            (csrf(visit))
            @if let Some(person) = person { input type="hidden" name="person" value=(person); }
            button type="submit" data-key="u" { "Undo" kbd { "u" } }
        }
    }
}

/// The button that undoes many events, the last one first.
pub(super) fn undo_all(visit: &Visit, events: &[EventSequence]) -> Markup {
    html! {
        form.undo method="post" action="/events/undo" {
            (csrf(visit))
            @for event in events { input type="hidden" name="event" value=(event); }
            button type="submit" { "Undo all " (events.len()) }
        }
    }
}

/// Undoes many events, each by an event of its own, the last one first; what one is refused for does not hinder
/// the others.
pub(in crate::web) async fn take_all(
    State(web): State<Web>,
    visit: Visit,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let numbers = fields.all("event").map(|number| number.parse().map(EventSequence));
    let mut events: Vec<EventSequence> = numbers
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::invalid("An event has no number: go back and try again."))?;
    events.sort_unstable();
    events.dedup();
    let (actor, count) = (visit.actor(), events.len());
    let undone = web
        .ask(move |registry| {
            let mut undone = 0_usize;
            for event in events.into_iter().rev() {
                match undone_event(registry, event, actor.clone(), ReasonCode::WrongDecision) {
                    Ok(_) => undone += 1,
                    Err(RegistryError::Conflict(_) | RegistryError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(undone)
        })
        .await?;
    let notice = html! {
        (undone) " of " (count) " events are undone."
        @if undone < count { " On top of the others something else has happened." }
    };
    web.0.sessions.leave_notice(visit.session.id, notice);
    Ok(Answer::see("/worklist"))
}

/// Undoes an event, whatever it was.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(event): Path<u64>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (event, actor) = (EventSequence(event), visit.actor());
    let reason = reason(&fields).unwrap_or(ReasonCode::WrongDecision);
    let task = web.ask(move |registry| undone_event(registry, event, actor, reason)).await?;
    web.0.sessions.leave_notice(visit.session.id, html! { "Event " (event) " is undone." });
    let person = fields.get("person").parse::<EnterpriseId>();
    Ok(match (person, task) {
        (Ok(person), _) => Answer::see(format!("/persons/{person}")),
        (_, Some(task)) => Answer::see(format!("/tasks/{task}")),
        (_, None) => Answer::see("/worklist"),
    })
}

/// Asks for the preview, and then for what it shows: nobody else may change the persons in between.
fn undone_event(
    registry: &Registry,
    event: EventSequence,
    actor: Actor,
    reason: ReasonCode,
) -> Result<Option<TaskId>, RegistryError> {
    let task = registry.event(event)?.event.task;
    let preview = StewardRequest {
        operation: StewardOperation::UndoEvent { event },
        actor,
        reason,
        note: String::new(),
        request_id: None,
        version_token: None,
        validate_only: true,
    };
    let token = registry.steward(preview.clone())?.version_token;
    registry.steward(StewardRequest {
        version_token: Some(token),
        validate_only: false,
        ..preview
    })?;
    Ok(task)
}
