//! `summary.json`: what a bulk run did, in figures.

use std::collections::BTreeMap;

use empi_linkage::{HubValue, Linkage, LinkageModel, MissedPairs, Quality};
use serde::Serialize;

use super::figures::{
    BlockingFigures, ClusterFigures, CurvePoint, ErrorSamples, HistogramFigures,
    PairIntervalFigures, ReliabilityFigures, SubgroupFigures, TruthBin,
};

/// The figures of one run. A contract with other programs: fields are added, never changed.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) records: u64,
    pub(crate) rejected: u64,
    pub(crate) candidate_pairs: u64,
    /// Pairs decided as links.
    pub(crate) links: u64,
    /// Questions for data stewards: pairs of persons that may be one.
    pub(crate) reviews: u64,
    pub(crate) persons: u64,
    pub(crate) model: String,
    pub(crate) thresholds: ThresholdBits,
    pub(crate) evidence_floor: Floor,
    pub(crate) capped_blocks: Vec<CappedRule>,
    /// Values that so many people share that they were ignored.
    pub(crate) hub_values: Vec<HubFigures>,
    pub(crate) stages: BTreeMap<&'static str, f64>,
    pub(crate) total_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quality: Option<QualityFigures>,
    /// The weights of all candidate pairs.
    pub(crate) weight_histogram: HistogramFigures,
    /// How complete the candidate pairs are; with the truth or a report only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocking: Option<BlockingFigures>,
    /// With the truth or a report only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clusters: Option<ClusterFigures>,
}

/// The thresholds in bits.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ThresholdBits {
    pub(crate) link: f64,
    pub(crate) review: f64,
}

/// The evidence floor that was in force, and what the files could give.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Floor {
    pub(crate) groups_min: u32,
    pub(crate) groups_given: u32,
    pub(crate) bits_min: f64,
}

/// Blocks of one rule that were too large to be compared.
#[derive(Debug, Serialize)]
pub(crate) struct CappedRule {
    pub(crate) rule: &'static str,
    pub(crate) blocks: u64,
    pub(crate) largest: u32,
}

/// A value that so many people share that it was ignored: which kind, and where one can see it, but not
/// the value.
#[derive(Debug, Serialize)]
pub(crate) struct HubFigures {
    pub(crate) kind: &'static str,
    pub(crate) records: u32,
    pub(crate) people: u32,
    pub(crate) example_source: String,
    pub(crate) example_record_id: String,
}

impl HubFigures {
    pub(crate) fn of(linkage: &Linkage) -> Vec<Self> {
        let figures = |hub: &HubValue| {
            let example = linkage.keys.get(hub.example as usize).unwrap_or_default();
            Self {
                kind: hub.kind.as_str(),
                records: hub.records,
                people: hub.people,
                example_source: example.source,
                example_record_id: example.record_id,
            }
        };
        linkage.hub_values.iter().map(figures).collect()
    }
}

/// How good the linkage is, by the truth.
#[derive(Debug, Serialize)]
pub(crate) struct QualityFigures {
    pub(crate) truth_pairs: u64,
    pub(crate) predicted_pairs: u64,
    pub(crate) true_positive_pairs: u64,
    pub(crate) precision: Option<f64>,
    pub(crate) recall: Option<f64>,
    pub(crate) f1: Option<f64>,
    pub(crate) cluster_precision: Option<f64>,
    pub(crate) cluster_recall: Option<f64>,
    pub(crate) cluster_f1: Option<f64>,
    pub(crate) b_cubed_precision: Option<f64>,
    pub(crate) b_cubed_recall: Option<f64>,
    pub(crate) b_cubed_f1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missed: Option<MissedFigures>,
    /// 95 % intervals over pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) intervals: Option<PairIntervalFigures>,
    /// The link threshold with the highest F1 over pairs, before clustering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) best_f1: Option<CurvePoint>,
    /// What other link thresholds would do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) curve: Vec<CurvePoint>,
    /// The scored pairs by weight and truth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) weights: Vec<TruthBin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reliability: Option<ReliabilityFigures>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) subgroups: Vec<SubgroupFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) samples: Option<ErrorSamples>,
}

