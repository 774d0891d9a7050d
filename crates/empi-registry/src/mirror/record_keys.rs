//! Record keys and record indexes, both ways.

use empi_model::{RecordIndex, RecordKey};
use hashbrown::HashTable;
use prost::Message;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Keys in a piece.
const PIECE: usize = 4096;

/// Tables that the keys are spread over. A table that grows looks at each of its keys again, and a call
/// waits meanwhile: of one in a hundred, nobody notices.
const TABLES: usize = 256;

/// The key of every record, by index, and the index by key. Sources repeat, so they are kept once.
#[derive(Debug)]
pub(crate) struct RecordKeys {
    sources: Vec<String>,
    pieces: Vec<Piece>,
    count: u32,
    by_key: Vec<HashTable<u32>>,
}

/// Some keys, their record IDs end to end.
#[derive(Debug, Default)]
struct Piece {
    sources: Vec<u32>,
    ends: Vec<u32>,
    record_ids: String,
}

/// Some keys as they are kept.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct KeysPart {
    #[prost(uint32, repeated, tag = "1")]
    sources: Vec<u32>,
    #[prost(uint32, repeated, tag = "2")]
    ends: Vec<u32>,
    #[prost(string, tag = "3")]
    record_ids: String,
}

impl Piece {
    fn get(&self, at: usize) -> Option<(u32, &str)> {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let (begin, end) = (begin.unwrap_or(0) as usize, *self.ends.get(at)? as usize);
        let record_id = self.record_ids.get(begin..end)?;
        Some((*self.sources.get(at)?, record_id))
    }

    /// Puts another key in the place of one; those behind it move.
    fn replace(&mut self, at: usize, source: u32, record_id: &str) {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let (begin, Some(end)) = (begin.unwrap_or(0), self.ends.get(at).copied()) else { return };
        self.record_ids.replace_range(begin as usize..end as usize, record_id);
        let added = u32::try_from(record_id.len()).unwrap_or(u32::MAX);
        for later in self.ends.iter_mut().skip(at) {
            *later = (*later - (end - begin)).saturating_add(added);
        }
        if let Some(place) = self.sources.get_mut(at) {
            *place = source;
        }
    }
}

fn hash(source: u32, record_id: &str) -> u64 {
    xxh3_64_with_seed(record_id.as_bytes(), u64::from(source))
}

/// The table of a hash. Tables take the lowest and the highest bits for themselves.
const fn table_of(hash: u64) -> usize {
    (hash >> 40) as usize % TABLES
}

impl Default for RecordKeys {
    fn default() -> Self {
        let by_key = (0..TABLES).map(|_| HashTable::new()).collect();
        Self { sources: Vec::new(), pieces: Vec::new(), count: 0, by_key }
    }
}

impl RecordKeys {
    /// Every source that a key names.
    pub(crate) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The number of a source.
    pub(crate) fn source(&self, source: &str) -> Option<u32> {
        // Few systems send records: a search through them is faster than a hash.
        let at = self.sources.iter().position(|known| known == source)?;
        u32::try_from(at).ok()
    }

    fn parts_of(pieces: &[Piece], index: u32) -> Option<(u32, &str)> {
        let index = index as usize;
        pieces.get(index / PIECE)?.get(index % PIECE)
    }

    /// Makes room for so many keys in all.
    pub(crate) fn reserve(&mut self, count: usize) {
        // Hashes are not spread quite evenly: some room more saves growing a table at the end.
        let of_table = count.div_ceil(TABLES) + count / TABLES / 16;
        // Nothing is in them yet that would have to find another place.
        self.by_key.iter_mut().filter(|table| table.is_empty()).for_each(|table| {
            *table = HashTable::with_capacity(of_table);
        });
    }

    /// The index of a record.
    pub(crate) fn index(&self, key: &RecordKey) -> Option<RecordIndex> {
        let source = self.source(&key.source)?;
        let wanted = Some((source, key.record_id.as_str()));
        let hash = hash(source, &key.record_id);
        let table = self.by_key.get(table_of(hash))?;
        let found = table.find(hash, |index| Self::parts_of(&self.pieces, *index) == wanted);
        found.map(|index| RecordIndex(*index))
    }

    /// The key of a record.
    pub(crate) fn key(&self, RecordIndex(index): RecordIndex) -> Option<RecordKey> {
        let (source, record_id) = Self::parts_of(&self.pieces, index)?;
        Some(RecordKey::new(self.sources.get(source as usize)?.clone(), record_id))
    }

    /// The number of a record's source.
    pub(crate) fn source_of(&self, RecordIndex(index): RecordIndex) -> Option<u32> {
        Self::parts_of(&self.pieces, index).map(|(source, _)| source)
    }

