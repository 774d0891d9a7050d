//! Review tasks as they go over the wire.

use empi_model::{
    Actor, ActorKind, Decision, Opinion, Remark, ReviewTask, SharedValue, Snooze, TaskStage,
};
use empi_proto::v1;
use empi_registry::{
    Agreement, Claim, KindStats, ManyAnswers, Percentiles, QueueStats, TaskLine, TaskView,
};

use super::answer::{record_view, timestamp};
use super::explanation::{explanation, guard};
use super::source::record_key;
use super::source_record_to_proto;

pub(crate) fn claimed((view, claim): (TaskView, Claim)) -> v1::ClaimTaskResponse {
    v1::ClaimTaskResponse { view: Some(task_view(view)), until: Some(timestamp(claim.until)) }
}

pub(crate) fn task_view(view: TaskView) -> v1::TaskView {
    let TaskView { line, incoming, candidate, proposed, explanation: score } = view;
    v1::TaskView {
        task: Some(review_task(line)),
        incoming: Some(record_view(incoming)),
        candidate: Some(record_view(candidate)),
        proposed: proposed.map(source_record_to_proto),
        explanation: Some(explanation(score)),
    }
}

pub(crate) fn review_task(line: TaskLine) -> v1::ReviewTask {
    let TaskLine { task, stage, why, place, records, persons, pattern, claim } = line;
    let [incoming, candidate] = records;
    let [incoming_person, candidate_person] = persons;
    let weight = task.asked_weight();
    let guards = task.asked_guards().iter().map(|named| guard(*named).into()).collect();
    let ReviewTask { id, kind, model, created, shared, state, .. } = task;
    let decided = state.decision().cloned();
    let opinions = decided.iter().flat_map(|decision| decision.opinions.clone());
    let waiting = state.waiting().cloned().unwrap_or_default();
    let is_put_off = matches!(stage, Some(TaskStage::Snoozed | TaskStage::SourceAsked));
    v1::ReviewTask {
        task_id: id.0,
        // The numbers of kinds, stages, fields and outcomes are promises, and the same; tests compare them.
        kind: kind as i32,
        match_weight: weight.bits(),
        guards,
        model,
        created: Some(timestamp(created)),
        resolution: decided.clone().map(resolution),
        stage: stage.map_or(0, |stage| stage as i32),
        why,
        place_reason: place.reason().to_owned(),
        incoming: Some(record_key(incoming)),
        candidate: Some(record_key(candidate)),
        incoming_enterprise_id: incoming_person.to_string(),
        candidate_enterprise_id: candidate_person.to_string(),
        pattern: pattern.map(|pattern| pattern.to_string()).unwrap_or_default(),
        assignee: waiting.assignee.unwrap_or_default(),
        claim: claim.map(|Claim { steward, until, .. }| v1::TaskClaim {
            steward,
            until: Some(timestamp(until)),
        }),
        snooze: waiting.snooze.filter(|_| is_put_off).map(snooze),
        escalation: waiting.escalated.map(remark),
        opinions: opinions.chain(waiting.opinions).map(opinion).collect(),
        earlier: waiting.again.map(|again| resolution(again.earlier)),
        shared: shared.map(|SharedValue { field, people, .. }| v1::SharedValue {
            field: field as i32,
            people,
        }),
    }
}

fn snooze(snooze: Snooze) -> v1::Snooze {
    let Snooze { until, source_asked, remark: said } = snooze;
    v1::Snooze { until: until.map(timestamp), source_asked, remark: Some(remark(said)) }
}

fn remark(remark: Remark) -> v1::Remark {
    let Remark { actor, time, reason, note } = remark;
    v1::Remark {
        actor: Some(actor_to_proto(actor)),
        time: Some(timestamp(time)),
        reason_code: reason.map_or(0, |reason| reason as i32),
        note,
    }
}

fn opinion(opinion: Opinion) -> v1::Opinion {
    v1::Opinion { outcome: opinion.outcome as i32, remark: Some(remark(opinion.remark)) }
}

fn resolution(decision: Decision) -> v1::Resolution {
    let Decision { outcome, actor, time, reason, note, event, took_ms, .. } = decision;
    v1::Resolution {
        outcome: outcome as i32,
        actor: Some(actor_to_proto(actor)),
        time: Some(timestamp(time)),
        note,
        event: event.map(|event| event.0),
        reason_code: reason.map_or(0, |reason| reason as i32),
        took_ms,
    }
}

pub(super) fn actor_to_proto(actor: Actor) -> v1::Actor {
    let kind = match actor.kind {
        ActorKind::System => v1::ActorKind::System,
        ActorKind::Steward => v1::ActorKind::Steward,
    };
    v1::Actor { kind: kind.into(), name: actor.name }
}

/// What came of the answers to many tasks.
pub(crate) fn task_answers(answered: ManyAnswers) -> v1::ResolveTasksResponse {
    let answers = answered.answers.into_iter().map(|(task, answer)| v1::TaskAnswer {
        task_id: task.0,
        refused: answer.err().map(|refused| refused.to_string()).unwrap_or_default(),
    });
    let proposal = answered.proposal.unwrap_or_default();
    v1::ResolveTasksResponse { answers: answers.collect(), proposal }
}

