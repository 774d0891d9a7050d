//! Which records have a blocking key: the inverted index of the mirror.
//!
//! Most keys belong to one record, so a key's entry is twelve bytes: the key, and either that
//! record or the number of a list. With some fifteen keys per record, this is what decides how many
//! records fit into memory.

use empi_model::{BlockingKey, RecordIndex};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rayon::prelude::*;

/// Set in a target that is the number of a list.
const LIST: u32 = 1 << 31;

/// Records by blocking key: in shards, so that all cores can fill it.
#[derive(Debug)]
pub(crate) struct Postings {
    shards: Vec<Shard>,
}

/// The keys whose hash falls into one share of all.
#[derive(Debug, Default)]
struct Shard {
    table: HashTable<Slot>,
    lists: Vec<Vec<u32>>,
    free: Vec<u32>,
}

/// How many shards there are.
const SHARDS: usize = 16;

/// The shard of a key. Tables take the lowest and the highest bits of a hash for themselves.
const fn shard_of(key: BlockingKey) -> usize {
    (hash(key.as_number()) >> 40) as usize % SHARDS
}

/// A key in two halves, so that it aligns to four bytes, and where its records are.
#[derive(Clone, Copy, Debug)]
struct Slot {
    high: u32,
    low: u32,
    target: u32,
}

impl Slot {
    const fn key(self) -> u64 {
        ((self.high as u64) << 32) | self.low as u64
    }
}

/// Keys are hashes already, but their rule stands in the top byte: multiplying spreads it.
const fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

impl Default for Postings {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl Postings {
    /// Makes room for so many more keys.
    pub(crate) fn reserve(&mut self, keys: usize) {
        let keys = keys.div_ceil(SHARDS);
        let reserve = |shard: &mut Shard| shard.table.reserve(keys, |slot| hash(slot.key()));
        self.shards.par_iter_mut().for_each(reserve);
    }

    /// The records with a key, in ascending order.
    pub(crate) fn records(&self, key: BlockingKey) -> &[u32] {
        self.shards.get(shard_of(key)).map_or(&[], |shard| shard.records(key))
    }

    /// Adds a record to a key, if it is not there yet.
    pub(crate) fn insert(&mut self, key: BlockingKey, record: RecordIndex) {
        if let Some(shard) = self.shards.get_mut(shard_of(key)) {
            shard.insert(key, record);
        }
    }

    /// Adds very many records to keys, shard by shard on all cores. Each part holds postings by the shard
    /// of their key.
    pub(crate) fn insert_all(&mut self, parts: &[Sharded]) {
        self.shards.par_iter_mut().enumerate().for_each(|(number, shard)| {
            let postings = parts.iter().filter_map(|part| part.0.get(number)).flatten();
            postings.for_each(|(key, record)| shard.insert(*key, *record));
        });
    }

    /// Takes a record from a key.
    pub(crate) fn remove(&mut self, key: BlockingKey, record: RecordIndex) {
        if let Some(shard) = self.shards.get_mut(shard_of(key)) {
            shard.remove(key, record);
        }
    }

    /// Every key with its records, in no order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &[u32])> {
        self.shards.iter().flat_map(|shard| {
            shard.table.iter().map(|slot| {
                let key = BlockingKey::from_number(slot.key());
                (slot.key(), shard.records(key))
            })
        })
    }
}

/// Postings by the shard of their key.
#[derive(Debug)]
pub(crate) struct Sharded(Vec<Vec<(BlockingKey, RecordIndex)>>);

impl FromIterator<(BlockingKey, RecordIndex)> for Sharded {
    fn from_iter<T: IntoIterator<Item = (BlockingKey, RecordIndex)>>(postings: T) -> Self {
        let mut shards: Vec<Vec<_>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for (key, record) in postings {
            if let Some(shard) = shards.get_mut(shard_of(key)) {
                shard.push((key, record));
            }
        }
        Self(shards)
    }
}

