//! What stewards decided about who is who, read from the events in their order.

use empi_model::{EnterpriseId, EventKind, LinkSource, RecordChange, RecordIndex, RegistryEvent};
use empi_store::{KeptApart, Snapshot};
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::StoreError;

/// Decisions that linking anew may not undo.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    /// Records that a steward put where they are: nobody leaves their persons.
    pub(super) settled: HashSet<RecordIndex>,
    /// Pairs of records that a steward keeps apart, or of which a steward took one away from the other.
    /// Where the two are one person again, a later decision made them so.
    pub(super) apart: Vec<(RecordIndex, RecordIndex)>,
}

impl Decisions {
    pub(super) fn read(snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let mut history = History::default();
        for event in snapshot.events_from(empi_model::EventSequence(0)) {
            history.take(&event?);
        }
        let mut decisions = history.decisions;
        for pair in snapshot.kept_apart() {
            let KeptApart { one, other, .. } = pair?;
            decisions.apart.push((one, other));
        }
        // Events of a store's first format tell less than the links themselves.
        for record in snapshot.records() {
            let record = record?;
            if record.link.source == LinkSource::Manual {
                decisions.settled.insert(record.index);
            }
        }
        Ok(decisions)
    }
}

/// Who was with whom, as events go by.
#[derive(Debug, Default)]
struct History {
    person_of: HashMap<RecordIndex, EnterpriseId>,
    members: HashMap<EnterpriseId, SmallVec<[RecordIndex; 4]>>,
    decisions: Decisions,
}

impl History {
    fn take(&mut self, event: &RegistryEvent) {
        let is_decided = is_decided_by_steward(event);
        let Some(change) = &event.change else {
            for record in &event.records {
                self.put(*record, event.new_enterprise_id);
                if is_decided {
                    self.decisions.settled.insert(*record);
                }
            }
            return;
        };
        let moved: Vec<&RecordChange> = change.records.iter().filter(|it| it.moves()).collect();
        for record in &moved {
            self.put(record.record, record.enterprise_id);
        }
        if !is_decided {
            for record in moved {
                self.decisions.settled.remove(&record.record);
            }
            return;
        }
        for record in moved {
            let Some(old) = &record.old_link else { continue };
            let stayed = self.members.get(&old.enterprise_id).into_iter().flatten();
            self.decisions.apart.extend(stayed.map(|other| (record.record, *other)));
        }
        let relinked = change.records.iter().filter(|it| it.relinks());
        self.decisions.settled.extend(relinked.map(|it| it.record));
    }

    fn put(&mut self, record: RecordIndex, person: EnterpriseId) {
        let old = self.person_of.insert(record, person);
        if old == Some(person) {
            return;
        }
        if let Some(members) = old.and_then(|old| self.members.get_mut(&old)) {
            members.retain(|member| *member != record);
        }
        self.members.entry(person).or_default().push(record);
    }
}

/// Whether a person, not scoring, decided where the records of an event belong.
fn is_decided_by_steward(event: &RegistryEvent) -> bool {
    match event.kind {
        EventKind::MergedByReview
        | EventKind::KeptApart
        | EventKind::TaskAnswered
        | EventKind::Linked
        | EventKind::Unlinked
        | EventKind::Merged
        | EventKind::Split
        | EventKind::Moved
        | EventKind::Undone => true,
        // An update that waited, and that a steward accepted.
        EventKind::UpdatedKept | EventKind::UpdatedMoved => event.task.is_some(),
        EventKind::RegisteredLinked
        | EventKind::RegisteredNew
        | EventKind::UpdateHeld
        | EventKind::UpdateWithdrawn
        | EventKind::RecordRetired
        | EventKind::RecordReplaced
        | EventKind::Relinked
        | EventKind::TaskSnoozed
        | EventKind::SourceAsked
        | EventKind::TaskEscalated
        | EventKind::OpinionGiven
        | EventKind::TaskAssigned
        | EventKind::ValueChosen
        | EventKind::ConsentChanged
        | EventKind::Erased => false,
    }
}
