//! Calibration: how many links above a threshold are false, and the threshold for a rate one accepts.
//!
//! Two answers, told apart wherever they are shown:
//!
//! - **model-implied**: the mean of 1 - p over the links. As good as the model, whose comparisons are
//!   never quite independent; no limits can be given.
//! - **held-out number**: pairs that both have a whole national number (or else an identifier of one
//!   authority) are weighed as if they had none; then the number tells who is one person (the way of
//!   the US Census Bureau's CARRA 2014-02). Numbers also differ between records of one person, by
//!   typing errors; how often is read from the pairs of at least [`REFERENCE_BITS`], which are taken
//!   as one person. Among the uncertain pairs below, what differs more often than that is false.
//!
//! Limits are those of Clopper and Pearson, on the share that differs among the uncertain pairs from
//! above, and on the share among the certain ones from below, each with half of the allowed error, so
//! that the two together hold with [`CONFIDENCE`]. Records with many errors have more of them in the
//! number as well: this counts some true links as false and so errs on the safe side. No upper limit is
//! below that of as many pairs of which none was found false. What the method cannot see: two people who use one number, and pairs without numbers that differ in kind from
//! those with.

use empi_model::MatchWeight;

use super::interval::{lower_limit, upper_limit};
use crate::compare::Comparison;
use crate::model::{CalibrationPart, LinkageModelFile};

/// Pairs of at least so many bits without the number are taken as one person.
pub const REFERENCE_BITS: f64 = 20.0;

/// How sure the upper limit is.
pub const CONFIDENCE: f64 = 0.95;

/// With fewer certain pairs that have the number nothing is said from it.
const REFERENCE_PAIRS_MIN: u64 = 200;

/// Steps between the thresholds that are tried, in bits.
const STEP_BITS: f64 = 0.5;

/// Without held-out numbers, thresholds are looked for up to here.
const THRESHOLD_MAX: f64 = 40.0;

/// Where a rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A number that both records have, hidden while they were weighed.
    HeldOut(Comparison),
    /// The probabilities of the model itself.
    ModelImplied,
}

impl Basis {
    /// The name in model files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeldOut(Comparison::Ssn) => "held-out national number",
            Self::HeldOut(_) => "held-out identifier",
            Self::ModelImplied => "model-implied",
        }
    }
}

/// A pair weighed without its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOutPair {
    /// The weight without the number.
    pub weight: MatchWeight,
    /// Whether the numbers are two, and no typing error apart.
    pub differs: bool,
}

/// What the false-link rate is estimated from. Pairs that a guard holds back are no links and do not
/// belong here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalibrationEvidence {
    /// The weights of pairs as they are.
    pub weights: Vec<MatchWeight>,
    /// National numbers held out.
    pub numbers: Vec<HeldOutPair>,
    /// Identifiers held out.
    pub identifiers: Vec<HeldOutPair>,
}

/// How many links above a threshold are false.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FalseLinks {
    /// Pairs at or above the threshold.
    pub pairs: u64,
    /// The share of them that is false, as best estimated.
    pub rate: f64,
    /// Its upper limit, where one can be given.
    pub upper_limit: Option<f64>,
}

/// A threshold for a false-link rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// The rate asked for.
    pub target: f64,
    /// The lowest threshold that keeps to it.
    pub threshold: MatchWeight,
    /// Where the figures come from.
    pub basis: Basis,
    /// What they say at the threshold.
    pub held: FalseLinks,
    /// What the model itself says there.
    pub model_implied: FalseLinks,
    /// Whether the target is kept to. If not, the threshold is the strictest that was tried: there
    /// are too few pairs to promise more.
    pub is_reached: bool,
}

impl Calibration {
    /// Writes the threshold into a model file, with how it was found.
    pub fn apply(&self, file: &mut LinkageModelFile) {
        let rounded = |rate: f64| (rate * 1e8).round() / 1e8;
        file.thresholds.link = self.threshold.bits();
        file.calibration = Some(CalibrationPart {
            target_false_link_rate: self.target,
            reached: self.is_reached,
            basis: self.basis.as_str().to_owned(),
            pairs: self.held.pairs,
            false_link_rate: rounded(self.held.rate),
            upper_limit: self.held.upper_limit.map(rounded),
            model_implied_rate: rounded(self.model_implied.rate),
        });
    }
}

