//! What changed lately, and in which change: so that a plan made a moment ago can be checked.
//!
//! Only the last changes are remembered, in two halves of which the older is thrown away whole. A
//! plan from before what is remembered is made again, which is always right.

use empi_model::{BlockingKey, EnterpriseId};
use empi_store::StoredRequest;
use hashbrown::HashMap;

/// Most entries of one half before the halves turn.
const ENTRIES_MAX: usize = 65_536;

/// What changed lately.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    newer: Half,
    older: Half,
    /// Every change after this one is remembered.
    floor: u64,
}

/// Half of the memory: the changes after `since`.
#[derive(Debug, Default)]
struct Half {
    since: u64,
    keys: HashMap<u64, u64>,
    persons: HashMap<EnterpriseId, u64>,
    requests: HashMap<String, (u64, StoredRequest)>,
}

impl Recent {
    /// The last change that is not remembered. It is durable.
    pub(crate) const fn floor(&self) -> u64 {
        self.floor
    }

    /// Forgets the older half once the newer is full. Called only when all changes up to `sequence`
    /// are durable, so that what is forgotten is durable too.
    pub(crate) fn turn(&mut self, sequence: u64) {
        let Half { keys, persons, requests, .. } = &self.newer;
        if keys.len() + persons.len() + requests.len() < ENTRIES_MAX {
            return;
        }
        let fresh = Half { since: sequence, ..Half::default() };
        self.older = std::mem::replace(&mut self.newer, fresh);
        self.floor = self.older.since;
    }

    pub(crate) fn mark_key(&mut self, key: BlockingKey, sequence: u64) {
        self.newer.keys.insert(key.as_number(), sequence);
    }

    pub(crate) fn mark_person(&mut self, person: EnterpriseId, sequence: u64) {
        self.newer.persons.insert(person, sequence);
    }

    pub(crate) fn mark_request(&mut self, request: StoredRequest, sequence: u64) {
        self.newer.requests.insert(request.request_id.clone(), (sequence, request));
    }

    /// Forgets the answer to a request.
    pub(crate) fn forget_request(&mut self, request_id: &str) {
        self.newer.requests.remove(request_id);
        self.older.requests.remove(request_id);
    }

    /// The last change under a key; at most the floor when it is not remembered.
    pub(crate) fn key_changed(&self, key: BlockingKey) -> u64 {
        let number = key.as_number();
        let found = self.newer.keys.get(&number).or_else(|| self.older.keys.get(&number));
        found.copied().unwrap_or(self.floor)
    }

    /// The last change of a person; at most the floor when it is not remembered.
    pub(crate) fn person_changed(&self, person: EnterpriseId) -> u64 {
        let found = self.newer.persons.get(&person).or_else(|| self.older.persons.get(&person));
        found.copied().unwrap_or(self.floor)
    }

    /// A request that was answered lately, and in which change.
    pub(crate) fn request(&self, request_id: &str) -> Option<&(u64, StoredRequest)> {
        self.newer.requests.get(request_id).or_else(|| self.older.requests.get(request_id))
    }
}

#[cfg(test)]
mod tests {
    use empi_model::BlockingRule;

    use super::*;

    #[test]
    fn what_is_forgotten_counts_as_changed_at_the_floor() {
        let mut recent = Recent::default();
        let key = |number: u64| BlockingKey::new(BlockingRule::Phone, number);
        let mut sequence = 0;
        for round in 0..4_u64 {
            for number in 0..ENTRIES_MAX as u64 {
                sequence += 1;
                recent.mark_key(key(round * 1_000_000 + number), sequence);
            }
            recent.turn(sequence);
        }
        assert_eq!(recent.floor(), 3 * ENTRIES_MAX as u64);
        assert_eq!(recent.key_changed(key(0)), recent.floor());
        assert_eq!(recent.key_changed(key(3_000_000)), recent.floor() + 1);
        assert_eq!(recent.key_changed(key(77_777_777)), recent.floor());
    }
}
