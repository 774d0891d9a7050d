//! The compact row: a normalised record as numbers, laid out so that two of them compare fast.

use empi_model::{BirthDate, Sex, Ssn, Suffix};

/// A name in a [`Lexicon`](crate::Lexicon). 0 is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NameId(pub u32);

/// A text other than a name (street, city, postal code) in a [`Lexicon`](crate::Lexicon). 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextId(pub u32);

impl NameId {
    /// Whether there is a name at all.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

impl TextId {
    /// Whether there is a text at all.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// One person name as lexicon numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct NameIds {
    /// Given name or names.
    pub given: NameId,
    /// Middle name or initial.
    pub middle: NameId,
    /// Family name.
    pub family: NameId,
}

/// One address as lexicon numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AddressIds {
    /// House number or box.
    pub number: TextId,
    /// Street.
    pub street: TextId,
    /// Unit.
    pub unit: TextId,
    /// City.
    pub city: TextId,
    /// State.
    pub state: TextId,
    /// Postal code.
    pub postal_code: TextId,
}

/// An identifier as hashes of its authority and of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct IdentifierHash {
    /// Hash of the assigning authority; 0 is no identifier.
    pub authority: u64,
    /// Hash of the value.
    pub value: u64,
}

/// A national number as one integer: the form in the top byte, the digits below. 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PackedSsn(u64);

impl PackedSsn {
    /// Packs a number. The form is 9 for a full SSN, 4 for its last digits, 16 plus the count of
    /// digits for another country's number.
    #[must_use]
    pub fn new(ssn: Option<Ssn>) -> Self {
        let pack = |form: u64, number: u64| Self((form << 56) | number);
        match ssn {
            None => Self(0),
            Some(Ssn::Full(number)) => pack(9, u64::from(number)),
            Some(Ssn::LastFour(number)) => pack(4, u64::from(number)),
            Some(Ssn::Other { number, digits }) => pack(16 + u64::from(digits), number),
        }
    }

    /// The number unpacked.
    #[must_use]
    pub fn get(self) -> Option<Ssn> {
        let number = self.number();
        match self.0 >> 56 {
            0 => None,
            9 => u32::try_from(number).ok().map(Ssn::Full),
            4 => u16::try_from(number).ok().map(Ssn::LastFour),
            form => {
                let digits = form.checked_sub(16).and_then(|it| u8::try_from(it).ok())?;
                Some(Ssn::Other { number, digits })
            }
        }
    }

    /// Whether there is a number.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }

    /// A number again from [`bits`](Self::bits).
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Form and digits as one integer; 0 for none.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The digits as a number; 0 for none.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 & 0x00FF_FFFF_FFFF_FFFF
    }

    /// Whether all digits of the number are known.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 >> 56 > 4
    }
}

/// A normalised record in numbers: the form in which pairs are compared, online and in bulk.
///
/// The first of each kind of value lies in the row itself. Records with several keep the rest elsewhere,
/// and the row tells of which kinds: where both records have one value, no list is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CompareRow {
    /// Current name.
    pub name: NameIds,
    /// Current address.
    pub address: AddressIds,
    /// `YYYYMMDD` with zeros for what is missing; 0 is no date.
    pub birth_date: u32,
    /// Mother's maiden name.
    pub mother: NameId,
    /// National number.
    pub ssn: PackedSsn,
    /// First telephone number; 0 is none.
    pub phone: u64,
    /// Hash of the first e-mail address; 0 is none.
    pub email: u64,
    /// First identifier.
    pub identifier: IdentifierHash,
    /// Everything beyond the first of each kind.
    pub(crate) more: Box<[MoreValue]>,
    /// Source system, for guards that ask whether two records are of one source.
    pub source: TextId,
    /// Administrative sex.
    pub sex: Option<Sex>,
    /// Generational suffix.
    pub suffix: Option<Suffix>,
    /// Order in a multiple birth; 0 is unknown.
    pub birth_order: u8,
    /// Whether the record carries a newborn's temporary name.
    pub newborn_name: bool,
    /// The kinds of which there are several values, one bit each.
    pub(crate) several: u8,
}

/// Kinds of values of which a record may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    Names = 1,
    Addresses = 2,
    Phones = 4,
    Emails = 8,
    Identifiers = 16,
}

/// A value beyond the first of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MoreValue {
    Name(NameIds),
    Address(AddressIds),
    Phone(u64),
    Email(u64),
    Identifier(IdentifierHash),
}

impl MoreValue {
    pub(crate) const fn kind(&self) -> Several {
        match self {
            Self::Name(_) => Several::Names,
            Self::Address(_) => Several::Addresses,
            Self::Phone(_) => Several::Phones,
            Self::Email(_) => Several::Emails,
            Self::Identifier(_) => Several::Identifiers,
        }
    }
}

