//! Everything that is held about one person, as one JSON document. Field names are a promise.

use empi_proto::v1;
use serde::Serialize;

use super::answers::{Fields, Person};
use super::change::Event;
use super::connection::{Server, incomplete, refusal};
use super::golden::Golden;
use super::task_answers::Task;
use crate::audit::Line;

/// The document.
#[derive(Serialize)]
pub(super) struct Everything {
    person: Person,
    enterprise_ids: Vec<String>,
    earlier: Vec<Earlier>,
    events: Vec<Event>,
    tasks: Vec<Task>,
    waiting_updates: Vec<Update>,
    audit: Vec<Line>,
    /// Whether there is more than a document holds.
    cut: bool,
}

#[derive(Serialize)]
struct Earlier {
    source: String,
    record_id: String,
    until_event: u64,
    fields: Fields,
}

#[derive(Serialize)]
struct Update {
    task_id: u64,
    source: String,
    record_id: String,
    fields: Fields,
}

impl Everything {
    pub(super) async fn ask(server: &Server, enterprise_id: String) -> anyhow::Result<Self> {
        let request = v1::ExportPersonRequest { enterprise_id: enterprise_id.clone() };
        let answer = server.audit().export_person(request).await;
        let answer = answer.map_err(|status| refusal(&status))?.into_inner();
        let person = Person::of(enterprise_id, answer.person.ok_or_else(incomplete)?)?;
        let earlier = |earlier: v1::EarlierContent| {
            let record = earlier.record.ok_or_else(incomplete)?;
            let (source, record_id) = key_of(&record)?;
            let (until_event, fields) = (earlier.until_sequence, Fields::of(&record));
            anyhow::Ok(Earlier { source, record_id, until_event, fields })
        };
        let update = |update: v1::WaitingUpdate| {
            let record = update.record.ok_or_else(incomplete)?;
            let (source, record_id) = key_of(&record)?;
            anyhow::Ok(Update {
                task_id: update.task_id,
                source,
                record_id,
                fields: Fields::of(&record),
            })
        };
        Ok(Self {
            person: Person { golden: answer.golden.map(Golden::from), ..person },
            enterprise_ids: answer.enterprise_ids,
            earlier: answer.earlier.into_iter().map(earlier).collect::<anyhow::Result<_>>()?,
            events: answer.events.into_iter().map(Event::from).collect(),
            tasks: answer.tasks.into_iter().map(Task::from).collect(),
            waiting_updates: answer
                .updates
                .into_iter()
                .map(update)
                .collect::<anyhow::Result<_>>()?,
            audit: answer.audit.iter().map(Line::told).collect(),
            cut: answer.cut,
        })
    }
}

fn key_of(record: &v1::SourceRecord) -> anyhow::Result<(String, String)> {
    let key = record.key.clone().ok_or_else(incomplete)?;
    Ok((key.source, key.record_id))
}
