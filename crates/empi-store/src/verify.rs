//! Checking that everything in a store agrees.

use std::collections::{HashMap, HashSet};

use empi_model::{
    BlockingKey, EnterpriseId, EventSequence, PersonState, RecordIndex, ReviewState, SourceRecord,
};

use crate::snapshot::Snapshot;
use crate::{Store, StoreError};

/// Problems that are told in words; further ones are only counted.
pub const PROBLEMS_MAX: usize = 100;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Records read.
    pub records: u64,
    /// Postings read.
    pub keys: u64,
    /// Persons and redirects read.
    pub persons: u64,
    /// Review tasks read.
    pub tasks: u64,
    /// Events read.
    pub events: u64,
    /// What does not agree, one sentence each and without patient data, at most [`PROBLEMS_MAX`].
    pub problems: Vec<String>,
    /// How many problems there are.
    pub problem_count: u64,
}

impl VerifyReport {
    fn add(&mut self, problem: impl FnOnce() -> String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem());
        }
    }

    fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.add(problem);
        }
    }
}

/// What the checks know of a store while they walk through it.
struct Walk<'a> {
    snapshot: Snapshot<'a>,
    report: VerifyReport,
    /// The person of each record, by number.
    person_of: Vec<EnterpriseId>,
    /// For each record an order-free digest of the keys it should have.
    keys_due: Vec<u64>,
}

impl Store {
    /// Reads everything, with checksums, and checks that it agrees: records and their keys both ways,
    /// each record in exactly one living person (identity rule 1), redirects that end (rule 2), events
    /// without a gap (rule 5), tasks that name records, counters. `keys_of` tells the blocking keys a
    /// record should have.
    ///
    /// # Errors
    /// When the store cannot be read at all; what does not agree is in the report.
    pub fn verify(
        &self,
        keys_of: &(dyn Fn(&SourceRecord) -> Vec<BlockingKey> + Sync),
    ) -> Result<VerifyReport, StoreError> {
        let mut walk = Walk {
            snapshot: self.snapshot(),
            report: VerifyReport::default(),
            person_of: Vec::new(),
            keys_due: Vec::new(),
        };
        walk.records(keys_of)?;
        walk.keys();
        walk.persons();
        walk.events();
        walk.tasks()?;
        walk.counters()?;
        Ok(walk.report)
    }
}

