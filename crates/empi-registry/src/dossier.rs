//! Everything that is held about one person as one answer: for the person who asks for it, and to be looked at before an
//! erasure.

use empi_model::{
    AuditEntry, EnterpriseId, EventSequence, RecordIndex, RecordKey, SourceRecord, TaskId,
};

use crate::RegistryError;
use crate::audit::{AuditQuery, names_of};
use crate::events::EventView;
use crate::queue::TaskLine;
use crate::registry::Registry;
use crate::words::PersonView;

/// Most events, and most entries of the audit trail, of one person that are told.
pub const DOSSIER_ENTRIES_MAX: usize = 10_000;

/// What is held about a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Dossier {
    /// The person with its records as they are, and its golden record.
    pub view: PersonView,
    /// Every enterprise ID that leads to it.
    pub enterprise_ids: Vec<EnterpriseId>,
    /// What its records said before, in the order of the events that changed them.
    pub earlier: Vec<EarlierContent>,
    /// The events that changed it or its records, in order.
    pub events: Vec<EventView>,
    /// The review tasks that name one of its records, waiting or answered, in order.
    pub tasks: Vec<TaskLine>,
    /// Updates that wait, with the task that asks about each.
    pub held: Vec<(TaskId, SourceRecord)>,
    /// Who saw or changed it.
    pub audit: Vec<(u64, AuditEntry)>,
    /// Whether there are more events or entries than [`DOSSIER_ENTRIES_MAX`], of which the oldest events and the newest
    /// entries are left out.
    pub is_cut: bool,
}

/// What a record said until an event.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierContent {
    /// The record.
    pub key: RecordKey,
    /// The event that changed it.
    pub until: EventSequence,
    /// What it said.
    pub content: SourceRecord,
}

impl Registry {
    /// Everything that is held about a person, by any enterprise ID that leads to it. Reads all persons.
    ///
    /// # Errors
    /// As [`person`](Self::person).
    pub fn dossier(&self, asked: EnterpriseId) -> Result<Dossier, RegistryError> {
        let view = self.person(asked)?;
        let (mut events, has_more) =
            self.history(&view.person, &view.records, DOSSIER_ENTRIES_MAX)?;
        events.reverse();
        let records: Vec<RecordIndex> = view.records.iter().map(|stored| stored.index).collect();
        let earlier = events.iter().flat_map(|event| earlier_of(event, &records)).collect();
        let core = &*self.core;
        let ids = {
            let mirror = core.mirror.read();
            let waiting = records.iter().flat_map(|record| {
                let held = mirror.tasks.held(*record).map(|held| held.task);
                let tasks = mirror.tasks.of_record(*record).map(|task| task.id);
                tasks.chain(held).collect::<Vec<_>>()
            });
            let mut ids: Vec<TaskId> = waiting.chain(mirror.closed.naming(&records)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let snapshot = core.store.snapshot();
        let (mut tasks, mut held) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(task) = snapshot.task(id)? else { continue };
            held.extend(snapshot.held_update(id)?.map(|record| (id, record)));
            tasks.push(self.line_of(task)?);
        }
        let query = AuditQuery {
            person: Some(view.person.enterprise_id),
            limit: DOSSIER_ENTRIES_MAX,
            ..AuditQuery::default()
        };
        let audit = self.audit(&query)?;
        let is_cut = has_more || audit.len() >= DOSSIER_ENTRIES_MAX;
        let enterprise_ids = names_of(&snapshot, view.person.enterprise_id)?;
        Ok(Dossier { view, enterprise_ids, earlier, events, tasks, held, audit, is_cut })
    }
}

/// What some records said before an event.
fn earlier_of(view: &EventView, records: &[RecordIndex]) -> Vec<EarlierContent> {
    let changes = view.event.change.iter().flat_map(|change| &change.records);
    let own = changes.filter(|change| records.contains(&change.record));
    let until = view.event.sequence;
    own.filter_map(|change| {
        let content = change.old_content.as_ref()?.record.clone();
        Some(EarlierContent { key: content.key.clone(), until, content })
    })
    .collect()
}
