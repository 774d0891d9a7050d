//! The postings of one share of all keys: packed, with what changed since beside it.

use std::ops::Range;

use hashbrown::HashMap;
use prost::Message;
use smallvec::SmallVec;

use super::end_to_end::Ends;

/// A key inside its page, and a record: the key's tag in the upper half, so that they sort by key.
pub(super) type Posting = u64;

/// Bits of a key's hash that tell it apart in its page.
pub(super) const TAG_BITS: u32 = 24;

/// Lower bits of a tag, which are kept of each; the upper ones tell the range that it lies in.
const LOWER_BITS: u32 = 16;

/// Ranges of tags.
const RANGES: usize = 1 << (TAG_BITS - LOWER_BITS);

/// Every so many lists the place of one is kept.
const SAMPLED_LISTS: usize = 16;

/// Bytes of a record's number, where all numbers of a page are that short, and of any.
const SHORT: usize = 3;
const LONG: usize = 4;

/// Keys that change before a page is packed anew.
const CHANGED_MIN: usize = 64;

/// The share of its keys that changes before a page is packed anew: packing costs as much as the page is
/// long, so each change pays for eight keys.
const CHANGED_SHARE: usize = 8;

/// A list of records, ascending.
pub(crate) type List = SmallVec<[u32; 8]>;

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
    #[prost(uint32, repeated, tag = "1")]
    ranges: Vec<u32>,
    #[prost(bytes = "vec", tag = "2")]
    lowers: Vec<u8>,
    #[prost(uint32, tag = "3")]
    width: u32,
    #[prost(bytes = "vec", tag = "4")]
    records: Vec<u8>,
    #[prost(fixed64, repeated, tag = "5")]
    begins: Vec<u64>,
    #[prost(fixed32, repeated, tag = "6")]
    samples: Vec<u32>,
}

impl Page {
    /// The page as it is kept.
    pub(super) fn part(&self) -> PagePart {
        let anew = (!self.changed.is_empty()).then(|| self.packed_anew());
        let packed = anew.as_ref().unwrap_or(&self.packed);
        PagePart {
            ranges: packed.ranges.iter().collect(),
            lowers: packed.lowers.iter().flat_map(|lower| lower.to_le_bytes()).collect(),
            width: u32::try_from(packed.width).unwrap_or(0),
            records: packed.records.to_vec(),
            begins: packed.begins.to_vec(),
            samples: packed.samples.iter().collect(),
        }
    }

    /// The page that was kept so. `None` for what is no page.
    pub(super) fn of_part(part: PagePart) -> Option<Self> {
        let (lowers, []) = part.lowers.as_chunks::<2>() else { return None };
        let packed = Packed {
            ranges: Ends::of(&part.ranges),
            lowers: lowers.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect(),
            width: part.width as usize,
            records: part.records.into(),
            begins: part.begins.into(),
            samples: Ends::of(&part.samples),
        };
        packed.is_sound().then(|| Self { packed, changed: HashMap::new() })
    }

    /// Packs postings in ascending order, none twice.
    pub(super) fn of_sorted(postings: &[Posting]) -> Self {
        Self { packed: Packed::of_sorted(postings), changed: HashMap::new() }
    }

    /// The records of a key, in ascending order.
    pub(super) fn records(&self, tag: u32) -> List {
        match self.changed.get(&tag) {
            Some(records) => List::from_slice(records),
            None => self.packed.records(self.packed.span(tag)),
        }
    }

    /// How many records a key has.
    pub(super) fn count(&self, tag: u32) -> usize {
        self.changed.get(&tag).map_or_else(|| self.packed.span(tag).len(), SmallVec::len)
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
        changed.entry(tag).or_insert_with(|| packed.numbers(packed.span(tag)).collect())
    }

    fn pack_when_due(&mut self) {
        if self.changed.len() > CHANGED_MIN.max(self.packed.lowers.len() / CHANGED_SHARE) {
            self.pack();
        }
    }

    /// Takes what changed into the packed lists.
    fn pack(&mut self) {
        *self = Self { packed: self.packed_anew(), changed: HashMap::new() };
    }

