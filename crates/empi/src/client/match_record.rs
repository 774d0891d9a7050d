//! `empi match`: which persons a record resembles, without writing.

use std::path::PathBuf;

use empi_model::SourceRecord;
use empi_proto::v1;
use empi_server::convert::source_record_to_proto;
use tokio::sync::mpsc;

use super::answers::{self, Matched};
use super::connection::{Server, ServerArgs, converse, refusal};
use super::fields::RecordArgs;
use super::rows::{self, FileArgs};
use super::tables;
use crate::cli::UsageError;
use crate::output::Output;

/// Rows read ahead of the server.
const ROWS_WAITING_MAX: usize = 64;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    rows: FileArgs,
    /// At most this many candidates per record
    #[arg(long, value_name = "N", default_value_t = 10)]
    candidates_max: u32,
    #[command(flatten)]
    record: RecordArgs,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let FileArgs { file, columns } = args.rows;
    let (candidates_max, json) = (args.candidates_max, args.server.json);
    match (args.record.into_record(), file) {
        (Some(record), None) => converse(async {
            let server = args.server.connect().await?;
            match_one(&server, record, candidates_max, json).await
        }),
        (None, Some(file)) => converse(async {
            let server = args.server.connect().await?;
            match_file(&server, file, columns, candidates_max, json).await
        }),
        (None, None) => {
            Err(UsageError::new("say which record: with flags (--family-name ...) or --file")
                .into())
        }
        (Some(_), Some(_)) => {
            Err(UsageError::new("give a record either with flags or with --file").into())
        }
    }
}

async fn match_one(
    server: &Server,
    record: SourceRecord,
    candidates_max: u32,
    json: bool,
) -> anyhow::Result<()> {
    let record = source_record_to_proto(record);
    let key = record.key.clone().unwrap_or_default();
    let request = v1::MatchRecordRequest { record: Some(record), candidates_max };
    let answer =
        server.registry().match_record(request).await.map_err(|status| refusal(&status))?;
    let answer = Matched::of(key, answer.into_inner())?;
    if json {
        Output::lock().line(answers::line(&answer)?)
    } else {
        Output::lock().text(&tables::matched(&answer))
    }
}

async fn match_file(
    server: &Server,
    file: PathBuf,
    columns: Option<PathBuf>,
    candidates_max: u32,
    json: bool,
) -> anyhow::Result<()> {
    let (sender, mut records) = mpsc::channel(ROWS_WAITING_MAX);
    let reading =
        tokio::task::spawn_blocking(move || rows::read(&file, columns.as_deref(), &sender));
    while let Some(record) = records.recv().await {
        match_one(server, record, candidates_max, json).await?;
    }
    rows::conclude(rows::finished(reading).await?, 0)
}
