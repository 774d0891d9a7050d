//! Figures of the review queue: what came in and what went out, how long it waits and how long a decision
//! takes, and how far two stewards agree who answer without knowing of one another.

use empi_model::{Asks, RecordIndex, ReviewKind, ReviewOutcome, TaskId, TaskStage, Timestamp};

use crate::commit::Core;
use crate::mirror::Mirror;
use crate::mirror::closed_tasks::Closed;
use crate::mirror::worklist::Facet;
use crate::registry::Registry;

/// Tasks that are looked at before others get to the mirror again.
const CHUNK: u64 = 4096;

/// A day, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How much waits, and how it is worked off.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct QueueStats {
    /// By kind, the most urgent first.
    pub kinds: Vec<KindStats>,
    /// Open tasks by what they wait for.
    pub stages: Vec<(TaskStage, u64)>,
    /// Open tasks that a steward has taken.
    pub claimed: u64,
    /// The oldest open task.
    pub oldest: Option<TaskId>,
    /// How long open tasks have waited.
    pub age: Option<Percentiles>,
    /// What stewards have said about the same task without knowing of one another.
    pub agreement: Agreement,
}

/// Figures of one kind of task.
#[derive(Clone, Debug, PartialEq)]
pub struct KindStats {
    /// The kind.
    pub kind: ReviewKind,
    /// How many wait.
    pub open: u64,
    /// How many were ever raised.
    pub raised: u64,
    /// How many of them in the last 24 hours.
    pub raised_today: u64,
    /// How many a steward has answered, by answer: same, different.
    pub same: u64,
    /// Answered *different*.
    pub different: u64,
    /// How many were settled before anybody answered.
    pub moot: u64,
    /// Of them, held updates that were rejected.
    pub rejected: u64,
    /// How many of all these in the last 24 hours.
    pub closed_today: u64,
    /// How long open tasks have waited.
    pub age: Option<Percentiles>,
    /// How long answered tasks had waited.
    pub waited: Option<Percentiles>,
    /// How long stewards had a task before they answered it.
    pub decision: Option<Percentiles>,
}

/// How long something takes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of all are below.
    pub p50_ms: u64,
    /// Nine of ten.
    pub p90_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Percentiles {
    /// The figures of some durations; `None` of none.
    fn of(mut durations: Vec<u64>) -> Option<Self> {
        durations.sort_unstable();
        // The nearest rank: the smallest duration that so many are not above.
        let rank = |percent: usize| {
            let at = (durations.len() * percent).div_ceil(100).saturating_sub(1);
            durations.get(at).copied()
        };
        Some(Self { p50_ms: rank(50)?, p90_ms: rank(90)?, max_ms: rank(100)? })
    }
}

/// What two stewards have said about the same task: how many pairs of answers there are of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Agreement {
    /// Both said that it is one person.
    pub both_same: u64,
    /// Both said that these are two.
    pub both_different: u64,
    /// The first said one, the second two.
    pub same_different: u64,
    /// The first said two, the second one.
    pub different_same: u64,
}

impl Agreement {
    pub(crate) fn add(&mut self, said: (ReviewOutcome, ReviewOutcome)) {
        use ReviewOutcome::{Different, Same};
        *(match said {
            (Same, Same) => &mut self.both_same,
            (Different, Different) => &mut self.both_different,
            (Same, Different) => &mut self.same_different,
            (Different, Same) => &mut self.different_same,
            _ => return,
        }) += 1;
    }

