//! What a person asks for about their data: shown on their page, and noted there.

use axum::extract::{Path, State};
use empi_model::{Consent, ReasonCode};
use empi_registry::{PersonView, StewardOperation, StewardRequest};
use maud::{Markup, html};

use super::operation::{choose_reason, reason};
use super::person::id_of;
use super::undo::undo;
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::time::seconds;
use crate::web::view::words;
use crate::web::{Visit, Web};

/// What stands about a person above everything else: what they ask for, and what of them is not shown.
pub(in crate::web) fn standing(view: &PersonView) -> Markup {
    let Consent { not_shared, not_linked, event } = view.consent;
    html! {
        @if not_shared || not_linked {
            p.wish role="note" {
                @if not_shared { span.tag { "not to be shared" } " " }
                @if not_linked { span.tag { "not to be linked" } " " }
                span.soft { "noted with event " (event) }
                @if let Some(until) = view.emergency_until {
                    ". You are shown this person in an emergency, until " (seconds(until)) "; an auditor looks at it."
                }
            }
        }
        @if !view.withheld.is_empty() {
            p.soft {
                "Your role is not shown all of: "
                @for (at, field) in view.withheld.iter().enumerate() {
                    @if at > 0 { ", " } (words::golden_field(*field))
                }
                "."
            }
        }
    }
}

/// The form that notes it.
pub(in crate::web) fn form(view: &PersonView, visit: &Visit) -> Markup {
    let Consent { not_shared, not_linked, .. } = view.consent;
    if !Operation::SetConsent.allows(visit.user.role) {
        return Markup::default();
    }
    html! {
        form.card.wishes method="post" action={ "/persons/" (view.person.enterprise_id) "/consent" } {
            (csrf(visit))
            h2 { "What the person asks for" }
            label.check { input type="checkbox" name="not-shared" value="yes" checked[not_shared]; "My data are not to be shared" }
            label.check { input type="checkbox" name="not-linked" value="yes" checked[not_linked]; "My records are not to be linked with others" }
            div.ask {
                (choose_reason("consent-reason"))
                button type="submit" { "Note it" }
            }
        }
    }
}

/// Notes what a person asks for; the way back is offered.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let person = id_of(&id)?;
    let is_ticked = |name: &str| fields.get(name) == "yes";
    let (not_shared, not_linked) = (is_ticked("not-shared"), is_ticked("not-linked"));
    let asked = StewardRequest {
        operation: StewardOperation::SetConsent { person, not_shared, not_linked },
        actor: visit.actor(),
        reason: reason(&fields).unwrap_or(ReasonCode::ChartReview),
        note: String::new(),
        request_id: None,
        version_token: None,
        validate_only: true,
    };
    let noted = web.ask(move |registry| {
        let preview = registry.steward(asked.clone())?;
        let version_token = Some(preview.version_token);
        registry.steward(StewardRequest { version_token, validate_only: false, ..asked })
    });
    let event = noted.await?.event.event;
    let notice = html! {
        span { (words::event(event.kind)) ", event " (event.sequence) "." }
        // Whoever does not see the person any more does not change anything about them either.
        @if !not_shared || Operation::ViewRestricted.allows(visit.user.role) {
            (undo(&visit, event.sequence, Some(person)))
        }
    };
    web.0.sessions.leave_notice(visit.session.id, notice);
    Ok(Answer::see(format!("/persons/{person}")))
}
