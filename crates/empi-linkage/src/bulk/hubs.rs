//! Hub values: a phone, e-mail, number or address that very many different people share. It is the
//! clinic's own phone, a care home, a test number; it says nothing about who somebody is, makes large
//! blocks, and pulls strangers together. Tables of placeholders never know them all, so they are found
//! from the data and then count as missing, for blocking and for comparing.

use std::sync::atomic::{AtomicU16, Ordering};

use hashbrown::HashSet;
use rayon::prelude::*;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use crate::lexicon::first;
use crate::model::Limits;
use crate::row::{AddressIds, CompareRow, IdentifierHash, MoreValue, NameId, PackedSsn, TextId};

/// A kind of value that may be a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HubKind {
    /// Social Security or other national number.
    Ssn,
    /// An identifier with its authority.
    Identifier,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// House number, street, unit, city and postal code.
    Address,
}

impl HubKind {
    /// Every kind, in the order in which hubs are listed.
    pub const ALL: [Self; 5] =
        [Self::Ssn, Self::Identifier, Self::Phone, Self::Email, Self::Address];

    /// The kind's name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssn => "ssn",
            Self::Identifier => "identifier",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Address => "address",
        }
    }

    /// A record's values of this kind, by their hashes.
    #[must_use]
    pub fn values(self, row: &CompareRow) -> SmallVec<[u64; 2]> {
        let mut hashes = SmallVec::new();
        self.visit(row, |hash| hashes.push(hash));
        hashes
    }

    /// Whether a value that these records may carry is a hub: the rule that bulk linkage finds hubs by. Stops
    /// reading as soon as that is known.
    pub fn is_hub(
        self,
        hash: u64,
        rows: impl IntoIterator<Item = CompareRow>,
        limits: Limits,
    ) -> bool {
        let people_max = self.people_max(limits) as usize;
        let mut sharing = Sharers::default();
        rows.into_iter().any(|row| {
            sharing.add(self, hash, &row);
            sharing.are_too_many(people_max)
        })
    }

    /// How many different people among these records carry a value.
    pub fn people(self, hash: u64, rows: impl IntoIterator<Item = CompareRow>) -> u32 {
        let mut sharing = Sharers::default();
        rows.into_iter().for_each(|row| sharing.add(self, hash, &row));
        u32::try_from(sharing.people.len()).unwrap_or(u32::MAX)
    }

    /// From how many people on a value of this kind is a hub.
    const fn people_max(self, limits: Limits) -> u32 {
        match self {
            Self::Address => limits.hub_address_people_max,
            Self::Ssn | Self::Identifier | Self::Phone | Self::Email => limits.hub_people_max,
        }
    }

    /// Hashes of a record's values of this kind.
    fn visit(self, row: &CompareRow, visit: impl FnMut(u64)) {
        match self {
            // Many people share the last four digits, which is what they are good for.
            Self::Ssn => Some(row.ssn)
                .filter(|ssn| ssn.is_whole())
                .into_iter()
                .map(PackedSsn::bits)
                .for_each(visit),
            Self::Identifier => row.identifiers().map(identifier_hash).for_each(visit),
            Self::Phone => row.phones().for_each(visit),
            Self::Email => row.emails().for_each(visit),
            Self::Address => row.addresses().filter_map(address_hash).for_each(visit),
        }
    }
}

/// A value that is ignored because too many people share it. The value itself is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubValue {
    /// What kind of value it is.
    pub kind: HubKind,
    /// How many records have it.
    pub records: u32,
    /// How many different people they are, by family name, given name and birth date.
    pub people: u32,
    /// One of the records, the first by record key.
    pub example: u32,
}

/// Values that very many people share, to be ignored in a record: those of a file, or those that a record
/// has in common with an index.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Hubs {
    /// By kind, then by falling number of people.
    pub(super) values: Vec<HubValue>,
    /// Hashes by kind, in the order of [`HubKind::ALL`], sorted.
    hashes: [Vec<u64>; HubKind::ALL.len()],
}

/// A value by its hash, and a record that has it.
type Sharing = (HubKind, u64, u32);

