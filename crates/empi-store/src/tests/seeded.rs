//! Damage of a single row, whichever, is found: a row taken away, changed, or put in the place of another. The
//! damage is written through the codec, so that every row makes sense and every checksum is right.
//!
//! A test run tries some; `EMPI_SEEDED_DAMAGE=1000` tries as many as it is told.

use std::collections::BTreeMap;

use empi_model::{KeptApartChange, PersonChange, PersonMark, TaskChange};
use rocksdb::WriteBatch;

use super::rebuilding::rows;
use super::*;
use crate::StoredModel;
use crate::bulk::unlogged;
use crate::codec::{
    CountersRow, EventRow, ModelRow, PersonRow, RecordRow, RequestRow, Row, SourceRow, TaskRow,
};
use crate::layout;
use crate::store::META_COUNTERS;

/// An index with rows of every kind, made as the use cases make it: each change one commit with one event.
#[derive(Default)]
pub(super) struct Rich {
    commits: Vec<Commit>,
    persons: BTreeMap<EnterpriseId, Person>,
    records: Vec<StoredRecord>,
    counters: Counters,
}

impl Rich {
    /// So many records, each with what comes with it.
    pub(super) fn new(records: u32) -> Self {
        let mut rich = Self::default();
        for number in 0..records {
            rich.register(number);
            match number % 7 {
                2 => rich.ask(number, ReviewKind::PossibleMatch),
                3 => rich.ask(number, ReviewKind::HeldUpdate),
                4 => rich.keep_apart(number),
                5 => rich.update(number),
                6 => rich.answer(),
                _ => {}
            }
        }
        rich
    }

    pub(super) fn write(self, store: &Store) -> Self {
        store.keep_model("us-default/1", "a model").unwrap();
        store.keep_model("us-default/2", "another").unwrap();
        for commit in &self.commits {
            store.commit(std::slice::from_ref(commit)).unwrap();
        }
        self
    }

    pub(super) fn living(&self) -> usize {
        let is_live = |person: &&Person| matches!(person.state, PersonState::Live(_));
        self.persons.values().filter(is_live).count()
    }

    /// The event of the change being made.
    fn now(&self) -> EventSequence {
        EventSequence(self.counters.events + 1)
    }

    fn finish(&mut self, mut commit: Commit, mut change: EventChange, person: EnterpriseId) {
        let now = self.now();
        self.counters.events = now.0;
        for person in &commit.persons {
            let before = self.persons.insert(person.enterprise_id, person.clone());
            change.persons.push(PersonChange {
                enterprise_id: person.enterprise_id,
                before: before.as_ref().map(|before| PersonMark::of(&before.state)),
                after: PersonMark::of(&person.state),
                old_version: before.map_or(EventSequence(0), |before| before.version),
            });
        }
        let records = change.records.iter().map(|change| change.record).collect();
        let request_id = now.0.is_multiple_of(2).then(|| format!("r-{now}"));
        if let Some(request_id) = &request_id {
            let answer = StoredRegistration {
                record: RecordIndex(0),
                enterprise_id: person,
                decision: 3,
                weight: None,
                tasks: Vec::new(),
                event: Some(now),
            };
            let answer = StoredAnswer::Registration(answer);
            let request_id = request_id.clone();
            commit.requests.push(StoredRequest { request_id, content_hash: now.0, answer });
        }
        let change = Some(change);
        let time = Timestamp(1000 + now.0 as i64);
        let told = RegistryEvent { change, request_id, time, ..event(now.0, records, person) };
        commit.events.push(told);
        commit.counters = Some(self.counters);
        self.commits.push(commit);
    }

    fn live(&self, id: EnterpriseId, records: Vec<RecordIndex>) -> Person {
        let created = Timestamp(1000 + self.now().0 as i64);
        let created = self.persons.get(&id).map_or(created, |known| known.created);
        Person {
            enterprise_id: id,
            state: PersonState::Live(records),
            created,
            version: self.now(),
        }
    }

