//! `Patient/$match` (ITI-119): who a Patient may be, with a probability and a grade.

use axum::http::StatusCode;
use empi_formats::fhir::{Bundle, BundleKind, Entry, IssueCode, Parameters, Patient, record_of};
use empi_model::{MatchGrade, RecordKey, SourceRecord};
use empi_registry::{MatchCandidate, Registry};

use super::answer::{Answer, Refusal};
use super::person::patient_of_person;
use super::request::Asked;
use crate::exchange::Exchange;

/// What is answered with when the caller names no number.
const COUNT_DEFAULT: usize = 10;

/// What is asked of a match.
struct Wanted {
    patient: Patient,
    only_certain: bool,
    count: usize,
}

/// Answers a match. `count_max` bounds what may be asked for.
pub(super) fn matched(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
    count_max: usize,
) -> Result<Answer, Refusal> {
    let wanted = wanted(&asked.body, count_max)?;
    if !wanted.patient.modifier_extension.is_empty() {
        let sentence = "the Patient has a modifierExtension, and none is known here";
        return Err(Refusal::invalid(IssueCode::Extension, sentence));
    }
    let record = record_of(&wanted.patient, RecordKey::default(), &exchange.authorities);
    if record == SourceRecord::default() {
        let sentence =
            "the Patient says nothing to match by: send names, a birth date, identifiers";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::Required, sentence));
    }
    let mut candidates = registry.match_record(&record, count_max)?;
    if wanted.only_certain {
        candidates.retain(|candidate| candidate.grade == MatchGrade::Certain);
        // Several that are certain contradict each other.
        if candidates.len() > 1 {
            candidates.clear();
        }
    }
    candidates.truncate(wanted.count);
    let entries: Vec<Entry> = candidates
        .iter()
        .map(|candidate| entry(exchange, registry, asked, candidate))
        .collect::<Result<_, Refusal>>()?;
    Ok(Answer::ok(&Bundle::new(BundleKind::Searchset, Some(entries.len()), entries)))
}

fn entry(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
    candidate: &MatchCandidate,
) -> Result<Entry, Refusal> {
    let view = registry.person(candidate.enterprise_id)?;
    let patient = patient_of_person(&exchange.authorities, &view);
    let url = asked.url_of(&view.person.enterprise_id.to_string());
    let score = candidate.explanation.total.probability().value();
    Ok(Entry::matched(url, patient, score, candidate.grade))
}

/// Parameters with a Patient in them, or the Patient alone.
fn wanted(body: &[u8], count_max: usize) -> Result<Wanted, Refusal> {
    let not_read = |error: empi_formats::fhir::ReadPatientError| {
        Refusal::invalid(IssueCode::Structure, format!("what should be matched is {error}"))
    };
    let parameters = serde_json::from_slice::<Parameters>(strip_mark(body));
    let parameters = match parameters {
        Ok(parameters) if parameters.resource_type == "Parameters" => parameters,
        _ => {
            let patient = Patient::read(body).map_err(not_read)?;
            let count = COUNT_DEFAULT.min(count_max);
            return Ok(Wanted { patient, only_certain: false, count });
        }
    };
    let resource = parameters.named("resource").and_then(|parameter| parameter.resource.clone());
    let resource = resource.ok_or_else(|| {
        Refusal::invalid(IssueCode::Required, "the parameter `resource`, a Patient, is missing")
    })?;
    let count = match parameters.named("count").and_then(|parameter| parameter.value_integer) {
        None => COUNT_DEFAULT.min(count_max),
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| (1..=count_max).contains(count))
            .ok_or_else(|| {
                let sentence = format!("`count` must lie between 1 and {count_max}");
                Refusal::invalid(IssueCode::Value, sentence)
            })?,
    };
    let only_certain = parameters.named("onlyCertainMatches").and_then(|it| it.value_boolean);
    let patient = Patient::read_value(resource).map_err(not_read)?;
    Ok(Wanted { patient, only_certain: only_certain.unwrap_or(false), count })
}

fn strip_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}
