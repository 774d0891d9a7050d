//! Scoring every candidate pair over all cores; only links and possible links are kept.

use std::sync::atomic::{AtomicU64, Ordering};

use empi_model::{LinkDecision, MatchWeight};
use rayon::prelude::*;

use super::Blocked;
use crate::guard::Guards;
use crate::score::score;

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
}

impl Blocked {
    /// Scores every candidate pair once.
    #[must_use]
    pub fn score(self, progress: &Progress) -> ScoredPairs {
        let units = self.blocks.units();
        let scored: Vec<(u64, Vec<ScoredPair>)> = units
            .into_par_iter()
            .map(|unit| {
                let (mut candidates, mut kept) = (0, Vec::new());
                let done = self.blocks.visit(unit, |left, right| {
                    candidates += 1;
                    kept.extend(self.score_pair(left, right));
                });
                progress.add(done);
                (candidates, kept)
            })
            .collect();
        let candidate_pairs = scored.iter().map(|(candidates, _)| candidates).sum();
        let pairs = scored.into_iter().flat_map(|(_, kept)| kept).collect();
        ScoredPairs { blocked: self, pairs, candidate_pairs }
    }

    fn score_pair(&self, left: u32, right: u32) -> Option<ScoredPair> {
        let (one, other) = (self.rows.get(left as usize)?, self.rows.get(right as usize)?);
        let scored = score(&self.model, &self.lexicon, one, other);
        (scored.decision != LinkDecision::NonLink).then_some(ScoredPair {
            left,
            right,
            weight: scored.weight,
            decision: scored.decision,
            guards: scored.guards,
        })
    }
}
