//! The elements of a FHIR R4 Patient that are read and written.

use serde::{Deserialize, Serialize};

/// Why bytes are no Patient. It says where, and never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadPatientError {
    /// They are not JSON.
    #[error("not valid JSON, as seen at line {line} and column {column}")]
    NotJson {
        /// The line, 1-based.
        line: usize,
        /// The column, 1-based.
        column: usize,
    },
    /// They are JSON, but an element has the wrong shape.
    #[error("not a FHIR R4 Patient, as seen at line {line} and column {column}")]
    NotPatient {
        /// The line, 1-based.
        line: usize,
        /// The column, 1-based; both are 0 for a resource inside another.
        column: usize,
    },
    /// They are another resource.
    #[error("another resource than a Patient")]
    OtherResource,
}

impl From<&serde_json::Error> for ReadPatientError {
    fn from(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => Self::NotPatient { line, column },
            _ => Self::NotJson { line, column },
        }
    }
}

/// A Patient.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// `Patient`.
    pub resource_type: String,
    /// The resource's ID: an enterprise ID in what the server writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// About the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
    /// Whether it is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Identifiers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifier: Vec<FhirIdentifier>,
    /// Names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub name: Vec<HumanName>,
    /// Telephones, e-mail addresses and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<ContactPoint>,
    /// Administrative gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// Birth date, `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<FhirAddress>,
    /// Order among a multiple birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiple_birth_integer: Option<i64>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
    /// Extensions that change what the others mean: who does not know one must not go on.
    #[serde(default, skip_serializing)]
    pub modifier_extension: Vec<serde_json::Value>,
    /// Guardians and others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<Contact>,
    /// Other resources about the same person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
}

impl Patient {
    /// Reads a Patient. A byte-order mark in front is taken.
    ///
    /// # Errors
    /// [`ReadPatientError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReadPatientError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let read = serde_json::from_slice(bytes);
        Self::checked(read.map_err(|error| ReadPatientError::from(&error))?)
    }

    /// Reads a Patient that stands inside another resource.
    ///
    /// # Errors
    /// [`ReadPatientError`].
    pub fn read_value(value: serde_json::Value) -> Result<Self, ReadPatientError> {
        let read = serde_json::from_value(value);
        Self::checked(read.map_err(|error| ReadPatientError::from(&error))?)
    }

    fn checked(patient: Self) -> Result<Self, ReadPatientError> {
        if patient.resource_type == "Patient" {
            Ok(patient)
        } else {
            Err(ReadPatientError::OtherResource)
        }
    }
}

/// About a resource.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// The version: the event that changed the person last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<String>,
}

/// A name.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct HumanName {
    /// Which of somebody's names: `official`, `maiden`, `old`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#use: Option<String>,
    /// The whole name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Given names, the first name first; `null` where one has only an extension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Option<String>>,
    /// Suffixes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suffix: Vec<Option<String>>,
}

/// A postal address.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FhirAddress {
    /// `home`, `work`, `temp`, `old`, `billing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#use: Option<String>,
    /// Lines above the city.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<Option<String>>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// A telephone number, an e-mail address or the like.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct ContactPoint {
    /// `phone`, `email`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The number or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// An identifier.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct FhirIdentifier {
    /// Its type, by table 0203.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<Concept>,
    /// The URI of its authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A coded concept.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Concept {
    /// Its codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coding: Vec<Coding>,
}

impl Concept {
    /// Whether one of its codes is this.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.coding.iter().any(|coding| coding.code.as_deref() == Some(code))
    }
}

/// A code.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Coding {
    /// The code system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// An extension of one of the kinds that are read.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extension {
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_string: Option<String>,
    /// A code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_code: Option<String>,
    /// An address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_address: Option<FhirAddress>,
}

/// Somebody to be reached about the patient.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Contact {
    /// How they are related.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relationship: Vec<Concept>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<HumanName>,
}

/// Another resource about the same person.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Link {
    /// Which.
    pub other: LinkTarget,
    /// `replaced-by`, `replaces`, `refer` or `seealso`.
    pub r#type: String,
}

/// What a link leads to: a resource of this server, or a patient by an identifier.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct LinkTarget {
    /// Such as `Patient/7K3M-9QXT-2VC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// An identifier of the patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<FhirIdentifier>,
}

/// A reference to a resource.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Reference {
    /// Such as `Patient/7K3M-9QXT-2VC`.
    pub reference: String,
}
