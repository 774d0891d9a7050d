//! Linking files: the same normalising, blocking, scoring and guards as for a single registration,
//! with blocks in memory and clustering in place of a store.
//!
//! ```text
//! Prepared --add_prepared()*--> Linker --block()--> Blocked --score()--> ScoredPairs --cluster()--> Linkage
//! ```
//!
//! The result depends on the records and the model alone, not on threads or the order of input
//! (identity rule 10): before blocking, records are put into the order of their keys.

mod blocks;
mod linkage;
mod pairs;
mod prepared;
mod record_keys;

pub use blocks::CappedBlock;
pub use linkage::{Linkage, ReviewPair};
pub use pairs::{Progress, ScoredPair, ScoredPairs};
pub use prepared::Prepared;
pub use record_keys::RecordKeys;

use empi_model::{EvidenceGroup, SourceRecord};
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::block::{BlockingKeys, blocking_keys_of};
use crate::lexicon::Lexicon;
use crate::model::LinkageModel;
use crate::names_table::hash_of;
use crate::row::{CompareRow, NameId, TextId};
use blocks::Blocks;

/// A group of evidence counts as given by a file when at least one record in so many has it.
const GROUP_RECORDS_MIN: usize = 20;

/// Records prepared on one thread at a time by [`Linker::add`].
const PREPARED_RECORDS: usize = 4096;

/// Takes records in and makes them ready for blocking.
#[derive(Debug)]
pub struct Linker {
    model: LinkageModel,
    lexicon: Lexicon,
    rows: Vec<CompareRow>,
    keys: RecordKeys,
    by_key: HashTable<u32>,
    /// How many records have a value of each group.
    group_counts: [usize; 8],
}

impl Linker {
    /// A linker without records.
    #[must_use]
    pub fn new(model: LinkageModel) -> Self {
        Self {
            model,
            lexicon: Lexicon::new(),
            rows: Vec::new(),
            keys: RecordKeys::default(),
            by_key: HashTable::new(),
            group_counts: [0; 8],
        }
    }

    /// Adds records. Those whose key was added before are left out, and their places in `records` are
    /// returned: a key names one record (identity rule 1).
    pub fn add(&mut self, records: &[SourceRecord]) -> Vec<usize> {
        let prepared: Vec<_> = records.par_chunks(PREPARED_RECORDS).map(Prepared::new).collect();
        let parts = prepared.into_iter().enumerate();
        let repeated = parts.flat_map(|(part, prepared)| {
            let places = self.add_prepared(prepared);
            places.into_iter().map(move |at| part * PREPARED_RECORDS + at)
        });
        repeated.collect()
    }

    /// Like [`add`](Self::add), for records that were prepared already, on any thread.
    pub fn add_prepared(&mut self, prepared: Prepared) -> Vec<usize> {
        let lexicon = &mut self.lexicon;
        let names: Vec<NameId> =
            prepared.names().map(|(hash, name)| lexicon.intern_hashed_name(hash, name)).collect();
        let texts: Vec<TextId> =
            prepared.texts().map(|(hash, text)| lexicon.intern_hashed_text(hash, text)).collect();
        let name = |id: NameId| names.get(id.0 as usize).copied().unwrap_or_default();
        let text = |id: TextId| texts.get(id.0 as usize).copied().unwrap_or_default();
        let Prepared { keys, rows, .. } = prepared;
        let mut repeated = Vec::new();
        for (at, (row, (source, record_id))) in rows.into_iter().zip(keys.iter()).enumerate() {
            if !self.claim(source, record_id) {
                repeated.push(at);
                continue;
            }
            let row = row.renumbered(name, text);
            self.lexicon.count(&row);
            self.count_groups(&row);
            self.rows.push(row);
        }
        repeated
    }

