//! What a source record means, once cleaned: the form that is compared.
//!
//! A different type from [`SourceRecord`](crate::SourceRecord) on purpose: nothing can be compared
//! that was not normalised, and nothing normalised can be mistaken for what the source said.

use std::fmt;

use crate::{PatientText, RecordKey};

/// A source record in its match form.
///
/// Every text is upper-case ASCII letters and digits with single spaces. What could not be understood
/// or is a placeholder is absent here and named in [`notes`](Self::notes).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NormalizedRecord {
    /// The key of the source record.
    pub key: RecordKey,
    /// Usable names, current first, without repeats. May be empty.
    pub names: Vec<NormalizedName>,
    /// Generational suffix.
    pub suffix: Option<Suffix>,
    /// Birth date, possibly partial.
    pub birth_date: Option<BirthDate>,
    /// Administrative sex.
    pub sex: Option<Sex>,
    /// Social Security or other national number.
    pub ssn: Option<Ssn>,
    /// Usable addresses, current first, without repeats.
    pub addresses: Vec<NormalizedAddress>,
    /// Usable telephone numbers without repeats.
    pub phones: Vec<Phone>,
    /// Usable e-mail addresses, lower-case, without repeats.
    pub emails: Vec<PatientText>,
    /// Usable identifiers, sorted, without repeats.
    pub identifiers: Vec<NormalizedIdentifier>,
    /// Mother's maiden family name.
    pub mother_maiden_name: Option<PatientText>,
    /// Guardian's name.
    pub guardian_name: Option<PatientText>,
    /// Place of birth.
    pub birth_place: Option<PatientText>,
    /// Order among a multiple birth, 1 for the first-born.
    pub birth_order: Option<u8>,
    /// Whether the given name was a newborn's temporary name (`BABY GIRL`, `TWIN A`), which is no
    /// evidence of identity and is therefore absent from [`names`](Self::names).
    pub newborn_name: bool,
    /// What was set aside or doubted while normalising. Carries fields, never values.
    pub notes: Vec<QualityNote>,
}

/// One name in match form: tokens of `A-Z` and `0-9`, separated by one space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NormalizedName {
    /// First given name, or several written as one field (`MARY ANN`).
    pub given: Option<PatientText>,
    /// Middle names or initials.
    pub middle: Option<PatientText>,
    /// Family name; hyphenated and multi-part names keep their parts as tokens.
    pub family: Option<PatientText>,
}

/// Generational suffix. Degrees and titles are dropped, not kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Suffix {
    /// Junior.
    Jr = 1,
    /// Senior.
    Sr,
    /// The second.
    Ii,
    /// The third.
    Iii,
    /// The fourth.
    Iv,
    /// The fifth.
    V,
}

impl Suffix {
    /// Every suffix, in order.
    pub const ALL: [Self; 6] = [Self::Jr, Self::Sr, Self::Ii, Self::Iii, Self::Iv, Self::V];

    /// The suffix as it is written: `JR`, `SR`, `II`, `III`, `IV`, `V`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jr => "JR",
            Self::Sr => "SR",
            Self::Ii => "II",
            Self::Iii => "III",
            Self::Iv => "IV",
            Self::V => "V",
        }
    }
}

/// A birth date that may lack its month or day. A part that is impossible is a part that is missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BirthDate {
    year: u16,
    month: u8,
    day: u8,
}

impl BirthDate {
    /// A date from its parts. Gives `None` unless the year is 1 to 9999, the month (if any) 1 to 12
    /// and the day (if any, and only beside a month) one that this month had in that year.
    #[must_use]
    pub fn new(year: u16, month: Option<u8>, day: Option<u8>) -> Option<Self> {
        if !(1..=9999).contains(&year) {
            return None;
        }
        let Some(month) = month else {
            return day.is_none().then_some(Self { year, month: 0, day: 0 });
        };
        if !(1..=12).contains(&month) {
            return None;
        }
        let day = match day {
            None => 0,
            Some(day) if (1..=days_in_month(year, month)).contains(&day) => day,
            Some(_) => return None,
        };
        Some(Self { year, month, day })
    }

