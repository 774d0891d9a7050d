//! What a change shows about the person that a record belongs to, and about values that very many people
//! share: questions beside the decision, so that no limit and no contradiction passes in silence (identity
//! rule 7).

use empi_linkage::{CompareRow, Intern, LexiconOverlay, Values, judge_join, score};
use empi_model::{
    Asks, Guard, LinkSource, MatchWeight, RecordIndex, ReviewKind, ReviewTask, SharedValue, TaskId,
};

use super::{Context, Draft, RaisedTask};
use crate::assess::{Assessment, Own};
use crate::hubs::{field_of, people_who_share};
use crate::incoming::Incoming;

/// Most records of a person that are compared with one another.
const MEMBERS_MAX: usize = 24;

/// Fewest records of a half: one record that fits badly is a question of its own.
const HALF_RECORDS_MIN: usize = 2;

/// Two groups of a person's records, and the pair across them that weighs most.
struct Bridge {
    incoming: RecordIndex,
    candidate: RecordIndex,
    weight: MatchWeight,
}

impl Draft<'_> {
    /// Names each value of a record that very many people share: once for a value, not once for a record.
    pub(super) fn name_hubs(
        &mut self,
        record: RecordIndex,
        assessment: &Assessment,
    ) -> Vec<TaskId> {
        let mirror = self.context.mirror;
        let mut tasks = Vec::new();
        for (kind, hash) in assessment.hubs.iter() {
            let field = field_of(kind);
            if mirror.is_named(field, hash) {
                continue;
            }
            let people = people_who_share(mirror, &assessment.keys, kind, hash);
            tasks.push(self.raise(RaisedTask {
                kind: ReviewKind::SharedIdentifier,
                incoming: record,
                candidate: record,
                weight: MatchWeight::ZERO,
                guards: Vec::new(),
                shared: Some(SharedValue { field, hash, people }),
            }));
        }
        tasks
    }

    /// Asks whether a person is two after new content of one of its records: where that contradicts the
    /// others as two people would, or leaves two halves that hardly resemble one another. What a steward has
    /// linked is not questioned, and nothing is asked twice.
    pub(super) fn ask_whether_two(&mut self, own: &Own, incoming: &Incoming) -> Option<TaskId> {
        if own.link == LinkSource::Manual {
            return None;
        }
        let mirror = self.context.mirror;
        let members: Vec<RecordIndex> = mirror.speakers(own.person).take(MEMBERS_MAX).collect();
        let is_asked = members.iter().any(|member| {
            let mut tasks = mirror.tasks.of_record(*member);
            tasks.any(|task| task.asks == Asks::WhetherTwo && !self.writes_task(task.id))
        });
        if members.len() < 2 || is_asked {
            return None;
        }
        let mut values = LexiconOverlay::new(&mirror.lexicon);
        let new = values.row(&incoming.normalized);
        let others = members.iter().filter(|member| **member != own.record);
        let others: Vec<(RecordIndex, CompareRow)> =
            others.filter_map(|member| Some((*member, mirror.row(*member)?))).collect();
        let mut rows: Vec<(RecordIndex, &CompareRow)> =
            others.iter().map(|(member, row)| (*member, row)).collect();
        let place = members.iter().position(|member| *member == own.record);
        rows.extend(place.map(|_| (own.record, &new)));
        rows.sort_unstable_by_key(|(member, _)| *member);
        let raised = self
            .contradiction(&values, own.record, &rows)
            .or_else(|| self.bridge(&values, &rows).map(Bridge::question))?;
        Some(self.raise(raised))
    }

    /// The record that contradicts another most, if the person holds two people's data.
    fn contradiction(
        &self,
        values: &impl Values,
        record: RecordIndex,
        rows: &[(RecordIndex, &CompareRow)],
    ) -> Option<RaisedTask> {
        let model = self.context.model;
        let (_, new) = rows.iter().find(|(member, _)| *member == record)?;
        let others = || rows.iter().filter(|(member, _)| *member != record);
        let other_rows: Vec<&CompareRow> = others().map(|(_, row)| *row).collect();
        let guards = match other_rows[..] {
            [other] => score(model, values, new, other).guards.conflicts(),
            _ => judge_join(model, values, &[new], &other_rows).conflicts(),
        };
        if guards.is_empty() {
            return None;
        }
        let weighed = others().map(|(other, row)| (*other, score(model, values, new, row).weight));
        let (candidate, weight) =
            weighed.min_by(|one, other| one.1.bits().total_cmp(&other.1.bits()))?;
        Some(RaisedTask {
            kind: ReviewKind::Conflict,
            incoming: record,
            candidate,
            weight,
            guards: guards.iter().collect(),
            shared: None,
        })
    }

    /// Two groups of records, each held together by links, between which at most one pair is even a possible
    /// match.
    fn bridge(&self, values: &impl Values, rows: &[(RecordIndex, &CompareRow)]) -> Option<Bridge> {
        let Context { model, .. } = self.context;
        let halves = halves(rows.len(), |one, other| {
            let (Some((_, one)), Some((_, other))) = (rows.get(one), rows.get(other)) else {
                return false;
            };
            score(model, values, one, other).weight >= model.thresholds().link
        });
        let [first, second] = &halves[..] else { return None };
        if first.len().min(second.len()) < HALF_RECORDS_MIN {
            return None;
        }
        let (smaller, larger) =
            if first.len() < second.len() { (first, second) } else { (second, first) };
        let mut across = Vec::new();
        for (one, one_row) in smaller.iter().filter_map(|at| rows.get(*at)) {
            for (other, other_row) in larger.iter().filter_map(|at| rows.get(*at)) {
                let weight = score(model, values, one_row, other_row).weight;
                across.push(Bridge { incoming: *one, candidate: *other, weight });
            }
        }
        let possible = across.iter().filter(|pair| pair.weight >= model.thresholds().review);
        if possible.count() > 1 {
            return None;
        }
        across.into_iter().max_by(|one, other| one.weight.bits().total_cmp(&other.weight.bits()))
    }

    /// The records that leave a person that is two: those of the half of the record that raised the question,
    /// as the halves are now.
    pub(super) fn half_of(&self, task: &ReviewTask) -> Vec<RecordIndex> {
        let Context { mirror, model, .. } = self.context;
        let alone = vec![task.incoming];
        let (true, Some(person)) =
            (task.kind == ReviewKind::OversizedIdentity, mirror.person_of(task.incoming))
        else {
            return alone;
        };
        let members: Vec<RecordIndex> = mirror.members(person).to_vec();
        let rows: Vec<Option<CompareRow>> = members.iter().map(|it| mirror.row(*it)).collect();
        let halves = halves(members.len(), |one, other| {
            let row = |at: usize| rows.get(at).and_then(Option::as_ref);
            let (Some(one), Some(other)) = (row(one), row(other)) else { return false };
            score(model, &mirror.lexicon, one, other).weight >= model.thresholds().link
        });
        let half = halves.into_iter().map(|half| {
            half.into_iter().filter_map(|at| members.get(at).copied()).collect::<Vec<_>>()
        });
        let mut half = half.filter(|half| half.contains(&task.incoming));
        half.next().filter(|half| !half.contains(&task.candidate)).unwrap_or(alone)
    }

    /// A source says that two persons are one whom a steward keeps apart: a question against that decision,
    /// which stands until somebody answers.
    pub(super) fn dispute(
        &mut self,
        record: RecordIndex,
        candidate: RecordIndex,
    ) -> Option<TaskId> {
        let (one, other) = (self.person_after(record)?, self.person_after(candidate)?);
        let is_asked = !self.context.mirror.questions_between(one, other).is_empty();
        if one == other || is_asked || !self.context.mirror.are_kept_apart(one, other) {
            return None;
        }
        Some(self.raise(RaisedTask {
            kind: ReviewKind::Conflict,
            incoming: record,
            candidate,
            weight: MatchWeight::ZERO,
            guards: vec![Guard::KeptApart],
            shared: None,
        }))
    }
}

