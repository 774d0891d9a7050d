//! Records that change: kept, moved, held, and what stewards say to it.

use RegistrationDecision::{Link, New, Review, Unchanged};
use empi_model::ReviewOutcome;
use expect_test::expect;

use super::*;

#[test]
fn an_update_that_fits_is_applied() {
    let index = Index::new();
    index.expect("a/1", ALICE, New);
    let married = index.expect("a/1", MARRIED_ALICE, Link);
    assert!(married.event.is_some());
    let stored = index.registry().record(&RecordKey::new("a", "1")).unwrap().record;
    assert_eq!((stored.version, stored.record), (2, record("a/1", MARRIED_ALICE)));
    // She is found by her new name.
    index.expect("b/1", "Alice|Jones||1971-05-05|F||1 Main St|99501|907-555-0144", Link);
    expect![[r#"
        a/1 P1 automatic v2
        b/1 P1 automatic v1
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn a_record_alone_moves_to_the_person_that_answers_now() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let sparse = index.expect("a/2", SPARSE_ROBERT, Review);
    let moved = index.expect("a/2", BOB, Link);
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P1 automatic v2
        P2 -> P1
        task 1 same_source_duplicate a/2 a/1 [evidence_floor] moot
    "#]]
    .assert_eq(&index.state());
    let old = index.registry().person(sparse.enterprise_id).unwrap();
    assert_eq!(old.person.enterprise_id, moved.enterprise_id);
    index.check();
}

#[test]
fn a_record_with_others_stays_while_it_resembles_them() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    index.expect("b/1", &BOB.replace("7 Oak Ave", "8 Oak Ave"), Link);
    let held = index.expect("b/1", ALICE, Review);
    expect![[r#"
        a/1 P1 automatic v1
        b/1 P1 automatic v2
        task 1 held_update b/1 a/1 [] open
    "#]]
    .assert_eq(&index.state());
    // Different: the record is Alice's from now on, and scoring never brings it back.
    index.resolve(held.tasks[0], ReviewOutcome::Different);
    index.expect("c/1", ALICE, Link);
    expect![[r#"
        a/1 P1 automatic v1
        b/1 P2 automatic v3
        c/1 P2 automatic v1
        task 1 held_update b/1 a/1 [] different
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn a_held_update_that_is_right_is_applied() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let held = index.expect("a/1", ALICE, Review);
    let view = index.resolve(held.tasks[0], ReviewOutcome::Same);
    assert_eq!(view.proposed, None);
    assert_eq!(view.incoming.record.record, record("a/1", ALICE));
    expect![[r#"
        a/1 P1 manual v2
        task 1 held_update a/1 a/1 [] same
    "#]]
    .assert_eq(&index.state());
    index.expect("a/1", ALICE, Unchanged);
    // The link is a steward's: scoring leaves it alone even where another person answers.
    index.expect("b/1", ROBERT, New);
    index.check();
}

#[test]
fn a_rejected_update_changes_nothing_and_is_not_asked_about_again() {
    let mut index = Index::new();
    index.expect("a/1", ROBERT, New);
    let before = index.standing();
    let held = index.expect("a/1", ALICE, Review);
    let view = index.resolve(held.tasks[0], ReviewOutcome::Rejected);
    assert_eq!(view.incoming.record.record, record("a/1", ROBERT));
    assert_eq!(index.standing()[..2], before[..2], "the record is as it was");
    index.expect("a/1", ALICE, Unchanged);
    assert_eq!(index.open_tasks(), []);
    index.reopen();
    index.expect("a/1", ALICE, Unchanged);
    index.undo_event_of_last();
    assert_eq!(index.open_tasks(), held.tasks, "the question waits again");
    let again = index.expect("a/1", ALICE, Review);
    assert_eq!(again.tasks, held.tasks);
    index.resolve(held.tasks[0], ReviewOutcome::Rejected);
    // Other content that does not fit is another question, and taking it back settles that one.
    let other = index.expect("a/1", MARRIED_ALICE, Review);
    index.expect("a/1", ALICE, Unchanged);
    assert_eq!(index.open_tasks(), [], "{:?} is withdrawn", other.tasks);
    index.check();
}

#[test]
fn only_a_held_update_can_be_rejected() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let task = index.expect("b/1", SAMUEL, Review).tasks[0];
    let refused = index.try_resolve(task, ReviewOutcome::Rejected);
    assert!(matches!(refused, Err(RegistryError::Conflict(_))), "{refused:?}");
    assert_eq!(index.open_tasks(), [task]);
    index.check();
}

#[test]
fn a_person_emptied_by_an_overlay_goes_with_its_record() {
    let index = Index::new();
    let alice = index.expect("a/0", ALICE, New);
    let robert = index.expect("a/1", ROBERT, New);
    let held = index.expect("a/1", MARRIED_ALICE, Review);
    index.resolve(held.tasks[0], ReviewOutcome::Different);
    expect![[r#"
        a/0 P1 automatic v1
        a/1 P1 automatic v2
        P2 -> P1
        task 1 held_update a/1 a/1 [] different
    "#]]
    .assert_eq(&index.state());
    let view = index.registry().person(robert.enterprise_id).unwrap();
    assert_eq!(view.person.enterprise_id, alice.enterprise_id);
    index.check();
}

#[test]
fn a_held_update_is_replaced_withdrawn_or_overtaken() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let first = index.expect("a/1", ALICE, Review);
    // Other content that does not fit either: the same task, with the newer content.
    let second = index.expect("a/1", MARRIED_ALICE, Review);
    assert_eq!(first.tasks, second.tasks);
    let view = index.registry().task(second.tasks[0]).unwrap();
    assert_eq!(view.proposed, Some(record("a/1", MARRIED_ALICE)));
    // The source takes it back.
    let withdrawn = index.expect("a/1", ROBERT, Unchanged);
    assert_eq!(withdrawn.tasks, []);
    assert_eq!(index.open_tasks(), []);
    // Held again, then overtaken by content that fits.
    index.expect("a/1", ALICE, Review);
    index.expect("a/1", BOB, Link);
    expect![[r#"
        a/1 P1 automatic v2
        task 1 held_update a/1 a/1 [] moot
        task 2 held_update a/1 a/1 [] moot
    "#]]
    .assert_eq(&index.state());
    let late = index.try_resolve(TaskId(2), ReviewOutcome::Same);
    assert!(matches!(late, Err(RegistryError::Conflict(_))), "{late:?}");
    index.check();
}

#[test]
fn a_twins_data_in_a_brothers_record_are_held() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/1", SAMUEL, Review);
    assert_eq!(index.registry().record(&RecordKey::new("a", "1")).unwrap().record.version, 1);
    index.check();
}

#[test]
fn a_record_that_said_little_may_say_more() {
    let index = Index::new();
    for (at, little) in
        ["|Okafor|||||||", "||||||||", "Unknown|Unknown||1900-01-01|U||||"].into_iter().enumerate()
    {
        let key = format!("a/{at}");
        index.expect(&key, little, New);
        let answer = index.register(&key, ROBERT);
        assert_eq!(answer.decision, Link, "{little}: {answer:?}");
    }
    index.check();
}

#[test]
fn several_persons_that_answer_become_questions_not_merges() {
    let index = Index::new();
    // Two records that have too little in common to be linked, and a third that answers to both.
    index.expect("a/1", NUMBERED_ROBERT, New);
    let second = index.expect("a/2", HOUSED_ROBERT, Review);
    let third = index.expect("a/3", ROBERT, Link);
    assert_eq!(third.tasks, second.tasks, "the question is asked once");
    let persons = ["a/1", "a/2", "a/3"].map(|key| index.enterprise_id(key));
    assert_ne!(persons[0], persons[1]);
    assert!(persons[2] == persons[0] || persons[2] == persons[1]);
    index.resolve(third.tasks[0], ReviewOutcome::Same);
    assert_eq!(index.enterprise_id("a/3"), persons[0]);
    index.check();
}

#[test]
fn answers_are_given_once() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let task = index.expect("a/2", SAMUEL, Review).tasks[0];
    let answered = index.resolve(task, ReviewOutcome::Different);
    let events = index.registry().stats().events;
    assert_eq!(index.resolve(task, ReviewOutcome::Different), answered);
    assert_eq!(index.registry().stats().events, events);
    let refused = index.try_resolve(task, ReviewOutcome::Same);
    assert!(matches!(refused, Err(RegistryError::Conflict(_))), "{refused:?}");
    let refused = index.try_resolve(task, ReviewOutcome::Moot);
    assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    let missing = index.try_resolve(TaskId(77), ReviewOutcome::Same);
    assert!(matches!(missing, Err(RegistryError::NotFound(_))));
    index.check();
}
