//! The trail as FHIR R4 AuditEvents, by the patterns of IHE's Basic Audit Log: one for each entry.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use empi_model::AuditEntry;
use empi_registry::{DataDir, audit_entries_offline};
use empi_server::{AuditKind, audit_kind, audit_outcome};
use serde_json::{Value, json};

use super::verify::needed;
use super::written;
use crate::output::Output;

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";

#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    /// The file: NDJSON of FHIR R4 AuditEvents
    #[arg(long, value_name = "FILE.ndjson")]
    out: PathBuf,
    /// From this entry on
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    from: u64,
}

pub(super) fn export(args: &ExportArgs, data: Option<&DataDir>) -> anyhow::Result<()> {
    let data = needed(data)?;
    let failed = || format!("cannot write {}", args.out.display());
    let file = std::fs::File::create(&args.out).with_context(failed)?;
    let mut file = std::io::BufWriter::new(file);
    let mut count = 0_u64;
    audit_entries_offline(data, args.from, |number, entry| -> anyhow::Result<()> {
        count += 1;
        writeln!(file, "{}", event(number, &entry)).with_context(failed)
    })?;
    file.flush().with_context(failed)?;
    Output::lock().line(format_args!("{count} AuditEvents"))
}

/// An entry as an AuditEvent.
fn event(number: u64, entry: &AuditEntry) -> Value {
    let asker = &entry.asked.asker;
    let AuditKind { code, display, action } = audit_kind(entry.asked.operation);
    let outcome = audit_outcome(entry.outcome);
    let mut agent = json!({
        "who": { "display": if asker.name.is_empty() { "unknown" } else { &asker.name } },
        "requestor": true,
    });
    if let Some(address) = asker.address {
        agent["network"] = json!({ "address": address.to_string(), "type": "2" });
    }
    if !asker.purpose.code().is_empty() {
        agent["purposeOfUse"] = json!([{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
            "code": asker.purpose.code(),
        }] }]);
    }
    let patient = |person: &empi_model::EnterpriseId| {
        json!({
            "what": { "reference": format!("Patient/{person}") },
            "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1" },
            "role": { "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1" },
        })
    };
    let mut entities: Vec<Value> = entry.persons.iter().map(patient).collect();
    let mut details = vec![json!({ "type": "sequence", "valueString": number.to_string() })];
    if let Some(event) = entry.event {
        details.push(json!({ "type": "event", "valueString": event.0.to_string() }));
    }
    if entry.persons_total as usize > entry.persons.len() {
        let total = entry.persons_total.to_string();
        details.push(json!({ "type": "persons", "valueString": total }));
    }
    if entry.times > 1 {
        details.push(json!({ "type": "times", "valueString": entry.times.to_string() }));
    }
    entities.push(json!({ "name": "audit trail", "detail": details }));
    let mut resource = json!({
        "resourceType": "AuditEvent",
        "id": number.to_string(),
        "type": { "system": DICOM, "code": code, "display": display },
        "subtype": [{
            "system": "urn:empi:operation",
            "code": entry.asked.operation.as_str(),
        }],
        "action": action,
        "recorded": written(entry.time),
        "outcome": outcome,
        "agent": [agent],
        "source": {
            "observer": { "display": "empi" },
            "site": asker.interface.as_str(),
        },
        "entity": entities,
    });
    if !asker.reason.is_empty() {
        resource["outcomeDesc"] = json!(asker.reason);
    }
    resource
}

#[cfg(test)]
mod tests {
    use empi_model::{
        Asked, Asker, AuditOutcome, EnterpriseId, EventSequence, Interface, Operation, Purpose,
        Timestamp,
    };

    use super::*;

    #[test]
    fn an_entry_becomes_an_audit_event() {
        let asker = Asker {
            name: "portal".to_owned(),
            interface: Interface::Fhir,
            address: Some("10.0.0.8".parse().unwrap()),
            purpose: Purpose::Treatment,
            reason: String::new(),
        };
        let asked = Asked { asker: asker.into(), operation: Operation::ViewPersons };
        let person = EnterpriseId::from_number(7);
        let mut entry = AuditEntry::new(Timestamp(0), asked, AuditOutcome::Done, vec![person]);
        entry.event = Some(EventSequence(3));
        let event = event(12, &entry);
        for (pointer, expected) in [
            ("/resourceType", json!("AuditEvent")),
            ("/type/code", json!("110112")),
            ("/action", json!("E")),
            ("/recorded", json!("1970-01-01T00:00:00.000Z")),
            ("/outcome", json!("0")),
            ("/agent/0/who/display", json!("portal")),
            ("/agent/0/network/address", json!("10.0.0.8")),
            ("/agent/0/purposeOfUse/0/coding/0/code", json!("TREAT")),
            ("/entity/0/what/reference", json!(format!("Patient/{person}"))),
            ("/entity/1/detail/0/valueString", json!("12")),
            ("/entity/1/detail/1/valueString", json!("3")),
            ("/source/site", json!("fhir")),
        ] {
            assert_eq!(event.pointer(pointer), Some(&expected), "{pointer}");
        }
    }
}
