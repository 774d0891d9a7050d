//! How the weights of all compared pairs are spread, and what other thresholds would make of them.

use std::collections::BTreeMap;

use empi_linkage::{Linker, PairStratum, PairSurvey, SurveyPlan};
use empi_model::{
    EventKind, EventSequence, LabelSample, Labelled, MatchWeight, RecordIndex, SampledPair,
    Timestamp, WeightBin,
};
use empi_store::Snapshot;

use super::{Job, LabWork, Outcome};
use crate::RegistryError;
use crate::in_force::InForce;
use crate::registry::Registry;
use crate::relink::read_records;
use crate::review_stats::DAY_MS;

/// Days that are looked back on for how many records come in a day.
const ARRIVAL_DAYS: i64 = 30;

/// How weights are spread.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct WeightCounts {
    /// When counting began.
    pub counted: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The model that weighed, by its number in the store.
    pub model: u32,
    /// Its name and version.
    pub model_name: String,
    /// Records that were compared.
    pub records: u64,
    /// Pairs by weight.
    pub bins: Vec<WeightBin>,
    /// New records on the middle one of the last days, of 30 at most; `None` where there was no whole day yet.
    pub arrivals_per_day: Option<f64>,
}

/// Labelled pairs of one bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LabelledBin {
    /// One person.
    pub same: u64,
    /// Two people.
    pub different: u64,
}

/// Which pairs are linked: from a weight on, and nothing holds them back.
fn above(bin: &WeightBin, weight: MatchWeight) -> bool {
    bin.least() >= weight
}

#[expect(clippy::cast_precision_loss, reason = "pairs are far fewer than 2^52")]
impl WeightCounts {
    /// Every pair that was compared.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.bins.iter().map(|bin| bin.free + bin.held).sum()
    }

    /// Pairs that are linked under a threshold. Bins of half a bit count from their lower end, as everywhere here.
    #[must_use]
    pub fn links(&self, link: MatchWeight) -> u64 {
        self.bins.iter().filter(|bin| above(bin, link)).map(|bin| bin.free).sum()
    }

    /// Pairs that somebody is asked about under two thresholds.
    #[must_use]
    pub fn questions(&self, review: MatchWeight, link: MatchWeight) -> u64 {
        let asked = self.bins.iter().filter(|bin| above(bin, review));
        asked.map(|bin| if above(bin, link) { bin.held } else { bin.free + bin.held }).sum()
    }

    /// Questions that a thousand new records raise, if they are like those of the index: each record is one end of
    /// `2 questions / records` of the pairs in question. Several records of one person make one question, so it is
    /// this number at most.
    #[must_use]
    pub fn questions_per_thousand(&self, review: MatchWeight, link: MatchWeight) -> Option<f64> {
        let questions = self.questions(review, link) as f64;
        (self.records > 0).then(|| 2_000.0 * questions / self.records as f64)
    }

    /// The share of links that is false by the model's own probabilities: the mean of 1 - p over the links, each
    /// counted with the weight at the lower end of its bin. As good as the model; no limits can be given.
    #[must_use]
    pub fn model_implied_false_links(&self, link: MatchWeight) -> Option<f64> {
        let linked = self.bins.iter().filter(|bin| above(bin, link));
        let wrong: f64 =
            linked.map(|bin| bin.free as f64 * (1.0 - bin.least().probability().value())).sum();
        let links = self.links(link);
        (links > 0).then(|| wrong / links as f64)
    }
}

/// The labelled pairs of a sample by the bins of their weights.
pub(super) fn labelled_bins(pairs: &[SampledPair]) -> BTreeMap<i32, LabelledBin> {
    let mut bins: BTreeMap<i32, LabelledBin> = BTreeMap::new();
    for pair in pairs {
        let Labelled::Settled(is_same) = pair.labelled() else { continue };
        let bin = bins.entry(half_bits(pair.weight)).or_default();
        *(if is_same { &mut bin.same } else { &mut bin.different }) += 1;
    }
    bins
}

/// The bin of a weight: halves of a bit, downwards.
#[expect(clippy::cast_possible_truncation, reason = "weights are within ±2,000 bits")]
pub(super) fn half_bits(weight: MatchWeight) -> i32 {
    (weight.bits() * 2.0).floor() as i32
}

impl Registry {
    /// Weighs and counts every pair that bulk linkage would compare, in the background.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] while something else is being done.
    pub fn count_weights(&self) -> Result<(), RegistryError> {
        self.begin(LabWork::Counting, |job| {
            let in_force = job.core.in_force();
            let strata = PairStratum::around(in_force.model.thresholds());
            let plan = SurveyPlan { strata, pairs_each: 0, seed: 0 };
            Ok(Outcome::Counted(job.survey(&in_force, &plan)?.counts))
        })
    }
}

/// Every pair counted, and some drawn.
pub(super) struct Surveyed {
    pub(super) counts: WeightCounts,
    pub(super) survey: PairSurvey,
    /// The records by their places in the survey.
    pub(super) records: Vec<RecordIndex>,
}

