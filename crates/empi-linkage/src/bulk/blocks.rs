//! Blocks in memory: records that share a key, with the exact number of pairs known before one of
//! them is compared.

use empi_model::{BlockingKey, BlockingRule};
use rayon::prelude::*;

/// A unit of parallel work holds about so many pairs.
const UNIT_PAIRS: u64 = 32_768;

/// The keys of all records, each record's keys in a row.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    ends: Vec<usize>,
    keys: Vec<BlockingKey>,
}

impl KeyTable {
    pub(super) fn push(&mut self, keys: &[BlockingKey]) {
        self.keys.extend_from_slice(keys);
        self.ends.push(self.keys.len());
    }

    fn record_count(&self) -> usize {
        self.ends.len()
    }

    fn of(&self, record: usize) -> &[BlockingKey] {
        let start = record.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(record).copied().unwrap_or_default();
        self.keys.get(start.unwrap_or_default()..end).unwrap_or_default()
    }
}

/// A block of more records than are compared with one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CappedBlock {
    /// The rule whose key the records share.
    pub rule: BlockingRule,
    /// How many records share it.
    pub records: u32,
    /// One of them, the first by record key.
    pub example: u32,
}

/// Every block of at least two records.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Where each block ends in `members`.
    ends: Vec<usize>,
    /// How many blocks there are up to and with each rule, in the order of the rules.
    rule_ends: Vec<usize>,
    /// The records of all blocks, ascending inside each.
    members: Vec<u32>,
    /// Where each record's block numbers end in `memberships`.
    membership_ends: Vec<usize>,
    /// The numbers of the blocks that hold a record, ascending.
    memberships: Vec<u32>,
    /// Blocks that stayed too large.
    pub(super) capped: Vec<CappedBlock>,
}

impl Blocks {
    /// Groups records by key, rule by rule. `order[i]` is the place of the i-th record of the table in
    /// the order by record key; blocks hold places. A block of more than `records_max` is split by
    /// `refinement`, and what is still too large is left out and reported.
    pub(super) fn build(
        table: &KeyTable,
        order: &[u32],
        refinement: impl Fn(u32) -> u64 + Sync,
        records_max: usize,
    ) -> Self {
        let mut blocks = Self {
            ends: Vec::new(),
            rule_ends: Vec::new(),
            members: Vec::new(),
            membership_ends: Vec::new(),
            memberships: Vec::new(),
            capped: Vec::new(),
        };
        for rule in BlockingRule::ALL {
            let mut entries: Vec<(BlockingKey, u32)> = (0..table.record_count())
                .into_par_iter()
                .flat_map_iter(|record| {
                    let keys = table.of(record).iter().filter(move |key| is_of(**key, rule));
                    let place = order.get(record).copied().unwrap_or_default();
                    keys.map(move |key| (*key, place))
                })
                .collect();
            entries.par_sort_unstable();
            for block in entries.chunk_by(|left, right| left.0 == right.0) {
                if block.len() > records_max {
                    blocks.split(rule, block, &refinement, records_max);
                } else if block.len() > 1 {
                    blocks.push(block.iter().map(|entry| entry.1));
                }
            }
            blocks.rule_ends.push(blocks.count());
        }
        blocks.index_memberships(table.record_count());
        blocks
    }

    fn push(&mut self, members: impl Iterator<Item = u32>) {
        self.members.extend(members);
        self.ends.push(self.members.len());
    }

    fn split(
        &mut self,
        rule: BlockingRule,
        block: &[(BlockingKey, u32)],
        refinement: impl Fn(u32) -> u64,
        records_max: usize,
    ) {
        let mut refined: Vec<(u64, u32)> =
            block.iter().map(|(_, record)| (refinement(*record), *record)).collect();
        refined.sort_unstable();
        for part in refined.chunk_by(|left, right| left.0 == right.0) {
            if part.len() > records_max {
                let records = u32::try_from(part.len()).unwrap_or(u32::MAX);
                let example = part.first().map_or(0, |entry| entry.1);
                self.capped.push(CappedBlock { rule, records, example });
            } else if part.len() > 1 {
                self.push(part.iter().map(|entry| entry.1));
            }
        }
    }

