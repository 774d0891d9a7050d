//! Events as JSON, one line each, and as lines that people read.

use empi_proto::v1;
use serde::Serialize;

use super::words;

/// One change of the index. Field names are a promise.
#[derive(Serialize)]
pub(super) struct Event {
    pub(super) sequence: u64,
    pub(super) time: String,
    pub(super) actor: String,
    pub(super) kind: String,
    pub(super) enterprise_id: String,
    pub(super) old_enterprise_id: Option<String>,
    pub(super) moves: Vec<Move>,
    pub(super) persons: Vec<Person>,
    pub(super) tasks_opened: Vec<u64>,
    pub(super) tasks_closed: Vec<u64>,
    pub(super) kept_apart: Vec<Pair>,
    pub(super) match_weight: Option<f64>,
    pub(super) model: String,
    pub(super) reason: String,
    pub(super) reason_code: Option<String>,
    pub(super) note: String,
    pub(super) task: Option<u64>,
    pub(super) undoes: Option<u64>,
    pub(super) request_id: Option<String>,
    pub(super) sources: Vec<String>,
    pub(super) approved_by: Option<String>,
}

/// A record that belongs to another person since.
#[derive(Serialize)]
pub(super) struct Move {
    source: String,
    record_id: String,
    old_enterprise_id: Option<String>,
    new_enterprise_id: String,
}

/// What became of a person.
#[derive(Serialize)]
pub(super) struct Person {
    enterprise_id: String,
    /// `minted`, `stays`, `revived` or `retired`.
    fate: String,
    survivor_enterprise_id: Option<String>,
}

/// Two records that are kept apart since, or no longer.
#[derive(Serialize)]
pub(super) struct Pair {
    left: Key,
    right: Key,
    kept_apart: bool,
}

impl Person {
    /// In words.
    pub(super) fn told(&self) -> String {
        let to = self.survivor_enterprise_id.as_deref();
        let to = to.map_or_else(String::new, |survivor| format!(", {survivor} answers for it"));
        format!("{}  {}{to}", self.enterprise_id, self.fate)
    }
}

#[derive(Serialize)]
struct Key {
    source: String,
    record_id: String,
}

impl From<Option<v1::RecordKey>> for Key {
    fn from(key: Option<v1::RecordKey>) -> Self {
        let v1::RecordKey { source, record_id } = key.unwrap_or_default();
        Self { source, record_id }
    }
}

fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<v1::Event> for Event {
    fn from(event: v1::Event) -> Self {
        let (kind, reason_code) = (event.kind(), event.reason_code());
        let moved = |moved: v1::RecordMove| {
            let Key { source, record_id } = Key::from(moved.key);
            let old_enterprise_id = present(moved.old_enterprise_id);
            Move {
                source,
                record_id,
                old_enterprise_id,
                new_enterprise_id: moved.new_enterprise_id,
            }
        };
        let person = |person: v1::PersonOutcome| Person {
            fate: words::person_fate(person.fate()),
            enterprise_id: person.enterprise_id,
            survivor_enterprise_id: present(person.survivor_enterprise_id),
        };
        let pair = |pair: v1::KeptApartPair| Pair {
            left: Key::from(pair.left),
            right: Key::from(pair.right),
            kept_apart: pair.kept_apart,
        };
        Self {
            sequence: event.sequence,
            time: event.time.map(|time| words::time(time.seconds)).unwrap_or_default(),
            actor: event.actor.map(|actor| actor.name).unwrap_or_default(),
            kind: words::event_kind(kind),
            enterprise_id: event.enterprise_id,
            old_enterprise_id: present(event.old_enterprise_id),
            moves: event.moves.into_iter().map(moved).collect(),
            persons: event.persons.into_iter().map(person).collect(),
            tasks_opened: event.tasks_opened,
            tasks_closed: event.tasks_closed,
            kept_apart: event.kept_apart.into_iter().map(pair).collect(),
            match_weight: event.match_weight,
            model: event.model,
            reason: event.reason,
            reason_code: (reason_code != v1::ReasonCode::Unspecified)
                .then(|| words::reason_code(reason_code)),
            note: event.note,
            task: event.task,
            undoes: event.undoes,
            request_id: present(event.request_id),
            sources: event.sources,
            approved_by: present(event.approved_by),
        }
    }
}

/// What a change makes or would make.
#[derive(Serialize)]
pub(super) struct Change {
    pub(super) preview: bool,
    pub(super) version_token: String,
    /// The proposal under which it waits for a second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proposal: Option<u64>,
    #[serde(flatten)]
    pub(super) event: Event,
}

/// One event on one line, so that a feed can be read as it comes.
pub(super) fn event_line(event: &Event) -> String {
    let mut line = format!(
        "{:>8}  {}  {:<17}  {}",
        event.sequence, event.time, event.kind, event.enterprise_id
    );
    if let Some(old) = event.old_enterprise_id.as_ref().filter(|old| **old != event.enterprise_id) {
        line.push_str(&format!("  from {old}"));
    }
    line.push_str(&format!("  by {}", event.actor));
    if let Some(approver) = &event.approved_by {
        line.push_str(&format!(", approved by {approver}"));
    }
    line.push_str(&format!(": {}", event.reason));
    line
}

