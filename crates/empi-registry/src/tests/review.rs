//! What stewards do with review tasks: putting off, escalating, second opinions, assigning, many at once; each
//! an event that can be undone.

use RegistrationDecision::{Link, New, Review};
use empi_model::{EventKind, EventSequence, Guard, ReviewKind, TaskStage};

use super::*;
use crate::{ReviewStep, TaskFilter, TaskLine};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn steward(name: &str) -> Actor {
    Actor { kind: ActorKind::Steward, name: name.to_owned() }
}

/// A possible match of two sources, task 1, with a clock that can be moved.
fn asked() -> (Arc<SteppingClock>, Index) {
    let clock = Arc::new(SteppingClock::default());
    let index =
        Index::with(RegistryOptions { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..options() });
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", SAMUEL, Review);
    (clock, index)
}

fn step(index: &Index, task: u64, step: ReviewStep, name: &str) -> Result<TaskView, RegistryError> {
    let reason = Some(ReasonCode::NotEnoughEvidence);
    let request = ReviewRequest { reason, ..ReviewRequest::new(step, steward(name)) };
    index.registry().review(TaskId(task), request)
}

fn answer(
    index: &Index,
    outcome: ReviewOutcome,
    second_opinion: bool,
    name: &str,
) -> Result<TaskView, RegistryError> {
    step(index, 1, ReviewStep::Answer { outcome, second_opinion }, name)
}

fn line(index: &Index, task: u64) -> TaskLine {
    index.registry().task(TaskId(task)).unwrap().line
}

fn next(index: &Index, name: &str, stages: &[TaskStage]) -> Option<TaskId> {
    let filter = TaskFilter { stages: stages.to_vec(), ..TaskFilter::default() };
    let taken = index.registry().claim_next(&filter, &steward(name), 60_000).ok()?;
    let id = taken.0.line.task.id;
    index.registry().release_task(id, &steward(name)).unwrap();
    Some(id)
}

fn last_event(index: &Index) -> EventView {
    index.registry().event(EventSequence(index.registry().stats().events)).unwrap()
}

/// Undoes the last event and checks that everything is as it was.
fn undo_last(index: &Index, before: &[String]) {
    let event = last_event(index).event.sequence;
    index.steward(StewardOperation::UndoEvent { event });
    assert_eq!(index.standing(), before);
    index.check();
}

#[test]
fn a_task_that_is_put_off_waits_until_its_date() {
    let (clock, index) = asked();
    let before = index.standing();
    let until = Some(Timestamp(DAY_MS));
    let view = step(&index, 1, ReviewStep::Snooze { until }, "ana").unwrap();
    assert_eq!(view.line.stage, Some(TaskStage::Snoozed));
    assert_eq!(last_event(&index).event.kind, EventKind::TaskSnoozed);
    assert_eq!(last_event(&index).event.reason_code, Some(ReasonCode::NotEnoughEvidence));
    assert_eq!(next(&index, "ines", &[]), None);
    assert_eq!(next(&index, "ines", &[TaskStage::Snoozed]), Some(TaskId(1)));
    let events = index.registry().stats().events;
    step(&index, 1, ReviewStep::Snooze { until }, "ana").unwrap();
    assert_eq!(index.registry().stats().events, events, "the same again changes nothing");
    clock.0.store(DAY_MS, Ordering::Relaxed);
    assert_eq!(next(&index, "ines", &[]), Some(TaskId(1)));
    assert_eq!(line(&index, 1).stage, Some(TaskStage::Open));
    index.check();
    undo_last(&index, &before);
    let past = step(&index, 1, ReviewStep::Snooze { until: Some(Timestamp(5)) }, "ana");
    assert!(matches!(past, Err(RegistryError::Invalid(_))));
}

#[test]
fn new_data_wake_what_was_put_off_and_undoing_them_puts_it_off_again() {
    let (_, mut index) = asked();
    step(&index, 1, ReviewStep::AskSource { until: None }, "ana").unwrap();
    assert_eq!(line(&index, 1).stage, Some(TaskStage::SourceAsked));
    index.reopen();
    assert_eq!(next(&index, "ines", &[]), None, "it is durable");
    let before = index.standing();
    index.register("b/1", "Samuel|Okafor||1980-03-12|M||12 Elm St|02139|617-555-8124");
    assert_eq!(line(&index, 1).stage, Some(TaskStage::Open), "{}", index.state());
    index.steward(StewardOperation::UndoEvent { event: last_event(&index).event.sequence });
    assert_eq!(line(&index, 1).stage, Some(TaskStage::SourceAsked));
    let tasks = |standing: Vec<String>| -> Vec<String> {
        standing.into_iter().filter(|line| line.starts_with("TaskId")).collect()
    };
    assert_eq!(tasks(index.standing()), tasks(before));
    index.check();
}

