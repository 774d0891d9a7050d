//! A small even sample of many pairs, the same in every run.

/// Keeps at most so many of the items that are offered, each with the same chance, whatever their
/// order: those whose pair of record numbers hashes lowest.
#[derive(Clone, Debug)]
pub struct EvenSample<T> {
    size_max: usize,
    /// What chance depends on.
    seed: u64,
    offered: u64,
    /// By ascending hash.
    kept: Vec<(u64, T)>,
}

impl<T> EvenSample<T> {
    /// An empty sample of at most `size_max` items.
    #[must_use]
    pub const fn new(size_max: usize) -> Self {
        Self::seeded(size_max, 0)
    }

    /// An empty sample that is another one under another seed: a random one, where the seed is.
    #[must_use]
    pub const fn seeded(size_max: usize, seed: u64) -> Self {
        Self { size_max, seed, offered: 0, kept: Vec::new() }
    }

    /// Offers the item of a pair of records.
    pub fn offer(&mut self, (left, right): (u32, u32), item: T) {
        self.offered += 1;
        let hash = mixed(mixed((u64::from(left) << 32) | u64::from(right)) ^ self.seed);
        let is_full = self.kept.len() >= self.size_max;
        if is_full && self.kept.last().is_none_or(|(last, _)| hash >= *last) {
            return;
        }
        let at = self.kept.partition_point(|(other, _)| *other <= hash);
        self.kept.insert(at, (hash, item));
        self.kept.truncate(self.size_max);
    }

    /// Adds what another sample of the same seed was offered.
    pub fn merge(&mut self, other: Self) {
        self.offered += other.offered;
        self.kept.extend(other.kept);
        self.kept.sort_by_key(|(hash, _)| *hash);
        self.kept.truncate(self.size_max);
    }

    /// How many items were offered.
    #[must_use]
    pub const fn offered(&self) -> u64 {
        self.offered
    }

    /// The sample, in an order that tells nothing.
    pub fn into_items(self) -> impl Iterator<Item = T> {
        self.kept.into_iter().map(|(_, item)| item)
    }
}

/// The finaliser of SplitMix64: close numbers come out far apart.
const fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_of_offers_changes_nothing(
            pairs in prop::collection::hash_set((0..50_u32, 0..50_u32), 0..80),
            size_max in 0..12_usize,
        ) {
            let pairs: Vec<_> = pairs.into_iter().collect();
            let taken = |pairs: &mut dyn Iterator<Item = (u32, u32)>| {
                let mut sample = EvenSample::new(size_max);
                pairs.for_each(|pair| sample.offer(pair, pair));
                (sample.offered(), sample.into_items().collect::<Vec<_>>())
            };
            let forwards = taken(&mut pairs.iter().copied());
            let backwards = taken(&mut pairs.iter().rev().copied());
            prop_assert_eq!(&forwards, &backwards);
            prop_assert_eq!(forwards.0, pairs.len() as u64);
            prop_assert_eq!(forwards.1.len(), pairs.len().min(size_max));
            let half = |part: &[(u32, u32)]| {
                let mut sample = EvenSample::new(size_max);
                part.iter().for_each(|pair| sample.offer(*pair, *pair));
                sample
            };
            let (one, other) = pairs.split_at(pairs.len() / 2);
            let mut merged = half(other);
            merged.merge(half(one));
            prop_assert_eq!(merged.offered(), forwards.0);
            prop_assert_eq!(merged.into_items().collect::<Vec<_>>(), forwards.1);
        }
    }
}
