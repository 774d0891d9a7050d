//! Scoring a pair: prior plus the weight of every comparison, adjusted for rare and common names and
//! capped for what a household shares; then the decision.
//!
//! ```text
//! weight = log2(λ/(1-λ)) + Σ log2(m/u) + Σ log2(average share / share of the agreed name) - excess
//! ```

use empi_model::{LinkDecision, MatchWeight};

use crate::compare::{
    AgreedNames, COMPARISON_COUNT, Compared, Comparison, ComparisonVector, compare, compare_while,
};
use crate::guard::{Guards, guards, has_exact_ssn, is_one_name, refuted};
use crate::lexicon::{NameRole, Values};
use crate::model::{LinkageModel, TermFrequency};
use crate::names_table::average_shares;
use crate::row::{CompareRow, NameId};

/// The least share that a name outside the table is given before the index has counted it.
const UNLISTED_SHARE: f64 = 1e-6;

/// How much of the term-frequency adjustment counts for a mistyped name (Splink's
/// `tf_adjustment_weight` for fuzzy levels).
const CLOSE_SHARE: f64 = 0.5;

/// A pair weighed and judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The whole weight.
    pub weight: MatchWeight,
    /// Link, review or neither, after the guards.
    pub decision: LinkDecision,
    /// What held a link back, or would have. Empty below the review threshold.
    pub guards: Guards,
}

/// Compares, weighs and judges two records. Symmetric up to the rounding of sums.
#[must_use]
pub fn score(
    model: &LinkageModel,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> Scored {
    let compared = compare(values, left, right);
    let weighed = weigh(model, values, &compared);
    judge(model, values, &compared, &weighed, left, right)
}

/// Like [`score`], but gives up as soon as the pair cannot reach the review threshold any more: `None`
/// then, and most candidate pairs end so after a few comparisons. What is scored to the end is scored
/// alike to the last bit.
pub(crate) fn score_candidate(
    model: &LinkageModel,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> Option<Scored> {
    let compared = compare_reaching(model, values, left, right, model.thresholds().review)?;
    let weighed = weigh(model, values, &compared);
    let scored = judge(model, values, &compared, &weighed, left, right);
    (scored.decision != LinkDecision::NonLink).then_some(scored)
}

/// Compares two records as [`compare`] does, unless it shows on the way that their weight cannot reach
/// `least`: `None` then. A pair that is compared to the end may still stay below.
pub(crate) fn compare_reaching(
    model: &LinkageModel,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
    least: MatchWeight,
) -> Option<Compared> {
    let mut reach = Reach::new(model, values.record_count(), left, right);
    compare_while(values, left, right, |made, compared| {
        reach.take(made, compared);
        reach.bits >= least.bits()
    })
}

/// The highest weight that a pair can still reach while it is being compared. It holds once the cheap
/// comparisons are taken in; for the costly ones it counts on the best that a glance allows.
#[derive(Clone, Copy, Debug)]
struct Reach<'a> {
    model: &'a LinkageModel,
    bits: f64,
    /// What is counted on for each comparison that is not made yet.
    counted_on: [f64; COMPARISON_COUNT],
}

/// Sums in another order may differ in the last digits; a pair so near the threshold is scored to the
/// end.
const REACH_TOLERANCE_BITS: f64 = 1e-6;

impl<'a> Reach<'a> {
    fn new(model: &'a LinkageModel, records: u32, left: &CompareRow, right: &CompareRow) -> Self {
        // Names may be as rare as can be.
        let names_bits = 2.0 * model.term_frequency.adjustment_bits_max;
        let mut bits = model.prior_weight(records).bits() + names_bits + REACH_TOLERANCE_BITS;
        let mut counted_on = [0.0; COMPARISON_COUNT];
        for comparison in Comparison::COSTLY {
            if let Some(level) = comparison.best_level(left, right) {
                let best = model.largest_bits_from(comparison, level);
                counted_on[comparison as usize] = best;
                bits += best;
            }
        }
        Self { model, bits, counted_on }
    }

    /// Puts the outcome of comparisons in the place of what was counted on.
    fn take(&mut self, made: &[Comparison], compared: &Compared) {
        for comparison in made {
            let level = compared.vector.level(*comparison);
            let reached = self.model.level(*comparison, level).map_or(0.0, |it| it.weight.bits());
            self.bits += reached - self.counted_on[*comparison as usize];
        }
        if made == [Comparison::Name] {
            let AgreedNames { given, family, given_close, family_close } = compared.agreed;
            // Only names that agree are adjusted by their frequency, mistyped ones by half of it.
            let share = |is_equal: bool, is_close: bool| match (is_equal, is_close) {
                (true, _) => 1.0,
                (false, true) => CLOSE_SHARE,
                (false, false) => 0.0,
            };
            let adjusted = share(given.is_some(), given_close.is_some())
                + share(family.is_some(), family_close.is_some());
            self.bits -= (2.0 - adjusted) * self.model.term_frequency.adjustment_bits_max;
        }
    }
}

/// A pair across two groups that may become one person.
pub(crate) struct Crossed {
    pub(crate) weight: MatchWeight,
    /// What in this pair speaks of two different people, whatever its weight.
    pub(crate) conflicts: Guards,
    /// Conflicts of other pairs that this pair shows to be a slip of the pen.
    pub(crate) refuted: Guards,
    /// Whether the two records carry one given and family name, or one whole national number.
    pub(crate) one_person: bool,
}

/// Scores a pair for what it says about joining the groups of the two records.
pub(crate) fn score_across(
    model: &LinkageModel,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> Crossed {
    let compared = compare(values, left, right);
    let weighed = weigh(model, values, &compared);
    let guards = guards(model, values, &compared, left, right, weighed.positive_bits);
    Crossed {
        weight: weighed.total,
        conflicts: guards.conflicts(),
        refuted: refuted(values, &compared.vector, left, right),
        one_person: is_one_name(values, &compared.vector, left, right)
            || has_exact_ssn(&compared.vector),
    }
}

/// Draws the conclusion from a weighed pair.
pub(crate) fn judge(
    model: &LinkageModel,
    values: &impl Values,
    compared: &Compared,
    weighed: &Weighed,
    left: &CompareRow,
    right: &CompareRow,
) -> Scored {
    let weight = weighed.total;
    let thresholds = model.thresholds();
    if weight < thresholds.review {
        return Scored { weight, decision: LinkDecision::NonLink, guards: Guards::NONE };
    }
    let guards = guards(model, values, compared, left, right, weighed.positive_bits);
    let decision = if weight >= thresholds.link && guards.is_empty() {
        LinkDecision::Link
    } else {
        LinkDecision::Review
    };
    Scored { weight, decision, guards }
}

/// The parts of a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighed {
    /// Prior, comparisons and adjustments together.
    pub(crate) total: MatchWeight,
    /// Adjustment for the agreed given name.
    pub(crate) given_frequency: MatchWeight,
    /// Adjustment for the agreed family name.
    pub(crate) family_frequency: MatchWeight,
    /// What address, phone and e-mail give beyond the household cap; zero or below.
    pub(crate) household: MatchWeight,
    /// Sum of all weights above zero, the prior apart.
    pub(crate) positive_bits: f64,
}

/// Adds up the weights of a compared pair.
pub(crate) fn weigh(model: &LinkageModel, values: &impl Values, compared: &Compared) -> Weighed {
    let frequencies = name_frequencies(model, values, compared.agreed);
    weigh_levels(model, values.record_count(), &compared.vector, frequencies)
}

/// Adds up what levels weigh among so many records, and the adjustments for the given and family name.
pub(crate) fn weigh_levels(
    model: &LinkageModel,
    records: u32,
    vector: &ComparisonVector,
    (given_frequency, family_frequency): (MatchWeight, MatchWeight),
) -> Weighed {
    let mut total = model.prior_weight(records);
    let mut positive_bits = 0.0;
    let mut household_bits = 0.0;
    for comparison in Comparison::ALL {
        let level = vector.level(comparison);
        let Some(parameters) = model.level(comparison, level) else { continue };
        total += parameters.weight;
        let positive = parameters.weight.bits().max(0.0);
        positive_bits += positive;
        if is_household(comparison) {
            household_bits += positive;
        }
    }
    let excess = (household_bits - model.household_max.bits()).max(0.0);
    let household = MatchWeight::from_bits(-excess);
    total += given_frequency + family_frequency + household;
    positive_bits += given_frequency.bits() + family_frequency.bits() - excess;
    Weighed { total, given_frequency, family_frequency, household, positive_bits }
}

/// What people of one household share, and what is therefore one piece of evidence and not three.
pub(crate) const fn is_household(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Address | Comparison::Phone | Comparison::Email)
}

