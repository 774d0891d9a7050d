//! Acknowledged is durable: the server is killed in the middle of registrations, again and again.
//!
//! SIGKILL takes the process and leaves the page cache, so this does not test the disk; that every
//! acknowledged change was synced before is for the registry's own tests.

use std::collections::BTreeMap;

use empi_proto::v1::{ReviewOutcome, SourceRecord};
use empi_tests::{Desk, Folder, Server, Steward, empi, nth_patient};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

const CLIENTS: usize = 8;

/// Acknowledgements of a cycle, at most, after which the server is killed.
const KILL_AFTER_MAX: u64 = 400;

/// Cycles that any record is asked for again, after the one that wrote it.
const CYCLES_ASKED: usize = 3;

/// After how many acknowledgements the server is killed: cycle by cycle. An ordinary run has few;
/// `EMPI_CRASH_CYCLES=300` has more, each at another moment.
fn cycles(ordinary: &[usize]) -> Vec<usize> {
    let Ok(count) = std::env::var("EMPI_CRASH_CYCLES") else { return ordinary.to_vec() };
    let mut state = 0x5EED_u64;
    let moments = std::iter::repeat_with(|| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        usize::try_from((state >> 33) % KILL_AFTER_MAX + 1).expect("a small number")
    });
    moments.take(count.parse().expect("a number of cycles")).collect()
}

/// What a client was told: this record belongs to this person.
struct Acknowledged {
    client: usize,
    step: u32,
    enterprise_id: String,
}

/// The record of a client's step. All clients register the same people at about the same time, and
/// every fourth step changes the record of the step before.
fn step_record(client: usize, step: u32) -> SourceRecord {
    let number = if step % 4 == 3 { step - 1 } else { step };
    let patient = nth_patient(number);
    let patient = if step % 4 == 3 { patient.with("street", "7 Oak Avenue") } else { patient };
    patient.record(&format!("hospital-{client}"), &number.to_string())
}

