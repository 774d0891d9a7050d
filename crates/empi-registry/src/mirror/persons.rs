//! The living persons of the mirror.

use empi_model::{EnterpriseId, EventSequence, Person, PersonState, RecordIndex, Timestamp};
use prost::Message;

use super::end_to_end::EndToEnd;

/// Places of persons in a piece.
const PIECE: usize = 256;

/// Places of persons that are kept together.
const PLACES_TOGETHER: usize = 1 << 16;

/// A living person in the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MirroredPerson<'a> {
    /// Ascending, never empty.
    pub(crate) records: &'a [RecordIndex],
    pub(crate) created: Timestamp,
    /// The event that changed the person last.
    pub(crate) version: EventSequence,
}

impl MirroredPerson<'_> {
    /// Orders persons by age. Those of one bulk load were created at the same moment; then the one
    /// whose first record came first is the older.
    pub(crate) fn age(&self) -> (Timestamp, RecordIndex) {
        (self.created, self.records.first().copied().unwrap_or(RecordIndex(u32::MAX)))
    }
}

/// When a person was created and which event changed it last, in 48 bits each: milliseconds until the year 6429, and
/// 281 trillion events.
#[derive(Clone, Copy, Debug, Default)]
struct When {
    lower: [u32; 2],
    upper: [u16; 2],
}

impl When {
    const fn new(created: Timestamp, version: EventSequence) -> Self {
        let (created, version) = (created.0.cast_unsigned(), version.0);
        Self {
            lower: [created as u32, version as u32],
            upper: [(created >> 32) as u16, (version >> 32) as u16],
        }
    }

    fn created(self) -> Timestamp {
        let whole = u64::from(self.upper[0]) << 32 | u64::from(self.lower[0]);
        // A moment before 1970 keeps its sign.
        Timestamp((whole << 16).cast_signed() >> 16)
    }

    fn version(self) -> EventSequence {
        EventSequence(u64::from(self.upper[1]) << 32 | u64::from(self.lower[1]))
    }
}

/// The living persons by the count that their enterprise ID was minted with, which tells their place
/// without a search.
#[derive(Debug, Default)]
pub(crate) struct Persons {
    pieces: Vec<Piece>,
    living: usize,
    /// How many were erased, each once and for good.
    erased: u64,
}

/// Some persons and their records. One without records is nobody: an ID that redirects, or was never given out.
#[derive(Debug)]
struct Piece {
    whens: Vec<When>,
    records: EndToEnd<RecordIndex>,
}

impl Piece {
    fn new() -> Self {
        Self { whens: Vec::with_capacity(PIECE), records: EndToEnd::with_room(PIECE) }
    }

    fn get(&self, at: usize) -> Option<MirroredPerson<'_>> {
        let (records, when) = (self.records.get(at)?, self.whens.get(at)?);
        Some(MirroredPerson { records, created: when.created(), version: when.version() })
    }

    /// Puts a person in the place of another; gives how many records that had.
    fn replace(&mut self, at: usize, when: When, records: &[RecordIndex]) -> Option<usize> {
        *self.whens.get_mut(at)? = when;
        self.records.replace(at, records)
    }
}

