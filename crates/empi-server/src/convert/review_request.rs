//! What stewards ask of the review queue.

use empi_model::{
    ActorKind, ComparisonPattern, MatchWeight, ReasonCode, ReviewKind, ReviewOutcome, TaskId,
    TaskPlace, TaskStage, Timestamp,
};
use empi_proto::v1;
use empi_registry::{ReviewRequest, ReviewStep, TASKS_AT_ONCE_MAX, TaskFilter, TaskQuery};

use super::{InvalidRequest, actor, bounded};

pub(super) const NOTE_BYTES_MAX: usize = 2000;

/// Longest name of a steward, in bytes.
const STEWARD_BYTES_MAX: usize = 200;

/// How long a steward has a task who does not say.
const LEASE_SECONDS_DEFAULT: u32 = 15 * 60;

/// Where a page begins; `None` for the first page.
fn page_after(token: &str) -> Result<Option<TaskPlace>, InvalidRequest> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| {
        InvalidRequest::new(
            "`page_token` is not one: send the `next_page_token` of the page before",
        )
    })
}

/// The tasks that a page is to have, at most `limit`.
pub(crate) fn task_query(
    request: v1::ListTasksRequest,
    limit: usize,
) -> Result<TaskQuery, InvalidRequest> {
    let after = page_after(&request.page_token)?;
    let include_resolved = request.include_resolved;
    let bits = |bits: Option<f64>| match bits {
        Some(bits) if bits.is_nan() => {
            Err(InvalidRequest::new("a weight is not a number: leave it out, or say how many bits"))
        }
        bits => Ok(bits.map(MatchWeight::from_bits)),
    };
    let (kinds, stages) = (request.kinds().collect(), request.stages().collect());
    let filter = TaskFilter {
        assignee: present(request.assignee),
        weight_min: bits(request.match_weight_min)?,
        weight_max: bits(request.match_weight_max)?,
        ..filter(kinds, stages, request.source, &request.pattern)?
    };
    Ok(TaskQuery { filter, include_resolved, after, limit })
}

fn filter(
    kinds: Vec<v1::ReviewKind>,
    stages: Vec<v1::TaskStage>,
    source: String,
    pattern: &str,
) -> Result<TaskFilter, InvalidRequest> {
    let kinds = kinds.into_iter().map(|kind| {
        kind_of(kind)
            .ok_or_else(|| InvalidRequest::new("`kinds` names none: leave it empty for any"))
    });
    let stages = stages.into_iter().map(|stage| {
        stage_of(stage)
            .ok_or_else(|| InvalidRequest::new("`stages` names none: leave it empty for any"))
    });
    let pattern = match pattern {
        "" => None,
        text => Some(ComparisonPattern::parse(text).ok_or_else(|| {
            InvalidRequest::new("`pattern` is not one: send that of a task, or leave it empty")
        })?),
    };
    Ok(TaskFilter {
        kinds: kinds.collect::<Result<_, _>>()?,
        stages: stages.collect::<Result<_, _>>()?,
        source: present(source),
        pattern,
        ..TaskFilter::default()
    })
}

fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// The numbers of both are promises, and the same; a test compares them.
fn kind_of(kind: v1::ReviewKind) -> Option<ReviewKind> {
    ReviewKind::ALL.into_iter().find(|it| *it as i32 == kind as i32)
}

fn stage_of(stage: v1::TaskStage) -> Option<TaskStage> {
    TaskStage::ALL.into_iter().find(|it| *it as i32 == stage as i32)
}

pub(crate) fn task_id(number: u64) -> Result<TaskId, InvalidRequest> {
    if number == 0 {
        return Err(InvalidRequest::new("`task_id` is missing: say which task"));
    }
    Ok(TaskId(number))
}

/// The steps of a steward. Nobody else may take one.
fn review_request(
    step: ReviewStep,
    sent: Option<v1::Actor>,
    reason_code: i32,
    note: String,
) -> Result<ReviewRequest, InvalidRequest> {
    let actor = actor(sent)?;
    if actor.kind != ActorKind::Steward {
        return Err(InvalidRequest::new(
            "`actor.kind` must be STEWARD: only a person works on review tasks",
        ));
    }
    bounded("note", &note, NOTE_BYTES_MAX)?;
    let reason = ReasonCode::ALL.into_iter().find(|code| *code as i32 == reason_code);
    if reason.is_none() && reason_code != 0 {
        return Err(InvalidRequest::new("`reason_code` is none: leave it out, or name one"));
    }
    Ok(ReviewRequest { reason, note, ..ReviewRequest::new(step, actor) })
}

fn outcome_of(outcome: v1::ReviewOutcome) -> Result<ReviewOutcome, InvalidRequest> {
    match outcome {
        v1::ReviewOutcome::Same => Ok(ReviewOutcome::Same),
        v1::ReviewOutcome::Different => Ok(ReviewOutcome::Different),
        v1::ReviewOutcome::Rejected => Ok(ReviewOutcome::Rejected),
        v1::ReviewOutcome::Moot | v1::ReviewOutcome::Unspecified => {
            Err(InvalidRequest::new("`outcome` must be SAME, DIFFERENT or REJECTED"))
        }
    }
}

