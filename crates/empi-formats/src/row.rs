//! One row to one source record and back: how several values share a field.
//!
//! * Lists are separated by `|`: phones, e-mails, medical record numbers, identifiers, names, addresses.
//! * The parts of names pair up by position (`Mary|Maria`, `Smith|Jones`). A part given once while
//!   others come several times holds for every name (`Mary`, `Smith|Jones`); a trailing `|` says that
//!   the further values are missing.
//! * The parts of addresses pair up by position alone.
//! * `identifier` is `authority:value`, parted at the last colon, since authorities are often URLs;
//!   without a colon the authority is the source. `mrn` is an identifier of the source.

use empi_model::{
    Identifier, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord, trimmed,
};

use crate::dates;
use crate::field::{CANONICAL_HEADER, Field};
use crate::layout::Layout;

/// What parts several values in one field.
pub(crate) const SEPARATOR: char = '|';

/// The same as a byte.
pub(crate) const SEPARATOR_BYTE: u8 = b'|';

/// What holds for a whole file when its rows are read.
pub(crate) struct RowContext<'a> {
    /// Which column is which field.
    pub(crate) layout: &'a Layout,
    /// The source of records that name none: the file's stem.
    pub(crate) stem: &'a str,
    /// Whether birth dates are day-first; asked only where a date leaves it open.
    pub(crate) day_first: &'a dyn Fn() -> bool,
    /// Whether a separator stands in the row at all, so that most rows need not be searched again.
    pub(crate) has_lists: bool,
}

/// Why a row is no record.
pub(crate) const BLANK_RECORD_ID: &str =
    "the record ID is blank, so nothing could name this record";

impl RowContext<'_> {
    /// The record of a row. `cell` gives the text of a column; `row_number`, 1-based, names records of
    /// files without a column for that.
    pub(crate) fn record<'c>(
        &'c self,
        cell: &impl Fn(usize) -> &'c str,
        row_number: u64,
    ) -> Result<SourceRecord, &'static str> {
        let layout = self.layout;
        let text = |field| patient_text(self.one(field, cell));
        let source = match self.one(Field::Source, cell) {
            "" => self.stem,
            source => source,
        };
        let record_id = match layout.column(Field::RecordId) {
            None => row_number.to_string(),
            Some(column) => match trimmed(cell(column)) {
                "" => return Err(BLANK_RECORD_ID),
                record_id => record_id.to_owned(),
            },
        };
        Ok(SourceRecord {
            names: self.names(cell),
            birth_date: self.birth_date(cell),
            sex: text(Field::Sex),
            ssn: text(Field::Ssn),
            addresses: self.addresses(cell),
            phones: self.list(Field::Phone, cell),
            emails: self.list(Field::Email, cell),
            identifiers: self.identifiers(cell, source),
            mother_maiden_name: text(Field::MotherMaidenName),
            guardian_name: joined(
                self.one(Field::GuardianGivenName, cell),
                self.one(Field::GuardianName, cell),
            ),
            birth_place: text(Field::BirthPlace),
            birth_order: text(Field::BirthOrder),
            key: RecordKey { source: source.to_owned(), record_id },
        })
    }

    /// The value of a field that has one column, or the constant that stands for it.
    fn one<'c>(&'c self, field: Field, cell: &impl Fn(usize) -> &'c str) -> &'c str {
        let text = self.layout.column(field).map_or("", |column| trimmed(cell(column)));
        if text.is_empty() { self.layout.constant(field) } else { text }
    }

    fn birth_date<'c>(&'c self, cell: &impl Fn(usize) -> &'c str) -> Option<PatientText> {
        let text = self.one(Field::BirthDate, cell);
        if dates::is_order_at_issue(text) && (self.day_first)() {
            return Some(PatientText::new(dates::turned(text)));
        }
        patient_text(text)
    }

    fn list<'c>(&'c self, field: Field, cell: &impl Fn(usize) -> &'c str) -> Vec<PatientText> {
        let mut values = Vec::new();
        for column in self.layout.columns(field) {
            values.extend(self.values_of(cell(*column)).filter_map(PatientText::non_blank));
        }
        if values.is_empty() {
            values.extend(patient_text(self.layout.constant(field)));
        }
        values
    }

    fn names<'c>(&'c self, cell: &impl Fn(usize) -> &'c str) -> Vec<PersonName> {
        let parts = [Field::GivenName, Field::MiddleName, Field::FamilyName, Field::Suffix]
            .map(|field| self.one(field, cell));
        let mut names: Vec<PersonName> = Vec::with_capacity(1);
        for at in 0..self.value_count(&parts) {
            let [given, middle, family, suffix] = parts.map(|part| {
                let is_shared = at > 0 && !part.contains(SEPARATOR);
                patient_text(if is_shared { part } else { self.value_at(part, at) })
            });
            let name = PersonName { given, middle, family, suffix };
            if name != PersonName::default() {
                names.push(name);
            }
        }
        for family in self.list(Field::FormerFamilyName, cell) {
            let given = names.first().and_then(|name| name.given.clone());
            let name = PersonName { given, family: Some(family), ..PersonName::default() };
            if !names.iter().any(|it| it.family == name.family && it.given == name.given) {
                names.push(name);
            }
        }
        names
    }

    fn addresses<'c>(&'c self, cell: &impl Fn(usize) -> &'c str) -> Vec<PostalAddress> {
        let number = self.one(Field::StreetNumber, cell);
        let parts = [
            Field::Street,
            Field::Unit,
            Field::City,
            Field::State,
            Field::PostalCode,
            Field::Country,
        ]
        .map(|field| self.one(field, cell));
        let mut addresses = Vec::with_capacity(1);
        for at in 0..self.value_count(&parts).max(self.value_count(&[number])) {
            let [street, unit, city, state, postal_code, country] =
                parts.map(|part| self.value_at(part, at));
            let address = PostalAddress {
                street: joined(self.value_at(number, at), street),
                unit: patient_text(unit),
                city: patient_text(city),
                state: patient_text(state),
                postal_code: patient_text(postal_code),
                country: patient_text(country),
            };
            if !address.is_empty() {
                addresses.push(address);
            }
        }
        addresses
    }

    fn identifiers<'c>(
        &'c self,
        cell: &impl Fn(usize) -> &'c str,
        source: &str,
    ) -> Vec<Identifier> {
        let own = |value| Identifier { authority: source.to_owned(), value };
        let mut identifiers: Vec<Identifier> =
            self.list(Field::Mrn, cell).into_iter().map(own).collect();
        for column in self.layout.columns(Field::Identifier) {
            for text in self.values_of(cell(*column)) {
                let (authority, value) = text.rsplit_once(':').unwrap_or(("", text));
                let authority = match authority.trim() {
                    "" => source,
                    authority => authority,
                };
                let value = PatientText::non_blank(value);
                identifiers.extend(
                    value.map(|value| Identifier { authority: authority.to_owned(), value }),
                );
            }
        }
        for (column, authority) in &self.layout.identifiers_of {
            for value in self.values_of(cell(*column)).filter_map(PatientText::non_blank) {
                identifiers.push(Identifier { authority: authority.clone(), value });
            }
        }
        identifiers
    }

    /// How many values the fullest part has; 0 when all are blank.
    fn value_count(&self, parts: &[&str]) -> usize {
        let parts = parts.iter().filter(|part| !part.is_empty());
        parts.map(|part| self.values_of(part).count()).max().unwrap_or(0)
    }

    fn value_at<'c>(&self, part: &'c str, at: usize) -> &'c str {
        self.values_of(part).nth(at).unwrap_or_default()
    }

    /// The values that share a field.
    fn values_of<'c>(&self, part: &'c str) -> impl Iterator<Item = &'c str> {
        let has_lists = self.has_lists;
        let mut rest = Some(part);
        std::iter::from_fn(move || {
            let text = rest?;
            let end = has_lists.then(|| memchr::memchr(SEPARATOR_BYTE, text.as_bytes())).flatten();
            rest = end.and_then(|end| text.get(end + 1..));
            text.get(..end.unwrap_or(text.len()))
        })
    }
}

