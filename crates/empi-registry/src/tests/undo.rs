//! Undoing any event, also those with others on top of them.

use RegistrationDecision::{Link, New, Review, Unchanged};
use empi_model::EventSequence;
use expect_test::expect;

use super::*;

fn undo(event: u64) -> StewardOperation {
    StewardOperation::UndoEvent { event: EventSequence(event) }
}

#[test]
fn undoing_an_answer_asks_the_question_again() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let twin = index.expect("a/2", SAMUEL, Review).tasks[0];
    let before = index.standing();
    for outcome in [ReviewOutcome::Same, ReviewOutcome::Different] {
        index.resolve(twin, outcome);
        let answered = index.standing();
        let event = EventSequence(index.registry().stats().events);
        let undone = index.steward(StewardOperation::UndoEvent { event });
        assert_eq!(index.standing(), before);
        assert_eq!(index.open_tasks(), [twin]);
        // And the undoing can be undone.
        let redone = index.undo(&undone);
        assert_eq!(index.standing(), answered);
        index.undo(&redone);
        assert_eq!(index.standing(), before);
        index.check();
    }
}

#[test]
fn undoing_an_update_brings_the_old_content_back() {
    let index = Index::new();
    index.expect("a/1", ALICE, New);
    let before = index.standing();
    let update = index.expect("a/1", MARRIED_ALICE, Link).event.unwrap();
    let undone = index.steward(StewardOperation::UndoEvent { event: update });
    assert_eq!(index.standing(), before);
    // Found by her old name, and not by the new one.
    index.expect("b/1", "Alice|Smith||1971-05-05|F||1 Main St|99501|907-555-0144", Link);
    index.check();
    index.undo(&undone);
    let stored = index.registry().record(&key("a/1")).unwrap().record;
    assert_eq!((stored.version, stored.record), (4, record("a/1", MARRIED_ALICE)));
    index.check();
}

