//! Duplicates, overlaps and overlays as AHIMA names them.
//!
//! A *duplicate* is one human with several records in one source. In the index they are linked; in their source they
//! remain two, which is what the rate is about. An *overlap* is one human in several sources whose records are not yet
//! under one enterprise ID. An *overlay* is one record or one enterprise ID with two humans in it.

use empi_model::{Asks, EnterpriseId, RecordIndex, ReviewOutcome};
use hashbrown::HashSet;
use smallvec::SmallVec;

use super::Share;
use crate::commit::Core;
use crate::mirror::Mirror;
use crate::review_stats::{AllTasks, Open};

/// Tasks whose persons are looked up under one lock.
const CHUNK: usize = 4096;

/// Duplicates, overlaps and overlays.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Duplicates {
    /// Records that share their person with another of their source, of all records.
    pub confirmed: Share,
    /// Records that an open question holds to be one person with another of their source, of all records.
    pub waiting: Share,
    /// What came in lately.
    pub created: Vec<Created>,
    /// Persons with records of several sources, of all persons: overlaps that are resolved.
    pub overlaps_linked: Share,
    /// Persons that an open question holds to be one with a person of another source, of all persons.
    pub overlaps_waiting: Share,
    /// Overlays that were found.
    pub overlays: Overlays,
    /// Open questions whether a record or a person is two people.
    pub overlays_waiting: u64,
}

/// Duplicates among the records that were registered in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Created {
    /// The period: so many days until now.
    pub days: u32,
    /// Records whose person had a record of their source before, of all registered in the period.
    pub confirmed: Share,
    /// Records that an open question holds to be one person with an earlier record of their source.
    pub waiting: Share,
}

/// Overlays that were found, by how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Overlays {
    /// Updates that would have made a record another person, moved or rejected by a steward.
    pub updates: u64,
    /// Persons that a question was raised about, and that a steward divided.
    pub divided: u64,
    /// Records that a steward took out of a person without a question.
    pub by_hand: u64,
}

impl Overlays {
    /// All of them.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.updates + self.divided + self.by_hand
    }
}

/// The periods of the creation rate, in days.
pub(super) const PERIODS: [u32; 3] = [1, 7, 30];

/// Records that were registered in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    days: u32,
    /// The first record of it.
    first: RecordIndex,
    registered: u64,
    /// Those that are not the first of their person and source.
    created: u64,
}

/// Counts persons, one after the other.
#[derive(Debug)]
pub(super) struct PersonCount {
    periods: [Period; PERIODS.len()],
    records: u64,
    persons: u64,
    duplicates: u64,
    overlaps: u64,
}

impl PersonCount {
    /// Counts with the first record that was registered in each of [`PERIODS`].
    pub(super) fn since(firsts: [RecordIndex; PERIODS.len()]) -> Self {
        let [day, week, month] = PERIODS;
        let [of_day, of_week, of_month] = firsts;
        let period = |days, first| Period { days, first, registered: 0, created: 0 };
        let periods = [period(day, of_day), period(week, of_week), period(month, of_month)];
        Self { periods, records: 0, persons: 0, duplicates: 0, overlaps: 0 }
    }

    /// Takes in one person: its records with a say, each with the number of its source. Returns how many records
    /// there are, and of how many sources.
    pub(super) fn add(&mut self, records: impl Iterator<Item = (u32, RecordIndex)>) -> (u64, u64) {
        let mut records: SmallVec<[(u32, RecordIndex); 8]> = records.collect();
        records.sort_unstable();
        self.records += records.len() as u64;
        self.persons += u64::from(!records.is_empty());
        let mut sources = 0;
        for of_source in records.chunk_by(|one, other| one.0 == other.0) {
            sources += 1;
            if of_source.len() > 1 {
                self.duplicates += of_source.len() as u64;
            }
            for (at, (_, record)) in of_source.iter().enumerate() {
                for period in self.periods.iter_mut().filter(|period| *record >= period.first) {
                    period.registered += 1;
                    // The first of a source is nobody's duplicate.
                    period.created += u64::from(at > 0);
                }
            }
        }
        self.overlaps += u64::from(sources > 1);
        (records.len() as u64, sources)
    }

    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    pub(super) const fn persons(&self) -> u64 {
        self.persons
    }

