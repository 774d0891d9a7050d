//! What two people must want: what waits for a second person, what each proposal would do as of now, and the buttons that
//! approve, decline and withdraw it.

use axum::extract::{Path, State};
use empi_model::{
    EventKind, Party, Proposal, ProposalAnswer, ProposalDecision, ProposalState, Proposed,
};
use empi_registry::{EventView, Foreseen, ProposalView};
use maud::{Markup, html};

use super::decide::note;
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal, sentence};
use crate::web::gate::Form;
use crate::web::layout::csrf;
use crate::web::view::changes::changes;
use crate::web::view::fields::visible;
use crate::web::view::time::day_and_time;
use crate::web::view::words;
use crate::web::{Visit, Web};

/// Parts of a proposal that are told one by one.
const PARTS_MAX: usize = 200;

/// Every proposal that is kept.
pub(in crate::web) async fn list(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let views = web.ask(|registry| registry.proposals()).await?;
    let (waiting, closed): (Vec<_>, Vec<_>) =
        views.iter().partition(|view| view.state == ProposalState::Waiting);
    Ok(Answer::Page(
        "Approvals",
        html! {
            h1 { "Approvals" }
            p.why {
                "What one person alone may not decide: it is done when a second person approves it. "
                "The events, the audit trail and the certificate of an erasure name both."
            }
            section.card {
                h2 { "Waiting" }
                @if waiting.is_empty() { p.empty { "Nothing waits for a second person." } }
                @else { (table(&waiting, &visit)) }
            }
            @if !closed.is_empty() {
                section.card {
                    h2 { "Decided" }
                    (table(&closed, &visit))
                }
            }
        },
    ))
}

fn table(views: &[&ProposalView], visit: &Visit) -> Markup {
    html! {
        table.rows.approvals {
            thead {
                tr {
                    th scope="col" { "Number" }
                    th scope="col" { "What" }
                    th scope="col" { "Proposed by" }
                    th scope="col" { "When" }
                    th scope="col" { "How it stands" }
                }
            }
            tbody {
                @for view in views {
                    @let Proposal { number, actor, proposed, .. } = &*view.proposal;
                    tr {
                        th.number scope="row" { a href={ "/approvals/" (number) } { (number) } }
                        td { a href={ "/approvals/" (number) } { (what(&view.proposal)) } }
                        td { (visible(&actor.name)) @if is_own(&view.proposal, visit) { span.soft { " (you)" } } }
                        td.number { (day_and_time(*proposed)) }
                        td { (standing(view)) }
                    }
                }
            }
        }
    }
}

/// What is proposed, in words.
fn what(proposal: &Proposal) -> Markup {
    html! {
        @match &proposal.what {
            Proposed::Erasure { person, .. } => { "Erase " span.id { (person) } " for good" }
            Proposed::Merges { tasks, .. } => {
                "Answer " (words::grouped(tasks.len() as u64)) " questions at once: same person"
            }
        }
    }
}

/// How it stands, in words.
fn standing(view: &ProposalView) -> Markup {
    html! {
        @match (view.state, &view.proposal.decision) {
            (ProposalState::Expired, _) => { "expired " (day_and_time(view.proposal.until)) }
            (state, Some(decision)) => {
                (state.as_str()) " by " (visible(&decision.who.actor.name)) ", "
                span.number { (day_and_time(decision.time)) }
            }
            (_, None) => { "waits until " span.number { (day_and_time(view.proposal.until)) } }
        }
    }
}

/// Whoever looks at the page, as somebody who proposes or decides.
fn party(visit: &Visit) -> Party {
    Party { caller: visit.user.name.as_str().to_owned(), actor: visit.actor() }
}

fn is_own(proposal: &Proposal, visit: &Visit) -> bool {
    party(visit).is_also(&proposal.proposer())
}

/// How many proposals wait for whoever is signed in.
pub(in crate::web) fn waiting_for(web: &Web, visit: &Visit) -> usize {
    if !Operation::Approve.allows(visit.user.role) {
        return 0;
    }
    web.0.door.proposals_waiting_for(&party(visit))
}

/// One proposal.
pub(in crate::web) async fn show(
    State(web): State<Web>,
    visit: Visit,
    Path(number): Path<u64>,
) -> Result<Answer, Refusal> {
    let (view, foreseen) = web.ask(move |registry| registry.proposal(number)).await?;
    Ok(Answer::Page("Approval", page(&view, &foreseen, &visit)))
}

fn page(view: &ProposalView, foreseen: &[Foreseen], visit: &Visit) -> Markup {
    let Proposal { number, actor, reason, note, proposed, decision, .. } = &*view.proposal;
    html! {
        header.question {
            div {
                h1 { "Proposal " (number) ": " (what(&view.proposal)) }
                p.why {
                    (visible(&actor.name)) " proposed it " (day_and_time(*proposed))
                    @if let Some(reason) = reason { ". " (words::reason(*reason)) }
                    @if !note.is_empty() { ". " (visible(note)) }
                }
            }
            div.meta {
                @if let Proposed::Erasure { person, .. } = view.proposal.what {
                    @if view.state == ProposalState::Waiting {
                        a.button href={ "/persons/" (person) } { "Look at the person" }
                    }
                }
                a.button href="/approvals" { "Approvals" }
            }
        }
        section.card.outlook {
            @match view.state {
                ProposalState::Waiting => { h2 { "What will happen" } (parts(foreseen)) }
                _ => {
                    h2 { "What came of it" }
                    p { (standing(view)) }
                    @if let Some(decision) = decision { (decided(decision, foreseen, visit)) }
                }
            }
        }
        @if view.state == ProposalState::Waiting && Operation::Approve.allows(visit.user.role) {
            (deciding(view, foreseen, visit))
        }
    }
}

