//! The review queue as a whole: how much waits, and what was decided.

use std::path::Path;

use empi_formats::write_atomically;
use empi_proto::v1;
use serde::Serialize;

use super::answers;
use super::connection::{Server, refusal};
use super::review::tasks;
use super::words;
use crate::output::Output;

/// How much waits, and how it is worked off. Field names are a promise.
#[derive(Serialize)]
struct Stats {
    open: Vec<Count>,
    claimed: u64,
    oldest_task_id: Option<u64>,
    stages: Vec<Count>,
    kinds: Vec<Kind>,
    age: Option<Percentiles>,
    agreement: Agreement,
    /// Of the held updates that were answered, the share that were no overlays.
    overlay_false_alarms: Option<f64>,
}

#[derive(Serialize)]
struct Count {
    kind: String,
    count: u64,
}

#[derive(Serialize)]
struct Kind {
    kind: String,
    open: u64,
    raised: u64,
    raised_today: u64,
    same: u64,
    different: u64,
    moot: u64,
    rejected: u64,
    closed_today: u64,
    age: Option<Percentiles>,
    waited: Option<Percentiles>,
    decision: Option<Percentiles>,
}

#[derive(Serialize)]
struct Percentiles {
    p50_ms: u64,
    p90_ms: u64,
    max_ms: u64,
}

#[derive(Serialize)]
struct Agreement {
    both_same: u64,
    both_different: u64,
    same_different: u64,
    different_same: u64,
    kappa: Option<f64>,
}

impl From<v1::Percentiles> for Percentiles {
    fn from(percentiles: v1::Percentiles) -> Self {
        let v1::Percentiles { p50_ms, p90_ms, max_ms } = percentiles;
        Self { p50_ms, p90_ms, max_ms }
    }
}

impl From<v1::KindStats> for Kind {
    fn from(stats: v1::KindStats) -> Self {
        Self {
            kind: words::review_kind(stats.kind()),
            open: stats.open,
            raised: stats.raised,
            raised_today: stats.raised_today,
            same: stats.same,
            different: stats.different,
            moot: stats.moot,
            rejected: stats.rejected,
            closed_today: stats.closed_today,
            age: stats.age.map(Percentiles::from),
            waited: stats.waited.map(Percentiles::from),
            decision: stats.decision.map(Percentiles::from),
        }
    }
}

impl From<v1::QueueStatsResponse> for Stats {
    fn from(answer: v1::QueueStatsResponse) -> Self {
        let open = answer
            .open
            .iter()
            .map(|count| Count { kind: words::review_kind(count.kind()), count: count.count });
        let stages = answer
            .stages
            .iter()
            .map(|count| Count { kind: words::task_stage(count.stage()), count: count.count });
        let v1::Agreement { both_same, both_different, same_different, different_same, kappa } =
            answer.agreement.unwrap_or_default();
        Self {
            open: open.collect(),
            claimed: answer.claimed,
            oldest_task_id: answer.oldest_task_id,
            stages: stages.collect(),
            overlay_false_alarms: false_alarms(&answer.kinds),
            kinds: answer.kinds.into_iter().map(Kind::from).collect(),
            age: answer.age.map(Percentiles::from),
            agreement: Agreement {
                both_same,
                both_different,
                same_different,
                different_same,
                kappa,
            },
        }
    }
}

/// Of the held updates that were answered, the share that were the same person after all.
#[expect(clippy::cast_precision_loss, reason = "numbers of answers are far below 2^52")]
fn false_alarms(kinds: &[v1::KindStats]) -> Option<f64> {
    let held = kinds.iter().find(|stats| stats.kind() == v1::ReviewKind::HeldUpdate)?;
    let answered = held.same + held.different;
    (answered > 0).then(|| held.same as f64 / answered as f64)
}

pub(super) async fn stats(server: &Server, json: bool) -> anyhow::Result<()> {
    let answer = server.review().queue_stats(v1::QueueStatsRequest {}).await;
    let stats = Stats::from(answer.map_err(|status| refusal(&status))?.into_inner());
    let mut output = Output::lock();
    if json {
        return output.line(answers::line(&stats)?);
    }
    let p50 = |it: &Option<Percentiles>| {
        it.as_ref().map_or_else(|| "-".to_owned(), |it| words::duration(it.p50_ms))
    };
    output.line(format_args!(
        "{:>8} {:>8} {:>8} {:>8} {:>8}  {:>8} {:>8}  kind",
        "open", "raised", "same", "different", "moot", "age p50", "decision"
    ))?;
    for kind in &stats.kinds {
        output.line(format_args!(
            "{:>8} {:>8} {:>8} {:>8} {:>8}  {:>8} {:>8}  {}",
            kind.open,
            kind.raised,
            kind.same,
            kind.different,
            kind.moot,
            p50(&kind.age),
            p50(&kind.decision),
            kind.kind
        ))?;
    }
    for Count { kind, count } in stats.stages.iter().filter(|stage| stage.count > 0) {
        output.line(format_args!("{count:>8}  wait as {kind}"))?;
    }
    output.line(format_args!("{:>8}  taken by somebody", stats.claimed))?;
    if let Some(share) = stats.overlay_false_alarms {
        output.line(format_args!("{:>7.0}%  of held updates were no overlays", share * 100.0))?;
    }
    match stats.agreement.kappa {
        Some(kappa) => output.line(format_args!("{kappa:>8.2}  agreement of two stewards (kappa)")),
        None => Ok(()),
    }
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
        let is_pair =
            !matches!(task.kind.as_str(), "held_update" | "capped_block" | "shared_identifier");
        let Some(decision @ ("same" | "different")) = outcome.filter(|_| is_pair) else { continue };
        let [left, right] = &task.keys;
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
