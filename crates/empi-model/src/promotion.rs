//! Which model decides, since when and why: a log that is kept for ever.

use crate::{Actor, ReasonCode, Timestamp};

/// A model begins to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Its place in the log: 1 for the first, without gaps.
    pub number: u32,
    /// When.
    pub time: Timestamp,
    /// Who wanted it.
    pub actor: Actor,
    /// Why.
    pub reason: ReasonCode,
    /// Why, in their words. Never patient data.
    pub note: String,
    /// The model, by its number in the store.
    pub model: u32,
    /// The model that had decided until then.
    pub before: u32,
    /// The model that the server was started with. Started with another one, it uses that: whoever spoke last is
    /// heard.
    pub configured: u32,
    /// Whether it goes back to a model of before.
    pub is_rollback: bool,
}
