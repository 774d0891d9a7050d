//! Values normalised before: few names and places make up most of a file.

use compact_str::CompactString;
use empi_model::{NormalizedName, PatientText, PersonName, PostalAddress};
use hashbrown::{HashMap, HashTable};

use super::address::Place;
use super::{Notes, name};
use crate::names_table::hash_of;

/// Most names that are remembered, and most places: what is frequent comes early, and a core's cache
/// should hold it.
const NAMES_MAX: usize = 1 << 16;
const PLACES_MAX: usize = 1 << 14;

/// What was met before, by how the source wrote it. It changes no outcome, only the work. Patient data:
/// `Debug` shows none.
#[derive(Default)]
pub(super) struct Known {
    /// Names of one word, where they mean the same in any field; `None` where they may not.
    names: HashMap<CompactString, Option<PatientText>>,
    places: HashTable<(WrittenPlace, Place)>,
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

    fn plain_word(&mut self, text: &str) -> Option<PatientText> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let plain = name::plain_word(text);
        if self.names.len() < NAMES_MAX {
            self.names.insert(text.into(), plain.clone());
        }
        plain
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
    use empi_model::SourceRecord;
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

    proptest! {
        #[test]
        fn what_is_known_changes_nothing(
            rows in prop::collection::vec(
                (prop::array::uniform3(prop::sample::select(&WORDS[..])),
                 prop::array::uniform3(prop::sample::select(&PLACES[..]))),
                1..8,
            )
        ) {
            let mut normalizer = Normalizer::default();
            for ([given, middle, family], [city, state, postal_code]) in rows {
                let [given, middle, family, city, state, postal_code] =
                    [given, middle, family, city, state, postal_code].map(PatientText::non_blank);
                let record = SourceRecord {
                    names: vec![PersonName { given, middle, family, suffix: None }],
                    addresses: vec![PostalAddress { city, state, postal_code, ..PostalAddress::default() }],
                    ..SourceRecord::default()
                };
                let expected = normalize(&record);
                prop_assert!(normalizer.normalize(&record) == expected, "{:?}", expected.notes);
                prop_assert!(normalizer.normalize(&record) == expected);
            }
        }
    }
}
