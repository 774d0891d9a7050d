//! The head of the report and the quality at one glance.

use super::html::{Column, Markup, Table, bits, count, percent};
use super::{Report, Section};
use crate::link::figures::IntervalFigures;
use crate::link::summary::{QualityFigures, Summary};

/// An interval in words, `–` where there is none.
pub(super) fn interval(interval: Option<IntervalFigures>) -> String {
    let Some(IntervalFigures { low, high }) = interval else { return "–".to_owned() };
    // At least two decimals, and as many as tell the bounds apart.
    let width = (high - low).max(1e-7) * 100.0;
    let decimals = (1.0 - width.log10().floor()).clamp(1.0, 4.0) as usize;
    format!("{:.decimals$} to {:.decimals$}\u{a0}%", low * 100.0, high * 100.0)
}

fn tile(value: &str, label: &str) -> Markup {
    let value = Markup::element("b", "", &Markup::text(value));
    let label = Markup::element("span", "", &Markup::text(label));
    Markup::element("div", "class=\"tile\"", &[value, label].into_iter().collect())
}

impl Report<'_> {
    /// Title, what was done, and the figures that everybody asks for.
    pub(super) fn head(&self) -> Markup {
        let mut head = Markup::element("h1", "", &Markup::text("Record linkage report"));
        let files = self.files.join(", ");
        let version = env!("CARGO_PKG_VERSION");
        let model =
            self.model.map_or_else(String::new, |model| format!(" · model {}", model.name()));
        let line = format!("{files}{model} · empi {version}");
        head.push(&Markup::element("p", "class=\"quiet\"", &Markup::text(&line)));
        let mut tiles = Markup::default();
        if let Some(summary) = self.summary {
            head.push(&Markup::element("p", "class=\"lead\"", &Markup::text(&lead(summary))));
            for (value, label) in [
                (summary.records, "records"),
                (summary.persons, "persons"),
                (summary.links, "linked pairs"),
                (summary.reviews, "questions for data stewards"),
                (summary.candidate_pairs, "pairs compared"),
            ] {
                tiles.push(&tile(&count(value), label));
            }
        }
        let mut measured = Markup::default();
        if let Some(quality) = self.quality {
            measured.push(&tile(&percent(quality.precision), "precision over pairs"));
            measured.push(&tile(&percent(quality.recall), "recall over pairs"));
            measured.push(&tile(&percent(quality.f1), "F1 over pairs"));
        }
        for tiles in [tiles, measured].iter().filter(|tiles| !tiles.as_str().is_empty()) {
            head.push(&Markup::element("div", "class=\"tiles\"", tiles));
        }
        if let Some(summary) = self.summary {
            warnings(summary).iter().for_each(|warning| head.push(warning));
        }
        let privacy = if self.has_values {
            "This file shows values of patients: treat it as you treat their records."
        } else {
            "Records are named by source and record ID; no name, date, number or address of a patient \
             is in this file."
        };
        head.push(&Markup::note(privacy));
        head
    }

    pub(super) fn quality_section(&self) -> Option<Section> {
        let quality = self.quality?;
        let mut table = Table::new(&[
            Column::Short("Measured over"),
            Column::Figures("Precision"),
            Column::Figures("Recall"),
            Column::Figures("F1"),
        ]);
        for (name, scores) in [
            ("pairs of records", [quality.precision, quality.recall, quality.f1]),
            (
                "whole persons, exactly right",
                [quality.cluster_precision, quality.cluster_recall, quality.cluster_f1],
            ),
            (
                "records (B-cubed)",
                [quality.b_cubed_precision, quality.b_cubed_recall, quality.b_cubed_f1],
            ),
        ] {
            let mut cells = vec![Markup::text(name)];
            cells.extend(scores.map(|share| Markup::text(&percent(share))));
            table.row(&cells);
            if let (Some(intervals), "pairs of records") = (quality.intervals, name) {
                let shown = [intervals.precision, intervals.recall, intervals.f1];
                let mut cells = vec![Markup::text("95 % interval")];
                cells.extend(shown.map(|it| Markup::text(&interval(it))));
                table.row(&cells);
            }
        }
        let mut body = Markup::paragraph(&in_words(quality));
        body.push(&table.markup());
        body.push(&Markup::note(
            "Precision: how much of what was joined belongs together. Recall: how much of what belongs \
             together was joined. F1: their harmonic mean. The intervals come from drawing persons \
             anew 200 times, since the pairs of one person stand or fall together; where no error was \
             seen at all they are Wilson's.",
        ));
        Some(Section { anchor: "quality", title: "How good the linkage is", body })
    }
}

fn lead(summary: &Summary) -> String {
    let per_person = summary.records as f64 / summary.persons.max(1) as f64;
    let questions = match summary.reviews {
        0 => "No question is left for data stewards.".to_owned(),
        1 => "One question is left for data stewards.".to_owned(),
        more => format!("{} questions are left for data stewards.", count(more)),
    };
    format!(
        "{} records were found to be {} persons, {per_person:.2} records each on average. {questions}",
        count(summary.records),
        count(summary.persons)
    )
}

fn in_words(quality: &QualityFigures) -> String {
    let false_pairs = quality.predicted_pairs - quality.true_positive_pairs;
    let missed = quality.truth_pairs - quality.true_positive_pairs;
    let mut words = format!(
        "By the truth, {} pairs of records belong together. {} of them were joined and {} were not; {} \
         pairs were joined that do not belong together.",
        count(quality.truth_pairs),
        count(quality.true_positive_pairs),
        count(missed),
        count(false_pairs)
    );
    if let Some(recall) = quality.missed.as_ref().and_then(|missed| missed.recall_with_review) {
        let after = percent(Some(recall));
        words.push_str(&format!(
            " Once data stewards have answered every open question rightly, recall will be {after}."
        ));
    }
    words
}

fn warnings(summary: &Summary) -> Vec<Markup> {
    let mut warnings = Vec::new();
    if summary.rejected > 0 {
        warnings.push(format!(
            "{} rows could not be used and were set aside.",
            count(summary.rejected)
        ));
    }
    if summary.evidence_floor.groups_given < 3 {
        warnings.push(format!(
            "The files give only {} independent kinds of evidence, so links rest on less than in a full \
             index; the evidence floor was set to {}.",
            summary.evidence_floor.groups_given, summary.evidence_floor.groups_min
        ));
    }
    for capped in &summary.capped_blocks {
        warnings.push(format!(
            "{} blocks of rule {} were too large to be compared, the largest of {} records: a value is \
             shared by very many.",
            count(capped.blocks),
            capped.rule,
            count(u64::from(capped.largest))
        ));
    }
    let shown = |text: &String| Markup::element("p", "class=\"warning\"", &Markup::text(text));
    warnings.iter().map(shown).collect()
}

/// The thresholds in words.
pub(super) fn thresholds_in_words(report: &Report<'_>) -> String {
    format!(
        "link threshold {} bits, review threshold {} bits",
        bits(report.thresholds.link),
        bits(report.thresholds.review)
    )
}