/// Finds every hub. `places` gives the place of each row in the order of record keys.
///
/// Nearly all values of a file are shared by few people and need not be sorted: small counters by hash
/// are filled first, then only the values of full counters are looked at one by one. Two passes over
/// the rows, O(N).
pub(super) fn find(rows: &[CompareRow], places: &[u32], limits: Limits) -> Hubs {
    let mut hubs = Hubs::default();
    if rows.len() <= limits.hub_people_max.min(limits.hub_address_people_max) as usize {
        return hubs;
    }
    let mut shared = shared_values(rows, limits);
    shared.par_sort_unstable();
    shared.dedup();
    let mut found: Vec<(HubValue, u64)> = shared
        .par_chunk_by(|left, right| (left.0, left.1) == (right.0, right.1))
        .filter_map(|sharing| judge(sharing, rows, places, limits))
        .collect();
    found.sort_unstable_by_key(|(hub, hash)| {
        (hub.kind, std::cmp::Reverse(hub.people), hub.example, hub.records, *hash)
    });
    for (hub, hash) in found {
        hubs.values.push(hub);
        if let Some(hashes) = hubs.hashes.get_mut(hub.kind as usize) {
            hashes.push(hash);
        }
    }
    hubs.hashes.iter_mut().for_each(|hashes| hashes.sort_unstable());
    hubs
}

/// Every value that may be a hub, with each record that has it; few others.
fn shared_values(rows: &[CompareRow], limits: Limits) -> Vec<Sharing> {
    let counters = Counters::new(rows.len());
    rows.par_iter().for_each(|row| {
        for kind in HubKind::ALL {
            kind.visit(row, |hash| counters.count(kind, hash));
        }
    });
    let shared_by = |(site, row): (usize, &CompareRow)| {
        let mut shared: SmallVec<[Sharing; 2]> = SmallVec::new();
        let site = u32::try_from(site).unwrap_or(u32::MAX);
        for kind in HubKind::ALL {
            let people_max = kind.people_max(limits);
            kind.visit(row, |hash| {
                if counters.may_exceed(kind, hash, people_max) {
                    shared.push((kind, hash, site));
                }
            });
        }
        shared
    };
    rows.par_iter().enumerate().flat_map_iter(shared_by).collect()
}

/// The people who share a value.
#[derive(Default)]
struct Sharers {
    people: HashSet<(NameId, NameId, u32)>,
    births: HashSet<u32>,
}

impl Sharers {
    fn take(&mut self, row: &CompareRow) {
        self.people.insert((row.name.family, row.name.given, row.birth_date));
        self.births.insert(row.birth_date);
    }

    /// Counts a record, if it carries the value.
    fn add(&mut self, kind: HubKind, hash: u64, row: &CompareRow) {
        let mut carries = false;
        kind.visit(row, |other| carries |= other == hash);
        if carries {
            self.take(row);
        }
    }

    /// Whether they are more people than a value of one person has, with birth dates of as many.
    fn are_too_many(&self, people_max: usize) -> bool {
        self.people.len() > people_max && self.births.len() > people_max / 2
    }
}

/// A hub, if so many people share the value. They also need birth dates enough: one person whose name
/// was typed in many ways is many names, but has few birth dates.
fn judge(
    sharing: &[Sharing],
    rows: &[CompareRow],
    places: &[u32],
    limits: Limits,
) -> Option<(HubValue, u64)> {
    let (kind, hash, _) = *sharing.first()?;
    let people_max = kind.people_max(limits) as usize;
    if sharing.len() <= people_max {
        return None;
    }
    let mut sharers = Sharers::default();
    for row in sharing.iter().filter_map(|(.., site)| rows.get(*site as usize)) {
        sharers.take(row);
    }
    let example = sharing.iter().filter_map(|(.., site)| places.get(*site as usize)).min()?;
    let is_hub = sharers.are_too_many(people_max);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (records, people) = (count(sharing.len()), count(sharers.people.len()));
    is_hub.then_some((HubValue { kind, records, people, example: *example }, hash))
}

impl Hubs {
    fn holds(&self, kind: HubKind, hash: u64) -> bool {
        self.hashes.get(kind as usize).is_some_and(|hashes| hashes.binary_search(&hash).is_ok())
    }

    /// Adds a value, by its hash.
    pub fn insert(&mut self, kind: HubKind, hash: u64) {
        if let Some(hashes) = self.hashes.get_mut(kind as usize)
            && let Err(at) = hashes.binary_search(&hash)
        {
            hashes.insert(at, hash);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.iter().all(Vec::is_empty)
    }

    /// The hubs by their kinds and hashes.
    pub fn iter(&self) -> impl Iterator<Item = (HubKind, u64)> + '_ {
        let kinds = HubKind::ALL.into_iter().zip(&self.hashes);
        kinds.flat_map(|(kind, hashes)| hashes.iter().map(move |hash| (kind, *hash)))
    }

