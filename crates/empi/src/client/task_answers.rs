//! Review tasks as JSON, one line each. Field names are a promise.

use empi_proto::v1;
use serde::Serialize;

use super::answers::{Explanation, Fields, Record, time};
use super::connection::incomplete;
use super::words;

/// A review task, with what is needed to answer it where it was asked for.
#[derive(Serialize)]
pub(super) struct Task {
    pub(super) task_id: u64,
    pub(super) kind: String,
    pub(super) match_weight: f64,
    pub(super) guards: Vec<String>,
    pub(super) model: String,
    pub(super) created: String,
    /// `open` or `resolved`.
    pub(super) state: &'static str,
    /// What an open task waits for: `open` for any steward, `second_opinion`, `escalated`, `snoozed` or
    /// `source_asked`.
    pub(super) stage: Option<String>,
    /// Why it is asked, in one sentence.
    pub(super) why: String,
    /// Why it stands where it stands in the queue.
    pub(super) place_reason: String,
    /// The two records.
    pub(super) keys: [TaskRecord; 2],
    /// Their persons.
    pub(super) enterprise_ids: [String; 2],
    /// How the two records compare.
    pub(super) pattern: Option<String>,
    pub(super) assignee: Option<String>,
    /// Who has taken it.
    pub(super) claimed_by: Option<String>,
    pub(super) snoozed_until: Option<String>,
    /// Why it was escalated, in words.
    pub(super) escalation: Option<String>,
    /// What stewards said without knowing of one another.
    pub(super) opinions: Vec<Said>,
    /// How it was decided before it was opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) earlier: Option<Resolution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resolution: Option<Resolution>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<TaskDetail>,
}

/// The key of a record that a task names.
#[derive(Serialize)]
pub(super) struct TaskRecord {
    pub(super) source: String,
    pub(super) record_id: String,
}

/// One of several answers.
#[derive(Serialize)]
pub(super) struct Said {
    pub(super) outcome: String,
    pub(super) actor: String,
}

/// How a task was answered.
#[derive(Serialize)]
pub(super) struct Resolution {
    pub(super) outcome: String,
    pub(super) actor: String,
    pub(super) time: String,
    pub(super) reason_code: Option<String>,
    pub(super) note: String,
    pub(super) event: Option<u64>,
    /// How long the steward had the task, in milliseconds.
    pub(super) took_ms: Option<u64>,
}

impl From<v1::Resolution> for Resolution {
    fn from(resolution: v1::Resolution) -> Self {
        let reason = resolution.reason_code();
        Self {
            outcome: words::review_outcome(resolution.outcome()),
            reason_code: (reason != v1::ReasonCode::Unspecified)
                .then(|| words::reason_code(reason)),
            actor: resolution.actor.map(|actor| actor.name).unwrap_or_default(),
            time: time(resolution.time),
            note: resolution.note,
            event: resolution.event,
            took_ms: resolution.took_ms,
        }
    }
}

/// Both records, and why they might be one.
#[derive(Serialize)]
pub(super) struct TaskDetail {
    pub(super) incoming: Record,
    pub(super) candidate: Record,
    pub(super) proposed: Option<Fields>,
    pub(super) explanation: Explanation,
}

impl From<v1::ReviewTask> for Task {
    fn from(task: v1::ReviewTask) -> Self {
        let resolution = task.resolution.clone().map(Resolution::from);
        let stage = words::task_stage(task.stage());
        let key = |key: Option<v1::RecordKey>| {
            let v1::RecordKey { source, record_id } = key.unwrap_or_default();
            TaskRecord { source, record_id }
        };
        let present = |text: String| (!text.is_empty()).then_some(text);
        let said = |opinion: v1::Opinion| Said {
            outcome: words::review_outcome(opinion.outcome()),
            actor: opinion.remark.and_then(|it| it.actor).map(|it| it.name).unwrap_or_default(),
        };
        let why_escalated = |remark: v1::Remark| match remark.note.as_str() {
            "" => words::reason_code(remark.reason_code()),
            note => note.to_owned(),
        };
        Self {
            stage: present(stage),
            why: task.why.clone(),
            place_reason: task.place_reason.clone(),
            keys: [key(task.incoming.clone()), key(task.candidate.clone())],
            enterprise_ids: [
                task.incoming_enterprise_id.clone(),
                task.candidate_enterprise_id.clone(),
            ],
            pattern: present(task.pattern.clone()),
            assignee: present(task.assignee.clone()),
            claimed_by: task.claim.clone().map(|claim| claim.steward),
            snoozed_until: task.snooze.as_ref().and_then(|it| it.until).map(|it| time(Some(it))),
            escalation: task.escalation.clone().map(why_escalated),
            opinions: task.opinions.iter().cloned().map(said).collect(),
            earlier: task.earlier.clone().map(Resolution::from),
            task_id: task.task_id,
            kind: words::review_kind(task.kind()),
            match_weight: task.match_weight,
            guards: task.guards().map(words::guard).collect(),
            created: time(task.created),
            model: task.model,
            state: if resolution.is_some() { "resolved" } else { "open" },
            resolution,
            detail: None,
        }
    }
}

impl TryFrom<v1::TaskView> for Task {
    type Error = anyhow::Error;

    fn try_from(view: v1::TaskView) -> anyhow::Result<Self> {
        let detail = TaskDetail {
            incoming: view.incoming.ok_or_else(incomplete)?.try_into()?,
            candidate: view.candidate.ok_or_else(incomplete)?.try_into()?,
            proposed: view.proposed.as_ref().map(Fields::of),
            explanation: view.explanation.ok_or_else(incomplete)?.into(),
        };
        let task = Self::from(view.task.ok_or_else(incomplete)?);
        Ok(Self { detail: Some(detail), ..task })
    }
}