    /// Lists for each record the blocks that hold it. Blocks are visited in their order, so the lists
    /// come out sorted.
    fn index_memberships(&mut self, record_count: usize) {
        let mut ends = vec![0_usize; record_count];
        for member in &self.members {
            if let Some(count) = ends.get_mut(*member as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            let count = *end;
            *end = sum; // for now where the next number goes
            sum += count;
        }
        let mut memberships = vec![0; sum];
        for number in 0..self.count() {
            for member in self.block(number) {
                let Some(next) = ends.get_mut(*member as usize) else { continue };
                if let Some(slot) = memberships.get_mut(*next) {
                    *slot = u32::try_from(number).unwrap_or(u32::MAX);
                }
                *next += 1;
            }
        }
        self.membership_ends = ends;
        self.memberships = memberships;
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    fn block(&self, number: usize) -> &[u32] {
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(number).copied().unwrap_or_default();
        self.members.get(start.unwrap_or_default()..end).unwrap_or_default()
    }

    fn blocks_of(&self, record: u32) -> &[u32] {
        let at = record as usize;
        let start = at.checked_sub(1).and_then(|before| self.membership_ends.get(before)).copied();
        let end = self.membership_ends.get(at).copied().unwrap_or_default();
        self.memberships.get(start.unwrap_or_default()..end).unwrap_or_default()
    }

    fn pairs_in(&self, number: usize) -> u64 {
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

    /// Calls `visit` with every pair whose first common block lies in the unit, the smaller record
    /// first, and returns how many pairs the unit's blocks hold with repeats.
    pub(super) fn visit(
        &self,
        unit: std::ops::Range<usize>,
        mut visit: impl FnMut(u32, u32),
    ) -> u64 {
        let mut pairs = 0;
        for number in unit {
            let block = self.block(number);
            pairs += self.pairs_in(number);
            for (at, left) in block.iter().enumerate() {
                for right in block.get(at + 1..).unwrap_or_default() {
                    if self.first_common(*left, *right) == u32::try_from(number).ok() {
                        visit(*left, *right);
                    }
                }
            }
        }
        pairs
    }
}

fn is_of(key: BlockingKey, rule: BlockingRule) -> bool {
    key.as_number() >> 56 == rule as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn table(records: &[Vec<u8>]) -> KeyTable {
        let mut table = KeyTable::default();
        for record in records {
            let mut keys: Vec<_> = record
                .iter()
                .map(|key| {
                    let rule = BlockingRule::ALL[usize::from(*key) % BlockingRule::ALL.len()];
                    BlockingKey::new(rule, u64::from(*key / 15) % 3)
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            table.push(&keys);
        }
        table
    }

    proptest! {
        #[test]
        fn every_pair_that_shares_a_key_is_visited_once(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..30)
        ) {
            let table = table(&records);
            let order: Vec<u32> = (0..30).collect();
            let blocks = Blocks::build(&table, &order, |_| 0, usize::MAX);
            let mut visits: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            let mut with_repeats = 0;
            for unit in blocks.units() {
                with_repeats +=
                    blocks.visit(unit, |left, right| *visits.entry((left, right)).or_default() += 1);
            }
            prop_assert_eq!(with_repeats, blocks.pairs_with_repeats());
            for left in 0..records.len() {
                for right in left + 1..records.len() {
                    let shared = table.of(left).iter().any(|key| table.of(right).contains(key));
                    let pair = (left as u32, right as u32);
                    prop_assert_eq!(visits.get(&pair).copied(), shared.then_some(1));
                }
            }
        }
    }

    #[test]
    fn a_block_too_large_is_split_and_what_is_left_is_reported() {
        let mut table = KeyTable::default();
        for _ in 0..10 {
            table.push(&[BlockingKey::new(BlockingRule::Phone, 7)]);
        }
        let order: Vec<u32> = (0..10).collect();
        // Records 0 to 2 and 3 to 9 differ in the refinement; four may be compared.
        let blocks = Blocks::build(&table, &order, |record| u64::from(record > 2), 4);
        assert_eq!(blocks.pairs_with_repeats(), 3);
        assert!(blocks.first_common(0, 2).is_some());
        assert!(blocks.first_common(0, 3).is_none());
        let expected = CappedBlock { rule: BlockingRule::Phone, records: 7, example: 3 };
        assert_eq!(blocks.capped, [expected]);
    }
}
