//! Training: m, u and the prior fitted to one's own records, without knowing the truth.
//!
//! ```text
//! random pairs, value counts --estimate--> u ─┐
//! candidate pairs ------------EM-------------> m, prior
//! ```
//!
//! u and m depend on one another a little (random pairs may be one person, agreeing values too), so
//! the two steps alternate a few times. Every estimate starts from the model at hand, which counts
//! like a few observed pairs; where the data say next to nothing, it is kept and the result tells why.

mod calibration;
mod coincidence;
mod confined;
mod em;
mod evidence;
mod household;
mod interval;
mod order;

pub use calibration::{
    Basis, CONFIDENCE, Calibration, CalibrationEvidence, FalseLinks, HeldOutPair, REFERENCE_BITS,
    calibrate, held_out, model_implied,
};
pub use em::ITERATIONS_MAX;
pub use evidence::{
    Coincidence, Comparisons, LabelledPair, PairCounts, PairEvidence, TrainingEvidence,
};

use empi_model::Probability;

use crate::compare::{COMPARISON_COUNT, Comparison};
use crate::model::{LinkageModel, LinkageModelFile, PRIOR_RECORDS_MIN, TrainingPart};
use em::{Fit, Parameters, WeightTable};

/// How many pairs the model at hand counts for in the estimate of a comparison's m.
const PRIOR_PAIRS_M: f64 = 100.0;

/// How many matching pairs the model's prior counts for.
const PRIOR_MATCHES: f64 = 1.0;

/// Fewer expected matching pairs than these teach nothing: a comparison keeps its m, and a file with
/// fewer in all keeps the model.
pub const MATCHES_MIN: f64 = 20.0;

/// How often u and m are estimated in turn.
const ROUNDS: u32 = 3;

/// One number per level of each comparison.
type PerLevel = [Vec<f64>; COMPARISON_COUNT];

/// What training found.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The model file with the new m, u and prior, one version further.
    pub file: LinkageModelFile,
    /// How many iterations were needed.
    pub iterations: u32,
    /// Whether the estimates had come to rest.
    pub converged: bool,
    /// The expected number of matching pairs among the candidates.
    pub expected_matches: f64,
    /// How many candidate pairs it learnt from.
    pub candidate_pairs: u64,
}

/// Why a comparison keeps the m it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    NoMatches,
    NeverCompared,
    NotFree,
    TooFew,
    Implausible,
}

impl Kept {
    const fn reason(self) -> &'static str {
        match self {
            Self::NoMatches => "the file holds too few matching pairs",
            Self::NeverCompared => "no matching pair has it on both sides",
            Self::NotFree => "only blocking rules that use it found matching pairs",
            Self::TooFew => "too few matching pairs have it on both sides",
            Self::Implausible => "agreement would have spoken against a match",
        }
    }
}

