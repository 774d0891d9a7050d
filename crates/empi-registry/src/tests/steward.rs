//! What stewards do to identities, and what is refused to them.

use RegistrationDecision::{Link, New, Review};
use empi_model::{EventKind, EventSequence};
use expect_test::{Expect, expect};

use super::*;
use crate::PersonFate;

fn link(left: &str, right: &str) -> StewardOperation {
    StewardOperation::LinkRecords { left: key(left), right: key(right) }
}

fn unlink(record: &str, keep_apart: bool) -> StewardOperation {
    StewardOperation::UnlinkRecord { record: key(record), keep_apart }
}

fn keep_apart(left: &str, right: &str) -> StewardOperation {
    StewardOperation::KeepApart { left: key(left), right: key(right) }
}

fn merge(index: &Index, surviving: &str, subsumed: &str) -> StewardOperation {
    let [surviving, subsumed] = [surviving, subsumed].map(|record| index.enterprise_id(record));
    StewardOperation::MergePersons { surviving, subsumed }
}

/// Robert under two numbers, his perhaps twin, and Alice.
fn four() -> Index {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    index.expect("a/2", SAMUEL, Review);
    index.expect("a/3", ALICE, New);
    index
}

fn check_links(operation: impl FnOnce(&Index) -> StewardOperation, after: &Expect) {
    let index = four();
    let before = index.standing();
    let operation = operation(&index);
    let done = index.steward(operation);
    after.assert_eq(&index.state());
    index.check();
    let undone = index.undo(&done);
    let standing = index.standing();
    let lost: Vec<_> = before.iter().filter(|line| !standing.contains(line)).collect();
    assert!(lost.is_empty(), "undoing brings back everything: {lost:?}");
    assert_eq!(undone.event.event.undoes, Some(done.event.event.sequence));
    index.check();
}

