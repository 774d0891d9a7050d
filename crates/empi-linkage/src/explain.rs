//! Explaining a score: the rows of the waterfall, which add up to the weight exactly as it was
//! computed.

use empi_model::{
    Evidence, ExplanationRow, Guard, LinkDecision, MatchWeight, NormalizedAddress, NormalizedName,
    NormalizedRecord, PatientText, ScoreExplanation,
};

use crate::compare::{Comparison, ComparisonVector, compare};
use crate::lexicon::Values;
use crate::model::LinkageModel;
use crate::row::CompareRow;
use crate::score::{Weighed, judge, weigh, weigh_levels};

/// One side of a pair to explain: the row that is compared and the record whose values are shown.
pub type ExplainedSide<'a> = (&'a CompareRow, &'a NormalizedRecord);

/// Scores a pair like [`score`](crate::score()) and tells how the weight came about.
#[must_use]
pub fn explain(
    model: &LinkageModel,
    values: &impl Values,
    (left_row, left): ExplainedSide<'_>,
    (right_row, right): ExplainedSide<'_>,
) -> ScoreExplanation {
    let shown = |comparison, _| {
        let (left, right) = (shown(comparison, left), shown(comparison, right));
        (left.is_some() || right.is_some()).then_some((left, right))
    };
    explained(model, values, left_row, right_row, shown)
}

/// Like [`explain`], without the values: the levels reached and what they are worth. Comparisons where
/// a side is missing are left out.
#[must_use]
pub fn explain_levels(
    model: &LinkageModel,
    values: &impl Values,
    left_row: &CompareRow,
    right_row: &CompareRow,
) -> ScoreExplanation {
    let shown = |_, level: Option<u8>| level.map(|_| (None, None));
    explained(model, values, left_row, right_row, shown)
}

