//! Many callers at once: one person, one enterprise ID.

use std::collections::HashSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Barrier, OnceLock};

use super::dice::Dice;
use super::*;

const THREADS: usize = 8;
const ROUNDS: usize = 150;

/// A human that resembles none of the other rounds.
fn human(round: usize) -> [String; 4] {
    const SYLLABLES: [&str; 12] =
        ["ba", "ke", "li", "mo", "nu", "ra", "shi", "to", "ve", "wo", "xa", "zi"];
    let word = |seed: usize, length: usize| -> String {
        let spread = |at: usize| (seed.wrapping_mul(2_654_435_761) >> (7 * at)) + 5 * at;
        (0..length).map(|at| SYLLABLES[spread(at) % SYLLABLES.len()]).collect()
    };
    let (given, family) = (word(round + 1, 3), word(round + 7919, 4));
    let birth_date = format!("{}-{:02}-{:02}", 1930 + round % 70, 1 + round % 12, 1 + round % 28);
    let ssn = format!("{:03}-{:02}-{:04}", 101 + round % 500, 10 + round % 80, 1000 + round * 7);
    [given, family, birth_date, ssn]
}

/// The same human as eight sources spell it.
fn spelling(round: usize, thread: usize) -> String {
    let [given, family, birth_date, ssn] = human(round);
    let plain = ssn.replace('-', "");
    let house = 100 + round;
    match thread {
        0 => format!("{given}|{family}||{birth_date}|F|{ssn}|{house} Elm Street|02139|"),
        1 => {
            format!("{}|{}||{birth_date}|F|{plain}|||", given.to_uppercase(), family.to_uppercase())
        }
        2 => format!("{given}|{family}||{birth_date}||{ssn}|{house} Oak Ave|60601|"),
        3 => format!("{given}|{family}x||{birth_date}|F|{ssn}|{house} Elm St|02139|"),
        4 => format!("{family}|{given}||{birth_date}|F|{ssn}|{house} Elm Street|02139|"),
        5 => format!("{given}|{family}||{birth_date}|F|{plain}|{house} ELM STREET|02139-1234|"),
        6 => format!(" {given} | {family} ||{birth_date}|female|{ssn}||02139|"),
        _ => format!("{given}|{family}||{birth_date}|F|{ssn}|{house} Elm Street|02139|"),
    }
}

fn race(line: impl Fn(usize, usize) -> String + Sync) {
    let index = Index::new();
    let barrier = Barrier::new(THREADS);
    let answers: Vec<Vec<EnterpriseId>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (index, barrier, line) = (&index, &barrier, &line);
                scope.spawn(move || {
                    let register = |round: usize| {
                        barrier.wait();
                        let key = format!("source-{thread}/{round}");
                        index.register(&key, &line(round, thread)).enterprise_id
                    };
                    (0..ROUNDS).map(register).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        let ids: HashSet<_> = answers.iter().map(|of_thread| of_thread[round]).collect();
        assert_eq!(ids.len(), 1, "round {round}: {}", line(round, 0));
    }
    let stats = index.registry().stats();
    assert_eq!((stats.persons, stats.redirects), (ROUNDS as u64, 0));
    assert_eq!(stats.records, (THREADS * ROUNDS) as u64);
    index.check();
}

#[test]
fn eight_callers_with_one_new_human_get_one_enterprise_id() {
    race(|round, _| spelling(round, 0));
}

#[test]
fn eight_callers_with_one_new_human_in_eight_spellings_get_one_enterprise_id() {
    race(spelling);
}

#[test]
fn eight_callers_with_the_same_record_register_it_once() {
    let index = Index::new();
    let barrier = Barrier::new(THREADS);
    let decisions: Vec<Vec<RegistrationDecision>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (index, barrier) = (&index, &barrier);
                scope.spawn(move || {
                    let register = |round: usize| {
                        barrier.wait();
                        index.register(&format!("a/{round}"), &spelling(round, 0)).decision
                    };
                    (0..ROUNDS).map(register).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        let new = decisions.iter().filter(|all| all[round] == RegistrationDecision::New).count();
        let rest =
            decisions.iter().filter(|all| all[round] == RegistrationDecision::Unchanged).count();
        assert_eq!((new, rest), (1, THREADS - 1), "round {round}");
    }
    assert_eq!(index.registry().stats().records, ROUNDS as u64);
    index.check();
}

#[test]
fn retries_of_one_request_at_once_change_the_index_once() {
    let index = Index::new();
    let barrier = Barrier::new(THREADS);
    for round in 0..ROUNDS {
        let answers: Vec<Registration> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (index, barrier) = (&index, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let record = record(&format!("a/{round}"), &spelling(round, 0));
                        index.try_register(record, Some(&format!("request-{round}"))).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "round {round}: {answers:?}");
        assert_eq!(answers[0].decision, RegistrationDecision::New);
    }
    assert_eq!(index.registry().stats().events, ROUNDS as u64);
    index.check();
}

/// How many requests a run sends; `EMPI_RETRIED_REQUESTS=100000` for a long one.
fn retried_requests() -> usize {
    let told = std::env::var("EMPI_RETRIED_REQUESTS").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(2000)
}

#[test]
fn requests_whose_replies_are_lost_are_done_once() {
    const RESTARTS: usize = 4;
    let requests = retried_requests();
    let mut index = Index::new();
    let answers: Vec<OnceLock<Registration>> = (0..requests).map(|_| OnceLock::new()).collect();
    let mut dice = Dice(requests as u64);
    for round in 0..=RESTARTS {
        let new = requests * round / (RESTARTS + 1)..requests * (round + 1) / (RESTARTS + 1);
        // A third is sent twice, and some of what was answered before the restart comes again.
        let mut sent: Vec<usize> = new.clone().chain(new.clone().step_by(3)).collect();
        sent.extend((0..new.start).step_by(7));
        for at in (1..sent.len()).rev() {
            sent.swap(at, dice.below(at + 1));
        }
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                let (index, answers, sent, next) = (&index, &answers, &sent, &next);
                let mut dice = dice.fork();
                scope.spawn(move || {
                    while let Some(request) = sent.get(next.fetch_add(1, Ordering::Relaxed)) {
                        loop {
                            let record =
                                record(&format!("a/{request}"), &spelling(*request, request % 8));
                            let answer =
                                index.try_register(record, Some(&format!("r-{request}"))).unwrap();
                            // A fifth of the replies is lost: the caller sends the request again.
                            if dice.below(5) > 0 {
                                let first = answers[*request].get_or_init(|| answer.clone());
                                assert_eq!(*first, answer, "request {request}");
                                break;
                            }
                        }
                    }
                });
            }
        });
        index.reopen();
    }
    let stats = index.registry().stats();
    assert_eq!((stats.events, stats.records), (requests as u64, requests as u64));
    index.check();
}