pub(crate) fn queue_stats(stats: QueueStats) -> v1::QueueStatsResponse {
    let QueueStats { kinds, stages, claimed, oldest, age, agreement } = stats;
    let count = |it: &KindStats| v1::KindCount { kind: it.kind as i32, count: it.open };
    let stage = |(stage, count): (TaskStage, u64)| v1::StageCount { stage: stage as i32, count };
    v1::QueueStatsResponse {
        open: kinds.iter().map(count).collect(),
        claimed,
        oldest_task_id: oldest.map(|task| task.0),
        kinds: kinds.iter().map(kind_stats).collect(),
        stages: stages.into_iter().map(stage).collect(),
        age: age.map(percentiles),
        agreement: Some(agreed(agreement)),
    }
}

fn kind_stats(stats: &KindStats) -> v1::KindStats {
    v1::KindStats {
        kind: stats.kind as i32,
        open: stats.open,
        raised: stats.raised,
        raised_today: stats.raised_today,
        same: stats.same,
        different: stats.different,
        moot: stats.moot,
        rejected: stats.rejected,
        closed_today: stats.closed_today,
        age: stats.age.map(percentiles),
        waited: stats.waited.map(percentiles),
        decision: stats.decision.map(percentiles),
    }
}

fn percentiles(percentiles: Percentiles) -> v1::Percentiles {
    let Percentiles { p50_ms, p90_ms, max_ms } = percentiles;
    v1::Percentiles { p50_ms, p90_ms, max_ms }
}

fn agreed(agreement: Agreement) -> v1::Agreement {
    let Agreement { both_same, both_different, same_different, different_same } = agreement;
    let kappa = agreement.kappa();
    v1::Agreement { both_same, both_different, same_different, different_same, kappa }
}

#[cfg(test)]
mod tests {
    use empi_model::{
        EnterpriseId, EventSequence, Guard, MatchWeight, RecordIndex, RecordKey, ReviewKind,
        ReviewOutcome, ReviewState, SharedField, TaskId, Thresholds, Timestamp, Waiting,
    };

    use super::*;

    fn line(state: ReviewState) -> TaskLine {
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
            shared: None,
            state,
            event: EventSequence(6),
        };
        let thresholds =
            Thresholds { link: MatchWeight::from_bits(7.0), review: MatchWeight::from_bits(0.0) };
        TaskLine {
            stage: task.state.waiting().map(|waiting| waiting.stage(Timestamp(5_000))),
            why: task.why(),
            place: task.place(thresholds),
            records: ["1", "2"].map(|id| RecordKey::new("clinic", id)),
            persons: [EnterpriseId::mint(1), EnterpriseId::mint(2)],
            pattern: None,
            claim: None,
            task,
        }
    }

    fn steward() -> Actor {
        Actor { kind: ActorKind::Steward, name: "ines".to_owned() }
    }

    #[test]
    fn a_task_is_open_until_it_is_resolved() {
        let open = review_task(line(ReviewState::OPEN));
        assert_eq!((open.resolution, open.stage), (None, v1::TaskStage::Open.into()));
        let decision = Decision {
            outcome: ReviewOutcome::Same,
            actor: steward(),
            time: Timestamp(2_000),
            reason: None,
            note: String::new(),
            event: Some(EventSequence(7)),
            opinions: Vec::new(),
            seen: None,
            took_ms: Some(900),
            refused: None,
        };
        let wire = review_task(line(ReviewState::Resolved(decision)));
        let resolution = wire.resolution.unwrap();
        assert_eq!(resolution.outcome(), v1::ReviewOutcome::Same);
        assert_eq!((resolution.event, resolution.took_ms), (Some(7), Some(900)));
        assert_eq!(wire.stage, 0);
    }

    #[test]
    fn a_task_says_how_it_waits() {
        let remark =
            Remark { actor: steward(), time: Timestamp(1), reason: None, note: "n".to_owned() };
        let snooze = |until: i64| {
            let until = Some(Timestamp(until));
            Some(Snooze { until, source_asked: true, remark: remark.clone() })
        };
        let waiting = |snooze| {
            let assignee = Some("ana".to_owned());
            ReviewState::Open(Waiting { snooze, assignee, ..Waiting::default() })
        };
        let asleep = review_task(line(waiting(snooze(6_000))));
        assert_eq!((asleep.stage(), asleep.assignee.as_str()), (v1::TaskStage::SourceAsked, "ana"));
        assert!(asleep.snooze.unwrap().source_asked);
        let awake = review_task(line(waiting(snooze(5_000))));
        assert_eq!(awake.stage(), v1::TaskStage::Open);
        assert!(awake.snooze.is_none());
        for field in SharedField::ALL {
            let name = format!("SHARED_FIELD_{field:?}").to_uppercase();
            assert_eq!(v1::SharedField::try_from(field as i32).unwrap().as_str_name(), name);
        }
    }
}