    /// Takes the hubs out of a record. Of an address the place is left, which a hub still tells.
    pub fn remove_from(&self, row: &mut CompareRow) {
        let mut found = false;
        let kinds = HubKind::ALL.into_iter().zip(&self.hashes);
        for (kind, _) in kinds.filter(|(_, hashes)| !hashes.is_empty()) {
            kind.visit(row, |hash| found |= self.holds(kind, hash));
        }
        if found {
            self.remove_numbers(row);
            self.remove_lists(row);
        }
    }

    fn remove_numbers(&self, row: &mut CompareRow) {
        if row.ssn.is_whole() && self.holds(HubKind::Ssn, row.ssn.bits()) {
            row.ssn = PackedSsn::default();
        }
        let strip = |address: &mut AddressIds| {
            if address_hash(*address).is_some_and(|hash| self.holds(HubKind::Address, hash)) {
                let none = TextId(0);
                *address = AddressIds { number: none, street: none, unit: none, ..*address };
            }
        };
        strip(&mut row.address);
        for value in row.more_mut() {
            if let MoreValue::Address(address) = value {
                strip(address);
            }
        }
    }

    /// Removes hubs from the lists; the next value takes the place of a removed first one.
    fn remove_lists(&self, row: &mut CompareRow) {
        let mut more: SmallVec<[MoreValue; 8]> = SmallVec::new();
        let is_kept = |it: &&MoreValue| matches!(it, MoreValue::Name(_) | MoreValue::Address(_));
        more.extend(row.more_values().iter().filter(is_kept).copied());
        let identifiers = row.identifiers().filter(|it| {
            let hash = identifier_hash(*it);
            !self.holds(HubKind::Identifier, hash)
        });
        let identifier = first(identifiers, &mut more, MoreValue::Identifier);
        let phones = row.phones().filter(|it| !self.holds(HubKind::Phone, *it));
        let phone = first(phones, &mut more, MoreValue::Phone);
        let emails = row.emails().filter(|hash| !self.holds(HubKind::Email, *hash));
        let email = first(emails, &mut more, MoreValue::Email);
        (row.identifier, row.phone, row.email) = (identifier, phone, email);
        row.set_more(&more);
    }
}

fn identifier_hash(identifier: IdentifierHash) -> u64 {
    identifier.authority.rotate_left(29) ^ identifier.value
}

/// The hash of a whole address; `None` without a street, which is no value that could be a hub.
fn address_hash(address: AddressIds) -> Option<u64> {
    let AddressIds { number, street, unit, city, state: _, postal_code } = address;
    let parts = [number, street, unit, city, postal_code].map(|part| part.0.to_le_bytes());
    street.is_some().then(|| xxh3_64(parts.as_flattened()))
}

/// Counters by hash that never count too little, except beyond [`COUNT_MAX`].
struct Counters {
    counts: Vec<AtomicU16>,
    mask: usize,
}

/// Where counters stop.
const COUNT_MAX: u16 = 10_000;

impl Counters {
    /// Two counters per record, so that few values share one; 32 MB at most.
    fn new(record_count: usize) -> Self {
        const COUNTERS_MAX: usize = 1 << 24;
        let size = record_count.saturating_mul(2).next_power_of_two().clamp(1 << 10, COUNTERS_MAX);
        Self { counts: (0..size).map(|_| AtomicU16::new(0)).collect(), mask: size - 1 }
    }

