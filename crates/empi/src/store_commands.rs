//! Commands on a store that no server has open: `empi verify`, `empi stats`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use empi_registry::StoreStats;
use serde::Serialize;

use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// The directory of the index
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(clap::Args)]
pub(crate) struct StatsArgs {
    /// The directory of the index
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Checks every row against every other; any problem is a failure.
pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let report = empi_registry::verify(&args.data)?;
    let mut output = Output::lock();
    for problem in &report.problems {
        output.text(problem)?;
    }
    output.line(format_args!(
        "{} records, {} blocking keys, {} persons, {} review tasks, {} events",
        report.records, report.keys, report.persons, report.tasks, report.events
    ))?;
    match report.problem_count {
        0 => output.line("sound: every row agrees with every other"),
        1 => Err(anyhow::anyhow!("the store is damaged: 1 problem, see above")),
        many => Err(anyhow::anyhow!("the store is damaged: {many} problems, the first ones above")),
    }
}

/// Counts what the store holds.
pub(crate) fn stats(args: &StatsArgs) -> anyhow::Result<()> {
    let stats = empi_registry::stats(&args.data)?;
    let mut output = Output::lock();
    if args.json {
        return output.line(serde_json::to_string(&StatsAnswer::from(&stats))?);
    }
    for (name, count) in [
        ("records", stats.records),
        ("persons", stats.persons),
        ("enterprise IDs that redirect", stats.redirects),
        ("review tasks that wait", stats.open_tasks),
        ("events", stats.events),
    ] {
        output.line(format_args!("{count:>14}  {name}"))?;
    }
    stats
        .bytes
        .iter()
        .try_for_each(|(family, bytes)| output.line(format_args!("{bytes:>14}  bytes of {family}")))
}

/// The counts as JSON. Field names are a promise.
#[derive(Serialize)]
struct StatsAnswer {
    records: u64,
    persons: u64,
    redirects: u64,
    open_tasks: u64,
    events: u64,
    bytes: BTreeMap<&'static str, u64>,
}

impl From<&StoreStats> for StatsAnswer {
    fn from(stats: &StoreStats) -> Self {
        Self {
            records: stats.records,
            persons: stats.persons,
            redirects: stats.redirects,
            open_tasks: stats.open_tasks,
            events: stats.events,
            bytes: stats.bytes.iter().copied().collect(),
        }
    }
}
