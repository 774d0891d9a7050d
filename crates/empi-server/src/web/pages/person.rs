//! One person: the best view with where each value comes from, the records and what holds them together, and
//! everything that ever happened to them.

use axum::extract::{Path, State};
use empi_model::{EnterpriseId, LinkSource, RecordState, TaskId, Thresholds};
use empi_registry::{
    EventView, Offer, PersonLinks, PersonView, Registry, RegistryError, StoredRecord,
};
use maud::{Markup, html};

use super::operation::{choose_reason, operation_form};
use super::{consent, golden};
use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal};
use crate::web::layout::csrf;
use crate::web::view::changes::changes;
use crate::web::view::evidence::bits;
use crate::web::view::fields::{Field, full_name, visible};
use crate::web::view::graph::graph;
use crate::web::view::time::{date, day_and_time};
use crate::web::view::words;
use crate::web::{Visit, Web};

/// Events on the page.
const EVENTS_MAX: usize = 100;

/// Links in the table beside the graph.
const LINKS_MAX: usize = 30;

/// Open questions that are shown with their number.
const TASKS_SHOWN_MAX: usize = 5;

/// What the page shows.
struct Shown {
    view: PersonView,
    links: PersonLinks,
    events: Vec<EventView>,
    has_more_events: bool,
    tasks: Vec<TaskId>,
    thresholds: Thresholds,
    offers: Vec<Offer>,
}

fn look(registry: &Registry, id: EnterpriseId) -> Result<Shown, RegistryError> {
    let view = registry.person(id)?;
    let links = registry.links_among(&view.records);
    let (events, has_more_events) = registry.history(&view.person, &view.records, EVENTS_MAX)?;
    let tasks = registry.open_tasks_of(view.person.enterprise_id)?;
    let (thresholds, offers) = (registry.thresholds(), registry.offers(&view));
    Ok(Shown { links, events, has_more_events, tasks, thresholds, offers, view })
}

/// Reads an enterprise ID out of a path or a form.
pub(in crate::web) fn id_of(text: &str) -> Result<EnterpriseId, Refusal> {
    text.parse().map_err(|_| {
        Refusal::invalid(
            "This is no enterprise ID: it has eleven letters and digits, as 7K3M-9QXT-2VC.",
        )
    })
}

