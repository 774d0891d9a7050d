//! Two partitions laid over one another: computed once, asked many questions.

use rayon::prelude::*;

use super::contingency::{PlacedRecord, pairs_among, placed_records, ratio};
use super::interval::{Interval, wilson};
use super::{PairIntervals, Scores, interval};

/// The non-empty cells of the contingency table, each with the sizes of its two clusters.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizedCell {
    pub(super) truth: u32,
    predicted: u32,
    /// Records in the cell.
    pub(super) count: u64,
    /// Records in its truth cluster.
    pub(super) truth_size: u64,
    /// Records with known truth in its predicted cluster.
    pub(super) predicted_size: u64,
}

/// A predicted partition laid over the true one. Records without truth are left out.
///
/// Making it costs the sorting of the records; the questions then cost a pass each.
#[derive(Clone, Debug)]
pub struct Overlap {
    placed: Vec<PlacedRecord>,
    /// Sorted by truth, then by predicted cluster, as `placed` is.
    cells: Vec<SizedCell>,
}

impl Overlap {
    /// Lays the partitions over one another; for their form see [`evaluate`](super::evaluate).
    #[must_use]
    pub fn new(predicted: &[u32], truth: &[Option<u32>]) -> Self {
        let placed = placed_records(predicted, truth);
        let cells = sized_cells(&placed);
        Self { placed, cells }
    }

    /// How many records have a known truth.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.placed.len() as u64
    }

    /// Pairs of records that are one person in truth.
    #[must_use]
    pub fn truth_pairs(&self) -> u64 {
        let persons = self.cells.chunk_by(|left, right| left.truth == right.truth);
        persons.filter_map(|person| person.first()).map(|it| pairs_among(it.truth_size)).sum()
    }

    /// 95 % intervals of pairwise precision, recall and F1; see [`PairIntervals`].
    #[must_use]
    pub fn pair_intervals(&self) -> PairIntervals {
        interval::bootstrap(&self.cells)
    }

    /// True pairs, the smaller record first: all of them, or every k-th where there are more than
    /// `pairs_max` (at least 1). The same ones in every run.
    #[must_use]
    pub fn true_pairs(&self, pairs_max: u64) -> Vec<(u32, u32)> {
        let stride = self.truth_pairs().div_ceil(pairs_max.max(1)).max(1);
        let mut pairs = Vec::new();
        // Ranks of the next pair to take, and of the first pair of the record at hand.
        let (mut next, mut rank) = (0, 0);
        for person in self.placed.chunk_by(|left, right| left.truth == right.truth) {
            let mut others = person;
            while let [record, rest @ ..] = others {
                while let Some(other) = rest.get((next - rank) as usize) {
                    let (one, other) = (record.index, other.index);
                    pairs.push((one.min(other), one.max(other)));
                    next += stride;
                }
                rank += rest.len() as u64;
                others = rest;
            }
        }
        pairs
    }

    /// Precision and recall by group of records, in the order of the groups' numbers, which are below
    /// `group_count`; a record of a higher number is left out.
    ///
    /// A pair counts half for each of its two records, so that a pair between two groups counts in
    /// both by half, and the groups add up to the whole. `is_in_review` tells whether a record stands
    /// in an open question to a data steward.
    #[must_use]
    pub fn by_group(
        &self,
        group_of: impl Fn(u32) -> usize,
        group_count: usize,
        is_in_review: impl Fn(u32) -> bool,
    ) -> Vec<Subgroup> {
        let mut sums = vec![Ends::default(); group_count];
        let records = self
            .placed
            .chunk_by(|one, other| (one.truth, one.predicted) == (other.truth, other.predicted));
        for (cell, records) in self.cells.iter().zip(records) {
            for record in records {
                let Some(sum) = sums.get_mut(group_of(record.index)) else { continue };
                sum.records += 1;
                sum.in_review += u64::from(is_in_review(record.index));
                sum.truth += cell.truth_size - 1;
                sum.predicted += cell.predicted_size - 1;
                sum.common += cell.count - 1;
            }
        }
        sums.into_iter().map(Ends::subgroup).collect()
    }

    /// Precision and recall of pairs inside one part of the records (a source, for instance), and of
    /// pairs across parts.
    #[must_use]
    pub fn within_and_across(&self, part_of: impl Fn(u32) -> u32 + Sync) -> [Subgroup; 2] {
        let inside = |cluster: &(dyn Fn(&PlacedRecord) -> u64 + Sync)| {
            let mut keys: Vec<(u64, u32)> = self
                .placed
                .par_iter()
                .map(|record| (cluster(record), part_of(record.index)))
                .collect();
            keys.par_sort_unstable();
            let clusters = keys.chunk_by(|one, other| one == other);
            clusters.map(|records| pairs_among(records.len() as u64)).sum::<u64>()
        };
        let truth = inside(&|record| u64::from(record.truth));
        let predicted = inside(&|record| u64::from(record.predicted));
        let both =
            |record: &PlacedRecord| u64::from(record.truth) << 32 | u64::from(record.predicted);
        let common = inside(&both);
        let all = self.by_group(|_| 0, 1, |_| false);
        let all = all.first().copied().unwrap_or_default();
        let within = [common, predicted, truth].map(|pairs| pairs as f64);
        let across = [
            all.true_positive_pairs - within[0],
            all.predicted_pairs - within[1],
            all.truth_pairs - within[2],
        ];
        [within, across]
            .map(|[common, predicted, truth]| Subgroup::of_pairs(common, predicted, truth))
    }
}