/// A count of records, of which there are fewer than 2^31.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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
        self.pieces.chunks(PLACES_TOGETHER / PIECE).map(|pieces| {
            let mut part = PersonsPart::default();
            for person in pieces.iter().flat_map(persons_of) {
                part.counts.push(number(person.records.len()));
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
            self.living += usize::from(!own.is_empty());
            self.push(When::new(Timestamp(*created), EventSequence(*version)), own);
        }
        // What is kept is read once: no room is left in its pieces for records that may never come.
        self.pieces.iter_mut().for_each(|piece| piece.records.shrink());
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

    /// How many places there are: as many as IDs were minted.
    fn places(&self) -> usize {
        let last = self.pieces.last().map_or(0, |piece| piece.whens.len());
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    fn push(&mut self, when: When, records: &[u32]) {
        if self.pieces.last().is_none_or(|piece| piece.whens.len() == PIECE) {
            self.pieces.push(Piece::new());
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.whens.push(when);
            piece.records.push_with(|all| all.extend(records.iter().copied().map(RecordIndex)));
        }
    }

    pub(crate) fn get(&self, id: EnterpriseId) -> Option<MirroredPerson<'_>> {
        let place = usize::try_from(id.minted_as()).ok()?;
        let person = self.pieces.get(place / PIECE)?.get(place % PIECE)?;
        Some(person).filter(|person| !person.records.is_empty())
    }

    /// Every one, in the order in which their IDs were minted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (EnterpriseId, MirroredPerson<'_>)> {
        let all = (0..).zip(self.pieces.iter().flat_map(persons_of));
        let living = all.filter(|(_, person)| !person.records.is_empty());
        living.map(|(count, person)| (EnterpriseId::mint(count), person))
    }

    /// Those whose IDs were minted with such counts, each with its place.
    pub(crate) fn minted_between(
        &self,
        counts: std::ops::Range<u64>,
    ) -> impl Iterator<Item = (EnterpriseId, MirroredPerson<'_>)> {
        counts.map(EnterpriseId::mint).filter_map(|id| Some((id, self.get(id)?)))
    }

    /// Makes room for the IDs that were minted.
    pub(crate) fn mint(&mut self, minted: u64) {
        while (self.places() as u64) < minted {
            self.push(When::default(), &[]);
        }
    }

    /// Puts a person, or that an ID redirects. Whether the ID was minted.
    pub(crate) fn put(&mut self, person: &Person) -> bool {
        let Ok(place) = usize::try_from(person.enterprise_id.minted_as()) else { return false };
        let Some(piece) = self.pieces.get_mut(place / PIECE) else { return false };
        let (when, records) = match &person.state {
            PersonState::Live(records) => {
                (When::new(person.created, person.version), records.as_slice())
            }
            PersonState::Redirect { .. } | PersonState::Erased { .. } => (When::default(), &[][..]),
        };
        let Some(before) = piece.replace(place % PIECE, when, records) else { return false };
        self.erased += u64::from(matches!(person.state, PersonState::Erased { .. }));
        self.living -= usize::from(before > 0);
        self.living += usize::from(!records.is_empty());
        true
    }
}

/// The persons of a piece, nobody among them.
fn persons_of(piece: &Piece) -> impl Iterator<Item = MirroredPerson<'_>> {
    (0..piece.whens.len()).filter_map(|at| piece.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(count: u64, records: &[u32]) -> Person {
        let records: Vec<_> = records.iter().copied().map(RecordIndex).collect();
        Person {
            enterprise_id: EnterpriseId::mint(count),
            created: Timestamp(1_764_000_000_123 + count.cast_signed()),
            version: EventSequence(5_000_000_000 + count),
            state: PersonState::Live(records),
        }
    }

    fn told(persons: &Persons) -> Vec<(EnterpriseId, Vec<RecordIndex>, Timestamp, EventSequence)> {
        let told = |(id, person): (EnterpriseId, MirroredPerson<'_>)| {
            (id, person.records.to_vec(), person.created, person.version)
        };
        persons.iter().map(told).collect()
    }

    #[test]
    fn persons_stay_where_they_are_while_others_grow_shrink_and_go() {
        let mut persons = Persons::default();
        let count = 3 * PIECE as u64 + 7;
        persons.mint(count);
        assert_eq!((persons.len(), persons.places() as u64), (0, count));
        assert!(!persons.put(&person(count, &[1])), "it was never minted");
        let mut expected: Vec<Person> = (0..count).map(|at| person(at, &[at as u32])).collect();
        assert!(expected.iter().all(|it| persons.put(it)));
        for (at, records) in
            [(PIECE, vec![4, 8, 9]), (3, vec![5; 40]), (PIECE, vec![2]), (3, vec![])]
        {
            expected[at] = person(at as u64, &records);
            assert!(persons.put(&expected[at]));
        }
        let expected: Vec<_> = expected
            .into_iter()
            .filter_map(|it| {
                let PersonState::Live(records) = it.state else { return None };
                let is_there = !records.is_empty();
                is_there.then_some((it.enterprise_id, records, it.created, it.version))
            })
            .collect();
        assert_eq!(told(&persons), expected);
        assert_eq!(persons.len() as u64, count - 1);

        let mut again = Persons::default();
        assert!(persons.parts().all(|part| again.take(&part).is_some()));
        assert_eq!(told(&again), expected);
        assert_eq!((again.len(), again.places()), (persons.len(), persons.places()));
    }

    #[test]
    fn when_keeps_moments_and_events_of_48_bits() {
        for created in [0, 1, -1, 1_764_000_000_123, (1 << 47) - 1, -(1 << 47)] {
            for version in [0, 1, u64::from(u32::MAX) + 1, (1 << 48) - 1] {
                let when = When::new(Timestamp(created), EventSequence(version));
                assert_eq!((when.created().0, when.version().0), (created, version));
            }
        }
    }
}
