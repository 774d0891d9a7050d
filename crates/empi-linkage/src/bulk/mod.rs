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
mod buckets;
mod calibration;
mod ceilings;
mod explained;
mod frequencies;
mod glance;
mod histogram;
mod hubs;
mod linkage;
mod memberships;
mod near;
mod pairs;
mod prepared;
mod radix;
mod record_keys;
mod sieve;
mod survey;
mod training;
mod visit;

pub use blocks::CappedBlock;
pub use histogram::WeightHistogram;
pub use hubs::{HubKind, HubValue, Hubs};
pub use linkage::{Linkage, ReviewPair};
pub use pairs::{Progress, ScoredPair, ScoredPairs};
pub use prepared::Prepared;
pub use record_keys::RecordKeys;
pub use survey::{DrawnPair, PairStratum, PairSurvey, SurveyPlan};
pub use training::Decision;

use empi_model::{EvidenceGroup, SourceRecord};
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::block::{BlockingKeys, blocking_keys_of};
use crate::lexicon::{Lexicon, Values};
use crate::model::LinkageModel;
use crate::row::CompareRow;
use crate::table::{spread, upper_half};
use blocks::{BlockLimits, Blocks};
use near::bring_near;

/// A group of evidence counts as given by a file when at least one record in so many has it. What fewer
/// have cannot be compared in most pairs, and asking for it would send nearly all of them to review.
const GROUP_RECORDS_MIN: usize = 2;

/// Records prepared on one thread at a time by [`Linker::add`].
const PREPARED_RECORDS: usize = 4096;

/// Takes records in and makes them ready for blocking.
#[derive(Debug)]
pub struct Linker {
    model: LinkageModel,
    lexicon: Lexicon,
    /// The rows of the records in the order added, portion by portion.
    rows: Vec<Vec<CompareRow>>,
    keys: RecordKeys,
    /// Half of each key's hash, and its place.
    by_key: HashTable<(u32, u32)>,
    /// How many records have a value of each group.
    group_counts: [usize; 8],
    is_wide: bool,
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
            is_wide: false,
        }
    }

    /// Has more pairs compared: also of records that share a birth date, both names, or a house, and
    /// nothing else. Finds what has errors in nearly every field, for some ten times the pairs.
    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.is_wide = true;
        self
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
    pub fn add_prepared(&mut self, mut prepared: Prepared) -> Vec<usize> {
        let repeated = self.claim_all(&mut prepared);
        let rows = prepared.into_rows(&mut self.lexicon);
        rows.iter().for_each(|row| count_groups(&mut self.group_counts, row));
        self.rows.push(rows);
        repeated
    }

    /// Takes the keys of new records; leaves out records whose keys are taken, and returns their places.
    fn claim_all(&mut self, prepared: &mut Prepared) -> Vec<usize> {
        let mut repeated = Vec::new();
        for (at, (key, hash)) in prepared.keys.iter().zip(&prepared.key_hashes).enumerate() {
            let (half, keys) = (upper_half(*hash), &self.keys);
            let is_same = |(its_half, place): &(u32, u32)| {
                *its_half == half && keys.parts(*place as usize) == Some(key)
            };
            if self.by_key.find(spread(half), is_same).is_some() {
                repeated.push(at);
                continue;
            }
            let place = u32::try_from(keys.len()).unwrap_or(u32::MAX);
            self.by_key.insert_unique(spread(half), (half, place), |(half, _)| spread(*half));
            self.keys.push(key.0, key.1);
        }
        let mut at = 0;
        prepared.rows.retain(|_| {
            at += 1;
            repeated.binary_search(&(at - 1)).is_err()
        });
        repeated
    }

    /// How many records were added.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.keys.len()
    }

    /// Puts the records into the order of their keys and makes the blocks.
    #[must_use]
    pub fn block(self) -> Blocked {
        let Self {
            model,
            lexicon,
            rows: portions,
            keys: keys_by_input,
            group_counts,
            by_key,
            is_wide,
        } = self;
        drop(by_key);
        let by_place = keys_by_input.sorted_places();
        let mut order = vec![0; by_place.len()];
        for (place, record) in by_place.iter().enumerate() {
            if let Some(slot) = order.get_mut(*record as usize) {
                *slot = u32::try_from(place).unwrap_or(u32::MAX);
            }
        }
        let keys = keys_by_input.reordered(&by_place);
        drop((keys_by_input, by_place));
        let (sites, mut rows) = Sites::by_birth_date(portions, &order);
        let hubs = hubs::find(&rows, &sites.places, model.limits());
        if !hubs.values.is_empty() {
            rows.par_iter_mut().for_each(|row| hubs.remove_from(row));
        }

        let limits = model.limits();
        let blocks = Blocks::build(
            &sites.places,
            |rules, site| match rows.get(site) {
                Some(row) => blocking_keys_of(rules.widened(is_wide), &lexicon, row),
                None => BlockingKeys::new(),
            },
            |sites| bring_values_near(&lexicon, rows.get(sites).unwrap_or_default()),
            |at, site| rows.get(site as usize).map_or(0, |row| refinement(&lexicon, row, at)),
            BlockLimits {
                records_max: limits.block_records_max as usize,
                pairs_max: (rows.len() as u64)
                    .saturating_mul(u64::from(limits.pairs_per_record_max))
                    .saturating_mul(if is_wide { WIDE_PAIRS } else { 1 })
                    .max(PAIRS_ALWAYS),
            },
        );
        let enough = |count: &&usize| **count * GROUP_RECORDS_MIN >= rows.len().max(1);
        let groups = group_counts.iter().filter(enough).count();
        let groups_given = u32::try_from(groups).unwrap_or_default();
        let model = model.with_evidence_groups(groups_given).with_record_count(rows.len());
        let hub_values = hubs.values;
        Blocked { model, lexicon, rows, sites, keys, order, blocks, groups_given, hub_values }
    }
}

