//! The stages that `link` and `load` share: read, block, train if asked, score, cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use empi_formats::ReaderOptions;
use empi_linkage::{Linkage, LinkageModel, LinkageModelFile, Linker, Progress};
use empi_model::LinkDecision;

use super::input::{InputArgs, Read};
use super::memory::peak_rss_bytes;
use super::stages::{Stages, with_bar};
use super::summary::{CappedRule, Floor, QualityFigures, Summary, ThresholdBits};
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

/// Reads and links files.
pub(crate) fn link_files(
    input: &InputArgs,
    model: &ModelArgs,
    truth: Option<&str>,
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
    let linkage = stages.run("cluster", || scored.cluster());
    Ok(Linked { linkage, model, options, read, stages, floor })
}

impl Linked {
    /// The figures of the run so far.
    pub(crate) fn summary(self, with_quality: bool) -> Summary {
        let Self { linkage, model, read, stages, floor, .. } = self;
        let quality = with_quality.then(|| QualityFigures::of(&linkage, &read.truth));
        let links = linkage.pairs.iter().filter(|pair| pair.decision == LinkDecision::Link).count();
        Summary {
            records: linkage.keys.len() as u64,
            rejected: read.rejects.len() as u64,
            candidate_pairs: linkage.candidate_pairs,
            links: links as u64,
            reviews: linkage.reviews.len() as u64,
            persons: u64::from(linkage.person_count),
            model: model.name().to_owned(),
            thresholds: ThresholdBits::of(&model),
            evidence_floor: floor,
            capped_blocks: CappedRule::of(&linkage),
            stages: stages.to_map(),
            total_seconds: stages.total_seconds(),
            peak_rss_bytes: peak_rss_bytes(),
            quality,
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
        for line in self.quality.iter().flat_map(QualityFigures::lines) {
            eprintln!("{line}");
        }
    }
}
