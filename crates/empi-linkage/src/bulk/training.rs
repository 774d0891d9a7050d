//! Collecting what training learns from: a bounded number of candidate pairs, of random pairs and of
//! values, drawn by fixed rules, so that every run sees the same ones.

use std::collections::BTreeMap;
use std::ops::Range;

use empi_model::{BlockingRule, Guard, MatchWeight};
use rayon::prelude::*;

use super::blocks::Blocks;
use super::frequencies::WeighedNames;
use super::{Blocked, Progress};
use crate::compare::{COMPARISON_COUNT, Comparison, compare};
use crate::guard::{Guards, guards};
use crate::lexicon::Values;
use crate::model::LinkageModelFile;
use crate::row::CompareRow;
use crate::score::{compare_reaching, name_share, weigh};
use crate::train::{
    Coincidence, Comparisons, LabelledPair, PairCounts, PairEvidence, Trained, TrainingEvidence,
    train,
};

/// About so many candidate pairs are looked at; of more, a sample is drawn.
const CANDIDATES_MAX: u64 = 1_000_000;

/// At most so many records make random pairs. They stay in the cache while their pairs are made.
const RANDOM_RECORDS_MAX: u64 = 16_384;

/// About so many random pairs are looked at. They cost most of the time of training; what agrees
/// less often than they can show is counted from values or steadied by the model at hand.
const RANDOM_PAIRS_MAX: u64 = 500_000;

/// The values of at most about so many records are counted.
const VALUE_RECORDS_MAX: u64 = 131_072;

/// A pair whose evidence without the prior stays below so many bits is no match under any prior that
/// files have, and is not kept.
const PROMISING_BITS: f64 = 4.0;

/// A name share is taken from a file with at least so many records.
const NAME_SHARE_RECORDS_MIN: usize = 1_000;

/// What a person decided about two records.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// One record, by its place in the order of keys.
    pub left: u32,
    /// The other record.
    pub right: u32,
    /// Whether they are one person.
    pub is_same: bool,
    /// How many pairs the decision stands for; 1 unless the pairs were chosen at a known rate.
    pub weight: f64,
}

impl Blocked {
    /// Trains the model on these records without truth; see [`train`](crate::train()). What people
    /// decided, if anything, fixes the class of those pairs.
    #[must_use]
    pub fn train(
        &self,
        base: &LinkageModelFile,
        decisions: &[Decision],
        progress: &Progress,
    ) -> Trained {
        train(&self.model, base, &self.evidence(decisions, progress))
    }

    fn evidence(&self, decisions: &[Decision], progress: &Progress) -> TrainingEvidence {
        // One decision per pair, the last one.
        let decided: BTreeMap<(u32, u32), &Decision> = decisions
            .iter()
            .map(|it| ((it.left.min(it.right), it.left.max(it.right)), it))
            .collect();
        let sample = Sample::of(self.pairs_with_repeats());
        let (candidates, candidate_pairs) = self.candidates(&sample, &decided, progress);
        let labels = decided.values().filter_map(|it| self.labelled(it)).collect();
        TrainingEvidence {
            candidates,
            candidate_weight: sample.weight(),
            candidate_pairs,
            random: self.random_pairs(),
            coincidences: self.coincidences(),
            labels,
            records: self.rows.len() as u64,
            name_shares: self.name_shares(),
        }
    }

