//! The waterfall on a terminal: what was compared, and how each step moves the weight between the two
//! thresholds.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use empi_model::{
    ExplanationRow, MatchWeight, PatientText, Probability, ScoreExplanation, Thresholds,
};

use super::answer::{Explained, Linked, Side};
use super::sentence;

/// Columns of the drawing.
const BAR_COLUMNS: usize = 40;

/// Everything about two records, for people.
pub(super) fn shown(explained: &Explained) -> String {
    let mut parts = vec![sides(explained)];
    if explained.values_shown {
        parts.push(values(&explained.score));
    }
    parts.push(drawing(&explained.score, explained.thresholds));
    parts.push(notes(explained));
    parts.push(sentence::of(explained));
    parts.join("\n\n")
}

fn sides(explained: &Explained) -> String {
    let side = |name: &str, Side { key, enterprise_id }: &Side| {
        format!("{name:<6} {}:{}, person {enterprise_id}", key.source, key.record_id)
    };
    format!("{}\n{}", side("left", &explained.left), side("right", &explained.right))
}

/// Both values of each comparison, as they are compared.
pub(super) fn values(score: &ScoreExplanation) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["compared", "left", "right"]);
    let value = |text: &Option<PatientText>| {
        text.as_ref().map_or_else(String::new, |text| text.expose().to_owned())
    };
    for row in &score.rows {
        if row.left.is_some() || row.right.is_some() {
            table.add_row([row.label.clone(), value(&row.left), value(&row.right)]);
        }
    }
    table.to_string()
}

/// The rows of the waterfall, each with a bar from the weight before to the weight after it.
pub(super) fn drawing(score: &ScoreExplanation, thresholds: Thresholds) -> String {
    let rows = &score.rows;
    let width = |of: fn(&ExplanationRow) -> &str| {
        rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0).max(5)
    };
    let (labels, levels) = (width(|row| &row.label), width(|row| &row.level));
    let axis = Axis::over(score, thresholds);
    let mut lines = vec![format!(
        "{:labels$}  {:levels$}  {:>8}  {:>8}  {:>7}  {:>7}  {}",
        "",
        "level",
        "m",
        "u",
        "bits",
        "total",
        axis.marks()
    )];
    let mut total = MatchWeight::ZERO;
    for row in rows {
        let before = total;
        total += row.weight;
        // The sum begins with the prior, not at zero.
        let from = if row.label == "prior" { total } else { before };
        let line = format!(
            "{:labels$}  {:levels$}  {:>8}  {:>8}  {:>7}  {:>7}  {}",
            row.label,
            row.level,
            probability(row.m),
            probability(row.u),
            if row.m.is_none() && row.level == "missing" {
                "-".to_owned()
            } else {
                row.weight.to_string()
            },
            total.to_string(),
            axis.bar(from, total)
        );
        lines.push(line.trim_end().to_owned());
    }
    lines.push(format!(
        "{:labels$}  {:levels$}  {:>8}  {:>8}  {:>7}  {:>7}  {}",
        "total",
        score.decision.as_str(),
        "",
        "",
        "",
        score.total.to_string(),
        axis.bar(score.total, score.total)
    ));
    lines.join("\n")
}

fn probability(value: Option<Probability>) -> String {
    match value.map(Probability::value) {
        None => String::new(),
        Some(value) if value >= 0.001 => format!("{value:.4}"),
        Some(value) => format!("{value:.1e}"),
    }
}

/// Six places, and beyond them a bound: nothing is certain.
fn match_probability(weight: MatchWeight) -> String {
    match weight.probability().value() {
        value if value > 0.999_999 => "above 0.999999".to_owned(),
        value if value < 0.000_001 => "below 0.000001".to_owned(),
        value => format!("{value:.6}"),
    }
}

fn notes(explained: &Explained) -> String {
    let mut notes = legend(&explained.score, explained.thresholds);
    for guard in explained.guards() {
        let seen = if explained.score.guards.contains(&guard) { "" } else { " (between persons)" };
        let _ = write!(notes, "\nheld back by {}{seen}: {}", guard.as_str(), guard.reason());
    }
    let names = |rules: &[empi_model::BlockingRule]| {
        rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join(", ")
    };
    if explained.was_compared() {
        let _ = write!(notes, "\nbrought together by {}", names(&explained.rules));
    } else if explained.capped_rules.is_empty() {
        notes.push_str("\nnever compared: no blocking key in common");
    } else {
        notes.push_str("\nnever compared");
    }
    if !explained.capped_rules.is_empty() {
        let rules = names(&explained.capped_rules);
        let _ = write!(notes, "\nkeys that too many records have to be compared: {rules}");
    }
    if let Linked::InIndex { tasks, .. } = &explained.linked {
        for task in tasks {
            let _ = write!(notes, "\nreview task {task} asks whether the two persons are one");
        }
    }
    notes
}

/// What the drawing means, and what it comes to.
pub(super) fn legend(score: &ScoreExplanation, thresholds: Thresholds) -> String {
    format!(
        "█ for, ▒ against, ● total; R review threshold {}, L link threshold {}; \
         match probability {}; model {}",
        thresholds.review,
        thresholds.link,
        match_probability(score.total),
        score.model
    )
}

/// Where weights stand in the drawing.
struct Axis {
    low: f64,
    high: f64,
    review: usize,
    link: usize,
}

impl Axis {
    /// An axis from the least to the greatest weight that the sum passes, both thresholds on it.
    fn over(score: &ScoreExplanation, thresholds: Thresholds) -> Self {
        let (mut low, mut high) = (thresholds.review.bits(), thresholds.link.bits());
        let mut total = 0.0;
        for row in &score.rows {
            total += row.weight.bits();
            (low, high) = (low.min(total), high.max(total));
        }
        // Half a bit of air, so that an axis always has a length.
        let mut axis = Self { low: low - 0.5, high: high + 0.5, review: 0, link: 0 };
        axis.review = axis.column(thresholds.review);
        axis.link = axis.column(thresholds.link);
        axis
    }

    fn column(&self, weight: MatchWeight) -> usize {
        let share = (weight.bits() - self.low) / (self.high - self.low);
        // The share is between 0 and 1, so the column is one of the drawing.
        ((share * (BAR_COLUMNS - 1) as f64).round().max(0.0) as usize).min(BAR_COLUMNS - 1)
    }

    /// The letters over the two thresholds.
    fn marks(&self) -> String {
        let letter = |at: usize| match at {
            _ if at == self.link => 'L',
            _ if at == self.review => 'R',
            _ => ' ',
        };
        (0..=self.review.max(self.link)).map(letter).collect()
    }

    /// A bar from one weight to another; a dot where nothing moves.
    fn bar(&self, from: MatchWeight, to: MatchWeight) -> String {
        let (start, end) = (self.column(from), self.column(to));
        let mark = |at: usize| {
            let inside = (start.min(end)..=start.max(end)).contains(&at);
            match at {
                _ if inside && from == to => '●',
                _ if inside && to > from => '█',
                _ if inside => '▒',
                _ if at == self.review || at == self.link => '┊',
                _ => ' ',
            }
        };
        (0..BAR_COLUMNS).map(mark).collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