/// Why true pairs were missed.
#[derive(Debug, Serialize)]
pub(crate) struct MissedFigures {
    pub(crate) pairs: u64,
    pub(crate) examined: u64,
    pub(crate) by_blocking: u64,
    pub(crate) by_scoring: u64,
    pub(crate) sent_to_review: u64,
    pub(crate) recall_with_review: Option<f64>,
    /// Of all these, pairs at or above the link threshold that a guard or the clustering held back.
    pub(crate) held_back: u64,
}

impl MissedFigures {
    pub(crate) fn new(missed: &MissedPairs, held_back: u64) -> Self {
        Self {
            pairs: missed.missed,
            examined: missed.examined,
            by_blocking: missed.missed_by_blocking,
            by_scoring: missed.missed_by_scoring,
            sent_to_review: missed.sent_to_review,
            recall_with_review: missed.recall_with_review,
            held_back,
        }
    }
}

impl QualityFigures {
    pub(crate) fn new(quality: &Quality, missed: Option<MissedFigures>) -> Self {
        Self {
            truth_pairs: quality.truth_pairs,
            predicted_pairs: quality.predicted_pairs,
            true_positive_pairs: quality.true_positive_pairs,
            precision: quality.pairwise.precision,
            recall: quality.pairwise.recall,
            f1: quality.pairwise.f1,
            cluster_precision: quality.exact_cluster.precision,
            cluster_recall: quality.exact_cluster.recall,
            cluster_f1: quality.exact_cluster.f1,
            b_cubed_precision: quality.b_cubed.precision,
            b_cubed_recall: quality.b_cubed.recall,
            b_cubed_f1: quality.b_cubed.f1,
            missed,
            intervals: None,
            best_f1: None,
            curve: Vec::new(),
            weights: Vec::new(),
            reliability: None,
            subgroups: Vec::new(),
            samples: None,
        }
    }

    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "undefined".to_owned(), |share| format!("{:.3} %", share * 100.0))
        };
        let line = |what: &str, precision, recall, f1| {
            let (precision, recall, f1) = (percent(precision), percent(recall), percent(f1));
            format!("{what}: precision {precision}, recall {recall}, F1 {f1}")
        };
        let mut lines = vec![
            line("pairs   ", self.precision, self.recall, self.f1),
            line("clusters", self.cluster_precision, self.cluster_recall, self.cluster_f1),
            line("B-cubed ", self.b_cubed_precision, self.b_cubed_recall, self.b_cubed_f1),
        ];
        if let Some(missed) = &self.missed {
            let of = if missed.examined < missed.pairs {
                format!("{} ({} looked at)", missed.pairs, missed.examined)
            } else {
                missed.pairs.to_string()
            };
            lines.push(format!(
                "missed   : {of} true pairs: {} never compared, {} scored too low or split, {} wait \
                 for review; recall once all are answered {}",
                missed.by_blocking,
                missed.by_scoring,
                missed.sent_to_review,
                percent(missed.recall_with_review)
            ));
        }
        lines
    }
}

impl ThresholdBits {
    pub(crate) fn of(model: &LinkageModel) -> Self {
        let thresholds = model.thresholds();
        Self { link: thresholds.link.bits(), review: thresholds.review.bits() }
    }
}

impl CappedRule {
    /// Counts capped blocks by rule.
    pub(crate) fn of(linkage: &Linkage) -> Vec<Self> {
        let mut rules: Vec<Self> = Vec::new();
        for block in &linkage.capped_blocks {
            let rule = block.rule.as_str();
            match rules.iter_mut().find(|it| it.rule == rule) {
                Some(it) => {
                    it.blocks += 1;
                    it.largest = it.largest.max(block.records);
                }
                None => rules.push(Self { rule, blocks: 1, largest: block.records }),
            }
        }
        rules
    }
}
