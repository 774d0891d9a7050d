//! Records, the keys that lead to them, and the blocking keys they have.

use empi_model::{BlockingKey, EventSequence, RecordIndex};
use rayon::prelude::*;

use super::{KeysOf, SeenRecord, Told, Walk};
use crate::StoredRecord;
use crate::codec::{RecordRow, Row as _};
use crate::layout::{self, Family};
use crate::seal::digest as digest_of_row;
use crate::snapshot::Snapshot;

/// Rows that are checked together, on all cores.
const CHUNK_ROWS: usize = 8192;

type RawRow = (Vec<u8>, Vec<u8>);

impl Walk<'_> {
    pub(super) fn check_records(&mut self, keys_of: KeysOf<'_>) {
        let snapshot = self.snapshot;
        let mut rows =
            snapshot.scan(Family::Records, &[], |key, value| Ok((key.to_vec(), value.to_vec())));
        let mut due = 0_u64;
        loop {
            let mut chunk: Vec<RawRow> = Vec::with_capacity(CHUNK_ROWS);
            for row in rows.by_ref().take(CHUNK_ROWS) {
                chunk.extend(self.report.take(row, "records"));
            }
            if chunk.is_empty() {
                return;
            }
            let events = self.counters.events;
            let seen: Vec<_> =
                chunk.par_iter().map(|row| look_at(snapshot, row, keys_of, events)).collect();
            for (index, record, problems) in seen {
                self.report.records += 1;
                let found = u64::from(index.0);
                self.report.check(found == due, || format!("no record stands in place {due}"));
                due = found + 1;
                for problem in problems {
                    self.report.add(|| problem);
                }
                self.records.0.extend(record);
            }
        }
    }

    /// Every key leads to a record. That each record has its own was checked from the record's side,
    /// so that as many keys as records means that there is no other key.
    pub(super) fn check_record_keys(&mut self) {
        let rows =
            self.snapshot.scan(Family::RecordKeys, &[], |_, value| Ok(layout::read_index(value)));
        let mut count = 0;
        for row in rows {
            let Some(index) = self.report.take(row, "record keys") else { break };
            count += 1;
            let leads = index.is_some_and(|index| self.records.has(index));
            self.report.check(leads, || "a record key leads to no record".to_owned());
        }
        let records = self.report.records;
        self.report
            .check(count == records, || format!("{count} record keys stand for {records} records"));
    }

    pub(super) fn check_postings(&mut self) {
        for posting in self.snapshot.keys() {
            let Some((key, index)) = self.report.take(posting, "blocking keys") else { continue };
            self.report.keys += 1;
            match self.records.get_mut(index) {
                Some(record) => record.keys_due = record.keys_due.wrapping_sub(digest(key)),
                None => self.report.add(|| format!("a blocking key names no record: {}", index.0)),
            }
        }
        for record in self.records.0.iter().filter(|record| record.keys_due != 0) {
            let index = record.index.0;
            self.report.add(|| format!("record {index} has other blocking keys than due"));
        }
    }
}

/// Everything about one record that needs no other row than its key's.
fn look_at(
    snapshot: &Snapshot<'_>,
    (key, value): &RawRow,
    keys_of: KeysOf<'_>,
    events: u64,
) -> (RecordIndex, Option<SeenRecord>, Vec<String>) {
    let Some(index) = layout::read_index(key) else {
        return (RecordIndex(u32::MAX), None, vec!["a record has no index".to_owned()]);
    };
    let Some(stored) = RecordRow::decoded(value) else {
        return (index, None, vec![format!("record {} does not read", index.0)]);
    };
    let StoredRecord { record, link, .. } = &stored;
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: &str| {
        if !holds {
            problems.push(format!("record {} {problem}", index.0));
        }
    };
    check(stored.index == index, "stands under another index");
    let found = snapshot.stored_index(&record.key).ok().flatten();
    check(found == Some(index), "is not where its key leads");
    check(stored.version > 0, "has no version");
    check((1..=events).contains(&link.event.0), "was linked by an event that is not there");
    let is_made = |event: EventSequence| (1..=events).contains(&event.0);
    check(
        is_made(stored.content_event) && is_made(stored.changed),
        "was changed by an event that is not there",
    );
    let mut keys = if stored.state.is_active() { keys_of(record) } else { Vec::new() };
    keys.sort_unstable();
    keys.dedup();
    let keyed = |key| digest(snapshot.vault().blocking(key));
    let seen = SeenRecord {
        index,
        person: link.enterprise_id,
        keys_due: keys.into_iter().map(keyed).fold(0, u64::wrapping_add),
        is_listed: false,
        changed: stored.changed,
        registered: stored.registered,
        digest: digest_of_row(value),
        digest_due: 0,
        told: Told::Nothing,
    };
    (index, Some(seen), problems)
}

/// A number by which sets of keys are compared without keeping them: sums of digests are equal when the
/// sets are, and for two different sets only by an accident of 64 bits.
fn digest(key: BlockingKey) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&key.as_number().to_be_bytes())
}
