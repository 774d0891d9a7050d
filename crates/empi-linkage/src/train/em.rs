//! Expectation maximisation: m and the prior, given u.
//!
//! The likelihood is that of all pairs of the file, not of the candidates alone: u is the chance of a
//! level among all pairs of different people, so the prior must be the share of matches among all
//! pairs too. (With the share among the candidates in its place, every pair that agrees on anything
//! passes for a match.) Pairs that are no candidates agree on next to nothing and count as different
//! people.
//!
//! A comparison's m is taken only from pairs that a blocking rule without it found. Given that two
//! records are one person, such a rule says nothing about the comparison, whereas a rule that uses it
//! finds only pairs that agree on it. Taking each pair once, whichever of those rules found it, pools
//! the passes by their evidence. Where hardly any pair was found so, [`confined`](super::confined) knows
//! what else can be learnt.

use empi_model::{MatchWeight, Probability};

use super::confined::{FoundCounts, confined};
use super::evidence::{Comparisons, PairEvidence, TrainingEvidence};
use super::order::{make_monotone, ordered_levels};
use super::{PRIOR_MATCHES, PRIOR_PAIRS_M, PerLevel, household};
use crate::compare::Comparison;

/// Iterations after which training ends even if the estimates still move.
pub const ITERATIONS_MAX: u32 = 200;

/// Training ends when no m moves by more.
const CONVERGED: f64 = 1e-5;

/// In so many iterations at the start the m move only half the way, so that a first wrong guess of
/// the classes does not decide.
const DAMPED_ITERATIONS: u32 = 3;

/// Share of the matching pairs that agree on everything a deterministic rule asks for. Only the start
/// depends on it.
const DETERMINISTIC_RECALL: f64 = 0.6;

/// m, u and the prior.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    pub(super) prior: f64,
    pub(super) m: PerLevel,
    pub(super) u: PerLevel,
    /// Share of pairs of one household among all pairs.
    pub(super) household_prior: f64,
    /// P(level | two people of one household).
    pub(super) household: PerLevel,
}

/// What an EM run found.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    pub(super) parameters: Parameters,
    pub(super) iterations: u32,
    pub(super) converged: bool,
    /// Expected matching pairs of the file.
    pub(super) matches: f64,
    /// Expected matching pairs of the file on each level, by whatever rule they were found.
    pub(super) matches_by_level: PerLevel,
    /// Expected matching pairs looked at, on each level, that tell of m: found without the comparison's
    /// help, or on levels of which each would have been found.
    pub(super) evidence: PerLevel,
}

/// Weights by level against pairs of strangers, ready for summing.
pub(super) struct WeightTable {
    matching: ClassWeights,
    household: ClassWeights,
}

struct ClassWeights {
    prior_bits: f64,
    bits: PerLevel,
}

impl ClassWeights {
    fn new(prior: f64, shares: &PerLevel, u: &PerLevel) -> Self {
        let log_ratio = |(share, u): (&f64, &f64)| {
            let (share, u) = (Probability::clamped(*share), Probability::clamped(*u));
            MatchWeight::from_m_u(share, u).bits()
        };
        let bits = std::array::from_fn(|at| {
            let levels = shares[at].iter().zip(&u[at]);
            levels.map(log_ratio).collect()
        });
        Self { prior_bits: MatchWeight::from_prior(Probability::clamped(prior)).bits(), bits }
    }

    fn bits(&self, pair: PairEvidence) -> f64 {
        let mut total = self.prior_bits;
        for (comparison, levels) in Comparison::ALL.into_iter().zip(&self.bits) {
            total += pair.level(comparison).and_then(|it| levels.get(it)).copied().unwrap_or(0.0);
        }
        total
    }
}

impl WeightTable {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let Parameters { prior, m, u, household_prior, household } = parameters;
        Self {
            matching: ClassWeights::new(*prior, m, u),
            household: ClassWeights::new(*household_prior, household, u),
        }
    }

    /// P(one person) and P(two people of one household). Of strangers there is the rest.
    pub(super) fn posterior(&self, pair: PairEvidence) -> (f64, f64) {
        let matching = self.matching.bits(pair) + pair.frequency_bits();
        let household = self.household.bits(pair);
        let most = matching.max(household).max(0.0);
        let [matching, household, strangers] =
            [matching, household, 0.0].map(|bits| (bits - most).exp2());
        let total = matching + household + strangers;
        (matching / total, household / total)
    }
}

/// Fits m and the prior to the evidence. `base` is the model at hand; it counts like a few pairs.
pub(super) fn fit(evidence: &TrainingEvidence, base: &Parameters, start: &Parameters) -> Fit {
    let mut parameters = start.clone();
    let (mut iterations, mut converged) = (0, false);
    let confined = confined(evidence, &Parameters { prior: start.prior, ..base.clone() });
    let mut expected = Expected::of(evidence, &parameters, confined);
    while iterations < ITERATIONS_MAX && !converged {
        iterations += 1;
        let mut next = expected.maximised(evidence, base, &parameters);
        if iterations <= DAMPED_ITERATIONS {
            next.m = halfway(&parameters.m, &next.m);
        } else {
            converged = largest_move(&parameters.m, &next.m) < CONVERGED;
        }
        parameters = next;
        expected = Expected::of(evidence, &parameters, confined);
    }
    Fit {
        parameters,
        iterations,
        converged,
        matches: expected.matches,
        matches_by_level: expected.by_level,
        evidence: expected.evidence,
    }
}

