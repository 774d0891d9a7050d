//! Rows of source records. They hold patient data and have no `Debug`.

use empi_model::{
    Chosen, Consent, EventSequence, GoldenField, Identifier, PatientText, PersonName,
    PostalAddress, RecordIndex, RecordKey, SourceRecord, Timestamp,
};
use prost::Message;

use super::Row;
use super::change::{state_numbers, state_of};
use super::identity::LinkRow;
use crate::rows::StoredRecord;

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct NameRow {
    #[prost(string, optional, tag = "1")]
    given: Option<String>,
    #[prost(string, optional, tag = "2")]
    middle: Option<String>,
    #[prost(string, optional, tag = "3")]
    family: Option<String>,
    #[prost(string, optional, tag = "4")]
    suffix: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct AddressRow {
    #[prost(string, optional, tag = "1")]
    street: Option<String>,
    #[prost(string, optional, tag = "2")]
    unit: Option<String>,
    #[prost(string, optional, tag = "3")]
    city: Option<String>,
    #[prost(string, optional, tag = "4")]
    state: Option<String>,
    #[prost(string, optional, tag = "5")]
    postal_code: Option<String>,
    #[prost(string, optional, tag = "6")]
    country: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct IdentifierRow {
    #[prost(string, tag = "1")]
    authority: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// What a source said.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct SourceRow {
    #[prost(string, tag = "1")]
    source: String,
    #[prost(string, tag = "2")]
    record_id: String,
    #[prost(message, repeated, tag = "3")]
    names: Vec<NameRow>,
    #[prost(string, optional, tag = "4")]
    birth_date: Option<String>,
    #[prost(string, optional, tag = "5")]
    sex: Option<String>,
    #[prost(string, optional, tag = "6")]
    ssn: Option<String>,
    #[prost(message, repeated, tag = "7")]
    addresses: Vec<AddressRow>,
    #[prost(string, repeated, tag = "8")]
    phones: Vec<String>,
    #[prost(string, repeated, tag = "9")]
    emails: Vec<String>,
    #[prost(message, repeated, tag = "10")]
    identifiers: Vec<IdentifierRow>,
    #[prost(string, optional, tag = "11")]
    mother_maiden_name: Option<String>,
    #[prost(string, optional, tag = "12")]
    guardian_name: Option<String>,
    #[prost(string, optional, tag = "13")]
    birth_place: Option<String>,
    #[prost(string, optional, tag = "14")]
    birth_order: Option<String>,
}

/// A record in the index.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct RecordRow {
    #[prost(uint32, tag = "1")]
    index: u32,
    #[prost(message, optional, tag = "2")]
    record: Option<SourceRow>,
    #[prost(fixed64, tag = "3")]
    content_hash: u64,
    #[prost(message, optional, tag = "4")]
    link: Option<LinkRow>,
    #[prost(uint32, tag = "5")]
    version: u32,
    #[prost(int64, tag = "6")]
    registered: i64,
    #[prost(int64, tag = "7")]
    updated: i64,
    #[prost(uint32, tag = "8")]
    state: u32,
    #[prost(uint32, tag = "9")]
    replaced_by: u32,
    /// 0 for the event of the link.
    #[prost(uint64, tag = "10")]
    content_event: u64,
    /// 0 for the event of the link.
    #[prost(uint64, tag = "11")]
    changed: u64,
    #[prost(message, repeated, tag = "12")]
    chosen: Vec<ChosenRow>,
    /// Absent as long as nothing was asked for.
    #[prost(message, optional, tag = "13")]
    consent: Option<ConsentRow>,
}

/// What is asked for about a record.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct ConsentRow {
    #[prost(bool, tag = "1")]
    not_shared: bool,
    #[prost(bool, tag = "2")]
    not_linked: bool,
    #[prost(uint64, tag = "3")]
    event: u64,
}

impl ConsentRow {
    pub(super) fn of(consent: Consent) -> Option<Self> {
        let Consent { not_shared, not_linked, event } = consent;
        (consent != Consent::default()).then_some(Self { not_shared, not_linked, event: event.0 })
    }

    pub(super) fn word(row: Option<Self>) -> Consent {
        row.map_or_else(Consent::default, |Self { not_shared, not_linked, event }| Consent {
            not_shared,
            not_linked,
            event: EventSequence(event),
        })
    }
}

/// A value that a steward has chosen.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChosenRow {
    #[prost(uint32, tag = "1")]
    field: u32,
    #[prost(string, tag = "2")]
    steward: String,
    #[prost(uint64, tag = "3")]
    event: u64,
}

impl Row for ChosenRow {
    type Word = Chosen;

    fn of(chosen: &Chosen) -> Self {
        let Chosen { field, steward, event } = chosen;
        Self { field: *field as u32, steward: steward.clone(), event: event.0 }
    }

    fn word(self) -> Option<Chosen> {
        let field = GoldenField::ALL.into_iter().find(|it| *it as u32 == self.field)?;
        Some(Chosen { field, steward: self.steward, event: EventSequence(self.event) })
    }
}

