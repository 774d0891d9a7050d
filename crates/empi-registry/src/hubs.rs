//! Values of a record that very many people of the index share: found from the postings, and ignored in
//! scoring as in bulk.
//!
//! Found anew for each record that comes, because it depends on who is in the index now: a list that is not
//! longer than the limit costs nothing, and of a longer one only so many records are read as it takes to know.

use empi_linkage::{BlockingKeys, CompareRow, HubKind, Hubs, Limits, blocking_keys};
use empi_model::{BlockingKey, BlockingRule, RecordIndex, SharedField};

use crate::mirror::{Mirror, Postings};

/// Most records of one list that are read.
const RECORDS_READ_MAX: usize = 4096;

/// The kinds of values that have a blocking rule of their own, so that a list tells who shares them. A home or
/// shelter is found in bulk alone.
const LISTED: [(HubKind, BlockingRule); 4] = [
    (HubKind::Ssn, BlockingRule::Ssn),
    (HubKind::Identifier, BlockingRule::Identifier),
    (HubKind::Phone, BlockingRule::Phone),
    (HubKind::Email, BlockingRule::Email),
];

/// The values of a record that very many people of the index share. `keys` are the record's.
pub(crate) fn hubs_of(
    mirror: &Mirror,
    limits: Limits,
    keys: &BlockingKeys,
    row: &CompareRow,
) -> Hubs {
    let mut hubs = Hubs::default();
    for (key, kind) in keys.iter().filter_map(|key| Some((key, kind_of(*key)?))) {
        if mirror.postings.count(*key) <= limits.hub_people_max as usize {
            continue;
        }
        for hash in kind.values(row) {
            if kind.is_hub(hash, rows(mirror, *key), limits) {
                hubs.insert(kind, hash);
            }
        }
    }
    hubs
}

/// How many people of the index share a value of a record.
pub(crate) fn people_who_share(
    mirror: &Mirror,
    keys: &BlockingKeys,
    kind: HubKind,
    hash: u64,
) -> u32 {
    let of_kind = keys.iter().filter(|key| kind_of(**key) == Some(kind));
    of_kind.map(|key| kind.people(hash, rows(mirror, *key))).max().unwrap_or(0)
}

/// Values of very many people among the lists of one page of postings, each with its hash and how many people share
/// it; `None` of a page that does not exist. At most so many records of a list are read.
pub(crate) fn hubs_on_page(mirror: &Mirror, page: usize) -> Option<Vec<(HubKind, u64, u32)>> {
    let people_max = mirror.limits().hub_people_max;
    let mut found = Vec::new();
    for (tag, records) in mirror.postings.long_lists(page, people_max as usize)? {
        let Some(first) = records.first().and_then(|it| mirror.row(RecordIndex(*it))) else {
            continue;
        };
        // A list does not tell its key; the keys of a record that stands in it do.
        let keys = blocking_keys(&mirror.lexicon, &first);
        let named = keys.iter().find_map(|key| {
            Some((*key, kind_of(*key)?)).filter(|(key, _)| Postings::is_list_of(page, tag, *key))
        });
        let Some((key, kind)) = named else { continue };
        let values = kind.values(&first).into_iter();
        let shared = values.map(|hash| (kind.people(hash, rows(mirror, key)), hash)).max();
        let is_hub = |(people, _): &(u32, u64)| *people > people_max;
        found.extend(shared.filter(is_hub).map(|(people, hash)| (kind, hash, people)));
    }
    Some(found)
}

/// Whether a list is one of a kind of value, and of which.
pub(crate) fn kind_of(key: BlockingKey) -> Option<HubKind> {
    let rule = key.rule()?;
    LISTED.into_iter().find(|(_, listed)| *listed == rule).map(|(kind, _)| kind)
}

pub(crate) fn field_of(kind: HubKind) -> SharedField {
    match kind {
        HubKind::Ssn => SharedField::Ssn,
        HubKind::Identifier => SharedField::Identifier,
        HubKind::Phone => SharedField::Phone,
        HubKind::Email => SharedField::Email,
        HubKind::Address => SharedField::Address,
    }
}

fn rows(mirror: &Mirror, key: BlockingKey) -> impl Iterator<Item = CompareRow> {
    let records = mirror.postings.records(key).into_iter().take(RECORDS_READ_MAX);
    records.filter_map(|record| mirror.row(RecordIndex(record)))
}
