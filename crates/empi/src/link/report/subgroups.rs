//! Whether the linkage serves all groups of patients alike.

use super::html::{Column, Markup, Table, count, percent};
use super::overview::interval;
use super::plot::{Canvas, Scale, Shape};
use super::{Report, Section};
use crate::link::figures::{GroupFigures, IntervalFigures};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 18.0;

impl Report<'_> {
    pub(super) fn subgroups_section(&self) -> Option<Section> {
        let subgroups = &self.quality?.subgroups;
        if subgroups.is_empty() {
            return None;
        }
        let mut table = Table::new(&[
            Column::Short("Group"),
            Column::Figures("Records"),
            Column::Figures("True pairs"),
            Column::Figures("Precision"),
            Column::Short(""),
            Column::Figures("Recall"),
            Column::Short(""),
            Column::Figures("In review"),
        ]);
        let all = || subgroups.iter().flat_map(|by| &by.groups);
        let precision = scale(all().map(|group| group.precision_interval));
        let recall = scale(all().map(|group| group.recall_interval));
        for by in subgroups {
            table.head(&format!("By {}", by.by));
            for group in &by.groups {
                table.row(&row(group, &precision, &recall));
            }
        }
        let mut body = Markup::paragraph(
            "Errors that strike one group more than others harm that group. Where intervals overlap, the \
             difference may be chance.",
        );
        body.push(&table.markup());
        body.push(&Markup::note(&format!(
            "Below each share its 95 % interval (Wilson, pairs taken as independent). A pair counts \
             half for each of its two records, so groups add up to the whole. The small charts run from {} to 100 % \
             for precision and from {} to 100 % for recall. In review: records that stand in an open \
             question. What is not stated is a group of its own.",
            percent(Some(precision.1)),
            percent(Some(recall.1))
        )));
        Some(Section { anchor: "groups", title: "Groups of patients", body })
    }
}

/// A scale that holds all intervals and ends at 1, and where it begins.
fn scale(intervals: impl Iterator<Item = Option<IntervalFigures>>) -> (Scale, f64) {
    let low = intervals.flatten().map(|interval| interval.low).fold(0.995, f64::min);
    // A group of few pairs must not flatten all others.
    let low = (low.max(0.5) * 100.0).floor() / 100.0;
    (Scale::linear(low, 1.0, 7.0, WIDTH - 7.0), low)
}

fn row(group: &GroupFigures, precision: &(Scale, f64), recall: &(Scale, f64)) -> [Markup; 8] {
    let records = group.records.map_or_else(|| "–".to_owned(), count);
    [
        Markup::text(&group.group),
        Markup::text(&records),
        Markup::text(&count(group.truth_pairs.round() as u64)),
        share(group.precision, group.precision_interval),
        whisker(group.precision, group.precision_interval, precision, "first"),
        share(group.recall, group.recall_interval),
        whisker(group.recall, group.recall_interval, recall, "second"),
        share(group.review_share, group.review_interval),
    ]
}

/// A share and its interval in figures.
fn share(share: Option<f64>, bounds: Option<IntervalFigures>) -> Markup {
    let mut shown = Markup::text(&percent(share));
    if share.is_some() {
        let bounds = Markup::text(&interval(bounds));
        shown.push(&Markup::element("small", "", &bounds));
    }
    shown
}

/// A share with its interval as a small chart.
fn whisker(
    share: Option<f64>,
    bounds: Option<IntervalFigures>,
    (scale, low): &(Scale, f64),
    class: &str,
) -> Markup {
    let (Some(share), Some(bounds)) = (share, bounds) else { return Markup::default() };
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let middle = HEIGHT / 2.0;
    let at = |share: f64| scale.at(share.max(*low));
    canvas.line((scale.at(*low), middle), (scale.at(1.0), middle), "grid");
    canvas.path(&[(at(bounds.low), middle), (at(bounds.high), middle)], class, "");
    let title = interval(Some(bounds));
    canvas.shape(Shape::Dot, (at(share), middle), &format!("fill-{class}"), &title);
    canvas.markup(&title)
}
