//! How the weights of all candidate pairs are spread, counted while they are scored.

use empi_model::MatchWeight;

/// Bins per bit.
const BINS_PER_BIT: f64 = 2.0;
/// The weight at which the lowest bin begins, in bits. Lower weights count in it.
const LOWEST: f64 = -80.0;
/// How many bins there are: up to +176 bits, and higher weights count in the last.
const BIN_COUNT: usize = 512;

/// Counts of pairs by weight, in bins of half a bit.
///
/// Pairs whose weighing was given up early, once they could no longer reach the review threshold,
/// have no weight and are counted apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightHistogram {
    counts: Vec<u64>,
    unweighed: u64,
}

impl Default for WeightHistogram {
    fn default() -> Self {
        Self { counts: vec![0; BIN_COUNT], unweighed: 0 }
    }
}

impl WeightHistogram {
    /// The width of a bin, in bits.
    pub const BIN_BITS: f64 = 1.0 / BINS_PER_BIT;

    /// Counts a pair; `None` when it is below the review threshold and was not weighed to the end.
    pub fn add(&mut self, weight: Option<MatchWeight>) {
        let Some(weight) = weight else {
            self.unweighed += 1;
            return;
        };
        // Saturates at 0 below, and is held at the last bin above.
        let bin = ((weight.bits() - LOWEST) * BINS_PER_BIT) as usize;
        if let Some(count) = self.counts.get_mut(bin.min(BIN_COUNT - 1)) {
            *count += 1;
        }
    }

    /// Counts pairs below the review threshold that were not weighed to the end.
    pub(super) fn add_unweighed(&mut self, pairs: u64) {
        self.unweighed += pairs;
    }

    /// Adds the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.unweighed += other.unweighed;
    }

    /// Pairs below the review threshold that were not weighed to the end.
    #[must_use]
    pub const fn unweighed(&self) -> u64 {
        self.unweighed
    }

    /// The bins that hold pairs, by ascending weight: where each begins, in bits, and its pairs.
    pub fn bins(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let starts = (0_u32..).map(|bin| LOWEST + f64::from(bin) / BINS_PER_BIT);
        starts.zip(self.counts.iter().copied()).filter(|(_, pairs)| *pairs > 0)
    }

    /// All pairs counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.unweighed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bin_begins_with_its_lower_bound() {
        let mut histogram = WeightHistogram::default();
        for bits in [-2000.0, -80.0, -0.01, 0.0, 0.49, 0.5, 2000.0] {
            histogram.add(Some(MatchWeight::from_bits(bits)));
        }
        histogram.add(None);
        let bins: Vec<_> = histogram.bins().collect();
        assert_eq!(bins, [(-80.0, 2), (-0.5, 1), (0.0, 2), (0.5, 1), (175.5, 1)]);
        assert_eq!((histogram.unweighed(), histogram.total()), (1, 8));
    }

    proptest! {
        #[test]
        fn merging_is_counting_together(
            weights in prop::collection::vec(prop::option::of(-100.0..200.0_f64), 0..60),
            split in 0..60_usize,
        ) {
            let counted = |weights: &[Option<f64>]| {
                let mut histogram = WeightHistogram::default();
                weights.iter().for_each(|bits| histogram.add(bits.map(MatchWeight::from_bits)));
                histogram
            };
            let (one, other) = weights.split_at(split.min(weights.len()));
            let mut merged = counted(other);
            merged.merge(&counted(one));
            prop_assert_eq!(&merged, &counted(&weights));
            prop_assert_eq!(merged.total(), weights.len() as u64);
        }
    }
}
