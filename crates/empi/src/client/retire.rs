//! `empi retire`: a record that its source withdrew, or merged into another of its own.

use empi_proto::v1;
use serde::Serialize;

use super::answers;
use super::connection::{ServerArgs, converse, refusal};
use super::fields::record_key_of;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The record, as SOURCE:RECORD_ID
    #[arg(value_parser = record_key_of)]
    record: v1::RecordKey,
    /// The record of the same source that it is now
    #[arg(long, value_name = "SOURCE:RECORD_ID", value_parser = record_key_of)]
    replaced_by: Option<v1::RecordKey>,
    /// Names the request: sent again, it changes nothing
    #[arg(long, value_name = "ID", default_value = "")]
    request_id: String,
    /// Who asks
    #[arg(long, value_name = "NAME", default_value = "empi")]
    actor: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Where a retired record belongs. Field names are a promise.
#[derive(Serialize)]
struct Retired {
    source: String,
    record_id: String,
    enterprise_id: String,
    event: Option<u64>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Args { record, replaced_by, request_id, actor, server } = args;
    let json = server.json;
    converse(async {
        let server = server.connect().await?;
        let request = v1::RetireRecordRequest {
            key: Some(record.clone()),
            replaced_by,
            actor: Some(v1::Actor { kind: v1::ActorKind::System.into(), name: actor }),
            request_id,
        };
        let answer = server.registry().retire_record(request).await;
        let answer = answer.map_err(|status| refusal(&status))?.into_inner();
        let v1::RecordKey { source, record_id } = record;
        let (enterprise_id, event) = (answer.enterprise_id, answer.event);
        let mut output = Output::lock();
        if json {
            return output.line(answers::line(&Retired {
                source,
                record_id,
                enterprise_id,
                event,
            })?);
        }
        let when = if event.is_some() { "is" } else { "was already" };
        output.text(&format!("{source}:{record_id} {when} retired and belongs to {enterprise_id}"))
    })
}
