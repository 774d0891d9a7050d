//! A disk that cannot sync what it took, or cannot read what it has: nothing is answered that is not durable, nothing
//! that is there is said to be missing, and all that was answered is there when the disk works again.

use empi_tests::{Desk, FailingDisk, Folder, Server, empi, nth_patient, skipped};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Code;

const CLIENTS: u32 = 8;

/// Registrations of each client before the disk fails.
const BEFORE: u32 = 20;

/// What was answered: source, number, person.
type Acknowledged = (String, u32, String);

async fn register(desk: &mut Desk, source: &str, number: u32) -> Result<Acknowledged, Code> {
    let record = nth_patient(number).record(source, &number.to_string());
    let answer = desk.try_register(record, &format!("{source}-{number}")).await;
    let answer = answer.map_err(|status| status.code())?;
    Ok((source.to_owned(), number, answer.enterprise_id))
}

/// Registers until it is refused, and tells of each that is answered.
async fn register_on(mut desk: Desk, client: u32, told: mpsc::Sender<()>) -> Vec<Acknowledged> {
    let source = format!("hospital-{client}");
    let mut answered = Vec::new();
    for number in 0.. {
        match register(&mut desk, &source, number).await {
            Ok(answer) => answered.push(answer),
            Err(code) => {
                assert_eq!(code, Code::Unavailable);
                break;
            }
        }
        // Nobody listens once the disk fails.
        let _ = told.send(()).await;
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_does_not_sync_is_not_answered_and_what_was_answered_is_there() {
    let folder = Folder::new();
    let Some(disk) = FailingDisk::new(&folder) else {
        return skipped("no library can be loaded before the system's own");
    };
    let data = folder.path("data");
    let server = Server::start_with(&data, &[], &disk.variables());
    let (told, mut telling) = mpsc::channel(1);
    let mut running = JoinSet::new();
    for client in 0..CLIENTS {
        running.spawn(register_on(server.desk().await, client, told.clone()));
    }
    for _ in 0..CLIENTS * BEFORE {
        telling.recv().await.expect("clients register");
    }
    disk.fail_to_sync();
    drop(telling);
    let answered = running.join_all().await.concat();
    assert!(answered.len() >= (CLIENTS * BEFORE) as usize);
    let mut desk = server.desk().await;
    // A sync that works again proves nothing of what the system has dropped meanwhile.
    disk.mend();
    assert_eq!(register(&mut desk, "later", 1).await, Err(Code::Unavailable));
    let (source, number, _) = answered.first().expect("some were answered");
    let read = desk.try_record(source, &number.to_string()).await;
    assert_eq!(read.unwrap_err().code(), Code::Unavailable);
    let run = server.stop();
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);

    let server = Server::start(&data);
    let mut desk = server.desk().await;
    desk.assert_holds(&answered).await;
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_not_said_to_be_missing() {
    let folder = Folder::new();
    let Some(disk) = FailingDisk::new(&folder) else {
        return skipped("no library can be loaded before the system's own");
    };
    let data = folder.path("data");
    let server = Server::start(&data);
    let mut desk = server.desk().await;
    let mut answered = Vec::new();
    for number in 0..BEFORE {
        answered.push(register(&mut desk, "hospital", number).await.unwrap());
    }
    // All of it goes into files, of which little is in memory when they are opened again.
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start_with(&data, &[], &disk.variables());
    let mut desk = server.desk().await;
    disk.fail_to_read();
    let mut failed = 0;
    for (source, number, enterprise_id) in &answered {
        match desk.try_record(source, &number.to_string()).await {
            Ok(held) => assert_eq!(&held.enterprise_id, enterprise_id),
            Err(status) => {
                // Unavailable for good, where RocksDB met the failure behind the scenes.
                assert!([Code::Internal, Code::Unavailable].contains(&status.code()), "{status}");
                failed += 1;
            }
        }
    }
    println!("{failed} of {} could not be read", answered.len());
    let run = server.stop();
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);

    let server = Server::start(&data);
    let mut desk = server.desk().await;
    desk.assert_holds(&answered).await;
    assert_eq!(server.stop().code, Some(0));
    let _ = empi(&["verify", "--data", &data]).succeeded();
}
