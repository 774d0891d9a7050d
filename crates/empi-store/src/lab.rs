//! Samples of pairs with what stewards say of them, and which model decides: few rows, in the family of what the store
//! says of itself.

use empi_model::{LabelSample, Promotion, SampledPair};
use rocksdb::WriteBatch;

use crate::codec::{PromotionRow, Row as _, SampleRow, SampledRow};
use crate::layout::{self, Family};
use crate::snapshot::Snapshot;
use crate::store::synced;
use crate::{Store, StoreError};

impl Store {
    /// Writes a sample with all its pairs; on disk after `Ok`.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_sample(
        &self,
        sample: &LabelSample,
        pairs: &[SampledPair],
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let key = layout::sample_key(sample.number);
        self.put(&mut batch, Family::Meta, &key, SampleRow::encoded(sample))?;
        for pair in pairs {
            let key = layout::sampled_key(pair.sample, pair.place);
            self.put(&mut batch, Family::Meta, &key, SampledRow::encoded(pair))?;
        }
        self.write(batch, &synced())
    }

    /// Writes what was said of a pair; on disk after `Ok`.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_sampled_pair(&self, pair: &SampledPair) -> Result<(), StoreError> {
        let key = layout::sampled_key(pair.sample, pair.place);
        self.put_meta(&key, SampledRow::encoded(pair))
    }

    /// Writes that another model decides; on disk after `Ok`.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn put_promotion(&self, promotion: &Promotion) -> Result<(), StoreError> {
        let key = layout::promotion_key(promotion.number);
        self.put_meta(&key, PromotionRow::encoded(promotion))
    }

    fn put_meta(&self, key: &[u8], row: Vec<u8>) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        self.put(&mut batch, Family::Meta, key, row)?;
        self.write(batch, &synced())
    }
}

impl Snapshot<'_> {
    /// Every sample, by number.
    pub fn samples(&self) -> impl Iterator<Item = Result<LabelSample, StoreError>> {
        self.rows_below::<SampleRow>(layout::SAMPLES, layout::SAMPLES, "a sample of pairs")
    }

    /// The pairs of a sample, in their order.
    pub fn sampled_pairs(&self, sample: u32) -> Result<Vec<SampledPair>, StoreError> {
        let first = layout::sampled_key(sample, 0);
        let rows = self.rows_below::<SampledRow>(layout::SAMPLED, &first, "a pair of a sample");
        let is_of_it = |pair: &Result<SampledPair, StoreError>| {
            pair.as_ref().map_or(true, |pair| pair.sample == sample)
        };
        rows.take_while(is_of_it).collect()
    }

    /// Which model decided since when, in order.
    pub fn promotions(&self) -> impl Iterator<Item = Result<Promotion, StoreError>> {
        self.rows_below::<PromotionRow>(layout::PROMOTIONS, layout::PROMOTIONS, "a promotion")
    }
}
