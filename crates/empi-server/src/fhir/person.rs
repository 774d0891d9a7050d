//! Persons as Patients: reading one, and the operation that maps its numbers ($ihe-pix, ITI-83).

use std::collections::BTreeSet;

use axum::http::StatusCode;
use empi_formats::Authorities;
use empi_formats::fhir::{
    FhirIdentifier, IssueCode, Meta, Parameter, Parameters, Patient, PatientLinks, Reference,
    patient_of,
};
use empi_model::{EnterpriseId, SourceRecord, Timestamp};
use empi_registry::{EventView, PersonFate, PersonView, Registry};

use super::answer::{Answer, Refusal};
use super::request::{Asked, token};
use crate::exchange::Exchange;
use crate::exchange::person::{LookupError, Number, Told, numbers, owner, shown};
use crate::exchange::time;

/// Most events of a person that are looked through for merges.
const REPLACES_EVENTS_MAX: usize = 200;

/// A person as a Patient, with the numbers that are told of it.
pub(super) fn patient(authorities: &Authorities, view: &PersonView, numbers: &[Number]) -> Patient {
    let person = &view.person;
    let id = person.enterprise_id.to_string();
    let links = PatientLinks::default();
    let mut patient = patient_of(&id, &shown(view), numbers, &links, authorities);
    let updated = view.records.iter().map(|stored| stored.updated).max();
    patient.meta = Some(Meta {
        version_id: Some(person.version.to_string()),
        last_updated: Some(time::fhir(updated.unwrap_or(Timestamp(0)))),
    });
    patient
}

/// All numbers of a person.
pub(super) fn all_numbers(exchange: &Exchange, view: &PersonView) -> Vec<Number> {
    numbers(&exchange.authorities, view, Told::All)
}

/// `GET Patient/[id]`: a living person, or the trace of one that was merged away.
pub(super) fn read(exchange: &Exchange, registry: &Registry, id: &str) -> Result<Answer, Refusal> {
    let id: EnterpriseId = id
        .parse()
        .map_err(|_| Refusal::not_found("no Patient has this ID: it is no enterprise ID"))?;
    let view = registry.person(id)?;
    Ok(Answer::ok(&patient_with_links(exchange, registry, &view)?))
}

/// The same as [`patient_of_person`], and of the living also whom they replace: what one reads, and not what one
/// searches.
pub(super) fn patient_with_links(
    exchange: &Exchange,
    registry: &Registry,
    view: &PersonView,
) -> Result<Patient, Refusal> {
    let mut patient = patient_of_person(&exchange.authorities, view);
    let id = view.person.enterprise_id;
    if view.asked != id {
        return Ok(patient);
    }
    let (events, _) = registry.history(&view.person, &view.records, REPLACES_EVENTS_MAX)?;
    let fates = events.iter().flat_map(EventView::persons);
    let retired = fates.filter(|(_, fate)| matches!(fate, PersonFate::Retired(_)));
    let mut replaces = BTreeSet::new();
    for (other, _) in retired {
        if registry.person(other)?.person.enterprise_id == id && other != id {
            replaces.insert(other.to_string());
        }
    }
    let links =
        PatientLinks { replaces: replaces.into_iter().collect(), ..PatientLinks::default() };
    patient.link = links.written();
    patient.active = Some(true);
    Ok(patient)
}

/// Refuses a change of a person that is no more what the client has read, where it says what that was (`If-Match`).
pub(super) fn if_unchanged(asked: &Asked, view: &PersonView) -> Result<(), Refusal> {
    let version = format!("W/\"{}\"", view.person.version);
    if asked.if_match.as_ref().is_none_or(|said| *said == version || said == "*") {
        return Ok(());
    }
    let sentence = "the Patient has changed since it was read (If-Match): read it again";
    Err(Refusal::new(StatusCode::PRECONDITION_FAILED, IssueCode::Conflict, sentence))
}

/// A person as a Patient with all numbers, as FHIR clients read it and exports write it; of one that was merged away,
/// no more than the trace: not in use, and replaced by the one that answers in its place.
#[must_use]
pub fn patient_of_person(authorities: &Authorities, view: &PersonView) -> Patient {
    let numbers = numbers(authorities, view, Told::All);
    if view.person.enterprise_id == view.asked {
        return patient(authorities, view, &numbers);
    }
    let survivor = view.person.enterprise_id.to_string();
    let links = PatientLinks { replaced_by: Some(survivor), ..PatientLinks::default() };
    let (id, nothing) = (view.asked.to_string(), SourceRecord::default());
    patient_of(&id, &nothing, &numbers, &links, authorities)
}

