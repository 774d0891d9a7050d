//! The postings of one share of all keys: packed, with what changed since beside it.

use hashbrown::HashMap;
use prost::Message;
use smallvec::SmallVec;

/// A key inside its page, and a record: the key's tag in the upper half, so that they sort by key.
pub(super) type Posting = u64;

/// Every so many lists the place of one is kept.
const SAMPLED_LISTS: usize = 8;

/// Keys that change before a page is packed anew.
const CHANGED_MIN: usize = 64;

/// The share of its keys that changes before a page is packed anew: packing costs as much as the page is
/// long, so each change pays for eight keys.
const CHANGED_SHARE: usize = 8;

/// The posting of a tag and a record.
pub(super) const fn posting(tag: u32, record: u32) -> Posting {
    (tag as u64) << 32 | record as u64
}

const fn tag_of(posting: Posting) -> u32 {
    (posting >> 32) as u32
}

const fn record_of(posting: Posting) -> u32 {
    (posting & 0xFFFF_FFFF) as u32
}

/// Lists of records by the tag of their key.
#[derive(Debug, Default)]
pub(super) struct Page {
    packed: Packed,
    /// The whole list of each key that changed since the page was packed.
    changed: HashMap<u32, SmallVec<[u32; 4]>>,
}

/// A page as it is kept, packed.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PagePart {
    #[prost(fixed32, repeated, tag = "1")]
    tags: Vec<u32>,
    #[prost(fixed32, repeated, tag = "2")]
    records: Vec<u32>,
    #[prost(fixed64, repeated, tag = "3")]
    begins: Vec<u64>,
    #[prost(fixed32, repeated, tag = "4")]
    samples: Vec<u32>,
}

impl Page {
    /// The page as it is kept.
    pub(super) fn part(&self) -> PagePart {
        let anew = (!self.changed.is_empty()).then(|| self.packed_anew());
        let Packed { tags, records, begins, samples } = anew.as_ref().unwrap_or(&self.packed);
        PagePart {
            tags: tags.to_vec(),
            records: records.to_vec(),
            begins: begins.to_vec(),
            samples: samples.to_vec(),
        }
    }

    /// The page that was kept so. `None` for what is no page.
    pub(super) fn of_part(part: PagePart) -> Option<Self> {
        let PagePart { tags, records, begins, samples } = part;
        let lists: u32 = begins.iter().map(|bits| bits.count_ones()).sum();
        let is_sound = tags.is_sorted_by(|one, next| one < next)
            && lists as usize == tags.len()
            && begins.len() == records.len().div_ceil(64)
            && samples.len() == tags.len().div_ceil(SAMPLED_LISTS)
            && samples.iter().all(|place| (*place as usize) < records.len());
        let packed = Packed {
            tags: tags.into(),
            records: records.into(),
            begins: begins.into(),
            samples: samples.into(),
        };
        is_sound.then(|| Self { packed, changed: HashMap::new() })
    }

    /// Packs postings in ascending order, none twice.
    pub(super) fn of_sorted(postings: &[Posting]) -> Self {
        Self { packed: Packed::of_sorted(postings.iter().copied()), changed: HashMap::new() }
    }

    /// The records of a key, in ascending order.
    pub(super) fn records(&self, tag: u32) -> &[u32] {
        match self.changed.get(&tag) {
            Some(records) => records,
            None => self.packed.records(tag),
        }
    }

    pub(super) fn insert(&mut self, tag: u32, record: u32) {
        let list = self.list(tag);
        // Records mostly come in ascending order, so this is mostly a push.
        if let Err(at) = list.binary_search(&record) {
            list.insert(at, record);
        }
        self.pack_when_due();
    }

    pub(super) fn remove(&mut self, tag: u32, record: u32) {
        let list = self.list(tag);
        if let Ok(at) = list.binary_search(&record) {
            list.remove(at);
        }
        self.pack_when_due();
    }

    /// The list of a key, ready to be changed.
    fn list(&mut self, tag: u32) -> &mut SmallVec<[u32; 4]> {
        let Self { packed, changed } = self;
        changed.entry(tag).or_insert_with(|| SmallVec::from_slice(packed.records(tag)))
    }

    fn pack_when_due(&mut self) {
        if self.changed.len() > CHANGED_MIN.max(self.packed.tags.len() / CHANGED_SHARE) {
            self.pack();
        }
    }

    /// Takes what changed into the packed lists.
    fn pack(&mut self) {
        *self = Self { packed: self.packed_anew(), changed: HashMap::new() };
    }

    /// The lists with what changed among them.
    fn packed_anew(&self) -> Packed {
        let mut postings = Vec::with_capacity(self.packed.records.len() + self.changed.len());
        for (tag, records) in self.iter() {
            postings.extend(records.iter().map(|record| posting(tag, *record)));
        }
        postings.sort_unstable();
        Packed::of_sorted(postings.into_iter())
    }

    /// Every key that has records, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let is_packed = |tag: &u32| !self.changed.contains_key(tag);
        let packed = self.packed.tags.iter().copied().filter(is_packed);
        let packed = packed.map(|tag| (tag, self.packed.records(tag)));
        let changed = self.changed.iter().map(|(tag, records)| (*tag, records.as_slice()));
        packed.chain(changed).filter(|(_, records)| !records.is_empty())
    }
}

