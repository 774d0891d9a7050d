//! Examples: the weight of a few pairs, row by row, from the prior to the total.

use empi_linkage::{Linkage, ScoredPair};
use empi_model::{ExplanationRow, Guard, LinkDecision, PatientText, RecordKey, ScoreExplanation};

use super::html::{Column, Markup, Table, bits, percent};
use super::plot::{Canvas, Scale};
use super::{Report, Section};
use crate::link::summary::{QualityFigures, ThresholdBits};

/// Width of the bars, and with values beside them.
const WIDTH: f64 = 330.0;
const WIDTH_WITH_VALUES: f64 = 170.0;
const HEIGHT: f64 = 18.0;

/// A pair whose weight is explained.
pub(crate) struct Example {
    pub(crate) title: &'static str,
    pub(crate) keys: [RecordKey; 2],
    /// The blocking rules that brought them together.
    pub(crate) rules: Vec<&'static str>,
    pub(crate) explanation: ScoreExplanation,
    /// What became of the pair, after clustering.
    pub(crate) decision: LinkDecision,
    /// What held a link back, clustering included.
    pub(crate) guards: Vec<Guard>,
}

/// Chooses pairs that show how the model decides: typical, at the thresholds, held back, wrong.
pub(crate) fn choose(
    linkage: &Linkage,
    quality: Option<&QualityFigures>,
    thresholds: ThresholdBits,
) -> Vec<(&'static str, (u32, u32))> {
    let mut chosen: Vec<(&'static str, (u32, u32))> = Vec::new();
    let mut add = |title: &'static str, pair: Option<(u32, u32)>| {
        if let Some(pair) = pair.filter(|pair| chosen.iter().all(|(_, other)| other != pair)) {
            chosen.push((title, pair));
        }
    };
    let places = |pair: &ScoredPair| (pair.left, pair.right);
    let mut links: Vec<&ScoredPair> =
        linkage.pairs.iter().filter(|pair| pair.decision == LinkDecision::Link).collect();
    let by_weight = |one: &&ScoredPair, other: &&ScoredPair| {
        let weight = one.weight.bits().total_cmp(&other.weight.bits());
        weight.then(places(one).cmp(&places(other)))
    };
    let middle = links.len() / 2;
    let median = (!links.is_empty()).then(|| *links.select_nth_unstable_by(middle, by_weight).1);
    add("A typical link", median.map(places));
    add("The weakest link", links.iter().copied().min_by(by_weight).map(places));
    let reviews = || linkage.pairs.iter().filter(|pair| pair.decision == LinkDecision::Review);
    let uncertain = reviews().filter(|pair| pair.weight.bits() < thresholds.link);
    add("Nearly linked: a question of weight alone", uncertain.max_by(by_weight).map(places));
    let guarded = reviews().filter(|pair| !pair.guards.is_empty());
    add("Held back in spite of its weight", guarded.max_by(by_weight).map(places));
    if let Some(samples) = quality.and_then(|quality| quality.samples.as_ref()) {
        let first = |pairs: &[crate::link::figures::PairSample]| pairs.first().map(|it| it.places);
        add("A false link", first(&samples.false_links));
        add("A true pair weighed too low", first(&samples.missed_by_scoring));
        add("A true pair that was never compared", first(&samples.missed_by_blocking));
    }
    chosen
}

