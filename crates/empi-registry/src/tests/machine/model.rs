//! The plain model: records in persons, as anybody would draw them on paper.

use std::collections::{BTreeMap, BTreeSet};

use empi_model::Asks;

use super::super::*;
use crate::GoldenField;
use crate::content::content_hash;

/// The operation makes no sense or is forbidden.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Refused;

/// A record on paper.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    person: EnterpriseId,
    content: u64,
    is_active: bool,
    replaced_by: Option<RecordKey>,
    /// Whether it is not to be shared, and not to be linked.
    consent: [bool; 2],
    /// Fields whose value a steward has chosen.
    chosen: BTreeSet<GoldenField>,
}

/// Who is who.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    records: BTreeMap<(String, String), Known>,
    /// In the order of registration.
    order: Vec<RecordKey>,
    /// Every enterprise ID, with the survivor of one that redirects. In the order of age.
    persons: Vec<(EnterpriseId, Option<EnterpriseId>)>,
    apart: BTreeSet<[(String, String); 2]>,
}

fn name(key: &RecordKey) -> (String, String) {
    (key.source.clone(), key.record_id.clone())
}

fn pair(one: &RecordKey, other: &RecordKey) -> [(String, String); 2] {
    let mut pair = [name(one), name(other)];
    pair.sort();
    pair
}

/// Stands for an enterprise ID that the model cannot know before it is told.
const TO_BE_TOLD: u64 = (1 << 50) - 1;

impl Model {
    /// The index as it is, read from the store.
    pub(super) fn observed(index: &Index) -> Self {
        let snapshot = index.registry().core.store.snapshot();
        let mut model = Self::default();
        // Row by row: in a store this small, walks through it cost more.
        let counters = snapshot.counters().unwrap();
        let stored = |at| snapshot.record(RecordIndex(at)).unwrap().unwrap();
        let all: Vec<StoredRecord> = (0..counters.records).map(stored).collect();
        let keys: Vec<RecordKey> = all.iter().map(|stored| stored.record.key.clone()).collect();
        for stored in all {
            let replaced_by = match stored.state {
                empi_model::RecordState::ReplacedBy(other) => Some(keys[other.0 as usize].clone()),
                _ => None,
            };
            let known = Known {
                person: stored.link.enterprise_id,
                content: stored.content_hash,
                is_active: stored.state.is_active(),
                replaced_by,
                consent: [stored.consent.not_shared, stored.consent.not_linked],
                chosen: stored.chosen.iter().map(|chosen| chosen.field).collect(),
            };
            model.records.insert(name(&stored.record.key), known);
        }
        model.order.clone_from(&keys);
        for count in 0..counters.persons_minted {
            let person = snapshot.person(EnterpriseId::mint(count)).unwrap().unwrap();
            let survivor = match person.state {
                PersonState::Live(_) | PersonState::Erased { .. } => None,
                PersonState::Redirect { survivor, .. } => Some(survivor),
            };
            model.persons.push((person.enterprise_id, survivor));
        }
        let mirror = index.registry().core.mirror.read();
        for (at, one) in (0..).zip(&keys) {
            let others = mirror.apart_from(RecordIndex(at)).iter();
            model.apart.extend(others.map(|other| pair(one, &keys[other.0 as usize])));
        }
        model
    }

    pub(super) fn nth_record(&self, at: usize) -> Option<RecordKey> {
        let at = at.checked_rem(self.order.len())?;
        self.order.get(at).cloned()
    }

    pub(super) fn person(&self, key: &RecordKey) -> EnterpriseId {
        self.records[&name(key)].person
    }

    pub(super) fn members(&self, person: EnterpriseId) -> Vec<RecordKey> {
        self.order.iter().filter(|key| self.person(key) == person).cloned().collect()
    }

    pub(super) fn redirected(&self) -> Vec<EnterpriseId> {
        let gone = self.persons.iter().filter(|(_, survivor)| survivor.is_some());
        gone.map(|(id, _)| *id).collect()
    }

    /// What an operation would make of a copy.
    pub(super) fn after(
        &self,
        operation: impl FnOnce(&mut Self) -> Result<(), Refused>,
    ) -> Result<Self, Refused> {
        let mut after = self.clone();
        operation(&mut after)?;
        if after.torn().is_some() || self.are_forced_together(&after) {
            return Err(Refused);
        }
        Ok(after)
    }

