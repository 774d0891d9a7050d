//! What an event keeps of how a record was, and what people wrote: sealed inside the event's row under the data keys of
//! the records, so that it goes with them while the row, which later events vouch for, stays as it is.

use empi_model::RecordIndex;
use prost::Message as _;

use super::aead::{self, Key};
use super::keyring::Keyring;
use crate::StoreError;
use crate::codec::{EventRow, PartRow, PersonalRow};
use crate::snapshot::Snapshot;

impl Keyring<'_> {
    /// Takes what is personal out of an event's row, and puts it back sealed. `incoming` tells which record a task asks about.
    pub(crate) fn seal_parts(
        &mut self,
        row: &mut EventRow,
        incoming: impl Fn(u64) -> Option<RecordIndex>,
    ) -> Result<(), StoreError> {
        if !self.is_sealed() {
            return Ok(());
        }
        for (record, personal) in row.take_personal(incoming) {
            let Some(key) = self.key(record)? else {
                // Of a record that is forgotten: what was said since stays with the event.
                row.put_personal(personal);
                continue;
            };
            let mut sealed = Vec::new();
            let place = place(row.sequence, record);
            aead::seal(&aead::cipher(key), &place, &personal.encode_to_vec(), &mut sealed)?;
            row.parts.push(PartRow { record: record.0, sealed });
        }
        Ok(())
    }
}

/// Puts what is personal back into an event's row, as far as the records still have their keys.
pub(crate) fn open_parts(row: &mut EventRow, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
    let altered = || StoreError::Damaged("a part of an event is not as it was sealed".to_owned());
    let mut is_forgotten = false;
    for part in std::mem::take(&mut row.parts) {
        let record = RecordIndex(part.record);
        let Some(key): Option<Key> = snapshot.data_key(record)? else {
            is_forgotten = true;
            continue;
        };
        let opened = aead::open(&aead::cipher(&key), &place(row.sequence, record), &part.sealed);
        let opened = opened.ok_or_else(altered)?;
        row.put_personal(PersonalRow::decode(opened.as_slice()).map_err(|_| altered())?);
    }
    if is_forgotten {
        row.fill_forgotten();
    }
    Ok(())
}

fn place(event: u64, record: RecordIndex) -> Vec<u8> {
    [&b"part of event"[..], &event.to_be_bytes(), &record.0.to_be_bytes()].concat()
}
