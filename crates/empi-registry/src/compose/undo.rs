//! Undoing an event: every part of every document that it changed goes back to what stood before.
//!
//! Nothing here knows kinds of events. Each part carries the event that made its value, its stamp; a part
//! whose stamp is not the one that the event left behind was changed by a later event, and undoing is
//! refused with that event's number. So a chain is undone from its end, and changes that do not touch
//! one another in any order. Three things need a rule of their own:
//!
//! * A record that the event brought into the index cannot vanish (identity rule 1): it is retired, and
//!   keeps its key and its person.
//! * Records that came to a person after the event stay with it: undoing moves only what the event moved.
//!   A person to which a record should return, and which went into another since, is followed there.
//! * Questions that the event answered wait again, unless they are settled otherwise by now.

use empi_linkage::{BlockingKeys, Intern, LexiconOverlay, blocking_keys, normalize};
use empi_model::{
    Chosen, ChosenChange, ConsentChange, EnterpriseId, EventKind, EventSequence, KeptApartChange,
    Link, PersonMark, PersonState, RecordChange, RecordContent, RecordIndex, RecordState,
    RegistryEvent, ReviewKind, ReviewState, ReviewTask, TaskChange, Waiting,
};
use empi_store::{KeptApart, StoredRecord};

use super::{Draft, EventWords};
use crate::RegistryError;

