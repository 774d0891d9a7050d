//! Record keys and record indexes, both ways.

use empi_model::{RecordIndex, RecordKey};
use prost::Message;
use prost::encoding::{decode_varint, encode_varint};
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::end_to_end::EndToEnd;
use super::page::{Page, Posting, TAG_BITS, posting};

/// Keys in a piece.
const PIECE: usize = 256;

/// Pieces that are kept together.
const PIECES_TOGETHER: usize = 64;

/// Bits of a key's hash that choose the page of its index.
const PAGE_BITS: u32 = 8;

/// The key of every record, by index, and the index by key. Sources repeat, so they are kept once.
#[derive(Debug)]
pub(crate) struct RecordKeys {
    sources: Vec<String>,
    /// Each key as the number of its source and its record ID.
    pieces: Vec<EndToEnd<u8>>,
    count: u32,
    /// The indexes by the hash of their key: nearly always one, and few that have to be looked at otherwise.
    pages: Box<[Page]>,
}

/// Some keys as they are kept.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct KeysPart {
    /// Where each key ends in its piece.
    #[prost(uint32, repeated, tag = "1")]
    ends: Vec<u32>,
    #[prost(bytes = "vec", tag = "2")]
    keys: Vec<u8>,
}

fn put(source: u32, record_id: &str, keys: &mut Vec<u8>) {
    encode_varint(u64::from(source), keys);
    keys.extend_from_slice(record_id.as_bytes());
}

fn parts_of(mut key: &[u8]) -> Option<(u32, &str)> {
    let source = decode_varint(&mut key).ok()?;
    Some((u32::try_from(source).ok()?, str::from_utf8(key).ok()?))
}

/// The page of a key, and its tag there.
fn place((source, record_id): (u32, &str)) -> (usize, u32) {
    let hash = xxh3_64_with_seed(record_id.as_bytes(), u64::from(source));
    let tag = hash >> (64 - PAGE_BITS - TAG_BITS) & ((1 << TAG_BITS) - 1);
    ((hash >> (64 - PAGE_BITS)) as usize, tag as u32)
}

