//! What is personal in the row of an event: how records were, which updates waited, and what people wrote.
//!
//! In a store that is encrypted it is taken out and put back, sealed, as [`PartRow`]s.

use std::collections::BTreeMap;

use empi_model::RecordIndex;
use prost::Message;

use super::EventRow;
use super::record::SourceRow;

/// What is personal of one record, sealed under its data key.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct PartRow {
    #[prost(uint32, tag = "1")]
    pub(crate) record: u32,
    /// A [`PersonalRow`].
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) sealed: Vec<u8>,
}

/// What is personal of one record in an event.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct PersonalRow {
    /// How it was, by the place among the changes of records.
    #[prost(message, repeated, tag = "1")]
    contents: Vec<OldRow>,
    /// The update that waited, by the place among the changes of tasks.
    #[prost(message, repeated, tag = "2")]
    held: Vec<OldRow>,
    /// Everything that people wrote, in the order of [`EventRow::texts`]; with the event's first record.
    #[prost(string, repeated, tag = "3")]
    texts: Vec<String>,
    #[prost(string, optional, tag = "4")]
    request_id: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct OldRow {
    #[prost(uint32, tag = "1")]
    place: u32,
    #[prost(message, optional, tag = "2")]
    record: Option<SourceRow>,
    #[prost(fixed64, tag = "3")]
    hash: u64,
}

impl EventRow {
    /// Takes out what is personal, by record. `incoming` tells which record a task asks about.
    pub(crate) fn take_personal(
        &mut self,
        incoming: impl Fn(u64) -> Option<RecordIndex>,
    ) -> BTreeMap<RecordIndex, PersonalRow> {
        let mut taken: BTreeMap<RecordIndex, PersonalRow> = BTreeMap::new();
        let first = self.records.first().copied().map(RecordIndex);
        if let Some(change) = &mut self.change {
            for (place, changed) in (0..).zip(&mut change.records) {
                let Some(content) = &mut changed.old_content else { continue };
                let (record, hash) = (content.record.take(), std::mem::take(&mut content.hash));
                let of = taken.entry(RecordIndex(changed.record)).or_default();
                of.contents.push(OldRow { place, record, hash });
            }
            for (place, changed) in (0..).zip(&mut change.tasks) {
                let Some(of) = incoming(changed.task).or(first) else { continue };
                let Some(record) = changed.old_held.take() else { continue };
                let old = OldRow { place, record: Some(record), hash: 0 };
                taken.entry(of).or_default().held.push(old);
            }
        }
        let Some(first) = first else { return taken };
        let request_id = self.request_id.take();
        let texts: Vec<String> = self.texts().into_iter().map(std::mem::take).collect();
        if request_id.is_some() || texts.iter().any(|text| !text.is_empty()) {
            let of = taken.entry(first).or_default();
            (of.request_id, of.texts) = (request_id, texts);
        }
        taken
    }

    /// Puts back what was taken out.
    pub(crate) fn put_personal(&mut self, personal: PersonalRow) {
        let PersonalRow { contents, held, texts, request_id } = personal;
        if let Some(change) = &mut self.change {
            for OldRow { place, record, hash } in contents {
                let changed = change.records.get_mut(place as usize);
                if let Some(content) = changed.and_then(|it| it.old_content.as_mut()) {
                    (content.record, content.hash) = (record, hash);
                }
            }
            for OldRow { place, record, .. } in held {
                if let Some(changed) = change.tasks.get_mut(place as usize) {
                    changed.old_held = record;
                }
            }
        }
        if request_id.is_some() {
            self.request_id = request_id;
        }
        for (place, text) in self.texts().into_iter().zip(texts) {
            *place = text;
        }
    }

    /// Lets contents be empty that no key opens any more.
    pub(crate) fn fill_forgotten(&mut self) {
        let changes = self.change.iter_mut().flat_map(|change| &mut change.records);
        for content in changes.filter_map(|changed| changed.old_content.as_mut()) {
            content.record.get_or_insert_default();
        }
    }

    /// Everything that people wrote, in a fixed order.
    fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = vec![&mut self.note];
        for task in self.change.iter_mut().flat_map(|change| &mut change.tasks) {
            if let Some(resolution) = &mut task.old_resolution {
                resolution.notes(&mut texts);
            }
            if let Some(waiting) = &mut task.old_waiting {
                waiting.notes(&mut texts);
            }
        }
        texts
    }
}
