//! The one mapping between Patients and records, both ways.

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};

use super::types::{
    Coding, Concept, Contact, ContactPoint, Extension, FhirAddress, FhirIdentifier, HumanName,
    Link, LinkTarget, Patient,
};
use crate::authority::Authorities;

const SSN_SYSTEMS: [&str; 2] = ["http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"];
const MOTHERS_MAIDEN_NAME: &str =
    "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName";
const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
const TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

/// What a Patient says, as a record. The authorities of its identifiers are named as the index names them.
#[must_use]
pub fn record_of(patient: &Patient, key: RecordKey, authorities: &Authorities) -> SourceRecord {
    let mut record = SourceRecord {
        key,
        names: names(&patient.name),
        birth_date: text(patient.birth_date.as_deref()),
        sex: text(patient.gender.as_deref()),
        addresses: addresses(&patient.address),
        birth_order: patient.multiple_birth_integer.map(|order| order.to_string().into()),
        guardian_name: guardian(&patient.contact),
        ..SourceRecord::default()
    };
    for point in &patient.telecom {
        let values = match point.system.as_deref() {
            Some("phone" | "sms") => &mut record.phones,
            Some("email") => &mut record.emails,
            _ => continue,
        };
        values.extend(text(point.value.as_deref()));
    }
    add_identifiers(&mut record, &patient.identifier, authorities);
    for extension in &patient.extension {
        match extension.url.as_deref() {
            Some(MOTHERS_MAIDEN_NAME) => {
                record.mother_maiden_name = text(extension.value_string.as_deref());
            }
            Some(BIRTH_PLACE) => {
                record.birth_place = extension.value_address.as_ref().and_then(place);
            }
            _ => {}
        }
    }
    record
}

fn text(value: Option<&str>) -> Option<PatientText> {
    value.and_then(PatientText::non_blank)
}

fn joined(parts: &[Option<String>], between: &str) -> Option<PatientText> {
    let given = parts.iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty());
    PatientText::non_blank(&given.collect::<Vec<_>>().join(between))
}

/// The official name first, then others as they come, former and maiden names last.
fn names(names: &[HumanName]) -> Vec<PersonName> {
    let rank = |name: &&HumanName| match name.r#use.as_deref() {
        Some("official") => 0,
        Some("old" | "maiden") => 2,
        _ => 1,
    };
    let mut sorted: Vec<&HumanName> =
        names.iter().filter(|name| name.r#use.as_deref() != Some("anonymous")).collect();
    sorted.sort_by_key(rank);
    let read = sorted.into_iter().map(|name| {
        let (first, rest) = name.given.split_at(name.given.len().min(1));
        let read = PersonName {
            given: joined(first, " "),
            middle: joined(rest, " "),
            family: text(name.family.as_deref()),
            suffix: joined(&name.suffix, " "),
        };
        match name.text.as_deref() {
            // A name that comes as one text: the last word is the family name, by want of anything better.
            Some(whole) if read == PersonName::default() => in_words(whole),
            _ => read,
        }
    });
    read.filter(|name| *name != PersonName::default()).collect()
}

/// `Amara N. Okafor` or `Okafor, Amara N.`.
fn in_words(whole: &str) -> PersonName {
    let (front, family) = match whole.split_once(',') {
        Some((family, front)) => (front.trim(), family),
        None => whole.trim().rsplit_once(' ').unwrap_or(("", whole)),
    };
    let (given, middle) = front.split_once(' ').unwrap_or((front, ""));
    PersonName {
        given: text(Some(given)),
        middle: text(Some(middle)),
        family: text(Some(family)),
        suffix: None,
    }
}

