//! The review queue: what waits, how long, how long answers take, and what came and went day by day.

use empi_registry::{DayWork, KindStats, Percentiles, QueueStats};
use maud::{Markup, html};

use crate::web::view::plot;
use crate::web::view::time::date;
use crate::web::view::words::{grouped, kind, lasting};

/// The queue by kind.
pub(super) fn queue(queue: &QueueStats) -> Markup {
    let total = |count: fn(&KindStats) -> u64| queue.kinds.iter().map(count).sum::<u64>();
    html! {
        section.card.wide {
            h2 { "Review queue" }
            table.rows.queue {
                thead {
                    tr {
                        th scope="col" { "Kind" }
                        th.number scope="col" { "Waiting" }
                        th.number scope="col" { "Raised" }
                        th.number scope="col" { "in 24 h" }
                        th.number scope="col" { "Closed" }
                        th.number scope="col" { "in 24 h" }
                        th.number scope="col" { "Age, median" }
                        th.number scope="col" { "Age, p90" }
                        th.number scope="col" { "Waited, median" }
                        th.number scope="col" { "Waited, p90" }
                        th.number scope="col" { "Decision, median" }
                        th.number scope="col" { "Decision, p90" }
                    }
                }
                tbody {
                    @for of_kind in &queue.kinds { (line(of_kind)) }
                    tr.total {
                        th scope="row" { "All" }
                        td.number { (grouped(total(|it| it.open))) }
                        td.number { (grouped(total(|it| it.raised))) }
                        td.number { (grouped(total(|it| it.raised_today))) }
                        td.number { (grouped(total(closed))) }
                        td.number { (grouped(total(|it| it.closed_today))) }
                        (pair(queue.age))
                        td {} td {} td {} td {}
                    }
                }
            }
            p.hint {
                "Age: how long open tasks have waited. Waited: how long answered tasks had waited. Decision: how long a steward had a task \
                 before answering it. Median and p90: half, and nine of ten, took no longer. Closed tasks were answered, or settled by \
                 something else before."
            }
        }
    }
}

/// Answered or settled.
pub(super) const fn closed(of_kind: &KindStats) -> u64 {
    of_kind.same + of_kind.different + of_kind.rejected + of_kind.moot
}

fn line(of_kind: &KindStats) -> Markup {
    html! {
        tr {
            th scope="row" { (kind(of_kind.kind)) }
            td.number { (grouped(of_kind.open)) }
            td.number { (grouped(of_kind.raised)) }
            td.number { (grouped(of_kind.raised_today)) }
            td.number { (grouped(closed(of_kind))) }
            td.number { (grouped(of_kind.closed_today)) }
            (pair(of_kind.age))
            (pair(of_kind.waited))
            (pair(of_kind.decision))
        }
    }
}

fn pair(times: Option<Percentiles>) -> Markup {
    let shown = |time: fn(Percentiles) -> u64| {
        times.map_or_else(|| "\u{2013}".to_owned(), |times| lasting(time(times)))
    };
    html! {
        td.number { (shown(|it| it.p50_ms)) }
        td.number { (shown(|it| it.p90_ms)) }
    }
}

/// What came and went on each of the last days.
pub(super) fn days(days: &[DayWork]) -> Markup {
    let plotted: Vec<plot::Day> = days
        .iter()
        .map(|day| plot::Day {
            date: date(day.begins).get(5..).unwrap_or_default().to_owned(),
            came: day.raised,
            went: day.answered + day.settled,
        })
        .collect();
    let title = format!("Tasks raised and closed per day, last {} days", days.len());
    html! {
        section.card.wide {
            h2 { (title) }
            p.legend {
                span.swatch.came {} "Raised" span.swatch.went {} "Closed" span.soft { "days in UTC" }
            }
            (plot::days(&plotted, &title, ["Raised", "Closed"]))
            details {
                summary { "As a table" }
                table.rows {
                    thead {
                        tr {
                            th scope="col" { "Day" }
                            th.number scope="col" { "Raised" }
                            th.number scope="col" { "Answered" }
                            th.number scope="col" { "Settled without an answer" }
                        }
                    }
                    tbody {
                        @for day in days.iter().rev() {
                            tr {
                                th scope="row" { (date(day.begins)) }
                                td.number { (grouped(day.raised)) }
                                td.number { (grouped(day.answered)) }
                                td.number { (grouped(day.settled)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
