//! What the predicted clusters look like: their sizes, and how well the largest hold together.

use std::collections::BTreeMap;

use empi_model::{LinkDecision, MatchWeight};
use hashbrown::HashMap;

use super::contingency::pairs_among;
use crate::bulk::ScoredPair;

/// One predicted cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterShape {
    /// The number of its person.
    pub person: u32,
    /// Its records.
    pub records: u64,
    /// Pairs of its records that are links.
    pub links: u64,
    /// All pairs of its records.
    pub possible_pairs: u64,
    /// The link without which the cluster would fall in two: the weakest of those that hold it
    /// together when the strongest are taken first. `None` where links do not reach every record.
    pub weakest_link: Option<MatchWeight>,
}

impl ClusterShape {
    /// Links by possible pairs, from 0 to 1: a chain of many records comes near 0.
    #[must_use]
    pub fn density(&self) -> f64 {
        self.links as f64 / self.possible_pairs.max(1) as f64
    }
}

/// The sizes of all clusters, and the largest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterShapes {
    /// How many clusters there are of each size, in records.
    pub sizes: BTreeMap<u64, u64>,
    /// The largest of more than one record, the largest first; among equals the lower number.
    pub largest: Vec<ClusterShape>,
}

/// Measures the clusters of `persons`, one number per record, from the scored pairs.
#[must_use]
pub fn cluster_shapes(persons: &[u32], pairs: &[ScoredPair], largest_max: usize) -> ClusterShapes {
    let mut counts: Vec<u64> = Vec::new();
    for person in persons {
        let at = *person as usize;
        if counts.len() <= at {
            counts.resize(at + 1, 0);
        }
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let mut sizes = BTreeMap::new();
    for count in counts.iter().filter(|count| **count > 0) {
        *sizes.entry(*count).or_default() += 1;
    }
    let mut largest: Vec<(u64, u32)> =
        counts.iter().copied().zip(0..).filter(|(count, _)| *count > 1).collect();
    largest.sort_unstable_by_key(|(count, person)| (std::cmp::Reverse(*count), *person));
    largest.truncate(largest_max);
    let mut links: HashMap<u32, Vec<&ScoredPair>> =
        largest.iter().map(|(_, person)| (*person, Vec::new())).collect();
    for pair in pairs.iter().filter(|pair| pair.decision == LinkDecision::Link) {
        let person = persons.get(pair.left as usize);
        let is_inside = person == persons.get(pair.right as usize);
        if let Some(links) = person.filter(|_| is_inside).and_then(|it| links.get_mut(it)) {
            links.push(pair);
        }
    }
    let shape = |(records, person): (u64, u32)| {
        let links = links.remove(&person).unwrap_or_default();
        ClusterShape {
            person,
            records,
            links: links.len() as u64,
            possible_pairs: pairs_among(records),
            weakest_link: weakest_link(links, records),
        }
    };
    ClusterShapes { sizes, largest: largest.into_iter().map(shape).collect() }
}

/// The least weight in the maximum spanning tree (Kruskal 1956).
fn weakest_link(mut links: Vec<&ScoredPair>, records: u64) -> Option<MatchWeight> {
    links.sort_unstable_by(|one, other| other.weight.bits().total_cmp(&one.weight.bits()));
    let mut parents: HashMap<u32, u32> = HashMap::new();
    let mut joins = 0;
    for link in links {
        let (one, other) = (root(&mut parents, link.left), root(&mut parents, link.right));
        if one == other {
            continue;
        }
        parents.insert(one.max(other), one.min(other));
        joins += 1;
        if joins + 1 == records {
            return Some(link.weight);
        }
    }
    None
}

fn root(parents: &mut HashMap<u32, u32>, mut record: u32) -> u32 {
    while let Some(parent) = parents.get(&record).copied() {
        if let Some(grandparent) = parents.get(&parent).copied() {
            parents.insert(record, grandparent);
        }
        record = parent;
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guards;

    fn link(left: u32, right: u32, bits: f64) -> ScoredPair {
        let (weight, decision) = (MatchWeight::from_bits(bits), LinkDecision::Link);
        ScoredPair { left, right, weight, decision, guards: Guards::NONE }
    }

    #[test]
    fn a_chain_and_a_full_cluster() {
        // Persons: 0 = {0, 1, 2, 3} a chain with one doubt; 1 = {4, 5, 6} full; 2 = {7}; 3 = {8, 9}.
        let persons = [0, 0, 0, 0, 1, 1, 1, 2, 3, 3];
        let review = ScoredPair { decision: LinkDecision::Review, ..link(0, 3, 50.0) };
        let pairs = [
            link(0, 1, 30.0),
            link(1, 2, 12.0),
            link(2, 3, 25.0),
            review,
            link(4, 5, 20.0),
            link(4, 6, 11.0),
            link(5, 6, 22.0),
            link(6, 7, 40.0),
        ];
        let shapes = cluster_shapes(&persons, &pairs, 2);
        assert_eq!(shapes.sizes, BTreeMap::from([(1, 1), (2, 1), (3, 1), (4, 1)]));
        let found: Vec<_> = shapes
            .largest
            .iter()
            .map(|it| (it.person, it.records, it.links, it.possible_pairs, it.weakest_link))
            .collect();
        let bits = |bits| Some(MatchWeight::from_bits(bits));
        assert_eq!(found, [(0, 4, 3, 6, bits(12.0)), (1, 3, 3, 3, bits(20.0))]);
        assert!((shapes.largest[0].density() - 0.5).abs() < 1e-12);
        assert_eq!(cluster_shapes(&[], &[], 5), ClusterShapes::default());
        let unlinked = cluster_shapes(&[0, 0], &[], 5);
        assert_eq!(unlinked.largest[0].weakest_link, None);
    }
}
