//! A lexicon made again from what was kept of it: its values under the numbers that they had.

use empi_model::PatientText;

use super::{Lexicon, NameValue, TextValue, name_value};
use crate::names_table::hash_of;
use crate::row::{CompareRow, NameId};

impl NameValue {
    /// A name as it was in a lexicon: `words` are the numbers of its words there, counts those of the records that
    /// carry it. What follows from the text is derived anew.
    #[must_use]
    pub fn again(text: &str, words: &[NameId], [given_count, family_count]: [u32; 2]) -> Self {
        Self { given_count, family_count, ..name_value(text, words) }
    }
}

impl Lexicon {
    /// Every text other than a name, in the order of their numbers, which begin at 1. Patient data.
    pub fn texts(&self) -> impl Iterator<Item = &TextValue> {
        self.texts.items.iter().skip(1)
    }

    /// How many names and other texts there are.
    #[must_use]
    pub fn lengths(&self) -> [usize; 2] {
        [self.names.items.len() - 1, self.texts.items.len() - 1]
    }

    /// Puts a name under the next number. One without text takes the number and is never found: nothing carried it
    /// any more when the lexicon was kept.
    pub fn put_name_again(&mut self, name: NameValue) {
        match name.text() {
            "" => self.names.items.push(name),
            text => drop(self.names.add(hash_of(text), name)),
        }
    }

    /// Puts a text other than a name under the next number, as [`put_name_again`](Self::put_name_again) does.
    pub fn put_text_again(&mut self, text: PatientText) {
        match text.expose() {
            "" => self.texts.items.push(TextValue { text, hash: 0 }),
            exposed => {
                let hash = hash_of(exposed);
                self.texts.add(hash, TextValue { text, hash });
            }
        }
    }

    /// Says how many records were counted.
    pub const fn set_record_count(&mut self, records: u32) {
        self.record_count = records;
    }
}

/// Which values of a lexicon rows carry, by number.
#[derive(Clone, Debug)]
pub struct CarriedValues {
    names: Vec<bool>,
    texts: Vec<bool>,
}

impl CarriedValues {
    /// Nothing is carried yet.
    #[must_use]
    pub fn none_of(lexicon: &Lexicon) -> Self {
        let [names, texts] = lexicon.lengths();
        Self { names: vec![false; names + 1], texts: vec![false; texts + 1] }
    }

    /// Notes what a row carries, and the words of its names.
    pub fn add(&mut self, lexicon: &Lexicon, row: &CompareRow) {
        let named = row.names().flat_map(|name| [name.given, name.middle, name.family]);
        for id in named.chain([row.mother]) {
            for id in lexicon.names.get(id.0).words().iter().copied().chain([id]) {
                note(&mut self.names, id.0);
            }
        }
        for address in row.addresses() {
            let [number, street, unit] = [address.number, address.street, address.unit];
            let place = [address.city, address.state, address.postal_code];
            [number, street, unit]
                .into_iter()
                .chain(place)
                .for_each(|id| note(&mut self.texts, id.0));
        }
        note(&mut self.texts, row.source.0);
    }

    /// Whether a name of this number is carried.
    #[must_use]
    pub fn name(&self, number: usize) -> bool {
        self.names.get(number).copied().unwrap_or(false)
    }

    /// Whether a text of this number is carried.
    #[must_use]
    pub fn text(&self, number: usize) -> bool {
        self.texts.get(number).copied().unwrap_or(false)
    }
}

fn note(carried: &mut [bool], number: u32) {
    if let Some(carried) = carried.get_mut(number as usize) {
        *carried = true;
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{NormalizedName, NormalizedRecord};

    use super::*;
    use crate::lexicon::Intern as _;

    fn row(lexicon: &mut Lexicon, given: &str, family: &str) -> CompareRow {
        let text = PatientText::non_blank;
        let name = NormalizedName { given: text(given), middle: None, family: text(family) };
        lexicon.row(&NormalizedRecord { names: vec![name], ..NormalizedRecord::default() })
    }

    #[test]
    fn what_is_carried_has_the_same_number_again_and_what_is_not_is_gone() {
        let mut lexicon = Lexicon::new();
        let gone = row(&mut lexicon, "ADA", "WHO LEFT");
        let stays = row(&mut lexicon, "MARY", "DE LA CRUZ");
        lexicon.count(&stays);
        let mut carried = CarriedValues::none_of(&lexicon);
        carried.add(&lexicon, &stays);

        let mut again = Lexicon::new();
        for (id, name) in lexicon.names() {
            let text = if carried.name(id.0 as usize) { name.text() } else { "" };
            again.put_name_again(NameValue::again(
                text,
                name.words(),
                [name.given_count, name.family_count],
            ));
        }
        lexicon.texts().for_each(|text| again.put_text_again(text.text().into()));
        again.set_record_count(1);

        assert_eq!(again.lengths(), lexicon.lengths());
        for (id, name) in lexicon.names().filter(|(id, _)| carried.name(id.0 as usize)) {
            assert_eq!(again.names.get(id.0), name);
        }
        assert_eq!(row(&mut again, "MARY", "DE LA CRUZ"), stays);
        let anew = row(&mut again, "ADA", "WHO LEFT");
        assert!(anew.name.given > gone.name.given, "nobody carried it: it gets another number");
    }
}
