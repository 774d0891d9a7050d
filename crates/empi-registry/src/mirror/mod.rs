//! The index in memory: everything that deciding about a record reads, so that it never waits for
//! the disk. RocksDB is the truth; the mirror is read from it at start.
//!
//! Only the commit thread changes it, by applying the very [`Commit`] that goes to disk, so the two
//! cannot drift. It is ahead of the disk by the changes of one write; every change has a sequence
//! number, and whoever reads waits until what was read is durable before answering.
//!
//! Memory: about a quarter of a KB per record of all fields. Postings and the row are a third of it each; the rest is
//! the record's key, its person and its share of the lexicon.

pub(crate) mod closed_tasks;
mod consents;
mod end_to_end;
mod erased;
mod kept;
pub(crate) mod open_tasks;
mod page;
mod persons;
mod postings;
mod questions;
mod rebuild;
mod recent;
mod record_keys;
mod records;
pub(crate) mod search_keys;
pub(crate) mod worklist;

use empi_linkage::{CompareRow, Intern, Lexicon, Limits, LinkageModel, blocking_keys};
use empi_model::{
    EnterpriseId, NormalizedRecord, RecordIndex, RecordKey, RecordState, SharedField, TaskPlace,
    Thresholds,
};
use empi_store::{Commit, Counters, KeptApart, StoredRecord};
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::content::content_hash;
use closed_tasks::ClosedTasks;
use consents::Consents;
pub(crate) use kept::Keeper;
use open_tasks::{OpenTask, OpenTasks};
pub(crate) use page::List;
pub(crate) use persons::MirroredPerson;
use persons::Persons;
pub(crate) use postings::Postings;
pub(crate) use recent::Recent;
use record_keys::RecordKeys;
use records::Records;
pub(crate) use records::{Known, MirroredRecord};
use search_keys::search_keys;
use worklist::{Listed, Worklist};

/// Most records of one index.
pub(crate) const RECORDS_MAX: u32 = (1 << 31) - 1;

/// The index in memory.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) lexicon: Lexicon,
    pub(crate) postings: Postings,
    pub(crate) tasks: OpenTasks,
    /// The open tasks in the order in which they are taken.
    pub(crate) worklist: Worklist,
    pub(crate) closed: ClosedTasks,
    pub(crate) recent: Recent,
    limits: Limits,
    thresholds: Thresholds,
    /// How often another model began to decide.
    models: u64,
    records: Records,
    keys: RecordKeys,
    persons: Persons,
    kept_apart: HashMap<RecordIndex, SmallVec<[RecordIndex; 2]>>,
    consents: Consents,
    /// Blocks over the limit that a task was raised for, whether open or answered.
    asked_blocks: HashSet<u64>,
    /// Values that very many people share and that a task was raised for, whether open or answered.
    named_values: HashSet<(u8, u64)>,
    counters: Counters,
    sequence: u64,
}

/// One change, ready for the disk and for the mirror.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// What goes to disk.
    pub(crate) commit: Commit,
    /// The match form of each record of the commit whose content is new.
    pub(crate) contents: Vec<(RecordIndex, NormalizedRecord)>,
}

impl Mirror {
    /// A mirror of an empty store.
    pub(crate) fn new(model: &LinkageModel) -> Self {
        Self {
            lexicon: Lexicon::new(),
            postings: Postings::default(),
            tasks: OpenTasks::default(),
            worklist: Worklist::default(),
            closed: ClosedTasks::default(),
            recent: Recent::default(),
            limits: model.limits(),
            thresholds: model.thresholds(),
            models: 0,
            records: Records::default(),
            keys: RecordKeys::default(),
            persons: Persons::default(),
            kept_apart: HashMap::new(),
            consents: Consents::default(),
            asked_blocks: HashSet::new(),
            named_values: HashSet::new(),
            counters: Counters::default(),
            sequence: 0,
        }
    }

    /// Another model decides from now on: questions take their places anew, and nothing holds that was planned under
    /// the one before.
    pub(crate) fn follow(&mut self, model: &LinkageModel) {
        (self.limits, self.thresholds) = (model.limits(), model.thresholds());
        self.models += 1;
        for (id, listed) in self.worklist.take_all() {
            let place = TaskPlace::new(id, listed.kind, listed.weight, self.thresholds);
            self.worklist.put(id, Listed { place, ..listed });
        }
    }

    /// How many models it has followed.
    pub(crate) const fn models(&self) -> u64 {
        self.models
    }

    /// The number of the last change that was applied.
    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn person_count(&self) -> usize {
        self.persons.len()
    }

