//! Pairs that stewards label without knowing how they were judged: drawn at random, shown in random order, each to two.

use empi_linkage::{PairStratum, SurveyPlan};
use empi_model::{
    Actor, LABELS_NEEDED, LabelSample, Labelled, PairLabel, RecordIndex, SampleStratum,
    SampledPair, Verdict,
};
use empi_store::{Snapshot, StoredRecord};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::weights::Surveyed;
use super::{LabWork, Outcome};
use crate::RegistryError;
use crate::registry::Registry;

/// Most pairs that are drawn from one range of weights.
pub const PAIRS_EACH_MAX: usize = 200;

/// The sample that is being labelled: the one drawn last. Earlier ones stay in the store.
#[derive(Default)]
pub(crate) struct Samples {
    pub(super) latest: Option<(LabelSample, Vec<SampledPair>)>,
}

impl Samples {
    pub(crate) fn read(snapshot: &Snapshot<'_>) -> Result<Self, RegistryError> {
        let mut latest = None;
        for sample in snapshot.samples() {
            latest = Some(sample?);
        }
        let Some(sample) = latest else { return Ok(Self::default()) };
        let pairs = snapshot.sampled_pairs(sample.number)?;
        Ok(Self { latest: Some((sample, pairs)) })
    }

    fn pair(&mut self, sample: u32, place: u32) -> Result<&mut SampledPair, RegistryError> {
        let latest = self.latest.as_mut().filter(|(latest, _)| latest.number == sample);
        let pairs = latest.map(|(_, pairs)| pairs);
        pairs.and_then(|pairs| pairs.get_mut(place as usize)).ok_or_else(|| {
            RegistryError::conflict("another sample was drawn since: go on with that one")
        })
    }
}

/// A pair that somebody is to label: two records, and nothing of how they were judged.
#[derive(Clone, Debug, PartialEq)]
pub struct PairToLabel {
    /// The sample.
    pub sample: u32,
    /// Its place in it.
    pub place: u32,
    /// The records as they stand now.
    pub records: [StoredRecord; 2],
    /// How many pairs of the sample this steward has labelled.
    pub labelled: u64,
    /// How many wait for this steward, this one included.
    pub waiting: u64,
}

/// Whether a pair waits for somebody.
fn waits_for(pair: &SampledPair, steward: &str, is_lead: bool) -> bool {
    let is_due = match pair.labelled() {
        Labelled::Waits(_) => true,
        Labelled::Torn => is_lead,
        Labelled::Settled(_) | Labelled::Unknown => false,
    };
    is_due && !pair.is_labelled_by(steward)
}

impl Registry {
    /// Draws a random sample of all pairs that bulk linkage would compare, so many from each range of weights, in the
    /// background. It takes the place of the one before, which stays in the store.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for no pairs or more than [`PAIRS_EACH_MAX`]; [`RegistryError::Conflict`] while
    /// something else is being done.
    pub fn draw_sample(
        &self,
        pairs_each: usize,
        seed: u64,
        actor: Actor,
    ) -> Result<(), RegistryError> {
        if pairs_each == 0 || pairs_each > PAIRS_EACH_MAX {
            return Err(RegistryError::invalid(format!(
                "from each range of weights 1 to {PAIRS_EACH_MAX} pairs can be drawn"
            )));
        }
        self.begin(LabWork::Drawing, move |job| {
            let in_force = job.core.in_force();
            let strata = PairStratum::around(in_force.model.thresholds());
            let plan = SurveyPlan { strata, pairs_each, seed };
            let surveyed = job.survey(&in_force, &plan)?;
            let counts = surveyed.counts.clone();
            let (mut sample, mut pairs) = drawn(surveyed, &plan, actor);
            let mut samples = job.core.samples.lock();
            sample.number = samples.latest.as_ref().map_or(0, |(latest, _)| latest.number) + 1;
            pairs.iter_mut().for_each(|pair| pair.sample = sample.number);
            job.core.store.put_sample(&sample, &pairs)?;
            samples.latest = Some((sample, pairs));
            Ok(Outcome::Counted(counts))
        })
    }

