//! The place of a task in the queue, and why it has it, in words.
//!
//! Patient safety first, then value, then age:
//!
//! * what may put one patient's data into another's chart comes before what leaves a patient's data in two
//!   charts, and that before what only tells about the data;
//! * among those, what the evidence speaks for most is worth most;
//! * among those, what was asked first comes first.

use std::fmt;
use std::str::FromStr;

use super::{Asks, ReviewKind, ReviewTask, TaskId};
use crate::{Guard, MatchWeight, Thresholds};

/// The place of a task in the queue; the smallest comes first. As text it is a cursor of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskPlace {
    safety: u8,
    value: u8,
    task: TaskId,
}

/// What may be wrong while a task waits.
const WRONG_CHART: u8 = 0;
const TWO_CHARTS: u8 = 1;
const UPKEEP: u8 = 2;

impl TaskPlace {
    /// The place of an open task of a kind, asked with a weight.
    #[must_use]
    pub fn new(
        task: TaskId,
        kind: ReviewKind,
        weight: MatchWeight,
        thresholds: Thresholds,
    ) -> Self {
        let middle =
            MatchWeight::from_bits(f64::midpoint(thresholds.review.bits(), thresholds.link.bits()));
        let by_weight = || match weight {
            weight if weight >= thresholds.link => 0,
            weight if weight >= middle => 1,
            _ => 2,
        };
        let (safety, value) = match kind {
            ReviewKind::HeldUpdate => (WRONG_CHART, 0),
            ReviewKind::Conflict => (WRONG_CHART, 1),
            ReviewKind::OversizedIdentity => (WRONG_CHART, 2),
            ReviewKind::PossibleMatch
            | ReviewKind::PotentialDuplicate
            | ReviewKind::SameSourceDuplicate => (TWO_CHARTS, by_weight()),
            ReviewKind::SharedIdentifier => (UPKEEP, 0),
            ReviewKind::CappedBlock => (UPKEEP, 1),
        };
        Self { safety, value, task }
    }

    /// A place in the order in which tasks were raised.
    #[must_use]
    pub const fn by_age(task: TaskId) -> Self {
        Self { safety: u8::MAX, value: u8::MAX, task }
    }

    /// The task that stands there.
    #[must_use]
    pub const fn task(self) -> TaskId {
        self.task
    }

    /// Why a task stands there, in one sentence.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match (self.safety, self.value) {
            (WRONG_CHART, 0) => {
                "comes first: a change waits, and one patient's data may stand in another's chart"
            }
            (WRONG_CHART, _) => "comes first: one person may hold the data of two patients",
            (TWO_CHARTS, 0) => {
                "comes second: the evidence alone would link, so a patient's data probably lie in two \
                 charts"
            }
            (TWO_CHARTS, 1) => "comes second: a patient's data may well lie in two charts",
            (TWO_CHARTS, _) => "comes second: a patient's data may lie in two charts",
            (UPKEEP, _) => "comes last: no chart is wrong while it waits",
            _ => "in the order in which it was raised",
        }
    }
}

impl fmt::Display for TaskPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.safety, self.value, self.task)
    }
}

/// What is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlace;

impl FromStr for TaskPlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(NoPlace);
        let safety = part()?.parse().map_err(|_| NoPlace)?;
        let value = part()?.parse().map_err(|_| NoPlace)?;
        let task = TaskId(part()?.parse().map_err(|_| NoPlace)?);
        Ok(Self { safety, value, task })
    }
}

impl ReviewTask {
    /// The place of the task in the queue.
    #[must_use]
    pub fn place(&self, thresholds: Thresholds) -> TaskPlace {
        if self.state.is_open() {
            TaskPlace::new(self.id, self.kind, self.asked_weight(), thresholds)
        } else {
            TaskPlace::by_age(self.id)
        }
    }

    /// Why the question is asked, in one sentence for a data steward. The same everywhere it is told.
    #[must_use]
    pub fn why(&self) -> String {
        let weight = self.asked_weight();
        if let Some(again) = self.again() {
            let decided = again.earlier.outcome.as_str();
            return format!(
                "decided {decided} before, and the records have changed since: they weigh {weight} bits \
                 now"
            );
        }
        match self.kind {
            ReviewKind::HeldUpdate => {
                "the new content does not resemble the record any longer, so it \
                                       was not applied"
                    .to_owned()
            }
            ReviewKind::CappedBlock => {
                "too many records share a value, so this one was not compared with all of them"
                    .to_owned()
            }
            ReviewKind::SharedIdentifier => self.why_shared(),
            ReviewKind::Conflict if self.asks() == Asks::WhetherOne => {
                "a source says that two persons are one whom a steward keeps apart".to_owned()
            }
            ReviewKind::Conflict => {
                "two records of one person contradict each other as two people would".to_owned()
            }
            ReviewKind::OversizedIdentity if self.asks() == Asks::WhetherTwo => format!(
                "two groups of records are one person only by one weak link, of {weight} bits"
            ),
            ReviewKind::OversizedIdentity
            | ReviewKind::PossibleMatch
            | ReviewKind::PotentialDuplicate
            | ReviewKind::SameSourceDuplicate => self.why_held_back(),
        }
    }

