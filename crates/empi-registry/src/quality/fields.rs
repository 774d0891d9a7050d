//! What sources leave out, and what they write where they know nothing: counts for each source and field.
//!
//! What a placeholder is only normalising tells, and the mirror does not keep it: half a kibibyte for each source is kept
//! instead. Every record is read once, and then those that events tell of.

use empi_model::{NormalizedRecord, QualityNote, RecordField};
use hashbrown::HashMap;

/// Fields that are counted.
const FIELDS: usize = RecordField::ALL.len();

/// What the records of one source say in each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFields {
    /// The source.
    pub source: String,
    /// Its records with a say.
    pub records: u64,
    /// Counts by field, in the order of [`RecordField::ALL`].
    pub fields: [FieldCounts; FIELDS],
}

/// How many records say what in one field. All others say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FieldCounts {
    /// A value that can be used.
    pub usable: u64,
    /// Nothing but a placeholder: a value that means "not known".
    pub placeholder: u64,
    /// Nothing but what cannot be read or is impossible.
    pub unreadable: u64,
}

impl FieldCounts {
    /// Records that say anything at all in the field.
    #[must_use]
    pub const fn filled(&self) -> u64 {
        self.usable + self.placeholder + self.unreadable
    }

    /// The sum of two.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            usable: self.usable + other.usable,
            placeholder: self.placeholder + other.placeholder,
            unreadable: self.unreadable + other.unreadable,
        }
    }

    fn of(&mut self, says: Says) -> Option<&mut u64> {
        match says {
            Says::Usable => Some(&mut self.usable),
            Says::Placeholder => Some(&mut self.placeholder),
            Says::Unreadable => Some(&mut self.unreadable),
            Says::Nothing => None,
        }
    }
}

/// Counts of all sources as they are kept between two surveys.
#[derive(Debug, Default)]
pub(super) struct FieldLedger(HashMap<String, SourceFields>);

impl FieldLedger {
    /// A record came.
    pub(super) fn add(&mut self, record: &NormalizedRecord) {
        let counts = self.0.entry_ref(record.key.source.as_str()).or_insert_with(|| SourceFields {
            source: record.key.source.clone(),
            records: 0,
            fields: [FieldCounts::default(); FIELDS],
        });
        counts.records += 1;
        for (counts, field) in counts.fields.iter_mut().zip(RecordField::ALL) {
            counts.of(says(record, field)).into_iter().for_each(|count| *count += 1);
        }
    }

    /// A record went, or is about to come with other content.
    pub(super) fn subtract(&mut self, record: &NormalizedRecord) {
        let Some(counts) = self.0.get_mut(&record.key.source) else { return };
        counts.records = counts.records.saturating_sub(1);
        for (counts, field) in counts.fields.iter_mut().zip(RecordField::ALL) {
            let count = counts.of(says(record, field));
            count.into_iter().for_each(|count| *count = count.saturating_sub(1));
        }
    }

    /// The sources that have records, the one with most first.
    pub(super) fn list(&self) -> Vec<SourceFields> {
        let mut list: Vec<_> = self.0.values().filter(|it| it.records > 0).cloned().collect();
        list.sort_by(|one, other| {
            other.records.cmp(&one.records).then_with(|| one.source.cmp(&other.source))
        });
        list
    }
}

/// What a record says in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Usable,
    Placeholder,
    Unreadable,
    Nothing,
}

/// One usable value is enough, whatever else is written beside it.
fn says(record: &NormalizedRecord, field: RecordField) -> Says {
    if is_usable(record, field) {
        return Says::Usable;
    }
    let has = |note: QualityNote| record.notes.contains(&note);
    let is_newborn = field == RecordField::GivenName && record.newborn_name;
    if is_newborn || has(QualityNote::Placeholder(field)) {
        Says::Placeholder
    } else if has(QualityNote::Unreadable(field)) || has(QualityNote::Impossible(field)) {
        Says::Unreadable
    } else {
        Says::Nothing
    }
}

fn is_usable(record: &NormalizedRecord, field: RecordField) -> bool {
    let named = |part: fn(&empi_model::NormalizedName) -> bool| record.names.iter().any(part);
    let housed =
        |part: fn(&empi_model::NormalizedAddress) -> bool| record.addresses.iter().any(part);
    match field {
        RecordField::GivenName => named(|name| name.given.is_some()),
        RecordField::MiddleName => named(|name| name.middle.is_some()),
        RecordField::FamilyName => named(|name| name.family.is_some()),
        RecordField::Suffix => record.suffix.is_some(),
        RecordField::BirthDate => record.birth_date.is_some(),
        RecordField::Sex => record.sex.is_some(),
        RecordField::Ssn => record.ssn.is_some(),
        RecordField::Street => housed(|address| address.street.is_some()),
        RecordField::Unit => housed(|address| address.unit.is_some()),
        RecordField::City => housed(|address| address.city.is_some()),
        RecordField::State => housed(|address| address.state.is_some()),
        RecordField::PostalCode => housed(|address| address.postal_code.is_some()),
        RecordField::Phone => !record.phones.is_empty(),
        RecordField::Email => !record.emails.is_empty(),
        RecordField::Identifier => !record.identifiers.is_empty(),
        RecordField::MotherMaidenName => record.mother_maiden_name.is_some(),
        RecordField::GuardianName => record.guardian_name.is_some(),
        RecordField::BirthPlace => record.birth_place.is_some(),
        RecordField::BirthOrder => record.birth_order.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use empi_linkage::normalize;

    use super::*;
    use crate::tests::record;

    fn counts(ledger: &FieldLedger, field: RecordField) -> [u64; 3] {
        let list = ledger.list();
        let at = RecordField::ALL.iter().position(|it| *it == field).unwrap();
        let FieldCounts { usable, placeholder, unreadable } = list[0].fields[at];
        [usable, placeholder, unreadable]
    }

    #[test]
    fn what_a_field_says_is_counted_and_taken_back() {
        use RecordField::{BirthDate, FamilyName, GivenName, MotherMaidenName, Phone, Sex, Ssn};
        let lines = [
            "Robert|Okafor||1980-03-12|M|457-12-9983|12 Elm Street|02139|617-555-8123",
            "Unknown|Okafor||1980-99-99|U|999-99-9999||02139|000-000-0000",
            "Baby Girl|Okafor|||zebra|||02139|",
        ];
        let mut ledger = FieldLedger::default();
        let records: Vec<_> =
            lines.iter().map(|line| normalize(&record("north/1", line))).collect();
        records.iter().for_each(|record| ledger.add(record));
        for (field, expected) in [
            (GivenName, [1, 2, 0]),
            (FamilyName, [3, 0, 0]),
            (Sex, [1, 1, 1]),
            (Ssn, [1, 1, 0]),
            (Phone, [1, 1, 0]),
            (MotherMaidenName, [0, 0, 0]),
        ] {
            assert_eq!(counts(&ledger, field), expected, "{field:?}");
        }
        assert_eq!(counts(&ledger, BirthDate).iter().sum::<u64>(), 2);
        records.iter().skip(1).for_each(|record| ledger.subtract(record));
        assert_eq!(counts(&ledger, GivenName), [1, 0, 0]);
        assert_eq!(ledger.list()[0].records, 1);
        ledger.subtract(&records[0]);
        assert_eq!(ledger.list(), []);
    }
}
