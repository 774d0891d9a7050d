//! Loading files that were linked in bulk into an empty store.
//!
//! Records stream through: they are normalised and keyed on all cores, chunk by chunk, and written
//! by a thread of their own while the next chunk is read. What must be known whole (which records a
//! person has) is kept as numbers and written at the end. A load that breaks off leaves a store
//! that says so.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use empi_linkage::LinkageModel;
use empi_model::{
    Actor, Asked, Asker, AuditEntry, AuditOutcome, Basis, Consent, EnterpriseId, EventChange,
    EventKind, EventSequence, Evidence, Guard, Link, LinkSource, MatchWeight, Operation, Person,
    PersonState, RecordChange, RecordIndex, RecordState, RegistryEvent, ReviewKind, ReviewState,
    ReviewTask, SourceRecord, TaskId, Timestamp,
};
use empi_store::{Commit, Counters, DataDir, Store, StoreError, StoreOptions, StoredRecord};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_128;

use crate::RegistryError;
use crate::content::content_hash;
use crate::incoming::check_key;
use crate::mirror::RECORDS_MAX;
use crate::query::stored_keys;
use crate::words::Clock;

/// Records, persons or tasks that go to the store at a time.
const CHUNK_MAX: usize = 4096;

/// Chunks that wait for the store; bounds the memory when it is slower than reading.
const CHUNKS_WAITING_MAX: usize = 2;

/// A question that linking left open.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedReview {
    /// A record of one person.
    pub left: RecordIndex,
    /// A record of the other.
    pub right: RecordIndex,
    /// The weight of the pair.
    pub weight: MatchWeight,
    /// What held a link back.
    pub guards: Vec<Guard>,
    /// What the question rests on; `None` for one about one record alone.
    pub evidence: Option<Evidence>,
}

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// Records.
    pub records: u64,
    /// Persons.
    pub persons: u64,
    /// Review tasks that wait.
    pub tasks: u64,
}

/// Puts linked records into an empty store.
#[derive(Debug)]
pub struct Loader {
    writer: Writer,
    origin: Origin,
    chunk: Vec<Added>,
    record_count: u32,
    members: HashMap<EnterpriseId, SmallVec<[RecordIndex; 2]>>,
    person_of: Vec<EnterpriseId>,
    /// Hashes of 128 bits, so that keys need not be kept: two keys never share one in practice.
    keys: HashSet<u128>,
}

/// What everything loaded has in common.
#[derive(Clone, Debug)]
struct Origin {
    model: String,
    /// Its number in the store.
    model_number: u32,
    actor: Actor,
    time: Timestamp,
}

/// A record on its way to the store.
#[derive(Debug)]
struct Added {
    index: RecordIndex,
    record: SourceRecord,
    enterprise_id: EnterpriseId,
    link: Option<LoadedLink>,
    is_first: bool,
}

/// What a record was linked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadedLink {
    /// The weight of the pair.
    pub weight: MatchWeight,
    /// The other record, by its place in the order of adding: it may come later.
    pub candidate: RecordIndex,
    /// What the weight is made of.
    pub evidence: Evidence,
}

/// What the writing thread is told.
enum Part {
    Model { name: String, text: String, number: Sender<u32> },
    Add(Box<Commit>),
    Finish(Counters, Box<AuditEntry>),
}

