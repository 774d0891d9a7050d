//! Erasing a person: what would be forgotten, the reason, and then the proposal, or the erasure where one person suffices;
//! and its certificate.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Response, header};
use empi_model::{EnterpriseId, EventKind, EventSequence, ReasonCode};
use empi_registry::{Registry, RegistryError, StewardAnswer, StewardOperation, StewardRequest};
use maud::{Markup, html};

use super::approvals::certificate;
use super::decide::note;
use super::operation::{choose_reason, reason};
use super::person::id_of;
use crate::audit::digits;
use crate::certificate::ErasureCertificate;
use crate::web::answer::{Answer, Refusal};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::changes::changes;
use crate::web::view::time;
use crate::web::{Visit, Web};

fn request(
    person: EnterpriseId,
    visit: &Visit,
    reason: ReasonCode,
    version_token: Option<String>,
) -> StewardRequest {
    StewardRequest {
        operation: StewardOperation::ErasePerson { person },
        actor: visit.actor(),
        reason,
        note: String::new(),
        request_id: None,
        validate_only: version_token.is_none(),
        version_token,
    }
}

/// Shows what would be forgotten.
pub(in crate::web) async fn show(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Answer, Refusal> {
    let person = id_of(&id)?;
    let preview = request(person, &visit, ReasonCode::Other, None);
    let (answer, needs_two) = web
        .ask(move |registry| Ok((registry.steward(preview)?, registry.approval().erasure)))
        .await?;
    Ok(Answer::Page("Erase a person", page(&answer, person, needs_two, &visit)))
}

fn page(answer: &StewardAnswer, person: EnterpriseId, needs_two: bool, visit: &Visit) -> Markup {
    let records = answer.event.event.records.len();
    html! {
        form.card.narrow.outlook method="post" action={ "/persons/" (person) "/erase" } {
            (csrf(visit))
            h1 { "Erase " span.id { (person) } " for good" }
            (changes(&answer.event))
            p {
                "Nothing that was ever said about " (records) @if records == 1 { " record" } @else { " records" }
                " can be read afterwards, no enterprise ID of the person answers, and no feed brings the records back "
                "under their keys. The audit trail goes on telling who saw and changed the person. "
                strong { "It cannot be undone." }
            }
            @if needs_two { p { "Somebody else has to approve it: until then nothing changes." } }
            input type="hidden" name="token" value=(answer.version_token);
            (choose_reason("reason"))
            label for="note" { "Note, without patient data: who asked for it, by which letter" }
            input #note name="note" type="text" required maxlength="500" autocomplete="off";
            div.more {
                button.primary type="submit" {
                    @if needs_two { "Propose it" } @else { "Erase for good" }
                }
                a.button href={ "/persons/" (person) } data-key="Escape" { "Leave it" kbd { "Esc" } }
            }
        }
    }
}

/// Proposes it, or does it where one person suffices.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let person = id_of(&id)?;
    let note = note(&fields)?;
    if note.trim().is_empty() {
        return Err(Refusal::invalid("The note is missing: say who asked for it."));
    }
    let reason = reason(&fields).unwrap_or(ReasonCode::Other);
    let token = Some(fields.get("token").to_owned());
    let asked = StewardRequest { note, ..request(person, &visit, reason, token) };
    let answer = web.ask(move |registry| registry.steward(asked)).await?;
    if let Some(number) = answer.proposal {
        let told =
            html! { "Proposal " (number) " waits for somebody else. Nothing has changed yet." };
        web.0.sessions.leave_notice(visit.session.id, told);
        return Ok(Answer::see(format!("/approvals/{number}")));
    }
    Ok(Answer::Page(
        "Erased",
        html! {
            section.card.narrow {
                h1 { span.id { (person) } " is erased" }
                (certificate(answer.event.event.sequence.0))
            }
        },
    ))
}

/// What is handed to whoever asked to be erased.
pub(in crate::web) async fn hand_out(
    State(web): State<Web>,
    Path(event): Path<u64>,
) -> Result<Response<Body>, Refusal> {
    let certificate = web.ask(move |registry| certified(registry, EventSequence(event))).await?;
    let text = certificate.to_json().map_err(|_| Refusal::broken())?;
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = HeaderValue::from_static("attachment; filename=\"erasure.json\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn certified(
    registry: &Registry,
    event: EventSequence,
) -> Result<ErasureCertificate, RegistryError> {
    let event = registry.event(event)?.event;
    if event.kind != EventKind::Erased {
        return Err(RegistryError::NotFound(format!("event {} has erased nobody", event.sequence)));
    }
    let head = registry.audit_head()?;
    Ok(ErasureCertificate {
        enterprise_id: event.new_enterprise_id.to_string(),
        event: event.sequence.0,
        time: time::iso(event.time),
        erased_by: event.actor.name,
        approved_by: event.approved_by,
        note: event.note,
        what: event.reason,
        audit_sequence: head.sequence,
        audit_hash: digits(&head.hash),
    })
}
