//! What labels of a random sample say: how many links are right, and how many are missed, of all compared pairs.

use empi_registry::{LabelFigures, StratifiedEstimate};
use maud::{Markup, html};

use super::per_cent;
use super::rates::agreement_table;
use crate::web::view::evidence::bits;
use crate::web::view::time::date;
use crate::web::view::words::grouped;

pub(super) fn labelled(figures: Option<&LabelFigures>) -> Markup {
    html! {
        section.card.wide {
            h2 { "Links that are right, and links that are missed" }
            @match figures {
                None => p.hint {
                    "No random sample of pairs is drawn yet. A lead steward draws one under Labels; two stewards label it blind, and what is \
                     estimated from it stands here."
                }
                Some(figures) => {
                    (estimates(figures))
                    (basis(figures))
                    @if figures.progress.settled > 0 {
                        h3 { "Agreement on blind labels" }
                        (agreement_table(&figures.agreement))
                    }
                }
            }
        }
    }
}

fn estimates(figures: &LabelFigures) -> Markup {
    let lines = [
        (
            "Precision of links",
            "sum over weight ranges of linked pairs \u{d7} share labelled one person \u{f7} linked pairs",
            figures.precision,
        ),
        (
            "Recall of links, of compared pairs",
            "one person among linked pairs \u{f7} one person among all compared pairs, each as above",
            figures.recall,
        ),
    ];
    html! {
        table.rows {
            thead {
                tr {
                    th scope="col" { "Of all compared pairs" }
                    th scope="col" { "Formula" }
                    th.number scope="col" { "Estimate" }
                    th.number scope="col" { "95\u{202f}% limits" }
                }
            }
            tbody {
                @for (name, formula, estimate) in lines {
                    tr {
                        th scope="row" { (name) }
                        td.soft { (formula) }
                        td.number.rate { (told(estimate)) }
                        td.number {
                            @match estimate {
                                Some(it) => { (per_cent(it.interval.low)) " \u{2013} " (per_cent(it.interval.high)) },
                                None => span.soft { "a range of weights has no settled pair yet" },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn told(estimate: Option<StratifiedEstimate>) -> String {
    estimate.map_or_else(|| "\u{2013}".to_owned(), |it| per_cent(it.value))
}

fn basis(figures: &LabelFigures) -> Markup {
    let progress = &figures.progress;
    html! {
        p.hint {
            "Sample " (progress.number) ", drawn " (date(progress.drawn)) " under " (figures.model_name) ": " (grouped(progress.settled)) " of "
            (grouped(progress.pairs)) " pairs are settled, " (grouped(progress.torn)) " wait for a lead steward and are left out until then, and of "
            (grouped(progress.unknown)) " nobody can tell. Linked means at or above " (bits(figures.link)) " bits and held back by no guard. Pairs were \
             drawn at random from each range of weights and count for all pairs of it; limits are combined from Wilson's by the method of \
             variance estimates recovery (Zou and Donner 2008). Pairs that are never compared are in neither figure."
        }
        @if !figures.holds {
            p.guard { "The model in force weighs pairs otherwise than the one that the sample was drawn under: draw another sample." }
        }
    }
}
