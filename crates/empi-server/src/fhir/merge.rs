//! `Patient/$merge`: one person is another, said by a client that has the role for it. The merge is a steward's: it
//! outranks scoring, is told as an event, and can be undone.

use empi_formats::fhir::{
    FhirIdentifier, IssueCode, OperationOutcome, Parameter, Parameters, Reference,
};
use empi_model::{ActorKind, EnterpriseId, ReasonCode};
use empi_registry::{PersonView, Registry, StewardOperation, StewardRequest};

use super::answer::{Answer, Refusal};
use super::person::{by_number, patient_of_person};
use super::request::Asked;
use crate::exchange::Exchange;

/// Merges the source into the target, or tells what that would give.
pub(super) fn merge(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    let parameters: Parameters = serde_json::from_slice(&asked.body).map_err(|_| {
        Refusal::invalid(IssueCode::Structure, "the body must be a Parameters resource")
    })?;
    let target = one(exchange, registry, &parameters, "target-patient")?;
    let source = one(exchange, registry, &parameters, "source-patient")?;
    let (surviving, subsumed) = (target.person.enterprise_id, source.person.enterprise_id);
    let is_preview = parameters.named("preview").and_then(|it| it.value_boolean).unwrap_or(false);
    if surviving == subsumed {
        // Also where the same request came before.
        return Ok(answer(exchange, &target, "the two are one Patient already"));
    }
    let preview = StewardRequest {
        operation: StewardOperation::MergePersons { surviving, subsumed },
        actor: asked.actor(ActorKind::Steward),
        reason: ReasonCode::Other,
        note: "asked for by $merge".to_owned(),
        request_id: None,
        version_token: None,
        validate_only: true,
    };
    let seen = registry.steward(preview.clone())?;
    if is_preview {
        return Ok(answer(exchange, &target, "the Patients can be merged; nothing was changed"));
    }
    registry.steward(StewardRequest {
        version_token: Some(seen.version_token),
        validate_only: false,
        ..preview
    })?;
    let merged = registry.person(surviving)?;
    Ok(answer(exchange, &merged, "the Patients were merged"))
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
        (Some(reference), None) => Ok(registry.person(id_of(reference)?)?),
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

/// The enterprise ID of a reference such as `Patient/7K3M-9QXT-2VC`, with or without the server's URL before it.
fn id_of(reference: &Reference) -> Result<EnterpriseId, Refusal> {
    let mut parts = reference.reference.rsplit('/');
    let (id, kind) = (parts.next().unwrap_or_default(), parts.next());
    id.parse().ok().filter(|_| kind == Some("Patient")).ok_or_else(|| {
        Refusal::not_found("a reference leads to no Patient: write Patient/ and the enterprise ID")
    })
}

fn answer(exchange: &Exchange, target: &PersonView, sentence: &str) -> Answer {
    let outcome = OperationOutcome::information(sentence);
    let patient = patient_of_person(&exchange.authorities, target);
    Answer::ok(&Parameters::answer(vec![
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
    ]))
}