    /// Every living person with its records, in the order in which their IDs were minted.
    pub(crate) fn persons_with_records(
        &self,
    ) -> impl Iterator<Item = (EnterpriseId, &[RecordIndex])> + '_ {
        self.persons.iter().map(|(id, person)| (id, person.records))
    }

    /// The living persons whose IDs were minted with such counts.
    pub(crate) fn persons_minted_between(
        &self,
        counts: std::ops::Range<u64>,
    ) -> impl Iterator<Item = (EnterpriseId, MirroredPerson<'_>)> + '_ {
        self.persons.minted_between(counts)
    }

    pub(crate) fn record_index(&self, key: &RecordKey) -> Option<RecordIndex> {
        self.keys.index(key)
    }

    /// The number of the source of a record.
    pub(crate) fn source_of(&self, record: RecordIndex) -> Option<u32> {
        self.keys.source_of(record)
    }

    /// The number of a source that has sent a record.
    pub(crate) fn source(&self, name: &str) -> Option<u32> {
        self.keys.source(name)
    }

    /// Every source that has sent a record.
    pub(crate) fn sources(&self) -> &[String] {
        self.keys.sources()
    }

    /// A record with its row, which is unpacked: whoever needs no row asks for what is [`known`](Self::known).
    pub(crate) fn record(&self, record: RecordIndex) -> Option<MirroredRecord> {
        self.records.get(record)
    }

    /// What is known of a record beside its row.
    pub(crate) fn known(&self, record: RecordIndex) -> Option<Known> {
        self.records.known(record)
    }

    /// The row of a record.
    pub(crate) fn row(&self, record: RecordIndex) -> Option<CompareRow> {
        self.records.row(record)
    }

    /// The birth date of a record, as in [`CompareRow::birth_date`].
    pub(crate) fn birth_date(&self, record: RecordIndex) -> Option<u32> {
        self.records.birth_date(record)
    }

    pub(crate) fn person(&self, id: EnterpriseId) -> Option<MirroredPerson<'_>> {
        self.persons.get(id)
    }

    pub(crate) fn person_of(&self, record: RecordIndex) -> Option<EnterpriseId> {
        self.known(record).map(|known| known.person)
    }

    /// The records of a person; none for an ID that is not of a living person.
    pub(crate) fn members(&self, id: EnterpriseId) -> &[RecordIndex] {
        self.person(id).map_or(&[], |person| person.records)
    }

    /// The records of a person that have a say.
    pub(crate) fn speakers(&self, id: EnterpriseId) -> impl Iterator<Item = RecordIndex> + '_ {
        let members = self.members(id).iter().copied();
        members.filter(|record| self.known(*record).is_some_and(|known| known.is_active))
    }

    /// The records that a steward keeps a record apart from.
    pub(crate) fn apart_from(&self, record: RecordIndex) -> &[RecordIndex] {
        self.kept_apart.get(&record).map_or(&[][..], SmallVec::as_slice)
    }

    /// Whether a steward keeps a record apart from a person.
    pub(crate) fn is_kept_apart(&self, record: RecordIndex, person: EnterpriseId) -> bool {
        let apart = self.apart_from(record);
        apart.iter().any(|other| self.person_of(*other) == Some(person))
    }

    /// Whether a steward keeps two persons apart: one record of one from one of the other is enough
    /// (identity rule 4).
    pub(crate) fn are_kept_apart(&self, one: EnterpriseId, other: EnterpriseId) -> bool {
        !self.kept_apart.is_empty()
            && self.members(one).iter().any(|record| self.is_kept_apart(*record, other))
    }

    /// The open questions whether two persons are one, in order of their IDs.
    pub(crate) fn questions_between(
        &self,
        one: EnterpriseId,
        other: EnterpriseId,
    ) -> Vec<OpenTask> {
        let mut found: Vec<OpenTask> = self
            .questions_about(one)
            .filter(|(_, of_other)| *of_other == other)
            .map(|(task, _)| task)
            .collect();
        found.sort_unstable_by_key(|task| task.id);
        found.dedup();
        found
    }

    /// The open questions whether a person is one with another, and which other.
    pub(crate) fn questions_about(
        &self,
        person: EnterpriseId,
    ) -> impl Iterator<Item = (OpenTask, EnterpriseId)> + '_ {
        self.members(person).iter().flat_map(move |record| {
            let tasks = self.tasks.of_record(*record).filter(OpenTask::is_about_two);
            tasks.filter_map(|task| Some((task, self.person_of(task.other(*record))?)))
        })
    }

    /// Whether a block is over the limit although no task tells so yet.
    pub(crate) fn is_unasked_block(&self, key: empi_model::BlockingKey) -> bool {
        !self.asked_blocks.contains(&key.as_number())
    }

    /// Whether a task was raised for a value that very many people share.
    pub(crate) fn is_named(&self, field: SharedField, hash: u64) -> bool {
        self.named_values.contains(&(field as u8, hash))
    }

    /// Applies one change and returns its sequence number.
    pub(crate) fn apply(&mut self, change: &Change) -> u64 {
        self.sequence += 1;
        let Change { commit, contents } = change;
        for stored in &commit.records {
            let content = contents.iter().find(|(index, _)| *index == stored.index);
            self.put_record(stored, content.map(|(_, content)| content));
        }
        contents.iter().for_each(|(index, _)| self.compare_asked(*index));
        for (key, record) in &commit.keys_removed {
            self.postings.remove(*key, *record);
        }
        for (key, record) in &commit.keys_added {
            self.postings.insert(*key, *record);
        }
        if let Some(counters) = &commit.counters {
            self.persons.mint(counters.persons_minted);
            self.counters = *counters;
        }
        for person in &commit.persons {
            self.persons.put(person);
            self.recent.mark_person(person.enterprise_id, self.sequence);
        }
        for task in &commit.tasks {
            self.put_task(task);
        }
        for (task, proposed) in &commit.held_updates {
            if let Some(proposed) = proposed {
                self.tasks.hold(*task, content_hash(proposed));
            }
        }
        for pair in &commit.kept_apart {
            self.put_kept_apart(pair);
        }
        for request_id in &commit.requests_forgotten {
            self.recent.forget_request(request_id);
        }
        for request in &commit.requests {
            self.recent.mark_request(request.clone(), self.sequence);
        }
        self.sequence
    }

    /// Adds a record, gives it new content, or only moves it to another person.
    fn put_record(&mut self, stored: &StoredRecord, content: Option<&NormalizedRecord>) {
        if let Some(content) = content {
            self.put_content(stored, content);
        }
        self.records.know(stored.index, Known::of(stored));
        if self.consents.put(stored.index, stored.consent)
            && let Some(row) = self.row(stored.index)
        {
            let keys = blocking_keys(&self.lexicon, &row);
            // Whoever is not to be linked was nobody's candidate, or is none any more.
            keys.iter().for_each(|key| self.recent.mark_key(*key, self.sequence));
        }
        if stored.state == RecordState::Erased {
            self.keys.rename(stored.index, &stored.record.key);
        }
    }

    fn put_content(&mut self, stored: &StoredRecord, content: &NormalizedRecord) {
        let row = self.lexicon.row(content);
        if stored.state.is_active() {
            self.lexicon.count(&row);
        }
        self.mark_keys(&row);
        let new_keys = search_keys(&self.lexicon, &row);
        for key in &new_keys {
            self.postings.insert(*key, stored.index);
        }
        let Some(old) = self.record(stored.index) else {
            self.keys.push(&stored.record.key);
            self.records.push(&row, Known::of(stored));
            return;
        };
        self.records.replace(stored.index, &row);
        if old.is_active {
            self.lexicon.discount(&old.row);
        }
        self.mark_keys(&old.row);
        let old_keys = search_keys(&self.lexicon, &old.row);
        let gone = old_keys.into_iter().filter(|key| !new_keys.contains(key));
        gone.for_each(|key| self.postings.remove(key, stored.index));
    }

    /// Every key of a record whose content changes is marked, also those that stay: whoever read
    /// one of them has compared with the old content.
    fn mark_keys(&mut self, row: &CompareRow) {
        for key in blocking_keys(&self.lexicon, row) {
            self.recent.mark_key(key, self.sequence);
        }
    }

    fn put_kept_apart(&mut self, pair: &KeptApart) {
        for (record, other) in [(pair.one, pair.other), (pair.other, pair.one)] {
            let apart = self.kept_apart.entry(record).or_default();
            // In order, so that what is said of it does not depend on how it came about.
            match (apart.binary_search(&other), pair.event) {
                (Err(at), Some(_)) => apart.insert(at, other),
                (Ok(at), None) => drop(apart.remove(at)),
                (Ok(_), Some(_)) | (Err(_), None) => {}
            }
            if apart.is_empty() {
                self.kept_apart.remove(&record);
            }
            self.mark_person_of(record);
        }
    }

    fn mark_person_of(&mut self, record: RecordIndex) {
        if let Some(person) = self.person_of(record) {
            self.recent.mark_person(person, self.sequence);
        }
    }
}
