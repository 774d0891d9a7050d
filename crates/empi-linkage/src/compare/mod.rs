//! Comparing two records: for each kind of information, which level of agreement they reach.
//!
//! A comparison has an ordered list of levels, best first; the first that holds wins. When a side is
//! missing the comparison is null and later weighs nothing. Where a record has several values of a
//! kind (former names, addresses, phones), all are compared with all and the best level counts.

mod address;
pub(crate) mod birth_date;
mod contact;
mod name;
mod number;

pub use name::AgreedNames;
pub(crate) use name::{
    NameLevel, are_distinct_given, are_two_given, are_unlike_given, goes_by_middle,
};
pub(crate) use number::agreeing_identifiers;

/// Levels that guards ask for by name.
pub(crate) mod levels {
    pub(crate) use super::address::{
        CLOSE as ADDRESS_CLOSE, GLANCED as ADDRESS_GLANCED, POSTAL_CODE as ADDRESS_POSTAL_CODE,
    };
    pub(crate) use super::birth_date::GLANCED as BIRTH_DATE_GLANCED;
    pub(crate) use super::name::MOTHER_CLOSE;
    pub(crate) use super::number::{SSN_DIFFERENT, SSN_EXACT, SSN_LAST_FOUR, SSN_ONE_EDIT};
}

use empi_model::{ComparisonPattern, EvidenceGroup};

use crate::lexicon::Values;
use crate::row::{CompareRow, Several};

/// One kind of information that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Comparison {
    /// Given and family name as one group.
    Name = 0,
    /// Middle name or initial.
    MiddleName,
    /// Generational suffix.
    Suffix,
    /// Birth date.
    BirthDate,
    /// Administrative sex.
    Sex,
    /// Social Security or other national number.
    Ssn,
    /// Postal address as one group.
    Address,
    /// Telephone numbers.
    Phone,
    /// E-mail addresses.
    Email,
    /// Identifiers by authority.
    Identifier,
    /// Mother's maiden name.
    MotherMaidenName,
}

/// How many comparisons there are.
pub const COMPARISON_COUNT: usize = Comparison::ALL.len();

impl Comparison {
    /// Every comparison, in the order of a [`ComparisonVector`].
    pub const ALL: [Self; 11] = [
        Self::Name,
        Self::MiddleName,
        Self::Suffix,
        Self::BirthDate,
        Self::Sex,
        Self::Ssn,
        Self::Address,
        Self::Phone,
        Self::Email,
        Self::Identifier,
        Self::MotherMaidenName,
    ];

    /// The comparison's name in model files and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::MiddleName => "middle_name",
            Self::Suffix => "suffix",
            Self::BirthDate => "birth_date",
            Self::Sex => "sex",
            Self::Ssn => "ssn",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Identifier => "identifier",
            Self::MotherMaidenName => "mother_maiden_name",
        }
    }

    /// The names of its levels, best first. Model files name exactly these.
    #[must_use]
    pub const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Name => name::LEVELS,
            Self::MiddleName => name::MIDDLE_LEVELS,
            Self::Suffix | Self::Sex => &["same", "different"],
            Self::BirthDate => birth_date::LEVELS,
            Self::Ssn => number::SSN_LEVELS,
            Self::Address => address::LEVELS,
            Self::Phone => contact::PHONE_LEVELS,
            Self::Email | Self::Identifier => &["same", "different"],
            Self::MotherMaidenName => name::MOTHER_LEVELS,
        }
    }

    /// Comparisons of numbers with numbers, which cost next to nothing.
    pub(crate) const CHEAP: [Self; 7] = [
        Self::BirthDate,
        Self::Ssn,
        Self::Phone,
        Self::Email,
        Self::Identifier,
        Self::Sex,
        Self::Suffix,
    ];

    /// Comparisons of texts, the most telling first.
    pub(crate) const COSTLY: [Self; 4] =
        [Self::Name, Self::MiddleName, Self::MotherMaidenName, Self::Address];

    /// The best level that a costly comparison can reach, as far as a glance tells; `None` where a side
    /// is missing. No comparison reaches a better one.
    pub(crate) fn best_level(self, left: &CompareRow, right: &CompareRow) -> Option<u8> {
        let best = |is_possible: bool| is_possible.then_some(0);
        match self {
            Self::MiddleName => best(left.name.middle.is_some() && right.name.middle.is_some()),
            Self::MotherMaidenName => best(left.mother.is_some() && right.mother.is_some()),
            Self::Address if left.have_one_each(right, Several::Addresses) => {
                address::best_level(left.address, right.address)
            }
            _ => Some(0),
        }
    }

    /// The group of evidence it belongs to, for the evidence floor.
    #[must_use]
    pub const fn group(self) -> EvidenceGroup {
        match self {
            Self::Name | Self::MiddleName | Self::Suffix => EvidenceGroup::Name,
            Self::BirthDate => EvidenceGroup::Birth,
            Self::Sex => EvidenceGroup::Sex,
            Self::Ssn | Self::Identifier => EvidenceGroup::Number,
            Self::Address => EvidenceGroup::Address,
            Self::Phone | Self::Email => EvidenceGroup::Contact,
            Self::MotherMaidenName => EvidenceGroup::Family,
        }
    }
}