/// What approving would do now, part by part.
fn parts(foreseen: &[Foreseen]) -> Markup {
    let undone = foreseen.iter().filter(|part| part.event.is_err()).count();
    html! {
        @if foreseen.len() > 1 {
            p {
                (words::grouped((foreseen.len() - undone) as u64)) " of " (words::grouped(foreseen.len() as u64))
                " tasks will be answered: each becomes an event of its own, and can be undone."
            }
        }
        @if let [Foreseen { task: None, event }] = foreseen { (alone(event)) }
        @else { (each(foreseen)) }
    }
}

/// The one change of a proposal.
fn alone(event: &Result<EventView, String>) -> Markup {
    html! {
        @match event {
            Ok(event) => {
                (changes(event))
                @if event.event.kind == EventKind::Erased {
                    p {
                        "Nothing that was ever said about " (words::counted(event.event.records.len(), "record"))
                        " can be read afterwards, and no feed brings them back. " strong { "It cannot be undone." }
                    }
                }
            }
            Err(why) => p role="alert" { (sentence(why)) },
        }
    }
}

/// What happens to each task.
fn each(foreseen: &[Foreseen]) -> Markup {
    html! {
        table.rows {
            thead { tr { th scope="col" { "Task" } th scope="col" { "What" } } }
            tbody {
                @for part in foreseen.iter().take(PARTS_MAX) {
                    tr {
                        th.number scope="row" {
                            @if let Some(task) = part.task { a href={ "/tasks/" (task) } { (task) } }
                        }
                        td {
                            @match &part.event {
                                Ok(event) => (changes(event)),
                                Err(why) => { "Stays as it is: " (visible(why)) "." }
                            }
                        }
                    }
                }
            }
        }
        @if foreseen.len() > PARTS_MAX { p.soft { "The other tasks are not shown." } }
    }
}

/// What came of it, and what was said.
fn decided(decision: &ProposalDecision, foreseen: &[Foreseen], visit: &Visit) -> Markup {
    let erased = foreseen.iter().filter_map(|part| part.event.as_ref().ok());
    let erased = erased.map(|view| &view.event).find(|event| event.kind == EventKind::Erased);
    html! {
        @if !decision.note.is_empty() { p { (visible(&decision.note)) } }
        @if let Some(event) = erased {
            p { "Event " (event.sequence) " has erased the person with " (words::counted(event.records.len(), "record")) "." }
            @if Operation::ErasePersons.allows(visit.user.role) { (certificate(event.sequence.0)) }
        } @else if !foreseen.is_empty() { (each(foreseen)) }
    }
}

/// The way to the certificate of an erasure.
pub(super) fn certificate(event: u64) -> Markup {
    html! {
        p {
            a.button href={ "/events/" (event) "/certificate.json" } download={ "erasure-" (event) ".json" } {
                "Certificate"
            }
        }
    }
}

/// What may be said of a proposal that waits.
fn deciding(view: &ProposalView, foreseen: &[Foreseen], visit: &Visit) -> Markup {
    let number = view.proposal.number;
    let can_be_done = foreseen.iter().any(|part| part.event.is_ok());
    html! {
        form.card.narrow method="post" action={ "/approvals/" (number) } {
            (csrf(visit))
            @if is_own(&view.proposal, visit) {
                h2 { "It is yours" }
                p.soft { "Somebody else approves or declines it. You may take it back." }
                label for="note" { "Note, without patient data" }
                input #note name="note" type="text" maxlength="500" autocomplete="off";
                div.more { button type="submit" name="do" value="withdraw" { "Withdraw" } }
            } @else {
                h2 { "What do you say?" }
                label for="note" { "Note, without patient data; required to decline" }
                input #note name="note" type="text" maxlength="500" autocomplete="off";
                div.more {
                    @if can_be_done {
                        button.primary type="submit" name="do" value="approve" { "Approve: do it now" }
                    }
                    button type="submit" name="do" value="decline" { "Decline" }
                }
            }
        }
    }
}

/// Takes what somebody says of a proposal.
pub(in crate::web) async fn take(
    State(web): State<Web>,
    visit: Visit,
    Path(number): Path<u64>,
    Form(fields): Form,
) -> Result<Answer, Refusal> {
    let answer = match fields.get("do") {
        "approve" => ProposalAnswer::Approved,
        "decline" => ProposalAnswer::Declined,
        "withdraw" => ProposalAnswer::Withdrawn,
        _ => return Err(Refusal::invalid("There is no such answer.")),
    };
    let (actor, note) = (visit.actor(), note(&fields)?);
    let deciding = move |registry: &empi_registry::Registry| {
        registry.decide_proposal(number, answer, actor, &note)
    };
    web.ask(deciding).await?;
    let told = html! { "Proposal " (number) " is " (answer.as_str()) "." };
    web.0.sessions.leave_notice(visit.session.id, told);
    Ok(Answer::see(format!("/approvals/{number}")))
}