    /// A new record; every third joins the person of the one before.
    fn register(&mut self, number: u32) {
        let (index, now) = (RecordIndex(number), self.now());
        let mut commit = registration(number);
        let joins = self.records.last().filter(|_| number % 3 == 2).map(|it| it.link.enterprise_id);
        let person = match joins {
            Some(person) => person,
            None => {
                self.counters.persons_minted += 1;
                EnterpriseId::mint(self.counters.persons_minted - 1)
            }
        };
        self.counters.records = number + 1;
        let stored = &mut commit.records[0];
        stored.link.enterprise_id = person;
        stored.link.event = now;
        (stored.content_event, stored.changed) = (now, now);
        stored.registered = Timestamp(1000 + now.0 as i64);
        stored.updated = stored.registered;
        self.records.push(stored.clone());
        let mut members = match self.persons.get(&person).map(|known| known.state.clone()) {
            Some(PersonState::Live(records)) => records,
            _ => Vec::new(),
        };
        members.push(index);
        commit.persons = vec![self.live(person, members)];
        commit.events.clear();
        let records = vec![RecordChange::registered(index, person, now)];
        self.finish(commit, EventChange { records, ..EventChange::default() }, person);
    }

    fn person_of(&self, number: u32) -> EnterpriseId {
        self.records[number as usize].link.enterprise_id
    }

    /// Other content; the record stays where it is.
    fn update(&mut self, number: u32) {
        let (now, person) = (self.now(), self.person_of(number));
        let stored = &mut self.records[number as usize];
        let before = stored.clone();
        stored.record.sex = Some("F".into());
        stored.content_hash += 1;
        stored.version += 1;
        (stored.content_event, stored.changed) = (now, now);
        let change = RecordChange {
            record: before.index,
            enterprise_id: person,
            link_event: before.link.event,
            old_content: Some(before.content()),
            content_event: now,
            previous: Some(before.changed),
            old_link: Some(before.link),
            chosen: None,
            consent: None,
        };
        let commit = Commit { records: vec![stored.clone()], ..Commit::default() };
        self.finish(
            commit,
            EventChange { records: vec![change], ..EventChange::default() },
            person,
        );
    }

    fn ask(&mut self, number: u32, kind: ReviewKind) {
        self.counters.tasks += 1;
        let (id, now) = (TaskId(self.counters.tasks), self.now());
        let asked = ReviewTask {
            kind,
            incoming: RecordIndex(number),
            event: now,
            ..task(id.0, ReviewState::OPEN)
        };
        let change = TaskChange {
            task: id,
            old_state: None,
            old_event: EventSequence(0),
            event: now,
            is_open: true,
            old_held: None,
        };
        let held = (kind == ReviewKind::HeldUpdate)
            .then(|| (id, Some(self.records[number as usize].record.clone())));
        let held_updates = held.into_iter().collect();
        let commit = Commit { tasks: vec![asked], held_updates, ..Commit::default() };
        let change = EventChange { tasks: vec![change], ..EventChange::default() };
        self.finish(commit, change, self.person_of(number));
    }

    /// The first question that is open is answered: two people.
    fn answer(&mut self) {
        let tasks = self.commits.iter().flat_map(|commit| &commit.tasks);
        let mut latest: BTreeMap<TaskId, &ReviewTask> = BTreeMap::new();
        latest.extend(tasks.map(|task| (task.id, task)));
        let open = latest
            .into_values()
            .find(|it| it.state.is_open() && it.kind == ReviewKind::PossibleMatch);
        let Some(open) = open.cloned() else { return };
        let now = self.now();
        let change = TaskChange {
            task: open.id,
            old_state: Some(ReviewState::OPEN),
            old_event: open.event,
            event: now,
            is_open: false,
            old_held: None,
        };
        let person = self.person_of(open.incoming.0);
        let answered = ReviewTask { state: resolved(), event: now, ..open };
        let commit = Commit { tasks: vec![answered], ..Commit::default() };
        self.finish(commit, EventChange { tasks: vec![change], ..EventChange::default() }, person);
    }

