//! Patient identity feeds as FHIR messages (PMIR, ITI-93): a bundle with a header and a history of Patients.

use axum::http::StatusCode;
use empi_formats::fhir::{IssueCode, Patient};
use empi_registry::Registry;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::feed::Taking;
use super::request::Asked;
use crate::exchange::Exchange;

const FEED: &str = "urn:ihe:iti:pmir:2019:patient-feed";
const ANSWER: &str = "urn:ihe:iti:pmir:2019:patient-feed-response";

/// Most entries of one message.
const ENTRIES_MAX: usize = 1000;

/// Takes a message. All Patients of it are checked before the first is taken; those that were taken before one
/// is refused by the index stay, and the same message may be sent again.
pub(super) fn take(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    let body = asked.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&asked.body);
    let message: Value = serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Refusal::invalid(IssueCode::Structure, format!("the body is not valid JSON: see {place}"))
    })?;
    let structure = |sentence: &str| Refusal::invalid(IssueCode::Structure, sentence);
    if message["resourceType"] != "Bundle" || message["type"] != "message" {
        return Err(structure("the body must be a Bundle of type message"));
    }
    let header = &message["entry"][0]["resource"];
    if header["resourceType"] != "MessageHeader" || header["eventUri"] != FEED {
        return Err(structure("the first entry must be a MessageHeader of a patient feed"));
    }
    let history = &message["entry"][1]["resource"];
    let entries = history["entry"].as_array().filter(|_| history["type"] == "history");
    let entries = entries.ok_or_else(|| structure("the second entry must be a history Bundle"))?;
    if entries.len() > ENTRIES_MAX {
        let sentence = "the message has more than 1000 entries (entries_max)";
        return Err(Refusal::invalid(IssueCode::TooLong, sentence));
    }
    let mut taking = Taking { exchange, registry, asked, request_id: None };
    let mut patients = Vec::new();
    for entry in entries {
        // A RelatedPerson is not kept: the mother's own Patient is.
        if entry["resource"]["resourceType"] != "Patient" {
            continue;
        }
        if entry["request"]["method"] == "DELETE" {
            let sentence = "a Patient is withdrawn by DELETE Patient?identifier=, not by a message";
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                IssueCode::NotSupported,
                sentence,
            ));
        }
        let patient = Patient::read_value(entry["resource"].clone())
            .map_err(|error| structure(&format!("an entry is {error}")))?;
        let key = taking.own_key(&patient)?;
        patients.push((key, patient));
    }
    let hash = xxhash_rust::xxh3::xxh3_64(&asked.body);
    for (at, (key, patient)) in patients.iter().enumerate() {
        taking.request_id = asked
            .request_id
            .as_ref()
            .map(|id| format!("fhir-message-{}-{hash:016x}-{at}", short(id)));
        taking.take(key, patient)?;
    }
    Ok(Answer::ok(&response(header, asked)))
}

/// A client's name for a request may be long: its hash is not.
fn short(id: &str) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(id.as_bytes()))
}

fn response(header: &Value, asked: &Asked) -> Value {
    let answered = header["id"].as_str().unwrap_or("unknown");
    let endpoint = header["source"]["endpoint"].as_str().unwrap_or_default();
    json!({
        "resourceType": "Bundle",
        "type": "message",
        "entry": [{
            "resource": {
                "resourceType": "MessageHeader",
                "eventUri": ANSWER,
                "source": { "endpoint": asked.base },
                "destination": [{ "endpoint": endpoint }],
                "response": { "identifier": answered, "code": "ok" }
            }
        }]
    })
}
