//! The mirror as it is kept between two runs of the program, so that a start need not normalise every record again.
//!
//! What is kept follows from the rows of the store: values under their numbers, rows, keys, persons and postings. What
//! few records have, and whatever depends on the model, is read at each start. A start takes in what was kept, then what
//! the events since then have changed; where that does not work out, for whatever reason, everything is read anew.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::sync::OnceLock;

use empi_linkage::{
    CarriedValues, Lexicon, NameId, NameValue, TextValue, Values as _, blocking_keys, normalize,
};
use empi_model::{EnterpriseId, EventSequence, PatientText, RecordIndex, RegistryEvent};
use empi_store::{Derived, Snapshot, Store, StoreError};
use parking_lot::Mutex;
use prost::{Message, Oneof};
use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use super::Mirror;
use super::page::PagePart;
use super::persons::{Persons, PersonsPart};
use super::postings::Postings;
use super::record_keys::{KeysPart, RecordKeys};
use super::records::{Records, RecordsPart};

/// Values that are kept together.
const VALUES_TOGETHER: usize = 1 << 15;

/// Pages of postings that are kept together.
const PAGES_TOGETHER: usize = 64;

/// Chunks that are read before they are opened, for each core.
const CHUNKS_PER_CORE: usize = 2;

/// So many events, and one for so many records, may have happened since the mirror was kept; beyond, reading every
/// record is as quick.
const CHANGES_MIN: u64 = 1000;
const CHANGED_SHARE: u64 = 8;

/// One record in so many must have changed before the mirror is kept anew.
const KEPT_AGAIN_SHARE: u64 = 100;

/// A chunk of what is kept.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Chunk {
    #[prost(oneof = "Part", tags = "1, 2, 3, 4, 5, 6, 7")]
    part: Option<Part>,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
enum Part {
    #[prost(message, tag = "1")]
    Head(Head),
    #[prost(message, tag = "2")]
    Names(Names),
    #[prost(message, tag = "3")]
    Texts(Texts),
    #[prost(message, tag = "4")]
    Records(RecordsPart),
    #[prost(message, tag = "5")]
    Keys(KeysPart),
    #[prost(message, tag = "6")]
    Persons(PersonsPart),
    #[prost(message, tag = "7")]
    Pages(Pages),
}

/// What the other parts need beforehand.
#[derive(Clone, PartialEq, Message)]
struct Head {
    /// How many records the lexicon counts.
    #[prost(uint32, tag = "1")]
    counted: u32,
    /// How many persons were erased.
    #[prost(uint64, tag = "2")]
    erased: u64,
    /// Whom identifiers are assigned by, as hashes, by number.
    #[prost(fixed64, repeated, tag = "3")]
    authorities: Vec<u64>,
    /// The sources of records, by number.
    #[prost(string, repeated, tag = "4")]
    sources: Vec<String>,
    /// The records about which something is asked for.
    #[prost(uint32, repeated, tag = "5")]
    asked_about: Vec<u32>,
}

/// Names in the order of their numbers, their texts end to end.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Names {
    #[prost(string, tag = "1")]
    letters: String,
    #[prost(uint32, repeated, tag = "2")]
    ends: Vec<u32>,
    /// How many words each has, of a name of several.
    #[prost(uint32, repeated, tag = "3")]
    word_counts: Vec<u32>,
    #[prost(uint32, repeated, tag = "4")]
    words: Vec<u32>,
    /// How many records carry each as given and as family name.
    #[prost(uint32, repeated, tag = "5")]
    carried: Vec<u32>,
}

