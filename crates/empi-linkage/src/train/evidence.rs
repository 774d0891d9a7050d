//! What training learns from: comparison vectors counted, counts of equal values, and what stewards
//! decided.
//!
//! A pair is one number of 64 bits, so that counting pairs is sorting numbers:
//!
//! ```text
//! bits  0..44  level of each comparison, four bits each, 15 for null
//! bits 44..55  whether some blocking rule that does not use the comparison found the pair
//! bits 55..58  term-frequency adjustment, in steps of two bits
//! ```

use rayon::prelude::*;

use crate::compare::{COMPARISON_COUNT, Comparison, ComparisonVector};

const LEVEL_BITS: u32 = 4;
const NULL: u64 = 15;
const FREE_SHIFT: u32 = 44;
const FREQUENCY_SHIFT: u32 = 55;

/// A set of comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Comparisons(u16);

impl Comparisons {
    /// No comparison.
    pub const NONE: Self = Self(0);
    /// Every comparison.
    pub const ALL: Self = Self((1 << COMPARISON_COUNT) - 1);

    /// The set of those given.
    #[must_use]
    pub const fn of(comparisons: &[Comparison]) -> Self {
        let (mut set, mut at) = (0, 0);
        while at < comparisons.len() {
            set |= 1 << (comparisons[at] as u16);
            at += 1;
        }
        Self(set)
    }

    /// Whether a comparison is in the set.
    #[must_use]
    pub const fn contains(self, comparison: Comparison) -> bool {
        self.0 & (1 << (comparison as u16)) != 0
    }

    /// Those in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in the set.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}

/// What training needs to know of a pair, in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairEvidence(u64);

impl PairEvidence {
    /// Packs a pair. `free` are the comparisons that some rule which found the pair does not use: only
    /// these tell how often the comparison agrees in pairs of one person. `frequency_bits` is what the
    /// names that agree add to the weight.
    #[must_use]
    pub fn new(vector: &ComparisonVector, free: Comparisons, frequency_bits: f64) -> Self {
        let mut packed = 0;
        for comparison in Comparison::ALL {
            let level = vector.level(comparison).map_or(NULL, u64::from).min(NULL);
            packed |= level << (LEVEL_BITS * comparison as u32);
        }
        // Two is the step for no adjustment, so that it stays exactly none.
        let step = (f64::midpoint(frequency_bits, 4.0).round()).clamp(0.0, 7.0) as u64;
        Self(packed | u64::from(free.0) << FREE_SHIFT | step << FREQUENCY_SHIFT)
    }

    /// The level of a comparison; `None` for null.
    #[must_use]
    pub const fn level(self, comparison: Comparison) -> Option<usize> {
        let level = (self.0 >> (LEVEL_BITS * comparison as u32)) & NULL;
        if level == NULL { None } else { Some(level as usize) }
    }

    /// Whether a rule that does not use the comparison found the pair.
    #[must_use]
    pub const fn is_free(self, comparison: Comparison) -> bool {
        self.0 >> (FREE_SHIFT + comparison as u32) & 1 == 1
    }

    /// The term-frequency adjustment in bits, to the nearest two.
    #[must_use]
    pub fn frequency_bits(self) -> f64 {
        ((self.0 >> FREQUENCY_SHIFT) & 7) as f64 * 2.0 - 4.0
    }
}

/// Kinds of pairs with how many there are of each, sorted, so that sums over them are always made in
/// the same order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairCounts(Vec<(PairEvidence, f64)>);

impl PairCounts {
    /// Counts pairs. The order they come in does not matter.
    #[must_use]
    pub fn count(mut pairs: Vec<PairEvidence>) -> Self {
        pairs.par_sort_unstable();
        let equal = pairs.chunk_by(|one, other| one == other);
        Self(equal.filter_map(|run| Some((*run.first()?, run.len() as f64))).collect())
    }

    /// Sums up counts that were made elsewhere.
    #[must_use]
    pub fn sum(mut counts: Vec<(PairEvidence, f64)>) -> Self {
        counts.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let equal = counts.chunk_by(|one, other| one.0 == other.0);
        let sum = |run: &[(PairEvidence, f64)]| run.iter().map(|(_, count)| count).sum();
        Self(equal.filter_map(|run| Some((run.first()?.0, sum(run)))).collect())
    }

    /// The kinds of pairs with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (PairEvidence, f64)> + '_ {
        self.0.iter().copied()
    }

    /// How many kinds of pairs there are.
    #[must_use]
    pub const fn kinds(&self) -> usize {
        self.0.len()
    }
}

/// How many pairs agree on a value and how many have one at all, counted from the values and not from
/// pairs; exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coincidence {
    /// Pairs with an equal value, matching pairs among them.
    pub agreeing: f64,
    /// Pairs with a value on both sides.
    pub compared: f64,
    /// The share of all pairs of the file that was counted over, if only some records were.
    pub share: f64,
}

/// A pair that a steward judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledPair {
    /// What the records show.
    pub pair: PairEvidence,
    /// Whether they are one person.
    pub is_same: bool,
    /// How many pairs it stands for: 1, or one over the chance that it was chosen for judging.
    pub weight: f64,
}

/// Everything that training learns from.
#[derive(Clone, Debug, Default)]
pub struct TrainingEvidence {
    /// Candidate pairs that may be matches; those that cannot be are left out.
    pub candidates: PairCounts,
    /// How many pairs of the file each counted candidate stands for; 1 unless they were sampled.
    pub candidate_weight: f64,
    /// How many candidate pairs were looked at.
    pub candidate_pairs: u64,
    /// Random pairs.
    pub random: PairCounts,
    /// Agreement on the best level, where it is equality, counted from values.
    pub coincidences: [Option<Coincidence>; COMPARISON_COUNT],
    /// What stewards decided. These pairs are not among the candidates.
    pub labels: Vec<LabelledPair>,
    /// How many records there are.
    pub records: u64,
    /// The chance that two random records share the given name, and the family name, where the file
    /// has enough names to tell.
    pub name_shares: Option<[f64; 2]>,
}

impl TrainingEvidence {
    /// How many pairs all records make.
    #[must_use]
    pub fn record_pairs(&self) -> f64 {
        self.records as f64 * self.records.saturating_sub(1) as f64 / 2.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_packed_pair_unpacks(levels in prop::collection::vec(prop::option::of(0..13_u8), 11),
                                 free in 0..1_u16 << 11, step in 0..8_u8) {
            let vector = ComparisonVector::from_fn(|comparison| levels[comparison as usize]);
            let bits = f64::from(step) * 2.0 - 4.0;
            let pair = PairEvidence::new(&vector, Comparisons(free), bits);
            for comparison in Comparison::ALL {
                let level = levels[comparison as usize].map(usize::from);
                prop_assert_eq!(pair.level(comparison), level);
                prop_assert_eq!(pair.is_free(comparison), Comparisons(free).contains(comparison));
            }
            prop_assert!((pair.frequency_bits() - bits).abs() < 1e-9);
        }

        #[test]
        fn counting_does_not_depend_on_the_order(mut numbers in prop::collection::vec(0..5_u64, 0..50)) {
            let pairs = |numbers: &[u64]| numbers.iter().map(|it| PairEvidence(*it)).collect();
            let counted = PairCounts::count(pairs(&numbers));
            numbers.reverse();
            prop_assert_eq!(&PairCounts::count(pairs(&numbers)), &counted);
            prop_assert_eq!(counted.iter().map(|(_, count)| count).sum::<f64>(), numbers.len() as f64);
        }
    }
}