fn patient_text(text: &str) -> Option<PatientText> {
    PatientText::non_blank(text)
}

/// Two parts with a blank between, either of which may be missing.
fn joined(first: &str, second: &str) -> Option<PatientText> {
    match (trimmed(first), trimmed(second)) {
        ("", only) | (only, "") => patient_text(only),
        (first, second) => Some(PatientText::new(format!("{first} {second}"))),
    }
}

/// The row of a record under [`CANONICAL_HEADER`], read back as the same record.
///
/// Only two things cannot be said in a row and are softened: a `|` inside a value becomes a blank, and
/// the colon inside an identifier's value moves to its authority.
#[must_use]
pub fn canonical_row(record: &SourceRecord) -> [String; CANONICAL_HEADER.len()] {
    let one = |value: &Option<PatientText>| value.as_ref().map_or_else(String::new, whole);
    let names = |part: fn(&PersonName) -> &Option<PatientText>| aligned(&record.names, part);
    let places =
        |part: fn(&PostalAddress) -> &Option<PatientText>| aligned(&record.addresses, part);
    let source = &record.key.source;
    let own_count = record.identifiers.iter().take_while(|it| it.authority == *source).count();
    let (own, others) = record.identifiers.split_at(own_count);
    let others: Vec<String> = others
        .iter()
        .map(|it| format!("{}:{}", it.authority.replace(SEPARATOR, " "), value(&it.value)))
        .collect();
    let list = |values: &[PatientText]| separated(values.iter().map(value));
    [
        source.clone(),
        record.key.record_id.clone(),
        names(|name| &name.given),
        names(|name| &name.middle),
        names(|name| &name.family),
        names(|name| &name.suffix),
        one(&record.birth_date),
        one(&record.sex),
        one(&record.ssn),
        places(|address| &address.street),
        places(|address| &address.unit),
        places(|address| &address.city),
        places(|address| &address.state),
        places(|address| &address.postal_code),
        places(|address| &address.country),
        list(&record.phones),
        list(&record.emails),
        separated(own.iter().map(|it| value(&it.value))),
        others.join("|"),
        one(&record.mother_maiden_name),
        one(&record.guardian_name),
        one(&record.birth_place),
        one(&record.birth_order),
    ]
}

/// A value as it stands alone in its field, where `|` parts nothing.
fn whole(text: &PatientText) -> String {
    text.expose().to_owned()
}

/// A value as it stands among others.
fn value(text: &PatientText) -> String {
    text.expose().replace(SEPARATOR, " ")
}

fn separated(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join("|")
}

/// One part of several names or addresses by position; nothing at all when none has it.
fn aligned<T>(items: &[T], part: fn(&T) -> &Option<PatientText>) -> String {
    if items.iter().all(|item| part(item).is_none()) {
        return String::new();
    }
    separated(items.iter().map(|item| part(item).as_ref().map_or_else(String::new, value)))
}