/// Where EM starts: the prior from pairs that agree on what leaves no doubt.
pub(super) fn start(evidence: &TrainingEvidence, base: &Parameters) -> Parameters {
    let sure: f64 =
        evidence.candidates.iter().filter(|(pair, _)| is_deterministic(*pair)).map(|it| it.1).sum();
    let matches = sure * evidence.candidate_weight / DETERMINISTIC_RECALL;
    let prior = blended_prior(matches, evidence.record_pairs(), base.prior);
    let (household_prior, household) = household::start(&Parameters { prior, ..base.clone() });
    Parameters { prior, household_prior, household, ..base.clone() }
}

/// The national number or the whole name, the birth date, and one thing more.
fn is_deterministic(pair: PairEvidence) -> bool {
    let best = |comparison| pair.level(comparison) == Some(0);
    let more = [Comparison::Address, Comparison::Phone, Comparison::Email, Comparison::Identifier];
    let (name, birth) = (best(Comparison::Name), best(Comparison::BirthDate));
    match (name, birth, best(Comparison::Ssn)) {
        (true, _, true) | (_, true, true) => true,
        (true, true, false) => more.into_iter().any(best),
        _ => false,
    }
}

/// The share of pairs of a class among all pairs, the prior at hand counting for as many pairs as hold
/// [`PRIOR_MATCHES`] of them.
fn blended_prior(pairs: f64, record_pairs: f64, base: f64) -> f64 {
    ((pairs + PRIOR_MATCHES) / (record_pairs + PRIOR_MATCHES / base)).min(0.5)
}

/// Expected counts under some parameters.
struct Expected {
    matches: f64,
    by_level: PerLevel,
    free: PerLevel,
    /// Of comparisons with hardly a free pair, which these are.
    found: FoundCounts,
    confined: Comparisons,
    /// Pairs that tell of m, free or not.
    evidence: PerLevel,
    households: f64,
    household: PerLevel,
}

impl Expected {
    fn of(evidence: &TrainingEvidence, parameters: &Parameters, confined: Comparisons) -> Self {
        let table = WeightTable::new(parameters);
        let empty = || -> PerLevel { std::array::from_fn(|at| vec![0.0; parameters.m[at].len()]) };
        let mut expected = Self {
            matches: 0.0,
            by_level: empty(),
            free: empty(),
            found: FoundCounts::new(parameters),
            confined,
            evidence: empty(),
            households: 0.0,
            household: empty(),
        };
        for (pair, count) in evidence.candidates.iter() {
            let (matching, household) = table.posterior(pair);
            expected.add(pair, count * matching, evidence.candidate_weight);
            expected.add_household(pair, count * household, evidence.candidate_weight);
        }
        for label in evidence.labels.iter().filter(|label| label.is_same) {
            expected.add(label.pair, label.weight, 1.0);
        }
        expected
    }

    /// Counts `matches` pairs, each of which stands for `each` of the file.
    fn add(&mut self, pair: PairEvidence, matches: f64, each: f64) {
        self.matches += matches * each;
        for comparison in Comparison::ALL {
            let Some(level) = pair.level(comparison) else { continue };
            let at = comparison as usize;
            if let Some(sum) = self.by_level.get_mut(at).and_then(|it| it.get_mut(level)) {
                *sum += matches * each;
            }
            let is_free = pair.is_free(comparison);
            if is_free && let Some(sum) = self.free.get_mut(at).and_then(|it| it.get_mut(level)) {
                *sum += matches;
            }
            let is_found = !is_free
                && self.confined.contains(comparison)
                && self.found.add(comparison, pair, matches);
            if (is_free || is_found)
                && let Some(sum) = self.evidence.get_mut(at).and_then(|it| it.get_mut(level))
            {
                *sum += matches;
            }
        }
    }

    /// Counts pairs of one household.
    fn add_household(&mut self, pair: PairEvidence, pairs: f64, each: f64) {
        self.households += pairs * each;
        for (comparison, sums) in Comparison::ALL.into_iter().zip(&mut self.household) {
            let level = pair.level(comparison).filter(|_| household::is_learnt(comparison));
            if let Some(sum) = level.and_then(|level| sums.get_mut(level)) {
                *sum += pairs;
            }
        }
    }

    /// The parameters under which these counts are the likeliest, with the model at hand as Dirichlet
    /// prior.
    fn maximised(
        &self,
        evidence: &TrainingEvidence,
        base: &Parameters,
        current: &Parameters,
    ) -> Parameters {
        let u = &current.u;
        let of_counts = |counts: &PerLevel| blended(counts, &base.m, PRIOR_PAIRS_M);
        let mut m = self.found.fitted(&self.free, &current.m, of_counts);
        for ((comparison, m), u) in Comparison::ALL.into_iter().zip(&mut m).zip(u) {
            make_monotone(m, u, ordered_levels(comparison));
        }
        let prior = blended_prior(self.matches, evidence.record_pairs(), base.prior);
        let household_prior =
            blended_prior(self.households, evidence.record_pairs(), base.household_prior);
        let household = blended(&self.household, &base.household, PRIOR_PAIRS_M);
        Parameters { prior, m, u: u.clone(), household_prior, household }
    }
}

/// Shares from counts, with a Dirichlet prior worth `prior_pairs` pairs.
pub(super) fn blended(counts: &PerLevel, prior: &PerLevel, prior_pairs: f64) -> PerLevel {
    std::array::from_fn(|at| {
        let (counts, prior) = (&counts[at], &prior[at]);
        let total: f64 = counts.iter().sum::<f64>() + prior_pairs;
        let levels = counts.iter().zip(prior);
        levels.map(|(count, prior)| (count + prior_pairs * prior) / total).collect()
    })
}

fn halfway(from: &PerLevel, to: &PerLevel) -> PerLevel {
    std::array::from_fn(|at| {
        from[at].iter().zip(&to[at]).map(|(from, to)| f64::midpoint(*from, *to)).collect()
    })
}

pub(super) fn largest_move(one: &PerLevel, other: &PerLevel) -> f64 {
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}