    /// The lists with what changed among them.
    fn packed_anew(&self) -> Packed {
        let mut postings = Vec::with_capacity(self.packed.count() + self.changed.len());
        for (tag, span) in self.unchanged() {
            postings.extend(self.packed.numbers(span).map(|record| posting(tag, record)));
        }
        let unchanged = postings.len();
        for (tag, records) in &self.changed {
            postings.extend(records.iter().map(|record| posting(*tag, *record)));
        }
        if let Some(changed) = postings.get_mut(unchanged..) {
            changed.sort_unstable();
        }
        // Two ascending runs, which this sort merges.
        postings.sort();
        Packed::of_sorted(&postings)
    }

    /// The lists that did not change since they were packed, in the order of their tags.
    fn unchanged(&self) -> impl Iterator<Item = (u32, Range<usize>)> + '_ {
        self.packed.spans().filter(|(tag, _)| !self.changed.contains_key(tag))
    }

    /// Every key that has records, and how many, in no order.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        let packed = self.unchanged().map(|(tag, span)| (tag, span.len()));
        let changed = self.changed.iter().map(|(tag, records)| (*tag, records.len()));
        packed.chain(changed).filter(|(_, count)| *count > 0)
    }
}

/// Lists that do not change: two bytes for each key, and three for each record in its list as long as there are at most
/// 16 million records.
#[derive(Debug, Default)]
struct Packed {
    /// Where the tags of each range end among all; nothing where there is no tag.
    ranges: Ends,
    /// The lower bits of the tags, ascending in each range.
    lowers: Box<[u16]>,
    /// Bytes of a record's number.
    width: usize,
    /// Their lists, end to end.
    records: Box<[u8]>,
    /// A bit for each record, set where a list begins.
    begins: Box<[u64]>,
    /// Where every [`SAMPLED_LISTS`]-th list begins.
    samples: Ends,
}