/// Lists that do not change: four bytes for each key and four for each record in its list.
#[derive(Debug, Default)]
struct Packed {
    /// The tags, ascending.
    tags: Box<[u32]>,
    /// Their lists, end to end.
    records: Box<[u32]>,
    /// A bit for each record, set where a list begins.
    begins: Box<[u64]>,
    /// Where every [`SAMPLED_LISTS`]-th list begins.
    samples: Box<[u32]>,
}

impl Packed {
    fn of_sorted(postings: impl ExactSizeIterator<Item = Posting>) -> Self {
        let count = postings.len();
        let (mut tags, mut samples) = (Vec::new(), Vec::new());
        let mut records = Vec::with_capacity(count);
        let mut begins = vec![0_u64; count.div_ceil(64)];
        for (place, posting) in postings.enumerate() {
            let tag = tag_of(posting);
            records.push(record_of(posting));
            if tags.last() == Some(&tag) {
                continue;
            }
            if tags.len() % SAMPLED_LISTS == 0 {
                samples.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            tags.push(tag);
            if let Some(bits) = begins.get_mut(place / 64) {
                *bits |= 1 << (place % 64);
            }
        }
        Self {
            tags: tags.into(),
            records: records.into(),
            begins: begins.into(),
            samples: samples.into(),
        }
    }

    fn records(&self, tag: u32) -> &[u32] {
        let Some(number) = self.number(tag) else { return &[] };
        let mut begin = self.samples.get(number / SAMPLED_LISTS).map_or(0, |at| *at as usize);
        for _ in 0..number % SAMPLED_LISTS {
            begin = self.next_begin(begin);
        }
        self.records.get(begin..self.next_begin(begin)).unwrap_or_default()
    }

    /// Which of the tags it is. Tags are hashes, so they lie evenly, and where one must be can be told
    /// within a few places.
    fn number(&self, tag: u32) -> Option<usize> {
        let tags = &*self.tags;
        let guess = usize::try_from((u64::from(tag) * tags.len() as u64) >> 32).unwrap_or(0);
        let (mut low, mut high, mut step) = (guess, guess, 8);
        while low > 0 && tags.get(low).is_none_or(|it| *it > tag) {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 8;
        while high < tags.len() && tags.get(high).is_some_and(|it| *it < tag) {
            high = high.saturating_add(step).min(tags.len());
            step *= 2;
        }
        let between = tags.get(low..tags.len().min(high + 1))?;
        between.binary_search(&tag).ok().map(|at| low + at)
    }

    /// Where the list ends that has this place: the next begins there.
    fn next_begin(&self, place: usize) -> usize {
        let after = place + 1;
        let mut word = after / 64;
        let first = self.begins.get(word).copied().unwrap_or(0);
        let mut bits = first & u64::MAX.wrapping_shl((after % 64) as u32);
        while bits == 0 {
            word += 1;
            match self.begins.get(word) {
                Some(next) => bits = *next,
                None => return self.records.len(),
            }
        }
        word * 64 + bits.trailing_zeros() as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Tags that lie evenly, crowd at either end, or stand alone.
    fn tag() -> impl Strategy<Value = u32> {
        prop_oneof![
            4 => (0_u32..400).prop_map(|it| it.wrapping_mul(10_737_418)),
            1 => 0_u32..40,
            1 => (0_u32..40).prop_map(|it| u32::MAX - it),
            1 => any::<u32>(),
        ]
    }

    fn lists(page: &Page) -> BTreeMap<u32, BTreeSet<u32>> {
        page.iter().map(|(tag, records)| (tag, records.iter().copied().collect())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_page_is_a_map_of_sets_however_often_it_is_packed(
            steps in proptest::collection::vec((0_u8..4, tag(), 0_u32..90), 0..1500)
        ) {
            let mut page = Page::default();
            let mut expected: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for (kind, tag, record) in steps {
                if kind == 0 {
                    page.remove(tag, record);
                    expected.entry(tag).or_default().remove(&record);
                } else {
                    page.insert(tag, record);
                    expected.entry(tag).or_default().insert(record);
                }
                let records: Vec<u32> = expected[&tag].iter().copied().collect();
                prop_assert_eq!(page.records(tag), records);
            }
            expected.retain(|_, records| !records.is_empty());
            prop_assert_eq!(lists(&page), expected.clone());
            let sorted: Vec<Posting> = expected
                .iter()
                .flat_map(|(tag, records)| records.iter().map(|record| posting(*tag, *record)))
                .collect();
            let packed = Page::of_sorted(&sorted);
            prop_assert_eq!(lists(&packed), expected.clone());
            for (tag, records) in &expected {
                prop_assert_eq!(packed.records(*tag).len(), records.len());
                prop_assert!(expected.contains_key(&(tag ^ 1)) || packed.records(tag ^ 1).is_empty());
            }
        }
    }

    #[test]
    fn lists_of_any_length_end_where_the_next_begins() {
        let lengths = [1_u32, 63, 64, 65, 1, 1, 130, 2, 1000, 1, 64];
        let mut sorted = Vec::new();
        for (tag, length) in (0..).zip(lengths) {
            sorted.extend((0..length).map(|record| posting(tag, record)));
        }
        let page = Page::of_sorted(&sorted);
        for (tag, length) in (0..).zip(lengths) {
            assert_eq!(page.records(tag), (0..length).collect::<Vec<_>>());
        }
        assert!(page.records(99).is_empty());
    }
}