    /// The next pair of the sample for a steward; `None` when nothing waits for them.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn next_pair_to_label(
        &self,
        steward: &str,
        is_lead: bool,
    ) -> Result<Option<PairToLabel>, RegistryError> {
        self.core.durability.check()?;
        let (pair, labelled, waiting) = {
            let mirror = self.core.mirror.read();
            let samples = self.core.samples.lock();
            let Some((_, pairs)) = &samples.latest else { return Ok(None) };
            // Nobody is shown somebody who was erased, or who is not to be shared with them.
            let is_seen = |record: &RecordIndex| {
                let person = mirror.person_of(*record);
                !mirror.is_erased(*record) && person.is_none_or(|it| self.is_shown_by(&mirror, it))
            };
            let waits = |pair: &&SampledPair| {
                waits_for(pair, steward, is_lead) && pair.records.iter().all(is_seen)
            };
            let mut waiting = pairs.iter().filter(waits);
            let Some(pair) = waiting.next().cloned() else { return Ok(None) };
            let labelled = pairs.iter().filter(|pair| pair.is_labelled_by(steward)).count() as u64;
            (pair, labelled, waiting.count() as u64 + 1)
        };
        let snapshot = self.core.store.snapshot();
        let read = |record| {
            let missing = || RegistryError::damaged("a record of the sample is missing");
            snapshot.record(record)?.ok_or_else(missing)
        };
        let [one, other] = pair.records;
        let mut records = [read(one)?, read(other)?];
        self.saw(records.iter().map(|stored| stored.link.enterprise_id));
        records.iter_mut().for_each(|stored| drop(self.mask(&mut stored.record)));
        let SampledPair { sample, place, .. } = pair;
        Ok(Some(PairToLabel { sample, place, records, labelled, waiting }))
    }

    /// What somebody says of a pair of the sample. It changes nothing about who is who.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when the pair does not wait for this steward (any more), or another sample was drawn
    /// since; [`RegistryError::Store`] when it cannot be written.
    pub fn label_pair(
        &self,
        (sample, place): (u32, u32),
        verdict: Verdict,
        actor: &Actor,
        is_lead: bool,
    ) -> Result<(), RegistryError> {
        self.core.durability.check()?;
        let mut samples = self.core.samples.lock();
        let pair = samples.pair(sample, place)?;
        if !waits_for(pair, &actor.name, is_lead) {
            return Err(RegistryError::conflict(
                "this pair does not wait for you any more: go on with the next one",
            ));
        }
        let mut labelled = pair.clone();
        let time = self.core.clock.now();
        labelled.labels.push(PairLabel { steward: actor.name.clone(), verdict, time });
        self.core.store.put_sampled_pair(&labelled)?;
        *pair = labelled;
        Ok(())
    }

    /// Takes back what somebody said of a pair, as long as nobody has said anything after them.
    ///
    /// # Errors
    /// As [`label_pair`](Self::label_pair).
    pub fn take_back_label(
        &self,
        (sample, place): (u32, u32),
        steward: &str,
    ) -> Result<(), RegistryError> {
        self.core.durability.check()?;
        let mut samples = self.core.samples.lock();
        let pair = samples.pair(sample, place)?;
        if pair.labels.last().is_none_or(|last| last.steward != steward) {
            return Err(RegistryError::conflict(
                "somebody else has labelled this pair since: what you said stands",
            ));
        }
        let mut without = pair.clone();
        without.labels.pop();
        self.core.store.put_sampled_pair(&without)?;
        *pair = without;
        Ok(())
    }
}

/// The sample as it is kept: its pairs in random order, and the records of each, too.
fn drawn(surveyed: Surveyed, plan: &SurveyPlan, actor: Actor) -> (LabelSample, Vec<SampledPair>) {
    let Surveyed { counts, survey, records } = surveyed;
    let mut strata = Vec::with_capacity(plan.strata.len());
    let mut pairs: Vec<(u64, SampledPair)> = Vec::new();
    for (stratum, drawn) in (0..).zip(survey.drawn) {
        let offered = drawn.offered();
        let before = pairs.len();
        for pair in drawn.into_items() {
            let record = |place: u32| records.get(place as usize).copied();
            let (Some(left), Some(right)) = (record(pair.left), record(pair.right)) else {
                continue;
            };
            let bytes = [left.0.to_le_bytes(), right.0.to_le_bytes()].concat();
            let chance = xxh3_64_with_seed(&bytes, plan.seed);
            let records = if chance.is_multiple_of(2) { [left, right] } else { [right, left] };
            let (weight, is_held) = (pair.weight, pair.is_held);
            let labels = Vec::with_capacity(LABELS_NEEDED);
            let pair =
                SampledPair { sample: 0, place: 0, records, weight, is_held, stratum, labels };
            pairs.push((chance, pair));
        }
        let of_plan = plan.strata.get(stratum as usize);
        strata.push(SampleStratum {
            least: of_plan.and_then(|it| edge(it.least_bits)),
            below: of_plan.and_then(|it| edge(it.below_bits)),
            is_held: of_plan.and_then(|it| it.is_held),
            pairs: offered,
            drawn: u32::try_from(pairs.len() - before).unwrap_or(u32::MAX),
        });
    }
    pairs.sort_by_key(|(chance, _)| *chance);
    let in_order = |(place, (_, pair)): (u32, (u64, SampledPair))| SampledPair { place, ..pair };
    let pairs = (0..).zip(pairs).map(in_order).collect();
    let (drawn, model) = (counts.counted, counts.model);
    let (records, bins) = (counts.records, counts.bins);
    (LabelSample { number: 0, drawn, actor, model, records, bins, strata }, pairs)
}

/// An edge of a range in halves of a bit; `None` for one without end.
#[expect(clippy::cast_possible_truncation, reason = "weights are within ±2,000 bits")]
fn edge(bits: f64) -> Option<i32> {
    bits.is_finite().then(|| (bits * 2.0).round() as i32)
}
