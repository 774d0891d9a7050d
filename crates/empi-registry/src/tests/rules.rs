//! The identity rules, each by its name.

use RegistrationDecision::{Link, New, Review, Unchanged};
use empi_model::{EventKind, Guard, ReviewOutcome, TaskId};
use expect_test::expect;

use super::*;

#[test]
fn rule_1_every_record_has_one_person() {
    let index = Index::new();
    let first = index.expect("a/1", ROBERT, New);
    let second = index.expect("b/1", BOB, Link);
    assert_eq!(first.enterprise_id, second.enterprise_id);
    assert!(second.weight.unwrap() > index.registry().core.in_force().rules.thresholds.link);
    let other = index.expect("b/2", ALICE, New);
    assert_ne!(other.enterprise_id, first.enterprise_id);
    expect![[r#"
        a/1 P1 automatic v1
        b/1 P1 automatic v1
        b/2 P2 automatic v1
    "#]]
    .assert_eq(&index.state());
    index.check();
    let (long_source, long_id) =
        (format!("{}/1", "x".repeat(201)), format!("a/{}", "x".repeat(1001)));
    for key in ["/1", "a/", &long_source, &long_id] {
        let refused = index.try_register(record(key, ROBERT), None);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    }
}

#[test]
fn rule_2_an_enterprise_id_always_resolves() {
    let index = Index::new();
    let robert = index.expect("a/1", ROBERT, New);
    let twin = index.expect("a/2", SAMUEL, Review);
    index.resolve(twin.tasks[0], ReviewOutcome::Same);
    for asked in [robert.enterprise_id, twin.enterprise_id] {
        let view = index.registry().person(asked).unwrap();
        assert_eq!(view.asked, asked);
        assert_eq!(view.person.enterprise_id, robert.enterprise_id);
        assert_eq!(view.records.len(), 2);
    }
    let never = EnterpriseId::mint(999);
    assert!(matches!(index.registry().person(never), Err(RegistryError::NotFound(_))));
    index.check();
}

#[test]
fn rule_3_the_older_enterprise_id_survives() {
    let index = Index::new();
    let older = index.expect("a/1", SAMUEL, New);
    let younger = index.expect("a/2", ROBERT, Review);
    // Two records in the younger person, one in the older: age decides, not size.
    index.expect("b/2", BOB, Link);
    index.resolve(younger.tasks[0], ReviewOutcome::Same);
    expect![[r#"
        a/1 P1 manual v1
        a/2 P1 manual v1
        b/2 P1 automatic v1
        P2 -> P1
        task 1 same_source_duplicate a/2 a/1 [possible_twins] same
    "#]]
    .assert_eq(&index.state());
    assert_eq!(index.enterprise_id("b/2"), older.enterprise_id);
    index.check();
}

#[test]
fn rule_4_what_a_steward_kept_apart_stays_apart() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let twin = index.expect("a/2", SAMUEL, Review);
    index.resolve(twin.tasks[0], ReviewOutcome::Different);
    // The same again, and under further keys: the question is not asked again.
    index.expect("a/2", SAMUEL, Unchanged);
    index.expect("b/2", SAMUEL, Link);
    index.expect("b/1", BOB, Link);
    // Robert's own record turns into Samuel's: it may not join Samuel, nor is it asked.
    let update = index.register("a/2", &SAMUEL.replace("617-555-8123", "617-555-9999"));
    assert_eq!(update.decision, Link);
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P2 automatic v2
        b/2 P2 automatic v1
        b/1 P1 automatic v1
        task 1 same_source_duplicate a/2 a/1 [possible_twins] different
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn rule_4_no_third_record_joins_two_that_are_kept_apart() {
    let index = Index::new();
    index.expect("a/1", NUMBERED_ROBERT, New);
    let housed = index.expect("a/2", HOUSED_ROBERT, Review);
    index.resolve(housed.tasks[0], ReviewOutcome::Different);
    // Somebody who answers to both is linked to neither: a steward must say whose record it is.
    let both = index.expect("a/3", ROBERT, Review);
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P2 automatic v1
        a/3 P3 automatic v1
        task 1 same_source_duplicate a/2 a/1 [evidence_floor] different
        task 2 same_source_duplicate a/3 a/1 [kept_apart] open
        task 3 same_source_duplicate a/3 a/2 [kept_apart] open
    "#]]
    .assert_eq(&index.state());
    // Once it is said, the other question is settled.
    index.resolve(both.tasks[0], ReviewOutcome::Same);
    assert_eq!(index.open_tasks(), []);
    assert_eq!(index.enterprise_id("a/3"), index.enterprise_id("a/1"));
    index.check();
}

#[test]
fn rule_4_joining_persons_that_are_kept_apart_is_refused() {
    let index = Index::new();
    let robert = index.expect("a/1", ROBERT, New);
    let samuel = index.expect("a/2", SAMUEL, Review);
    let (first, apart) = (robert.enterprise_id, samuel.tasks[0]);
    // A third person with questions about both.
    let sparse = index.expect("a/3", SPARSE_ROBERT, Review);
    let samuels: Vec<TaskId> = sparse
        .tasks
        .iter()
        .copied()
        .filter(|task| index.registry().task(*task).unwrap().candidate.enterprise_id != first)
        .collect();
    index.resolve(apart, ReviewOutcome::Different);
    let roberts = sparse.tasks.iter().find(|task| !samuels.contains(task)).unwrap();
    index.resolve(*roberts, ReviewOutcome::Same);
    // Now the third is Robert, and Robert is kept apart from Samuel: the question is settled.
    for task in samuels {
        let refused = index.try_resolve(task, ReviewOutcome::Same);
        assert!(matches!(refused, Err(RegistryError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(index.open_tasks(), []);
    index.check();
}

#[test]
fn rule_5_events_are_gap_free_and_tell_old_and_new() {
    let index = Index::new();
    let robert = index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    let twin = index.expect("a/2", SAMUEL, Review);
    index.expect("a/1", ROBERT, Unchanged);
    index.resolve(twin.tasks[0], ReviewOutcome::Same);
    let snapshot = index.registry().core.store.snapshot();
    let events: Vec<_> = (1..=4)
        .map(|sequence| snapshot.event(empi_model::EventSequence(sequence)).unwrap().unwrap())
        .collect();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::RegisteredNew,
            EventKind::RegisteredLinked,
            EventKind::RegisteredNew,
            EventKind::MergedByReview
        ]
    );
    assert_eq!(snapshot.counters().unwrap().events, 4);
    assert_eq!(events[3].old_enterprise_id, Some(twin.enterprise_id));
    assert_eq!(events[3].new_enterprise_id, robert.enterprise_id);
    assert_eq!(events[3].actor.name, "dana");
    assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time));
    drop(snapshot);
    index.check();
}

#[test]
fn rule_6_same_request_same_answer() {
    let mut index = Index::new();
    let request = |key: &str, line: &str, id: &str, index: &Index| {
        index.try_register(record(key, line), Some(id))
    };
    let first = request("a/1", ROBERT, "r-1", &index).unwrap();
    let review = request("a/2", SAMUEL, "r-2", &index).unwrap();
    assert_eq!((first.decision, review.decision), (New, Review));
    // Also after the record has changed, and after a restart.
    request("a/1", &ROBERT.replace("12 Elm", "99 Elm"), "r-3", &index).unwrap();
    for _ in 0..2 {
        assert_eq!(request("a/1", ROBERT, "r-1", &index).unwrap(), first);
        assert_eq!(request("a/2", SAMUEL, "r-2", &index).unwrap(), review);
        let reused = request("a/1", ALICE, "r-1", &index);
        assert!(matches!(reused, Err(RegistryError::Conflict(_))), "{reused:?}");
        index.reopen();
    }
    // Without an ID, the content is what is recognised.
    let stats = index.registry().stats();
    let again = index.expect("a/2", SAMUEL, Unchanged);
    assert_eq!((again.enterprise_id, again.tasks), (review.enterprise_id, review.tasks));
    assert_eq!(index.registry().stats(), stats);
    for bad in ["", &"x".repeat(201)] {
        let refused = request("a/9", ALICE, bad, &index);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))));
    }
    index.check();
}

