//! What does not agree is found, whatever it is.

use empi_model::{
    Asked, Asker, Operation, Party, Proposal, ProposalAnswer, ProposalDecision, Proposed,
};
use rocksdb::WriteBatch;

use super::*;

use crate::codec::{EventRow, PersonRow, ProposalRow, RecordRow, Row as _, TaskRow};
use crate::layout::{self, Family};
use crate::store::synced;

/// Bytes written past everything that keeps rows in agreement.
struct Damage<'a> {
    store: &'a Store,
    batch: WriteBatch,
}

impl Damage<'_> {
    fn put(&mut self, family: Family, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.batch.put_cf(&self.store.family(family).unwrap(), key, value);
    }

    fn delete(&mut self, family: Family, key: impl AsRef<[u8]>) {
        self.batch.delete_cf(&self.store.family(family).unwrap(), key);
    }

    fn put_person(&mut self, number: u64, state: PersonState) {
        let id = EnterpriseId::mint(number);
        let person =
            Person { enterprise_id: id, state, created: Timestamp(7), version: EventSequence(1) };
        self.put(Family::Persons, layout::person_key(id), PersonRow::encoded(&person));
    }
}

/// What is told of a sound store after some damage.
fn problems(damage: impl FnOnce(&mut Damage<'_>)) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store.commit(&told()).unwrap();
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    let mut damaged = Damage { store: &store, batch: WriteBatch::default() };
    damage(&mut damaged);
    let Damage { batch, .. } = damaged;
    store.write(batch, &synced()).unwrap();
    let report = store.verify(&keys_of).unwrap();
    assert_eq!(report.problem_count, report.problems.len() as u64);
    report.problems
}

fn check(expected: &str, damage: impl FnOnce(&mut Damage<'_>)) {
    let told = problems(damage);
    assert!(told.iter().any(|it| it.contains(expected)), "{expected}: {told:?}");
}

fn record_key(record_id: &str) -> Vec<u8> {
    layout::record_key(&RecordKey::new("clinic", record_id)).unwrap()
}

#[test]
fn damaged_records_are_found() {
    let index = layout::index_key(RecordIndex(1));
    check("record 1 does not read", |it| it.put(Family::Records, index, [0xFF]));
    check("no record stands in place 0", |it| {
        it.delete(Family::Records, layout::index_key(RecordIndex(0)));
    });
    check("2 records counted, 1 found", |it| it.delete(Family::Records, index));
    check("record 1 stands under another index", |it| {
        it.put(Family::Records, index, RecordRow::encoded(&registration(0).records[0]));
    });
    check("record 1 was linked by an event that is not there", |it| {
        let mut stored = registration(1).records.remove(0);
        stored.link.event = EventSequence(3);
        it.put(Family::Records, index, RecordRow::encoded(&stored));
    });
    check("a record has no index", |it| it.put(Family::Records, b"abc", []));
}

#[test]
fn a_record_that_does_not_read_hides_no_other() {
    // The record lost is told by the record, its key, its person and its postings; nothing is said of
    // record 1.
    let told = problems(|it| {
        it.put(Family::Records, layout::index_key(RecordIndex(0)), [0xFF]);
    });
    assert!(told.iter().any(|it| it == "record 0 does not read"), "{told:?}");
    assert!(!told.iter().any(|it| it.starts_with("record 1")), "{told:?}");
}

#[test]
fn damaged_record_keys_are_found() {
    check("record 1 is not where its key leads", |it| {
        it.put(Family::RecordKeys, record_key("1"), [0; 4]);
    });
    check("3 record keys stand for 2 records", |it| {
        it.put(Family::RecordKeys, record_key("9"), [0; 4]);
    });
    check("a record key leads to no record", |it| {
        it.put(Family::RecordKeys, record_key("9"), [9; 4]);
    });
}

#[test]
fn damaged_blocking_keys_are_found() {
    check("record 1 has other blocking keys", |it| {
        it.delete(Family::Keys, layout::posting_key(key_of(1), RecordIndex(1)));
    });
    check("record 1 has other blocking keys", |it| {
        it.put(Family::Keys, layout::posting_key(key_of(5), RecordIndex(1)), b"");
    });
    check("names no record: 9", |it| {
        it.put(Family::Keys, layout::posting_key(key_of(1), RecordIndex(9)), b"");
    });
    check("the blocking keys cannot be read", |it| it.put(Family::Keys, b"short", b""));
}

#[test]
fn rule_1_each_record_in_one_living_person() {
    let own = || PersonState::Live(vec![RecordIndex(1)]);
    check("record 1 is listed by no person", |it| {
        it.delete(Family::Persons, layout::person_key(EnterpriseId::mint(1)));
    });
    check("record 1 is listed by no person", |it| {
        it.put_person(1, redirect_to(0));
    });
    check("has no record", |it| it.put_person(2, PersonState::Live(Vec::new())));
    check("which is not its own", |it| it.put_person(2, own()));
    check("which is not its own", |it| {
        it.put_person(1, PersonState::Live(vec![RecordIndex(1), RecordIndex(1)]));
    });
    check("lists records out of order", |it| {
        it.put_person(1, PersonState::Live(vec![RecordIndex(1), RecordIndex(0)]));
    });
    check("does not read", |it| {
        it.put(Family::Persons, layout::person_key(EnterpriseId::mint(1)), [0xFF]);
    });
    check("stands under another enterprise ID", |it| {
        let person = registration(0).persons.remove(0);
        let key = layout::person_key(EnterpriseId::mint(1));
        it.put(Family::Persons, key, PersonRow::encoded(&person));
    });
}

#[test]
fn rule_2_enterprise_ids_resolve_and_were_minted() {
    let to = redirect_to;
    check("redirects to nobody", |it| it.put_person(2, to(77)));
    check("redirects to nobody", |it| it.put_person(2, to(2)));
    let told = problems(|it| {
        it.put_person(2, to(3));
        it.put_person(3, to(4));
        it.put_person(4, to(3));
        it.put_person(5, to(6));
        it.put_person(6, to(0));
    });
    let circle = told.iter().filter(|it| it.contains("redirects to nobody")).count();
    assert_eq!(circle, 3, "{told:?}");
    check("was never minted", |it| {
        it.delete(Family::Persons, layout::person_key(EnterpriseId::mint(1)));
        it.put_person(7, PersonState::Live(vec![RecordIndex(1)]));
    });
}

#[test]
fn redirects_that_end_are_sound() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let counted = Counters { persons_minted: 4, ..counters(0).unwrap() };
    let redirects = Commit {
        persons: vec![redirect(2, 3), redirect(3, 0)],
        counters: Some(counted),
        ..Commit::default()
    };
    store.commit(&[registration(0), registration(1), redirects]).unwrap();
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    let stats = store.stats();
    assert_eq!((stats.persons, stats.redirects), (2, 2));
}

#[test]
fn rule_4_pairs_kept_apart_are_apart() {
    check("kept apart and are one person", |it| {
        it.put(Family::KeptApart, layout::pair_key(RecordIndex(1), RecordIndex(1)), b"");
    });
    check("and one is missing", |it| {
        it.put(Family::KeptApart, layout::pair_key(RecordIndex(1), RecordIndex(9)), b"");
    });
}

#[test]
fn rule_5_events_have_no_gap() {
    let key = |sequence| layout::event_key(EventSequence(sequence));
    check("event 2 stands in place 1", |it| it.delete(Family::Events, key(1)));
    check("2 events counted, 1 found", |it| it.delete(Family::Events, key(2)));
    check("event 2 does not read", |it| it.put(Family::Events, key(2), [0xFF]));
    check("event 2 stands under another number", |it| {
        it.put(Family::Events, key(2), EventRow::encoded(&registration(0).events[0]));
    });
    check("event 2 names a record that is not there", |it| {
        let named = event(2, vec![RecordIndex(9)], EnterpriseId::mint(1));
        it.put(Family::Events, key(2), EventRow::encoded(&named));
    });
    check("event 2 undoes a later one", |it| {
        let mut undoing = event(2, vec![RecordIndex(1)], EnterpriseId::mint(1));
        undoing.undoes = Some(EventSequence(2));
        it.put(Family::Events, key(2), EventRow::encoded(&undoing));
    });
    check("event 2 names a person that is not there", |it| {
        let named = event(2, vec![RecordIndex(1)], EnterpriseId::mint(9));
        it.put(Family::Events, key(2), EventRow::encoded(&named));
    });
}

#[test]
fn rule_5_events_lead_to_the_records_as_they_are() {
    let put = |change: fn(&mut RegistryEvent)| {
        move |it: &mut Damage<'_>| {
            let mut told = event(2, vec![RecordIndex(1)], EnterpriseId::mint(1));
            change(&mut told);
            it.put(Family::Events, layout::event_key(EventSequence(2)), EventRow::encoded(&told));
        }
    };
    let change = |told: &mut RegistryEvent| told.change.take().unwrap().records.remove(0);
    check(
        "record 1 is not where the events have left it",
        put(|it| it.change = Some(EventChange::default())),
    );
    check("record 1 is not where the events have left it", |it| {
        let mut stored = registration(1).records.remove(0);
        stored.changed = EventSequence(1);
        let index = layout::index_key(RecordIndex(1));
        it.put(Family::Records, index, RecordRow::encoded(&stored));
    });
    let mut told = event(2, vec![RecordIndex(1)], EnterpriseId::mint(1));
    let appeared = change(&mut told);
    for wrong in [
        RecordChange { old_link: Some(registration(1).records.remove(0).link), ..appeared.clone() },
        RecordChange { record: RecordIndex(0), ..appeared.clone() },
    ] {
        check("event 2 does not follow the one before", |it| {
            let mut told = event(2, vec![RecordIndex(1)], EnterpriseId::mint(1));
            told.change = Some(EventChange { records: vec![wrong], ..EventChange::default() });
            it.put(Family::Events, layout::event_key(EventSequence(2)), EventRow::encoded(&told));
        });
    }
    check("event 2 changed something that is not there", |it| {
        let mut told = event(2, vec![RecordIndex(1)], EnterpriseId::mint(1));
        told.change = Some(EventChange {
            records: vec![RecordChange { record: RecordIndex(9), ..appeared }],
            ..EventChange::default()
        });
        it.put(Family::Events, layout::event_key(EventSequence(2)), EventRow::encoded(&told));
    });
    // An event of the first format does not tell what it changed.
    let told = problems(put(|it| it.change = None));
    assert_eq!(told, ["event 2 is not as it was written"]);
}

