//! Measuring a linkage: everything that needs no more than the outcome, and the truth if there is one.

use std::borrow::Cow;
use std::collections::HashMap;

use empi_linkage::{
    Linkage, Overlap, PairCompleteness, RecordKeys, ScoredPair, best_point, cluster_shapes,
    curve_thresholds, pair_completeness, reliability, threshold_curve, wilson,
};
use empi_model::BlockingRule;

use super::subgroups::{self, Attribute, Grouping};
use super::{
    BlockingFigures, ClusterFigures, CurvePoint, IntervalFigures, LargeCluster, PassFigures,
    ReliabilityBinFigures, ReliabilityFigures, SizeCount, rounded,
};
use crate::link::summary::{MissedFigures, QualityFigures};

/// True pairs that are asked for their blocking rules; beyond, an even sample.
const TRUE_PAIRS_MAX: u64 = 500_000;
/// Scored pairs that are asked for their blocking rules, to estimate without the truth.
const SCORED_MAX: usize = 200_000;
/// How many of the largest clusters are shown.
const LARGEST_MAX: usize = 20;

/// What is measured.
pub(crate) struct Material<'a> {
    /// The person of each record.
    pub(crate) persons: &'a [u32],
    /// The true person of each record; empty where the truth is not known.
    pub(crate) truth: &'a [Option<u32>],
    /// The keys of the records, ascending where `linkage` is there.
    pub(crate) keys: &'a RecordKeys,
    /// The scored pairs, sorted by record; `None` where they are not at hand.
    pub(crate) scored: Option<&'a [ScoredPair]>,
    /// Open questions to data stewards.
    pub(crate) reviews: Vec<(u32, u32)>,
    /// The review threshold, in bits.
    pub(crate) review_bits: f64,
    /// The link threshold, in bits.
    pub(crate) link_bits: f64,
    /// The linkage itself, where it was made just now.
    pub(crate) linkage: Option<&'a Linkage>,
    /// A column that names groups.
    pub(crate) attribute: Option<&'a Attribute>,
    /// The enterprise ID of a person.
    pub(crate) enterprise_id: &'a dyn Fn(u32) -> String,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) quality: Option<QualityFigures>,
    pub(crate) blocking: Option<BlockingFigures>,
    pub(crate) clusters: ClusterFigures,
}

/// Measures a linkage.
pub(crate) fn measure(material: &Material<'_>) -> Measured {
    let has_truth = material.truth.iter().any(Option::is_some);
    let overlap = has_truth.then(|| Overlap::new(material.persons, material.truth));
    Measured {
        quality: overlap.as_ref().map(|overlap| material.quality(overlap)),
        blocking: material.linkage.map(|linkage| blocking(linkage, overlap.as_ref())),
        clusters: material.clusters(),
    }
}

