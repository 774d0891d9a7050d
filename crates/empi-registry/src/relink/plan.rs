//! Which records change their persons. Pure functions over values.
//!
//! A person falls into *parts*: its records by the person that linkage gives them to, its *label*. A
//! retired record goes with its successor, else with the largest part. A person with a record that a
//! steward put there is one part, whatever linkage says.
//!
//! | the parts under one label | what becomes of them |
//! |---|---|
//! | are free to be one person | they are one person |
//! | one of them belongs to two labels, because a steward joined it | each stays for itself |
//! | a steward keeps two of them apart, or took one from the other | each stays for itself |
//!
//! Which enterprise ID a group of parts goes on under:
//!
//! * Every enterprise ID goes with most of its records; of halves, with its first record.
//! * Where several come to one group, and all with all their records, the oldest survives (identity
//!   rule 3); else the one that brings most records, of equals the oldest.
//! * The others redirect to it. A group to which none comes gets a new one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use empi_model::{EnterpriseId, RecordIndex};
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::decisions::Decisions;
use crate::mirror::Mirror;

/// How everything stands before.
pub(super) struct Standing<'a> {
    pub(super) mirror: &'a Mirror,
    /// The person of each record as linkage sees it; `None` for one that has no say.
    pub(super) labels: &'a [Option<u32>],
    /// Where retired records went to.
    pub(super) successors: &'a HashMap<RecordIndex, RecordIndex>,
    pub(super) decisions: &'a Decisions,
}

/// What is to change.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// Changes that do not touch one another, in the order of their first records.
    pub(super) regroups: Vec<Regroup>,
    /// Labels whose parts were left for themselves because of a steward's decision.
    pub(super) held_back: u64,
}

/// Persons that exchange records: one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Regroup {
    /// The persons before, in the order of their enterprise IDs.
    pub(crate) persons: Vec<EnterpriseId>,
    /// Their records by the persons after, in the order of their first records.
    pub(crate) groups: Vec<Group>,
    /// Enterprise IDs that are left without records, each with the place of the group it redirects to.
    pub(crate) redirects: Vec<(EnterpriseId, usize)>,
}

/// The records of one person after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Ascending.
    pub(crate) records: Vec<RecordIndex>,
    /// The enterprise ID that it goes on under; `None` for a new one.
    pub(crate) keeps: Option<EnterpriseId>,
}

/// What a change does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegroupKind {
    /// Whole persons become one.
    Merge,
    /// One person becomes several.
    Split,
    /// Several persons become several others.
    Exchange,
}

impl Regroup {
    pub(crate) const fn kind(&self) -> RegroupKind {
        match (self.persons.len(), self.groups.len()) {
            (_, 1) => RegroupKind::Merge,
            (1, _) => RegroupKind::Split,
            _ => RegroupKind::Exchange,
        }
    }
}

/// Records of one person that stay together.
#[derive(Debug)]
struct Part {
    person: EnterpriseId,
    /// Ascending, never empty.
    records: SmallVec<[RecordIndex; 4]>,
    /// Ascending; none for records that have no say.
    labels: SmallVec<[u32; 2]>,
}

/// Draws what is to change.
pub(super) fn plan(standing: &Standing<'_>) -> Planned {
    let parts = standing.parts();
    let mut under: HashMap<u32, SmallVec<[usize; 2]>> = HashMap::new();
    for (at, part) in parts.iter().enumerate() {
        part.labels.iter().for_each(|label| under.entry(*label).or_default().push(at));
    }
    let contested = standing.contested(&parts, &under);
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let together = match part.labels.as_slice() {
            [label] if !contested.contains(label) => under.get(label),
            _ => None,
        };
        match together {
            None => clusters.push(vec![at]),
            Some(together) if together.first() == Some(&at) => clusters.push(together.to_vec()),
            Some(_) => {}
        }
    }
    let held_back = contested.len() as u64;
    Planned { regroups: standing.regroups(&parts, &clusters), held_back }
}

