//! Sorting numbers by their digits, without comparing them: each pass goes through all items once, and
//! what has the same key keeps its order.

/// Bits of a key that one pass sorts by: few enough that the counters lie in a core's nearest cache.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Fewer items are sorted by comparing: the counters would cost more.
const ITEMS_MIN: usize = 192;

/// Sorts items by a key of at most `bits` bits. `spare` is room for as many, and can be used again.
pub(super) fn sort_by_digits<T: Copy + Default>(
    items: &mut Vec<T>,
    spare: &mut Vec<T>,
    bits: u32,
    key: impl Fn(&T) -> u32,
) {
    if items.len() < ITEMS_MIN {
        items.sort_by_key(key);
        return;
    }
    spare.clear();
    spare.resize(items.len(), T::default());
    let passes = bits.div_ceil(DIGIT_BITS).max(1);
    let pass_bits = bits.div_ceil(passes);
    for pass in 0..passes {
        let digit = |item: &T| (key(item) >> (pass * pass_bits)) as usize & ((1 << pass_bits) - 1);
        let mut next = [0_u32; DIGITS];
        for item in items.iter() {
            next[digit(item) % DIGITS] += 1;
        }
        let mut sum = 0;
        for slot in &mut next {
            (*slot, sum) = (sum, sum + *slot);
        }
        for item in items.iter() {
            let slot = &mut next[digit(item) % DIGITS];
            if let Some(place) = spare.get_mut(*slot as usize) {
                *place = *item;
            }
            *slot += 1;
        }
        std::mem::swap(items, spare);
    }
}

/// How many bits numbers below `count` have.
pub(super) const fn bits_below(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn items_are_sorted_and_equal_ones_keep_their_order(
            keys in prop::collection::vec(prop_oneof![0..40_u32, any::<u32>()], 0..700)
        ) {
            let mut items: Vec<(u32, u32)> = keys.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by_digits(&mut items, &mut Vec::new(), 32, |(key, _)| *key);
            prop_assert_eq!(items, expected);
        }
    }

    #[test]
    fn bits_of_numbers() {
        for (count, expected) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1 << 20, 20)] {
            assert_eq!(bits_below(count), expected, "{count}");
        }
    }
}
