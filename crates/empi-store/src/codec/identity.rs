//! Rows of links, persons, events, requests and counters.

use empi_model::{
    EnterpriseId, EventKind, EventSequence, Link, LinkSource, MatchWeight, Person, PersonState,
    ReasonCode, RecordIndex, RegistryEvent, TaskId, Timestamp,
};
use prost::Message;

use super::change::{ChangeDigests, ChangeRow, Frame};
use super::{ActorRow, BasisRow, PartRow, Row};
use crate::rows::{Counters, StoredAnswer, StoredRegistration, StoredRequest};
use crate::seal::{Digests, Seal};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LinkRow {
    #[prost(fixed64, tag = "1")]
    enterprise_id: u64,
    /// 1 by scoring, 2 by a steward.
    #[prost(uint32, tag = "2")]
    source: u32,
    #[prost(double, optional, tag = "3")]
    weight: Option<f64>,
    #[prost(string, tag = "4")]
    model: String,
    #[prost(uint64, tag = "5")]
    event: u64,
}

impl Row for LinkRow {
    type Word = Link;

    fn of(link: &Link) -> Self {
        let source = match link.source {
            LinkSource::Automatic => 1,
            LinkSource::Manual => 2,
        };
        Self {
            enterprise_id: link.enterprise_id.as_number(),
            source,
            weight: link.weight.map(MatchWeight::bits),
            model: link.model.clone(),
            event: link.event.0,
        }
    }