impl Report<'_> {
    pub(super) fn examples_section(&self) -> Option<Section> {
        if self.examples.is_empty() {
            return None;
        }
        let mut body = Markup::paragraph(
            "How the weight of single pairs comes about. Each row adds its bits to the row above, from \
             the chance that two records taken at random are one person to the whole weight. The \
             dashed lines are the review and the link threshold.",
        );
        if !self.has_values {
            body.push(&Markup::note(
                "Values are left out. The option --report-values shows them, and makes the file one of patient \
                 data.",
            ));
        }
        for example in &self.examples {
            body.push(&self.example(example));
        }
        Some(Section { anchor: "examples", title: "Examples, bit by bit", body })
    }

    fn example(&self, example: &Example) -> Markup {
        let Example { title, keys, explanation, .. } = example;
        let mut columns = vec![Column::Short("Evidence"), Column::Words("Level")];
        if self.has_values {
            columns.extend([Column::Words("Left"), Column::Words("Right")]);
        }
        columns.extend([Column::Figures("Bits"), Column::Short("Sum so far")]);
        let mut table = Table::new(&columns);
        let scale = self.scale(explanation);
        let mut sum = 0.0;
        for row in &explanation.rows {
            let before = sum;
            sum += row.weight.bits();
            table.row(&self.row(row, self.bar(&scale, before, sum)));
        }
        let total = explanation.total;
        let mut cells = vec![Markup::text("total"), Markup::default()];
        if self.has_values {
            cells.extend([Markup::default(), Markup::default()]);
        }
        cells.extend([Markup::text(&bits(total.bits())), self.bar(&scale, 0.0, total.bits())]);
        table.row_of_class("total", &cells);

        let [left, right] = keys;
        let name = |key: &RecordKey| Markup::code(&format!("{} / {}", key.source, key.record_id));
        let mut pair = name(left);
        pair.push(&Markup::text(" and "));
        pair.push(&name(right));
        pair.push(&Markup::text(&outcome(example)));
        let parts = [Markup::heading(title), Markup::element("p", "", &pair), table.markup()];
        Markup::element("div", "class=\"example\"", &parts.into_iter().collect())
    }

    fn row(&self, row: &ExplanationRow, bar: Markup) -> Vec<Markup> {
        let level = if row.level.is_empty() { String::new() } else { row.level.replace('_', " ") };
        let mut cells = vec![Markup::text(&row.label.replace('_', " ")), Markup::text(&level)];
        if self.has_values {
            let shown = |value: &Option<PatientText>| {
                Markup::text(value.as_ref().map_or("", PatientText::expose))
            };
            cells.extend([shown(&row.left), shown(&row.right)]);
        }
        cells.extend([Markup::text(&bits(row.weight.bits())), bar]);
        cells
    }

    const fn bar_width(&self) -> f64 {
        if self.has_values { WIDTH_WITH_VALUES } else { WIDTH }
    }

    /// A scale that holds every sum on the way, and the thresholds.
    fn scale(&self, explanation: &ScoreExplanation) -> Scale {
        let ThresholdBits { link, review } = self.thresholds;
        let (mut low, mut high, mut sum) = (review.min(0.0), link.max(0.0), 0.0_f64);
        for row in &explanation.rows {
            sum += row.weight.bits();
            (low, high) = (low.min(sum), high.max(sum));
        }
        Scale::linear(low - 1.0, high + 1.0, 0.0, self.bar_width())
    }

    fn bar(&self, scale: &Scale, before: f64, after: f64) -> Markup {
        let mut canvas = Canvas::new(self.bar_width(), HEIGHT);
        for threshold in [self.thresholds.review, self.thresholds.link] {
            let at = scale.at(threshold);
            canvas.line((at, 0.0), (at, HEIGHT), "mark");
        }
        let (start, end) = (scale.at(before), scale.at(after));
        let class = if after < before { "fill-second" } else { "fill-first" };
        let width = (end - start).abs().max(1.5);
        canvas.rectangle((start.min(end), 4.0), (width, HEIGHT - 8.0), class, "");
        canvas.markup(&format!("from {} to {} bits", bits(before), bits(after)))
    }
}

/// What became of the pair, and why.
fn outcome(example: &Example) -> String {
    let decision = match example.decision {
        LinkDecision::Link => "linked",
        LinkDecision::Review => "left to a data steward",
        LinkDecision::NonLink => "kept apart",
    };
    let total = example.explanation.total;
    let probability = percent(Some(total.probability().value()));
    let total = bits(total.bits());
    if example.rules.is_empty() {
        return format!(
            ": never compared, since no blocking rule brought the two together. They would have \
             weighed {total} bits, match probability {probability}."
        );
    }
    let mut words = format!(": {decision} at {total} bits, match probability {probability}.");
    let reasons: Vec<&str> = example.guards.iter().map(|guard| guard.reason()).collect();
    if !reasons.is_empty() {
        words.push_str(&format!(" Held back: {}.", reasons.join("; ")));
    }
    words.push_str(&format!(" Brought together by {}.", example.rules.join(", ")));
    words
}