#[test]
fn damaged_review_work_is_found() {
    let key = |id| layout::task_key(TaskId(id));
    check("0 tasks are listed as open, and 1 are", |it| it.delete(Family::OpenTasks, key(1)));
    check("task 2 is listed as open and is not", |it| it.put(Family::OpenTasks, key(2), b""));
    check("review task 1 does not read", |it| it.put(Family::Tasks, key(1), [0xFF]));
    check("review task 2 names a record that is not there", |it| {
        let named = ReviewTask { candidate: RecordIndex(9), ..task(2, resolved()) };
        it.put(Family::Tasks, key(2), TaskRow::encoded(&named));
    });
    check("review task 9 stands under a wrong number", |it| {
        it.put(Family::Tasks, key(9), TaskRow::encoded(&task(9, resolved())));
    });
    check("1 tasks ask about a held update, and 0 wait", |it| {
        it.delete(Family::HeldUpdates, key(1));
    });
    check("an update waits for task 2, which is not open", |it| {
        it.put(Family::HeldUpdates, key(2), []);
    });
    check("the update held by task 1 does not read", |it| {
        it.put(Family::HeldUpdates, key(1), [0xFF]);
    });
}

#[test]
fn damaged_answers_and_counters_are_found() {
    use crate::codec::{CountersRow, RequestRow};

    let put = |change: fn(&mut StoredRequest)| {
        move |it: &mut Damage<'_>| {
            let mut answer = request();
            change(&mut answer);
            it.put(Family::Requests, "r-1", RequestRow::encoded(&answer));
        }
    };
    let answered = |change: fn(&mut StoredRegistration)| {
        move |it: &mut Damage<'_>| {
            let mut answer = request();
            if let StoredAnswer::Registration(answer) = &mut answer.answer {
                change(answer);
            }
            it.put(Family::Requests, "r-1", RequestRow::encoded(&answer));
        }
    };
    check("does not read", |it| it.put(Family::Requests, "r-1", [0xFF]));
    check("does not read", put(|it| it.request_id = "r-2".to_owned()));
    check("names record 9, which is not there", answered(|it| it.record = RecordIndex(9)));
    check("who is not there", answered(|it| it.enterprise_id = EnterpriseId::mint(9)));
    check("names a task that is not there", answered(|it| it.tasks = vec![TaskId(9)]));
    check("names an event that is not there", answered(|it| it.event = Some(EventSequence(9))));
    check("9 review tasks counted, 2 found", |it| {
        let counted = CountersRow::encoded(&counters(9).unwrap());
        it.put(Family::Meta, crate::store::META_COUNTERS, counted);
    });
}

