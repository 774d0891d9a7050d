//! The living persons of the mirror.

use empi_model::{EnterpriseId, EventSequence, Person, PersonState, RecordIndex, Timestamp};
use prost::Message;
use smallvec::SmallVec;

use super::pieces::Pieces;

/// Places of persons that are kept together.
const PLACES_TOGETHER: usize = 1 << 16;

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

/// Some places of persons as they are kept, by columns.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PersonsPart {
    /// How many records each has; 0 for nobody.
    #[prost(uint32, repeated, tag = "1")]
    counts: Vec<u32>,
    /// The records of all.
    #[prost(uint32, repeated, tag = "2")]
    records: Vec<u32>,
    #[prost(sint64, repeated, tag = "3")]
    created: Vec<i64>,
    #[prost(uint64, repeated, tag = "4")]
    versions: Vec<u64>,
}

impl Persons {
    /// All places, in parts as they are kept.
    pub(crate) fn parts(&self) -> impl Iterator<Item = PersonsPart> + '_ {
        let count = self.by_count.len();
        (0..count).step_by(PLACES_TOGETHER).map(move |first| {
            let mut part = PersonsPart::default();
            let last = count.min(first + PLACES_TOGETHER);
            for person in (first..last).filter_map(|place| self.by_count.get(place)) {
                part.counts.push(u32::try_from(person.records.len()).unwrap_or(u32::MAX));
                part.records.extend(person.records.iter().map(|record| record.0));
                part.created.push(person.created.0);
                part.versions.push(person.version.0);
            }
            part
        })
    }

    /// Nobody yet, where so many were erased.
    pub(crate) fn with_erased(erased: u64) -> Self {
        Self { erased, ..Self::default() }
    }

    /// Takes the next part in. `None` for what is no part.
    pub(crate) fn take(&mut self, part: &PersonsPart) -> Option<()> {
        let PersonsPart { counts, records, created, versions } = part;
        if counts.len() != created.len() || counts.len() != versions.len() {
            return None;
        }
        let mut records = records.as_slice();
        for ((count, created), version) in counts.iter().zip(created).zip(versions) {
            let own = records.split_off(..*count as usize)?;
            let records = own.iter().copied().map(RecordIndex).collect();
            let (created, version) = (Timestamp(*created), EventSequence(*version));
            self.living += usize::from(!own.is_empty());
            self.by_count.push(MirroredPerson { records, created, version });
        }
        records.is_empty().then_some(())
    }

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
