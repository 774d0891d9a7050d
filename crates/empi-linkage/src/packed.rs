//! Rows as bytes: what an index keeps of very many records, in about a third of the room.
//!
//! A row is mostly small numbers and gaps, so it is kept as the values that are there, each in as few bytes as
//! it needs. Unpacking one takes some tens of nanoseconds, which is less than fetching a whole row from memory.

use hashbrown::HashMap;
use smallvec::SmallVec;

use empi_model::{Sex, Suffix};

use crate::row::{
    AddressIds, CompareRow, IdentifierHash, MoreValue, NameId, NameIds, PackedSsn, TextId,
};

/// Bytes of the birth date, which stands first: some ask for it alone.
const DATE_BYTES: usize = 4;

/// Which values a row has, one bit each. The rest of a row is packed in this order.
mod has {
    pub(super) const SSN: u8 = 1;
    pub(super) const PHONE: u8 = 2;
    pub(super) const EMAIL: u8 = 4;
    pub(super) const IDENTIFIER: u8 = 8;
    pub(super) const MOTHER: u8 = 16;
    pub(super) const ADDRESS: u8 = 32;
    pub(super) const RARE: u8 = 64;
    pub(super) const MORE: u8 = 128;
}

/// What a value beyond the first is.
mod kind {
    pub(super) const NAME: u8 = 1;
    pub(super) const ADDRESS: u8 = 2;
    pub(super) const PHONE: u8 = 3;
    pub(super) const EMAIL: u8 = 4;
    pub(super) const IDENTIFIER: u8 = 5;
}

/// Packs rows, and unpacks them again. Authorities of identifiers repeat, so they are numbered.
#[derive(Clone, Debug, Default)]
pub struct RowPacker {
    authorities: Vec<u64>,
    numbers: HashMap<u64, u32>,
}

impl RowPacker {
    /// A packer that knows authorities by their numbers already, as [`authorities`](Self::authorities) gave them.
    #[must_use]
    pub fn with_authorities(authorities: Vec<u64>) -> Self {
        let numbers = authorities.iter().copied().zip(0..).collect();
        Self { authorities, numbers }
    }

    /// The authorities of all rows that were packed, as hashes, by number.
    #[must_use]
    pub fn authorities(&self) -> &[u64] {
        &self.authorities
    }

    /// Appends a row to bytes.
    pub fn pack(&mut self, row: &CompareRow, to: &mut Vec<u8>) {
        let rare = Rare::of(row);
        let mut present = 0;
        let mut note = |is_there: bool, bit: u8| present |= if is_there { bit } else { 0 };
        note(row.ssn.is_some(), has::SSN);
        note(row.phone != 0, has::PHONE);
        note(row.email != 0, has::EMAIL);
        note(row.identifier != IdentifierHash::default(), has::IDENTIFIER);
        note(row.mother.is_some(), has::MOTHER);
        note(row.address != AddressIds::default(), has::ADDRESS);
        note(rare != Rare::default(), has::RARE);
        note(!row.more_values().is_empty(), has::MORE);
        to.extend_from_slice(&row.birth_date.to_le_bytes());
        to.push(present);
        to.push(row.sex.map_or(0, |sex| sex as u8));
        put_name(to, row.name);
        put(to, u64::from(row.source.0));
        if present & has::SSN != 0 {
            // The form in the top byte, the digits below: turned, both are small.
            put(to, row.ssn.bits().rotate_left(8));
        }
        if present & has::PHONE != 0 {
            put(to, row.phone);
        }
        if present & has::EMAIL != 0 {
            to.extend_from_slice(&row.email.to_le_bytes());
        }
        if present & has::IDENTIFIER != 0 {
            self.put_identifier(to, row.identifier);
        }
        if present & has::MOTHER != 0 {
            put(to, u64::from(row.mother.0));
        }
        if present & has::ADDRESS != 0 {
            put_address(to, row.address);
        }
        if present & has::RARE != 0 {
            to.extend_from_slice(&[rare.suffix, rare.birth_order, u8::from(rare.newborn_name)]);
        }
        if present & has::MORE != 0 {
            put(to, row.more_values().len() as u64);
            row.more_values().iter().for_each(|value| self.put_more(to, value));
        }
    }

