//! How weights are spread, and what thresholds make of them.

use std::collections::BTreeMap;

use empi_model::{MatchWeight, Thresholds};
use empi_registry::{LabelFigures, StratifiedEstimate, WeightCounts};
use maud::{Markup, html};

use super::{BITS_MAX, Shown};
use crate::web::view::evidence::bits;
use crate::web::view::plot::{self, WeightBar};
use crate::web::view::time::day_and_time;
use crate::web::view::words::grouped;

/// How the weights of all pairs are spread, and those of labelled ones.
pub(super) fn spread(shown: &Shown) -> Markup {
    let title = "Weights of all compared pairs, and of labelled ones";
    let Some(counts) = &shown.counts else {
        return html! {
            section.card.wide {
                h2 { (title) }
                p.hint { "Nothing is counted yet: count the weights, or draw a sample to be labelled." }
            }
        };
    };
    let bars = bars(counts, shown.labelled.as_ref().map(|[figures, _]| figures));
    let has_labels = bars.iter().any(|bar| bar.same + bar.different > 0);
    html! {
        section.card.wide {
            h2 { (title) }
            p.legend {
                span.swatch.free {} "Compared" span.swatch.held {} "Of them, held back by a guard"
                @if has_labels { span.swatch.same {} "Labelled: one person" span.swatch.different {} "Labelled: two people" }
                span.soft { "The scale of compared pairs is logarithmic." }
            }
            (plot::weights(&bars, shown.moved, title))
            p.hint {
                (grouped(counts.pairs())) " pairs of " (grouped(counts.records)) " records under " (counts.model_name) ", counted "
                (day_and_time(counts.counted)) ". Pairs that no blocking rule brings together are never compared, and not here."
            }
            details {
                summary { "As a table" }
                table.rows {
                    thead {
                        tr {
                            th.number scope="col" { "From bits" }
                            th.number scope="col" { "Compared" }
                            th.number scope="col" { "Held back" }
                            th.number scope="col" { "One person" }
                            th.number scope="col" { "Two people" }
                        }
                    }
                    tbody {
                        @for bar in bars.iter().rev() {
                            tr {
                                th.number scope="row" { (format!("{:.1}", bar.least_bits)) }
                                td.number { (grouped(bar.free + bar.held)) }
                                td.number { (grouped(bar.held)) }
                                td.number { (grouped(bar.same)) }
                                td.number { (grouped(bar.different)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn bars(counts: &WeightCounts, labelled: Option<&LabelFigures>) -> Vec<WeightBar> {
    let mut bars: BTreeMap<i32, WeightBar> = BTreeMap::new();
    let empty = |half_bits: i32| WeightBar {
        least_bits: f64::from(half_bits) / 2.0,
        ..WeightBar::default()
    };
    for bin in &counts.bins {
        let bar = bars.entry(bin.half_bits).or_insert_with(|| empty(bin.half_bits));
        (bar.free, bar.held) = (bin.free, bin.held);
    }
    for (half_bits, bin) in labelled.into_iter().flat_map(|figures| &figures.bins) {
        let bar = bars.entry(*half_bits).or_insert_with(|| empty(*half_bits));
        (bar.same, bar.different) = (bin.same, bin.different);
    }
    bars.into_values().collect()
}

/// What two thresholds do.
struct Effect {
    links: String,
    questions: String,
    per_thousand: String,
    per_day: String,
    false_links: Markup,
    found: Markup,
}

fn effect(counts: &WeightCounts, at: Thresholds, labelled: Option<&LabelFigures>) -> Effect {
    let none = || "\u{2013}".to_owned();
    let rate = |rate: f64| if rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") };
    let per_thousand = counts.questions_per_thousand(at.review, at.link);
    let per_day = per_thousand.zip(counts.arrivals_per_day);
    let labelled = labelled.filter(|figures| figures.holds);
    let wrong = labelled.and_then(|figures| figures.precision).map(complement);
    Effect {
        links: grouped(counts.links(at.link)),
        questions: grouped(counts.questions(at.review, at.link)),
        per_thousand: per_thousand.map_or_else(none, rate),
        per_day: per_day.map_or_else(none, |(of, records)| rate(of * records / 1000.0)),
        false_links: match wrong {
            Some(wrong) => estimate(wrong, "from labels"),
            None => match counts.model_implied_false_links(at.link) {
                Some(share) => {
                    html! { (per_cent(share)) br; span.soft { "by the model itself, without limits" } }
                }
                None => html! { "\u{2013}" },
            },
        },
        found: match labelled.and_then(|figures| figures.recall) {
            Some(found) => estimate(found, "from labels"),
            None => html! { "\u{2013}" br; span.soft { "takes labels" } },
        },
    }
}

/// The share that is not.
fn complement(share: StratifiedEstimate) -> StratifiedEstimate {
    let mut other = share;
    other.value = 1.0 - share.value;
    (other.interval.low, other.interval.high) =
        (1.0 - share.interval.high, 1.0 - share.interval.low);
    other
}

fn estimate(of: StratifiedEstimate, basis: &str) -> Markup {
    html! {
        strong { (per_cent(of.value)) } br;
        span.soft { (per_cent(of.interval.low)) " \u{2013} " (per_cent(of.interval.high)) ", " (basis) }
    }
}

/// Small shares keep two digits that mean something.
fn per_cent(share: f64) -> String {
    let percent = share * 100.0;
    let places = match percent {
        percent if percent >= 0.1 || percent == 0.0 => 2,
        percent if percent >= 0.001 => 4,
        _ => 6,
    };
    format!("{percent:.places$}\u{202f}%")
}

/// The thresholds, to be moved, and what they would do beside those in force.
pub(super) fn estimates(shown: &Shown) -> Markup {
    let Some(counts) = &shown.counts else { return html! {} };
    let in_force = shown.model.thresholds();
    let figures = |at: usize| shown.labelled.as_ref().and_then(|labelled| labelled.get(at));
    let now = effect(counts, in_force, figures(0));
    let then = effect(counts, shown.moved, figures(1));
    html! {
        section.card.wide #thresholds {
            h2 { "What thresholds do" }
            form.moving method="get" action="/tuning" {
                div.columns.even {
                    div { (slider("review", "Ask from", shown.moved.review)) }
                    div { (slider("link", "Link from", shown.moved.link)) }
                }
                div.inline.left {
                    button type="submit" { "Estimate" }
                    a.button href="/tuning#thresholds" { "As in force" }
                    span.hint { "In steps of half a bit, with the arrow keys, too." }
                }
            }
            table.rows.estimates {
                thead {
                    tr {
                        th scope="col" { "Estimate" }
                        th.number scope="col" { "In force" br; (span_of(in_force)) }
                        th.number scope="col" { "Moved" br; (span_of(shown.moved)) }
                    }
                }
                tbody {
                    (line("Links, of all compared pairs", &html! { (now.links) }, &html! { (then.links) }))
                    (line("Questions, of all compared pairs", &html! { (now.questions) }, &html! { (then.questions) }))
                    (line("Questions of 1\u{202f}000 new records, at most", &html! { (now.per_thousand) }, &html! { (then.per_thousand) }))
                    (line("Questions in a day, at most", &html! { (now.per_day) }, &html! { (then.per_day) }))
                    (line("Links that are false", &now.false_links, &then.false_links))
                    (line("Links found, of all compared pairs of one person", &now.found, &then.found))
                }
            }
            (how(counts, figures(0)))
        }
    }
}

fn span_of(at: Thresholds) -> Markup {
    html! { span.soft { (bits(at.review)) " / " (bits(at.link)) } }
}

fn slider(name: &str, told: &str, at: MatchWeight) -> Markup {
    let value = format!("{:.1}", (at.bits() * 2.0).round() / 2.0);
    html! {
        label for=(name) { (told) " " strong.number { (bits(at)) } " bits" }
        input id=(name) name=(name) type="range" min=(-BITS_MAX / 3.0) max=(BITS_MAX) step="0.5" value=(value) data-submits;
    }
}

fn line(name: &str, now: &Markup, then: &Markup) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            td.number { (now) }
            td.number.rate { (then) }
        }
    }
}

/// How the estimates are made, and what they rest on.
fn how(counts: &WeightCounts, labelled: Option<&LabelFigures>) -> Markup {
    html! {
        p.hint {
            "Links: pairs at or above the link threshold that no guard holds back. Questions: pairs at or above the other one that are not linked. \
             Of 1\u{202f}000 new records: 2\u{202f}000 \u{d7} questions \u{f7} records, as each pair has two ends; several records of one person make one \
             question, so there are fewer. In a day: "
            @match counts.arrivals_per_day {
                Some(records) => { "times the " (format!("{records:.0}")) " records that came new on the middle one of the last 30 days." },
                None => "nothing is said, as weights were not counted since the start, or there is no whole day of records to look back on.",
            }
        }
        p.hint {
            @match labelled {
                Some(figures) if figures.holds && figures.precision.is_some() => {
                    "False and found links are estimated from " (grouped(figures.progress.settled)) " labelled pairs of sample "
                    (figures.progress.number) ", each counted for the pairs that it stands for, with 95\u{202f}% limits."
                }
                Some(figures) if !figures.holds => {
                    "The labels of sample " (figures.progress.number) " are of pairs that " (figures.model_name)
                    " weighed otherwise: they say nothing about the model in force. False links are the model's own probabilities."
                }
                _ => "There are not labels enough in every range of weights above the threshold: false links are what the model's own \
                      probabilities add up to, as good as the model, and no limits can be given. Draw a sample, and label it.",
            }
        }
    }
}