    fn keep_apart(&mut self, number: u32) {
        let (one, other, event) = (RecordIndex(0), RecordIndex(number), Some(self.now()));
        let pair = KeptApart { one, other, event };
        let change = KeptApartChange { one, other, old_event: None, event };
        let commit = Commit { kept_apart: vec![pair], ..Commit::default() };
        let change = EventChange { kept_apart: vec![change], ..EventChange::default() };
        self.finish(commit, change, self.person_of(0));
    }
}

/// Numbers, the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % count.max(1) as u64) as usize
    }
}

/// A row with one thing changed.
fn changed<R: Row>(row: &[u8], change: impl FnOnce(&mut R::Word)) -> Vec<u8> {
    let mut word = R::decoded(row).unwrap();
    change(&mut word);
    R::encoded(&word)
}

fn changed_record(row: &[u8], which: usize) -> Vec<u8> {
    changed::<RecordRow>(row, |it| match which % 13 {
        0 => it.record.birth_date = Some("1980-03-13".into()),
        1 => it.record.phones.push("617-555-0100".into()),
        2 => it.record.key.record_id.push('7'),
        3 => it.content_hash ^= 1,
        4 => it.link.enterprise_id = EnterpriseId::mint(3),
        5 => it.link.weight = Some(MatchWeight::from_bits(1.0)),
        6 => it.link.source = LinkSource::Manual,
        7 => it.link.event.0 += 1,
        8 => it.version += 1,
        9 => it.registered.0 -= 1,
        10 => it.updated.0 += 1,
        11 => it.state = RecordState::Retired,
        _ => it.changed.0 += 1,
    })
}

fn changed_event(row: &[u8], which: usize) -> Vec<u8> {
    changed::<EventRow>(row, |it| match which % 12 {
        0 => it.time.0 += 1,
        1 => it.actor.name.push('x'),
        2 => it.kind = EventKind::Moved,
        3 => it.records.push(RecordIndex(0)),
        4 => it.old_enterprise_id = Some(EnterpriseId::mint(1)),
        5 => it.new_enterprise_id = EnterpriseId::mint(2),
        6 => it.weight = Some(MatchWeight::from_bits(3.0)),
        7 => it.reason.clear(),
        8 => it.note.push('x'),
        9 => it.request_id = Some("r-other".to_owned()),
        10 => it.undoes = Some(EventSequence(1)),
        _ => it.change = None,
    })
}

fn changed_task(row: &[u8], which: usize) -> Vec<u8> {
    changed::<TaskRow>(row, |it| match which % 8 {
        0 => it.candidate = RecordIndex(1),
        1 => it.weight = MatchWeight::from_bits(4.25),
        2 => it.guards.clear(),
        3 => it.model.push('x'),
        4 => it.created.0 += 1,
        5 => it.event.0 += 1,
        6 => it.kind = ReviewKind::PotentialDuplicate,
        _ => {
            it.state = match &it.state {
                ReviewState::Open(_) => resolved(),
                ReviewState::Resolved(_) => ReviewState::OPEN,
            }
        }
    })
}

fn changed_person(row: &[u8], which: usize) -> Vec<u8> {
    changed::<PersonRow>(row, |it| match which % 4 {
        0 => it.created.0 += 1,
        1 => it.version.0 += 1,
        2 => it.state = redirect_to(0),
        _ => it.state = PersonState::Live(vec![RecordIndex(0), RecordIndex(9)]),
    })
}

fn changed_answer(row: &[u8], which: usize) -> Vec<u8> {
    changed::<RequestRow>(row, |it| {
        let StoredAnswer::Registration(answer) = &mut it.answer else { panic!("a registration") };
        match which % 5 {
            0 => answer.decision = 4,
            1 => answer.weight = Some(MatchWeight::from_bits(1.0)),
            2 => answer.tasks.push(TaskId(1)),
            3 => answer.enterprise_id = EnterpriseId::mint(4),
            _ => it.content_hash ^= 8,
        }
    })
}

