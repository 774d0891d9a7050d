//! Checking that everything in a store agrees.
//!
//! Every row of every family is read, RocksDB's checksums included, and compared with what other rows
//! say of it. What does not agree is told as a problem; reading goes on behind it wherever it can.

mod accounts;
mod events;
mod lab;
mod people;
mod proposals;
mod records;
mod work;

use std::collections::HashMap;

use empi_model::{
    BlockingKey, EnterpriseId, EventSequence, PersonMark, RecordIndex, SourceRecord, TaskId,
    Timestamp,
};

use crate::snapshot::Snapshot;
use crate::{Counters, Store, StoreError};

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

    /// Takes a row out of a scan; a scan that breaks off is a problem.
    fn take<T>(&mut self, row: Result<T, StoreError>, what: &str) -> Option<T> {
        row.map_err(|error| self.add(|| format!("the {what} cannot be read to the end: {error}")))
            .ok()
    }
}

/// The blocking keys that a record should have.
pub type KeysOf<'a> = &'a (dyn Fn(&SourceRecord) -> Vec<BlockingKey> + Sync);

/// What the checks know of a store while they walk through it.
struct Walk<'a> {
    snapshot: &'a Snapshot<'a>,
    counters: Counters,
    report: VerifyReport,
    /// Every record that reads, by index.
    records: SeenRecords,
    /// Every person and redirect that reads, by enterprise ID.
    persons: Vec<SeenPerson>,
    /// What the events vouch for beside records and persons.
    vouched: Vouched,
}

/// A person as its row says, and as the events have left it.
struct SeenPerson {
    id: EnterpriseId,
    mark: PersonMark,
    created: Timestamp,
    version: EventSequence,
    /// When its first record was registered, and the last event that changed one of its records.
    of_members: (Timestamp, EventSequence),
    /// The event that minted it, the last that changed it, and how that left it.
    told: Option<(Option<Timestamp>, EventSequence, PersonMark)>,
}

/// What the last event says of each row that it vouches for. A digest of 0 says nothing.
#[derive(Default)]
struct Vouched {
    tasks: HashMap<TaskId, u32>,
    held: HashMap<TaskId, u32>,
    /// The event that keeps two records apart, or `None` for a pair that is apart no longer.
    apart: HashMap<(RecordIndex, RecordIndex), Option<EventSequence>>,
    /// Requests that must have an answer, with the event that answers.
    requests: HashMap<String, (EventSequence, u32)>,
    /// Models that decided, by number.
    models: Vec<u32>,
    /// The last event that vouches for nothing: written before events did.
    silent_until: EventSequence,
}

/// What other rows need to know of a record.
struct SeenRecord {
    index: RecordIndex,
    person: EnterpriseId,
    /// A digest of the blocking keys that it should have, less those found.
    keys_due: u64,
    /// Whether a living person lists it.
    is_listed: bool,
    /// The event that changed it last, as the record says.
    changed: EventSequence,
    /// When it was registered, as the record says.
    registered: Timestamp,
    /// The digest of its row.
    digest: u32,
    /// The digest that the last event keeps of it.
    digest_due: u32,
    /// Where the events lead to, as far as they are read.
    told: Told,
}

/// What the events say of a record.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// Nothing yet.
    Nothing,
    /// An event of a store's first format named it, which does not tell what it changed.
    Something,
    /// The last event that changed it, and the person it left it with.
    Change(EventSequence, EnterpriseId),
}

/// Records in the order of their indexes.
#[derive(Default)]
struct SeenRecords(Vec<SeenRecord>);

impl SeenRecords {
    /// The place of a record. Mostly its index; behind a gap it has moved up.
    fn place(&self, index: RecordIndex) -> Option<usize> {
        let place = index.0 as usize;
        match self.0.get(place) {
            Some(record) if record.index == index => Some(place),
            _ => self.0.binary_search_by_key(&index, |record| record.index).ok(),
        }
    }

    fn has(&self, index: RecordIndex) -> bool {
        self.place(index).is_some()
    }

    fn get(&self, index: RecordIndex) -> Option<&SeenRecord> {
        self.place(index).and_then(|place| self.0.get(place))
    }

    fn get_mut(&mut self, index: RecordIndex) -> Option<&mut SeenRecord> {
        self.place(index).and_then(|place| self.0.get_mut(place))
    }
}

impl Store {
    /// Reads everything, with checksums, and checks that it agrees: records and their keys both ways,
    /// each record in exactly one living person (identity rule 1), enterprise IDs that resolve and were
    /// minted (rule 2), pairs kept apart that are (rule 4), events without a gap whose changes lead to
    /// the records as they are (rule 5), answers to requests, review tasks and what waits with them,
    /// counters. Every row must be as the event that changed it last has left it, to the byte, and every
    /// event as it was written. `keys_of` tells the blocking keys a record should have; it is called on
    /// all cores.
    ///
    /// # Errors
    /// When the store cannot be read at all; what does not agree is in the report.
    pub fn verify(&self, keys_of: KeysOf<'_>) -> Result<VerifyReport, StoreError> {
        let snapshot = self.snapshot();
        let seal = snapshot.seal()?;
        let mut walk = Walk {
            counters: snapshot.counters()?,
            snapshot: &snapshot,
            report: VerifyReport::default(),
            records: SeenRecords::default(),
            persons: Vec::new(),
            vouched: Vouched::default(),
        };
        walk.check_records(keys_of);
        walk.check_record_keys();
        walk.check_postings();
        walk.check_persons();
        walk.check_events(seal.last_event);
        walk.check_told_persons();
        let open = walk.check_tasks(seal.loaded_tasks);
        walk.check_open_tasks(&open);
        walk.check_held_updates(&open);
        walk.check_kept_apart();
        walk.check_requests();
        walk.check_users();
        walk.check_audit();
        walk.check_lab();
        walk.check_proposals();
        walk.check_counters();
        walk.check_models(seal.models);
        Ok(walk.report)
    }
}

impl Walk<'_> {
    fn knows_person(&self, id: EnterpriseId) -> bool {
        self.persons.binary_search_by_key(&id, |person| person.id).is_ok()
    }

    fn person_mut(&mut self, id: EnterpriseId) -> Option<&mut SeenPerson> {
        let at = self.persons.binary_search_by_key(&id, |person| person.id).ok()?;
        self.persons.get_mut(at)
    }

    fn check_counters(&mut self) {
        let counters = self.counters;
        let report = &mut self.report;
        for (what, counted, found) in [
            ("records", u64::from(counters.records), report.records),
            ("enterprise IDs", counters.persons_minted, report.persons),
            ("review tasks", counters.tasks, report.tasks),
            ("events", counters.events, report.events),
        ] {
            report.check(counted == found, || format!("{counted} {what} counted, {found} found"));
        }
    }
}
