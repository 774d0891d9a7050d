//! For tests: every row out of a store, and back in. Opening a store takes longer than most of what a test of the
//! registry does with one, so that tests that need thousands of stores use one again. A program that is built for use has none of it.

use empi_model::AuditHead;
use rocksdb::{IteratorMode, WriteBatch, WriteOptions};

use crate::layout::Family;
use crate::seal::Seal;
use crate::{Store, StoreError};

/// A row and where it lies.
type Row = (Family, Box<[u8]>, Box<[u8]>);

/// All that a store held at a moment.
pub struct Rows {
    rows: Vec<Row>,
    seal: Seal,
    audit: AuditHead,
}

impl Store {
    /// All that it holds now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn rows(&self) -> Result<Rows, StoreError> {
        let mut rows = Vec::new();
        for family in Family::ALL {
            for row in self.db.iterator_cf(&self.family(family)?, IteratorMode::Start) {
                let (key, value) = row?;
                rows.push((family, key, value));
            }
        }
        Ok(Rows { rows, seal: self.sealed(), audit: self.audit_head() })
    }

    /// Holds these rows from now on, and no others.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn replace_rows(&self, by: &Rows) -> Result<(), StoreError> {
        self.forget_derived()?;
        let mut batch = WriteBatch::default();
        for (family, key, _) in self.rows()?.rows {
            batch.delete_cf(&self.family(family)?, key);
        }
        for (family, key, value) in &by.rows {
            batch.put_cf(&self.family(*family)?, key, value);
        }
        self.write(batch, &WriteOptions::default())?;
        self.seal_with(by.seal);
        *self.audit_end() = by.audit;
        Ok(())
    }
}
