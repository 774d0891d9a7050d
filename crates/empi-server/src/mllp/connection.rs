//! One connection: frames in, answers out, one after the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::frame::{Frames, framed};
use super::{Mllp, PERMIT_BYTES, message};
use crate::exchange::caller::Caller;

/// Bytes that are read at a time.
const READ_BYTES: usize = 16 << 10;

/// Bytes that a message may have without asking the shared budget.
const FREE_BYTES: usize = 64 << 10;

/// How long the other side may take to accept an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Why a connection ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The other side closed it.
    Closed,
    /// The server shuts down.
    Closing,
    /// A message was longer than `message_bytes_max`.
    TooLong,
    /// A message did not come whole within `message_ms_max`, or nothing came for `idle_seconds_max`.
    TooSlow,
    /// The network failed.
    Broken,
}

/// Serves a connection until one side ends it. The caller is whoever showed a certificate, if any was shown.
pub(super) async fn serve<S>(
    stream: S,
    mllp: Mllp,
    caller: Option<Caller>,
    closing: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = exchange(stream, &mllp, caller.map(Arc::new), closing).await;
    match end {
        End::Closed | End::Closing => {}
        End::TooLong | End::TooSlow | End::Broken => {
            tracing::warn!(reason = ?end, "an MLLP connection was dropped");
        }
    }
}

async fn exchange<S>(
    mut stream: S,
    mllp: &Mllp,
    caller: Option<Arc<Caller>>,
    mut closing: watch::Receiver<bool>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut inbox = Inbox::default();
    loop {
        let received = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return End::Closing,
            received = inbox.receive(&mut stream, mllp) => received,
        };
        let bytes = match received {
            Ok(bytes) => bytes,
            Err(end) => return end,
        };
        let answer = message::answer(mllp, bytes, caller.as_ref()).await;
        match timeout(ANSWER_TIME_MAX, send(&mut stream, &answer)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Broken,
            Err(_) => return End::TooSlow,
        }
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) -> io::Result<()> {
    stream.write_all(&framed(answer)).await?;
    stream.flush().await
}

/// What has come of messages.
#[derive(Default)]
struct Inbox {
    frames: Frames,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Inbox {
    /// The next whole message.
    async fn receive<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        mllp: &Mllp,
    ) -> Result<Vec<u8>, End> {
        let config = &mllp.0.config;
        let mut read = vec![0; READ_BYTES];
        let mut deadline = None;
        loop {
            if let Some(message) = self.frames.next() {
                self.permits.clear();
                return if message.len() > config.message_bytes_max {
                    Err(End::TooLong)
                } else {
                    Ok(message)
                };
            }
            if self.frames.pending() > config.message_bytes_max {
                return Err(End::TooLong);
            }
            let until = match (self.frames.pending(), deadline) {
                (0, _) => Instant::now() + config.idle_time_max(),
                (_, Some(deadline)) => deadline,
                (_, None) => *deadline.insert(Instant::now() + config.message_time_max()),
            };
            timeout_at(until, self.make_room(mllp)).await.map_err(|_| End::TooSlow)?;
            match timeout_at(until, stream.read(&mut read)).await {
                Err(_) => return Err(End::TooSlow),
                Ok(Err(_)) => return Err(End::Broken),
                Ok(Ok(0)) if self.frames.pending() > 0 => return Err(End::Broken),
                Ok(Ok(0)) => return Err(End::Closed),
                Ok(Ok(count)) => self.frames.take(read.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Waits until the shared budget has room for what may come next.
    async fn make_room(&mut self, mllp: &Mllp) {
        let held = FREE_BYTES + self.permits.len() * READ_BYTES;
        if self.frames.pending() + READ_BYTES > held {
            let permits = (READ_BYTES / PERMIT_BYTES) as u32;
            let budget = Arc::clone(&mllp.0.budget);
            // The budget is never closed.
            if let Ok(permit) = budget.acquire_many_owned(permits).await {
                self.permits.push(permit);
            }
        }
    }
}
