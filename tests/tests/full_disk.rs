//! A disk that takes no more: nothing is answered that is not on it, and all that was answered is there.
//!
//! The disk is real, and so is the error: the server may make no file longer than a limit, and the write
//! that would is refused by the system, in the middle if it must be. A disk that
//! refuses to sync what it took is that of `failing_disk`.

use empi_tests::{Desk, Folder, Server, empi, nth_patient};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const CLIENTS: u32 = 8;

/// Kibibytes that the longest file may have: from what the store needs to open, and a log that holds a few
/// hundred registrations.
const FILE_KIB_MIN: u32 = 512;

/// Disks of an ordinary run; `EMPI_FULL_DISKS=100` fills more, each of another size.
const DISKS: u32 = 4;

/// What was answered: source, number, person.
type Acknowledged = (String, u32, String);

/// Registers until the server refuses, and gives what was answered.
async fn register_on(mut desk: Desk, client: u32) -> (Desk, Vec<Acknowledged>) {
    let source = format!("hospital-{client}");
    let mut answered = Vec::new();
    for number in 0.. {
        let record = nth_patient(number).record(&source, &number.to_string());
        match desk.try_register(record, &format!("{source}-{number}")).await {
            Ok(answer) => answered.push((source.clone(), number, answer.enterprise_id)),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status}");
                return (desk, answered);
            }
        }
    }
    unreachable!("numbers never end")
}

/// Whoever asks is told that nothing is known for sure; nobody is told anything that may be lost.
async fn assert_says_nothing_more(server: &Server, mut desk: Desk, known: &Acknowledged) {
    let read = desk.try_record(&known.0, &known.1.to_string()).await;
    assert_eq!(read.unwrap_err().code(), Code::Unavailable);
    let again = nth_patient(known.1).record(&known.0, &known.1.to_string());
    assert_eq!(desk.try_register(again, "").await.unwrap_err().code(), Code::Unavailable);
    let mut health = HealthClient::new(server.connect().await);
    let asked = HealthCheckRequest { service: String::new() };
    let told = health.check(asked).await.unwrap().into_inner();
    assert_eq!(told.status(), ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_answers_and_loses_none() {
    let disks = std::env::var("EMPI_FULL_DISKS");
    let disks = disks.map_or(DISKS, |disks| disks.parse().expect("a number of disks"));
    for disk in 0..disks {
        let folder = Folder::new();
        let data = folder.path("data");
        // 61 and the range have no divisor in common: every size comes once before one comes again.
        let server = Server::try_start_with_files_up_to(&data, FILE_KIB_MIN + disk * 61 % 256);
        let server = server.unwrap_or_else(|run| panic!("the server starts: {}", run.stderr));
        let mut running = JoinSet::new();
        for client in 0..CLIENTS {
            running.spawn(register_on(server.desk().await, client));
        }
        let (desks, answered): (Vec<_>, Vec<_>) = running.join_all().await.into_iter().unzip();
        let answered = answered.concat();
        let known = answered.first().expect("some registrations fit");
        let desk = desks.into_iter().next().expect("there are desks");
        assert_says_nothing_more(&server, desk, known).await;
        let run = server.stop();
        assert!(run.code.is_some(), "disk {disk}: it ends by itself");
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);

        // There is room again.
        let server = Server::start(&data);
        let mut desk = server.desk().await;
        desk.assert_holds(&answered).await;
        let count = server.stats().await.records;
        let sent = answered.len() as u64 + u64::from(CLIENTS);
        assert!((answered.len() as u64..=sent).contains(&count), "disk {disk}: {count} records");
        desk.register(nth_patient(0).record("later", "1")).await;
        assert_eq!(server.stop().code, Some(0));
        let _ = empi(&["verify", "--data", &data]).succeeded();
        println!("disk {disk}: {} answered, {count} there", answered.len());
    }
}
