//! Review tasks, what waits with them, what stewards keep apart, and answers to requests.

use std::collections::BTreeMap;

use empi_model::{Decision, ReviewKind, ReviewState, ReviewTask, TaskId};

use super::Walk;
use crate::codec::{RequestRow, Row as _, SourceRow, TaskRow};
use crate::layout::{self, Family};
use crate::{KeptApart, StoredAnswer, StoredRegistration};

impl Walk<'_> {
    /// Checks every task and returns the open ones.
    pub(super) fn check_tasks(&mut self) -> BTreeMap<TaskId, ReviewKind> {
        let rows = self.snapshot.scan(Family::Tasks, &[], |key, value| {
            Ok((layout::read_u64(key), TaskRow::decoded(value)))
        });
        let mut open = BTreeMap::new();
        for row in rows {
            let Some((key, task)) = self.report.take(row, "review tasks") else { break };
            self.report.tasks += 1;
            let id = TaskId(key.unwrap_or_default());
            let Some(task) = task else {
                self.report.add(|| format!("review task {id} does not read"));
                continue;
            };
            let ReviewTask { kind, incoming, candidate, state, event, .. } = task;
            let events = self.counters.events;
            self.report.check(event.0 <= events, || {
                format!("review task {id} was changed by an event that is not there")
            });
            let counted = self.counters.tasks;
            self.report.check(task.id == id && (1..=counted).contains(&id.0), || {
                format!("review task {id} stands under a wrong number")
            });
            let is_known = self.records.has(incoming) && self.records.has(candidate);
            self.report
                .check(is_known, || format!("review task {id} names a record that is not there"));
            match state {
                ReviewState::Open(_) => {
                    open.insert(id, kind);
                }
                ReviewState::Resolved(Decision { event, .. }) => {
                    self.report.check(event.is_none_or(|event| event.0 <= events), || {
                        format!("review task {id} names an event that is not there")
                    });
                }
            }
        }
        open
    }

    pub(super) fn check_open_tasks(&mut self, open: &BTreeMap<TaskId, ReviewKind>) {
        let rows = self.snapshot.scan(Family::OpenTasks, &[], |key, _| Ok(layout::read_u64(key)));
        let mut listed = 0;
        for row in rows {
            let Some(key) = self.report.take(row, "open tasks") else { break };
            let id = TaskId(key.unwrap_or_default());
            let is_open = open.contains_key(&id);
            listed += usize::from(is_open);
            self.report.check(is_open, || format!("task {id} is listed as open and is not"));
        }
        self.report.check(listed == open.len(), || {
            format!("{listed} tasks are listed as open, and {} are", open.len())
        });
    }

    /// An update waits exactly where a task asks about it.
    pub(super) fn check_held_updates(&mut self, open: &BTreeMap<TaskId, ReviewKind>) {
        let rows = self.snapshot.scan(Family::HeldUpdates, &[], |key, value| {
            Ok((layout::read_u64(key), SourceRow::decoded(value).is_some()))
        });
        let mut waiting = 0;
        for row in rows {
            let Some((key, reads)) = self.report.take(row, "held updates") else { break };
            let id = TaskId(key.unwrap_or_default());
            self.report.check(reads, || format!("the update held by task {id} does not read"));
            let is_asked = open.get(&id) == Some(&ReviewKind::HeldUpdate);
            waiting += usize::from(is_asked);
            self.report
                .check(is_asked, || format!("an update waits for task {id}, which is not open"));
        }
        let asked = open.values().filter(|kind| **kind == ReviewKind::HeldUpdate).count();
        self.report.check(waiting == asked, || {
            format!("{asked} tasks ask about a held update, and {waiting} wait")
        });
    }

    pub(super) fn check_kept_apart(&mut self) {
        for pair in self.snapshot.kept_apart() {
            let Some(pair) = self.report.take(pair, "pairs kept apart") else { continue };
            let KeptApart { one, other, event } = pair;
            let events = self.counters.events;
            self.report.check(event.is_none_or(|event| event.0 <= events), || {
                format!(
                    "records {} and {} are kept apart by an event that is not there",
                    one.0, other.0
                )
            });
            let person = |index| self.records.get(index).map(|record| record.person);
            let (left, right) = (person(one), person(other));
            self.report.check(left.is_some() && right.is_some(), || {
                format!("records {} and {} are kept apart, and one is missing", one.0, other.0)
            });
            self.report.check(left.is_none() || left != right, || {
                format!("records {} and {} are kept apart and are one person", one.0, other.0)
            });
        }
    }

    pub(super) fn check_requests(&mut self) {
        let rows = self.snapshot.scan(Family::Requests, &[], |key, value| {
            let request = RequestRow::decoded(value);
            Ok(request.filter(|request| request.request_id.as_bytes() == key))
        });
        for row in rows {
            let Some(request) = self.report.take(row, "answers to requests") else { break };
            let Some(request) = request else {
                self.report.add(|| "an answer to a request does not read".to_owned());
                continue;
            };
            let events = self.counters.events;
            self.report.check(request.event().is_none_or(|event| event.0 <= events), || {
                "an answer to a request names an event that is not there".to_owned()
            });
            if let StoredAnswer::Registration(answer) = &request.answer {
                self.check_answer(answer);
            }
        }
    }

    fn check_answer(&mut self, answer: &StoredRegistration) {
        let index = answer.record;
        let is_known = self.records.has(index);
        self.report.check(is_known, || {
            format!("an answer to a request names record {}, which is not there", index.0)
        });
        let id = answer.enterprise_id;
        self.report.check(self.knows_person(id), || {
            format!("an answer to a request names person {id}, who is not there")
        });
        let made = answer.tasks.iter().all(|task| task.0 <= self.counters.tasks);
        self.report
            .check(made, || "an answer to a request names a task that is not there".to_owned());
    }
}
