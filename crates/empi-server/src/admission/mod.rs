//! Who is let in when more come than can be served: decided from a call's headers, before anything of its message
//! is read, and refused with the time after which to come again.
//!
//! Calls that change something and calls that only look stand in two queues, so that a crowd of one kind leaves room
//! for the other. A queue is as long as what it works off within [`GrpcConfig::queue_ms_max`]: whoever is let in is
//! answered soon, and a longer queue would serve nobody more. How fast it works is measured, window by window.
//!
//! Refusing costs as well. So the time that the refused are told grows with the crowd: whoever was refused comes
//! again once in that time, so that from how many were, the time follows in which refusing them takes no more than
//! a small share of the work.

#[cfg(test)]
mod crowd;
mod layer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use empi_model::Operation;
use parking_lot::Mutex;

use crate::config::GrpcConfig;

/// How long is counted before a queue's length follows what it does.
const WINDOW: Duration = Duration::from_millis(100);

/// Calls that a queue takes however slow it is: enough for one synced write to cover many changes.
const QUEUE_MIN: usize = 128;

/// The share of all places that a crowd of one kind can take: three quarters.
const SHARE: (usize, usize) = (3, 4);

/// Calls that are answered for one that is refused, as far as the time to come again can bring it about.
const ANSWERED_PER_REFUSAL: u64 = 10;

/// The times after which the refused are asked to come again, in milliseconds.
const AGAIN_MS_MIN: u32 = 100;
const AGAIN_MS_MAX: u32 = 5_000;

/// What a call does to those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Look,
    Change,
}

impl Kind {
    const fn of(operation: Operation) -> Self {
        match operation {
            Operation::RegisterRecords
            | Operation::RetireRecords
            | Operation::RelateRecords
            | Operation::Decide
            | Operation::DecideMany
            | Operation::ChangeIdentities
            | Operation::ErasePersons
            | Operation::SetConsent
            | Operation::Approve
            | Operation::BreakGlass
            | Operation::ReviewGlass
            | Operation::ChangeUsers
            | Operation::ChangeAccounts
            | Operation::RotateKey
            | Operation::Label
            | Operation::DrawSample
            | Operation::Tune
            | Operation::RetireAudit => Self::Change,
            Operation::Probe
            | Operation::SignIn
            | Operation::OwnAccount
            | Operation::ViewPersons
            | Operation::ViewRecords
            | Operation::ViewRestricted
            | Operation::ViewQueue
            | Operation::ViewQuality
            | Operation::ViewEvents
            | Operation::ViewPast
            | Operation::ViewUsers
            | Operation::ViewAccounts
            | Operation::ViewStats
            | Operation::ViewAudit
            | Operation::ExportPersons
            | Operation::Maintain => Self::Look,
        }
    }
}

/// Lets calls in, or not. Cloning makes another handle.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Queues>);

struct Queues {
    kinds: [Queue; 2],
    /// Calls of both kinds that are in.
    running: AtomicUsize,
    calls_max: usize,
    queue_max: usize,
    queue_time_max: Duration,
}

/// The calls of one kind.
struct Queue {
    running: AtomicUsize,
    limit: AtomicUsize,
    answered: AtomicU64,
    refused: AtomicU64,
    again_ms: AtomicU32,
    windows: Mutex<Windows>,
}

/// What was counted when the windows of a queue began.
#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    answered: u64,
    refused: u64,
}

impl Window {
    /// Calls that were answered and refused since, and the time; then it begins anew.
    fn turn(&mut self, queue: &Queue, now: Instant) -> (u64, u64, Duration) {
        let (answered, refused) =
            (queue.answered.load(Ordering::Relaxed), queue.refused.load(Ordering::Relaxed));
        let before = std::mem::replace(self, Self { began: now, answered, refused });
        let time = now.saturating_duration_since(before.began);
        (answered.saturating_sub(before.answered), refused.saturating_sub(before.refused), time)
    }
}

/// One window for the length of a queue, one for the time to come again.
struct Windows {
    length: Window,
    again: Window,
}

impl Queue {
    fn new(limit: usize, now: Instant) -> Self {
        let window = Window { began: now, answered: 0, refused: 0 };
        Self {
            running: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            again_ms: AtomicU32::new(AGAIN_MS_MIN),
            windows: Mutex::new(Windows { length: window, again: window }),
        }
    }

