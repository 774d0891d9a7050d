//! Rates with their formulas: duplicates, overlaps, overlays; and what answers say about weights.

use empi_registry::{Agreement, Duplicates, QualityBoard, Share};
use maud::{Markup, html};

use super::{of, per_cent, percent};
use crate::web::view::evidence::bits;
use crate::web::view::words::grouped;

/// A rate with how it is made.
struct Rate {
    name: String,
    formula: &'static str,
    share: Share,
    /// Whether it is of what still waits for an answer.
    waits: bool,
}

fn rates(board: &QualityBoard) -> Vec<Rate> {
    let Duplicates { confirmed, waiting, created, overlaps_linked, overlaps_waiting, .. } =
        &board.duplicates;
    let rate =
        |name: &str, formula, share, waits| Rate { name: name.to_owned(), formula, share, waits };
    let mut rates = vec![
        rate(
            "Duplicate rate",
            "records that share their person with another record of the same source \u{00f7} records",
            *confirmed,
            false,
        ),
        rate(
            "Possible duplicates",
            "records in an open question with another record of the same source \u{00f7} records",
            *waiting,
            true,
        ),
    ];
    for period in created {
        let name = match period.days {
            1 => "last 24 hours".to_owned(),
            days => format!("last {days} days"),
        };
        rates.push(Rate {
            name: format!("Duplicate creation rate, {name}"),
            formula: "records registered in the period whose person had a record of the same source before \u{00f7} records registered in the period",
            share: period.confirmed,
            waits: false,
        });
        rates.push(Rate {
            name: format!("Possible creations, {name}"),
            formula: "records registered in the period that an open question holds to be one with an earlier record of the same source \u{00f7} records registered in the period",
            share: period.waiting,
            waits: true,
        });
    }
    rates.extend([
        rate(
            "Overlap rate",
            "persons that an open question holds to be one with a person of another source \u{00f7} persons",
            *overlaps_waiting,
            true,
        ),
        rate(
            "Overlaps resolved",
            "persons with records of several sources under one enterprise ID \u{00f7} persons",
            *overlaps_linked,
            false,
        ),
    ]);
    let overlays = board.duplicates.overlays;
    let of_records = |part| Share { part, whole: board.records };
    rates.extend([
        rate("Overlay rate", "overlays found \u{00f7} records", of_records(overlays.count()), false),
        rate(
            "Possible overlays",
            "held updates, and persons questioned as two people, that wait for an answer \u{00f7} records",
            of_records(board.duplicates.overlays_waiting),
            true,
        ),
    ]);
    rates
}

/// Duplicates, overlaps and overlays.
pub(super) fn duplicates(board: &QualityBoard) -> Markup {
    let overlays = board.duplicates.overlays;
    html! {
        section.card.wide {
            h2 { "Duplicates, overlaps and overlays" }
            table.rows.rates {
                thead {
                    tr {
                        th scope="col" { "Figure" }
                        th scope="col" { "Formula" }
                        th.number scope="col" { "Numerator" }
                        th.number scope="col" { "Denominator" }
                        th.number scope="col" { "Rate" }
                    }
                }
                tbody {
                    @for Rate { name, formula, share, waits } in rates(board) {
                        tr {
                            th scope="row" { (name) @if waits { " " span.tag { "waits" } } }
                            td.soft { (formula) }
                            td.number { (grouped(share.part)) }
                            td.number { (grouped(share.whole)) }
                            td.number.rate { (percent(share)) }
                        }
                    }
                }
            }
            p.hint {
                "By AHIMA's definitions. A duplicate is one human with several records in one source: here they are linked, and in \
                 their source they are two until it merges them. What is marked as waiting is a question that nobody has answered: it adds \
                 nothing to the other rows. Records that were loaded in bulk count as registered when they were loaded. AHIMA's aim for the \
                 creation rate is at most 1\u{202f}%."
            }
            p.hint {
                "Overlays found: " (grouped(overlays.updates)) " updates that would have made a record somebody else, "
                (grouped(overlays.divided)) " persons divided after a question, " (grouped(overlays.by_hand))
                " times records were taken out of a person by hand. What was undone is not counted."
            }
        }
    }
}