impl Default for RecordKeys {
    fn default() -> Self {
        let pages = (0..1 << PAGE_BITS).map(|_| Page::default()).collect();
        Self { sources: Vec::new(), pieces: Vec::new(), count: 0, pages }
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

    fn parts_at(&self, index: u32) -> Option<(u32, &str)> {
        let index = index as usize;
        parts_of(self.pieces.get(index / PIECE)?.get(index % PIECE)?)
    }

    /// The index of a record.
    pub(crate) fn index(&self, key: &RecordKey) -> Option<RecordIndex> {
        let wanted = (self.source(&key.source)?, key.record_id.as_str());
        let (page, tag) = place(wanted);
        let found = self.pages.get(page)?.records(tag);
        found.into_iter().find(|index| self.parts_at(*index) == Some(wanted)).map(RecordIndex)
    }

    /// The key of a record.
    pub(crate) fn key(&self, RecordIndex(index): RecordIndex) -> Option<RecordKey> {
        let (source, record_id) = self.parts_at(index)?;
        Some(RecordKey::new(self.sources.get(source as usize)?.clone(), record_id))
    }

    /// The number of a record's source.
    pub(crate) fn source_of(&self, RecordIndex(index): RecordIndex) -> Option<u32> {
        self.parts_at(index).map(|(source, _)| source)
    }

    /// Whether a record was erased: nothing but a keyed hash stands for its key then, under a source without a name.
    pub(crate) fn is_erased(&self, record: RecordIndex) -> bool {
        let source = self.source_of(record).and_then(|at| self.sources.get(at as usize));
        source.is_some_and(String::is_empty)
    }

    /// Gives a record another key, and forgets the one it had.
    pub(crate) fn rename(&mut self, RecordIndex(index): RecordIndex, key: &RecordKey) {
        let Some(old) = self.parts_at(index).map(place) else { return };
        let new = (self.number_of(&key.source), key.record_id.as_str());
        let mut packed = Vec::new();
        put(new.0, new.1, &mut packed);
        if let Some(piece) = self.pieces.get_mut(index as usize / PIECE) {
            piece.replace(index as usize % PIECE, &packed);
        }
        if let Some(page) = self.pages.get_mut(old.0) {
            page.remove(old.1, index);
        }
        self.enter(index, place(new));
    }

    fn number_of(&mut self, source: &str) -> u32 {
        self.source(source).unwrap_or_else(|| {
            self.sources.push(source.to_owned());
            u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn enter(&mut self, index: u32, (page, tag): (usize, u32)) {
        if let Some(page) = self.pages.get_mut(page) {
            page.insert(tag, index);
        }
    }

    /// All keys, in parts as they are kept.
    pub(crate) fn parts(&self) -> impl Iterator<Item = KeysPart> + '_ {
        self.pieces.chunks(PIECES_TOGETHER).map(|pieces| KeysPart {
            ends: pieces.iter().flat_map(EndToEnd::ends).collect(),
            keys: pieces.iter().flat_map(EndToEnd::items).copied().collect(),
        })
    }

    /// The sources that keys name by number, before any key is taken in.
    pub(crate) fn set_sources(&mut self, sources: Vec<String>) {
        self.sources = sources;
    }

    /// Takes the next part in. `None` for what is no part. Nothing is found before [`index_all`](Self::index_all).
    pub(crate) fn take(&mut self, KeysPart { ends, keys }: &KeysPart) -> Option<()> {
        let mut keys = keys.as_slice();
        for ends in ends.chunks(PIECE) {
            let piece = EndToEnd::take(ends, &mut keys)?;
            let is_whole = (self.count as usize).is_multiple_of(PIECE);
            let are_keys = (0..piece.len()).all(|at| piece.get(at).and_then(parts_of).is_some());
            if !is_whole || !are_keys {
                return None;
            }
            self.count += u32::try_from(piece.len()).ok()?;
            self.pieces.push(piece);
        }
        keys.is_empty().then_some(())
    }

    /// Makes the index anew, of all keys at once.
    pub(crate) fn index_all(&mut self) {
        let mut postings: Vec<Vec<Posting>> = vec![Vec::new(); 1 << PAGE_BITS];
        for index in 0..self.count {
            let Some((page, tag)) = self.parts_at(index).map(place) else { continue };
            if let Some(page) = postings.get_mut(page) {
                page.push(posting(tag, index));
            }
        }
        let pages = postings.into_par_iter().map(|mut postings| {
            postings.sort_unstable();
            Page::of_sorted(&postings)
        });
        self.pages = pages.collect();
    }

    /// Adds the key of the next record.
    pub(crate) fn push(&mut self, key: &RecordKey) {
        let index = self.count;
        let source = self.push_unindexed(key);
        self.enter(index, place((source, &key.record_id)));
    }

    /// The same, without finding it by its key before [`index_all`](Self::index_all). The number of its source.
    pub(crate) fn push_unindexed(&mut self, key: &RecordKey) -> u32 {
        let source = self.number_of(&key.source);
        if (self.count as usize).is_multiple_of(PIECE) {
            // Nothing more comes into the piece before: it needs no room to grow.
            if let Some(full) = self.pieces.last_mut() {
                full.shrink();
            }
            self.pieces.push(EndToEnd::with_room(PIECE));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push_with(|keys| put(source, &key.record_id, keys));
        }
        self.count += 1;
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at: usize) -> RecordKey {
        RecordKey::new(format!("s{}", at % 300), format!("r{}", at / 300))
    }

    #[test]
    fn keys_and_indexes_answer_each_other() {
        let mut keys = RecordKeys::default();
        let count = 9 * PIECE + 5;
        for at in 0..count {
            assert_eq!(keys.index(&key(at)), None);
            keys.push(&key(at));
        }
        for at in 0..count {
            let index = keys.index(&key(at)).unwrap();
            assert_eq!(index.0 as usize, at);
            assert_eq!(keys.key(index), Some(key(at)));
        }
        assert_eq!(keys.index(&RecordKey::new("s999", "r1")), None);
        for at in [0, 5, PIECE, count - 1] {
            let (index, stone) =
                (keys.index(&key(at)).unwrap(), RecordKey::new("", format!("x{at}")));
            keys.rename(index, &stone);
            assert_eq!((keys.index(&key(at)), keys.index(&stone)), (None, Some(index)));
            assert!(keys.is_erased(index) && keys.key(index) == Some(stone));
            let next = RecordIndex(index.0.saturating_sub(1).max(1));
            assert_eq!(keys.key(next), Some(key(next.0 as usize)), "others stay as they are");
        }
    }

    #[test]
    fn keys_that_were_kept_or_read_at_once_are_found_as_those_that_came_one_by_one() {
        let (mut one_by_one, mut at_once) = (RecordKeys::default(), RecordKeys::default());
        for at in 0..3 * PIECE + 2 {
            one_by_one.push(&key(at));
            at_once.push_unindexed(&key(at));
        }
        at_once.index_all();
        let mut kept = RecordKeys::default();
        kept.set_sources(one_by_one.sources().to_vec());
        assert!(one_by_one.parts().all(|part| kept.take(&part).is_some()));
        kept.index_all();
        for at in 0..3 * PIECE + 9 {
            let index = one_by_one.index(&key(at));
            assert_eq!(index.is_some(), at < 3 * PIECE + 2);
            assert_eq!((at_once.index(&key(at)), kept.index(&key(at))), (index, index));
        }
        let broken = KeysPart { ends: vec![2], keys: vec![0, 0xFF] };
        assert!(RecordKeys::default().take(&broken).is_none(), "it is no text");
    }
}
