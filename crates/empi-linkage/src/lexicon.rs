//! Values interned once: every distinct name and text gets a number, and with it everything that is
//! costly to derive from it, so that comparing two records never looks at a string twice.

use empi_model::{MatchWeight, NormalizedAddress, NormalizedName, NormalizedRecord, PatientText};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::LinkageModel;
use crate::names_table::{FormalNames, NameShares, formal_names, hash_of, name_shares};
use crate::phonetic::Sound;
use crate::row::{AddressIds, CompareRow, IdentifierHash, MoreValue, NameId, NameIds};
use crate::row::{PackedSsn, TextId};
use crate::score::name_frequency;
use crate::similarity::Letters;
use crate::spelling;
use crate::table::{HasText, Table, number};

mod again;
mod overlay;

pub use again::CarriedValues;
pub use overlay::LexiconOverlay;

/// A distinct name and what is derived from it.
///
/// There are very many names, and they are looked up in no order. So what every lookup needs, for
/// blocking keys and for the first comparison, comes first and lies in one line of a core's cache.
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct NameValue {
    /// Hash of the name without spaces: `DE LA CRUZ` and `DELACRUZ` share it.
    pub compact_hash: u64,
    /// Hash of the name in one spelling, see `spelling`; 0 where it is too short.
    pub spelling: u64,
    /// How the name sounds.
    pub sound: Sound,
    /// The formal names it may stand for as a given name, from its first token.
    pub formal: FormalNames,
    /// The letters of the name without spaces.
    pub(crate) letters: Letters,
    text: PatientText,
    /// Its share in the shipped tables.
    pub shares: NameShares,
    /// What a name of several words has beside: few are.
    several: Option<Box<Several>>,
    /// In how many records of the index it is a given name.
    pub given_count: u32,
    /// In how many records of the index it is a family name.
    pub family_count: u32,
}

/// What is derived from a name of several words.
#[derive(Clone, Debug, PartialEq)]
struct Several {
    compact: PatientText,
    words: SmallVec<[NameId; 2]>,
}

impl NameValue {
    /// The name in match form, tokens separated by spaces. Patient data.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.expose()
    }

    /// The first byte of the name; 0 of the empty one. It lies with the name itself, while the text lies elsewhere: who
    /// looks at all names asks for it first.
    #[must_use]
    pub const fn first_letter(&self) -> u8 {
        self.letters.first()
    }

    /// The name without spaces. Patient data.
    #[must_use]
    pub fn compact(&self) -> &str {
        self.several.as_ref().map_or(&self.text, |several| &several.compact).expose()
    }

    /// The words of a name of several; none of a name of one.
    #[must_use]
    pub fn words(&self) -> &[NameId] {
        self.several.as_ref().map_or(&[], |several| &several.words)
    }

    /// Whether the name is a single letter.
    #[must_use]
    pub fn is_initial(&self) -> bool {
        self.letters.is_one()
    }

    /// The first letter; 0 for no name.
    #[must_use]
    pub fn initial(&self) -> u8 {
        self.letters.first()
    }
}

/// A distinct text other than a name.
#[derive(Clone, Debug, PartialEq)]
pub struct TextValue {
    text: PatientText,
    /// Hash of the text.
    pub hash: u64,
}

impl TextValue {
    /// The text in match form. Patient data.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.expose()
    }
}

/// Where the values behind the numbers of a row are looked up.
pub trait Values {
    /// The name of a number that this source of values gave.
    fn name(&self, id: NameId) -> &NameValue;
    /// The text of a number that this source of values gave.
    fn text(&self, id: TextId) -> &TextValue;
    /// How many records were counted.
    fn record_count(&self) -> u32;
    /// What agreement on a name weighs beside its level, for its frequency in a role.
    fn frequency(&self, model: &LinkageModel, id: NameId, role: NameRole) -> MatchWeight
    where
        Self: Sized,
    {
        name_frequency(model, self, id, role)
    }
}

/// As what a name stands in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRole {
    /// Given name.
    Given = 0,
    /// Family name.
    Family = 1,
}

