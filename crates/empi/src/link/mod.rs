//! Bulk work on files: `link`, `load`, `train`, `evaluate`, `explain`.

mod attribute;
pub(crate) mod evaluate;
pub(crate) mod explain;
mod figures;
mod input;
mod json;
pub(crate) mod load;
mod memory;
mod pipeline;
mod report;
pub(crate) mod stages;
mod summary;
pub(crate) mod train;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_formats::{ClustersWriter, PairCells, PairsWriter};
use empi_linkage::Linkage;
use rayon::prelude::*;

use input::InputArgs;
use pipeline::{Linked, ModelArgs, link_files};
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
    /// A column that names groups of patients (name origin, region), to measure quality by group; its
    /// values stand in the figures
    #[arg(long, value_name = "COLUMN", requires = "truth")]
    subgroup: Option<String>,
    /// Where a report to read in a browser or on paper goes, one HTML file; it names records by source
    /// and record ID and shows no values
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Show names, dates, numbers and addresses of a few pairs in the report, which makes it a file of
    /// patient data
    #[arg(long, requires = "report")]
    report_values: bool,
}

/// Runs `empi link`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let is_measured = args.truth.is_some() || args.report.is_some();
    if let Some(column) = &args.subgroup {
        // Known at once, and not when all is linked.
        attribute::check(&args.input.files, &args.input.reader_options(None)?, column)?;
    }
    let mut linked = link_files(&args.input, &args.model, args.truth.as_deref(), is_measured)?;
    let mut stages = std::mem::replace(&mut linked.stages, stages::Stages::start());
    stages.run("write", || -> anyhow::Result<()> {
        write_clusters(&args.out, &linked.linkage)?;
        if let Some(path) = &args.pairs {
            write_pairs(path, &linked.linkage)?;
        }
        linked.write_rejects(&args.input.rejects_path(&args.out))
    })?;
    let measured =
        is_measured.then(|| stages.run("evaluate", || measured(args, &linked))).transpose()?;
    let line = stages.line();
    linked.stages = stages;
    let summary = linked.summary(measured);
    summary.print(&line);
    write_summary(args.summary.as_deref(), &summary)?;
    if let Some(path) = &args.report {
        report::write(path, &linked, &summary, &args.input.files, args.report_values)?;
    }
    // The program ends here: the system takes the memory back faster than we could give it back.
    std::mem::forget(linked);
    Ok(())
}

fn measured(args: &Args, linked: &Linked) -> anyhow::Result<figures::Measured> {
    let (files, options) = (&args.input.files, &linked.options);
    let read = |column: &String| attribute::read(files, options, column, &linked.linkage);
    let attribute = args.subgroup.as_ref().map(read).transpose()?;
    Ok(linked.measure(attribute.as_ref()))
}

fn write_summary(path: Option<&Path>, summary: &Summary) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    empi_formats::write_atomically(path, &json::to_lines(summary)?)
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