    /// Whether records are one person later that were not, although one of them was not to be linked.
    pub(super) fn are_forced_together(&self, later: &Self) -> bool {
        let bound = later.records.iter().filter(|(_, known)| known.consent[1]);
        bound.into_iter().any(|(name, known)| {
            let before = |name| self.records.get(name).map(|known| known.person);
            let mut others = later.records.iter().filter(|(_, it)| it.person == known.person);
            others.any(|(other, _)| other != name && before(other) != before(name))
        })
    }

    /// What a person asks for is noted.
    pub(super) fn set_consent(
        &mut self,
        person: EnterpriseId,
        consent: [bool; 2],
    ) -> Result<(), Refused> {
        let mut changes = false;
        for known in self.records.values_mut().filter(|known| known.person == person) {
            changes |= known.consent != consent;
            known.consent = consent;
        }
        if changes { Ok(()) } else { Err(Refused) }
    }

    /// Whether two records that are kept apart are one person.
    fn torn(&self) -> Option<()> {
        let person = |name| self.records.get(name).map(|known| known.person);
        self.apart.iter().find(|[one, other]| person(one) == person(other)).map(|_| ())
    }

    fn resolve(&self, id: EnterpriseId) -> EnterpriseId {
        let mut at = id;
        for _ in 0..=self.persons.len() {
            match self.persons.iter().find(|(id, _)| *id == at) {
                Some((_, None)) => return at,
                Some((_, Some(survivor))) => at = *survivor,
                None => panic!("rule 2: {at} was given out and is gone"),
            }
        }
        panic!("rule 2: {id} leads in a circle");
    }

    fn put(&mut self, key: &RecordKey, person: EnterpriseId) {
        let from = self.person(key);
        self.records.get_mut(&name(key)).unwrap().person = person;
        if from != person && self.members(from).is_empty() {
            self.set_survivor(from, Some(person));
        }
    }

    fn set_survivor(&mut self, id: EnterpriseId, survivor: Option<EnterpriseId>) {
        match self.persons.iter_mut().find(|(known, _)| *known == id) {
            Some(known) => known.1 = survivor,
            None => self.persons.push((id, survivor)),
        }
    }

    /// `is_refused` tells that the content was once rejected.
    pub(super) fn register(
        &mut self,
        index: &Index,
        source: &SourceRecord,
        answer: &Registration,
        is_refused: bool,
    ) {
        let stored = index.registry().record(&source.key).unwrap();
        // What a retired record says again may be held, too.
        let is_held = answer.decision == RegistrationDecision::Review
            && (stored.record.record != *source || !stored.record.state.is_active());
        let content = content_hash(source);
        if let Some(known) = self.records.get(&name(&source.key)) {
            let was_there = known.content == content && known.is_active;
            if answer.decision == RegistrationDecision::Unchanged {
                assert!(was_there || is_refused, "rule 6: what is unchanged was there");
                assert_eq!(answer.enterprise_id, known.person);
                return;
            }
            if is_held {
                assert_eq!(answer.enterprise_id, known.person, "rule 8: it is held");
                return;
            }
        }
        assert_eq!(answer.enterprise_id, stored.enterprise_id);
        let is_known = self.persons.iter().any(|(id, _)| *id == answer.enterprise_id);
        if !is_known {
            self.set_survivor(answer.enterprise_id, None);
        }
        if self.records.contains_key(&name(&source.key)) {
            self.put(&source.key, answer.enterprise_id);
        } else {
            self.order.push(source.key.clone());
        }
        let person = answer.enterprise_id;
        let old = self.records.get(&name(&source.key));
        let chosen = old.map(|known| known.chosen.clone()).unwrap_or_default();
        let consent = old.map(|known| known.consent).unwrap_or_default();
        let known = Known { person, content, is_active: true, replaced_by: None, consent, chosen };
        self.records.insert(name(&source.key), known);
    }

    pub(super) fn take_held(&mut self, held: &SourceRecord, person: EnterpriseId, is_same: bool) {
        assert!(!is_same || person == self.person(&held.key), "an update that is right stays");
        if !self.persons.iter().any(|(id, _)| *id == person) {
            self.set_survivor(person, None);
        }
        self.put(&held.key, person);
        let known = self.records.get_mut(&name(&held.key)).unwrap();
        known.content = content_hash(held);
        (known.is_active, known.replaced_by) = (true, None);
    }

