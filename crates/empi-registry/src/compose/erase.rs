//! Composing that a person is forgotten for good.

use empi_linkage::{BlockingKeys, normalize};
use empi_model::{
    Consent, EnterpriseId, EventChange, EventKind, EventSequence, LinkSource, Opinion, RecordIndex,
    RecordState, ReviewState, ReviewTask, SourceRecord, Waiting,
};
use empi_store::StoredRecord;

use super::{Draft, EventWords};
use crate::RegistryError;

/// What is said of tasks that an erasure settles.
const SETTLED: &str = "the person was erased";

impl Draft<'_> {
    /// Lets nothing of a person's records stay but that they were: contents, keys, what people wrote about them, and what
    /// requests about them were answered.
    pub(super) fn erase(&mut self, person: EnterpriseId) -> Result<EventWords, RegistryError> {
        let records = self.context.mirror.members(person).to_vec();
        self.erased.insert(person);
        for record in &records {
            self.erase_record(*record, person)?;
        }
        self.settle_all(&records)?;
        self.forget_words_of_tasks(&records)?;
        let reason = format!("erased with {} records", records.len());
        Ok(EventWords {
            records,
            old: Some(person),
            ..EventWords::new(EventKind::Erased, person, reason)
        })
    }

    fn erase_record(
        &mut self,
        record: RecordIndex,
        person: EnterpriseId,
    ) -> Result<(), RegistryError> {
        let stored = self.stored(record)?;
        let key = self.context.pending.tombstone(&stored.record.key).ok_or_else(|| {
            RegistryError::conflict(
                "the index is not encrypted, so that what it wrote cannot be made unreadable: make an encrypted one \
                 of it with `empi key encrypt`, and erase there",
            )
        })?;
        self.forget_requests_of(&stored)?;
        self.put_keys(record, &self.keys_now(record), &BlockingKeys::new());
        let nothing = SourceRecord { key, ..SourceRecord::default() };
        self.change.contents.push((record, normalize(&nothing)));
        self.put_record(StoredRecord {
            record: nothing,
            content_hash: 0,
            link: self.link(person, LinkSource::Automatic, None),
            version: stored.version.saturating_add(1),
            updated: self.context.time,
            state: RecordState::Erased,
            content_event: self.event,
            chosen: Vec::new(),
            consent: Consent::default(),
            ..stored
        });
        Ok(())
    }

    /// The requests that the events of a record answered, as far as they were about this record first.
    fn forget_requests_of(&mut self, stored: &StoredRecord) -> Result<(), RegistryError> {
        let mut at = Some(stored.changed);
        while let Some(sequence) = at.filter(|it| *it > EventSequence(0)) {
            let Some(event) = self.context.pending.event(sequence)? else { break };
            if event.records.first() == Some(&stored.index) {
                self.change.commit.requests_forgotten.extend(event.request_id);
            }
            let mut changes = event.change.iter().flat_map(|change| &change.records);
            let before = changes.find(|change| change.record == stored.index);
            at = before.and_then(|change| change.previous).filter(|before| *before < sequence);
        }
        Ok(())
    }

    /// Closes every task that waits and names one of the records.
    fn settle_all(&mut self, records: &[RecordIndex]) -> Result<(), RegistryError> {
        for record in records {
            let waiting: Vec<_> =
                self.context.mirror.tasks.of_record(*record).map(|task| task.id).collect();
            let held = self.context.mirror.tasks.held(*record).map(|held| held.task);
            for id in waiting.into_iter().chain(held) {
                if !self.writes_task(id) {
                    self.close(id, SETTLED)?;
                }
            }
        }
        Ok(())
    }

    /// Takes what people wrote out of every task that names one of the records.
    fn forget_words_of_tasks(&mut self, records: &[RecordIndex]) -> Result<(), RegistryError> {
        for id in self.context.mirror.closed.naming(records) {
            let task = self.context.pending.task(id)?;
            let task = task.ok_or_else(|| RegistryError::damaged("a review task is missing"))?;
            self.change.commit.tasks.push(ReviewTask { event: self.event, ..task });
        }
        for task in &mut self.change.commit.tasks {
            forget_words(&mut task.state);
            (task.basis, task.shared) = (None, None);
        }
        Ok(())
    }
}

/// Takes what people wrote, and how records were that are erased, out of what an event changed.
pub(crate) fn forget_words_of(change: &mut EventChange, is_erased: impl Fn(RecordIndex) -> bool) {
    for record in change.records.iter_mut().filter(|change| is_erased(change.record)) {
        record.old_content = None;
        record.chosen = None;
    }
    for task in &mut change.tasks {
        task.old_held = None;
        task.old_state.iter_mut().for_each(forget_words);
    }
}

/// Takes what people wrote out of how a task stands.
fn forget_words(state: &mut ReviewState) {
    let forget_all = |opinions: &mut [Opinion]| {
        opinions.iter_mut().for_each(|opinion| opinion.remark.note.clear());
    };
    match state {
        ReviewState::Resolved(decision) => {
            if decision.note != SETTLED {
                decision.note.clear();
            }
            forget_all(&mut decision.opinions);
            (decision.seen, decision.refused) = (None, None);
        }
        ReviewState::Open(Waiting { snooze, opinions, escalated, again, .. }) => {
            snooze.iter_mut().for_each(|snooze| snooze.remark.note.clear());
            forget_all(opinions);
            escalated.iter_mut().for_each(|remark| remark.note.clear());
            *again = None;
        }
    }
}
