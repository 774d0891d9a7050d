//! Comparisons that every blocking rule uses in part, so that no pair was found without their help.
//!
//! In a file of names and birth dates each rule asks for something of both. Keeping the m of the model
//! at hand there is no way out: where clerks swap the digits of the year in every second date, the
//! birth date of a true pair would speak against it for ever. But the rules together find a pair on any
//! of several levels, given what the rest of the pair looks like: with one whole name, whatever of the
//! date agrees; with the initials, a date that is equal or swapped. Among pairs whose rest looks so,
//! and which lie on such a level, the shares of the levels are those among all pairs of one person.
//! It is a sample of which a known part was cut off, and that part is filled in from the m at hand in
//! each iteration (EM for a truncated sample; Dempster, Laird and Rubin 1977, 4.2). A level that no
//! set holds keeps its m.
//!
//! Half a name on an equal date is left out: that is what pairs of strangers look like.

use super::em::{Parameters, WeightTable};
use super::evidence::{Comparisons, PairEvidence, TrainingEvidence};
use super::{MATCHES_MIN, PerLevel};
use crate::compare::{COMPARISON_COUNT, Comparison, NameLevel, birth_date};

/// Levels on which a pair is found, whichever of them it is.
type Found = &'static [usize];

/// How many different sets of levels there are.
const FOUND_COUNT: usize = 4;

/// With one whole name: all of the date but no part in common.
const DATE_BY_NAME: Found = &[0, 1, 2, 3, 4, 5];
/// With names that are alike, so that at least the initials are the same.
const DATE_BY_INITIALS: Found = &[0, 1];
/// With an equal date: all of the name but its halves and nothing.
const NAME_BY_DATE: Found = &[0, 1, 2, 3, 4, 5, 6, 7];
/// With a date of which parts are swapped: names with the same initials.
const NAME_BY_DIGITS: Found = &[0, 2, 3, 5, 6, 7];

const FOUND: [(Comparison, Found); FOUND_COUNT] = [
    (Comparison::BirthDate, DATE_BY_NAME),
    (Comparison::BirthDate, DATE_BY_INITIALS),
    (Comparison::Name, NAME_BY_DATE),
    (Comparison::Name, NAME_BY_DIGITS),
];

/// A comparison is confined if fewer of its matching pairs were found without its help: these few have
/// something that the others lack, as a postal code that is equal, and are none too many.
const FREE_SHARE_MIN: f64 = 0.05;

/// How often what was cut off is filled in anew before the classes are weighed again.
const COMPLETIONS: u32 = 100;

/// On which levels of a comparison blocking finds pairs whose other values agree like those of this one,
/// if this one is on such a level; as a place in [`FOUND`].
fn found(comparison: Comparison, pair: PairEvidence) -> Option<usize> {
    let level = pair.level(comparison)?;
    let at = match comparison {
        Comparison::BirthDate => match NameLevel::at(pair.level(Comparison::Name)?)? {
            NameLevel::Exact => 0,
            NameLevel::Swapped
            | NameLevel::OneClose
            | NameLevel::BothClose
            | NameLevel::Sound
            | NameLevel::Initial => 1,
            _ => return None,
        },
        Comparison::Name => match u8::try_from(pair.level(Comparison::BirthDate)?) {
            Ok(birth_date::EXACT) => 2,
            Ok(birth_date::SWAPPED) => 3,
            _ => return None,
        },
        _ => return None,
    };
    FOUND.get(at)?.1.contains(&level).then_some(at)
}

/// The comparisons that at the start hardly any matching pair was found without.
pub(super) fn confined(evidence: &TrainingEvidence, start: &Parameters) -> Comparisons {
    let table = WeightTable::new(start);
    let (mut free, mut all) = ([0.0; COMPARISON_COUNT], [0.0; COMPARISON_COUNT]);
    for (pair, count) in evidence.candidates.iter() {
        let matches = count * table.posterior(pair).0;
        for comparison in Comparison::ALL.into_iter().filter(|it| pair.level(*it).is_some()) {
            all[comparison as usize] += matches;
            free[comparison as usize] += if pair.is_free(comparison) { matches } else { 0.0 };
        }
    }
    let is_confined = |it: &Comparison| {
        let at = *it as usize;
        FOUND.iter().any(|(comparison, _)| comparison == it)
            && free[at] < MATCHES_MIN.max(FREE_SHARE_MIN * all[at])
    };
    Comparison::ALL
        .into_iter()
        .filter(is_confined)
        .fold(Comparisons::NONE, |set, it| set.union(Comparisons::of(&[it])))
}

/// Expected matching pairs by level, for each entry of [`FOUND`].
#[derive(Clone, Debug, Default)]
pub(super) struct FoundCounts([Vec<f64>; FOUND_COUNT]);

impl FoundCounts {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self(FOUND.map(|(comparison, _)| vec![0.0; parameters.m[comparison as usize].len()]))
    }

    /// Counts a pair, if it is found whatever level of the comparison it is on; whether it was.
    pub(super) fn add(&mut self, comparison: Comparison, pair: PairEvidence, matches: f64) -> bool {
        let sums = found(comparison, pair).and_then(|at| self.0.get_mut(at));
        let sum = pair.level(comparison).and_then(|level| sums?.get_mut(level));
        let is_found = sum.is_some();
        if let Some(sum) = sum {
            *sum += matches;
        }
        is_found
    }

    /// The m that fit what was found, from those at hand: `blended` makes them of counts, to which what
    /// was found and what was cut off are added.
    pub(super) fn fitted(
        &self,
        counts: &PerLevel,
        at_hand: &PerLevel,
        blended: impl Fn(&PerLevel) -> PerLevel,
    ) -> PerLevel {
        if self.0.iter().flatten().sum::<f64>() <= 0.0 {
            return blended(counts);
        }
        (0..COMPLETIONS).fold(at_hand.clone(), |m, _| {
            let mut completed = counts.clone();
            self.complete(&mut completed, &m);
            blended(&completed)
        })
    }

    /// Adds to the counts what was found and what was cut off.
    fn complete(&self, counts: &mut PerLevel, m: &PerLevel) {
        for ((comparison, levels), found) in FOUND.iter().zip(&self.0) {
            let (Some(counts), Some(m)) =
                (counts.get_mut(*comparison as usize), m.get(*comparison as usize))
            else {
                continue;
            };
            let visible: f64 = levels.iter().filter_map(|level| m.get(*level)).sum();
            let pairs = found.iter().sum::<f64>() / visible.max(f64::MIN_POSITIVE);
            let levels_of = counts.iter_mut().zip(m).zip(found);
            for (level, ((count, m), found)) in levels_of.enumerate() {
                *count += if levels.contains(&level) { *found } else { pairs * m };
            }
        }
    }
}
