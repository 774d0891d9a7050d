//! Linking files: the same normalising, blocking, scoring and guards as for a single registration,
//! with blocks in memory and clustering in place of a store.
//!
//! ```text
//! Linker --add(records)*--> Linker --block()--> Blocked --score()--> ScoredPairs --cluster()--> Linkage
//! ```
//!
//! The result depends on the records and the model alone, not on threads or the order of input
//! (identity rule 10): before blocking, records are put into the order of their keys.

mod blocks;
mod calibration;
mod linkage;
mod pairs;
mod training;

pub use blocks::CappedBlock;
pub use linkage::{Linkage, ReviewPair};
pub use pairs::{Progress, ScoredPair, ScoredPairs};
pub use training::Decision;

use empi_model::{EvidenceGroup, NormalizedRecord, RecordKey, SourceRecord};
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::block::blocking_keys;
use crate::lexicon::{Intern, Lexicon};
use crate::model::LinkageModel;
use crate::names_table::hash_of;
use crate::normalize::normalize;
use crate::row::CompareRow;
use blocks::{Blocks, KeyTable};

/// A group of evidence counts as given by a file when at least one record in so many has it.
const GROUP_RECORDS_MIN: usize = 20;

/// Takes records in and makes them ready for blocking.
#[derive(Debug)]
pub struct Linker {
    model: LinkageModel,
    lexicon: Lexicon,
    rows: Vec<CompareRow>,
    keys: Vec<RecordKey>,
    by_key: HashTable<u32>,
    table: KeyTable,
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
            keys: Vec::new(),
            by_key: HashTable::new(),
            table: KeyTable::default(),
            group_counts: [0; 8],
        }
    }

    /// Adds records. Those whose key was added before are left out, and their places in `records` are
    /// returned: a key names one record (identity rule 1).
    pub fn add(&mut self, records: &[SourceRecord]) -> Vec<usize> {
        self.add_normalized(records.par_iter().map(normalize).collect())
    }

    /// Like [`add`](Self::add), for records that were normalised already.
    pub fn add_normalized(&mut self, normalized: Vec<NormalizedRecord>) -> Vec<usize> {
        let first_row = self.rows.len();
        let mut repeated = Vec::new();
        for (at, record) in normalized.into_iter().enumerate() {
            if !self.claim(&record.key) {
                repeated.push(at);
                continue;
            }
            let row = self.lexicon.row(&record);
            self.lexicon.count(&row);
            self.count_groups(&row);
            self.rows.push(row);
            self.keys.push(record.key);
        }
        let new_rows = self.rows.get(first_row..).unwrap_or_default();
        let keys: Vec<_> =
            new_rows.par_iter().map(|row| blocking_keys(&self.lexicon, row)).collect();
        for keys in keys {
            self.table.push(&keys);
        }
        repeated
    }

    /// How many records were added.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.rows.len()
    }

    /// Takes a key for a new record; false if it is taken.
    fn claim(&mut self, key: &RecordKey) -> bool {
        let hash = |key: &RecordKey| hash_of(&key.record_id) ^ hash_of(&key.source).rotate_left(17);
        let keys = &self.keys;
        if self.by_key.find(hash(key), |at| keys.get(*at as usize) == Some(key)).is_some() {
            return false;
        }
        let place = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let rehash = |at: &u32| keys.get(*at as usize).map_or(0, hash);
        self.by_key.insert_unique(hash(key), place, rehash);
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
        let Self { model, lexicon, mut rows, mut keys, table, group_counts, by_key } = self;
        drop(by_key);
        let mut by_place: Vec<u32> =
            (0..keys.len()).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
        by_place.par_sort_unstable_by(|one, other| {
            keys.get(*one as usize).cmp(&keys.get(*other as usize))
        });
        let mut order = vec![0; by_place.len()];
        for (place, record) in by_place.iter().enumerate() {
            if let Some(slot) = order.get_mut(*record as usize) {
                *slot = u32::try_from(place).unwrap_or(u32::MAX);
            }
        }
        let keys = reordered(&mut keys, &by_place);
        let rows = reordered(&mut rows, &by_place);

        let birth_year = |place: u32| {
            rows.get(place as usize).map_or(0, |row| u64::from(row.birth_date / 10_000))
        };
        let records_max = model.limits().block_records_max as usize;
        let blocks = Blocks::build(&table, &order, birth_year, records_max);
        let enough = |count: &&usize| **count * GROUP_RECORDS_MIN >= rows.len().max(1);
        let groups = group_counts.iter().filter(enough).count();
        let groups_given = u32::try_from(groups).unwrap_or_default();
        let model = model.with_evidence_groups(groups_given);
        Blocked { model, lexicon, rows, keys, order, blocks, groups_given }
    }
}

/// Takes the values out in another order.
fn reordered<T: Default>(values: &mut [T], order: &[u32]) -> Vec<T> {
    let take = |at: &u32| values.get_mut(*at as usize).map(std::mem::take).unwrap_or_default();
    order.iter().map(take).collect()
}

/// Records in the order of their keys, and the blocks they are in.
#[derive(Debug)]
pub struct Blocked {
    model: LinkageModel,
    lexicon: Lexicon,
    rows: Vec<CompareRow>,
    keys: Vec<RecordKey>,
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
