//! Short lists that lie end to end, each found by its place.

use std::ops::Range;

/// Lists of numbers, or of bytes, in one piece of memory. One that changes its length moves those behind it, so there are
/// a few hundred at most.
#[derive(Clone, Debug)]
pub(super) struct EndToEnd<T> {
    ends: Ends,
    items: Vec<T>,
}

/// Where each list ends: in two bytes as long as all of them do.
#[derive(Clone, Debug)]
pub(super) enum Ends {
    Near(Vec<u16>),
    Far(Vec<u32>),
}

impl Default for Ends {
    fn default() -> Self {
        Self::Near(Vec::new())
    }
}

impl Ends {
    /// Ends in ascending order.
    pub(super) fn of(ends: &[u32]) -> Self {
        let near: Result<_, _> = ends.iter().map(|end| u16::try_from(*end)).collect();
        near.map_or_else(|_| Self::Far(ends.to_vec()), Self::Near)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map_while(|at| self.get(at)).map(far)
    }

    /// The end of the list at a place, and the begin of the one behind it.
    pub(super) fn get(&self, at: usize) -> Option<usize> {
        match self {
            Self::Near(ends) => ends.get(at).map(|end| usize::from(*end)),
            Self::Far(ends) => ends.get(at).map(|end| *end as usize),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Near(ends) => ends.len(),
            Self::Far(ends) => ends.len(),
        }
    }

    /// Where the list at a place lies.
    pub(super) fn span(&self, at: usize) -> Option<Range<usize>> {
        let begin = match at.checked_sub(1) {
            Some(before) => self.get(before)?,
            None => 0,
        };
        Some(begin..self.get(at)?)
    }

    /// Makes room for an end, however far it is.
    fn reach(&mut self, end: usize) {
        if let Self::Near(ends) = self
            && end > usize::from(u16::MAX)
        {
            *self = Self::Far(ends.iter().copied().map(u32::from).collect());
        }
    }

    fn push(&mut self, end: usize) {
        self.reach(end);
        match self {
            Self::Near(ends) => ends.push(near(end)),
            Self::Far(ends) => ends.push(far(end)),
        }
    }

    /// Moves the ends from a place on, by as much as a list there became longer or shorter.
    fn shift(&mut self, from: usize, before: usize, after: usize) {
        let last = self.len().checked_sub(1).and_then(|last| self.get(last)).unwrap_or(0);
        self.reach((last + after).saturating_sub(before));
        let moved = |end: usize| (end + after).saturating_sub(before);
        match self {
            Self::Near(ends) => {
                ends.iter_mut().skip(from).for_each(|end| *end = near(moved(usize::from(*end))));
            }
            Self::Far(ends) => {
                ends.iter_mut().skip(from).for_each(|end| *end = far(moved(*end as usize)));
            }
        }
    }
}

/// An end that was reached for.
fn near(end: usize) -> u16 {
    u16::try_from(end).unwrap_or(u16::MAX)
}

/// Each list is shorter than a message of a megabyte: all that lie together stay below 2^32.
fn far(end: usize) -> u32 {
    u32::try_from(end).unwrap_or(u32::MAX)
}

impl<T: Copy> EndToEnd<T> {
    /// None yet, with room for the ends of so many.
    pub(super) fn with_room(lists: usize) -> Self {
        Self { ends: Ends::Near(Vec::with_capacity(lists)), items: Vec::new() }
    }

    /// Takes the lists that end so from the front of what is kept of many. `None` where they are not there.
    pub(super) fn take(ends: &[u32], items: &mut &[T]) -> Option<Self> {
        let own = items.split_off(..ends.last().map_or(0, |end| *end as usize))?;
        ends.is_sorted().then(|| Self { ends: Ends::of(ends), items: own.to_vec() })
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All items, one list after the other.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    /// Where each list ends.
    pub(super) fn ends(&self) -> impl Iterator<Item = u32> + '_ {
        self.ends.iter()
    }

    pub(super) fn get(&self, at: usize) -> Option<&[T]> {
        self.items.get(self.ends.span(at)?)
    }

    /// Adds the list that is put behind the items there are.
    pub(super) fn push_with(&mut self, put: impl FnOnce(&mut Vec<T>)) {
        put(&mut self.items);
        self.ends.push(self.items.len());
    }

    /// Puts a list in the place of another; gives how long that was.
    pub(super) fn replace(&mut self, at: usize, list: &[T]) -> Option<usize> {
        let span = self.ends.span(at)?;
        let before = span.len();
        if list.len() > before {
            // What is full gets hardly longer: room for more would be wasted.
            self.items.reserve_exact(list.len() - before);
        }
        self.items.splice(span, list.iter().copied());
        self.ends.shift(at, before, list.len());
        Some(before)
    }

    /// Gives back the room that nothing more comes into.
    pub(super) fn shrink(&mut self) {
        self.items.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn lists_are_what_was_put_last_however_long_their_neighbours_became(
            lengths in proptest::collection::vec(0_usize..40, 1..60),
            changes in proptest::collection::vec((0_usize..60, 0_usize..30_000), 0..12)
        ) {
            let list = |seed: usize, length: usize| -> Vec<u8> {
                (0..length).map(|at| (seed + at) as u8).collect()
            };
            let mut lists = EndToEnd::with_room(lengths.len());
            let mut expected = Vec::new();
            for (at, length) in lengths.iter().enumerate() {
                expected.push(list(at, *length));
                lists.push_with(|items| items.extend(list(at, *length)));
            }
            lists.shrink();
            for (at, length) in changes {
                let before = expected.get(at).map(Vec::len);
                prop_assert_eq!(lists.replace(at, &list(at * 7, length)), before);
                if let Some(place) = expected.get_mut(at) {
                    *place = list(at * 7, length);
                }
            }
            let found: Vec<Vec<u8>> =
                (0..lists.len()).filter_map(|at| lists.get(at)).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert!(lists.get(lists.len()).is_none());
            prop_assert_eq!(lists.items(), expected.concat());
            let ends: Vec<u32> = lists.ends().collect();
            let kept = [lists.items(), &[7]].concat();
            let mut rest = kept.as_slice();
            let again = EndToEnd::take(&ends, &mut rest).unwrap();
            prop_assert!((0..=ends.len()).all(|at| again.get(at) == lists.get(at)));
            prop_assert_eq!(rest, &[7], "what is behind them stays");
            let end = lists.items().len() as u32;
            for broken in [[ends.as_slice(), &[end + 1]].concat(), [&[end + 1], ends.as_slice()].concat()] {
                prop_assert!(EndToEnd::take(&broken, &mut lists.items()).is_none());
            }
        }
    }
}
