//! The fields of a record as rows of a page: what they are called, what a source said, and which comparison
//! looks at them.

use empi_model::{GoldenField, Identifier, PatientText, PersonName, PostalAddress, SourceRecord};

/// A row: one field, or some that are compared as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Field {
    Name,
    MiddleName,
    Suffix,
    BirthDate,
    Sex,
    Ssn,
    Identifier,
    Address,
    Phone,
    Email,
    MotherMaidenName,
    GuardianName,
    BirthPlace,
    BirthOrder,
}

impl Field {
    /// Every field in the order of the rows.
    pub(in crate::web) const ALL: [Self; 14] = [
        Self::Name,
        Self::MiddleName,
        Self::Suffix,
        Self::BirthDate,
        Self::Sex,
        Self::Ssn,
        Self::Identifier,
        Self::Address,
        Self::Phone,
        Self::Email,
        Self::MotherMaidenName,
        Self::GuardianName,
        Self::BirthPlace,
        Self::BirthOrder,
    ];

    /// What it is called.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::MiddleName => "Middle name",
            Self::Suffix => "Suffix",
            Self::BirthDate => "Birth date",
            Self::Sex => "Sex",
            Self::Ssn => "SSN",
            Self::Identifier => "Identifiers",
            Self::Address => "Address",
            Self::Phone => "Telephone",
            Self::Email => "E-mail",
            Self::MotherMaidenName => "Mother's maiden name",
            Self::GuardianName => "Guardian",
            Self::BirthPlace => "Birth place",
            Self::BirthOrder => "Birth order",
        }
    }

    /// The comparison that looks at it, as the model names it.
    pub(in crate::web) const fn comparison(self) -> Option<&'static str> {
        match self {
            Self::Name => Some("name"),
            Self::MiddleName => Some("middle_name"),
            Self::Suffix => Some("suffix"),
            Self::BirthDate => Some("birth_date"),
            Self::Sex => Some("sex"),
            Self::Ssn => Some("ssn"),
            Self::Identifier => Some("identifier"),
            Self::Address => Some("address"),
            Self::Phone => Some("phone"),
            Self::Email => Some("email"),
            Self::MotherMaidenName => Some("mother_maiden_name"),
            Self::GuardianName | Self::BirthPlace | Self::BirthOrder => None,
        }
    }

    /// The part of the golden record that it belongs to.
    pub(in crate::web) const fn golden(self) -> GoldenField {
        match self {
            Self::Name | Self::MiddleName | Self::Suffix => GoldenField::Name,
            Self::BirthDate => GoldenField::BirthDate,
            Self::Sex => GoldenField::Sex,
            Self::Ssn => GoldenField::Ssn,
            Self::Identifier => GoldenField::Identifier,
            Self::Address => GoldenField::Address,
            Self::Phone => GoldenField::Phone,
            Self::Email => GoldenField::Email,
            Self::MotherMaidenName => GoldenField::MotherMaidenName,
            Self::GuardianName => GoldenField::GuardianName,
            Self::BirthPlace => GoldenField::BirthPlace,
            Self::BirthOrder => GoldenField::BirthOrder,
        }
    }

    /// Whether two values of it that differ say that these are two people.
    pub(in crate::web) const fn identifies(self) -> bool {
        matches!(self, Self::Ssn | Self::Identifier)
    }

    /// What a record says, the current value first.
    pub(in crate::web) fn values(self, record: &SourceRecord) -> Vec<String> {
        let one = |value: &Option<PatientText>| value.iter().map(exposed).collect();
        let values: Vec<String> = match self {
            Self::Name => record.names.iter().map(name).collect(),
            Self::MiddleName => {
                record.names.iter().filter_map(|it| it.middle.as_ref()).map(exposed).collect()
            }
            Self::Suffix => {
                record.names.iter().filter_map(|it| it.suffix.as_ref()).map(exposed).collect()
            }
            Self::BirthDate => one(&record.birth_date),
            Self::Sex => one(&record.sex),
            Self::Ssn => one(&record.ssn),
            Self::Identifier => record.identifiers.iter().map(identifier).collect(),
            Self::Address => record.addresses.iter().map(address).collect(),
            Self::Phone => record.phones.iter().map(exposed).collect(),
            Self::Email => record.emails.iter().map(exposed).collect(),
            Self::MotherMaidenName => one(&record.mother_maiden_name),
            Self::GuardianName => one(&record.guardian_name),
            Self::BirthPlace => one(&record.birth_place),
            Self::BirthOrder => one(&record.birth_order),
        };
        values.into_iter().filter(|value| !value.is_empty()).collect()
    }
}

fn exposed(text: &PatientText) -> String {
    visible(text.expose())
}

/// A value with every character to be seen: control characters and those that turn the direction of a line could
/// make a page show something else than what stands there.
pub(in crate::web) fn visible(value: &str) -> String {
    value
        .trim()
        .chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => char::REPLACEMENT_CHARACTER,
            control if control.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a Option<PatientText>>, separator: &str) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().map(exposed).collect();
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

fn name(name: &PersonName) -> String {
    let PersonName { given, middle: _, family, suffix: _ } = name;
    joined([given, family], " ")
}

/// A whole name, as a heading has it.
pub(in crate::web) fn full_name(record: &SourceRecord) -> String {
    let Some(PersonName { given, middle, family, suffix }) = record.names.first() else {
        return "without a name".to_owned();
    };
    joined([given, middle, family, suffix], " ")
}

fn address(address: &PostalAddress) -> String {
    let PostalAddress { street, unit, city, state, postal_code, country } = address;
    let line = joined([street, unit], " ");
    let place = joined([city, state, postal_code], " ");
    let parts = [line, place, joined([country], "")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn identifier(identifier: &Identifier) -> String {
    format!("{} {}", visible(&identifier.authority), exposed(&identifier.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_source_says_can_hide_or_turn_round() {
        for (value, shown) in [
            ("Ann", "Ann"),
            (" An\u{0}n ", "An\u{fffd}n"),
            ("An\u{202e}n", "An\u{fffd}n"),
            ("two\r\nlines", "two  lines"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("Zoë", "Zoë"),
        ] {
            assert_eq!(visible(value), shown);
        }
    }

    #[test]
    fn every_comparison_of_the_model_has_its_row() {
        let model = empi_registry::LinkageModel::us_default().unwrap();
        let rows: Vec<_> = Field::ALL.into_iter().filter_map(Field::comparison).collect();
        assert_eq!(rows.len(), 11);
        assert!(!model.name().is_empty());
    }

    #[test]
    fn a_row_shows_what_the_source_said() {
        let record = SourceRecord {
            names: vec![
                PersonName {
                    given: Some("Ann".into()),
                    family: Some("Lee".into()),
                    ..PersonName::default()
                },
                PersonName { family: Some("Moss".into()), ..PersonName::default() },
            ],
            addresses: vec![PostalAddress {
                street: Some("1 Main St".into()),
                city: Some("Boston".into()),
                postal_code: Some("02139".into()),
                ..PostalAddress::default()
            }],
            identifiers: vec![Identifier { authority: "plan".to_owned(), value: "7".into() }],
            ..SourceRecord::default()
        };
        for (field, shown) in [
            (Field::Name, &["Ann Lee", "Moss"][..]),
            (Field::Address, &["1 Main St, Boston 02139"]),
            (Field::Identifier, &["plan 7"]),
            (Field::Phone, &[]),
        ] {
            assert_eq!(field.values(&record), shown);
        }
        assert_eq!(full_name(&record), "Ann Lee");
    }
}