    fn why_shared(&self) -> String {
        let Some(shared) = self.shared else {
            return "a value is shared by so many people that it is ignored".to_owned();
        };
        format!(
            "the record's {} is shared by {} people, so it is ignored",
            shared.field.as_words(),
            shared.people
        )
    }

    /// A weight that is uncertain, or a guard; the first one is named, and how many more there are.
    fn why_held_back(&self) -> String {
        let weight = self.asked_weight();
        let Some((first, more)) = self.asked_guards().split_first() else {
            return format!("{weight} bits are too many for two people and too few for one");
        };
        let reason = first.reason();
        match (first, more.len()) {
            (Guard::SeveralPersons, 0) => format!("{reason}, this one with {weight} bits"),
            (_, 0) => format!("{weight} bits, but {reason}"),
            (_, 1) => format!("{weight} bits, but {reason}, and one more guard speaks against it"),
            (_, more) => {
                format!("{weight} bits, but {reason}, and {more} more guards speak against it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventSequence, RecordIndex, ReviewState, SharedField, SharedValue, Timestamp};

    fn thresholds() -> Thresholds {
        Thresholds { link: MatchWeight::from_bits(7.0), review: MatchWeight::from_bits(0.0) }
    }

    fn task(id: u64, kind: ReviewKind, bits: f64, guards: &[Guard]) -> ReviewTask {
        ReviewTask {
            id: TaskId(id),
            kind,
            incoming: RecordIndex(1),
            candidate: RecordIndex(0),
            weight: MatchWeight::from_bits(bits),
            guards: guards.to_vec(),
            model: String::new(),
            basis: None,
            created: Timestamp(0),
            shared: None,
            state: ReviewState::OPEN,
            event: EventSequence(1),
        }
    }

    #[test]
    fn patient_safety_comes_first_then_value_then_age() {
        let in_order = [
            task(9, ReviewKind::HeldUpdate, -5.0, &[]),
            task(8, ReviewKind::Conflict, 9.0, &[]),
            task(7, ReviewKind::OversizedIdentity, 9.0, &[Guard::WeakCluster]),
            task(5, ReviewKind::PotentialDuplicate, 8.0, &[Guard::SeveralPersons]),
            task(6, ReviewKind::PossibleMatch, 12.0, &[Guard::PossibleTwins]),
            task(3, ReviewKind::SameSourceDuplicate, 4.0, &[]),
            task(4, ReviewKind::PossibleMatch, 1.0, &[]),
            task(1, ReviewKind::SharedIdentifier, 0.0, &[]),
            task(2, ReviewKind::CappedBlock, 0.0, &[Guard::CappedBlock]),
        ];
        let places: Vec<TaskPlace> = in_order.iter().map(|task| task.place(thresholds())).collect();
        assert!(places.is_sorted(), "{places:?}");
        for place in places {
            assert_eq!(place.to_string().parse(), Ok(place));
            assert!(place.reason().starts_with("comes "));
        }
        for none in ["", "1", "1.2", "1.2.x", "1.2.3.4", "300.0.1"] {
            assert_eq!(none.parse::<TaskPlace>(), Err(NoPlace), "{none}");
        }
    }

    #[test]
    fn a_task_says_why_it_is_asked_in_one_sentence() {
        let shared = SharedValue { field: SharedField::Phone, hash: 1, people: 31 };
        let hub =
            ReviewTask { shared: Some(shared), ..task(1, ReviewKind::SharedIdentifier, 0.0, &[]) };
        let twins = [Guard::PossibleTwins, Guard::EvidenceFloor];
        for (task, due) in [
            (hub, "the record's telephone number is shared by 31 people, so it is ignored"),
            (
                task(1, ReviewKind::PossibleMatch, 3.5, &[]),
                "+3.50 bits are too many for two people and too few for one",
            ),
            (
                task(1, ReviewKind::PossibleMatch, 9.0, &twins),
                "+9.00 bits, but same birth date and family, but another given name or birth order: \
                 perhaps twins, and one more guard speaks against it",
            ),
            (
                task(1, ReviewKind::OversizedIdentity, 1.0, &[Guard::BridgedPerson]),
                "two groups of records are one person only by one weak link, of +1.00 bits",
            ),
            (
                task(1, ReviewKind::Conflict, 1.0, &[Guard::KeptApart]),
                "a source says that two persons are one whom a steward keeps apart",
            ),
        ] {
            assert_eq!(task.why(), due);
        }
    }
}