/// What a pair is decided on, small enough to be kept with the decision: [`explain_again`] tells the whole
/// waterfall from it, whatever the records and the counts of names have become since.
#[must_use]
pub fn evidence(
    model: &LinkageModel,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> Evidence {
    let compared = compare(values, left, right);
    let weighed = weigh(model, values, &compared);
    Evidence {
        levels: compared.vector.packed(),
        records: values.record_count(),
        given_frequency: weighed.given_frequency,
        family_frequency: weighed.family_frequency,
    }
}

/// The waterfall of an earlier decision: the weights are those of `model`, which must be the one that
/// decided, the values those that the two records had. `guards` are what held a link back.
#[must_use]
pub fn explain_again(
    model: &LinkageModel,
    evidence: &Evidence,
    guards: Vec<Guard>,
    left: &NormalizedRecord,
    right: &NormalizedRecord,
) -> ScoreExplanation {
    let Evidence { levels, records, given_frequency, family_frequency } = *evidence;
    let vector = ComparisonVector::from_packed(levels);
    let weighed = weigh_levels(model, records, &vector, (given_frequency, family_frequency));
    let values = |comparison, _| {
        let (left, right) = (shown(comparison, left), shown(comparison, right));
        (left.is_some() || right.is_some()).then_some((left, right))
    };
    let thresholds = model.thresholds();
    let decision = match weighed.total {
        total if total < thresholds.review => LinkDecision::NonLink,
        total if total >= thresholds.link && guards.is_empty() => LinkDecision::Link,
        _ => LinkDecision::Review,
    };
    ScoreExplanation {
        rows: rows(model, records, &vector, &weighed, values),
        total: weighed.total,
        decision,
        guards,
        model: model.name().to_owned(),
    }
}

/// The values on both sides of a row.
type BothSides = (Option<PatientText>, Option<PatientText>);

/// Explains; `shown` gives the values of a comparison that reached a level, or leaves its row out.
fn explained(
    model: &LinkageModel,
    values: &impl Values,
    left_row: &CompareRow,
    right_row: &CompareRow,
    shown: impl Fn(Comparison, Option<u8>) -> Option<BothSides>,
) -> ScoreExplanation {
    let compared = compare(values, left_row, right_row);
    let weighed = weigh(model, values, &compared);
    let scored = judge(model, values, &compared, &weighed, left_row, right_row);
    ScoreExplanation {
        rows: rows(model, values.record_count(), &compared.vector, &weighed, shown),
        total: scored.weight,
        decision: scored.decision,
        guards: scored.guards.iter().collect(),
        model: model.name().to_owned(),
    }
}

/// The rows of the waterfall; `shown` as in [`explained`].
fn rows(
    model: &LinkageModel,
    records: u32,
    vector: &ComparisonVector,
    weighed: &Weighed,
    shown: impl Fn(Comparison, Option<u8>) -> Option<BothSides>,
) -> Vec<ExplanationRow> {
    let mut rows = vec![bare_row("prior", model.prior_weight(records))];
    rows.extend(Comparison::ALL.into_iter().filter_map(|comparison| {
        let level = vector.level(comparison);
        let (left, right) = shown(comparison, level)?;
        let parameters = model.level(comparison, level);
        Some(ExplanationRow {
            label: comparison.as_str().to_owned(),
            level: vector.level_name(comparison).to_owned(),
            left,
            right,
            m: parameters.map(|parameters| parameters.m),
            u: parameters.map(|parameters| parameters.u),
            weight: parameters.map_or(MatchWeight::ZERO, |parameters| parameters.weight),
        })
    }));
    let adjustments = [
        ("given_name term frequency", weighed.given_frequency),
        ("family_name term frequency", weighed.family_frequency),
        ("household cap", weighed.household),
    ];
    let adjusted = adjustments.into_iter().filter(|(_, weight)| *weight != MatchWeight::ZERO);
    rows.extend(adjusted.map(|(label, weight)| bare_row(label, weight)));
    rows
}

fn bare_row(label: &str, weight: MatchWeight) -> ExplanationRow {
    ExplanationRow {
        label: label.to_owned(),
        level: String::new(),
        left: None,
        right: None,
        m: None,
        u: None,
        weight,
    }
}

/// The values of a record that a comparison looks at, as one text; `None` when there are none.
fn shown(comparison: Comparison, record: &NormalizedRecord) -> Option<PatientText> {
    let text = match comparison {
        Comparison::Name => joined(record.names.iter().map(shown_name), " | "),
        Comparison::MiddleName => {
            let current = record.names.first().and_then(|name| name.middle.as_ref());
            joined(current.into_iter().map(exposed), "")
        }
        Comparison::Suffix => {
            record.suffix.map(|suffix| suffix.as_str().to_owned()).unwrap_or_default()
        }
        Comparison::BirthDate => record.birth_date.map(|date| date.to_iso()).unwrap_or_default(),
        Comparison::Sex => record.sex.map(|sex| sex.as_str().to_owned()).unwrap_or_default(),
        Comparison::Ssn => record.ssn.map(|ssn| ssn.to_digits()).unwrap_or_default(),
        Comparison::Address => joined(record.addresses.iter().map(shown_address), " | "),
        Comparison::Phone => {
            joined(record.phones.iter().map(|phone| phone.as_number().to_string()), " | ")
        }
        Comparison::Email => joined(record.emails.iter().map(exposed), " | "),
        Comparison::Identifier => {
            let shown = |identifier: &empi_model::NormalizedIdentifier| {
                format!("{}:{}", identifier.authority, identifier.value.expose())
            };
            joined(record.identifiers.iter().map(shown), " | ")
        }
        Comparison::MotherMaidenName => joined(record.mother_maiden_name.iter().map(exposed), ""),
    };
    PatientText::non_blank(&text)
}

fn exposed(text: &PatientText) -> String {
    text.expose().to_owned()
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

fn shown_name(name: &NormalizedName) -> String {
    let NormalizedName { given, middle: _, family } = name;
    joined([given, family].into_iter().flatten().map(exposed), " ")
}

fn shown_address(address: &NormalizedAddress) -> String {
    let NormalizedAddress { number, street, unit, city, state, postal_code } = address;
    let unit = unit.as_ref().map(|unit| PatientText::new(format!("# {}", unit.expose())));
    let line = joined([number, street, &unit].into_iter().flatten().map(exposed), " ");
    let place = joined([city, state, postal_code].into_iter().flatten().map(exposed), " ");
    joined([line, place].into_iter(), ", ")
}
