//! Finding persons field by field: everybody who meets all criteria, and nobody else.
//!
//! Where [`search`](crate::Registry::search) ranks what somebody may mean, this is for programs that ask by
//! the fields of HL7 and FHIR and want every exact match. Lists of the mirror (names, birth dates, numbers)
//! lead to persons; each person is then judged on what its records say.

use empi_linkage::{Intern as _, Lexicon, LexiconOverlay, NameId, Values as _, normalize};
use empi_model::{BlockingKey, EnterpriseId, Identifier, PatientText, RecordIndex, RecordKey};
use empi_model::{PersonName, SourceRecord};
use hashbrown::HashSet;

use super::criteria::{Criterion, DateRange, IdentifierWanted, TextField, TextMatch};
use super::terms::number_keys;
use crate::RegistryError;
use crate::mirror::Mirror;
use crate::mirror::search_keys::{date_key, name_key};
use crate::registry::Registry;
use crate::words::PersonView;

/// Most records that lead to persons, by the criterion that leads to fewest.
const RECORDS_MAX: usize = 100_000;

/// Most persons that are read and judged.
const PERSONS_MAX: usize = 5_000;

/// Most years that a range of birth dates may touch to lead to anybody.
const YEARS_MAX: u32 = 3;

/// Fewest letters with which a name must begin.
const PREFIX_LETTERS_MIN: usize = 2;

/// Whom the criteria found.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Found {
    /// A page of them, the oldest enterprise ID first.
    pub views: Vec<PersonView>,
    /// How many there are in all.
    pub total: usize,
}

impl Registry {
    /// Everybody who meets all criteria, each by any of the person's records that have a say: a page of
    /// `limit` from `offset` on.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] when no criterion leads to anybody (a name of at least two letters, birth
    /// dates of at most three years, a number), or when so many persons would have to be looked at that the
    /// answer would not be all.
    pub fn find(
        &self,
        criteria: &[Criterion],
        offset: usize,
        limit: usize,
    ) -> Result<Found, RegistryError> {
        let core = &*self.core;
        core.durability.check()?;
        let (persons, sequence) = {
            let mirror = core.mirror.read();
            (led_to(&mirror, criteria)?, mirror.sequence())
        };
        core.durability.wait(sequence)?;
        let mut ids = Vec::new();
        for (_, id) in persons {
            // Who went into another since is found by that one.
            let records = match self.person_unshown(id) {
                Ok(view) if view.person.enterprise_id == id => view.records,
                Ok(_) => continue,
                Err(error) => return Err(error),
            };
            let says = || records.iter().filter(|stored| stored.state.is_active());
            let is_met = |it: &Criterion| says().any(|stored| it.is_met(&stored.record));
            if criteria.iter().all(is_met) && self.is_shown(id) {
                ids.push(id);
            }
        }
        let page = ids.iter().skip(offset).take(limit);
        let views = page.map(|id| self.person(*id)).collect::<Result<_, _>>()?;
        Ok(Found { views, total: ids.len() })
    }
}

/// The persons that the criteria lead to, by age.
fn led_to(
    mirror: &Mirror,
    criteria: &[Criterion],
) -> Result<Vec<(u64, EnterpriseId)>, RegistryError> {
    let mut leads: Vec<Vec<u32>> =
        criteria.iter().filter_map(|criterion| lead(mirror, criterion)).collect();
    leads.sort_by_key(Vec::len);
    let mut leads = leads.into_iter();
    let first = leads.next().ok_or_else(|| {
        RegistryError::invalid(
            "look for a name of two letters at least, for birth dates of three years at most, or for a \
             number: the other fields lead to nobody by themselves",
        )
    })?;
    if first.len() > RECORDS_MAX {
        return Err(too_many());
    }
    let persons_of = |records: Vec<u32>| -> HashSet<EnterpriseId> {
        records.into_iter().filter_map(|it| mirror.person_of(RecordIndex(it))).collect()
    };
    let mut persons = persons_of(first);
    // Also who is led to by another record of the same person; the longest lists judge nobody.
    for others in leads.take_while(|records| records.len() <= RECORDS_MAX) {
        let others = persons_of(others);
        persons.retain(|person| others.contains(person));
    }
    if persons.len() > PERSONS_MAX {
        return Err(too_many());
    }
    let age = |id: EnterpriseId| mirror.person(id).map(|person| (person.age(), id));
    let mut persons: Vec<_> = persons.into_iter().filter_map(age).collect();
    persons.sort_unstable();
    Ok(persons.into_iter().enumerate().map(|(at, (_, id))| (at as u64, id)).collect())
}

fn too_many() -> RegistryError {
    RegistryError::invalid(format!(
        "more than {PERSONS_MAX} persons would have to be looked at (persons_max): say more about whom \
         you look for"
    ))
}