#[test]
fn undoing_a_registration_retires_the_record() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let bob = index.expect("b/1", BOB, Link);
    let twin = index.expect("a/2", SAMUEL, Review);
    let undone = index.steward(StewardOperation::UndoEvent { event: bob.event.unwrap() });
    index.steward(StewardOperation::UndoEvent { event: twin.event.unwrap() });
    expect![[r#"
        a/1 P1 automatic v1
        b/1 P1 automatic v2 retired
        a/2 P2 automatic v2 retired
        task 1 same_source_duplicate a/2 a/1 [possible_twins] moot
    "#]]
    .assert_eq(&index.state());
    // Rules 1 and 2: both keep key and person, and both enterprise IDs resolve.
    assert_eq!(index.registry().person(twin.enterprise_id).unwrap().records.len(), 1);
    index.check();
    // Nobody is compared with a record that has no say.
    index.expect("c/1", SAMUEL, Review);
    let asked = index.registry().task(TaskId(2)).unwrap();
    assert_eq!(asked.candidate.record.record.key, key("a/1"));
    // Its source says it again: it has a say again.
    index.expect("b/1", BOB, Link);
    index.check();
    // And if that is undone, a question about it is settled.
    let again = index.registry().record(&key("b/1")).unwrap().record.content_event;
    let twin = index.register("a/4", &SAMUEL.replace("Samuel", "Bobby"));
    let asked = |index: &Index| index.open_tasks().len();
    let before = asked(&index);
    let back = index.steward(StewardOperation::UndoEvent { event: again });
    assert!(asked(&index) <= before, "{twin:?}");
    index.check();
    index.undo(&back);
    let late = index.refused(StewardOperation::UndoEvent { event: undone.event.event.sequence });
    assert!(late.contains("came on top"), "{late}");
}

#[test]
fn a_chain_is_undone_from_its_end_and_the_refusal_names_the_later_event() {
    let index = Index::new();
    let lines = [ROBERT, ALICE, "Chidi|Brandt||1955-01-31|M|219-09-9999|9 Low Rd|10001|"];
    for (at, line) in lines.into_iter().enumerate() {
        index.expect(&format!("a/{at}"), line, New);
    }
    let [one, two, three] = ["a/0", "a/1", "a/2"].map(|key| index.enterprise_id(key));
    let before = index.standing();
    let merge = |surviving, subsumed| StewardOperation::MergePersons { surviving, subsumed };
    let first = index.steward(merge(two, three));
    let second = index.steward(merge(one, two));
    let told = index.refused(StewardOperation::UndoEvent { event: first.event.event.sequence });
    assert_eq!(told, "event 5 came on top of event 4: undo event 5 first");
    let told = index.refused(StewardOperation::UnmergePersons { subsumed: three });
    assert_eq!(told, "event 5 came on top of event 4: undo event 5 first");
    index.undo(&second);
    let told = index.refused(StewardOperation::UndoEvent { event: second.event.event.sequence });
    assert_eq!(told, "event 5 is undone already: there is nothing to undo");
    index.undo(&first);
    assert_eq!(index.standing(), before);
    index.check();
}

#[test]
fn events_that_do_not_touch_each_other_are_undone_in_any_order() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    let merged =
        index.steward(StewardOperation::LinkRecords { left: key("a/1"), right: key("a/2") });
    // On top of it: new content of one of the records, and a new record.
    index.expect("a/1", BOB, Link);
    index.expect("b/1", ALICE, Link);
    index.undo(&merged);
    expect![[r#"
        a/1 P1 automatic v2
        a/2 P2 automatic v1
        b/1 P1 automatic v1
        P2 -> P1
    "#]];
    assert_ne!(index.enterprise_id("a/1"), index.enterprise_id("a/2"));
    assert_eq!(index.enterprise_id("b/1"), index.enterprise_id("a/1"));
    index.check();
}

#[test]
fn a_record_returns_to_wherever_its_person_has_gone() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    index.expect("a/2", ALICE, New);
    let [robert, alice] = ["a/1", "a/2"].map(|key| index.enterprise_id(key));
    let unlinked =
        index.steward(StewardOperation::UnlinkRecord { record: key("b/1"), keep_apart: false });
    index.steward(StewardOperation::MergePersons { surviving: alice, subsumed: robert });
    index.undo(&unlinked);
    assert_eq!(index.enterprise_id("b/1"), alice);
    index.check();
}

#[test]
fn rule_8_a_held_update_waits_again_when_its_answer_is_undone() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let held = index.expect("a/1", ALICE, Review).tasks[0];
    let before = index.standing();
    for outcome in [ReviewOutcome::Same, ReviewOutcome::Different] {
        index.resolve(held, outcome);
        let event = EventSequence(index.registry().stats().events);
        index.steward(StewardOperation::UndoEvent { event });
        let standing = index.standing();
        assert!(before.iter().all(|line| standing.contains(line)), "{}", index.state());
        let view = index.registry().task(held).unwrap();
        assert_eq!(view.proposed, Some(record("a/1", ALICE)));
        index.check();
    }
    // Withdrawn by the source, and the withdrawal undone.
    let withdrawn = index.expect("a/1", ROBERT, Unchanged).event.unwrap();
    assert_eq!(index.open_tasks(), []);
    index.steward(StewardOperation::UndoEvent { event: withdrawn });
    assert_eq!(index.open_tasks(), [held]);
    index.check();
    // Undoing the hold itself takes update and question away.
    index.steward(undo(2));
    assert_eq!(index.open_tasks(), []);
    index.check();
}

#[test]
fn rule_4_undoing_does_not_join_what_was_kept_apart_since() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    let merged =
        index.steward(StewardOperation::LinkRecords { left: key("a/1"), right: key("a/2") });
    let undone = index.undo(&merged);
    index.steward(StewardOperation::KeepApart { left: key("a/1"), right: key("a/2") });
    let told = index.refused(StewardOperation::UndoEvent { event: undone.event.event.sequence });
    assert!(told.contains("event 5 keeps two of these records apart"), "{told}");
    index.check();
}