pub(in crate::web) async fn show(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Answer, Refusal> {
    let id = id_of(&id)?;
    let shown = web.ask(move |registry| look(registry, id)).await?;
    Ok(Answer::Page("Person", page(&shown, &visit)))
}

fn page(shown: &Shown, visit: &Visit) -> Markup {
    let may_change = Operation::ChangeIdentities.allows(visit.user.role);
    let id = shown.view.person.enterprise_id;
    html! {
        header.question {
            div {
                h1 { (full_name(&shown.view.golden.record)) " " span.id.soft { (id) } }
                p.why {
                    (shown.view.records.len()) @if shown.view.records.len() == 1 { " record" } @else { " records" }
                    ", known since " (date(shown.view.person.created))
                    @if shown.view.asked != id {
                        ". You asked for " span.id { (shown.view.asked) } ", which went into this person"
                    }
                }
            }
            div.meta {
                @for task in shown.tasks.iter().take(TASKS_SHOWN_MAX) {
                    a.button href={ "/tasks/" (task) } { "Task " (task) }
                }
                @if shown.tasks.len() > TASKS_SHOWN_MAX {
                    span.tag { (shown.tasks.len()) " open questions" }
                }
                @if Operation::ErasePersons.allows(visit.user.role) {
                    a.button href={ "/persons/" (id) "/erase" } { "Erase\u{2026}" }
                }
            }
        }
        (consent::standing(&shown.view))
        div.columns.person {
            div {
                (golden::best_view(&shown.view, &shown.offers, may_change.then_some(visit)))
                (records(shown, visit, may_change))
            }
            div {
                (ties(shown))
                @if may_change { (other_persons(id, visit)) }
                (consent::form(&shown.view, visit))
            }
        }
        (timeline(shown, visit, may_change))
    }
}

/// The records, with a box for each that is to leave.
fn records(shown: &Shown, visit: &Visit, may_change: bool) -> Markup {
    let id = shown.view.person.enterprise_id;
    let may_split = may_change && shown.view.records.len() > 1;
    html! {
        form.card method="post" action="/operations/preview" {
            (csrf(visit))
            input type="hidden" name="operation" value="split";
            input type="hidden" name="person" value=(id);
            h2 { "Source records" }
            table.rows.records {
                thead {
                    tr {
                        @if may_split { th scope="col" { span.unseen { "Leaves" } } }
                        th scope="col" { "Record" }
                        th scope="col" { "Name" }
                        th scope="col" { "Born" }
                        th scope="col" { "Address" }
                        th scope="col" { "Linked" }
                        th scope="col" { "Updated" }
                    }
                }
                tbody {
                    @for (at, stored) in shown.view.records.iter().enumerate() {
                        (record(at, stored, shown, may_split))
                    }
                }
            }
            @if may_split {
                div.inline.split {
                    @if shown.links.bridge.is_some() {
                        span.soft { "Ticked: the smaller side of the weakest link." }
                    }
                    (choose_reason("split-reason"))
                    label.check { input type="checkbox" name="apart" value="yes" checked; "keep apart" }
                    button type="submit" data-key="x" { "Split" kbd { "x" } }
                }
            }
        }
    }
}

fn record(at: usize, stored: &StoredRecord, shown: &Shown, may_split: bool) -> Markup {
    let first = |field: Field| field.values(&stored.record).into_iter().next().unwrap_or_default();
    let key = &stored.record.key;
    let on_side = shown.links.side.contains(&at);
    let told = format!("{} of {} leaves", at + 1, visible(&key.source));
    html! {
        tr.faded[!stored.state.is_active()] {
            @if may_split {
                td { input type="checkbox" name="record" value=(stored.index.0) checked[on_side] aria-label=(told); }
            }
            th scope="row" { b.node { (at + 1) } " " (visible(&key.source)) " " span.id { (visible(&key.record_id)) } }
            td { (full_name(&stored.record)) }
            td.number { (first(Field::BirthDate)) }
            td { (first(Field::Address)) }
            td.soft {
                @match stored.link.source {
                    LinkSource::Manual => "by a steward",
                    LinkSource::Automatic => {
                        @match stored.link.weight { None => "first", Some(weight) => { (bits(weight)) " bits" } }
                    }
                }
            }
            td.number { (date(stored.updated)) (state(stored.state)) }
        }
    }
}

fn state(state: RecordState) -> Markup {
    html! {
        @match state {
            RecordState::Active => {}
            RecordState::Retired => { " " span.tag { "retired" } }
            RecordState::ReplacedBy(_) => { " " span.tag { "replaced" } }
            RecordState::Erased => { " " span.tag { "erased" } }
        }
    }
}

/// The graph, and the links in words.
fn ties(shown: &Shown) -> Markup {
    let links = &shown.links;
    html! {
        section.card {
            h2 { "What holds the records together" }
            @if links.is_cut {
                p.soft { "This person has too many records to compare all pairs." }
            } @else if shown.view.records.len() < 2 {
                p.soft { "It is one record." }
            } @else {
                (graph(shown.view.records.len(), links, shown.thresholds))
                @if let Some(bridge) = links.bridge.and_then(|at| links.links.get(at)) {
                    p {
                        "Weakest link: " b.node { (bridge.left + 1) } " \u{2013} " b.node { (bridge.right + 1) }
                        ", " (bits(bridge.weight)) " bits."
                    }
                }
                details {
                    summary { "All links" }
                    ul.links {
                        @for link in links.links.iter().take(LINKS_MAX) {
                            li { b.node { (link.left + 1) } " \u{2013} " b.node { (link.right + 1) } " " span.number { (bits(link.weight)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Why is somebody else not linked, and what can be done about it?
fn other_persons(id: EnterpriseId, visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 { "Why not linked to\u{2026}?" }
            form method="post" action={ "/persons/" (id) "/compare" } {
                (csrf(visit))
                label for="other" { "Enterprise ID of somebody else" }
                div.inline.left {
                    input #other name="other" type="text" required maxlength="40" autocomplete="off" spellcheck="false";
                    button type="submit" { "Compare" }
                }
            }
        }
    }
}

fn timeline(shown: &Shown, visit: &Visit, may_change: bool) -> Markup {
    html! {
        section.card {
            h2 #history { "History" }
            @if shown.events.is_empty() { p.soft { "These records were loaded in bulk, and nothing has changed since." } }
            ol.timeline {
                @for view in &shown.events {
                    @let event = &view.event;
                    li {
                        div.when.number { (day_and_time(event.time)) }
                        div {
                            strong { (words::event(event.kind)) }
                            span.soft {
                                " by " (visible(&event.actor.name))
                                @if let Some(other) = &event.approved_by { ", approved by " (visible(other)) }
                                ", event " (event.sequence)
                            }
                            @if let Some(reason) = event.reason_code { span.soft { ". " (words::reason(reason)) } }
                            @if !event.note.is_empty() { span.soft { ". " (visible(&event.note)) } }
                            (changes(view))
                        }
                        @if may_change && event.change.is_some() {
                            (operation_form(visit, "Undo", &[
                                ("operation", "undo".to_owned()),
                                ("event", event.sequence.to_string()),
                                ("person", shown.view.person.enterprise_id.to_string()),
                            ]))
                        }
                    }
                }
            }
            @if shown.has_more_events { p.soft { "Older events are not shown." } }
        }
    }
}