/// The person who has a number, by the system of its authority; `name` is that of the parameter.
pub(super) fn by_number(
    exchange: &Exchange,
    registry: &Registry,
    (system, value): (&str, &str),
    name: &str,
) -> Result<PersonView, Refusal> {
    let authority = exchange.authorities.of_system(system).ok_or_else(|| {
        let sentence = format!("the assigning authority of `{name}` is not registered");
        Refusal::invalid(IssueCode::CodeInvalid, sentence)
    })?;
    let number = (authority.name.as_str(), value);
    owner(&exchange.authorities, registry, number).map_err(|error| match error {
        LookupError::Unknown => Refusal::not_found(format!("the {} was not found", said(name))),
        LookupError::Several => {
            let sentence = format!(
                "several persons have the {}: a data steward must say whose it is",
                said(name)
            );
            Refusal::new(StatusCode::CONFLICT, IssueCode::MultipleMatches, sentence)
        }
        LookupError::Registry(error) => error.into(),
    })
}

/// A parameter's name in words.
fn said(name: &str) -> &'static str {
    if name == "sourceIdentifier" { "source identifier" } else { "identifier of a Patient" }
}

/// `Patient/$ihe-pix`: the numbers that the owner of one has in other domains, and the Patient itself.
pub(super) fn pix(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    let sources: Vec<&str> = asked.all("sourceIdentifier").collect();
    let [source] = sources.as_slice() else {
        let (code, sentence) = match sources.len() {
            0 => (IssueCode::Required, "`sourceIdentifier` is missing: send system|value"),
            _ => (IssueCode::Invalid, "`sourceIdentifier` may be given once"),
        };
        return Err(Refusal::invalid(code, sentence));
    };
    let (Some(system), value) = token(source) else {
        let sentence = "`sourceIdentifier` must be system|value";
        return Err(Refusal::invalid(IssueCode::Invalid, sentence));
    };
    if value.is_empty() {
        let sentence = "`sourceIdentifier` has no value: send system|value";
        return Err(Refusal::invalid(IssueCode::Invalid, sentence));
    }
    let authority = exchange.authorities.of_system(system).map(|it| it.name.clone());
    let targets: Vec<&str> = asked.all("targetSystem").filter(|it| !it.is_empty()).collect();
    let targets: Vec<String> = targets
        .into_iter()
        .map(|target| {
            let known = exchange.authorities.of_system(target).map(|it| it.name.clone());
            known.ok_or_else(|| {
                let sentence = "a `targetSystem` is not registered";
                Refusal::new(StatusCode::FORBIDDEN, IssueCode::CodeInvalid, sentence)
            })
        })
        .collect::<Result<_, _>>()?;
    let view = by_number(exchange, registry, (system, value), "sourceIdentifier")?;
    let number = (authority.unwrap_or_default(), value.to_owned());
    let mut found = numbers(&exchange.authorities, &view, Told::Registered);
    found.retain(|it| *it != number && (targets.is_empty() || targets.contains(&it.0)));
    Ok(Answer::ok(&mapped(exchange, &view, &found, asked)))
}

fn mapped(exchange: &Exchange, view: &PersonView, found: &[Number], asked: &Asked) -> Parameters {
    let identifier = |(name, value): &Number| Parameter {
        name: "targetIdentifier".to_owned(),
        value_identifier: Some(FhirIdentifier {
            system: Some(exchange.authorities.system_of(name)),
            value: Some(value.clone()),
            ..FhirIdentifier::default()
        }),
        ..Parameter::default()
    };
    let mut parameters: Vec<Parameter> = found.iter().map(identifier).collect();
    // Who has no number that is wanted has no Patient to be told of, either.
    if !parameters.is_empty() {
        let reference = asked.url_of(&view.person.enterprise_id.to_string());
        parameters.push(Parameter {
            name: "targetId".to_owned(),
            value_reference: Some(Reference { reference }),
            ..Parameter::default()
        });
    }
    Parameters::answer(parameters)
}
