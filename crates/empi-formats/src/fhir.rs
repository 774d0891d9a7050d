//! Records from NDJSON of FHIR R4 Patients, one resource on each line.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};
use serde::Deserialize;

use crate::bytes::{Bytes, Progress, open_decoded};
use crate::error::shown;
use crate::field::Field;
use crate::layout::Recognised;
use crate::reader::{Chunk, Reject, TakeRows};
use crate::{FormatError, ReaderOptions};

/// The longest line, in bytes: a Patient with photographs fits, a file without line ends does not.
const LINE_BYTES_MAX: usize = 8 << 20;

const SSN_SYSTEMS: [&str; 2] = ["http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"];
const MOTHERS_MAIDEN_NAME: &str =
    "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName";
const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
/// The elements that are read, with the fields they become.
const USED: [(&str, &str); 9] = [
    ("id", "record_id"),
    ("name", "given_name, middle_name, family_name, suffix"),
    ("birthDate", "birth_date"),
    ("gender", "sex"),
    ("address", "street, unit, city, state, postal_code, country"),
    ("telecom", "phone, email"),
    ("identifier", "ssn, mrn, identifier"),
    ("multipleBirthInteger", "birth_order"),
    ("extension", "mother_maiden_name, birth_place"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patient {
    resource_type: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: Vec<HumanName>,
    birth_date: Option<String>,
    gender: Option<String>,
    #[serde(default)]
    address: Vec<Address>,
    #[serde(default)]
    telecom: Vec<ContactPoint>,
    #[serde(default)]
    identifier: Vec<FhirIdentifier>,
    multiple_birth_integer: Option<i64>,
    #[serde(default)]
    extension: Vec<Extension>,
    #[serde(default)]
    contact: Vec<Contact>,
}

#[derive(Deserialize, Default)]
struct HumanName {
    r#use: Option<String>,
    text: Option<String>,
    family: Option<String>,
    #[serde(default)]
    given: Vec<Option<String>>,
    #[serde(default)]
    suffix: Vec<Option<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Address {
    r#use: Option<String>,
    #[serde(default)]
    line: Vec<Option<String>>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

#[derive(Deserialize)]
struct ContactPoint {
    system: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct FhirIdentifier {
    system: Option<String>,
    value: Option<String>,
    r#type: Option<Concept>,
}

#[derive(Deserialize)]
struct Concept {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    url: Option<String>,
    value_string: Option<String>,
    value_address: Option<Address>,
}

#[derive(Deserialize)]
struct Contact {
    #[serde(default)]
    relationship: Vec<Concept>,
    name: Option<HumanName>,
}

impl Concept {
    fn has_code(&self, code: &str) -> bool {
        self.coding.iter().any(|coding| coding.code.as_deref() == Some(code))
    }
}

/// Reads one NDJSON file.
pub(crate) struct NdjsonReader {
    path: PathBuf,
    input: BufReader<Bytes>,
    line: u64,
    chunk_rows: usize,
    source: String,
    pub(crate) recognised: Recognised,
    pub(crate) progress: Progress,
}

impl NdjsonReader {
    pub(crate) fn open(path: &Path, options: &ReaderOptions) -> Result<Self, FormatError> {
        if let Some(column) = &options.truth_column {
            return Err(FormatError::MissingColumn {
                file: shown(path),
                column: column.clone(),
                wanted_by: "the truth option",
            });
        }
        if let Some((column, _)) = options.columns.columns.first() {
            return Err(FormatError::MissingColumn {
                file: shown(path),
                column: column.clone(),
                wanted_by: "the columns file",
            });
        }
        let constants = &options.columns.constants;
        let source = constants.iter().find(|(field, _)| *field == Field::Source);
        let used = USED.iter().map(|(element, field)| ((*element).to_owned(), (*field).to_owned()));
        let progress = Progress::default();
        let bytes = open_decoded(path, progress.clone(), encoding_rs::UTF_8)?;
        Ok(Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(256 * 1024, bytes),
            line: 0,
            chunk_rows: options.chunk_rows.max(1),
            source: source.map_or_else(|| crate::reader::stem(path), |(_, value)| value.clone()),
            recognised: Recognised {
                used: used.collect(),
                encoding: "UTF-8",
                ..Recognised::default()
            },
            progress,
        })
    }

    /// The next lines, or `None` at the end.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        let mut chunk = Chunk::default();
        let mut bytes = Vec::new();
        while chunk.records.len() + chunk.rejects.len() < self.chunk_rows {
            let is_whole = match self.next_line(&mut bytes) {
                Ok(Some(is_whole)) => is_whole,
                Ok(None) => break,
                Err(error) => return Err(FormatError::read(&self.path, error)),
            };
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let read = if is_whole {
                read_patient(&bytes, &self.source)
            } else {
                Err("the line is longer than the limit of 8 MiB (line_bytes_max); only its beginning \
                     is kept here"
                    .to_owned())
            };
            match read {
                Ok(record) => chunk.take_record(record, self.line, None),
                Err(reason) => chunk.rejects.push(Reject {
                    file: shown(&self.path),
                    line: self.line,
                    reason,
                    raw: String::from_utf8_lossy(&bytes).trim_end().into(),
                }),
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Reads a line; gives whether it was within the limit, `None` at the end.
    fn next_line(&mut self, bytes: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
        bytes.clear();
        let limit = LINE_BYTES_MAX as u64;
        if (&mut self.input).take(limit).read_until(b'\n', bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.ends_with(b"\n") || bytes.len() < LINE_BYTES_MAX {
            return Ok(Some(true));
        }
        // Needs no memory for the rest of the line.
        Ok(Some(self.input.skip_until(b'\n')? == 0))
    }
}

/// One line as a record, or why it is none. The reason never quotes the line.
fn read_patient(bytes: &[u8], source: &str) -> Result<SourceRecord, String> {
    let patient: Patient = serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "not a FHIR R4 Patient",
            _ => "not valid JSON",
        };
        format!("the line is {what}, as seen at column {}", error.column())
    })?;
    if patient.resource_type != "Patient" {
        return Err("the line is another resource than a Patient".to_owned());
    }
    let record_id = match patient.id.trim() {
        "" => return Err(crate::row::BLANK_RECORD_ID.to_owned()),
        id => id.to_owned(),
    };
    let mut record = SourceRecord {
        key: RecordKey::new(source, record_id),
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
    add_identifiers(&mut record, &patient.identifier);
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
    Ok(record)
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
    let mut sorted: Vec<&HumanName> = names.iter().collect();
    sorted.sort_by_key(rank);
    let read = sorted.into_iter().map(|name| {
        let (first, rest) = name.given.split_at(name.given.len().min(1));
        PersonName {
            given: joined(first, " "),
            middle: joined(rest, " "),
            family: text(name.family.as_deref()),
            suffix: joined(&name.suffix, " "),
        }
    });
    read.filter(|name| *name != PersonName::default()).collect()
}

/// Present addresses first, old ones last.
fn addresses(addresses: &[Address]) -> Vec<PostalAddress> {
    let mut sorted: Vec<&Address> = addresses.iter().collect();
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

fn place(address: &Address) -> Option<PatientText> {
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
fn add_identifiers(record: &mut SourceRecord, identifiers: &[FhirIdentifier]) {
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
        let authority = if system.is_empty() { record.key.source.as_str() } else { system };
        let found = Identifier { authority: authority.to_owned(), value };
        if has_code(identifier, "MR") {
            record.identifiers.push(found);
        } else {
            others.push(found);
        }
    }
    record.identifiers.append(&mut others);
}
