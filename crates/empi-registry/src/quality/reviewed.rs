//! What stewards' answers say about weights: of pairs that were reviewed, and of no others.

use empi_model::{Asks, MatchWeight, ReviewOutcome};

use super::Share;
use crate::mirror::closed_tasks::Closed;

/// What stewards have said about pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reviewed {
    /// Every answered question whether two persons are one.
    pub answered: Answers,
    /// Those that two stewards answered alike without knowing of one another.
    pub confirmed: Answers,
    /// Links that were questioned, because something contradicted them or a weak link held a person together, and
    /// found to be right, of all that were questioned and answered.
    pub links_upheld: Share,
}

/// Answers about pairs by their weight when the question was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Answers {
    /// One person, at or above the threshold for linking: something else held the link back.
    pub same_above: u64,
    /// Two persons, at or above it.
    pub different_above: u64,
    /// One person, below it.
    pub same_below: u64,
    /// Two persons, below it.
    pub different_below: u64,
}

impl Answers {
    /// Of reviewed pairs at or above the threshold, those that are one person.
    #[must_use]
    pub const fn precision(&self) -> Share {
        Share { part: self.same_above, whole: self.same_above + self.different_above }
    }

    /// Of reviewed pairs that are one person, those at or above the threshold.
    #[must_use]
    pub const fn recall(&self) -> Share {
        Share { part: self.same_above, whole: self.same_above + self.same_below }
    }

    /// Of reviewed pairs below the threshold, those that are one person: what a lower threshold would win.
    #[must_use]
    pub const fn same_of_uncertain(&self) -> Share {
        Share { part: self.same_below, whole: self.same_below + self.different_below }
    }

    fn add(&mut self, outcome: ReviewOutcome, is_above: bool) {
        *(match (outcome, is_above) {
            (ReviewOutcome::Same, true) => &mut self.same_above,
            (ReviewOutcome::Same, false) => &mut self.same_below,
            (ReviewOutcome::Different, true) => &mut self.different_above,
            (ReviewOutcome::Different, false) => &mut self.different_below,
            (ReviewOutcome::Moot | ReviewOutcome::Rejected, _) => return,
        }) += 1;
    }
}

/// Counts the answers.
pub(super) fn reviewed<'a>(
    closed: impl Iterator<Item = &'a Closed>,
    link_threshold: MatchWeight,
) -> Reviewed {
    let mut reviewed = Reviewed::default();
    for task in closed {
        match task.asks {
            Asks::WhetherOne => {
                let is_above = task.weight >= link_threshold;
                reviewed.answered.add(task.outcome, is_above);
                if task.opinions.is_some_and(|(one, other)| one == other && one == task.outcome) {
                    reviewed.confirmed.add(task.outcome, is_above);
                }
            }
            Asks::WhetherTwo => {
                let (same, different) = (ReviewOutcome::Same, ReviewOutcome::Different);
                reviewed.links_upheld.part += u64::from(task.outcome == same);
                reviewed.links_upheld.whole +=
                    u64::from(task.outcome == same || task.outcome == different);
            }
            Asks::WhetherUpdated | Asks::Nothing => {}
        }
    }
    reviewed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_shares_of_reviewed_pairs() {
        let answers =
            Answers { same_above: 6, different_above: 2, same_below: 3, different_below: 9 };
        assert_eq!(answers.precision(), Share { part: 6, whole: 8 });
        assert_eq!(answers.recall(), Share { part: 6, whole: 9 });
        assert_eq!(answers.same_of_uncertain(), Share { part: 3, whole: 12 });
        assert_eq!(Answers::default().precision().value(), None, "nothing is no number");
    }
}