impl Shard {
    fn records(&self, key: BlockingKey) -> &[u32] {
        let number = key.as_number();
        match self.table.find(hash(number), |slot| slot.key() == number) {
            None => &[],
            Some(Slot { target, .. }) if target & LIST == 0 => std::slice::from_ref(target),
            Some(slot) => self.list(slot.target),
        }
    }

    fn list(&self, target: u32) -> &[u32] {
        self.lists.get((target & !LIST) as usize).map_or(&[], Vec::as_slice)
    }

    fn insert(&mut self, key: BlockingKey, RecordIndex(record): RecordIndex) {
        let number = key.as_number();
        let entry =
            self.table.entry(hash(number), |slot| slot.key() == number, |slot| hash(slot.key()));
        let mut occupied = match entry {
            Entry::Vacant(vacant) => {
                let [high, low] = [(number >> 32) as u32, (number & 0xFFFF_FFFF) as u32];
                vacant.insert(Slot { high, low, target: record });
                return;
            }
            Entry::Occupied(occupied) => occupied,
        };
        let slot = occupied.get_mut();
        if slot.target & LIST == 0 {
            if slot.target != record {
                let list = vec![slot.target.min(record), slot.target.max(record)];
                slot.target = LIST | keep_list(&mut self.lists, &mut self.free, list);
            }
        } else if let Some(list) = self.lists.get_mut((slot.target & !LIST) as usize) {
            // Records mostly come in ascending order, so this is mostly a push.
            if let Err(at) = list.binary_search(&record) {
                list.insert(at, record);
            }
        }
    }

    fn remove(&mut self, key: BlockingKey, RecordIndex(record): RecordIndex) {
        let number = key.as_number();
        let found = self.table.find_entry(hash(number), |slot| slot.key() == number);
        let Ok(mut occupied) = found else { return };
        let slot = occupied.get_mut();
        if slot.target & LIST == 0 {
            if slot.target == record {
                occupied.remove();
            }
            return;
        }
        let number = slot.target & !LIST;
        let Some(list) = self.lists.get_mut(number as usize) else { return };
        if let Ok(at) = list.binary_search(&record) {
            list.remove(at);
        }
        if let [last] = list.as_slice() {
            slot.target = *last;
            *list = Vec::new();
            self.free.push(number);
        }
    }
}

/// Puts a list into a free place, or at the end; returns its number.
fn keep_list(lists: &mut Vec<Vec<u32>>, free: &mut Vec<u32>, list: Vec<u32>) -> u32 {
    if let Some(number) = free.pop()
        && let Some(place) = lists.get_mut(number as usize)
    {
        *place = list;
        return number;
    }
    lists.push(list);
    u32::try_from(lists.len() - 1).unwrap_or(LIST - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use empi_model::BlockingRule;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn postings_are_a_map_of_sets(
            steps in proptest::collection::vec((any::<bool>(), 0_u64..6, 0_u32..8), 0..200)
        ) {
            let mut postings = Postings::default();
            let mut expected: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
            for (is_insert, key, record) in steps {
                let key = BlockingKey::new(BlockingRule::Phone, key);
                if is_insert {
                    postings.insert(key, RecordIndex(record));
                    expected.entry(key.as_number()).or_default().insert(record);
                } else {
                    postings.remove(key, RecordIndex(record));
                    if let Some(records) = expected.get_mut(&key.as_number()) {
                        records.remove(&record);
                    }
                }
                expected.retain(|_, records| !records.is_empty());
                let found: BTreeMap<u64, BTreeSet<u32>> = postings
                    .iter()
                    .map(|(key, records)| (key, records.iter().copied().collect()))
                    .collect();
                prop_assert_eq!(&found, &expected);
            }
        }
    }

    #[test]
    fn a_key_costs_twelve_bytes() {
        assert_eq!(size_of::<Slot>(), 12);
    }
}
