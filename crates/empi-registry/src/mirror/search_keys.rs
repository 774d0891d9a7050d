//! Keys by which people search: single names and birth dates. They lie among the postings of the mirror
//! beside the blocking keys, and on no disk.

use empi_linkage::{CompareRow, Lexicon, NameId, Values as _};
use empi_model::BlockingKey;
use smallvec::SmallVec;

/// Top bytes that no blocking rule has.
const NAME: u64 = 0xF0 << 56;
const DATE: u64 = 0xF1 << 56;

/// The records that carry a name of one word.
pub(crate) const fn name_key(name: NameId) -> BlockingKey {
    BlockingKey::from_number(NAME | name.0 as u64)
}

/// The records of people born on a day, as in [`CompareRow::birth_date`].
pub(crate) const fn date_key(date: u32) -> BlockingKey {
    BlockingKey::from_number(DATE | date as u64)
}

/// The single words of all names of a row, each once.
pub(crate) fn name_words(lexicon: &Lexicon, row: &CompareRow) -> SmallVec<[NameId; 8]> {
    let mut words: SmallVec<[NameId; 8]> = SmallVec::new();
    for name in row.names() {
        for id in [name.given, name.middle, name.family].into_iter().filter(|id| id.is_some()) {
            match lexicon.name(id).words() {
                [] => words.push(id),
                parts => words.extend_from_slice(parts),
            }
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

/// Every key by which people search for a row.
pub(crate) fn search_keys(lexicon: &Lexicon, row: &CompareRow) -> SmallVec<[BlockingKey; 8]> {
    let names = name_words(lexicon, row).into_iter().map(name_key);
    names.chain((row.birth_date != 0).then(|| date_key(row.birth_date))).collect()
}
