//! Which records there are, and in which order they are written.
//!
//! Each source writes its own records, in an order of its own that tells nothing of who is who: no
//! two records of one person stand beside each other, and a record ID is its place in that order.
//! Eight bytes per record are all that is kept.

use super::dice::{Dice, Purpose};
use super::record::RecordPlace;
use super::structure::Structure;

/// The records of all sources.
#[derive(Debug)]
pub(super) struct Order {
    /// The records of each source in the order in which they are written.
    pub(super) of_source: Vec<Vec<RecordPlace>>,
    /// How many households have records.
    pub(super) household_count: u32,
    /// How many persons have records.
    pub(super) person_count: u64,
}

impl Order {
    /// Takes households until they have `record_count` records. Of the last household only as many
    /// records are taken as are missing.
    pub(super) fn of(seed: u64, record_count: u64, source_count: u8) -> Self {
        let mut order = Self {
            of_source: vec![Vec::new(); source_count.into()],
            household_count: 0,
            person_count: 0,
        };
        let mut missing = record_count;
        while missing > 0 {
            let structure = Structure::of(seed, order.household_count, source_count);
            missing = order.add(&structure, missing);
            order.household_count += 1;
        }
        for (source, places) in order.of_source.iter_mut().enumerate() {
            shuffle(places, &mut Dice::new(seed, Purpose::Order, source as u64));
            separate(places);
        }
        order
    }

    /// Adds the records of the next household, at most `missing`; says how many are missing then.
    fn add(&mut self, structure: &Structure, mut missing: u64) -> u64 {
        for (member, person) in structure.members.iter().enumerate() {
            if missing > 0 {
                self.person_count += 1;
            }
            for (visit, &source) in person.sources.iter().enumerate() {
                let Some(less) = missing.checked_sub(1) else { return 0 };
                missing = less;
                if let Some(places) = self.of_source.get_mut(usize::from(source)) {
                    let household = self.household_count;
                    places.push(RecordPlace {
                        household,
                        member: member as u8,
                        visit: visit as u8,
                    });
                }
            }
        }
        missing
    }
}

/// Fisher and Yates.
fn shuffle(places: &mut [RecordPlace], dice: &mut Dice) {
    for last in (1..places.len()).rev() {
        places.swap(last, dice.position(last + 1));
    }
}

/// Exchanges records that follow one of the same person, until none does. A list of so few persons
/// that this cannot be is left as near to it as one pass comes.
fn separate(places: &mut [RecordPlace]) {
    let count = places.len();
    for at in 1..count {
        if !meets(places, at) {
            continue;
        }
        // Anywhere will do where neither of the two then stands beside a record of the same person.
        let found = (1..count).map(|step| (at + step) % count).find(|&other| {
            places.swap(at, other);
            let good = [at, at + 1, other, other + 1].iter().all(|&spot| !meets(places, spot));
            places.swap(at, other);
            good
        });
        if let Some(other) = found {
            places.swap(at, other);
        }
    }
}

/// Whether the record at a position is of the same person as the one before it.
fn meets(places: &[RecordPlace], at: usize) -> bool {
    let person = |at: usize| places.get(at).map(|place| (place.household, place.member));
    at.checked_sub(1).is_some_and(|before| person(at).is_some() && person(before) == person(at))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn as_many_records_as_asked_for_each_once() {
        for count in [1, 2, 10, 999, 20_000] {
            let order = Order::of(5, count, 4);
            let all: Vec<RecordPlace> = order.of_source.concat();
            assert_eq!(all.len() as u64, count);
            let distinct: HashSet<_> =
                all.iter().map(|p| (p.household, p.member, p.visit)).collect();
            assert_eq!(distinct.len() as u64, count);
            let persons: HashSet<_> = all.iter().map(|p| (p.household, p.member)).collect();
            assert_eq!(persons.len() as u64, order.person_count);
        }
    }

    #[test]
    fn records_of_one_person_are_never_neighbours() {
        for seed in 0..20 {
            for places in Order::of(seed, 3_000, 3).of_source {
                assert!((0..places.len()).all(|at| !meets(&places, at)));
            }
        }
    }

    #[test]
    fn the_order_tells_nothing_of_the_household() {
        let places = &Order::of(1, 50_000, 1).of_source[0];
        let near =
            places.windows(2).filter(|pair| pair[0].household.abs_diff(pair[1].household) < 10);
        // By chance 20 in 9,600 neighbours are that near.
        let count = near.count();
        assert!((60..160).contains(&count), "{count}");
    }
}
