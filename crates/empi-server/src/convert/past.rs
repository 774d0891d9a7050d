//! Past decisions as they go over the wire.

use empi_proto::v1;
use empi_registry::{PastDecision, PastEvent, PastRecord};

use super::event::event;
use super::explanation::explanation;
use super::source::source_record_to_proto;

pub(crate) fn past_event(past: PastEvent) -> v1::ExplainEventResponse {
    v1::ExplainEventResponse {
        event: Some(event(past.event)),
        decisions: past.decisions.into_iter().map(decision).collect(),
    }
}

fn decision(past: PastDecision) -> v1::PastDecision {
    v1::PastDecision {
        task: past.task.map(|task| task.0),
        incoming: Some(record(past.incoming)),
        candidate: Some(record(past.candidate)),
        explanation: Some(explanation(past.explanation)),
    }
}

fn record(past: PastRecord) -> v1::PastRecord {
    v1::PastRecord {
        record: Some(source_record_to_proto(past.content)),
        brought_by_event: past.brought_by.map(|event| event.0),
        stands: past.stands,
    }
}