/// The thread that writes, and the way to it. A loader that goes, finished or not, waits for it: until then
/// the store is open, and neither the next who opens it nor a program that ends may find it so.
#[derive(Debug)]
struct Writer {
    parts: Option<Sender<Part>>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Writer {
    fn send(&mut self, part: Part) -> Result<(), RegistryError> {
        match &self.parts {
            Some(parts) if parts.send(part).is_ok() => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Why it ended early.
    fn failure(&mut self) -> RegistryError {
        self.end().err().unwrap_or(RegistryError::Poisoned)
    }

    /// Waits until all that was sent is written and the store is closed.
    fn end(&mut self) -> Result<(), RegistryError> {
        self.parts = None;
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written.map_err(RegistryError::from),
            Some(Err(_)) => Err(RegistryError::Poisoned),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What it failed of was told to whoever sent the part, or nobody wants to know.
        let _ = self.end();
    }
}

impl Loader {
    /// Starts to load into a directory without a store, or with an empty one.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when the store cannot be opened or is not empty.
    #[expect(clippy::needless_pass_by_value, reason = "a clock is handed over as in the options")]
    pub fn create(
        dir: impl Into<DataDir>,
        model: &LinkageModel,
        clock: Arc<dyn Clock>,
        actor: Actor,
    ) -> Result<Self, RegistryError> {
        let model = model.name().to_owned();
        let store = Store::open(dir, &StoreOptions { model: model.clone(), create: true })?;
        let (parts, waiting) = bounded(CHUNKS_WAITING_MAX);
        let (ready, started) = bounded(1);
        let writer = std::thread::Builder::new()
            .name("empi-load".to_owned())
            .spawn(move || write(&store, &ready, &waiting))
            .map_err(|_| RegistryError::busy("the system gives no thread to load with"))?;
        let mut writer = Writer { parts: Some(parts), thread: Some(writer) };
        let Ok(()) = started.recv() else {
            return Err(writer.failure());
        };
        let time = clock.now();
        Ok(Self {
            writer,
            origin: Origin { model, model_number: 0, actor, time },
            chunk: Vec::new(),
            record_count: 0,
            members: HashMap::new(),
            person_of: Vec::new(),
            keys: HashSet::new(),
        })
    }

    /// Keeps the model that has decided about everything that is added from now on.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when writing fails.
    pub fn decided_by(&mut self, model: &LinkageModel) -> Result<(), RegistryError> {
        let (number, kept) = bounded(1);
        let (name, text) = (model.name().to_owned(), model.text().to_owned());
        self.origin.model.clone_from(&name);
        self.writer.send(Part::Model { name, text, number })?;
        match kept.recv() {
            Ok(number) => self.origin.model_number = number,
            Err(_) => return Err(self.writer.failure()),
        }
        Ok(())
    }

    /// Adds a record of a person and returns its index: 0 for the first, then counting up.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for a record without key, a key that was added before, or too
    /// many records; [`RegistryError::Store`] when writing fails.
    pub fn add(
        &mut self,
        record: SourceRecord,
        enterprise_id: EnterpriseId,
        link: Option<LoadedLink>,
    ) -> Result<RecordIndex, RegistryError> {
        check_key(&record)?;
        if self.record_count >= RECORDS_MAX {
            return Err(RegistryError::invalid(format!(
                "there are more than {RECORDS_MAX} records, the most a store can hold: load fewer"
            )));
        }
        if !self.keys.insert(key_hash(&record)) {
            return Err(RegistryError::invalid(
                "two records have the same source and record ID: leave one of them out",
            ));
        }
        let index = RecordIndex(self.record_count);
        self.record_count += 1;
        let members = self.members.entry(enterprise_id).or_default();
        members.push(index);
        let is_first = members.len() == 1;
        self.person_of.push(enterprise_id);
        self.chunk.push(Added { index, record, enterprise_id, link, is_first });
        if self.chunk.len() >= CHUNK_MAX {
            self.send_records()?;
        }
        Ok(index)
    }

    /// Writes persons and review tasks and completes the store. `persons_minted` is how many
    /// enterprise IDs linking gave out: the next person gets the one after.
    ///
    /// A question about two records of one person is left out, and so is a second one about the
    /// same two persons. A question about one record alone, with [`Guard::CappedBlock`], tells that
    /// records were not compared with it because too many share a value (identity rule 7).
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for a question that names a record that was not added;
    /// [`RegistryError::Store`] when writing fails.
    pub fn finish(
        mut self,
        reviews: &[LoadedReview],
        persons_minted: u64,
    ) -> Result<LoadReport, RegistryError> {
        self.send_records()?;
        let tasks = self.tasks(reviews)?;
        let report = LoadReport {
            records: u64::from(self.record_count),
            persons: self.members.len() as u64,
            tasks: tasks.len() as u64,
        };
        self.send_persons()?;
        for chunk in tasks.chunks(CHUNK_MAX) {
            self.writer
                .send(Part::Add(Box::new(Commit { tasks: chunk.to_vec(), ..Commit::default() })))?;
        }
        let counters = Counters {
            records: self.record_count,
            persons_minted: persons_minted.max(report.persons),
            tasks: report.tasks,
            events: report.records,
            requests_forgotten: EventSequence(0),
        };
        let reason = format!("{} records were loaded", report.records);
        let asker = Asker { reason, ..Asker::command() };
        let asked = Asked { asker: asker.into(), operation: Operation::RegisterRecords };
        let entry = AuditEntry::new(self.origin.time, asked, AuditOutcome::Done, Vec::new());
        self.writer.send(Part::Finish(counters, Box::new(entry)))?;
        self.writer.end().map(|()| report)
    }

    /// Leaves the store half loaded, as a load that breaks off does.
    #[cfg(test)]
    pub(crate) fn abandon(mut self) {
        self.send_records().unwrap();
        self.writer.end().unwrap();
    }

    fn send_records(&mut self) -> Result<(), RegistryError> {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return Ok(());
        }
        let origin = &self.origin;
        let stored: Vec<_> = chunk.into_par_iter().map(|added| origin.store(added)).collect();
        let mut commit = Commit::default();
        for (record, event, keys) in stored {
            commit.keys_added.extend(keys);
            commit.records.push(record);
            commit.events.push(event);
        }
        self.writer.send(Part::Add(Box::new(commit)))
    }

    fn send_persons(&mut self) -> Result<(), RegistryError> {
        let mut members: Vec<_> = std::mem::take(&mut self.members).into_iter().collect();
        members.sort_unstable_by_key(|(id, _)| *id);
        for chunk in members.chunks(CHUNK_MAX) {
            let persons = chunk.iter().map(|(id, records)| Person {
                enterprise_id: *id,
                state: PersonState::Live(records.to_vec()),
                created: self.origin.time,
                version: records.last().map_or(EventSequence(0), |last| event_of(*last)),
            });
            let commit = Commit { persons: persons.collect(), ..Commit::default() };
            self.writer.send(Part::Add(Box::new(commit)))?;
        }
        Ok(())
    }

    fn tasks(&self, reviews: &[LoadedReview]) -> Result<Vec<ReviewTask>, RegistryError> {
        let person = |record: RecordIndex| {
            self.person_of.get(record.0 as usize).copied().ok_or_else(|| {
                RegistryError::invalid("a review names a record that was not loaded: load it first")
            })
        };
        let is_alone = |id: EnterpriseId| self.members.get(&id).is_none_or(|all| all.len() == 1);
        let mut asked: HashSet<(EnterpriseId, EnterpriseId)> = HashSet::new();
        let mut tasks = Vec::new();
        for LoadedReview { left, right, weight, guards, evidence } in reviews {
            let (one, other) = (person(*left)?, person(*right)?);
            let is_capped = left == right && guards.contains(&Guard::CappedBlock);
            let mut is_new = || asked.insert((one.min(other), one.max(other)));
            if !is_capped && (one == other || !is_new()) {
                continue;
            }
            let kind = if is_capped {
                ReviewKind::CappedBlock
            } else if is_alone(one) || is_alone(other) {
                ReviewKind::PossibleMatch
            } else {
                ReviewKind::PotentialDuplicate
            };
            tasks.push(ReviewTask {
                id: TaskId(tasks.len() as u64 + 1),
                kind,
                incoming: *left,
                candidate: *right,
                weight: *weight,
                guards: guards.clone(),
                model: self.origin.model.clone(),
                basis: evidence.map(|evidence| self.origin.basis(*right, evidence)),
                created: self.origin.time,
                shared: None,
                state: ReviewState::OPEN,
                event: EventSequence(0),
            });
        }
        Ok(tasks)
    }
}

impl Origin {
    /// What a decision rests on. Both records stand as they are loaded.
    fn basis(&self, candidate: RecordIndex, evidence: Evidence) -> Basis {
        let (incoming_hash, candidate_hash) = (None, None);
        Basis { evidence, model: self.model_number, candidate, incoming_hash, candidate_hash }
    }

    /// A record as it is stored, its event and its keys.
    fn store(
        &self,
        added: Added,
    ) -> (StoredRecord, RegistryEvent, Vec<(empi_model::BlockingKey, RecordIndex)>) {
        let Added { index, record, enterprise_id, link: by, is_first } = added;
        let Self { model, actor, time, .. } = self.clone();
        let weight = by.map(|by| by.weight);
        let event = event_of(index);
        let link = Link {
            enterprise_id,
            source: LinkSource::Automatic,
            weight,
            model: model.clone(),
            event,
        };
        let keys = stored_keys(&record).into_iter().map(|key| (key, index)).collect();
        let kind = if is_first { EventKind::RegisteredNew } else { EventKind::RegisteredLinked };
        let stored = StoredRecord {
            index,
            content_hash: content_hash(&record),
            record,
            link,
            version: 1,
            registered: time,
            updated: time,
            state: RecordState::Active,
            content_event: event,
            chosen: Vec::new(),
            consent: Consent::default(),
            changed: event,
        };
        let told = RegistryEvent {
            sequence: event,
            time,
            actor,
            kind,
            records: vec![index],
            old_enterprise_id: None,
            new_enterprise_id: enterprise_id,
            weight,
            model,
            reason: "linked in bulk".to_owned(),
            task: None,
            reason_code: None,
            note: String::new(),
            request_id: None,
            undoes: None,
            approved_by: None,
            basis: by.map(|by| self.basis(by.candidate, by.evidence)),
            change: Some(EventChange {
                records: vec![RecordChange::registered(index, enterprise_id, event)],
                ..EventChange::default()
            }),
        };
        (stored, told, keys)
    }
}

/// Every record has one event, in order.
fn event_of(record: RecordIndex) -> EventSequence {
    EventSequence(u64::from(record.0) + 1)
}

fn key_hash(record: &SourceRecord) -> u128 {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&(record.key.source.len() as u64).to_le_bytes());
    bytes.extend_from_slice(record.key.source.as_bytes());
    bytes.extend_from_slice(record.key.record_id.as_bytes());
    xxh3_128(&bytes)
}

/// Writes what comes until it is told that all is there.
fn write(store: &Store, ready: &Sender<()>, parts: &Receiver<Part>) -> Result<(), StoreError> {
    let mut bulk = store.bulk_loader()?;
    // Nobody to tell only when the loader itself has gone; then there is nothing to write either.
    let _ = ready.send(());
    while let Ok(part) = parts.recv() {
        match part {
            Part::Model { name, text, number } => {
                // Nobody to tell only when the loader itself has gone.
                let _ = number.send(store.keep_model(&name, &text)?);
            }
            Part::Add(commit) => bulk.add(&commit)?,
            Part::Finish(counters, entry) => {
                bulk.finish(counters)?;
                return store.append_audit(&[*entry], true);
            }
        }
    }
    Ok(())
}
