//! Explaining two records of the index: why they are one person, or why not.

use empi_linkage::normalize;
use empi_model::{BlockingRule, RecordKey};

use crate::RegistryError;
use crate::query::stored_keys;
use crate::registry::Registry;
use crate::words::PairView;

impl Registry {
    /// Scores two records as they stand and tells how the weight comes about, which blocking rules
    /// bring them together, and what stands between their persons.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when one was never registered, [`RegistryError::Store`] when reading
    /// fails, [`RegistryError::Poisoned`] after a failed write.
    pub fn explain_pair(
        &self,
        left: &RecordKey,
        right: &RecordKey,
    ) -> Result<PairView, RegistryError> {
        let (mut left, mut right) = (self.record_unmasked(left)?, self.record_unmasked(right)?);
        let [one, other] = [&left, &right].map(|view| normalize(&view.record.record));
        let mut explanation = self.core.explain(&one, &other);
        let (one, other) = (stored_keys(&left.record.record), stored_keys(&right.record.record));
        let mirror = self.core.mirror.read();
        let block_max = self.core.in_force().model.limits().block_records_max as usize;
        let mut rules: Vec<BlockingRule> = Vec::new();
        let mut capped_rules: Vec<BlockingRule> = Vec::new();
        for key in one.iter().filter(|key| other.contains(key)) {
            let Some(rule) = key.rule() else { continue };
            let found = if mirror.postings.count(*key) > block_max {
                &mut capped_rules
            } else {
                &mut rules
            };
            if !found.contains(&rule) {
                found.push(rule);
            }
        }
        let (one, other) = (left.enterprise_id, right.enterprise_id);
        let kept_apart = one != other && mirror.are_kept_apart(one, other);
        let tasks = if one == other {
            Vec::new()
        } else {
            mirror.questions_between(one, other).iter().map(|task| task.id).collect()
        };
        drop(mirror);
        for record in [&mut left, &mut right] {
            record.withheld = self.mask(&mut record.record.record);
        }
        self.mask_explanation(&mut explanation);
        Ok(PairView { left, right, explanation, rules, capped_rules, kept_apart, tasks })
    }
}
