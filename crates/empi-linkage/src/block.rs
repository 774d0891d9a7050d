//! Blocking: the keys of a record. Two records that share one are compared, all others never are.
//!
//! Each rule joins two or more independent values, so that blocks stay small, and each tolerates
//! another kind of error: a mistyped name, a swapped date, a new family name, a wrong year, a move.
//! Together they must miss next to nothing (`matching.md`'s goal: 99.5 % of true pairs).

use empi_model::{BlockingKey, BlockingRule};
use smallvec::SmallVec;

use crate::lexicon::Values;
use crate::row::{CompareRow, NameId, NameIds, Several};

/// Most keys a record may have; further ones of a record with very many values are left out, the
/// most specific rules being made first.
pub const KEYS_MAX: usize = 64;

/// Most names, addresses and phones of one record that make keys.
const VALUES_MAX: usize = 5;

/// The keys of one record, sorted, without repeats.
pub type BlockingKeys = SmallVec<[BlockingKey; 20]>;

/// Makes every blocking key of a record. The same record gives the same keys on every machine and
/// with any lexicon: keys hash values, never lexicon numbers.
#[must_use]
pub fn blocking_keys(values: &impl Values, row: &CompareRow) -> BlockingKeys {
    let mut keys = blocking_keys_of(RuleSet::ALL, values, row);
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Those keys of a record that some rules make, as [`blocking_keys`] makes them, but in no order and
/// perhaps with repeats: who sorts the keys of many records need not sort those of each.
pub(crate) fn blocking_keys_of(
    rules: RuleSet,
    values: &impl Values,
    row: &CompareRow,
) -> BlockingKeys {
    // Only a record with several names or addresses can have too many keys; which of them are left out
    // depends on all rules together.
    let all = RuleSet { is_wide: rules.is_wide, ..RuleSet::ALL };
    let has_many = row.has_several(Several::Names) || row.has_several(Several::Addresses);
    let made = if has_many { all } else { rules };
    let mut keys = Keys { values, row, rules: made, keys: SmallVec::new() };
    if made.holds_any(&OF_NUMBERS) {
        keys.add_numbers();
    }
    for name in row.names().take(VALUES_MAX) {
        if made.holds_any(&OF_NAMES) {
            keys.add_names(name);
        }
        if made.holds_any(&OF_SOUNDS) {
            keys.add_sounds(name);
        }
    }
    keys.add_dates_and_places();
    if keys.keys.len() > KEYS_MAX {
        keys.keys.sort_unstable();
        keys.keys.dedup();
        keys.keys.truncate(KEYS_MAX);
    }
    if made != rules {
        keys.keys.retain(|key| rules.holds_key(*key));
    }
    keys.keys
}

/// Rules whose keys are made of numbers and addresses on a network.
const OF_NUMBERS: [BlockingRule; 5] = [
    BlockingRule::Ssn,
    BlockingRule::SsnLastFourBirthYear,
    BlockingRule::Identifier,
    BlockingRule::Phone,
    BlockingRule::Email,
];

/// Rules whose keys are made of names as they are written.
const OF_NAMES: [BlockingRule; 6] = [
    BlockingRule::GivenBirthDate,
    BlockingRule::InitialsBirthDate,
    BlockingRule::InitialsBirthDigits,
    BlockingRule::NamesBirthYear,
    BlockingRule::NamesPostalCode,
    BlockingRule::StreetGiven,
];

/// Rules whose keys are made of names as they sound.
const OF_SOUNDS: [BlockingRule; 4] = [
    BlockingRule::FamilySoundBirthDate,
    BlockingRule::NameSoundsBirthDay,
    BlockingRule::NameSoundsCity,
    BlockingRule::NamesUndated,
];

/// Some of the blocking rules, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleSet {
    rules: u64,
    /// Whether their keys leave out what narrows them.
    is_wide: bool,
}

impl RuleSet {
    pub(crate) const ALL: Self = Self { rules: u64::MAX, is_wide: false };

    pub(crate) fn of(rules: &[BlockingRule]) -> Self {
        let rules = rules.iter().fold(0, |set, rule| set | 1 << (*rule as u64));
        Self { rules, is_wide: false }
    }

    /// The same rules, widened or not: for files that are searched for all there is to find. Keys of
    /// widened rules are for blocks in memory only.
    pub(crate) const fn widened(self, is_wide: bool) -> Self {
        Self { is_wide, ..self }
    }

    fn holds_any(self, rules: &[BlockingRule]) -> bool {
        rules.iter().any(|rule| self.holds(*rule))
    }

    const fn holds(self, rule: BlockingRule) -> bool {
        self.rules & (1 << (rule as u64)) != 0
    }