/// Term-frequency adjustments of the agreed given and family name.
fn name_frequencies(
    model: &LinkageModel,
    values: &impl Values,
    agreed: AgreedNames,
) -> (MatchWeight, MatchWeight) {
    let weight = |role: NameRole, same: Option<NameId>, close_pair: Option<(NameId, NameId)>| {
        let of = |id| values.frequency(model, id, role);
        // A mistyped name agrees with fewer records than its level says where even the commoner of the two
        // is rare, and with more where that is common; by how much is uncertain, so half counts.
        let close = |(one, other): (NameId, NameId)| {
            MatchWeight::from_bits(CLOSE_SHARE * of(one).bits().min(of(other).bits()))
        };
        same.map(of).or_else(|| close_pair.map(close)).unwrap_or_default()
    };
    let AgreedNames { given, family, given_close, family_close } = agreed;
    (weight(NameRole::Given, given, given_close), weight(NameRole::Family, family, family_close))
}

/// Term-frequency adjustment of one name (Winkler 1989; in Splink's form): log2(average share / share of
/// this name), where the share blends the index's own counts with the shipped table, which counts for
/// `pseudo_count` records.
pub(crate) fn name_frequency(
    model: &LinkageModel,
    values: &impl Values,
    id: NameId,
    role: NameRole,
) -> MatchWeight {
    let frequency = model.term_frequency;
    let averages = frequency.averages.unwrap_or_else(average_shares);
    let name = values.name(id);
    let (average, table, count) = match role {
        NameRole::Given => (averages.given, name.shares.given, name.given_count),
        NameRole::Family => (averages.family, name.shares.family, name.family_count),
    };
    let share = name_share(frequency, values.record_count(), table, count);
    let bits = (average / share.max(f64::MIN_POSITIVE)).log2();
    let bits_max = frequency.adjustment_bits_max;
    MatchWeight::from_bits(bits.clamp(-bits_max, bits_max))
}

/// The share of people who bear a name: the index's own count blended with the shipped table.
pub(crate) fn name_share(
    frequency: TermFrequency,
    records: u32,
    table_share: f64,
    count: u32,
) -> f64 {
    let counted = f64::from(count) + frequency.pseudo_count * table_share.max(UNLISTED_SHARE);
    counted / (f64::from(records) + frequency.pseudo_count)
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
