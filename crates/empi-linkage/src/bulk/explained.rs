//! Asking about two records of files, between blocking and scoring: why they weigh what they weigh.

use empi_model::{BlockingRule, NormalizedRecord, RecordKey, ScoreExplanation};

use super::Blocked;
use crate::block::blocking_keys;
use crate::explain::explain;

impl Blocked {
    /// The place of a record by its key.
    #[must_use]
    pub fn place(&self, key: &RecordKey) -> Option<u32> {
        self.keys.place(key).and_then(|place| u32::try_from(place).ok())
    }

    /// Explains a pair as [`score`](Self::score) will judge it, with the counts of all records for the
    /// term frequencies. Each side is the record's place and the record itself, whose values are shown;
    /// `None` if a place is not of these records.
    #[must_use]
    pub fn explain(
        &self,
        (left, left_record): (u32, &NormalizedRecord),
        (right, right_record): (u32, &NormalizedRecord),
    ) -> Option<ScoreExplanation> {
        let (left, right) = (self.row(left)?, self.row(right)?);
        let sides = ((left, left_record), (right, right_record));
        Some(explain(&self.model, &self.lexicon, sides.0, sides.1))
    }

    /// Every rule that gives both records the same key, also where the block of that key is too large to
    /// be compared; in the order of the rules.
    #[must_use]
    pub fn rules_with_one_key(&self, left: u32, right: u32) -> Vec<BlockingRule> {
        let keys = |place: u32| self.row(place).map(|row| blocking_keys(&self.lexicon, row));
        let (Some(left), Some(right)) = (keys(left), keys(right)) else { return Vec::new() };
        let common = left.iter().filter(|key| right.contains(key));
        let mut rules: Vec<_> = common.filter_map(|key| key.rule()).collect();
        rules.dedup();
        rules
    }
}
