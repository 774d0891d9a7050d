//! How weights are spread: all candidate pairs, and the scored ones by truth; and what the clusters look
//! like.

use super::html::{Column, Markup, Table, bits, count, percent};
use super::overview::thresholds_in_words;
use super::plot::{Frame, Labels};
use super::{Report, Section};

/// Sizes of clusters shown one by one in the chart.
const SIZES_MAX: u64 = 40;
/// Largest clusters shown.
const LARGEST_SHOWN: usize = 12;

impl Report<'_> {
    pub(super) fn weights_section(&self) -> Option<Section> {
        let mut body = Markup::default();
        let mut panels = Vec::new();
        if let Some(histogram) = self.histogram {
            let bins = histogram.bins.iter().map(|bin| (bin.from_bits, bin.pairs)).collect();
            panels.push(("all", "all pairs compared", "fill-plain", bins));
        }
        if let Some(quality) = self.quality.filter(|quality| !quality.weights.is_empty()) {
            let bins = |pairs: fn(&crate::link::figures::TruthBin) -> u64| {
                quality.weights.iter().map(|bin| (bin.from_bits, pairs(bin))).collect()
            };
            panels.push((
                "true",
                "scored pairs that are true",
                "fill-first",
                bins(|bin| bin.true_pairs),
            ));
            panels.push((
                "false",
                "scored pairs that are false",
                "fill-second",
                bins(|bin| bin.false_pairs),
            ));
        }
        let values = panels.iter().flat_map(|panel: &Panel| &panel.3).filter(|bin| bin.1 > 0);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), (from, _)| {
            (low.min(*from), high.max(*from + BIN_BITS))
        });
        if low > high {
            return None;
        }
        body.push(&Markup::paragraph(
            "A weight of 0 bits is an even chance; each bit more doubles the odds that two records are \
             one person. A good model leaves a valley between the hill of strangers on the left and \
             the hill of matches on the right, with the thresholds in it. Heights are logarithmic.",
        ));
        for panel in &panels {
            body.push(&self.panel(panel, (low - 1.0, high + 1.0)));
        }
        let mut notes = vec![format!("Dashed lines: {}.", thresholds_in_words(self))];
        if let Some(histogram) = self.histogram.filter(|it| it.below_review_not_weighed > 0) {
            notes.push(format!(
                "{} pairs are not in the first chart: they were given up before their weighing was \
                 complete, since they could no longer reach the review threshold. The bars to the left \
                 of that threshold are therefore a part only.",
                count(histogram.below_review_not_weighed)
            ));
        }
        if panels.len() > 1 {
            notes
                .push("By truth there are only pairs at or above the review threshold.".to_owned());
        }
        body.push(&Markup::note(&notes.join(" ")));
        Some(Section { anchor: "weights", title: "How the weights are spread", body })
    }

    fn panel(&self, (name, title, class, bins): &Panel, shown: (f64, f64)) -> Markup {
        let most = bins.iter().map(|bin| bin.1).max().unwrap_or_default();
        let mut frame = Frame::new(name, 230.0, shown, Err(most));
        let total: u64 = bins.iter().map(|bin| bin.1).sum();
        frame.axes(
            ("match weight, in bits", Labels::Plain),
            (&format!("{title}: {}", count(total)), Labels::Counts),
        );
        for (from, pairs) in bins.iter().filter(|bin| bin.1 > 0) {
            let title = format!(
                "{} to {} bits: {} pairs",
                bits(*from),
                bits(from + BIN_BITS),
                count(*pairs)
            );
            frame.bar(*from, from + BIN_BITS, *pairs as f64, class, &title);
        }
        frame.threshold(self.thresholds.review, "review", "end");
        frame.threshold(self.thresholds.link, "link", "start");
        Markup::element("figure", "", &frame.canvas.markup(title))
    }

    pub(super) fn clusters_section(&self) -> Option<Section> {
        let sizes = &self.clusters.sizes;
        let most = sizes.iter().map(|size| size.clusters).max()?;
        let largest = sizes.last().map_or(1, |size| size.records);
        let shown = largest.min(SIZES_MAX);
        let mut frame = Frame::new("sizes", 240.0, (0.5, shown.max(8) as f64 + 0.5), Err(most));
        frame.axes(("records of a person", Labels::Plain), ("persons", Labels::Counts));
        for size in sizes.iter().filter(|size| size.records <= shown) {
            let at = size.records as f64;
            let title = format!("{} persons of {} records", count(size.clusters), size.records);
            frame.bar(at - 0.4, at + 0.4, size.clusters as f64, "fill-first", &title);
        }
        let mut caption = "How many records persons have. Heights are logarithmic.".to_owned();
        if largest > shown {
            let beyond: u64 =
                sizes.iter().filter(|size| size.records > shown).map(|size| size.clusters).sum();
            caption.push_str(&format!(" {} persons have more than {shown}.", count(beyond)));
        }
        let mut body = Markup::figure(
            &frame.canvas.markup("persons by their number of records"),
            &[],
            &caption,
        );
        if !self.clusters.largest.is_empty() {
            body.push(&Markup::heading("The largest"));
            body.push(&self.largest());
            body.push(&Markup::note(
                "Density: links by all pairs of the person's records; a chain of many records comes near \
                 0 and deserves a look. Weakest link: without it the person would fall in two.",
            ));
        }
        Some(Section { anchor: "persons", title: "The persons", body })
    }

    fn largest(&self) -> Markup {
        let has_truth = self.quality.is_some();
        let mut columns = vec![
            Column::Short("Enterprise ID"),
            Column::Figures("Records"),
            Column::Figures("Links"),
            Column::Figures("Density"),
            Column::Figures("Weakest link"),
        ];
        columns.extend(has_truth.then_some(Column::Figures("True persons in it")));
        let mut table = Table::new(&columns);
        for cluster in self.clusters.largest.iter().take(LARGEST_SHOWN) {
            let weakest = cluster.weakest_link.map_or_else(|| "–".to_owned(), bits);
            let true_persons = cluster.true_persons.map_or_else(|| "–".to_owned(), count);
            table.row(&[
                Markup::code(&cluster.enterprise_id),
                Markup::text(&count(cluster.records)),
                Markup::text(&count(cluster.links)),
                Markup::text(&percent(Some(cluster.density))),
                Markup::text(&weakest),
                Markup::text(&true_persons),
            ]);
        }
        table.markup()
    }
}

/// Width of the bins, in bits.
const BIN_BITS: f64 = empi_linkage::WeightHistogram::BIN_BITS;

/// A chart: its name, title, colour and bins.
type Panel = (&'static str, &'static str, &'static str, Vec<(f64, u64)>);