    /// Cohen's kappa (1960): how far the agreement goes beyond what chance would give to stewards who say
    /// *same* as often as these do; 1 for perfect agreement. `None` where it says nothing: without answers, or
    /// where everybody always says the same.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers of answers are far below 2^52")]
    pub fn kappa(&self) -> Option<f64> {
        let Self { both_same, both_different, same_different, different_same } = *self;
        let count = both_same + both_different + same_different + different_same;
        if count == 0 {
            return None;
        }
        let share = |number: u64| number as f64 / count as f64;
        let observed = share(both_same + both_different);
        let same = share(both_same + same_different) * share(both_same + different_same);
        let different =
            share(both_different + different_same) * share(both_different + same_different);
        let expected = same + different;
        (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
    }
}

/// Kinds in the order of their urgency.
const URGENCY: [ReviewKind; 8] = [
    ReviewKind::HeldUpdate,
    ReviewKind::Conflict,
    ReviewKind::OversizedIdentity,
    ReviewKind::PotentialDuplicate,
    ReviewKind::SameSourceDuplicate,
    ReviewKind::PossibleMatch,
    ReviewKind::SharedIdentifier,
    ReviewKind::CappedBlock,
];

/// What is counted of an open task.
pub(crate) struct Open {
    pub(crate) id: TaskId,
    pub(crate) kind: ReviewKind,
    pub(crate) created: Timestamp,
    /// What its answer decides.
    pub(crate) asks: Asks,
    /// The two records that it names.
    pub(crate) records: [RecordIndex; 2],
    /// Their sources, by their numbers.
    pub(crate) sources: [u32; 2],
    /// What two have said who do not agree.
    opinions: Option<(ReviewOutcome, ReviewOutcome)>,
}

impl Open {
    fn of(mirror: &Mirror, id: TaskId) -> Option<Self> {
        let (task, listed) = (mirror.tasks.get(id)?, mirror.worklist.get(id)?);
        Some(Self {
            id,
            kind: task.kind,
            created: listed.created,
            asks: task.asks,
            records: [task.incoming, task.candidate],
            sources: listed.sources,
            opinions: listed.opinions,
        })
    }
}

/// Every task, as far as figures are made of it.
#[derive(Default)]
pub(crate) struct AllTasks {
    pub(crate) open: Vec<Open>,
    pub(crate) closed: Vec<(TaskId, Closed)>,
}

impl AllTasks {
    /// Looks at every task in memory, some at a time, so that a change never waits for long.
    pub(crate) fn read(core: &Core) -> Self {
        let mut all = Self::default();
        let count = core.mirror.read().counters().tasks;
        for first in (1..=count).step_by(CHUNK as usize) {
            let mirror = core.mirror.read();
            for id in (first..=count.min(first + CHUNK - 1)).map(TaskId) {
                match (mirror.closed.get(id), Open::of(&mirror, id)) {
                    (Some(closed), _) => all.closed.push((id, *closed)),
                    (None, Some(open)) => all.open.push(open),
                    (None, None) => {}
                }
            }
        }
        all
    }
}

impl Registry {
    /// How much waits, for how long, and how it is worked off. Looks at every task in memory.
    #[must_use]
    pub fn queue_stats(&self) -> QueueStats {
        QueueStats::of(&self.core, &AllTasks::read(&self.core), self.core.clock.now())
    }
}

impl QueueStats {
    pub(crate) fn of(core: &Core, tasks: &AllTasks, now: Timestamp) -> Self {
        let AllTasks { open, closed } = tasks;
        let (stages, claimed) = {
            let mirror = core.queue_at(now);
            let stages = TaskStage::ALL
                .map(|stage| (stage, mirror.worklist.count(&Facet::Stage(stage)) as u64));
            let claims = core.claims.lock();
            (stages.to_vec(), claims.count(now, |id| mirror.tasks.get(id).is_some()))
        };
        let mut agreement = Agreement::default();
        let torn = open.iter().filter_map(|task| task.opinions);
        let said = closed.iter().filter_map(|(_, task)| task.opinions);
        torn.chain(said).for_each(|said| agreement.add(said));
        Self {
            kinds: URGENCY.map(|kind| kind_stats(kind, open, closed, now)).to_vec(),
            stages,
            claimed,
            oldest: open.iter().map(|task| task.id).min(),
            age: Percentiles::of(open.iter().map(|task| between(task.created, now)).collect()),
            agreement,
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0)
}

fn kind_stats(
    kind: ReviewKind,
    open: &[Open],
    closed: &[(TaskId, Closed)],
    now: Timestamp,
) -> KindStats {
    let waiting = || open.iter().filter(|task| task.kind == kind);
    let done = || closed.iter().map(|(_, task)| task).filter(|task| task.kind == kind);
    let answered = |outcome| done().filter(move |task| task.outcome == outcome).count() as u64;
    let is_of_today = |time: Timestamp| now.0.saturating_sub(time.0) < DAY_MS;
    let raised = waiting().map(|task| task.created).chain(done().map(|task| task.created));
    let by_steward = || done().filter(|task| task.outcome != ReviewOutcome::Moot);
    KindStats {
        kind,
        open: waiting().count() as u64,
        raised: raised.clone().count() as u64,
        raised_today: raised.filter(|time| is_of_today(*time)).count() as u64,
        same: answered(ReviewOutcome::Same),
        different: answered(ReviewOutcome::Different),
        moot: answered(ReviewOutcome::Moot),
        rejected: answered(ReviewOutcome::Rejected),
        closed_today: done().filter(|task| is_of_today(task.decided)).count() as u64,
        age: Percentiles::of(waiting().map(|task| between(task.created, now)).collect()),
        waited: Percentiles::of(
            by_steward().map(|task| between(task.created, task.decided)).collect(),
        ),
        decision: Percentiles::of(by_steward().filter_map(|task| task.took_ms).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_is_what_cohen_says() {
        let agreement = |both_same, both_different, same_different, different_same| Agreement {
            both_same,
            both_different,
            same_different,
            different_same,
        };
        // 20 and 15 of 50 agree, 5 and 10 do not: observed .7, by chance .5 (a usual example).
        let kappa = agreement(20, 15, 5, 10).kappa().unwrap();
        assert!((kappa - 0.4).abs() < 1e-12, "{kappa}");
        assert_eq!(agreement(3, 2, 0, 0).kappa(), Some(1.0));
        assert_eq!(agreement(0, 0, 0, 0).kappa(), None);
        assert_eq!(agreement(7, 0, 0, 0).kappa(), None, "who always says the same tells nothing");
    }

    #[test]
    fn percentiles_are_durations_that_were_seen() {
        let of = |durations: &[u64]| Percentiles::of(durations.to_vec());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some(Percentiles { p50_ms: 7, p90_ms: 7, max_ms: 7 }));
        let ten = of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(ten, Some(Percentiles { p50_ms: 5, p90_ms: 9, max_ms: 10 }));
    }
}
