//! Blocks in memory: records that share a key, with the exact number of pairs known before one of
//! them is compared.

use empi_model::BlockingRule;
use rayon::prelude::*;

use super::buckets::{BUCKETS_PER_RULE, Bucket, Splitter, buckets, part, rules_together};
use super::memberships::Memberships;
use crate::block::{BlockingKeys, RuleSet};

/// A unit of parallel work holds about so many pairs.
const UNIT_PAIRS: u64 = 32_768;

/// A block of more records than are compared with one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CappedBlock {
    /// The rule whose key the records share.
    pub rule: BlockingRule,
    /// How many records share it.
    pub records: u32,
    /// The place of one of them, the first by record key.
    pub example: u32,
}

/// Every block of at least two records.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Where each block ends in `members`.
    ends: Vec<u32>,
    /// How many blocks there are up to and with each rule, in the order of the rules.
    rule_ends: Vec<usize>,
    /// The records of all blocks, ascending inside each.
    members: Vec<u32>,
    memberships: Memberships,
    /// Blocks that stayed too large.
    pub(super) capped: Vec<CappedBlock>,
}

/// What bounds the pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockLimits {
    /// Most records of one block.
    pub(super) records_max: usize,
    /// Most pairs of all blocks together, a pair counted in each block that holds it.
    pub(super) pairs_max: u64,
}

impl Blocks {
    /// Groups records by key, rule by rule. Records are named by their sites; `places` has the place of
    /// each in the order of record keys, `keys_of` gives its blocking keys, and `bring_near` asks for what
    /// the keys of some records are made of.
    ///
    /// A block of too many records is split by a further value of its records, `refinement` of 0, then 1
    /// and so on; what is still too large is left out and reported. Where all blocks
    /// together have too many pairs, the largest are split in the same way until they have not.
    pub(super) fn build(
        places: &[u32],
        keys_of: impl Fn(RuleSet, usize) -> BlockingKeys + Sync,
        bring_near: impl Fn(std::ops::Range<usize>) + Sync,
        refinement: impl Fn(usize, u32) -> u64 + Sync,
        limits: BlockLimits,
    ) -> Self {
        let mut blocks = Self {
            ends: Vec::new(),
            rule_ends: Vec::new(),
            members: Vec::new(),
            memberships: Memberships::default(),
            capped: Vec::new(),
        };
        let records_max = limits.records_max;
        let splitter = Splitter { places, refinement: &refinement, records_max };
        for rules in BlockingRule::ALL.chunks(rules_together(places.len())) {
            let buckets = buckets(places.len(), rules, (&keys_of, &bring_near), &splitter);
            let of_rules = buckets.par_chunks(BUCKETS_PER_RULE);
            let joined = of_rules.map(|buckets| Bucket::joined(buckets, places.len()));
            for of_rule in joined.collect::<Vec<_>>() {
                blocks.append(of_rule);
            }
        }
        if let Some(records_max) = blocks.size_for(limits.pairs_max) {
            blocks.narrow(&Splitter { places, refinement: &refinement, records_max });
        }
        blocks.index_memberships(places.len());
        blocks
    }

    /// The largest size of blocks under which all those within it keep to the number of pairs; `None` when
    /// all blocks do.
    fn size_for(&self, pairs_max: u64) -> Option<usize> {
        let mut pairs_by_size: Vec<u64> = Vec::new();
        for number in 0..self.count() {
            let size = self.block(number).len();
            pairs_by_size.resize(pairs_by_size.len().max(size + 1), 0);
            if let Some(pairs) = pairs_by_size.get_mut(size) {
                *pairs += self.pairs_in(number);
            }
        }
        let mut sum = 0;
        let kept = pairs_by_size.into_iter().enumerate().map_while(|(size, pairs)| {
            sum += pairs;
            (sum <= pairs_max).then_some(size)
        });
        let largest = kept.last().unwrap_or_default().max(2);
        (sum > pairs_max).then_some(largest)
    }

