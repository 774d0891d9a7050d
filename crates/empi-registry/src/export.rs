//! Every person of a store that no server has open, one after the other: what bulk exports are made of.

use empi_model::{Asked, Asker, AuditEntry, AuditOutcome, Operation, Timestamp};
use empi_store::DataDir;

use crate::RegistryError;
use crate::erase::is_erased;
use crate::golden::Survivorship;
use crate::offline::open;
use crate::query::person_view;
use crate::words::PersonView;

/// Tells every person that a store has, in the order of their enterprise IDs as they lie on disk: the living with their
/// records and golden record, and those that were merged away with the person that answers in their place, whose ID is
/// then another than `asked`. The audit trail tells of it first. Memory does not grow with the number of persons.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing, open elsewhere or damaged; whatever `take` refuses with.
pub fn each_person<E: From<RegistryError>>(
    dir: impl Into<DataDir>,
    survivorship: &Survivorship,
    now: Timestamp,
    mut take: impl FnMut(PersonView) -> Result<(), E>,
) -> Result<(), E> {
    let store = open(dir)?;
    let asker = Asker { reason: "every person was exported".to_owned(), ..Asker::command() };
    let asked = Asked { asker: asker.into(), operation: Operation::ExportPersons };
    let entry = AuditEntry::new(now, asked, AuditOutcome::Done, Vec::new());
    store.append_audit(&[entry], true).map_err(RegistryError::from)?;
    let snapshot = store.snapshot();
    for person in snapshot.persons() {
        let person = person.map_err(RegistryError::from)?;
        if is_erased(&snapshot, person.enterprise_id)? {
            continue;
        }
        take(person_view(&snapshot, survivorship, person.enterprise_id)?)?;
    }
    Ok(())
}
