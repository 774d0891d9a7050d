//! What people type when they search, read word by word.

use empi_linkage::{
    Intern as _, Lexicon, LexiconOverlay, NameId, NameValue, Values as _, blocking_keys,
};
use empi_linkage::{jaro_winkler, normalize};
use empi_model::{
    BlockingKey, BlockingRule, Identifier, PatientText, PersonName, RecordKey, SourceRecord,
};
use hashbrown::HashMap;

use crate::mirror::search_keys::{date_key, name_key};
use crate::mirror::{List, Mirror};

/// Most words that a search may have.
pub(super) const TERMS_MAX: usize = 12;

/// Fewest letters of a word that also finds names which only begin with it.
const PREFIX_LETTERS_MIN: usize = 2;

/// Least likeness of a name that may be a mistyped word.
const CLOSE_MIN: f64 = 0.9;

/// How well a name fits a word: the same, a beginning, another form of it, a slip, a sound.
const SAME: f32 = 1.0;
const BEGINS: f32 = 0.9;
const VARIANT: f32 = 0.85;
const CLOSE: f32 = 0.75;
const SOUND: f32 = 0.6;

/// One thing that was typed, and where in the index it may stand.
pub(super) enum Term {
    /// A word of a name: every name of the index that it may mean, and how well that fits.
    Name(HashMap<NameId, f32>),
    /// A birth date, complete or not, as a number.
    Date(u32),
    /// A number of any kind: a telephone, a national number, an identifier, a record ID.
    Number(Vec<BlockingKey>, Vec<RecordKey>),
}

/// Reads what was typed. Words that can mean nothing are left out.
pub(super) fn read(text: &str, mirror: &Mirror) -> Vec<Term> {
    let words = text.split([' ', ',', ';', '\t', '\n']).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.take(TERMS_MAX).collect();
    let (names, others): (Vec<&str>, Vec<&str>) = words.into_iter().partition(|it| is_name(it));
    let others = others.into_iter().map(|word| match date(word) {
        Some(date) => Term::Date(date),
        None => number(word, mirror),
    });
    // The order of terms decides nothing.
    names_of(&names, &mirror.lexicon).into_iter().chain(others).collect()
}

fn is_name(word: &str) -> bool {
    !word.contains(|letter: char| letter.is_ascii_digit() || letter == '@')
}

/// A birth date in any form that sources write, or a year.
fn date(word: &str) -> Option<u32> {
    let is_year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    let has_parts = word.contains(['-', '/', '.']) || word.len() == 8;
    if !is_year && !has_parts {
        return None;
    }
    let record =
        SourceRecord { birth_date: PatientText::non_blank(word), ..SourceRecord::default() };
    normalize(&record).birth_date.map(|date| date.as_number())
}

/// The names that words may mean. All names of the index are looked at, once for all words: they are many, and lie far apart.
fn names_of(words: &[&str], lexicon: &Lexicon) -> Vec<Term> {
    let mut values = LexiconOverlay::new(lexicon);
    let mut family_of = |word: &&str| {
        let family = PatientText::non_blank(word);
        let names = vec![PersonName { family, ..PersonName::default() }];
        let row = values.row(&normalize(&SourceRecord { names, ..SourceRecord::default() }));
        row.names().next().map(|name| name.family)
    };
    let ids: Vec<NameId> = words.iter().filter_map(&mut family_of).collect();
    let wanted: Vec<&NameValue> = ids.iter().map(|id| values.name(*id)).collect();
    let mut fits: Vec<HashMap<NameId, f32>> = vec![HashMap::new(); wanted.len()];
    for (id, name) in lexicon.names().filter(|(_, name)| name.words().is_empty()) {
        for (wanted, fits) in wanted.iter().zip(&mut fits) {
            if let Some(fit) = fit(wanted, name) {
                fits.insert(id, fit);
            }
        }
    }
    fits.into_iter().map(Term::Name).collect()
}

/// How well a name of the index fits a word; `None` where it does not. All names are looked at, so the text of one is
/// looked at only where it begins as the word does.
fn fit(wanted: &NameValue, name: &NameValue) -> Option<f32> {
    let is_variant = || name.formal.iter().any(|formal| wanted.formal.contains(formal));
    let sounds = || name.sound.is_like(wanted.sound).then_some(SOUND);
    if name.first_letter() != wanted.first_letter() {
        return if is_variant() { Some(VARIANT) } else { sounds() };
    }
    let (one, other) = (wanted.text(), name.text());
    // A slip seldom is in the first letter, and never makes a word much longer.
    let is_near = || one.len().abs_diff(other.len()) <= 2 && jaro_winkler(one, other) >= CLOSE_MIN;
    if one == other {
        Some(SAME)
    } else if one.len() >= PREFIX_LETTERS_MIN && other.starts_with(one) {
        Some(BEGINS)
    } else if is_variant() {
        Some(VARIANT)
    } else if is_near() {
        Some(CLOSE)
    } else {
        sounds()
    }
}

/// A number may be anything that a record carries, of any authority that the index knows.
fn number(word: &str, mirror: &Mirror) -> Term {
    let plain = SourceRecord {
        ssn: PatientText::non_blank(word),
        phones: PatientText::non_blank(word).into_iter().collect(),
        emails: PatientText::non_blank(word).into_iter().collect(),
        ..SourceRecord::default()
    };
    let (authority, value) = word.split_once(':').unwrap_or_default();
    let named = (!authority.is_empty()).then(|| carrying(authority, value));
    let of_sources = mirror.sources().iter().map(|source| carrying(source, word));
    let records = of_sources.chain(named).chain([plain]);
    let keys = records.flat_map(|record| number_keys(&mirror.lexicon, &record)).collect();
    let record_keys = mirror.sources().iter().map(|source| RecordKey::new(source, word));
    Term::Number(keys, record_keys.collect())
}

fn carrying(authority: &str, value: &str) -> SourceRecord {
    let value = PatientText::new(value);
    let identifiers = vec![Identifier { authority: authority.to_owned(), value }];
    SourceRecord { identifiers, ..SourceRecord::default() }
}

/// The keys of a record that stand for one number alone.
pub(super) fn number_keys(lexicon: &Lexicon, record: &SourceRecord) -> Vec<BlockingKey> {
    let mut values = LexiconOverlay::new(lexicon);
    let row = values.row(&normalize(record));
    let of_numbers =
        [BlockingRule::Ssn, BlockingRule::Identifier, BlockingRule::Phone, BlockingRule::Email];
    let keys = blocking_keys(&values, &row).into_iter();
    keys.filter(|key| key.rule().is_some_and(|rule| of_numbers.contains(&rule))).collect()
}

impl Term {
    /// The lists of records that it may mean.
    pub(super) fn lists(&self, mirror: &Mirror) -> Vec<List> {
        let keys: Vec<BlockingKey> = match self {
            Self::Name(fits) => fits.keys().map(|name| name_key(*name)).collect(),
            Self::Date(date) => vec![date_key(*date)],
            Self::Number(keys, _) => keys.clone(),
        };
        keys.into_iter().map(|key| mirror.postings.records(key)).collect()
    }
}
