//! Linearisability: whatever several callers do at once, every answer is as if the calls had been made one
//! after the other, each at some moment between its call and its answer.
//!
//! A history is recorded from real threads (`history`) and judged (`check`) against the use cases run one
//! after the other in one thread, which the state-machine test compares with a plain model. A share of the
//! histories is broken off by a failing write and goes on after a restart.
//!
//! A test run does a few histories; `EMPI_LINEAR_HISTORIES=1000` does many.

mod check;
mod history;

use super::dice::Dice;
use super::*;
use check::check;
use history::{Call, History, Op};

/// A clock that stands still, so that no answer depends on when it was given.
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(1)
    }
}

fn still_options() -> RegistryOptions {
    RegistryOptions::new(LinkageModel::us_default().unwrap(), Arc::new(StillClock))
}

#[test]
fn every_history_is_as_if_one_call_came_after_the_other() {
    let told = std::env::var("EMPI_LINEAR_HISTORIES").ok().and_then(|text| text.parse().ok());
    let histories: u64 = told.unwrap_or(12);
    let first_seed = if told.is_some() { rand_seed() } else { 0 };
    let (mut ops, mut changes) = (0, 0);
    for seed in first_seed..first_seed + histories {
        let history = History::record(seed, seed % 4 == 3);
        if let Err(why) = check(&history) {
            panic!("seed {seed}: {why}");
        }
        ops += history.ops.len();
        changes += history.events.len();
    }
    eprintln!("{histories} histories from seed {first_seed}: {ops} calls, {changes} changes");
    assert!(changes as u64 > 10 * histories, "the histories change things");
}

/// Another seed each time, for long runs.
#[expect(clippy::disallowed_methods, reason = "only the seed of a long run, and it is printed")]
fn rand_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_secs()
}

/// A history of one caller: each call is answered before the next is made.
fn told_one_after_the_other(calls: Vec<Call>) -> History {
    let index = Index::with(still_options());
    let mut ops: Vec<Op> = Vec::new();
    for (at, call) in calls.into_iter().enumerate() {
        let answer = call.make(index.registry());
        let invoked = 2 * at as u64;
        ops.push(Op { call, invoked, answered: Some((invoked + 1, answer)) });
    }
    History::of(ops, &index)
}

#[test]
fn a_wrong_history_is_refused() {
    let register = |key: &str, line, id: &str| Call::Register {
        record: Box::new(record(key, line)),
        request_id: id.to_owned(),
    };
    let calls = vec![
        register("a/1", ROBERT, "op-0"),
        Call::Record(key("a/1")),
        register("a/1", BOB, "op-1"),
        Call::Record(key("a/1")),
        register("b/1", ALICE, "op-2"),
        Call::Record(key("b/1")),
    ];
    let right = told_one_after_the_other(calls);
    assert_eq!(check(&right), Ok(()));

    // Who asks after a change was answered must not be told what stood before it.
    let mut stale = right.clone();
    stale.ops[3].answered = Some((7, right.ops[1].answered.clone().unwrap().1));
    assert!(check(&stale).unwrap_err().contains("no moment"));
    // Unless it was asked before that change was answered.
    stale.ops[3].invoked = 3;
    assert_eq!(check(&stale), Ok(()));

    // A change that was answered is there, ...
    let mut lost = right.clone();
    lost.events.pop();
    assert!(check(&lost).unwrap_err().contains("no event"));
    // ... each answer is that of its own change, ...
    let mut wrong = right.clone();
    wrong.ops[2].answered = right.ops[4].answered.clone().map(|(_, answer)| (5, answer));
    assert!(check(&wrong).is_err());
    // ... and changes come in the order in which they were answered.
    let mut swapped = right.clone();
    (swapped.ops[0].invoked, swapped.ops[0].answered) =
        (9, right.ops[0].answered.clone().map(|(_, answer)| (10, answer)));
    assert!(check(&swapped).unwrap_err().contains("order"));
}
