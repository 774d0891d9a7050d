//! What the labels of a random sample say: how far stewards agree, and how many links are right and how many are
//! missed, of all pairs that were compared.
//!
//! A threshold may lie inside a range from which pairs were drawn. The range is then looked at as two, of what is linked
//! and what is not: how many pairs each has was counted, and the pairs labelled in each are a random sample of it
//! (poststratification; Cochran, *Sampling Techniques*, 1977, 5A.9).

use std::collections::BTreeMap;

use empi_linkage::{
    SampledStratum, StratifiedEstimate, ratio_of_first, stratified_share, stratified_total,
};
use empi_model::{
    LabelSample, Labelled, MatchWeight, ReviewOutcome, SampleStratum, SampledPair, Timestamp,
    Verdict, WeightBin,
};

use super::weights::{LabelledBin, WeightCounts, half_bits, labelled_bins};
use crate::RegistryError;
use crate::commit::Core;
use crate::in_force::weigh_alike;
use crate::registry::Registry;
use crate::review_stats::Agreement;

/// How far a sample is labelled.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SampleProgress {
    /// The sample's number.
    pub number: u32,
    /// When it was drawn.
    pub drawn: Timestamp,
    /// Who wanted it.
    pub drawn_by: String,
    /// Pairs in it.
    pub pairs: u64,
    /// Pairs that nobody, or one steward, has labelled.
    pub waiting: u64,
    /// Pairs that a lead steward has to settle.
    pub torn: u64,
    /// Pairs that are settled.
    pub settled: u64,
    /// Pairs of which nobody can say what they are.
    pub unknown: u64,
}

/// What labels say.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LabelFigures {
    /// How far the sample is.
    pub progress: SampleProgress,
    /// The model that weighed its pairs.
    pub model_name: String,
    /// Whether the model in force gives every pair the same weight.
    pub holds: bool,
    /// From this weight on pairs are linked.
    pub link: MatchWeight,
    /// What two stewards said of the same pairs.
    pub agreement: Agreement,
    /// Pairs of which one of the two could not say what they are.
    pub unsure: u64,
    /// The share of links that is right; `None` while a range of weights has no settled pair.
    pub precision: Option<StratifiedEstimate>,
    /// The share of compared pairs of one person that is linked.
    pub recall: Option<StratifiedEstimate>,
    /// Settled pairs by weight, in bins of half a bit.
    pub bins: BTreeMap<i32, LabelledBin>,
}

impl Registry {
    /// What the labels of the last sample say about links from a weight on; of the threshold in force without one.
    /// `None` where no sample was drawn.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn label_figures(
        &self,
        link: Option<MatchWeight>,
    ) -> Result<Option<LabelFigures>, RegistryError> {
        self.core.durability.check()?;
        label_figures(&self.core, link)
    }

    /// How weights were spread when the last sample was drawn.
    ///
    /// # Errors
    /// As [`label_figures`](Self::label_figures).
    pub fn sample_counts(&self) -> Result<Option<WeightCounts>, RegistryError> {
        let samples = self.core.samples.lock();
        let Some((sample, _)) = &samples.latest else { return Ok(None) };
        let model = self.core.store.snapshot().model(sample.model)?;
        let name = model.map_or_else(String::new, |model| model.name);
        Ok(Some(WeightCounts::from((sample, name.as_str()))))
    }
}

pub(crate) fn label_figures(
    core: &Core,
    link: Option<MatchWeight>,
) -> Result<Option<LabelFigures>, RegistryError> {
    let in_force = core.in_force();
    let samples = core.samples.lock();
    let Some((sample, pairs)) = &samples.latest else { return Ok(None) };
    let model = core.store.snapshot().model(sample.model)?;
    let model = model.ok_or_else(|| RegistryError::damaged("the model of a sample is missing"))?;
    let weighed_by = empi_linkage::LinkageModel::parse(&model.text).ok();
    let link = link.unwrap_or(in_force.rules.thresholds.link);
    let (agreement, unsure) = agreement(pairs);
    let (precision, recall) = estimates(sample, pairs, link);
    Ok(Some(LabelFigures {
        progress: progress(sample, pairs),
        model_name: model.name,
        holds: weighed_by.is_some_and(|model| weigh_alike(&model, &in_force.model)),
        link,
        agreement,
        unsure,
        precision,
        recall,
        bins: labelled_bins(pairs),
    }))
}

fn progress(sample: &LabelSample, pairs: &[SampledPair]) -> SampleProgress {
    let mut progress = SampleProgress {
        number: sample.number,
        drawn: sample.drawn,
        drawn_by: sample.actor.name.clone(),
        pairs: pairs.len() as u64,
        ..SampleProgress::default()
    };
    for pair in pairs {
        *(match pair.labelled() {
            Labelled::Waits(_) => &mut progress.waiting,
            Labelled::Torn => &mut progress.torn,
            Labelled::Settled(_) => &mut progress.settled,
            Labelled::Unknown => &mut progress.unknown,
        }) += 1;
    }
    progress
}

/// What the first two said of each pair, and of how many one of them could not say anything.
fn agreement(pairs: &[SampledPair]) -> (Agreement, u64) {
    let outcome = |verdict| match verdict {
        Verdict::Same => Some(ReviewOutcome::Same),
        Verdict::Different => Some(ReviewOutcome::Different),
        Verdict::Unsure => None,
    };
    let (mut agreement, mut unsure) = (Agreement::default(), 0);
    for pair in pairs {
        let [one, other, ..] = pair.labels.as_slice() else { continue };
        match outcome(one.verdict).zip(outcome(other.verdict)) {
            Some(said) => agreement.add(said),
            None => unsure += 1,
        }
    }
    (agreement, unsure)
}

