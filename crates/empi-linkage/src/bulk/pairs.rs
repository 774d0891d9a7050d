//! Scoring every candidate pair over all cores; only links and possible links are kept.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use empi_model::{LinkDecision, MatchWeight};
use rayon::prelude::*;

use super::frequencies::WeighedNames;
use super::near::bring_near;
use super::sieve::{Glances, Sieve};
use super::{Blocked, WeightHistogram};
use crate::guard::Guards;
use crate::lexicon::Values;
use crate::row::CompareRow;
use crate::score::{Scored, score_candidate};

/// How far scoring is; read from another thread to show progress.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// Pairs done so far, of [`Blocked::pairs_with_repeats`].
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Asks for an early end: what comes out then is a part, good for nothing but to be thrown away.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether an early end was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
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
        let values = WeighedNames::new(&self.model, &self.lexicon);
        let glances = Glances::new(&self.model, &self.lexicon, &values);
        let scored: Vec<(WeightHistogram, Vec<ScoredPair>)> = units
            .into_par_iter()
            .map(|unit| {
                let (mut histogram, mut kept) = (WeightHistogram::default(), Vec::new());
                if progress.is_stopped() {
                    return (histogram, kept);
                }
                let mut sieve = Sieve::new(&glances, &self.rows);
                let visited = self.blocks.visit_sifted(unit, &mut sieve, |pairs| {
                    self.bring_near(pairs);
                    for (left, right) in pairs {
                        let scored = self.score_pair(&values, *left, *right);
                        histogram.add(scored.map(|pair| pair.weight));
                        kept.extend(scored);
                    }
                });
                histogram.add_unweighed(visited.dismissed);
                progress.add(visited.with_repeats);
                (histogram, kept)
            })
            .collect();
        drop((glances, values));
        let mut histogram = WeightHistogram::default();
        let mut pairs = Vec::with_capacity(scored.iter().map(|(_, kept)| kept.len()).sum());
        for (part, kept) in scored {
            histogram.merge(&part);
            pairs.extend(kept);
        }
        ScoredPairs { blocked: self, pairs, candidate_pairs: histogram.total(), histogram }
    }

    /// Asks for what the scoring of some pairs will need first: both rows, and then their names.
    pub(super) fn bring_near(&self, pairs: &[(u32, u32)]) {
        let sites = || pairs.iter().flat_map(|(left, right)| [*left, *right]);
        let rows = || sites().filter_map(|site| self.rows.get(site as usize));
        bring_near(rows().map(|row| (row.birth_date, row.phone)));
        bring_near(sites().map(|site| self.sites.place(site)));
        let names = |row: &CompareRow| [row.name.given, row.name.family];
        bring_near(rows().flat_map(names).map(|name| self.lexicon.name(name).compact_hash));
    }

    /// Scores the records at two sites. They are compared in the order of their keys: sums depend on the
    /// order in their last digits.
    pub(super) fn score_pair(
        &self,
        values: &impl Values,
        one: u32,
        other: u32,
    ) -> Option<ScoredPair> {
        let (place, other_place) = (self.sites.place(one), self.sites.place(other));
        let (left, right) = (place.min(other_place), place.max(other_place));
        let (one, other) = (self.rows.get(one as usize)?, self.rows.get(other as usize)?);
        let (one, other) = if place == left { (one, other) } else { (other, one) };
        let scored = score_candidate(&self.model, values, one, other)?;
        let Scored { weight, decision, guards } = scored;
        Some(ScoredPair { left, right, weight, decision, guards })
    }
}