/// A task and its answer.
pub(crate) fn resolve_task(
    request: v1::ResolveTaskRequest,
) -> Result<(TaskId, ReviewRequest), InvalidRequest> {
    let outcome = outcome_of(request.outcome())?;
    let id = task_id(request.task_id)?;
    let step = ReviewStep::Answer { outcome, second_opinion: request.second_opinion };
    let answer = review_request(step, request.actor, request.reason_code, request.note)?;
    Ok((id, ReviewRequest { is_lead: request.lead, ..answer }))
}

/// Many tasks and the answer to all of them.
pub(crate) fn resolve_tasks(
    request: v1::ResolveTasksRequest,
) -> Result<(Vec<TaskId>, ReviewRequest), InvalidRequest> {
    let outcome = outcome_of(request.outcome())?;
    if request.task_ids.is_empty() || request.task_ids.len() > TASKS_AT_ONCE_MAX {
        return Err(InvalidRequest::new(format!(
            "`task_ids` must name 1 to {TASKS_AT_ONCE_MAX} tasks: send them in parts"
        )));
    }
    let ids = request.task_ids.iter().map(|id| task_id(*id)).collect::<Result<_, _>>()?;
    if request.reason_code == 0 {
        return Err(InvalidRequest::new("`reason_code` is missing: say why, for all of them"));
    }
    let step = ReviewStep::Answer { outcome, second_opinion: false };
    let answer = review_request(step, request.actor, request.reason_code, request.note)?;
    Ok((ids, ReviewRequest { is_lead: request.lead, ..answer }))
}

/// A step that is no answer, with its task.
fn step(
    terms: Option<v1::TaskTerms>,
    step: ReviewStep,
) -> Result<(TaskId, ReviewRequest), InvalidRequest> {
    let terms =
        terms.ok_or_else(|| InvalidRequest::new("`terms` is missing: say which and who"))?;
    let v1::TaskTerms { task_id: number, actor: sent, reason_code, note } = terms;
    Ok((task_id(number)?, review_request(step, sent, reason_code, note)?))
}

fn moment(until: Option<empi_proto::Timestamp>) -> Result<Option<Timestamp>, InvalidRequest> {
    let Some(until) = until else { return Ok(None) };
    let milliseconds = until.seconds.checked_mul(1000);
    let time = milliseconds.and_then(|time| time.checked_add(i64::from(until.nanos / 1_000_000)));
    let time = time.ok_or_else(|| InvalidRequest::new("`until` is no date: name a nearer one"))?;
    Ok(Some(Timestamp(time)))
}

pub(crate) fn snooze_task(
    request: v1::SnoozeTaskRequest,
) -> Result<(TaskId, ReviewRequest), InvalidRequest> {
    step(request.terms, ReviewStep::Snooze { until: moment(request.until)? })
}

pub(crate) fn ask_source(
    request: v1::AskSourceRequest,
) -> Result<(TaskId, ReviewRequest), InvalidRequest> {
    step(request.terms, ReviewStep::AskSource { until: moment(request.until)? })
}

pub(crate) fn escalate_task(
    request: v1::EscalateTaskRequest,
) -> Result<(TaskId, ReviewRequest), InvalidRequest> {
    step(request.terms, ReviewStep::Escalate)
}

pub(crate) fn assign_task(
    request: v1::AssignTaskRequest,
) -> Result<(TaskId, ReviewRequest), InvalidRequest> {
    bounded("assignee", &request.assignee, STEWARD_BYTES_MAX)?;
    step(request.terms, ReviewStep::Assign { steward: present(request.assignee) })
}

/// What a steward takes: a task, or the next in line of those that are wanted.
pub(crate) struct Claiming {
    pub(crate) task: Option<TaskId>,
    pub(crate) filter: TaskFilter,
    pub(crate) steward: empi_model::Actor,
    pub(crate) lease_ms: u64,
}

