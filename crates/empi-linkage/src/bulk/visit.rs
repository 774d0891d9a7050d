//! Visiting the pairs of blocks, each pair once: in the first block that holds both records.

use std::ops::Range;

use super::blocks::Blocks;
use super::chunks;
use super::near::bring_near;

/// Blocks whose records are looked up together while pairs are visited. Most blocks hold two or three.
const BLOCKS_TOGETHER: usize = 32;

/// Most pairs that are handed out at a time.
const PAIRS_TOGETHER: usize = 64;

/// From so many records on a block is gone through row by row, with a bit for each pair.
const ROWS_MIN: usize = 4;

/// In a block of fewer records than these each pair is asked for whether it was met before.
const FIND_MIN: usize = 8;

/// From so many pairs for each record on it pays to make a block ready for leaving some out.
const PAIRS_PER_RECORD_MIN: f64 = 1.5;

/// What leaves out pairs of large blocks that need not be visited.
pub(super) trait Sift {
    /// Makes ready for the records of one block.
    fn begin(&mut self, members: impl Iterator<Item = u32> + Clone);
    /// Takes away the bits of those others that need not be visited with the record at a place. Only later records have
    /// bits.
    fn keep(&mut self, left: usize, others: &mut [u64]);
}

/// Leaves out nothing.
struct KeepAll;

impl Sift for KeepAll {
    fn begin(&mut self, _: impl Iterator<Item = u32> + Clone) {}
    fn keep(&mut self, _: usize, _: &mut [u64]) {}
}

/// How many pairs a visit went through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visited {
    /// Those of all blocks, a pair counted in each block that holds it.
    pub(super) with_repeats: u64,
    /// Pairs that were left out.
    pub(super) dismissed: u64,
}

impl Blocks {
    /// Calls `visit` with every pair whose first common block lies in the unit, the smaller record
    /// first, some at a time, and returns how many pairs the unit's blocks hold with repeats.
    pub(super) fn visit(&self, unit: Range<usize>, visit: impl FnMut(&[(u32, u32)])) -> u64 {
        self.visit_sifted(unit, &mut KeepAll, visit).with_repeats
    }

    /// Visits the pairs of a unit but those that are left out.
    pub(super) fn visit_sifted(
        &self,
        unit: Range<usize>,
        sift: &mut impl Sift,
        mut visit: impl FnMut(&[(u32, u32)]),
    ) -> Visited {
        let mut visited = Visited::default();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let mut members: Vec<Member<'_>> = Vec::new();
        let mut met = Met::default();
        for numbers in chunks(unit, BLOCKS_TOGETHER) {
            let records = numbers.clone().flat_map(|number| self.block(number));
            bring_near(records.map(|record| self.blocks_of(*record).first().copied()));
            for number in numbers {
                visited.with_repeats += self.pairs_in(number);
                members.clear();
                members.extend(self.block(number).iter().map(|record| {
                    let blocks = self.blocks_of(*record);
                    let own = blocks.iter().position(|it| *it as usize >= number);
                    Member::new(*record, blocks.get(..own.unwrap_or_default()).unwrap_or_default())
                }));
                if members.len() < ROWS_MIN {
                    for (at, left) in members.iter().enumerate() {
                        let others = members.get(at + 1..).unwrap_or_default();
                        let first_met = others.iter().filter(|right| !left.met_before(right));
                        pairs.extend(first_met.map(|right| (left.record, right.record)));
                    }
                } else {
                    if members.len() < FIND_MIN {
                        met.ask(&members);
                    } else {
                        met.find(&members);
                    }
                    visited.dismissed += met.sift(&members, sift, &mut pairs);
                }
                if pairs.len() >= PAIRS_TOGETHER {
                    pairs.chunks(PAIRS_TOGETHER).for_each(&mut visit);
                    pairs.clear();
                }
            }
        }
        pairs.chunks(PAIRS_TOGETHER).for_each(&mut visit);
        visited
    }
}

/// A record of a block while its pairs are visited.
struct Member<'a> {
    record: u32,
    /// The blocks before this one that hold the record.
    before: &'a [u32],
    /// Those blocks, one of 64 bits each: two records without a bit in common have no block in common.
    sketch: u64,
}

impl<'a> Member<'a> {
    fn new(record: u32, before: &'a [u32]) -> Self {
        let sketch = before.iter().fold(0, |sketch, block| sketch | 1 << (block % 64));
        Self { record, before, sketch }
    }

    /// Whether an earlier block holds both, where the pair was visited. Records of one person mostly share
    /// the first or the last.
    fn met_before(&self, other: &Self) -> bool {
        self.sketch & other.sketch != 0
            && (self.before.first() == other.before.first()
                || self.before.last() == other.before.last()
                || self.before.iter().any(|block| other.before.contains(block)))
    }
}