impl Bridge {
    fn question(self) -> RaisedTask {
        let Self { incoming, candidate, weight } = self;
        RaisedTask {
            kind: ReviewKind::OversizedIdentity,
            incoming,
            candidate,
            weight,
            guards: vec![Guard::BridgedPerson],
            shared: None,
        }
    }
}

/// The groups of `count` things that are held together by links, each in order, in the order of their first.
fn halves(count: usize, is_linked: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in 0..count {
        let (mut joined, apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(|other| is_linked(at, *other)));
        joined.push(vec![at]);
        let mut group: Vec<usize> = joined.into_iter().flatten().collect();
        group.sort_unstable();
        groups = apart;
        groups.push(group);
        groups.sort_unstable();
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::halves;

    #[test]
    fn what_is_linked_over_others_is_one_group() {
        let linked = |pairs: &'static [(usize, usize)]| {
            halves(5, |one, other| pairs.contains(&(one.min(other), one.max(other))))
        };
        assert_eq!(linked(&[]), [[0], [1], [2], [3], [4]]);
        assert_eq!(linked(&[(0, 2), (2, 4)]), [vec![0, 2, 4], vec![1], vec![3]]);
        assert_eq!(linked(&[(0, 1), (2, 3), (1, 4), (3, 4)]), [[0, 1, 2, 3, 4]]);
    }
}
