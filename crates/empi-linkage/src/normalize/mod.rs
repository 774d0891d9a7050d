//! From what a source said to what it means.
//!
//! Every field goes through the same three steps: fold to match form, set placeholders aside, read the
//! rest by the rules of its kind. Dirty data are never an error: what cannot be used becomes missing and
//! is named in the record's quality notes, by field and never by value. Rules and placeholder values
//! follow HL7, USPS Publication 28, Project US@ and the tables in `datasets/reference`.
//!
//! **Invariants:** idempotent; total over any UTF-8; match form is `A-Z`, `0-9` and single spaces.

mod address;
mod birth_date;
mod contact;
mod known;
mod name;
mod newborn;
mod number;
mod placeholder;
mod text;

use empi_model::{NormalizedRecord, PatientText, QualityNote, RecordField, Sex, SourceRecord};

use known::Known;
use placeholder::Kind;
pub use text::fold as fold_text;

/// Normalises a record.
#[must_use]
pub fn normalize(record: &SourceRecord) -> NormalizedRecord {
    normalize_with(record.clone(), None)
}

/// Normalises many records: what one of them has in common with others is read once. Each comes out as
/// by [`normalize`].
#[derive(Debug, Default)]
pub struct Normalizer(Known);

impl Normalizer {
    /// Normalises a record.
    #[must_use]
    pub fn normalize(&mut self, record: &SourceRecord) -> NormalizedRecord {
        self.normalize_owned(record.clone())
    }

    /// Normalises a record that is not needed any more.
    #[must_use]
    pub fn normalize_owned(&mut self, record: SourceRecord) -> NormalizedRecord {
        normalize_with(record, Some(&mut self.0))
    }
}

fn normalize_with(record: SourceRecord, mut known: Option<&mut Known>) -> NormalizedRecord {
    let mut notes = Notes::default();
    let names = name::normalize_names(&record.names, known.as_deref_mut(), &mut notes);
    let mut addresses: Vec<_> = record
        .addresses
        .iter()
        .filter_map(|it| address::normalize_address(it, known.as_deref_mut(), &mut notes))
        .collect();
    dedup_in_order(&mut addresses);
    let mut phones: Vec<_> =
        record.phones.iter().filter_map(|it| contact::normalize_phone(it, &mut notes)).collect();
    dedup_in_order(&mut phones);
    let mut emails: Vec<_> =
        record.emails.iter().filter_map(|it| contact::normalize_email(it, &mut notes)).collect();
    dedup_in_order(&mut emails);
    let mut identifiers: Vec<_> = record
        .identifiers
        .iter()
        .filter_map(|it| number::normalize_identifier(it, known.as_deref_mut(), &mut notes))
        .collect();
    identifiers.sort_unstable();
    identifiers.dedup();
    NormalizedRecord {
        key: record.key,
        names: names.names,
        suffix: names.suffix,
        birth_date: birth_date::normalize_birth_date(record.birth_date.as_ref(), &mut notes),
        sex: normalize_sex(record.sex.as_ref(), &mut notes),
        ssn: number::normalize_ssn(record.ssn.as_ref(), &mut notes),
        addresses,
        phones,
        emails,
        identifiers,
        mother_maiden_name: name::normalize_single(
            record.mother_maiden_name.as_ref(),
            RecordField::MotherMaidenName,
            known,
            &mut notes,
        ),
        guardian_name: name::normalize_single(
            record.guardian_name.as_ref(),
            RecordField::GuardianName,
            None,
            &mut notes,
        ),
        birth_place: normalize_text(
            record.birth_place.as_ref(),
            Kind::Address,
            RecordField::BirthPlace,
            &mut notes,
        ),
        birth_order: normalize_birth_order(record.birth_order.as_ref(), &mut notes),
        newborn_name: names.newborn,
        notes: notes.into_vec(),
    }
}

/// The hash by which identifiers know an assigning authority, from its name as a source writes it.
pub(crate) fn authority_hash(name: &str) -> u64 {
    crate::names_table::hash_of(&text::fold(name))
}

/// Notes being collected, each once.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<QualityNote>);

