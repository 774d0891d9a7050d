//! The review queue at work: who has taken which question, what comes next, how much waits.
//!
//! A claim is a lease of minutes, so that two stewards do not read the same charts. It is kept in memory
//! alone: a restart frees every task, which costs nobody more than a second look, and no identity depends
//! on it. Answering a task that somebody else has taken is refused while the lease lasts.

use empi_model::{Actor, ReviewKind, TaskId, Timestamp};
use hashbrown::HashMap;

use crate::RegistryError;
use crate::mirror::open_tasks::OpenTask;
use crate::registry::Registry;
use crate::words::TaskView;

/// Longest lease, in milliseconds.
const LEASE_MS_MAX: u64 = 60 * 60 * 1000;

/// A steward's lease on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who has taken it.
    pub steward: String,
    /// Until when.
    pub until: Timestamp,
}

/// How much waits.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Open tasks of each kind, in the order of their urgency.
    pub open: Vec<(ReviewKind, u64)>,
    /// Open tasks that a steward has taken.
    pub claimed: u64,
    /// The oldest open task.
    pub oldest: Option<TaskId>,
}

/// The leases that are out.
#[derive(Debug, Default)]
pub(crate) struct Claims(HashMap<TaskId, Claim>);

impl Claims {
    /// The lease on a task, if it lasts.
    fn get(&self, id: TaskId, now: Timestamp) -> Option<&Claim> {
        self.0.get(&id).filter(|claim| claim.until > now)
    }

    /// Refuses a task that somebody else has taken.
    pub(crate) fn refuse_others(
        &self,
        id: TaskId,
        steward: &str,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        match self.get(id, now).filter(|claim| claim.steward != steward) {
            None => Ok(()),
            Some(claim) => Err(RegistryError::conflict(format!(
                "{} has taken review task {id}: take another one, or wait until it is free",
                claim.steward
            ))),
        }
    }
}

/// Kinds in the order of their urgency: what may put one patient's data into another's chart comes first.
const URGENCY: [ReviewKind; 4] = [
    ReviewKind::HeldUpdate,
    ReviewKind::PotentialDuplicate,
    ReviewKind::PossibleMatch,
    ReviewKind::CappedBlock,
];

fn urgency(kind: ReviewKind) -> usize {
    URGENCY.iter().position(|other| *other == kind).unwrap_or(URGENCY.len())
}

impl Registry {
    /// Takes a task for a steward, or the most urgent one that nobody has: by kind, then by age. Taken
    /// again by the same steward, the lease begins anew.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is no such task, or none to take;
    /// [`RegistryError::Conflict`] when it is answered, or taken by somebody else;
    /// [`RegistryError::Invalid`] for a lease of nothing or of more than an hour.
    pub fn claim_task(
        &self,
        id: Option<TaskId>,
        steward: &Actor,
        lease_ms: u64,
    ) -> Result<(TaskView, Claim), RegistryError> {
        if !(1..=LEASE_MS_MAX).contains(&lease_ms) {
            return Err(RegistryError::invalid("a lease lasts up to an hour: ask for less"));
        }
        self.core.durability.check()?;
        let now = self.core.clock.now();
        let until = Timestamp(now.0.saturating_add(i64::try_from(lease_ms).unwrap_or(i64::MAX)));
        let claim = Claim { steward: steward.name.clone(), until };
        let (taken, sequence) = {
            let mirror = self.core.mirror.read();
            let mut claims = self.core.claims.lock();
            claims.0.retain(|id, claim| claim.until > now && mirror.tasks.get(*id).is_some());
            let taken = match id {
                Some(id) => {
                    mirror.tasks.get(id).ok_or_else(|| nothing_to_take(id))?;
                    claims.refuse_others(id, &steward.name, now)?;
                    id
                }
                None => next_free(mirror.tasks.iter(), &claims, now)?,
            };
            claims.0.insert(taken, claim.clone());
            (taken, mirror.sequence())
        };
        self.core.durability.wait(sequence)?;
        Ok((self.task(taken)?, claim))
    }

    /// Gives a task back that a steward has taken. One that is free already stays free.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when somebody else has taken it.
    pub fn release_task(&self, id: TaskId, steward: &Actor) -> Result<(), RegistryError> {
        let now = self.core.clock.now();
        let mut claims = self.core.claims.lock();
        claims.refuse_others(id, &steward.name, now)?;
        claims.0.remove(&id);
        Ok(())
    }

    /// How much waits, and for how long.
    #[must_use]
    pub fn queue_stats(&self) -> QueueStats {
        let now = self.core.clock.now();
        let mirror = self.core.mirror.read();
        let claims = self.core.claims.lock();
        let count = |kind| mirror.tasks.iter().filter(|task| task.kind == kind).count() as u64;
        let is_claimed = |task: &OpenTask| claims.get(task.id, now).is_some();
        QueueStats {
            open: URGENCY.map(|kind| (kind, count(kind))).to_vec(),
            claimed: mirror.tasks.iter().filter(is_claimed).count() as u64,
            oldest: mirror.tasks.iter().map(|task| task.id).min(),
        }
    }
}

fn nothing_to_take(id: TaskId) -> RegistryError {
    RegistryError::conflict(format!(
        "review task {id} does not wait for anybody: take another one, or the next in line"
    ))
}

fn next_free(
    open: impl Iterator<Item = OpenTask>,
    claims: &Claims,
    now: Timestamp,
) -> Result<TaskId, RegistryError> {
    let free = open.filter(|task| claims.get(task.id, now).is_none());
    let next = free.min_by_key(|task| (urgency(task.kind), task.id));
    next.map(|task| task.id).ok_or_else(|| {
        RegistryError::not_found("no review task waits that nobody has taken: come again later")
    })
}
