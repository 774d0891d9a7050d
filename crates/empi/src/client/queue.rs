//! The review queue as a whole: how much waits, and what was decided.

use std::path::Path;

use empi_formats::write_atomically;
use empi_proto::v1;
use serde::Serialize;

use super::answers;
use super::connection::{Server, incomplete, refusal};
use super::review::{tasks, view_of};
use super::words;
use crate::output::Output;

/// How much waits. Field names are a promise.
#[derive(Serialize)]
struct Stats {
    open: Vec<KindCount>,
    claimed: u64,
    oldest_task_id: Option<u64>,
}

#[derive(Serialize)]
struct KindCount {
    kind: String,
    count: u64,
}

pub(super) async fn stats(server: &Server, json: bool) -> anyhow::Result<()> {
    let answer = server.review().queue_stats(v1::QueueStatsRequest {}).await;
    let answer = answer.map_err(|status| refusal(&status))?.into_inner();
    let count = |count: &v1::KindCount| KindCount {
        kind: words::review_kind(count.kind()),
        count: count.count,
    };
    let stats = Stats {
        open: answer.open.iter().map(count).collect(),
        claimed: answer.claimed,
        oldest_task_id: answer.oldest_task_id,
    };
    let mut output = Output::lock();
    if json {
        return output.line(answers::line(&stats)?);
    }
    for KindCount { kind, count } in &stats.open {
        output.line(format_args!("{count:>8}  {kind}"))?;
    }
    output.line(format_args!("{:>8}  taken by somebody", stats.claimed))
}

/// Writes a row for every pair that a steward has decided about: not for what was settled otherwise, and
/// not for updates, which are about one record.
pub(super) async fn labels(server: &Server, out: &Path) -> anyhow::Result<()> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    rows.write_record([
        "left_source",
        "left_record_id",
        "right_source",
        "right_record_id",
        "decision",
    ])?;
    let mut count = 0_u64;
    let all = v1::ListTasksRequest { include_resolved: true, ..v1::ListTasksRequest::default() };
    for task in tasks(server, all, usize::MAX).await? {
        let outcome = task.resolution.as_ref().map(|resolution| resolution.outcome.as_str());
        let is_pair = matches!(task.kind.as_str(), "possible_match" | "potential_duplicate");
        let Some(decision @ ("same" | "different")) = outcome.filter(|_| is_pair) else { continue };
        let view = view_of(server, task.task_id).await?;
        let key = |record: Option<v1::RegisteredRecord>| {
            record.and_then(|record| record.record?.key).ok_or_else(incomplete)
        };
        let (left, right) = (key(view.incoming)?, key(view.candidate)?);
        rows.write_record([
            &left.source,
            &left.record_id,
            &right.source,
            &right.record_id,
            decision,
        ])?;
        count += 1;
    }
    write_atomically(out, &rows.into_inner()?)?;
    Output::lock().line(format_args!("{count} decisions written to {}", out.display()))
}
