//! Commands that talk to a running server: the same calls as gRPC, for people and scripts.

mod answers;
mod change;
mod columns;
mod connection;
pub(crate) mod emergency;
pub(crate) mod events;
mod everything;
mod fields;
mod golden;
pub(crate) mod match_record;
pub(crate) mod person;
mod proposals;
mod queue;
mod reason;
pub(crate) mod register;
pub(crate) mod retire;
pub(crate) mod review;
mod review_steps;
mod rows;
pub(crate) mod search;
pub(crate) mod steward;
mod tables;
mod task_answers;
mod words;

pub(crate) use connection::{ServerArgs, converse, incomplete, refusal};
