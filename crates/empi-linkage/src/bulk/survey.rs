//! Looking at every candidate pair to the end: how their weights are spread, and a random sample of pairs of every
//! weight, drawn so that each pair's chance of being in it is known.

use std::ops::Range;

use empi_model::{MatchWeight, Thresholds};
use rayon::prelude::*;

use super::frequencies::WeighedNames;
use super::{Blocked, Progress, WeightHistogram};
use crate::compare::compare;
use crate::evaluate::EvenSample;
use crate::guard::guards;
use crate::lexicon::Values;
use crate::score::weigh;

/// Below so many bits under the review threshold nobody moves a threshold to, so it is not asked whether a guard
/// would hold the pair back.
const GUARDED_BITS: f64 = 20.0;

/// Pairs of one range of weights.
#[derive(Clone, Debug, PartialEq)]
pub struct PairStratum {
    /// From this weight on, in bits; halves only, as histograms count. Negative infinity for the lowest.
    pub least_bits: f64,
    /// Below this weight; infinity for the highest.
    pub below_bits: f64,
    /// Whether it is of pairs that a guard holds back, or of the others; `None` for both.
    pub is_held: Option<bool>,
}

impl PairStratum {
    /// Whether a pair belongs to it.
    #[must_use]
    pub fn has(&self, weight: MatchWeight, is_held: bool) -> bool {
        let bits = weight.bits();
        bits >= self.least_bits
            && bits < self.below_bits
            && self.is_held.is_none_or(|wanted| wanted == is_held)
    }

    /// Every range of weights, without gaps: narrow around the thresholds, where answers are uncertain, and wide
    /// where they hardly are. What a guard holds back has ranges of its own from the link threshold on.
    #[must_use]
    pub fn around(thresholds: Thresholds) -> Vec<Self> {
        let half = |bits: f64| (bits * 2.0).round() / 2.0;
        let (review, link) = (half(thresholds.review.bits()), half(thresholds.link.bits()));
        let steps = [-20.0, -10.0, -4.0, 0.0].map(|below| review + below);
        let middle = half(f64::midpoint(review, link));
        let low = [f64::NEG_INFINITY].into_iter().chain(steps).chain([middle, link]);
        let low: Vec<f64> = low.collect();
        let stratum = |edges: &[f64], is_held| match edges {
            [least, below] if least < below => {
                Some(Self { least_bits: *least, below_bits: *below, is_held })
            }
            _ => None,
        };
        let mut strata: Vec<Self> =
            low.windows(2).filter_map(|edges| stratum(edges, None)).collect();
        let free = [link, link + 4.0, link + 10.0, link + 20.0, f64::INFINITY];
        strata.extend(free.windows(2).filter_map(|edges| stratum(edges, Some(false))));
        let held = [link, link + 10.0, f64::INFINITY];
        strata.extend(held.windows(2).filter_map(|edges| stratum(edges, Some(true))));
        strata
    }
}

/// A pair that was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrawnPair {
    /// The record with the smaller key, by its place in the order of keys.
    pub left: u32,
    /// The other record.
    pub right: u32,
    /// The weight of the pair.
    pub weight: MatchWeight,
    /// Whether a guard holds it back.
    pub is_held: bool,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyPlan {
    /// The ranges of weights, which a pair is in one of.
    pub strata: Vec<PairStratum>,
    /// Pairs that are drawn from each, or all where it has fewer.
    pub pairs_each: usize,
    /// Where chance comes from.
    pub seed: u64,
}

/// Every candidate pair, counted, and some drawn.
#[derive(Clone, Debug)]
pub struct PairSurvey {
    /// Pairs that nothing but their weight keeps from being linked.
    pub free: WeightHistogram,
    /// Pairs that a guard holds back, whatever they weigh. Far below the review threshold nothing is held back.
    pub held: WeightHistogram,
    /// What was drawn from each range of the plan; the number offered is how many pairs it has.
    pub drawn: Vec<EvenSample<DrawnPair>>,
}

impl PairSurvey {
    fn new(plan: &SurveyPlan) -> Self {
        let empty = || EvenSample::seeded(plan.pairs_each, plan.seed);
        Self {
            free: WeightHistogram::default(),
            held: WeightHistogram::default(),
            drawn: plan.strata.iter().map(|_| empty()).collect(),
        }
    }

    fn add(&mut self, strata: &[PairStratum], pair: DrawnPair) {
        let histogram = if pair.is_held { &mut self.held } else { &mut self.free };
        histogram.add(Some(pair.weight));
        let at = strata.iter().position(|stratum| stratum.has(pair.weight, pair.is_held));
        if let Some(drawn) = at.and_then(|at| self.drawn.get_mut(at)) {
            drawn.offer((pair.left, pair.right), pair);
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.free.merge(&other.free);
        self.held.merge(&other.held);
        for (own, more) in self.drawn.iter_mut().zip(other.drawn) {
            own.merge(more);
        }
        self
    }
}

impl Blocked {
    /// Weighs every candidate pair to the end, counts the weights and draws pairs. The same records, plan and model
    /// give the same survey.
    #[must_use]
    pub fn survey(&self, plan: &SurveyPlan, progress: &Progress) -> PairSurvey {
        let values = WeighedNames::new(&self.model, &self.lexicon);
        let units: Vec<Range<usize>> = self.blocks.units();
        let parts = units.into_par_iter().map(|unit| {
            let mut part = PairSurvey::new(plan);
            if progress.is_stopped() {
                return part;
            }
            let done = self.blocks.visit(unit, |pairs| {
                self.bring_near(pairs);
                for (left, right) in pairs {
                    if let Some(pair) = self.weigh_pair(&values, *left, *right) {
                        part.add(&plan.strata, pair);
                    }
                }
            });
            progress.add(done);
            part
        });
        parts.reduce(|| PairSurvey::new(plan), PairSurvey::merge)
    }

    /// Weighs the records at two sites in the order of their keys, as scoring does.
    fn weigh_pair(&self, values: &impl Values, one: u32, other: u32) -> Option<DrawnPair> {
        let (place, other_place) = (self.sites.place(one), self.sites.place(other));
        let (left, right) = (place.min(other_place), place.max(other_place));
        let (one, other) = (self.rows.get(one as usize)?, self.rows.get(other as usize)?);
        let (one, other) = if place == left { (one, other) } else { (other, one) };
        let compared = compare(values, one, other);
        let weighed = weigh(&self.model, values, &compared);
        let weight = weighed.total;
        let lowest = self.model.thresholds().review.bits() - GUARDED_BITS;
        let is_held = weight.bits() >= lowest
            && !guards(&self.model, values, &compared, one, other, weighed.positive_bits)
                .is_empty();
        Some(DrawnPair { left, right, weight, is_held })
    }

    /// For each record in the order in which they were added, its place in the order of keys.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_in_one_stratum() {
        let bits = MatchWeight::from_bits;
        for (review, link) in [(0.0, 7.0), (0.0, 7.3), (3.0, 3.0), (-2.0, 40.0)] {
            let strata = PairStratum::around(Thresholds { link: bits(link), review: bits(review) });
            for half in -200..200 {
                for is_held in [false, true] {
                    let weight = bits(f64::from(half) / 2.0);
                    let found = strata.iter().filter(|it| it.has(weight, is_held)).count();
                    assert_eq!(found, 1, "{weight:?} {is_held} of {review} and {link}");
                }
            }
        }
    }
}