    /// The year, 1 to 9999.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12, where known.
    #[must_use]
    pub fn month(self) -> Option<u8> {
        (self.month != 0).then_some(self.month)
    }

    /// The day, 1 to 31, where known.
    #[must_use]
    pub fn day(self) -> Option<u8> {
        (self.day != 0).then_some(self.day)
    }

    /// Whether year, month and day are all known.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.day != 0
    }

    /// The date as one number, `YYYYMMDD`, with `00` for what is missing. Orders like the date.
    #[must_use]
    pub fn as_number(self) -> u32 {
        u32::from(self.year) * 10_000 + u32::from(self.month) * 100 + u32::from(self.day)
    }

    /// The inverse of [`as_number`](Self::as_number).
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let part = |value: u32| u8::try_from(value % 100).ok().filter(|part| *part != 0);
        let year = u16::try_from(number / 10_000).ok()?;
        Self::new(year, part(number / 100), part(number))
    }

    /// ISO 8601: `1980-02-29`, `1980-02` or `1980`. Patient data.
    #[must_use]
    pub fn to_iso(self) -> String {
        match (self.month(), self.day()) {
            (Some(month), Some(day)) => format!("{:04}-{month:02}-{day:02}", self.year),
            (Some(month), None) => format!("{:04}-{month:02}", self.year),
            (None, _) => format!("{:04}", self.year),
        }
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BirthDate([redacted])")
    }
}

/// Days of a month in the Gregorian calendar.
fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Administrative sex (HL7 table 0001, without `U`, which is missing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Sex {
    /// Female.
    Female = 1,
    /// Male.
    Male,
    /// Other, ambiguous or not applicable.
    Other,
}

impl Sex {
    /// The HL7 letter: `F`, `M` or `O`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Female => "F",
            Self::Male => "M",
            Self::Other => "O",
        }
    }
}

/// A Social Security number, its last four digits, or another country's number in the same place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ssn {
    /// Nine digits that the Social Security Administration could have issued.
    Full(u32),
    /// Only the last four digits are known.
    LastFour(u16),
    /// A national number of another form, 5 to 12 digits, with its count of digits.
    Other {
        /// The digits as a number.
        number: u64,
        /// How many digits there were, leading zeros included.
        digits: u8,
    },
}

impl Ssn {
    /// The digits as text. Patient data.
    #[must_use]
    pub fn to_digits(self) -> String {
        match self {
            Self::Full(number) => format!("{number:09}"),
            Self::LastFour(number) => format!("{number:04}"),
            Self::Other { number, digits } => format!("{number:0width$}", width = digits as usize),
        }
    }

    /// The last four digits, which all three forms have.
    #[must_use]
    pub fn last_four(self) -> u16 {
        let number = match self {
            Self::Full(number) => u64::from(number),
            Self::LastFour(number) => u64::from(number),
            Self::Other { number, .. } => number,
        };
        u16::try_from(number % 10_000).unwrap_or_default()
    }
}

impl fmt::Debug for Ssn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ssn([redacted])")
    }
}

/// A telephone number as digits: 10 for a North American number, else country code and number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(u64);

impl Phone {
    /// A phone from its digits, at most 15 (E.164). `None` when there are none or too many.
    #[must_use]
    pub fn from_digits(digits: &str) -> Option<Self> {
        let plausible = (5..=15).contains(&digits.len());
        let number = if plausible { digits.parse().ok()? } else { return None };
        Some(Self(number))
    }

    /// The digits as a number.
    #[must_use]
    pub const fn as_number(self) -> u64 {
        self.0
    }

    /// The inverse of [`as_number`](Self::as_number).
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Phone([redacted])")
    }
}