    /// Candidate pairs that may be matches, and how many were looked at.
    fn candidates(
        &self,
        sample: &Sample,
        decided: &BTreeMap<(u32, u32), &Decision>,
        progress: &Progress,
    ) -> (PairCounts, u64) {
        let values = WeighedNames::new(&self.model, &self.lexicon);
        let parts: Vec<(u64, Vec<PairEvidence>)> = sample
            .units(&self.blocks)
            .into_par_iter()
            .map(|unit| {
                let (mut looked_at, mut pairs) = (0, Vec::new());
                let done = self.blocks.visit(unit, |visited| {
                    self.bring_near(visited);
                    for pair in visited.iter().filter(|pair| sample.has_pair(**pair)) {
                        if !self.is_decided(*pair, decided) {
                            looked_at += 1;
                            pairs.extend(self.candidate(&values, *pair));
                        }
                    }
                });
                progress.add(done * sample.units_each);
                (looked_at, pairs)
            })
            .collect();
        let looked_at = parts.iter().map(|(looked_at, _)| looked_at).sum();
        let pairs = parts.into_iter().flat_map(|(_, pairs)| pairs).collect();
        (PairCounts::count(pairs), looked_at)
    }

    /// Whether people decided about the records at two sites.
    fn is_decided(
        &self,
        (left, right): (u32, u32),
        decided: &BTreeMap<(u32, u32), &Decision>,
    ) -> bool {
        let (one, other) = (self.sites.place(left), self.sites.place(right));
        !decided.is_empty() && decided.contains_key(&(one.min(other), one.max(other)))
    }

    /// A candidate pair by its sites, unless it cannot be a match, or a guard says that two people may share what
    /// it agrees on.
    fn candidate(&self, values: &impl Values, (left, right): (u32, u32)) -> Option<PairEvidence> {
        let (one, other) = (self.rows.get(left as usize)?, self.rows.get(right as usize)?);
        let prior = self.model.prior_weight(self.lexicon.record_count());
        let least = prior + MatchWeight::from_bits(PROMISING_BITS);
        let compared = compare_reaching(&self.model, values, one, other, least)?;
        let weighed = weigh(&self.model, values, &compared);
        if weighed.total < least {
            return None;
        }
        let found = guards(&self.model, values, &compared, one, other, weighed.positive_bits);
        // Twins, father and son: what tells them from one person is not in the vector.
        if !found.conflicts().without(Guards::from_iter([Guard::IdentifierConflict])).is_empty() {
            return None;
        }
        let frequency = weighed.given_frequency + weighed.family_frequency;
        Some(PairEvidence::new(&compared.vector, self.free(left, right), frequency.bits()))
    }

    fn labelled(&self, decision: &Decision) -> Option<LabelledPair> {
        let (left, right) = (decision.left.min(decision.right), decision.left.max(decision.right));
        let (one, other) = (self.row(left)?, self.row(right)?);
        let free = self.free(self.sites.site(left), self.sites.site(right));
        let pair = self.pair_of(one, other, free);
        Some(LabelledPair { pair, is_same: decision.is_same, weight: decision.weight })
    }

    /// The comparisons that some rule which found the pair, given by its sites, does not use.
    pub(super) fn free(&self, left: u32, right: u32) -> Comparisons {
        let rules = self.blocks.rules_in_common(left, right);
        let free = |rule| used_by(rule).complement();
        rules.into_iter().map(free).fold(Comparisons::NONE, Comparisons::union)
    }

    /// Pairs of records drawn by a fixed rule: some records, each with others at fixed distances, so
    /// that no pair comes twice. All pairs where there are few.
    fn random_pairs(&self) -> PairCounts {
        let records = self.drawn(RANDOM_RECORDS_MAX);
        let count = records.len();
        let distances = distances(count);
        let pairs: Vec<PairEvidence> = (0..count)
            .into_par_iter()
            .flat_map_iter(|at| {
                let records = &records;
                let others = distances.iter().filter_map(move |distance| {
                    let other = records.get((at + distance) % count)?;
                    Some(self.pair_of(records.get(at)?, other, Comparisons::NONE))
                });
                others.collect::<Vec<_>>()
            })
            .collect();
        PairCounts::count(pairs)
    }

    fn pair_of(&self, left: &CompareRow, right: &CompareRow, free: Comparisons) -> PairEvidence {
        let compared = compare(&self.lexicon, left, right);
        let weighed = weigh(&self.model, &self.lexicon, &compared);
        let frequency = weighed.given_frequency + weighed.family_frequency;
        PairEvidence::new(&compared.vector, free, frequency.bits())
    }

