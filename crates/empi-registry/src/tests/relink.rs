//! Linking all records of a store anew.

use RegistrationDecision::{Link, New};
use empi_linkage::Progress;
use empi_model::{EventKind, EventSequence};
use expect_test::expect;

use super::*;
use crate::{Loader, RelinkOptions, RelinkReport, Relinking};

/// An index with records of these persons, right or wrong.
fn loaded(records: &[(&str, &str, u64)]) -> Index {
    let dir = TempDir::new().unwrap();
    let model = LinkageModel::us_default().unwrap();
    let clock = Arc::new(SteppingClock::default());
    let mut loader = Loader::create(dir.path(), &model, clock, system()).unwrap();
    for (key, line, person) in records {
        loader.add(record(key, line), EnterpriseId::mint(*person), None).unwrap();
    }
    let minted = records.iter().map(|(.., person)| person + 1).max().unwrap_or_default();
    loader.finish(&[], minted).unwrap();
    let registry = Registry::open(dir.path(), options()).unwrap();
    Index { dir, keys: Vec::new(), options: options(), registry: Some(registry) }
}

/// Links anew while nobody has the index open.
fn relink_with(index: &mut Index, model: LinkageModel, dry_run: bool) -> RelinkReport {
    drop(index.registry.take());
    let relinking = Relinking::open(index.place(), model).unwrap();
    let options = RelinkOptions {
        actor: system(),
        clock: Arc::new(SteppingClock(AtomicI64::new(1_000_000))),
        dry_run,
    };
    let report = relinking.link(&Progress::default()).apply(&options).unwrap();
    index.reopen();
    index.check();
    report
}

/// Links anew: first as a dry run that foretells everything, at last again, which changes nothing.
fn relink(index: &mut Index) -> RelinkReport {
    let model = || LinkageModel::us_default().unwrap();
    let before = index.standing();
    let foretold = relink_with(index, model(), true);
    assert_eq!(index.standing(), before, "a dry run changes nothing");
    let events = index.registry().stats().events;
    let report = relink_with(index, model(), false);
    assert_eq!(report, foretold, "a dry run foretells everything");
    assert_eq!(index.registry().stats().events, events + report.changes());
    assert_unchanged(index);
    report
}

/// Another run changes nothing.
fn assert_unchanged(index: &mut Index) {
    let before = index.standing();
    let again = relink_with(index, LinkageModel::us_default().unwrap(), false);
    assert_eq!((again.changes(), again.samples.len()), (0, 0), "{again:?}");
    assert_eq!(again.persons_before, again.persons_after);
    assert_eq!(index.standing(), before);
}

/// The numbers of changes by kind.
fn changes(report: &RelinkReport) -> [u64; 3] {
    [report.merges, report.splits, report.exchanges]
}

fn undo_last(index: &Index) -> StewardAnswer {
    let event = EventSequence(index.registry().stats().events);
    index.steward(StewardOperation::UndoEvent { event })
}

fn unlink(record: &str) -> StewardOperation {
    StewardOperation::UnlinkRecord { record: key(record), keep_apart: false }
}

fn link(left: &str, right: &str) -> StewardOperation {
    StewardOperation::LinkRecords { left: key(left), right: key(right) }
}