    /// How many records were added.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.rows.len()
    }

    /// Takes a key for a new record; false if it is taken.
    fn claim(&mut self, source: &str, record_id: &str) -> bool {
        let key = (source, record_id);
        let hash = |(source, id): (&str, &str)| hash_of(id) ^ hash_of(source).rotate_left(17);
        let keys = &self.keys;
        if self.by_key.find(hash(key), |at| keys.parts(*at as usize) == Some(key)).is_some() {
            return false;
        }
        let place = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let rehash = |at: &u32| keys.parts(*at as usize).map_or(0, hash);
        self.by_key.insert_unique(hash(key), place, rehash);
        self.keys.push(source, record_id);
        true
    }

    fn count_groups(&mut self, row: &CompareRow) {
        let groups = [
            (EvidenceGroup::Name, row.names().next().is_some()),
            (EvidenceGroup::Birth, row.birth_date != 0),
            (EvidenceGroup::Number, row.ssn.is_some()),
            (EvidenceGroup::Address, row.addresses().next().is_some()),
            (EvidenceGroup::Contact, row.phone != 0 || row.email != 0),
            (EvidenceGroup::Family, row.mother.is_some()),
        ];
        for (group, _) in groups.into_iter().filter(|(_, given)| *given) {
            if let Some(count) = self.group_counts.get_mut(group as usize) {
                *count += 1;
            }
        }
    }

    /// Puts the records into the order of their keys and makes the blocks.
    #[must_use]
    pub fn block(self) -> Blocked {
        let Self { model, lexicon, mut rows, keys, group_counts, by_key } = self;
        drop(by_key);
        let by_place = keys.sorted_places();
        let mut order = vec![0; by_place.len()];
        for (place, record) in by_place.iter().enumerate() {
            if let Some(slot) = order.get_mut(*record as usize) {
                *slot = u32::try_from(place).unwrap_or(u32::MAX);
            }
        }
        let keys = keys.reordered(&by_place);
        let rows: Vec<CompareRow> = by_place
            .iter()
            .map(|at| rows.get_mut(*at as usize).map(std::mem::take).unwrap_or_default())
            .collect();

        let birth_year = |place: u32| {
            rows.get(place as usize).map_or(0, |row| u64::from(row.birth_date / 10_000))
        };
        let records_max = model.limits().block_records_max as usize;
        let blocks = Blocks::build(
            rows.len(),
            |rules, place| match rows.get(place) {
                Some(row) => blocking_keys_of(rules, &lexicon, row),
                None => BlockingKeys::new(),
            },
            birth_year,
            records_max,
        );
        let enough = |count: &&usize| **count * GROUP_RECORDS_MIN >= rows.len().max(1);
        let groups = group_counts.iter().filter(enough).count();
        let groups_given = u32::try_from(groups).unwrap_or_default();
        let model = model.with_evidence_groups(groups_given);
        Blocked { model, lexicon, rows, keys, order, blocks, groups_given }
    }
}

/// Records in the order of their keys, and the blocks they are in.
#[derive(Debug)]
pub struct Blocked {
    model: LinkageModel,
    lexicon: Lexicon,
    rows: Vec<CompareRow>,
    keys: RecordKeys,
    order: Vec<u32>,
    blocks: Blocks,
    groups_given: u32,
}

impl Blocked {
    /// The model in force, its evidence floor lowered to what the files can give.
    #[must_use]
    pub const fn model(&self) -> &LinkageModel {
        &self.model
    }

    /// The same records and blocks under another model, which gets the same evidence floor treatment.
    #[must_use]
    pub fn with_model(self, model: LinkageModel) -> Self {
        Self { model: model.with_evidence_groups(self.groups_given), ..self }
    }

    /// How many independent groups of evidence the files give.
    #[must_use]
    pub const fn groups_given(&self) -> u32 {
        self.groups_given
    }

    /// How many pairs are looked at, those in several blocks counted once for each: the total that
    /// [`Progress`] counts up to.
    #[must_use]
    pub fn pairs_with_repeats(&self) -> u64 {
        self.blocks.pairs_with_repeats()
    }
}

#[cfg(test)]
mod tests;