    /// The figures, with what open and answered tasks say.
    pub(super) fn figures(&self, core: &Core, tasks: &AllTasks, by_hand: u64) -> Duplicates {
        let waiting = Waiting::read(core, tasks);
        let created = self.periods.map(|Period { days, first, registered: whole, created }| {
            let late = waiting.later.iter().filter(|record| **record >= first).count() as u64;
            let (confirmed, waiting) =
                (Share { part: created, whole }, Share { part: late, whole });
            Created { days, confirmed, waiting }
        });
        let of_records = |part| Share { part, whole: self.records };
        let of_persons = |part| Share { part, whole: self.persons };
        Duplicates {
            confirmed: of_records(self.duplicates),
            waiting: of_records(waiting.records.len() as u64),
            created: created.to_vec(),
            overlaps_linked: of_persons(self.overlaps),
            overlaps_waiting: of_persons(waiting.persons.len() as u64),
            overlays: overlays(tasks, by_hand),
            overlays_waiting: tasks.open.iter().filter(|task| asks_overlay(task.asks)).count()
                as u64,
        }
    }
}

/// What open questions hold to be one.
#[derive(Debug, Default)]
struct Waiting {
    /// Records of pairs of one source.
    records: HashSet<RecordIndex>,
    /// The later record of each such pair.
    later: HashSet<RecordIndex>,
    /// Persons of pairs of two sources.
    persons: HashSet<EnterpriseId>,
}

impl Waiting {
    fn read(core: &Core, tasks: &AllTasks) -> Self {
        let mut waiting = Self::default();
        let asked: Vec<&Open> =
            tasks.open.iter().filter(|task| task.asks == Asks::WhetherOne).collect();
        for some in asked.chunks(CHUNK) {
            let mirror = core.mirror.read();
            some.iter().for_each(|task| waiting.add(&mirror, task.records, task.sources));
        }
        waiting
    }

    fn add(&mut self, mirror: &Mirror, records: [RecordIndex; 2], sources: [u32; 2]) {
        if sources[0] == sources[1] {
            self.records.extend(records);
            self.later.insert(records[0].max(records[1]));
        } else {
            self.persons.extend(records.into_iter().filter_map(|record| mirror.person_of(record)));
        }
    }
}

const fn asks_overlay(asks: Asks) -> bool {
    matches!(asks, Asks::WhetherTwo | Asks::WhetherUpdated)
}

fn overlays(tasks: &AllTasks, by_hand: u64) -> Overlays {
    let mut found = Overlays { by_hand, ..Overlays::default() };
    for (_, task) in &tasks.closed {
        match (task.asks, task.outcome) {
            (Asks::WhetherUpdated, ReviewOutcome::Different | ReviewOutcome::Rejected) => {
                found.updates += 1;
            }
            (Asks::WhetherTwo, ReviewOutcome::Different) => found.divided += 1,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Persons by their records, each `source + number`, with the first record of each period.
    fn counted(persons: &[&[(u32, u32)]], firsts: [u32; 3]) -> PersonCount {
        let mut count = PersonCount::since(firsts.map(RecordIndex));
        for person in persons {
            count.add(person.iter().map(|(source, record)| (*source, RecordIndex(*record))));
        }
        count
    }

    #[test]
    fn duplicates_are_records_of_one_person_in_one_source() {
        // Persons; records, persons, duplicates, overlaps; registered and created in the last period.
        type Row<'a> = (&'a [&'a [(u32, u32)]], [u64; 4], [u64; 2]);
        let rows: [Row<'_>; 6] = [
            (&[], [0, 0, 0, 0], [0, 0]),
            (&[&[]], [0, 0, 0, 0], [0, 0]),
            (&[&[(1, 0)], &[(1, 1)]], [2, 2, 0, 0], [1, 0]),
            (&[&[(1, 0), (1, 1)]], [2, 1, 2, 0], [1, 1]),
            (&[&[(1, 0), (2, 1)], &[(2, 2)]], [3, 2, 0, 1], [2, 0]),
            (&[&[(2, 5), (1, 0), (2, 3), (2, 4), (1, 2)]], [5, 1, 5, 1], [4, 3]),
        ];
        for (persons, totals, lately) in rows {
            let count = counted(persons, [1, 1, 1]);
            let PersonCount { records, persons, duplicates, overlaps, .. } = count;
            assert_eq!([records, persons, duplicates, overlaps], totals);
            assert_eq!([count.periods[2].registered, count.periods[2].created], lately);
        }
    }

    #[test]
    fn each_period_counts_what_was_registered_in_it() {
        let count = counted(&[&[(1, 0), (1, 4), (1, 9)], &[(1, 7)]], [8, 4, 0]);
        let found = count.periods.map(|period| (period.registered, period.created));
        assert_eq!(found, [(1, 1), (3, 2), (4, 2)]);
    }
}
