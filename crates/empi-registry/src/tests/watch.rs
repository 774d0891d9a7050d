//! Limits, contradictions and values of very many people become questions, never silence.

use RegistrationDecision::{Link, New, Review};
use empi_model::{Guard, ReviewKind, SharedField};

use super::*;

#[rustfmt::skip]
const GIVEN: [&str; 30] = [
    "Ahmed", "Chen", "Olga", "Pedro", "Ngozi", "Sven", "Beatriz", "Dmitri", "Fatima", "Gunther", "Hiroshi", "Ingrid",
    "Jamal", "Katarina", "Lorenzo", "Mbali", "Nikolai", "Oksana", "Priya", "Quentin", "Rashid", "Svetlana", "Thabo",
    "Ulrich", "Violeta", "Wilhelm", "Ximena", "Yusuf", "Zofia", "Edmund",
];
#[rustfmt::skip]
const FAMILY: [&str; 30] = [
    "Xiquez", "Zander", "Quixley", "Bellamy", "Varga", "Hutchens", "Iwasaki", "Jankowski", "Kipchoge", "Lundgren",
    "Mbeki", "Nakamura", "Oyelowo", "Pfeiffer", "Rasmussen", "Szabo", "Thackeray", "Urquhart", "Vasquez", "Wojcik",
    "Yilmaz", "Zeller", "Abernathy", "Bjornsson", "Chukwu", "Drummond", "Espinoza", "Fitzroy", "Galloway", "Horvath",
];
const CLINIC: &str = "617-253-0100";

/// Thirty people who have nothing in common but the telephone of their clinic.
fn clinic(index: &Index) {
    for at in 0..30 {
        let (given, family) = (GIVEN[at], FAMILY[at]);
        let (year, month, day) = (1930 + at, 1 + at % 12, 2 + at % 23);
        let line = format!(
            "{given}|{family}||{year}-{month:02}-{day:02}|||{} {family} Street|0{}|{CLINIC}",
            10 + at,
            2100 + at
        );
        index.expect(&format!("clinic/{at}"), &line, New);
    }
}

fn kinds(index: &Index) -> Vec<ReviewKind> {
    let tasks = index.open_tasks().into_iter();
    tasks.map(|task| index.registry().task(task).unwrap().line.task.kind).collect()
}

#[test]
fn rule_7_a_value_of_very_many_people_is_named_once() {
    let mut index = Index::new();
    clinic(&index);
    assert_eq!(kinds(&index), [ReviewKind::SharedIdentifier], "{}", index.state());
    let view = index.registry().task(index.open_tasks()[0]).unwrap();
    let shared = view.line.task.shared.unwrap();
    assert_eq!((shared.field, shared.people), (SharedField::Phone, 21));
    assert!(view.line.why.contains("telephone number is shared by 21 people"), "{}", view.line.why);
    index.resolve(view.line.task.id, ReviewOutcome::Same);
    index.check();
    index.reopen();
    let another = format!("Petra|Larsen||1990-01-09|||9 Oak Ave|60601|{CLINIC}");
    index.expect("clinic/99", &another, New);
    assert_eq!(index.open_tasks(), [], "answered once is answered");
}

#[test]
fn rule_7_a_link_that_only_a_shared_value_carries_is_a_question() {
    let line = |phone: &str| format!("Robert|Okafor||1980-03-12|M||||{phone}");
    let index = Index::new();
    index.expect("a/1", &line("617-555-8123"), New);
    index.expect("b/1", &line("617-555-8123"), Link);
    let index = Index::new();
    clinic(&index);
    index.expect("a/1", &line(CLINIC), New);
    let asked = index.expect("b/1", &line(CLINIC), Review);
    let task = index.registry().task(asked.tasks[0]).unwrap().line.task;
    assert!(task.guards.contains(&Guard::HubValue), "{:?}", task.guards);
    index.check();
}