/// Where values get their numbers.
pub trait Intern {
    /// The number of a name; 0 for the empty text.
    fn intern_name(&mut self, text: &str) -> NameId;
    /// The number of a text; 0 for the empty text.
    fn intern_text(&mut self, text: &str) -> TextId;

    /// The compact row of a record, every value of it interned.
    fn row(&mut self, record: &NormalizedRecord) -> CompareRow {
        let mut more: SmallVec<[MoreValue; 8]> = SmallVec::new();
        let names = record.names.iter().map(|name| name_ids(self, name));
        let name = first(names, &mut more, MoreValue::Name);
        let addresses = record.addresses.iter().map(|it| address_ids(self, it));
        let address = first(addresses, &mut more, MoreValue::Address);
        let phones = record.phones.iter().map(|phone| phone.as_number());
        let phone = first(phones, &mut more, MoreValue::Phone);
        let emails = record.emails.iter().map(|email| hash_of(email.expose()));
        let email = first(emails, &mut more, MoreValue::Email);
        let identifiers = record.identifiers.iter().map(|identifier| IdentifierHash {
            authority: hash_of(&identifier.authority),
            value: hash_of(identifier.value.expose()),
        });
        let identifier = first(identifiers, &mut more, MoreValue::Identifier);
        let mut row = CompareRow {
            name,
            address,
            birth_date: record.birth_date.map_or(0, |date| date.as_number()),
            mother: intern_optional_name(self, record.mother_maiden_name.as_ref()),
            ssn: PackedSsn::new(record.ssn),
            phone,
            email,
            identifier,
            source: self.intern_text(&record.key.source),
            sex: record.sex,
            suffix: record.suffix,
            birth_order: record.birth_order.unwrap_or(0),
            newborn_name: record.newborn_name,
            ..CompareRow::default()
        };
        row.set_more(&more);
        row
    }
}

/// The first of several values, the default where there is none; the rest goes to `more`.
pub(crate) fn first<T: Default>(
    mut values: impl Iterator<Item = T>,
    more: &mut impl Extend<MoreValue>,
    as_more: impl Fn(T) -> MoreValue,
) -> T {
    let first = values.next().unwrap_or_default();
    more.extend(values.map(as_more));
    first
}

fn intern_optional_name<I: Intern + ?Sized>(lexicon: &mut I, name: Option<&PatientText>) -> NameId {
    name.map_or(NameId(0), |name| lexicon.intern_name(name.expose()))
}

fn name_ids<I: Intern + ?Sized>(lexicon: &mut I, name: &NormalizedName) -> NameIds {
    NameIds {
        given: intern_optional_name(lexicon, name.given.as_ref()),
        middle: intern_optional_name(lexicon, name.middle.as_ref()),
        family: intern_optional_name(lexicon, name.family.as_ref()),
    }
}

fn address_ids<I: Intern + ?Sized>(lexicon: &mut I, address: &NormalizedAddress) -> AddressIds {
    let mut id = |text: &Option<PatientText>| {
        text.as_ref().map_or(TextId(0), |text| lexicon.intern_text(text.expose()))
    };
    AddressIds {
        number: id(&address.number),
        street: id(&address.street),
        unit: id(&address.unit),
        city: id(&address.city),
        state: id(&address.state),
        postal_code: id(&address.postal_code),
    }
}

/// Every distinct value of an index or a file, numbered, with counts.
#[derive(Clone, Debug)]
pub struct Lexicon {
    names: Table<NameValue>,
    texts: Table<TextValue>,
    record_count: u32,
}

impl Default for Lexicon {
    fn default() -> Self {
        Self::new()
    }
}

impl Lexicon {
    /// An empty lexicon.
    #[must_use]
    pub fn new() -> Self {
        let nothing = TextValue { text: PatientText::default(), hash: 0 };
        Self { names: Table::new(name_value("", &[])), texts: Table::new(nothing), record_count: 0 }
    }

