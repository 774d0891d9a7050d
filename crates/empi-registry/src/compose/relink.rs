//! Composing what linking anew changes: persons that exchange records.

use empi_model::{EnterpriseId, EventKind, Link, LinkSource, MatchWeight, PersonMark, RecordIndex};

use super::{Context, Draft, EventWords};
use crate::RegistryError;
use crate::mirror::Change;
use crate::relink::{Regroup, RegroupKind};

/// Composes that persons exchange records. `weight` is the one that links a record now.
pub(crate) fn compose_relinked(
    context: Context<'_>,
    regroup: &Regroup,
    weight: &dyn Fn(RecordIndex) -> Option<MatchWeight>,
) -> Result<Change, RegistryError> {
    let mut draft = Draft::new(context);
    let mut homes = Vec::with_capacity(regroup.groups.len());
    let mut moved = Vec::new();
    for group in &regroup.groups {
        let home = match group.keeps {
            Some(id) => id,
            None => draft.new_home(&group.records)?,
        };
        homes.push(home);
        for record in &group.records {
            let from = draft.person_of(*record)?;
            if from != home {
                let old = draft.stored(*record)?.link;
                draft.relink(*record, draft.machine_link(home, &old, weight(*record)))?;
                moved.push((*record, from, home));
            }
        }
    }
    for (id, group) in &regroup.redirects {
        if let Some(survivor) = homes.get(*group) {
            let mark = PersonMark::Redirect { survivor: *survivor, event: draft.event };
            draft.redirects.insert(*id, mark);
        }
    }
    draft.touched.extend(&regroup.persons);
    let Some((_, old, new)) = moved.first().copied() else {
        return Err(RegistryError::damaged("linking anew moved no record"));
    };
    let (before, after) = (regroup.persons.len(), regroup.groups.len());
    let what = match regroup.kind() {
        RegroupKind::Merge => format!("{before} persons are one"),
        RegroupKind::Split => format!("one person is {after}"),
        RegroupKind::Exchange => format!("{before} persons are {after} others"),
    };
    draft.finish(EventWords {
        records: moved.into_iter().map(|(record, ..)| record).collect(),
        old: Some(old),
        ..EventWords::new(EventKind::Relinked, new, format!("relinked: {what}"))
    })
}

impl Draft<'_> {
    /// The enterprise ID for records that go on under none of their persons'.
    fn new_home(&mut self, records: &[RecordIndex]) -> Result<EnterpriseId, RegistryError> {
        let mut from = records.iter().map(|record| self.person_of(*record));
        let Some(first) = from.next().transpose()? else { return Ok(self.mint()) };
        let is_one_person = from.all(|person| person.is_ok_and(|person| person == first));
        if is_one_person { self.home_of(first, records) } else { Ok(self.mint()) }
    }

    /// A link that linking anew made. What a steward linked stays a steward's.
    fn machine_link(&self, home: EnterpriseId, old: &Link, weight: Option<MatchWeight>) -> Link {
        match old.source {
            LinkSource::Automatic => self.link(home, LinkSource::Automatic, weight),
            LinkSource::Manual => self.link(home, LinkSource::Manual, old.weight),
        }
    }
}
