//! Records made ready for linking on one thread, so that many threads can do it at once.

use empi_model::{NormalizedRecord, RecordKey, SourceRecord};
use hashbrown::HashTable;

use super::record_keys::RecordKeys;
use crate::lexicon::{Intern, Lexicon};
use crate::names_table::hash_of;
use crate::normalize::Normalizer;
use crate::row::{CompareRow, NameId, TextId};

/// Records normalised, their values numbered among themselves. A [`Linker`](super::Linker) takes them in
/// by translating the numbers, which costs little: so one thread keeps up with many that prepare.
#[derive(Debug, Default)]
pub struct Prepared {
    pub(super) keys: RecordKeys,
    /// A hash of each key.
    pub(super) key_hashes: Vec<u64>,
    pub(super) rows: Vec<CompareRow>,
    values: Numbers,
}

/// The values of a few records by number. 0 is the missing value.
#[derive(Debug)]
struct Numbers {
    names: Texts,
    texts: Texts,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { names: Texts::new(), texts: Texts::new() }
    }
}

impl Prepared {
    /// Normalises records and numbers their values.
    #[must_use]
    pub fn new(records: &[SourceRecord]) -> Self {
        let mut prepared = Self::with_capacity(records.len());
        let mut normalizer = Normalizer::default();
        records.iter().for_each(|record| prepared.add(&normalizer.normalize(record)));
        prepared
    }

    /// Nothing yet, with room for about so many records.
    #[must_use]
    pub fn with_capacity(records: usize) -> Self {
        let mut prepared = Self::default();
        prepared.rows.reserve(records);
        prepared.key_hashes.reserve(records);
        // As a rule each record brings about one new name and two new texts.
        prepared.values.names = Texts::with_capacity(records);
        prepared.values.texts = Texts::with_capacity(2 * records);
        prepared
    }

    /// Numbers the values of one more record.
    pub fn add(&mut self, record: &NormalizedRecord) {
        self.rows.push(self.values.row(record));
        let RecordKey { source, record_id } = &record.key;
        self.keys.push(source, record_id);
        self.key_hashes.push(hash_of(record_id) ^ hash_of(source).rotate_left(17));
    }

    /// Takes the values into a lexicon, counts the names of all records there, and gives the rows under
    /// the lexicon's numbers, in the order in which records were added.
    #[must_use]
    pub fn into_rows(mut self, lexicon: &mut Lexicon) -> Vec<CompareRow> {
        let names = lexicon.intern_names(self.names());
        let texts = lexicon.intern_texts(self.texts());
        let name = |id: NameId| names.get(id.0 as usize).copied().unwrap_or_default();
        let text = |id: TextId| texts.get(id.0 as usize).copied().unwrap_or_default();
        let counts = self.name_counts().into_iter();
        let counts = names.iter().copied().zip(counts).skip(1);
        lexicon.count_all(u32::try_from(self.rows.len()).unwrap_or(u32::MAX), counts);
        self.rows.iter_mut().for_each(|row| row.renumber(name, text));
        self.rows.shrink_to_fit();
        self.rows
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How often each name is a given and a family name among all rows.
    fn name_counts(&self) -> Vec<[u32; 2]> {
        let mut counts = vec![[0; 2]; self.values.names.items.len()];
        for name in self.rows.iter().flat_map(CompareRow::names) {
            for (role, id) in [name.given, name.family].into_iter().enumerate() {
                if let Some(count) = counts.get_mut(id.0 as usize).and_then(|it| it.get_mut(role)) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// Names with their hashes, by number.
    fn names(&self) -> impl Iterator<Item = (u64, &str)> + Clone {
        self.values.names.iter()
    }

    /// Texts with their hashes, by number.
    fn texts(&self) -> impl Iterator<Item = (u64, &str)> + Clone {
        self.values.texts.iter()
    }
}

impl Intern for Numbers {
    fn intern_name(&mut self, text: &str) -> NameId {
        NameId(self.names.number(text))
    }

    fn intern_text(&mut self, text: &str) -> TextId {
        TextId(self.texts.number(text))
    }
}

/// Distinct texts end to end. Patient data: `Debug` shows none.
struct Texts {
    letters: String,
    /// Hash and end of each text.
    items: Vec<(u64, usize)>,
    by_hash: HashTable<u32>,
}

impl Texts {
    fn new() -> Self {
        Self::with_capacity(0)
    }

    fn with_capacity(texts: usize) -> Self {
        let mut items = Vec::with_capacity(texts + 1);
        items.push((0, 0));
        Self { letters: String::new(), items, by_hash: HashTable::with_capacity(texts) }
    }

    fn text(&self, number: usize) -> &str {
        let start = number.checked_sub(1).and_then(|before| self.items.get(before));
        let end = self.items.get(number).map_or(0, |item| item.1);
        self.letters.get(start.map_or(0, |item| item.1)..end).unwrap_or_default()
    }

    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let hash = hash_of(text);
        let is_same = |number: &u32| self.text(*number as usize) == text;
        if let Some(number) = self.by_hash.find(hash, is_same) {
            return *number;
        }
        let number = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.letters.push_str(text);
        self.items.push((hash, self.letters.len()));
        let items = &self.items;
        let hash_at = |number: &u32| items.get(*number as usize).map_or(0, |item| item.0);
        self.by_hash.insert_unique(hash, number, hash_at);
        number
    }

    fn iter(&self) -> impl Iterator<Item = (u64, &str)> + Clone {
        let hashes = self.items.iter().map(|item| item.0);
        hashes.enumerate().map(|(number, hash)| (hash, self.text(number)))
    }
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Texts({} [redacted])", self.items.len())
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{PatientText, PersonName, PostalAddress};

    use super::*;
    use crate::normalize::normalize;

    /// A record with a value of every kind that a row names by number, several of some.
    fn record(source: &str, number: u32) -> SourceRecord {
        let text =
            |word: &str| PatientText::non_blank(&format!("{word}{}", "x".repeat(number as usize)));
        let name = |word: &str| PersonName {
            given: text(&format!("{word} given")),
            middle: text("middle"),
            family: text(word),
            suffix: None,
        };
        let address = |word: &str| PostalAddress {
            street: text(&format!("{} {word} street", number + 7)),
            city: text("city"),
            ..PostalAddress::default()
        };
        SourceRecord {
            key: RecordKey::new(source, number.to_string()),
            names: vec![name("one"), name("other")],
            addresses: vec![address("first"), address("second")],
            mother_maiden_name: text("mother"),
            ..SourceRecord::default()
        }
    }

    #[test]
    fn rows_of_any_part_are_those_that_the_lexicon_makes_itself() {
        // Each part meets sources and values in another order, and so numbers them otherwise.
        let parts = [
            vec![record("a", 0), record("b", 1), record("a", 2)],
            vec![record("b", 2), record("a", 1)],
            vec![record("c", 0), record("b", 0), record("a", 3)],
        ];
        let mut lexicon = Lexicon::new();
        for records in parts {
            let rows = Prepared::new(&records).into_rows(&mut lexicon);
            for (row, record) in rows.into_iter().zip(&records) {
                assert_eq!(row, lexicon.row(&normalize(record)));
            }
        }
    }
}
