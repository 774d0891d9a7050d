//! Persons who were erased: nobody answers for them any more, whoever asks is told so, and nothing that is left in files
//! can be read.

use empi_model::{EnterpriseId, EventKind, EventSequence, PersonState, RecordKey, RegistryEvent};
use empi_store::{Snapshot, Store};

use crate::RegistryError;
use crate::compose::forget_words_of;
use crate::mirror::Mirror;
use crate::registry::Registry;
use crate::steward::records_of;

/// Redirects that are followed to somebody who was erased.
const REDIRECTS_MAX: usize = 10_000;

/// The answer to whoever asks for somebody who was erased.
pub(crate) fn gone(event: EventSequence) -> RegistryError {
    RegistryError::not_found(format!(
        "this person was erased with event {event}: nothing is held about them any more"
    ))
}

/// Refuses to register a record of somebody who was erased, which its key tells by a keyed hash.
pub(crate) fn refuse_erased(
    store: &Store,
    mirror: &Mirror,
    key: &RecordKey,
) -> Result<(), RegistryError> {
    if !mirror.has_erased() {
        return Ok(());
    }
    let was_erased = store.tombstone(key).is_some_and(|key| mirror.record_index(&key).is_some());
    if !was_erased {
        return Ok(());
    }
    Err(RegistryError::conflict(
        "this record was erased with its person, and is not registered again: if the person wants to be known \
         again, register them under another record ID",
    ))
}

/// Whether an enterprise ID leads to somebody who was erased.
pub(crate) fn is_erased(
    snapshot: &Snapshot<'_>,
    asked: EnterpriseId,
) -> Result<bool, RegistryError> {
    let mut id = asked;
    for _ in 0..REDIRECTS_MAX {
        match snapshot.person(id)?.map(|person| person.state) {
            Some(PersonState::Redirect { survivor, .. }) => id = survivor,
            Some(PersonState::Erased { .. }) => return Ok(true),
            Some(PersonState::Live(_)) | None => return Ok(false),
        }
    }
    Ok(false)
}

/// Takes what people wrote, and how things were, out of an event that names somebody who was erased.
pub(crate) fn forget_words(event: &mut RegistryEvent, mirror: &Mirror) {
    let is_about_erased = event.kind != EventKind::Erased
        && mirror.has_erased()
        && records_of(event).into_iter().any(|record| mirror.is_erased(record));
    if !is_about_erased {
        return;
    }
    event.note.clear();
    (event.request_id, event.basis) = (None, None);
    if let Some(change) = &mut event.change {
        forget_words_of(change, |record| mirror.is_erased(record));
    }
}

impl Registry {
    /// After an erasure: lets nothing of it stay in the files.
    pub(crate) fn purge(&self, event: &RegistryEvent) -> Result<(), RegistryError> {
        if event.kind != EventKind::Erased {
            return Ok(());
        }
        let tasks = event.change.iter().flat_map(|change| &change.tasks);
        let tasks: Vec<_> = tasks.map(|task| task.task).collect();
        Ok(self.core.store.purge(&event.records, &tasks)?)
    }
}
