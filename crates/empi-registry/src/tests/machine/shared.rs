//! What sequences share, so that one takes milliseconds: a store that is open, emptied between them.

use std::cell::RefCell;

use super::super::*;

/// Sequences that take one store after the other, before it has seen enough.
const SEQUENCES_PER_STORE: u32 = 64;

/// A long run closes and opens its store at the end of one in so many sequences: it is what takes longest, the
/// sequences do it in their midst, too, and at the end of each the index in memory is compared with one that is
/// read anew in any case.
const REOPENED_OF_LONG_RUN: u32 = 4;

/// What the sequences of one thread share.
#[derive(Default)]
pub(super) struct Shared {
    /// How many were begun.
    pub(super) sequences: u32,
    /// What an empty store holds.
    empty: Option<Rows>,
    /// The store of the sequence before.
    pub(super) spare: Option<Spare>,
}

impl Shared {
    /// An empty index.
    pub(super) fn index(&mut self) -> Index {
        self.sequences += 1;
        let spare = self.spare.take();
        let spare = spare.filter(|_| !self.sequences.is_multiple_of(SEQUENCES_PER_STORE));
        match (spare, &self.empty) {
            (Some(spare), Some(empty)) => Index::again(spare, empty),
            _ => {
                let index = Index::new();
                self.empty = Some(index.registry().core.store.rows().unwrap());
                index
            }
        }
    }

    /// Whether the sequence that was begun last is to close and open its store at its end.
    pub(super) fn reopens(&self) -> bool {
        sequences().is_none() || self.sequences.is_multiple_of(REOPENED_OF_LONG_RUN)
    }
}

thread_local! {
    pub(super) static SHARED: RefCell<Shared> = RefCell::default();
}

/// How many sequences a run takes, where somebody says so.
pub(super) fn sequences() -> Option<u32> {
    std::env::var("EMPI_MACHINE_SEQUENCES").ok()?.parse().ok()
}

/// Sequences after which a long run says how far it is.
const TOLD_EVERY: u32 = 1000;

/// Says how far a long run is.
pub(super) fn tell_progress(done: u32) {
    if sequences().is_some() && done.is_multiple_of(TOLD_EVERY) {
        eprintln!("{done} sequences");
    }
}