/// The records that a criterion leads to; `None` where it leads to nobody by itself.
fn lead(mirror: &Mirror, criterion: &Criterion) -> Option<Vec<u32>> {
    let keys = match criterion {
        Criterion::Text { field, how, values } => {
            let keys: Vec<Vec<BlockingKey>> = values
                .iter()
                .map(|value| text_keys(&mirror.lexicon, *field, *how, value))
                .collect::<Option<_>>()?;
            keys.concat()
        }
        Criterion::BirthDate(range) => date_keys(*range)?,
        Criterion::Sex(_) => return None,
        Criterion::Identifier(wanted) => {
            let mut records: Vec<u32> =
                wanted.iter().flat_map(|it| identified(mirror, it)).collect();
            records.sort_unstable();
            records.dedup();
            return Some(records);
        }
    };
    let mut records: Vec<u32> =
        keys.into_iter().flat_map(|key| mirror.postings.records(key)).collect();
    records.sort_unstable();
    records.dedup();
    Some(records)
}

/// The keys of a text; `None` where texts of this kind have none.
fn text_keys(
    lexicon: &Lexicon,
    field: TextField,
    how: TextMatch,
    value: &str,
) -> Option<Vec<BlockingKey>> {
    let plain = |phones: Vec<PatientText>, emails: Vec<PatientText>| {
        let record = SourceRecord { phones, emails, ..SourceRecord::default() };
        let keys = number_keys(lexicon, &record);
        (!keys.is_empty()).then_some(keys)
    };
    match field {
        TextField::Family | TextField::Given | TextField::Middle | TextField::Name => {
            name_keys(lexicon, how, value)
        }
        TextField::Phone => plain(vec![PatientText::new(value)], Vec::new()),
        TextField::Email => plain(Vec::new(), vec![PatientText::new(value)]),
        _ => None,
    }
}

/// The keys of the single names that a text may stand for: of its longest word, since a record must have all.
fn name_keys(lexicon: &Lexicon, how: TextMatch, value: &str) -> Option<Vec<BlockingKey>> {
    if how == TextMatch::Contains {
        return None;
    }
    let names = vec![PersonName { family: PatientText::non_blank(value), ..PersonName::default() }];
    let normalized = normalize(&SourceRecord { names, ..SourceRecord::default() });
    let mut values = LexiconOverlay::new(lexicon);
    let row = values.row(&normalized);
    let whole = values.name(row.names().next()?.family);
    let is_prefix = how == TextMatch::Begins;
    let words: Vec<&str> = whole.text().split(' ').collect();
    // Only the last word may be cut short.
    let longest = words.iter().enumerate().max_by_key(|(_, word)| word.len());
    let (at, word) = longest.filter(|(_, word)| word.len() >= PREFIX_LETTERS_MIN)?;
    let may_be_cut = is_prefix && at + 1 == words.len();
    let fits = |text: &str| text == *word || (may_be_cut && text.starts_with(word));
    let ids = lexicon.names().filter(|(_, name)| name.words().is_empty() && fits(name.text()));
    Some(ids.map(|(id, _): (NameId, _)| name_key(id)).collect())
}

/// The keys of all dates of a range, those of which only a part is known among them.
fn date_keys(range: DateRange) -> Option<Vec<BlockingKey>> {
    let (first, last) = (range.from / 10_000, range.to / 10_000);
    if range.from > range.to || last - first >= YEARS_MAX {
        return None;
    }
    let mut dates = Vec::new();
    for year in first..=last {
        for month in 0..=12 {
            for day in 0..=31 {
                let date = year * 10_000 + month * 100 + day;
                let is_part = month == 0 || day == 0;
                if is_part || (range.from..=range.to).contains(&date) {
                    dates.push(date);
                }
            }
        }
    }
    Some(dates.into_iter().map(date_key).collect())
}

/// The records that have a number as their own, or carry it.
fn identified(mirror: &Mirror, wanted: &IdentifierWanted) -> Vec<u32> {
    let authorities: Vec<&str> = match &wanted.authority {
        Some(authority) => vec![authority],
        None => mirror.sources().iter().map(String::as_str).collect(),
    };
    let mut records = Vec::new();
    for authority in authorities {
        let own = mirror.record_index(&RecordKey::new(authority, wanted.value.trim()));
        records.extend(own.map(|index| index.0));
        let identifier = Identifier {
            authority: authority.to_owned(),
            value: PatientText::new(wanted.value.trim()),
        };
        let carrier = SourceRecord { identifiers: vec![identifier], ..SourceRecord::default() };
        let keys = number_keys(&mirror.lexicon, &carrier);
        records.extend(keys.into_iter().flat_map(|key| mirror.postings.records(key)));
    }
    records
}
