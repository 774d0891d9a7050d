//! Values normalised before: few names and places make up most of a file.

use compact_str::CompactString;
use empi_model::{NormalizedName, PatientText, PersonName, PostalAddress};
use hashbrown::{HashMap, HashTable};

use super::address::Place;
use super::{Notes, name, text};
use crate::names_table::hash_of;

/// Most names that are remembered, and most places: what is frequent comes early, and a core's cache
/// should hold it.
const NAMES_MAX: usize = 1 << 16;
const PLACES_MAX: usize = 1 << 14;
const STREETS_MAX: usize = 1 << 15;
const AUTHORITIES_MAX: usize = 16;

/// What was met before, by how the source wrote it. It changes no outcome, only the work. Patient data:
/// `Debug` shows none.
#[derive(Default)]
pub(super) struct Known {
    /// Names of one word, where they mean the same in any field; `None` where they may not.
    names: HashMap<CompactString, Option<PatientText>>,
    places: HashTable<(WrittenPlace, Place)>,
    /// Streets by how they are written behind a house number.
    streets: HashMap<CompactString, PatientText>,
    /// Assigning authorities in match form.
    authorities: Vec<(CompactString, CompactString)>,
}

/// City, state and postal code as written.
#[derive(PartialEq, Eq)]
struct WrittenPlace([CompactString; 3]);

impl Known {
    /// A name whose every part is one plain word; `None` where it takes more to read it.
    pub(super) fn plain_name(&mut self, name: &PersonName) -> Option<NormalizedName> {
        if name.suffix.is_some() || (name.given.is_none() && name.family.is_none()) {
            return None;
        }
        let mut plain = |part: &Option<PatientText>| match part {
            None => Some(None),
            Some(text) => self.plain_word(text.expose()).map(Some),
        };
        Some(NormalizedName {
            given: plain(&name.given)?,
            middle: plain(&name.middle)?,
            family: plain(&name.family)?,
        })
    }

    /// A name of one plain word, alone in its field.
    pub(super) fn plain_word(&mut self, text: &str) -> Option<PatientText> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let plain = name::plain_word(text);
        if self.names.len() < NAMES_MAX {
            self.names.insert(text.into(), plain.clone());
        }
        plain
    }

    /// House number and street of a line that names a street which was [learned](Self::learn_street).
    pub(super) fn street(&self, line: &str) -> Option<(PatientText, PatientText)> {
        let (number, street) = split_house_number(line)?;
        Some((number.into(), self.streets.get(street)?.clone()))
    }

    /// Remembers a street by a line that was read as a house number and the street's name. Where the number
    /// came out as it stands there, any other would, and the name would be the same.
    pub(super) fn learn_street(&mut self, line: &str, number: &str, name: &str) {
        if let Some((written, street)) = split_house_number(line)
            && written == number
            && !name.is_empty()
            && self.streets.len() < STREETS_MAX
        {
            self.streets.insert(street.into(), name.into());
        }
    }

    /// An assigning authority in match form.
    pub(super) fn authority(&mut self, written: &str) -> CompactString {
        if let Some((_, folded)) = self.authorities.iter().find(|(known, _)| known == written) {
            return folded.clone();
        }
        let folded = text::fold(written);
        if self.authorities.len() < AUTHORITIES_MAX {
            self.authorities.push((written.into(), folded.clone()));
        }
        folded
    }

    /// The place of an address, read by `read` unless it was before. A place that leaves a note is read
    /// each time, so that each record gets it.
    pub(super) fn place(
        &mut self,
        address: &PostalAddress,
        notes: &mut Notes,
        read: impl FnOnce(&PostalAddress, &mut Notes) -> Place,
    ) -> Place {
        let PostalAddress { city, state, postal_code, .. } = address;
        let written =
            [city, state, postal_code].map(|part| part.as_ref().map_or("", PatientText::expose));
        let hash = hash_of_place(written);
        let is_same = |(place, _): &(WrittenPlace, Place)| place.0 == written;
        if let Some((_, place)) = self.places.find(hash, is_same) {
            return place.clone();
        }
        let mut own_notes = Notes::default();
        let place = read(address, &mut own_notes);
        if own_notes.is_empty() && self.places.len() < PLACES_MAX {
            let entry = (WrittenPlace(written.map(CompactString::from)), place.clone());
            self.places.insert_unique(hash, entry, |(place, _)| {
                hash_of_place(place.0.each_ref().map(CompactString::as_str))
            });
        }
        notes.add_all(own_notes);
        place
    }
}

