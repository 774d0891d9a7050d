//! Distinct values in order of arrival, found again by their text.

use hashbrown::HashTable;

use crate::names_table::hash_of;

/// A count as a number of 32 bits. Lexicons stay far below; a number beyond would alias the last.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Values in order of arrival with an index by text. Number 0 is the missing value.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    pub(crate) items: Vec<T>,
    /// Half of each text's hash beside its number, so that growing never looks at a text again.
    by_text: HashTable<(u32, u32)>,
}

/// A value with the text that it is found by.
pub(crate) trait HasText {
    fn text_of(&self) -> &str;
}

impl<T: HasText> Table<T> {
    pub(crate) fn new(missing: T) -> Self {
        Self { items: vec![missing], by_text: HashTable::new() }
    }

    pub(crate) fn get(&self, id: u32) -> &T {
        let missing = &self.items[0];
        self.items.get(id as usize).unwrap_or(missing)
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.find_hashed(hash_of(text), text)
    }

    pub(crate) fn find_hashed(&self, hash: u64, text: &str) -> Option<u32> {
        if text.is_empty() {
            return Some(0);
        }
        let half = upper_half(hash);
        let is_same =
            |(its_half, id): &(u32, u32)| *its_half == half && self.get(*id).text_of() == text;
        self.by_text.find(spread(half), is_same).map(|(_, id)| *id)
    }

    /// For each hash the number of a text whose hash has the same half: nearly always the text itself.
    pub(crate) fn likely(&self, hashes: impl Iterator<Item = u64>) -> Vec<Option<u32>> {
        let found = hashes.map(|hash| {
            let half = upper_half(hash);
            self.by_text.find(spread(half), |(its_half, _)| *its_half == half).map(|(_, id)| *id)
        });
        found.collect()
    }

    pub(crate) fn add(&mut self, hash: u64, value: T) -> u32 {
        let id = number(self.items.len());
        self.items.push(value);
        let half = upper_half(hash);
        self.by_text.insert_unique(spread(half), (half, id), |(half, _)| spread(*half));
        id
    }
}

/// Half of a hash: what an index keeps of it.
pub(crate) const fn upper_half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A whole hash again from its half, for tables that take their place from some bits and a tag from
/// others.
pub(crate) const fn spread(half: u32) -> u64 {
    (half as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
