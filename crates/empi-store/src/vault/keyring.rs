//! The data keys of the records that a change touches: those on disk, and those that begin with it.

use std::collections::{HashMap, HashSet};

use empi_model::RecordIndex;

use super::aead::{self, Key};
use super::{
    BY_OWN, BY_RECORD, WRAPPED_BYTES, chance, is_destroyed, place, wrap_place, wrapped_key,
};
use crate::layout::{self, Family};
use crate::{Store, StoreError};

/// A data key, also as it stands on disk.
struct Known {
    key: Key,
    wrapped: [u8; WRAPPED_BYTES],
}

/// What is on disk of a record.
enum Found {
    Nothing,
    Key,
    Destroyed,
}

/// Data keys of one batch.
pub(crate) struct Keyring<'a> {
    store: &'a Store,
    /// Whether every record is new: nothing is looked for on disk.
    is_load: bool,
    known: HashMap<RecordIndex, Known>,
    /// Records that this batch erases.
    destroyed: HashSet<RecordIndex>,
}

impl<'a> Keyring<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store, is_load: false, known: HashMap::new(), destroyed: HashSet::new() }
    }

    /// For a bulk load, where every record comes once.
    pub(crate) fn of_load(store: &'a Store) -> Self {
        Self { is_load: true, ..Self::of(store) }
    }

    /// The row of a record as it goes to disk.
    pub(crate) fn seal_record(
        &mut self,
        index: RecordIndex,
        row: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        if !self.store.vault.is_sealed() {
            return Ok(row);
        }
        let is_new = !self.known.contains_key(&index)
            && (self.is_load || matches!(self.find(index)?, Found::Nothing));
        if is_new {
            self.make(index)?;
        }
        let known = self.known.get(&index).ok_or_else(no_key)?;
        let mut sealed = Vec::with_capacity(1 + WRAPPED_BYTES + row.len() + aead::SEAL_BYTES);
        sealed.push(BY_OWN);
        sealed.extend_from_slice(&known.wrapped);
        let place = place(Family::Records, &layout::index_key(index));
        aead::seal(&aead::cipher(&known.key), &place, &row, &mut sealed)?;
        Ok(sealed)
    }

    /// The row of a record that is erased, as it goes to disk: its data key stands before it no longer.
    pub(crate) fn seal_erased(
        &mut self,
        index: RecordIndex,
        row: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        self.known.remove(&index);
        self.destroyed.insert(index);
        self.store.vault.seal(Family::Records, &layout::index_key(index), row)
    }

    /// The row of an update that waits, as it goes to disk.
    pub(crate) fn seal_held(
        &mut self,
        key: &[u8],
        record: RecordIndex,
        row: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        if !self.store.vault.is_sealed() {
            return Ok(row);
        }
        let mut sealed = vec![BY_RECORD];
        sealed.extend_from_slice(&layout::index_key(record));
        let cipher = aead::cipher(self.key(record)?.ok_or_else(no_key)?);
        aead::seal(&cipher, &place(Family::HeldUpdates, key), &row, &mut sealed)?;
        Ok(sealed)
    }

    /// The data key of a record that is there; `None` when it was destroyed.
    pub(super) fn key(&mut self, index: RecordIndex) -> Result<Option<&Key>, StoreError> {
        if self.destroyed.contains(&index) {
            return Ok(None);
        }
        if !self.known.contains_key(&index) {
            match self.find(index)? {
                Found::Nothing => return Err(no_key()),
                Found::Destroyed => return Ok(None),
                Found::Key => {}
            }
        }
        Ok(self.known.get(&index).map(|known| &known.key))
    }

    pub(super) const fn is_sealed(&self) -> bool {
        self.store.vault.is_sealed()
    }

    /// Looks for a record's key on disk.
    fn find(&mut self, index: RecordIndex) -> Result<Found, StoreError> {
        let records = self.store.family(Family::Records)?;
        let row = self.store.db.get_pinned_cf(&records, layout::index_key(index))?;
        let Some(row) = row else { return Ok(Found::Nothing) };
        if is_destroyed(&row) {
            return Ok(Found::Destroyed);
        }
        let key = self.store.vault.data_key(index, &row).ok_or_else(no_key)?;
        let wrapped = *wrapped_key(&row).ok_or_else(no_key)?;
        self.known.insert(index, Known { key, wrapped });
        Ok(Found::Key)
    }

    fn make(&mut self, index: RecordIndex) -> Result<(), StoreError> {
        let secrets = self.store.vault.0.as_ref().ok_or_else(no_key)?;
        let key = chance::key()?;
        let mut wrapped = Vec::with_capacity(WRAPPED_BYTES);
        aead::seal(&secrets.wrap, &wrap_place(index), key.as_slice(), &mut wrapped)?;
        let wrapped = wrapped.try_into().map_err(|_| no_key())?;
        self.known.insert(index, Known { key, wrapped });
        Ok(())
    }
}

fn no_key() -> StoreError {
    StoreError::Damaged("a record has no key that opens it".to_owned())
}