#[test]
fn what_is_escalated_waits_for_a_lead_steward() {
    let (_, index) = asked();
    let before = index.standing();
    let no_reason = ReviewRequest::new(ReviewStep::Escalate, steward("ana"));
    let refused = index.registry().review(TaskId(1), no_reason);
    assert!(matches!(refused, Err(RegistryError::Invalid(_))), "a lead is told why");
    step(&index, 1, ReviewStep::Escalate, "ana").unwrap();
    assert_eq!(next(&index, "ines", &[]), None);
    assert_eq!(next(&index, "lea", &[TaskStage::Escalated]), Some(TaskId(1)));
    let refused = answer(&index, ReviewOutcome::Same, false, "ana").unwrap_err();
    assert!(refused.to_string().contains("lead steward"), "{refused}");
    undo_last(&index, &before);
    step(&index, 1, ReviewStep::Escalate, "ana").unwrap();
    let decided = index.resolve(TaskId(1), ReviewOutcome::Same);
    assert_eq!(decided.incoming.enterprise_id, decided.candidate.enterprise_id);
    index.check();
}

#[test]
fn a_second_opinion_is_given_without_knowing_the_first() {
    for (second, closes) in [(ReviewOutcome::Different, true), (ReviewOutcome::Same, false)] {
        let (_, index) = asked();
        let before = index.standing();
        let given = answer(&index, ReviewOutcome::Different, true, "ana").unwrap();
        assert_eq!(given.line.stage, Some(TaskStage::SecondOpinion));
        let waiting = given.line.task.state.waiting().unwrap().clone();
        assert!(waiting.opinions.is_empty(), "the first answer is not told");
        let told = last_event(&index).event;
        assert_eq!(
            (told.kind, told.note.as_str(), told.reason_code),
            (EventKind::OpinionGiven, "", None)
        );
        assert_eq!(next(&index, "ana", &[]), None, "nobody is asked twice");
        assert_eq!(next(&index, "ines", &[]), Some(TaskId(1)));
        let again = answer(&index, ReviewOutcome::Same, false, "ana").unwrap_err();
        assert!(again.to_string().contains("already"), "{again}");
        undo_last(&index, &before);
        answer(&index, ReviewOutcome::Different, true, "ana").unwrap();
        let first = index.standing();
        let view = answer(&index, second, false, "ines").unwrap();
        let stats = index.registry().queue_stats();
        if closes {
            let decision = view.line.task.state.decision().unwrap();
            assert_eq!((decision.outcome, decision.opinions.len()), (second, 2));
            assert_eq!(stats.agreement.both_different, 1);
        } else {
            assert_eq!(view.line.stage, Some(TaskStage::Escalated), "they do not agree");
            assert_eq!(view.line.task.state.waiting().unwrap().opinions.len(), 2);
            assert_eq!(stats.agreement.different_same, 1);
        }
        index.check();
        undo_last(&index, &first);
    }
}

#[test]
fn a_task_is_given_to_somebody_and_taken_by_nobody_else() {
    let (_, index) = asked();
    let before = index.standing();
    let to = |name: Option<&str>| ReviewStep::Assign { steward: name.map(str::to_owned) };
    step(&index, 1, to(Some("ines")), "lea").unwrap();
    assert_eq!(next(&index, "ana", &[]), None);
    assert_eq!(next(&index, "ines", &[]), Some(TaskId(1)));
    let of = |name: &str| {
        let filter = TaskFilter { assignee: Some(name.to_owned()), ..TaskFilter::default() };
        let query = TaskQuery { filter, ..TaskQuery::open(10) };
        index.registry().tasks(&query).unwrap().tasks.len()
    };
    assert_eq!((of("ines"), of("ana")), (1, 0));
    undo_last(&index, &before);
    step(&index, 1, to(Some("ines")), "lea").unwrap();
    step(&index, 1, to(None), "lea").unwrap();
    assert_eq!(next(&index, "ana", &[]), Some(TaskId(1)));
    index.check();
}