/// All values chosen of a record.
pub(super) fn chosen_of(rows: Vec<ChosenRow>) -> Option<Vec<Chosen>> {
    rows.into_iter().map(Row::word).collect()
}

fn text(value: &Option<PatientText>) -> Option<String> {
    value.as_ref().map(|value| value.expose().to_owned())
}

fn patient(value: Option<String>) -> Option<PatientText> {
    value.map(PatientText::new)
}

impl From<&PersonName> for NameRow {
    fn from(name: &PersonName) -> Self {
        let PersonName { given, middle, family, suffix } = name;
        Self {
            given: text(given),
            middle: text(middle),
            family: text(family),
            suffix: text(suffix),
        }
    }
}

impl From<NameRow> for PersonName {
    fn from(row: NameRow) -> Self {
        let NameRow { given, middle, family, suffix } = row;
        Self {
            given: patient(given),
            middle: patient(middle),
            family: patient(family),
            suffix: patient(suffix),
        }
    }
}

impl From<&PostalAddress> for AddressRow {
    fn from(address: &PostalAddress) -> Self {
        let PostalAddress { street, unit, city, state, postal_code, country } = address;
        Self {
            street: text(street),
            unit: text(unit),
            city: text(city),
            state: text(state),
            postal_code: text(postal_code),
            country: text(country),
        }
    }
}

impl From<AddressRow> for PostalAddress {
    fn from(row: AddressRow) -> Self {
        let AddressRow { street, unit, city, state, postal_code, country } = row;
        Self {
            street: patient(street),
            unit: patient(unit),
            city: patient(city),
            state: patient(state),
            postal_code: patient(postal_code),
            country: patient(country),
        }
    }
}

impl Row for SourceRow {
    type Word = SourceRecord;

    fn of(record: &SourceRecord) -> Self {
        let exposed =
            |texts: &[PatientText]| texts.iter().map(|it| it.expose().to_owned()).collect();
        let identifier = |identifier: &Identifier| IdentifierRow {
            authority: identifier.authority.clone(),
            value: identifier.value.expose().to_owned(),
        };
        Self {
            source: record.key.source.clone(),
            record_id: record.key.record_id.clone(),
            names: record.names.iter().map(NameRow::from).collect(),
            birth_date: text(&record.birth_date),
            sex: text(&record.sex),
            ssn: text(&record.ssn),
            addresses: record.addresses.iter().map(AddressRow::from).collect(),
            phones: exposed(&record.phones),
            emails: exposed(&record.emails),
            identifiers: record.identifiers.iter().map(identifier).collect(),
            mother_maiden_name: text(&record.mother_maiden_name),
            guardian_name: text(&record.guardian_name),
            birth_place: text(&record.birth_place),
            birth_order: text(&record.birth_order),
        }
    }

    fn word(self) -> Option<SourceRecord> {
        let identifier = |row: IdentifierRow| Identifier {
            authority: row.authority,
            value: PatientText::new(row.value),
        };
        let texts = |texts: Vec<String>| texts.into_iter().map(PatientText::new).collect();
        Some(SourceRecord {
            key: RecordKey { source: self.source, record_id: self.record_id },
            names: self.names.into_iter().map(PersonName::from).collect(),
            birth_date: patient(self.birth_date),
            sex: patient(self.sex),
            ssn: patient(self.ssn),
            addresses: self.addresses.into_iter().map(PostalAddress::from).collect(),
            phones: texts(self.phones),
            emails: texts(self.emails),
            identifiers: self.identifiers.into_iter().map(identifier).collect(),
            mother_maiden_name: patient(self.mother_maiden_name),
            guardian_name: patient(self.guardian_name),
            birth_place: patient(self.birth_place),
            birth_order: patient(self.birth_order),
        })
    }
}

impl Row for RecordRow {
    type Word = StoredRecord;

    fn of(stored: &StoredRecord) -> Self {
        let (state, replaced_by) = state_numbers(stored.state);
        let linked = stored.link.event;
        let stamp = |event: EventSequence| if event == linked { 0 } else { event.0 };
        Self {
            index: stored.index.0,
            record: Some(SourceRow::of(&stored.record)),
            content_hash: stored.content_hash,
            link: Some(LinkRow::of(&stored.link)),
            version: stored.version,
            registered: stored.registered.0,
            updated: stored.updated.0,
            state,
            replaced_by,
            content_event: stamp(stored.content_event),
            changed: stamp(stored.changed),
            chosen: stored.chosen.iter().map(ChosenRow::of).collect(),
            consent: ConsentRow::of(stored.consent),
        }
    }

    fn word(self) -> Option<StoredRecord> {
        let link = self.link?.word()?;
        let event = |stamp| if stamp == 0 { link.event } else { EventSequence(stamp) };
        Some(StoredRecord {
            state: state_of(self.state, self.replaced_by)?,
            content_event: event(self.content_event),
            changed: event(self.changed),
            chosen: chosen_of(self.chosen)?,
            consent: ConsentRow::word(self.consent),
            index: RecordIndex(self.index),
            record: self.record?.word()?,
            content_hash: self.content_hash,
            link,
            version: self.version,
            registered: Timestamp(self.registered),
            updated: Timestamp(self.updated),
        })
    }
}
