//! Samples of pairs with their labels, and the log of which model decides.

use std::collections::BTreeMap;

use empi_model::{Labelled, RecordIndex, SampledPair};

use super::Walk;
use crate::codec::{PromotionRow, Row as _, SampleRow, SampledRow};
use crate::layout::{self, Family};

impl Walk<'_> {
    /// Every sample reads and has as many pairs as were drawn, each of two records that are there; the log of models
    /// has no gap, and names models that are kept.
    pub(super) fn check_lab(&mut self) {
        let models = self.snapshot.models();
        let models = self.report.take(models, "models").unwrap_or_default();
        let knows = |model: u32| models.iter().any(|it| it.number == model);
        let rows =
            self.snapshot.scan(Family::Meta, b"", |key, value| Ok((key.to_vec(), value.to_vec())));
        // Of each sample the pairs that are due, and those that were found.
        let mut samples: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        let (mut last_sample, mut last_promotion) = (0, 0);
        for row in rows {
            let Some((key, value)) = self.report.take(row, "models and samples") else { break };
            if key.starts_with(layout::SAMPLES) {
                last_sample += 1;
                let sample = SampleRow::decoded(&value).filter(|sample| {
                    layout::sample_key(last_sample) == key
                        && sample.number == last_sample
                        && knows(sample.model)
                });
                self.report.check(sample.is_some(), || {
                    format!("sample {last_sample} of pairs is missing or damaged")
                });
                let due = sample.iter().flat_map(|sample| &sample.strata);
                samples.entry(last_sample).or_default().0 =
                    due.map(|stratum| u64::from(stratum.drawn)).sum();
            } else if key.starts_with(layout::SAMPLED) {
                let pair = SampledRow::decoded(&value)
                    .filter(|pair| layout::sampled_key(pair.sample, pair.place) == key)
                    .filter(|pair| self.makes_sense(pair));
                self.report.check(pair.is_some(), || "a pair of a sample is damaged".to_owned());
                if let Some(pair) = pair {
                    samples.entry(pair.sample).or_default().1 += 1;
                }
            } else if key.starts_with(layout::PROMOTIONS) {
                last_promotion += 1;
                let stands = PromotionRow::decoded(&value).is_some_and(|promotion| {
                    layout::promotion_key(last_promotion) == key
                        && promotion.number == last_promotion
                        && [promotion.model, promotion.before, promotion.configured]
                            .into_iter()
                            .all(knows)
                });
                self.report.check(stands, || {
                    format!("entry {last_promotion} of the log of models is missing or damaged")
                });
            }
        }
        for (sample, (due, found)) in samples {
            self.report.check(due == found, || {
                format!("sample {sample} has {found} pairs of {due} that were drawn")
            });
        }
    }

    fn makes_sense(&self, pair: &SampledPair) -> bool {
        let [one, other] = pair.records;
        let is_there = |record: RecordIndex| record.0 < self.counters.records;
        let stewards: Vec<&String> = pair.labels.iter().map(|label| &label.steward).collect();
        let is_said_once = stewards
            .iter()
            .enumerate()
            .all(|(at, one)| !stewards.iter().skip(at + 1).any(|it| it == one));
        let is_due = pair.labels.len() <= 3
            && (pair.labels.len() < 3 || {
                let first = SampledPair {
                    labels: pair.labels.iter().take(2).cloned().collect(),
                    ..pair.clone()
                };
                first.labelled() == Labelled::Torn
            });
        one != other && is_there(one) && is_there(other) && is_said_once && is_due
    }
}
