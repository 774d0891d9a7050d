//! Collecting what calibration needs: candidate pairs as they are weighed, and as they would be without
//! the number that both records have.

use empi_model::MatchWeight;
use rayon::prelude::*;

use super::training::Sample;
use super::{Blocked, Progress};
use crate::compare::{Compared, Comparison, ComparisonVector, compare};
use crate::guard::guards;
use crate::model::LinkageModel;
use crate::row::CompareRow;
use crate::score::weigh;
use crate::train::{Calibration, CalibrationEvidence, HeldOutPair, calibrate};

impl Blocked {
    /// The link threshold under which the model at hand keeps to a false-link rate on these records;
    /// see [`calibrate`](crate::calibrate()). Looks at the same bounded sample as training.
    #[must_use]
    pub fn calibrate(&self, target: f64, progress: &Progress) -> Calibration {
        let thresholds = self.model.thresholds();
        let evidence = self.calibration_evidence(progress);
        calibrate(&evidence, target, thresholds.review, thresholds.link)
    }

    fn calibration_evidence(&self, progress: &Progress) -> CalibrationEvidence {
        let sample = Sample::of(self.pairs_with_repeats());
        // A record without its number has a group of evidence less.
        let without = self.model.clone().with_evidence_groups(self.groups_given.saturating_sub(1));
        let parts: Vec<CalibrationEvidence> = sample
            .units(&self.blocks)
            .into_par_iter()
            .map(|unit| {
                let mut part = CalibrationEvidence::default();
                let done = self.blocks.visit(unit, |pairs| {
                    for (left, right) in pairs.iter().filter(|pair| sample.has_pair(**pair)) {
                        self.add_pair(&without, *left, *right, &mut part);
                    }
                });
                progress.add(done * sample.units_each());
                part
            })
            .collect();
        let mut evidence = CalibrationEvidence::default();
        for part in parts {
            evidence.weights.extend(part.weights);
            evidence.numbers.extend(part.numbers);
            evidence.identifiers.extend(part.identifiers);
        }
        // In a fixed order, so that sums over them are the same in every run.
        evidence.weights.sort_unstable_by(|one, other| one.bits().total_cmp(&other.bits()));
        evidence
    }

    fn add_pair(
        &self,
        without: &LinkageModel,
        left: u32,
        right: u32,
        evidence: &mut CalibrationEvidence,
    ) {
        let rows = (self.rows.get(left as usize), self.rows.get(right as usize));
        let (Some(one), Some(other)) = rows else { return };
        let compared = compare(&self.lexicon, one, other);
        evidence.weights.extend(self.linkable(&self.model, &compared, one, other));
        self.add_held_out(without, &compared, (left, right), evidence);
    }

    fn add_held_out(
        &self,
        without: &LinkageModel,
        compared: &Compared,
        (left, right): (u32, u32),
        evidence: &mut CalibrationEvidence,
    ) {
        let rows = (self.rows.get(left as usize), self.rows.get(right as usize));
        let (Some(one), Some(other)) = rows else { return };
        let whole = one.ssn.is_whole() && other.ssn.is_whole();
        let numbers = [(Comparison::Ssn, whole), (Comparison::Identifier, true)];
        for (number, usable) in numbers {
            let Some(level) = compared.vector.level(number).filter(|_| usable) else { continue };
            let vector = ComparisonVector::from_fn(|comparison| {
                if comparison == number { None } else { compared.vector.level(comparison) }
            });
            let hidden = Compared { vector, agreed: compared.agreed };
            let Some(weight) = self.linkable(without, &hidden, one, other) else { continue };
            // A pair that only its number brought together agrees on it for that reason alone.
            if !self.free(left, right).contains(number) {
                continue;
            }
            let worst = number.levels().len() - 1;
            let pair = HeldOutPair { weight, differs: usize::from(level) == worst };
            match number {
                Comparison::Ssn => evidence.numbers.push(pair),
                _ => evidence.identifiers.push(pair),
            }
        }
    }

    /// The weight of a pair that would be linked if only the threshold were low enough.
    fn linkable(
        &self,
        model: &LinkageModel,
        compared: &Compared,
        left: &CompareRow,
        right: &CompareRow,
    ) -> Option<MatchWeight> {
        let weighed = weigh(model, &self.lexicon, compared);
        if weighed.total < model.thresholds().review {
            return None;
        }
        let held = guards(model, &self.lexicon, compared, left, right, weighed.positive_bits);
        held.is_empty().then_some(weighed.total)
    }
}
