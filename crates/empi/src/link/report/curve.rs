//! What other thresholds would do: precision against recall, both against the threshold, and whether
//! match probabilities mean what they say.

use super::html::{Column, Markup, Table, bits, count, percent};
use super::overview::{interval, thresholds_in_words};
use super::plot::{Frame, Labels, Shape, key_line, key_shape};
use super::{Report, Section};
use crate::link::figures::CurvePoint;
use crate::link::summary::QualityFigures;

/// How far above the link threshold charts look, in bits.
const ABOVE_LINK_BITS: f64 = 20.0;
/// How far above the link threshold points still set the range of the axes.
const RANGE_BITS: f64 = 6.0;

impl Report<'_> {
    pub(super) fn curve_section(&self) -> Option<Section> {
        let quality = self.quality.filter(|quality| !quality.curve.is_empty())?;
        let mut body = Markup::paragraph(&format!(
            "The model decides by weight: {}. The charts show what other link thresholds would do with \
             the scored pairs, before records are joined into persons. Pairs that a guard holds back \
             go to data stewards at any threshold.",
            thresholds_in_words(self)
        ));
        if self.summary.is_none() {
            body.push(&Markup::note(
                "The thresholds are those of the lightest link and of the lightest pair in the pairs \
                 file. That file does not name guards, so below the link threshold pairs that a guard \
                 would hold back are counted as links.",
            ));
        }
        body.push(&self.precision_recall(quality));
        body.push(&self.by_threshold(quality));
        body.push(&self.threshold_table(quality));
        Some(Section { anchor: "thresholds", title: "Precision, recall and thresholds", body })
    }

    fn is_near(&self, point: &CurvePoint) -> bool {
        point.threshold <= self.thresholds.link + RANGE_BITS
    }

    fn at(quality: &QualityFigures, threshold: f64) -> Option<&CurvePoint> {
        let distance = |point: &&CurvePoint| (point.threshold - threshold).abs();
        quality.curve.iter().min_by(|one, other| distance(one).total_cmp(&distance(other)))
    }

    fn precision_recall(&self, quality: &QualityFigures) -> Markup {
        let near: Vec<(f64, f64)> = quality
            .curve
            .iter()
            .filter(|point| self.is_near(point))
            .filter_map(|point| point.recall.zip(point.precision))
            .chain(quality.recall.zip(quality.precision))
            .collect();
        let recall = range(near.iter().map(|it| it.0));
        let precision = range(near.iter().map(|it| it.1));
        let mut frame = Frame::new("pr", 380.0, recall, Ok(precision));
        frame.axes(("recall", Labels::Percent), ("precision", Labels::Percent));
        let line =
            |values: fn(&CurvePoint) -> Option<(f64, f64)>| quality.curve.iter().filter_map(values);
        frame
            .curve(line(|it| it.recall_by_weight.zip(it.precision_by_weight)), "plain dashed thin");
        frame.curve(line(|it| it.recall.zip(it.precision)), "first");
        let mut key = vec![
            key_line("first", "weight and guards"),
            key_line("plain dashed thin", "weight alone"),
        ];
        for (name, threshold, shape, class) in [
            ("review threshold", self.thresholds.review, Shape::Square, "fill-second"),
            ("link threshold", self.thresholds.link, Shape::Circle, "fill-first"),
        ] {
            let point = Self::at(quality, threshold);
            let Some(at) = point.and_then(|point| point.recall.zip(point.precision)) else {
                continue;
            };
            let title = format!(
                "{name} ({} bits): precision {}, recall {}",
                bits(threshold),
                percent(Some(at.1)),
                percent(Some(at.0))
            );
            frame.shape(shape, at, class, &title);
            key.push(key_shape(shape, class, &title));
        }
        if let Some(at) = quality.recall.zip(quality.precision) {
            let title = format!(
                "outcome, after joining: precision {}, recall {}",
                percent(quality.precision),
                percent(quality.recall)
            );
            frame.shape(Shape::Diamond, at, "fill-third", &title);
            key.push(key_shape(Shape::Diamond, "fill-third", &title));
        }
        Markup::figure(
            &frame.canvas.markup("precision against recall over thresholds"),
            &key,
            "Precision against recall. Up and to the right is better. The axes show the part that \
             matters and do not begin at 0. The outcome lies off the curve because joining records into \
             persons adds the pairs in between and refuses links that contradict one another.",
        )
    }

    fn by_threshold(&self, quality: &QualityFigures) -> Markup {
        let (review, link) = (self.thresholds.review, self.thresholds.link);
        let last = quality.curve.last().map_or(link, |point| point.threshold);
        let shown = (review, last.min(link + ABOVE_LINK_BITS).max(review + 1.0));
        let near = quality.curve.iter().filter(|point| self.is_near(point));
        let shares = near.flat_map(|point| [point.precision, point.recall]).flatten();
        let mut frame = Frame::new("threshold", 320.0, shown, Ok(range(shares)));
        frame.axes(("link threshold, in bits", Labels::Plain), ("share", Labels::Percent));
        frame.threshold(link, &format!("link {}", bits(link)), "start");
        for (class, value) in [
            ("first", (|it| it.precision) as fn(&CurvePoint) -> Option<f64>),
            ("second dashed", |it| it.recall),
            ("third dotted", |it| it.f1),
        ] {
            let points = quality.curve.iter().filter(|it| it.threshold <= shown.1);
            frame.curve(points.filter_map(|it| Some((it.threshold, value(it)?))), class);
        }
        let key = [
            key_line("first", "precision"),
            key_line("second dashed", "recall"),
            key_line("third dotted", "F1"),
        ];
        Markup::figure(
            &frame.canvas.markup("precision, recall and F1 by link threshold"),
            &key,
            "Precision, recall and F1 of the links by link threshold.",
        )
    }

    fn threshold_table(&self, quality: &QualityFigures) -> Markup {
        let mut table = Table::new(&[
            Column::Short("Link threshold"),
            Column::Figures("Links"),
            Column::Figures("Left to stewards"),
            Column::Figures("Precision"),
            Column::Figures("Recall"),
            Column::Figures("F1"),
        ]);
        let best = quality.best_f1.map(|point| point.threshold);
        let (review, link) = (self.thresholds.review, self.thresholds.link);
        let steps = [-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0, 16.0].map(|step| link + step);
        let mut wanted: Vec<f64> =
            steps.into_iter().filter(|it| *it > review).chain([review]).chain(best).collect();
        wanted.sort_unstable_by(f64::total_cmp);
        let mut points: Vec<&CurvePoint> =
            wanted.iter().filter_map(|threshold| Self::at(quality, *threshold)).collect();
        points.dedup_by_key(|point| point.threshold);
        for point in points {
            let is_of_model = (point.threshold - link).abs() < 1e-9;
            let mut name = format!("{} bits", bits(point.threshold));
            if is_of_model {
                name.push_str(" (in force)");
            }
            if best == Some(point.threshold) {
                name.push_str(" (highest F1)");
            }
            let cells = [
                name,
                count(point.links),
                count(point.reviews),
                percent(point.precision),
                percent(point.recall),
                percent(point.f1),
            ];
            let class = if is_of_model { "total" } else { "" };
            table.row_of_class(class, &cells.map(|cell| Markup::text(&cell)));
        }
        table.markup()
    }

    pub(super) fn reliability_section(&self) -> Option<Section> {
        let reliability = self.quality?.reliability.as_ref().filter(|it| !it.bins.is_empty())?;
        let tenth = |values: &mut dyn Iterator<Item = f64>| {
            (values.fold(1.0, f64::min) * 10.0).floor() / 10.0
        };
        let left = tenth(&mut reliability.bins.iter().map(|bin| bin.predicted)).min(0.9);
        let low = tenth(&mut reliability.bins.iter().map(|bin| bin.interval.low)).min(0.9);
        let mut frame = Frame::new("reliability", 380.0, (left, 1.0), Ok((low, 1.0)));
        frame.axes(
            ("match probability: the share of true pairs that the model expects", Labels::Percent),
            ("share of true pairs found", Labels::Percent),
        );
        let least = left.max(low);
        frame.curve([(least, least), (1.0, 1.0)].into_iter(), "plain dashed thin");
        for bin in &reliability.bins {
            let whisker = [bin.interval.low, bin.interval.high];
            frame.curve(whisker.into_iter().map(|share| (bin.predicted, share)), "first thin");
            let title =
                format!("{} pairs: {} expected", count(bin.pairs), percent(Some(bin.predicted)));
            frame.shape(Shape::Circle, (bin.predicted, bin.observed), "fill-first", &title);
        }
        let mut table = Table::new(&[
            Column::Short("Match probability"),
            Column::Figures("Pairs"),
            Column::Figures("Expected true"),
            Column::Figures("Found true"),
            Column::Figures("95 % interval"),
            Column::Figures("False: expected"),
            Column::Figures("False: found"),
        ]);
        for bin in &reliability.bins {
            let cells = [
                format!("{} to {}", bound(bin.from), bound(bin.to)),
                count(bin.pairs),
                percent(Some(bin.predicted)),
                percent(Some(bin.observed)),
                interval(Some(bin.interval)),
                format!("{:.1}", bin.false_expected),
                count(bin.pairs - bin.true_pairs),
            ];
            table.row(&cells.map(|cell| Markup::text(&cell)));
        }
        let error = percent(reliability.calibration_error);
        let mut body = Markup::paragraph(&format!(
            "Of the pairs that the model gives a match probability of 90 %, 90 in 100 should be true. On \
             average the two are {error} apart (expected calibration error, over all pairs at or above \
             the review threshold, guards left aside)."
        ));
        body.push(&Markup::figure(
            &frame.canvas.markup("share of true pairs found against expected"),
            &[
                key_line("plain dashed thin", "as expected"),
                key_shape(Shape::Circle, "fill-first", "found, with its 95 % interval"),
            ],
            "Points below the dashed line: the model is too sure. Above: it is too careful.",
        ));
        body.push(&table.markup());
        Some(Section { anchor: "reliability", title: "Do probabilities mean what they say", body })
    }
}

fn bound(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}

/// The part of 0 to 1 that holds the values, with some room, and never narrower than a percent.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((1.0_f64, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
    if low > high {
        return (0.0, 1.0);
    }
    let room = ((high - low) * 0.08).max(0.005);
    ((low - room).max(0.0), (high + room).min(1.0))
}
