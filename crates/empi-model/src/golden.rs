//! The fields of a golden record, and the values that stewards have chosen for it.

use crate::EventSequence;

/// A field of the golden record. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GoldenField {
    /// Given, middle and family name and suffix.
    Name = 1,
    /// Birth date.
    BirthDate = 2,
    /// Sex.
    Sex = 3,
    /// Social Security number.
    Ssn = 4,
    /// Postal address.
    Address = 5,
    /// Telephone numbers.
    Phone = 6,
    /// E-mail addresses.
    Email = 7,
    /// One identifier by an authority.
    Identifier = 8,
    /// Mother's family name at birth.
    MotherMaidenName = 9,
    /// Guardian's name.
    GuardianName = 10,
    /// Place of birth.
    BirthPlace = 11,
    /// Order among a multiple birth.
    BirthOrder = 12,
}

impl GoldenField {
    /// Every field, in the order in which they are told.
    pub const ALL: [Self; 12] = [
        Self::Name,
        Self::BirthDate,
        Self::Sex,
        Self::Ssn,
        Self::Address,
        Self::Phone,
        Self::Email,
        Self::Identifier,
        Self::MotherMaidenName,
        Self::GuardianName,
        Self::BirthPlace,
        Self::BirthOrder,
    ];
}

/// A steward says that a record's value of a field is its person's, whatever the rule of the field. It stands
/// with the record: it goes where the record goes, and is gone with it. Where two are in force, after a merge,
/// the later one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The field.
    pub field: GoldenField,
    /// Who has chosen it.
    pub steward: String,
    /// The event by which.
    pub event: EventSequence,
}

/// What an event changed of the values chosen of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenChange {
    /// What was chosen before.
    pub before: Vec<Chosen>,
    /// What is chosen after.
    pub after: Vec<Chosen>,
}
