//! From pairs to persons.
//!
//! Links are taken by descending weight. Two groups of records are joined only if every record of one
//! fits every record of the other well enough: no pair speaks of two different people, the mean weight
//! over all pairs across reaches the review threshold, and so does at least half of the pairs. So one
//! strong link cannot pull two strangers together through a third record (constrained agglomeration,
//! `matching.md` B11).

use empi_model::Guard;

use crate::guard::Guards;
use crate::lexicon::Values;
use crate::model::LinkageModel;
use crate::row::CompareRow;
use crate::score::score_across;

/// Most pairs across two groups that are scored to judge whether they may be joined.
pub const CROSS_PAIRS_MAX: usize = 64;

/// Least share of the pairs across two groups that must reach the review threshold themselves: below,
/// the groups hang together by a bridge (`matching.md` B11).
const DENSITY_MIN: f64 = 0.5;

/// Whether two groups of so many records together may become one person, given that every pair across
/// them is a link. Then no pair speaks of two people and each reaches the threshold, so [`judge_join`]
/// would find nothing but their size.
pub(crate) fn may_join_linked(model: &LinkageModel, records: usize) -> bool {
    let thresholds = model.thresholds();
    records <= model.limits().person_records_max as usize && thresholds.link > thresholds.review
}

/// Judges whether two groups of records may become one person, given that some pair across them is a
/// link. No guard: they may.
#[must_use]
pub fn judge_join(
    model: &LinkageModel,
    values: &impl Values,
    left: &[&CompareRow],
    right: &[&CompareRow],
) -> Guards {
    let mut guards = Guards::NONE;
    if left.len() + right.len() > model.limits().person_records_max as usize {
        guards.insert(Guard::OversizedPerson);
    }
    let pairs = left.len() * right.len();
    if pairs <= 1 || !guards.is_empty() {
        return guards;
    }
    // An even sample where there are very many: every `stride`-th pair.
    let stride = pairs.div_ceil(CROSS_PAIRS_MAX);
    let (mut sum, mut count) = (0.0, 0_u32);
    let (mut conflicts, mut refuted) = (Guards::NONE, Guards::NONE);
    let (mut twins, mut one_person, mut alike) = (0_u32, 0_u32, 0_u32);
    for at in (0..pairs).step_by(stride) {
        let (Some(one), Some(other)) = (left.get(at / right.len()), right.get(at % right.len()))
        else {
            continue;
        };
        let crossed = score_across(model, values, one, other);
        conflicts = conflicts.union(crossed.conflicts);
        refuted = refuted.union(crossed.refuted);
        twins += u32::from(crossed.conflicts.contains(Guard::PossibleTwins));
        one_person += u32::from(crossed.one_person);
        alike += u32::from(crossed.weight >= model.thresholds().review);
        sum += crossed.weight.bits();
        count += 1;
    }
    // A third record may itself be a mixture of two twins, so no single pair shows that there are none:
    // only more pairs with one name or number than with two names do.
    if one_person > twins {
        refuted.insert(Guard::PossibleTwins);
    }
    guards = guards.union(conflicts.without(refuted));
    // Half of the pairs must agree besides: one very heavy pair would make up for many strangers.
    let mean_is_low = sum < model.thresholds().review.bits() * f64::from(count);
    if mean_is_low || f64::from(alike) < DENSITY_MIN * f64::from(count) {
        guards.insert(Guard::WeakCluster);
    }
    guards
}

/// Records that were found to belong together, directly or over others (union-find with path halving).
/// A set is named by its smallest record.
#[derive(Debug)]
pub(crate) struct Sets(Vec<u32>);

impl Sets {
    /// Every record on its own.
    pub(crate) fn new(record_count: usize) -> Self {
        Self((0..u32::try_from(record_count).unwrap_or(u32::MAX)).collect())
    }

    /// The smallest record of the set that a record is in.
    pub(crate) fn first_of(&mut self, mut record: u32) -> u32 {
        while let Some(parent) = self.0.get(record as usize).copied() {
            if parent == record {
                break;
            }
            let grandparent = self.0.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(record as usize) {
                *slot = grandparent;
            }
            record = grandparent;
        }
        record
    }

    /// Joins the sets of two records.
    pub(crate) fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.first_of(one), self.first_of(other));
        if let Some(slot) = self.0.get_mut(one.max(other) as usize) {
            *slot = one.min(other);
        }
    }
}

/// Groups of records that grow by joining.
#[derive(Debug)]
pub(crate) struct Groups {
    sets: Sets,
    /// The records of a group, at its first record; empty everywhere else and for groups of one.
    members: Vec<Vec<u32>>,
}

impl Groups {
    pub(crate) fn new(record_count: usize) -> Self {
        Self { sets: Sets::new(record_count), members: vec![Vec::new(); record_count] }
    }

    /// The smallest record of the group that a record is in.
    pub(crate) fn first_of(&mut self, record: u32) -> u32 {
        self.sets.first_of(record)
    }

    /// The records of the group whose first record is given.
    pub(crate) fn members(&self, first: u32) -> std::borrow::Cow<'_, [u32]> {
        match self.members.get(first as usize) {
            Some(members) if !members.is_empty() => members.as_slice().into(),
            _ => vec![first].into(),
        }
    }

    /// How many records a group has.
    pub(crate) fn size(&self, first: u32) -> usize {
        self.members.get(first as usize).map_or(1, |members| members.len().max(1))
    }

    /// Joins two groups, given by their first records, which must differ.
    pub(crate) fn join(&mut self, one: u32, other: u32) {
        let (first, second) = (one.min(other), one.max(other));
        let mut members = self.members(first).into_owned();
        members.extend_from_slice(&self.members(second));
        members.sort_unstable();
        if let Some(slot) = self.members.get_mut(second as usize) {
            *slot = Vec::new();
        }
        if let Some(slot) = self.members.get_mut(first as usize) {
            *slot = members;
        }
        self.sets.join(first, second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_by_their_first_record() {
        let mut groups = Groups::new(5);
        groups.join(4, 2);
        groups.join(1, 2);
        assert_eq!(groups.first_of(4), 1);
        assert_eq!(groups.members(1).as_ref(), [1, 2, 4]);
        assert_eq!(groups.first_of(3), 3);
        assert_eq!(groups.members(3).as_ref(), [3]);
    }
}
