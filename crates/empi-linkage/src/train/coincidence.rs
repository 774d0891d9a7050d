//! u: how often different people agree by coincidence.
//!
//! From random pairs, and for a best level that is equality from the counts of values, which see all
//! pairs: of n records with a value, n(n-1)/2 pairs agree on it (a record is not paired with itself).
//! Among those are pairs of one person; they are expected from the candidates and taken off. What is
//! left is as good as a sample of so many random pairs as has its variance, and is blended with the
//! model at hand by that number.

use super::PerLevel;
use super::em::WeightTable;
use super::evidence::{Coincidence, TrainingEvidence};
use crate::compare::Comparison;

/// The model at hand counts for as many random pairs as show a level so many times: it steadies what
/// is seen once in a million pairs, and hardly touches what is seen a thousand times.
const PRIOR_HITS_U: f64 = 3.0;

/// How far off the expected number of matching pairs may be, as a share of it.
const MATCHES_ERROR: f64 = 0.1;

/// Estimates of u with how many random pairs each is worth.
pub(super) struct Coincidences {
    pub(super) u: PerLevel,
    pub(super) pairs: PerLevel,
}

/// Estimates u. `matches_by_level` are the matching pairs expected in the file.
pub(super) fn estimate(
    evidence: &TrainingEvidence,
    table: &WeightTable,
    matches_by_level: &PerLevel,
    base: &PerLevel,
) -> Coincidences {
    let counts = stranger_counts(evidence, table, base);
    let mut u: PerLevel = std::array::from_fn(|at| shares(&counts[at], &base[at]));
    let mut pairs: PerLevel =
        std::array::from_fn(|at| vec![counts[at].iter().sum(); base[at].len()]);
    for comparison in Comparison::ALL {
        let at = comparison as usize;
        let Some(coincidence) = evidence.coincidences[at] else { continue };
        let matches = matches_by_level[at].first().copied().unwrap_or_default();
        let expected = base[at].first().copied().unwrap_or_default();
        if let Some((share, worth)) = counted(&coincidence, matches, expected) {
            let prior = PRIOR_HITS_U / expected;
            let best = (share * worth + PRIOR_HITS_U) / (worth + prior);
            replace_best(&mut u[at], best);
            if let Some(slot) = pairs[at].first_mut() {
                *slot = worth;
            }
        }
    }
    Coincidences { u, pairs }
}

/// Shares from counts and the model at hand.
fn shares(counts: &[f64], base: &[f64]) -> Vec<f64> {
    let total: f64 = counts.iter().sum();
    let levels = counts.iter().zip(base);
    let blended = levels.map(|(count, u)| (count + PRIOR_HITS_U) / (total + PRIOR_HITS_U / u));
    let shares: Vec<f64> = blended.collect();
    let sum: f64 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum).collect()
}

/// Random pairs on each level. In a small file some are one person; they say nothing about u.
fn stranger_counts(evidence: &TrainingEvidence, table: &WeightTable, base: &PerLevel) -> PerLevel {
    let mut counts: PerLevel = std::array::from_fn(|at| vec![0.0; base[at].len()]);
    for (pair, count) in evidence.random.iter() {
        let strangers = count * (1.0 - table.posterior(pair).0);
        for (comparison, counts) in Comparison::ALL.into_iter().zip(&mut counts) {
            let level = pair.level(comparison);
            if let Some(sum) = level.and_then(|level| counts.get_mut(level)) {
                *sum += strangers;
            }
        }
    }
    for label in evidence.labels.iter().filter(|label| !label.is_same) {
        for (comparison, counts) in Comparison::ALL.into_iter().zip(&mut counts) {
            let level = label.pair.level(comparison);
            if let Some(sum) = level.and_then(|level| counts.get_mut(level)) {
                // A judged pair was chosen because it is hard, so it stands for itself alone.
                *sum += label.weight;
            }
        }
    }
    counts
}

/// The share of pairs of different people that agree, and how many random pairs the figure is worth:
/// with variance V of the agreeing pairs of T, as many as u T²/V.
fn counted(coincidence: &Coincidence, matches: f64, expected: f64) -> Option<(f64, f64)> {
    let Coincidence { agreeing, compared, share } = *coincidence;
    let matches = matches * share;
    if compared <= matches || compared < 1.0 {
        return None;
    }
    let strangers = (agreeing - matches).max(0.0);
    let found = strangers / (compared - matches);
    let variance = agreeing + (MATCHES_ERROR * matches).powi(2);
    let typical = found.max(expected);
    Some((found, typical * compared * compared / variance.max(1.0)))
}

/// Sets the first share and scales the others so that all still add up to 1.
fn replace_best(shares: &mut [f64], best: f64) {
    if let [first, rest @ ..] = shares {
        let left = rest.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        *first = best;
        for share in rest {
            *share *= (1.0 - best) / left;
        }
    }
}
