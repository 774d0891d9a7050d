//! Pointers to the next page of an answer: opaque, bound to the query and its sender, and good for a while.
//!
//! Nothing is kept for them: a pointer says where its page begins and until when it is good, and carries a
//! checksum under a number that each start of the server draws anew. It is no secret (whoever may ask the
//! query may ask for any of its pages); the checksum tells a pointer of another query, or of another day.

use std::hash::{BuildHasher as _, RandomState};

use empi_model::Timestamp;

/// Makes and reads pointers.
pub(super) struct Pointers {
    seed: u64,
    good_for_ms: i64,
}

impl Pointers {
    pub(super) fn new(seconds_max: u64) -> Self {
        let good_for_ms = i64::try_from(seconds_max.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self { seed: RandomState::new().hash_one("pointers"), good_for_ms }
    }

    /// The pointer to the page that begins at `offset` of a query's answer.
    pub(super) fn make(&self, query: &str, offset: usize, now: Timestamp) -> String {
        let until = now.0.saturating_add(self.good_for_ms).max(0) as u64;
        format!("{offset:x}.{until:x}.{:x}", self.check(query, offset, until))
    }

    /// Where the page of a pointer begins; `None` for one that is not of this query, or too old.
    pub(super) fn read(&self, query: &str, pointer: &str, now: Timestamp) -> Option<usize> {
        let mut parts = pointer.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        let (offset, until, check) = (parts.next()??, parts.next()??, parts.next()??);
        let offset = usize::try_from(offset).ok()?;
        let is_good = self.check(query, offset, until) == check
            && i64::try_from(until).is_ok_and(|until| until >= now.0);
        is_good.then_some(offset)
    }

    fn check(&self, query: &str, offset: usize, until: u64) -> u64 {
        let text = format!("{offset:x}.{until:x}.{query}");
        xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_good_for_its_query_and_its_time() {
        let (pointers, now) = (Pointers::new(600), Timestamp(1_000_000));
        let pointer = pointers.make("query", 40, now);
        let read = |query: &str, pointer: &str, now| pointers.read(query, pointer, Timestamp(now));
        assert_eq!(read("query", &pointer, 1_000_000), Some(40));
        assert_eq!(read("query", &pointer, 1_600_000), Some(40));
        assert_eq!(read("query", &pointer, 1_600_001), None);
        assert_eq!(read("another query", &pointer, 1_000_000), None);
        assert_eq!(Pointers::new(600).read("query", &pointer, now), None);
        assert_eq!(read("query", &pointer.replacen("28", "29", 1), 1_000_000), None);
        for nonsense in ["", ".", "1.2", "x.y.z", "p:9f3c"] {
            assert_eq!(read("query", nonsense, 1_000_000), None);
        }
    }
}
