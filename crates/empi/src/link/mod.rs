//! Bulk work on files: `link`, `load`, `train`, `evaluate`, `explain`.

pub(crate) mod evaluate;
pub(crate) mod explain;
mod input;
pub(crate) mod load;
mod memory;
mod pipeline;
mod stages;
mod summary;
pub(crate) mod train;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_formats::{ClusterRow, ClustersWriter, PairRow, PairsWriter};
use empi_linkage::Linkage;
use empi_model::RecordKey;

use input::InputArgs;
use pipeline::{ModelArgs, link_files};
use summary::Summary;

/// Link the records of files: which are the same person?
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Where the persons go: source,record_id,enterprise_id
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where the pairs behind them go, links and possible links
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// Where the figures of the run go, as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// The column that holds the truth, to measure quality by; it is not used for linking
    #[arg(long, value_name = "COLUMN")]
    truth: Option<String>,
}

/// Runs `empi link`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut linked = link_files(&args.input, &args.model, args.truth.as_deref())?;
    let mut stages = std::mem::replace(&mut linked.stages, stages::Stages::start());
    stages.run("write", || -> anyhow::Result<()> {
        write_clusters(&args.out, &linked.linkage)?;
        if let Some(path) = &args.pairs {
            write_pairs(path, &linked.linkage)?;
        }
        linked.write_rejects(&args.input.rejects_path(&args.out))
    })?;
    let line = stages.line();
    linked.stages = stages;
    let summary = linked.summary(args.truth.is_some());
    summary.print(&line);
    write_summary(args.summary.as_deref(), &summary)
}

fn write_summary(path: Option<&Path>, summary: &Summary) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let mut json = serde_json::to_vec_pretty(summary)?;
    json.push(b'\n');
    empi_formats::write_atomically(path, &json)
        .with_context(|| format!("the summary {} cannot be written", path.display()))
}

fn write_clusters(path: &Path, linkage: &Linkage) -> anyhow::Result<()> {
    let mut writer = ClustersWriter::create(path)?;
    for (key, person) in linkage.keys.iter().zip(&linkage.persons) {
        let enterprise_id = linkage.enterprise_id(*person);
        writer.write(&ClusterRow { key: key.clone(), enterprise_id: enterprise_id.to_string() })?;
    }
    Ok(writer.finish()?)
}

fn write_pairs(path: &Path, linkage: &Linkage) -> anyhow::Result<()> {
    let mut writer = PairsWriter::create(path)?;
    let key =
        |place: u32| linkage.keys.get(place as usize).cloned().unwrap_or_else(RecordKey::default);
    for pair in &linkage.pairs {
        writer.write(&PairRow {
            left: key(pair.left),
            right: key(pair.right),
            weight: pair.weight,
            decision: pair.decision,
        })?;
    }
    Ok(writer.finish()?)
}
