//! `Patient/$merge`: one person is another, said by a client that has the role for it. The merge is a steward's: it
//! outranks scoring, is told as an event, and can be undone.

use empi_formats::fhir::{FhirIdentifier, IssueCode, OperationOutcome, Parameter, Parameters};
use empi_model::ReasonCode;
use empi_registry::{PersonView, Registry, StewardOperation, StewardRequest};

use super::answer::{Answer, Refusal};
use super::link::{allowed, id_of};
use super::person::{by_number, patient_with_links};
use super::request::Asked;
use crate::exchange::Exchange;

/// Merges the source into the target, or tells what that would give.
pub(super) fn merge(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    allowed(&asked.caller)?;
    let parameters: Parameters = serde_json::from_slice(&asked.body).map_err(|_| {
        Refusal::invalid(IssueCode::Structure, "the body must be a Parameters resource")
    })?;
    let target = one(exchange, registry, &parameters, "target-patient")?;
    let source = one(exchange, registry, &parameters, "source-patient")?;
    let (surviving, subsumed) = (target.person.enterprise_id, source.person.enterprise_id);
    let is_preview = parameters.named("preview").and_then(|it| it.value_boolean).unwrap_or(false);
    if surviving == subsumed {
        // Also where the same request came before.
        return answer(exchange, registry, &target, "the two are one Patient already");
    }
    let preview = StewardRequest {
        operation: StewardOperation::MergePersons { surviving, subsumed },
        actor: asked.caller.steward(),
        reason: ReasonCode::Other,
        note: "asked for by $merge".to_owned(),
        request_id: None,
        version_token: None,
        validate_only: true,
    };
    let seen = registry.steward(preview.clone())?;
    if is_preview {
        let sentence = "the Patients can be merged; nothing was changed";
        return answer(exchange, registry, &target, sentence);
    }
    registry.steward(StewardRequest {
        version_token: Some(seen.version_token),
        validate_only: false,
        ..preview
    })?;
    let merged = registry.person(surviving)?;
    answer(exchange, registry, &merged, "the Patients were merged")
}

/// The person that a parameter names, by a reference or by an identifier.
fn one(
    exchange: &Exchange,
    registry: &Registry,
    parameters: &Parameters,
    name: &str,
) -> Result<PersonView, Refusal> {
    let reference = parameters.named(name).and_then(|it| it.value_reference.as_ref());
    let identifier = parameters.named(&format!("{name}-identifier"));
    let identifier = identifier.and_then(|it| it.value_identifier.as_ref());
    match (reference, identifier) {
        (Some(reference), None) => Ok(registry.person(id_of(&reference.reference)?)?),
        (None, Some(FhirIdentifier { system: Some(system), value: Some(value), .. })) => {
            by_number(exchange, registry, (system, value), name)
        }
        _ => {
            let sentence = format!(
                "name one Patient: `{name}` as valueReference, or `{name}-identifier` with system and value"
            );
            Err(Refusal::invalid(IssueCode::Required, sentence))
        }
    }
}

fn answer(
    exchange: &Exchange,
    registry: &Registry,
    target: &PersonView,
    sentence: &str,
) -> Result<Answer, Refusal> {
    let outcome = OperationOutcome::information(sentence);
    let patient = patient_with_links(exchange, registry, target)?;
    Ok(Answer::ok(&Parameters::answer(vec![
        Parameter {
            name: "outcome".to_owned(),
            resource: serde_json::to_value(outcome).ok(),
            ..Parameter::default()
        },
        Parameter {
            name: "result".to_owned(),
            resource: serde_json::to_value(patient).ok(),
            ..Parameter::default()
        },
    ])))
}
