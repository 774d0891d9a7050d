//! Sorting records by key: into buckets by the first bits of the hash, then each bucket on its own; and
//! the blocks found there by their first records, one range of records at a time. So every step runs over
//! all cores and inside their caches.

use std::ops::Range;

use empi_model::{BlockingKey, BlockingRule};
use rayon::prelude::*;

use super::blocks::CappedBlock;
use super::radix::{bits_below, sort_by_digits};
use crate::block::{BlockingKeys, RuleSet};

/// So many keys are made and sorted together, eight bytes each: it bounds the memory.
const KEYS_TOGETHER: usize = 24_000_000;

/// So many rules are made and sorted together however many records there are, so that the passes over the
/// records stay few.
const RULES_TOGETHER_MIN: usize = 9;

/// Records whose keys one task makes.
const CHUNK_RECORDS: usize = 4_096;

/// Records whose values are asked for together.
const RECORDS_TOGETHER: usize = 32;

/// Keys of one rule go into so many buckets by their first bits; each bucket is sorted on its own.
pub(super) const BUCKETS_PER_RULE: usize = 64;

/// Sites whose blocks are joined at a time.
const RANGE_SITES: usize = 1 << 16;

/// How many further values can split a block that is too large.
pub(super) const REFINEMENTS: usize = 3;

/// A key and the site of a record that has it, in one number so that it sorts fast: of the key 32 bits,
/// which a bucket adds to. Two keys that agree in all of them make a pair too many, as any two that hash
/// alike.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    fn new(key: BlockingKey, site: u32) -> Self {
        Self((key.as_number() >> 18 << 32) | u64::from(site))
    }

    const fn key(self) -> u32 {
        (self.0 >> 32) as u32
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
        for block in entries.chunk_by(|left, right| left.key() == right.key()) {
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

    /// The same blocks by their first records; blocks of one first record keep their order.
    pub(super) fn by_first(&self, site_count: usize) -> Self {
        let mut order: Vec<(u32, u32)> =
            (0..).zip(0..self.ends.len()).map(|(at, number)| (self.first(number), at)).collect();
        sort_by_digits(&mut order, &mut Vec::new(), bits_below(site_count), |(first, _)| *first);
        let mut sorted = Self {
            ends: Vec::with_capacity(self.ends.len()),
            members: Vec::with_capacity(self.members.len()),
            capped: self.capped.clone(),
        };
        for (_, number) in order {
            sorted.push(self.block(number as usize).iter().copied());
        }
        sorted
    }

    fn first(&self, number: usize) -> u32 {
        self.block(number).first().copied().unwrap_or_default()
    }

    /// The blocks of several buckets by their first records: who visits them one after the other then
    /// goes through the records one after the other. In each bucket they lie so already; what is joined
    /// at a time has its first records in one range of sites.
    pub(super) fn joined(buckets: &[Self], site_count: usize) -> Vec<Self> {
        let ranges = site_count.div_ceil(RANGE_SITES).max(1);
        let joined = (0..ranges).into_par_iter().map(|range| {
            let sites = range * RANGE_SITES..(range + 1) * RANGE_SITES;
            let mut found: Vec<(u32, u32, u32)> = Vec::new();
            for (at, bucket) in (0..).zip(buckets) {
                let numbers = bucket.numbers_from(sites.start)..bucket.numbers_from(sites.end);
                let firsts = numbers.map(|number| (bucket.first(number), at, number as u32));
                found.extend(firsts);
            }
            let key = |(first, ..): &(u32, u32, u32)| first - sites.start as u32;
            sort_by_digits(&mut found, &mut Vec::new(), bits_below(RANGE_SITES), key);
            let mut joined = Self::default();
            joined.ends.reserve(found.len());
            for (_, bucket, number) in found {
                let bucket = buckets.get(bucket as usize);
                let block = bucket.map(|it| it.block(number as usize)).unwrap_or_default();
                joined.push(block.iter().copied());
            }
            joined
        });
        let mut joined: Vec<Self> = joined.collect();
        if let Some(first) = joined.first_mut() {
            first.capped = buckets.iter().flat_map(|bucket| bucket.capped.clone()).collect();
        }
        joined
    }

    /// The number of the first block whose first record lies at a site or behind it.
    fn numbers_from(&self, site: usize) -> usize {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if (self.first(middle) as usize) < site {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
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
    (keys_of, bring_near): (
        &(impl Fn(RuleSet, usize) -> BlockingKeys + Sync),
        &(impl Fn(Range<usize>) + Sync),
    ),
    splitter: &Splitter<'_>,
) -> Vec<Bucket> {
    let sorted_out = sort_out(record_count, rules, keys_of, bring_near);
    let bucket = |number: usize| {
        // Sites ascend from part to part and inside them, so keys are all that there is to sort by.
        let parts: Vec<&[Entry]> = sorted_out.iter().map(|it| it.bucket(number)).collect();
        let mut entries = parts.concat();
        sort_by_key(&mut entries);
        entries.dedup();
        let rule = rules.get(number / BUCKETS_PER_RULE);
        let bucket = rule.map(|rule| Bucket::of(*rule, &entries, splitter)).unwrap_or_default();
        bucket.by_first(record_count)
    };
    (0..rules.len() * BUCKETS_PER_RULE).into_par_iter().map(bucket).collect()
}

/// Sorts the entries of a bucket by key: by the first bits, which tell nearly all keys apart, and where
/// they do not by all.
fn sort_by_key(entries: &mut Vec<Entry>) {
    const REST_BITS: u32 = 10;
    let first_bits = |entry: &Entry| entry.key() >> REST_BITS;
    sort_by_digits(entries, &mut Vec::new(), u32::BITS - REST_BITS, first_bits);
    for run in entries.chunk_by_mut(|one, other| first_bits(one) == first_bits(other)) {
        if run.len() > 1 {
            run.sort_by_key(|entry| entry.key());
        }
    }
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
    bring_near: impl Fn(Range<usize>) + Sync,
) -> Vec<SortedOut> {
    let set = RuleSet::of(rules);
    let mut rule_starts = [0; 1 << u8::BITS];
    for (at, rule) in rules.iter().enumerate() {
        rule_starts[*rule as usize] = at * BUCKETS_PER_RULE;
    }
    let bucket_of = |key: BlockingKey| {
        let [rule, ..] = key.as_number().to_be_bytes();
        rule_starts[usize::from(rule)] + (key.as_number() >> 50) as usize % BUCKETS_PER_RULE
    };
    let chunks = (0..record_count.div_ceil(CHUNK_RECORDS)).into_par_iter().map(|chunk| {
        let sites = chunk * CHUNK_RECORDS..record_count.min((chunk + 1) * CHUNK_RECORDS);
        let (mut entries, mut starts) = (Vec::new(), vec![0; rules.len() * BUCKETS_PER_RULE + 1]);
        for site in sites {
            if site.is_multiple_of(RECORDS_TOGETHER) {
                bring_near(site..record_count.min(site + RECORDS_TOGETHER));
            }
            let number = u32::try_from(site).unwrap_or(u32::MAX);
            for key in keys_of(set, site) {
                let bucket = bucket_of(key);
                entries.push((bucket, Entry::new(key, number)));
                if let Some(count) = starts.get_mut(bucket + 1) {
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