/// Estimates of reviewed pairs, each with its formula.
fn estimates(board: &QualityBoard) -> [(&'static str, &'static str, Share); 6] {
    const OF_ANSWERED: &str = "answered same \u{00f7} answered";
    const OF_SAME: &str = "at or above the threshold and answered same \u{00f7} answered same";
    let (all, twice) = (board.reviewed.answered, board.reviewed.confirmed);
    [
        ("Precision of reviewed pairs at or above the threshold", OF_ANSWERED, all.precision()),
        ("Recall among reviewed pairs", OF_SAME, all.recall()),
        (
            "One person among reviewed pairs below the threshold",
            OF_ANSWERED,
            all.same_of_uncertain(),
        ),
        ("Precision, pairs that two stewards answered alike", OF_ANSWERED, twice.precision()),
        ("Recall, pairs that two stewards answered alike", OF_SAME, twice.recall()),
        ("Links that were questioned and found right", OF_ANSWERED, board.reviewed.links_upheld),
    ]
}

/// What answers say about weights, of reviewed pairs.
pub(super) fn reviewed(board: &QualityBoard) -> Markup {
    html! {
        section.card.wide {
            h2 { "What answers say about weights" }
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Of reviewed pairs" }
                        th scope="col" { "Formula" }
                        th.number scope="col" { "Count" }
                        th.number scope="col" { "Estimate" }
                        th.number scope="col" { "95\u{202f}% interval" }
                    }
                }
                tbody {
                    @for (name, formula, share) in estimates(board) {
                        tr {
                            th scope="row" { (name) }
                            td.soft { (formula) }
                            td.number { (of(share)) }
                            td.number.rate { (percent(share)) }
                            td.number {
                                @match share.interval() {
                                    Some(interval) => { (per_cent(interval.low)) " \u{2013} " (per_cent(interval.high)) },
                                    None => span.soft { "nothing reviewed" },
                                }
                            }
                        }
                    }
                }
            }
            p.hint {
                "The threshold for linking is " (bits(board.link_threshold)) " bits. Reviewed pairs are no random sample of links: they \
                 are pairs that the weight left open or that something else held back, so these figures tell how stewards judge such \
                 pairs, and neither how many of all links are right nor how many pairs were never compared. Intervals are Wilson's."
            }
        }
    }
}

/// What two stewards say without knowing of one another.
pub(super) fn agreement(agreement: &Agreement) -> Markup {
    html! {
        section.card {
            h2 { "Agreement on blind second answers" }
            (agreement_table(agreement))
        }
    }
}

/// How far two agree, with Cohen's kappa.
pub(super) fn agreement_table(agreement: &Agreement) -> Markup {
    let Agreement { both_same, both_different, same_different, different_same } = *agreement;
    let whole = both_same + both_different + same_different + different_same;
    let agreed = Share { part: both_same + both_different, whole };
    html! {
        table.rows.agreement {
            thead {
                tr {
                    th scope="col" { "First answer" }
                    th.number scope="col" { "Second: same" }
                    th.number scope="col" { "Second: different" }
                }
            }
            tbody {
                tr { th scope="row" { "Same" } td.number { (grouped(both_same)) } td.number { (grouped(same_different)) } }
                tr { th scope="row" { "Different" } td.number { (grouped(different_same)) } td.number { (grouped(both_different)) } }
            }
        }
        @if whole == 0 {
            p.hint { "Nobody has given a second answer yet." }
        } @else {
            p.hint {
                "Agreement: " (percent(agreed)) " (" (of(agreed)) " pairs of answers). "
                @match agreement.kappa() {
                    Some(kappa) => { "Cohen's kappa, which is 1 for perfect agreement and 0 for what chance would give: " strong { (format!("{kappa:.2}")) } "." },
                    None => "Cohen's kappa says nothing where everybody gives the same answer.",
                }
            }
        }
    }
}
