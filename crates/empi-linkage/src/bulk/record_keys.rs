//! The keys of very many records in little memory.

use std::cmp::Ordering;

use empi_model::RecordKey;
use hashbrown::HashMap;
use rayon::prelude::*;

/// Record keys by their place. Sources are kept once, record IDs end to end, so that a key takes about
/// as much memory as its letters.
#[derive(Clone, Default)]
pub struct RecordKeys {
    sources: Vec<String>,
    source_numbers: HashMap<String, u32>,
    source_of: Vec<u32>,
    record_ids: String,
    ends: Vec<usize>,
}

impl RecordKeys {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The source and the record ID at a place.
    #[must_use]
    pub fn parts(&self, place: usize) -> Option<(&str, &str)> {
        let source = self.sources.get(*self.source_of.get(place)? as usize)?;
        Some((source, self.record_id(place)))
    }

    /// The key at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<RecordKey> {
        self.parts(place).map(|(source, record_id)| RecordKey::new(source, record_id))
    }

    /// Every source and record ID, by place.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.len()).filter_map(|place| self.parts(place))
    }

    /// The place of a key. Only for keys in ascending order.
    #[must_use]
    pub fn place(&self, key: &RecordKey) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let wanted = (key.source.as_str(), key.record_id.as_str());
            match self.parts(middle)?.cmp(&wanted) {
                Ordering::Equal => return Some(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The sources in the order of the records, each with how many records in a row it has.
    pub fn sources(&self) -> impl Iterator<Item = (&str, usize)> {
        let runs = self.source_of.chunk_by(|one, other| one == other);
        runs.map(|run| {
            let number = run.first().map_or(0, |number| *number as usize);
            (self.sources.get(number).map_or("", String::as_str), run.len())
        })
    }

    /// Adds a key at the next place.
    pub fn push(&mut self, source: &str, record_id: &str) {
        let number = match self.source_numbers.get(source) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
                self.sources.push(source.to_owned());
                self.source_numbers.insert(source.to_owned(), number);
                number
            }
        };
        self.source_of.push(number);
        self.record_ids.push_str(record_id);
        self.ends.push(self.record_ids.len());
    }

    fn record_id(&self, place: usize) -> &str {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(place).copied().unwrap_or_default();
        self.record_ids.get(start.unwrap_or_default()..end).unwrap_or_default()
    }

    /// The places in ascending order of their keys.
    pub(super) fn sorted_places(&self) -> Vec<u32> {
        let mut by_name: Vec<usize> = (0..self.sources.len()).collect();
        by_name.sort_unstable_by_key(|number| self.sources.get(*number));
        let mut ranks = vec![0_u32; by_name.len()];
        for (rank, number) in by_name.iter().enumerate() {
            if let Some(slot) = ranks.get_mut(*number) {
                *slot = u32::try_from(rank).unwrap_or(u32::MAX);
            }
        }
        let shared = self.shared_beginning();
        // Most comparisons end at the source and the first eight letters in which IDs differ.
        let mut sorted: Vec<(u32, u64, u32)> = (0..self.len())
            .into_par_iter()
            .map(|place| {
                let source = self.source_of.get(place).copied().unwrap_or_default();
                let rank = ranks.get(source as usize).copied().unwrap_or_default();
                let id = self.record_id(place).as_bytes();
                let letters = first_eight(id.get(shared..).unwrap_or_default());
                (rank, letters, u32::try_from(place).unwrap_or(u32::MAX))
            })
            .collect();
        sorted.par_sort_unstable_by(|one, other| {
            let by_beginning = (one.0, one.1).cmp(&(other.0, other.1));
            by_beginning
                .then_with(|| self.record_id(one.2 as usize).cmp(self.record_id(other.2 as usize)))
        });
        sorted.into_iter().map(|(_, _, place)| place).collect()
    }

    /// How many letters all record IDs begin with in common.
    fn shared_beginning(&self) -> usize {
        let first = self.record_id(0).as_bytes();
        (1..self.len()).fold(first.len(), |shared, place| {
            let id = self.record_id(place).as_bytes();
            let known = first.get(..shared).unwrap_or_default();
            if id.starts_with(known) {
                return shared;
            }
            known.iter().zip(id).take_while(|(one, other)| one == other).count()
        })
    }

    /// The same keys in another order.
    pub(super) fn reordered(&self, order: &[u32]) -> Self {
        let mut keys = Self {
            sources: self.sources.clone(),
            source_numbers: self.source_numbers.clone(),
            source_of: Vec::with_capacity(order.len()),
            record_ids: String::with_capacity(self.record_ids.len()),
            ends: Vec::with_capacity(order.len()),
        };
        for place in order {
            let source = self.source_of.get(*place as usize).copied().unwrap_or_default();
            keys.source_of.push(source);
            keys.record_ids.push_str(self.record_id(*place as usize));
            keys.ends.push(keys.record_ids.len());
        }
        keys
    }
}

/// Record IDs are often medical record numbers: only how many there are is shown.
impl std::fmt::Debug for RecordKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RecordKeys({} of {} sources)", self.len(), self.sources.len())
    }
}

/// The first eight bytes as a number that sorts as they do.
fn first_eight(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (slot, byte) in first.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_sort_as_keys_do(
            keys in prop::collection::btree_set(("[a-b]{0,2}", "x{0,3}[0-9\\x00é]{0,12}"), 0..40)
        ) {
            let mut reversed = RecordKeys::default();
            for (source, record_id) in keys.iter().rev() {
                reversed.push(source, record_id);
            }
            let sorted = reversed.reordered(&reversed.sorted_places());
            let expected: Vec<_> = keys.iter().map(|(it, id)| (it.as_str(), id.as_str())).collect();
            prop_assert_eq!(sorted.iter().collect::<Vec<_>>(), expected);
            for (place, (source, record_id)) in keys.iter().enumerate() {
                prop_assert_eq!(sorted.place(&RecordKey::new(source, record_id)), Some(place));
            }
            prop_assert_eq!(sorted.place(&RecordKey::new("c", "")), None);
        }
    }
}
