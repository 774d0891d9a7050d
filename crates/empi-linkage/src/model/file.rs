//! The linkage model as a person writes it: TOML, parsed loosely, validated once as a whole.

use empi_model::{MatchWeight, Probability, Thresholds};
use serde::{Deserialize, Serialize};

use super::{EvidenceFloor, LevelParameters, Limits, LinkageModel, TermFrequency};
use crate::compare::Comparison;
use crate::names_table::NameShares;

/// The only format there is so far.
const FORMAT: u32 = 1;

/// How far the m or the u of a comparison may add up to something else than 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// What is wrong with a model file.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Not the TOML of a linkage model.
    #[error("the model file cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A part contradicts the rules.
    #[error("the model file is not valid: {0}")]
    Invalid(String),
    /// The model could not be written.
    #[error("the model cannot be written as TOML: {0}")]
    Write(#[from] toml::ser::Error),
}

/// A linkage model file, word by word. [`validate`](Self::validate) makes a [`LinkageModel`] of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkageModelFile {
    /// Version of the file format; 1.
    pub format: u32,
    /// The model's name.
    pub name: String,
    /// The model's version, raised with every change.
    pub version: u32,
    /// P(two random records are one person).
    pub prior_match_probability: f64,
    /// How many records the prior speaks of. Among fewer records a pair is more likely one person,
    /// among more less so, in proportion. Absent: the prior holds for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_records: Option<u32>,
    /// The two cut-offs, in bits.
    pub thresholds: ThresholdsPart,
    /// Term-frequency adjustment.
    pub term_frequency: TermFrequencyPart,
    /// The least evidence for an automatic link.
    pub evidence_floor: EvidenceFloorPart,
    /// What a shared household may add.
    pub household: HouseholdPart,
    /// Limits.
    pub limits: LimitsPart,
    /// What is known about sources.
    #[serde(default, skip_serializing_if = "SourcesPart::is_empty")]
    pub sources: SourcesPart,
    /// What the model was trained on, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingPart>,
    /// How the link threshold was chosen, if it was calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationPart>,
    /// The comparisons; each must stand here exactly once.
    pub comparison: Vec<ComparisonPart>,
}

/// The two cut-offs, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdsPart {
    /// At or above: linked.
    pub link: f64,
    /// At or above: reviewed by a person.
    pub review: f64,
}

/// See [`TermFrequency`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermFrequencyPart {
    /// Weight of the shipped table, in records.
    pub pseudo_count: f64,
    /// Largest adjustment of one name, in bits.
    pub adjustment_bits_max: f64,
    /// The chance that two random records share their given name; that of the shipped table unless
    /// training found another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_given_share: Option<f64>,
    /// The same for the family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_family_share: Option<f64>,
}

/// See [`EvidenceFloor`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFloorPart {
    /// Groups that must have been compared.
    pub groups_min: u32,
    /// Bits that the weights above zero must reach.
    pub bits_min: f64,
}

/// What a shared household may add.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HouseholdPart {
    /// Most that address, phone and e-mail add together, in bits.
    pub bits_max: f64,
}

/// See [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsPart {
    /// Most records of one block.
    pub block_records_max: u32,
    /// Most pairs per record of a file.
    #[serde(default = "default_pairs_per_record")]
    pub pairs_per_record_max: u32,
    /// Most candidates of one incoming record.
    pub candidates_max: u32,
    /// Most records of one person.
    pub person_records_max: u32,
    /// Most people who share a phone, an e-mail address, a national number or an identifier before the
    /// value is ignored. The largest families stay below, with the people who had a number before them.
    #[serde(default = "hub_people_max")]
    pub hub_people_max: u32,
    /// Most people who share one address, unit included. Large families and those who lived there before
    /// them stay below; care homes, shelters, dormitories and the hospital's own address do not.
    #[serde(default = "hub_address_people_max")]
    pub hub_address_people_max: u32,
}

const fn hub_people_max() -> u32 {
    20
}

const fn hub_address_people_max() -> u32 {
    60
}

/// What is known about sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcesPart {
    /// Sources that declare that each of their records is another person. Two records of such a source
    /// are never linked automatically, nor joined through records of other sources.
    #[serde(default)]
    pub distinct: Vec<String>,
}

impl SourcesPart {
    fn is_empty(&self) -> bool {
        self.distinct.is_empty()
    }
}

/// What holds for model files from before the limit.
const fn default_pairs_per_record() -> u32 {
    12
}

/// What a model was trained on. For people; scoring does not look at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingPart {
    /// Name and version of the model it started from.
    pub base: String,
    /// How many records there were.
    pub records: u64,
    /// How many candidate pairs were looked at.
    pub candidate_pairs: u64,
    /// How many matching pairs of the file are expected.
    pub expected_matches: f64,
    /// How many pairs people had judged.
    pub labelled_pairs: u64,
}

