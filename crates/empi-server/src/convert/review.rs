//! Review tasks and their answers.

use empi_model::{
    Actor, ActorKind, MatchWeight, ReviewKind, ReviewOutcome, ReviewState, ReviewTask, TaskId,
};
use empi_proto::v1;
use empi_registry::{Claim, QueueStats, Resolution, TaskQuery, TaskView};

use super::answer::{record_view, timestamp};
use super::explanation::{explanation, guard};
use super::{InvalidRequest, actor, bounded, source_record_to_proto};

pub(super) const NOTE_BYTES_MAX: usize = 2000;

/// How long a steward has a task who does not say.
const LEASE_SECONDS_DEFAULT: u32 = 15 * 60;

/// The task after which a page begins; `None` for the first page.
fn page_after(token: &str) -> Result<Option<TaskId>, InvalidRequest> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(|number| Some(TaskId(number))).map_err(|_| {
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
    let kinds = request.kinds().map(|kind| {
        kind_of(kind)
            .ok_or_else(|| InvalidRequest::new("`kinds` names none: leave it empty for any"))
    });
    let kinds = kinds.collect::<Result<Vec<ReviewKind>, _>>()?;
    let bits = |bits: Option<f64>, otherwise: MatchWeight| match bits {
        Some(bits) if bits.is_nan() => {
            Err(InvalidRequest::new("a weight is not a number: leave it out, or say how many bits"))
        }
        bits => Ok(bits.map_or(otherwise, MatchWeight::from_bits)),
    };
    let page = TaskQuery::page(!request.include_resolved, page_after(&request.page_token)?, limit);
    let (least, most) = page.weights;
    let weights = (bits(request.match_weight_min, least)?, bits(request.match_weight_max, most)?);
    let source = (!request.source.is_empty()).then_some(request.source);
    Ok(TaskQuery { kinds, source, weights, ..page })
}

fn kind_of(kind: v1::ReviewKind) -> Option<ReviewKind> {
    match kind {
        v1::ReviewKind::Unspecified => None,
        v1::ReviewKind::PossibleMatch => Some(ReviewKind::PossibleMatch),
        v1::ReviewKind::PotentialDuplicate => Some(ReviewKind::PotentialDuplicate),
        v1::ReviewKind::HeldUpdate => Some(ReviewKind::HeldUpdate),
        v1::ReviewKind::CappedBlock => Some(ReviewKind::CappedBlock),
    }
}

pub(crate) fn task_id(number: u64) -> Result<TaskId, InvalidRequest> {
    if number == 0 {
        return Err(InvalidRequest::new("`task_id` is missing: say which task"));
    }
    Ok(TaskId(number))
}

/// The answer of a steward. Nobody else may give one.
pub(crate) fn steward_resolution(
    request: v1::ResolveTaskRequest,
) -> Result<(TaskId, Resolution), InvalidRequest> {
    let outcome = match request.outcome() {
        v1::ReviewOutcome::Same => ReviewOutcome::Same,
        v1::ReviewOutcome::Different => ReviewOutcome::Different,
        v1::ReviewOutcome::Moot | v1::ReviewOutcome::Unspecified => {
            return Err(InvalidRequest::new("`outcome` must be SAME or DIFFERENT"));
        }
    };
    let id = task_id(request.task_id)?;
    let actor = actor(request.actor)?;
    if actor.kind != ActorKind::Steward {
        return Err(InvalidRequest::new(
            "`actor.kind` must be STEWARD: only a person resolves a review task",
        ));
    }
    bounded("note", &request.note, NOTE_BYTES_MAX)?;
    Ok((id, Resolution { outcome, actor, note: request.note }))
}

/// What a steward takes: a task or the next in line, and for how long in milliseconds.
pub(crate) fn claim(
    request: v1::ClaimTaskRequest,
) -> Result<(Option<TaskId>, Actor, u64), InvalidRequest> {
    let v1::ClaimTaskRequest { task_id, actor: sent, lease_seconds } = request;
    let actor = actor(sent)?;
    if actor.kind != ActorKind::Steward {
        return Err(InvalidRequest::new(
            "`actor.kind` must be STEWARD: only a person takes a task",
        ));
    }
    let lease_seconds = if lease_seconds == 0 { LEASE_SECONDS_DEFAULT } else { lease_seconds };
    let id = (task_id > 0).then_some(TaskId(task_id));
    Ok((id, actor, u64::from(lease_seconds) * 1000))
}

pub(crate) fn claimed((view, claim): (TaskView, Claim)) -> v1::ClaimTaskResponse {
    v1::ClaimTaskResponse { view: Some(task_view(view)), until: Some(timestamp(claim.until)) }
}

pub(crate) fn queue_stats(stats: QueueStats) -> v1::QueueStatsResponse {
    let QueueStats { open, claimed, oldest } = stats;
    let count = |(named, count)| v1::KindCount { kind: kind(named).into(), count };
    v1::QueueStatsResponse {
        open: open.into_iter().map(count).collect(),
        claimed,
        oldest_task_id: oldest.map(|task| task.0),
    }
}

fn kind(kind: ReviewKind) -> v1::ReviewKind {
    match kind {
        ReviewKind::PossibleMatch => v1::ReviewKind::PossibleMatch,
        ReviewKind::PotentialDuplicate => v1::ReviewKind::PotentialDuplicate,
        ReviewKind::HeldUpdate => v1::ReviewKind::HeldUpdate,
        ReviewKind::CappedBlock => v1::ReviewKind::CappedBlock,
    }
}

pub(crate) fn task_view(view: TaskView) -> v1::TaskView {
    let TaskView { task, incoming, candidate, proposed, explanation: score } = view;
    v1::TaskView {
        task: Some(review_task(task)),
        incoming: Some(record_view(incoming)),
        candidate: Some(record_view(candidate)),
        proposed: proposed.map(source_record_to_proto),
        explanation: Some(explanation(score)),
    }
}

pub(crate) fn review_task(task: ReviewTask) -> v1::ReviewTask {
    v1::ReviewTask {
        task_id: task.id.0,
        kind: kind(task.kind).into(),
        match_weight: task.weight.bits(),
        guards: task.guards.into_iter().map(|named| guard(named).into()).collect(),
        model: task.model,
        created: Some(timestamp(task.created)),
        resolution: resolution(task.state),
    }
}

fn resolution(state: ReviewState) -> Option<v1::Resolution> {
    let ReviewState::Resolved { outcome, actor, time, note, event } = state else { return None };
    Some(v1::Resolution {
        outcome: match outcome {
            ReviewOutcome::Same => v1::ReviewOutcome::Same,
            ReviewOutcome::Different => v1::ReviewOutcome::Different,
            ReviewOutcome::Moot => v1::ReviewOutcome::Moot,
        }
        .into(),
        actor: Some(actor_to_proto(actor)),
        time: Some(timestamp(time)),
        note,
        event: event.map(|event| event.0),
    })
}

pub(super) fn actor_to_proto(actor: Actor) -> v1::Actor {
    let kind = match actor.kind {
        ActorKind::System => v1::ActorKind::System,
        ActorKind::Steward => v1::ActorKind::Steward,
    };
    v1::Actor { kind: kind.into(), name: actor.name }
}

#[cfg(test)]
mod tests {
    use empi_model::{EventSequence, Guard, MatchWeight, RecordIndex, Timestamp};

    use super::*;

    #[test]
    fn only_a_steward_answers_and_only_same_or_different() {
        let request = |outcome: i32, kind: v1::ActorKind| v1::ResolveTaskRequest {
            task_id: 4,
            outcome,
            actor: Some(v1::Actor { kind: kind.into(), name: "ines".to_owned() }),
            note: "passport seen".to_owned(),
        };
        let (id, resolution) = steward_resolution(request(2, v1::ActorKind::Steward)).unwrap();
        assert_eq!((id, resolution.outcome), (TaskId(4), ReviewOutcome::Different));
        assert_eq!(resolution.note, "passport seen");
        for (bad, named) in [
            (request(0, v1::ActorKind::Steward), "`outcome`"),
            (request(3, v1::ActorKind::Steward), "`outcome`"),
            (request(1, v1::ActorKind::System), "`actor.kind`"),
            (
                v1::ResolveTaskRequest { task_id: 0, ..request(1, v1::ActorKind::Steward) },
                "task_id",
            ),
            (
                v1::ResolveTaskRequest {
                    note: "x".repeat(2001),
                    ..request(1, v1::ActorKind::Steward)
                },
                "`note`",
            ),
        ] {
            let sentence = steward_resolution(bad).map(|_| ()).unwrap_err().to_string();
            assert!(sentence.contains(named), "{sentence}");
        }
    }

    #[test]
    fn a_claim_names_a_task_or_takes_the_next_in_line() {
        let sent = |kind: v1::ActorKind, task_id, lease_seconds| v1::ClaimTaskRequest {
            task_id,
            actor: Some(v1::Actor { kind: kind.into(), name: "ines".to_owned() }),
            lease_seconds,
        };
        let (id, actor, lease_ms) = claim(sent(v1::ActorKind::Steward, 0, 0)).unwrap();
        assert_eq!((id, actor.name.as_str(), lease_ms), (None, "ines", 900_000));
        let (id, _, lease_ms) = claim(sent(v1::ActorKind::Steward, 7, 60)).unwrap();
        assert_eq!((id, lease_ms), (Some(TaskId(7)), 60_000));
        assert!(claim(sent(v1::ActorKind::System, 7, 60)).is_err());
    }

    #[test]
    fn a_task_is_open_until_it_is_resolved() {
        let task = ReviewTask {
            id: TaskId(4),
            kind: ReviewKind::HeldUpdate,
            incoming: RecordIndex(1),
            candidate: RecordIndex(0),
            weight: MatchWeight::from_bits(3.0),
            guards: vec![Guard::NewbornName],
            model: "us-default".to_owned(),
            basis: None,
            created: Timestamp(1_000),
            state: ReviewState::Open,
            event: EventSequence(6),
        };
        assert_eq!(review_task(task.clone()).resolution, None);
        let state = ReviewState::Resolved {
            outcome: ReviewOutcome::Same,
            actor: Actor { kind: ActorKind::Steward, name: "ines".to_owned() },
            time: Timestamp(2_000),
            note: String::new(),
            event: Some(EventSequence(7)),
        };
        let wire = review_task(ReviewTask { state, ..task });
        let resolution = wire.resolution.unwrap();
        assert_eq!(resolution.outcome(), v1::ReviewOutcome::Same);
        assert_eq!(resolution.event, Some(7));
    }

    #[test]
    fn page_tokens_are_those_we_gave() {
        assert_eq!(page_after(""), Ok(None));
        assert_eq!(page_after("17"), Ok(Some(TaskId(17))));
        assert!(page_after("seventeen").is_err());
    }
}
