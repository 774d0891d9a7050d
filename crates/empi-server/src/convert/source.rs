//! Source records, in both directions.

use empi_model::{Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord};
use empi_proto::v1;

use super::{InvalidRequest, bounded};

/// Values in one list of a record (names, addresses, phones ...). Each makes blocking keys and
/// comparisons, so a record with thousands would be work without end.
const VALUES_MAX: usize = 100;

/// Bytes of one text of a record.
const TEXT_BYTES_MAX: usize = 1000;

/// What a caller sent, as a source record. Values are kept as they are; blank ones are missing ones.
///
/// # Errors
/// A list or a text beyond its limit. Whether the key is complete is for the registry to say.
pub fn source_record_from_proto(record: v1::SourceRecord) -> Result<SourceRecord, InvalidRequest> {
    let v1::SourceRecord {
        key,
        names,
        birth_date,
        sex,
        ssn,
        addresses,
        phones,
        emails,
        identifiers,
        mother_maiden_name,
        guardian_name,
        birth_place,
        birth_order,
    } = record;
    Ok(SourceRecord {
        key: record_key_from_proto(key.unwrap_or_default())?,
        names: list("names", names, name_from_proto)?,
        birth_date: text("birth_date", birth_date)?,
        sex: text("sex", sex)?,
        ssn: text("ssn", ssn)?,
        addresses: list("addresses", addresses, address_from_proto)?,
        phones: present(list("phones", phones, |value| text("phones", value))?),
        emails: present(list("emails", emails, |value| text("emails", value))?),
        identifiers: present(list("identifiers", identifiers, identifier_from_proto)?),
        mother_maiden_name: text("mother_maiden_name", mother_maiden_name)?,
        guardian_name: text("guardian_name", guardian_name)?,
        birth_place: text("birth_place", birth_place)?,
        birth_order: text("birth_order", birth_order)?,
    })
}

/// A record's key. Empty parts are let through: the registry knows the rule.
pub(crate) fn record_key_from_proto(key: v1::RecordKey) -> Result<RecordKey, InvalidRequest> {
    let v1::RecordKey { source, record_id } = key;
    bounded("source", &source, TEXT_BYTES_MAX)?;
    bounded("record_id", &record_id, TEXT_BYTES_MAX)?;
    Ok(RecordKey { source, record_id })
}

fn name_from_proto(name: v1::PersonName) -> Result<PersonName, InvalidRequest> {
    let v1::PersonName { given, middle, family, suffix } = name;
    Ok(PersonName {
        given: text("names.given", given)?,
        middle: text("names.middle", middle)?,
        family: text("names.family", family)?,
        suffix: text("names.suffix", suffix)?,
    })
}

fn address_from_proto(address: v1::PostalAddress) -> Result<PostalAddress, InvalidRequest> {
    let v1::PostalAddress { street, unit, city, state, postal_code, country } = address;
    Ok(PostalAddress {
        street: text("addresses.street", street)?,
        unit: text("addresses.unit", unit)?,
        city: text("addresses.city", city)?,
        state: text("addresses.state", state)?,
        postal_code: text("addresses.postal_code", postal_code)?,
        country: text("addresses.country", country)?,
    })
}

/// `None` for an identifier without a value: it identifies nobody.
fn identifier_from_proto(identifier: v1::Identifier) -> Result<Option<Identifier>, InvalidRequest> {
    let v1::Identifier { authority, value } = identifier;
    bounded("identifiers.authority", &authority, TEXT_BYTES_MAX)?;
    Ok(text("identifiers.value", value)?.map(|value| Identifier { authority, value }))
}

fn text(field: &str, value: String) -> Result<Option<PatientText>, InvalidRequest> {
    bounded(field, &value, TEXT_BYTES_MAX)?;
    Ok((!value.trim().is_empty()).then(|| PatientText::new(value)))
}

fn list<T, U>(
    field: &str,
    values: Vec<T>,
    convert: impl FnMut(T) -> Result<U, InvalidRequest>,
) -> Result<Vec<U>, InvalidRequest> {
    if values.len() > VALUES_MAX {
        return Err(InvalidRequest(format!(
            "`{field}` has {} values and may have at most {VALUES_MAX}",
            values.len()
        )));
    }
    values.into_iter().map(convert).collect()
}

fn present<T>(values: Vec<Option<T>>) -> Vec<T> {
    values.into_iter().flatten().collect()
}

