//! Why a score is what it is, as data: the rows of the waterfall.

use crate::{Guard, LinkDecision, MatchWeight, PatientText, Probability};

/// One row of the waterfall: what was compared, which level it reached, and what that is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplanationRow {
    /// `prior`, the comparison's name, `NAME term frequency`, or `household cap`.
    pub label: String,
    /// The level reached, in words; empty for the prior.
    pub level: String,
    /// The value on the left or incoming side, where there is one.
    pub left: Option<PatientText>,
    /// The value on the right or candidate side, where there is one.
    pub right: Option<PatientText>,
    /// P(level | same person), where the row has one.
    pub m: Option<Probability>,
    /// P(level | different persons), where the row has one.
    pub u: Option<Probability>,
    /// What the row adds, in bits.
    pub weight: MatchWeight,
}

/// The whole score of a pair. The weights of the rows add up to the total.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreExplanation {
    /// The waterfall in order: prior, comparisons, adjustments.
    pub rows: Vec<ExplanationRow>,
    /// The sum of the rows.
    pub total: MatchWeight,
    /// What the model concludes, after the guards.
    pub decision: LinkDecision,
    /// The guards that held a link back.
    pub guards: Vec<Guard>,
    /// The model and its version.
    pub model: String,
}
