//! Why true pairs were missed: by blocking, by scoring, or not yet, because a steward will decide.

use super::contingency::{Cell, PlacedRecord, contingency, pairs_among, placed_records, ratio};

/// Why true pairs are not in the prediction. The three reasons exclude one another and add up to
/// `examined`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MissedPairs {
    /// True pairs that do not share a predicted cluster.
    pub missed: u64,
    /// How many of them were looked at: all, or an even sample of about `examined_max`.
    pub examined: u64,
    /// Of the examined: the pair was never a candidate.
    pub missed_by_blocking: u64,
    /// Of the examined: the pair was a candidate, and its weight or the clustering kept it apart.
    pub missed_by_scoring: u64,
    /// Of the examined: the pair waits for a data steward, whose right answers will join it.
    pub sent_to_review: u64,
    /// Recall over pairs once all review pairs are answered rightly. Exact, also when only a sample
    /// was examined. `None` without true pairs.
    pub recall_with_review: Option<f64>,
}

impl MissedPairs {
    /// Whether the three reasons were counted in a sample, so that their shares, not their counts,
    /// speak for all missed pairs.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.examined < self.missed
    }

    fn count(&mut self, reason: MissedReason) {
        self.examined += 1;
        *match reason {
            MissedReason::Blocking => &mut self.missed_by_blocking,
            MissedReason::Scoring => &mut self.missed_by_scoring,
            MissedReason::Review => &mut self.sent_to_review,
        } += 1;
    }
}

/// Why one true pair is not in the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedReason {
    /// It was never a candidate.
    Blocking,
    /// It was a candidate, and its weight or the clustering kept it apart.
    Scoring,
    /// It waits for a data steward, whose right answers will join it.
    Review,
}

/// Splits the true pairs that the prediction misses by the reason why.
///
/// `review_pairs` are the pairs in the review queue, by record number and in any order; those that
/// are not true change nothing, since a steward's right answer keeps them apart. `was_candidate`
/// tells whether blocking brought a pair together, and is asked with the smaller record number first.
/// `on_missed` is told of every examined pair, the smaller record number first.
///
/// At most `examined_max` missed pairs (at least 1) are looked at. If there are more, every k-th is
/// taken, in the order of truth clusters: the same ones in every run.
pub fn split_missed_pairs(
    predicted: &[u32],
    truth: &[Option<u32>],
    review_pairs: &[(u32, u32)],
    examined_max: u64,
    was_candidate: impl Fn(u32, u32) -> bool,
    mut on_missed: impl FnMut(u32, u32, MissedReason),
) -> MissedPairs {
    let placed = placed_records(predicted, truth);
    let cells = contingency(&placed);
    let reviewed = ReviewedCells::join(&cells, predicted, truth, review_pairs);

    let persons = || placed.chunk_by(|left, right| left.truth == right.truth);
    let truth_pairs: u64 = persons().map(|person| pairs_among(person.len() as u64)).sum();
    let joined: u64 = cells.iter().map(|cell| pairs_among(cell.count)).sum();
    let missed = truth_pairs - joined;
    let mut split = MissedPairs {
        missed,
        recall_with_review: ratio(reviewed.pairs(&cells), truth_pairs),
        ..MissedPairs::default()
    };

    let stride = missed.div_ceil(examined_max.max(1)).max(1);
    let mut next = 0; // rank of the next pair to examine
    let mut rank = 0; // rank of the first missed pair of the record at hand
    for person in persons() {
        let mut others = person;
        for cluster in person.chunk_by(|left, right| left.predicted == right.predicted) {
            // A record's missed pairs are those with the person's records in later clusters.
            others = others.get(cluster.len()..).unwrap_or_default();
            for record in cluster {
                while let Some(other) = others.get((next - rank) as usize) {
                    next += stride;
                    let pair = (record.index.min(other.index), record.index.max(other.index));
                    let reason = if reviewed.connects(record, other) {
                        MissedReason::Review
                    } else if was_candidate(pair.0, pair.1) {
                        MissedReason::Scoring
                    } else {
                        MissedReason::Blocking
                    };
                    split.count(reason);
                    on_missed(pair.0, pair.1, reason);
                }
                rank += others.len() as u64;
            }
        }
    }
    split
}

/// Cells of one person that right answers to the review pairs join.
struct ReviewedCells {
    /// The cells by (truth, predicted), sorted; a cell's place is its number below.
    keys: Vec<(u32, u32)>,
    /// The smallest cell number that each cell is joined with.
    representative: Vec<usize>,
}

impl ReviewedCells {
    fn join(
        cells: &[Cell],
        predicted: &[u32],
        truth: &[Option<u32>],
        review_pairs: &[(u32, u32)],
    ) -> Self {
        let keys: Vec<_> = cells.iter().map(|cell| (cell.truth, cell.predicted)).collect();
        let mut parents: Vec<usize> = (0..keys.len()).collect();
        let place = |record: u32| {
            let truth = truth.get(record as usize).copied().flatten()?;
            let predicted = *predicted.get(record as usize)?;
            Some((truth, keys.binary_search(&(truth, predicted)).ok()?))
        };
        for &(left, right) in review_pairs {
            let (Some(left), Some(right)) = (place(left), place(right)) else { continue };
            if left.0 == right.0 {
                let (left, right) = (find(&mut parents, left.1), find(&mut parents, right.1));
                parents[left.max(right)] = left.min(right);
            }
        }
        let representative = (0..parents.len()).map(|cell| find(&mut parents, cell)).collect();
        Self { keys, representative }
    }

    /// Whether the cells of two records are joined.
    fn connects(&self, left: &PlacedRecord, right: &PlacedRecord) -> bool {
        let representative = |record: &PlacedRecord| {
            let cell = self.keys.binary_search(&(record.truth, record.predicted)).ok()?;
            self.representative.get(cell)
        };
        representative(left) == representative(right)
    }

    /// True pairs inside cells and between joined cells.
    fn pairs(&self, cells: &[Cell]) -> u64 {
        let mut sizes = vec![0_u64; cells.len()];
        for (cell, &representative) in cells.iter().zip(&self.representative) {
            sizes[representative] += cell.count;
        }
        sizes.into_iter().map(pairs_among).sum()
    }
}

/// The root of a cell, halving the path on the way. A root is never larger than its members.
fn find(parents: &mut [usize], mut cell: usize) -> usize {
    while parents[cell] != cell {
        parents[cell] = parents[parents[cell]];
        cell = parents[cell];
    }
    cell
}