    pub(super) fn retire(
        &mut self,
        key: &RecordKey,
        successor: Option<&RecordKey>,
    ) -> Result<(), Refused> {
        let known = self.records[&name(key)].clone();
        if let Some(successor) = successor {
            let is_usable = self.records[&name(successor)].is_active
                || (!known.is_active && known.replaced_by.as_ref() == Some(successor));
            if successor.source != key.source || successor == key || !is_usable {
                return Err(Refused);
            }
        }
        let mut retired = known.clone();
        (retired.is_active, retired.replaced_by) = (false, successor.cloned());
        if retired == known {
            return Ok(());
        }
        let after = self.after(|model| {
            model.records.insert(name(key), retired);
            if let Some(successor) = successor {
                let person = model.person(successor);
                model.put(key, person);
            }
            Ok(())
        })?;
        *self = after;
        Ok(())
    }

    /// One value of a person is chosen, or none.
    pub(super) fn choose(
        &mut self,
        key: &RecordKey,
        field: GoldenField,
        is_chosen: bool,
    ) -> Result<(), Refused> {
        let person = self.person(key);
        let mut changes = is_chosen;
        for known in self.records.values_mut().filter(|known| known.person == person) {
            changes |= known.chosen.remove(&field);
        }
        if is_chosen {
            self.records.get_mut(&name(key)).unwrap().chosen.insert(field);
        }
        if changes { Ok(()) } else { Err(Refused) }
    }

    pub(super) fn merge(
        &mut self,
        surviving: EnterpriseId,
        subsumed: EnterpriseId,
    ) -> Result<(), Refused> {
        if surviving == subsumed {
            return Err(Refused);
        }
        self.members(subsumed).iter().for_each(|key| self.put(key, surviving));
        Ok(())
    }

    /// Rule 3: the older survives.
    pub(super) fn link(&mut self, left: &RecordKey, right: &RecordKey) -> Result<(), Refused> {
        let (one, other) = (self.person(left), self.person(right));
        if one == other {
            return Ok(());
        }
        let age = |id| self.persons.iter().position(|(known, _)| *known == id);
        let is_older = age(one) < age(other);
        let (survivor, subsumed) = if is_older { (one, other) } else { (other, one) };
        self.merge(survivor, subsumed)
    }

    pub(super) fn keep_apart(
        &mut self,
        left: &RecordKey,
        right: &RecordKey,
    ) -> Result<(), Refused> {
        let is_new = self.apart.insert(pair(left, right));
        if is_new && self.person(left) != self.person(right) { Ok(()) } else { Err(Refused) }
    }

    /// Whether somebody keeps the persons of two records apart.
    pub(super) fn are_apart(&self, left: &RecordKey, right: &RecordKey) -> bool {
        let persons = (self.person(left), self.person(right));
        self.apart.iter().any(|pair| self.is_between(pair, persons))
    }

    /// Nobody keeps the persons of two records apart any more.
    pub(super) fn end_separation(&mut self, left: &RecordKey, right: &RecordKey) {
        let persons = (self.person(left), self.person(right));
        let ended: Vec<_> =
            self.apart.iter().filter(|pair| self.is_between(pair, persons)).cloned().collect();
        self.apart.retain(|pair| !ended.contains(pair));
    }

    fn is_between(
        &self,
        [one, other]: &[(String, String); 2],
        persons: (EnterpriseId, EnterpriseId),
    ) -> bool {
        let pair = (self.records[one].person, self.records[other].person);
        pair == persons || pair == (persons.1, persons.0)
    }

    /// Rule 3: the larger side keeps the enterprise ID.
    pub(super) fn split(
        &mut self,
        person: EnterpriseId,
        leaving: &[RecordKey],
        keep_apart: bool,
    ) -> Result<(), Refused> {
        let (leave, stay): (Vec<RecordKey>, Vec<RecordKey>) =
            self.members(person).into_iter().partition(|key| leaving.contains(key));
        if leave.is_empty() || stay.is_empty() {
            return Err(Refused);
        }
        let moved = if leave.len() > stay.len() { &stay } else { &leave };
        let to = EnterpriseId::from_number(TO_BE_TOLD);
        moved.iter().for_each(|key| self.put(key, to));
        if keep_apart {
            self.apart.extend(leave.iter().map(|key| pair(key, &stay[0])));
            self.apart.extend(stay.iter().map(|key| pair(&leave[0], key)));
        }
        Ok(())
    }