#[test]
fn rule_7_a_capped_block_becomes_one_task() {
    let mut options = options();
    options.model = model_with_limits(3, 2000, 200).with_record_count(500_000);
    let index = Index::with(options);
    // One telephone for all, everything else different.
    let line = |at: usize| {
        format!("{}|Family{at}||1980-{:02}-{:02}|M||||617-555-8123", name(at), at + 1, at + 20)
    };
    let answers: Vec<_> = (0..8).map(|at| index.register(&format!("a/{at}"), &line(at))).collect();
    let asked: Vec<_> = answers.iter().map(|answer| answer.tasks.len()).collect();
    assert_eq!(asked, [0, 0, 0, 0, 1, 0, 0, 0], "{}", index.state());
    assert!(answers.iter().all(|answer| answer.decision == New));
    let view = index.registry().task(answers[4].tasks[0]).unwrap();
    assert_eq!(view.line.task.guards, [Guard::CappedBlock]);
    assert_eq!(view.explanation.rows, []);
    let events = index.registry().core.store.snapshot();
    let event = events.event(answers[7].event.unwrap()).unwrap().unwrap();
    assert!(event.reason.contains("1 blocks over block_records_max"), "{}", event.reason);
    drop(events);
    index.resolve(view.line.task.id, ReviewOutcome::Different);
    assert_eq!(index.open_tasks(), []);
    index.check();
}

