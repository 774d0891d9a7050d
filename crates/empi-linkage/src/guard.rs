//! Guards: rules that outrank a high weight and turn a link into a question for a person.

use empi_model::{EvidenceGroup, Guard, MatchWeight, Ssn};

use crate::compare::{
    Compared, Comparison, ComparisonVector, NameLevel, agreeing_identifiers, are_distinct_given,
    are_two_given, are_unlike_given, birth_date, goes_by_middle, levels,
};
use crate::lexicon::Values;
use crate::model::LinkageModel;
use crate::normalize::authority_hash;
use crate::row::{CompareRow, IdentifierHash};

/// Between births of parent and child lie at least so many years (`standards.md` §5.6).
const GENERATION_YEARS: u32 = 14;

/// A set of guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Guards(u16);

impl Guards {
    /// No guard.
    pub const NONE: Self = Self(0);

    /// Adds a guard.
    pub fn insert(&mut self, guard: Guard) {
        self.0 |= bit(guard);
    }

    /// Whether a guard is among them.
    #[must_use]
    pub const fn contains(self, guard: Guard) -> bool {
        self.0 & bit(guard) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The guards of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The guards of this set that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The guards in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Guard> {
        Guard::ALL.into_iter().filter(move |guard| self.contains(*guard))
    }

    /// Those that speak of two different people, so that they also keep whole clusters apart: twins,
    /// parent and child, two numbers, two records of a source without duplicates. The others only tell of too little evidence between two records.
    #[must_use]
    pub const fn conflicts(self) -> Self {
        const CONFLICTS: u16 = bit(Guard::PossibleTwins)
            | bit(Guard::SuffixConflict)
            | bit(Guard::GenerationGap)
            | bit(Guard::IdentifierConflict)
            | bit(Guard::SameSourceDistinct);
        Self(self.0 & CONFLICTS)
    }
}

impl FromIterator<Guard> for Guards {
    fn from_iter<I: IntoIterator<Item = Guard>>(guards: I) -> Self {
        guards.into_iter().fold(Self::NONE, |mut set, guard| {
            set.insert(guard);
            set
        })
    }
}

const fn bit(guard: Guard) -> u16 {
    1 << (guard as u16 - 1)
}

/// Every guard that speaks against linking two compared records without asking.
///
/// `positive_bits` is the sum of all weights above zero.
pub(crate) fn guards(
    model: &LinkageModel,
    values: &impl Values,
    compared: &Compared,
    left: &CompareRow,
    right: &CompareRow,
    positive_bits: f64,
) -> Guards {
    let vector = &compared.vector;
    let rules = [
        (Guard::PossibleTwins, possible_twins(values, vector, left, right)),
        (Guard::SuffixConflict, suffix_conflict(left, right)),
        (Guard::GenerationGap, generation_gap(vector, left, right)),
        (Guard::IdentifierConflict, identifier_conflict(values, vector, left, right)),
        (Guard::EvidenceFloor, below_floor(model, values, vector, left, right, positive_bits)),
        (Guard::NewbornName, newborn_name(values, left, right)),
        (Guard::SameSourceDistinct, same_source_distinct(model, values, left, right)),
        (Guard::SharedNumber, shared_number(values, vector, left, right)),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(guard, _)| guard).collect()
}

pub(crate) fn has_exact_ssn(vector: &ComparisonVector) -> bool {
    vector.level(Comparison::Ssn) == Some(levels::SSN_EXACT)
}

/// Same birth date, or one with a slip, and a family in common, but another given name or birth orders
/// that differ. The identifiers of two authorities settle it unless the birth orders differ. A national
/// number, its last four digits or a mistyped one do so only where the given names may be one in two
/// spellings: registrations give one Social Security number to both twins, and those of twins are issued
/// one after the other. Numbers of other countries are given at birth.
fn possible_twins(
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
) -> bool {
    if vector.level(Comparison::BirthDate).is_none_or(|level| level > birth_date::PARTIAL) {
        return false;
    }
    let (one_order, other_order) = (left.birth_order, right.birth_order);
    if one_order != 0 && other_order != 0 && one_order != other_order {
        return true;
    }
    let ssn = vector.level(Comparison::Ssn);
    let neighbours = ssn == Some(levels::SSN_ONE_EDIT) && are_neighbours(left, right);
    let is_swapped = NameLevel::of(vector) == Some(NameLevel::Swapped);
    if neighbours && left.name.given != right.name.given && !is_swapped {
        return true;
    }
    // `DANIEL` and `DANIELLE`: brother and sister, unless the sex is a slip.
    let other_sex = vector.level(Comparison::Sex) == Some(1)
        && are_two_given(values, left.name.given, right.name.given);
    let other_given = other_sex || has_other_given(values, vector, left, right);
    if !other_given || !is_one_household(vector) {
        return false;
    }
    let one_number = ssn.is_some_and(|it| it < levels::SSN_DIFFERENT) && !neighbours;
    let alike = || !other_sex && !are_unlike_given(values, left.name.given, right.name.given);
    let settled = agreeing_identifiers(left, right) >= 2
        || is_personal_number(vector, left, right)
        || (one_number && alike());
    let by_middle =
        || ssn != Some(levels::SSN_DIFFERENT) && goes_by_middle(values, left.name, right.name);
    !settled && !by_middle()
}

/// Whether the current given names are those of two people and do not stand in each other's field.
fn has_other_given(
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
) -> bool {
    let in_place = NameLevel::of(vector).is_some_and(|level| level > NameLevel::Swapped);
    in_place && are_distinct_given(values, left.name.given, right.name.given)
}

/// Whether anything agrees that a family has in common: family name, mother, address, telephone, e-mail
/// or insurance.
fn is_one_household(vector: &ComparisonVector) -> bool {
    let same_family = NameLevel::of(vector)
        .is_some_and(|level| level <= NameLevel::Sound || level == NameLevel::FamilyOnly);
    let same_address =
        vector.level(Comparison::Address).is_some_and(|level| level <= levels::ADDRESS_CLOSE);
    let shared = [
        Comparison::MotherMaidenName,
        Comparison::Phone,
        Comparison::Email,
        Comparison::Identifier,
    ];
    same_family || same_address || shared.into_iter().any(|it| vector.level(it) == Some(0))
}

/// Whether one national number of another country than the United States stands on both sides, perhaps
/// mistyped: such numbers are given at birth, while Social Security numbers are borrowed.
fn is_personal_number(vector: &ComparisonVector, left: &CompareRow, right: &CompareRow) -> bool {
    let agrees = vector.level(Comparison::Ssn).is_some_and(|it| it <= levels::SSN_ONE_EDIT);
    // A Social Security number that lost a digit looks like a foreign one, but not on both sides.
    agrees && [left, right].iter().all(|row| matches!(row.ssn.get(), Some(Ssn::Other { .. })))
}

/// Whether two Social Security numbers may have been issued one after the other, as those of twins are.
fn are_neighbours(left: &CompareRow, right: &CompareRow) -> bool {
    const NEIGHBOURS_MAX: u64 = 20;
    let is_us = matches!(left.ssn.get(), Some(Ssn::Full(_)));
    is_us && left.ssn.number().abs_diff(right.ssn.number()) <= NEIGHBOURS_MAX
}

/// Two known suffixes that differ.
fn suffix_conflict(left: &CompareRow, right: &CompareRow) -> bool {
    match (left.suffix, right.suffix) {
        (Some(left), Some(right)) => left != right,
        _ => false,
    }
}

/// The same name, but births a generation apart. A number in common shows a slip of the pen, and
/// so may the date itself.
fn generation_gap(vector: &ComparisonVector, left: &CompareRow, right: &CompareRow) -> bool {
    let same_name = NameLevel::of(vector)
        .is_some_and(|it| it <= NameLevel::Initial || it == NameLevel::GivenOnly);
    let (left_year, right_year) = (left.birth_date / 10_000, right.birth_date / 10_000);
    let both_known = left_year != 0 && right_year != 0;
    let apart = both_known && left_year.abs_diff(right_year) >= GENERATION_YEARS;
    let one_person =
        || agreeing_identifiers(left, right) >= 2 || is_personal_number(vector, left, right);
    same_name && apart && !one_person() && !is_slip_of_date(vector)
}

/// Whether two birth dates are one slip apart: the digits of the year swapped, which hardly any parent
/// and child are, or one digit wrong where what a child does not have from its parent agrees.
fn is_slip_of_date(vector: &ComparisonVector) -> bool {
    let birth_date = vector.level(Comparison::BirthDate);
    let mother = vector.level(Comparison::MotherMaidenName);
    let same_mother = mother.is_some_and(|level| level <= levels::MOTHER_CLOSE);
    let ssn = vector.level(Comparison::Ssn);
    let same_number = ssn.is_some_and(|level| level <= levels::SSN_LAST_FOUR);
    birth_date == Some(birth_date::SWAPPED)
        || birth_date == Some(birth_date::ONE_EDIT) && (same_mother || same_number)
}

/// Two whole national numbers that are not a typing error apart, and a birth date that is not the same
/// or a name that is not one name in two spellings. A different number alone is no veto: it differs in
/// every second confirmed duplicate (Just et al. 2016). Nor is it one beside a slip in the date, if the
/// whole name and the address agree: two of one name under one roof are born a generation apart.
fn identifier_conflict(
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
) -> bool {
    let different = vector.level(Comparison::Ssn) == Some(levels::SSN_DIFFERENT)
        && left.ssn.is_whole()
        && right.ssn.is_whole();
    if !different {
        return false;
    }
    let same_name = is_one_name(values, vector, left, right);
    let same_birth = vector.level(Comparison::BirthDate) == Some(birth_date::EXACT);
    // A new family name at the old address: married.
    let same_address =
        vector.level(Comparison::Address).is_some_and(|level| level <= levels::ADDRESS_CLOSE);
    let new_name = NameLevel::of(vector) == Some(NameLevel::GivenOnly) && same_address;
    let slip = vector.level(Comparison::BirthDate).is_some_and(|it| it <= birth_date::PARTIAL)
        && (left.birth_date / 10_000).abs_diff(right.birth_date / 10_000) < GENERATION_YEARS;
    let same_roof = NameLevel::of(vector) == Some(NameLevel::Exact) && same_address;
    !((same_name || new_name) && same_birth || same_roof && slip)
}

/// Conflicts between two groups of records that this pair across them shows to be a slip of the pen: a
/// number or a birth date agrees here, so where it does not, it was mistyped.
pub(crate) fn refuted(
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
) -> Guards {
    let same_name = is_one_name(values, vector, left, right);
    let birth_date = vector.level(Comparison::BirthDate);
    let number_agrees = vector.level(Comparison::Ssn).is_some_and(|it| it < levels::SSN_DIFFERENT);
    let mut refuted = Guards::NONE;
    if number_agrees || (same_name && birth_date == Some(birth_date::EXACT)) {
        refuted.insert(Guard::IdentifierConflict);
    }
    if has_exact_ssn(vector)
        || (same_name && birth_date.is_some_and(|it| it <= birth_date::ONE_EDIT))
    {
        refuted.insert(Guard::GenerationGap);
    }
    refuted
}

/// Whether given and family name are one name, possibly in two spellings, in each other's field, or with
/// one of two family names.
pub(crate) fn is_one_name(
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
) -> bool {
    NameLevel::of(vector).is_some_and(|level| match level {
        NameLevel::Exact | NameLevel::Nickname | NameLevel::Swapped => true,
        NameLevel::OneClose | NameLevel::FamilyPart | NameLevel::BothClose => {
            !are_distinct_given(values, left.name.given, right.name.given)
        }
        _ => false,
    })
}

/// The groups that a household has in common.
const HOUSEHOLD: u8 = 1 << (EvidenceGroup::Address as u8)
    | 1 << (EvidenceGroup::Contact as u8)
    | 1 << (EvidenceGroup::Family as u8);

/// Too few independent groups compared, or too few bits in favour.
fn below_floor(
    model: &LinkageModel,
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
    positive_bits: f64,
) -> bool {
    let floor = model.evidence_floor();
    let other_given = has_other_given(values, vector, left, right);
    let is_settled = is_personal_number(vector, left, right)
        || !other_given && NameLevel::of(vector).is_some_and(|it| it <= NameLevel::OneClose);
    let mut counted = counted_groups(model, vector, is_settled);
    let births_apart =
        vector.level(Comparison::BirthDate).is_none_or(|level| level > birth_date::PARTIAL);
    if other_given && births_apart && counted & HOUSEHOLD != 0 {
        // Sisters share all of it: it is one group. Twins have a guard of their own.
        counted = counted & !HOUSEHOLD | 1 << (EvidenceGroup::Address as u8);
    }
    // The second number that agrees comes from another authority and is evidence of its own.
    let further_numbers = || {
        let numbers = agreeing_identifiers(left, right) + u32::from(has_exact_ssn(vector));
        numbers.saturating_sub(1)
    };
    let groups = counted.count_ones();
    groups < floor.groups_min && groups + further_numbers() < floor.groups_min
        || positive_bits < floor.bits_min
        || unplaced_in_time(vector, left, right)
}

/// Whether the births of two people of one name and household are not known on both sides, and number,
/// middle name or suffix speak of parent and child.
fn unplaced_in_time(vector: &ComparisonVector, left: &CompareRow, right: &CompareRow) -> bool {
    let contradicts = [Comparison::Ssn, Comparison::MiddleName].into_iter().any(|it| {
        vector.level(it).is_some_and(|level| usize::from(level) + 1 == it.levels().len())
    });
    let one_suffix = left.suffix.is_some() != right.suffix.is_some();
    vector.level(Comparison::BirthDate).is_none() && (contradicts || one_suffix)
}

/// The groups of evidence that count, one bit each. Settled, with the whole name or number agreed, it is
/// enough that a group was compared, whatever it says: people move and their data are wrong. Where only part
/// of a name agrees, as between relatives and people who share a birth date, a group must agree to
/// count, which the same city does not, nor the name if middle or mother's name say otherwise. Sex is
/// not counted.
fn counted_groups(model: &LinkageModel, vector: &ComparisonVector, is_settled: bool) -> u8 {
    let name = NameLevel::of(vector);
    let contradicted =
        [Comparison::MiddleName, Comparison::MotherMaidenName].into_iter().any(|it| {
            vector.level(it).is_some_and(|level| usize::from(level) + 1 == it.levels().len())
        });
    let part_agrees = name.is_some_and(|it| !it.is_family_alone()) && !contradicted;
    let only_given = name == Some(NameLevel::GivenOnly);
    let place_max = if only_given { levels::ADDRESS_CLOSE } else { levels::ADDRESS_POSTAL_CODE };
    let counts = |it: &Comparison| match (it, vector.level(*it)) {
        (_, None) => false,
        (_, Some(_)) if is_settled => true,
        (Comparison::Name, _) => part_agrees,
        (Comparison::MiddleName | Comparison::Suffix, _) => false,
        (Comparison::Address, Some(level)) => level <= place_max,
        (_, level) => model.level(*it, level).is_some_and(|it| it.weight > MatchWeight::ZERO),
    };
    let counted = Comparison::ALL.into_iter().filter(counts);
    let groups = counted.map(Comparison::group).filter(|group| *group != EvidenceGroup::Sex);
    groups.fold(0, |set, group| set | 1 << (group as u8))
}

/// A newborn's temporary name on a side: perhaps a sister's or brother's. The mother's insurance or
/// national number stands on the records of all of them, so only the number that one source gave to
/// both records settles it, or the identifiers of two authorities.
fn newborn_name(values: &impl Values, left: &CompareRow, right: &CompareRow) -> bool {
    let temporary = left.newborn_name || right.newborn_name;
    temporary && agreeing_identifiers(left, right) < 2 && !is_one_chart(values, left, right)
}

/// Whether both records are from one source and carry one number that it gave itself.
fn is_one_chart(values: &impl Values, left: &CompareRow, right: &CompareRow) -> bool {
    if !left.source.is_some() || left.source != right.source {
        return false;
    }
    let source = authority_hash(values.text(left.source).text());
    let own = |it: &IdentifierHash| it.authority == source;
    left.identifiers().filter(own).any(|one| right.identifiers().any(|other| other == one))
}

/// Two records of one source that declares its records to be different people.
fn same_source_distinct(
    model: &LinkageModel,
    values: &impl Values,
    left: &CompareRow,
    right: &CompareRow,
) -> bool {
    let one_source = left.source.is_some() && left.source == right.source;
    one_source && model.is_distinct_source(values.text(left.source).text())
}

/// A number agrees, but the given names are two and the births lie apart: people give the number of a
/// spouse or a parent, and desks take it from the guarantor's record. Insurances give families one
/// number and twins have neighbouring ones, so that there a birth date must agree, also where a child
/// has no given name yet.
fn shared_number(
    values: &impl Values,
    vector: &ComparisonVector,
    left: &CompareRow,
    right: &CompareRow,
) -> bool {
    let ssn = vector.level(Comparison::Ssn);
    let births_apart = vector.level(Comparison::BirthDate).map(|it| it >= birth_date::TWO_PARTS);
    let other_name = match NameLevel::of(vector) {
        _ if is_personal_number(vector, left, right) => false,
        Some(NameLevel::FamilyAlone) => true,
        Some(NameLevel::GivenAlone | NameLevel::GivenOnly) | None => false,
        Some(level) if level <= NameLevel::Swapped => false,
        Some(_) => are_distinct_given(values, left.name.given, right.name.given),
    };
    // One whole national number is enough where a birth date is missing; nothing weaker is.
    let whole_number = ssn == Some(levels::SSN_EXACT);
    let part_of_number = ssn.is_some_and(|it| it < levels::SSN_DIFFERENT);
    let weak_number = agreeing_identifiers(left, right) == 1 || part_of_number && !whole_number;
    other_name
        && (whole_number && births_apart == Some(true)
            || weak_number && births_apart != Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_guards() {
        let mut guards = Guards::NONE;
        assert!(guards.is_empty());
        guards.insert(Guard::CappedBlock);
        guards.insert(Guard::PossibleTwins);
        assert_eq!(guards.iter().collect::<Vec<_>>(), [Guard::PossibleTwins, Guard::CappedBlock]);
        assert_eq!(guards.conflicts().iter().collect::<Vec<_>>(), [Guard::PossibleTwins]);
        assert_eq!(Guard::ALL.into_iter().collect::<Guards>().iter().count(), Guard::ALL.len());
    }
}
