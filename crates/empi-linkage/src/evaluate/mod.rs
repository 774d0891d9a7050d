//! How good a linkage is, where the truth is known: pairs, whole clusters, and why pairs were missed.
//!
//! A partition is one number per record; records with the same number are one cluster. Everything is
//! counted from the contingency table of the two partitions (how many records fall into predicted
//! cluster i and truth cluster j), so the time is that of sorting the records, however large a cluster.

mod contingency;
mod curve;
mod interval;
mod missed;
mod overlap;
mod passes;
mod sample;
mod shapes;
mod stratified;
#[cfg(test)]
mod tests;

pub use curve::{
    CURVE_STEP_BITS, JudgedPair, Reliability, ReliabilityBin, ThresholdPoint, best_point,
    curve_thresholds, reliability, threshold_curve,
};
pub use interval::{Interval, PairIntervals, wilson};
pub use missed::{MissedPairs, MissedReason, split_missed_pairs};
pub use overlap::{Overlap, Subgroup};
pub use passes::{PairCompleteness, PassCompleteness, pair_completeness};
pub use sample::EvenSample;
pub use shapes::{ClusterShape, ClusterShapes, cluster_shapes};
pub use stratified::{
    SampledStratum, StratifiedEstimate, ratio_of_first, stratified_share, stratified_total,
};

use contingency::{Side, contingency, pairs_among, placed_records, ratio};

/// Precision, recall and their harmonic mean. A figure whose denominator is 0 is undefined: `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// How much of what was predicted is true.
    pub precision: Option<f64>,
    /// How much of what is true was predicted.
    pub recall: Option<f64>,
    /// The harmonic mean of the two.
    pub f1: Option<f64>,
}

impl Scores {
    /// Scores from counts. F1 is 2 × common / (predicted + truth), so it is 0 and not undefined when
    /// only one side is empty.
    fn from_counts(common: u64, predicted: u64, truth: u64) -> Self {
        Self {
            precision: ratio(common, predicted),
            recall: ratio(common, truth),
            f1: ratio(2 * common, predicted + truth),
        }
    }
}

/// A predicted partition measured against the truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// Records whose truth is known. Everything below is about these alone.
    pub records: u64,
    /// Records left out because their truth is not known.
    pub records_without_truth: u64,
    /// Pairs of records that are one person in truth.
    pub truth_pairs: u64,
    /// Pairs of records that share a predicted cluster.
    pub predicted_pairs: u64,
    /// Pairs that are both.
    pub true_positive_pairs: u64,
    /// Clusters in truth, those of one record included.
    pub truth_clusters: u64,
    /// Predicted clusters, those of one record included.
    pub predicted_clusters: u64,
    /// Predicted clusters that hold exactly the records of one truth cluster.
    pub exact_clusters: u64,
    /// Over pairs of records.
    pub pairwise: Scores,
    /// Over whole clusters: a cluster counts only if it is exactly right.
    pub exact_cluster: Scores,
    /// B-cubed: the mean over records of how much of a record's cluster is right (Bagga and Baldwin
    /// 1998). One large wrong cluster weighs less here than over pairs.
    pub b_cubed: Scores,
}

/// Measures a predicted partition against the truth.
///
/// Record `i` has the predicted cluster `predicted[i]` and the truth cluster `truth[i]`. A record
/// without truth, by `None` or because `truth` is shorter, is left out and counted as such. The
/// result depends on the two partitions alone, not on how clusters are numbered or records ordered.
#[must_use]
pub fn evaluate(predicted: &[u32], truth: &[Option<u32>]) -> Quality {
    let placed = placed_records(predicted, truth);
    let mut cells = contingency(&placed);
    let true_positive_pairs = cells.iter().map(|cell| pairs_among(cell.count)).sum();
    let predicted_side = Side::measure(&mut cells, |cell| cell.predicted);
    let truth_side = Side::measure(&mut cells, |cell| cell.truth);
    let exact_clusters = cells.iter().filter(|cell| cell.pure_sides == 2).count() as u64;

    let records = placed.len() as u64;
    let b_cubed_precision = predicted_side.b_cubed(records);
    let b_cubed_recall = truth_side.b_cubed(records);
    Quality {
        records,
        records_without_truth: predicted.len() as u64 - records,
        truth_pairs: truth_side.pairs,
        predicted_pairs: predicted_side.pairs,
        true_positive_pairs,
        truth_clusters: truth_side.clusters,
        predicted_clusters: predicted_side.clusters,
        exact_clusters,
        pairwise: Scores::from_counts(true_positive_pairs, predicted_side.pairs, truth_side.pairs),
        exact_cluster: Scores::from_counts(
            exact_clusters,
            predicted_side.clusters,
            truth_side.clusters,
        ),
        b_cubed: Scores {
            precision: b_cubed_precision,
            recall: b_cubed_recall,
            // Both are above 0 where they are defined: every record is at least in its own cluster.
            f1: b_cubed_precision
                .zip(b_cubed_recall)
                .map(|(precision, recall)| 2.0 * precision * recall / (precision + recall)),
        },
    }
}