fn changed_counters(row: &[u8], which: usize) -> Vec<u8> {
    use prost::Message as _;
    let sealed = CountersRow::decode(row).unwrap();
    let mut counters = CountersRow::decoded(row).unwrap();
    match which % 5 {
        0 => counters.records += 1,
        1 => counters.persons_minted += 1,
        2 => counters.tasks += 1,
        3 => counters.events += 1,
        _ => counters.requests_forgotten.0 += 2,
    }
    CountersRow::sealed(&counters, sealed.seal()).encode_to_vec()
}

/// The row with something in it changed; `None` for rows that are all key.
fn changed_row(family: &str, key: &[u8], row: &[u8], which: usize) -> Option<Vec<u8>> {
    Some(match family {
        "records" => changed_record(row, which),
        "record_keys" => layout::index_key(RecordIndex(row[3].wrapping_add(1).into())).to_vec(),
        "persons" => changed_person(row, which),
        "tasks" => changed_task(row, which),
        "held_updates" => changed::<SourceRow>(row, |it| it.birth_date = Some("1971-01-01".into())),
        "kept_apart" => layout::event_key(EventSequence(1)).to_vec(),
        "events" => changed_event(row, which),
        "requests" => changed_answer(row, which),
        "meta" if key == META_COUNTERS => changed_counters(row, which),
        "meta" if key.starts_with(layout::MODELS) => {
            changed::<ModelRow>(row, |it| *it = StoredModel::new(it.number, &it.name, "false"))
        }
        _ => return None,
    })
}

#[test]
fn damage_of_a_single_row_is_found_whichever_it_is() {
    let told = std::env::var("EMPI_SEEDED_DAMAGE").ok().and_then(|text| text.parse().ok());
    let (trials, mut dice) = (told.unwrap_or(150_usize), Dice(told.unwrap_or(7) as u64));
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    Rich::new(42).write(&store);
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    // What the store says of itself is looked at when it is opened.
    let is_checked = |key: &[u8]| key == META_COUNTERS || key.starts_with(layout::MODELS);
    let all: Vec<_> = rows(&store)
        .into_iter()
        .filter(|(name, key, _)| *name != "meta" || is_checked(key))
        .collect();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut done = 0;
    while done < trials {
        let families: Vec<&str> = {
            let mut names: Vec<&str> = all.iter().map(|(name, ..)| *name).collect();
            names.dedup();
            names
        };
        let family = families[dice.below(families.len())];
        let of_family: Vec<_> = all.iter().filter(|(name, ..)| *name == family).collect();
        let (_, key, row) = of_family[dice.below(of_family.len())];
        let (_, other_key, other) = of_family[dice.below(of_family.len())];
        let handle = store.db.cf_handle(family).unwrap();
        let mut damage = WriteBatch::default();
        let how = match dice.below(3) {
            0 => {
                damage.delete_cf(&handle, key);
                "deleted"
            }
            1 => {
                let Some(changed) = changed_row(family, key, row, dice.below(1000)) else {
                    continue;
                };
                if changed == *row {
                    continue;
                }
                damage.put_cf(&handle, key, changed);
                "changed"
            }
            _ => {
                if other == row {
                    continue;
                }
                damage.put_cf(&handle, key, other);
                damage.put_cf(&handle, other_key, row);
                "swapped"
            }
        };
        store.write(damage, &unlogged()).unwrap();
        let found = store.verify(&keys_of).map_or(1, |report| report.problem_count);
        let text = String::from_utf8_lossy(key);
        assert!(found > 0, "{family}: a row {how} is not found: {text:?} {key:?}");
        let mut mended = WriteBatch::default();
        for (key, row) in [(key, row), (other_key, other)] {
            mended.put_cf(&handle, key, row);
        }
        store.write(mended, &unlogged()).unwrap();
        *kinds.entry(format!("{family} {how}")).or_default() += 1;
        done += 1;
    }
    assert_eq!(store.verify(&keys_of).unwrap().problem_count, 0, "all of it was mended");
    eprintln!("{trials} damages, all found: {kinds:?}");
    assert!(kinds.len() >= 20, "rows of every kind: {kinds:?}");
}