#[test]
fn tasks_of_one_pattern_are_answered_at_once_each_by_its_own_event() {
    let index = Index::new();
    for at in 0..4 {
        let person = |given: &str| {
            format!("{given}|Okafor{at}||1980-03-1{at}|M||1{at} Elm St|02139|617-555-812{at}")
        };
        index.expect(&format!("a/{at}"), &person("Robert"), New);
        index.expect(&format!("b/{at}"), &person("Samuel"), Review);
    }
    let query = TaskQuery::open(10);
    let lines = index.registry().tasks(&query).unwrap().tasks;
    let pattern = lines[0].pattern.clone();
    assert!(pattern.is_some());
    let filter = TaskFilter { pattern, ..TaskFilter::default() };
    let same = index.registry().tasks(&TaskQuery { filter, ..query }).unwrap().tasks;
    assert_eq!(same.len(), 4, "{}", index.state());
    let mut ids: Vec<TaskId> = same.iter().map(|line| line.task.id).collect();
    ids.push(TaskId(99));
    let events = index.registry().stats().events;
    let request = ReviewRequest {
        reason: Some(ReasonCode::ChartReview),
        ..ReviewRequest::answer(ReviewOutcome::Different, steward("ana"))
    };
    let answers = index.registry().review_all(&ids, &request).unwrap().answers;
    let refused: Vec<u64> =
        answers.iter().filter(|(_, answer)| answer.is_err()).map(|(id, _)| id.0).collect();
    assert_eq!(refused, [99], "what one is refused for does not hinder the others");
    assert_eq!(index.registry().stats().events, events + 4);
    assert_eq!(index.open_tasks(), []);
    let too_many = vec![TaskId(1); crate::TASKS_AT_ONCE_MAX + 1];
    assert!(matches!(
        index.registry().review_all(&too_many, &request),
        Err(RegistryError::Invalid(_))
    ));
    index.check();
}

#[test]
fn a_different_answer_waits_again_when_the_data_say_otherwise_and_stands_meanwhile() {
    let index = Index::new();
    let robert = index.expect("a/1", HOUSED_ROBERT, New);
    index.expect("b/1", NUMBERED_ROBERT, Review);
    index.resolve(TaskId(1), ReviewOutcome::Different);
    index.check();
    // Less than was decided on, or the same again, asks nobody.
    index.register("b/1", "Robert|Okafor||1980-03-12|M|457-12-9983||60601|");
    assert_eq!(index.open_tasks(), [], "{}", index.state());
    // Address and telephone of the other: more than was known.
    index.register("b/1", ROBERT);
    assert_eq!(index.open_tasks(), [TaskId(1)], "{}", index.state());
    assert_ne!(index.enterprise_id("b/1"), robert.enterprise_id, "what was decided stands");
    let task = line(&index, 1).task;
    assert_eq!(task.again().unwrap().earlier.outcome, ReviewOutcome::Different);
    assert!(task.why().contains("decided different before"), "{}", task.why());
    index.check();
    let waiting = index.standing();
    index.resolve(TaskId(1), ReviewOutcome::Different);
    index.check();
    index.undo_event_of_last();
    assert_eq!(index.standing(), waiting);
    index.resolve(TaskId(1), ReviewOutcome::Same);
    assert_eq!(index.enterprise_id("b/1"), robert.enterprise_id);
    index.check();
    index.undo_event_of_last();
    assert_eq!(index.standing(), waiting, "kept apart again, and asked again");
    index.check();
}

#[test]
fn undoing_the_update_that_asked_again_closes_the_question_as_it_was() {
    let index = Index::new();
    index.expect("a/1", HOUSED_ROBERT, New);
    index.expect("b/1", NUMBERED_ROBERT, Review);
    index.resolve(TaskId(1), ReviewOutcome::Different);
    let tasks = |index: &Index| -> Vec<String> {
        index.standing().into_iter().filter(|line| line.starts_with("TaskId")).collect()
    };
    let before = tasks(&index);
    index.register("b/1", ROBERT);
    assert_eq!(index.open_tasks(), [TaskId(1)]);
    index.undo_event_of_last();
    assert_eq!(tasks(&index), before);
    index.check();
}

#[test]
fn figures_tell_what_came_and_went() {
    let (clock, index) = asked();
    clock.0.store(2 * DAY_MS, Ordering::Relaxed);
    index.registry().claim_task(TaskId(1), &steward("dana"), 60_000).unwrap();
    clock.0.fetch_add(30_000, Ordering::Relaxed);
    index.resolve(TaskId(1), ReviewOutcome::Different);
    let stats = index.registry().queue_stats();
    let kind = stats.kinds.iter().find(|it| it.kind == ReviewKind::PossibleMatch).unwrap();
    assert_eq!((kind.open, kind.raised, kind.raised_today), (0, 1, 0));
    assert_eq!((kind.different, kind.same, kind.moot, kind.closed_today), (1, 0, 0, 1));
    let took = kind.decision.unwrap().p50_ms;
    assert!((30_000..31_000).contains(&took), "{took}");
    assert!(kind.waited.unwrap().p50_ms >= 2 * 24 * 60 * 60 * 1000);
    assert_eq!((stats.age, stats.oldest), (None, None));
    index.expect("c/1", ROBERT, Link);
    assert!(line(&index, 1).task.guards.contains(&Guard::PossibleTwins));
}
