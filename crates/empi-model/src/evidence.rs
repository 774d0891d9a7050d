//! What a decision rested on, small enough to be kept with it: enough to tell again why, when records,
//! model and the counts of names have long become others.

use crate::{MatchWeight, RecordIndex};

/// What the weight of a pair is made of. Together with the model it gives every row of the waterfall.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Evidence {
    /// The level that each comparison reached, packed; linkage knows the order.
    pub levels: u64,
    /// How many records there were: the prior depends on it.
    pub records: u32,
    /// What the rarity of the agreed given name added.
    pub given_frequency: MatchWeight,
    /// What the rarity of the agreed family name added.
    pub family_frequency: MatchWeight,
}

/// The evidence of a decision, and what it was found in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Basis {
    /// The weight's parts.
    pub evidence: Evidence,
    /// The model that decided, by its number in the store; 0 for one that the store did not keep.
    pub model: u32,
    /// The record that the incoming one was compared with.
    pub candidate: RecordIndex,
    /// Which content of the incoming record was compared, by its hash; `None` for its first.
    pub incoming_hash: Option<u64>,
    /// Which content of the candidate was compared, by its hash; `None` for its first.
    pub candidate_hash: Option<u64>,
}