/// A house number of digits alone, and what stands behind it and one blank.
fn split_house_number(line: &str) -> Option<(&str, &str)> {
    let (number, street) = line.split_once(' ')?;
    let is_plain = text::is_number(number) && !number.starts_with('0');
    is_plain.then_some((number, street))
}

fn hash_of_place(parts: [&str; 3]) -> u64 {
    let [city, state, postal_code] = parts.map(hash_of);
    city ^ state.rotate_left(21) ^ postal_code.rotate_left(42)
}

impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Known({} names, {} places)", self.names.len(), self.places.len())
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{Identifier, SourceRecord};
    use proptest::prelude::*;

    use crate::normalize::{Normalizer, normalize};

    use super::*;

    const WORDS: [&str; 40] = [
        "",
        "Mary",
        "MARY",
        "Anna",
        "O'Neil",
        "Okafor",
        "Okafor-Bell",
        "Mary A",
        "A",
        "V",
        "Jr",
        "Sr.",
        "III",
        "MD",
        "Dr",
        "Mr",
        "Doe",
        "John",
        "Jane",
        "Baby",
        "Boy",
        "Girlmarie",
        "BG",
        "Unknown",
        "ZZTEST",
        "NMN",
        "Smith, Jr",
        "Okafor, Robert",
        "B/O Mary",
        "Müller",
        "de la Cruz",
        "Do",
        "Ma",
        "Test",
        "None",
        "2",
        "X",
        "Twin",
        "Male",
        "Junior",
    ];

    const PLACES: [&str; 14] = [
        "",
        "Fort Worth",
        "FORT WORTH",
        "Springfield MA",
        "Saint Paul",
        "MA",
        "Massachusetts",
        "TX",
        "2139",
        "02139",
        "76107-1234",
        "00000",
        "unknown",
        "Zürich",
    ];

    const NUMBERS: [&str; 8] = ["12", "7", "123", "012", "12A", "PO", "", "1/2"];

    const STREETS: [&str; 12] = [
        "",
        "Elm St",
        "elm street",
        "N Main St",
        "Elm St Apt 4",
        "'Elm Ave",
        " Elm St",
        "-B Elm St",
        "1/2 Elm St",
        "Avenue N",
        "Homeless",
        "7th Ave",
    ];

    proptest! {
        #[test]
        fn what_is_known_changes_nothing(
            rows in prop::collection::vec(
                (prop::array::uniform4(prop::sample::select(&WORDS[..])),
                 prop::array::uniform3(prop::sample::select(&PLACES[..])),
                 prop::sample::select(&NUMBERS[..]),
                 prop::sample::select(&STREETS[..])),
                1..8,
            )
        ) {
            let mut normalizer = Normalizer::default();
            for ([given, middle, family, mother], [city, state, postal_code], number, street) in rows {
                let [given, middle, family, mother, city, state, postal_code] =
                    [given, middle, family, mother, city, state, postal_code].map(PatientText::non_blank);
                let street = PatientText::non_blank(&format!("{number} {street}"));
                let numbers = [("Clinic B", "1"), (number, "2")];
                let record = SourceRecord {
                    names: vec![PersonName { given, middle, family, suffix: None }],
                    addresses: vec![PostalAddress { street, city, state, postal_code, ..PostalAddress::default() }],
                    identifiers: numbers
                        .map(|(authority, value)| Identifier {
                            authority: authority.to_owned(),
                            value: PatientText::new(value),
                        })
                        .to_vec(),
                    mother_maiden_name: mother,
                    ..SourceRecord::default()
                };
                let expected = normalize(&record);
                prop_assert!(normalizer.normalize(&record) == expected, "{:?}", expected.notes);
                prop_assert!(normalizer.normalize(&record) == expected);
            }
        }
    }
}
