//! Memory that is needed soon, asked for all at once.

use std::hint::black_box;

/// Looks at things that are about to be used, and does nothing with them. They lie far apart in memory:
/// looked at in a row, without anything in between that would have to wait for one of them, they come to
/// the core's cache side by side instead of one after the other.
pub(super) fn bring_near<T>(things: impl Iterator<Item = T>) {
    things.for_each(|thing| {
        black_box(thing);
    });
}