    pub(crate) const fn holds_key(self, key: BlockingKey) -> bool {
        self.rules & (1 << ((key.as_number() >> 56) & 63)) != 0
    }

    /// The values that make a key: of a wide rule one alone, the birth date, both names, or the house.
    fn narrowed(self, rule: BlockingRule, parts: &[u64]) -> &[u64] {
        let kept = match rule {
            BlockingRule::InitialsBirthDate if self.is_wide => parts.get(1..),
            BlockingRule::NamesBirthYear if self.is_wide => parts.get(..1),
            BlockingRule::StreetBirthYear if self.is_wide => parts.get(..2),
            _ => None,
        };
        kept.unwrap_or(parts)
    }
}

/// Keys being collected.
struct Keys<'a, V> {
    values: &'a V,
    row: &'a CompareRow,
    rules: RuleSet,
    keys: BlockingKeys,
}

impl<V: Values> Keys<'_, V> {
    /// Adds a key unless one of its values is missing (hash 0).
    fn add(&mut self, rule: BlockingRule, parts: &[u64]) {
        if !self.rules.holds(rule) {
            return;
        }
        let parts = self.rules.narrowed(rule, parts);
        if parts.iter().all(|part| *part != 0) {
            self.keys.push(BlockingKey::new(rule, mix(parts)));
        }
    }

    fn add_numbers(&mut self) {
        let row = self.row;
        let year = birth_year(row.birth_date);
        if let Some(ssn) = row.ssn.get() {
            if !matches!(ssn, empi_model::Ssn::LastFour(_)) {
                self.add(BlockingRule::Ssn, &[mix_digits(&ssn.to_digits())]);
            }
            let last_four = 10_000 + u64::from(ssn.last_four());
            self.add(BlockingRule::SsnLastFourBirthYear, &[last_four, year]);
        }
        for identifier in row.identifiers().take(VALUES_MAX) {
            self.add(BlockingRule::Identifier, &[identifier.authority, identifier.value]);
        }
        for phone in row.phones().take(VALUES_MAX) {
            self.add(BlockingRule::Phone, &[phone]);
        }
        for email in row.emails().take(VALUES_MAX) {
            self.add(BlockingRule::Email, &[email]);
        }
    }

    fn add_names(&mut self, name: NameIds) {
        let given = self.given_hash(name.given);
        let family = self.compact_hash(name.family);
        let date = day_month_either_way(self.row.birth_date);
        let year = birth_year(self.row.birth_date);
        let initials = either_way(self.initial(name.given), self.initial(name.family));
        self.add(BlockingRule::GivenBirthDate, &[given, date]);
        self.add(BlockingRule::InitialsBirthDate, &[initials, date]);
        let digits = year_digits_either_way(self.row.birth_date);
        self.add(BlockingRule::InitialsBirthDigits, &[initials, digits]);
        let (given_compact, family_compact) = (self.compact_hash(name.given), family);
        for names in dedup([either_way(given, family), either_way(given_compact, family_compact)]) {
            self.add(BlockingRule::NamesBirthYear, &[names, year]);
            for address in self.row.addresses().take(VALUES_MAX) {
                let postal_code = self.values.text(address.postal_code).hash;
                self.add(BlockingRule::NamesPostalCode, &[names, postal_code]);
            }
        }
        for address in self.row.addresses().take(VALUES_MAX) {
            let street = self.values.text(address.street).hash;
            let number = self.values.text(address.number).hash;
            self.add(BlockingRule::StreetGiven, &[street, number, given]);
        }
    }

    /// Keys by sound, for the whole family name and for each of its parts.
    fn add_sounds(&mut self, name: NameIds) {
        let date = day_month_either_way(self.row.birth_date);
        let given_sound = self.values.name(name.given).sound.primary;
        let family = self.values.name(name.family);
        let parts = family.words().iter().map(|part| self.values.name(*part));
        let long_parts = parts.filter(|part| part.text().len() >= 3);
        let sounds: SmallVec<[u64; 4]> = std::iter::once(family.sound.primary)
            .chain([family.sound.alternate])
            .chain(long_parts.map(|part| part.sound.primary))
            .take(VALUES_MAX)
            .collect();
        let month_day = birth_month_day(self.row.birth_date);
        for sound in sounds {
            self.add(BlockingRule::FamilySoundBirthDate, &[sound, date]);
            let both = either_way(given_sound, sound);
            self.add(BlockingRule::NameSoundsBirthDay, &[both, month_day]);
            if self.row.birth_date == 0 {
                let initials = [name.given, name.family].map(|id| self.initial(id));
                self.add(BlockingRule::NamesUndated, &[1, initials[0], sound]);
                self.add(BlockingRule::NamesUndated, &[2, given_sound, initials[1]]);
            }
            for address in self.row.addresses().take(VALUES_MAX) {
                let city = self.values.text(address.city).hash;
                self.add(BlockingRule::NameSoundsCity, &[both, city]);
            }
        }
    }

    fn add_dates_and_places(&mut self) {
        let date = day_month_either_way(self.row.birth_date);
        let year = birth_year(self.row.birth_date);
        for address in self.row.addresses().take(VALUES_MAX) {
            let postal_code = self.values.text(address.postal_code).hash;
            self.add(BlockingRule::BirthDatePostalCode, &[date, postal_code]);
            let street = self.values.text(address.street).hash;
            let number = self.values.text(address.number).hash;
            self.add(BlockingRule::StreetBirthYear, &[street, number, year]);
        }
    }

    /// The formal name behind a given name, the smallest hash where there are several.
    fn given_hash(&self, id: NameId) -> u64 {
        if !id.is_some() {
            return 0;
        }
        self.values.name(id).formal.first().copied().unwrap_or(0)
    }

    fn compact_hash(&self, id: NameId) -> u64 {
        if id.is_some() { self.values.name(id).compact_hash } else { 0 }
    }

    fn initial(&self, id: NameId) -> u64 {
        u64::from(self.values.name(id).initial())
    }
}

