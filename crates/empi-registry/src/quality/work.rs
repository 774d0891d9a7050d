//! What came into the review queue and what went out, day by day.

use empi_model::{ReviewOutcome, Timestamp};

use crate::review_stats::{AllTasks, DAY_MS};

/// Days that are shown.
const DAYS: i64 = 30;

/// The work of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DayWork {
    /// When the day began, in UTC.
    pub begins: Timestamp,
    /// Tasks that were raised.
    pub raised: u64,
    /// Tasks that a steward answered.
    pub answered: u64,
    /// Tasks that were settled before anybody answered.
    pub settled: u64,
}

/// The last days until now, the oldest first.
pub(super) fn days(tasks: &AllTasks, now: Timestamp) -> Vec<DayWork> {
    let today = now.0.div_euclid(DAY_MS);
    let first = today - DAYS + 1;
    let begins = (first..=today).map(|day| Timestamp(day * DAY_MS));
    let mut days: Vec<DayWork> =
        begins.map(|begins| DayWork { begins, ..DayWork::default() }).collect();
    let place = |time: Timestamp| usize::try_from(time.0.div_euclid(DAY_MS) - first).ok();
    let closed = || tasks.closed.iter().map(|(_, task)| task);
    let raised = tasks.open.iter().map(|task| task.created).chain(closed().map(|it| it.created));
    for at in raised.filter_map(place) {
        days.get_mut(at).into_iter().for_each(|day| day.raised += 1);
    }
    for task in closed() {
        let Some(day) = place(task.decided).and_then(|at| days.get_mut(at)) else { continue };
        *(if task.outcome == ReviewOutcome::Moot {
            &mut day.settled
        } else {
            &mut day.answered
        }) += 1;
    }
    days
}