    /// Splits every block that is larger than the splitter allows.
    fn narrow(&mut self, splitter: &Splitter<'_>) {
        let starts = std::iter::once(0).chain(self.rule_ends.iter().copied());
        let of_rules: Vec<_> = starts.zip(&self.rule_ends).zip(BlockingRule::ALL).collect();
        let narrowed = of_rules.into_par_iter().map(|((start, end), rule)| {
            let mut bucket = Bucket::default();
            for block in (start..*end).map(|number| self.block(number)) {
                if block.len() <= splitter.records_max {
                    bucket.push(block.iter().copied());
                } else {
                    bucket.push_split(rule, block.to_vec(), splitter, 0);
                }
            }
            let site_count = splitter.places.len();
            Bucket::joined(&[bucket.by_first(site_count)], site_count)
        });
        let narrowed: Vec<Vec<Bucket>> = narrowed.collect();
        (self.ends, self.members, self.rule_ends) = (Vec::new(), Vec::new(), Vec::new());
        narrowed.into_iter().for_each(|of_rule| self.append(of_rule));
    }

    /// Takes in the blocks of one more rule.
    fn append(&mut self, of_rule: Vec<Bucket>) {
        for Bucket { ends, members, capped } in of_rule {
            let before = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
            self.members.extend(members);
            self.ends.extend(ends.into_iter().map(|end| end.saturating_add(before)));
            self.capped.extend(capped);
        }
        self.rule_ends.push(self.count());
    }

