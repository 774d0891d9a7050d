//! The review queue at work: who has taken which question, what comes next, page by page.
//!
//! A claim is a lease of minutes, so that two stewards do not read the same charts. It is kept in memory
//! alone: a restart frees every task, which costs nobody more than a second look, and no identity depends
//! on it. Answering a task that somebody else has taken is refused while the lease lasts.

use empi_model::{
    Actor, ComparisonPattern, EnterpriseId, MatchWeight, RecordKey, ReviewKind, ReviewTask, TaskId,
    TaskPlace, TaskStage, Timestamp,
};
use hashbrown::HashMap;
use parking_lot::{RwLockReadGuard, RwLockWriteGuard};

use crate::RegistryError;
use crate::commit::Core;
use crate::mirror::Mirror;
use crate::mirror::worklist::{Facet, Listed};
use crate::registry::Registry;
use crate::words::TaskView;

/// Longest lease, in milliseconds.
const LEASE_MS_MAX: u64 = 60 * 60 * 1000;

/// A steward's lease on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who has taken it.
    pub steward: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Which tasks are asked for. Every list that is empty asks for any.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TaskFilter {
    /// Of these kinds.
    pub kinds: Vec<ReviewKind>,
    /// Waiting for this.
    pub stages: Vec<TaskStage>,
    /// About a record of this source.
    pub source: Option<String>,
    /// Given to this steward.
    pub assignee: Option<String>,
    /// Whose records compare like this.
    pub pattern: Option<ComparisonPattern>,
    /// Whose weight is at least this.
    pub weight_min: Option<MatchWeight>,
    /// Whose weight is at most this.
    pub weight_max: Option<MatchWeight>,
}

/// A page of the review queue.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskQuery {
    /// Only these. Of answered tasks kind, source and weight are asked for; what else is wanted, none has.
    pub filter: TaskFilter,
    /// Also what was answered, in the order in which it was raised; otherwise what waits, in the order in
    /// which it is taken.
    pub include_resolved: bool,
    /// Where the page before ended.
    pub after: Option<TaskPlace>,
    /// Most tasks on the page.
    pub limit: usize,
}

impl TaskQuery {
    /// The first page of all tasks that wait.
    #[must_use]
    pub fn open(limit: usize) -> Self {
        let filter = TaskFilter::default();
        Self { filter, include_resolved: false, after: None, limit }
    }
}

/// Some tasks of the queue.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TaskPage {
    /// The tasks in order.
    pub tasks: Vec<TaskLine>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<TaskPlace>,
}

/// A task as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskLine {
    /// The task. What a first steward has said is left out while a second is asked.
    pub task: ReviewTask,
    /// For whom it waits; `None` once it is answered.
    pub stage: Option<TaskStage>,
    /// Why it is asked, in one sentence.
    pub why: String,
    /// Its place in the queue, and why it stands there.
    pub place: TaskPlace,
    /// The two records; the same twice for a question about one.
    pub records: [RecordKey; 2],
    /// The persons that they belong to now.
    pub persons: [EnterpriseId; 2],
    /// How the two records compare now; `None` for a question about one record, and once it is answered.
    pub pattern: Option<ComparisonPattern>,
    /// Who has taken it.
    pub claim: Option<Claim>,
}

/// The leases that are out.
#[derive(Debug, Default)]
pub(crate) struct Claims(HashMap<TaskId, Claim>);

impl Claims {
    /// The lease on a task, if it lasts.
    pub(crate) fn get(&self, id: TaskId, now: Timestamp) -> Option<&Claim> {
        self.0.get(&id).filter(|claim| claim.until > now)
    }

    /// How many leases last.
    pub(crate) fn count(&self, now: Timestamp, is_open: impl Fn(TaskId) -> bool) -> u64 {
        let last = self.0.iter().filter(|(id, claim)| claim.until > now && is_open(**id));
        last.count() as u64
    }

    /// How long a steward has had a task, in milliseconds.
    pub(crate) fn held_ms(&self, id: TaskId, steward: &str, now: Timestamp) -> Option<u64> {
        let claim = self.get(id, now).filter(|claim| claim.steward == steward)?;
        u64::try_from(now.0.saturating_sub(claim.since.0)).ok()
    }

