//! What other thresholds would do: precision and recall of scored pairs for each threshold, and
//! whether match probabilities mean what they say.

use empi_model::MatchWeight;

use super::Scores;
use super::contingency::ratio;
use super::interval::{Interval, wilson};

/// Between two thresholds of a curve lie so many bits.
pub const CURVE_STEP_BITS: f64 = 0.5;

/// A pair that was scored at or above the review threshold, its truth known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgedPair {
    /// The weight of the pair.
    pub weight: MatchWeight,
    /// Whether a guard or the clustering holds it back, whatever its weight.
    pub is_held: bool,
    /// Whether the two records are one person in truth.
    pub is_true: bool,
}

/// What one link threshold would do with the scored pairs, before clustering.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdPoint {
    /// The link threshold, in bits.
    pub threshold: f64,
    /// Pairs at or above it.
    pub pairs: u64,
    /// Of these, true ones.
    pub true_pairs: u64,
    /// Of the pairs at or above it, those that nothing holds back.
    pub links: u64,
    /// Of the links, true ones.
    pub true_links: u64,
    /// Scored pairs that are left to a data steward: below the threshold, or held back.
    pub reviews: u64,
    /// Of the pairs at or above the threshold: what the weight alone would do.
    pub by_weight: Scores,
    /// Of the links: weight and guards together.
    pub by_links: Scores,
}

/// The thresholds of a curve, ascending: from `review` in steps of [`CURVE_STEP_BITS`] up to the first
/// above `weight_max`, and `link` among them.
#[must_use]
pub fn curve_thresholds(review: f64, link: f64, weight_max: f64) -> Vec<f64> {
    let steps = ((weight_max - review) / CURVE_STEP_BITS).clamp(0.0, 4_000.0).floor() as u32 + 1;
    let mut thresholds: Vec<f64> =
        (0..=steps).map(|step| review + f64::from(step) * CURVE_STEP_BITS).collect();
    thresholds.push(link);
    thresholds.sort_unstable_by(f64::total_cmp);
    thresholds.dedup();
    thresholds
}

/// The curve over `thresholds`, which ascend. `truth_pairs` counts all true pairs, also those that were
/// never scored: recall is of these.
#[must_use]
pub fn threshold_curve(
    pairs: impl IntoIterator<Item = JudgedPair>,
    truth_pairs: u64,
    thresholds: &[f64],
) -> Vec<ThresholdPoint> {
    // How many pairs reach each threshold and not the next: all, true, links, true links.
    let mut reached = vec![[0_u64; 4]; thresholds.len()];
    let mut pair_count = 0;
    for pair in pairs {
        pair_count += 1;
        let bits = pair.weight.bits();
        let above = thresholds.partition_point(|threshold| *threshold <= bits);
        let Some(counts) = above.checked_sub(1).and_then(|at| reached.get_mut(at)) else {
            continue;
        };
        let marks = [true, pair.is_true, !pair.is_held, !pair.is_held && pair.is_true];
        for (count, mark) in counts.iter_mut().zip(marks) {
            *count += u64::from(mark);
        }
    }
    let mut sums = [0; 4];
    let mut points = Vec::with_capacity(thresholds.len());
    for (threshold, counts) in thresholds.iter().zip(&reached).rev() {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        let [pairs, true_pairs, links, true_links] = sums;
        points.push(ThresholdPoint {
            threshold: *threshold,
            pairs,
            true_pairs,
            links,
            true_links,
            reviews: pair_count - links,
            by_weight: Scores::from_counts(true_pairs, pairs, truth_pairs),
            by_links: Scores::from_counts(true_links, links, truth_pairs),
        });
    }
    points.reverse();
    points
}

/// The point with the highest F1 of its links; the highest threshold among equals.
#[must_use]
pub fn best_point(curve: &[ThresholdPoint]) -> Option<ThresholdPoint> {
    let f1 = |point: &&ThresholdPoint| point.by_links.f1.unwrap_or(0.0);
    curve.iter().max_by(|one, other| f1(one).total_cmp(&f1(other))).copied()
}

/// Bounds of the bins of a reliability table: finer where links are decided.
const PROBABILITY_BOUNDS: [f64; 14] =
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999];

/// Pairs of about the same match probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// The least probability of the bin.
    pub from: f64,
    /// Where the next bin begins; 1 for the last.
    pub to: f64,
    /// Pairs in the bin, at least 1.
    pub pairs: u64,
    /// Of these, true ones.
    pub true_pairs: u64,
    /// The mean of their match probabilities: the share of true pairs that the model expects.
    pub predicted: f64,
    /// The share of true pairs that was found.
    pub observed: f64,
    /// Its 95 % interval (Wilson).
    pub interval: Interval,
    /// How many false pairs the model expects.
    pub false_expected: f64,
}

/// Whether match probabilities mean what they say, over the scored pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    /// The bins that hold pairs, by ascending probability.
    pub bins: Vec<ReliabilityBin>,
    /// The mean over pairs of the distance between predicted and observed share of their bin (ECE);
    /// `None` without pairs.
    pub calibration_error: Option<f64>,
}