/// Present addresses first, old ones last.
fn addresses(addresses: &[FhirAddress]) -> Vec<PostalAddress> {
    let mut sorted: Vec<&FhirAddress> = addresses.iter().collect();
    sorted.sort_by_key(|address| address.r#use.as_deref() == Some("old"));
    let read = sorted.into_iter().map(|address| {
        let (first, rest) = address.line.split_at(address.line.len().min(1));
        PostalAddress {
            street: joined(first, " "),
            unit: joined(rest, " "),
            city: text(address.city.as_deref()),
            state: text(address.state.as_deref()),
            postal_code: text(address.postal_code.as_deref()),
            country: text(address.country.as_deref()),
        }
    });
    read.filter(|address| !address.is_empty()).collect()
}

fn place(address: &FhirAddress) -> Option<PatientText> {
    joined(&[address.city.clone(), address.state.clone(), address.country.clone()], ", ")
}

/// Who is marked as the patient's guardian (`GUARD` of the v3 role codes).
fn guardian(contacts: &[Contact]) -> Option<PatientText> {
    let is_guardian = |it: &&Contact| it.relationship.iter().any(|role| role.has_code("GUARD"));
    let name = contacts.iter().find(is_guardian)?.name.as_ref()?;
    let mut parts = name.given.clone();
    parts.push(name.family.clone());
    joined(&parts, " ").or_else(|| text(name.text.as_deref()))
}

/// Sorts identifiers out: the SSN to its field, medical record numbers first among the others.
fn add_identifiers(
    record: &mut SourceRecord,
    identifiers: &[FhirIdentifier],
    authorities: &Authorities,
) {
    let has_code = |it: &FhirIdentifier, code: &str| {
        it.r#type.as_ref().is_some_and(|concept| concept.has_code(code))
    };
    let mut others = Vec::new();
    for identifier in identifiers {
        let Some(value) = text(identifier.value.as_deref()) else { continue };
        let system = identifier.system.as_deref().unwrap_or_default().trim();
        let is_ssn = SSN_SYSTEMS.contains(&system) || has_code(identifier, "SS");
        if is_ssn && record.ssn.is_none() {
            record.ssn = Some(value);
            continue;
        }
        let authority = match system {
            "" => record.key.source.clone(),
            system => authorities.name_of(system),
        };
        let found = Identifier { authority, value };
        if has_code(identifier, "MR") {
            record.identifiers.push(found);
        } else {
            others.push(found);
        }
    }
    record.identifiers.append(&mut others);
}

/// The links of a Patient that is a person of the index: each by the other's resource ID.
#[derive(Clone, Debug, Default)]
pub struct PatientLinks {
    /// The person that answers in its place.
    pub replaced_by: Option<String>,
    /// Those in whose place it answers.
    pub replaces: Vec<String>,
}

impl PatientLinks {
    /// The links as they stand in a Patient.
    #[must_use]
    pub fn written(&self) -> Vec<Link> {
        let link = |kind: &str, id: &String| Link {
            other: LinkTarget { reference: Some(format!("Patient/{id}")), ..LinkTarget::default() },
            r#type: kind.to_owned(),
        };
        let replaced_by = self.replaced_by.iter().map(|id| link("replaced-by", id));
        replaced_by.chain(self.replaces.iter().map(|id| link("replaces", id))).collect()
    }
}

/// A person as a Patient. Identifiers come with the name of their authority in the index. The SSN stays
/// inside. Dates that are not in FHIR's form are left out.
#[must_use]
pub fn patient_of(
    id: &str,
    record: &SourceRecord,
    identifiers: &[(String, String)],
    links: &PatientLinks,
    authorities: &Authorities,
) -> Patient {
    let exposed = |text: &Option<PatientText>| text.as_ref().map(|it| it.expose().to_owned());
    let phones = record.phones.iter().map(|phone| ("phone", phone));
    let telecom = phones.chain(record.emails.iter().map(|email| ("email", email)));
    let order = record.birth_order.as_ref().and_then(|order| order.expose().trim().parse().ok());
    Patient {
        resource_type: "Patient".to_owned(),
        id: Some(id.to_owned()),
        active: Some(links.replaced_by.is_none()),
        identifier: identifiers.iter().map(|it| identifier(it, authorities)).collect(),
        name: record.names.iter().enumerate().map(human_name).collect(),
        telecom: telecom
            .map(|(system, value)| ContactPoint {
                system: Some(system.to_owned()),
                value: Some(value.expose().to_owned()),
            })
            .collect(),
        gender: record.sex.as_ref().map(|sex| gender(sex.expose()).to_owned()),
        birth_date: exposed(&record.birth_date).filter(|date| is_fhir_date(date)),
        address: record.addresses.iter().enumerate().map(fhir_address).collect(),
        multiple_birth_integer: order,
        extension: extensions(record),
        contact: exposed(&record.guardian_name).map(guardian_contact).into_iter().collect(),
        link: links.written(),
        ..Patient::default()
    }
}

fn identifier((authority, value): &(String, String), authorities: &Authorities) -> FhirIdentifier {
    let code = authorities.named(authority).and_then(|known| known.type_code.clone());
    FhirIdentifier {
        r#type: code.map(|code| Concept {
            coding: vec![Coding { system: Some(TYPES.to_owned()), code: Some(code) }],
        }),
        system: Some(authorities.system_of(authority)),
        value: Some(value.clone()),
    }
}

