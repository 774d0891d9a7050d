//! The fields of a record by name: the canonical columns and the other names they go by.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::field_names::{NUMBER_NAMES, OTHER_NAMES, PREFIXES, TRUTH_NAMES};

/// The canonical columns, in the order in which they are written.
pub const CANONICAL_HEADER: [&str; 23] = [
    "source",
    "record_id",
    "given_name",
    "middle_name",
    "family_name",
    "suffix",
    "birth_date",
    "sex",
    "ssn",
    "street",
    "unit",
    "city",
    "state",
    "postal_code",
    "country",
    "phone",
    "email",
    "mrn",
    "identifier",
    "mother_maiden_name",
    "guardian_name",
    "birth_place",
    "birth_order",
];

/// What a column of a file can hold. The first 23 are the canonical columns, in their order; the rest
/// are parts that other systems keep in columns of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Field {
    Source,
    RecordId,
    GivenName,
    MiddleName,
    FamilyName,
    Suffix,
    BirthDate,
    Sex,
    Ssn,
    Street,
    Unit,
    City,
    State,
    PostalCode,
    Country,
    Phone,
    Email,
    Mrn,
    Identifier,
    MotherMaidenName,
    GuardianName,
    BirthPlace,
    BirthOrder,
    /// House number, written before the street.
    StreetNumber,
    /// A former family name: makes a further name with the same given name.
    FormerFamilyName,
    /// Given name of the guardian, written before the guardian's name.
    GuardianGivenName,
}

impl Field {
    /// Every field, in the order of the numbers.
    pub(crate) const ALL: [Self; 26] = [
        Self::Source,
        Self::RecordId,
        Self::GivenName,
        Self::MiddleName,
        Self::FamilyName,
        Self::Suffix,
        Self::BirthDate,
        Self::Sex,
        Self::Ssn,
        Self::Street,
        Self::Unit,
        Self::City,
        Self::State,
        Self::PostalCode,
        Self::Country,
        Self::Phone,
        Self::Email,
        Self::Mrn,
        Self::Identifier,
        Self::MotherMaidenName,
        Self::GuardianName,
        Self::BirthPlace,
        Self::BirthOrder,
        Self::StreetNumber,
        Self::FormerFamilyName,
        Self::GuardianGivenName,
    ];

    /// The field's name in a columns file and in what is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::StreetNumber => "street_number",
            Self::FormerFamilyName => "former_family_name",
            Self::GuardianGivenName => "guardian_given_name",
            other => CANONICAL_HEADER.get(other as usize).copied().unwrap_or_default(),
        }
    }

    /// The field of a name, in any case and spelling of separators.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        own_names().get(header_key(name).as_str()).copied()
    }

    /// Whether several columns may hold it: each gives one more value.
    pub(crate) fn is_list(self) -> bool {
        matches!(
            self,
            Self::Phone | Self::Email | Self::Mrn | Self::Identifier | Self::FormerFamilyName
        )
    }

    /// Whether it says anything about the patient (and not only whose record this is).
    pub(crate) fn is_about_patient(self) -> bool {
        !matches!(self, Self::Source | Self::RecordId)
    }
}

/// What a header is taken for without being told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recognition {
    /// A field.
    Field(Field),
    /// A number of one authority, which the column is named after.
    IdentifierOf(String),
    /// Names who is who: never data.
    Truth,
    /// Nothing known.
    Unknown,
}

/// A header without case, spaces and punctuation: `Date of_Birth` becomes `dateofbirth`.
pub(crate) fn header_key(header: &str) -> String {
    header.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a header is taken for.
pub(crate) fn recognise(header: &str) -> Recognition {
    let key = header_key(header);
    if TRUTH_NAMES.contains(&key.as_str()) {
        return Recognition::Truth;
    }
    if let Some(found) = field_of_key(&key) {
        return Recognition::Field(found);
    }
    if NUMBER_NAMES.contains(&key.as_str()) {
        return Recognition::IdentifierOf(header.trim().to_lowercase());
    }
    let short = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix));
    // `patient_id` stood in the table; `patient_name` and the like must not become something else.
    match short.and_then(field_of_key) {
        Some(field) if field.is_about_patient() => Recognition::Field(field),
        _ => Recognition::Unknown,
    }
}

/// The fields by the keys of their own names.
fn own_names() -> &'static HashMap<String, Field> {
    static NAMES: LazyLock<HashMap<String, Field>> =
        LazyLock::new(|| Field::ALL.map(|field| (header_key(field.name()), field)).into());
    &NAMES
}

/// The fields by the keys of the other names that they go by.
fn other_names() -> &'static HashMap<&'static str, Field> {
    static NAMES: LazyLock<HashMap<&'static str, Field>> = LazyLock::new(|| {
        let names =
            OTHER_NAMES.iter().flat_map(|(field, names)| names.iter().map(|it| (*it, *field)));
        names.collect()
    });
    &NAMES
}

fn field_of_key(key: &str) -> Option<Field> {
    own_names().get(key).or_else(|| other_names().get(key)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_canonical_column_is_its_own_field() {
        for (at, name) in CANONICAL_HEADER.iter().enumerate() {
            assert_eq!(recognise(name), Recognition::Field(Field::ALL[at]), "{name}");
            assert_eq!(Field::ALL[at].name(), *name);
        }
    }

    #[test]
    fn no_name_stands_for_two_fields() {
        let mut seen = std::collections::HashSet::new();
        let own: Vec<String> = Field::ALL.iter().map(|field| header_key(field.name())).collect();
        let others = OTHER_NAMES.iter().flat_map(|(field, names)| {
            names.iter().filter(|name| **name != header_key(field.name()))
        });
        let all = own.iter().map(String::as_str).chain(others.copied());
        for name in all.chain(TRUTH_NAMES.iter().copied()).chain(NUMBER_NAMES.iter().copied()) {
            assert!(seen.insert(name.to_owned()), "{name} stands twice");
            assert_eq!(header_key(name), name);
        }
    }

    #[test]
    fn common_headers_are_known() {
        for (header, field) in [
            ("First Name", Field::GivenName),
            ("LAST-NAME", Field::FamilyName),
            ("D.O.B.", Field::BirthDate),
            ("soc_sec_id", Field::Ssn),
            ("Zip Code", Field::PostalCode),
            ("patient_last_name", Field::FamilyName),
            ("PatientID", Field::RecordId),
            ("Patient DOB", Field::BirthDate),
            ("addressStreet1", Field::Street),
            ("E-Mail", Field::Email),
            ("street_number", Field::StreetNumber),
        ] {
            assert_eq!(recognise(header), Recognition::Field(field), "{header}");
        }
        for truth in ["person_id", "true_match_id", "Cluster ID", "entity_id", "true_id"] {
            assert_eq!(recognise(truth), Recognition::Truth, "{truth}");
        }
        for unknown in ["", "clinical_data", "date", "patient", "person_source", "étage"] {
            assert_eq!(recognise(unknown), Recognition::Unknown, "{unknown}");
        }
        assert_eq!(recognise("uganda_NIN"), Recognition::IdentifierOf("uganda_nin".to_owned()));
    }
}