    fn word(self) -> Option<Link> {
        let source = match self.source {
            1 => LinkSource::Automatic,
            2 => LinkSource::Manual,
            _ => return None,
        };
        Some(Link {
            enterprise_id: EnterpriseId::from_number(self.enterprise_id),
            source,
            weight: self.weight.map(MatchWeight::from_bits),
            model: self.model,
            event: EventSequence(self.event),
        })
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PersonRow {
    #[prost(fixed64, tag = "1")]
    enterprise_id: u64,
    /// The records of a living person.
    #[prost(uint32, repeated, tag = "2")]
    records: Vec<u32>,
    /// The survivor of one that was merged away.
    #[prost(fixed64, optional, tag = "3")]
    survivor: Option<u64>,
    #[prost(int64, tag = "4")]
    created: i64,
    #[prost(uint64, tag = "5")]
    version: u64,
    /// The event that sent a redirect to its survivor; 0 for the event of the version.
    #[prost(uint64, tag = "6")]
    redirect_event: u64,
    /// The event that erased it; 0 for one that was not.
    #[prost(uint64, tag = "7")]
    erased: u64,
}

impl Row for PersonRow {
    type Word = Person;

    fn of(person: &Person) -> Self {
        let numbers = |records: &[RecordIndex]| records.iter().map(|it| it.0).collect();
        let mut erased = 0;
        let (records, survivor, sent) = match &person.state {
            PersonState::Live(records) => (numbers(records), None, person.version),
            PersonState::Erased { records, event } => {
                erased = event.0;
                (numbers(records), None, person.version)
            }
            PersonState::Redirect { survivor, event } => {
                (Vec::new(), Some(survivor.as_number()), *event)
            }
        };
        Self {
            enterprise_id: person.enterprise_id.as_number(),
            records,
            survivor,
            created: person.created.0,
            version: person.version.0,
            redirect_event: if sent == person.version { 0 } else { sent.0 },
            erased,
        }
    }

    fn word(self) -> Option<Person> {
        let records = || self.records.iter().copied().map(RecordIndex).collect();
        let state = match self.survivor {
            Some(survivor) => PersonState::Redirect {
                survivor: EnterpriseId::from_number(survivor),
                event: EventSequence(match self.redirect_event {
                    0 => self.version,
                    event => event,
                }),
            },
            None if self.erased != 0 => {
                PersonState::Erased { records: records(), event: EventSequence(self.erased) }
            }
            None => PersonState::Live(records()),
        };
        Some(Person {
            enterprise_id: EnterpriseId::from_number(self.enterprise_id),
            state,
            created: Timestamp(self.created),
            version: EventSequence(self.version),
        })
    }
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct EventRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    #[prost(int64, tag = "2")]
    time: i64,
    #[prost(message, optional, tag = "3")]
    actor: Option<ActorRow>,
    #[prost(uint32, tag = "4")]
    kind: u32,
    #[prost(uint32, repeated, tag = "5")]
    pub(super) records: Vec<u32>,
    #[prost(fixed64, optional, tag = "6")]
    old_enterprise_id: Option<u64>,
    #[prost(fixed64, tag = "7")]
    new_enterprise_id: u64,
    #[prost(double, optional, tag = "8")]
    weight: Option<f64>,
    #[prost(string, tag = "9")]
    model: String,
    #[prost(string, tag = "10")]
    reason: String,
    #[prost(uint64, optional, tag = "11")]
    task: Option<u64>,
    /// 0 where none was given.
    #[prost(uint32, tag = "12")]
    reason_code: u32,
    #[prost(string, tag = "13")]
    pub(super) note: String,
    #[prost(string, optional, tag = "14")]
    pub(super) request_id: Option<String>,
    #[prost(uint64, optional, tag = "15")]
    undoes: Option<u64>,
    #[prost(message, optional, tag = "16")]
    pub(super) change: Option<ChangeRow>,
    #[prost(message, optional, tag = "17")]
    basis: Option<BasisRow>,
    /// The digest of the row of the event before.
    #[prost(fixed64, tag = "18")]
    pub(crate) last_event: u64,
    /// The digest of the row of the answer to the request that made it.
    #[prost(fixed32, tag = "19")]
    pub(crate) answer_digest: u32,
    /// In a store that is encrypted: what is personal of it, which then stands nowhere else.
    #[prost(message, repeated, tag = "20")]
    pub(crate) parts: Vec<PartRow>,
    /// Who approved what the actor had proposed.
    #[prost(string, optional, tag = "30")]
    approved_by: Option<String>,
}

impl EventRow {
    /// The row of an event that vouches for what is written with it and for the events before.
    pub(crate) fn sealed(event: &RegistryEvent, last_event: u64, digests: &Digests) -> Self {
        let mut row = Self { last_event, ..Self::of(event) };
        if let Some(request_id) = &row.request_id {
            row.answer_digest = digests.requests.get(request_id).copied().unwrap_or_default();
        }
        if let Some(change) = &mut row.change {
            change.seal(digests);
        }
        row
    }

    /// The digests that it keeps.
    pub(crate) fn digests(&self) -> ChangeDigests {
        self.change.as_ref().map(ChangeRow::digests).unwrap_or_default()
    }
}

impl Row for EventRow {
    type Word = RegistryEvent;

    fn of(event: &RegistryEvent) -> Self {
        let frame = Frame { sequence: event.sequence, person: event.new_enterprise_id };
        Self {
            sequence: event.sequence.0,
            time: event.time.0,
            actor: Some(ActorRow::of(&event.actor)),
            kind: event.kind as u32,
            records: event.records.iter().map(|it| it.0).collect(),
            old_enterprise_id: event.old_enterprise_id.map(EnterpriseId::as_number),
            new_enterprise_id: event.new_enterprise_id.as_number(),
            weight: event.weight.map(MatchWeight::bits),
            model: event.model.clone(),
            reason: event.reason.clone(),
            task: event.task.map(|it| it.0),
            reason_code: event.reason_code.map_or(0, |code| code as u32),
            note: event.note.clone(),
            request_id: event.request_id.clone(),
            undoes: event.undoes.map(|it| it.0),
            change: event.change.as_ref().map(|change| frame.row(change)),
            basis: event.basis.as_ref().map(BasisRow::of),
            last_event: 0,
            answer_digest: 0,
            parts: Vec::new(),
            approved_by: event.approved_by.clone(),
        }
    }

    fn word(self) -> Option<RegistryEvent> {
        let frame = Frame {
            sequence: EventSequence(self.sequence),
            person: EnterpriseId::from_number(self.new_enterprise_id),
        };
        let reason_code = match self.reason_code {
            0 => None,
            number => Some(ReasonCode::ALL.into_iter().find(|code| *code as u32 == number)?),
        };
        let change = match self.change {
            Some(change) => Some(frame.word(change)?),
            None => None,
        };
        Some(RegistryEvent {
            sequence: EventSequence(self.sequence),
            time: Timestamp(self.time),
            actor: self.actor?.word()?,
            kind: EventKind::ALL.into_iter().find(|kind| *kind as u32 == self.kind)?,
            records: self.records.into_iter().map(RecordIndex).collect(),
            old_enterprise_id: self.old_enterprise_id.map(EnterpriseId::from_number),
            new_enterprise_id: EnterpriseId::from_number(self.new_enterprise_id),
            weight: self.weight.map(MatchWeight::from_bits),
            model: self.model,
            reason: self.reason,
            task: self.task.map(TaskId),
            reason_code,
            note: self.note,
            request_id: self.request_id,
            undoes: self.undoes.map(EventSequence),
            approved_by: self.approved_by,
            basis: self.basis.and_then(BasisRow::word),
            change,
        })
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestRow {
    #[prost(string, tag = "1")]
    request_id: String,
    #[prost(fixed64, tag = "2")]
    content_hash: u64,
    #[prost(uint32, tag = "3")]
    record: u32,
    #[prost(fixed64, tag = "4")]
    enterprise_id: u64,
    /// 0 for an answer that is its event.
    #[prost(uint32, tag = "5")]
    decision: u32,
    #[prost(double, optional, tag = "6")]
    weight: Option<f64>,
    #[prost(uint64, repeated, tag = "7")]
    tasks: Vec<u64>,
    #[prost(uint64, optional, tag = "8")]
    event: Option<u64>,
}

impl Row for RequestRow {
    type Word = StoredRequest;

    fn of(request: &StoredRequest) -> Self {
        let StoredRequest { request_id, content_hash, answer } = request;
        let (request_id, content_hash) = (request_id.clone(), *content_hash);
        match answer {
            StoredAnswer::Event(event) => {
                Self { request_id, content_hash, event: Some(event.0), ..Self::default() }
            }
            StoredAnswer::Registration(answer) => Self {
                request_id,
                content_hash,
                record: answer.record.0,
                enterprise_id: answer.enterprise_id.as_number(),
                decision: u32::from(answer.decision),
                weight: answer.weight.map(MatchWeight::bits),
                tasks: answer.tasks.iter().map(|it| it.0).collect(),
                event: answer.event.map(|it| it.0),
            },
        }
    }

    fn word(self) -> Option<StoredRequest> {
        let answer = match u8::try_from(self.decision).ok()? {
            0 => StoredAnswer::Event(EventSequence(self.event?)),
            decision => StoredAnswer::Registration(StoredRegistration {
                record: RecordIndex(self.record),
                enterprise_id: EnterpriseId::from_number(self.enterprise_id),
                decision,
                weight: self.weight.map(MatchWeight::from_bits),
                tasks: self.tasks.into_iter().map(TaskId).collect(),
                event: self.event.map(EventSequence),
            }),
        };
        let (request_id, content_hash) = (self.request_id, self.content_hash);
        Some(StoredRequest { request_id, content_hash, answer })
    }
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct CountersRow {
    #[prost(uint32, tag = "1")]
    records: u32,
    #[prost(uint64, tag = "2")]
    persons_minted: u64,
    #[prost(uint64, tag = "3")]
    tasks: u64,
    #[prost(uint64, tag = "4")]
    events: u64,
    #[prost(uint64, tag = "5")]
    requests_forgotten: u64,
    #[prost(fixed64, tag = "6")]
    last_event: u64,
    #[prost(fixed64, tag = "7")]
    loaded_tasks: u64,
    #[prost(fixed64, tag = "8")]
    models: u64,
}

impl CountersRow {
    pub(crate) fn sealed(counters: &Counters, seal: Seal) -> Self {
        let Seal { last_event, sequence, loaded_tasks, models } = seal;
        let last_event = if sequence == counters.events { last_event } else { 0 };
        Self { last_event, loaded_tasks, models, ..Self::of(counters) }
    }

    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    pub(crate) const fn seal(&self) -> Seal {
        let Self { events: sequence, last_event, loaded_tasks, models, .. } = *self;
        Seal { last_event, sequence, loaded_tasks, models }
    }
}

impl Row for CountersRow {
    type Word = Counters;

    fn of(counters: &Counters) -> Self {
        let Counters { records, persons_minted, tasks, events, requests_forgotten } = *counters;
        let requests_forgotten = requests_forgotten.0;
        let unsealed = Self::default();
        Self { records, persons_minted, tasks, events, requests_forgotten, ..unsealed }
    }

    fn word(self) -> Option<Counters> {
        let Self { records, persons_minted, tasks, events, requests_forgotten, .. } = self;
        let requests_forgotten = EventSequence(requests_forgotten);
        Some(Counters { records, persons_minted, tasks, events, requests_forgotten })
    }
}