/// The first name is the one in use; the others are former ones and aliases.
fn human_name((at, name): (usize, &PersonName)) -> HumanName {
    let exposed = |text: &Option<PatientText>| text.as_ref().map(|it| it.expose().to_owned());
    let given = [&name.given, &name.middle].into_iter().filter_map(exposed);
    HumanName {
        r#use: Some(if at == 0 { "official" } else { "old" }.to_owned()),
        text: None,
        family: exposed(&name.family),
        given: given.map(Some).collect(),
        suffix: exposed(&name.suffix).map(Some).into_iter().collect(),
    }
}

fn fhir_address((at, address): (usize, &PostalAddress)) -> FhirAddress {
    let exposed = |text: &Option<PatientText>| text.as_ref().map(|it| it.expose().to_owned());
    let lines = [&address.street, &address.unit].into_iter().filter_map(exposed);
    FhirAddress {
        r#use: Some(if at == 0 { "home" } else { "old" }.to_owned()),
        line: lines.map(Some).collect(),
        city: exposed(&address.city),
        state: exposed(&address.state),
        postal_code: exposed(&address.postal_code),
        country: exposed(&address.country),
    }
}

/// The administrative gender for what a source wrote.
fn gender(sex: &str) -> &'static str {
    match sex.trim().to_ascii_lowercase().as_str() {
        "f" | "female" | "w" | "woman" | "girl" => "female",
        "m" | "male" | "man" | "boy" => "male",
        "u" | "unknown" | "" => "unknown",
        _ => "other",
    }
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
fn is_fhir_date(date: &str) -> bool {
    matches!(date.len(), 4 | 7 | 10)
        && date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn extensions(record: &SourceRecord) -> Vec<Extension> {
    let mother = record.mother_maiden_name.as_ref().map(|name| Extension {
        url: Some(MOTHERS_MAIDEN_NAME.to_owned()),
        value_string: Some(name.expose().to_owned()),
        ..Extension::default()
    });
    let born = record.birth_place.as_ref().map(|place| Extension {
        url: Some(BIRTH_PLACE.to_owned()),
        value_address: Some(FhirAddress {
            city: Some(place.expose().to_owned()),
            ..FhirAddress::default()
        }),
        ..Extension::default()
    });
    mother.into_iter().chain(born).collect()
}

fn guardian_contact(name: String) -> Contact {
    let guardian = Coding {
        system: Some("http://terminology.hl7.org/CodeSystem/v3-RoleCode".to_owned()),
        code: Some("GUARD".to_owned()),
    };
    Contact {
        relationship: vec![Concept { coding: vec![guardian] }],
        name: Some(HumanName { text: Some(name), ..HumanName::default() }),
    }
}
