//! The figures about how good a linkage is, as they stand in `summary.json` and in the report.
//!
//! Fields are added, never changed. No field holds a patient's values; records are named by their keys.

mod measure;
mod pairs;
mod subgroups;

pub(crate) use measure::{Material, Measured, measure};
pub(crate) use subgroups::{Attribute, COLUMN_GROUPS_MAX};

use empi_linkage::{Interval, PairIntervals, Scores, ThresholdPoint, WeightHistogram};
use serde::Serialize;

/// Six decimals: more than any sample can tell, and files stay readable.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn rounded_or_none(value: Option<f64>) -> Option<f64> {
    value.map(rounded)
}

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct IntervalFigures {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl From<Interval> for IntervalFigures {
    fn from(interval: Interval) -> Self {
        Self { low: rounded(interval.low), high: rounded(interval.high) }
    }
}

/// 95 % intervals of the pairwise figures: a bootstrap over persons.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PairIntervalFigures {
    pub(crate) precision: Option<IntervalFigures>,
    pub(crate) recall: Option<IntervalFigures>,
    pub(crate) f1: Option<IntervalFigures>,
}

impl From<PairIntervals> for PairIntervalFigures {
    fn from(intervals: PairIntervals) -> Self {
        Self {
            precision: intervals.precision.map(IntervalFigures::from),
            recall: intervals.recall.map(IntervalFigures::from),
            f1: intervals.f1.map(IntervalFigures::from),
        }
    }
}

/// What one link threshold would do with the scored pairs, before clustering.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CurvePoint {
    /// In bits.
    pub(crate) threshold: f64,
    /// Pairs at or above it that no guard holds back, and how good they are.
    pub(crate) links: u64,
    pub(crate) precision: Option<f64>,
    pub(crate) recall: Option<f64>,
    pub(crate) f1: Option<f64>,
    /// Scored pairs that would be left to data stewards.
    pub(crate) reviews: u64,
    /// All pairs at or above it, and how good the weight alone would be.
    pub(crate) pairs: u64,
    pub(crate) precision_by_weight: Option<f64>,
    pub(crate) recall_by_weight: Option<f64>,
    pub(crate) f1_by_weight: Option<f64>,
}

impl From<&ThresholdPoint> for CurvePoint {
    fn from(point: &ThresholdPoint) -> Self {
        let [links, weight] = [point.by_links, point.by_weight]
            .map(|Scores { precision, recall, f1 }| [precision, recall, f1].map(rounded_or_none));
        Self {
            threshold: rounded(point.threshold),
            links: point.links,
            precision: links[0],
            recall: links[1],
            f1: links[2],
            reviews: point.reviews,
            pairs: point.pairs,
            precision_by_weight: weight[0],
            recall_by_weight: weight[1],
            f1_by_weight: weight[2],
        }
    }
}

/// The weights of all candidate pairs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HistogramFigures {
    /// Width of a bin, in bits.
    pub(crate) bin_bits: f64,
    /// Pairs below the review threshold whose weighing was given up before its end.
    pub(crate) below_review_not_weighed: u64,
    /// The bins that hold pairs.
    pub(crate) bins: Vec<HistogramBin>,
}

/// One bin of the weights.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct HistogramBin {
    /// Where it begins.
    pub(crate) from_bits: f64,
    pub(crate) pairs: u64,
}

impl From<&WeightHistogram> for HistogramFigures {
    fn from(histogram: &WeightHistogram) -> Self {
        Self {
            bin_bits: WeightHistogram::BIN_BITS,
            below_review_not_weighed: histogram.unweighed(),
            bins: histogram
                .bins()
                .map(|(from_bits, pairs)| HistogramBin { from_bits, pairs })
                .collect(),
        }
    }
}

/// The scored pairs of one bin of weights by truth.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct TruthBin {
    pub(crate) from_bits: f64,
    pub(crate) true_pairs: u64,
    pub(crate) false_pairs: u64,
}