/// Places of a page are counted in 32 bits: it would need four thousand times as many postings in all to go beyond.
fn place(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Packed {
    fn of_sorted(postings: &[Posting]) -> Self {
        if postings.is_empty() {
            return Self::default();
        }
        let is_short = postings.iter().all(|it| record_of(*it) >> (8 * SHORT as u32) == 0);
        let width = if is_short { SHORT } else { LONG };
        let mut records = Vec::with_capacity(postings.len() * width);
        let (mut lowers, mut samples) = (Vec::new(), Vec::new());
        let mut ranges = vec![0_u32; RANGES];
        let mut begins = vec![0_u64; postings.len().div_ceil(64)];
        let mut last = None;
        for (number, posting) in postings.iter().enumerate() {
            let (tag, record) = (tag_of(*posting), record_of(*posting).to_le_bytes());
            records.extend_from_slice(record.get(..width).unwrap_or(&record));
            if last.replace(tag) == Some(tag) {
                continue;
            }
            if lowers.len().is_multiple_of(SAMPLED_LISTS) {
                samples.push(place(number));
            }
            lowers.push((tag & 0xFFFF) as u16);
            if let Some(end) = ranges.get_mut((tag >> LOWER_BITS) as usize) {
                *end = place(lowers.len());
            }
            if let Some(bits) = begins.get_mut(number / 64) {
                *bits |= 1 << (number % 64);
            }
        }
        // A range without tags ends where the one before ends.
        let mut end_before = 0;
        for end in &mut ranges {
            end_before = end_before.max(*end);
            *end = end_before;
        }
        Self {
            ranges: Ends::of(&ranges),
            lowers: lowers.into(),
            width,
            records: records.into(),
            begins: begins.into(),
            samples: Ends::of(&samples),
        }
    }

    /// Whether its parts fit one another.
    fn is_sound(&self) -> bool {
        if self.lowers.is_empty() {
            return self.records.is_empty() && self.ranges.len() == 0;
        }
        let lists: u32 = self.begins.iter().map(|bits| bits.count_ones()).sum();
        matches!(self.width, SHORT | LONG)
            && self.records.len().is_multiple_of(self.width)
            && self.ranges.len() == RANGES
            && self.ranges.iter().is_sorted()
            && self.ranges.get(RANGES - 1) == Some(self.lowers.len())
            && lists as usize == self.lowers.len()
            && self.begins.len() == self.count().div_ceil(64)
            && self.samples.len() == self.lowers.len().div_ceil(SAMPLED_LISTS)
            && self.samples.iter().is_sorted()
            && self.samples.iter().all(|place| (place as usize) < self.count())
    }

    /// How many postings there are.
    fn count(&self) -> usize {
        self.records.len().checked_div(self.width).unwrap_or(0)
    }

    /// The records of a span.
    fn numbers(&self, span: Range<usize>) -> impl Iterator<Item = u32> + '_ {
        let bytes = self.records.get(span.start * self.width..span.end * self.width);
        bytes.unwrap_or_default().chunks_exact(self.width.max(1)).map(|bytes| match *bytes {
            [low, middle, high] => u32::from_le_bytes([low, middle, high, 0]),
            [low, middle, high, top] => u32::from_le_bytes([low, middle, high, top]),
            _ => u32::MAX,
        })
    }

    fn records(&self, span: Range<usize>) -> List {
        self.numbers(span).collect()
    }

    /// Where the records of a tag lie.
    fn span(&self, tag: u32) -> Range<usize> {
        let Some(number) = self.number(tag) else { return 0..0 };
        let mut begin = self.samples.get(number / SAMPLED_LISTS).unwrap_or(0);
        for _ in 0..number % SAMPLED_LISTS {
            begin = self.next_begin(begin);
        }
        begin..self.next_begin(begin)
    }

    /// Where the records of every tag lie, in the order of tags.
    fn spans(&self) -> impl Iterator<Item = (u32, Range<usize>)> + '_ {
        let tags = (0..self.ranges.len()).zip(0_u32..).flat_map(|(at, range)| {
            let lowers = self.ranges.span(at).and_then(|span| self.lowers.get(span));
            let lowers = lowers.unwrap_or_default();
            lowers.iter().map(move |lower| range << LOWER_BITS | u32::from(*lower))
        });
        let mut next = 0;
        tags.map(move |tag| {
            let begin = next;
            next = self.next_begin(begin);
            (tag, begin..next)
        })
    }

    /// Which of the tags it is.
    fn number(&self, tag: u32) -> Option<usize> {
        let span = self.ranges.span((tag >> LOWER_BITS) as usize)?;
        let begin = span.start;
        let found = self.lowers.get(span)?.binary_search(&((tag & 0xFFFF) as u16));
        found.ok().map(|at| begin + at)
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
                None => return self.count(),
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
            4 => (0_u32..400).prop_map(|it| it.wrapping_mul(41_943)),
            1 => 0_u32..40,
            1 => (0_u32..40).prop_map(|it| (1 << TAG_BITS) - 1 - it),
            1 => 0_u32..1 << TAG_BITS,
        ]
    }

    fn lists(page: &Page) -> BTreeMap<u32, BTreeSet<u32>> {
        page.counts().map(|(tag, _)| (tag, page.records(tag).into_iter().collect())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_page_is_a_map_of_sets_however_often_it_is_packed(
            steps in proptest::collection::vec((0_u8..4, tag(), 0_u32..90), 0..1500),
            beyond in prop_oneof![Just(0_u32), Just((1 << 24) - 40), Just(u32::MAX - 100)]
        ) {
            let mut page = Page::default();
            let mut expected: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for (kind, tag, record) in steps {
                let record = record + beyond;
                if kind == 0 {
                    page.remove(tag, record);
                    expected.entry(tag).or_default().remove(&record);
                } else {
                    page.insert(tag, record);
                    expected.entry(tag).or_default().insert(record);
                }
                let records: Vec<u32> = expected[&tag].iter().copied().collect();
                prop_assert_eq!(page.count(tag), records.len());
                prop_assert_eq!(page.records(tag).to_vec(), records);
            }
            expected.retain(|_, records| !records.is_empty());
            prop_assert_eq!(lists(&page), expected.clone());
            let sorted: Vec<Posting> = expected
                .iter()
                .flat_map(|(tag, records)| records.iter().map(|record| posting(*tag, *record)))
                .collect();
            let packed = Page::of_sorted(&sorted);
            prop_assert_eq!(lists(&packed), expected.clone());
            let kept = Page::of_part(page.part()).unwrap();
            prop_assert_eq!(lists(&kept), expected.clone());
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
            assert_eq!(page.records(tag).to_vec(), (0..length).collect::<Vec<_>>());
        }
        assert!(page.records(99).is_empty());
    }
}