/// One address in match form (USPS Publication 28 abbreviations).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NormalizedAddress {
    /// House number (`12`, `12 1/2`), or the box of a PO box or rural route.
    pub number: Option<PatientText>,
    /// Street with directionals and suffix abbreviated: `N MAIN ST`, `PO BOX`, `RR 3`.
    pub street: Option<PatientText>,
    /// Unit without its kind: `4B` for `APT 4B`.
    pub unit: Option<PatientText>,
    /// City.
    pub city: Option<PatientText>,
    /// State in two letters (US), else as written.
    pub state: Option<PatientText>,
    /// Postal code: five digits (US), else letters and digits as written.
    pub postal_code: Option<PatientText>,
}

/// An identifier in match form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalizedIdentifier {
    /// The assigning authority, upper-case.
    pub authority: String,
    /// The value, upper-case letters and digits.
    pub value: PatientText,
}

/// A field of a record, to say where a note or a conflict lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordField {
    /// Given name.
    GivenName,
    /// Middle name.
    MiddleName,
    /// Family name.
    FamilyName,
    /// Generational suffix.
    Suffix,
    /// Birth date.
    BirthDate,
    /// Sex.
    Sex,
    /// Social Security number.
    Ssn,
    /// Street line.
    Street,
    /// Unit.
    Unit,
    /// City.
    City,
    /// State.
    State,
    /// Postal code.
    PostalCode,
    /// Telephone.
    Phone,
    /// E-mail.
    Email,
    /// Identifier.
    Identifier,
    /// Mother's maiden name.
    MotherMaidenName,
    /// Guardian's name.
    GuardianName,
    /// Place of birth.
    BirthPlace,
    /// Birth order.
    BirthOrder,
}

impl RecordField {
    /// Every field, in the order in which they are listed.
    pub const ALL: [Self; 19] = [
        Self::GivenName,
        Self::MiddleName,
        Self::FamilyName,
        Self::Suffix,
        Self::BirthDate,
        Self::Sex,
        Self::Ssn,
        Self::Street,
        Self::Unit,
        Self::City,
        Self::State,
        Self::PostalCode,
        Self::Phone,
        Self::Email,
        Self::Identifier,
        Self::MotherMaidenName,
        Self::GuardianName,
        Self::BirthPlace,
        Self::BirthOrder,
    ];
}

/// What normalising set aside or doubted. Names fields and never carries a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QualityNote {
    /// The value means "not known" and counts as missing.
    Placeholder(RecordField),
    /// The value could not be understood and counts as missing.
    Unreadable(RecordField),
    /// Part of the value was impossible (month 13) and only the rest is used.
    Impossible(RecordField),
    /// The value has two readings (day and month both at most 12); the US reading was taken.
    Ambiguous(RecordField),
    /// Real values are seldom like this (1 January, a century guessed from two digits).
    Doubtful(RecordField),
    /// The given name was a newborn's temporary name.
    NewbornName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_parts_and_refuse_the_impossible() {
        for (year, month, day, expected) in [
            (1980, Some(2), Some(29), Some("1980-02-29")),
            (1981, Some(2), Some(29), None),
            (1900, Some(2), Some(29), None),
            (2000, Some(2), Some(29), Some("2000-02-29")),
            (1980, Some(13), None, None),
            (1980, Some(4), None, Some("1980-04")),
            (1980, None, None, Some("1980")),
            (1980, None, Some(3), None),
            (0, None, None, None),
        ] {
            let date = BirthDate::new(year, month, day);
            assert_eq!(date.map(BirthDate::to_iso).as_deref(), expected);
            assert_eq!(date.and_then(|date| BirthDate::from_number(date.as_number())), date);
        }
    }

    #[test]
    fn numbers_of_patients_print_nothing() {
        let date = BirthDate::new(1980, Some(2), Some(29)).unwrap();
        let printed = format!("{date:?} {:?} {:?}", Ssn::Full(123_456_780), Phone(6_175_550_123));
        assert!(!printed.contains("1980") && !printed.contains("1234") && !printed.contains("617"));
    }
}