/// Model-implied false links at or above a threshold.
#[must_use]
pub fn model_implied(weights: &[MatchWeight], threshold: MatchWeight) -> FalseLinks {
    let above = weights.iter().filter(|weight| **weight >= threshold);
    let (mut pairs, mut wrong) = (0_u64, 0.0);
    for weight in above {
        pairs += 1;
        wrong += 1.0 - weight.probability().value();
    }
    FalseLinks { pairs, rate: wrong / (pairs.max(1) as f64), upper_limit: None }
}

/// False links at or above a threshold by held-out numbers; `None` where too few certain pairs have
/// one.
#[must_use]
pub fn held_out(pairs: &[HeldOutPair], threshold: MatchWeight) -> Option<FalseLinks> {
    let reference = MatchWeight::from_bits(REFERENCE_BITS);
    let differing = |least: MatchWeight, below: MatchWeight| {
        let inside = pairs.iter().filter(|it| it.weight >= least && it.weight < below);
        inside.fold((0_u64, 0_u64), |(hits, count), it| (hits + u64::from(it.differs), count + 1))
    };
    let top = MatchWeight::from_bits(f64::INFINITY);
    let (sure_differing, sure) = differing(reference, top);
    if sure < REFERENCE_PAIRS_MIN {
        return None;
    }
    let (unsure_differing, unsure) = differing(threshold, reference);
    let above = pairs.iter().filter(|it| it.weight >= threshold).count() as u64;
    let error = (1.0 - CONFIDENCE) / 2.0;
    // With the share f false and the share d of true pairs differing, f + (1 - f) d differ in all.
    let wrong = |seen: f64, usual: f64| ((seen - usual) / (1.0 - usual)).clamp(0.0, 1.0);
    let estimate = if unsure == 0 {
        0.0
    } else {
        wrong(unsure_differing as f64 / unsure as f64, sure_differing as f64 / sure as f64)
    };
    let upper = if unsure == 0 {
        0.0
    } else {
        let usual = lower_limit(sure_differing, sure, error).min(1.0 - 1e-9);
        wrong(upper_limit(unsure_differing, unsure, error), usual)
    };
    let share = unsure as f64 / above.max(1) as f64;
    // So few pairs promise no less, even if every one of them had been looked at and found right.
    let least = upper_limit(0, above, 1.0 - CONFIDENCE);
    let upper_limit = Some((upper * share).max(least));
    Some(FalseLinks { pairs: above, rate: estimate * share, upper_limit })
}

/// The lowest threshold, not below `lowest`, at and above which the false-link rate keeps to the target:
/// by the upper limit from held-out numbers where there are enough, and by the model's own
/// probabilities in any case. The model alone may raise the threshold above `usual`, never lower it.
#[must_use]
pub fn calibrate(
    evidence: &CalibrationEvidence,
    target: f64,
    lowest: MatchWeight,
    usual: MatchWeight,
) -> Calibration {
    let by_number =
        [(Comparison::Ssn, &evidence.numbers), (Comparison::Identifier, &evidence.identifiers)]
            .into_iter()
            .find(|(_, pairs)| held_out(pairs, usual).is_some());
    let (basis, floor) = match by_number {
        Some((comparison, _)) => (Basis::HeldOut(comparison), lowest),
        None => (Basis::ModelImplied, higher(usual, lowest)),
    };
    let at = |threshold: MatchWeight| {
        let implied = model_implied(&evidence.weights, threshold);
        let held = by_number.and_then(|(_, pairs)| held_out(pairs, threshold)).unwrap_or(implied);
        (held, implied)
    };
    let keeps = |(held, implied): &(FalseLinks, FalseLinks)| {
        held.upper_limit.unwrap_or(held.rate) <= target && implied.rate <= target
    };
    let strictest = match basis {
        Basis::HeldOut(_) => REFERENCE_BITS,
        Basis::ModelImplied => THRESHOLD_MAX,
    };
    // From above, so that every threshold above the one found keeps to the target too.
    let mut threshold = higher(MatchWeight::from_bits(strictest), floor);
    let is_reached = keeps(&at(threshold));
    loop {
        let lower = MatchWeight::from_bits(threshold.bits() - STEP_BITS);
        if !is_reached || lower < floor || !keeps(&at(lower)) {
            break;
        }
        threshold = lower;
    }
    let (held, model_implied) = at(threshold);
    Calibration { target, threshold, basis, held, model_implied, is_reached }
}