/// What a change makes, line by line.
pub(super) fn change_lines(change: &Change) -> String {
    let Change { preview, event, .. } = change;
    let mut lines = vec![if *preview {
        format!("would be event {} ({}):", event.sequence, event.kind)
    } else {
        format!("event {} ({}):", event.sequence, event.kind)
    }];
    lines.extend(event.persons.iter().map(|person| format!("  {}", person.told())));
    for moved in &event.moves {
        let Move { source, record_id, new_enterprise_id, .. } = moved;
        lines.push(format!("  {source}:{record_id} goes to {new_enterprise_id}"));
    }
    for Pair { left, right, kept_apart } in &event.kept_apart {
        let now = if *kept_apart { "kept apart" } else { "no longer kept apart" };
        lines.push(format!(
            "  {}:{} and {}:{} are {now}",
            left.source, left.record_id, right.source, right.record_id
        ));
    }
    for (tasks, what) in [(&event.tasks_opened, "opens"), (&event.tasks_closed, "closes")] {
        lines.extend(tasks.iter().map(|task| format!("  review task {task} {what}")));
    }
    lines.push(format!("  to be told: {}", event.sources.join(", ")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn key(record_id: &str) -> Option<v1::RecordKey> {
        Some(v1::RecordKey { source: "north".to_owned(), record_id: record_id.to_owned() })
    }

    fn merged() -> v1::Event {
        v1::Event {
            sequence: 12,
            time: Some(empi_proto::Timestamp { seconds: 0, nanos: 0 }),
            actor: Some(v1::Actor { kind: 2, name: "ines".to_owned() }),
            kind: v1::EventKind::Merged.into(),
            records: vec![],
            enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            old_enterprise_id: "1T4M-PVE9-69X".to_owned(),
            moves: vec![v1::RecordMove {
                key: key("17"),
                old_enterprise_id: "1T4M-PVE9-69X".to_owned(),
                new_enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            }],
            persons: vec![v1::PersonOutcome {
                enterprise_id: "1T4M-PVE9-69X".to_owned(),
                fate: v1::PersonFate::Retired.into(),
                survivor_enterprise_id: "7K3M-9QXT-2VC".to_owned(),
            }],
            tasks_opened: vec![],
            tasks_closed: vec![3],
            kept_apart: vec![v1::KeptApartPair {
                left: key("17"),
                right: key("18"),
                kept_apart: false,
            }],
            match_weight: None,
            model: "us-default/1".to_owned(),
            reason: "a steward merged two persons".to_owned(),
            reason_code: v1::ReasonCode::DocumentSeen.into(),
            note: String::new(),
            task: None,
            undoes: None,
            request_id: String::new(),
            sources: vec!["north".to_owned()],
            approved_by: String::new(),
        }
    }

    #[test]
    fn a_change_reads_line_by_line() {
        let event = Event::from(merged());
        expect![
            "      12  1970-01-01T00:00:00Z  merged             7K3M-9QXT-2VC  from 1T4M-PVE9-69X  by ines: a steward merged two persons"
        ]
        .assert_eq(&event_line(&event));
        let (version_token, proposal) = ("t".to_owned(), None);
        let change = Change { preview: true, version_token, proposal, event };
        expect![[r#"
            would be event 12 (merged):
              1T4M-PVE9-69X  retired, 7K3M-9QXT-2VC answers for it
              north:17 goes to 7K3M-9QXT-2VC
              north:17 and north:18 are no longer kept apart
              review task 3 closes
              to be told: north"#]]
        .assert_eq(&change_lines(&change));
        expect![[
            r#"{"preview":true,"version_token":"t","sequence":12,"time":"1970-01-01T00:00:00Z","actor":"ines","kind":"merged","enterprise_id":"7K3M-9QXT-2VC","old_enterprise_id":"1T4M-PVE9-69X","moves":[{"source":"north","record_id":"17","old_enterprise_id":"1T4M-PVE9-69X","new_enterprise_id":"7K3M-9QXT-2VC"}],"persons":[{"enterprise_id":"1T4M-PVE9-69X","fate":"retired","survivor_enterprise_id":"7K3M-9QXT-2VC"}],"tasks_opened":[],"tasks_closed":[3],"kept_apart":[{"left":{"source":"north","record_id":"17"},"right":{"source":"north","record_id":"18"},"kept_apart":false}],"match_weight":null,"model":"us-default/1","reason":"a steward merged two persons","reason_code":"document_seen","note":"","task":null,"undoes":null,"request_id":null,"sources":["north"],"approved_by":null}"#
        ]]
        .assert_eq(&super::super::answers::line(&change).unwrap());
    }
}
