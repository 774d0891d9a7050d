//! What one source system says about one of its patients, as it said it.

use std::fmt;

use crate::PatientText;

/// Names a source record for ever: the source system and that system's own record ID.
///
/// Identity rule 1: every source record belongs to exactly one person, and this is its name. The
/// record ID is often a medical record number, so `Debug` shows the source alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RecordKey {
    /// The source system, for example `hospital-a`. Not patient data.
    pub source: String,
    /// The record's ID inside that source. Patient data.
    pub record_id: String,
}

impl RecordKey {
    /// A key from its two parts.
    #[must_use]
    pub fn new(source: impl Into<String>, record_id: impl Into<String>) -> Self {
        Self { source: source.into(), record_id: record_id.into() }
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordKey({}/[redacted])", self.source)
    }
}

/// One name of a patient. The first name of a record is the current one; others are former names,
/// maiden names and aliases.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct PersonName {
    /// Given (first) name or names.
    pub given: Option<PatientText>,
    /// Middle name, names or initial.
    pub middle: Option<PatientText>,
    /// Family name (surname).
    pub family: Option<PatientText>,
    /// Generational suffix or degree as written: `Jr`, `III`, `MD`.
    pub suffix: Option<PatientText>,
}

/// One postal address of a patient, the current one first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct PostalAddress {
    /// House number, street and possibly the unit, on one line.
    pub street: Option<PatientText>,
    /// Apartment, suite or the like when it is given apart from the street.
    pub unit: Option<PatientText>,
    /// City, town or suburb.
    pub city: Option<PatientText>,
    /// State or province.
    pub state: Option<PatientText>,
    /// ZIP or postal code.
    pub postal_code: Option<PatientText>,
    /// Country.
    pub country: Option<PatientText>,
}

impl PostalAddress {
    /// Whether no part of the address is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { street, unit, city, state, postal_code, country } = self;
        [street, unit, city, state, postal_code, country].iter().all(|part| part.is_none())
    }
}

/// An identifier that some authority issued: a medical record number, an insurance member number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    /// Who issued it (IHE: the assigning authority). Not patient data.
    pub authority: String,
    /// The number or code inside that authority.
    pub value: PatientText,
}

/// What one source system says about one of its patients: raw, nothing cleaned, nothing dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct SourceRecord {
    /// The record's name for ever.
    pub key: RecordKey,
    /// Names, the current one first.
    pub names: Vec<PersonName>,
    /// Birth date as written. The formats that are read are listed in `empi_linkage::normalize`.
    pub birth_date: Option<PatientText>,
    /// Administrative sex as written.
    pub sex: Option<PatientText>,
    /// US Social Security number, its last four digits, or another national number as written.
    pub ssn: Option<PatientText>,
    /// Addresses, the current one first.
    pub addresses: Vec<PostalAddress>,
    /// Telephone numbers.
    pub phones: Vec<PatientText>,
    /// E-mail addresses.
    pub emails: Vec<PatientText>,
    /// Identifiers by authority, the medical record number under its source among them.
    pub identifiers: Vec<Identifier>,
    /// Mother's maiden (birth) family name.
    pub mother_maiden_name: Option<PatientText>,
    /// Name of a guardian.
    pub guardian_name: Option<PatientText>,
    /// Place of birth.
    pub birth_place: Option<PatientText>,
    /// Order among a multiple birth, 1 for the first-born.
    pub birth_order: Option<PatientText>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_prints_nothing_of_its_patient() {
        let record = SourceRecord {
            key: RecordKey::new("hospital-a", "CANARY-MRN"),
            names: vec![PersonName {
                given: Some("CANARY-GIVEN".into()),
                family: Some("CANARY-FAMILY".into()),
                ..PersonName::default()
            }],
            identifiers: vec![Identifier { authority: "PLAN".into(), value: "CANARY-ID".into() }],
            ..SourceRecord::default()
        };
        assert!(!format!("{record:?}").contains("CANARY"));
    }
}