#[test]
fn problems_are_counted_beyond_those_told() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut damaged = Damage { store: &store, batch: WriteBatch::default() };
    for number in 0..300 {
        let posting = layout::posting_key(key_of(number), RecordIndex(number));
        damaged.put(Family::Keys, posting, b"");
    }
    let Damage { batch, .. } = damaged;
    store.write(batch, &synced()).unwrap();
    let report = store.verify(&keys_of).unwrap();
    assert_eq!((report.problems.len(), report.problem_count), (crate::PROBLEMS_MAX, 300));
}

#[test]
fn proposals_that_one_person_decided_alone_are_found() {
    let actor = |name: &str| Actor { kind: ActorKind::Steward, name: name.to_owned() };
    let party = |name: &str| Party { caller: String::new(), actor: actor(name) };
    let asked = Asked { asker: Asker::internal("lena").into(), operation: Operation::ErasePersons };
    let decided = |name: &str, events: &[u64]| ProposalDecision {
        answer: ProposalAnswer::Approved,
        who: party(name),
        time: Timestamp(9),
        note: String::new(),
        events: events.iter().copied().map(EventSequence).collect(),
        refused: Vec::new(),
    };
    let proposal = |person: u64, decision| Proposal {
        number: 1,
        what: Proposed::Erasure {
            person: EnterpriseId::mint(person),
            version_token: String::new(),
            request_id: None,
        },
        actor: actor("lena"),
        asked: asked.clone(),
        reason: None,
        note: String::new(),
        proposed: Timestamp(1),
        until: Timestamp(10),
        decision,
    };
    let put = |number, proposal: Proposal| {
        move |it: &mut Damage<'_>| {
            let row = ProposalRow::encoded(&proposal);
            it.put(Family::Meta, layout::proposal_key(number), row);
        }
    };
    assert_eq!(problems(put(1, proposal(0, None))), Vec::<String>::new());
    check("a proposal does not read", put(2, proposal(0, None)));
    check("a proposal does not read", |it| {
        it.put(Family::Meta, layout::proposal_key(1), [0xFF]);
    });
    check("proposal 1 is about somebody who is not there", put(1, proposal(99, None)));
    for (decision, expected) in [
        (decided("lena", &[1]), "was decided by somebody who may not"),
        (decided("nora", &[]), "says otherwise whether it was done"),
        (decided("nora", &[1]), "names an event that does not tell of it"),
        (decided("nora", &[77]), "names an event that does not tell of it"),
    ] {
        check(&format!("proposal 1 {expected}"), put(1, proposal(0, Some(decision))));
    }
}
