//! One identity per person under concurrency: eight desks register the same new human at once.

use std::collections::HashSet;
use std::sync::Arc;

use empi_tests::{Desk, Folder, Patient, Server, empi, nth_patient};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CLIENTS: usize = 8;

/// Rounds of an ordinary run; `EMPI_RACE_ROUNDS=10000` runs more.
const ROUNDS: u32 = 1_000;

fn rounds() -> u32 {
    std::env::var("EMPI_RACE_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"))
}

/// Rounds that run side by side, so that the synced writes of one do not wait for those of another.
const LANES: u32 = 8;

/// What the desk of a client has on paper about the patient of a round.
fn as_client_writes(client: usize, number: u32) -> Patient {
    let patient = nth_patient(number);
    match client {
        0 => patient,
        1 => patient.in_capitals(),
        2 => patient.under_nickname(),
        3 => {
            let date = patient.get("birth_date");
            let american = format!("{}/{}/{}", &date[5..7], &date[8..10], &date[..4]);
            patient.with("birth_date", american)
        }
        4 => {
            let phone = format!("({}) {}", &patient.get("phone")[..3], &patient.get("phone")[4..]);
            patient.with("phone", phone)
        }
        5 => {
            let street = patient.get("street").replace("Street", "St.");
            patient.with("street", street)
        }
        6 => {
            let ssn = patient.get("ssn").replace('-', "");
            patient.with("ssn", ssn).without("phone")
        }
        _ => {
            let name = format!("  {} ", patient.get("family_name").to_lowercase());
            patient.with("family_name", name).with("middle_name", "Q")
        }
    }
}

/// One client of one lane: registers the patient of every round of the lane, each at the same moment
/// as the seven others, and gives the enterprise IDs in order of the rounds.
async fn register_rounds(
    mut desk: Desk,
    client: usize,
    lane: u32,
    barrier: Arc<Barrier>,
) -> (usize, u32, Vec<String>) {
    let mut persons = Vec::new();
    for round in (lane..rounds()).step_by(LANES as usize) {
        let record = as_client_writes(client, round)
            .record(&format!("hospital-{client}"), &format!("round-{round}"));
        barrier.wait().await;
        persons.push(desk.register(record).await.enterprise_id);
    }
    (client, lane, persons)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_clients_and_one_new_person() {
    let rounds = rounds();
    let folder = Folder::new();
    let data = folder.path("data");
    let server = Server::start(&data);
    let barriers: Vec<_> = (0..LANES).map(|_| Arc::new(Barrier::new(CLIENTS))).collect();
    let mut running = JoinSet::new();
    for client in 0..CLIENTS {
        let desk = server.desk().await;
        for (lane, barrier) in (0..).zip(&barriers) {
            running.spawn(register_rounds(desk.clone(), client, lane, Arc::clone(barrier)));
        }
    }
    let mut of_round: Vec<HashSet<String>> = vec![HashSet::new(); rounds as usize];
    for (_, lane, persons) in running.join_all().await {
        let of_lane = (lane as usize..).step_by(LANES as usize);
        for (round, person) in of_lane.zip(persons) {
            of_round[round].insert(person);
        }
    }
    for (round, persons) in of_round.iter().enumerate() {
        assert_eq!(persons.len(), 1, "round {round}: one human, one enterprise ID");
    }
    let all: HashSet<&String> = of_round.iter().flatten().collect();
    assert_eq!(all.len(), rounds as usize, "another human in each round");
    let stats = server.stats().await;
    assert_eq!(stats.persons, u64::from(rounds));
    assert_eq!(stats.records, u64::from(rounds) * CLIENTS as u64);
    assert_eq!(stats.redirects, 0, "nobody was minted and merged away");
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}
