//! What two people must want is done when both do, once, with both their names, and never by one alone.

use RegistrationDecision::{New, Review};
use empi_model::{AuditEntry, Operation, ProposalAnswer, ProposalState};

use super::*;
use crate::{AuditQuery, ProposalDecided};

use ProposalAnswer::{Approved, Declined, Withdrawn};

fn steward(name: &str) -> Actor {
    Actor { kind: ActorKind::Steward, name: name.to_owned() }
}

/// An encrypted index where erasing needs two, and so does more than one merge at once.
fn guarded(clock: &Arc<SteppingClock>) -> Index {
    let approval = ApprovalRules { merges_max: Some(1), ..ApprovalRules::default() };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let options = RegistryOptions { approval, clock, ..options() };
    let index = Index::keyed(options, Box::new(StoreJournal), true);
    index.register("a/1", ROBERT);
    index.register("b/1", BOB);
    index.register("a/3", ALICE);
    index
}

/// Asks as somebody to erase the person of a record.
fn erase(index: &Index, record: &str, name: &str) -> Result<StewardAnswer, RegistryError> {
    let operation = StewardOperation::ErasePerson { person: index.enterprise_id(record) };
    let note = "letter of 3 May".to_owned();
    let asked = StewardRequest { actor: steward(name), note, ..Index::asked(operation) };
    let version_token = Some(index.registry().steward(asked.clone())?.version_token);
    index.registry().steward(StewardRequest { version_token, validate_only: false, ..asked })
}