    /// Telephone numbers are their own hash, so bits are mixed before the lowest are taken.
    fn of(&self, kind: HubKind, hash: u64) -> Option<&AtomicU16> {
        let mixed = (hash ^ (kind as u64).rotate_right(8)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.counts.get(usize::try_from(mixed >> 32).unwrap_or(0) & self.mask)
    }

    fn count(&self, kind: HubKind, hash: u64) {
        if let Some(count) = self.of(kind, hash)
            && count.load(Ordering::Relaxed) < COUNT_MAX
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether more than `max` records may have the value.
    fn may_exceed(&self, kind: HubKind, hash: u64, max: u32) -> bool {
        let count = self.of(kind, hash).map_or(0, |count| count.load(Ordering::Relaxed));
        u32::from(count) > max.min(u32::from(COUNT_MAX) - 1)
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{
        LinkDecision, PatientText, PersonName, PostalAddress, RecordKey, SourceRecord,
    };
    use proptest::prelude::*;

    use crate::bulk::tests::link;
    use crate::{HubKind, Linkage};

    const GIVEN: [&str; 20] = [
        "James", "Mary", "Robert", "Linda", "Ahmed", "Chen", "Olga", "Pedro", "Ngozi", "Sven",
        "Aiko", "Fatima", "Liam", "Noor", "Petra", "Quentin", "Rosa", "Tariq", "Uma", "Wanda",
    ];
    const FAMILY: [&str; 15] = [
        "Okafor",
        "Xiquez",
        "Zander",
        "Quixley",
        "Bellamy",
        "Trout",
        "Varga",
        "Mbeki",
        "Larsen",
        "Kowal",
        "Ibarra",
        "Haddad",
        "Fuchs",
        "Drummond",
        "Castellan",
    ];
    const CLINIC: &str = "617-253-0100";

    /// The n-th of 300 different people, with a phone of their own and perhaps another.
    fn person(n: usize, other_phone: Option<&str>) -> SourceRecord {
        let (given, family) = (GIVEN[n % 20], FAMILY[n / 20]);
        SourceRecord {
            key: RecordKey::new("clinic", format!("{n:04}")),
            names: vec![PersonName {
                given: PatientText::non_blank(given),
                family: PatientText::non_blank(family),
                ..PersonName::default()
            }],
            birth_date: PatientText::non_blank(&format!(
                "{}-{:02}-{:02}",
                1930 + n % 71,
                1 + n % 12,
                2 + n % 23
            )),
            addresses: vec![PostalAddress {
                street: PatientText::non_blank(&format!("{} Elm Street", 10 + n)),
                postal_code: PatientText::non_blank("02139"),
                ..PostalAddress::default()
            }],
            phones: other_phone
                .map(str::to_owned)
                .into_iter()
                .chain([format!("617-{:03}-{:04}", 300 + n % 7, 2000 + 13 * n)])
                .map(PatientText::new)
                .collect(),
            ..SourceRecord::default()
        }
    }

    /// 300 people, the first 100 of them seen again elsewhere, all with the clinic's phone.
    fn clinic() -> Vec<SourceRecord> {
        let again = (0..100).map(|n| SourceRecord {
            key: RecordKey::new("elsewhere", format!("{n:04}")),
            addresses: Vec::new(),
            ..person(n, Some(CLINIC))
        });
        (0..300).map(|n| person(n, Some(CLINIC))).chain(again).collect()
    }

    fn kinds(linkage: &Linkage) -> Vec<(HubKind, u32, u32, u32)> {
        let told = linkage.hub_values.iter();
        told.map(|hub| (hub.kind, hub.records, hub.people, hub.example)).collect()
    }

    #[test]
    fn the_phone_of_a_clinic_is_ignored_and_told() {
        let linkage = link(&clinic());
        assert_eq!(kinds(&linkage), [(HubKind::Phone, 400, 300, 0)]);
        assert_eq!(linkage.person_count, 300, "each person's own phone still counts");
        assert!(linkage.capped_blocks.is_empty());
        let links = linkage.pairs.iter().filter(|pair| pair.decision == LinkDecision::Link);
        assert!(links.clone().all(|pair| {
            linkage.keys.parts(pair.left as usize).unwrap().1
                == linkage.keys.parts(pair.right as usize).unwrap().1
        }));
        assert_eq!(links.count(), 100);
    }

    #[test]
    fn a_care_home_is_told_and_its_place_stays() {
        let mut records: Vec<_> = (0..100).map(|n| person(n, None)).collect();
        for record in &mut records {
            record.addresses[0].street = PatientText::non_blank("1 Care Home Lane");
        }
        assert_eq!(kinds(&link(&records)), [(HubKind::Address, 100, 100, 0)]);
        // A large family is none.
        assert_eq!(kinds(&link(&records[..30])), []);
    }

    #[test]
    fn one_person_in_many_spellings_is_no_hub() {
        let spelled = |n: usize| {
            let mut record = person(7, None);
            record.key.record_id = format!("{n}");
            record.names[0].given = PatientText::non_blank(&format!("Pedr{}", "o".repeat(n + 1)));
            record
        };
        let records: Vec<_> = (0..40).map(spelled).collect();
        assert_eq!(kinds(&link(&records)), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn hubs_do_not_depend_on_the_order_of_input(records in Just(clinic()).prop_shuffle()) {
            let (expected, found) = (link(&clinic()), link(&records));
            prop_assert_eq!(found.hub_values, expected.hub_values);
            prop_assert_eq!(found.persons, expected.persons);
            prop_assert_eq!(found.pairs, expected.pairs);
        }
    }
}
