//! Confidence intervals: Wilson's for a share, a bootstrap over persons for pairwise figures.

use hashbrown::HashMap;

use super::contingency::pairs_among;
use super::overlap::SizedCell;

/// The 97.5 % point of the standard normal distribution: two-sided 95 % intervals.
const NORMAL_POINT: f64 = 1.959_963_984_540_054;

/// How many times persons are drawn anew.
const RESAMPLES: usize = 200;

/// Where the fixed sequence of draws begins: the same interval in every run.
const SEED: u64 = 0x0005_EED0_F1E1_D5E7;

/// A 95 % confidence interval of a share, both bounds from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The 95 % score interval of a share (Wilson 1927). It keeps its coverage for small counts and for
/// shares near 0 and 1. Counts may be halves, `part <= whole`; `None` when the whole is 0.
#[must_use]
pub fn wilson(part: f64, whole: f64) -> Option<Interval> {
    if whole <= 0.0 {
        return None;
    }
    let share = part / whole;
    let squared = NORMAL_POINT * NORMAL_POINT;
    let scale = 1.0 + squared / whole;
    let centre = (share + squared / (2.0 * whole)) / scale;
    let spread = share * (1.0 - share) / whole + squared / (4.0 * whole * whole);
    let half = NORMAL_POINT * spread.max(0.0).sqrt() / scale;
    // At the ends the bound is the share itself, whatever rounding says.
    let low = if part <= 0.0 { 0.0 } else { (centre - half).clamp(0.0, share) };
    let high = if part >= whole { 1.0 } else { (centre + half).clamp(share, 1.0) };
    Some(Interval { low, high })
}

/// 95 % intervals of pairwise figures.
///
/// Pairs of one person stand or fall together, so persons and not pairs are drawn anew (`matching.md`
/// B9). A false pair between two persons counts half for each. Where not one error was seen a
/// bootstrap cannot imagine one: the interval is then Wilson's, pairs taken as independent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PairIntervals {
    /// Of precision; `None` without predicted pairs.
    pub precision: Option<Interval>,
    /// Of recall; `None` without true pairs.
    pub recall: Option<Interval>,
    /// Of F1; `None` without either.
    pub f1: Option<Interval>,
}

/// What one person adds to the counts: true pairs, pairs found, and twice the predicted pairs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Contribution {
    truth: u64,
    common: u64,
    predicted_twice: u64,
}

/// Draws persons anew, [`RESAMPLES`] times. Persons that add the same to the counts are one kind, and
/// how often a kind is drawn is a Poisson number with its count as the mean: the Poisson bootstrap,
/// whose time depends on the few kinds and not on the number of persons.
pub(super) fn bootstrap(cells: &[SizedCell]) -> PairIntervals {
    let mut counts: HashMap<Contribution, u64> = HashMap::new();
    for person in cells.chunk_by(|left, right| left.truth == right.truth) {
        let size = person.first().map_or(0, |cell| cell.truth_size);
        let twice = |cell: &SizedCell| cell.count * (cell.predicted_size - 1);
        let contribution = Contribution {
            truth: pairs_among(size),
            common: person.iter().map(|cell| pairs_among(cell.count)).sum(),
            predicted_twice: person.iter().map(twice).sum(),
        };
        *counts.entry(contribution).or_default() += 1;
    }
    let mut kinds: Vec<(Contribution, u64)> = counts.into_iter().collect();
    kinds.sort_unstable();

    let mut draws = Draws(SEED);
    let (mut precisions, mut recalls, mut f1s) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RESAMPLES {
        let (mut truth, mut common, mut predicted) = (0.0, 0.0, 0.0);
        for (kind, count) in &kinds {
            let times = draws.poisson(*count as f64);
            truth += times * kind.truth as f64;
            common += times * kind.common as f64;
            predicted += times * kind.predicted_twice as f64 / 2.0;
        }
        precisions.extend((predicted > 0.0).then(|| common / predicted));
        recalls.extend((truth > 0.0).then(|| common / truth));
        f1s.extend((predicted + truth > 0.0).then(|| 2.0 * common / (predicted + truth)));
    }
    let sum = |value: fn(&Contribution) -> u64| -> f64 {
        kinds.iter().map(|(kind, count)| (value(kind) * count) as f64).sum()
    };
    let (truth, common) = (sum(|kind| kind.truth), sum(|kind| kind.common));
    let predicted = sum(|kind| kind.predicted_twice) / 2.0;
    PairIntervals {
        precision: percentiles(precisions, common, predicted),
        recall: percentiles(recalls, common, truth),
        f1: percentiles(f1s, 2.0 * common, predicted + truth),
    }
}