    /// The row of such bytes; `None` for bytes that are none.
    #[must_use]
    pub fn unpack(&self, bytes: &[u8]) -> Option<CompareRow> {
        let mut from = Bytes(bytes);
        let birth_date = u32::from_le_bytes(*from.array::<DATE_BYTES>()?);
        let [present, sex] = *from.array::<2>()?;
        let there = |bit: u8| present & bit != 0;
        let mut row = CompareRow {
            birth_date,
            sex: sex_of(sex)?,
            name: from.name()?,
            source: TextId(from.small()?),
            ..CompareRow::default()
        };
        if there(has::SSN) {
            row.ssn = PackedSsn::from_bits(from.number()?.rotate_right(8));
        }
        if there(has::PHONE) {
            row.phone = from.number()?;
        }
        if there(has::EMAIL) {
            row.email = from.hash()?;
        }
        if there(has::IDENTIFIER) {
            row.identifier = self.identifier(&mut from)?;
        }
        if there(has::MOTHER) {
            row.mother = NameId(from.small()?);
        }
        if there(has::ADDRESS) {
            row.address = from.address()?;
        }
        if there(has::RARE) {
            let [suffix, birth_order, newborn_name] = *from.array::<3>()?;
            row.suffix = suffix_of(suffix)?;
            (row.birth_order, row.newborn_name) = (birth_order, newborn_name != 0);
        }
        if there(has::MORE) {
            let count = from.small()?;
            let mut more: SmallVec<[MoreValue; 8]> = SmallVec::new();
            for _ in 0..count {
                more.push(self.more(&mut from)?);
            }
            row.set_more(&more);
        }
        from.0.is_empty().then_some(row)
    }

    /// The birth date of a packed row, as in [`CompareRow::birth_date`]; 0 for bytes that are no row.
    #[must_use]
    pub fn birth_date(bytes: &[u8]) -> u32 {
        bytes.first_chunk::<DATE_BYTES>().map_or(0, |date| u32::from_le_bytes(*date))
    }

    fn put_more(&mut self, to: &mut Vec<u8>, value: &MoreValue) {
        match value {
            MoreValue::Name(name) => {
                to.push(kind::NAME);
                put_name(to, *name);
            }
            MoreValue::Address(address) => {
                to.push(kind::ADDRESS);
                put_address(to, *address);
            }
            MoreValue::Phone(phone) => {
                to.push(kind::PHONE);
                put(to, *phone);
            }
            MoreValue::Email(email) => {
                to.push(kind::EMAIL);
                to.extend_from_slice(&email.to_le_bytes());
            }
            MoreValue::Identifier(identifier) => {
                to.push(kind::IDENTIFIER);
                self.put_identifier(to, *identifier);
            }
        }
    }

    fn more(&self, from: &mut Bytes<'_>) -> Option<MoreValue> {
        Some(match from.array::<1>()?[0] {
            kind::NAME => MoreValue::Name(from.name()?),
            kind::ADDRESS => MoreValue::Address(from.address()?),
            kind::PHONE => MoreValue::Phone(from.number()?),
            kind::EMAIL => MoreValue::Email(from.hash()?),
            kind::IDENTIFIER => MoreValue::Identifier(self.identifier(from)?),
            _ => return None,
        })
    }

    fn put_identifier(&mut self, to: &mut Vec<u8>, identifier: IdentifierHash) {
        let IdentifierHash { authority, value } = identifier;
        let number = *self.numbers.entry(authority).or_insert_with(|| {
            self.authorities.push(authority);
            crate::table::number(self.authorities.len() - 1)
        });
        put(to, u64::from(number));
        to.extend_from_slice(&value.to_le_bytes());
    }

    fn identifier(&self, from: &mut Bytes<'_>) -> Option<IdentifierHash> {
        let authority = *self.authorities.get(from.small()? as usize)?;
        Some(IdentifierHash { authority, value: from.hash()? })
    }
}

/// What few rows have.
#[derive(PartialEq, Default)]
struct Rare {
    suffix: u8,
    birth_order: u8,
    newborn_name: bool,
}

impl Rare {
    fn of(row: &CompareRow) -> Self {
        Self {
            suffix: row.suffix.map_or(0, |suffix| suffix as u8),
            birth_order: row.birth_order,
            newborn_name: row.newborn_name,
        }
    }
}

/// `None` within for no sex, and outside for a byte that stands for none.
fn sex_of(byte: u8) -> Option<Option<Sex>> {
    let known = [Sex::Female, Sex::Male, Sex::Other];
    let found = known.into_iter().find(|sex| *sex as u8 == byte);
    (byte == 0 || found.is_some()).then_some(found)
}

fn suffix_of(byte: u8) -> Option<Option<Suffix>> {
    let found = Suffix::ALL.into_iter().find(|suffix| *suffix as u8 == byte);
    (byte == 0 || found.is_some()).then_some(found)
}

/// A number in seven bits a byte, the lowest first, the top bit telling that more follow.
fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn put_name(to: &mut Vec<u8>, name: NameIds) {
    [name.given, name.middle, name.family].into_iter().for_each(|id| put(to, u64::from(id.0)));
}

