//! Connections: several messages, limits, silence, shutdown.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch;

use super::*;
use crate::mllp::connection;
use crate::mllp::frame::framed;

/// A connection to a desk, and what turns true when the server shuts down.
fn connected(desk: &Desk) -> (DuplexStream, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
    let (client, server) = duplex(1 << 20);
    let (stop, closing) = watch::channel(false);
    let serving = tokio::spawn(connection::serve(server, desk.mllp.clone(), None, closing));
    (client, stop, serving)
}

async fn next(client: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x1C\r") {
        answer.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

fn message(control: &str) -> Vec<u8> {
    adt("REG|NORTH", "A04", control, &pid(&format!("{control}^^^NORTH"), AMARA))
        .replace('\n', "\r")
        .into_bytes()
}

#[tokio::test]
async fn messages_of_one_connection_are_answered_in_their_order() {
    let desk = Desk::new();
    let (mut client, stop, serving) = connected(&desk);
    let both = [framed(&message("1")), b"\r\nnoise".to_vec(), framed(&message("2"))].concat();
    client.write_all(&both).await.unwrap();
    for control in ["1", "2"] {
        let answer = next(&mut client).await;
        assert!(answer.contains(&format!("MSA|AA|{control}\r")), "{answer}");
    }
    stop.send_replace(true);
    serving.await.unwrap();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_message_longer_than_the_limit_ends_the_connection() {
    let desk = Desk::with(MllpConfig { message_bytes_max: 100_000, ..MllpConfig::default() });
    let (mut client, _stop, serving) = connected(&desk);
    let mut long = framed(&message("1"));
    let at = long.len() - 2;
    long.splice(at..at, vec![b'X'; 200_000]);
    // The server may close before all is written.
    let _ = client.write_all(&long).await;
    serving.await.unwrap();
    assert_eq!(desk.events(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_end_and_a_silent_connection_are_given_up() {
    let desk = Desk::with(MllpConfig { idle_seconds_max: 60, ..MllpConfig::default() });
    for bytes in [b"\x0BMSH|^~".as_slice(), b""] {
        let (mut client, _stop, serving) = connected(&desk);
        client.write_all(bytes).await.unwrap();
        serving.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn memory_for_messages_under_way_is_shared_and_given_back() {
    let config = MllpConfig { pending_bytes_max: 128 << 10, ..MllpConfig::default() };
    let desk = Desk::with(config);
    let budget = desk.mllp.0.budget.available_permits();
    let mut connections = Vec::new();
    for _ in 0..4 {
        let (mut client, stop, serving) = connected(&desk);
        client.write_all(&[&[0x0B][..], &[b'X'; 120 << 10]].concat()).await.unwrap();
        connections.push((client, stop, serving));
    }
    // Whoever finds no room waits, at last for as long as a message may take.
    while desk.mllp.0.budget.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    for (client, _stop, serving) in connections {
        drop(client);
        serving.await.unwrap();
    }
    assert_eq!(desk.mllp.0.budget.available_permits(), budget);
}