impl Job {
    pub(super) fn survey(
        &self,
        in_force: &InForce,
        plan: &SurveyPlan,
    ) -> Result<Surveyed, RegistryError> {
        let counted = self.core.clock.now();
        let snapshot = self.core.store.snapshot();
        let mut linker = Linker::new(in_force.model.clone());
        let read = read_records(&snapshot, &mut linker, &|| self.goes_on().is_ok())?;
        self.goes_on()?;
        let blocked = linker.block();
        self.set_total(blocked.pairs_with_repeats());
        let survey = blocked.survey(plan, &self.steps.pairs);
        self.goes_on()?;
        let mut records = vec![RecordIndex(u32::MAX); read.active.len()];
        for (record, place) in read.active.iter().zip(blocked.order()) {
            if let Some(slot) = records.get_mut(*place as usize) {
                *slot = *record;
            }
        }
        let mut bins: BTreeMap<i32, WeightBin> = BTreeMap::new();
        let mut add = |begin: f64, free: u64, held: u64| {
            let half_bits = half_bits(MatchWeight::from_bits(begin));
            let bin = bins.entry(half_bits).or_insert(WeightBin { half_bits, free: 0, held: 0 });
            (bin.free, bin.held) = (bin.free + free, bin.held + held);
        };
        survey.free.bins().for_each(|(begin, pairs)| add(begin, pairs, 0));
        survey.held.bins().for_each(|(begin, pairs)| add(begin, 0, pairs));
        let counts = WeightCounts {
            counted,
            took_ms: self.took_ms(),
            model: in_force.number,
            model_name: in_force.model.name().to_owned(),
            records: read.active.len() as u64,
            bins: bins.into_values().collect(),
            arrivals_per_day: arrivals_per_day(&snapshot, counted)?,
        };
        Ok(Surveyed { counts, survey, records })
    }
}

impl From<(&LabelSample, &str)> for WeightCounts {
    /// What was counted when a sample was drawn.
    fn from((sample, model_name): (&LabelSample, &str)) -> Self {
        Self {
            counted: sample.drawn,
            took_ms: 0,
            model: sample.model,
            model_name: model_name.to_owned(),
            records: sample.records,
            bins: sample.bins.clone(),
            arrivals_per_day: None,
        }
    }
}

/// New records on the middle one of the last whole days in UTC. The middle, so that the day on which a file was loaded
/// does not count for all others.
#[expect(clippy::cast_precision_loss, reason = "records are far fewer than 2^52")]
fn arrivals_per_day(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Option<f64>, RegistryError> {
    let today = now.0.div_euclid(DAY_MS);
    let Some(first) = snapshot.event(EventSequence(1))? else { return Ok(None) };
    // The day on which the index began is no whole one.
    let begins = (first.time.0.div_euclid(DAY_MS) + 1).max(today - ARRIVAL_DAYS);
    let Ok(days) = usize::try_from(today - begins) else { return Ok(None) };
    if days == 0 {
        return Ok(None);
    }
    let from = first_event_since(snapshot, Timestamp(begins.saturating_mul(DAY_MS)))?;
    let mut counts = vec![0_u64; days];
    for event in snapshot.events_from(from) {
        let event = event?;
        let is_new = matches!(event.kind, EventKind::RegisteredNew | EventKind::RegisteredLinked);
        let day = usize::try_from(event.time.0.div_euclid(DAY_MS) - begins).ok();
        if let Some(count) = day.and_then(|day| counts.get_mut(day)).filter(|_| is_new) {
            *count += 1;
        }
    }
    counts.sort_unstable();
    let middle = [counts.get((days - 1) / 2), counts.get(days / 2)];
    let sum: u64 = middle.into_iter().flatten().sum();
    Ok(Some(sum as f64 / 2.0))
}

/// The first event since a time. Events are in the order of time.
fn first_event_since(
    snapshot: &Snapshot<'_>,
    time: Timestamp,
) -> Result<EventSequence, RegistryError> {
    let (mut low, mut high) = (1, snapshot.counters()?.events + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let event = snapshot.event(EventSequence(middle))?;
        if event.is_some_and(|event| event.time < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(EventSequence(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bits: f64) -> MatchWeight {
        MatchWeight::from_bits(bits)
    }

    #[test]
    fn thresholds_cut_what_was_counted() {
        let bin = |half_bits, free, held| WeightBin { half_bits, free, held };
        let bins =
            vec![bin(-40, 900, 0), bin(0, 30, 2), bin(13, 20, 1), bin(14, 40, 3), bin(60, 50, 4)];
        let counts = WeightCounts { records: 500, bins, ..WeightCounts::default() };
        assert_eq!((counts.pairs(), counts.links(bits(7.0))), (1050, 90));
        // Everything from 0 to 7 bits, and what is held back above.
        assert_eq!(counts.questions(bits(0.0), bits(7.0)), 53 + 7);
        assert_eq!(counts.questions(bits(7.0), bits(7.0)), 7);
        assert_eq!(counts.questions_per_thousand(bits(0.0), bits(7.0)), Some(240.0));
        let implied = counts.model_implied_false_links(bits(7.0)).unwrap();
        assert!((implied - 40.0 / 129.0 / 90.0).abs() < 1e-6, "{implied}");
        assert_eq!(counts.model_implied_false_links(bits(90.0)), None, "no links, no rate");
    }
}