/// The level reached in each comparison (γ).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComparisonVector([u8; COMPARISON_COUNT]);

const NULL: u8 = u8::MAX;

impl ComparisonVector {
    /// A vector from the level of each comparison, `None` for null.
    #[must_use]
    pub fn from_fn(level: impl Fn(Comparison) -> Option<u8>) -> Self {
        Self(Comparison::ALL.map(|comparison| level(comparison).unwrap_or(NULL)))
    }

    /// The vector as one number that is kept on disk: four bits for each comparison, the first lowest; 0
    /// for null, else the level and one.
    #[must_use]
    pub fn packed(&self) -> u64 {
        let bits = |comparison: Comparison| {
            let level = self.level(comparison).map_or(0, |level| u64::from(level.min(14)) + 1);
            level << (4 * comparison as u32)
        };
        Comparison::ALL.into_iter().map(bits).fold(0, |all, bits| all | bits)
    }

    /// The inverse of [`packed`](Self::packed).
    #[must_use]
    pub fn from_packed(packed: u64) -> Self {
        Self::from_fn(|comparison| {
            let bits = packed >> (4 * comparison as u32) & 0xf;
            u8::try_from(bits).ok()?.checked_sub(1)
        })
    }

    fn set(&mut self, comparison: Comparison, level: Option<u8>) {
        self.0[comparison as usize] = level.unwrap_or(NULL);
    }

    /// The level of a comparison, 0 the best; `None` when a side is missing.
    #[must_use]
    pub const fn level(&self, comparison: Comparison) -> Option<u8> {
        let level = self.0[comparison as usize];
        if level == NULL { None } else { Some(level) }
    }

    /// The levels of all comparisons as one word.
    #[must_use]
    pub fn pattern(&self) -> ComparisonPattern {
        ComparisonPattern::of_levels(Comparison::ALL.map(|comparison| self.level(comparison)))
    }

    /// The name of the level reached; `missing` for null.
    #[must_use]
    pub fn level_name(&self, comparison: Comparison) -> &'static str {
        let name = self.level(comparison).and_then(|at| comparison.levels().get(usize::from(at)));
        name.copied().unwrap_or("missing")
    }
}

/// Two records compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The level reached in each comparison.
    pub vector: ComparisonVector,
    /// The names that agree exactly, for the term-frequency adjustment.
    pub agreed: AgreedNames,
}

/// Compares two rows whose numbers come from the same values. Symmetric.
#[must_use]
pub fn compare(values: &impl Values, left: &CompareRow, right: &CompareRow) -> Compared {
    let names = name::compare_names(values, left, right);
    let vector = ComparisonVector::from_fn(|comparison| match comparison {
        Comparison::Name => names.level,
        Comparison::MiddleName if names.by_middle => None,
        other => level_of(other, values, left, right),
    });
    Compared { vector, agreed: names.agreed }
}

/// Compares like [`compare`] for as long as `goes_on` says so. It is asked after the cheap comparisons,
/// and after each of the costly ones, and told which were just made.
pub(crate) fn compare_while(
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
    mut goes_on: impl FnMut(&[Comparison], &Compared) -> bool,
) -> Option<Compared> {
    let vector = ComparisonVector([NULL; COMPARISON_COUNT]);
    let mut compared = Compared { vector, agreed: AgreedNames::default() };
    for comparison in Comparison::CHEAP {
        compared.vector.set(comparison, level_of(comparison, values, left, right));
    }
    goes_on(&Comparison::CHEAP, &compared).then_some(())?;
    let mut is_middle_used_up = false;
    for comparison in Comparison::COSTLY {
        let level = match comparison {
            Comparison::Name => {
                let names = name::compare_names(values, left, right);
                compared.agreed = names.agreed;
                is_middle_used_up = names.by_middle;
                names.level
            }
            Comparison::MiddleName if is_middle_used_up => None,
            other => level_of(other, values, left, right),
        };
        compared.vector.set(comparison, level);
        goes_on(&[comparison], &compared).then_some(())?;
    }
    Some(compared)
}

/// The level of any comparison but that of names, which also tells which of them agree.
fn level_of(
    comparison: Comparison,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> Option<u8> {
    match comparison {
        Comparison::Name => name::compare_names(values, left, right).level,
        Comparison::MiddleName => name::compare_middle(values, left.name.middle, right.name.middle),
        Comparison::Suffix => same_or_different(left.suffix, right.suffix),
        Comparison::BirthDate => birth_date::compare(left.birth_date, right.birth_date),
        Comparison::Sex => same_or_different(left.sex, right.sex),
        Comparison::Ssn => number::compare_ssn(left.ssn, right.ssn),
        Comparison::Address => address::compare(values, left, right),
        Comparison::Phone => contact::compare_phones(left, right),
        Comparison::Email => contact::compare_emails(left, right),
        Comparison::Identifier => number::compare_identifiers(left, right),
        Comparison::MotherMaidenName => name::compare_mother(values, left.mother, right.mother),
    }
}

fn same_or_different<T: PartialEq>(left: Option<T>, right: Option<T>) -> Option<u8> {
    Some(u8::from(left? != right?))
}
