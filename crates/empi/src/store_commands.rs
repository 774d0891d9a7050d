//! Commands on a store that no server has open: `empi verify`, `empi stats`.

use std::path::PathBuf;

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
    match report.problems.len() {
        0 => output.line("sound: every row agrees with every other"),
        1 => Err(anyhow::anyhow!("the store is damaged: 1 problem, see above")),
        many => Err(anyhow::anyhow!("the store is damaged: {many} problems, see above")),
    }
}

/// Counts what the store holds.
pub(crate) fn stats(args: &StatsArgs) -> anyhow::Result<()> {
    let stats = empi_registry::stats(&args.data)?;
    let counts = [
        ("records", stats.records),
        ("persons", stats.persons),
        ("redirects", stats.redirects),
        ("open_tasks", stats.open_tasks),
        ("events", stats.events),
    ];
    let mut output = Output::lock();
    if args.json {
        let counts: std::collections::BTreeMap<_, _> = counts.into_iter().collect();
        return output.line(serde_json::to_string(&counts)?);
    }
    counts.into_iter().try_for_each(|(name, count)| {
        output.line(format_args!("{count:>12}  {}", name.replace('_', " ")))
    })
}