/// A hash that does not depend on the order of its two values; 0 if one is missing.
const fn either_way(one: u64, other: u64) -> u64 {
    if one == 0 || other == 0 {
        return 0;
    }
    if one < other { mix(&[one, other]) } else { mix(&[other, one]) }
}

fn dedup(hashes: [u64; 2]) -> SmallVec<[u64; 2]> {
    let mut hashes = SmallVec::from(hashes);
    hashes.dedup();
    hashes
}

/// The year; 0 for no date.
const fn birth_year(date: u32) -> u64 {
    (date / 10_000) as u64
}

/// Month and day in ascending order; 0 unless both are known.
fn birth_month_day(date: u32) -> u64 {
    let (month, day) = (date / 100 % 100, date % 100);
    if month == 0 || day == 0 { 0 } else { u64::from(month.min(day) * 100 + month.max(day)) }
}

/// The full date with month and day in ascending order, so that a swap of the two gives the same key;
/// 0 unless all three parts are known.
fn day_month_either_way(date: u32) -> u64 {
    match birth_month_day(date) {
        0 => 0,
        month_day => birth_year(date) * 10_000 + month_day,
    }
}

/// Like [`day_month_either_way`], the last two digits of the year in ascending order too: `1989` typed
/// as `1998`, often beside a mistyped name.
fn year_digits_either_way(date: u32) -> u64 {
    match birth_month_day(date) {
        0 => 0,
        month_day => {
            let (century, tens, units) =
                (date / 1_000_000, date / 100_000 % 10, date / 10_000 % 10);
            let year = century * 100 + tens.min(units) * 10 + tens.max(units);
            u64::from(year) * 10_000 + month_day
        }
    }
}

fn mix_digits(digits: &str) -> u64 {
    crate::names_table::hash_of(digits)
}

/// Folds values into one hash, never 0. Part of the format on disk: it never changes.
const fn mix(parts: &[u64]) -> u64 {
    let mut hash = 0x243F_6A88_85A3_08D3_u64;
    let mut at = 0;
    while at < parts.len() {
        hash = (hash ^ parts[at]).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash ^= hash >> 32;
        at += 1;
    }
    if hash == 0 { 1 } else { hash }
}

#[cfg(test)]
mod tests {
    use empi_model::{PatientText, PersonName, SourceRecord};

    use super::*;
    use crate::lexicon::{Intern, Lexicon, LexiconOverlay};
    use crate::normalize::normalize;

    fn record(given: &str, family: &str, birth_date: &str) -> SourceRecord {
        SourceRecord {
            names: vec![PersonName {
                given: PatientText::non_blank(given),
                family: PatientText::non_blank(family),
                ..PersonName::default()
            }],
            birth_date: PatientText::non_blank(birth_date),
            ..SourceRecord::default()
        }
    }

    fn share_a_key(left: &SourceRecord, right: &SourceRecord) -> bool {
        let mut lexicon = Lexicon::new();
        let rows = [left, right].map(|record| lexicon.row(&normalize(record)));
        let [left, right] = rows.map(|row| blocking_keys(&lexicon, &row));
        left.iter().any(|key| right.contains(key))
    }

