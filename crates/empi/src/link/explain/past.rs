//! `empi explain --data DIR --event N`: why an event decided as it did, as things stood then.

use std::fmt::Write as _;
use std::sync::Arc;

use empi_model::{EventSequence, PatientText, RecordKey};
use empi_registry::{DataDir, PastDecision, PastEvent, PastRecord, Registry, RegistryOptions};
use serde::Serialize;

use super::waterfall;
use crate::clock::SystemClock;
use crate::link::pipeline::ModelArgs;

/// Opens the index and looks back.
pub(super) fn explain(
    data: &DataDir,
    model: &ModelArgs,
    event: u64,
    values_shown: bool,
) -> anyhow::Result<PastEvent> {
    let model = model.file()?.validate()?;
    let options =
        RegistryOptions { create: false, ..RegistryOptions::new(model, Arc::new(SystemClock)) };
    let registry = Registry::open(data, options)?;
    let explained = registry.explain_event(EventSequence(event));
    registry.close();
    let mut explained = explained?;
    if !values_shown {
        for row in explained.decisions.iter_mut().flat_map(|it| &mut it.explanation.rows) {
            (row.left, row.right) = (None, None);
        }
    }
    Ok(explained)
}

/// Everything about the event, for people.
pub(super) fn shown(past: &PastEvent, values_shown: bool) -> String {
    let event = &past.event.event;
    let mut parts = vec![format!(
        "event {}, {}: person {}, {}",
        event.sequence,
        event.kind.as_str(),
        event.new_enterprise_id,
        event.reason
    )];
    for PastDecision { task, incoming, candidate, explanation, thresholds } in &past.decisions {
        let mut text = match task {
            None => "what decided".to_owned(),
            Some(task) => format!("review task {task} asks"),
        };
        for (name, record) in [("incoming", incoming), ("candidate", candidate)] {
            let RecordKey { source, record_id } = &record.key;
            let _ = write!(text, "\n{name:<9}  {source}:{record_id}, {}", version(record));
        }
        if values_shown {
            let _ = write!(text, "\n\n{}", waterfall::values(explanation));
        }
        let drawing = waterfall::drawing(explanation, *thresholds);
        let _ = write!(text, "\n\n{drawing}\n\n{}", waterfall::legend(explanation, *thresholds));
        for guard in &explanation.guards {
            let _ = write!(text, "\nheld back by {}: {}", guard.as_str(), guard.reason());
        }
        parts.push(text);
    }
    if past.decisions.is_empty() {
        parts.push(
            "Scoring compared nothing that decided here, or the store did not keep it yet."
                .to_owned(),
        );
    }
    parts.join("\n\n")
}

fn version(record: &PastRecord) -> String {
    match (record.brought_by, record.stands) {
        (None, _) => "as an update that was held says".to_owned(),
        (Some(event), true) => format!("as it is since event {event}"),
        (Some(event), false) => format!("as event {event} had left it"),
    }
}

/// One line of JSON. Field names are a promise.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    event: u64,
    kind: &'static str,
    enterprise_id: String,
    reason: &'a str,
    model: &'a str,
    decisions: Vec<Decision<'a>>,
}

#[derive(Serialize)]
struct Decision<'a> {
    task: Option<u64>,
    incoming: Side<'a>,
    candidate: Side<'a>,
    /// `link`, `review` or `non_link`.
    decision: &'static str,
    match_weight: f64,
    model: &'a str,
    guards: Vec<&'static str>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    source: &'a str,
    record_id: &'a str,
    brought_by_event: Option<u64>,
    stands: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    label: &'a str,
    level: &'a str,
    incoming: Option<&'a str>,
    candidate: Option<&'a str>,
    match_weight: f64,
}

impl<'a> Answer<'a> {
    pub(super) fn of(past: &'a PastEvent) -> Self {
        let event = &past.event.event;
        Self {
            event: event.sequence.0,
            kind: event.kind.as_str(),
            enterprise_id: event.new_enterprise_id.to_string(),
            reason: &event.reason,
            model: &event.model,
            decisions: past.decisions.iter().map(Decision::of).collect(),
        }
    }
}

impl<'a> Decision<'a> {
    fn of(decision: &'a PastDecision) -> Self {
        let PastDecision { task, incoming, candidate, explanation, .. } = decision;
        let rows = explanation.rows.iter().map(|row| Row {
            label: &row.label,
            level: &row.level,
            incoming: row.left.as_ref().map(PatientText::expose),
            candidate: row.right.as_ref().map(PatientText::expose),
            match_weight: row.weight.bits(),
        });
        Self {
            task: task.map(|task| task.0),
            incoming: Side::of(incoming),
            candidate: Side::of(candidate),
            decision: explanation.decision.as_str(),
            match_weight: explanation.total.bits(),
            model: &explanation.model,
            guards: explanation.guards.iter().map(|guard| guard.as_str()).collect(),
            rows: rows.collect(),
        }
    }
}

impl<'a> Side<'a> {
    fn of(record: &'a PastRecord) -> Self {
        let RecordKey { source, record_id } = &record.key;
        let brought_by_event = record.brought_by.map(|event| event.0);
        Self { source, record_id, brought_by_event, stands: record.stands }
    }
}
