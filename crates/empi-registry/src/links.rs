//! What holds a person together: how its records resemble one another, and where it would break.

use empi_linkage::{LexiconOverlay, score};
use empi_model::{EnterpriseId, MatchWeight, RecordIndex, TaskId};
use empi_store::StoredRecord;

use crate::RegistryError;
use crate::registry::Registry;

/// Most records whose pairs are all scored.
pub const LINKED_RECORDS_MAX: usize = 60;

/// Two records of a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersonLink {
    /// One record, by its place among the person's.
    pub left: usize,
    /// The other.
    pub right: usize,
    /// What speaks for them being one.
    pub weight: MatchWeight,
    /// Whether the person hangs together by it: it is in the strongest tree that joins all records.
    pub is_needed: bool,
}

/// What holds a person together.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PersonLinks {
    /// Every pair of records, the strongest first.
    pub links: Vec<PersonLink>,
    /// The weakest link of those that are needed, by its place in the list.
    pub bridge: Option<usize>,
    /// The records on the smaller side of it, by their places among the person's.
    pub side: Vec<usize>,
    /// Whether the person has too many records to score all pairs: then there are no links here.
    pub is_cut: bool,
}

impl Registry {
    /// Scores every pair of some records as they stand, and finds the link that holds them together worst.
    #[must_use]
    pub fn links_among(&self, records: &[StoredRecord]) -> PersonLinks {
        if records.len() > LINKED_RECORDS_MAX {
            return PersonLinks { is_cut: true, ..PersonLinks::default() };
        }
        let core = &*self.core;
        let mut links = Vec::new();
        {
            let mirror = core.mirror.read();
            let in_force = core.in_force();
            let values = LexiconOverlay::new(&mirror.lexicon);
            // From memory: whoever asks may not be shown all that is compared.
            let rows: Vec<_> = records.iter().map(|stored| mirror.row(stored.index)).collect();
            for (left, one) in rows.iter().enumerate() {
                for (right, other) in rows.iter().enumerate().skip(left + 1) {
                    let (Some(one), Some(other)) = (one, other) else { continue };
                    let weight = score(&in_force.model, &values, one, other).weight;
                    links.push(PersonLink { left, right, weight, is_needed: false });
                }
            }
        }
        links.sort_by(|one, other| other.weight.bits().total_cmp(&one.weight.bits()));
        let (bridge, side) = bridge(&mut links, records.len());
        PersonLinks { links, bridge, side, is_cut: false }
    }

    /// The open questions about a person's records.
    ///
    /// # Errors
    /// [`RegistryError::Poisoned`] after a failed write.
    pub fn open_tasks_of(&self, person: EnterpriseId) -> Result<Vec<TaskId>, RegistryError> {
        self.core.durability.check()?;
        let mirror = self.core.mirror.read();
        let records: Vec<RecordIndex> =
            mirror.person(person).map(|person| person.records.to_vec()).unwrap_or_default();
        let tasks = records.iter().flat_map(|record| mirror.tasks.of_record(*record));
        let mut tasks: Vec<TaskId> = tasks.map(|task| task.id).collect();
        tasks.sort_unstable();
        tasks.dedup();
        Ok(tasks)
    }
}

/// Marks the strongest tree (Kruskal), and finds its weakest link with the smaller side of it.
fn bridge(links: &mut [PersonLink], count: usize) -> (Option<usize>, Vec<usize>) {
    let mut groups: Vec<usize> = (0..count).collect();
    let mut last = None;
    for (at, link) in links.iter_mut().enumerate() {
        let [left, right] = [link.left, link.right].map(|it| groups.get(it).copied());
        let (Some(left), Some(right)) = (left, right) else { continue };
        if left != right {
            link.is_needed = true;
            last = Some(at);
            groups.iter_mut().filter(|group| **group == right).for_each(|group| *group = left);
        }
    }
    let Some(bridge) = last else { return (None, Vec::new()) };
    // Whoever is reached from one end of it without it is on that side.
    let Some(end) = links.get(bridge).map(|link| link.left) else { return (None, Vec::new()) };
    let mut side = vec![end];
    let mut seen = 0;
    while let Some(record) = side.get(seen).copied() {
        seen += 1;
        for (_, link) in links.iter().enumerate().filter(|(at, it)| it.is_needed && *at != bridge) {
            let other = match record {
                record if record == link.left => link.right,
                record if record == link.right => link.left,
                _ => continue,
            };
            if !side.contains(&other) {
                side.push(other);
            }
        }
    }
    if side.len() * 2 > count {
        side = (0..count).filter(|record| !side.contains(record)).collect();
    }
    side.sort_unstable();
    (Some(bridge), side)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(left: usize, right: usize, bits: f64) -> PersonLink {
        PersonLink { left, right, weight: MatchWeight::from_bits(bits), is_needed: false }
    }

    #[test]
    fn the_weakest_link_that_is_needed_is_the_bridge() {
        // 0-1-2 hang together well, 3-4 too; 2-3 is all that joins them.
        let mut links = vec![
            link(0, 1, 30.0),
            link(3, 4, 28.0),
            link(1, 2, 25.0),
            link(0, 2, 20.0),
            link(2, 3, 8.0),
            link(0, 4, -3.0),
        ];
        let (found, side) = bridge(&mut links, 5);
        assert_eq!((found, side), (Some(4), vec![3, 4]));
        let needed: Vec<bool> = links.iter().map(|link| link.is_needed).collect();
        assert_eq!(needed, [true, true, true, false, true, false]);
        assert_eq!(bridge(&mut [], 1), (None, Vec::new()));
        assert_eq!(bridge(&mut [link(0, 1, 1.0)], 2), (Some(0), vec![0]));
    }
}