/// Fits the model to the evidence.
///
/// The same evidence gives the same model to the last bit, in whatever order it was collected.
#[must_use]
pub fn train(
    model: &LinkageModel,
    base: &LinkageModelFile,
    evidence: &TrainingEvidence,
) -> Trained {
    let at_hand = Parameters {
        prior: model.prior().value(),
        m: levels_of(model, |it| it.m),
        u: levels_of(model, |it| it.u),
        household_prior: 0.0,
        household: std::array::from_fn(|_| Vec::new()),
    };
    let mut parameters = em::start(evidence, &at_hand);
    let at_hand = Parameters {
        household_prior: parameters.household_prior,
        household: parameters.household.clone(),
        ..at_hand
    };
    let mut matches_by_level = at_hand.m.clone().map(|levels| vec![0.0; levels.len()]);
    let (mut round, mut iterations) = (0, 0);
    let (fit, coincidences) = loop {
        round += 1;
        let table = WeightTable::new(&parameters);
        let found = coincidence::estimate(evidence, &table, &matches_by_level, &at_hand.u);
        parameters.u.clone_from(&found.u);
        let fit = em::fit(evidence, &at_hand, &parameters);
        iterations += fit.iterations;
        if round >= ROUNDS {
            break (fit, found);
        }
        parameters = fit.parameters;
        matches_by_level = fit.matches_by_level;
    };
    let kept = Comparison::ALL.map(|comparison| why_kept(&fit, comparison));
    let mut file = base.clone();
    file.name = format!("{}-trained", base.name.trim_end_matches("-trained"));
    file.version = base.version + 1;
    if fit.matches >= MATCHES_MIN {
        file.prior_match_probability = rounded(Probability::clamped(fit.parameters.prior).value());
        // Among more records it is smaller in proportion.
        file.prior_records = u32::try_from(evidence.records.max(PRIOR_RECORDS_MIN.into())).ok();
        if let Some([given, family]) = evidence.name_shares {
            file.term_frequency.average_given_share = Some(rounded(given));
            file.term_frequency.average_family_share = Some(rounded(family));
        }
    }
    file.training = Some(TrainingPart {
        base: model.name().to_owned(),
        records: evidence.records,
        candidate_pairs: evidence.candidate_pairs,
        expected_matches: fit.matches.round(),
        labelled_pairs: evidence.labels.len() as u64,
    });
    file.calibration = None;
    write_levels(&mut file, &fit, &coincidences.pairs, &kept);
    Trained {
        file,
        iterations,
        converged: fit.converged,
        expected_matches: fit.matches,
        candidate_pairs: evidence.candidate_pairs,
    }
}

fn levels_of(
    model: &LinkageModel,
    value: impl Fn(&crate::model::LevelParameters) -> Probability,
) -> PerLevel {
    Comparison::ALL.map(|it| model.levels(it).iter().map(|level| value(level).value()).collect())
}

/// Whether, and why, a comparison keeps the m of the model at hand.
fn why_kept(fit: &Fit, comparison: Comparison) -> Option<Kept> {
    let at = comparison as usize;
    let all: f64 = fit.matches_by_level[at].iter().sum();
    let free: f64 = fit.evidence[at].iter().sum();
    let best = |levels: &PerLevel| levels[at].first().copied().unwrap_or_default();
    if fit.matches < MATCHES_MIN {
        Some(Kept::NoMatches)
    } else if all < 1.0 {
        Some(Kept::NeverCompared)
    } else if free < MATCHES_MIN && all >= MATCHES_MIN {
        Some(Kept::NotFree)
    } else if free < MATCHES_MIN {
        Some(Kept::TooFew)
    } else if best(&fit.parameters.m) <= best(&fit.parameters.u) {
        Some(Kept::Implausible)
    } else {
        None
    }
}

fn write_levels(
    file: &mut LinkageModelFile,
    fit: &Fit,
    u_pairs: &PerLevel,
    kept: &[Option<Kept>; COMPARISON_COUNT],
) {
    for part in &mut file.comparison {
        let Some(at) = Comparison::ALL.into_iter().position(|it| it.as_str() == part.name) else {
            continue;
        };
        let kept = kept[at];
        part.m_kept = kept.map(|kept| kept.reason().to_owned());
        for (level, place) in part.levels.iter_mut().zip(0..) {
            let value = |levels: &PerLevel| levels[at].get(place).copied().unwrap_or_default();
            level.u_pairs = Some(value(u_pairs).round());
            level.m_pairs = None;
            if kept == Some(Kept::NoMatches) {
                level.u_pairs = None;
                continue;
            }
            level.u = rounded(value(&fit.parameters.u));
            if kept.is_none() {
                level.m = rounded(value(&fit.parameters.m));
                level.m_pairs = Some((value(&fit.evidence) * 10.0).round() / 10.0);
            }
        }
    }
}

/// Four digits: what the data can tell, and what a person can read. Never quite 0 or 1.
fn rounded(value: f64) -> f64 {
    let value = Probability::clamped(value).value();
    let scale = 10_f64.powi(3 - value.log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded < 1.0 { rounded } else { value }
}

#[cfg(test)]
mod tests;
