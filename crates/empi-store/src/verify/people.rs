//! Persons, and the redirects between them.

use empi_model::{EnterpriseId, Person, PersonMark, PersonState, RecordIndex};

use super::{SeenPerson, SeenRecords, VerifyReport, Walk};
use crate::codec::{PersonRow, Row as _};
use crate::layout::{self, Family};

impl Walk<'_> {
    pub(super) fn check_persons(&mut self) {
        let rows = self.snapshot.scan(Family::Persons, &[], |key, value| {
            Ok((layout::read_u64(key), PersonRow::decoded(value)))
        });
        // The survivor of each redirect, by enterprise ID; `None` for a living person.
        let mut survivors: Vec<(EnterpriseId, Option<EnterpriseId>)> = Vec::new();
        let mut persons: Vec<SeenPerson> = Vec::new();
        for row in rows {
            let Some((key, person)) = self.report.take(row, "persons") else { break };
            self.report.persons += 1;
            let Some(person) = person else {
                let id = EnterpriseId::from_number(key.unwrap_or_default());
                self.report.add(|| format!("person {id} does not read"));
                continue;
            };
            let id = person.enterprise_id;
            if key != Some(id.as_number()) {
                self.report.add(|| format!("person {id} stands under another enterprise ID"));
                continue;
            }
            let (version, events) = (person.version.0, self.counters.events);
            self.report.check((1..=events).contains(&version), || {
                format!("person {id} was changed by event {version}, which is not there")
            });
            let survivor = match &person.state {
                PersonState::Redirect { survivor, .. } => Some(*survivor),
                PersonState::Live(records) | PersonState::Erased { records, .. } => {
                    check_members(&mut self.report, &mut self.records, id, records);
                    None
                }
            };
            survivors.push((id, survivor));
            persons.push(self.seen(&person));
        }
        for record in self.records.0.iter().filter(|record| !record.is_listed) {
            let index = record.index.0;
            self.report.add(|| format!("record {index} is listed by no person"));
        }
        self.persons = persons;
        self.check_redirects(&survivors);
        self.check_minted();
    }

    fn seen(&self, person: &Person) -> SeenPerson {
        let members = match &person.state {
            PersonState::Live(records) | PersonState::Erased { records, .. } => records.as_slice(),
            PersonState::Redirect { .. } => &[],
        };
        let members = || members.iter().filter_map(|record| self.records.get(*record));
        SeenPerson {
            id: person.enterprise_id,
            mark: PersonMark::of(&person.state),
            created: person.created,
            version: person.version,
            of_members: (
                members().map(|record| record.registered).min().unwrap_or_default(),
                members().map(|record| record.changed).max().unwrap_or_default(),
            ),
            told: None,
        }
    }

    /// Every person is as the events have left it: when it was minted, which of them changed it last, where
    /// it redirects to. One that no event tells of was loaded in bulk with its records.
    pub(super) fn check_told_persons(&mut self) {
        for person in &self.persons {
            let SeenPerson { id, mark, created, version, of_members, told } = person;
            let is_as_left = match told {
                Some((minted, last, after)) => {
                    minted.is_none_or(|minted| minted == *created)
                        && last == version
                        && after == mark
                }
                None => {
                    *mark != PersonMark::Live
                        || *version <= self.vouched.silent_until
                        || (*created, *version) == *of_members
                }
            };
            self.report
                .check(is_as_left, || format!("person {id} is not as the events have left it"));
        }
    }

    /// Every redirect ends at a living person. Each is followed once, however long the chains are.
    fn check_redirects(&mut self, survivors: &[(EnterpriseId, Option<EnterpriseId>)]) {
        #[derive(Clone, Copy, PartialEq)]
        enum End {
            Unknown,
            OnTheWay,
            Living,
            Nobody,
        }
        let place = |id: EnterpriseId| survivors.binary_search_by_key(&id, |(id, _)| *id).ok();
        let mut ends = vec![End::Unknown; survivors.len()];
        for start in 0..survivors.len() {
            let mut way = Vec::new();
            let mut at = Some(start);
            let end = loop {
                let step = at.and_then(|at| Some((at, ends.get_mut(at)?, survivors.get(at)?)));
                match step {
                    None => break End::Nobody,
                    Some((_, End::OnTheWay, _)) => break End::Nobody,
                    Some((_, End::Unknown, (_, None))) => break End::Living,
                    Some((here, end @ End::Unknown, (_, Some(survivor)))) => {
                        *end = End::OnTheWay;
                        way.push(here);
                        at = place(*survivor);
                    }
                    Some((_, end, _)) => break *end,
                }
            };
            for here in way {
                if let (Some(known), Some((id, _))) = (ends.get_mut(here), survivors.get(here)) {
                    *known = end;
                    self.report.check(end == End::Living, || format!("{id} redirects to nobody"));
                }
            }
        }
    }

    /// Every enterprise ID is one that was minted. Another would be given out a second time one day.
    fn check_minted(&mut self) {
        let minted = self.counters.persons_minted;
        if minted != self.persons.len() as u64 {
            // The counts tell already that something is wrong.
            return;
        }
        let mut due: Vec<EnterpriseId> = (0..minted).map(EnterpriseId::mint).collect();
        due.sort_unstable();
        let ids = self.persons.iter().map(|person| person.id);
        for id in ids.filter(|id| due.binary_search(id).is_err()) {
            self.report.add(|| format!("the enterprise ID {id} was never minted"));
        }
    }
}

fn check_members(
    report: &mut VerifyReport,
    seen: &mut SeenRecords,
    id: EnterpriseId,
    records: &[RecordIndex],
) {
    report.check(!records.is_empty(), || format!("person {id} has no record"));
    report.check(records.is_sorted(), || format!("person {id} lists records out of order"));
    for index in records {
        let is_own = seen.get_mut(*index).is_some_and(|record| {
            record.person == id && !std::mem::replace(&mut record.is_listed, true)
        });
        report.check(is_own, || {
            format!("person {id} lists record {}, which is not its own", index.0)
        });
    }
}
