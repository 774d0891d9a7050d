//! Review tasks, what waits with them, what stewards keep apart, and answers to requests.

use std::collections::BTreeMap;

use empi_model::{Basis, Decision, EventSequence, ReviewKind, ReviewState, ReviewTask, TaskId};

use super::Walk;
use crate::codec::{ModelRow, RequestRow, Row as _, SourceRow, TaskRow};
use crate::layout::{self, Family};
use crate::seal::{Seal, digest};
use crate::{KeptApart, StoredAnswer, StoredRegistration};

impl Walk<'_> {
    /// Checks every task and returns the open ones.
    pub(super) fn check_tasks(&mut self, loaded_due: u64) -> BTreeMap<TaskId, ReviewKind> {
        let rows = self.snapshot.scan(Family::Tasks, &[], |key, value| {
            Ok((layout::read_u64(key), TaskRow::decoded(value), digest(value)))
        });
        let mut open = BTreeMap::new();
        let mut loaded = Seal::default();
        for row in rows {
            let Some((key, task, digest)) = self.report.take(row, "review tasks") else { break };
            self.report.tasks += 1;
            let id = TaskId(key.unwrap_or_default());
            let Some(task) = task else {
                self.report.add(|| format!("review task {id} does not read"));
                continue;
            };
            let due = self.vouched.tasks.get(&id).copied().unwrap_or_default();
            self.report.check([0, digest].contains(&due), || {
                format!("review task {id} is not as the events have left it")
            });
            if let Some(basis) = &task.basis {
                self.check_basis(basis, || format!("review task {id}"));
            }
            let ReviewTask { kind, incoming, candidate, state, event, .. } = task;
            if event == EventSequence(0) {
                loaded.add_loaded(digest);
            }
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
        self.report.check([0, loaded.loaded_tasks].contains(&loaded_due), || {
            "the review tasks that were loaded are not as they were".to_owned()
        });
        open
    }

    /// A decision names what is there.
    pub(super) fn check_basis(&mut self, basis: &Basis, who: impl Fn() -> String) {
        let is_there = self.records.has(basis.candidate);
        self.report.check(is_there, || format!("{} rests on a record that is not there", who()));
        let model = basis.model;
        if model != 0 && !self.vouched.models.contains(&model) {
            self.vouched.models.push(model);
        }
    }

    /// The models that decided are there, as they were.
    pub(super) fn check_models(&mut self, digests_due: u64) {
        match self.snapshot.models() {
            Err(error) => self.report.add(|| format!("the models cannot be read: {error}")),
            Ok(models) => {
                let mut seal = Seal::default();
                for model in &models {
                    seal.add_model(digest(&ModelRow::encoded(model)));
                }
                self.report.check([0, seal.models].contains(&digests_due), || {
                    "the models that decided are not as they were kept".to_owned()
                });
                for due in std::mem::take(&mut self.vouched.models) {
                    let is_there = models.iter().any(|model| model.number == due);
                    self.report
                        .check(is_there, || format!("model {due}, which decided, is missing"));
                }
            }
        }
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
            Ok((layout::read_u64(key), SourceRow::decoded(value).is_some(), digest(value)))
        });
        let mut waiting = 0;
        for row in rows {
            let Some((key, reads, digest)) = self.report.take(row, "held updates") else { break };
            let id = TaskId(key.unwrap_or_default());
            let due = self.vouched.held.get(&id).copied().unwrap_or_default();
            self.report.check([0, digest].contains(&due), || {
                format!("the update held by task {id} is not as it came")
            });
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
        let mut told = std::mem::take(&mut self.vouched.apart);
        for pair in self.snapshot.kept_apart() {
            let Some(pair) = self.report.take(pair, "pairs kept apart") else { continue };
            let KeptApart { one, other, event } = pair;
            let is_told = told.remove(&(one, other)).is_none_or(|told| told == event);
            self.report.check(is_told, || {
                format!("records {} and {} are not kept apart as the events say", one.0, other.0)
            });
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
        for ((one, other), _) in told.into_iter().filter(|(_, event)| event.is_some()) {
            self.report.add(|| {
                format!("records {} and {} are no longer kept apart, and should be", one.0, other.0)
            });
        }
    }

    pub(super) fn check_requests(&mut self) {
        let vault = self.snapshot.vault();
        let rows = self.snapshot.scan(Family::Requests, &[], |key, value| {
            let request = RequestRow::decoded(value);
            let request = request.filter(|request| vault.request_key(&request.request_id) == key);
            Ok((request, digest(value)))
        });
        let mut told = std::mem::take(&mut self.vouched.requests);
        for row in rows {
            let Some((request, digest)) = self.report.take(row, "answers to requests") else {
                break;
            };
            let Some(request) = request else {
                self.report.add(|| "an answer to a request does not read".to_owned());
                continue;
            };
            let told = told.remove(&request.request_id);
            let is_told = match told {
                Some((event, due)) => request.event() == Some(event) && [0, digest].contains(&due),
                None => request.event() <= Some(self.vouched.silent_until),
            };
            self.report.check(is_told, || {
                "an answer to a request is not as its event has left it".to_owned()
            });
            let events = self.counters.events;
            self.report.check(request.event().is_none_or(|event| event.0 <= events), || {
                "an answer to a request names an event that is not there".to_owned()
            });
            if let StoredAnswer::Registration(answer) = &request.answer {
                self.check_answer(answer);
            }
        }
        for (event, _) in told.into_values() {
            self.report.add(|| format!("the answer to the request of event {event} is missing"));
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
