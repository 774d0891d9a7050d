//! The records of the mirror: of each its packed row, and what the mirror knows of it beside.

use empi_linkage::{CompareRow, RowPacker};
use empi_model::{EnterpriseId, LinkSource, RecordIndex};
use empi_store::StoredRecord;
use prost::Message;

use super::end_to_end::EndToEnd;

/// Records in a piece.
const PIECE: usize = 256;

/// Pieces that are kept together.
const PIECES_TOGETHER: usize = 64;

/// Bits above the 50 of an enterprise ID.
const MANUAL: u64 = 1 << 62;
const ACTIVE: u64 = 1 << 63;

/// A record in the mirror.
#[derive(Debug)]
pub(crate) struct MirroredRecord {
    pub(crate) row: CompareRow,
    known: Known,
}

/// What the mirror knows of a record beside its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) content_hash: u64,
    pub(crate) person: EnterpriseId,
    pub(crate) link: LinkSource,
    /// Whether it has a say: a retired record stays with its person and is compared with nothing.
    pub(crate) is_active: bool,
}

impl Known {
    pub(super) fn of(stored: &StoredRecord) -> Self {
        Self {
            content_hash: stored.content_hash,
            person: stored.link.enterprise_id,
            link: stored.link.source,
            is_active: stored.state.is_active(),
        }
    }

    /// The same in two numbers.
    pub(super) const fn packed(&self) -> [u64; 2] {
        let manual = if matches!(self.link, LinkSource::Manual) { MANUAL } else { 0 };
        let active = if self.is_active { ACTIVE } else { 0 };
        [self.content_hash, self.person.as_number() | manual | active]
    }

    pub(super) const fn unpacked([content_hash, rest]: [u64; 2]) -> Self {
        let is_manual = rest & MANUAL != 0;
        Self {
            content_hash,
            person: EnterpriseId::from_number(rest),
            link: if is_manual { LinkSource::Manual } else { LinkSource::Automatic },
            is_active: rest & ACTIVE != 0,
        }
    }
}

impl std::ops::Deref for MirroredRecord {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

/// Every record by its number.
#[derive(Debug, Default)]
pub(crate) struct Records {
    packer: RowPacker,
    pieces: Vec<Piece>,
    count: usize,
    /// Where a row is packed before it goes to its place.
    packed: Vec<u8>,
}

/// Some records and their packed rows.
#[derive(Debug)]
struct Piece {
    known: Vec<[u64; 2]>,
    rows: EndToEnd<u8>,
}

impl Piece {
    fn new() -> Self {
        Self { known: Vec::with_capacity(PIECE), rows: EndToEnd::with_room(PIECE) }
    }
}

/// Some records as they are kept.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct RecordsPart {
    /// Two numbers of each record.
    #[prost(fixed64, repeated, tag = "1")]
    known: Vec<u64>,
    /// Where each row ends in its piece.
    #[prost(uint32, repeated, tag = "2")]
    ends: Vec<u32>,
    #[prost(bytes = "vec", tag = "3")]
    rows: Vec<u8>,
}

impl Records {
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    fn at(&self, RecordIndex(index): RecordIndex) -> Option<(&Piece, usize)> {
        let index = index as usize;
        Some((self.pieces.get(index / PIECE)?, index % PIECE))
    }

    /// What is known of a record beside its row.
    pub(crate) fn known(&self, record: RecordIndex) -> Option<Known> {
        let (piece, at) = self.at(record)?;
        piece.known.get(at).copied().map(Known::unpacked)
    }

    pub(crate) fn get(&self, record: RecordIndex) -> Option<MirroredRecord> {
        let (piece, at) = self.at(record)?;
        let known = Known::unpacked(*piece.known.get(at)?);
        Some(MirroredRecord { row: self.packer.unpack(piece.rows.get(at)?)?, known })
    }

    /// The row of a record.
    pub(crate) fn row(&self, record: RecordIndex) -> Option<CompareRow> {
        let (piece, at) = self.at(record)?;
        self.packer.unpack(piece.rows.get(at)?)
    }

    /// The birth date of a record, as in [`CompareRow::birth_date`].
    pub(crate) fn birth_date(&self, record: RecordIndex) -> Option<u32> {
        let (piece, at) = self.at(record)?;
        piece.rows.get(at).map(RowPacker::birth_date)
    }

