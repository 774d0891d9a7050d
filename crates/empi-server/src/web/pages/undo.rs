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

/// Undoes an event, whatever it was.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(event): Path<u64>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let (event, actor) = (EventSequence(event), visit.actor());
    let reason = reason(&fields).unwrap_or(ReasonCode::WrongDecision);
    let task = web.ask(move |registry| undone(registry, event, actor, reason)).await?;
    web.0.sessions.leave_notice(visit.session.id, html! { "Event " (event) " is undone." });
    let person = fields.get("person").parse::<EnterpriseId>();
    Ok(match (person, task) {
        (Ok(person), _) => Answer::see(format!("/persons/{person}")),
        (_, Some(task)) => Answer::see(format!("/tasks/{task}")),
        (_, None) => Answer::see("/worklist"),
    })
}

/// Asks for the preview, and then for what it shows: nobody else may change the persons in between.
fn undone(
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