    /// Lets length and time follow what happened. Whoever comes while somebody else does it goes on without.
    fn follow(&self, queues: &Queues, now: Instant) {
        let Some(mut windows) = self.windows.try_lock() else { return };
        if now.saturating_duration_since(windows.length.began) >= WINDOW {
            let (answered, refused, time) = windows.length.turn(self, now);
            let limit = self.limit.load(Ordering::Relaxed);
            let limit = if refused == 0 {
                // Nobody was turned away, so that nothing is known of how much it could do.
                limit.saturating_mul(2)
            } else {
                worked_off(answered, time, queues.queue_time_max)
            };
            let min = QUEUE_MIN.min(queues.queue_max);
            self.limit.store(limit.clamp(min, queues.queue_max), Ordering::Relaxed);
        }
        let again_ms = self.again_ms.load(Ordering::Relaxed);
        let again = Duration::from_millis(u64::from(again_ms));
        if now.saturating_duration_since(windows.again.began) >= again {
            // Everybody who was refused came about once in that time.
            let (answered, refused, _) = windows.again.turn(self, now);
            let share = (answered / ANSWERED_PER_REFUSAL).max(1);
            let again_ms = u64::from(again_ms).saturating_mul(refused) / share;
            let again_ms = u32::try_from(again_ms).unwrap_or(AGAIN_MS_MAX);
            self.again_ms.store(again_ms.clamp(AGAIN_MS_MIN, AGAIN_MS_MAX), Ordering::Relaxed);
        }
    }
}

/// How many calls are answered in a time, when so many were in another.
fn worked_off(answered: u64, within: Duration, time: Duration) -> usize {
    let calls = u128::from(answered) * time.as_micros() / within.as_micros().max(1);
    usize::try_from(calls).unwrap_or(usize::MAX)
}

/// Leave to be worked on. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    queues: Arc<Queues>,
    kind: Kind,
    /// When the caller stops waiting.
    deadline: Option<Instant>,
}

impl std::fmt::Debug for Queues {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Queues").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Place {
    /// Whether the caller has stopped waiting.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queues.kinds.get(self.kind as usize) {
            queue.running.fetch_sub(1, Ordering::AcqRel);
            queue.answered.fetch_add(1, Ordering::Relaxed);
        }
        self.queues.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Not now: come again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) again: Duration,
}

impl Admission {
    pub(crate) fn new(limits: &GrpcConfig) -> Self {
        let (queue_max, now) = (limits.calls_max * SHARE.0 / SHARE.1, Instant::now());
        let queue_max = queue_max.max(1);
        Self(Arc::new(Queues {
            kinds: [Queue::new(queue_max, now), Queue::new(queue_max, now)],
            running: AtomicUsize::new(0),
            calls_max: limits.calls_max,
            queue_max,
            queue_time_max: Duration::from_millis(limits.queue_ms_max),
        }))
    }

    /// A place for a call, or the time after which to ask for one again.
    pub(crate) fn enter(
        &self,
        operation: Operation,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Result<Place, Refused> {
        let (queues, kind) = (&self.0, Kind::of(operation));
        let Some(queue) = queues.kinds.get(kind as usize) else {
            return Err(Refused { again: WINDOW });
        };
        queue.follow(queues, now);
        let is_in = take(&queue.running, queue.limit.load(Ordering::Relaxed));
        if is_in && take(&queues.running, queues.calls_max) {
            return Ok(Place { queues: Arc::clone(queues), kind, deadline });
        }
        if is_in {
            queue.running.fetch_sub(1, Ordering::AcqRel);
        }
        let number = queue.refused.fetch_add(1, Ordering::Relaxed);
        Err(Refused { again: spread(queue.again_ms.load(Ordering::Relaxed), number) })
    }

    /// Calls that are in.
    pub(crate) fn running(&self) -> usize {
        self.0.running.load(Ordering::Relaxed)
    }

    /// Calls that were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.0.kinds.iter().map(|queue| queue.refused.load(Ordering::Relaxed)).sum()
    }
}

/// Counts one more, unless so many are there already.
fn take(running: &AtomicUsize, max: usize) -> bool {
    let more = |running: usize| (running < max).then_some(running + 1);
    running.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).is_ok()
}