impl Standing<'_> {
    fn label(&self, record: RecordIndex) -> Option<u32> {
        self.labels.get(record.0 as usize).copied().flatten()
    }

    /// The persons in parts, in the order of their first records.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (person, records) in self.mirror.persons_with_records() {
            let labels: BTreeSet<u32> = records.iter().filter_map(|it| self.label(*it)).collect();
            let is_settled = records.iter().any(|it| self.decisions.settled.contains(it));
            if is_settled || labels.len() <= 1 {
                let (records, labels) = (records.into(), labels.into_iter().collect());
                parts.push(Part { person, records, labels });
            } else {
                parts.extend(self.split(person, records));
            }
        }
        parts.sort_unstable_by_key(|part| part.records.first().copied());
        parts
    }

    /// A person of several labels in its parts.
    fn split(&self, person: EnterpriseId, records: &[RecordIndex]) -> Vec<Part> {
        let mut by_label: BTreeMap<u32, Vec<RecordIndex>> = BTreeMap::new();
        let mut silent = Vec::new();
        for record in records {
            match self.label(*record) {
                Some(label) => by_label.entry(label).or_default().push(*record),
                None => silent.push(*record),
            }
        }
        let size =
            |(_, own): &(&u32, &Vec<RecordIndex>)| (own.len(), Reverse(own.first().copied()));
        let largest = by_label.iter().max_by_key(size).map(|(label, _)| *label);
        for record in silent {
            let successor = self.successors.get(&record).and_then(|it| self.label(*it));
            let with = successor.filter(|label| by_label.contains_key(label)).or(largest);
            if let Some(own) = with.and_then(|label| by_label.get_mut(&label)) {
                own.push(record);
            }
        }
        let part = |(label, mut own): (u32, Vec<RecordIndex>)| {
            own.sort_unstable();
            Part { person, records: own.into(), labels: [label].into_iter().collect() }
        };
        by_label.into_iter().map(part).collect()
    }

    /// Labels whose parts cannot all be one person.
    fn contested(
        &self,
        parts: &[Part],
        under: &HashMap<u32, SmallVec<[usize; 2]>>,
    ) -> BTreeSet<u32> {
        let mut contested = BTreeSet::new();
        for part in parts.iter().filter(|part| part.labels.len() > 1) {
            let shared = |label: &&u32| under.get(*label).is_some_and(|parts| parts.len() > 1);
            contested.extend(part.labels.iter().filter(shared).copied());
        }
        let mut part_of: HashMap<RecordIndex, usize> = HashMap::new();
        for (at, part) in parts.iter().enumerate() {
            part.records.iter().for_each(|record| {
                part_of.insert(*record, at);
            });
        }
        let part = |record| part_of.get(record).and_then(|at| Some((*at, parts.get(*at)?)));
        for (one, other) in &self.decisions.apart {
            let (Some((at, one)), Some((other_at, other))) = (part(one), part(other)) else {
                continue;
            };
            if at != other_at {
                contested.extend(one.labels.iter().filter(|label| other.labels.contains(label)));
            }
        }
        contested
    }

    /// The clusters that are not persons as they stand, with all persons that they concern.
    fn regroups(&self, parts: &[Part], clusters: &[Vec<usize>]) -> Vec<Regroup> {
        let mut part_counts: HashMap<EnterpriseId, u32> = HashMap::new();
        parts.iter().for_each(|part| *part_counts.entry(part.person).or_default() += 1);
        let persons_of = |cluster: &[usize]| -> BTreeSet<EnterpriseId> {
            cluster.iter().filter_map(|at| parts.get(*at)).map(|part| part.person).collect()
        };
        let mut changed = Vec::new();
        for cluster in clusters {
            let persons = persons_of(cluster);
            let is_split = |id| part_counts.get(id).is_some_and(|count| *count > 1);
            if persons.len() > 1 || persons.iter().any(is_split) {
                changed.push((cluster, persons));
            }
        }
        // Clusters that a chain of persons connects are one change.
        let mut component_of: HashMap<EnterpriseId, usize> = HashMap::new();
        let mut components: Vec<Vec<usize>> = Vec::new();
        for (at, (_, persons)) in changed.iter().enumerate() {
            let known: BTreeSet<usize> =
                persons.iter().filter_map(|id| component_of.get(id).copied()).collect();
            let target = known.first().copied().unwrap_or_else(|| {
                components.push(Vec::new());
                components.len() - 1
            });
            let mut joined = vec![at];
            for other in known.into_iter().filter(|other| *other != target) {
                joined.extend(components.get_mut(other).map(std::mem::take).unwrap_or_default());
            }
            for at in &joined {
                let persons = changed.get(*at).into_iter().flat_map(|(_, persons)| persons);
                persons.for_each(|id| {
                    component_of.insert(*id, target);
                });
            }
            if let Some(component) = components.get_mut(target) {
                component.extend(joined);
            }
        }
        let mut regroups = Vec::new();
        for component in components.iter().filter(|component| !component.is_empty()) {
            let of_component = || component.iter().filter_map(|at| changed.get(*at));
            let persons: BTreeSet<EnterpriseId> =
                of_component().flat_map(|(_, persons)| persons.iter().copied()).collect();
            let groups = of_component().map(|(cluster, _)| {
                let parts = cluster.iter().filter_map(|at| parts.get(*at));
                let mut records: Vec<RecordIndex> =
                    parts.flat_map(|part| part.records.iter().copied()).collect();
                records.sort_unstable();
                records
            });
            regroups.push(self.regroup(persons.into_iter().collect(), groups.collect()));
        }
        regroups.sort_unstable_by_key(|it| {
            it.groups.first().and_then(|it| it.records.first().copied())
        });
        regroups
    }

    /// Gives groups the enterprise IDs of the persons that their records come from.
    fn regroup(&self, persons: Vec<EnterpriseId>, mut groups: Vec<Vec<RecordIndex>>) -> Regroup {
        groups.sort_unstable();
        // Of each person: the group that has most of its records, and how many.
        let mut claims: Vec<Vec<Claim>> = vec![Vec::new(); groups.len()];
        for person in &persons {
            let of_group = |(at, group): (usize, &Vec<RecordIndex>)| {
                let own = |record: &&RecordIndex| self.mirror.person_of(**record) == Some(*person);
                let first = group.iter().find(own).copied();
                (group.iter().filter(own).count(), Reverse(first), at)
            };
            let Some((count, _, at)) =
                groups.iter().enumerate().map(of_group).filter(|(count, ..)| *count > 0).max()
            else {
                continue;
            };
            let is_whole = count == self.mirror.members(*person).len();
            if let Some(claims) = claims.get_mut(at) {
                claims.push(Claim { person: *person, count, is_whole });
            }
        }
        let mut redirects = Vec::new();
        let mut named = Vec::with_capacity(groups.len());
        for (at, (records, claims)) in groups.into_iter().zip(claims).enumerate() {
            let keeps = self.survivor(&claims);
            let others = claims.iter().map(|claim| claim.person).filter(|id| Some(*id) != keeps);
            redirects.extend(others.map(|id| (id, at)));
            named.push(Group { records, keeps });
        }
        redirects.sort_unstable();
        Regroup { persons, groups: named, redirects }
    }

    fn survivor(&self, claims: &[Claim]) -> Option<EnterpriseId> {
        let age = |claim: &&Claim| self.mirror.person(claim.person).map(|person| person.age());
        let survivor = if claims.iter().all(|claim| claim.is_whole) {
            claims.iter().min_by_key(age)
        } else {
            claims.iter().max_by_key(|claim| (claim.count, Reverse(age(claim))))
        };
        survivor.map(|claim| claim.person)
    }
}

/// A person whose enterprise ID comes to a group.
#[derive(Clone, Copy, Debug)]
struct Claim {
    person: EnterpriseId,
    /// How many of its records the group has.
    count: usize,
    /// Whether the group has all of them.
    is_whole: bool,
}