    /// Up to `count` records, scattered over the file.
    fn drawn(&self, count: u64) -> Vec<&CompareRow> {
        let records = self.rows.len() as u64;
        if records <= count {
            return self.rows.iter().collect();
        }
        let share = u64::MAX / records * count;
        let rows = self.rows.iter().zip(0..);
        rows.filter(|(_, place)| scattered(*place) < share).map(|(row, _)| row).collect()
    }

    /// Agreement counted from values, where the best level of a comparison is equality.
    fn coincidences(&self) -> [Option<Coincidence>; COMPARISON_COUNT] {
        let rows = self.drawn(VALUE_RECORDS_MAX);
        let share = (rows.len() as f64 / self.rows.len().max(1) as f64).powi(2);
        let counted: Vec<Option<Coincidence>> = Comparison::ALL
            .into_par_iter()
            .map(|comparison| {
                let mut values: Vec<u64> = Vec::with_capacity(rows.len());
                let mut compared = 0_u64;
                for row in &rows {
                    let before = values.len();
                    if !self.add_values(comparison, row, &mut values) {
                        return None;
                    }
                    compared += u64::from(values.len() > before);
                }
                values.sort_unstable();
                let equal = values.chunk_by(|one, other| one == other);
                let agreeing = equal.map(|run| pairs_among(run.len() as u64)).sum();
                Some(Coincidence { agreeing, compared: pairs_among(compared), share })
            })
            .collect();
        counted.try_into().unwrap_or_default()
    }

    /// Adds a record's values of a comparison as hashes; false where the best level is more than
    /// equality of one value.
    fn add_values(&self, comparison: Comparison, row: &CompareRow, values: &mut Vec<u64>) -> bool {
        match comparison {
            Comparison::Name => values.extend(row.names().filter_map(|name| {
                let both = name.given.is_some() && name.family.is_some();
                let hash = |id| self.lexicon.name(id).compact_hash;
                both.then(|| scattered(hash(name.given)) ^ hash(name.family))
            })),
            Comparison::BirthDate => {
                values.extend((row.birth_date != 0).then_some(u64::from(row.birth_date)));
            }
            Comparison::Sex => values.extend(row.sex.map(|sex| sex as u64)),
            Comparison::Suffix => values.extend(row.suffix.map(|suffix| suffix as u64)),
            Comparison::Ssn => values.extend(row.ssn.is_whole().then_some(row.ssn.number())),
            Comparison::Phone => values.extend(row.phones()),
            Comparison::Email => values.extend(row.emails()),
            Comparison::MotherMaidenName => {
                let mother = row.mother.is_some().then_some(row.mother);
                values.extend(mother.map(|id| self.lexicon.name(id).compact_hash));
            }
            Comparison::MiddleName | Comparison::Address | Comparison::Identifier => return false,
        }
        true
    }

    /// The chance that two random records share the given name, and the family name, by the shares
    /// that scoring uses: the point of reference of the term-frequency adjustment.
    fn name_shares(&self) -> Option<[f64; 2]> {
        if self.rows.len() < NAME_SHARE_RECORDS_MIN {
            return None;
        }
        let rows = self.drawn(VALUE_RECORDS_MAX);
        let (mut sums, mut counts) = ([0.0; 2], [0_u32; 2]);
        for row in rows {
            let (given, family) = (row.name.given, row.name.family);
            let records = self.lexicon.record_count();
            let frequency = self.model.term_frequency;
            if given.is_some() {
                let name = self.lexicon.name(given);
                sums[0] += name_share(frequency, records, name.shares.given, name.given_count);
                counts[0] += 1;
            }
            if family.is_some() {
                let name = self.lexicon.name(family);
                sums[1] += name_share(frequency, records, name.shares.family, name.family_count);
                counts[1] += 1;
            }
        }
        let mean = |at: usize| sums[at] / f64::from(counts[at].max(1));
        counts.iter().all(|count| *count > 0).then(|| [mean(0), mean(1)])
    }
}

