//! The report of a linkage: one HTML file that needs nothing else to be read, on paper too.
//!
//! Charts are inline SVG, colours come from one style sheet with a light and a dark side, and there is
//! no script. By default records are named by their keys and no value of a patient is in it.

mod blocking;
mod curve;
mod errors;
mod examples;
mod html;
mod model;
mod overview;
mod plot;
mod subgroups;
mod weights;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_linkage::LinkageModel;
use empi_model::{BlockingRule, NormalizedRecord, ScoreExplanation};

use super::attribute::read_records;
use super::figures::{ClusterFigures, HistogramFigures};
use super::pipeline::Linked;
use super::summary::{QualityFigures, Summary, ThresholdBits};
use examples::Example;
use html::Markup;

const STYLE: &str = include_str!("style.css");

/// What is reported. Parts that are not known are left out.
pub(crate) struct Report<'a> {
    /// The names of the files, for the head.
    pub(crate) files: Vec<String>,
    /// The figures of the run, where it was a run of linking.
    pub(crate) summary: Option<&'a Summary>,
    /// The figures by the truth.
    pub(crate) quality: Option<&'a QualityFigures>,
    /// The weights of all candidate pairs.
    pub(crate) histogram: Option<&'a HistogramFigures>,
    pub(crate) clusters: &'a ClusterFigures,
    pub(crate) thresholds: ThresholdBits,
    /// The model that decided.
    pub(crate) model: Option<&'a LinkageModel>,
    /// Pairs whose weight is explained row by row.
    pub(crate) examples: Vec<Example>,
    /// Which level a pair reaches in each comparison.
    pub(crate) levels: &'a dyn Fn((u32, u32)) -> Option<ScoreExplanation>,
    /// Whether the examples show the patients' values.
    pub(crate) has_values: bool,
}

/// Writes the report of files that were linked.
pub(crate) fn write(
    path: &Path,
    linked: &Linked,
    summary: &Summary,
    files: &[PathBuf],
    has_values: bool,
) -> anyhow::Result<()> {
    let linkage = &linked.linkage;
    let thresholds = ThresholdBits::of(&linked.model);
    let chosen = examples::choose(linkage, summary.quality.as_ref(), thresholds);
    let places: BTreeSet<u32> =
        chosen.iter().flat_map(|(_, (left, right))| [*left, *right]).collect();
    let records = if has_values {
        read_records(files, &linked.options, linkage, &places)?
    } else {
        HashMap::new()
    };
    let Some(clusters) = &summary.clusters else { return Ok(()) };
    let report = Report {
        files: files.iter().map(|file| file_name(file)).collect(),
        summary: Some(summary),
        quality: summary.quality.as_ref(),
        histogram: Some(&summary.weight_histogram),
        clusters,
        thresholds,
        model: Some(&linked.model),
        examples: chosen
            .into_iter()
            .filter_map(|(title, places)| example(linked, &records, title, places))
            .collect(),
        levels: &|pair| linkage.explain_pair(pair, None),
        has_values,
    };
    report.write(path)
}

fn example(
    linked: &Linked,
    records: &HashMap<u32, NormalizedRecord>,
    title: &'static str,
    places: (u32, u32),
) -> Option<Example> {
    let linkage = &linked.linkage;
    let (left, right) = places;
    let key = |place: u32| linkage.keys.get(place as usize);
    let values = records.get(&left).zip(records.get(&right));
    let rules = linkage.rules_in_common(left, right);
    let explanation = linkage.explain_pair(places, values)?;
    // Clustering may have thought otherwise than the pair by itself.
    let (decision, guards) = match linkage.scored_pair(left, right) {
        Some(pair) => (pair.decision, pair.guards.iter().collect()),
        None => (explanation.decision, explanation.guards.clone()),
    };
    Some(Example {
        title,
        keys: [key(left)?, key(right)?],
        rules: rules.into_iter().map(BlockingRule::as_str).collect(),
        explanation,
        decision,
        guards,
    })
}

/// The last part of a path: where a file lies is nobody's business.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A part of the page.
struct Section {
    /// Unique on the page.
    anchor: &'static str,
    title: &'static str,
    body: Markup,
}

impl Report<'_> {
    /// Writes the page.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        empi_formats::write_atomically(path, self.render().as_bytes())
            .with_context(|| format!("the report {} cannot be written", path.display()))
    }

    /// The whole page.
    fn render(&self) -> String {
        let sections: Vec<Section> = [
            self.quality_section(),
            self.curve_section(),
            self.weights_section(),
            self.errors_section(),
            self.blocking_section(),
            self.reliability_section(),
            self.subgroups_section(),
            self.clusters_section(),
            self.examples_section(),
            self.model_section(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut contents = String::new();
        let mut body = String::new();
        for Section { anchor, title, body: section } in &sections {
            let title = Markup::text(title);
            let title = title.as_str();
            contents.push_str(&format!("<a href=\"#{anchor}\">{title}</a> "));
            let section = section.as_str();
            body.push_str(&format!(
                "<section id=\"{anchor}\"><h2>{title}</h2>\n{section}</section>\n"
            ));
        }
        let head = self.head();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>Record linkage report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>{}<nav>{contents}</nav></header>\n<main>\n{body}</main>\n</body>\n</html>\n",
            head.as_str()
        )
    }
}
