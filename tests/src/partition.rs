//! Partitions of records into persons, and how far two of them agree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// For each record, by `source/record_id`, the person it belongs to.
#[derive(Clone, Debug)]
pub struct Partition(BTreeMap<String, String>);

/// How far one partition agrees with another, counted in pairs of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Pairs together in the first.
    pub first: u64,
    /// Pairs together in the second.
    pub second: u64,
    /// Pairs together in both.
    pub both: u64,
}

impl Partition {
    /// Wraps a map from record to person.
    #[must_use]
    pub fn new(persons: HashMap<String, String>) -> Self {
        Self(persons.into_iter().collect())
    }

    /// How many records there are.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.0.len()
    }

    /// How many persons there are.
    #[must_use]
    pub fn person_count(&self) -> usize {
        self.0.values().collect::<BTreeSet<_>>().len()
    }

    /// The person of a record.
    #[must_use]
    #[track_caller]
    pub fn person(&self, record: &str) -> &str {
        self.0.get(record).expect("the record is in the partition")
    }

    /// Whether two records belong to one person.
    #[must_use]
    #[track_caller]
    pub fn joins(&self, left: &str, right: &str) -> bool {
        self.person(left) == self.person(right)
    }

    /// Every pair of records of one person.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let mut persons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (record, person) in &self.0 {
            persons.entry(person).or_default().push(record);
        }
        let mut pairs = Vec::new();
        for records in persons.values() {
            for (at, left) in records.iter().enumerate() {
                pairs.extend(records[at + 1..].iter().map(|right| (*left, *right)));
            }
        }
        pairs
    }

    /// Compares with another partition of the same records.
    #[must_use]
    #[track_caller]
    pub fn compared_with(&self, other: &Self) -> Agreement {
        assert!(self.0.keys().eq(other.0.keys()), "both partitions hold the same records");
        let mine = self.pairs();
        let both = mine.iter().filter(|(left, right)| other.joins(left, right)).count();
        Agreement {
            first: mine.len() as u64,
            second: other.pairs().len() as u64,
            both: both as u64,
        }
    }
}

impl Agreement {
    /// Of the first one's pairs, the share that the second has too.
    #[must_use]
    pub fn precision(&self) -> f64 {
        self.both as f64 / self.first as f64
    }

    /// Of the second one's pairs, the share that the first has too.
    #[must_use]
    pub fn recall(&self) -> f64 {
        self.both as f64 / self.second as f64
    }

    /// The harmonic mean of precision and recall.
    #[must_use]
    pub fn f1(&self) -> f64 {
        2.0 * self.both as f64 / (self.first + self.second) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(text: &str) -> Partition {
        let pairs = text.split_whitespace().filter_map(|part| part.split_once('='));
        Partition::new(pairs.map(|(record, person)| (record.into(), person.into())).collect())
    }

    #[test]
    fn agreement_is_counted_in_pairs() {
        let first = partition("a=1 b=1 c=1 d=2");
        let second = partition("a=x b=x c=y d=y");
        let agreement = first.compared_with(&second);
        assert_eq!(agreement, Agreement { first: 3, second: 2, both: 1 });
        assert!((agreement.f1() - 0.4).abs() < 1e-12);
        assert_eq!(first.person_count(), 2);
    }
}
