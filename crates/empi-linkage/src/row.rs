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
            form => u8::try_from(form - 16).ok().map(|digits| Ssn::Other { number, digits }),
        }
    }

    /// Whether there is a number.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.0 != 0
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
/// The first of each kind of value lies in the row itself; records with several keep the rest in
/// [`more`](Self::more), which most records do without.
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
    pub more: Option<Box<MoreValues>>,
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
}

/// Values beyond the first of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MoreValues {
    /// Former names and aliases.
    pub names: Vec<NameIds>,
    /// Former addresses.
    pub addresses: Vec<AddressIds>,
    /// Further telephone numbers.
    pub phones: Vec<u64>,
    /// Further e-mail addresses.
    pub emails: Vec<u64>,
    /// Further identifiers.
    pub identifiers: Vec<IdentifierHash>,
}

impl MoreValues {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { names, addresses, phones, emails, identifiers } = self;
        names.is_empty()
            && addresses.is_empty()
            && phones.is_empty()
            && emails.is_empty()
            && identifiers.is_empty()
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
        if let Some(more) = &mut self.more {
            more.names.iter_mut().for_each(|name| *name = renamed(*name));
            more.addresses.iter_mut().for_each(|address| *address = moved(*address));
        }
    }

    /// The birth date, where there is one.
    #[must_use]
    pub fn birth_date(&self) -> Option<BirthDate> {
        BirthDate::from_number(self.birth_date)
    }

    /// Every name, the current one first.
    pub fn names(&self) -> impl Iterator<Item = NameIds> + '_ {
        let more = self.more.as_deref().map_or(&[][..], |more| &more.names);
        let named = |name: &NameIds| name.given.is_some() || name.family.is_some();
        std::iter::once(self.name).chain(more.iter().copied()).filter(move |name| named(name))
    }

    /// Every address, the current one first.
    pub fn addresses(&self) -> impl Iterator<Item = AddressIds> + '_ {
        let more = self.more.as_deref().map_or(&[][..], |more| &more.addresses);
        let known = |address: &AddressIds| *address != AddressIds::default();
        std::iter::once(self.address).chain(more.iter().copied()).filter(move |it| known(it))
    }

    /// Every telephone number.
    pub fn phones(&self) -> impl Iterator<Item = u64> + '_ {
        let more = self.more.as_deref().map_or(&[][..], |more| &more.phones);
        std::iter::once(self.phone).chain(more.iter().copied()).filter(|phone| *phone != 0)
    }

    /// Hashes of every e-mail address.
    pub fn emails(&self) -> impl Iterator<Item = u64> + '_ {
        let more = self.more.as_deref().map_or(&[][..], |more| &more.emails);
        std::iter::once(self.email).chain(more.iter().copied()).filter(|email| *email != 0)
    }

    /// Every identifier.
    pub fn identifiers(&self) -> impl Iterator<Item = IdentifierHash> + '_ {
        let more = self.more.as_deref().map_or(&[][..], |more| &more.identifiers);
        std::iter::once(self.identifier).chain(more.iter().copied()).filter(|id| id.authority != 0)
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
