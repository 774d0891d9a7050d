//! The first page: what waits for whoever signs in, a way to find somebody, and how much there is.

use axum::extract::State;
use empi_model::ReviewKind;
use empi_registry::{RegistryStats, TaskFilter, TaskQuery};
use maud::{Markup, html};

use crate::web::access::Operation;
use crate::web::answer::{Answer, Refusal};
use crate::web::layout::csrf;
use crate::web::view::words::{self, grouped};
use crate::web::{Visit, Web};

/// Tasks given to somebody that are counted; beyond, there are many.
const MINE_MAX: usize = 100;

pub(in crate::web) async fn show(State(web): State<Web>, visit: Visit) -> Result<Answer, Refusal> {
    let name = visit.user.name.as_str().to_owned();
    let may_look = Operation::ViewQueue.allows(visit.user.role);
    let asked = web.ask(move |registry| {
        let filter = TaskFilter { assignee: Some(name), ..TaskFilter::default() };
        let mine = TaskQuery { filter, include_resolved: false, after: None, limit: MINE_MAX };
        let mine = if may_look { registry.tasks(&mine)?.tasks.len() } else { 0 };
        Ok((registry.stats(), registry.model_name(), registry.open_task_counts(), mine))
    });
    let (stats, model, counts, mine) = asked.await?;
    Ok(Answer::Page(
        "Overview",
        html! {
            h1.unseen { "Overview" }
            div.columns.overview {
                div {
                    @if may_look { (waiting(&visit, &counts, mine)) }
                    @if Operation::ViewPersons.allows(visit.user.role) { (finding(&visit)) }
                }
                (figures(&stats, &model))
            }
        },
    ))
}

/// The questions that wait, by kind, each a way into the worklist.
fn waiting(visit: &Visit, counts: &[(ReviewKind, u64)], mine: usize) -> Markup {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    html! {
        section.card {
            h2 { "What waits" }
            @if all == 0 { p.soft { "No question waits." } }
            @else {
                @if Operation::Decide.allows(visit.user.role) {
                    form.inline method="post" action="/worklist/next" {
                        (csrf(visit))
                        button.primary type="submit" data-key="n" { "Next question" kbd { "n" } }
                        @if mine > 0 {
                            span.soft {
                                @if mine == MINE_MAX { "at least " }
                                (mine) " given to you"
                            }
                        }
                    }
                }
                form method="post" action="/worklist" {
                    (csrf(visit))
                    table.rows {
                        caption.unseen { "Open questions by kind" }
                        tbody {
                            @for (kind, count) in counts.iter().filter(|(_, count)| *count > 0) {
                                tr {
                                    th scope="row" { (words::kind(*kind)) }
                                    td.number { (grouped(*count)) }
                                    td.actions {
                                        button type="submit" name="kind" value=(kind.as_str())
                                            aria-label={ "Show " (words::kind(*kind)) } { "Show" }
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

/// The way to somebody: as on the page for searching.
fn finding(visit: &Visit) -> Markup {
    html! {
        section.card {
            h2 { "Find somebody" }
            form.search method="post" action="/search" role="search" {
                (csrf(visit))
                label.unseen for="text" { "Name, birth date, number or enterprise ID" }
                input #text name="text" type="search" maxlength="300" autocomplete="off" spellcheck="false"
                    placeholder="Name, birth date, number or enterprise ID";
                button type="submit" { "Search" }
            }
        }
    }
}

/// How much there is.
fn figures(stats: &RegistryStats, model: &str) -> Markup {
    let figures = [
        ("Source records", stats.records),
        ("Persons", stats.persons),
        ("Enterprise IDs that went into another", stats.redirects),
        ("Questions that wait", stats.open_tasks),
        ("Events", stats.events),
    ];
    html! {
        section.card {
            h2 { "The index" }
            table.figures {
                caption.unseen { "Figures of the index" }
                tbody {
                    @for (name, figure) in figures {
                        tr { th scope="row" { (name) } td.number { (grouped(figure)) } }
                    }
                    tr { th scope="row" { "Linkage model" } td.number { (model) } }
                }
            }
        }
    }
}
