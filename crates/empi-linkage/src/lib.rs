//! The mathematics of record linkage. Pure: no I/O, no clock, no randomness.
//!
//! Read it in the order a record takes: [`normalize`], then interning and blocking, comparing,
//! weighing, deciding, explaining; then training, clustering and evaluating.

mod evaluate;
mod normalize;

pub use normalize::normalize;
