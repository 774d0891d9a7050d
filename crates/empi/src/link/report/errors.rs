//! Why true pairs were missed, and some errors of each kind to look at.

use super::html::{Column, Markup, Table, bits, count, percent};
use super::{Report, Section};
use crate::link::figures::PairSample;
use crate::link::summary::MissedFigures;

/// Most pairs of one kind that are shown.
const SHOWN_MAX: usize = 10;

impl Report<'_> {
    pub(super) fn errors_section(&self) -> Option<Section> {
        let quality = self.quality?;
        let (missed, samples) = (quality.missed.as_ref()?, quality.samples.as_ref()?);
        let mut body = reasons(missed);
        for (title, why, pairs) in [
            (
                "Linked, but two people",
                "False links: two different people by the truth.",
                &samples.false_links,
            ),
            (
                "Never compared",
                "True pairs that share no blocking key. The weight is what they would have had.",
                &samples.missed_by_blocking,
            ),
            (
                "Weighed too low",
                "True pairs that were compared and came out below the review threshold, or whose \
                 question cannot join them.",
                &samples.missed_by_scoring,
            ),
            (
                "Held back",
                "True pairs at or above the link threshold that a guard or the clustering kept apart.",
                &samples.held_back,
            ),
        ] {
            if pairs.is_empty() {
                continue;
            }
            body.push(&Markup::heading(title));
            let shown = pairs.len().min(SHOWN_MAX);
            body.push(&Markup::note(&format!("{why} {}", drawn(shown, pairs.len()))));
            body.push(&self.pairs(pairs));
        }
        Some(Section { anchor: "errors", title: "What went wrong", body })
    }

    fn pairs(&self, pairs: &[PairSample]) -> Markup {
        // Evenly from the heaviest to the lightest.
        let stride = pairs.len().div_ceil(SHOWN_MAX).max(1);
        let shown: Vec<(&PairSample, Option<String>)> =
            pairs.iter().step_by(stride).map(|it| (it, self.levels_in_words(it.places))).collect();
        let has_levels = shown.iter().any(|(_, levels)| levels.is_some());
        let has_guards = shown.iter().any(|(pair, _)| !pair.guards.is_empty());
        let mut columns = vec![Column::Short("Records"), Column::Figures("Weight")];
        columns.extend(has_levels.then_some(Column::Words("Levels reached")));
        columns.extend(has_guards.then_some(Column::Words("Held back by")));
        let mut table = Table::new(&columns);
        for (pair, levels) in shown {
            let record = |key: &crate::link::figures::KeyFigures| {
                Markup::code(&format!("{} / {}", key.source, key.record_id))
            };
            let records = [record(&pair.left), Markup::raw("<br>"), record(&pair.right)];
            let weight = pair.match_weight.map_or_else(|| "–".to_owned(), bits);
            let mut cells = vec![records.into_iter().collect(), Markup::text(&weight)];
            cells.extend(levels.map(|levels| Markup::text(&levels)));
            let guards = pair.guards.join(", ").replace('_', " ");
            cells.extend(has_guards.then(|| Markup::text(&guards)));
            table.row(&cells);
        }
        table.markup()
    }

    /// `name exact · birth date one edit · ...`
    fn levels_in_words(&self, pair: (u32, u32)) -> Option<String> {
        let explanation = (self.levels)(pair)?;
        let compared = explanation.rows.iter().filter(|row| !row.level.is_empty());
        let words = compared.map(|row| format!("{} {}", row.label, row.level).replace('_', " "));
        Some(words.collect::<Vec<_>>().join(" · "))
    }
}

fn drawn(shown: usize, known: usize) -> String {
    match (shown, known) {
        (1, 1) => "One pair.".to_owned(),
        (shown, known) if shown == known => format!("{shown} pairs, drawn evenly."),
        _ => format!("Some of {known} pairs, drawn evenly; the others stand in the summary."),
    }
}

fn reasons(missed: &MissedFigures) -> Markup {
    let share = |part: u64| (missed.examined > 0).then(|| part as f64 / missed.examined as f64);
    let mut table = Table::new(&[
        Column::Words("Why a true pair was not joined"),
        Column::Figures("Pairs"),
        Column::Short("Share of the missed"),
    ]);
    for (why, part, class) in [
        ("never compared: no blocking key in common", missed.by_blocking, ""),
        ("compared, but weighed too low, or kept apart", missed.by_scoring, ""),
        ("waits for a data steward, whose right answers join it", missed.sent_to_review, "second"),
    ] {
        let mut shown = Markup::meter(share(part), class);
        shown.push(&Markup::text(&percent(share(part))));
        table.row(&[Markup::text(why), Markup::text(&count(part)), shown]);
    }
    let total =
        [Markup::text("missed in all"), Markup::text(&count(missed.pairs)), Markup::default()];
    table.row_of_class("total", &total);
    let mut body = table.markup();
    let mut note = format!(
        "Of these, {} were at or above the link threshold, and a guard or the clustering held them back.",
        count(missed.held_back)
    );
    if missed.examined < missed.pairs {
        note.push_str(&format!(
            " {} of the missed pairs were looked at, evenly chosen.",
            count(missed.examined)
        ));
    }
    body.push(&Markup::note(&note));
    body
}