    #[test]
    fn each_kind_of_error_leaves_a_key_in_common() {
        let robert = record("Robert", "Okafor", "1980-03-12");
        for (given, family, birth_date, expected) in [
            ("Bob", "Okafor", "1980-03-12", true),
            ("Okafor", "Robert", "1980-07-01", true),
            ("Robert", "Okaffor", "1980-12-03", true),
            ("Robert", "Smith", "1980-03-12", true),
            ("Robert", "Okafor", "1975-03-12", true),
            ("Robert", "Okafor", "1980-07-30", true),
            ("Rxbert", "Oxafor", "1980-03-12", true),
            ("Robert", "Okafor", "", false),
            ("Alice", "Smith", "1971-05-05", false),
        ] {
            let other = record(given, family, birth_date);
            assert_eq!(share_a_key(&robert, &other), expected, "{given} {family} {birth_date}");
        }
    }

    #[test]
    fn names_alone_bring_together_what_has_no_birth_date() {
        let undated = record("Robert", "Okafor", "");
        for (given, family, expected) in
            [("Robert", "Oxafor", true), ("Rxbert", "Okafor", true), ("Alice", "Okafor", false)]
        {
            assert_eq!(share_a_key(&undated, &record(given, family, "")), expected, "{given}");
            assert!(!share_a_key(&undated, &record(given, family, "1980-03-12")));
        }
    }

    #[test]
    fn keys_do_not_depend_on_the_lexicon() {
        let normalized = normalize(&record("Maria", "Garcia Lopez", "1980-03-12"));
        let mut lexicon = Lexicon::new();
        lexicon.row(&normalize(&record("Maria", "Lopez", "1970-01-02")));
        let mut overlay = LexiconOverlay::new(&lexicon);
        let row = overlay.row(&normalized);
        let seen_through_overlay = blocking_keys(&overlay, &row);
        let mut other = Lexicon::new();
        let row = other.row(&normalized);
        assert_eq!(blocking_keys(&other, &row), seen_through_overlay);
    }

    #[test]
    fn rule_by_rule_gives_the_same_keys() {
        let mut record = record("Maria", "Garcia Lopez", "1980-03-12");
        let mut lexicon = Lexicon::new();
        for round in 0..60 {
            record.birth_date =
                PatientText::non_blank(if round % 2 == 0 { "1980-03-12" } else { "" });
            let row = lexicon.row(&normalize(&record));
            let parts = BlockingRule::ALL.chunks(4).map(RuleSet::of);
            let mut keys: Vec<_> =
                parts.flat_map(|rules| blocking_keys_of(rules, &lexicon, &row)).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys, blocking_keys(&lexicon, &row).to_vec());
            let count = record.names.len();
            record.names.push(PersonName {
                family: PatientText::non_blank(&format!("Ab{count}cd Ef{count}gh Ij{count}kl")),
                ..record.names[0].clone()
            });
        }
    }

    #[test]
    fn wide_rules_bring_together_what_shares_one_thing_only() {
        let share = |left: &SourceRecord, right: &SourceRecord| {
            let mut lexicon = Lexicon::new();
            let rows = [left, right].map(|record| lexicon.row(&normalize(record)));
            let wide = RuleSet::ALL.widened(true);
            let [left, right] = rows.map(|row| blocking_keys_of(wide, &lexicon, &row));
            left.iter().any(|key| right.contains(key))
        };
        let robert = record("Robert", "Okafor", "1980-03-12");
        for (other, expected) in [
            (record("Alice", "Smith", "1980-03-12"), true),
            (record("Robert", "Okafor", "1951-09-30"), true),
            (record("Alice", "Smith", "1951-09-30"), false),
        ] {
            assert_eq!(share(&robert, &other), expected);
            assert!(!share_a_key(&robert, &other));
        }
    }

    #[test]
    fn keys_on_disk_never_change() {
        let mut lexicon = Lexicon::new();
        let dates = ["1980-03-12", ""];
        let rows =
            dates.map(|date| lexicon.row(&normalize(&record("Maria", "Garcia Lopez", date))));
        let keys = rows.iter().flat_map(|row| blocking_keys(&lexicon, row));
        let numbers: Vec<String> = keys.map(|key| format!("{:016x}", key.as_number())).collect();
        expect_test::expect![[r#"
            [
                "051bced916f56bed",
                "05bc164e6a4b90fc",
                "05d00f1e2f663a89",
                "05ed4dbf6faa3fc4",
                "06b9123777d018ec",
                "07452e14f5b2d6f3",
                "091095caef222807",
                "09399b4fbff8f42a",
                "095cc1aff28b64fe",
                "0982184e0983bcbe",
                "0dd089ca72cf8a9e",
                "10af0d19e123150a",
                "1120ace15450669b",
                "115824b4df8ba559",
                "11774baa0844dd45",
                "11786faed4357e02",
                "11da1d1caf43d4d3",
            ]
        "#]]
        .assert_debug_eq(&numbers);
    }
}
