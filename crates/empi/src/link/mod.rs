//! Bulk work on files: `link`, `load`, `train`, `evaluate`.

pub(crate) mod evaluate;
mod input;
pub(crate) mod load;
mod memory;
mod pipeline;
mod stages;
mod summary;
pub(crate) mod train;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_formats::{ClustersWriter, PairCells, PairsWriter};
use empi_linkage::Linkage;
use rayon::prelude::*;

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

/// Rows that one thread formats at a time, and so many of these portions before they are written: what
/// bounds the memory.
const FORMATTED_ROWS: usize = 32_768;
const PORTIONS: usize = 16;

fn write_clusters(path: &Path, linkage: &Linkage) -> anyhow::Result<()> {
    let mut writer = ClustersWriter::create(path)?;
    in_portions(linkage.keys.len(), |places| {
        ClustersWriter::format(places.filter_map(|place| {
            let (source, record_id) = linkage.keys.parts(place)?;
            let enterprise_id = linkage.enterprise_id(*linkage.persons.get(place)?);
            Some((source, record_id, enterprise_id.to_string()))
        }))
    })
    .try_for_each(|portion| portion.iter().try_for_each(|rows| writer.append(rows)))?;
    Ok(writer.finish()?)
}

fn write_pairs(path: &Path, linkage: &Linkage) -> anyhow::Result<()> {
    let mut writer = PairsWriter::create(path)?;
    in_portions(linkage.pairs.len(), |numbers| {
        PairsWriter::format(numbers.filter_map(|number| {
            let pair = linkage.pairs.get(number)?;
            let left = linkage.keys.parts(pair.left as usize)?;
            let right = linkage.keys.parts(pair.right as usize)?;
            Some(PairCells { left, right, weight: pair.weight, decision: pair.decision })
        }))
    })
    .try_for_each(|portion| portion.iter().try_for_each(|rows| writer.append(rows)))?;
    Ok(writer.finish()?)
}

/// Formats `count` rows over all cores, some portions at a time, in order.
fn in_portions(
    count: usize,
    format: impl Fn(std::ops::Range<usize>) -> Vec<u8> + Sync,
) -> impl Iterator<Item = Vec<Vec<u8>>> {
    let portions = count.div_ceil(FORMATTED_ROWS);
    (0..portions.div_ceil(PORTIONS)).map(move |at| {
        let numbers = at * PORTIONS..portions.min((at + 1) * PORTIONS);
        let rows = |number: usize| {
            format(number * FORMATTED_ROWS..count.min((number + 1) * FORMATTED_ROWS))
        };
        numbers.into_par_iter().map(rows).collect()
    })
}
