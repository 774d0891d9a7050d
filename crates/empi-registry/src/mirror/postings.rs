//! Which records have a blocking key: the inverted index of the mirror.
//!
//! With some fifteen keys per record, this decides how many records fit into memory. So postings lie
//! packed, in pages by the hash of the key, at 4.5 bytes per posting; what changes lies beside its page
//! until so much has changed that the page is packed anew. Packing one page takes microseconds, and
//! no change waits for more than one.

use empi_model::{BlockingKey, RecordIndex};
use rayon::prelude::*;

use super::page::{List, Page, PagePart, Posting, TAG_BITS, posting};

/// Bits of a key's hash that choose its page.
const PAGE_BITS: u32 = 12;

/// How many pages there are.
const PAGES: usize = 1 << PAGE_BITS;

/// Pages that are packed together, before what they were packed from is given back.
const GROUP: usize = 256;

/// Records by blocking key.
#[derive(Debug)]
pub(crate) struct Postings {
    pages: Box<[Page]>,
}

/// The page of a key, and its tag there.
///
/// Page and tag are 36 bits of the hash. Two keys that have the same share one list: then a
/// record is compared with some more that it shares no key with, which changes its score with none of
/// them. Of a million records, one key in six thousand meets another; of ten million, one in six hundred.
const fn place(key: BlockingKey) -> (usize, u32) {
    // Keys are hashes already, but their rule stands in the top byte: multiplying spreads it.
    let hash = key.as_number().wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (
        (hash >> (64 - PAGE_BITS)) as usize,
        (hash >> (64 - PAGE_BITS - TAG_BITS) & ((1 << TAG_BITS) - 1)) as u32,
    )
}

impl Default for Postings {
    fn default() -> Self {
        Self { pages: (0..PAGES).map(|_| Page::default()).collect() }
    }
}

impl Postings {
    /// Packs very many postings, page by page on all cores. Their memory goes back as the pages are made, so that
    /// there is never room for all of them twice.
    pub(crate) fn of_parts(mut parts: Vec<Part>) -> Self {
        let mut pages = Vec::with_capacity(PAGES);
        for first in (0..PAGES).step_by(GROUP) {
            pages.par_extend((first..first + GROUP).into_par_iter().map(|number| {
                let mut postings: Vec<Posting> =
                    parts.iter().flat_map(|part| part.of_page(number)).copied().collect();
                postings.sort_unstable();
                postings.dedup();
                Page::of_sorted(&postings)
            }));
            parts.iter_mut().for_each(|part| part.forget_group(first));
        }
        Self { pages: pages.into() }
    }

    /// All postings, page by page as they are kept.
    pub(crate) fn parts(&self) -> impl Iterator<Item = PagePart> + '_ {
        self.pages.iter().map(Page::part)
    }

    /// The postings of all pages as they were kept. `None` for what are not all pages.
    pub(crate) fn of_pages(parts: Vec<PagePart>) -> Option<Self> {
        let pages: Option<Box<[Page]>> = parts.into_iter().map(Page::of_part).collect();
        pages.filter(|pages| pages.len() == PAGES).map(|pages| Self { pages })
    }

    /// The records with a key, in ascending order.
    pub(crate) fn records(&self, key: BlockingKey) -> List {
        let (page, tag) = place(key);
        self.pages.get(page).map(|page| page.records(tag)).unwrap_or_default()
    }

    /// How many records have a key.
    pub(crate) fn count(&self, key: BlockingKey) -> usize {
        let (page, tag) = place(key);
        self.pages.get(page).map_or(0, |page| page.count(tag))
    }

    /// The lists of a page with more records than some, each with its tag. None of a page that does not exist.
    pub(crate) fn long_lists(
        &self,
        page: usize,
        records_max: usize,
    ) -> Option<impl Iterator<Item = (u32, List)>> {
        let page = self.pages.get(page)?;
        let long = page.counts().filter(move |(_, count)| *count > records_max);
        Some(long.map(|(tag, _)| (tag, page.records(tag))))
    }

    /// Whether a list is that of a key.
    pub(crate) fn is_list_of(page: usize, tag: u32, key: BlockingKey) -> bool {
        place(key) == (page, tag)
    }

    /// Adds a record to a key, if it is not there yet.
    pub(crate) fn insert(&mut self, key: BlockingKey, record: RecordIndex) {
        let (page, tag) = place(key);
        if let Some(page) = self.pages.get_mut(page) {
            page.insert(tag, record.0);
        }
    }

    /// Takes a record from a key.
    pub(crate) fn remove(&mut self, key: BlockingKey, record: RecordIndex) {
        let (page, tag) = place(key);
        if let Some(page) = self.pages.get_mut(page) {
            page.remove(tag, record.0);
        }
    }

    /// The records of every key that has some, by page and tag.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = ((usize, u32), List)> {
        self.pages.iter().enumerate().flat_map(|(number, page)| {
            page.counts().map(move |(tag, _)| ((number, tag), page.records(tag)))
        })
    }
}

