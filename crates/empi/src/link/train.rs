//! `empi train`: a model fitted to one's own records, without truth.

use std::path::PathBuf;

use anyhow::Context as _;
use empi_linkage::{Linker, Progress};

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
    /// Where the trained model goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs `empi train`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    args.input.set_threads()?;
    let base = ModelArgs { model: args.model.clone(), train: true }.file()?;
    let options = args.input.reader_options(None)?;
    let mut stages = Stages::start();
    let mut linker = Linker::new(base.validate()?);
    let read = stages.run("read", || Read::files(&args.input.files, &options, &mut linker))?;
    let blocked = stages.run("block", || linker.block());
    let progress = Progress::default();
    let total = blocked.pairs_with_repeats();
    let trained = stages.run("train", || {
        with_bar("train", total, || progress.done(), || blocked.train(&base, &[], &progress))
    });
    // A model that cannot be used must not be written.
    let model = trained.file.validate()?;
    let toml = trained.file.to_toml()?;
    empi_formats::write_atomically(&args.out, toml.as_bytes())
        .with_context(|| format!("the model {} cannot be written", args.out.display()))?;
    if !read.rejects.is_empty() {
        eprintln!("{} bad rows were left out", read.rejects.len());
    }
    eprintln!(
        "model {} after {} iterations{}: about {:.0} matching pairs among {} candidates ({})",
        model.name(),
        trained.iterations,
        if trained.converged { "" } else { ", not at rest yet" },
        trained.expected_matches,
        trained.candidate_pairs,
        stages.line()
    );
    Ok(())
}