fn sized_cells(placed: &[PlacedRecord]) -> Vec<SizedCell> {
    let mut cells = Vec::new();
    for person in placed.chunk_by(|left, right| left.truth == right.truth) {
        for cell in person.chunk_by(|left, right| left.predicted == right.predicted) {
            let Some(PlacedRecord { truth, predicted, .. }) = cell.first().copied() else {
                continue;
            };
            let (count, truth_size) = (cell.len() as u64, person.len() as u64);
            cells.push(SizedCell { truth, predicted, count, truth_size, predicted_size: count });
        }
    }
    cells.par_sort_unstable_by_key(|cell| (cell.predicted, cell.truth));
    for cluster in cells.chunk_by_mut(|left, right| left.predicted == right.predicted) {
        let size = cluster.iter().map(|cell| cell.count).sum();
        for cell in cluster {
            cell.predicted_size = size;
        }
    }
    cells.par_sort_unstable_by_key(|cell| (cell.truth, cell.predicted));
    cells
}

/// Ends of pairs: each pair has two.
#[derive(Clone, Copy, Default)]
struct Ends {
    records: u64,
    in_review: u64,
    truth: u64,
    predicted: u64,
    common: u64,
}

impl Ends {
    fn subgroup(self) -> Subgroup {
        let [common, predicted, truth] =
            [self.common, self.predicted, self.truth].map(|ends| ends as f64 / 2.0);
        Subgroup {
            records: Some(self.records),
            records_in_review: Some(self.in_review),
            review_share: ratio(self.in_review, self.records),
            review_interval: wilson(self.in_review as f64, self.records as f64),
            ..Subgroup::of_pairs(common, predicted, truth)
        }
    }
}

/// How good a linkage is for one group of records or one kind of pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Subgroup {
    /// Records of the group with a known truth; `None` for a kind of pair.
    pub records: Option<u64>,
    /// Those that stand in an open question to a data steward.
    pub records_in_review: Option<u64>,
    /// Their share.
    pub review_share: Option<f64>,
    /// Its 95 % interval.
    pub review_interval: Option<Interval>,
    /// True pairs; a pair between two groups counts in each by half.
    pub truth_pairs: f64,
    /// Predicted pairs, counted the same way.
    pub predicted_pairs: f64,
    /// Pairs that are both.
    pub true_positive_pairs: f64,
    /// Over pairs.
    pub pairwise: Scores,
    /// 95 % interval of precision (Wilson), pairs taken as independent.
    pub precision_interval: Option<Interval>,
    /// 95 % interval of recall (Wilson), pairs taken as independent.
    pub recall_interval: Option<Interval>,
}

impl Subgroup {
    fn of_pairs(common: f64, predicted: f64, truth: f64) -> Self {
        let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        Self {
            truth_pairs: truth,
            predicted_pairs: predicted,
            true_positive_pairs: common,
            pairwise: Scores {
                precision: share(common, predicted),
                recall: share(common, truth),
                f1: share(2.0 * common, predicted + truth),
            },
            precision_interval: wilson(common, predicted),
            recall_interval: wilson(common, truth),
            ..Self::default()
        }
    }
}