/// Asks for the values of some records that blocking keys are made of.
fn bring_values_near(values: &impl Values, rows: &[CompareRow]) {
    let names = rows.iter().flat_map(|row| [row.name.given, row.name.family]);
    bring_near(names.map(|id| values.name(id).compact_hash));
    let texts = rows.iter().map(|row| row.address);
    let texts = texts.flat_map(|it| [it.number, it.street, it.city, it.postal_code]);
    bring_near(texts.map(|id| values.text(id).hash));
}

/// So many pairs are compared whatever the number of records: they take a second or two.
const PAIRS_ALWAYS: u64 = 20_000_000;

/// How many times the pairs may be compared where rules are wide.
const WIDE_PAIRS: u64 = 10;

/// Values by which a block that is too large is split, one after the other: the birth year; the sex and
/// the initial of the given name; the postal code.
fn refinement(values: &impl Values, row: &CompareRow, at: usize) -> u64 {
    match at {
        0 => u64::from(row.birth_date / 10_000),
        1 => {
            let initial = u64::from(values.name(row.name.given).initial());
            initial * 4 + row.sex.map_or(0, |sex| sex as u64 + 1)
        }
        _ => values.text(row.address.postal_code).hash,
    }
}

/// Where the rows of records lie: in the order of birth dates, so that records that are compared with one
/// another, which mostly share the birth date, lie side by side in memory. All else names a record by its
/// place in the order of keys.
#[derive(Debug)]
struct Sites {
    /// The place of the record at each site.
    places: Vec<u32>,
    /// The site of the record at each place.
    sites: Vec<u32>,
}

