//! What becomes of single pairs: the scored ones by truth, and samples of the errors.

use empi_linkage::{
    CURVE_STEP_BITS, EvenSample, JudgedPair, MissedPairs, MissedReason, ScoredPair,
    split_missed_pairs,
};
use empi_model::LinkDecision;

use super::measure::Material;
use super::{ErrorSamples, KeyFigures, PairSample, TruthBin, rounded};

/// Most pairs of one kind in a sample.
const SAMPLE_MAX: usize = 20;

/// Missed pairs that are looked at one by one; beyond, an even sample.
const EXAMINED_MAX: u64 = 1_000_000;

impl Material<'_> {
    fn truth_of(&self, record: u32) -> Option<u32> {
        self.truth.get(record as usize).copied().flatten()
    }

    /// The scored pairs whose truth is known, with what the truth says.
    pub(super) fn judged(&self) -> impl Iterator<Item = (&ScoredPair, JudgedPair)> {
        self.pairs().iter().filter_map(|pair| {
            let (one, other) = (self.truth_of(pair.left)?, self.truth_of(pair.right)?);
            let is_held = pair.decision == LinkDecision::Review
                && (!pair.guards.is_empty() || pair.weight.bits() >= self.link_bits);
            Some((pair, JudgedPair { weight: pair.weight, is_held, is_true: one == other }))
        })
    }

    /// The scored pairs by weight and truth.
    pub(super) fn truth_bins(&self) -> Vec<TruthBin> {
        let mut bins: std::collections::BTreeMap<i32, [u64; 2]> = std::collections::BTreeMap::new();
        for (_, pair) in self.judged() {
            let bin = (pair.weight.bits() / CURVE_STEP_BITS).floor() as i32;
            let [true_pairs, false_pairs] = bins.entry(bin).or_default();
            *(if pair.is_true { true_pairs } else { false_pairs }) += 1;
        }
        bins.into_iter()
            .map(|(bin, [true_pairs, false_pairs])| TruthBin {
                from_bits: f64::from(bin) * CURVE_STEP_BITS,
                true_pairs,
                false_pairs,
            })
            .collect()
    }

    /// Why true pairs are missing, how many of them guards or clustering held back, and some of each
    /// kind of error.
    pub(super) fn errors(&self) -> (MissedPairs, u64, ErrorSamples) {
        let [mut blocking, mut scoring, mut held, mut false_links] =
            [(); 4].map(|()| EvenSample::new(SAMPLE_MAX));
        let missed = split_missed_pairs(
            self.persons,
            self.truth,
            &self.reviews,
            EXAMINED_MAX,
            |left, right| self.was_candidate(left, right),
            |left, right, reason| {
                let pair = (left, right);
                let scored = self.scored_pair(left, right);
                match reason {
                    _ if scored.is_some_and(|it| it.weight.bits() >= self.link_bits) => {
                        held.offer(pair, pair);
                    }
                    MissedReason::Blocking => blocking.offer(pair, pair),
                    MissedReason::Scoring => scoring.offer(pair, pair),
                    MissedReason::Review => {}
                }
            },
        );
        for (pair, judged) in self.judged() {
            if pair.decision == LinkDecision::Link && !judged.is_true {
                false_links.offer((pair.left, pair.right), (pair.left, pair.right));
            }
        }
        let held_back = held.offered();
        let samples = ErrorSamples {
            missed_by_blocking: self.samples(blocking),
            missed_by_scoring: self.samples(scoring),
            held_back: self.samples(held),
            false_links: self.samples(false_links),
        };
        (missed, held_back, samples)
    }

    /// The pairs of a sample with their keys, the heaviest first.
    fn samples(&self, pairs: EvenSample<(u32, u32)>) -> Vec<PairSample> {
        let mut samples: Vec<PairSample> = pairs.into_items().map(|it| self.sample(it)).collect();
        let weight = |sample: &PairSample| sample.match_weight.unwrap_or(f64::MIN);
        samples.sort_by(|one, other| {
            weight(other).total_cmp(&weight(one)).then(one.places.cmp(&other.places))
        });
        samples
    }

    fn sample(&self, (left, right): (u32, u32)) -> PairSample {
        let key = |place: u32| {
            let (source, record_id) = self.keys.parts(place as usize).unwrap_or_default();
            KeyFigures { source: source.to_owned(), record_id: record_id.to_owned() }
        };
        let scored = self.scored_pair(left, right);
        let explained = || self.linkage?.explain_pair((left, right), None);
        let weight = match scored {
            Some(pair) => Some(pair.weight),
            None => explained().map(|explained| explained.total),
        };
        PairSample {
            left: key(left),
            right: key(right),
            match_weight: weight.map(|weight| rounded(weight.bits())),
            guards: scored
                .map(|pair| pair.guards.iter().map(|guard| guard.as_str()).collect())
                .unwrap_or_default(),
            places: (left, right),
        }
    }
}
