//! The stages that `link` and `load` share: read, block, train if asked, score, cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use empi_formats::ReaderOptions;
use empi_linkage::{Linkage, LinkageModel, LinkageModelFile, Linker, Progress};
use empi_model::LinkDecision;

use super::figures::{Attribute, HistogramFigures, Material, Measured, measure};
use super::input::{InputArgs, Read};
use super::memory::peak_rss_bytes;
use super::stages::{Stages, with_bar};
use super::summary::{CappedRule, Floor, HubFigures, QualityFigures, Summary, ThresholdBits};
use super::train::TrainingArgs;

/// Which model decides.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct ModelArgs {
    /// The linkage model [default: the built-in one for US patients]
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// Train the model on these records first; the truth is not needed
    #[arg(long)]
    pub(crate) train: bool,
    /// Compare more pairs: also records that share only the birth date, only both names, or only the
    /// house. Finds more, takes longer, asks more questions
    #[arg(long)]
    pub(crate) wide: bool,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
}

impl ModelArgs {
    /// Reads the model file, or takes the built-in one.
    pub(crate) fn file(&self) -> anyhow::Result<LinkageModelFile> {
        let Some(path) = &self.model else { return Ok(LinkageModelFile::us_default()?) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the model {} cannot be read", path.display()))?;
        LinkageModelFile::parse(&text).with_context(|| path.display().to_string())
    }
}

/// Files linked, with everything there is to report.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) linkage: Linkage,
    pub(crate) model: LinkageModel,
    pub(crate) options: ReaderOptions,
    pub(crate) read: Read,
    pub(crate) stages: Stages,
    floor: Floor,
}

/// Reads and links files. Records as they were compared stay in memory only if `is_measured`.
pub(crate) fn link_files(
    input: &InputArgs,
    model: &ModelArgs,
    truth: Option<&str>,
    is_measured: bool,
) -> anyhow::Result<Linked> {
    input.set_threads()?;
    if model.training.is_given() && !model.train {
        bail!("--labels and --target-false-link-rate need --train");
    }
    let file = model.file()?;
    let options = input.reader_options(truth)?;
    let mut stages = Stages::start();
    let mut linker = Linker::new(file.validate()?);
    let read = stages.run("read", || Read::files(&input.files, &options, &mut linker))?;
    let linker = if model.wide { linker.wide() } else { linker };
    let mut blocked = stages.run("block", || linker.block());
    let total = blocked.pairs_with_repeats();
    if model.train {
        blocked = model.training.trained(blocked, &file, &mut stages)?.blocked;
    }
    let progress = Progress::default();
    let floor = Floor {
        groups_min: blocked.model().evidence_floor().groups_min,
        groups_given: blocked.groups_given(),
        bits_min: blocked.model().evidence_floor().bits_min,
    };
    let model = blocked.model().clone();
    let scored = stages
        .run("score", || with_bar("score", total, || progress.done(), || blocked.score(&progress)));
    let mut linkage = stages.run("cluster", || scored.cluster());
    if !is_measured {
        linkage.release_rows();
    }
    Ok(Linked { linkage, model, options, read, stages, floor })
}

impl Linked {
    /// Measures the linkage, by the truth if there is one.
    pub(crate) fn measure(&self, attribute: Option<&Attribute>) -> Measured {
        let Self { linkage, model, read, .. } = self;
        let mut truth = vec![None; linkage.keys.len()];
        for (place, person) in linkage.order.iter().zip(&read.truth) {
            if let Some(slot) = truth.get_mut(*place as usize) {
                *slot = *person;
            }
        }
        let thresholds = ThresholdBits::of(model);
        measure(&Material {
            persons: &linkage.persons,
            truth: &truth,
            keys: &linkage.keys,
            scored: Some(&linkage.pairs),
            reviews: linkage.reviews.iter().map(|pair| (pair.left, pair.right)).collect(),
            review_bits: thresholds.review,
            link_bits: thresholds.link,
            linkage: Some(linkage),
            attribute,
            enterprise_id: &|person| linkage.enterprise_id(person).to_string(),
        })
    }

    /// The figures of the run so far.
    pub(crate) fn summary(&self, measured: Option<Measured>) -> Summary {
        let Self { linkage, model, read, stages, floor, .. } = self;
        let (quality, blocking, clusters) = match measured {
            Some(Measured { quality, blocking, clusters }) => (quality, blocking, Some(clusters)),
            None => (None, None, None),
        };
        let links = linkage.pairs.iter().filter(|pair| pair.decision == LinkDecision::Link).count();
        Summary {
            records: linkage.keys.len() as u64,
            rejected: read.rejects.len() as u64,
            candidate_pairs: linkage.candidate_pairs,
            links: links as u64,
            reviews: linkage.reviews.len() as u64,
            persons: u64::from(linkage.person_count),
            model: model.name().to_owned(),
            thresholds: ThresholdBits::of(model),
            evidence_floor: *floor,
            capped_blocks: CappedRule::of(linkage),
            hub_values: HubFigures::of(linkage),
            stages: stages.to_map(),
            total_seconds: stages.total_seconds(),
            peak_rss_bytes: peak_rss_bytes(),
            quality,
            weight_histogram: HistogramFigures::from(&linkage.histogram),
            blocking,
            clusters,
        }
    }

    /// Sets aside what could not be used, and says so.
    pub(crate) fn write_rejects(&self, path: &Path) -> anyhow::Result<()> {
        if self.read.rejects.is_empty() {
            return Ok(());
        }
        empi_formats::write_rejects(path, &self.read.rejects)?;
        eprintln!("{} bad rows were set aside in {}", self.read.rejects.len(), path.display());
        Ok(())
    }
}

impl Summary {
    /// Prints the figures for people, on stderr.
    pub(crate) fn print(&self, line_of_stages: &str) {
        eprintln!(
            "{} records are {} persons: {} candidate pairs, {} links, {} for review, by model {}",
            self.records, self.persons, self.candidate_pairs, self.links, self.reviews, self.model
        );
        eprintln!(
            "{:.1} s ({line_of_stages}), {} MB at most",
            self.total_seconds,
            self.peak_rss_bytes / 1_000_000
        );
        if self.evidence_floor.groups_given < 3 {
            eprintln!(
                "the files give only {} independent kinds of evidence, so the evidence floor was set \
                 to {}: links rest on less than in a full index",
                self.evidence_floor.groups_given, self.evidence_floor.groups_min
            );
        }
        for capped in &self.capped_blocks {
            eprintln!(
                "{} blocks of rule {} were too large to be compared (up to {} records)",
                capped.blocks, capped.rule, capped.largest
            );
        }
        if let Some(most) = self.hub_values.iter().max_by_key(|hub| hub.people) {
            eprintln!(
                "{} values shared by very many people were ignored, such as one {} of {} people; \
                 the summary names a record with each",
                self.hub_values.len(),
                most.kind,
                most.people
            );
        }
        for line in self.quality.iter().flat_map(QualityFigures::lines) {
            eprintln!("{line}");
        }
    }
}
