//! Searching as people type: names, birth dates, numbers and enterprise IDs in one line, in any order, whole
//! or in part, mistyped or not. The best come first.
//!
//! A search reads the mirror only, so it takes milliseconds also in an index of millions: every word leads to
//! lists of records; the rarest words choose the records that are looked at, all words judge them.

mod criteria;
mod find;
mod terms;

use empi_linkage::{NameId, blocking_keys};
use empi_model::{EnterpriseId, RecordIndex, RecordKey};
use hashbrown::{HashMap, HashSet};

use crate::RegistryError;
use crate::mirror::search_keys::name_words;
use crate::mirror::{List, Mirror, MirroredRecord};
use crate::registry::Registry;
use crate::words::PersonView;
pub use criteria::{Criterion, DateRange, IdentifierWanted, TextField, TextMatch};
pub use find::Found;
use terms::Term;

/// Most bytes of what is searched for.
const TEXT_BYTES_MAX: usize = 300;

/// Most persons in one answer.
const HITS_MAX: usize = 200;

/// Most records that one search looks at.
const RECORDS_MAX: usize = 30_000;

/// Least score of what is shown, and least share of the best one's: behind it come namesakes only.
const SCORE_MIN: f32 = 0.3;
const SHARE_OF_BEST_MIN: f32 = 0.55;

/// A birth date that differs in one of its three parts, or has two of them swapped.
const DATE_CLOSE: f32 = 0.6;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SearchAnswer {
    /// Persons, the best first.
    pub hits: Vec<SearchHit>,
    /// Whether there was more: persons beyond the limit, or records that were not looked at.
    pub is_cut: bool,
}

/// A person that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchHit {
    /// The person. `asked` in it is an enterprise ID that was typed and has gone into this person.
    pub view: PersonView,
    /// The record of the person that fits best.
    pub record: RecordKey,
    /// How well it fits, 0 to 1: the share of the words that were found, each by how well.
    pub score: f64,
}

impl Registry {
    /// The persons that somebody may mean who types `text`: at most `limit`, the best first. Nothing found
    /// is an empty answer.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] where nothing can be searched for: no text, or one of more than 300 bytes.
    pub fn search(&self, text: &str, limit: usize) -> Result<SearchAnswer, RegistryError> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(RegistryError::invalid(
                "search for a name, a birth date, a number or an enterprise ID, in at most 300 bytes",
            ));
        }
        let core = &*self.core;
        core.durability.check()?;
        // A name of eleven letters may look like an enterprise ID; then nobody has it.
        if let Ok(id) = text.parse::<EnterpriseId>() {
            match self.person(id) {
                Ok(view) => return Ok(SearchAnswer { hits: vec![of_id(view)?], is_cut: false }),
                Err(RegistryError::NotFound(_) | RegistryError::Restricted(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let (found, is_cut, sequence) = {
            let mirror = core.mirror.read();
            let (found, is_cut) = found(&mirror, &terms::read(text, &mirror), limit.min(HITS_MAX));
            (found, is_cut, mirror.sequence())
        };
        core.durability.wait(sequence)?;
        let shown = found.into_iter().filter(|it| self.is_shown(it.person));
        let hits = shown.map(|it| {
            let view = self.person(it.person)?;
            Ok(SearchHit { view, record: it.key, score: f64::from(it.score) })
        });
        Ok(SearchAnswer { hits: hits.collect::<Result<_, RegistryError>>()?, is_cut })
    }
}

fn of_id(view: PersonView) -> Result<SearchHit, RegistryError> {
    let first = view.records.first().ok_or_else(|| RegistryError::damaged("a person is empty"))?;
    let record = first.record.key.clone();
    Ok(SearchHit { view, record, score: 1.0 })
}

/// A person found in the mirror.
struct Hit {
    person: EnterpriseId,
    key: RecordKey,
    score: f32,
}

/// The best persons, and whether there were more.
fn found(mirror: &Mirror, terms: &[Term], limit: usize) -> (Vec<Hit>, bool) {
    let numbered: Vec<HashSet<u32>> = terms.iter().map(|term| numbered(mirror, term)).collect();
    let mut lists: Vec<Vec<List>> = terms.iter().map(|term| term.lists(mirror)).collect();
    lists.sort_by_key(|of_term| count(of_term));
    let (judged, best, top) = (Vec::new(), HashMap::new(), 0.0);
    let mut search = Search { mirror, terms, numbered: &numbered, judged, best, top };
    search.judge(numbered.iter().flatten().copied().collect());
    let mut is_cut = false;
    for (at, of_term) in lists.iter().enumerate() {
        // Whom no rarer word leads to can have no more than the other words: where that is too little beside what was
        // found, nobody further is shown.
        let at_best = (terms.len() - at) as f32 / terms.len() as f32;
        if at_best < search.least() {
            break;
        }
        let room = RECORDS_MAX.saturating_sub(search.judged.len());
        // Whom a rarer word leads to, a commoner one judges only.
        if at > 0 && count(of_term) > room {
            break;
        }
        is_cut |= count(of_term) > room;
        search.judge(of_term.iter().flatten().copied().take(room).collect());
    }
    let least = search.least();
    let mut ranked: Vec<_> =
        search.best.into_iter().filter(|(_, (score, _))| *score >= least).collect();
    ranked.sort_unstable_by(|(_, (one, at)), (_, (other, other_at))| {
        other.total_cmp(one).then(at.cmp(other_at))
    });
    is_cut |= ranked.len() > limit;
    let ranked = ranked.into_iter().take(limit);
    let found = ranked.filter_map(|(person, (score, index))| {
        Some(Hit { person, key: mirror.key(index)?, score })
    });
    (found.collect(), is_cut)
}

/// How many records some lists hold.
fn count(lists: &[List]) -> usize {
    lists.iter().map(List::len).sum()
}

/// A search under way.
struct Search<'a> {
    mirror: &'a Mirror,
    terms: &'a [Term],
    numbered: &'a [HashSet<u32>],
    /// The records judged so far, ascending.
    judged: Vec<u32>,
    /// The best record of each person, and how well it fits.
    best: HashMap<EnterpriseId, (f32, RecordIndex)>,
    /// The highest score so far.
    top: f32,
}

impl Search<'_> {
    /// The least score of what is shown.
    fn least(&self) -> f32 {
        SCORE_MIN.max(self.top * SHARE_OF_BEST_MIN)
    }

    /// Judges records that were not judged before. In ascending order, so that it goes through memory from front to back.
    fn judge(&mut self, mut records: Vec<u32>) {
        records.sort_unstable();
        records.dedup();
        records.retain(|record| self.judged.binary_search(record).is_err());
        for index in records.iter().copied().map(RecordIndex) {
            let Some(record) = self.mirror.record(index) else { continue };
            let words = name_words(&self.mirror.lexicon, &record.row);
            let scores = self.terms.iter().zip(self.numbered);
            let sum: f32 = scores.map(|(term, of)| term.score(&words, index, &record, of)).sum();
            let score = sum / self.terms.len() as f32;
            self.top = self.top.max(score);
            let best = self.best.entry(record.person).or_insert((score, index));
            if score > best.0 || (score >= best.0 && index < best.1) {
                *best = (score, index);
            }
        }
        self.judged.append(&mut records);
        self.judged.sort_unstable();
    }
}