/// Other texts in the order of their numbers, end to end.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
struct Texts {
    #[prost(string, tag = "1")]
    letters: String,
    #[prost(uint32, repeated, tag = "2")]
    ends: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Pages {
    #[prost(message, repeated, tag = "1")]
    pages: Vec<PagePart>,
}

/// A part made ready on whichever thread, before it is taken in.
enum Ready {
    Head(Head),
    Names(Vec<NameValue>),
    Texts(Vec<PatientText>),
    Records(RecordsPart),
    Keys(KeysPart),
    Persons(PersonsPart),
    Pages(Vec<PagePart>),
}

impl Part {
    fn ready(self) -> Option<Ready> {
        Some(match self {
            Self::Head(head) => Ready::Head(head),
            Self::Names(names) => Ready::Names(names.values()?),
            Self::Texts(Texts { letters, ends }) => {
                Ready::Texts(pieces(&letters, &ends)?.into_iter().map(PatientText::from).collect())
            }
            Self::Records(part) => Ready::Records(part),
            Self::Keys(part) => Ready::Keys(part),
            Self::Persons(part) => Ready::Persons(part),
            Self::Pages(Pages { pages }) => Ready::Pages(pages),
        })
    }
}

impl Names {
    fn of(names: &[(NameId, &NameValue)], carried: &CarriedValues) -> Self {
        let mut kept = Self::default();
        for (id, name) in names {
            let is_carried = carried.name(id.0 as usize);
            kept.letters.push_str(if is_carried { name.text() } else { "" });
            kept.ends.push(end_of(&kept.letters));
            let words: &[NameId] = if is_carried { name.words() } else { &[] };
            kept.word_counts.push(u32::try_from(words.len()).unwrap_or(u32::MAX));
            kept.words.extend(words.iter().map(|word| word.0));
            kept.carried.extend([name.given_count, name.family_count]);
        }
        kept
    }

    fn values(&self) -> Option<Vec<NameValue>> {
        let texts = pieces(&self.letters, &self.ends)?;
        let (counts, []) = self.carried.as_chunks::<2>() else { return None };
        let is_whole = self.word_counts.len() == texts.len() && counts.len() == texts.len();
        let mut words = is_whole.then_some(self.words.as_slice())?;
        let mut values = Vec::with_capacity(texts.len());
        for ((text, word_count), counts) in texts.into_iter().zip(&self.word_counts).zip(counts) {
            let own = words.split_off(..*word_count as usize)?;
            let own: Vec<NameId> = own.iter().copied().map(NameId).collect();
            values.push(NameValue::again(text, &own, *counts));
        }
        Some(values)
    }
}

impl Texts {
    fn of(texts: &[(usize, &TextValue)], carried: &CarriedValues) -> Self {
        let mut kept = Self::default();
        for (number, text) in texts {
            kept.letters.push_str(if carried.text(*number) { text.text() } else { "" });
            kept.ends.push(end_of(&kept.letters));
        }
        kept
    }
}

/// Values that are kept together have far fewer letters than 2^32.
fn end_of(letters: &str) -> u32 {
    u32::try_from(letters.len()).unwrap_or(u32::MAX)
}

/// Texts that lie end to end.
fn pieces<'a>(letters: &'a str, ends: &[u32]) -> Option<Vec<&'a str>> {
    let mut begin = 0;
    let texts = ends.iter().map(|end| {
        let text = letters.get(begin..*end as usize)?;
        begin = *end as usize;
        Some(text)
    });
    texts.collect()
}

/// Decides when the mirror is kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    records_min: u32,
    /// The last event of what is kept; `None` where nothing of use is.
    kept_at: Mutex<Option<u64>>,
}

impl Keeper {
    /// Keeps mirrors of so many records and more. `kept_at` is the last event of what is kept.
    pub(crate) const fn new(records_min: u32, kept_at: Option<u64>) -> Self {
        Self { records_min, kept_at: Mutex::new(kept_at) }
    }

    /// Keeps a mirror, unless a start from what is kept would read little more. No commit may go on meanwhile.
    ///
    /// That it cannot be kept is told in the log alone: the next start takes longer then, and nothing else. Whether it was kept.
    pub(crate) fn keep(&self, mirror: &Mirror, store: &Store) -> bool {
        let mut kept_at = self.kept_at.lock();
        let counters = mirror.counters();
        let worth_it = u64::from(counters.records) / KEPT_AGAIN_SHARE;
        let is_near = kept_at.is_some_and(|at| counters.events.saturating_sub(at) <= worth_it);
        if counters.records < self.records_min.max(1) || is_near {
            return false;
        }
        let is_kept = mirror.keep(store).unwrap_or_else(|error| {
            tracing::warn!(%error, "the index in memory could not be kept: the next start takes longer");
            false
        });
        *kept_at = is_kept.then_some(counters.events);
        is_kept
    }
}

