//! Scoring every candidate pair over all cores; only links and possible links are kept.

use std::sync::atomic::{AtomicU64, Ordering};

use empi_model::{LinkDecision, MatchWeight};
use rayon::prelude::*;

use super::{Blocked, WeightHistogram};
use crate::compare::compare;
use crate::guard::Guards;
use crate::model::LinkageModelFile;
use crate::score::{Scored, score_candidate};
use crate::train::{Trained, VectorCounts, train};

/// How far scoring is; read from another thread to show progress.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
}

impl Progress {
    /// Pairs done so far, of [`Blocked::pairs_with_repeats`].
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, pairs: u64) {
        self.done.fetch_add(pairs, Ordering::Relaxed);
    }
}

/// A pair of records at or above the review threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredPair {
    /// The record with the smaller key, by its place in the order of keys.
    pub left: u32,
    /// The other record.
    pub right: u32,
    /// The weight of the pair.
    pub weight: MatchWeight,
    /// Link or review.
    pub decision: LinkDecision,
    /// What holds a link back.
    pub guards: Guards,
}

/// Every candidate pair scored.
#[derive(Debug)]
pub struct ScoredPairs {
    pub(super) blocked: Blocked,
    pub(super) pairs: Vec<ScoredPair>,
    pub(super) candidate_pairs: u64,
    pub(super) histogram: WeightHistogram,
}

impl Blocked {
    /// Scores every candidate pair once.
    #[must_use]
    pub fn score(self, progress: &Progress) -> ScoredPairs {
        let units = self.blocks.units();
        let scored: Vec<(WeightHistogram, Vec<ScoredPair>)> = units
            .into_par_iter()
            .map(|unit| {
                let (mut histogram, mut kept) = (WeightHistogram::default(), Vec::new());
                let done = self.blocks.visit(unit, |left, right| {
                    let scored = self.score_pair(left, right);
                    histogram.add(scored.map(|pair| pair.weight));
                    kept.extend(scored);
                });
                progress.add(done);
                (histogram, kept)
            })
            .collect();
        let mut histogram = WeightHistogram::default();
        scored.iter().for_each(|(part, _)| histogram.merge(part));
        let pairs = scored.into_iter().flat_map(|(_, kept)| kept).collect();
        ScoredPairs { blocked: self, pairs, candidate_pairs: histogram.total(), histogram }
    }

    /// Scores the records at two sites. They are compared in the order of their keys: sums depend on the
    /// order in their last digits.
    fn score_pair(&self, one: u32, other: u32) -> Option<ScoredPair> {
        let (place, other_place) = (self.sites.place(one), self.sites.place(other));
        let (left, right) = (place.min(other_place), place.max(other_place));
        let (one, other) = (self.rows.get(one as usize)?, self.rows.get(other as usize)?);
        let (one, other) = if place == left { (one, other) } else { (other, one) };
        let scored = score_candidate(&self.model, &self.lexicon, one, other)?;
        let Scored { weight, decision, guards } = scored;
        Some(ScoredPair { left, right, weight, decision, guards })
    }
}

/// How many random pairs stand for all pairs of different people in training.
const RANDOM_PAIRS: u64 = 2_000_000;

impl Blocked {
    /// Trains the model on these records without truth; see [`train`](crate::train()).
    #[must_use]
    pub fn train(&self, base: &LinkageModelFile, progress: &Progress) -> Trained {
        let units = self.blocks.units();
        let candidates = merged(units.into_par_iter().map(|unit| {
            let mut counts = VectorCounts::new();
            let done =
                self.blocks.visit(unit, |left, right| self.count_vector(left, right, &mut counts));
            progress.add(done);
            counts
        }));
        let records = self.rows.len() as u64;
        let random = merged((0..RANDOM_PAIRS / 10_000).into_par_iter().map(|part| {
            let mut counts = VectorCounts::new();
            for at in part * 10_000..(part + 1) * 10_000 {
                let [left, right] = [2 * at, 2 * at + 1].map(|it| scattered(it) % records.max(1));
                if left != right {
                    let [left, right] = [left, right].map(|it| u32::try_from(it).unwrap_or(0));
                    self.count_vector(left.min(right), left.max(right), &mut counts);
                }
            }
            counts
        }));
        let record_pairs = records as f64 * (records as f64 - 1.0) / 2.0;
        train(&self.model, base, &candidates, &random, record_pairs)
    }

    fn count_vector(&self, left: u32, right: u32, counts: &mut VectorCounts) {
        let rows = (self.rows.get(left as usize), self.rows.get(right as usize));
        if let (Some(left), Some(right)) = rows {
            *counts.entry(compare(&self.lexicon, left, right).vector).or_default() += 1;
        }
    }
}

fn merged(parts: impl ParallelIterator<Item = VectorCounts>) -> VectorCounts {
    parts.reduce(VectorCounts::new, |one, other| {
        let (mut large, small) = if one.len() >= other.len() { (one, other) } else { (other, one) };
        for (vector, count) in small {
            *large.entry(vector).or_default() += count;
        }
        large
    })
}

/// The n-th of a fixed sequence that looks random (SplitMix64): training draws the same pairs in every
/// run.
const fn scattered(n: u64) -> u64 {
    let mut mixed = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
