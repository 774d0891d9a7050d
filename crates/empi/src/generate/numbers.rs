//! Numbers that are unique in the whole population and tell nothing of who stands beside whom.

use super::dice::Permutation;
use super::structure::{MEMBERS_MAX, VISITS_MAX};

/// Serial numbers of one SSN group are given out in runs of four, so that the children of one birth
/// can have numbers in sequence and nobody else has the next one.
const SSN_RUN: u64 = 4;
const SSN_RUNS_PER_GROUP: u64 = 9_999 / SSN_RUN;
const SSN_GROUPS: u64 = 99;
/// Areas 001 to 899 without 666 (Social Security Administration: never assigned).
const SSN_AREAS: u64 = 898;

/// The most households that can have SSNs of their own.
pub(super) const HOUSEHOLDS_MAX: u64 =
    SSN_AREAS * SSN_GROUPS * SSN_RUNS_PER_GROUP / MEMBERS_MAX as u64;

/// Gives out numbers to the households below a count.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    persons: Permutation,
    ssns: Permutation,
    contracts: Permutation,
    patients: Vec<Permutation>,
    /// Digits of a medical record number.
    patient_digits: usize,
}

impl Numbers {
    /// For that many households and sources.
    pub(super) fn new(seed: u64, household_count: u32, source_count: u8) -> Self {
        let persons = u64::from(household_count).max(1) * MEMBERS_MAX as u64;
        // Three in four numbers are never used, as with people who have never been there.
        let patients = (persons * VISITS_MAX as u64 * 4).max(1_000_000);
        Self {
            persons: Permutation::new(seed, 0, persons),
            ssns: Permutation::new(seed, 1, SSN_AREAS * SSN_GROUPS * SSN_RUNS_PER_GROUP),
            contracts: Permutation::new(seed, 2, (persons * 4).max(100_000_000)),
            patients: (0..source_count)
                .map(|source| Permutation::new(seed, 3 + u64::from(source), patients))
                .collect(),
            patient_digits: (patients - 1).to_string().len(),
        }
    }

    /// The number of a person, by household and position in it.
    pub(super) fn person(&self, household: u32, position: usize) -> u64 {
        self.persons.apply(person_index(household, position))
    }

    /// The SSN of a person: nine digits of a number that could have been assigned. The second of a
    /// birth has the first's position and `order` 1, and so the next number.
    pub(super) fn ssn(&self, household: u32, position: usize, order: u64) -> u64 {
        let run = self.ssns.apply(person_index(household, position));
        let serial = 1 + run % SSN_RUNS_PER_GROUP * SSN_RUN + order.min(SSN_RUN - 1);
        let group = 1 + run / SSN_RUNS_PER_GROUP % SSN_GROUPS;
        let area = 1 + run / SSN_RUNS_PER_GROUP / SSN_GROUPS % SSN_AREAS;
        let area = if area >= 666 { area + 1 } else { area };
        area * 1_000_000 + group * 10_000 + serial
    }

    /// The number of an insurance contract.
    pub(super) fn contract(&self, household: u32, position: usize) -> u64 {
        self.contracts.apply(person_index(household, position))
    }

    /// The medical record number that a source gave at one of a person's visits, all digits.
    pub(super) fn patient(
        &self,
        source: u8,
        household: u32,
        position: usize,
        visit: usize,
    ) -> String {
        let index = person_index(household, position) * VISITS_MAX as u64 + visit as u64;
        let number = self.patients.get(usize::from(source)).map_or(index, |p| p.apply(index));
        format!("{number:0width$}", width = self.patient_digits)
    }
}

fn person_index(household: u32, position: usize) -> u64 {
    u64::from(household) * MEMBERS_MAX as u64 + position as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ssns_are_unique_and_could_have_been_assigned() {
        let numbers = Numbers::new(1, 30_000, 3);
        let mut seen = HashSet::new();
        for household in 0..30_000 {
            for position in 0..MEMBERS_MAX {
                let ssn = numbers.ssn(household, position, 0);
                let (area, group, serial) = (ssn / 1_000_000, ssn / 10_000 % 100, ssn % 10_000);
                assert!(
                    (1..=899).contains(&area) && area != 666 && group > 0 && serial > 0,
                    "{ssn}"
                );
                assert!(serial <= 9_996);
                assert!(seen.insert(ssn));
            }
        }
        let first = numbers.ssn(17, 3, 0);
        assert_eq!(numbers.ssn(17, 3, 1), first + 1);
        assert!(!seen.contains(&(first + 1)));
    }

    #[test]
    fn persons_and_patients_have_numbers_of_their_own() {
        let numbers = Numbers::new(1, 1_000, 2);
        let persons: HashSet<u64> = (0..1_000)
            .flat_map(|h| (0..8).map(move |m| (h, m)))
            .map(|(h, m)| numbers.person(h, m))
            .collect();
        assert_eq!(persons.len(), 8_000);
        let patients: HashSet<String> = (0..1_000)
            .flat_map(|h| (0..8).map(move |v| (h, v)))
            .map(|(h, visit)| numbers.patient(1, h, 2, visit))
            .collect();
        assert_eq!(patients.len(), 8_000);
        assert!(patients.iter().all(|number| number.len() == 6));
        assert_ne!(numbers.patient(0, 5, 5, 5), numbers.patient(1, 5, 5, 5));
    }
}