    pub(crate) fn forget(&mut self, id: TaskId) {
        self.0.remove(&id);
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

impl Core {
    /// The persons that a task that waits is about.
    pub(crate) fn persons_of_task(&self, id: TaskId) -> Vec<EnterpriseId> {
        let mirror = self.mirror.read();
        let records = mirror.tasks.get(id).map(|task| [task.incoming, task.candidate]);
        let persons = records.into_iter().flatten().map(|record| mirror.person_of(record));
        persons.flatten().collect()
    }

    /// The mirror, with every task awake that was put off until now.
    pub(crate) fn queue_at(&self, now: Timestamp) -> RwLockReadGuard<'_, Mirror> {
        let mirror = self.mirror.read();
        if !mirror.worklist.has_due(now) {
            return mirror;
        }
        drop(mirror);
        let mut mirror = self.mirror.write();
        mirror.worklist.wake(now);
        RwLockWriteGuard::downgrade(mirror)
    }
}

impl Registry {
    /// Takes a task for a steward. Taken again by the same steward, the lease begins anew.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when it is answered, or taken by somebody else;
    /// [`RegistryError::Invalid`] for a lease of nothing or of more than an hour.
    pub fn claim_task(
        &self,
        id: TaskId,
        steward: &Actor,
        lease_ms: u64,
    ) -> Result<(TaskView, Claim), RegistryError> {
        self.take_task(steward, lease_ms, |mirror, claims, now| {
            mirror.worklist.get(id).ok_or_else(|| nothing_to_take(id))?;
            claims.refuse_others(id, &steward.name, now)?;
            Ok(id)
        })
    }

    /// Takes the first task of the queue for a steward that is neither taken nor given to anybody else, nor
    /// waits for a second opinion after the steward's own. Unless the filter names stages, what is put off or
    /// waits for a lead steward is passed over.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is none to take; [`RegistryError::Invalid`] for a lease of
    /// nothing or of more than an hour.
    pub fn claim_next(
        &self,
        filter: &TaskFilter,
        steward: &Actor,
        lease_ms: u64,
    ) -> Result<(TaskView, Claim), RegistryError> {
        let mut filter = filter.clone();
        if filter.stages.is_empty() {
            filter.stages = vec![TaskStage::Open, TaskStage::SecondOpinion];
        }
        let name = &steward.name;
        self.take_task(steward, lease_ms, |mirror, claims, now| {
            let wanted = filter.wanted(mirror);
            let mut tasks = mirror.worklist.page(&wanted, None);
            let next = tasks.find(|(id, listed)| {
                filter.weighs(listed.weight)
                    && self.may_see(mirror, *id)
                    && claims.get(*id, now).is_none_or(|claim| claim.steward == *name)
                    && listed.assignee.as_ref().is_none_or(|assignee| assignee == name)
                    && (listed.stage != TaskStage::SecondOpinion || !listed.said_by.contains(name))
            });
            next.map(|(id, _)| id).ok_or_else(|| {
                RegistryError::not_found(
                    "no such review task waits that nobody else has: come again later",
                )
            })
        })
    }

    fn take_task(
        &self,
        steward: &Actor,
        lease_ms: u64,
        choose: impl FnOnce(&Mirror, &Claims, Timestamp) -> Result<TaskId, RegistryError>,
    ) -> Result<(TaskView, Claim), RegistryError> {
        if !(1..=LEASE_MS_MAX).contains(&lease_ms) {
            return Err(RegistryError::invalid("a lease lasts up to an hour: ask for less"));
        }
        self.core.durability.check()?;
        let now = self.core.clock.now();
        let until = Timestamp(now.0.saturating_add(i64::try_from(lease_ms).unwrap_or(i64::MAX)));
        let claim = Claim { steward: steward.name.clone(), since: now, until };
        let (taken, sequence) = {
            let mirror = self.core.queue_at(now);
            let mut claims = self.core.claims.lock();
            claims.0.retain(|id, claim| claim.until > now && mirror.tasks.get(*id).is_some());
            let taken = choose(&mirror, &claims, now)?;
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
        claims.forget(id);
        Ok(())
    }

    /// A page of the review queue. What waits comes in the order in which it is taken; a page costs what it
    /// shows, and what it passes over of the narrowest thing that is asked for.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, RegistryError> {
        self.core.durability.check()?;
        let now = self.core.clock.now();
        let (tasks, next) = if query.include_resolved {
            self.all_tasks(query)?
        } else {
            self.open_tasks(query, now)?
        };
        let tasks = self.lines(tasks, now)?;
        Ok(TaskPage { tasks, next })
    }