/// Which program this is: another derives otherwise, perhaps. `None` where the program cannot be read.
fn program() -> Option<u64> {
    static PROGRAM: OnceLock<Option<u64>> = OnceLock::new();
    *PROGRAM.get_or_init(|| {
        let mut program = File::open(std::env::current_exe().ok()?).ok()?;
        let (mut hash, mut block) = (Xxh3::new(), vec![0; 1 << 20]);
        loop {
            match program.read(&mut block).ok()? {
                0 => return Some(hash.digest()),
                read => hash.update(block.get(..read)?),
            }
        }
    })
}

impl Mirror {
    /// Keeps what the next start of this program can take in; whether it could, for a program that cannot read itself keeps
    /// nothing.
    fn keep(&self, store: &Store) -> Result<bool, StoreError> {
        if store.snapshot().counters()? != self.counters {
            // A write has failed: the mirror was ahead of the disk by what nobody was told of.
            return Err(StoreError::Poisoned);
        }
        let Some(program) = program() else { return Ok(false) };
        let chunks = self.parts().map(|part| Chunk { part: Some(part) }.encode_to_vec());
        store.keep_derived(program, chunks).map(|()| true)
    }

    fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        let head = Head {
            counted: self.lexicon.record_count(),
            erased: self.persons.erased(),
            authorities: self.records.authorities().to_vec(),
            sources: self.keys.sources().to_vec(),
            asked_about: self.consents.records().map(|record| record.0).collect(),
        };
        let pages = self.postings.parts();
        std::iter::once(Part::Head(head))
            .chain(value_parts(&self.lexicon, self.carried()))
            .chain(self.records.parts().map(Part::Records))
            .chain(self.keys.parts().map(Part::Keys))
            .chain(self.persons.parts().map(Part::Persons))
            .chain(together(pages, PAGES_TOGETHER).map(|pages| Part::Pages(Pages { pages })))
    }

    /// The values that records carry. Others are of contents that are no more, and are not kept.
    fn carried(&self) -> CarriedValues {
        let mut carried = CarriedValues::none_of(&self.lexicon);
        let records = (0..self.counters.records).map(RecordIndex);
        for row in records.filter_map(|record| self.row(record)) {
            carried.add(&self.lexicon, &row);
        }
        carried
    }

    /// Takes in what was kept, and what changed since. `None` where nothing was kept that is of use.
    pub(super) fn take_kept(
        &mut self,
        store: &Store,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<()>, StoreError> {
        let Some(program) = program() else { return Ok(None) };
        let Some(mut derived) = store.derived(program)? else { return Ok(None) };
        let (kept_at, now) = (derived.events(), snapshot.counters()?);
        let changed_max = CHANGES_MIN + u64::from(now.records) / CHANGED_SHARE;
        if kept_at > now.events || now.events - kept_at > changed_max {
            return Ok(None);
        }
        if self.take_chunks(&mut derived, snapshot)?.is_none() {
            return Ok(None);
        }
        self.counters = now;
        self.persons.mint(now.persons_minted);
        self.take_changes(snapshot, kept_at)
    }

    fn take_chunks(
        &mut self,
        derived: &mut Derived<'_>,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<()>, StoreError> {
        let mut pages = Vec::new();
        loop {
            let chunks = derived.next_chunks(CHUNKS_PER_CORE * rayon::current_num_threads())?;
            if chunks.is_empty() {
                break;
            }
            let ready = chunks.into_par_iter().map(|chunk| {
                let bytes = derived.open(&chunk)?;
                drop(chunk);
                Ok(Chunk::decode(bytes.as_slice()).ok().and_then(|chunk| chunk.part?.ready()))
            });
            for part in ready.collect::<Result<Vec<_>, StoreError>>()? {
                let Some(part) = part else { return Ok(None) };
                if self.take(part, &mut pages, snapshot)?.is_none() {
                    return Ok(None);
                }
            }
        }
        self.keys.index_all();
        Ok(Postings::of_pages(pages).map(|postings| self.postings = postings))
    }

    fn take(
        &mut self,
        part: Ready,
        pages: &mut Vec<PagePart>,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<()>, StoreError> {
        match part {
            Ready::Head(head) => return self.begin(head, snapshot),
            Ready::Names(names) => names.into_iter().for_each(|it| self.lexicon.put_name_again(it)),
            Ready::Texts(texts) => texts.into_iter().for_each(|it| self.lexicon.put_text_again(it)),
            Ready::Records(part) => return Ok(self.records.take(&part)),
            Ready::Keys(part) => return Ok(self.keys.take(&part)),
            Ready::Persons(part) => return Ok(self.persons.take(&part)),
            Ready::Pages(part) => pages.extend(part),
        }
        Ok(Some(()))
    }

    fn begin(&mut self, head: Head, snapshot: &Snapshot<'_>) -> Result<Option<()>, StoreError> {
        let Head { counted, erased, authorities, sources, asked_about } = head;
        self.lexicon.set_record_count(counted);
        self.records = Records::with_authorities(authorities);
        self.keys = RecordKeys::default();
        self.keys.set_sources(sources);
        self.persons = Persons::with_erased(erased);
        for record in asked_about.into_iter().map(RecordIndex) {
            // As it is now: what changed since is said once more below.
            let Some(stored) = snapshot.record(record)? else { return Ok(None) };
            self.consents.put(record, stored.consent);
        }
        Ok(Some(()))
    }

    /// Reads what the events after one have changed. `None` where that does not lead to the state of the store.
    fn take_changes(
        &mut self,
        snapshot: &Snapshot<'_>,
        after: u64,
    ) -> Result<Option<()>, StoreError> {
        let (mut records, mut persons) = (BTreeSet::new(), BTreeSet::new());
        for event in snapshot.events_from(EventSequence(after + 1)) {
            let event = event?;
            // An event of the first format does not tell what it changed.
            let Some(touched) = Touched::by(&event) else { return Ok(None) };
            records.extend(touched.records);
            persons.extend(touched.persons);
        }
        for record in records {
            let Some(stored) = snapshot.record(record)? else { return Ok(None) };
            persons.insert(stored.link.enterprise_id);
            if let Some(old) = self.record(record) {
                let keys = old.is_active.then(|| blocking_keys(&self.lexicon, &old.row));
                let keys = keys.into_iter().flatten();
                keys.for_each(|key| self.postings.remove(key, record));
            } else if record.0 as usize != self.records.len() {
                return Ok(None);
            }
            self.put_record(&stored, Some(&normalize(&stored.record)));
            if let Some(new) = self.record(record).filter(|new| new.is_active) {
                let keys = blocking_keys(&self.lexicon, &new.row);
                keys.iter().for_each(|key| self.postings.insert(*key, record));
            }
        }
        for person in persons {
            match snapshot.person(person)? {
                Some(person) if self.persons.put(&person) => {}
                _ => return Ok(None),
            }
        }
        let all_there = self.records.len() == self.counters.records as usize;
        Ok(all_there.then_some(()))
    }
}

/// What an event has touched.
struct Touched {
    records: Vec<RecordIndex>,
    persons: Vec<EnterpriseId>,
}

impl Touched {
    fn by(event: &RegistryEvent) -> Option<Self> {
        let change = event.change.as_ref()?;
        let records =
            change.records.iter().map(|it| it.record).chain(event.records.iter().copied());
        let persons = change.persons.iter().map(|it| it.enterprise_id);
        Some(Self { records: records.collect(), persons: persons.collect() })
    }
}

/// The values of a lexicon; those that nothing carries without their text.
fn value_parts(lexicon: &Lexicon, carried: CarriedValues) -> impl Iterator<Item = Part> + '_ {
    let of_names = carried.clone();
    let names = together(lexicon.names(), VALUES_TOGETHER);
    let texts = together((1..).zip(lexicon.texts()), VALUES_TOGETHER);
    let names = names.map(move |names| Part::Names(Names::of(&names, &of_names)));
    names.chain(texts.map(move |texts| Part::Texts(Texts::of(&texts, &carried))))
}

/// Items in groups of some length, the last perhaps shorter.
fn together<T>(mut items: impl Iterator<Item = T>, length: usize) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let group: Vec<T> = items.by_ref().take(length).collect();
        (!group.is_empty()).then_some(group)
    })
}