/// How a link threshold was chosen. For people; scoring does not look at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationPart {
    /// The share of false links that was asked for.
    pub target_false_link_rate: f64,
    /// Whether the records are enough to promise it.
    pub reached: bool,
    /// What the rate was estimated from.
    pub basis: String,
    /// How many pairs at or above the threshold it was estimated from.
    pub pairs: u64,
    /// The estimate.
    pub false_link_rate: f64,
    /// Its upper limit with a confidence of 95 %; none where the model itself was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_limit: Option<f64>,
    /// What the model's own probabilities say.
    pub model_implied_rate: f64,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonPart {
    /// Its name.
    pub name: String,
    /// Why training kept the m of the model it started from, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m_kept: Option<String>,
    /// Its levels, best first, all of them.
    pub levels: Vec<LevelPart>,
}

/// One level of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelPart {
    /// Its name.
    pub level: String,
    /// P(level | same person).
    pub m: f64,
    /// P(level | different persons).
    pub u: f64,
    /// How many pairs m was estimated from, where training estimated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m_pairs: Option<f64>,
    /// How many pairs u was estimated from, where training estimated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u_pairs: Option<f64>,
}

impl LevelPart {
    /// The level's name as it is now; files written before it was renamed keep working.
    fn current_name(&self) -> &str {
        match self.level.as_str() {
            "day_month_swapped" => "swapped",
            name => name,
        }
    }
}

impl TermFrequencyPart {
    fn averages(&self) -> Result<Option<NameShares>, ModelError> {
        let (Some(given), Some(family)) = (self.average_given_share, self.average_family_share)
        else {
            let both_missing =
                self.average_given_share.is_none() && self.average_family_share.is_none();
            require(both_missing, || {
                "term_frequency has the average share of one name and not of the other".to_owned()
            })?;
            return Ok(None);
        };
        Ok(Some(NameShares {
            given: probability("average_given_share", given)?.value(),
            family: probability("average_family_share", family)?.value(),
        }))
    }
}

impl LinkageModelFile {
    /// The file of the built-in model for patients in the United States.
    ///
    /// # Errors
    /// None in practice: a test parses the file that is compiled in.
    pub fn us_default() -> Result<Self, ModelError> {
        Self::parse(super::US_DEFAULT)
    }

    /// Reads a file without judging it.
    ///
    /// # Errors
    /// [`ModelError::Syntax`] names line and column.
    pub fn parse(toml: &str) -> Result<Self, ModelError> {
        Ok(toml::from_str(toml)?)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`ModelError::Write`], which a parsed file never gives.
    pub fn to_toml(&self) -> Result<String, ModelError> {
        super::write::to_toml(self)
    }

    /// Judges the file as a whole.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] names the first part that is missing, unknown or out of bounds.
    pub fn validate(&self) -> Result<LinkageModel, ModelError> {
        let Self { thresholds, term_frequency, evidence_floor, household, limits, .. } = self;
        require(self.format == FORMAT, || format!("format {} is not known, 1 is", self.format))?;
        require(is_plain(&self.name), || {
            "its name must be 1 to 64 letters, digits, '.', '-' or '_'".to_owned()
        })?;
        let finite =
            [thresholds.link, thresholds.review, household.bits_max, evidence_floor.bits_min];
        require(finite.iter().all(|bits| bits.is_finite()), || {
            "a weight is not finite".to_owned()
        })?;
        require(thresholds.review <= thresholds.link, || {
            "the review threshold is above the link threshold".to_owned()
        })?;
        require(household.bits_max >= 0.0, || "household.bits_max is below 0".to_owned())?;
        let positive = [term_frequency.pseudo_count, term_frequency.adjustment_bits_max];
        require(positive.iter().all(|value| *value >= 0.0 && value.is_finite()), || {
            "a value of term_frequency is below 0".to_owned()
        })?;
        let counts = [
            limits.block_records_max,
            limits.pairs_per_record_max,
            limits.candidates_max,
            limits.person_records_max,
            limits.hub_people_max,
            limits.hub_address_people_max,
        ];
        require(counts.iter().all(|count| *count >= 2), || "a limit is below 2".to_owned())?;
        let levels = Comparison::ALL.map(|comparison| self.levels_of(comparison));
        let mut checked = Vec::with_capacity(levels.len());
        for level in levels {
            checked.push(level?);
        }
        self.refuse_unknown_comparisons()?;
        let levels: [Vec<LevelParameters>; _] =
            checked.try_into().map_err(|_| invalid("a comparison is missing"))?;
        let prior = probability("prior_match_probability", self.prior_match_probability)?;
        Ok(LinkageModel {
            name: format!("{}/{}", self.name, self.version),
            prior,
            prior_weight: MatchWeight::from_prior(prior),
            prior_records: self.prior_records,
            thresholds: Thresholds {
                link: MatchWeight::from_bits(thresholds.link),
                review: MatchWeight::from_bits(thresholds.review),
            },
            term_frequency: TermFrequency {
                pseudo_count: term_frequency.pseudo_count,
                adjustment_bits_max: term_frequency.adjustment_bits_max,
                averages: term_frequency.averages()?,
            },
            evidence_floor: EvidenceFloor {
                groups_min: evidence_floor.groups_min,
                bits_min: evidence_floor.bits_min,
            },
            household_max: MatchWeight::from_bits(household.bits_max),
            limits: Limits {
                block_records_max: limits.block_records_max,
                pairs_per_record_max: limits.pairs_per_record_max,
                candidates_max: limits.candidates_max,
                person_records_max: limits.person_records_max,
                hub_people_max: limits.hub_people_max,
                hub_address_people_max: limits.hub_address_people_max,
            },
            largest: levels.each_ref().map(|levels| largest_from_each(levels)),
            levels,
            distinct_sources: self.sources.distinct.clone(),
            text: self.to_toml()?,
        })
    }