/// One blocking rule.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PassFigures {
    pub(crate) rule: &'static str,
    /// Pairs in its blocks.
    pub(crate) candidate_pairs: u64,
    /// Of the examined pairs, those in one of its blocks.
    pub(crate) pairs: u64,
    /// Their share of the examined pairs.
    pub(crate) completeness: Option<f64>,
    /// Of these, pairs that no other rule brings together.
    pub(crate) alone: u64,
}

/// How complete the candidate pairs are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BlockingFigures {
    /// Which pairs were examined: `true pairs`, or `scored pairs` where the truth is not known.
    pub(crate) of: &'static str,
    pub(crate) examined: u64,
    /// The share that at least one rule brings together.
    pub(crate) completeness: Option<f64>,
    pub(crate) completeness_interval: Option<IntervalFigures>,
    /// What share of all matching pairs no rule brings together, at least: estimated without the truth
    /// from the scored pairs that one rule and that two rules bring together (Chao). A floor.
    pub(crate) missed_share_estimated: Option<f64>,
    pub(crate) passes: Vec<PassFigures>,
}

/// Predicted clusters: their sizes and the largest.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterFigures {
    pub(crate) sizes: Vec<SizeCount>,
    pub(crate) largest: Vec<LargeCluster>,
}

/// How many clusters there are of one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SizeCount {
    pub(crate) records: u64,
    pub(crate) clusters: u64,
}

/// One of the largest clusters.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LargeCluster {
    pub(crate) enterprise_id: String,
    pub(crate) records: u64,
    /// Pairs of its records that are links, and their share of all its pairs.
    pub(crate) links: u64,
    pub(crate) density: f64,
    /// Without this link, in bits, it would fall in two.
    pub(crate) weakest_link: Option<f64>,
    /// How many true persons it holds, where the truth is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) true_persons: Option<u64>,
}

/// A record by its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyFigures {
    pub(crate) source: String,
    pub(crate) record_id: String,
}

/// One pair that somebody may want to look at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PairSample {
    pub(crate) left: KeyFigures,
    pub(crate) right: KeyFigures,
    /// In bits; for a pair that was never compared, what it would have weighed.
    pub(crate) match_weight: Option<f64>,
    /// What held a link back.
    pub(crate) guards: Vec<&'static str>,
    /// The places of the two records, for the report.
    #[serde(skip)]
    pub(crate) places: (u32, u32),
}

/// Some of the errors, drawn evenly: at most 20 of each kind.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ErrorSamples {
    pub(crate) missed_by_blocking: Vec<PairSample>,
    pub(crate) missed_by_scoring: Vec<PairSample>,
    /// True pairs at or above the link threshold that guards or clustering kept apart.
    pub(crate) held_back: Vec<PairSample>,
    /// Links between different people.
    pub(crate) false_links: Vec<PairSample>,
}

/// Whether match probabilities mean what they say.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReliabilityFigures {
    /// Mean distance between predicted and observed share (ECE).
    pub(crate) calibration_error: Option<f64>,
    pub(crate) bins: Vec<ReliabilityBinFigures>,
}

/// Pairs of about the same match probability.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ReliabilityBinFigures {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) pairs: u64,
    pub(crate) true_pairs: u64,
    pub(crate) predicted: f64,
    pub(crate) observed: f64,
    pub(crate) interval: IntervalFigures,
    pub(crate) false_expected: f64,
}

/// Figures by the groups of one attribute.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SubgroupFigures {
    pub(crate) by: String,
    pub(crate) groups: Vec<GroupFigures>,
}

/// One group. A pair counts half for each of its two records.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GroupFigures {
    pub(crate) group: String,
    pub(crate) records: Option<u64>,
    pub(crate) truth_pairs: f64,
    pub(crate) predicted_pairs: f64,
    pub(crate) precision: Option<f64>,
    pub(crate) precision_interval: Option<IntervalFigures>,
    pub(crate) recall: Option<f64>,
    pub(crate) recall_interval: Option<IntervalFigures>,
    pub(crate) f1: Option<f64>,
    /// Share of its records that stand in an open question to a data steward.
    pub(crate) review_share: Option<f64>,
    pub(crate) review_interval: Option<IntervalFigures>,
}