/// Some postings, in the order of their pages.
#[derive(Debug)]
pub(crate) struct Part {
    /// Those of each group of pages.
    groups: Vec<Vec<Posting>>,
    /// Where the postings of each page end among those of its group.
    ends: Vec<u32>,
}

impl Part {
    fn of_page(&self, number: usize) -> &[Posting] {
        let before = if number.is_multiple_of(GROUP) { None } else { self.ends.get(number - 1) };
        let (begin, end) = (before.copied().unwrap_or(0), self.ends.get(number).copied());
        let group = self.groups.get(number / GROUP);
        let postings = group.zip(end).and_then(|(it, end)| it.get(begin as usize..end as usize));
        postings.unwrap_or_default()
    }

    /// Gives the memory of a group back.
    fn forget_group(&mut self, first: usize) {
        if let Some(group) = self.groups.get_mut(first / GROUP) {
            *group = Vec::new();
        }
    }
}

impl FromIterator<(BlockingKey, RecordIndex)> for Part {
    /// At most 2^32 postings.
    fn from_iter<T: IntoIterator<Item = (BlockingKey, RecordIndex)>>(postings: T) -> Self {
        let placed = postings.into_iter().map(|(key, record)| {
            let (page, tag) = place(key);
            (page as u16, posting(tag, record.0))
        });
        let placed: Vec<(u16, Posting)> = placed.collect();
        let mut ends = vec![0_u32; PAGES];
        for (page, _) in &placed {
            ends[usize::from(*page)] += 1;
        }
        let groups = ends.chunks_mut(GROUP).map(|ends| {
            let mut sum = 0;
            for end in ends {
                // Until its postings are put there, a page's end is where the page before ends.
                sum += std::mem::replace(end, sum);
            }
            vec![0; sum as usize]
        });
        let mut groups: Vec<Vec<Posting>> = groups.collect();
        for (page, posting) in placed {
            let (group, end) = (usize::from(page) / GROUP, &mut ends[usize::from(page)]);
            groups[group][*end as usize] = posting;
            *end += 1;
        }
        Self { groups, ends }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use empi_model::BlockingRule;

    use super::*;

    #[test]
    fn postings_packed_at_once_are_those_added_one_by_one() {
        let key = |number: u64| BlockingKey::new(BlockingRule::Phone, number % 7001);
        let pairs =
            (0..30_000_u32).map(|record| (key(u64::from(record) * 31), RecordIndex(record)));
        let pairs: Vec<_> = pairs.collect();
        let mut one_by_one = Postings::default();
        pairs.iter().for_each(|(key, record)| one_by_one.insert(*key, *record));
        let parts: Vec<Part> = pairs.chunks(7777).map(|it| it.iter().copied().collect()).collect();
        let at_once = Postings::of_parts(parts);
        let lists = |postings: &Postings| -> BTreeMap<(usize, u32), Vec<u32>> {
            postings.iter().map(|(place, records)| (place, records.to_vec())).collect()
        };
        assert_eq!(lists(&at_once), lists(&one_by_one));
        assert_eq!(lists(&at_once).len(), 7001);
        for (key, record) in &pairs {
            assert!(at_once.records(*key).contains(&record.0));
        }
    }

    #[test]
    fn the_rules_of_one_value_are_different_keys() {
        let places = BlockingRule::ALL.map(|rule| place(BlockingKey::new(rule, 12_345)));
        let distinct: std::collections::BTreeSet<_> = places.into_iter().collect();
        assert_eq!(distinct.len(), BlockingRule::ALL.len());
    }
}
