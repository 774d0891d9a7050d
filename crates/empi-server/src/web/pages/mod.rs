//! The pages, one file each: what they ask the registry for, and how they show it.

pub(super) mod account;
pub(super) mod alike;
pub(super) mod approvals;
pub(super) mod audit;
pub(super) mod consent;
pub(super) mod decide;
pub(super) mod elsewhere;
pub(super) mod emergency;
pub(super) mod erase;
mod golden;
pub(super) mod labels;
pub(super) mod operation;
pub(super) mod overview;
pub(super) mod person;
pub(super) mod quality;
pub(super) mod search;
pub(super) mod sign_in;
pub(super) mod state;
pub(super) mod task;
pub(super) mod tuning;
pub(super) mod undo;
pub(super) mod users;
pub(super) mod worklist;
