//! `empi train`: a model fitted to one's own records, without truth.

use std::path::PathBuf;

use anyhow::Context as _;
use empi_formats::LabelsReader;
use empi_linkage::{Blocked, Calibration, Decision, LinkageModelFile, Linker, Progress, Trained};

use super::input::{InputArgs, Read};
use super::pipeline::ModelArgs;
use super::stages::{Stages, with_bar};

/// Fit the linkage model to one's own records; the truth is not needed.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The model to start from [default: the built-in one for US patients]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    #[command(flatten)]
    training: TrainingArgs,
    /// Where the trained model goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What training may be told beyond the records.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct TrainingArgs {
    /// What people decided about pairs when training, as CSV: left_source, left_record_id,
    /// right_source, right_record_id, decision (same or different)
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Choose the link threshold when training so that at most this share of links is false, for
    /// example 0.001 [default: the threshold stays]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    target_false_link_rate: Option<f64>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if rate > 0.0 && rate < 1.0 { Ok(rate) } else { Err("it is not between 0 and 1".to_owned()) }
}

/// A model trained on records, and the records under it.
pub(crate) struct Training {
    pub(crate) blocked: Blocked,
    trained: Trained,
}

impl TrainingArgs {
    /// Whether anything was said that makes sense only when training.
    pub(crate) const fn is_given(&self) -> bool {
        self.labels.is_some() || self.target_false_link_rate.is_some()
    }

    /// Trains the model on the records, and calibrates it if asked.
    pub(crate) fn trained(
        &self,
        blocked: Blocked,
        base: &LinkageModelFile,
        stages: &mut Stages,
    ) -> anyhow::Result<Training> {
        let decisions = self.decisions(&blocked)?;
        let total = blocked.pairs_with_repeats();
        let progress = Progress::default();
        let mut trained = stages.run("train", || {
            let train = || blocked.train(base, &decisions, &progress);
            with_bar("train", total, || progress.done(), train)
        });
        // A model that cannot be used must not be used further.
        let mut blocked = blocked.with_model(trained.file.validate()?);
        let progress = Progress::default();
        let calibration = self.target_false_link_rate.map(|target| {
            stages.run("calibrate", || {
                let calibrate = || blocked.calibrate(target, &progress);
                with_bar("calibrate", total, || progress.done(), calibrate)
            })
        });
        if let Some(calibration) = &calibration {
            calibration.apply(&mut trained.file);
            blocked = blocked.with_model(trained.file.validate()?);
            eprintln!("{}", told(calibration));
        }
        Ok(Training { blocked, trained })
    }

    /// What people decided, by the places of the records.
    fn decisions(&self, blocked: &Blocked) -> anyhow::Result<Vec<Decision>> {
        let Some(path) = &self.labels else { return Ok(Vec::new()) };
        let (mut decisions, mut unknown) = (Vec::new(), 0_u64);
        for row in LabelsReader::open(path)? {
            let row = row?;
            match (blocked.place(&row.left), blocked.place(&row.right)) {
                (Some(left), Some(right)) if left != right => {
                    decisions.push(Decision { left, right, is_same: row.is_same, weight: 1.0 });
                }
                _ => unknown += 1,
            }
        }
        if unknown > 0 {
            eprintln!("{unknown} labels name a record that is not in the input, and were left out");
        }
        Ok(decisions)
    }
}

/// Runs `empi train`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    args.input.set_threads()?;
    let model = ModelArgs {
        model: args.model.clone(),
        train: true,
        training: args.training.clone(),
        wide: false,
    };
    let base = model.file()?;
    let options = args.input.reader_options(None)?;
    let mut stages = Stages::start();
    let mut linker = Linker::new(base.validate()?);
    let read = stages.run("read", || Read::files(&args.input.files, &options, &mut linker))?;
    let blocked = stages.run("block", || linker.block());
    let Training { blocked, trained } = args.training.trained(blocked, &base, &mut stages)?;
    let toml = trained.file.to_toml()?;
    empi_formats::write_atomically(&args.out, toml.as_bytes())
        .with_context(|| format!("the model {} cannot be written", args.out.display()))?;
    if !read.rejects.is_empty() {
        eprintln!("{} bad rows were left out", read.rejects.len());
    }
    for line in table(&base, &trained.file) {
        eprintln!("{line}");
    }
    eprintln!(
        "model {} after {} iterations{}: about {:.0} matching pairs, learnt from {} candidates ({})",
        blocked.model().name(),
        trained.iterations,
        if trained.converged { "" } else { ", not at rest yet" },
        trained.expected_matches,
        trained.candidate_pairs,
        stages.line()
    );
    Ok(())
}

/// One sentence on how the threshold was chosen.
fn told(calibration: &Calibration) -> String {
    let Calibration { target, threshold, basis, held, model_implied, is_reached } = calibration;
    let figures = held.upper_limit.map_or_else(
        || format!("{:.6} is expected; no limit can be given", held.rate),
        |upper| format!("{:.6} is estimated, at most {upper:.6} with 95 % confidence", held.rate),
    );
    let kept = if *is_reached { "" } else { ", which these records are too few to promise" };
    format!(
        "link threshold {threshold} for a false-link rate of {target}{kept}: {figures} ({}, {} \
         pairs; model-implied {:.6})",
        basis.as_str(),
        held.pairs,
        model_implied.rate
    )
}

/// What changed, level by level.
fn table(before: &LinkageModelFile, after: &LinkageModelFile) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<20} {:<18} {:>9} {:>9} {:>9} {:>9} {:>6} {:>6} {:>9} {:>9}",
        "comparison",
        "level",
        "m before",
        "m",
        "u before",
        "u",
        "bits",
        "now",
        "m pairs",
        "u pairs"
    )];
    for (old, new) in before.comparison.iter().zip(&after.comparison) {
        for (old_level, level) in old.levels.iter().zip(&new.levels) {
            let pairs =
                |pairs: Option<f64>| pairs.map_or("kept".to_owned(), |it| format!("{it:.0}"));
            lines.push(format!(
                "{:<20} {:<18} {:>9.2e} {:>9.2e} {:>9.2e} {:>9.2e} {:>6.1} {:>6.1} {:>9} {:>9}",
                new.name,
                level.level,
                old_level.m,
                level.m,
                old_level.u,
                level.u,
                (old_level.m / old_level.u).log2(),
                (level.m / level.u).log2(),
                pairs(level.m_pairs),
                pairs(level.u_pairs)
            ));
        }
        if let Some(reason) = &new.m_kept {
            lines.push(format!("{:<20} m kept: {reason}", new.name));
        }
    }
    lines.push(format!(
        "prior {:.2e}, before {:.2e}",
        after.prior_match_probability, before.prior_match_probability
    ));
    lines
}