fn put_address(to: &mut Vec<u8>, address: AddressIds) {
    let AddressIds { number, street, unit, city, state, postal_code } = address;
    let ids = [number, street, unit, city, state, postal_code];
    ids.into_iter().for_each(|id| put(to, u64::from(id.0)));
}

/// What is left to be unpacked.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn hash(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn name(&mut self) -> Option<NameIds> {
        let mut id = || self.small().map(NameId);
        Some(NameIds { given: id()?, middle: id()?, family: id()? })
    }

    fn address(&mut self) -> Option<AddressIds> {
        let mut id = || self.small().map(TextId);
        let (number, street, unit) = (id()?, id()?, id()?);
        Some(AddressIds { number, street, unit, city: id()?, state: id()?, postal_code: id()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use empi_model::Ssn;

    use super::*;

    fn name() -> impl Strategy<Value = NameIds> {
        let id = || prop_oneof![Just(0), 1_u32..300, any::<u32>()].prop_map(NameId);
        (id(), id(), id()).prop_map(|(given, middle, family)| NameIds { given, middle, family })
    }

    fn address() -> impl Strategy<Value = AddressIds> {
        let id = || prop_oneof![Just(0), 1_u32..300, any::<u32>()].prop_map(TextId);
        let ids = (id(), id(), id(), id(), id(), id());
        ids.prop_map(|(number, street, unit, city, state, postal_code)| AddressIds {
            number,
            street,
            unit,
            city,
            state,
            postal_code,
        })
    }

    fn identifier() -> impl Strategy<Value = IdentifierHash> {
        (0_u64..5, any::<u64>()).prop_map(|(authority, value)| IdentifierHash { authority, value })
    }

    fn more() -> impl Strategy<Value = MoreValue> {
        prop_oneof![
            name().prop_map(MoreValue::Name),
            address().prop_map(MoreValue::Address),
            any::<u64>().prop_map(MoreValue::Phone),
            any::<u64>().prop_map(MoreValue::Email),
            identifier().prop_map(MoreValue::Identifier),
        ]
    }

    fn ssn() -> impl Strategy<Value = Option<Ssn>> {
        option::of(prop_oneof![
            (0_u32..1_000_000_000).prop_map(Ssn::Full),
            (0_u16..10_000).prop_map(Ssn::LastFour),
            (any::<u32>(), 5_u8..16)
                .prop_map(|(number, digits)| Ssn::Other { number: u64::from(number), digits }),
        ])
    }

    fn row() -> impl Strategy<Value = CompareRow> {
        let numbers = (any::<u32>(), ssn(), any::<u64>(), any::<u64>(), option::of(identifier()));
        let rest = (any::<u32>(), 0_usize..4, 0_usize..7, any::<u8>(), any::<bool>());
        let more = proptest::collection::vec(more(), 0..9);
        (name(), option::of(address()), numbers, rest, any::<u32>(), more).prop_map(
            |(name, address, numbers, rest, source, more)| {
                let (birth_date, ssn, phone, email, identifier) = numbers;
                let (mother, sex, suffix, birth_order, newborn_name) = rest;
                let mut row = CompareRow {
                    name,
                    address: address.unwrap_or_default(),
                    birth_date,
                    mother: NameId(mother % 3),
                    ssn: PackedSsn::new(ssn),
                    phone: phone % 7,
                    email: email * u64::from(phone % 2 == 0),
                    identifier: identifier.unwrap_or_default(),
                    source: TextId(source),
                    sex: sex_of(sex as u8).unwrap(),
                    suffix: suffix_of(suffix as u8).unwrap(),
                    birth_order,
                    newborn_name,
                    ..CompareRow::default()
                };
                row.set_more(&more);
                row
            },
        )
    }

    proptest! {
        #[test]
        fn a_row_unpacks_as_it_was_packed(rows in proptest::collection::vec(row(), 1..20)) {
            let mut packer = RowPacker::default();
            let mut packed = Vec::new();
            for row in &rows {
                let mut bytes = Vec::new();
                packer.pack(row, &mut bytes);
                prop_assert_eq!(RowPacker::birth_date(&bytes), row.birth_date);
                packed.push(bytes);
            }
            let again = RowPacker::with_authorities(packer.authorities().to_vec());
            for (row, bytes) in rows.iter().zip(&packed) {
                prop_assert_eq!(packer.unpack(bytes), Some(row.clone()));
                prop_assert_eq!(again.unpack(bytes), Some(row.clone()));
                prop_assert_eq!(packer.unpack(&bytes[..bytes.len() - 1]), None);
            }
        }

        #[test]
        fn bytes_that_are_no_row_are_none(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            // Whatever comes of it, it is no panic.
            let _ = RowPacker::with_authorities(vec![7]).unpack(&bytes);
        }
    }
}