#[test]
fn rule_7_new_content_that_contradicts_its_person_is_a_question() {
    let with = |suffix: &str| ROBERT.replace("||1980", &format!("|{suffix}|1980"));
    for (outcome, is_one) in [(ReviewOutcome::Same, true), (ReviewOutcome::Different, false)] {
        let index = Index::new();
        let robert = index.expect("a/1", &with("Sr"), New).enterprise_id;
        index.expect("b/1", ROBERT, Link);
        let before = index.standing();
        let update = index.expect("b/1", &with("Jr"), Link);
        assert_eq!(kinds(&index), [ReviewKind::Conflict], "{}", index.state());
        assert_eq!(update.enterprise_id, robert, "what stands is not changed by a question");
        let task = index.open_tasks()[0];
        let guards = index.registry().task(task).unwrap().line.task.guards;
        assert_eq!(guards, [Guard::SuffixConflict]);
        let answered = index.resolve(task, outcome).line.task.event;
        assert_eq!(index.enterprise_id("b/1") == robert, is_one);
        index.check();
        if is_one {
            index.register("b/1", &with("Jr").replace("8123", "8124"));
            assert_eq!(index.open_tasks(), [], "what a steward has said is not questioned");
            index.undo_event_of_last();
        }
        index.steward(StewardOperation::UndoEvent { event: answered });
        assert_eq!(index.open_tasks(), [task], "an answer undone is a question again");
        index.steward(StewardOperation::UndoEvent { event: update.event.unwrap() });
        let standing = index.standing();
        assert_eq!(standing[..2], before[..2], "the update is undone, too");
        index.check();
    }
}

#[test]
fn rule_7_two_halves_that_a_weak_link_holds_are_a_question() {
    let index = Index::new();
    let robert = index.expect("a/1", ROBERT, New).enterprise_id;
    index.expect("b/1", BOB, Link);
    let alice = index.expect("c/1", ALICE, New).enterprise_id;
    index.expect("d/1", MARRIED_ALICE, Link);
    index.steward(StewardOperation::MergePersons { surviving: robert, subsumed: alice });
    assert_eq!(index.open_tasks(), [], "what a steward does is not questioned");
    index.register("a/1", &ROBERT.replace("8123", "8124"));
    assert_eq!(kinds(&index), [ReviewKind::OversizedIdentity], "{}", index.state());
    let task = index.open_tasks()[0];
    let view = index.registry().task(task).unwrap();
    assert_eq!(view.line.task.guards, [Guard::BridgedPerson]);
    assert!(view.line.why.contains("one weak link"), "{}", view.line.why);
    index.resolve(task, ReviewOutcome::Different);
    let persons = ["a/1", "b/1", "c/1", "d/1"].map(|record| index.enterprise_id(record));
    assert_eq!(persons, [robert, robert, alice, alice], "{}", index.state());
    index.check();
}

#[test]
fn rule_4_a_source_that_contradicts_a_steward_is_a_question() {
    for (outcome, is_one) in [(ReviewOutcome::Same, true), (ReviewOutcome::Different, false)] {
        let index = Index::new();
        index.expect("a/1", ROBERT, New);
        index.expect("b/1", BOB, Link);
        index.expect("a/2", ALICE, New);
        let (left, right) = (key("b/1"), key("a/2"));
        index.steward(StewardOperation::KeepApart { left, right });
        index.retire("a/1", Some("a/2"));
        assert_eq!(kinds(&index), [ReviewKind::Conflict], "{}", index.state());
        assert_ne!(index.enterprise_id("b/1"), index.enterprise_id("a/2"), "it stands");
        index.check();
        let waiting = index.standing();
        index.resolve(index.open_tasks()[0], outcome);
        assert_eq!(index.enterprise_id("b/1") == index.enterprise_id("a/2"), is_one);
        index.check();
        index.undo_event_of_last();
        assert_eq!(index.standing(), waiting);
        index.check();
    }
}
