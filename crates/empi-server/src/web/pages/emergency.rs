//! Emergencies: stating why somebody must be seen whose data are not to be shared, and looking at it afterwards.
//!
//! Whoever states one proves once more who they are, so that nobody does it at a desk that somebody else has left: by
//! their password, or where somebody else vouches for them, by having signed in there within minutes.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use empi_model::{AuditOutcome, BrokenGlass, EnterpriseId};
use empi_registry::GLASS_MINUTES_MAX;
use maud::{Markup, html};

use super::person::id_of;
use super::sign_in::signing;
use crate::web::answer::{Answer, Refusal, see_other};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::password::is_right;
use crate::web::view::time::{day_and_time, seconds};
use crate::web::{Visit, Web};

/// Emergencies on the page.
const SHOWN_MAX: usize = 200;

/// The form in which somebody says why they must see a person; again with what they wrote, and what was wrong.
pub(in crate::web) fn form(
    person: EnterpriseId,
    visit: &Visit,
    reason: &str,
    wrong: Option<&str>,
) -> Markup {
    let way = format!("/persons/{person}/emergency");
    html! {
        form.emergency method="post" action=(way) {
            (csrf(visit))
            p {
                "In an emergency, say why you must see this person. You are shown them for " (GLASS_MINUTES_MAX)
                " minutes, and an auditor looks at it afterwards."
            }
            @if visit.session.is_vouched && !visit.session.is_fresh {
                p { "First sign in once more, so that it is you who states it." }
                div.ask { a.button.primary href=(way) { "Sign in for an emergency" } }
            } @else {
                label for="emergency-reason" { "Reason, without patient data" }
                input #emergency-reason name="reason" type="text" value=(reason) required maxlength="500"
                    autocomplete="off";
                @if !visit.session.is_vouched {
                    input type="hidden" name="name" value=(visit.user.name) autocomplete="username";
                    label for="emergency-password" { "Your password, so that it is you who states it" }
                    input #emergency-password name="password" type="password" autocomplete="current-password"
                        required maxlength="1024";
                }
                @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
                div.ask { button.primary type="submit" { "State an emergency" } }
            }
        }
    }
}

/// States an emergency, and goes to the person.
pub(in crate::web) async fn state(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Result<Response<Body>, Refusal> {
    let id = id_of(&id)?;
    let reason = fields.get("reason").to_owned();
    if let Err((status, wrong)) = proved(&web, &visit, fields.exact("password")).await? {
        let page = html! {
            section.card.narrow { h1 { "Not shown" } (form(id, &visit, &reason, Some(&wrong))) }
        };
        let mut response = Answer::Page("Not done", page).into_response();
        *response.status_mut() = status;
        return Ok(response);
    }
    let glass =
        web.ask(move |registry| registry.break_glass(id, &reason, GLASS_MINUTES_MAX)).await?;
    Ok(see_other(&format!("/persons/{}", glass.person)))
}

/// Whether it is they who sit there, or why that is not known. Wrong passwords slow down like those of a sign-in, and
/// the audit trail tells of them.
async fn proved(
    web: &Web,
    visit: &Visit,
    password: &str,
) -> Result<Result<(), (StatusCode, String)>, Refusal> {
    let name = visit.user.name.as_str();
    if visit.session.is_vouched {
        let wrong = "You signed in too long ago: sign in once more.".to_owned();
        let is_fresh = visit.session.is_fresh;
        return Ok(is_fresh.then_some(()).ok_or((StatusCode::UNAUTHORIZED, wrong)));
    }
    if let Err(wait) = web.0.throttle.attempt(name) {
        let wrong = format!("Too many wrong passwords: wait {} s.", wait.as_secs() + 1);
        return Ok(Err((StatusCode::TOO_MANY_REQUESTS, wrong)));
    }
    let (kept, password) = (visit.user.password.clone(), password.to_owned());
    if !web.hashing(move || is_right(Some(&kept), &password)).await? {
        web.0.door.note(signing(Some(&visit.user)), AuditOutcome::Denied);
        return Ok(Err((StatusCode::UNAUTHORIZED, "That is not your password.".to_owned())));
    }
    web.0.throttle.succeeded(name);
    Ok(Ok(()))
}

/// The emergencies that were stated.
pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let (open, all) = web
        .ask(|registry| Ok((registry.glass(true, SHOWN_MAX), registry.glass(false, SHOWN_MAX))))
        .await?;
    let seen: Vec<BrokenGlass> = all.into_iter().filter(|glass| glass.review.is_some()).collect();
    Ok(Answer::Page(
        "Emergencies",
        html! {
            section.card {
                h1 { "Emergencies to look at" }
                @if open.is_empty() { p.soft { "None waits: whoever was shown somebody in an emergency was looked at." } }
                @for glass in &open { (waiting(glass, &visit)) }
            }
            @if !seen.is_empty() { (looked_at(&seen)) }
        },
    ))
}

/// An emergency that nobody has looked at.
fn waiting(glass: &BrokenGlass, visit: &Visit) -> Markup {
    let number = glass.number;
    html! {
        form.emergency method="post" action={ "/emergencies/" (number) } aria-label={ "Emergency " (number) } {
            (csrf(visit))
            h2 { "Emergency " (number) }
            p {
                strong { (glass.by) } " was shown " a.id href={ "/persons/" (glass.person) } { (glass.person) }
                " from " (seconds(glass.since)) " until " (seconds(glass.until)) ":"
            }
            blockquote { (glass.reason) }
            @if glass.by == visit.user.name.as_str() {
                p.soft { "Somebody else looks at what you did yourself." }
            } @else {
                label for={ "note-" (number) } { "What you found, without patient data" }
                input id={ "note-" (number) } name="note" type="text" required maxlength="500" autocomplete="off";
                div.ask {
                    button.primary type="submit" name="justified" value="yes" { "It was an emergency" }
                    button type="submit" name="justified" value="no" { "It was none" }
                }
            }
        }
    }
}

fn looked_at(emergencies: &[BrokenGlass]) -> Markup {
    html! {
        section.card {
            h2 { "Looked at" }
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Number" }
                        th scope="col" { "When" }
                        th scope="col" { "Who" }
                        th scope="col" { "Whom" }
                        th scope="col" { "Why" }
                        th scope="col" { "What was found" }
                    }
                }
                tbody {
                    @for glass in emergencies {
                        tr {
                            th.number scope="row" { (glass.number) }
                            td.number { (day_and_time(glass.since)) }
                            td { (glass.by) }
                            td { a.id href={ "/persons/" (glass.person) } { (glass.person) } }
                            td { (glass.reason) }
                            td {
                                @if let Some(review) = &glass.review {
                                    @if review.is_justified { "an emergency" } @else { strong { "none" } }
                                    ", " (review.by) ": " (review.note)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Says what came of looking at one.
pub(in crate::web) async fn review(
    State(web): State<Web>,
    visit: Visit,
    Path(number): Path<u64>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let is_justified = match fields.get("justified") {
        "yes" => true,
        "no" => false,
        _ => return Err(Refusal::invalid("Say whether it was an emergency.")),
    };
    let note = fields.get("note").to_owned();
    let glass = web.ask(move |registry| registry.review_glass(number, is_justified, &note)).await?;
    let notice = html! { "Emergency " (glass.number) " was looked at." };
    web.0.sessions.leave_notice(visit.session.id, notice);
    Ok(Answer::see("/emergencies"))
}