/// Compares the match probability of pairs, `2^w / (1 + 2^w)`, with how many of them are true.
#[must_use]
pub fn reliability(pairs: impl IntoIterator<Item = JudgedPair>) -> Reliability {
    #[derive(Clone, Copy, Default)]
    struct Sums {
        pairs: u64,
        true_pairs: u64,
        probability: f64,
        false_expected: f64,
    }
    let mut sums = [Sums::default(); PROBABILITY_BOUNDS.len()];
    for pair in pairs {
        let probability = pair.weight.probability().value();
        let above = PROBABILITY_BOUNDS.partition_point(|bound| *bound <= probability);
        let Some(sum) = above.checked_sub(1).and_then(|at| sums.get_mut(at)) else { continue };
        sum.pairs += 1;
        sum.true_pairs += u64::from(pair.is_true);
        sum.probability += probability;
        // 1 - p loses all its digits for a high weight; the probability of the opposite does not.
        sum.false_expected += (-pair.weight).probability().value();
    }
    let upper = PROBABILITY_BOUNDS.iter().skip(1).chain([&1.0]);
    let bins: Vec<ReliabilityBin> = (PROBABILITY_BOUNDS.iter().zip(upper).zip(&sums))
        .filter_map(|((from, to), sum)| {
            let pairs = sum.pairs as f64;
            Some(ReliabilityBin {
                from: *from,
                to: *to,
                pairs: sum.pairs,
                true_pairs: sum.true_pairs,
                predicted: sum.probability / pairs,
                observed: ratio(sum.true_pairs, sum.pairs)?,
                interval: wilson(sum.true_pairs as f64, pairs)?,
                false_expected: sum.false_expected,
            })
        })
        .collect();
    let pairs: u64 = bins.iter().map(|bin| bin.pairs).sum();
    let distance: f64 =
        bins.iter().map(|bin| bin.pairs as f64 * (bin.predicted - bin.observed).abs()).sum();
    let calibration_error = (pairs > 0).then(|| distance / pairs as f64);
    Reliability { bins, calibration_error }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn pair(bits: f64, is_true: bool) -> JudgedPair {
        JudgedPair { weight: MatchWeight::from_bits(bits), is_held: false, is_true }
    }

    #[test]
    fn a_small_curve_by_hand() {
        let held = JudgedPair { is_held: true, ..pair(12.0, false) };
        let pairs = [pair(1.0, false), pair(10.0, true), pair(20.0, true), held];
        let thresholds = [0.0, 10.0, 20.0, 30.0];
        let curve = threshold_curve(pairs, 4, &thresholds);
        let counts: Vec<_> =
            curve.iter().map(|it| (it.pairs, it.true_pairs, it.links, it.reviews)).collect();
        assert_eq!(counts, [(4, 2, 3, 1), (3, 2, 2, 2), (1, 1, 1, 3), (0, 0, 0, 4)]);
        assert_eq!(curve[1].by_weight.precision, Some(2.0 / 3.0));
        assert_eq!(curve[1].by_links.precision, Some(1.0));
        assert_eq!(curve[1].by_links.recall, Some(0.5));
        assert_eq!(curve[3].by_links, Scores { precision: None, recall: Some(0.0), f1: Some(0.0) });
        assert_eq!(best_point(&curve).unwrap().threshold, 10.0);
        assert_eq!(best_point(&[]), None);
    }

    #[test]
    fn thresholds_hold_the_two_of_the_model() {
        assert_eq!(curve_thresholds(0.0, 0.75, 1.2), [0.0, 0.5, 0.75, 1.0, 1.5]);
        assert_eq!(curve_thresholds(3.0, 3.0, -1.0), [3.0, 3.5]);
    }

    #[test]
    fn a_small_reliability_table_by_hand() {
        // Weight 0 is 50 %; weight 1 is 2/3; weight 20 is nearly 1.
        let pairs = [
            pair(0.0, true),
            pair(0.0, false),
            pair(1.0, true),
            pair(20.0, true),
            pair(20.0, true),
        ];
        let table = reliability(pairs);
        let shares: Vec<_> = table.bins.iter().map(|bin| (bin.pairs, bin.observed)).collect();
        assert_eq!(shares, [(2, 0.5), (1, 1.0), (2, 1.0)]);
        assert!((table.bins[0].predicted - 0.5).abs() < 1e-12);
        assert!((table.bins[2].false_expected - 2.0 * 2_f64.powi(-20)).abs() < 1e-9);
        let error = table.calibration_error.unwrap();
        assert!((error - (1.0 / 3.0) / 5.0).abs() < 1e-6, "{error}");
        assert_eq!(reliability([]), Reliability::default());
    }

    proptest! {
        #[test]
        fn a_higher_threshold_never_links_more(
            pairs in vec((-5.0..60.0_f64, any::<bool>(), any::<bool>()), 0..60),
        ) {
            let pairs: Vec<_> = pairs
                .into_iter()
                .map(|(bits, is_held, is_true)| JudgedPair { is_held, ..pair(bits, is_true) })
                .collect();
            let thresholds = curve_thresholds(-5.0, 10.25, 60.0);
            let truth = pairs.iter().filter(|pair| pair.is_true).count() as u64 + 3;
            let curve = threshold_curve(pairs.iter().copied(), truth, &thresholds);
            prop_assert_eq!(curve.len(), thresholds.len());
            for two in curve.windows(2) {
                prop_assert!(two[0].threshold < two[1].threshold);
                prop_assert!(two[0].links >= two[1].links && two[0].pairs >= two[1].pairs);
                prop_assert!(two[0].by_links.recall >= two[1].by_links.recall);
            }
            for point in &curve {
                prop_assert_eq!(point.links + point.reviews, pairs.len() as u64);
                let above = pairs.iter().filter(|it| it.weight.bits() >= point.threshold);
                prop_assert_eq!(point.pairs, above.count() as u64);
            }
            let table = reliability(pairs.iter().copied());
            let binned: u64 = table.bins.iter().map(|bin| bin.pairs).sum();
            prop_assert_eq!(binned, pairs.len() as u64);
        }
    }
}
