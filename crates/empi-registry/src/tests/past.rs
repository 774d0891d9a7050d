//! Decisions of the past are told as they were, whatever came later.

use RegistrationDecision::{Link, New, Review};
use empi_linkage::{LinkageModelFile, normalize};
use empi_model::{EventSequence, LinkDecision};

use super::*;
use crate::PastDecision;

/// What a decision says of one comparison: level, and the values of both sides.
fn row<'a>(decision: &'a PastDecision, label: &str) -> (&'a str, [&'a str; 2]) {
    let found = decision.explanation.rows.iter().find(|row| row.label == label).unwrap();
    let value = |text: &'a Option<PatientText>| text.as_ref().map_or("", |text| text.expose());
    (&found.level, [value(&found.left), value(&found.right)])
}

fn sum(decision: &PastDecision) -> f64 {
    decision.explanation.rows.iter().map(|row| row.weight.bits()).sum()
}

#[test]
fn an_automatic_link_is_explained_with_values_counts_and_model_of_its_time() {
    let mut index = Index::new();
    index.expect("a/1", ROBERT, New);
    let linked = index.expect("b/1", BOB, Link);
    let at = linked.event.unwrap();
    let told = index.registry().explain_event(at).unwrap();
    let [decision] = &told.decisions[..] else { panic!("one decision: {told:?}") };
    assert_eq!(Some(decision.explanation.total), linked.weight);
    assert_eq!(decision.explanation.decision, LinkDecision::Link);
    assert!((sum(decision) - linked.weight.unwrap().bits()).abs() < 1e-9, "rows add up");
    assert_eq!(row(decision, "name"), ("nickname", ["BOB OKAFOR", "ROBERT OKAFOR"]));
    assert!(decision.incoming.stands && decision.candidate.stands);
    // The very rows that are explained for the pair before anything else changes.
    let [incoming, candidate] = [BOB, ROBERT].map(|line| normalize(&record("x/1", line)));
    let rows = index.registry().core.explain(&incoming, &candidate).rows;
    let rare = |label: &str| rows.iter().any(|row| row.label == label);
    assert!(rare("family_name term frequency"), "names count by their rarity");

    // Both records change, names become common, and another model takes over.
    index.expect("a/1", &ROBERT.replace("12 Elm Street", "80 Birch Road"), Link);
    index.expect("b/1", &BOB.replace("7 Oak Ave", "9 Pine St").replace("Bob", "Rob"), Link);
    for at in 0..40 {
        let other = format!("Zoe{at}|Okafor||19{}-03-12|F|||0{at:04}|", 50 + at % 40);
        index.register(&format!("c/{at}"), &other);
    }
    let mut file = LinkageModelFile::us_default().unwrap();
    file.version += 1;
    file.prior_match_probability /= 8.0;
    index.reopen_with(RegistryOptions::new(
        file.validate().unwrap(),
        Arc::new(SteppingClock::default()),
    ));
    let again = index.registry().explain_event(at).unwrap();
    let [now] = &again.decisions[..] else { panic!("one decision: {again:?}") };
    assert_eq!(now.explanation, decision.explanation, "as it was");
    assert_eq!(now.explanation.model, "us-default/1");
    assert!(!now.incoming.stands && !now.candidate.stands);
    assert_eq!(now.incoming.content, record("b/1", BOB));
    assert_eq!(now.candidate.content, record("a/1", ROBERT));
    assert_eq!(now.candidate.brought_by, Some(EventSequence(1)));

    // What the new model decides is told with the new model.
    let later = index.register("d/1", ROBERT);
    let later = index.registry().explain_event(later.event.unwrap()).unwrap();
    assert_eq!(later.decisions[0].explanation.model, "us-default/2");
    index.check();
}

#[test]
fn questions_keep_what_they_rest_on() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    let asked = index.expect("a/2", SAMUEL, Review);
    let task = asked.tasks[0];
    let view = index.registry().task(task).unwrap();
    let told = index.registry().explain_event(asked.event.unwrap()).unwrap();
    let [decision] = &told.decisions[..] else { panic!("one question: {told:?}") };
    assert_eq!((decision.task, decision.explanation.total), (Some(task), view.line.task.weight));
    assert_eq!(decision.explanation.guards, view.line.task.guards);
    assert_eq!(decision.explanation.decision, LinkDecision::Review);
    assert_eq!(index.registry().explain_task(task).unwrap().as_ref(), Some(decision));
    // It is answered, and undone by retiring one of the two: the question is told alike.
    index.resolve(task, ReviewOutcome::Different);
    index.retire("a/1", None);
    assert_eq!(index.registry().explain_task(task).unwrap().as_ref(), Some(decision));
}

#[test]
fn an_update_that_was_held_is_explained_although_it_was_never_applied() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("b/1", BOB, Link);
    let held = index.expect("b/1", ALICE, Review);
    let at = held.event.unwrap();
    let told = index.registry().explain_event(at).unwrap();
    assert_eq!(told.decisions.len(), 2, "the event and its question");
    let decision = told.decisions[0].clone();
    assert_eq!(decision.incoming.content, record("b/1", ALICE));
    assert_eq!(decision.incoming.brought_by, None);
    assert_eq!(row(&decision, "name").1, ["ALICE SMITH", "ROBERT OKAFOR"]);
    assert_eq!(Some(decision.explanation.total), held.weight);
    // The source says again what stands: the update is withdrawn.
    index.register("b/1", BOB);
    let again = index.registry().explain_event(at).unwrap();
    assert_eq!(again.decisions[0].explanation, decision.explanation);
    assert_eq!(again.decisions[0].incoming.content, record("b/1", ALICE));
    index.check();
}

#[test]
fn what_only_people_decided_has_no_scores() {
    let index = Index::new();
    index.expect("a/1", ROBERT, New);
    index.expect("a/2", ALICE, New);
    let answer =
        index.steward(StewardOperation::LinkRecords { left: key("a/1"), right: key("a/2") });
    let told = index.registry().explain_event(answer.event.event.sequence).unwrap();
    assert_eq!(told.decisions, []);
    let missing = index.registry().explain_event(EventSequence(99));
    assert!(matches!(missing, Err(RegistryError::NotFound(_))));
}

#[test]
fn a_model_is_kept_once_and_reads_back_as_it_was() {
    let mut index = Index::new();
    index.reopen();
    let snapshot = index.registry().core.store.snapshot();
    let kept = snapshot.models().unwrap();
    let [kept] = &kept[..] else { panic!("one model: {kept:?}") };
    assert_eq!((kept.number, kept.name.as_str()), (1, "us-default/1"));
    assert_eq!(LinkageModel::parse(&kept.text).unwrap(), LinkageModel::us_default().unwrap());
}