/// The pairs of one block that earlier blocks hold, too: for each record a bit for each of the others.
#[derive(Default)]
struct Met {
    /// Words of 64 bits for each record.
    words: usize,
    bits: Vec<u64>,
    /// Bits of the hashes of earlier blocks that came once, and of those that came again.
    seen: [Vec<u64>; 2],
    /// Earlier blocks that seem to hold several of the records, each with the place of a record.
    shared: Vec<(u32, u32)>,
    row: Vec<u64>,
}

/// Bits for each block that is marked as seen.
const BITS_PER_SEEN: usize = 8;

impl Met {
    /// Finds the pairs of a block. Of the earlier blocks that hold a record hardly one holds another, so
    /// those that hold two are sought, and not pairs that have one in common.
    fn find(&mut self, members: &[Member<'_>]) {
        self.words = members.len().div_ceil(64);
        refill(&mut self.bits, members.len() * self.words);
        let before = || members.iter().flat_map(|member| member.before);
        let slots = (before().count() * BITS_PER_SEEN).next_power_of_two().max(64);
        let [once, again] = &mut self.seen;
        refill(once, slots / 64);
        refill(again, slots / 64);
        let place = |block: &u32| {
            let hash = block.wrapping_mul(0x9E37_79B1) as usize >> 4 & (slots - 1);
            (hash / 64, 1_u64 << (hash % 64))
        };
        for block in before() {
            let (word, bit) = place(block);
            if let (Some(once), Some(again)) = (once.get_mut(word), again.get_mut(word)) {
                *again |= *once & bit;
                *once |= bit;
            }
        }
        self.shared.clear();
        for (member, at) in members.iter().zip(0..) {
            let seen_again = member.before.iter().filter(|block| {
                let (word, bit) = place(block);
                again.get(word).is_some_and(|again| again & bit != 0)
            });
            self.shared.extend(seen_again.map(|block| (*block, at)));
        }
        self.shared.sort_unstable();
        for holders in self.shared.chunk_by(|(one, _), (other, _)| one == other) {
            if holders.len() < 2 {
                continue;
            }
            refill(&mut self.row, self.words);
            holders.iter().for_each(|(_, at)| set(&mut self.row, *at as usize));
            for (_, at) in holders {
                let start = *at as usize * self.words;
                let bits = self.bits.get_mut(start..start + self.words).unwrap_or_default();
                bits.iter_mut().zip(&self.row).for_each(|(bits, row)| *bits |= row);
            }
        }
    }

    /// Finds the pairs of a block of few records by asking each.
    fn ask(&mut self, members: &[Member<'_>]) {
        self.words = 1;
        self.bits.clear();
        self.bits.extend(members.iter().enumerate().map(|(at, left)| {
            let others = members.iter().enumerate().skip(at + 1);
            let met = others.filter(|(_, right)| left.met_before(right));
            met.fold(0, |bits, (other, _)| bits | 1 << other)
        }));
    }

    /// Adds the pairs that were not met before and are not left out; gives the number of those that are.
    fn sift(
        &mut self,
        members: &[Member<'_>],
        sift: &mut impl Sift,
        pairs: &mut Vec<(u32, u32)>,
    ) -> u64 {
        let words = (0..self.words).cycle().zip(&mut self.bits);
        let mut first_met = 0;
        for (number, (word, bits)) in words.enumerate() {
            *bits = later(word * 64, number / self.words, members.len()) & !*bits;
            first_met += u64::from(bits.count_ones());
        }
        let is_sifted = first_met as f64 >= members.len() as f64 * PAIRS_PER_RECORD_MIN;
        if is_sifted {
            sift.begin(members.iter().map(|member| member.record));
        }
        let mut kept = 0;
        for (at, (left, row)) in members.iter().zip(self.bits.chunks_mut(self.words)).enumerate() {
            if is_sifted {
                sift.keep(at, row);
            }
            for (word, bits) in row.iter().enumerate() {
                let mut bits = *bits;
                kept += u64::from(bits.count_ones());
                while bits != 0 {
                    let right = members.get(word * 64 + bits.trailing_zeros() as usize);
                    pairs.extend(right.map(|right| (left.record, right.record)));
                    bits &= bits - 1;
                }
            }
        }
        first_met - kept
    }
}

/// Of the 64 places from `start` on, those behind `at` and before `end`.
fn later(start: usize, at: usize, end: usize) -> u64 {
    let below = |place: usize| match place.saturating_sub(start) {
        bits @ 0..64 => (1 << bits) - 1,
        _ => u64::MAX,
    };
    below(end) & !below(at + 1)
}

fn set(words: &mut [u64], at: usize) {
    if let Some(word) = words.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

/// So many zeros in the place of what there was.
fn refill(words: &mut Vec<u64>, count: usize) {
    words.clear();
    words.resize(count, 0);
}