fn higher(one: MatchWeight, other: MatchWeight) -> MatchWeight {
    if one < other { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bits: f64) -> MatchWeight {
        MatchWeight::from_bits(bits)
    }

    /// `count` pairs of one weight of which every `every`-th differs.
    fn pairs(weight: f64, count: usize, every: usize) -> Vec<HeldOutPair> {
        let differs = |at: usize| every > 0 && at.is_multiple_of(every);
        (0..count).map(|at| HeldOutPair { weight: bits(weight), differs: differs(at) }).collect()
    }

    #[test]
    fn numbers_that_differ_by_typing_errors_alone_are_no_false_links() {
        let mut all = pairs(30.0, 10_000, 10);
        all.extend(pairs(12.0, 1_000, 10));
        let found = held_out(&all, bits(10.0)).unwrap();
        assert_eq!(found.pairs, 11_000);
        assert!(found.rate < 1e-9, "{found:?}");
        let upper = found.upper_limit.unwrap();
        assert!((0.001..0.005).contains(&upper), "{upper}");
    }

    #[test]
    fn numbers_that_differ_more_often_tell_of_false_links() {
        let mut all = pairs(30.0, 10_000, 10);
        // Half of these differ: (0.5 - 0.1) / 0.9 of them are two people.
        all.extend(pairs(12.0, 1_000, 2));
        let found = held_out(&all, bits(10.0)).unwrap();
        assert!((found.rate - 0.4 / 0.9 / 11.0).abs() < 1e-6, "{found:?}");
        assert!(found.upper_limit.unwrap() > found.rate);
        assert!(held_out(&pairs(30.0, 100, 10), bits(10.0)).is_none(), "too few certain pairs");
    }

    #[test]
    fn the_threshold_rises_until_the_upper_limit_keeps_to_the_target() {
        let mut numbers = pairs(30.0, 20_000, 10);
        numbers.extend(pairs(15.0, 400, 10));
        numbers.extend(pairs(8.0, 400, 1));
        let weights = numbers.iter().map(|it| it.weight).collect();
        let evidence = CalibrationEvidence { weights, numbers, identifiers: Vec::new() };
        let found = calibrate(&evidence, 0.005, bits(0.0), bits(10.0));
        assert_eq!(found.basis, Basis::HeldOut(Comparison::Ssn));
        assert!(found.threshold > bits(8.0) && found.threshold <= bits(9.0), "{found:?}");
        assert!(found.held.upper_limit.unwrap() <= 0.005);
        assert!(found.is_reached);
        let strict = calibrate(&evidence, 1e-5, bits(0.0), bits(10.0));
        assert_eq!((strict.threshold, strict.is_reached), (bits(REFERENCE_BITS), false));
        assert!(strict.held.upper_limit.unwrap() > 1e-4, "20,000 pairs promise no more");
    }

    #[test]
    fn without_numbers_the_model_itself_is_asked_and_never_lowers_the_threshold() {
        let weights = [vec![bits(9.9); 50], vec![bits(11.0); 50], vec![bits(20.0); 50]].concat();
        let evidence = CalibrationEvidence { weights, ..CalibrationEvidence::default() };
        let loose = calibrate(&evidence, 0.01, bits(0.0), bits(10.0));
        assert_eq!((loose.basis, loose.threshold), (Basis::ModelImplied, bits(10.0)));
        assert_eq!(loose.held.upper_limit, None);
        let strict = calibrate(&evidence, 1e-5, bits(0.0), bits(10.0));
        assert!(strict.threshold > bits(11.0), "{strict:?}");
    }
}
