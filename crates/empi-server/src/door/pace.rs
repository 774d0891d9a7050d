//! How quickly what is read is there: as memory is, or as a disk. Waiting for the index while it is changed counts as well.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A read that takes longer was waited for: a row that the system has in memory takes some 20 µs, unpacking
/// included, one of a solid-state disk 100 and more, one of a rotating disk 5 ms and more.
const WAITED: Duration = Duration::from_micros(250);

/// The part of an observation in the average: it forgets half of what it saw in 44 reads.
const WEIGHT: u32 = 64;

/// All reads waited for.
const ALL: u32 = 1 << 24;

/// Above this share of reads that were waited for, a disk is slow.
const SLOW: u32 = ALL / 8;

/// The share of the last reads that were waited for, as an exponential average.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Between 0 and [`ALL`]. Readers that write at the same time may lose an observation, and that is all.
    waited: AtomicU32,
}

impl Pace {
    /// Whether a read is mostly over before another thread would have been woken for it.
    pub(crate) fn is_quick(&self) -> bool {
        self.waited.load(Ordering::Relaxed) < SLOW
    }

    /// Reads, and looks how long it takes.
    pub(crate) fn time<T>(&self, read: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let word = read();
        self.note(started.elapsed());
        word
    }

    /// As if the disk had become slow.
    #[cfg(test)]
    pub(super) fn note_slow_reads(&self) {
        self.waited.store(ALL, Ordering::Relaxed);
    }

    fn note(&self, took: Duration) {
        let seen = if took > WAITED { ALL } else { 0 };
        let before = self.waited.load(Ordering::Relaxed);
        let after = before - before / WEIGHT + seen / WEIGHT;
        self.waited.store(after, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(30);
    const SLOWLY: Duration = Duration::from_millis(8);

    fn after(reads: impl IntoIterator<Item = Duration>) -> Pace {
        let pace = Pace::default();
        reads.into_iter().for_each(|took| pace.note(took));
        pace
    }

    #[test]
    fn a_disk_is_slow_once_one_of_eight_reads_was_waited_for_and_quick_again_when_they_are_not() {
        let one_in = |n: usize| (0..1000).map(move |i| if i % n == 0 { SLOWLY } else { QUICK });
        assert!(after([]).is_quick(), "nobody has read yet");
        assert!(after([SLOWLY; 3]).is_quick());
        assert!(after(one_in(40)).is_quick(), "a read that was interrupted now and then");
        assert!(!after([SLOWLY; 12]).is_quick());
        assert!(!after(one_in(4)).is_quick());
        assert!(!after(vec![SLOWLY; 100_000]).is_quick(), "it does not overflow");
        let warmed = [[SLOWLY; 200].as_slice(), &[QUICK; 200]].concat();
        assert!(after(warmed).is_quick());
    }
}