impl Material<'_> {
    pub(super) fn pairs(&self) -> &[ScoredPair] {
        self.scored.unwrap_or_default()
    }

    pub(super) fn scored_pair(&self, left: u32, right: u32) -> Option<&ScoredPair> {
        let at = self.pairs().binary_search_by_key(&(left, right), |pair| (pair.left, pair.right));
        at.ok().and_then(|at| self.pairs().get(at))
    }

    /// Without the linkage at hand, a pair counts as compared when it was scored high enough to be
    /// kept.
    pub(super) fn was_candidate(&self, left: u32, right: u32) -> bool {
        match self.linkage {
            Some(linkage) => linkage.was_candidate(left, right),
            None => self.scored_pair(left, right).is_some(),
        }
    }

    fn quality(&self, overlap: &Overlap) -> QualityFigures {
        let quality = empi_linkage::evaluate(self.persons, self.truth);
        let mut figures = QualityFigures::new(&quality, None);
        figures.intervals = Some(overlap.pair_intervals().into());
        figures.subgroups = self.subgroups(overlap);
        if self.scored.is_none() {
            return figures;
        }
        let (missed, held_back, samples) = self.errors();
        figures.missed = Some(MissedFigures::new(&missed, held_back));
        figures.samples = Some(samples);
        let weight_max =
            self.pairs().iter().map(|pair| pair.weight.bits()).fold(self.link_bits, f64::max);
        let thresholds = curve_thresholds(self.review_bits, self.link_bits, weight_max);
        let judged = || self.judged().map(|(_, judged)| judged);
        let curve = threshold_curve(judged(), overlap.truth_pairs(), &thresholds);
        figures.best_f1 = best_point(&curve).as_ref().map(CurvePoint::from);
        figures.curve = curve.iter().map(CurvePoint::from).collect();
        figures.weights = self.truth_bins();
        let table = reliability(judged());
        figures.reliability = Some(ReliabilityFigures::from(&table));
        figures
    }

    fn subgroups(&self, overlap: &Overlap) -> Vec<super::SubgroupFigures> {
        let mut in_review = vec![false; self.persons.len()];
        for record in self.reviews.iter().flat_map(|(left, right)| [left, right]) {
            if let Some(mark) = in_review.get_mut(*record as usize) {
                *mark = true;
            }
        }
        let is_in_review = |record: u32| in_review.get(record as usize).copied().unwrap_or(false);
        let rows = self.linkage.map(Linkage::rows).unwrap_or_default();
        let groupings = Grouping::all(&rows, self.keys, self.attribute);
        let mut figures: Vec<_> =
            groupings.iter().map(|grouping| grouping.figures(overlap, is_in_review)).collect();
        figures.extend(subgroups::by_source_pair(overlap, self.keys));
        figures
    }

    fn clusters(&self) -> ClusterFigures {
        let shapes = cluster_shapes(self.persons, self.pairs(), LARGEST_MAX);
        let mut truths: HashMap<u32, Vec<u32>> =
            shapes.largest.iter().map(|shape| (shape.person, Vec::new())).collect();
        for (person, truth) in self.persons.iter().zip(self.truth) {
            if let (Some(truth), Some(truths)) = (truth, truths.get_mut(person)) {
                truths.push(*truth);
            }
        }
        let true_persons = |person: u32| {
            let mut truths = truths.get(&person).cloned().unwrap_or_default();
            truths.sort_unstable();
            truths.dedup();
            (!truths.is_empty()).then_some(truths.len() as u64)
        };
        let sizes = shapes.sizes.iter();
        ClusterFigures {
            sizes: sizes
                .map(|(records, clusters)| SizeCount { records: *records, clusters: *clusters })
                .collect(),
            largest: shapes
                .largest
                .iter()
                .map(|shape| LargeCluster {
                    enterprise_id: (self.enterprise_id)(shape.person),
                    records: shape.records,
                    links: shape.links,
                    density: rounded(shape.density()),
                    weakest_link: shape.weakest_link.map(|weight| rounded(weight.bits())),
                    true_persons: true_persons(shape.person),
                })
                .collect(),
        }
    }
}

/// Pair completeness over true pairs, or over scored pairs where the truth is not known.
fn blocking(linkage: &Linkage, overlap: Option<&Overlap>) -> BlockingFigures {
    let rules_of = |left, right| linkage.rules_in_common(left, right);
    let stride = linkage.pairs.len().div_ceil(SCORED_MAX).max(1);
    let scored = linkage.pairs.iter().step_by(stride);
    let scored: Vec<(u32, u32)> = scored.map(|pair| (pair.left, pair.right)).collect();
    let of_scored = pair_completeness(&scored, rules_of);
    let (of, examined): (_, Cow<'_, PairCompleteness>) = match overlap {
        Some(overlap) => {
            let pairs = overlap.true_pairs(TRUE_PAIRS_MAX);
            ("true pairs", Cow::Owned(pair_completeness(&pairs, rules_of)))
        }
        None => ("scored pairs", Cow::Borrowed(&of_scored)),
    };
    let share = |part: u64| {
        let whole = examined.examined as f64;
        (whole > 0.0).then(|| rounded(part as f64 / whole))
    };
    let candidates = linkage.pairs_by_rule();
    let passes =
        examined.passes.iter().zip(candidates).map(|(pass, candidate_pairs)| PassFigures {
            rule: BlockingRule::as_str(pass.rule),
            candidate_pairs,
            pairs: pass.true_pairs,
            completeness: share(pass.true_pairs),
            alone: pass.alone,
        });
    let interval = wilson(examined.found as f64, examined.examined as f64);
    BlockingFigures {
        of,
        examined: examined.examined,
        completeness: share(examined.found),
        completeness_interval: interval.map(IntervalFigures::from),
        missed_share_estimated: of_scored
            .unseen_share()
            .map(|unseen| rounded(unseen / (1.0 + unseen))),
        passes: passes.collect(),
    }
}

impl From<&empi_linkage::Reliability> for ReliabilityFigures {
    fn from(table: &empi_linkage::Reliability) -> Self {
        let bins = table.bins.iter().map(|bin| ReliabilityBinFigures {
            from: bin.from,
            to: bin.to,
            pairs: bin.pairs,
            true_pairs: bin.true_pairs,
            predicted: rounded(bin.predicted),
            observed: rounded(bin.observed),
            interval: bin.interval.into(),
            false_expected: rounded(bin.false_expected),
        });
        Self { calibration_error: table.calibration_error.map(rounded), bins: bins.collect() }
    }
}