    /// The levels of one comparison, which must be exactly those the comparison has, in its order.
    fn levels_of(&self, comparison: Comparison) -> Result<Vec<LevelParameters>, ModelError> {
        let name = comparison.as_str();
        let mut parts = self.comparison.iter().filter(|part| part.name == name);
        let (Some(part), None) = (parts.next(), parts.next()) else {
            return Err(invalid(&format!("comparison `{name}` must stand in it exactly once")));
        };
        let names: Vec<&str> = part.levels.iter().map(LevelPart::current_name).collect();
        require(names == comparison.levels(), || {
            let expected = comparison.levels().join(", ");
            format!("the levels of `{name}` must be, in this order: {expected}")
        })?;
        for (letter, sum) in [
            ("m", part.levels.iter().map(|level| level.m).sum::<f64>()),
            ("u", part.levels.iter().map(|level| level.u).sum::<f64>()),
        ] {
            require((sum - 1.0).abs() <= SUM_TOLERANCE, || {
                format!("the {letter} of `{name}` add up to {sum:.6}, not to 1")
            })?;
        }
        let parameters = |level: &LevelPart| {
            let (m, u) = (probability(name, level.m)?, probability(name, level.u)?);
            Ok(LevelParameters { m, u, weight: MatchWeight::from_m_u(m, u) })
        };
        part.levels.iter().map(parameters).collect()
    }

    fn refuse_unknown_comparisons(&self) -> Result<(), ModelError> {
        let known = |name: &str| Comparison::ALL.iter().any(|it| it.as_str() == name);
        match self.comparison.iter().find(|part| !known(&part.name)) {
            Some(part) => Err(invalid(&format!("comparison `{}` is not known", part.name))),
            None => Ok(()),
        }
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

fn probability(name: &str, value: f64) -> Result<Probability, ModelError> {
    Probability::new(value).map_err(|error| invalid(&format!("in `{name}`, {error}")))
}

fn require(holds: bool, message: impl FnOnce() -> String) -> Result<(), ModelError> {
    if holds { Ok(()) } else { Err(ModelError::Invalid(message())) }
}

fn invalid(message: &str) -> ModelError {
    ModelError::Invalid(message.to_owned())
}

/// The largest weight from each level on, 0 if none is positive.
fn largest_from_each(levels: &[LevelParameters]) -> Vec<f64> {
    let weights = |from: usize| levels.iter().skip(from).map(|level| level.weight.bits());
    (0..levels.len()).map(|from| weights(from).fold(0.0, f64::max)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = include_str!("us-default.toml");

    #[test]
    fn a_written_model_reads_back() {
        let file = LinkageModelFile::parse(DEFAULT).unwrap();
        let again = LinkageModelFile::parse(&file.to_toml().unwrap()).unwrap();
        assert_eq!(again, file);
    }

    #[test]
    fn half_an_average_share_is_refused() {
        let half = DEFAULT.replace("pseudo_count", "average_given_share = 0.004\npseudo_count");
        let error = LinkageModel::parse(&half).unwrap_err();
        assert!(error.to_string().contains("average share of one name"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (good, bad, expected) in [
            ("format = 1", "format = 2", "format 2 is not known"),
            ("link = 7.0", "link = -10.0", "review threshold is above"),
            ("m = 0.985, u = 0.5", "m = 0.5, u = 0.5", "the m of `sex` add up to 0.515"),
            (
                "level = \"one_edit\", m = 0.08",
                "level = \"two_edits\", m = 0.08",
                "levels of `ssn`",
            ),
            (
                "prior_match_probability = 1e-6",
                "prior_match_probability = 0.0",
                "not a probability",
            ),
            ("name = \"email\"", "name = \"mail\"", "`email` must stand in it exactly once"),
            ("candidates_max = 2000", "candidates_max = 0", "a limit is below 2"),
            ("pseudo_count = 5000.0", "pseudo_counts = 1.0", "unknown field"),
        ] {
            assert!(DEFAULT.contains(good), "{good}");
            let error = LinkageModel::parse(&DEFAULT.replacen(good, bad, 1)).unwrap_err();
            assert!(error.to_string().contains(expected), "{bad}: {error}");
        }
    }
}