fn decide(
    index: &Index,
    number: u64,
    answer: ProposalAnswer,
    name: &str,
) -> Result<ProposalDecided, RegistryError> {
    index.registry().decide_proposal(number, answer, steward(name), "seen")
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, RegistryError>, words: &str) {
    let error = answer.unwrap_err();
    assert!(matches!(error, RegistryError::Conflict(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

fn state(index: &Index, number: u64) -> ProposalState {
    index.registry().proposal(number).unwrap().0.state
}

fn entries(index: &Index) -> Vec<AuditEntry> {
    let query = AuditQuery { limit: 1000, ..AuditQuery::default() };
    index.registry().audit(&query).unwrap().into_iter().map(|(_, entry)| entry).collect()
}

#[test]
fn an_erasure_waits_for_a_second_person_and_then_tells_both() {
    let mut index = guarded(&Arc::default());
    let robert = index.enterprise_id("a/1");
    let before = index.standing();
    let asked = erase(&index, "a/1", "lena").unwrap();
    assert_eq!((asked.is_preview, asked.proposal), (true, Some(1)));
    assert_eq!(asked.event.persons(), [(robert, crate::PersonFate::Erased)]);
    assert_eq!(
        erase(&index, "a/1", "lena").unwrap().proposal,
        Some(1),
        "asked twice is asked once"
    );
    refused(erase(&index, "a/1", "nora"), "lena has proposed this already");
    assert_eq!(index.standing(), before, "nothing is changed");
    // Whoever opens the index next finds it.
    index.reopen();
    index.check();
    let (view, foreseen) = index.registry().proposal(1).unwrap();
    assert_eq!(
        (view.state, view.proposal.note.as_str()),
        (ProposalState::Waiting, "letter of 3 May")
    );
    assert_eq!(foreseen[0].event.as_ref().unwrap().persons(), asked.event.persons());
    refused(decide(&index, 1, Approved, "lena"), "your own");
    refused(decide(&index, 1, Declined, " Lena "), "your own");
    refused(decide(&index, 1, Withdrawn, "nora"), "that of lena");
    assert_eq!(index.standing(), before);

    let told = entries(&index).len();
    let done = decide(&index, 1, Approved, "nora").unwrap();
    let event = &done.events[0].event;
    assert_eq!((event.actor.name.as_str(), event.approved_by.as_deref()), ("lena", Some("nora")));
    assert_eq!(event.note, "letter of 3 May");
    let told: Vec<(String, Operation, bool)> = entries(&index)[told..]
        .iter()
        .map(|it| (it.asked.asker.name.clone(), it.asked.operation, it.event.is_some()))
        .collect();
    let (nora, lena) = ("nora".to_owned(), "lena".to_owned());
    let expected = [(nora, Operation::Approve, false), (lena, Operation::ErasePersons, true)];
    assert_eq!(told, expected, "the decision, and the change");
    let asking = entries(&index);
    let asking = asking.iter().find(|it| it.asked.asker.reason == "proposal 1: erasure").unwrap();
    assert_eq!((asking.asked.asker.name.as_str(), &asking.persons), ("lena", &vec![robert]));

    for _ in 0..2 {
        assert_eq!(decide(&index, 1, Approved, "nora").unwrap(), done, "again is the same answer");
        refused(decide(&index, 1, Declined, "nora"), "was approved by nora before");
        refused(decide(&index, 1, Withdrawn, "lena"), "was approved by nora before");
        assert!(matches!(index.registry().person(robert), Err(RegistryError::NotFound(_))));
        index.check();
        index.reopen();
    }
}

#[test]
fn what_was_declined_withdrawn_or_has_expired_is_done_no_more() {
    let clock = Arc::new(SteppingClock::default());
    let index = guarded(&clock);
    let before = index.standing();
    let missing = index.registry().decide_proposal(1, Declined, steward("nora"), "");
    assert!(matches!(missing, Err(RegistryError::Invalid(_))), "declining says why");
    assert_eq!(erase(&index, "a/1", "lena").unwrap().proposal, Some(1));
    let declined = decide(&index, 1, Declined, "nora").unwrap();
    assert_eq!(decide(&index, 1, Declined, "nora").unwrap(), declined);
    assert_eq!(erase(&index, "a/1", "lena").unwrap().proposal, Some(2));
    let withdrawn = decide(&index, 2, Withdrawn, "lena").unwrap();
    assert_eq!(decide(&index, 2, Withdrawn, "lena").unwrap(), withdrawn);
    assert_eq!(erase(&index, "a/1", "lena").unwrap().proposal, Some(3));
    clock.0.fetch_add(7 * 24 * 60 * 60 * 1000, Ordering::Relaxed);
    for (number, words) in [(1, "declined by nora"), (2, "withdrawn by lena"), (3, "expired")] {
        refused(decide(&index, number, Approved, "nora"), words);
    }
    let states: Vec<ProposalState> = (1..4).map(|number| state(&index, number)).collect();
    let expected = [ProposalState::Declined, ProposalState::Withdrawn, ProposalState::Expired];
    assert_eq!(states, expected);
    assert_eq!(index.standing(), before);
    // What is over makes room for another try.
    assert_eq!(erase(&index, "a/1", "nora").unwrap().proposal, Some(4));
    let numbers: Vec<u64> =
        index.registry().proposals().unwrap().iter().map(|it| it.proposal.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    assert!(matches!(decide(&index, 9, Approved, "nora"), Err(RegistryError::NotFound(_))));
    assert!(matches!(decide(&index, 4, Approved, " "), Err(RegistryError::Invalid(_))));
    index.check();
}

#[test]
fn a_person_who_has_changed_since_is_not_erased() {
    let index = guarded(&Arc::default());
    let _ = erase(&index, "a/1", "lena").unwrap();
    index.register("b/1", &BOB.replace("7 Oak Ave", "8 Oak Ave"));
    refused(decide(&index, 1, Approved, "nora"), "has changed since proposal 1 was made");
    let (_, foreseen) = index.registry().proposal(1).unwrap();
    assert!(foreseen[0].event.as_ref().unwrap_err().contains("has changed since"));
    assert_eq!(state(&index, 1), ProposalState::Waiting);
    decide(&index, 1, Withdrawn, "lena").unwrap();
    let _ = erase(&index, "a/1", "lena").unwrap();
    assert!(!decide(&index, 2, Approved, "nora").unwrap().events.is_empty());
    // What was said in the proposals before is forgotten with the person.
    let forgotten = index.registry().proposal(1).unwrap().0.proposal;
    assert_eq!(
        (forgotten.note.as_str(), forgotten.decision.as_ref().unwrap().note.as_str()),
        ("", "")
    );
    index.check();
}

#[test]
fn two_who_approve_at_once_do_it_once() {
    let index = guarded(&Arc::default());
    let _ = erase(&index, "a/1", "lena").unwrap();
    let events = index.registry().stats().events;
    let answers: Vec<ProposalDecided> = std::thread::scope(|scope| {
        let names = ["nora", "ines", "nora", "dana"];
        let running = names.map(|name| {
            let index = &index;
            scope.spawn(move || decide(index, 1, Approved, name).unwrap())
        });
        running.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(index.registry().stats().events, events + 1);
    index.check();
}

/// Four questions, each whether two are one person.
fn asked_four(index: &Index) -> Vec<TaskId> {
    for at in 0..4 {
        let person = |given: &str| {
            format!("{given}|Zeller{at}||1960-03-1{at}|M||4{at} Pine Rd|04101|207-555-010{at}")
        };
        index.expect(&format!("a/1{at}"), &person("Robert"), New);
        index.expect(&format!("b/1{at}"), &person("Samuel"), Review);
    }
    let mut tasks = index.open_tasks();
    tasks.sort_unstable();
    tasks
}

fn all_same(name: &str) -> ReviewRequest {
    let reason = Some(ReasonCode::ChartReview);
    let answer = ReviewRequest::answer(ReviewOutcome::Same, steward(name));
    ReviewRequest { reason, is_lead: true, ..answer }
}

#[test]
fn many_merges_at_once_wait_for_a_second_person_and_come_together() {
    let mut index = guarded(&Arc::default());
    let mut tasks = asked_four(&index);
    let before = index.standing();
    tasks.push(TaskId(99));
    let asked = index.registry().review_all(&tasks, &all_same("lena")).unwrap();
    let is_refused: Vec<bool> = asked.answers.iter().map(|(_, answer)| answer.is_err()).collect();
    assert_eq!((is_refused, asked.proposal), (vec![false, false, false, false, true], Some(1)));
    assert_eq!(index.standing(), before, "nothing is changed");
    let again = index.registry().review_all(&tasks, &all_same("lena")).unwrap();
    assert_eq!(again.proposal, Some(1));
    refused(decide(&index, 1, Approved, "lena"), "your own");
    index.reopen();
    // One of them is answered otherwise meanwhile, and the persons of another change.
    index.resolve(tasks[0], ReviewOutcome::Different);
    index.register("b/11", "Samuel|Zeller1||1960-03-11|M||99 Birch Ln|04101|207-555-0101");
    let (_, foreseen) = index.registry().proposal(1).unwrap();
    let would: Vec<bool> = foreseen.iter().map(|it| it.event.is_ok()).collect();
    assert_eq!(would, [false, false, true, true], "{foreseen:?}");
    let done = decide(&index, 1, Approved, "nora").unwrap();
    let merged = |it: &EventView| (it.event.actor.name.clone(), it.event.approved_by.clone());
    let both = ("lena".to_owned(), Some("nora".to_owned()));
    assert_eq!(done.events.iter().map(merged).collect::<Vec<_>>(), [both.clone(), both]);
    let left_out = &done.view.proposal.decision.as_ref().unwrap().refused;
    assert_eq!(left_out.iter().map(|(task, _)| *task).collect::<Vec<_>>(), tasks[..2]);
    assert_eq!(decide(&index, 1, Approved, "ines").unwrap(), done);
    index.check();
    index.undo(&index.undo_event_of_last());
    index.check();
}

#[test]
fn nothing_that_can_still_be_done_is_no_approval() {
    let index = guarded(&Arc::default());
    let tasks = asked_four(&index);
    let asked = index.registry().review_all(&tasks, &all_same("lena")).unwrap();
    assert_eq!(asked.proposal, Some(1));
    tasks.iter().for_each(|task| drop(index.resolve(*task, ReviewOutcome::Different)));
    refused(decide(&index, 1, Approved, "nora"), "nothing of proposal 1 can be done any more");
    assert_eq!(state(&index, 1), ProposalState::Waiting);
    index.check();
}

#[test]
fn few_merges_different_answers_and_second_opinions_need_one_person() {
    let index = guarded(&Arc::default());
    let tasks = asked_four(&index);
    let events = index.registry().stats().events;
    let one = index.registry().review_all(&[tasks[0], tasks[0]], &all_same("lena")).unwrap();
    assert_eq!(one.proposal, None);
    let different = ReviewRequest::answer(ReviewOutcome::Different, steward("lena"));
    let others = index.registry().review_all(&tasks[1..], &different).unwrap();
    assert_eq!(others.proposal, None);
    assert_eq!(index.registry().stats().events, events + 4);
    assert_eq!(index.registry().proposals().unwrap(), []);
    index.check();
}

#[test]
fn proposals_are_in_backups_and_outlive_a_rebuild() {
    let mut index = guarded(&Arc::default());
    let _ = erase(&index, "a/1", "lena").unwrap();
    drop(index.registry.take());
    crate::rebuild(index.place()).unwrap();
    index.reopen();
    let backup = TempDir::new().unwrap();
    let copy = backup.path().join("copy");
    index.registry().core.store.backup(&backup.path().join("made"), &|_, _| {}).unwrap();
    let place = DataDir { path: copy, keys: index.keys.clone() };
    crate::restore(&backup.path().join("made"), place.clone(), &|_, _| {}).unwrap();
    let options = index.options.clone();
    let restored = Registry::open(place, options).unwrap();
    assert_eq!(restored.proposals().unwrap().len(), 1);
    assert_eq!(restored.verify().unwrap().problems, Vec::<String>::new());
    assert!(!decide(&index, 1, Approved, "nora").unwrap().events.is_empty());
}