/// A time from three quarters to five quarters of another, so that those who are refused together do not come again
/// together.
fn spread(milliseconds: u32, number: u64) -> Duration {
    let part = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    let share = 0xC000 + part / 2;
    Duration::from_millis((u64::from(milliseconds) * share) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Operation = Operation::ViewRecords;
    const CHANGE: Operation = Operation::RegisterRecords;

    fn admission(calls_max: usize, queue_ms_max: u64) -> Admission {
        Admission::new(&GrpcConfig { calls_max, queue_ms_max, ..GrpcConfig::default() })
    }

    fn enter(admission: &Admission, operation: Operation, now: Instant) -> Result<Place, Refused> {
        admission.enter(operation, now, None)
    }

    #[test]
    fn a_crowd_of_one_kind_leaves_room_for_the_other_and_places_come_back() {
        let (admission, now) = (admission(8, 1000), Instant::now());
        let changes: Vec<Place> =
            std::iter::from_fn(|| enter(&admission, CHANGE, now).ok()).collect();
        assert_eq!(changes.len(), 6);
        let looks: Vec<Place> = std::iter::from_fn(|| enter(&admission, LOOK, now).ok()).collect();
        assert_eq!((looks.len(), admission.running(), admission.refused()), (2, 8, 2));
        drop(looks);
        assert!(enter(&admission, CHANGE, now).is_err(), "it has its share");
        assert!(enter(&admission, LOOK, now).is_ok());
        drop(changes);
        assert_eq!(admission.running(), 0);
    }

    /// A second of work in windows: so many calls end in each and so many stand outside.
    fn work(admission: &Admission, now: &mut Instant, answered: usize) -> usize {
        let mut longest = 0;
        for _ in 0..20 {
            *now += WINDOW;
            let inside: Vec<Place> =
                std::iter::from_fn(|| enter(admission, CHANGE, *now).ok()).collect();
            longest = inside.len();
            drop(inside);
            for _ in longest..answered {
                drop(enter(admission, CHANGE, *now));
            }
        }
        longest
    }

    #[test]
    fn a_queue_is_as_long_as_what_it_works_off_in_its_time() {
        let (admission, mut now) = (admission(4096, 50), Instant::now());
        // 1,000 in a window of 100 ms: 500 in 50 ms.
        assert_eq!(work(&admission, &mut now, 1000), 500);
        // However slow it is, one write covers many.
        assert_eq!(work(&admission, &mut now, 0), QUEUE_MIN);
        assert_eq!(work(&admission, &mut now, 2000), 1000);
        // Nobody is turned away any more: it takes as many as ever.
        for _ in 0..8 {
            now += WINDOW;
            drop(enter(&admission, CHANGE, now));
        }
        let inside: Vec<Place> =
            std::iter::from_fn(|| enter(&admission, CHANGE, now).ok()).collect();
        assert_eq!(inside.len(), 3072);
    }

    #[test]
    fn the_larger_the_crowd_the_later_it_is_asked_to_come_again() {
        let (admission, begin) = (admission(4, 50), Instant::now());
        let inside: Vec<Place> =
            std::iter::from_fn(|| enter(&admission, CHANGE, begin).ok()).collect();
        assert_eq!(inside.len(), 3);
        let told = |crowd: u64, now: Instant| {
            let told = (0..crowd).map(|_| enter(&admission, CHANGE, now).unwrap_err().again);
            told.max().unwrap()
        };
        let again_ms_max = u64::from(AGAIN_MS_MAX);
        let first = told(10, begin);
        assert!(first <= Duration::from_millis(u64::from(AGAIN_MS_MIN) * 5 / 4));
        let later = told(1, begin + Duration::from_millis(120));
        assert!(later > first, "{later:?}");
        told(100_000, begin + Duration::from_millis(130));
        let latest = told(1, begin + Duration::from_secs(20));
        assert!(latest > Duration::from_millis(again_ms_max / 2), "{latest:?}");
        assert!(latest <= Duration::from_millis(again_ms_max * 5 / 4), "{latest:?}");
        // The crowd has gone, and others are answered.
        drop(inside);
        (0..400).for_each(|_| drop(enter(&admission, CHANGE, begin + Duration::from_secs(21))));
        let now = begin + Duration::from_secs(30);
        let _inside: Vec<Place> =
            std::iter::from_fn(|| enter(&admission, CHANGE, now).ok()).collect();
        assert!(told(1, now) < Duration::from_millis(300));
    }

    #[test]
    fn who_is_refused_together_does_not_come_again_together() {
        let times: std::collections::BTreeSet<Duration> =
            (0..100).map(|number| spread(1000, number)).collect();
        assert!(times.len() > 50);
        assert!(times.iter().all(|it| (750..=1250).contains(&it.as_millis())));
    }

    #[test]
    fn a_place_knows_when_its_caller_stops_waiting() {
        let (admission, now) = (admission(4, 50), Instant::now());
        let place = admission.enter(LOOK, now, Some(now + WINDOW)).unwrap();
        assert!(!place.is_late(now) && place.is_late(now + WINDOW));
        assert!(!enter(&admission, LOOK, now).unwrap().is_late(now + WINDOW));
    }
}
