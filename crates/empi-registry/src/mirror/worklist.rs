//! The order in which open tasks are taken, and the ways in which stewards cut it: a page of the queue
//! reads what it shows, however many tasks wait.
//!
//! Every task stands in the set of all tasks, and in one set for each thing that it can be asked for by, its
//! *facets*. Each set is in the order of the queue. A page goes along the smallest set that holds all that
//! is asked for, and looks at the other facets of what it meets there.

use std::collections::BTreeSet;
use std::ops::Bound;

use empi_model::{
    ComparisonPattern, MatchWeight, ReviewKind, ReviewOutcome, TaskId, TaskPlace, TaskStage,
    Timestamp,
};
use hashbrown::HashMap;
use smallvec::SmallVec;

/// What the queue knows of an open task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) place: TaskPlace,
    pub(crate) kind: ReviewKind,
    pub(crate) weight: MatchWeight,
    pub(crate) created: Timestamp,
    pub(crate) stage: TaskStage,
    /// For a task that is put off: until when, and for whom it waits then.
    pub(crate) snoozed: Option<(Option<Timestamp>, TaskStage)>,
    pub(crate) assignee: Option<String>,
    /// Who has said already what they think.
    pub(crate) said_by: SmallVec<[String; 1]>,
    /// What two have said who do not agree.
    pub(crate) opinions: Option<(ReviewOutcome, ReviewOutcome)>,
    /// How the two records compare now.
    pub(crate) pattern: Option<ComparisonPattern>,
    /// The sources of the two records, by their numbers.
    pub(crate) sources: [u32; 2],
}

/// Something that tasks are asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Facet {
    Kind(ReviewKind),
    Stage(TaskStage),
    Source(u32),
    Assignee(String),
    Pattern(ComparisonPattern),
}

impl Listed {
    fn facets(&self) -> SmallVec<[Facet; 6]> {
        let mut facets: SmallVec<[Facet; 6]> = SmallVec::new();
        facets.push(Facet::Kind(self.kind));
        facets.push(Facet::Stage(self.stage));
        facets.push(Facet::Source(self.sources[0]));
        if self.sources[1] != self.sources[0] {
            facets.push(Facet::Source(self.sources[1]));
        }
        facets.extend(self.assignee.clone().map(Facet::Assignee));
        facets.extend(self.pattern.clone().map(Facet::Pattern));
        facets
    }

    /// Whether it has a facet.
    pub(crate) fn has(&self, facet: &Facet) -> bool {
        match facet {
            Facet::Kind(kind) => self.kind == *kind,
            Facet::Stage(stage) => self.stage == *stage,
            Facet::Source(source) => self.sources.contains(source),
            Facet::Assignee(assignee) => self.assignee.as_ref() == Some(assignee),
            Facet::Pattern(pattern) => self.pattern.as_ref() == Some(pattern),
        }
    }
}

/// What is asked for: of each list any facet, of every list one. An empty list asks for nothing.
pub(crate) type Wanted = [Vec<Facet>];

/// The open tasks in order.
#[derive(Debug, Default)]
pub(crate) struct Worklist {
    listed: HashMap<TaskId, Listed>,
    all: BTreeSet<TaskPlace>,
    by_facet: HashMap<Facet, BTreeSet<TaskPlace>>,
    due: BTreeSet<(Timestamp, TaskId)>,
}

impl Worklist {
    pub(crate) fn get(&self, id: TaskId) -> Option<&Listed> {
        self.listed.get(&id)
    }

