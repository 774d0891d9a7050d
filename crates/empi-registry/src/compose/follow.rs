//! What follows from a change of records: persons with other members, questions that are settled.

use std::collections::{BTreeMap, BTreeSet};

use empi_model::{
    Asks, EnterpriseId, Person, PersonMark, PersonState, RecordIndex, ReviewTask, TaskId, Timestamp,
};
use empi_store::KeptApart;
use hashbrown::HashSet;

use super::Draft;
use crate::RegistryError;
use crate::mirror::open_tasks::OpenTask;

impl Draft<'_> {
    /// The person of a record after this change.
    pub(super) fn person_after(&self, record: RecordIndex) -> Option<EnterpriseId> {
        self.moved.get(&record).copied().or_else(|| self.context.mirror.person_of(record))
    }

    /// The records of a person after this change, ascending.
    pub(super) fn members_after(&self, person: EnterpriseId) -> Vec<RecordIndex> {
        let stays = |record: &&RecordIndex| self.moved.get(*record).is_none_or(|to| *to == person);
        let mut members: Vec<RecordIndex> =
            self.context.mirror.members(person).iter().filter(stays).copied().collect();
        let come = self.moved.iter().filter(|(_, to)| **to == person).map(|(record, _)| *record);
        members.extend(come);
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The persons that gain or lose a record, or that the change says something about.
    fn affected(&self) -> BTreeSet<EnterpriseId> {
        let left = self.moved.keys().filter_map(|record| self.context.mirror.person_of(*record));
        left.chain(self.moved.values().copied()).chain(self.touched.iter().copied()).collect()
    }

    /// Writes the persons concerned. One without records left goes where it was told to, else to the
    /// person that took its first record: an enterprise ID resolves for ever (identity rule 2).
    pub(super) fn put_persons(&mut self) -> Result<(), RegistryError> {
        for id in self.affected() {
            let records = self.members_after(id);
            let state = if self.erased.contains(&id) {
                PersonState::Erased { records, event: self.event }
            } else if records.is_empty() {
                self.redirect(id)?
            } else {
                PersonState::Live(records)
            };
            let created = self.created(id)?;
            let person = Person { enterprise_id: id, state, created, version: self.event };
            self.change.commit.persons.push(person);
        }
        Ok(())
    }

    fn redirect(&self, id: EnterpriseId) -> Result<PersonState, RegistryError> {
        if let Some(PersonMark::Redirect { survivor, event }) = self.redirects.get(&id)
            && self.leads_away(id, *survivor)?
        {
            return Ok(PersonState::Redirect { survivor: *survivor, event: *event });
        }
        let first = self.context.mirror.members(id).first();
        let survivor = first.and_then(|record| self.person_after(*record)).ok_or_else(|| {
            RegistryError::damaged("an enterprise ID without records has nowhere to go")
        })?;
        Ok(PersonState::Redirect { survivor, event: self.event })
    }

    /// Whether an enterprise ID that goes to a survivor ends at a living person, and not in a circle.
    fn leads_away(&self, id: EnterpriseId, survivor: EnterpriseId) -> Result<bool, RegistryError> {
        let mut at = survivor;
        while at != id && self.members_after(at).is_empty() {
            match self.context.pending.person(at)?.map(|person| person.state) {
                Some(PersonState::Redirect { survivor, .. }) => at = survivor,
                _ => return Ok(false),
            }
        }
        Ok(at != id)
    }

    /// When a person was created; now for one that this change mints.
    fn created(&self, id: EnterpriseId) -> Result<Timestamp, RegistryError> {
        if let Some(person) = self.context.mirror.person(id) {
            return Ok(person.created);
        }
        let is_minted = id == EnterpriseId::mint(self.context.mirror.counters().persons_minted);
        let gone = if is_minted { None } else { self.context.pending.person(id)? };
        Ok(gone.map_or(self.context.time, |person| person.created))
    }

    /// The records that a record is kept apart from after this change.
    fn apart_after(&self, record: RecordIndex) -> Vec<RecordIndex> {
        let mut apart = self.context.mirror.apart_from(record).to_vec();
        for KeptApart { one, other, event } in &self.change.commit.kept_apart {
            let Some(pair) = [(*one, *other), (*other, *one)]
                .into_iter()
                .find_map(|(left, right)| (left == record).then_some(right))
            else {
                continue;
            };
            apart.retain(|known| *known != pair);
            apart.extend(event.map(|_| pair));
        }
        apart.sort_unstable();
        apart
    }

    fn are_apart_after(&self, one: EnterpriseId, other: EnterpriseId) -> bool {
        let is_other = |record: RecordIndex| self.person_after(record) == Some(other);
        let mut members = self.members_after(one).into_iter();
        members.any(|record| self.apart_after(record).into_iter().any(is_other))
    }

    /// No person may hold two records that are kept apart (identity rule 4). Where that would come
    /// about, the refusal names the event that keeps them apart.
    pub(super) fn refuse_kept_apart(&self) -> Result<(), RegistryError> {
        let added = self.change.commit.kept_apart.iter().flat_map(|pair| [pair.one, pair.other]);
        let concerned: BTreeSet<RecordIndex> = self.moved.keys().copied().chain(added).collect();
        for record in concerned {
            let person = self.person_after(record);
            for other in self.apart_after(record) {
                if self.person_after(other) != person {
                    continue;
                }
                let id = person.map_or_else(String::new, |id| id.to_string());
                return Err(match self.context.pending.keeps_apart(record, other)? {
                    Some(event) => RegistryError::conflict(format!(
                        "event {event} keeps two of these records apart, and they would be one \
                         person, {id}: undo that event first"
                    )),
                    None => {
                        let links =
                            [self.stored(record)?.link.event, self.stored(other)?.link.event];
                        let [one, other] = links;
                        let event = one.max(other);
                        RegistryError::conflict(format!(
                            "the two records are one person, {id}, since event {event}: separate \
                             them before they are kept apart"
                        ))
                    }
                });
            }
        }
        Ok(())
    }

    /// Closes the questions that this change settles (identity rule 9): those whose two records are
    /// one person now, kept apart or not to be linked, and those that are asked between the same two persons already.
    /// A question that was to wait again does so only if it is not settled.
    pub(super) fn settle_questions(&mut self) -> Result<(), RegistryError> {
        let mirror = self.context.mirror;
        let is_quiet = self.change.commit.kept_apart.is_empty()
            && self.reopened.is_empty()
            && !self.notes_consent()
            && self.moved.keys().all(|record| mirror.known(*record).is_none());
        if is_quiet {
            return Ok(());
        }
        let reopened: BTreeMap<TaskId, ReviewTask> =
            std::mem::take(&mut self.reopened).into_iter().map(|task| (task.id, task)).collect();
        let mut seen = HashSet::new();
        for (id, question) in self.questions(&reopened) {
            let persons = (
                self.person_after(question.incoming).unwrap_or(EnterpriseId::from_number(0)),
                self.person_after(question.candidate).unwrap_or(EnterpriseId::from_number(0)),
            );
            let pair = (persons.0.min(persons.1), persons.0.max(persons.1));
            let is_settled = match question.asks {
                Asks::WhetherTwo => self.is_divided(question.incoming, question.candidate),
                _ => self.is_answered(&question) || !seen.insert(pair),
            };
            let waits = mirror.tasks.get(id).is_some();
            match (reopened.get(&id), is_settled) {
                (Some(task), false) => self.change.commit.tasks.push(task.clone()),
                (_, true) if waits => self.close(id, "settled by another change")?,
                (Some(_) | None, _) => {}
            }
        }
        let others = reopened.into_values().filter(|task| !is_about_a_pair(task.asks()));
        self.change.commit.tasks.extend(others);
        Ok(())
    }

    /// Whether a question if two persons are one needs no asking any more. One that is asked against a
    /// steward's decision is not settled by that decision.
    fn is_answered(&self, question: &OpenTask) -> bool {
        let OpenTask { incoming, candidate, is_disputed, .. } = *question;
        if !is_disputed {
            return self.is_settled(incoming, candidate);
        }
        let persons = [incoming, candidate].map(|record| self.person_after(record));
        persons[0] == persons[1]
            || !self.has_say(incoming)
            || !self.has_say(candidate)
            || persons.into_iter().flatten().any(|person| self.is_not_linked_after(person))
    }

    /// Whether a question if one person is two needs no asking any more.
    fn is_divided(&self, one: RecordIndex, other: RecordIndex) -> bool {
        self.person_after(one) != self.person_after(other)
            || !self.has_say(one)
            || !self.has_say(other)
    }

    /// Whether it needs no asking any more if two records are one person.
    pub(super) fn is_settled(&self, one: RecordIndex, other: RecordIndex) -> bool {
        let (Some(person), Some(other_person)) = (self.person_after(one), self.person_after(other))
        else {
            return true;
        };
        person == other_person
            || !self.has_say(one)
            || !self.has_say(other)
            || self.are_apart_after(person, other_person)
            || self.is_not_linked_after(person)
            || self.is_not_linked_after(other_person)
    }

    /// Whether a record is compared with others after this change.
    fn has_say(&self, record: RecordIndex) -> bool {
        let written = self.change.commit.records.iter().find(|stored| stored.index == record);
        match written {
            Some(stored) => stored.state.is_active(),
            None => self.context.mirror.known(record).is_some_and(|known| known.is_active),
        }
    }

    /// The questions about two persons, of which one is concerned, in the order of their IDs.
    fn questions(&self, reopened: &BTreeMap<TaskId, ReviewTask>) -> BTreeMap<TaskId, OpenTask> {
        let reopened = reopened.values().map(OpenTask::of);
        let reopened: Vec<OpenTask> = reopened.filter(|task| is_about_a_pair(task.asks)).collect();
        let about = reopened.iter().flat_map(|task| [task.incoming, task.candidate]);
        let persons: BTreeSet<EnterpriseId> = self
            .affected()
            .into_iter()
            .chain(about.filter_map(|record| self.person_after(record)))
            .collect();
        let members = persons.into_iter().flat_map(|person| self.members_after(person));
        let waiting = members
            .flat_map(|record| self.context.mirror.tasks.of_record(record).collect::<Vec<_>>())
            .filter(|task| is_about_a_pair(task.asks) && !self.writes_task(task.id));
        waiting.chain(reopened.iter().copied()).map(|task| (task.id, task)).collect()
    }
}

/// Whether a task asks about two records that may be one person or two.
const fn is_about_a_pair(asks: Asks) -> bool {
    matches!(asks, Asks::WhetherOne | Asks::WhetherTwo)
}