#[test]
fn linking_two_records_makes_one_person_of_theirs() {
    check_links(
        |_| link("a/2", "a/3"),
        &expect![[r#"
            a/1 P1 automatic v1
            b/1 P1 automatic v1
            a/2 P2 manual v1
            a/3 P2 manual v1
            P3 -> P2
            task 1 same_source_duplicate a/2 a/1 [possible_twins] open
        "#]],
    );
}

#[test]
fn linking_settles_the_question_between_the_two() {
    check_links(
        |_| link("a/2", "b/1"),
        &expect![[r#"
            a/1 P1 automatic v1
            b/1 P1 manual v1
            a/2 P1 manual v1
            a/3 P3 automatic v1
            P2 -> P1
            task 1 same_source_duplicate a/2 a/1 [possible_twins] moot
        "#]],
    );
}

#[test]
fn rule_3_a_steward_says_which_enterprise_id_survives() {
    check_links(
        |index| merge(index, "a/3", "a/1"),
        &expect![[r#"
            a/1 P3 manual v1
            b/1 P3 manual v1
            a/2 P2 automatic v1
            a/3 P3 automatic v1
            P1 -> P3
            task 1 same_source_duplicate a/2 a/1 [possible_twins] open
        "#]],
    );
}

#[test]
fn unlinking_starts_a_person_and_keeps_it_apart_if_wanted() {
    check_links(
        |_| unlink("b/1", true),
        &expect![[r#"
            a/1 P1 automatic v1
            b/1 P4 manual v1
            a/2 P2 automatic v1
            a/3 P3 automatic v1
            task 1 same_source_duplicate a/2 a/1 [possible_twins] open
        "#]],
    );
}

#[test]
fn moving_a_record_takes_its_lonely_enterprise_id_along() {
    check_links(
        |index| StewardOperation::MoveRecord {
            record: key("a/3"),
            person: index.enterprise_id("a/1"),
        },
        &expect![[r#"
            a/1 P1 automatic v1
            b/1 P1 automatic v1
            a/2 P2 automatic v1
            a/3 P1 manual v1
            P3 -> P1
            task 1 same_source_duplicate a/2 a/1 [possible_twins] open
        "#]],
    );
}

#[test]
fn keeping_apart_settles_the_question_between_the_two() {
    check_links(
        |_| keep_apart("b/1", "a/2"),
        &expect![[r#"
            a/1 P1 automatic v1
            b/1 P1 automatic v1
            a/2 P2 automatic v1
            a/3 P3 automatic v1
            task 1 same_source_duplicate a/2 a/1 [possible_twins] moot
        "#]],
    );
}

#[test]
fn rule_3_the_larger_side_of_a_split_keeps_the_enterprise_id() {
    let index = four();
    index.steward(merge(&index, "a/1", "a/2"));
    let person = index.enterprise_id("a/1");
    // Two of three leave: they keep the ID, and the third gets a new one.
    let records = vec![key("a/1"), key("b/1")];
    let split = StewardOperation::SplitPerson { person, records, keep_apart: false };
    let answer = index.steward(split);
    assert_eq!(index.enterprise_id("a/1"), person);
    let persons = answer.event.persons();
    // The third came with an ID of its own, which answers for it again.
    assert_eq!(persons.iter().filter(|(_, fate)| *fate == PersonFate::Revived).count(), 1);
    expect![[r#"
        a/1 P1 manual v1
        b/1 P1 manual v1
        a/2 P2 manual v1
        a/3 P3 automatic v1
        task 1 same_source_duplicate a/2 a/1 [possible_twins] moot
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn unmerging_is_undoing_the_merge() {
    let index = four();
    let before = index.standing();
    let subsumed = index.enterprise_id("a/3");
    let merged = index.steward(merge(&index, "a/1", "a/3"));
    // A record that comes later stays with the survivor.
    index.expect("c/1", BOB, Link);
    let unmerged = index.steward(StewardOperation::UnmergePersons { subsumed });
    assert_eq!(unmerged.event.event.undoes, Some(merged.event.event.sequence));
    assert_eq!(index.enterprise_id("a/3"), subsumed);
    assert_eq!(index.enterprise_id("c/1"), index.enterprise_id("a/1"));
    let standing = index.standing();
    let lost: Vec<_> = before.iter().filter(|line| !standing.contains(line)).collect();
    // Only the survivor has one record more.
    assert_eq!(lost.len(), 1, "{lost:?}");
    let again = index.refused(StewardOperation::UnmergePersons { subsumed });
    assert!(again.contains("answers for itself"), "{again}");
    index.check();
}

#[test]
fn rule_4_keep_apart_holds_for_whole_persons_and_says_so() {
    let index = four();
    let apart = index.steward(keep_apart("a/1", "a/3"));
    let sequence = apart.event.event.sequence;
    // Not the two records themselves, but records that are one person with them.
    for operation in [link("b/1", "a/3"), merge(&index, "a/3", "a/1")] {
        let refused = index.refused(operation);
        assert!(refused.contains(&format!("event {sequence} keeps two of these records apart")));
    }
    let refused = index.refused(keep_apart("a/3", "a/1"));
    assert!(refused.contains(&format!("event {sequence} keeps the two apart already")));
    let refused = index.refused(keep_apart("a/1", "b/1"));
    assert!(refused.contains("separate them before"), "{refused}");
    // Undoing takes it back.
    index.undo(&apart);
    index.steward(link("b/1", "a/3"));
    index.check();
}

#[test]
fn what_makes_no_sense_is_refused_in_plain_words() {
    let index = four();
    let person = index.enterprise_id("a/1");
    let split = |records: &[&str]| StewardOperation::SplitPerson {
        person,
        records: records.iter().map(|text| key(text)).collect(),
        keep_apart: false,
    };
    for (operation, words) in [
        (unlink("a/3", false), "must keep a record and lose one"),
        (split(&[]), "must keep a record and lose one"),
        (split(&["a/1", "b/1"]), "must keep a record and lose one"),
        (split(&["a/3"]), "does not belong to"),
        (merge(&index, "a/1", "b/1"), "one person already"),
        (StewardOperation::MoveRecord { record: key("b/1"), person }, "already"),
    ] {
        let refused = index.refused(operation);
        assert!(refused.contains(words), "{refused}");
    }
    index.steward(merge(&index, "a/1", "a/3"));
    let gone = index.registry().event(EventSequence(4)).unwrap().event.new_enterprise_id;
    let refused =
        index.refused(StewardOperation::MergePersons { surviving: gone, subsumed: person });
    assert!(refused.contains("went into"), "{refused}");
    for missing in [
        link("a/1", "x/9"),
        StewardOperation::UndoEvent { event: EventSequence(99) },
        StewardOperation::UnmergePersons { subsumed: EnterpriseId::mint(99) },
        StewardOperation::MoveRecord { record: key("a/1"), person: EnterpriseId::mint(99) },
    ] {
        let error = index.try_steward(missing).unwrap_err();
        assert!(matches!(error, RegistryError::NotFound(_)), "{error:?}");
    }
}

#[test]
fn a_version_token_guards_against_lost_updates() {
    let index = four();
    let asked = Index::asked(link("a/2", "a/3"));
    let token = Some(index.registry().steward(asked.clone()).unwrap().version_token);
    let request = StewardRequest { validate_only: false, ..asked };
    let refused = index.registry().steward(request.clone());
    assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    // Something about one of the two persons changes in between.
    index.register("c/9", ALICE);
    let request = StewardRequest { version_token: token, ..request };
    let refused = index.registry().steward(request).unwrap_err();
    assert!(refused.to_string().contains("event 5 changed them last"), "{refused}");
    // Of another person, it does not matter.
    let asked = Index::asked(link("a/2", "a/3"));
    let token = Some(index.registry().steward(asked.clone()).unwrap().version_token);
    index.register("c/1", ROBERT);
    let request = StewardRequest { version_token: token, validate_only: false, ..asked };
    index.registry().steward(request).unwrap();
    index.check();
}

#[test]
fn rule_6_a_stewards_request_is_done_once() {
    let mut index = four();
    let asked = Index::asked(link("a/2", "a/3"));
    let request_id = Some("steward-1".to_owned());
    let version_token = Some(index.registry().steward(asked.clone()).unwrap().version_token);
    let request = StewardRequest { request_id, version_token, validate_only: false, ..asked };
    let first = index.registry().steward(request.clone()).unwrap();
    for _ in 0..2 {
        let again = index.registry().steward(request.clone()).unwrap();
        assert_eq!((&again.event, &again.version_token), (&first.event, &first.version_token));
        for other in [
            StewardRequest { operation: link("a/3", "a/2"), ..request.clone() },
            StewardRequest { note: "other".to_owned(), ..request.clone() },
            StewardRequest { reason: ReasonCode::Other, ..request.clone() },
        ] {
            let refused = index.registry().steward(other);
            assert!(matches!(refused, Err(RegistryError::Conflict(_))), "{refused:?}");
        }
        let refused = index.try_register(record("x/1", ALICE), Some("steward-1"));
        assert!(matches!(refused, Err(RegistryError::Conflict(_))), "{refused:?}");
        index.reopen();
    }
    index.check();
}

#[test]
fn rule_5_an_event_tells_who_why_and_what_became_of_everybody() {
    let index = four();
    let [robert, samuel] = ["a/1", "a/2"].map(|record| index.enterprise_id(record));
    let answer = index.steward(link("a/2", "b/1"));
    let EventView { event, .. } = &answer.event;
    assert_eq!((event.kind, event.actor.name.as_str()), (EventKind::Linked, "dana"));
    assert_eq!(event.reason_code, Some(ReasonCode::ChartReview));
    assert_eq!(event.note, "looked at both charts");
    assert_eq!((event.old_enterprise_id, event.new_enterprise_id), (Some(samuel), robert));
    let view = &answer.event;
    let mut persons = view.persons();
    persons.sort_unstable_by_key(|(id, _)| *id != robert);
    assert_eq!(persons, [(robert, PersonFate::Stays), (samuel, PersonFate::Retired(robert))]);
    let moves = view.moves();
    assert_eq!(moves.len(), 1);
    assert_eq!(
        (moves[0].key.clone(), moves[0].old, moves[0].new),
        (key("a/2"), Some(samuel), robert)
    );
    assert_eq!((view.tasks_opened(), view.tasks_closed()), (vec![], vec![TaskId(1)]));
    assert_eq!(view.sources(), ["a", "b"]);
    let undone = index.undo(&answer);
    assert_eq!(undone.event.tasks_opened(), [TaskId(1)]);
    let fates: Vec<_> =
        undone.event.persons().into_iter().filter(|(id, _)| *id == samuel).collect();
    assert_eq!(fates, [(samuel, PersonFate::Revived)]);
    let events = index.registry().events(EventSequence(2), 3).unwrap();
    let numbers: Vec<u64> = events.iter().map(|view| view.event.sequence.0).collect();
    assert_eq!(numbers, [2, 3, 4]);
}
