//! Records that their sources withdraw or merge.

use RegistrationDecision::{Link, New, Review};
use expect_test::expect;

use super::*;

#[test]
fn a_retired_record_keeps_its_person_and_is_compared_with_nothing() {
    let mut index = Index::new();
    let robert = index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    let twin = index.expect("a/2", SAMUEL, Review);
    let retired = index.retire("a/2", None);
    assert_eq!(retired.enterprise_id, twin.enterprise_id);
    assert!(retired.event.is_some());
    assert_eq!(index.retire("a/2", None), Retirement { event: None, ..retired });
    index.retire("a/1", None);
    expect![[r#"
        a/1 P1 automatic v2 retired
        b/1 P1 automatic v1
        a/2 P2 automatic v2 retired
        task 1 same_source_duplicate a/2 a/1 [possible_twins] moot
    "#]]
    .assert_eq(&index.state());
    // Both enterprise IDs resolve, and nobody is linked to a record without say.
    assert_eq!(index.registry().person(twin.enterprise_id).unwrap().records.len(), 1);
    index.check();
    index.reopen();
    index.check();
    let samuel = index.register("c/2", SAMUEL);
    assert_ne!(samuel.enterprise_id, twin.enterprise_id);
    // Registered again, it has a say again.
    assert_eq!(index.register("a/1", ROBERT).enterprise_id, robert.enterprise_id);
    index.expect("c/1", ROBERT, Link);
    index.check();
    assert!(matches!(index.try_retire("x/1", None), Err(RegistryError::NotFound(_))));
}

#[test]
fn a_record_that_its_source_merged_goes_to_the_other_records_person() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    index.retire("a/2", Some("a/1"));
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P1 automatic v2 retired
        P2 -> P1
    "#]]
    .assert_eq(&index.state());
    index.check();
    // Undone, both are as they were.
    let event = empi_model::EventSequence(index.registry().stats().events);
    index.steward(StewardOperation::UndoEvent { event });
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P2 automatic v3
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn a_merge_in_a_source_that_leaves_others_behind_is_a_question() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    index.expect("b/2", ALICE, Link);
    index.retire("a/2", Some("a/1"));
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P1 automatic v2 retired
        b/2 P2 automatic v1
        task 1 potential_duplicate a/1 b/2 [several_persons] open
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn rule_4_a_merge_in_a_source_does_not_overrule_a_steward() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    index.expect("b/2", ALICE, Link);
    index.steward(StewardOperation::KeepApart { left: key("a/1"), right: key("b/2") });
    // The record itself is kept apart from nobody and goes; who it leaves behind is known to be different.
    index.retire("a/2", Some("a/1"));
    assert_eq!(index.enterprise_id("a/2"), index.enterprise_id("a/1"));
    // What the source says contradicts the steward: that stands, and somebody looks at it.
    expect![[r#"
        a/1 P1 automatic v1
        a/2 P1 automatic v2 retired
        b/2 P2 automatic v1
        task 1 conflict a/1 b/2 [kept_apart] open
    "#]]
    .assert_eq(&index.state());
    index.check();
}

#[test]
fn a_merge_in_a_source_that_a_steward_forbids_is_refused() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    index.expect("b/1", ALICE, Link);
    index.steward(StewardOperation::KeepApart { left: key("a/1"), right: key("a/2") });
    let refused = index.try_retire("a/2", Some("a/1")).unwrap_err();
    assert!(refused.to_string().contains("event 4 keeps two"), "{refused}");
    for nonsense in ["a/2", "b/1"] {
        let refused = index.try_retire("a/2", Some(nonsense));
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    }
    index.retire("a/1", None);
    let refused = index.try_retire("a/2", Some("a/1"));
    assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{refused:?}");
    index.check();
}
