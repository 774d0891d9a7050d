//! Record keys and record indexes, both ways.

use empi_model::{RecordIndex, RecordKey};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The key of every record, by index, and the index by key. Sources repeat, so they are kept once.
#[derive(Debug, Default)]
pub(crate) struct RecordKeys {
    sources: Vec<String>,
    keys: Vec<Key>,
    by_key: HashTable<u32>,
}

#[derive(Debug)]
struct Key {
    source: u32,
    record_id: Box<str>,
}

fn hash(source: u32, record_id: &str) -> u64 {
    xxh3_64_with_seed(record_id.as_bytes(), u64::from(source))
}

impl RecordKeys {
    fn source(&self, source: &str) -> Option<u32> {
        // Few systems send records: a search through them is faster than a hash.
        let at = self.sources.iter().position(|known| known == source)?;
        u32::try_from(at).ok()
    }

    /// The index of a record.
    pub(crate) fn index(&self, key: &RecordKey) -> Option<RecordIndex> {
        let source = self.source(&key.source)?;
        let is_it = |at: &u32| {
            self.keys
                .get(*at as usize)
                .is_some_and(|known| known.source == source && *known.record_id == *key.record_id)
        };
        self.by_key.find(hash(source, &key.record_id), is_it).map(|at| RecordIndex(*at))
    }

    /// The key of a record.
    pub(crate) fn key(&self, RecordIndex(index): RecordIndex) -> Option<RecordKey> {
        let Key { source, record_id } = self.keys.get(index as usize)?;
        Some(RecordKey::new(self.sources.get(*source as usize)?.clone(), record_id.to_string()))
    }

    /// Adds the key of the next record.
    pub(crate) fn push(&mut self, key: &RecordKey) {
        let source = self.source(&key.source).unwrap_or_else(|| {
            self.sources.push(key.source.clone());
            u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
        });
        let index = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(Key { source, record_id: key.record_id.clone().into_boxed_str() });
        let keys = &self.keys;
        let rehash =
            |at: &u32| keys.get(*at as usize).map_or(0, |key| hash(key.source, &key.record_id));
        self.by_key.insert_unique(hash(source, &key.record_id), index, rehash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indexes_answer_each_other() {
        let mut keys = RecordKeys::default();
        let key = |at: usize| RecordKey::new(format!("s{}", at % 3), format!("r{}", at / 3));
        for at in 0..1000 {
            assert_eq!(keys.index(&key(at)), None);
            keys.push(&key(at));
        }
        for at in 0..1000 {
            let index = keys.index(&key(at)).unwrap();
            assert_eq!(index.0 as usize, at);
            assert_eq!(keys.key(index), Some(key(at)));
        }
        assert_eq!(keys.index(&RecordKey::new("s9", "r1")), None);
    }
}
