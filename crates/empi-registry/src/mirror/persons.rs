//! The living persons of the mirror.

use empi_model::{EnterpriseId, EventSequence, Person, PersonState, RecordIndex, Timestamp};
use smallvec::SmallVec;

use super::pieces::Pieces;

/// A living person in the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MirroredPerson {
    /// Ascending, never empty.
    pub(crate) records: SmallVec<[RecordIndex; 4]>,
    pub(crate) created: Timestamp,
    /// The event that changed the person last.
    pub(crate) version: EventSequence,
}

impl MirroredPerson {
    /// In the place of an ID that answers nobody: one that redirects, or was never given out.
    const NOBODY: Self =
        Self { records: SmallVec::new_const(), created: Timestamp(0), version: EventSequence(0) };

    /// Orders persons by age. Those of one bulk load were created at the same moment; then the one
    /// whose first record came first is the older.
    pub(crate) fn age(&self) -> (Timestamp, RecordIndex) {
        (self.created, self.records.first().copied().unwrap_or(RecordIndex(u32::MAX)))
    }
}

/// The living persons by the count that their enterprise ID was minted with, which tells their place
/// without a search.
#[derive(Debug, Default)]
pub(crate) struct Persons {
    by_count: Pieces<MirroredPerson>,
    living: usize,
    /// How many were erased, each once and for good.
    erased: u64,
}

impl Persons {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.living
    }

    /// How many were erased.
    pub(crate) const fn erased(&self) -> u64 {
        self.erased
    }

    pub(crate) fn get(&self, id: EnterpriseId) -> Option<&MirroredPerson> {
        let place = usize::try_from(id.minted_as()).ok()?;
        self.by_count.get(place).filter(|person| !person.records.is_empty())
    }

    /// Every one, in the order in which their IDs were minted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (EnterpriseId, &MirroredPerson)> {
        let all = (0..).zip(self.by_count.iter()).filter(|(_, person)| !person.records.is_empty());
        all.map(|(count, person)| (EnterpriseId::mint(count), person))
    }

    /// Those whose IDs were minted with such counts, each with its place.
    pub(crate) fn minted_between(
        &self,
        counts: std::ops::Range<u64>,
    ) -> impl Iterator<Item = (EnterpriseId, &MirroredPerson)> {
        counts.map(EnterpriseId::mint).filter_map(|id| Some((id, self.get(id)?)))
    }

    /// Makes room for the IDs that were minted.
    pub(crate) fn mint(&mut self, minted: u64) {
        while (self.by_count.len() as u64) < minted {
            self.by_count.push(MirroredPerson::NOBODY);
        }
    }

    /// Puts a person, or that an ID redirects. Whether the ID was minted.
    pub(crate) fn put(&mut self, person: &Person) -> bool {
        let place = usize::try_from(person.enterprise_id.minted_as()).ok();
        let Some(place) = place.and_then(|place| self.by_count.get_mut(place)) else {
            return false;
        };
        self.living -= usize::from(!place.records.is_empty());
        *place = match &person.state {
            PersonState::Live(records) => MirroredPerson {
                records: SmallVec::from_slice(records),
                created: person.created,
                version: person.version,
            },
            PersonState::Redirect { .. } => MirroredPerson::NOBODY,
            PersonState::Erased { .. } => {
                self.erased += 1;
                MirroredPerson::NOBODY
            }
        };
        self.living += usize::from(!place.records.is_empty());
        true
    }
}
