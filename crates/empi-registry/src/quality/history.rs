//! What events tell since the last survey: which records are new or changed, and what stewards took apart by hand.

use empi_linkage::Normalizer;
use empi_model::{EventKind, EventSequence, RecordContent, RecordIndex, RegistryEvent};
use empi_store::{Snapshot, StoreError};
use hashbrown::HashMap;

use super::fields::FieldLedger;

/// Changed records of which each one is read again. Of more all are counted anew, which is one long way along the disk.
const CHANGED_MAX: usize = 50_000;

/// Rows that are read between two looks at whether to go on.
const ROWS_PER_LOOK: usize = 1024;

/// What is kept between two surveys.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The last event that is in.
    upto: EventSequence,
    /// What sources say, once all records were counted.
    fields: Option<FieldLedger>,
    /// Records and persons that stewards took apart by hand, less what was undone.
    apart_by_hand: i64,
}

/// The records that changed, each with how it stood when it was counted last; `None` for a new one.
type Changed = HashMap<RecordIndex, Option<RecordContent>>;

impl Ledger {
    /// Takes in every event that the snapshot has. False when it was told to stop in between.
    pub(super) fn read_events(
        &mut self,
        snapshot: &Snapshot<'_>,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<bool, StoreError> {
        let mut changed = self.fields.is_some().then(Changed::new);
        let (mut upto, mut apart) = (self.upto, self.apart_by_hand);
        for (at, event) in snapshot.events_from(EventSequence(upto.0 + 1)).enumerate() {
            if at % ROWS_PER_LOOK == 0 && !goes_on() {
                return Ok(false);
            }
            let event = event?;
            upto = event.sequence;
            apart += taken_apart(snapshot, &event)?;
            changed = changed.and_then(|changed| with_changes(changed, event));
        }
        self.fields = match (changed, self.fields.take()) {
            (Some(changed), Some(fields)) => Some(count_changed(fields, snapshot, changed)?),
            // Too many, or nobody can tell which.
            _ => None,
        };
        (self.upto, self.apart_by_hand) = (upto, apart);
        Ok(true)
    }

    /// Counts every record, unless that was done before. False when it was told to stop in between.
    pub(super) fn read_records(
        &mut self,
        snapshot: &Snapshot<'_>,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<bool, StoreError> {
        if self.fields.is_some() {
            return Ok(true);
        }
        let mut fields = FieldLedger::default();
        let mut normalizer = Normalizer::default();
        for (at, stored) in snapshot.records().enumerate() {
            if at % ROWS_PER_LOOK == 0 && !goes_on() {
                return Ok(false);
            }
            let stored = stored?;
            if stored.state.is_active() {
                fields.add(&normalizer.normalize_owned(stored.record));
            }
        }
        self.fields = Some(fields);
        Ok(true)
    }

    pub(super) fn fields(&self) -> Option<&FieldLedger> {
        self.fields.as_ref()
    }

    /// Records and persons that stewards took apart without a question.
    pub(super) fn apart_by_hand(&self) -> u64 {
        u64::try_from(self.apart_by_hand).unwrap_or(0)
    }
}

/// The changed records with those of one more event; `None` when there are too many, or when the event does not
/// tell.
fn with_changes(mut changed: Changed, event: RegistryEvent) -> Option<Changed> {
    for change in event.change?.records {
        if change.is_new() {
            changed.entry(change.record).or_insert(None);
        } else if let Some(before) = change.old_content {
            changed.entry(change.record).or_insert(Some(before));
        }
    }
    (changed.len() <= CHANGED_MAX).then_some(changed)
}

fn count_changed(
    mut fields: FieldLedger,
    snapshot: &Snapshot<'_>,
    changed: Changed,
) -> Result<FieldLedger, StoreError> {
    let mut normalizer = Normalizer::default();
    for (index, before) in changed {
        if let Some(before) = before.filter(|before| before.state.is_active()) {
            fields.subtract(&normalizer.normalize_owned(before.record));
        }
        if let Some(now) = snapshot.record(index)?.filter(|now| now.state.is_active()) {
            fields.add(&normalizer.normalize_owned(now.record));
        }
    }
    Ok(fields)
}

/// 1 for an event by which a steward took records out of a person without a question, -1 for undoing one.
fn taken_apart(snapshot: &Snapshot<'_>, event: &RegistryEvent) -> Result<i64, StoreError> {
    let counts = |event: &RegistryEvent| {
        let kinds = [EventKind::Unlinked, EventKind::Split, EventKind::Moved];
        i64::from(event.task.is_none() && kinds.contains(&event.kind))
    };
    let (mut sign, mut undone) = (1, event.undoes);
    let mut last = None;
    while let Some(sequence) = undone {
        sign = -sign;
        last = snapshot.event(sequence)?;
        undone = last.as_ref().and_then(|event| event.undoes);
    }
    Ok(sign * last.as_ref().map_or_else(|| counts(event), counts))
}
