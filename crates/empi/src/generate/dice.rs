//! Seeded randomness in whole numbers alone: the same draws on every machine and in every build.

use rand::{RngCore as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// What a sequence of draws is for. Draws of one purpose never shift those of another, so that a
/// record does not change because a household elsewhere has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Who lives in a household, and how often each is seen where.
    Structure = 1,
    /// Names, birth dates, addresses and the like.
    People = 2,
    /// What goes wrong in one record.
    Record = 3,
    /// The order of the records of one source.
    Order = 4,
    /// The numbers that persons are known by.
    Numbers = 5,
}

/// One sequence of draws.
#[derive(Debug)]
pub(super) struct Dice(Pcg64);

impl Dice {
    /// The sequence for one thing (household, record, source) under one seed.
    pub(super) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        Self(Pcg64::seed_from_u64(mix(mix(seed ^ ((purpose as u64) << 56)) ^ index)))
    }

    /// A number from 0 up to but not including `bound`; 0 when `bound` is 0. Multiply and shift: the
    /// bias is below `bound / 2^64`, far under what a file can show.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(bound);
        (product >> 64) as u64
    }

    /// A position in something of `length` parts.
    pub(super) fn position(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number from `low` to `high`, both included; `low` when `high` is below it.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = i64::from(high) - i64::from(low) + 1;
        if span <= 1 { low } else { low + self.below(span as u64) as i32 }
    }

    /// Whether something happens that happens `per_million` times in a million.
    pub(super) fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }

    /// One of several, all alike.
    pub(super) fn one_of<T: Copy, const COUNT: usize>(&mut self, items: &[T; COUNT]) -> T {
        const { assert!(COUNT > 0) };
        items[self.position(COUNT)]
    }

    /// The position of one of several that are not alike: the larger its weight, the more often.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut rest = self.below(weights.iter().map(|&weight| u64::from(weight)).sum());
        for (position, &weight) in weights.iter().enumerate() {
            match rest.checked_sub(u64::from(weight)) {
                Some(less) => rest = less,
                None => return position,
            }
        }
        0
    }
}

/// Scatters the numbers below a size over one another, each to a place of its own: numbers that are
/// unique and yet tell nothing of the order in which they were given.
///
/// A Feistel network of four rounds over the next power of four, walked until it is back inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permutation {
    size: u64,
    half_bits: u32,
    key: u64,
}

impl Permutation {
    /// A permutation of the numbers below `size`, at least 1 and at most 2^62.
    pub(super) fn new(seed: u64, index: u64, size: u64) -> Self {
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        let key = mix(mix(seed ^ ((Purpose::Numbers as u64) << 56)) ^ index);
        Self { size, half_bits: bits.div_ceil(2).max(1), key }
    }

    /// Where `number` goes. A number that is not below the size is first taken modulo the size.
    pub(super) fn apply(&self, number: u64) -> u64 {
        let mut number = number % self.size.max(1);
        loop {
            number = self.shuffled_once(number);
            if number < self.size.max(1) {
                return number;
            }
        }
    }

    fn shuffled_once(&self, number: u64) -> u64 {
        let mask = (1_u64 << self.half_bits) - 1;
        let (mut left, mut right) = (number >> self.half_bits, number & mask);
        for round in 1..=4_u64 {
            let scrambled = mix(right ^ self.key.rotate_left(round as u32 * 11)) & mask;
            (left, right) = (right, left ^ scrambled);
        }
        (left << self.half_bits) | right
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input moves every bit
/// of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_gives_every_number_once() {
        for size in [1, 2, 3, 10, 1000, 4097] {
            let permutation = Permutation::new(7, 1, size);
            let mut seen: Vec<u64> = (0..size).map(|number| permutation.apply(number)).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..size), "{size}");
        }
    }

    #[test]
    fn weights_rule_how_often_each_is_drawn() {
        let mut dice = Dice::new(1, Purpose::Record, 0);
        let mut counts = [0_u32; 3];
        for _ in 0..40_000 {
            counts[dice.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((9_400..10_600).contains(&counts[0]), "{counts:?}");
        assert_eq!(dice.weighted(&[0, 0]), 0);
    }

    #[test]
    fn draws_are_pinned() {
        // A change here changes every generated file: then the committed sets are made anew.
        let mut dice = Dice::new(42, Purpose::People, 7);
        let drawn: Vec<u64> = (0..4).map(|_| dice.below(1_000_000)).collect();
        let mut again = Dice::new(42, Purpose::People, 7);
        assert_eq!(drawn, (0..4).map(|_| again.below(1_000_000)).collect::<Vec<_>>());
        let mut other = Dice::new(42, Purpose::People, 8);
        assert_ne!(drawn, (0..4).map(|_| other.below(1_000_000)).collect::<Vec<_>>());
    }
}
