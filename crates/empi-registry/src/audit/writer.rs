//! Writing entries of what was looked at: many together, by a thread of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use empi_model::{Asked, Asker, AuditEntry, AuditOutcome, Operation};
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::commit::Core;

/// Entries that one write takes.
const BATCH_MAX: usize = 1024;

/// How long entries may lie on the machine without being on its disk.
const SYNC_TIME_MAX: Duration = Duration::from_secs(1);

/// How many entries may wait, and what happens when they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLimits {
    /// Entries that wait to be written.
    pub pending_max: usize,
    /// Whether callers are answered although their entry cannot be kept. How many there were is an entry itself, as soon
    /// as entries are written again.
    pub answer_unkept: bool,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self { pending_max: 65_536, answer_unkept: false }
    }
}

/// What comes to the thread that writes.
enum Letter {
    Entry(Box<AuditEntry>),
    /// Tell when all before it is written.
    Flush(Sender<()>),
}

/// The way to the thread that writes.
pub(crate) struct AuditWriter {
    queue: RwLock<Option<Sender<Letter>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    limits: AuditLimits,
    /// Entries that could not be kept, and are not told of yet.
    unkept: AtomicU64,
}

impl AuditWriter {
    pub(crate) fn new(limits: AuditLimits) -> (Self, Pending) {
        let (queue, receiver) = bounded(limits.pending_max);
        let writer = Self {
            queue: RwLock::new(Some(queue)),
            thread: Mutex::new(None),
            limits,
            unkept: AtomicU64::new(0),
        };
        (writer, Pending(receiver))
    }

    /// Starts to write.
    pub(crate) fn start(core: &Arc<Core>, pending: Pending) -> Result<(), RegistryError> {
        let working = Arc::clone(core);
        let thread = std::thread::Builder::new()
            .name("empi-audit".to_owned())
            .spawn(move || write_all(&working, &pending.0))
            .map_err(|_| {
                RegistryError::busy("the system gives no thread to write the audit trail with")
            })?;
        *core.audit.thread.lock() = Some(thread);
        Ok(())
    }

    pub(crate) fn keep(&self, entry: AuditEntry) -> Result<(), RegistryError> {
        let queue = self.queue.read();
        match queue
            .as_ref()
            .ok_or(RegistryError::Poisoned)?
            .try_send(Letter::Entry(Box::new(entry)))
        {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) if self.limits.answer_unkept => {
                self.unkept.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(RegistryError::busy(format!(
                "{} entries of the audit trail wait to be written already: ask again a little later",
                self.limits.pending_max
            ))),
            Err(TrySendError::Disconnected(_)) => Err(RegistryError::Poisoned),
        }
    }

    /// Waits until all that was kept so far is written.
    pub(crate) fn flush(&self) {
        let Some(queue) = self.queue.read().clone() else { return };
        let (done, written) = bounded(1);
        if queue.send(Letter::Flush(done)).is_ok() {
            // A thread that fails drops the way to answer.
            let _ = written.recv();
        }
    }

    /// Writes what waits, synced, and ends.
    pub(crate) fn close(&self) {
        drop(self.queue.write().take());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }

    /// An entry that tells how many others could not be kept.
    fn gap(&self, core: &Core) -> Option<AuditEntry> {
        let unkept = self.unkept.swap(0, Ordering::Relaxed);
        if unkept == 0 {
            return None;
        }
        let reason = format!("{unkept} entries could not be kept: too many waited");
        let asker = Asker { reason, ..Asker::internal("audit") };
        let asked = Asked { asker: asker.into(), operation: Operation::ViewAudit };
        Some(AuditEntry::new(core.clock.now(), asked, AuditOutcome::Failed, Vec::new()))
    }
}

/// Entries on their way to the thread.
pub(crate) struct Pending(Receiver<Letter>);

fn write_all(core: &Core, queue: &Receiver<Letter>) {
    let mut synced = Instant::now();
    let mut is_synced = true;
    loop {
        let first = match queue.recv_timeout(SYNC_TIME_MAX) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                if !is_synced && core.store.sync_log().is_err() {
                    return failed(core);
                }
                (is_synced, synced) = (true, Instant::now());
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let (mut entries, mut waiting) = (Vec::new(), Vec::new());
        for letter in std::iter::once(first).chain(queue.try_iter().take(BATCH_MAX - 1)) {
            match letter {
                Letter::Entry(entry) => add(&mut entries, *entry),
                Letter::Flush(done) => waiting.push(done),
            }
        }
        entries.extend(core.audit.gap(core));
        let is_due = synced.elapsed() >= SYNC_TIME_MAX;
        if !entries.is_empty() {
            if core.store.append_audit(&entries, is_due).is_err() {
                return failed(core);
            }
            is_synced = is_due;
            if is_due {
                synced = Instant::now();
            }
        }
        waiting.into_iter().for_each(drop);
    }
    let last: Vec<AuditEntry> = core.audit.gap(core).into_iter().collect();
    let is_written = last.is_empty() || core.store.append_audit(&last, true).is_ok();
    if !is_written || (!is_synced && core.store.sync_log().is_err()) {
        failed(core);
    }
}

/// What nobody may be shown without an entry is shown to nobody any more.
fn failed(core: &Core) {
    core.durability.poison();
    tracing::error!("the audit trail cannot be written: nothing is answered any more");
}

/// One entry more, or once more the same as the one before.
fn add(entries: &mut Vec<AuditEntry>, entry: AuditEntry) {
    match entries.last_mut() {
        Some(last) if last.is_same_as(&entry) => {
            last.times = last.times.saturating_add(entry.times)
        }
        _ => entries.push(entry),
    }
}

#[cfg(test)]
mod tests {
    use empi_model::Timestamp;

    use super::*;

    fn entry(name: &str) -> AuditEntry {
        let asked =
            Asked { asker: Asker::internal(name).into(), operation: Operation::ViewPersons };
        AuditEntry::new(Timestamp(0), asked, AuditOutcome::Denied, Vec::new())
    }

    #[test]
    fn what_cannot_be_kept_is_refused_or_counted_as_configured() {
        for answer_unkept in [false, true] {
            let limits = AuditLimits { pending_max: 2, answer_unkept };
            let (writer, _pending) = AuditWriter::new(limits);
            for number in 0..5 {
                let kept = writer.keep(entry("x"));
                assert_eq!(kept.is_ok(), number < 2 || answer_unkept);
                assert!(kept.is_ok() || matches!(kept, Err(RegistryError::Busy(_))));
            }
            let unkept = writer.unkept.load(Ordering::Relaxed);
            assert_eq!(unkept, if answer_unkept { 3 } else { 0 });
        }
    }

    #[test]
    fn the_same_in_a_row_is_one_entry_and_nothing_is_kept_after_the_end() {
        let mut entries = Vec::new();
        for name in ["a", "a", "a", "b", "a"] {
            add(&mut entries, entry(name));
        }
        let times: Vec<u32> = entries.iter().map(|entry| entry.times).collect();
        assert_eq!(times, [3, 1, 1]);
        let (writer, _pending) = AuditWriter::new(AuditLimits::default());
        writer.close();
        assert!(matches!(writer.keep(entry("x")), Err(RegistryError::Poisoned)));
    }
}
