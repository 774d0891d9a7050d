//! Between the wire and the words of the index, one direction per function.
//!
//! What comes in is checked here for what the wire cannot say (required parts, bounds); what a value
//! means is for the linkage to find out. What goes out is a plain translation.

mod answer;
mod event;
mod explanation;
mod golden;
mod oversight;
mod past;
mod request;
mod review;
mod review_request;
mod source;
mod steward;

use std::fmt;

pub(crate) use answer::{person, record_view, registration, search_answer, timestamp};
pub(crate) use event::event;
pub(crate) use explanation::candidate;
pub(crate) use golden::golden;
pub(crate) use oversight::{deciding, foreseen, proposal, proposal_decided, proposal_number};
pub(crate) use past::past_event;
pub(crate) use request::{actor, enterprise_id, identifier, register_request};
pub(crate) use review::{claimed, queue_stats, review_task, task_answers, task_view};
pub(crate) use review_request::{
    Claiming, ask_source, assign_task, claim, escalate_task, resolve_task, resolve_tasks,
    snooze_task, task_id, task_query,
};
pub(crate) use source::record_key_from_proto;
pub use source::{source_record_from_proto, source_record_to_proto};
pub(crate) use steward::{
    change, choose_value, erase_person, event_sequence, keep_apart, link_records, merge_persons,
    move_record, retire_request, retirement, set_consent, split_person, undo_event, unlink_record,
    unmerge_persons,
};

/// A request that breaks a rule of the contract: one sentence, without patient data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest(String);

impl InvalidRequest {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvalidRequest {}

/// Refuses a text of more bytes than its limit, by the name of its field.
fn bounded(field: &str, text: &str, bytes_max: usize) -> Result<(), InvalidRequest> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    Err(InvalidRequest(format!(
        "`{field}` has {} bytes and may have at most {bytes_max}",
        text.len()
    )))
}