impl Walk<'_> {
    fn records(
        &mut self,
        keys_of: &(dyn Fn(&SourceRecord) -> Vec<BlockingKey> + Sync),
    ) -> Result<(), StoreError> {
        let report = &mut self.report;
        for stored in self.snapshot.records() {
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) => {
                    report.add(|| format!("a record cannot be read: {error}"));
                    continue;
                }
            };
            let index = stored.index;
            let due = u32::try_from(self.person_of.len()).unwrap_or(u32::MAX);
            report.check(index.0 == due, || format!("record {} stands in place {due}", index.0));
            let found = self.snapshot.record_index(&stored.record.key)?;
            report.check(found == Some(index), || {
                format!("the key of record {} leads elsewhere", index.0)
            });
            report.records += 1;
            self.person_of.push(stored.link.enterprise_id);
            let mut keys = keys_of(&stored.record);
            keys.sort_unstable();
            keys.dedup();
            self.keys_due.push(keys.into_iter().map(digest).fold(0, u64::wrapping_add));
        }
        let record_keys = self.snapshot.scan(crate::layout::Family::RecordKeys, &[]).count() as u64;
        let records = report.records;
        report.check(record_keys == records, || {
            format!("{record_keys} record keys stand for {records} records")
        });
        Ok(())
    }

    fn keys(&mut self) {
        let report = &mut self.report;
        for posting in self.snapshot.keys() {
            report.keys += 1;
            match posting {
                Err(error) => report.add(|| format!("a blocking key cannot be read: {error}")),
                Ok((key, index)) => match self.keys_due.get_mut(index.0 as usize) {
                    Some(due) => *due = due.wrapping_sub(digest(key)),
                    None => report.add(|| format!("a blocking key names no record: {}", index.0)),
                },
            }
        }
        for (index, left) in self.keys_due.iter().enumerate() {
            report.check(*left == 0, || format!("record {index} has other blocking keys than due"));
        }
    }

    fn persons(&mut self) {
        let report = &mut self.report;
        let mut redirects: HashMap<EnterpriseId, EnterpriseId> = HashMap::new();
        let mut living: HashSet<EnterpriseId> = HashSet::new();
        let mut listed = vec![false; self.person_of.len()];
        for person in self.snapshot.persons() {
            report.persons += 1;
            let person = match person {
                Ok(person) => person,
                Err(error) => {
                    report.add(|| format!("a person cannot be read: {error}"));
                    continue;
                }
            };
            let id = person.enterprise_id;
            match person.state {
                PersonState::Redirect(survivor) => {
                    redirects.insert(id, survivor);
                }
                PersonState::Live(records) => {
                    living.insert(id);
                    report.check(!records.is_empty(), || format!("person {id} has no record"));
                    for RecordIndex(index) in records {
                        let belongs = self.person_of.get(index as usize) == Some(&id);
                        let is_first = listed
                            .get_mut(index as usize)
                            .is_some_and(|seen| !std::mem::replace(seen, true));
                        report.check(belongs && is_first, || {
                            format!("person {id} lists record {index}, which is not its own")
                        });
                    }
                }
            }
        }
        for (index, _) in listed.iter().enumerate().filter(|(_, seen)| !**seen) {
            report.add(|| format!("record {index} is listed by no person"));
        }
        for (id, survivor) in &redirects {
            let mut end = *survivor;
            let mut steps = 0;
            while let Some(next) = redirects.get(&end).filter(|_| steps < redirects.len()) {
                end = *next;
                steps += 1;
            }
            report.check(living.contains(&end), || format!("{id} redirects to nobody"));
        }
    }

    fn events(&mut self) {
        let report = &mut self.report;
        for event in self.snapshot.events_from(EventSequence(0)) {
            report.events += 1;
            let due = report.events;
            match event {
                Err(error) => report.add(|| format!("event {due} cannot be read: {error}")),
                Ok(event) => {
                    let found = event.sequence.0;
                    report.check(found == due, || format!("event {found} stands in place {due}"));
                    let known = |it: &RecordIndex| (it.0 as usize) < self.person_of.len();
                    report.check(event.records.iter().all(known), || {
                        format!("event {found} names a record that is not there")
                    });
                }
            }
        }
    }

    fn tasks(&mut self) -> Result<(), StoreError> {
        let report = &mut self.report;
        let known = |it: RecordIndex| (it.0 as usize) < self.person_of.len();
        let mut open = HashSet::new();
        for task in self.snapshot.tasks() {
            report.tasks += 1;
            match task {
                Err(error) => report.add(|| format!("a review task cannot be read: {error}")),
                Ok(task) => {
                    let id = task.id;
                    report.check(known(task.incoming) && known(task.candidate), || {
                        format!("task {id} names a record that is not there")
                    });
                    if task.state == ReviewState::Open {
                        open.insert(id);
                    }
                }
            }
        }
        let mut listed = 0;
        for task in self.snapshot.tasks_after(true, None) {
            listed += 1;
            let id = task?.id;
            report.check(open.contains(&id), || format!("task {id} is listed as open and is not"));
        }
        report.check(listed == open.len(), || {
            format!("{listed} tasks are listed as open, and {} are", open.len())
        });
        for pair in self.snapshot.kept_apart() {
            let (one, other) = pair?;
            report.check(known(one) && known(other) && one != other, || {
                "a pair kept apart names a record that is not there".to_owned()
            });
        }
        Ok(())
    }

    fn counters(&mut self) -> Result<(), StoreError> {
        let counters = self.snapshot.counters()?;
        let report = &mut self.report;
        for (what, counted, found) in [
            ("records", u64::from(counters.records), report.records),
            ("enterprise IDs", counters.persons_minted, report.persons),
            ("review tasks", counters.tasks, report.tasks),
            ("events", counters.events, report.events),
        ] {
            report.check(counted == found, || format!("{counted} {what} counted, {found} found"));
        }
        Ok(())
    }
}

/// A number by which sets of keys are compared without keeping them: sums of digests are equal when the
/// sets are, and for two different sets only by an accident of 64 bits.
fn digest(key: BlockingKey) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&key.as_number().to_be_bytes())
}