impl Draft<'_> {
    /// Puts back what an event changed.
    pub(super) fn undo(&mut self, sequence: EventSequence) -> Result<EventWords, RegistryError> {
        let event = self.context.pending.event(sequence)?.ok_or_else(|| {
            RegistryError::not_found(format!("there is no event {sequence}: look at the events"))
        })?;
        if event.kind == EventKind::Erased {
            return Err(RegistryError::conflict(format!(
                "event {sequence} erased a person: what is erased cannot be brought back"
            )));
        }
        let Some(change) = &event.change else {
            return Err(RegistryError::conflict(format!(
                "event {sequence} was made by an earlier version of the program, which did not keep \
                 what is needed to undo it: unlink, move or merge by hand"
            )));
        };
        for person in &change.persons {
            if let Some(mark @ PersonMark::Redirect { .. }) = person.before {
                self.redirects.insert(person.enterprise_id, mark);
            }
            self.touched.insert(person.enterprise_id);
        }
        self.touched.retain(|id| self.context.mirror.person(*id).is_some());
        for record in &change.records {
            self.put_back_record(&event, record)?;
        }
        for pair in &change.kept_apart {
            self.put_back_pair(sequence, pair)?;
        }
        for task in &change.tasks {
            self.put_back_task(task)?;
        }
        let commit = &self.change.commit;
        let is_empty = commit.records.is_empty()
            && commit.kept_apart.is_empty()
            && commit.tasks.is_empty()
            && self.reopened.is_empty();
        if is_empty {
            return Err(RegistryError::conflict(format!(
                "nothing that event {sequence} changed stands any more: there is nothing to undo"
            )));
        }
        Ok(self.words_of_undo(&event))
    }

    fn words_of_undo(&self, event: &RegistryEvent) -> EventWords {
        let moved = |record: &&RecordChange| self.moved.contains_key(&record.record);
        let changes = event.change.iter().flat_map(|change| &change.records);
        let records: Vec<_> = changes.clone().filter(moved).map(|change| change.record).collect();
        let records = if records.is_empty() { event.records.clone() } else { records };
        let back = records.first().and_then(|record| self.person_after(*record));
        let (sequence, kind) = (event.sequence, event.kind.as_str());
        let reason = format!("a steward undid event {sequence} ({kind})");
        EventWords {
            records,
            old: Some(event.new_enterprise_id),
            task: event.task,
            undoes: Some(sequence),
            ..EventWords::new(EventKind::Undone, back.unwrap_or(event.new_enterprise_id), reason)
        }
    }

    fn put_back_record(
        &mut self,
        event: &RegistryEvent,
        change: &RecordChange,
    ) -> Result<(), RegistryError> {
        let undone = event.sequence;
        let stored = self.stored(change.record)?;
        if change.is_new() {
            check_stamp(undone, stored.link.event, change.link_event)?;
            check_stamp(undone, stored.content_event, change.content_event)?;
            return self.retire(stored, RecordState::Retired);
        }
        let mut stored = stored;
        if change.relinks()
            && let Some(link) = &change.old_link
        {
            check_stamp(undone, stored.link.event, change.link_event)?;
            stored.link = self.link_back(event, change.record, link)?;
            self.put_record(stored.clone());
        }
        if let Some(chosen) = &change.chosen {
            check_chosen(undone, &stored.chosen, chosen)?;
            stored.chosen.clone_from(&chosen.before);
            self.put_record(stored.clone());
        }
        if let Some(ConsentChange { before, after }) = change.consent {
            check_stamp(undone, stored.consent.event, after.event)?;
            stored.consent = before;
            self.put_record(stored.clone());
        }
        if let Some(content) = &change.old_content {
            check_stamp(undone, stored.content_event, change.content_event)?;
            self.put_back_content(stored, content.clone())?;
        }
        Ok(())
    }

    /// A link as it was. Where its person went into another, and not because the record left it, the record
    /// follows it there.
    fn link_back(
        &self,
        undone: &RegistryEvent,
        record: RecordIndex,
        old: &Link,
    ) -> Result<Link, RegistryError> {
        let sent_by_event = |id: EnterpriseId, state: &PersonState| {
            let mut persons = undone.change.iter().flat_map(|change| &change.persons);
            persons.any(|it| it.enterprise_id == id && it.after == PersonMark::of(state))
        };
        let mut id = old.enterprise_id;
        loop {
            if self.context.mirror.person(id).is_some() {
                break;
            }
            let person = self.context.pending.person(id)?;
            match person.map(|person| person.state) {
                Some(state) if sent_by_event(id, &state) => break,
                Some(PersonState::Redirect { event, .. }) if self.left_by(event, record, id)? => {
                    break;
                }
                Some(PersonState::Redirect { survivor, .. }) => id = survivor,
                Some(PersonState::Erased { event, .. }) => return Err(crate::erase::gone(event)),
                _ => return Err(RegistryError::damaged("a person that an event names is missing")),
            }
        }
        if id == old.enterprise_id {
            return Ok(old.clone());
        }
        Ok(Link { enterprise_id: id, event: self.event, ..old.clone() })
    }

    /// Whether an event took a record away from a person, as undoing the same event twice does.
    fn left_by(
        &self,
        event: EventSequence,
        record: RecordIndex,
        person: EnterpriseId,
    ) -> Result<bool, RegistryError> {
        let event = self.context.pending.event(event)?;
        let mut changes = event.iter().flat_map(|it| &it.change).flat_map(|it| &it.records);
        Ok(changes.any(|change| {
            let old = change.old_link.as_ref().map(|link| link.enterprise_id);
            change.record == record && change.moves() && old == Some(person)
        }))
    }

    /// Takes a record's say: it keeps key, content and person, and is compared with nothing any more.
    pub(super) fn retire(
        &mut self,
        stored: StoredRecord,
        state: RecordState,
    ) -> Result<(), RegistryError> {
        let content = RecordContent { state, event: self.event, ..stored.content() };
        self.put_back_content(stored, content)
    }

    /// Gives a record the content of earlier. If it has no say with that, what was asked about it is
    /// settled.
    fn put_back_content(
        &mut self,
        stored: StoredRecord,
        content: RecordContent,
    ) -> Result<(), RegistryError> {
        let (record, is_active) = (stored.index, content.state.is_active());
        let normalized = normalize(&content.record);
        let keys = if is_active {
            let mut values = LexiconOverlay::new(&self.context.mirror.lexicon);
            let row = values.row(&normalized);
            blocking_keys(&values, &row)
        } else {
            BlockingKeys::new()
        };
        self.put_keys(stored.index, &self.keys_now(stored.index), &keys);
        self.change.contents.push((stored.index, normalized));
        self.put_record(StoredRecord {
            record: content.record,
            content_hash: content.hash,
            state: content.state,
            content_event: content.event,
            version: stored.version.saturating_add(1),
            updated: self.context.time,
            ..stored
        });
        if is_active {
            return Ok(());
        }
        let note = "the record was retired";
        self.close_questions_of(record, note)?;
        if let Some(held) = self.context.mirror.tasks.held(record)
            && !self.writes_task(held.task)
        {
            self.close(held.task, note)?;
        }
        Ok(())
    }

    fn put_back_pair(
        &mut self,
        undone: EventSequence,
        change: &KeptApartChange,
    ) -> Result<(), RegistryError> {
        let KeptApartChange { one, other, old_event, event } = *change;
        let stands = self.context.pending.keeps_apart(one, other)?;
        if stands != event {
            return Err(RegistryError::conflict(match stands.filter(|later| *later > undone) {
                Some(later) => on_top(undone, later),
                None => format!("event {undone} is undone already: there is nothing to undo"),
            }));
        }
        self.change.commit.kept_apart.push(KeptApart { one, other, event: old_event });
        for record in [one, other] {
            let person = self.person_of(record)?;
            self.touched.insert(person);
        }
        Ok(())
    }

    /// A task goes back only if nothing happened to it since: what people said later about it stands.
    fn put_back_task(&mut self, change: &TaskChange) -> Result<(), RegistryError> {
        let task = self.context.pending.task(change.task)?;
        let task = task.ok_or_else(|| RegistryError::damaged("a review task is missing"))?;
        if task.event != change.event || self.writes_task(task.id) {
            return Ok(());
        }
        let is_open = task.state.is_open();
        match &change.old_state {
            None if is_open => {
                self.close(task.id, "the event that asked was undone")?;
            }
            None => {}
            Some(ReviewState::Open(waiting)) => self.open_again(task, change, waiting),
            Some(state @ ReviewState::Resolved(_)) => {
                let held = task.kind == ReviewKind::HeldUpdate && is_open;
                if held {
                    self.change.commit.held_updates.push((task.id, None));
                }
                let (state, event) = (state.clone(), change.old_event);
                self.change.commit.tasks.push(ReviewTask { state, event, ..task });
            }
        }
        Ok(())
    }

    fn open_again(&mut self, task: ReviewTask, change: &TaskChange, waiting: &Waiting) {
        let state = ReviewState::Open(waiting.clone());
        let task = ReviewTask { state, event: change.old_event, ..task };
        if task.kind == ReviewKind::HeldUpdate {
            let waits = self.context.mirror.tasks.held(task.incoming);
            // Another update of the record waits by now: that is the question of today.
            if waits.is_some_and(|held| held.task != task.id) {
                return;
            }
            self.change.commit.held_updates.push((task.id, change.old_held.clone()));
        }
        self.reopened.push(task);
    }
}

/// Refuses to put back a part that another event has changed since.
fn check_stamp(
    undone: EventSequence,
    stands: EventSequence,
    left: EventSequence,
) -> Result<(), RegistryError> {
    if stands == left {
        return Ok(());
    }
    Err(RegistryError::conflict(if stands > undone {
        on_top(undone, stands)
    } else {
        format!("event {undone} is undone already: there is nothing to undo")
    }))
}

/// Refuses to put back values chosen where others have been chosen since.
fn check_chosen(
    undone: EventSequence,
    stands: &[Chosen],
    change: &ChosenChange,
) -> Result<(), RegistryError> {
    if stands == change.after {
        return Ok(());
    }
    let last = stands.iter().map(|chosen| chosen.event).max().unwrap_or_default();
    let left = change.after.iter().map(|chosen| chosen.event).max().unwrap_or_default();
    check_stamp(undone, last, left).and_then(|()| {
        Err(RegistryError::conflict(format!(
            "what event {undone} chose has been taken back since: undo the later event first"
        )))
    })
}

fn on_top(undone: EventSequence, later: EventSequence) -> String {
    format!("event {later} came on top of event {undone}: undo event {later} first")
}
