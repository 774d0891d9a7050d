//! Checking the chain: what was altered, taken out, put elsewhere or cut off, and where.

use std::fmt;

use empi_model::{AuditHead, EnterpriseId};

use super::{ENTRIES, PERSONS, START, chained, split};
use crate::codec::{AuditRow, Row as _};
use crate::layout::Family;
use crate::snapshot::Snapshot;
use crate::{Store, StoreError};

/// Problems that are told one by one; further ones are only counted.
pub const AUDIT_PROBLEMS_MAX: usize = 1000;

/// What is wrong at a place of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// Entries are missing, up to this number.
    MissingUntil(u64),
    /// The entry is not the one that was written here.
    Altered,
    /// The entry does not read.
    Unreadable,
    /// The entry is not the one that an exported head names: it, or an entry before it, was written anew.
    NotAsExported,
    /// The list by person does not name the same entries as the entries themselves.
    ListDiffers,
}

/// One problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditProblem {
    /// The number of the entry; of missing ones the first.
    pub sequence: u64,
    /// What is wrong with it.
    pub fault: AuditFault,
}

impl fmt::Display for AuditProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, fault } = self;
        match fault {
            AuditFault::MissingUntil(last) if last == sequence => {
                write!(formatter, "entry {sequence} is missing")
            }
            AuditFault::MissingUntil(last) => {
                write!(formatter, "entries {sequence} to {last} are missing")
            }
            AuditFault::Altered => {
                write!(formatter, "entry {sequence} is not the one that was written")
            }
            AuditFault::Unreadable => write!(formatter, "entry {sequence} does not read"),
            AuditFault::NotAsExported => write!(
                formatter,
                "entry {sequence} is not the one of the exported head: it or one before it was written anew"
            ),
            AuditFault::ListDiffers => formatter
                .write_str("the list by person does not name the same entries as the entries do"),
        }
    }
}

/// What was read, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// Entries read.
    pub entries: u64,
    /// The last entry that was taken out before; 0 for none.
    pub start: u64,
    /// The end of the chain.
    pub head: AuditHead,
    /// Entries that tell of an event, and the first event that one tells of.
    pub events: u64,
    /// See `events`.
    pub first_event: Option<u64>,
    /// Exported heads that agree.
    pub heads: u64,
    /// What is wrong, in order of the entries, at most [`AUDIT_PROBLEMS_MAX`].
    pub problems: Vec<AuditProblem>,
    /// How many problems there are.
    pub problem_count: u64,
}

impl AuditReport {
    fn add(&mut self, sequence: u64, fault: AuditFault) {
        self.problem_count += 1;
        if self.problems.len() < AUDIT_PROBLEMS_MAX {
            self.problems.push(AuditProblem { sequence, fault });
        }
    }
}

/// A walk along the chain.
pub(crate) struct Chain<'a> {
    report: AuditReport,
    /// Hashes that the next entry may stand behind: the one that is written there, and the one that should be.
    /// `None` behind a gap, where whatever comes is taken.
    before: Option<[[u8; 32]; 2]>,
    next: u64,
    /// Exported heads in order, as far as they are ahead.
    heads: &'a [AuditHead],
    /// Sums over the entries that name persons, and over the list by person.
    named: u64,
    listed: u64,
}

impl<'a> Chain<'a> {
    /// Begins behind an entry. `heads` in order of their numbers.
    pub(crate) fn new(start: AuditHead, heads: &'a [AuditHead]) -> Self {
        let mut chain = Self {
            report: AuditReport { start: start.sequence, head: start, ..AuditReport::default() },
            before: Some([start.hash; 2]),
            next: start.sequence + 1,
            heads,
            named: 0,
            listed: 0,
        };
        chain.compare_heads(start.sequence, Some(start.hash));
        chain
    }

