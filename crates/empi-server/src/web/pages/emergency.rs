//! Emergencies: stating why somebody must be seen whose data are not to be shared, and looking at it afterwards.

use axum::extract::{Path, State};
use empi_model::{BrokenGlass, EnterpriseId};
use empi_registry::GLASS_MINUTES_MAX;
use maud::{Markup, html};

use super::person::id_of;
use crate::web::answer::{Answer, Refusal};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::time::{day_and_time, seconds};
use crate::web::{Visit, Web};

/// Emergencies on the page.
const SHOWN_MAX: usize = 200;

/// The form in which somebody says why they must see a person.
pub(in crate::web) fn form(person: EnterpriseId, visit: &Visit) -> Markup {
    html! {
        form.emergency method="post" action={ "/persons/" (person) "/emergency" } {
            (csrf(visit))
            p {
                "In an emergency, say why you must see this person. You are shown them for " (GLASS_MINUTES_MAX)
                " minutes, and an auditor looks at it afterwards."
            }
            label for="emergency-reason" { "Reason, without patient data" }
            input #emergency-reason name="reason" type="text" required maxlength="500" autocomplete="off";
            div.ask { button.primary type="submit" { "State an emergency" } }
        }
    }
}

/// States an emergency, and goes to the person.
pub(in crate::web) async fn state(
    State(web): State<Web>,
    Path(id): Path<String>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let id = id_of(&id)?;
    let reason = fields.get("reason").to_owned();
    let glass =
        web.ask(move |registry| registry.break_glass(id, &reason, GLASS_MINUTES_MAX)).await?;
    Ok(Answer::see(format!("/persons/{}", glass.person)))
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