#[test]
fn rule_7_candidates_left_out_become_a_task() {
    let mut options = options();
    options.model = model_with_limits(500, 2, 200).with_record_count(500_000);
    let index = Index::with(options);
    let line = |at: usize| {
        format!("{}|Family{at}||1980-{:02}-{:02}|M||||617-555-8123", name(at), at + 1, at + 20)
    };
    let answers: Vec<_> = (0..5).map(|at| index.register(&format!("a/{at}"), &line(at))).collect();
    let asked: Vec<_> = answers.iter().map(|answer| answer.tasks.len()).collect();
    assert_eq!(asked, [0, 0, 0, 1, 1], "{}", index.state());
    assert_eq!(
        index.registry().task(answers[3].tasks[0]).unwrap().line.task.guards,
        [Guard::CappedBlock]
    );
    index.check();
}

/// Names that have nothing in common.
fn name(at: usize) -> &'static str {
    ["Adam", "Boris", "Chidi", "Dmitri", "Emil", "Fritz", "Gustav", "Hiro"][at]
}

#[test]
fn rule_7_an_oversized_person_becomes_a_task() {
    let mut options = options();
    options.model = model_with_limits(500, 2000, 2);
    let index = Index::with(options);
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", ROBERT, Link);
    let third = index.expect("c/1", ROBERT, Review);
    let view = index.registry().task(third.tasks[0]).unwrap();
    assert_eq!(view.line.task.guards, [Guard::OversizedPerson]);
    // A person may say so all the same.
    index.resolve(third.tasks[0], ReviewOutcome::Same);
    assert_eq!(index.registry().person(third.enterprise_id).unwrap().records.len(), 3);
    index.check();
}

#[test]
fn rule_8_an_overlay_is_held() {
    let index = Index::new();
    let robert = index.expect("a/1", ROBERT, New);
    let overlay = index.expect("a/1", ALICE, Review);
    assert_eq!(overlay.enterprise_id, robert.enterprise_id);
    let view = index.registry().task(overlay.tasks[0]).unwrap();
    assert_eq!(view.proposed, Some(record("a/1", ALICE)));
    assert_eq!(view.incoming.record.record, record("a/1", ROBERT));
    expect![[r#"
        a/1 P1 automatic v1
        task 1 held_update a/1 a/1 [] open
    "#]]
    .assert_eq(&index.state());
    // Sent again it is the same question.
    let again = index.expect("a/1", ALICE, Review);
    assert_eq!((again.tasks, again.event), (overlay.tasks, None));
    assert!(overlay.event.is_some());
    index.check();
}

#[test]
fn rule_9_a_task_closes_itself_when_moot() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let samuel = index.expect("a/2", SAMUEL, Review);
    let sparse = index.expect("a/3", SPARSE_ROBERT, Review);
    assert!(!sparse.tasks.is_empty());
    // All three are one: whatever order the questions come in, the last answers itself.
    index.resolve(samuel.tasks[0], ReviewOutcome::Same);
    let open = index.open_tasks();
    assert_eq!(open.len(), 1, "{}", index.state());
    index.resolve(open[0], ReviewOutcome::Same);
    assert_eq!(index.open_tasks(), []);
    let persons = ["a/1", "a/2", "a/3"].map(|key| index.enterprise_id(key));
    assert!(persons.iter().all(|person| *person == persons[0]));
    index.check();
}