    /// Every open task, in no order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TaskId, &Listed)> {
        self.listed.iter().map(|(id, listed)| (*id, listed))
    }

    /// How many tasks have a facet.
    pub(crate) fn count(&self, facet: &Facet) -> usize {
        self.by_facet.get(facet).map_or(0, BTreeSet::len)
    }

    /// Puts a task into the queue, or gives it another place.
    pub(crate) fn put(&mut self, id: TaskId, listed: Listed) {
        self.remove(id);
        if let Some((Some(until), _)) = listed.snoozed {
            self.due.insert((until, id));
        }
        self.all.insert(listed.place);
        for facet in listed.facets() {
            self.by_facet.entry(facet).or_default().insert(listed.place);
        }
        self.listed.insert(id, listed);
    }

    /// Takes every task out of the queue.
    pub(crate) fn take_all(&mut self) -> Vec<(TaskId, Listed)> {
        std::mem::take(self).listed.into_iter().collect()
    }

    pub(crate) fn remove(&mut self, id: TaskId) {
        let Some(listed) = self.listed.remove(&id) else { return };
        if let Some((Some(until), _)) = listed.snoozed {
            self.due.remove(&(until, id));
        }
        self.all.remove(&listed.place);
        for facet in listed.facets() {
            if let Some(places) = self.by_facet.get_mut(&facet) {
                places.remove(&listed.place);
                if places.is_empty() {
                    self.by_facet.remove(&facet);
                }
            }
        }
    }

    /// Whether a task that was put off waits again by now.
    pub(crate) fn has_due(&self, now: Timestamp) -> bool {
        self.due.first().is_some_and(|(until, _)| *until <= now)
    }

    /// Lets every task wait again that was put off until now.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.due.first().copied().filter(|(until, _)| *until <= now) {
            self.due.remove(&(until, id));
            if let Some(mut listed) = self.listed.get(&id).cloned()
                && let Some((_, stage)) = listed.snoozed.take()
            {
                listed.stage = stage;
                self.put(id, listed);
            }
        }
    }

    /// The tasks that have what is wanted, in the order of the queue, behind a place.
    pub(crate) fn page<'a>(
        &'a self,
        wanted: &'a Wanted,
        after: Option<TaskPlace>,
    ) -> impl Iterator<Item = (TaskId, &'a Listed)> + 'a {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut ways: Vec<_> = self
            .narrowest(wanted)
            .into_iter()
            .map(|places| places.range((from, Bound::Unbounded)).copied().peekable())
            .collect();
        let places = std::iter::from_fn(move || {
            let next = ways.iter_mut().filter_map(|way| way.peek().copied()).min()?;
            // A task with two of the facets stands in two sets.
            ways.iter_mut().for_each(|way| {
                way.next_if_eq(&next);
            });
            Some(next)
        });
        let has_all = |listed: &Listed| {
            let mut lists = wanted.iter().filter(|list| !list.is_empty());
            lists.all(|list| list.iter().any(|facet| listed.has(facet)))
        };
        places
            .filter_map(|place| Some((place.task(), self.listed.get(&place.task())?)))
            .filter(move |(_, listed)| has_all(listed))
    }

    /// The sets that together hold all that is wanted, and least besides.
    fn narrowest(&self, wanted: &Wanted) -> Vec<&BTreeSet<TaskPlace>> {
        let sets = |list: &Vec<Facet>| -> Vec<&BTreeSet<TaskPlace>> {
            list.iter().filter_map(|facet| self.by_facet.get(facet)).collect()
        };
        let lists = wanted.iter().filter(|list| !list.is_empty()).map(sets);
        let all = std::iter::once(vec![&self.all]);
        let size =
            |sets: &Vec<&BTreeSet<TaskPlace>>| sets.iter().map(|set| set.len()).sum::<usize>();
        lists.chain(all).min_by_key(size).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use empi_model::Thresholds;
    use proptest::prelude::*;

    use super::*;

    fn listed(id: u64, kind: usize, stage: usize, source: u32, until: Option<i64>) -> Listed {
        let bits = |bits: f64| MatchWeight::from_bits(bits);
        let kind = ReviewKind::ALL[kind % ReviewKind::ALL.len()];
        let (id, weight) = (TaskId(id), bits(f64::from(source)));
        let thresholds = Thresholds { link: bits(7.0), review: bits(0.0) };
        let awake = TaskStage::ALL[stage % 3];
        Listed {
            place: TaskPlace::new(id, kind, weight, thresholds),
            kind,
            weight,
            created: Timestamp(0),
            stage: if until.is_some() { TaskStage::Snoozed } else { awake },
            snoozed: until.map(|until| (Some(Timestamp(until)), awake)),
            assignee: (source == 3).then(|| "ines".to_owned()),
            said_by: SmallVec::new(),
            opinions: None,
            pattern: None,
            sources: [source, source / 2],
        }
    }

    proptest! {
        #[test]
        fn a_page_is_what_a_walk_through_everything_would_find(
            tasks in prop::collection::vec((0_u64..30, 0..8_usize, 0..3_usize, 0..5_u32, prop::option::of(0..9_i64), any::<bool>()), 0..60),
            kinds in prop::collection::vec(0..8_usize, 0..3),
            stages in prop::collection::vec(0..5_usize, 0..3),
            source in prop::option::of(0..5_u32),
            now in 0..9_i64,
            skipped in 0..5_usize,
        ) {
            let mut list = Worklist::default();
            let mut plain: std::collections::BTreeMap<TaskId, Listed> = std::collections::BTreeMap::new();
            for (id, kind, stage, source, until, leaves) in tasks {
                if leaves {
                    list.remove(TaskId(id));
                    plain.remove(&TaskId(id));
                } else {
                    let listed = listed(id, kind, stage, source, until);
                    list.put(TaskId(id), listed.clone());
                    plain.insert(TaskId(id), listed);
                }
            }
            list.wake(Timestamp(now));
            prop_assert!(!list.has_due(Timestamp(now)));
            for listed in plain.values_mut() {
                if let Some((Some(until), stage)) = listed.snoozed
                    && until.0 <= now
                {
                    (listed.stage, listed.snoozed) = (stage, None);
                }
            }
            let kinds: Vec<Facet> = kinds.into_iter().map(|at| Facet::Kind(ReviewKind::ALL[at])).collect();
            let stages: Vec<Facet> = stages.into_iter().map(|at| Facet::Stage(TaskStage::ALL[at])).collect();
            let wanted = [kinds, stages, source.map(Facet::Source).into_iter().collect()];
            let mut due: Vec<(TaskPlace, TaskId)> = plain
                .iter()
                .filter(|(_, listed)| {
                    wanted.iter().all(|list| list.is_empty() || list.iter().any(|it| listed.has(it)))
                })
                .map(|(id, listed)| (listed.place, *id))
                .collect();
            due.sort_unstable();
            let found: Vec<TaskId> = list.page(&wanted, None).map(|(id, _)| id).collect();
            prop_assert_eq!(&found, &due.iter().map(|(_, id)| *id).collect::<Vec<_>>());
            let after = due.get(skipped).map(|(place, _)| *place);
            let rest: Vec<TaskId> = list.page(&wanted, after).map(|(id, _)| id).collect();
            let skip = after.map_or(0, |_| skipped + 1);
            prop_assert_eq!(rest, due.iter().skip(skip).map(|(_, id)| *id).collect::<Vec<_>>());
        }
    }
}