impl Sites {
    /// Puts rows, which lie in portions, into this order; `order` gives the place of each.
    fn by_birth_date(portions: Vec<Vec<CompareRow>>, order: &[u32]) -> (Self, Vec<CompareRow>) {
        let mut sorted: Vec<Unsorted> = Vec::with_capacity(order.len());
        let mut rest = order;
        for (portion, rows) in (0..).zip(&portions) {
            let (places, behind) = rest.split_at_checked(rows.len()).unwrap_or((rest, &[]));
            rest = behind;
            let rows = rows.iter().zip(places).zip(0..);
            sorted.extend(rows.map(|((row, place), at)| Unsorted {
                birth_date: row.birth_date,
                place: *place,
                portion,
                at,
            }));
        }
        sorted.par_sort_unstable();
        let rows = gathered(&portions, &sorted);
        let places: Vec<u32> = sorted.into_iter().map(|it| it.place).collect();
        let mut sites = vec![0; places.len()];
        for (site, place) in places.iter().enumerate() {
            if let Some(slot) = sites.get_mut(*place as usize) {
                *slot = u32::try_from(site).unwrap_or(u32::MAX);
            }
        }
        // Very many rows: their memory is given back on every core.
        portions.into_par_iter().for_each(drop);
        (Self { places, sites }, rows)
    }

    fn site(&self, place: u32) -> u32 {
        self.sites.get(place as usize).copied().unwrap_or(u32::MAX)
    }

    fn place(&self, site: u32) -> u32 {
        self.places.get(site as usize).copied().unwrap_or(u32::MAX)
    }
}

/// Where a row lies, and what it is to be sorted by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Unsorted {
    birth_date: u32,
    place: u32,
    portion: u32,
    at: u32,
}

impl Unsorted {
    fn find(self, portions: &[Vec<CompareRow>]) -> Option<&CompareRow> {
        portions.get(self.portion as usize)?.get(self.at as usize)
    }
}

/// Takes rows out of their portions in a new order.
fn gathered(portions: &[Vec<CompareRow>], order: &[Unsorted]) -> Vec<CompareRow> {
    const ROWS_TOGETHER: usize = 32;
    let row = |(number, it): (usize, &Unsorted)| {
        if number.is_multiple_of(ROWS_TOGETHER) {
            let next = order.iter().skip(number).take(ROWS_TOGETHER);
            let rows = next.map(|it| it.find(portions));
            bring_near(rows.map(|row| row.map(|row| (row.birth_date, row.phone))));
        }
        it.find(portions).cloned().unwrap_or_default()
    };
    order.par_iter().enumerate().map(row).collect()
}

/// The parts of a range, each of so many numbers but the last.
fn chunks(
    range: std::ops::Range<usize>,
    size: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..end.min(start + size))
}

/// Counts in which groups of evidence a record has something.
fn count_groups(counts: &mut [usize; 8], row: &CompareRow) {
    let groups = [
        (EvidenceGroup::Name, row.names().next().is_some()),
        (EvidenceGroup::Birth, row.birth_date != 0),
        (EvidenceGroup::Number, row.ssn.is_some()),
        (EvidenceGroup::Address, row.addresses().next().is_some()),
        (EvidenceGroup::Contact, row.phone != 0 || row.email != 0),
        (EvidenceGroup::Family, row.mother.is_some()),
    ];
    for (group, _) in groups.into_iter().filter(|(_, given)| *given) {
        if let Some(count) = counts.get_mut(group as usize) {
            *count += 1;
        }
    }
}

/// Records in the order of their keys, and the blocks they are in.
#[derive(Debug)]
pub struct Blocked {
    model: LinkageModel,
    lexicon: Lexicon,
    /// The rows by their sites.
    rows: Vec<CompareRow>,
    sites: Sites,
    keys: RecordKeys,
    order: Vec<u32>,
    blocks: Blocks,
    groups_given: u32,
    hub_values: Vec<HubValue>,
}

impl Blocked {
    /// The row of the record at a place in the order of keys.
    fn row(&self, place: u32) -> Option<&CompareRow> {
        self.rows.get(self.sites.site(place) as usize)
    }

    /// The model in force, its evidence floor lowered to what the files can give and its prior that of
    /// their number of records.
    #[must_use]
    pub const fn model(&self) -> &LinkageModel {
        &self.model
    }

    /// The same records and blocks under another model, fitted to them in the same way.
    #[must_use]
    pub fn with_model(self, model: LinkageModel) -> Self {
        let model =
            model.with_evidence_groups(self.groups_given).with_record_count(self.rows.len());
        Self { model, ..self }
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