/// Precision and recall of linking from a weight on.
fn estimates(
    sample: &LabelSample,
    pairs: &[SampledPair],
    link: MatchWeight,
) -> (Option<StratifiedEstimate>, Option<StratifiedEstimate>) {
    let (mut linked, mut others) = (Vec::new(), Vec::new());
    for (at, stratum) in (0..).zip(&sample.strata) {
        let [above, below] = parts(sample, stratum, at, pairs, link);
        linked.push(above);
        others.push(below);
    }
    let precision = stratified_share(&linked);
    let totals = stratified_total(&linked).zip(stratified_total(&others));
    let recall = totals.and_then(|(linked, others)| ratio_of_first(linked, others));
    (precision, recall)
}

/// A range of weights in two: what is linked, and what is not.
fn parts(
    sample: &LabelSample,
    stratum: &SampleStratum,
    at: u32,
    pairs: &[SampledPair],
    link: MatchWeight,
) -> [SampledStratum; 2] {
    let in_range = |bin: &&WeightBin| {
        stratum.least.is_none_or(|least| bin.half_bits >= least)
            && stratum.below.is_none_or(|below| bin.half_bits < below)
    };
    let link_half_bits = half_bits(link);
    let is_free = stratum.is_held != Some(true);
    let linkable =
        sample.bins.iter().filter(in_range).filter(|bin| bin.half_bits >= link_half_bits);
    let above: u64 = if is_free { linkable.map(|bin| bin.free).sum() } else { 0 };
    let mut parts = [
        SampledStratum { pairs: above, ..SampledStratum::default() },
        SampledStratum { pairs: stratum.pairs.saturating_sub(above), ..SampledStratum::default() },
    ];
    for pair in pairs.iter().filter(|pair| pair.stratum == at) {
        let Labelled::Settled(is_same) = pair.labelled() else { continue };
        let is_linked = !pair.is_held && half_bits(pair.weight) >= link_half_bits;
        let part = &mut parts[usize::from(!is_linked)];
        part.labelled += 1;
        part.same += u64::from(is_same);
    }
    parts
}

#[cfg(test)]
mod tests {
    use empi_model::{Actor, ActorKind, PairLabel, RecordIndex};

    use super::*;

    fn pair(stratum: u32, bits: f64, is_held: bool, said: &[Verdict]) -> SampledPair {
        let label = |verdict: &Verdict| PairLabel {
            steward: String::new(),
            verdict: *verdict,
            time: Timestamp(0),
        };
        SampledPair {
            sample: 1,
            place: 0,
            records: [RecordIndex(0), RecordIndex(1)],
            weight: MatchWeight::from_bits(bits),
            is_held,
            stratum,
            labels: said.iter().map(label).collect(),
        }
    }

    /// Two ranges of weights, of 1,000 pairs below 7 bits and of 500 above.
    fn sample() -> LabelSample {
        let stratum =
            |least, below, pairs| SampleStratum { least, below, is_held: None, pairs, drawn: 9 };
        let bin = |half_bits, free, held| WeightBin { half_bits, free, held };
        LabelSample {
            number: 1,
            drawn: Timestamp(0),
            actor: Actor { kind: ActorKind::Steward, name: "lena".to_owned() },
            model: 1,
            records: 100,
            bins: vec![bin(2, 1000, 0), bin(14, 300, 0), bin(30, 180, 20)],
            strata: vec![stratum(None, Some(14), 1000), stratum(Some(14), None, 500)],
        }
    }

    #[test]
    fn labels_count_for_the_pairs_that_they_stand_for() {
        use Verdict::{Different, Same};
        let pairs = [
            pair(0, 1.0, false, &[Same, Same]),
            pair(0, 1.0, false, &[Different, Different]),
            pair(0, 1.0, false, &[Same, Different, Different]),
            pair(0, 1.0, false, &[Different, Different]),
            pair(1, 7.0, false, &[Same, Same]),
            pair(1, 15.0, false, &[Same, Same]),
            pair(1, 15.0, true, &[Different, Different]),
            // Not settled: they count for nothing yet.
            pair(1, 7.0, false, &[Same]),
            pair(1, 7.0, false, &[Same, Different]),
        ];
        let (precision, recall) = estimates(&sample(), &pairs, MatchWeight::from_bits(7.0));
        let (precision, recall) = (precision.unwrap(), recall.unwrap());
        assert!((precision.value - 1.0).abs() < 1e-9 && precision.interval.low < 0.7);
        // 480 links are right; of 1,000 pairs below a quarter is one person.
        assert!((recall.value - 480.0 / 730.0).abs() < 1e-9, "{recall:?}");
        // The threshold inside a range: its parts are looked at by themselves.
        let (precision, recall) = estimates(&sample(), &pairs, MatchWeight::from_bits(15.0));
        assert!((precision.unwrap().value - 1.0).abs() < 1e-9);
        assert!((recall.unwrap().value - 180.0 / (180.0 + 250.0 + 160.0)).abs() < 1e-9);
        let (agreement, unsure) = agreement(&pairs);
        assert_eq!((agreement.both_same, agreement.both_different), (3, 3));
        assert_eq!((agreement.same_different, unsure), (2, 0));
    }

    #[test]
    fn nothing_is_said_of_weights_that_nobody_has_looked_at() {
        let pairs = [pair(1, 15.0, false, &[Verdict::Same, Verdict::Same])];
        let (precision, recall) = estimates(&sample(), &pairs, MatchWeight::from_bits(7.0));
        assert!(precision.is_some() && recall.is_none(), "of pairs below 7 bits nothing is known");
        assert_eq!(estimates(&sample(), &[], MatchWeight::from_bits(7.0)), (None, None));
    }
}
