//! Commands that talk to a running server: the same calls as gRPC, for people and scripts.

mod answers;
mod columns;
mod connection;
mod fields;
pub(crate) mod match_record;
pub(crate) mod person;
pub(crate) mod register;
pub(crate) mod review;
mod rows;
mod tables;
mod words;