/// The comparisons that a rule's key decides, wholly or in part. What a household shares moves
/// together, so a rule that uses one of address, telephone and e-mail uses them all.
const fn used_by(rule: BlockingRule) -> Comparisons {
    use Comparison::{Address, BirthDate, Email, Identifier, Name, Phone, Ssn};
    Comparisons::of(match rule {
        BlockingRule::Ssn => &[Ssn],
        BlockingRule::Identifier => &[Identifier],
        BlockingRule::Phone | BlockingRule::Email => &[Address, Phone, Email],
        BlockingRule::FamilySoundBirthDate
        | BlockingRule::GivenBirthDate
        | BlockingRule::NamesBirthYear
        | BlockingRule::NameSoundsBirthDay
        | BlockingRule::InitialsBirthDate
        | BlockingRule::InitialsBirthDigits => &[Name, BirthDate],
        BlockingRule::NamesPostalCode
        | BlockingRule::StreetGiven
        | BlockingRule::NameSoundsCity => &[Name, Address, Phone, Email],
        BlockingRule::BirthDatePostalCode | BlockingRule::StreetBirthYear => {
            &[BirthDate, Address, Phone, Email]
        }
        BlockingRule::SsnLastFourBirthYear => &[Ssn, BirthDate],
        BlockingRule::NamesUndated => &[Name],
    })
}

/// Which candidate pairs are looked at: every so-manieth unit of blocks, and of its pairs those whose
/// hash falls below a line.
pub(super) struct Sample {
    /// One in so many units.
    units_each: u64,
    /// One in so many pairs of such a unit.
    pairs_each: u64,
}

impl Sample {
    pub(super) fn of(pairs: u64) -> Self {
        let each = pairs.div_ceil(CANDIDATES_MAX).max(1);
        // Whole units are cheap to leave out, but few units are a coarse sample.
        let units_each = (each / 2).max(1);
        Self { units_each, pairs_each: each.div_ceil(units_each) }
    }

    /// The chosen units.
    pub(super) fn units(&self, blocks: &Blocks) -> Vec<Range<usize>> {
        let units = blocks.units().into_iter().zip(0..);
        let chosen = |at: &u64| at.is_multiple_of(self.units_each);
        units.filter(|(_, at)| chosen(at)).map(|(unit, _)| unit).collect()
    }

    /// How many units each chosen one stands for.
    pub(super) const fn units_each(&self) -> u64 {
        self.units_each
    }

    pub(super) fn has_pair(&self, (left, right): (u32, u32)) -> bool {
        let pair = u64::from(left) << 32 | u64::from(right);
        self.pairs_each == 1 || scattered(pair).is_multiple_of(self.pairs_each)
    }

    /// How many pairs of the file each one stands for.
    fn weight(&self) -> f64 {
        (self.units_each * self.pairs_each) as f64
    }
}

/// At which distances in a ring of `count` records partners stand. Up to half the ring, so that no
/// pair comes twice.
fn distances(count: usize) -> Vec<usize> {
    let half = count.saturating_sub(1) / 2;
    let wanted = (RANDOM_PAIRS_MAX as usize).div_ceil(count.max(1)).min(half);
    if wanted == 0 {
        return if count == 2 { vec![1] } else { Vec::new() };
    }
    // One distance from each of `wanted` equal parts of the half ring.
    let part = half / wanted;
    (0..wanted).map(|at| 1 + at * part + (scattered(at as u64) as usize) % part.max(1)).collect()
}

fn pairs_among(count: u64) -> f64 {
    count as f64 * count.saturating_sub(1) as f64 / 2.0
}

/// The n-th of a fixed sequence that looks random (SplitMix64): training draws the same pairs in every
/// run.
const fn scattered(n: u64) -> u64 {
    let mut mixed = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
