//! A record laid out in the canonical columns of input files.

use empi_proto::v1;

/// Values of one column are joined with this, as in input files.
const SEPARATOR: &str = "|";

/// The canonical columns that describe a patient, in their order.
pub(super) const COLUMNS: [&str; 20] = [
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
    "identifier",
    "mother_maiden_name",
    "guardian_name",
    "birth_place",
    "birth_order",
];

/// All columns with their values, in the canonical order; a missing value is the empty text.
pub(super) fn columns(record: &v1::SourceRecord) -> impl Iterator<Item = (&'static str, String)> {
    let (names, addresses) = (&record.names, &record.addresses);
    COLUMNS.into_iter().zip([
        joined(names.iter().map(|name| &name.given)),
        joined(names.iter().map(|name| &name.middle)),
        joined(names.iter().map(|name| &name.family)),
        joined(names.iter().map(|name| &name.suffix)),
        record.birth_date.clone(),
        record.sex.clone(),
        record.ssn.clone(),
        joined(addresses.iter().map(|address| &address.street)),
        joined(addresses.iter().map(|address| &address.unit)),
        joined(addresses.iter().map(|address| &address.city)),
        joined(addresses.iter().map(|address| &address.state)),
        joined(addresses.iter().map(|address| &address.postal_code)),
        joined(addresses.iter().map(|address| &address.country)),
        joined(record.phones.iter()),
        joined(record.emails.iter()),
        identifiers(&record.identifiers),
        record.mother_maiden_name.clone(),
        record.guardian_name.clone(),
        record.birth_place.clone(),
        record.birth_order.clone(),
    ])
}

fn identifiers(identifiers: &[v1::Identifier]) -> String {
    let pairs: Vec<String> = identifiers
        .iter()
        .map(|identifier| format!("{}:{}", identifier.authority, identifier.value))
        .collect();
    pairs.join(SEPARATOR)
}

fn joined<'a>(values: impl Iterator<Item = &'a String>) -> String {
    let given: Vec<&str> = values.map(String::as_str).filter(|value| !value.is_empty()).collect();
    given.join(SEPARATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_canonical_ones_but_the_key_and_its_number() {
        let canonical: Vec<&str> = empi_formats::CANONICAL_HEADER
            .into_iter()
            .filter(|column| !["source", "record_id", "mrn"].contains(column))
            .collect();
        assert_eq!(COLUMNS.to_vec(), canonical);
    }

    #[test]
    fn several_values_stand_in_one_column() {
        let record = v1::SourceRecord {
            names: vec![
                v1::PersonName { family: "Lee".to_owned(), ..Default::default() },
                v1::PersonName { family: "Fox".to_owned(), ..Default::default() },
            ],
            phones: vec!["1".to_owned(), "2".to_owned()],
            identifiers: vec![v1::Identifier { authority: "P".to_owned(), value: "9".to_owned() }],
            ..v1::SourceRecord::default()
        };
        let given: Vec<(&str, String)> =
            columns(&record).filter(|(_, value)| !value.is_empty()).collect();
        assert_eq!(
            given,
            [
                ("family_name", "Lee|Fox".to_owned()),
                ("phone", "1|2".to_owned()),
                ("identifier", "P:9".to_owned()),
            ]
        );
    }
}