    /// Counts the names of one more record, for the term-frequency adjustment.
    pub fn count(&mut self, row: &CompareRow) {
        self.record_count = self.record_count.saturating_add(1);
        self.change_counts(row, |count| count.saturating_add(1));
    }

    /// Takes a record's names out of the counts again.
    pub fn discount(&mut self, row: &CompareRow) {
        self.record_count = self.record_count.saturating_sub(1);
        self.change_counts(row, |count| count.saturating_sub(1));
    }

    /// Every name with its number.
    pub fn names(&self) -> impl Iterator<Item = (NameId, &NameValue)> {
        let names = (0..).map(NameId).zip(&self.names.items);
        names.skip(1)
    }

    /// How many numbers of names and of texts there are, that of the missing one among them.
    pub(crate) fn counts(&self) -> [u32; 2] {
        [number(self.names.items.len()), number(self.texts.items.len())]
    }

    /// The number of a name whose hash is known already.
    fn intern_hashed_name(&mut self, hash: u64, text: &str) -> NameId {
        if let Some(id) = self.names.find_hashed(hash, text) {
            return NameId(id);
        }
        let words = intern_words(self, text);
        NameId(self.names.add(hash, name_value(text, &words)))
    }

    /// The number of a text whose hash is known already.
    fn intern_hashed_text(&mut self, hash: u64, text: &str) -> TextId {
        let found = self.texts.find_hashed(hash, text);
        TextId(found.unwrap_or_else(|| self.texts.add(hash, TextValue { text: text.into(), hash })))
    }

    /// The numbers of many names at once, of which hash and text are given. Each name lies somewhere else
    /// in memory, so all are looked for before the first is looked at.
    pub(crate) fn intern_names<'a>(
        &mut self,
        names: impl Iterator<Item = (u64, &'a str)> + Clone,
    ) -> Vec<NameId> {
        let likely = self.names.likely(names.clone().map(|(hash, _)| hash));
        let pairs = names.zip(likely);
        pairs
            .map(|((hash, text), likely)| match likely {
                Some(id) if self.names.get(id).text() == text => NameId(id),
                _ => self.intern_hashed_name(hash, text),
            })
            .collect()
    }

    /// The numbers of many texts at once, like [`intern_names`](Self::intern_names).
    pub(crate) fn intern_texts<'a>(
        &mut self,
        texts: impl Iterator<Item = (u64, &'a str)> + Clone,
    ) -> Vec<TextId> {
        let likely = self.texts.likely(texts.clone().map(|(hash, _)| hash));
        let pairs = texts.zip(likely);
        pairs
            .map(|((hash, text), likely)| match likely {
                Some(id) if self.texts.get(id).text() == text => TextId(id),
                _ => self.intern_hashed_text(hash, text),
            })
            .collect()
    }

    /// Counts more records at once: of each name, how many have it as given and as family name.
    pub(crate) fn count_all(
        &mut self,
        records: u32,
        names: impl Iterator<Item = (NameId, [u32; 2])>,
    ) {
        self.record_count = self.record_count.saturating_add(records);
        for (id, [given, family]) in names {
            if let Some(name) = self.names.items.get_mut(id.0 as usize) {
                name.given_count = name.given_count.saturating_add(given);
                name.family_count = name.family_count.saturating_add(family);
            }
        }
    }

    fn change_counts(&mut self, row: &CompareRow, change: impl Fn(u32) -> u32) {
        for name in row.names() {
            if let Some(given) = self.names.items.get_mut(name.given.0 as usize) {
                given.given_count = change(given.given_count);
            }
            if let Some(family) = self.names.items.get_mut(name.family.0 as usize) {
                family.family_count = change(family.family_count);
            }
        }
    }
}

impl Values for Lexicon {
    fn name(&self, id: NameId) -> &NameValue {
        self.names.get(id.0)
    }

    fn text(&self, id: TextId) -> &TextValue {
        self.texts.get(id.0)
    }

    fn record_count(&self) -> u32 {
        self.record_count
    }
}

impl Intern for Lexicon {
    fn intern_name(&mut self, text: &str) -> NameId {
        self.intern_hashed_name(hash_of(text), text)
    }