/// The records that a number leads to; none for other terms.
fn numbered(mirror: &Mirror, term: &Term) -> HashSet<u32> {
    let Term::Number(numbers, keys) = term else { return HashSet::new() };
    let by_key = keys.iter().filter_map(|key| mirror.record_index(key)).map(|index| index.0);
    // Two keys may share a list: only the keys of a record itself tell that it carries the number.
    let carries = |record: &u32| {
        let row = mirror.row(RecordIndex(*record));
        row.is_some_and(|row| {
            let keys = blocking_keys(&mirror.lexicon, &row);
            keys.iter().any(|key| numbers.contains(key))
        })
    };
    term.lists(mirror).into_iter().flatten().filter(carries).chain(by_key).collect()
}

impl Term {
    /// How well a record fits, 0 to 1. `words` are those of its names.
    fn score(
        &self,
        words: &[NameId],
        index: RecordIndex,
        record: &MirroredRecord,
        numbered: &HashSet<u32>,
    ) -> f32 {
        match self {
            Self::Name(fits) => {
                let fit = words.iter().filter_map(|word| fits.get(word).copied());
                fit.fold(0.0, f32::max)
            }
            Self::Date(date) => date_score(*date, record.row.birth_date),
            Self::Number(..) => f32::from(u8::from(numbered.contains(&index.0))),
        }
    }
}

/// Dates as `YYYYMMDD`, with zeros for what was not typed.
fn date_score(typed: u32, known: u32) -> f32 {
    let parts = |date: u32| [date / 10_000, date / 100 % 100, date % 100];
    let ([year, month, day], [known_year, known_month, known_day]) = (parts(typed), parts(known));
    if known == 0 {
        return 0.0;
    }
    let same =
        [year == known_year, month == 0 || month == known_month, day == 0 || day == known_day];
    let is_swapped = year == known_year && month == known_day && day == known_month;
    match same.into_iter().filter(|same| *same).count() {
        3 => 1.0,
        2 if month != 0 => DATE_CLOSE,
        _ if is_swapped && month != 0 => DATE_CLOSE,
        _ => 0.0,
    }
}