#[test]
fn rule_3_of_persons_that_become_one_the_oldest_survives() {
    let lines = [("a/1", ROBERT, 2), ("a/2", ALICE, 1), ("b/1", BOB, 0), ("b/2", BOB, 0)];
    let mut index = loaded(&lines);
    let before = index.standing();
    let report = relink(&mut index);
    assert_eq!(changes(&report), [1, 0, 0]);
    assert_eq!((report.persons_before, report.persons_after), (3, 2));
    assert_eq!((report.ids_redirected, report.records_moved, report.ids_minted), (1, 2, 0));
    // All were loaded at one moment: the person whose record came first is the oldest.
    expect![[r#"
        a/1 P3 automatic v1
        a/2 P2 automatic v1
        b/1 P3 automatic v1
        b/2 P3 automatic v1
        P1 -> P3
    "#]]
    .assert_eq(&index.state());
    let event = index.registry().event(EventSequence(5)).unwrap();
    assert_eq!(event.event.kind, EventKind::Relinked);
    assert!(event.event.reason.starts_with("relinked: 2 persons are one"));
    assert_eq!(report.samples[0].moves(), event.moves());
    // Rule 5: undoable, and what a person undid is not done again (rule 4).
    undo_last(&index);
    assert_eq!(index.standing(), before);
    let report = relink(&mut index);
    assert_eq!((report.changes(), report.held_back), (0, 1));
}

#[test]
fn rule_3_on_a_split_the_side_with_most_records_keeps_the_id() {
    let lines = [("a/1", ALICE, 0), ("a/2", ROBERT, 0), ("b/1", BOB, 0)];
    let mut index = loaded(&lines);
    let before = index.standing();
    let report = relink(&mut index);
    assert_eq!((changes(&report), report.ids_minted), ([0, 1, 0], 1));
    expect![[r#"
        a/1 P2 automatic v1
        a/2 P1 automatic v1
        b/1 P1 automatic v1
    "#]]
    .assert_eq(&index.state());
    undo_last(&index);
    let standing = index.standing();
    assert!(before.iter().all(|line| standing.contains(line)), "undoing brings back everything");
    let report = relink(&mut index);
    assert_eq!(report.changes(), 0, "a steward wants them to be one person");
}

#[test]
fn persons_that_exchange_records_are_one_change() {
    let lines = [
        ("a/1", ROBERT, 0),
        ("a/2", ALICE, 0),
        ("a/3", ALICE, 0),
        ("b/1", BOB, 1),
        ("b/2", MARRIED_ALICE, 1),
        ("b/3", ROBERT, 1),
    ];
    let mut index = loaded(&lines);
    let report = relink(&mut index);
    assert_eq!((changes(&report), report.records_moved), ([0, 0, 1], 2));
    assert_eq!((report.ids_minted, report.ids_redirected), (0, 0));
    expect![[r#"
        a/1 P2 automatic v1
        a/2 P1 automatic v1
        a/3 P1 automatic v1
        b/1 P2 automatic v1
        b/2 P1 automatic v1
        b/3 P2 automatic v1
    "#]]
    .assert_eq(&index.state());
}

#[test]
fn rule_4_what_a_steward_joined_stays_together() {
    let mut index = loaded(&[("a/1", ROBERT, 0), ("a/2", ALICE, 1), ("b/1", BOB, 2)]);
    index.steward(link("a/1", "a/2"));
    let report = relink(&mut index);
    // Bob is Robert, and Robert is Alice by a steward's word: nobody says that Bob is Alice.
    assert_eq!((report.changes(), report.held_back), (0, 1));
    assert_eq!(index.enterprise_id("a/1"), index.enterprise_id("a/2"));
}

#[test]
fn rule_4_what_a_steward_took_apart_stays_apart() {
    for keep_apart in [true, false] {
        let mut index = loaded(&[("a/1", ROBERT, 0), ("b/1", BOB, 0), ("c/1", ROBERT, 1)]);
        index.steward(StewardOperation::UnlinkRecord { record: key("b/1"), keep_apart });
        let report = relink(&mut index);
        assert_eq!((report.changes(), report.held_back), (0, 1), "keep apart: {keep_apart}");
        assert_ne!(index.enterprise_id("a/1"), index.enterprise_id("b/1"));
        // Until a steward says otherwise.
        undo_last(&index);
        let report = relink(&mut index);
        assert_eq!((changes(&report), report.held_back), ([1, 0, 0], 0));
        assert_eq!(index.enterprise_id("c/1"), index.enterprise_id("b/1"));
    }
}

#[test]
fn a_person_that_a_steward_made_takes_in_others() {
    let mut index = loaded(&[("a/1", ROBERT, 0), ("b/1", BOB, 1), ("c/1", ROBERT, 2)]);
    index.steward(link("a/1", "b/1"));
    let report = relink(&mut index);
    assert_eq!(changes(&report), [1, 0, 0]);
    expect![[r#"
        a/1 P1 manual v1
        b/1 P1 manual v1
        c/1 P1 automatic v1
        P2 -> P1
        P3 -> P1
    "#]]
    .assert_eq(&index.state());
}

#[test]
fn another_model_and_back_leads_to_the_ids_of_before() {
    let mut index = loaded(&[("a/1", ROBERT, 0), ("a/2", ALICE, 1), ("b/1", BOB, 2)]);
    let before = index.state();
    relink(&mut index);
    let strict = include_str!("../../../empi-linkage/src/model/us-default.toml");
    let at = strict.find("link = ").unwrap();
    let line = strict[at..].lines().next().unwrap();
    let strict = LinkageModel::parse(&strict.replacen(line, "link = 500.0", 1)).unwrap();
    let report = relink_with(&mut index, strict, false);
    assert_eq!((changes(&report), report.ids_revived, report.ids_minted), ([0, 1, 0], 1, 0));
    assert_eq!(index.state(), before);
}

#[test]
fn questions_that_linking_anew_answers_are_settled() {
    let mut index = Index::new();
    index.expect("a/1", NUMBERED_ROBERT, New);
    index.expect("a/2", HOUSED_ROBERT, RegistrationDecision::Review);
    let whole = index.register("a/3", ROBERT);
    assert_eq!(whole.decision, Link);
    let open = index.open_tasks().len() as u64;
    let report = relink(&mut index);
    assert_eq!(report.tasks_closed, open - index.open_tasks().len() as u64);
    let persons: Vec<_> = ["a/1", "a/2", "a/3"].map(|it| index.enterprise_id(it)).into();
    let is_one = persons.iter().all(|id| *id == persons[0]);
    assert_eq!(is_one, report.merges == 1);
    assert_eq!(is_one, index.open_tasks().is_empty());
}

#[test]
fn retired_records_follow_their_people() {
    let lines = [("a/1", ROBERT, 0), ("a/2", ALICE, 0), ("a/3", ALICE, 0), ("b/1", BOB, 1)];
    let mut index = loaded(&lines);
    index.retire("a/1", Some("a/3"));
    index.retire("a/3", None);
    let report = relink(&mut index);
    assert_eq!(report.changes(), 0, "who has no say parts nobody");
    let mut index = loaded(&lines);
    index.retire("a/2", Some("a/3"));
    let report = relink(&mut index);
    assert_eq!(changes(&report), [0, 0, 1]);
    assert_eq!(index.enterprise_id("a/2"), index.enterprise_id("a/3"));
    assert_ne!(index.enterprise_id("a/2"), index.enterprise_id("a/1"));
}

#[test]
fn an_empty_store_has_nothing_to_link() {
    let mut index = Index::new();
    assert_eq!(relink(&mut index), RelinkReport::default());
}

#[test]
fn a_store_that_somebody_has_open_is_left_alone() {
    let index = loaded(&[("a/1", ROBERT, 0)]);
    let refused = Relinking::open(index.place(), LinkageModel::us_default().unwrap());
    assert!(matches!(refused, Err(RegistryError::Store(crate::StoreError::Locked(_)))));
}

/// Knuth's MMIX generator.
fn next(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// Whatever persons there are and whatever stewards did: a second run changes nothing, what stewards
/// decided stands, and every event can be undone.
#[test]
fn linking_anew_is_done_once_whatever_stewards_did() {
    let lines = [ROBERT, BOB, SAMUEL, ALICE, MARRIED_ALICE, NUMBERED_ROBERT, HOUSED_ROBERT];
    for seed in 0..12 {
        let mut state = seed;
        let records: Vec<(String, &str, u64)> = (0..12)
            .map(|at| {
                let line = lines[next(&mut state, lines.len() as u64) as usize];
                (format!("a/{at}"), line, next(&mut state, 7))
            })
            .collect();
        let mut persons: Vec<u64> = records.iter().map(|(.., person)| *person).collect();
        persons.sort_unstable();
        persons.dedup();
        let number = |person: &u64| persons.binary_search(person).unwrap() as u64;
        let dense: Vec<_> =
            records.iter().map(|(key, line, at)| (key.as_str(), *line, number(at))).collect();
        let mut index = loaded(&dense);
        let mut decided = Vec::new();
        for _ in 0..next(&mut state, 5) {
            let [left, right] =
                [0, 1].map(|_| format!("a/{}", next(&mut state, records.len() as u64)));
            let operation = match next(&mut state, 4) {
                0 => link(&left, &right),
                1 => unlink(&left),
                2 => StewardOperation::KeepApart { left: key(&left), right: key(&right) },
                _ => StewardOperation::MoveRecord {
                    record: key(&left),
                    person: index.enterprise_id(&right),
                },
            };
            // What makes no sense is refused.
            if index.try_steward(operation).is_ok() {
                decided.push((left, right));
            }
        }
        let together = |index: &Index, (left, right): &(String, String)| {
            index.enterprise_id(left) == index.enterprise_id(right)
        };
        let before: Vec<bool> = decided.iter().map(|pair| together(&index, pair)).collect();
        let standing = index.standing();
        let report = relink(&mut index);
        let after: Vec<bool> = decided.iter().map(|pair| together(&index, pair)).collect();
        for ((pair, before), after) in decided.iter().zip(before).zip(after) {
            assert!(!before || after, "seed {seed}: {pair:?} were put together");
        }
        let last = index.registry().stats().events;
        for event in (last - report.changes() + 1..=last).rev() {
            index.steward(StewardOperation::UndoEvent { event: EventSequence(event) });
        }
        let back = index.standing();
        assert!(standing.iter().all(|line| back.contains(line)), "seed {seed}: undone");
        index.check();
        let again = relink(&mut index);
        assert_eq!(again.changes(), 0, "seed {seed}: what people undid is not done again");
    }
}
