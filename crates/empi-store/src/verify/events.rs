//! Events: in order, and leading to the records as they are.

use empi_model::{EventChange, RecordChange, RegistryEvent};

use super::{Told, Walk};
use crate::codec::{EventRow, Row as _};
use crate::layout::{self, Family};

impl Walk<'_> {
    /// Reads all events in order and follows every record through the changes they tell.
    pub(super) fn check_events(&mut self) {
        let snapshot = self.snapshot;
        let rows = snapshot.scan(Family::Events, &[], |key, value| {
            Ok((layout::read_u64(key), EventRow::decoded(value)))
        });
        let mut due = 1;
        for row in rows {
            let Some((key, event)) = self.report.take(row, "events") else { break };
            self.report.events += 1;
            let sequence = key.unwrap_or_default();
            self.report
                .check(sequence == due, || format!("event {sequence} stands in place {due}"));
            due = sequence.saturating_add(1);
            match event {
                None => self.report.add(|| format!("event {sequence} does not read")),
                Some(event) => self.check_event(sequence, &event),
            }
        }
        for record in &self.records.0 {
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
