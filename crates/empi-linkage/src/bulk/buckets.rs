//! Sorting records by key: into buckets by the first bits of the hash, then each bucket on its own, so
//! that every step runs over all cores and inside their caches.

use empi_model::{BlockingKey, BlockingRule};
use rayon::prelude::*;

use super::blocks::CappedBlock;
use crate::block::{BlockingKeys, RuleSet};

/// So many keys are made and sorted together, eight bytes each: it bounds the memory.
const KEYS_TOGETHER: usize = 24_000_000;

/// So many rules are made and sorted together however many records there are, so that the passes over the
/// records stay few.
const RULES_TOGETHER_MIN: usize = 4;

/// Records whose keys one task makes.
const CHUNK_RECORDS: usize = 16_384;

/// Keys of one rule go into so many buckets by their first bits; each bucket is sorted on its own.
pub(super) const BUCKETS_PER_RULE: usize = 64;

/// How many further values can split a block that is too large.
pub(super) const REFINEMENTS: usize = 3;

/// A key and the site of a record that has it, in one number so that it sorts fast: of the key 32 bits,
/// which a bucket adds to. Two keys that agree in all of them make a pair too many, as any two that hash
/// alike.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u64);

impl Entry {
    fn new(key: BlockingKey, site: u32) -> Self {
        Self((key.as_number() >> 18 << 32) | u64::from(site))
    }

    fn has_key_of(self, other: Self) -> bool {
        self.0 >> 32 == other.0 >> 32
    }

    const fn site(self) -> u32 {
        (self.0 & 0xFFFF_FFFF) as u32
    }
}

/// How many rules make their keys in one pass over so many records, at about a key each.
pub(super) fn rules_together(record_count: usize) -> usize {
    let rules = KEYS_TOGETHER / record_count.max(1);
    rules.clamp(RULES_TOGETHER_MIN, BlockingRule::ALL.len())
}

/// How blocks that are too large are split.
pub(super) struct Splitter<'a> {
    pub(super) places: &'a [u32],
    pub(super) refinement: &'a (dyn Fn(usize, u32) -> u64 + Sync),
    pub(super) records_max: usize,
}

/// Blocks of one rule.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) ends: Vec<u32>,
    pub(super) members: Vec<u32>,
    pub(super) capped: Vec<CappedBlock>,
}

impl Bucket {
    /// Finds the blocks among sorted entries.
    fn of(rule: BlockingRule, entries: &[Entry], splitter: &Splitter<'_>) -> Self {
        let mut bucket = Self::default();
        for block in entries.chunk_by(|left, right| left.has_key_of(*right)) {
            let members = block.iter().map(|entry| entry.site());
            if block.len() <= splitter.records_max {
                bucket.push(members);
            } else {
                bucket.push_split(rule, members.collect(), splitter, 0);
            }
        }
        bucket
    }

    fn block(&self, number: usize) -> &[u32] {
        part(&self.ends, &self.members, number)
    }

    /// The blocks of several buckets by their first records: who visits them one after the other then
    /// goes through the records one after the other.
    pub(super) fn joined(buckets: &[Self]) -> Self {
        let mut found: Vec<(u32, usize, usize)> = Vec::new();
        let mut joined = Self::default();
        for (at, bucket) in buckets.iter().enumerate() {
            let firsts = (0..bucket.ends.len()).map(|number| {
                (bucket.block(number).first().copied().unwrap_or_default(), at, number)
            });
            found.extend(firsts);
            joined.capped.extend_from_slice(&bucket.capped);
        }
        found.par_sort_unstable();
        joined.ends.reserve(found.len());
        joined.members.reserve(buckets.iter().map(|bucket| bucket.members.len()).sum());
        for (_, bucket, number) in found {
            let block = buckets.get(bucket).map(|it| it.block(number)).unwrap_or_default();
            joined.push(block.iter().copied());
        }
        joined
    }

    /// Takes in a block, which is none if it has but one record.
    pub(super) fn push(&mut self, members: impl ExactSizeIterator<Item = u32>) {
        if members.len() > 1 {
            self.members.extend(members);
            self.ends.push(u32::try_from(self.members.len()).unwrap_or(u32::MAX));
        }
    }