    fn open_tasks(
        &self,
        query: &TaskQuery,
        now: Timestamp,
    ) -> Result<(Vec<ReviewTask>, Option<TaskPlace>), RegistryError> {
        let mut looked_at = None;
        loop {
            match self.try_open_tasks(query, now)? {
                Ok(page) => return Ok(page),
                Err(sequence) if looked_at == Some(sequence) => {
                    return Err(RegistryError::damaged(
                        "a task that waits is not stored as waiting",
                    ));
                }
                Err(sequence) => looked_at = Some(sequence),
            }
        }
    }

    /// The last change that was seen instead of the page, when a task of it was answered between looking at the
    /// queue and reading the tasks: others may have come meanwhile, and a page without both never was.
    fn try_open_tasks(
        &self,
        query: &TaskQuery,
        now: Timestamp,
    ) -> Result<Result<(Vec<ReviewTask>, Option<TaskPlace>), u64>, RegistryError> {
        let TaskQuery { filter, after, limit, .. } = query;
        let (places, sequence) = {
            let mirror = self.core.queue_at(now);
            let wanted = filter.wanted(&mirror);
            let tasks = mirror.worklist.page(&wanted, *after);
            let found = tasks
                .filter(|(id, listed)| filter.weighs(listed.weight) && self.may_see(&mirror, *id));
            let places: Vec<TaskPlace> =
                found.map(|(_, listed)| listed.place).take(limit.saturating_add(1)).collect();
            (places, mirror.sequence())
        };
        self.core.durability.wait(sequence)?;
        let (shown, is_last) = (places.len().min(*limit), places.len() <= *limit);
        let next = places.get(shown.saturating_sub(1)).copied().filter(|_| !is_last);
        let snapshot = self.core.store.snapshot();
        let mut tasks = Vec::with_capacity(shown);
        for place in places.into_iter().take(shown) {
            match snapshot.task(place.task())? {
                Some(task) if task.state.is_open() => tasks.push(task),
                _ => return Ok(Err(sequence)),
            }
        }
        Ok(Ok((tasks, next)))
    }

    fn all_tasks(
        &self,
        query: &TaskQuery,
    ) -> Result<(Vec<ReviewTask>, Option<TaskPlace>), RegistryError> {
        let snapshot = self.core.store.snapshot();
        let mut tasks = Vec::new();
        for task in snapshot.tasks_after(false, query.after.map(TaskPlace::task)) {
            let task = task?;
            if self.is_wanted(&task, &query.filter) {
                if tasks.len() >= query.limit {
                    let last = tasks.last().map(|task: &ReviewTask| TaskPlace::by_age(task.id));
                    return Ok((tasks, last));
                }
                tasks.push(task);
            }
        }
        Ok((tasks, None))
    }

    /// Whether whoever asks is shown both persons of a task that waits.
    fn may_see(&self, mirror: &Mirror, id: TaskId) -> bool {
        let shown =
            |record| mirror.person_of(record).is_none_or(|person| self.is_shown_by(mirror, person));
        !mirror.has_consents()
            || mirror.tasks.get(id).is_none_or(|task| shown(task.incoming) && shown(task.candidate))
    }

    /// Whether a task, waiting or answered, is asked for.
    fn is_wanted(&self, task: &ReviewTask, filter: &TaskFilter) -> bool {
        let mirror = self.core.mirror.read();
        let has_facets = match mirror.worklist.get(task.id) {
            Some(listed) => filter.wanted(&mirror).iter().all(|list| listed.has_any(list)),
            None => {
                let source = filter.source.as_ref().map(|source| mirror.source(source));
                let is_of = |record| mirror.source_of(record);
                (filter.kinds.is_empty() || filter.kinds.contains(&task.kind))
                    && source.is_none_or(|it| {
                        it.is_some() && (is_of(task.incoming) == it || is_of(task.candidate) == it)
                    })
                    && filter.stages.is_empty()
                    && filter.assignee.is_none()
                    && filter.pattern.is_none()
            }
        };
        has_facets && filter.weighs(task.asked_weight())
    }