impl CompareRow {
    /// Puts every name and text under another number.
    pub(crate) fn renumber(
        &mut self,
        name: impl Fn(NameId) -> NameId,
        text: impl Fn(TextId) -> TextId,
    ) {
        let renamed = |NameIds { given, middle, family }: NameIds| NameIds {
            given: name(given),
            middle: name(middle),
            family: name(family),
        };
        let moved = |it: AddressIds| AddressIds {
            number: text(it.number),
            street: text(it.street),
            unit: text(it.unit),
            city: text(it.city),
            state: text(it.state),
            postal_code: text(it.postal_code),
        };
        self.name = renamed(self.name);
        self.address = moved(self.address);
        self.mother = name(self.mother);
        self.source = text(self.source);
        for value in &mut self.more {
            match value {
                MoreValue::Name(name) => *name = renamed(*name),
                MoreValue::Address(address) => *address = moved(*address),
                MoreValue::Phone(_) | MoreValue::Email(_) | MoreValue::Identifier(_) => {}
            }
        }
    }

    /// Keeps values beyond the first of each kind, in place of those before.
    pub(crate) fn set_more(&mut self, more: &[MoreValue]) {
        self.several = more.iter().fold(0, |several, value| several | value.kind() as u8);
        self.more = more.into();
    }

    /// Values beyond the first of each kind.
    pub(crate) fn more_values(&self) -> &[MoreValue] {
        &self.more
    }

    /// Values beyond the first of each kind, to be changed within their kinds.
    pub(crate) fn more_mut(&mut self) -> &mut [MoreValue] {
        &mut self.more
    }

    /// Values beyond the first of a kind, among others.
    fn more(&self, kind: Several) -> &[MoreValue] {
        if self.has_several(kind) { &self.more } else { &[] }
    }

    /// Whether there is more than one value of a kind.
    pub(crate) const fn has_several(&self, kind: Several) -> bool {
        self.several & kind as u8 != 0
    }

    /// Whether neither of two rows has more than one value of a kind.
    pub(crate) const fn have_one_each(&self, other: &Self, kind: Several) -> bool {
        (self.several | other.several) & kind as u8 == 0
    }

    /// The birth date, where there is one.
    #[must_use]
    pub fn birth_date(&self) -> Option<BirthDate> {
        BirthDate::from_number(self.birth_date)
    }

    /// Every name, the current one first.
    pub fn names(&self) -> impl Iterator<Item = NameIds> + '_ {
        let more = self.more(Several::Names).iter().filter_map(|value| match value {
            MoreValue::Name(name) => Some(*name),
            _ => None,
        });
        let named = |name: &NameIds| name.given.is_some() || name.family.is_some();
        std::iter::once(self.name).chain(more).filter(move |name| named(name))
    }

    /// Every address, the current one first.
    pub fn addresses(&self) -> impl Iterator<Item = AddressIds> + '_ {
        let more = self.more(Several::Addresses).iter().filter_map(|value| match value {
            MoreValue::Address(address) => Some(*address),
            _ => None,
        });
        let known = |address: &AddressIds| *address != AddressIds::default();
        std::iter::once(self.address).chain(more).filter(move |it| known(it))
    }

    /// Every telephone number.
    pub fn phones(&self) -> impl Iterator<Item = u64> + '_ {
        let more = self.more(Several::Phones).iter().filter_map(|value| match value {
            MoreValue::Phone(phone) => Some(*phone),
            _ => None,
        });
        std::iter::once(self.phone).chain(more).filter(|phone| *phone != 0)
    }

    /// Hashes of every e-mail address.
    pub fn emails(&self) -> impl Iterator<Item = u64> + '_ {
        let more = self.more(Several::Emails).iter().filter_map(|value| match value {
            MoreValue::Email(email) => Some(*email),
            _ => None,
        });
        std::iter::once(self.email).chain(more).filter(|email| *email != 0)
    }

    /// Every identifier.
    pub fn identifiers(&self) -> impl Iterator<Item = IdentifierHash> + '_ {
        let more = self.more(Several::Identifiers).iter().filter_map(|value| match value {
            MoreValue::Identifier(identifier) => Some(*identifier),
            _ => None,
        });
        std::iter::once(self.identifier).chain(more).filter(|id| id.authority != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_numbers_unpack() {
        for ssn in [
            None,
            Some(Ssn::Full(0)),
            Some(Ssn::Full(999_999_999)),
            Some(Ssn::LastFour(42)),
            Some(Ssn::Other { number: 999_999_999_999, digits: 12 }),
            Some(Ssn::Other { number: 7, digits: 7 }),
        ] {
            assert_eq!(PackedSsn::new(ssn).get(), ssn);
        }
    }
}
