//! Events: in order, and leading to the records as they are.

use empi_model::{EventChange, RecordChange, RegistryEvent};
use prost::Message as _;

use super::{Told, Walk};
use crate::codec::{ChangeDigests, EventRow, Row};
use crate::layout::{self, Family};
use crate::seal::event_digest;

/// The digests that an event keeps.
struct Kept {
    last_event: u64,
    answer: u32,
    change: ChangeDigests,
}

impl Kept {
    fn of(row: &EventRow) -> Self {
        Self { last_event: row.last_event, answer: row.answer_digest, change: row.digests() }
    }

    /// Whether it vouches for nothing: written before events did.
    fn is_silent(&self) -> bool {
        let ChangeDigests { records, tasks, held } = &self.change;
        let records = records.iter().map(|(_, digest)| *digest);
        let mut digests = records.chain(tasks.iter().chain(held).map(|(_, digest)| *digest));
        self.last_event == 0 && self.answer == 0 && digests.all(|digest| digest == 0)
    }
}

impl Walk<'_> {
    /// Reads all events in order and follows every row through the changes they tell. `last_digest` is what
    /// the counters say of the last event.
    pub(super) fn check_events(&mut self, last_digest: u64) {
        let snapshot = self.snapshot;
        let rows = snapshot.scan(Family::Events, &[], |key, value| {
            let row = EventRow::decode(value).unwrap_or_default();
            let kept = Kept::of(&row);
            let event = snapshot.whole_event(row).ok().and_then(Row::word);
            Ok((layout::read_u64(key), event, kept, event_digest(value)))
        });
        let mut due = 1;
        let mut digest = 0;
        for row in rows {
            let Some((key, event, kept, own_digest)) = self.report.take(row, "events") else {
                break;
            };
            self.report.events += 1;
            let sequence = key.unwrap_or_default();
            self.report
                .check(sequence == due, || format!("event {sequence} stands in place {due}"));
            due = sequence.saturating_add(1);
            self.report.check([0, digest].contains(&kept.last_event), || {
                format!("event {} is not as it was written", sequence.saturating_sub(1))
            });
            digest = own_digest;
            match event {
                None => self.report.add(|| format!("event {sequence} does not read")),
                Some(event) => {
                    self.check_event(sequence, &event);
                    self.take_vouched(&event, kept);
                }
            }
        }
        let is_last = last_digest == 0 || last_digest == digest;
        self.report.check(is_last, || format!("event {} is not as it was written", due - 1));
        for record in &self.records.0 {
            let is_as_left = record.digest_due == 0 || record.digest_due == record.digest;
            self.report.check(is_as_left, || {
                format!("record {} is not as the events have left it", record.index.0)
            });
            let leads = match record.told {
                Told::Nothing => false,
                Told::Something => true,
                Told::Change(event, person) => event == record.changed && person == record.person,
            };
            let index = record.index.0;
            self.report
                .check(leads, || format!("record {index} is not where the events have left it"));
        }
    }

    fn check_event(&mut self, sequence: u64, event: &RegistryEvent) {
        let mut problems = Vec::new();
        let mut check = |holds: bool, problem: &str| {
            if !holds {
                problems.push(format!("event {sequence} {problem}"));
            }
        };
        check(event.sequence.0 == sequence, "stands under another number");
        let records = event.records.iter();
        check(records.copied().all(|it| self.records.has(it)), "names a record that is not there");
        let ids = event.old_enterprise_id.into_iter().chain([event.new_enterprise_id]);
        check(ids.into_iter().all(|id| self.knows_person(id)), "names a person that is not there");
        let task_exists = event.task.is_none_or(|task| task.0 <= self.counters.tasks);
        check(task_exists, "names a review task that is not there");
        check(event.undoes.is_none_or(|undone| undone.0 < sequence), "undoes a later one");
        match &event.change {
            Some(change) => {
                check(self.knows_all(change), "changed something that is not there");
                for record in &change.records {
                    check(self.follow(event, record), "does not follow the one before");
                }
            }
            None => {
                for record in &event.records {
                    if let Some(seen) = self.records.get_mut(*record) {
                        seen.told = Told::Something;
                    }
                }
            }
        }
        for problem in problems {
            self.report.add(|| problem);
        }
    }

    /// Remembers what an event says of rows that are checked later.
    fn take_vouched(&mut self, event: &RegistryEvent, kept: Kept) {
        if let Some(basis) = &event.basis {
            self.check_basis(basis, || format!("event {}", event.sequence));
        }
        if let Some(request_id) = &event.request_id
            && event.sequence > self.counters.requests_forgotten
        {
            let answer = (event.sequence, kept.answer);
            self.vouched.requests.insert(request_id.clone(), answer);
        }
        if kept.is_silent() {
            self.vouched.silent_until = event.sequence;
        }
        let Some(change) = &event.change else { return };
        let ChangeDigests { records, tasks, held } = kept.change;
        for (record, digest) in records {
            if let Some(seen) = self.records.get_mut(record) {
                seen.digest_due = digest;
            }
        }
        self.vouched.tasks.extend(tasks);
        self.vouched.held.extend(held.into_iter().filter(|(_, digest)| *digest != 0));
        for pair in &change.kept_apart {
            self.vouched.apart.insert((pair.one, pair.other), pair.event);
        }
        let mut problems = Vec::new();
        for change in &change.persons {
            let Some(person) = self.person_mut(change.enterprise_id) else { continue };
            let minted = match (change.before, &person.told) {
                (None, None) => Some(event.time),
                (Some(_), Some((minted, ..))) => *minted,
                // Loaded in bulk, which has no events of persons.
                (Some(_), None) => None,
                (None, Some(_)) => {
                    problems.push(change.enterprise_id);
                    None
                }
            };
            person.told = Some((minted, event.sequence, change.after));
        }
        for id in problems {
            self.report.add(|| format!("event {} mints {id} once more", event.sequence));
        }
    }

    fn knows_all(&self, change: &EventChange) -> bool {
        let EventChange { records, persons, tasks, kept_apart } = change;
        let pairs = kept_apart.iter().flat_map(|pair| [pair.one, pair.other]);
        let mut known = records.iter().map(|change| change.record).chain(pairs);
        known.all(|record| self.records.has(record))
            && persons.iter().all(|change| self.knows_person(change.enterprise_id))
            && tasks.iter().all(|change| (1..=self.counters.tasks).contains(&change.task.0))
    }

    /// Takes a record one step further; tells whether the step begins where the last one ended.
    fn follow(&mut self, event: &RegistryEvent, change: &RecordChange) -> bool {
        // A record that is missing is a problem of its own.
        let Some(seen) = self.records.get_mut(change.record) else { return true };
        let told =
            std::mem::replace(&mut seen.told, Told::Change(event.sequence, change.enterprise_id));
        match (told, &change.old_link) {
            (Told::Nothing, old) => old.is_none(),
            (Told::Something, old) => old.is_some(),
            (Told::Change(last, person), Some(old)) => {
                change.previous == Some(last) && old.enterprise_id == person
            }
            (Told::Change(..), None) => false,
        }
    }
}
