//! Consumers are told what changes in their domains, once and in order, whatever comes between.

use std::path::Path;

use empi_formats::hl7::Application;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::mllp::ConsumerConfig;
use crate::mllp::frame::{Frames, framed};
use crate::mllp::notify::Notifier;

/// Another system that listens, and answers each message with what it is told to.
struct Consumer {
    listener: TcpListener,
    stream: Option<TcpStream>,
}

impl Consumer {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), stream: None }
    }

    fn notifier(&self, desk: &Desk, dir: &Path) -> Notifier {
        let (door, exchange) = desk.parts();
        let own = Application { application: "EMPI".into(), facility: "EMPI".into() };
        let config = ConsumerConfig {
            name: "ehr".into(),
            address: self.listener.local_addr().unwrap().to_string(),
            application: "EHR".into(),
            facility: "NORTH".into(),
            domains: vec!["north".into(), "south".into()],
            tls: None,
        };
        Notifier::new((door, exchange, None), own, config, dir)
    }

    /// The control ID and identifiers of the next message, which is answered so.
    async fn next(&mut self, answer: &str) -> String {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.listener.accept().await.unwrap().0,
        };
        let (mut frames, mut read) = (Frames::default(), vec![0; 4096]);
        let message = loop {
            if let Some(message) = frames.next() {
                break message;
            }
            let count = stream.read(&mut read).await.unwrap();
            assert!(count > 0, "the notifier closed the connection");
            frames.take(&read[..count]);
        };
        let message = Message::read(&message).unwrap();
        let control = message.header(10).raw().to_owned();
        if answer.is_empty() {
            // Gone before it answered.
            drop(stream);
        } else {
            let ack = format!(
                "MSH|^~\\&|EHR|NORTH|EMPI|EMPI|2026||ACK^A31|1|P|2.5\rMSA|{answer}|{control}\r"
            );
            stream.write_all(&framed(ack.as_bytes())).await.unwrap();
            self.stream = Some(stream);
        }
        let pid = message.segment("PID").unwrap();
        assert_eq!(message.header(9).component(2).text(), "A31");
        let numbers = pid.field(3).repetitions();
        let numbers: Vec<String> = numbers.map(|cx| cx.text().into_owned()).collect();
        format!("{control} {}", numbers.join(" "))
    }
}

#[tokio::test]
async fn a_consumer_is_told_of_links_and_merges_in_order_and_at_least_once() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new();
    let mut consumer = Consumer::new().await;
    let send = |sender: &'static str,
                event: &'static str,
                control: &'static str,
                segments: String| { adt(sender, event, control, &segments) };
    // What was before the consumer is not told.
    let before = send("REG|NORTH", "A04", "0", pid("9^^^NORTH", "LI^WEI||19660606|M"));
    assert_eq!(desk.outcome(&before).await, "AA");
    std::fs::write(dir.path().join("ehr.told"), format!("{}\n", desk.events())).unwrap();
    let (stop, closing) = watch::channel(false);
    let telling = tokio::spawn(consumer.notifier(&desk, dir.path()).run(closing));
    for message in [
        send("REG|NORTH", "A04", "1", pid("1^^^NORTH", AMARA)),
        send("LAB|X", "A04", "2", pid("L1^^^LAB", AMARA)),
        send("REG|SOUTH", "A04", "3", pid("S1^^^SOUTH", AMARA)),
        send("REG|NORTH", "A04", "4", pid("2^^^NORTH", BORIS)),
        send("REG|NORTH", "A40", "5", "PID|||1^^^NORTH||X\nMRG|2^^^NORTH".to_owned()),
    ] {
        assert_eq!(desk.outcome(&message).await, "AA");
    }
    // The sets are those of the moment at which they are told.
    let first = consumer.next("").await;
    assert!(first.starts_with("2-0 1"), "{first}");
    assert_eq!(consumer.next("AA").await.split(' ').next(), Some("2-0"), "told again");
    assert!(consumer.next("AA").await.starts_with("4-0 1 S1"));
    assert!(consumer.next("AE").await.starts_with("5-0"));
    assert_eq!(consumer.next("AA").await, "6-0 1 S1");
    stop.send_replace(true);
    telling.await.unwrap();
    let dead = std::fs::read_to_string(dir.path().join("ehr.dead.csv")).unwrap();
    assert!(dead.starts_with("5,") && dead.ends_with(",refused\n"), "{dead}");
    // Another day: it goes on where it was, or one message before.
    let later = send("REG|SOUTH", "A04", "6", pid("S9^^^SOUTH", "MEYER^ANNA||19400101|F"));
    assert_eq!(desk.outcome(&later).await, "AA");
    consumer.stream = None;
    let (_stop, closing) = watch::channel(false);
    tokio::spawn(consumer.notifier(&desk, dir.path()).run(closing));
    let mut last = consumer.next("AA").await;
    if last.starts_with("6-0") {
        last = consumer.next("AA").await;
    }
    assert_eq!(last, "7-0 S9");
}
