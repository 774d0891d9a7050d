//! Looking after a store: `empi verify`, `empi rebuild`, `empi stats`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use empi_proto::v1;
use empi_registry::{RebuildReport, StoreStats, VerifyReport};
use serde::Serialize;

use crate::client::{ServerArgs, converse, incomplete, refusal};
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

/// Which index a command is about: one on this machine, or that of a running server.
#[derive(clap::Args)]
pub(crate) struct IndexArgs {
    /// The directory of an index that no server has open
    #[arg(long, value_name = "DIR", required_unless_present = "running")]
    pub(crate) data: Option<PathBuf>,
    /// Have the running server of --server do it with its own index
    #[arg(long, conflicts_with = "data")]
    running: bool,
    #[command(flatten)]
    pub(crate) key: MasterKeyArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    index: IndexArgs,
}

#[derive(clap::Args)]
pub(crate) struct StatsArgs {
    /// The directory of the index
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    key: MasterKeyArgs,
}

#[derive(clap::Args)]
pub(crate) struct RebuildArgs {
    /// The directory of an index that no server has open
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    key: MasterKeyArgs,
}

/// Makes anew what is derived, and tells what that was.
pub(crate) fn rebuild(args: &RebuildArgs) -> anyhow::Result<()> {
    let RebuildReport { records, keys, persons_mended, open_tasks } =
        empi_registry::rebuild(&args.key.at(&args.data)?)?;
    let mut output = Output::lock();
    output.line(format_args!(
        "{records} records, {keys} blocking keys, {open_tasks} open review tasks"
    ))?;
    match persons_mended {
        0 => Ok(()),
        count => output.line(format_args!("{count} persons had another list of records")),
    }
}

/// Checks every row against every other; any problem is a failure.
pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let IndexArgs { data, key, server, .. } = &args.index;
    let report = match data {
        Some(data) => empi_registry::verify(&key.at(data)?)?,
        None => verified_by_server(server)?,
    };
    let mut output = Output::lock();
    if server.json {
        output.line(serde_json::to_string(&VerifyAnswer::from(&report))?)?;
    } else {
        for problem in &report.problems {
            output.text(problem)?;
        }
        output.line(format_args!(
            "{} records, {} blocking keys, {} persons, {} review tasks, {} events",
            report.records, report.keys, report.persons, report.tasks, report.events
        ))?;
    }
    match report.problem_count {
        0 if server.json => Ok(()),
        0 => output.line("sound: every row agrees with every other"),
        1 => Err(anyhow::anyhow!("the store is damaged: 1 problem, see above")),
        many => Err(anyhow::anyhow!("the store is damaged: {many} problems, the first ones above")),
    }
}

fn verified_by_server(server: &ServerArgs) -> anyhow::Result<VerifyReport> {
    let mut verified = None;
    converse(async {
        let mut admin = server.connect().await?.admin();
        let told = admin.verify(v1::VerifyRequest {}).await.map_err(|status| refusal(&status))?;
        verified = told.into_inner().message().await.map_err(|status| refusal(&status))?;
        Ok(())
    })?;
    let answer = verified.ok_or_else(incomplete)?;
    Ok(VerifyReport {
        records: answer.records,
        keys: answer.blocking_keys,
        persons: answer.persons,
        tasks: answer.tasks,
        events: answer.events,
        problems: answer.problems,
        problem_count: answer.problem_count,
    })
}

/// What was read as JSON. Field names are a promise.
#[derive(Serialize)]
struct VerifyAnswer<'a> {
    records: u64,
    blocking_keys: u64,
    persons: u64,
    tasks: u64,
    events: u64,
    problem_count: u64,
    problems: &'a [String],
}

impl<'a> From<&'a VerifyReport> for VerifyAnswer<'a> {
    fn from(report: &'a VerifyReport) -> Self {
        Self {
            records: report.records,
            blocking_keys: report.keys,
            persons: report.persons,
            tasks: report.tasks,
            events: report.events,
            problem_count: report.problem_count,
            problems: &report.problems,
        }
    }
}

/// Counts what the store holds.
pub(crate) fn stats(args: &StatsArgs) -> anyhow::Result<()> {
    let stats = empi_registry::stats(&args.key.at(&args.data)?)?;
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
