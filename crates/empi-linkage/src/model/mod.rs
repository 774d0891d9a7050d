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
    prior_records: Option<u32>,
    pub(crate) thresholds: Thresholds,
    pub(crate) term_frequency: TermFrequency,
    pub(crate) evidence_floor: EvidenceFloor,
    pub(crate) household_max: MatchWeight,
    pub(crate) limits: Limits,
    distinct_sources: Vec<String>,
    levels: [Vec<LevelParameters>; COMPARISON_COUNT],
    /// The largest weight of each comparison from each of its levels on, 0 if none is positive.
    largest: [Vec<f64>; COMPARISON_COUNT],
    /// The weight of `prior`.
    prior_weight: MatchWeight,
    /// The file that it was read from.
    text: String,
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
    /// Most pairs per record that a file may have to compare; above, its largest blocks are split.
    pub pairs_per_record_max: u32,
    /// Most candidates that are scored for one incoming record.
    pub candidates_max: u32,
    /// Most records of one person before a link becomes a review task.
    pub person_records_max: u32,
    /// Most people who share a phone, an e-mail address or a number before it is ignored as a hub.
    pub hub_people_max: u32,
    /// Most people who share an address before it is ignored as a hub.
    pub hub_address_people_max: u32,
}

/// Fewer records are a sample of something larger more often than a whole index: the prior does not rise
/// any more below so many.
pub(crate) const PRIOR_RECORDS_MIN: u32 = 1000;

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

    /// The file that it was read from, as [`LinkageModelFile::to_toml`] writes it: parsed again, it is the
    /// same model.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
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

    /// The chance that two random records among so many are one person.
    ///
    /// A record matches a few others, however many there are: the number of true pairs grows with the
    /// records, that of all pairs with their square, so λ falls in proportion. A model that does not say
    /// how many records it speaks of has one prior for any number.
    fn prior_of(&self, records: u32) -> Probability {
        self.prior_records.map_or(self.prior, |reference| {
            let scale = f64::from(reference) / f64::from(records.max(PRIOR_RECORDS_MIN));
            Probability::clamped(self.prior.value() * scale)
        })
    }

    /// The weight that every score among so many records begins with.
    #[must_use]
    pub fn prior_weight(&self, records: u32) -> MatchWeight {
        match self.prior_records {
            None => self.prior_weight,
            Some(_) => MatchWeight::from_prior(self.prior_of(records)),
        }
    }

    /// The same model with the prior of so many records for any number.
    #[must_use]
    pub fn with_record_count(mut self, records: usize) -> Self {
        self.prior = self.prior_of(u32::try_from(records).unwrap_or(u32::MAX));
        self.prior_records = None;
        self.prior_weight = MatchWeight::from_prior(self.prior);
        self
    }

    /// Whether a source declares that each of its records is another person.
    #[must_use]
    pub fn is_distinct_source(&self, source: &str) -> bool {
        self.distinct_sources.iter().any(|it| it == source)
    }

    /// The parameters of a comparison's levels, best level first.
    #[must_use]
    pub fn levels(&self, comparison: Comparison) -> &[LevelParameters] {
        &self.levels[comparison as usize]
    }

    /// The most bits that a comparison can add at a level or a worse one; 0 if all are negative.
    pub(crate) fn largest_bits_from(&self, comparison: Comparison, level: u8) -> f64 {
        let largest = self.largest[comparison as usize].get(usize::from(level));
        largest.copied().unwrap_or_default()
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

    #[test]
    fn the_prior_falls_as_records_grow() {
        let fitted =
            |records| LinkageModel::us_default().unwrap().with_record_count(records).prior();
        for (records, expected) in
            [(0, 5e-4), (1_000, 5e-4), (500_000, 1e-6), (5_000_000, 1e-7), (50_000_000, 1e-8)]
        {
            assert!((fitted(records).value() / expected - 1.0).abs() < 1e-9, "{records}");
        }
        let mut file = LinkageModelFile::us_default().unwrap();
        file.prior_records = None;
        let model = file.validate().unwrap().with_record_count(2000);
        assert!((model.prior().value() / 1e-6 - 1.0).abs() < 1e-9, "a prior for any number stays");
        // Fitted once: a file linked under the same model again gets the same prior.
        let again = LinkageModel::us_default().unwrap().with_record_count(2000);
        assert_eq!(again.clone().with_record_count(9000), again);
    }
}
