//! `empi register`: one record from flags, or the rows of a file over one stream.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use empi_model::{RecordKey, SourceRecord};
use empi_proto::v1;
use empi_proto::v1::bulk_register_response::Outcome;
use empi_server::convert::source_record_to_proto;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::answers::{self, Refusal, Refused, Registered};
use super::connection::{Server, ServerArgs, converse, incomplete, refusal};
use super::fields::RecordArgs;
use super::rows::{self, FileArgs};
use super::{tables, words};
use crate::cli::UsageError;
use crate::output::Output;

/// Rows read ahead of the server.
const ROWS_WAITING_MAX: usize = 256;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    rows: FileArgs,
    /// Makes a retry safe: the same ID again gives the same answer
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    request_id: Option<String>,
    /// Who registers
    #[arg(long, value_name = "NAME", default_value = "empi register")]
    actor: String,
    #[command(flatten)]
    record: RecordArgs,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let actor = v1::Actor { kind: v1::ActorKind::System.into(), name: args.actor };
    let FileArgs { file, columns } = args.rows;
    match (args.record.into_record(), file) {
        (Some(record), None) => converse(async {
            let server = args.server.connect().await?;
            register_one(&server, record, actor, args.request_id, args.server.json).await
        }),
        (None, Some(file)) => converse(async {
            let server = args.server.connect().await?;
            register_file(&server, file, columns, actor, args.server.json).await
        }),
        (None, None) => Err(UsageError::new(
            "say which record: with flags (--source, --record-id ...) or --file",
        )
        .into()),
        (Some(_), Some(_)) => {
            Err(UsageError::new("give a record either with flags or with --file").into())
        }
    }
}

async fn register_one(
    server: &Server,
    record: SourceRecord,
    actor: v1::Actor,
    request_id: Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let request = v1::RegisterRecordRequest {
        record: Some(source_record_to_proto(record)),
        actor: Some(actor),
        request_id: request_id.unwrap_or_default(),
    };
    let answer =
        server.registry().register_record(request).await.map_err(|status| refusal(&status))?;
    print(&mut Output::lock(), answer.into_inner(), json)
}

fn print(
    output: &mut Output,
    answer: v1::RegisterRecordResponse,
    json: bool,
) -> anyhow::Result<()> {
    let answer = Registered::try_from(answer)?;
    if json {
        output.line(answers::line(&answer)?)
    } else {
        output.text(&tables::registered(&answer))
    }
}

async fn register_file(
    server: &Server,
    file: PathBuf,
    columns: Option<PathBuf>,
    actor: v1::Actor,
    json: bool,
) -> anyhow::Result<()> {
    let (sender, records) = mpsc::channel(ROWS_WAITING_MAX);
    let reading =
        tokio::task::spawn_blocking(move || rows::read(&file, columns.as_deref(), &sender));
    // Refusals carry no key: answers come in order, so the key is the oldest one not yet answered.
    let sent = Sent::default();
    let sending = sent.clone();
    let requests = ReceiverStream::new(records).map(move |record: SourceRecord| {
        sending.push(record.key.clone());
        bulk_request(record, actor.clone())
    });
    let mut answers = server
        .registry()
        .bulk_register(requests)
        .await
        .map_err(|status| refusal(&status))?
        .into_inner();
    let mut output = Output::lock();
    let mut refused_count = 0;
    while let Some(answer) = answers.message().await.map_err(|status| refusal(&status))? {
        let key = sent.pop().ok_or_else(incomplete)?;
        match answer.outcome.ok_or_else(incomplete)? {
            Outcome::Registered(answer) => print(&mut output, answer, json)?,
            Outcome::Error(error) => {
                refused_count += 1;
                print_refusal(&mut output, key, error, json)?;
            }
        }
    }
    rows::conclude(rows::finished(reading).await?, refused_count)
}

fn bulk_request(record: SourceRecord, actor: v1::Actor) -> v1::BulkRegisterRequest {
    v1::BulkRegisterRequest {
        registration: Some(v1::RegisterRecordRequest {
            record: Some(source_record_to_proto(record)),
            actor: Some(actor),
            request_id: String::new(),
        }),
    }
}

fn print_refusal(
    output: &mut Output,
    key: RecordKey,
    error: v1::RegistrationError,
    json: bool,
) -> anyhow::Result<()> {
    let code = words::code(Code::from(error.code));
    if json {
        let RecordKey { source, record_id } = key;
        let error = Refusal { code, message: error.message };
        return output.line(answers::line(&Refused { source, record_id, error })?);
    }
    output.text(&format!("refused  {}/{}: {}", key.source, key.record_id, error.message))
}

/// The keys sent and not yet answered, oldest first. As many as the stream has in flight.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<VecDeque<RecordKey>>>);

impl Sent {
    fn push(&self, key: RecordKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(key);
    }

    fn pop(&self) -> Option<RecordKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
