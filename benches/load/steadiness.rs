//! How steady the machine is by itself: what part of the time it gives much less than its usual speed, with no server
//! and no disk at work. A virtual machine may be slowed down by its host for a moment again and again; whatever is
//! measured at a fixed rate then has a tail that no server can help.

use std::fmt;
use std::time::{Duration, Instant};

/// The time of which it is told how much was done in it.
const MOMENT: Duration = Duration::from_millis(25);

/// For how long it is looked at.
pub(crate) const TIME: Duration = Duration::from_secs(6);

/// A share of the usual speed, below which the machine counts as slowed down.
const SLOW: f64 = 0.5;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Steadiness {
    /// The share of the time in which it was slowed down.
    share: f64,
    /// The longest time at a stretch, in milliseconds.
    longest_ms: u128,
}

impl Steadiness {
    /// Keeps all cores busy with the same small work, which uses much code and memory, and counts.
    pub(crate) fn look(time: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let started = Instant::now();
        let counts: Vec<Vec<u32>> = std::thread::scope(|scope| {
            let busy: Vec<_> = (0..cores).map(|_| scope.spawn(|| work(started, time))).collect();
            busy.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let moments = counts.iter().map(Vec::len).min().unwrap_or_default();
        let sum = |at: usize| counts.iter().filter_map(|of_core| of_core.get(at)).sum();
        Self::of(&(0..moments).map(sum).collect::<Vec<u32>>())
    }

    /// From how much was done in each moment.
    fn of(done: &[u32]) -> Self {
        let mut sorted = done.to_vec();
        sorted.sort_unstable();
        let usual = f64::from(sorted.get(sorted.len() / 2).copied().unwrap_or_default());
        let is_slow = |count: &u32| f64::from(*count) < SLOW * usual;
        let slow = done.iter().filter(|count| is_slow(count)).count();
        let stretches = done.split(|count| !is_slow(count)).map(<[u32]>::len);
        let longest = stretches.max().unwrap_or_default();
        let longest_ms = MOMENT.as_millis() * longest as u128;
        Self { share: slow as f64 / done.len().max(1) as f64, longest_ms }
    }
}

impl fmt::Display for Steadiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { share, longest_ms } = self;
        let percent = 100.0 * share;
        write!(
            formatter,
            "with nothing else at work, less than half of its usual speed for {percent:.1} % of {} s, {longest_ms} ms \
             at a stretch at most",
            TIME.as_secs()
        )
    }
}

fn work(started: Instant, time: Duration) -> Vec<u32> {
    let documents: Vec<serde_json::Value> = (0..3000_u32)
        .map(
            |number| serde_json::json!({ "number": number, "texts": vec![number.to_string(); 20] }),
        )
        .collect();
    let mut counts = Vec::new();
    for document in documents.iter().cycle() {
        let elapsed = started.elapsed();
        if elapsed >= time {
            break;
        }
        let text = document.to_string();
        let again: Result<serde_json::Value, _> = serde_json::from_str(&text);
        let is_same = again.is_ok_and(|again| again == *document);
        let moment = usize::try_from(elapsed.as_millis() / MOMENT.as_millis()).unwrap_or_default();
        counts.resize(counts.len().max(moment + 1), 0);
        if let Some(count) = counts.get_mut(moment) {
            *count += u32::from(is_same);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_as_slow_below_half_of_the_median() {
        assert_eq!(Steadiness::of(&[100; 40]), Steadiness::default());
        let mut done = vec![100; 40];
        done[7..10].fill(49);
        done[20] = 10;
        done[30] = 50;
        let found = Steadiness::of(&done);
        assert_eq!((found.share, found.longest_ms), (0.1, 75));
        assert_eq!(Steadiness::of(&[]), Steadiness::default());
    }
}