    /// Takes in a block, in parts if it is too large, by the refinements from `refinement` on.
    pub(super) fn push_split(
        &mut self,
        rule: BlockingRule,
        mut block: Vec<u32>,
        splitter: &Splitter<'_>,
        refinement: usize,
    ) {
        if block.len() <= splitter.records_max {
            return self.push(block.into_iter());
        }
        if refinement == REFINEMENTS {
            let records = u32::try_from(block.len()).unwrap_or(u32::MAX);
            let places = block.iter().filter_map(|site| splitter.places.get(*site as usize));
            let example = places.min().copied().unwrap_or_default();
            return self.capped.push(CappedBlock { rule, records, example });
        }
        let value = |site: &u32| (splitter.refinement)(refinement, *site);
        block.sort_unstable_by_key(|site| (value(site), *site));
        for part in block.chunk_by(|one, other| value(one) == value(other)) {
            self.push_split(rule, part.to_vec(), splitter, refinement + 1);
        }
    }
}

/// The blocks of some rules, bucket by bucket: [`BUCKETS_PER_RULE`] for each rule.
pub(super) fn buckets(
    record_count: usize,
    rules: &[BlockingRule],
    keys_of: &(impl Fn(RuleSet, usize) -> BlockingKeys + Sync),
    splitter: &Splitter<'_>,
) -> Vec<Bucket> {
    let sorted_out = sort_out(record_count, rules, keys_of);
    let bucket = |number: usize| {
        let parts: Vec<&[Entry]> = sorted_out.iter().map(|it| it.bucket(number)).collect();
        let mut entries = parts.concat();
        entries.sort_unstable();
        entries.dedup();
        let rule = rules.get(number / BUCKETS_PER_RULE);
        rule.map(|rule| Bucket::of(*rule, &entries, splitter)).unwrap_or_default()
    };
    (0..rules.len() * BUCKETS_PER_RULE).into_par_iter().map(bucket).collect()
}

/// The entries of some records, bucket by bucket.
struct SortedOut {
    /// Where each bucket ends in `entries`.
    ends: Vec<usize>,
    entries: Vec<Entry>,
}

impl SortedOut {
    fn bucket(&self, bucket: usize) -> &[Entry] {
        let start = bucket.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(bucket).copied().unwrap_or_default();
        self.entries.get(start.unwrap_or_default()..end).unwrap_or_default()
    }
}

/// Makes the keys of some rules and puts them into buckets, many records at a time.
fn sort_out(
    record_count: usize,
    rules: &[BlockingRule],
    keys_of: impl Fn(RuleSet, usize) -> BlockingKeys + Sync,
) -> Vec<SortedOut> {
    let set = RuleSet::of(rules);
    let bucket_of = |key: BlockingKey| {
        let rule = rules.iter().position(|rule| *rule as u64 == key.as_number() >> 56);
        let first_bits = (key.as_number() >> 50) as usize % BUCKETS_PER_RULE;
        rule.unwrap_or_default() * BUCKETS_PER_RULE + first_bits
    };
    let chunks = (0..record_count.div_ceil(CHUNK_RECORDS)).into_par_iter().map(|chunk| {
        let sites = chunk * CHUNK_RECORDS..record_count.min((chunk + 1) * CHUNK_RECORDS);
        let (mut entries, mut starts) = (Vec::new(), vec![0; rules.len() * BUCKETS_PER_RULE + 1]);
        for site in sites {
            let number = u32::try_from(site).unwrap_or(u32::MAX);
            for key in keys_of(set, site) {
                entries.push((bucket_of(key), Entry::new(key, number)));
                if let Some(count) = starts.get_mut(bucket_of(key) + 1) {
                    *count += 1;
                }
            }
        }
        for bucket in 1..starts.len() {
            let before = starts.get(bucket - 1).copied().unwrap_or_default();
            if let Some(start) = starts.get_mut(bucket) {
                *start += before;
            }
        }
        let mut sorted = vec![Entry::default(); entries.len()];
        for (bucket, entry) in entries {
            let Some(next) = starts.get_mut(bucket) else { continue };
            if let Some(slot) = sorted.get_mut(*next) {
                *slot = entry;
            }
            *next += 1; // in the end where the bucket ends
        }
        SortedOut { ends: starts, entries: sorted }
    });
    chunks.collect()
}

/// A part of `items` by its number, given where each part ends.
pub(super) fn part<'a, T>(ends: &[u32], items: &'a [T], number: usize) -> &'a [T] {
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied();
    let end = ends.get(number).copied().unwrap_or_default();
    items.get(start.unwrap_or_default() as usize..end as usize).unwrap_or_default()
}
