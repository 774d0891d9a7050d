//! Blocking: which pairs are looked at, at all.

use std::fmt;

/// One way of making keys from a record. Two records that share a key of any rule are candidates.
///
/// The numbers are on disk as the first byte of each key: a number once given is never reused, and a
/// retired rule keeps its number here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BlockingRule {
    /// Full Social Security or other national number.
    Ssn = 1,
    /// An identifier with its authority.
    Identifier = 2,
    /// A telephone number.
    Phone = 3,
    /// An e-mail address.
    Email = 4,
    /// Family name by sound, and the full birth date with day and month in either order.
    FamilySoundBirthDate = 5,
    /// Given name (nicknames resolved) and the full birth date with day and month in either order.
    GivenBirthDate = 6,
    /// Given and family name in either order, and the birth year.
    NamesBirthYear = 7,
    /// Given and family name in either order, and the postal code.
    NamesPostalCode = 8,
    /// Given and family name by sound, and month and day of birth in either order.
    NameSoundsBirthDay = 9,
    /// House number, street and given name.
    StreetGiven = 10,
    /// Full birth date and postal code.
    BirthDatePostalCode = 11,
    /// Last four digits of the national number, and the birth year.
    SsnLastFourBirthYear = 12,
    /// Both initials in either order, sex apart, and the full birth date.
    InitialsBirthDate = 13,
    /// House number, street and birth year.
    StreetBirthYear = 14,
    /// Given and family name by sound, and the city.
    NameSoundsCity = 15,
    /// Both initials in either order, and the birth date with day and month and the last two digits of
    /// the year in either order.
    InitialsBirthDigits = 16,
    /// Where no birth date is known: one of given and family name by sound, and the other's initial.
    NamesUndated = 17,
}

impl BlockingRule {
    /// Every rule in use, in the order in which passes run: the most specific first.
    pub const ALL: [Self; 17] = [
        Self::Ssn,
        Self::Identifier,
        Self::Phone,
        Self::Email,
        Self::FamilySoundBirthDate,
        Self::GivenBirthDate,
        Self::NamesBirthYear,
        Self::NamesPostalCode,
        Self::NameSoundsBirthDay,
        Self::StreetGiven,
        Self::BirthDatePostalCode,
        Self::SsnLastFourBirthYear,
        Self::InitialsBirthDate,
        Self::StreetBirthYear,
        Self::NameSoundsCity,
        Self::InitialsBirthDigits,
        Self::NamesUndated,
    ];

    /// The rule's name in model files, reports and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssn => "ssn",
            Self::Identifier => "identifier",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::FamilySoundBirthDate => "family_sound+birth_date",
            Self::GivenBirthDate => "given+birth_date",
            Self::NamesBirthYear => "names+birth_year",
            Self::NamesPostalCode => "names+postal_code",
            Self::NameSoundsBirthDay => "name_sounds+birth_day",
            Self::StreetGiven => "street+given",
            Self::BirthDatePostalCode => "birth_date+postal_code",
            Self::SsnLastFourBirthYear => "ssn_last_four+birth_year",
            Self::InitialsBirthDate => "initials+birth_date",
            Self::StreetBirthYear => "street+birth_year",
            Self::NameSoundsCity => "name_sounds+city",
            Self::InitialsBirthDigits => "initials+birth_digits",
            Self::NamesUndated => "names_undated",
        }
    }

    /// The inverse of [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }
}

/// One value of one blocking rule, as a number that is the same on every machine and in every run.
///
/// The rule's number is the top byte, so keys sort by rule; the low 56 bits are a hash of the values.
/// Two different values that hash alike only make one more candidate pair, never a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockingKey(u64);

impl BlockingKey {
    /// A key from its rule and the hash of its values, of which the low 56 bits count.
    #[must_use]
    pub const fn new(rule: BlockingRule, hash: u64) -> Self {
        Self(((rule as u64) << 56) | (hash & 0x00FF_FFFF_FFFF_FFFF))
    }

    /// The key as a number. Its big-endian bytes sort as the keys do.
    #[must_use]
    pub const fn as_number(self) -> u64 {
        self.0
    }

    /// The inverse of [`as_number`](Self::as_number).
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The rule that made the key; `None` for a number that no rule has.
    #[must_use]
    pub fn rule(self) -> Option<BlockingRule> {
        BlockingRule::ALL.into_iter().find(|rule| *rule as u64 == self.0 >> 56)
    }
}

impl fmt::Debug for BlockingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule().map_or("unknown", BlockingRule::as_str);
        write!(formatter, "BlockingKey({rule}/[redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_carry_their_rule_and_sort_by_it() {
        for pair in BlockingRule::ALL.windows(2) {
            let (low, high) = (BlockingKey::new(pair[0], u64::MAX), BlockingKey::new(pair[1], 0));
            assert!(low < high);
            assert_eq!(low.rule(), Some(pair[0]));
        }
        for rule in BlockingRule::ALL {
            assert_eq!(BlockingRule::from_name(rule.as_str()), Some(rule));
        }
    }
}
