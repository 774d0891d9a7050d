//! What the benches share: where the data are, and how to have more of them.

use std::path::{Path, PathBuf};

use empi_formats::{FormatError, ReaderOptions};
use empi_model::{PatientText, SourceRecord};

/// A file of the repository's labelled sets.
#[must_use]
pub fn dataset(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../datasets").join(name)
}

/// Every record of a file.
///
/// # Errors
/// What reading the file gives.
pub fn records(path: &Path) -> Result<Vec<SourceRecord>, FormatError> {
    let mut reader = empi_formats::open(path, &ReaderOptions::default())?;
    let mut records = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        records.extend(chunk.records);
    }
    Ok(records)
}

/// The records `copies` times over, each copy as other people: names stay as common as they are, and
/// in everything that has digits (birth year, numbers, addresses, telephones) each copy counts on. Two
/// records of one person stay as alike as they were.
#[must_use]
pub fn copied(records: &[SourceRecord], copies: u8) -> Vec<SourceRecord> {
    let copy = |number: u8| records.iter().map(move |record| other_person(record.clone(), number));
    (0..copies).flat_map(copy).collect()
}

fn other_person(mut record: SourceRecord, copy: u8) -> SourceRecord {
    record.key.record_id = format!("{}-{copy}", record.key.record_id);
    change(&mut record.birth_date, |text| later_year(text, u32::from(copy)));
    change(&mut record.ssn, |text| counted_on(text, copy));
    for address in &mut record.addresses {
        change(&mut address.street, |text| counted_on(text, copy));
        change(&mut address.postal_code, |text| counted_on(text, copy));
    }
    for text in &mut record.phones {
        *text = PatientText::new(counted_on(text.expose(), copy));
    }
    for text in &mut record.emails {
        *text = PatientText::new(format!("{copy}{}", text.expose()));
    }
    for identifier in &mut record.identifiers {
        identifier.value = PatientText::new(counted_on(identifier.value.expose(), copy));
    }
    record
}

fn change(text: &mut Option<PatientText>, into: impl Fn(&str) -> String) {
    if let Some(text) = text {
        *text = PatientText::new(into(text.expose()));
    }
}

/// Every digit moved on, 9 followed by 0.
fn counted_on(text: &str, by: u8) -> String {
    let moved = |digit: u8| char::from(b'0' + (digit - b'0' + by) % 10);
    text.chars()
        .map(|it| match u8::try_from(it) {
            Ok(digit) if digit.is_ascii_digit() => moved(digit),
            _ => it,
        })
        .collect()
}

/// The first four digits in a row, as a year, moved into the past.
fn later_year(text: &str, by: u32) -> String {
    let is_year = |at: &usize| {
        text.get(*at..*at + 4).is_some_and(|part| part.bytes().all(|it| it.is_ascii_digit()))
    };
    let Some(at) = (0..text.len()).find(is_year) else { return text.to_owned() };
    let (before, rest) = text.split_at(at);
    let (year, after) = rest.split_at(4);
    year.parse::<u32>().map_or_else(
        |_| text.to_owned(),
        |year| format!("{before}{:04}{after}", year.saturating_sub(by)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_another_person_with_the_same_name() {
        let record = SourceRecord {
            birth_date: Some(PatientText::new("02/29/1980")),
            ssn: Some(PatientText::new("123-45-6789")),
            ..SourceRecord::default()
        };
        let copies = copied(std::slice::from_ref(&record), 3);
        assert_eq!(copies.len(), 3);
        assert_eq!(
            copies.first().map(|it| (&it.birth_date, &it.ssn)),
            Some((&record.birth_date, &record.ssn))
        );
        let last = copies.last();
        let text = |it: Option<&PatientText>| it.map(|text| text.expose().to_owned());
        assert_eq!(text(last.and_then(|it| it.birth_date.as_ref())).as_deref(), Some("02/29/1978"));
        assert_eq!(text(last.and_then(|it| it.ssn.as_ref())).as_deref(), Some("345-67-8901"));
    }
}