/// The middle 95 % of the resamples, or Wilson's interval where they are all alike.
fn percentiles(mut shares: Vec<f64>, part: f64, whole: f64) -> Option<Interval> {
    let observed = wilson(part, whole)?;
    shares.sort_unstable_by(f64::total_cmp);
    let tail = shares.len() / 40;
    let low = *shares.get(tail)?;
    let high = *shares.get(shares.len() - 1 - tail)?;
    Some(if low < high { Interval { low, high } } else { observed })
}

/// A fixed sequence that looks random (SplitMix64).
struct Draws(u64);

impl Draws {
    /// Evenly from above 0 to 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A Poisson number: by products of uniforms (Knuth) for a small mean, rounded from a normal
    /// number (Box and Muller) for a large one.
    fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            let radius = (-2.0 * self.uniform().ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * self.uniform()).cos();
            return (mean + mean.sqrt() * normal).round().max(0.0);
        }
        let floor = (-mean).exp();
        let (mut product, mut count) = (self.uniform(), 0.0);
        while product > floor {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evaluate::Overlap;

    #[test]
    fn wilson_intervals_are_those_of_the_textbook() {
        for (part, whole, low, high) in [
            (8.0, 10.0, 0.490_162, 0.943_318),
            (0.0, 10.0, 0.0, 0.277_533),
            (10.0, 10.0, 0.722_467, 1.0),
            // Newcombe 1998, table I: 81 of 263 and 15 of 148.
            (81.0, 263.0, 0.255_3, 0.366_2),
            (15.0, 148.0, 0.062_4, 0.160_5),
        ] {
            let found = wilson(part, whole).unwrap();
            assert!((found.low - low).abs() < 5e-5, "{part}/{whole}: {found:?}");
            assert!((found.high - high).abs() < 5e-5, "{part}/{whole}: {found:?}");
        }
        assert_eq!(wilson(0.0, 0.0), None);
    }

    #[test]
    fn poisson_numbers_have_their_mean_and_variance() {
        let mut draws = Draws(1);
        for mean in [0.5, 3.0, 40.0, 60.0, 1e6] {
            let numbers: Vec<f64> = (0..20_000).map(|_| draws.poisson(mean)).collect();
            let average = numbers.iter().sum::<f64>() / 20_000.0;
            let squares: f64 = numbers.iter().map(|number| (number - average).powi(2)).sum();
            // Five standard errors.
            assert!((average - mean).abs() < 5.0 * (mean / 20_000.0).sqrt(), "{mean}: {average}");
            assert!((squares / 20_000.0 / mean - 1.0).abs() < 0.08, "{mean}: {squares}");
        }
    }

    #[test]
    fn a_bootstrap_over_persons_of_two_is_the_interval_of_a_share() {
        // 2,000 persons of two records, 90 % found, no false pair: the standard error of recall is
        // sqrt(0.9 * 0.1 / 2000) = 0.0067.
        let truth: Vec<_> = (0..4_000).map(|record| Some(record / 2)).collect();
        let predicted: Vec<u32> = (0..4_000)
            .map(|record| if (record / 2) % 10 == 0 { 10_000 + record } else { record / 2 })
            .collect();
        let found = Overlap::new(&predicted, &truth).pair_intervals();
        let recall = found.recall.unwrap();
        assert!((recall.low - (0.9 - 1.96 * 0.0067)).abs() < 0.004, "{recall:?}");
        assert!((recall.high - (0.9 + 1.96 * 0.0067)).abs() < 0.004, "{recall:?}");
        // Not one false pair among 1,800: Wilson's bound, and not a promise of perfection.
        let precision = found.precision.unwrap();
        assert!(precision.low < 0.999 && precision.low > 0.995, "{precision:?}");
    }

    #[test]
    fn without_pairs_there_is_no_interval() {
        assert_eq!(Overlap::new(&[], &[]).pair_intervals(), PairIntervals::default());
        assert_eq!(Overlap::new(&[1], &[Some(1)]).pair_intervals(), PairIntervals::default());
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_share(part in 0_u32..1000, more in 0_u32..1000) {
            prop_assume!(part + more > 0);
            let whole = f64::from(part + more);
            let found = wilson(f64::from(part), whole).unwrap();
            let share = f64::from(part) / whole;
            prop_assert!(0.0 <= found.low && found.low <= share);
            prop_assert!(share <= found.high && found.high <= 1.0);
            // More of the same is more certain.
            let wider = wilson(f64::from(part) / 2.0, whole / 2.0).unwrap();
            prop_assert!(wider.high - wider.low >= found.high - found.low - 1e-12);
        }
    }
}