    pub(crate) fn know(&mut self, RecordIndex(index): RecordIndex, known: Known) {
        let (piece, at) = (index as usize / PIECE, index as usize % PIECE);
        let place = self.pieces.get_mut(piece).and_then(|piece| piece.known.get_mut(at));
        if let Some(place) = place {
            *place = known.packed();
        }
    }

    /// Gives a record another row.
    pub(crate) fn replace(&mut self, RecordIndex(index): RecordIndex, row: &CompareRow) {
        self.packed.clear();
        self.packer.pack(row, &mut self.packed);
        let (piece, at) = (index as usize / PIECE, index as usize % PIECE);
        if let Some(piece) = self.pieces.get_mut(piece) {
            piece.rows.replace(at, &self.packed);
        }
    }

    pub(crate) fn push(&mut self, row: &CompareRow, known: Known) {
        if self.count.is_multiple_of(PIECE) {
            // Nothing more comes into the piece before: it needs no room to grow.
            if let Some(full) = self.pieces.last_mut() {
                full.rows.shrink();
            }
            self.pieces.push(Piece::new());
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.rows.push_with(|all| self.packer.pack(row, all));
            piece.known.push(known.packed());
        }
        self.count += 1;
    }

    /// The authorities that rows name by number.
    pub(crate) fn authorities(&self) -> &[u64] {
        self.packer.authorities()
    }

    /// All records, in parts as they are kept.
    pub(crate) fn parts(&self) -> impl Iterator<Item = RecordsPart> + '_ {
        self.pieces.chunks(PIECES_TOGETHER).map(|pieces| RecordsPart {
            known: pieces.iter().flat_map(|piece| piece.known.iter().copied().flatten()).collect(),
            ends: pieces.iter().flat_map(|piece| piece.rows.ends()).collect(),
            rows: pieces.iter().flat_map(|piece| piece.rows.items()).copied().collect(),
        })
    }

    /// Records that name authorities by these numbers, none yet.
    pub(crate) fn with_authorities(authorities: Vec<u64>) -> Self {
        Self { packer: RowPacker::with_authorities(authorities), ..Self::default() }
    }

    /// Takes the next part in. `None` for what is no part.
    pub(crate) fn take(&mut self, part: &RecordsPart) -> Option<()> {
        let RecordsPart { known, ends, rows } = part;
        let (pairs, []) = known.as_chunks::<2>() else { return None };
        if pairs.len() != ends.len() || !self.count.is_multiple_of(PIECE) {
            return None;
        }
        let mut rows = rows.as_slice();
        for (known, ends) in pairs.chunks(PIECE).zip(ends.chunks(PIECE)) {
            self.count += known.len();
            let rows = EndToEnd::take(ends, &mut rows)?;
            self.pieces.push(Piece { known: known.to_vec(), rows });
        }
        rows.is_empty().then_some(())
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = MirroredRecord> + '_ {
        (0..).map(RecordIndex).map_while(|record| self.get(record))
    }
}

#[cfg(test)]
mod tests {
    use empi_linkage::NameId;

    use super::*;

    /// A row whose packed length depends on the number.
    fn row(number: u32) -> CompareRow {
        let mut row = CompareRow::default();
        row.birth_date = number;
        row.name.family = NameId(number.wrapping_mul(2_654_435_761) >> (number % 32));
        row
    }

    fn known(number: u32) -> Known {
        let link =
            if number.is_multiple_of(2) { LinkSource::Manual } else { LinkSource::Automatic };
        Known {
            content_hash: u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            person: EnterpriseId::mint(u64::from(number / 2)),
            link,
            is_active: !number.is_multiple_of(3),
        }
    }

    #[test]
    fn a_record_is_found_as_it_was_put_last_whatever_its_neighbours_became() {
        let count = 3 * PIECE as u32 + 17;
        let mut records = Records::default();
        (0..count).for_each(|number| records.push(&row(number), known(number)));
        let mut expected: Vec<u32> = (0..count).collect();
        for (step, at) in (0..4000_u32).map(|step| (step, step.wrapping_mul(7919) % count)) {
            records.replace(RecordIndex(at), &row(step));
            records.know(RecordIndex(at), known(step));
            expected[at as usize] = step;
        }
        assert_eq!(records.len(), expected.len());
        for (at, number) in (0..).map(RecordIndex).zip(&expected) {
            let record = records.get(at).unwrap();
            assert_eq!((&record.row, record.known), (&row(*number), known(*number)));
            assert_eq!(records.known(at), Some(known(*number)));
            assert_eq!(records.birth_date(at), Some(*number));
        }
        assert!(records.get(RecordIndex(count)).is_none());
    }
}