    /// The next entry as it lies there.
    pub(crate) fn take(&mut self, sequence: u64, value: &[u8]) {
        if sequence > self.next {
            self.report.add(self.next, AuditFault::MissingUntil(sequence - 1));
            self.before = None;
        }
        self.next = sequence + 1;
        self.report.entries += 1;
        let Some((written, row)) = split(value) else {
            self.report.add(sequence, AuditFault::Unreadable);
            (self.before, self.report.head.sequence) = (None, sequence);
            self.compare_heads(sequence, None);
            return;
        };
        let is_sound = match self.before {
            None => true,
            Some(before) => before.iter().any(|it| chained(sequence, row, it) == *written),
        };
        if !is_sound {
            self.report.add(sequence, AuditFault::Altered);
        }
        match AuditRow::decoded(row) {
            Some(entry) => {
                if let Some(event) = entry.event {
                    self.report.events += 1;
                    self.report.first_event.get_or_insert(event.0);
                }
                for person in entry.persons {
                    self.named = self.named.wrapping_add(mark(person, sequence));
                }
            }
            None if is_sound => self.report.add(sequence, AuditFault::Unreadable),
            None => {}
        }
        // The hash that should stand here, where another one does.
        let due = match self.before {
            Some(before) if !is_sound => chained(sequence, row, &before[1]),
            _ => *written,
        };
        self.before = Some([*written, due]);
        self.report.head = AuditHead { sequence, hash: *written };
        self.compare_heads(sequence, Some(*written));
    }

    /// A line of the list by person.
    pub(crate) fn list(&mut self, person: EnterpriseId, sequence: u64) {
        // What was taken out is not in the list any more.
        self.listed = self.listed.wrapping_add(mark(person, sequence));
    }

    fn compare_heads(&mut self, sequence: u64, hash: Option<[u8; 32]>) {
        while let Some((head, rest)) = self.heads.split_first() {
            if head.sequence > sequence {
                return;
            }
            self.heads = rest;
            if head.sequence < sequence {
                // Of an entry that is missing, which is told, or was taken out before.
                continue;
            }
            if hash == Some(head.hash) {
                self.report.heads += 1;
            } else {
                self.report.add(sequence, AuditFault::NotAsExported);
            }
        }
    }

    /// What was found; heads that are still ahead name entries that are missing at the end.
    pub(crate) fn finish(mut self) -> AuditReport {
        if let Some(last) = self.heads.last() {
            self.report.add(self.next, AuditFault::MissingUntil(last.sequence));
        }
        // Where entries are missing or altered, their list differs as well: once is enough.
        if self.named != self.listed && self.report.problem_count == 0 {
            self.report.add(0, AuditFault::ListDiffers);
        }
        self.report
    }
}

/// What one line of the list by person adds to the sum.
fn mark(person: EnterpriseId, sequence: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&super::person_key(person, sequence))
}

impl Store {
    /// Walks along the whole chain, and compares it with heads that were kept elsewhere.
    ///
    /// # Errors
    /// What RocksDB says; what is wrong with the chain is in the report.
    pub fn verify_audit(&self, heads: &[AuditHead]) -> Result<AuditReport, StoreError> {
        self.snapshot().verify_audit(heads)
    }
}

impl Snapshot<'_> {
    pub(crate) fn verify_audit(&self, heads: &[AuditHead]) -> Result<AuditReport, StoreError> {
        let mut heads = heads.to_vec();
        heads.sort_by_key(|head| head.sequence);
        let mut chain = Chain::new(self.audit_start()?, &heads);
        let rows = self.scan(Family::Audit, b"", |key, value| {
            match key {
                [ENTRIES, number @ ..] => {
                    let number = number.try_into().map(u64::from_be_bytes);
                    chain.take(number.map_err(|_| super::unreadable())?, value);
                }
                [PERSONS, rest @ ..] => {
                    let (person, number) =
                        rest.split_first_chunk::<8>().ok_or_else(super::unreadable)?;
                    let number = number.try_into().map(u64::from_be_bytes);
                    let person = EnterpriseId::from_number(u64::from_be_bytes(*person));
                    chain.list(person, number.map_err(|_| super::unreadable())?);
                }
                key if key == START => {}
                _ => return Err(super::unreadable()),
            }
            Ok(())
        });
        rows.collect::<Result<(), _>>()?;
        Ok(chain.finish())
    }
}

/// Checks entries that were taken out: rows of number and value, in order, between two heads.
#[must_use]
pub fn check_archive(
    rows: impl Iterator<Item = (u64, Vec<u8>)>,
    start: AuditHead,
    heads: &[AuditHead],
) -> AuditReport {
    let mut chain = Chain::new(start, heads);
    for (sequence, value) in rows {
        chain.take(sequence, &value);
    }
    chain.listed = chain.named;
    chain.finish()
}
