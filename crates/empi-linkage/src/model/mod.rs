//! The linkage model: what each agreement is worth, and where to draw the lines.
//!
//! ```text
//! LinkageModel
//! ├─ prior, thresholds, evidence floor, household cap, limits
//! └─ comparison (name, birth_date, ...)
//!    └─ level (exact, one_edit, ... different): m, u -> weight = log2(m/u) bits
//! ```
//!
//! A model is read from TOML ([`LinkageModelFile`]), validated as a whole and then never changes.

mod file;
mod write;

pub use file::{
    CalibrationPart, ComparisonPart, LevelPart, LinkageModelFile, ModelError, TrainingPart,
};

use empi_model::{MatchWeight, Probability, Thresholds};

use crate::compare::{COMPARISON_COUNT, Comparison};
use crate::names_table::NameShares;

/// A validated, immutable linkage model.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkageModel {
    name: String,
    pub(crate) prior: Probability,
    pub(crate) thresholds: Thresholds,
    pub(crate) term_frequency: TermFrequency,
    pub(crate) evidence_floor: EvidenceFloor,
    pub(crate) household_max: MatchWeight,
    pub(crate) limits: Limits,
    levels: [Vec<LevelParameters>; COMPARISON_COUNT],
}

/// m, u and the weight that follows from them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelParameters {
    /// P(level | same person).
    pub m: Probability,
    /// P(level | different persons).
    pub u: Probability,
    /// log2(m/u).
    pub weight: MatchWeight,
}

/// How much rarer names weigh more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TermFrequency {
    /// How many records the shipped frequency table counts for beside those of the index.
    pub pseudo_count: f64,
    /// Largest adjustment of one name, up or down, in bits.
    pub adjustment_bits_max: f64,
    /// The chance that two random people share a given name, and a family name, where training found
    /// it; else that of the shipped tables.
    pub averages: Option<NameShares>,
}

/// The least evidence for an automatic link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvidenceFloor {
    /// How many independent groups must have been compared.
    pub groups_min: u32,
    /// How many bits all weights above zero must reach together.
    pub bits_min: f64,
}

/// What bounds the work and says so when it bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most records of one block that are compared with one another.
    pub block_records_max: u32,
    /// Most candidates that are scored for one incoming record.
    pub candidates_max: u32,
    /// Most records of one person before a link becomes a review task.
    pub person_records_max: u32,
}

const US_DEFAULT: &str = include_str!("us-default.toml");

impl LinkageModel {
    /// The built-in model for patients in the United States.
    ///
    /// # Errors
    /// None in practice: a test parses the file that is compiled in.
    pub fn us_default() -> Result<Self, ModelError> {
        Self::parse(US_DEFAULT)
    }

    /// Reads and validates a model.
    ///
    /// # Errors
    /// [`ModelError`] names the part that is missing, unknown or out of bounds.
    pub fn parse(toml: &str) -> Result<Self, ModelError> {
        LinkageModelFile::parse(toml)?.validate()
    }

    /// Name and version, as they stand in every decision: `us-default/1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The two cut-offs.
    #[must_use]
    pub const fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The chance that two random records are one person.
    #[must_use]
    pub const fn prior(&self) -> Probability {
        self.prior
    }

    /// The least evidence for an automatic link.
    #[must_use]
    pub const fn evidence_floor(&self) -> EvidenceFloor {
        self.evidence_floor
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The same model with a lower floor, for a file whose columns cannot give more groups.
    #[must_use]
    pub fn with_evidence_groups(mut self, groups_min: u32) -> Self {
        self.evidence_floor.groups_min = groups_min.min(self.evidence_floor.groups_min);
        self
    }

    /// The parameters of a comparison's levels, best level first.
    #[must_use]
    pub fn levels(&self, comparison: Comparison) -> &[LevelParameters] {
        &self.levels[comparison as usize]
    }

    /// The parameters of one level; `None` for null.
    #[must_use]
    pub fn level(&self, comparison: Comparison, level: Option<u8>) -> Option<&LevelParameters> {
        self.levels(comparison).get(usize::from(level?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_is_valid_and_ordered() {
        let model = LinkageModel::us_default().unwrap();
        assert_eq!(model.name(), "us-default/1");
        for comparison in Comparison::ALL {
            let levels = model.levels(comparison);
            assert!(levels.iter().all(|level| level.weight.bits().is_finite()));
            let (best, worst) = (levels.first().unwrap(), levels.last().unwrap());
            assert!(best.weight > MatchWeight::ZERO, "{comparison:?}");
            assert!(worst.weight < MatchWeight::ZERO, "{comparison:?}");
        }
    }
}