/// Registers without pause until the server is gone.
async fn register_on(
    mut desk: Desk,
    client: usize,
    first: u32,
    told: UnboundedSender<Acknowledged>,
) -> (usize, u32) {
    for step in first.. {
        let Ok(answer) = desk.try_register(step_record(client, step), "").await else {
            return (client, step);
        };
        let enterprise_id = answer.enterprise_id;
        // Nobody listens any more once the server was killed, and then the next call fails.
        let _ = told.send(Acknowledged { client, step, enterprise_id });
    }
    unreachable!("steps never end")
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_loses_nothing_acknowledged() {
    let folder = Folder::new();
    let data = folder.path("data");
    // By client and record: the last acknowledged step that wrote it, and the person answered.
    let mut oracle: BTreeMap<(usize, u32), (u32, String)> = BTreeMap::new();
    let mut next = [0; CLIENTS];
    let mut firsts = vec![next];
    let cycles = cycles(&[1, 37, 150, 64, 256, 5, 199, 301]);
    for (cycle, kill_after) in cycles.iter().copied().enumerate() {
        let server = Server::start(&data);
        let mut desk = server.desk().await;
        // What was written lately; all of it is asked for at the end.
        let lately = firsts[cycle.saturating_sub(CYCLES_ASKED)];
        for (key, acknowledged) in oracle.iter().filter(|(key, _)| key.1 + 1 >= lately[key.0]) {
            assert_is_there(&mut desk, *key, acknowledged, cycle).await;
        }
        let (sender, mut told) = unbounded_channel();
        let mut running = JoinSet::new();
        for (client, first) in next.into_iter().enumerate() {
            let desk = server.desk().await;
            running.spawn(register_on(desk, client, first, sender.clone()));
        }
        drop(sender);
        let mut heard = Vec::new();
        while heard.len() < kill_after {
            heard.push(told.recv().await.expect("the clients register until the server is killed"));
        }
        server.kill();
        // What was still on its way when the server died was acknowledged, too.
        while let Some(late) = told.recv().await {
            heard.push(late);
        }
        for (client, step) in running.join_all().await {
            next[client] = step;
        }
        firsts.push(next);
        for Acknowledged { client, step, enterprise_id } in heard {
            let record = if step % 4 == 3 { step - 1 } else { step };
            oracle.insert((client, record), (step, enterprise_id));
        }
    }
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    for (key, acknowledged) in &oracle {
        assert_is_there(&mut desk, *key, acknowledged, cycles.len()).await;
    }
    let stats = server.stats().await;
    let sent: u64 = next.iter().map(|step| u64::from(*step) + 1).sum();
    assert!((oracle.len() as u64..=sent).contains(&stats.records), "{} records", stats.records);
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

/// The record has the acknowledged content, or that of the one later step that was on its way when
/// the server was killed, and the enterprise ID answers with the record's person.
async fn assert_is_there(
    desk: &mut Desk,
    (client, record): (usize, u32),
    (step, enterprise_id): &(u32, String),
    cycle: usize,
) {
    let held = desk.record(&format!("hospital-{client}"), &record.to_string()).await;
    let is_acknowledged = |step| held.record.as_ref() == Some(&step_record(client, step));
    let may_be_later = record % 4 == 2 && *step == record && is_acknowledged(record + 1);
    assert!(
        is_acknowledged(*step) || may_be_later,
        "cycle {cycle}: content of client {client}, step {step}"
    );
    assert_eq!(&held.enterprise_id, enterprise_id, "cycle {cycle}: client {client}, step {step}");
    let person = desk.person(enterprise_id).await;
    assert!(person.records.iter().any(|other| other.record == held.record), "cycle {cycle}");
}

/// Stewards at work, each with a desk.
const STEWARDS: usize = 4;

/// Answers of earlier cycles that are asked for again after each.
const KNOWN_ASKED: usize = 500;

/// What a steward was told: this task is resolved.
struct Resolved {
    task: u64,
    outcome: ReviewOutcome,
    older: String,
    newer: String,
}

/// Registers twins and answers whether they are one, again and again, until the server is gone.
async fn resolve_on(
    (mut desk, mut steward): (Desk, Steward),
    client: usize,
    first: u32,
    told: UnboundedSender<Resolved>,
) -> (usize, u32) {
    for step in first.. {
        let number = step * STEWARDS as u32 + client as u32;
        let outcome = [ReviewOutcome::Same, ReviewOutcome::Different][step as usize % 2];
        let patient = nth_patient(number).without("ssn").with("birth_order", "1");
        let twin = patient.clone().with("given_name", "Zebulon").with("birth_order", "2");
        let source = format!("hospital-{client}");
        let older = desk.try_register(patient.record(&source, &format!("{step}-1")), "").await;
        let newer = desk.try_register(twin.record(&source, &format!("{step}-2")), "").await;
        let (Ok(older), Ok(newer)) = (older, newer) else { return (client, step) };
        let Some(task) = newer.tasks.first().copied() else {
            // A step done again after a crash: its answer was on its way, and is durable or not.
            continue;
        };
        let Ok(view) = steward.try_resolve(task, outcome).await else { return (client, step) };
        assert!(view.task.is_some_and(|task| task.resolution.is_some()));
        let (older, newer) = (older.enterprise_id, newer.enterprise_id);
        // Nobody listens any more once the server was killed, and then the next call fails.
        let _ = told.send(Resolved { task, outcome, older, newer });
    }
    unreachable!("steps never end")
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_loses_no_answer_of_a_steward() {
    let folder = Folder::new();
    let data = folder.path("data");
    let mut oracle: Vec<Resolved> = Vec::new();
    let mut next = [0; STEWARDS];
    for kill_after in cycles(&[3, 20, 41, 8]) {
        let known = oracle.len();
        let server = Server::start(&data);
        let (sender, mut told) = unbounded_channel();
        let mut running = JoinSet::new();
        for (client, first) in next.into_iter().enumerate() {
            let calls = (server.desk().await, server.steward().await);
            running.spawn(resolve_on(calls, client, first, sender.clone()));
        }
        drop(sender);
        for _ in 0..kill_after {
            oracle.push(told.recv().await.expect("stewards work until the server is killed"));
        }
        server.kill();
        while let Some(late) = told.recv().await {
            oracle.push(late);
        }
        for (client, step) in running.join_all().await {
            next[client] = step;
        }
        let server = Server::start(&data);
        let (mut desk, mut steward) = (server.desk().await, server.steward().await);
        for Resolved { task, outcome, older, newer } in &oracle[known.saturating_sub(KNOWN_ASKED)..]
        {
            let resolution = steward.task(*task).await.task.unwrap().resolution.unwrap();
            assert_eq!(resolution.outcome(), *outcome, "task {task}");
            let is_same = *outcome == ReviewOutcome::Same;
            assert_eq!(&desk.person(older).await.enterprise_id, older, "task {task}");
            let answers = desk.person(newer).await.enterprise_id;
            assert_eq!(&answers, if is_same { older } else { newer }, "task {task}");
        }
        assert_eq!(server.stop().code, Some(0));
        let _ = empi(&["verify", "--data", &data]).succeeded();
    }
}