    /// A task as a list shows it, from memory.
    fn line(
        &self,
        mirror: &Mirror,
        task: ReviewTask,
        now: Timestamp,
    ) -> Result<TaskLine, RegistryError> {
        let missing = || RegistryError::damaged("a review task names a record that is missing");
        let key = |record| mirror.key(record).ok_or_else(missing);
        let person = |record| mirror.person_of(record).ok_or_else(missing);
        let listed = mirror.worklist.get(task.id);
        Ok(TaskLine {
            stage: task.state.waiting().map(|waiting| waiting.stage(now)),
            why: task.why(),
            place: task.place(self.core.in_force().model.thresholds()),
            records: [key(task.incoming)?, key(task.candidate)?],
            persons: [person(task.incoming)?, person(task.candidate)?],
            pattern: listed.and_then(|listed| listed.pattern.clone()),
            claim: self.core.claims.lock().get(task.id, now).cloned(),
            task: blinded(task),
        })
    }

    /// Tasks as a list shows them, once the persons that they are about are on disk as they are shown.
    fn lines(
        &self,
        tasks: Vec<ReviewTask>,
        now: Timestamp,
    ) -> Result<Vec<TaskLine>, RegistryError> {
        let (lines, sequence) = {
            let mirror = self.core.mirror.read();
            let lines = tasks.into_iter().map(|task| self.line(&mirror, task, now));
            let lines = lines.collect::<Result<Vec<TaskLine>, _>>()?;
            let persons = lines.iter().flat_map(|line| line.persons);
            let changed = persons.map(|person| mirror.recent.person_changed(person));
            let sequence = changed.max().unwrap_or(0);
            (lines, sequence)
        };
        self.core.durability.wait(sequence)?;
        Ok(lines)
    }

    /// A task as a list shows it.
    pub(crate) fn line_of(&self, task: ReviewTask) -> Result<TaskLine, RegistryError> {
        let line = self.lines(vec![task], self.core.clock.now())?.pop();
        line.ok_or_else(|| RegistryError::damaged("a review task has no line"))
    }
}

/// A task without what the first steward has said, for whoever is asked for a second opinion.
fn blinded(mut task: ReviewTask) -> ReviewTask {
    if let empi_model::ReviewState::Open(waiting) = &mut task.state
        && waiting.stage_awake() == TaskStage::SecondOpinion
    {
        waiting.opinions.clear();
    }
    task
}

impl Listed {
    fn has_any(&self, list: &[Facet]) -> bool {
        list.is_empty() || list.iter().any(|facet| self.has(facet))
    }
}

impl TaskFilter {
    /// What is asked for as the worklist understands it.
    fn wanted(&self, mirror: &Mirror) -> [Vec<Facet>; 5] {
        let Self { kinds, stages, source, assignee, pattern, .. } = self;
        // A source that has sent nothing has no number; no task is about it.
        let source = source.as_ref().map(|name| mirror.source(name).unwrap_or(u32::MAX));
        [
            kinds.iter().copied().map(Facet::Kind).collect(),
            stages.iter().copied().map(Facet::Stage).collect(),
            source.map(Facet::Source).into_iter().collect(),
            assignee.clone().map(Facet::Assignee).into_iter().collect(),
            pattern.clone().map(Facet::Pattern).into_iter().collect(),
        ]
    }

    fn weighs(&self, weight: MatchWeight) -> bool {
        self.weight_min.is_none_or(|least| weight >= least)
            && self.weight_max.is_none_or(|most| weight <= most)
    }
}

fn nothing_to_take(id: TaskId) -> RegistryError {
    RegistryError::conflict(format!(
        "review task {id} does not wait for anybody: take another one, or the next in line"
    ))
}