    /// Lists for each record the blocks that hold it, so many rules at a time as were sorted together: it
    /// bounds the memory.
    fn index_memberships(&mut self, record_count: usize) {
        let ends = self.rule_ends.chunks(rules_together(record_count));
        let ends: Vec<usize> = ends.filter_map(|rules| rules.last().copied()).collect();
        self.memberships = Memberships::of(record_count, &ends, |number| self.block(number));
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn block(&self, number: usize) -> &[u32] {
        part(&self.ends, &self.members, number)
    }

    pub(super) fn blocks_of(&self, record: u32) -> &[u32] {
        self.memberships.blocks_of(record)
    }

    pub(super) fn pairs_in(&self, number: usize) -> u64 {
        let records = self.block(number).len() as u64;
        records * records.saturating_sub(1) / 2
    }

    /// How many pairs the blocks hold together, a pair counted in each block that holds it.
    pub(super) fn pairs_with_repeats(&self) -> u64 {
        (0..self.count()).map(|number| self.pairs_in(number)).sum()
    }

    /// How many pairs the blocks of each rule hold, in the order of the rules.
    pub(super) fn pairs_by_rule(&self) -> Vec<u64> {
        let starts = std::iter::once(0).chain(self.rule_ends.iter().copied());
        let rules = starts.zip(&self.rule_ends);
        rules.map(|(start, end)| (start..*end).map(|number| self.pairs_in(number)).sum()).collect()
    }

    /// The first block that holds both records: where the pair is looked at, and nowhere else.
    pub(super) fn first_common(&self, left: u32, right: u32) -> Option<u32> {
        let (mut left, mut right) = (self.blocks_of(left), self.blocks_of(right));
        while let ([one, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
            match one.cmp(other) {
                std::cmp::Ordering::Equal => return Some(*one),
                std::cmp::Ordering::Less => left = left_rest,
                std::cmp::Ordering::Greater => right = right_rest,
            }
        }
        None
    }

    /// The rule whose key the records of a block share.
    pub(super) fn rule_of(&self, number: u32) -> Option<BlockingRule> {
        let at = self.rule_ends.partition_point(|end| *end <= number as usize);
        BlockingRule::ALL.get(at).copied()
    }

    /// Every rule whose blocks hold both records, in the order of the rules.
    pub(super) fn rules_in_common(&self, left: u32, right: u32) -> Vec<BlockingRule> {
        let right = self.blocks_of(right);
        let common = self.blocks_of(left).iter().filter(|it| right.binary_search(it).is_ok());
        let mut rules: Vec<_> = common.filter_map(|number| self.rule_of(*number)).collect();
        rules.dedup();
        rules
    }

    /// Ranges of blocks that hold about equally many pairs.
    pub(super) fn units(&self) -> Vec<std::ops::Range<usize>> {
        let mut units = Vec::new();
        let (mut start, mut pairs) = (0, 0);
        for number in 0..self.count() {
            pairs += self.pairs_in(number);
            if pairs >= UNIT_PAIRS {
                units.push(start..number + 1);
                (start, pairs) = (number + 1, 0);
            }
        }
        if start < self.count() {
            units.push(start..self.count());
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use empi_model::BlockingKey;
    use proptest::prelude::*;

    use super::*;

    fn keys(record: &[u8]) -> BlockingKeys {
        let mut keys: BlockingKeys = record
            .iter()
            .map(|key| {
                let rule = BlockingRule::ALL[usize::from(*key) % BlockingRule::ALL.len()];
                BlockingKey::new(rule, (u64::from(*key / 15) % 3) << 50)
            })
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    const ENDLESS: BlockLimits = BlockLimits { records_max: usize::MAX, pairs_max: u64::MAX };

    fn build(
        records: &[BlockingKeys],
        refinement: fn(usize, u32) -> u64,
        limits: BlockLimits,
    ) -> Blocks {
        let keys_of = |rules: RuleSet, site: usize| {
            records[site].iter().copied().filter(|key| rules.holds_key(*key)).collect()
        };
        let places: Vec<u32> = (0..records.len() as u32).collect();
        Blocks::build(&places, keys_of, |_| {}, refinement, limits)
    }

    proptest! {
        #[test]
        fn every_pair_that_shares_a_key_is_visited_once(
            records in prop_oneof![
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..30),
                prop::collection::vec(prop::collection::vec(0..7_u8, 0..4), 60..160),
            ]
        ) {
            let keys: Vec<_> = records.iter().map(|record| keys(record)).collect();
            let blocks = build(&keys, |_, _| 0, ENDLESS);
            let mut visits: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            let mut with_repeats = 0;
            for unit in blocks.units() {
                with_repeats +=
                    blocks.visit(unit, |pairs| {
                        pairs.iter().for_each(|pair| *visits.entry(*pair).or_default() += 1);
                    });
            }
            prop_assert_eq!(with_repeats, blocks.pairs_with_repeats());
            for left in 0..records.len() {
                for right in left + 1..records.len() {
                    let shared = keys[left].iter().any(|key| keys[right].contains(key));
                    let pair = (left as u32, right as u32);
                    prop_assert_eq!(visits.get(&pair).copied(), shared.then_some(1));
                }
            }
        }
    }

    #[test]
    fn a_block_too_large_is_split_and_what_is_left_is_reported() {
        let keys: BlockingKeys = [BlockingKey::new(BlockingRule::Phone, 7)].into_iter().collect();
        // Records 0 to 2 and 3 to 9 differ in the refinement; four may be compared.
        let limits = BlockLimits { records_max: 4, ..ENDLESS };
        let blocks = build(&vec![keys; 10], |_, record| u64::from(record > 2), limits);
        assert_eq!(blocks.pairs_with_repeats(), 3);
        assert!(blocks.first_common(0, 2).is_some());
        assert!(blocks.first_common(0, 3).is_none());
        let expected = CappedBlock { rule: BlockingRule::Phone, records: 7, example: 3 };
        assert_eq!(blocks.capped, [expected]);
    }

    #[test]
    fn the_largest_blocks_are_split_until_there_are_few_enough_pairs() {
        let key = |rule, hash| [BlockingKey::new(rule, hash)].into_iter().collect();
        let mut records: Vec<BlockingKeys> = vec![key(BlockingRule::Phone, 7); 12];
        records.extend(vec![key(BlockingRule::Email, 9); 3]);
        let limits = |pairs_max| BlockLimits { pairs_max, ..ENDLESS };
        assert_eq!(build(&records, |_, _| 0, limits(69)).pairs_with_repeats(), 66 + 3);
        // The second refinement tells four groups of three apart.
        let refinement = |at: usize, record: u32| if at == 1 { u64::from(record % 4) } else { 0 };
        let blocks = build(&records, refinement, limits(68));
        assert_eq!(blocks.pairs_with_repeats(), 4 * 3 + 3);
        assert!(blocks.capped.is_empty() && blocks.first_common(0, 4).is_some());
        let blocks = build(&records, |_, _| 0, limits(68));
        assert_eq!(blocks.pairs_with_repeats(), 3);
        assert_eq!(blocks.capped.iter().map(|it| it.records).collect::<Vec<_>>(), [12]);
    }
}