    /// Fills in what an operation could not know: the enterprise ID of those who left, which nobody had.
    pub(super) fn settle_home(&mut self, before: &Self, told: EnterpriseId) {
        let unknown = EnterpriseId::from_number(TO_BE_TOLD);
        if self.members(unknown).is_empty() {
            return;
        }
        assert!(before.members(told).is_empty(), "those who leave get an ID that nobody has");
        for known in self.records.values_mut().filter(|known| known.person == unknown) {
            known.person = told;
        }
        self.set_survivor(told, None);
    }

    pub(super) fn move_record(
        &mut self,
        key: &RecordKey,
        person: EnterpriseId,
    ) -> Result<(), Refused> {
        if self.person(key) == person {
            return Err(Refused);
        }
        self.put(key, person);
        Ok(())
    }

    /// Checks what undoing an event has made, given the model before and after the event, and `previous`,
    /// the model before the undoing.
    pub(super) fn check_undone(&self, before: &Self, after: &Self, previous: &Self) {
        for (name, was) in &previous.records {
            let now = &self.records[name];
            let (old, new) = (before.records.get(name), after.records.get(name));
            let content =
                |known: &Known| (known.content, known.is_active, known.replaced_by.clone());
            match (old, new) {
                (None, Some(_)) => {
                    assert!(!now.is_active, "a registration undone retires the record");
                    assert_eq!(now.person, was.person, "rule 1: it keeps its person");
                }
                (Some(old), Some(new)) => {
                    let person = if old.person == new.person { was } else { old }.person;
                    assert_eq!(now.person, self.resolve(person), "the record is back");
                    let said = if content(old) == content(new) { was } else { old };
                    assert_eq!(content(now), content(said), "the content is back");
                    let chosen = if old.chosen == new.chosen { was } else { old };
                    assert_eq!(now.chosen, chosen.chosen, "what was chosen is back");
                    let asked = if old.consent == new.consent { was } else { old };
                    assert_eq!(now.consent, asked.consent, "what was asked for is back");
                }
                _ => assert_eq!(now, was, "what came later stays"),
            }
        }
        for pair in self.apart.union(&previous.apart) {
            let (old, new) = (before.apart.contains(pair), after.apart.contains(pair));
            let due = if old == new { previous.apart.contains(pair) } else { old };
            assert_eq!(self.apart.contains(pair), due, "rule 4: undone, and nothing else");
        }
        if previous == after {
            for (id, survivor) in &before.persons {
                let now = self.persons.iter().find(|(known, _)| known == id);
                let is_kept = now == Some(&(*id, *survivor));
                assert!(is_kept || before.order.len() < after.order.len(), "{id} is as it was");
            }
        }
    }

    /// The rules that hold at any time, whatever came before.
    pub(super) fn check_rules(&self, index: &Index) {
        for (id, survivor) in &self.persons {
            let answers = self.resolve(*id);
            assert!(!self.members(answers).is_empty(), "rule 2: {id} leads to somebody");
            assert!(survivor.is_some() || answers == *id);
        }
        for known in self.records.values() {
            assert_eq!(self.resolve(known.person), known.person, "rule 1: a living person");
        }
        assert_eq!(self.torn(), None, "rule 4: who is kept apart is apart");
        let mut asked = BTreeSet::new();
        let mirror = index.registry().core.mirror.read();
        for task in mirror.tasks.sorted() {
            let keys = [task.incoming, task.candidate].map(|record| mirror.key(record).unwrap());
            if task.asks == Asks::WhetherUpdated {
                assert!(mirror.tasks.held(task.incoming).is_some(), "rule 8: an update waits");
                continue;
            }
            let persons = keys.clone().map(|key| self.person(&key));
            if task.asks == Asks::WhetherTwo {
                assert_eq!(persons[0], persons[1], "rule 9: one person, as long as it is asked");
            }
            if !task.is_about_two() {
                continue;
            }
            let is_active = keys.iter().all(|key| self.records[&name(key)].is_active);
            assert!(is_active, "rule 9: asked about records that have a say");
            assert_ne!(persons[0], persons[1], "rule 9: not moot");
            let pair = (persons[0].min(persons[1]), persons[0].max(persons[1]));
            assert!(asked.insert(pair), "rule 9: asked once");
            let is_apart = mirror.are_kept_apart(pair.0, pair.1);
            assert!(task.is_disputed || !is_apart, "rule 9: not answered already");
        }
        let events = index.registry().stats().events;
        let last = index.registry().events(empi_model::EventSequence(events.max(1)), 2).unwrap();
        assert_eq!(last.len() as u64, events.min(1), "rule 5: events end where they are counted");
    }
}