impl Notes {
    fn add(&mut self, note: QualityNote) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    fn add_all(&mut self, others: Self) {
        others.0.into_iter().for_each(|note| self.add(note));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn into_vec(mut self) -> Vec<QualityNote> {
        self.0.sort_unstable();
        self.0
    }
}

/// Removes repeats and keeps the order. Lists of a record are short.
fn dedup_in_order<T: PartialEq>(values: &mut Vec<T>) {
    let mut kept: usize = 0;
    for at in 0..values.len() {
        let (before, rest) = values.split_at(at);
        let is_repeat =
            rest.first().is_some_and(|it| before.get(..kept).unwrap_or(before).contains(it));
        if !is_repeat {
            values.swap(kept, at);
            kept += 1;
        }
    }
    values.truncate(kept);
}

/// A text in match form, unless it is a placeholder.
fn normalize_text(
    value: Option<&PatientText>,
    kind: Kind,
    field: RecordField,
    notes: &mut Notes,
) -> Option<PatientText> {
    let folded = text::fold(value?.expose());
    if folded.is_empty() {
        return None;
    }
    if placeholder::is_placeholder(kind, &folded) {
        notes.add(QualityNote::Placeholder(field));
        return None;
    }
    Some(PatientText::new(folded))
}

/// Letters of HL7, words of FHIR and of people, SNOMED codes; `1` and `2` differ between systems.
fn normalize_sex(value: Option<&PatientText>, notes: &mut Notes) -> Option<Sex> {
    let value = value?.expose();
    if let "F" | "M" = value {
        return sex_of(value);
    }
    let folded = text::fold(value);
    // `F-FEMALE`, `FEMALE (F)`: all words must say the same.
    let mut words = folded.split(' ').map(sex_of);
    let first = words.next().flatten();
    let whole = sex_of(&folded).or_else(|| first.filter(|sex| words.all(|it| it == Some(*sex))));
    if whole.is_none() {
        match folded.as_str() {
            "" => {}
            "U" | "UNK" | "UNKNOWN" | "UN" | "NONE" | "NA" | "N A" | "NI" | "ASKU" | "REFUSED"
            | "DECLINED" | "NOT SPECIFIED" | "UNSPECIFIED" | "NOT STATED" | "NULL" => {
                notes.add(QualityNote::Placeholder(RecordField::Sex));
            }
            _ => notes.add(QualityNote::Unreadable(RecordField::Sex)),
        }
    }
    whole
}

fn sex_of(word: &str) -> Option<Sex> {
    match word {
        "F" | "FEMALE" | "FEM" | "W" | "WOMAN" | "GIRL" | "248152002" => Some(Sex::Female),
        "M" | "MALE" | "MAN" | "BOY" | "248153007" => Some(Sex::Male),
        "O" | "A" | "N" | "X" | "OTHER" | "AMBIGUOUS" | "NONBINARY" | "NON BINARY" | "INTERSEX"
        | "INDETERMINATE" | "UNDIFFERENTIATED" | "TRANSGENDER" | "NOT APPLICABLE" => {
            Some(Sex::Other)
        }
        _ => None,
    }
}

/// `2`, `2nd`, `B`, `second`, `Twin B`, `2 of 3`.
fn normalize_birth_order(value: Option<&PatientText>, notes: &mut Notes) -> Option<u8> {
    const ORDER_MAX: u8 = 20;
    const WORDS: [&str; 6] = ["FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH"];
    let folded = text::fold(value?.expose());
    if folded.is_empty() {
        return None;
    }
    let mut words =
        folded.split(' ').filter(|it| !matches!(*it, "TWIN" | "TRIPLET" | "BABY" | "BORN"));
    let order = words.next().and_then(|word| match word.as_bytes() {
        [letter @ b'A'..=b'F'] => Some(letter - b'A' + 1),
        _ if text::begins_with_digit(word) => {
            word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).parse().ok()
        }
        _ => WORDS.iter().zip(1..).find(|it| *it.0 == word).map(|it| it.1),
    });
    let order = order.filter(|order| (1..=ORDER_MAX).contains(order));
    if order.is_none() {
        notes.add(QualityNote::Unreadable(RecordField::BirthOrder));
    }
    order
}

#[cfg(test)]
mod tests;
