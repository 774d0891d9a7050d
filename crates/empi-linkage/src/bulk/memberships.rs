//! The blocks of each record: what tells of a pair whether it was met before.
//!
//! Records are listed some at a time, few enough for a core's cache, so that very many members of blocks
//! are gone through twice and in a row, once to sort them by ranges of records and once to list them.

use std::ops::Range;

use rayon::prelude::*;

use super::buckets::part;
use super::chunks;

/// Records whose blocks one task lists.
const LISTED_RECORDS: usize = 1 << 16;

/// Blocks whose members one task sorts.
const SORTED_BLOCKS: usize = 1 << 16;

/// The numbers of the blocks that hold a record, ascending.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    /// [`LISTED_RECORDS`] records each.
    lists: Vec<Lists>,
}

impl Memberships {
    /// Lists the blocks of records, of which `block` gives the members. Blocks up to each of `ends` are
    /// worked through together: it bounds the memory.
    pub(super) fn of<'a>(
        record_count: usize,
        ends: &[usize],
        block: impl Fn(usize) -> &'a [u32] + Sync,
    ) -> Self {
        let ranges = record_count.div_ceil(LISTED_RECORDS);
        let mut lists: Vec<Vec<Lists>> = (0..ranges).map(|_| Vec::new()).collect();
        let mut start = 0;
        for end in ends {
            let numbers: Vec<_> = chunks(start..*end, SORTED_BLOCKS).collect();
            let sorted = numbers.into_par_iter().map(|it| SortedMembers::of(it, ranges, &block));
            let sorted: Vec<SortedMembers> = sorted.collect();
            lists.par_iter_mut().enumerate().for_each(|(range, lists)| {
                let records = record_count - range * LISTED_RECORDS;
                let members = sorted.iter().map(|it| it.of_range(range));
                lists.push(Lists::of(records.min(LISTED_RECORDS), members));
            });
            start = *end;
        }
        Self { lists: lists.into_par_iter().map(Lists::joined).collect() }
    }

    /// The numbers of the blocks that hold a record, ascending.
    pub(super) fn blocks_of(&self, record: u32) -> &[u32] {
        let at = record as usize;
        let lists = self.lists.get(at / LISTED_RECORDS);
        lists.map(|it| it.list(at % LISTED_RECORDS)).unwrap_or_default()
    }
}

/// The lists of some records.
#[derive(Debug, Default)]
struct Lists {
    /// Where each record's numbers end.
    ends: Vec<u32>,
    numbers: Vec<u32>,
}

impl Lists {
    /// From members with the numbers of their blocks, by ascending numbers.
    fn of<'a>(records: usize, members: impl Iterator<Item = &'a [(u32, u32)]> + Clone) -> Self {
        let mut ends = vec![0_u32; records];
        for (member, _) in members.clone().flatten() {
            if let Some(count) = ends.get_mut(*member as usize % LISTED_RECORDS) {
                *count += 1;
            }
        }
        let mut numbers = vec![0; to_starts(&mut ends) as usize];
        for (member, number) in members.flatten() {
            let Some(next) = ends.get_mut(*member as usize % LISTED_RECORDS) else { continue };
            if let Some(slot) = numbers.get_mut(*next as usize) {
                *slot = *number;
            }
            *next += 1;
        }
        Self { ends, numbers }
    }

    /// Several lists of the same records as one.
    fn joined(mut lists: Vec<Self>) -> Self {
        if lists.len() <= 1 {
            return lists.pop().unwrap_or_default();
        }
        let records = lists.first().map_or(0, |list| list.ends.len());
        let mut joined = Self::default();
        joined.numbers.reserve_exact(lists.iter().map(|list| list.numbers.len()).sum());
        joined.ends.reserve_exact(records);
        for at in 0..records {
            for list in &lists {
                joined.numbers.extend_from_slice(list.list(at));
            }
            joined.ends.push(u32::try_from(joined.numbers.len()).unwrap_or(u32::MAX));
        }
        joined
    }

    fn list(&self, at: usize) -> &[u32] {
        part(&self.ends, &self.numbers, at)
    }
}

/// Members of some blocks with the numbers of their blocks, by ranges of records.
struct SortedMembers {
    /// Where each range ends.
    ends: Vec<u32>,
    members: Vec<(u32, u32)>,
}

impl SortedMembers {
    fn of<'a>(numbers: Range<usize>, ranges: usize, block: &impl Fn(usize) -> &'a [u32]) -> Self {
        let mut ends = vec![0_u32; ranges];
        let range_of = |member: u32| member as usize / LISTED_RECORDS;
        for member in numbers.clone().flat_map(block) {
            if let Some(count) = ends.get_mut(range_of(*member)) {
                *count += 1;
            }
        }
        let mut members = vec![(0, 0); to_starts(&mut ends) as usize];
        for number in numbers {
            for member in block(number) {
                let Some(next) = ends.get_mut(range_of(*member)) else { continue };
                if let Some(slot) = members.get_mut(*next as usize) {
                    *slot = (*member, u32::try_from(number).unwrap_or(u32::MAX));
                }
                *next += 1;
            }
        }
        Self { ends, members }
    }

    fn of_range(&self, range: usize) -> &[(u32, u32)] {
        part(&self.ends, &self.members, range)
    }
}

/// Puts in the place of each count the sum of those before, where its first item goes, and gives the
/// whole sum. Moved on by each item that is put in its place, it is in the end where its items end.
fn to_starts(counts: &mut [u32]) -> u32 {
    let mut sum = 0;
    for count in counts {
        (*count, sum) = (sum, sum + *count);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_has_its_blocks_however_they_are_worked_through() {
        // Records of three lists, the last of them short; block n holds every (n + 2)-th record.
        let count = 2 * LISTED_RECORDS + 7;
        let blocks: Vec<Vec<u32>> =
            (2..12).map(|step| (0..count as u32).step_by(step).collect()).collect();
        for ends in [&[10][..], &[3, 3, 10], &[0, 9, 10]] {
            let memberships = Memberships::of(count, ends, |number| &blocks[number]);
            for record in [0, 1, 12, 65_535, 65_536, 65_537, 131_072, 131_077, 131_078] {
                let expected: Vec<u32> =
                    (0..10).filter(|number| record % (number + 2) == 0).collect();
                assert_eq!(memberships.blocks_of(record), expected, "{record}");
            }
        }
        assert!(Memberships::of(0, &[], |_| &[]).blocks_of(0).is_empty());
    }
}
