//! `empi backup` and `empi restore`: a copy of an index, and an index of a copy.

use std::path::{Path, PathBuf};

use empi_proto::v1;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::UsageError;
use crate::client::{ServerArgs, converse, incomplete, refusal};
use crate::link::stages;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["to", "name"]))]
pub(crate) struct BackupArgs {
    /// The directory of an index that no server has open
    #[arg(long, value_name = "DIR", requires = "to")]
    data: Option<PathBuf>,
    /// Where the backup goes: a directory that is empty or not there yet
    #[arg(long, value_name = "DIR", requires = "data")]
    to: Option<PathBuf>,
    /// Have a running server make a backup of this name, in the directory of its `--backups`
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    name: Option<String>,
    #[command(flatten)]
    key: MasterKeyArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The directory of the index: it must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    key: MasterKeyArgs,
}

/// What was backed up or restored. Field names are a promise.
#[derive(Serialize)]
struct Answer {
    directory: String,
    records: u64,
    last_event: u64,
    files: u64,
    bytes: u64,
}

impl Answer {
    fn of(place: &Path, report: &empi_registry::BackupReport) -> Self {
        Self {
            directory: place.display().to_string(),
            records: report.counters.records.into(),
            last_event: report.counters.events,
            files: report.files,
            bytes: report.bytes,
        }
    }

    fn print(&self, json: bool, done: &str) -> anyhow::Result<()> {
        let mut output = Output::lock();
        if json {
            return output.line(serde_json::to_string(self)?);
        }
        let Self { directory, records, last_event, files, bytes } = self;
        output.line(format_args!(
            "{directory}: {records} records up to event {last_event}, {bytes} bytes in {files} files, \
             {done}"
        ))
    }
}

/// Runs `empi backup`.
pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    let answer = match (&args.data, &args.to, &args.name) {
        (Some(data), Some(to), None) => {
            let data = args.key.at(data)?;
            let report = with_bar("backup", |progress| empi_registry::backup(&data, to, progress))?;
            Answer::of(to, &report)
        }
        (None, None, Some(name)) => made_by_server(&args.server, name)?,
        _ => return Err(UsageError::new("name --data and --to, or --name alone").into()),
    };
    answer.print(args.server.json, "each with its checksum")
}

/// Runs `empi restore`.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let RestoreArgs { from, data, json, key } = args;
    let place = key.at(data)?;
    let report = with_bar("restore", |progress| empi_registry::restore(from, &place, progress))?;
    Answer::of(data, &report.backup).print(*json, "verified: every row agrees with every other")
}

fn with_bar<T>(stage: &'static str, work: impl FnOnce(empi_registry::CopyProgress<'_>) -> T) -> T {
    let bar = stages::bar(stage, 0);
    let done = work(&|done, total| show(&bar, done, total));
    bar.finish_and_clear();
    done
}

fn show(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

fn made_by_server(server: &ServerArgs, name: &str) -> anyhow::Result<Answer> {
    let (bar, mut made) = (stages::bar("backup", 0), None);
    converse(async {
        let request = v1::BackupRequest { name: name.to_owned() };
        let mut admin = server.connect().await?.admin();
        let mut told = admin.backup(request).await.map_err(|status| refusal(&status))?.into_inner();
        while let Some(answer) = told.message().await.map_err(|status| refusal(&status))? {
            show(&bar, answer.bytes_done, answer.bytes_total);
            made = answer.report.or(made.take());
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    let v1::BackupReport { directory, records, last_event, files, bytes } =
        made.ok_or_else(incomplete)?;
    Ok(Answer { directory, records, last_event, files, bytes })
}
