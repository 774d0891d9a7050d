//! The quality board: how good the index and the work on it are, by formulas that a reader can check.
//!
//! Counting goes through every person and every task in memory, a few thousand under a lock at a time, and once
//! through every record on disk for what sources leave out (`fields`). So it is done by a thread of its own, the
//! *survey*, when somebody asks, and its outcome is kept with the time at which it was begun. Afterwards events tell
//! which records are new or changed, and only these are read again. However often somebody asks, counting takes at most a
//! twentieth of one core.
//!
//! **Invariants:** a figure has its numerator and denominator beside it; what waits is never counted as confirmed;
//! nothing here names a value of a patient.

mod duplicates;
mod fields;
mod history;
mod largest;
mod reviewed;
mod survey;
mod work;

use std::sync::Arc;

use empi_linkage::{Interval, wilson};
use empi_model::{MatchWeight, Timestamp};

pub use duplicates::{Created, Duplicates, Overlays};
pub use fields::{FieldCounts, SourceFields};
pub use largest::{HubFigure, LargePerson};
pub use reviewed::{Answers, Reviewed};
pub(crate) use survey::Surveyor;
pub use work::DayWork;

use crate::lab::LabelFigures;
use crate::review_stats::QueueStats;

/// Everything that the board shows.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct QualityBoard {
    /// When counting began; every figure is as of then, or a little later.
    pub counted: Timestamp,
    /// How long counting took, in milliseconds.
    pub took_ms: u64,
    /// Source records with a say.
    pub records: u64,
    /// Living persons with such a record.
    pub persons: u64,
    /// Duplicates, overlaps and overlays.
    pub duplicates: Duplicates,
    /// How the review queue is worked off.
    pub queue: QueueStats,
    /// What was raised and closed on each of the last days in UTC, the oldest first.
    pub days: Vec<DayWork>,
    /// From this weight on pairs are linked.
    pub link_threshold: MatchWeight,
    /// What stewards have said about pairs.
    pub reviewed: Reviewed,
    /// What the labels of a random sample of compared pairs say; `None` where none was drawn.
    pub labelled: Option<LabelFigures>,
    /// What sources leave out or fill with something else, the source with most records first. `None` while the
    /// records are counted for the first time.
    pub fields: Option<Vec<SourceFields>>,
    /// The persons with most records.
    pub largest: Vec<LargePerson>,
    /// Values that very many people share, the most shared first.
    pub hubs: Vec<HubFigure>,
    /// How many of them there are, also those that are not listed.
    pub hub_count: u64,
}

/// The board as it can be shown now.
#[derive(Clone, Debug, Default)]
pub struct CountedBoard {
    /// The last that was counted; `None` while counting for the first time.
    pub board: Option<Arc<QualityBoard>>,
    /// Whether another is being counted.
    pub is_counting: bool,
}

/// Some of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Share {
    /// The numerator.
    pub part: u64,
    /// The denominator.
    pub whole: u64,
}

impl Share {
    /// The share itself, from 0 to 1; `None` of nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "records are far fewer than 2^52")]
    pub fn value(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }

    /// Its 95 % interval (Wilson 1927): what the share may be where these are a random sample.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "records are far fewer than 2^52")]
    pub fn interval(self) -> Option<Interval> {
        wilson(self.part as f64, self.whole as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_no_number() {
        for (part, whole, value, interval) in [
            (0, 0, None, None),
            (0, 10, Some(0.0), Some([0.0, 0.2775])),
            (10, 10, Some(1.0), Some([0.7225, 1.0])),
            (81, 263, Some(0.3080), Some([0.2553, 0.3662])),
        ] {
            let share = Share { part, whole };
            let close = |one: f64, other: f64| (one - other).abs() < 1e-4;
            assert_eq!(share.value().is_some(), value.is_some());
            assert!(share.value().zip(value).is_none_or(|(one, other)| close(one, other)));
            let found = share.interval().map(|it| [it.low, it.high]);
            assert_eq!(found.is_some(), interval.is_some());
            let pairs = found.into_iter().flatten().zip(interval.into_iter().flatten());
            pairs.for_each(|(one, other)| assert!(close(one, other), "{found:?} {interval:?}"));
        }
    }
}
