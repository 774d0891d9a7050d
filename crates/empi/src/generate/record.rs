//! One record: what is true of a person on the day of a visit, what goes wrong with it, and how the
//! source writes it down.

use super::clerk::Clerk;
use super::dice::{Dice, Purpose};
use super::numbers::Numbers;
use super::people::Household;
use super::rates::{Difficulty, Mishaps};
use super::sources::Source;

/// The columns of the generated file: the canonical ones, and the truth.
pub(super) const HEADER: [&str; 24] = [
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
    "person_id",
];

/// A record as its columns, apart from the record ID, which its place in the file gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) source: String,
    pub(super) given: String,
    pub(super) middle: String,
    pub(super) family: String,
    pub(super) suffix: String,
    pub(super) birth_date: String,
    pub(super) sex: String,
    pub(super) ssn: String,
    pub(super) street: String,
    pub(super) unit: String,
    pub(super) city: String,
    pub(super) state: String,
    pub(super) postal_code: String,
    pub(super) country: String,
    pub(super) phone: String,
    pub(super) email: String,
    pub(super) mrn: String,
    pub(super) identifier: String,
    pub(super) mother_maiden: String,
    pub(super) guardian: String,
    pub(super) birth_place: String,
    pub(super) birth_order: String,
    pub(super) person_id: String,
    /// What went wrong.
    pub(super) mishaps: Mishaps,
}

impl Row {
    /// The values in the order of [`HEADER`].
    pub(super) fn values<'a>(&'a self, record_id: &'a str) -> [&'a str; HEADER.len()] {
        [
            &self.source,
            record_id,
            &self.given,
            &self.middle,
            &self.family,
            &self.suffix,
            &self.birth_date,
            &self.sex,
            &self.ssn,
            &self.street,
            &self.unit,
            &self.city,
            &self.state,
            &self.postal_code,
            &self.country,
            &self.phone,
            &self.email,
            &self.mrn,
            &self.identifier,
            &self.mother_maiden,
            &self.guardian,
            &self.birth_place,
            &self.birth_order,
            &self.person_id,
        ]
    }
}

/// Which record is meant: of which person of which household, and the how manieth of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordPlace {
    pub(super) household: u32,
    pub(super) member: u8,
    pub(super) visit: u8,
}

/// The seed, the difficulty, and everything that all records share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) difficulty: Difficulty,
    pub(super) sources: Vec<Source>,
    pub(super) numbers: Numbers,
}

impl World {
    /// Writes down one record of a household. `None` when there is no such record.
    pub(super) fn row(&self, place: RecordPlace, household: &Household) -> Option<Row> {
        let person = household.people.get(usize::from(place.member))?;
        let &(source_index, day) = person.visits.get(usize::from(place.visit))?;
        let source = self.sources.get(usize::from(source_index))?;
        let index = u64::from(place.household) << 6
            | u64::from(place.member & 7) << 3
            | u64::from(place.visit & 7);
        let clerk = Clerk {
            world: self,
            household,
            person,
            source,
            place,
            day,
            dice: Dice::new(self.seed, Purpose::Record, index),
            row: Row {
                source: source.name.clone(),
                person_id: person.number.to_string(),
                ..Row::default()
            },
        };
        Some(clerk.write(source_index))
    }
}
