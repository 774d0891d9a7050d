//! A repository of audit records that counts what comes: syslog over TLS (RFC 5425), in a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::line::Identities;

/// What stands in every message before the number of its entry.
const NUMBER: &str = "ParticipantObjectTypeCodeRole=\"13\" ParticipantObjectID=\"";

/// Bytes that are asked for at a time.
const READ_BYTES: usize = 64 << 10;

/// How often it is asked whether an entry has come, and for how long.
const ASK_EVERY: Duration = Duration::from_millis(5);
const COMING_TIME_MAX: Duration = Duration::from_secs(60);

/// What came so far.
#[derive(Default)]
struct Received {
    entries: AtomicU64,
    bytes: AtomicU64,
    last: AtomicU64,
}

/// The repository. It ends with the program.
pub(crate) struct Repository {
    pub(crate) address: String,
    received: Arc<Received>,
}

impl Repository {
    /// Listens on a free port.
    pub(crate) fn start(identities: &Identities) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        let (acceptor, received) = (identities.acceptor()?, Arc::<Received>::default());
        let counted = Arc::clone(&received);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _ = std::thread::Builder::new()
            .name("repository".to_owned())
            .spawn(move || runtime.block_on(accept(listener, &acceptor, &counted)))?;
        Ok(Self { address, received })
    }

    /// Messages and bytes of them that came so far.
    pub(crate) fn received(&self) -> (u64, u64) {
        let Received { entries, bytes, .. } = &*self.received;
        (entries.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
    }

    /// Waits until the entry with a number has come.
    pub(crate) async fn has(&self, number: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.received.last.load(Ordering::Relaxed) < number {
            ensure!(began.elapsed() < COMING_TIME_MAX, "the audit trail does not come");
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }
}

/// Takes one connection after the other: there is one sender.
async fn accept(listener: std::net::TcpListener, acceptor: &TlsAcceptor, received: &Received) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        // A sender that goes comes again.
        let _ = read(stream, acceptor, received).await;
    }
}

async fn read(stream: TcpStream, acceptor: &TlsAcceptor, received: &Received) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut buffer = Vec::with_capacity(2 * READ_BYTES);
    loop {
        buffer.reserve(READ_BYTES);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let (used, frames) = count(&buffer).map_err(io::Error::other)?;
        let whole = buffer.get(..used).unwrap_or_default();
        if let Some(number) = last_number(whole) {
            received.entries.fetch_add(frames, Ordering::Relaxed);
            received.bytes.fetch_add(used as u64, Ordering::Relaxed);
            received.last.store(number, Ordering::Relaxed);
        }
        buffer.drain(..used);
    }
}

/// How many bytes at the beginning are whole frames, and how many frames: each is its length in digits, a blank, and
/// the message.
fn count(bytes: &[u8]) -> anyhow::Result<(usize, u64)> {
    let (mut used, mut frames) = (0, 0);
    while let Some(rest) = bytes.get(used..) {
        let Some(digits) = rest.iter().position(|byte| *byte == b' ') else { break };
        let length = std::str::from_utf8(rest.get(..digits).unwrap_or_default())?;
        let length: usize = length.parse().context("a frame without its length")?;
        if rest.len() < digits + 1 + length {
            break;
        }
        used += digits + 1 + length;
        frames += 1;
    }
    Ok((used, frames))
}

/// The number of the last entry.
fn last_number(frames: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(frames).ok()?;
    let from = text.rfind(NUMBER)? + NUMBER.len();
    text.get(from..)?.split('"').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_when_they_are_whole() {
        let message = |number: u64| {
            let text = format!("<85>1 <Object {NUMBER}{number}\"/>");
            format!("{} {text}", text.len())
        };
        let bytes = format!("{}{}12 <85>1", message(41), message(42));
        let whole = bytes.len() - "12 <85>1".len();
        assert_eq!(count(bytes.as_bytes()).unwrap(), (whole, 2));
        assert_eq!(last_number(&bytes.as_bytes()[..whole]), Some(42));
        assert_eq!(count(b"").unwrap(), (0, 0));
        assert!(count(b"<85>1 x").is_err());
    }
}