    /// Whether a record was erased: nothing but a keyed hash stands for its key then, under a source without a name.
    pub(crate) fn is_erased(&self, record: RecordIndex) -> bool {
        let source = self.source_of(record).and_then(|at| self.sources.get(at as usize));
        source.is_some_and(String::is_empty)
    }

    /// Gives a record another key, and forgets the one it had.
    pub(crate) fn rename(&mut self, RecordIndex(index): RecordIndex, key: &RecordKey) {
        let Some((source, record_id)) = Self::parts_of(&self.pieces, index) else { return };
        let old = hash(source, record_id);
        if let Some(table) = self.by_key.get_mut(table_of(old))
            && let Ok(entry) = table.find_entry(old, |found| *found == index)
        {
            entry.remove();
        }
        let source = self.number_of(&key.source);
        let at = index as usize % PIECE;
        if let Some(piece) = self.pieces.get_mut(index as usize / PIECE) {
            piece.replace(at, source, &key.record_id);
        }
        self.enter(index, hash(source, &key.record_id));
    }

    fn number_of(&mut self, source: &str) -> u32 {
        self.source(source).unwrap_or_else(|| {
            self.sources.push(source.to_owned());
            u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn enter(&mut self, index: u32, hash_of_key: u64) {
        let pieces = &self.pieces;
        let rehash = |index: &u32| {
            Self::parts_of(pieces, *index).map_or(0, |(source, record_id)| hash(source, record_id))
        };
        if let Some(table) = self.by_key.get_mut(table_of(hash_of_key)) {
            table.insert_unique(hash_of_key, index, rehash);
        }
    }

    /// All keys, in parts as they are kept.
    pub(crate) fn parts(&self) -> impl Iterator<Item = KeysPart> + '_ {
        self.pieces.iter().map(|Piece { sources, ends, record_ids }| KeysPart {
            sources: sources.clone(),
            ends: ends.clone(),
            record_ids: record_ids.clone(),
        })
    }

    /// The sources that keys name by number, before any key is taken in.
    pub(crate) fn set_sources(&mut self, sources: Vec<String>) {
        self.sources = sources;
    }

    /// Takes the next part in. `None` for what is no part.
    pub(crate) fn take(&mut self, KeysPart { sources, ends, record_ids }: KeysPart) -> Option<()> {
        let is_sound = sources.len() == ends.len()
            && (1..=PIECE).contains(&ends.len())
            && (self.count as usize).is_multiple_of(PIECE)
            && ends.is_sorted()
            && ends.iter().all(|end| record_ids.is_char_boundary(*end as usize));
        if !is_sound {
            return None;
        }
        let first = self.count;
        self.count += u32::try_from(ends.len()).ok()?;
        self.pieces.push(Piece { sources, ends, record_ids });
        for index in first..self.count {
            let (source, record_id) = Self::parts_of(&self.pieces, index)?;
            self.enter(index, hash(source, record_id));
        }
        Some(())
    }

    /// Adds the key of the next record.
    pub(crate) fn push(&mut self, key: &RecordKey) {
        let source = self.number_of(&key.source);
        if (self.count as usize).is_multiple_of(PIECE) {
            // Nothing more comes into the piece before: it needs no room to grow.
            if let Some(full) = self.pieces.last_mut() {
                full.record_ids.shrink_to_fit();
            }
            self.pieces.push(Piece::default());
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.record_ids.push_str(&key.record_id);
            // Each is shorter than a message of a megabyte: four thousand stay below 2^32.
            piece.ends.push(u32::try_from(piece.record_ids.len()).unwrap_or(u32::MAX));
            piece.sources.push(source);
        }
        let index = self.count;
        self.count += 1;
        self.enter(index, hash(source, &key.record_id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indexes_answer_each_other() {
        let mut keys = RecordKeys::default();
        let key = |at: usize| RecordKey::new(format!("s{}", at % 3), format!("r{}", at / 3));
        for at in 0..3 * PIECE {
            assert_eq!(keys.index(&key(at)), None);
            keys.push(&key(at));
        }
        for at in 0..3 * PIECE {
            let index = keys.index(&key(at)).unwrap();
            assert_eq!(index.0 as usize, at);
            assert_eq!(keys.key(index), Some(key(at)));
        }
        assert_eq!(keys.index(&RecordKey::new("s9", "r1")), None);
        for at in [0, 5, PIECE, 3 * PIECE - 1] {
            let (index, stone) =
                (keys.index(&key(at)).unwrap(), RecordKey::new("", format!("x{at}")));
            keys.rename(index, &stone);
            assert_eq!((keys.index(&key(at)), keys.index(&stone)), (None, Some(index)));
            assert!(keys.is_erased(index) && keys.key(index) == Some(stone));
            let next = RecordIndex(index.0.saturating_sub(1).max(1));
            assert_eq!(keys.key(next), Some(key(next.0 as usize)), "others stay as they are");
        }
    }
}