    fn intern_text(&mut self, text: &str) -> TextId {
        self.intern_hashed_text(hash_of(text), text)
    }
}

/// A name and what is derived from it; `words` are those of a name of several.
fn name_value(text: &str, words: &[NameId]) -> NameValue {
    let compact: Option<String> = text.contains(' ').then(|| text.split(' ').collect());
    let compact_text = compact.as_deref().unwrap_or(text);
    NameValue {
        text: text.into(),
        compact_hash: hash_of(compact_text),
        spelling: spelling::folded(compact_text).map_or(0, |it| xxh3_64(&it)),
        sound: Sound::of(compact_text),
        formal: formal_names(text.split(' ').next().unwrap_or_default()),
        shares: name_shares(compact_text),
        letters: Letters::of(compact_text).of_words(!words.is_empty()),
        given_count: 0,
        family_count: 0,
        several: compact.map(|compact| {
            Box::new(Several { compact: PatientText::new(compact), words: words.into() })
        }),
    }
}

fn intern_words<I: Intern + ?Sized>(lexicon: &mut I, text: &str) -> SmallVec<[NameId; 2]> {
    if !text.contains(' ') {
        return SmallVec::new();
    }
    text.split(' ').filter(|word| !word.is_empty()).map(|word| lexicon.intern_name(word)).collect()
}

impl HasText for NameValue {
    fn text_of(&self) -> &str {
        self.text()
    }
}

impl HasText for TextValue {
    fn text_of(&self) -> &str {
        self.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(given: &str, family: &str) -> NormalizedRecord {
        NormalizedRecord {
            names: vec![NormalizedName {
                given: PatientText::non_blank(given),
                middle: None,
                family: PatientText::non_blank(family),
            }],
            ..NormalizedRecord::default()
        }
    }

    #[test]
    fn what_every_lookup_needs_of_a_name_is_in_one_line_of_the_cache() {
        assert_eq!(size_of::<NameValue>(), 128);
        let last = std::mem::offset_of!(NameValue, letters) + size_of::<Letters>();
        assert!(last <= 64, "{last}");
    }

    #[test]
    fn equal_values_share_a_number_and_its_features() {
        let mut lexicon = Lexicon::new();
        let first = lexicon.row(&record("MARY", "DE LA CRUZ"));
        let second = lexicon.row(&record("MARY", "DELACRUZ"));
        assert_eq!(first.name.given, second.name.given);
        assert_ne!(first.name.family, second.name.family);
        let (spaced, joined) = (lexicon.name(first.name.family), lexicon.name(second.name.family));
        assert_eq!(spaced.compact_hash, joined.compact_hash);
        assert_eq!(spaced.words().len(), 3);
    }

    #[test]
    fn an_overlay_leaves_the_lexicon_alone() {
        let mut lexicon = Lexicon::new();
        let known = lexicon.row(&record("MARY", "SMITH"));
        let mut overlay = LexiconOverlay::new(&lexicon);
        let incoming = overlay.row(&record("MARY", "OKAFOR BELL"));
        assert_eq!(incoming.name.given, known.name.given);
        assert_eq!(overlay.name(incoming.name.family).text(), "OKAFOR BELL");
        let words = overlay.name(incoming.name.family).words();
        let texts: Vec<_> = words.iter().map(|word| overlay.name(*word).text()).collect();
        assert_eq!(texts, ["OKAFOR", "BELL"]);
        assert_eq!(overlay.row(&record("MARY", "OKAFOR BELL")), incoming);
        assert!(lexicon.names.find("OKAFOR").is_none());
    }

    #[test]
    fn counting_and_discounting_cancel_out() {
        let mut lexicon = Lexicon::new();
        let row = lexicon.row(&record("MARY", "SMITH"));
        lexicon.count(&row);
        lexicon.count(&row);
        lexicon.discount(&row);
        assert_eq!(lexicon.name(row.name.family).family_count, 1);
        assert_eq!(lexicon.name(row.name.given).family_count, 0);
        assert_eq!(lexicon.record_count(), 1);
    }
}