pub(crate) fn claim(request: v1::ClaimTaskRequest) -> Result<Claiming, InvalidRequest> {
    let (kinds, stages) = (request.kinds().collect(), request.stages().collect());
    let v1::ClaimTaskRequest { task_id, actor: sent, lease_seconds, source, pattern, .. } = request;
    let steward = actor(sent)?;
    if steward.kind != ActorKind::Steward {
        return Err(InvalidRequest::new(
            "`actor.kind` must be STEWARD: only a person takes a task",
        ));
    }
    let lease_seconds = if lease_seconds == 0 { LEASE_SECONDS_DEFAULT } else { lease_seconds };
    let task = (task_id > 0).then_some(TaskId(task_id));
    let filter = filter(kinds, stages, source, &pattern)?;
    Ok(Claiming { task, filter, steward, lease_ms: u64::from(lease_seconds) * 1000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_steward_answers_and_only_same_or_different() {
        let request = |outcome: i32, kind: v1::ActorKind| v1::ResolveTaskRequest {
            task_id: 4,
            outcome,
            actor: Some(v1::Actor { kind: kind.into(), name: "ines".to_owned() }),
            note: "passport seen".to_owned(),
            reason_code: v1::ReasonCode::DocumentSeen.into(),
            second_opinion: true,
            lead: true,
        };
        let (id, answer) = resolve_task(request(2, v1::ActorKind::Steward)).unwrap();
        let step = ReviewStep::Answer { outcome: ReviewOutcome::Different, second_opinion: true };
        assert_eq!((id, answer.step, answer.is_lead), (TaskId(4), step, true));
        assert_eq!(answer.note, "passport seen");
        assert_eq!(answer.reason, Some(ReasonCode::DocumentSeen));
        let good = || request(1, v1::ActorKind::Steward);
        for (bad, named) in [
            (request(0, v1::ActorKind::Steward), "`outcome`"),
            (request(3, v1::ActorKind::Steward), "`outcome`"),
            (request(1, v1::ActorKind::System), "`actor.kind`"),
            (v1::ResolveTaskRequest { task_id: 0, ..good() }, "task_id"),
            (v1::ResolveTaskRequest { note: "x".repeat(2001), ..good() }, "`note`"),
            (v1::ResolveTaskRequest { reason_code: 99, ..good() }, "`reason_code`"),
        ] {
            let sentence = resolve_task(bad).map(|_| ()).unwrap_err().to_string();
            assert!(sentence.contains(named), "{sentence}");
        }
    }

    #[test]
    fn many_are_answered_with_one_reason() {
        let request = |ids: Vec<u64>, reason_code: i32| v1::ResolveTasksRequest {
            task_ids: ids,
            outcome: v1::ReviewOutcome::Same.into(),
            actor: Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: "ines".to_owned() }),
            reason_code,
            note: String::new(),
            lead: false,
        };
        let (ids, answer) = resolve_tasks(request(vec![4, 2], 1)).unwrap();
        assert_eq!(
            (ids, answer.reason),
            (vec![TaskId(4), TaskId(2)], Some(ReasonCode::ChartReview))
        );
        for (bad, named) in [
            (request(vec![], 1), "`task_ids`"),
            (request(vec![1; 1001], 1), "`task_ids`"),
            (request(vec![0], 1), "`task_id`"),
            (request(vec![1], 0), "`reason_code`"),
        ] {
            let sentence = resolve_tasks(bad).map(|_| ()).unwrap_err().to_string();
            assert!(sentence.contains(named), "{sentence}");
        }
    }

    #[test]
    fn a_claim_names_a_task_or_takes_the_next_in_line() {
        let sent = |kind: v1::ActorKind, task_id, lease_seconds| v1::ClaimTaskRequest {
            task_id,
            actor: Some(v1::Actor { kind: kind.into(), name: "ines".to_owned() }),
            lease_seconds,
            stages: vec![v1::TaskStage::Escalated.into()],
            ..v1::ClaimTaskRequest::default()
        };
        let next = claim(sent(v1::ActorKind::Steward, 0, 0)).unwrap();
        assert_eq!((next.task, next.steward.name.as_str(), next.lease_ms), (None, "ines", 900_000));
        assert_eq!(next.filter.stages, [TaskStage::Escalated]);
        let named = claim(sent(v1::ActorKind::Steward, 7, 60)).unwrap();
        assert_eq!((named.task, named.lease_ms), (Some(TaskId(7)), 60_000));
        assert!(claim(sent(v1::ActorKind::System, 7, 60)).is_err());
    }

    #[test]
    fn kinds_and_stages_have_one_number_and_one_name() {
        for kind in ReviewKind::ALL {
            let wire = v1::ReviewKind::try_from(kind as i32).unwrap();
            assert_eq!(wire.as_str_name(), format!("REVIEW_KIND_{}", kind.as_str().to_uppercase()));
            assert_eq!(kind_of(wire), Some(kind));
        }
        for stage in TaskStage::ALL {
            let wire = v1::TaskStage::try_from(stage as i32).unwrap();
            assert_eq!(wire.as_str_name(), format!("TASK_STAGE_{}", stage.as_str().to_uppercase()));
            assert_eq!(stage_of(wire), Some(stage));
        }
        for outcome in ReviewOutcome::ALL {
            let wire = v1::ReviewOutcome::try_from(outcome as i32).unwrap();
            let name = format!("REVIEW_OUTCOME_{}", outcome.as_str().to_uppercase());
            assert_eq!(wire.as_str_name(), name);
        }
    }

    #[test]
    fn page_tokens_are_those_we_gave() {
        let place = TaskPlace::by_age(TaskId(17));
        assert_eq!(page_after(""), Ok(None));
        assert_eq!(page_after(&place.to_string()), Ok(Some(place)));
        assert!(page_after("seventeen").is_err());
    }
}
