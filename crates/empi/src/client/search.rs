//! `empi search`: whom somebody means who types a line.

use empi_proto::v1;
use serde::Serialize;

use super::answers::{self, Fields};
use super::connection::{ServerArgs, converse, incomplete, refusal};
use super::tables;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names, a birth date, numbers or an enterprise ID, in any order, whole or in part
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
    /// At most this many persons
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    server: ServerArgs,
}

/// A person that was found. Field names are a promise.
#[derive(Serialize)]
pub(super) struct Hit {
    pub(super) enterprise_id: String,
    /// The enterprise ID that was typed, where it has gone into this person.
    pub(super) asked: String,
    pub(super) score: f64,
    /// The record that fits best.
    pub(super) source: String,
    pub(super) record_id: String,
    pub(super) record_count: usize,
    /// The best view of the person.
    pub(super) fields: Fields,
}

impl TryFrom<v1::SearchHit> for Hit {
    type Error = anyhow::Error;

    fn try_from(hit: v1::SearchHit) -> anyhow::Result<Self> {
        let person = hit.person.ok_or_else(incomplete)?;
        let v1::RecordKey { source, record_id } = hit.record.ok_or_else(incomplete)?;
        Ok(Self {
            enterprise_id: person.enterprise_id,
            asked: hit.asked_enterprise_id,
            score: hit.score,
            source,
            record_id,
            record_count: person.records.len(),
            fields: Fields::of(&hit.golden.and_then(|it| it.record).unwrap_or_default()),
        })
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let Args { words, limit, server } = args;
    let json = server.json;
    converse(async {
        let server = server.connect().await?;
        let request = v1::SearchPersonsRequest { text: words.join(" "), page_size: *limit };
        let answer = server.registry().search_persons(request).await;
        let answer = answer.map_err(|status| refusal(&status))?.into_inner();
        let hits: Vec<Hit> =
            answer.hits.into_iter().map(Hit::try_from).collect::<anyhow::Result<_>>()?;
        let mut output = Output::lock();
        if json {
            return hits.iter().try_for_each(|hit| output.line(answers::line(hit)?));
        }
        if hits.is_empty() {
            return output.text("nobody in the index fits");
        }
        output.text(&tables::hits(&hits))?;
        if answer.is_cut {
            output.line("there are more: add a word")?;
        }
        Ok(())
    })
}