/// A source record as it goes over the wire.
#[must_use]
pub fn source_record_to_proto(record: SourceRecord) -> v1::SourceRecord {
    let SourceRecord {
        key,
        names,
        birth_date,
        sex,
        ssn,
        addresses,
        phones,
        emails,
        identifiers,
        mother_maiden_name,
        guardian_name,
        birth_place,
        birth_order,
    } = record;
    v1::SourceRecord {
        key: Some(record_key(key)),
        names: names.into_iter().map(name).collect(),
        birth_date: exposed(birth_date),
        sex: exposed(sex),
        ssn: exposed(ssn),
        addresses: addresses.into_iter().map(address).collect(),
        phones: phones.into_iter().map(PatientText::into_exposed).collect(),
        emails: emails.into_iter().map(PatientText::into_exposed).collect(),
        identifiers: identifiers.into_iter().map(identifier).collect(),
        mother_maiden_name: exposed(mother_maiden_name),
        guardian_name: exposed(guardian_name),
        birth_place: exposed(birth_place),
        birth_order: exposed(birth_order),
    }
}

pub(super) fn record_key(key: RecordKey) -> v1::RecordKey {
    let RecordKey { source, record_id } = key;
    v1::RecordKey { source, record_id }
}

fn name(name: PersonName) -> v1::PersonName {
    let PersonName { given, middle, family, suffix } = name;
    v1::PersonName {
        given: exposed(given),
        middle: exposed(middle),
        family: exposed(family),
        suffix: exposed(suffix),
    }
}

fn address(address: PostalAddress) -> v1::PostalAddress {
    let PostalAddress { street, unit, city, state, postal_code, country } = address;
    v1::PostalAddress {
        street: exposed(street),
        unit: exposed(unit),
        city: exposed(city),
        state: exposed(state),
        postal_code: exposed(postal_code),
        country: exposed(country),
    }
}

fn identifier(identifier: Identifier) -> v1::Identifier {
    let Identifier { authority, value } = identifier;
    v1::Identifier { authority, value: value.into_exposed() }
}

/// The text that stands for a value on the wire: the empty text for a missing one.
pub(super) fn exposed(value: Option<PatientText>) -> String {
    value.map(PatientText::into_exposed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_record() -> SourceRecord {
        SourceRecord {
            key: RecordKey::new("hospital-a", "17"),
            names: vec![
                PersonName {
                    given: Some("Ann".into()),
                    middle: Some("B".into()),
                    family: Some("Lee".into()),
                    suffix: Some("Jr".into()),
                },
                PersonName { family: Some("Fox".into()), ..PersonName::default() },
            ],
            birth_date: Some("1980-02-29".into()),
            sex: Some("F".into()),
            ssn: Some("219-09-9999".into()),
            addresses: vec![PostalAddress {
                street: Some("1 Elm St".into()),
                unit: Some("2".into()),
                city: Some("Salem".into()),
                state: Some("MA".into()),
                postal_code: Some("01970".into()),
                country: Some("US".into()),
            }],
            phones: vec!["617-555-0123".into(), "617-555-0124".into()],
            emails: vec!["ann@example.org".into()],
            identifiers: vec![Identifier { authority: "PLAN".into(), value: "9".into() }],
            mother_maiden_name: Some("Ray".into()),
            guardian_name: Some("Bo Lee".into()),
            birth_place: Some("Lynn".into()),
            birth_order: Some("1".into()),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_went() {
        for record in [full_record(), SourceRecord::default()] {
            let wire = source_record_to_proto(record.clone());
            assert_eq!(source_record_from_proto(wire), Ok(record));
        }
    }

    #[test]
    fn blank_values_are_missing_values() {
        let wire = v1::SourceRecord {
            ssn: "  ".to_owned(),
            phones: vec![String::new(), "5".to_owned()],
            identifiers: vec![v1::Identifier {
                authority: "PLAN".to_owned(),
                value: String::new(),
            }],
            ..v1::SourceRecord::default()
        };
        let record = source_record_from_proto(wire).unwrap();
        assert_eq!(record.ssn, None);
        assert_eq!(record.phones, ["5".into()]);
        assert!(record.identifiers.is_empty());
    }

    #[test]
    fn texts_and_lists_have_limits_and_say_so_without_the_value() {
        let long = "CANARY".repeat(200);
        let texts: [(&str, v1::SourceRecord); 4] = [
            ("ssn", v1::SourceRecord { ssn: long.clone(), ..Default::default() }),
            ("phones", v1::SourceRecord { phones: vec![long.clone()], ..Default::default() }),
            (
                "record_id",
                v1::SourceRecord {
                    key: Some(v1::RecordKey { record_id: long, ..Default::default() }),
                    ..Default::default()
                },
            ),
            (
                "emails",
                v1::SourceRecord {
                    emails: vec!["CANARY".to_owned(); VALUES_MAX + 1],
                    ..Default::default()
                },
            ),
        ];
        for (field, wire) in texts {
            let sentence = source_record_from_proto(wire).unwrap_err().to_string();
            assert!(sentence.contains(&format!("`{field}`")), "{sentence}");
            assert!(!sentence.contains("CANARY"), "{sentence}");
        }
    }
}
