//! The most that two records can weigh, by what a glance at both tells.
//!
//! One record is held against eight at once. There are no branches and no numbers but of 16 bits, so that a compiler
//! makes of [`Ceilings::of_pair`] instructions that work on eight pairs at a time.

use super::glance::{
    Glance, LANES, LAST_FOUR_FORM, Lanes, NEVER, NameGlance, PARTIAL_DATE, Written, units_up,
};
use crate::compare::{Comparison, NameLevel, levels};
use crate::model::LinkageModel;
use crate::row::Several;

/// Units of weight in a bit, unless a model has weights so large that they would not fit.
const UNITS_PER_BIT_MAX: f64 = 64.0;

/// Most units that all weights of a pair may add up to.
const UNITS_MAX: f64 = 30_000.0;

/// The most that each outcome of a glance can weigh, in units.
#[derive(Clone, Debug)]
pub(super) struct Ceilings {
    pub(super) units_per_bit: f64,
    /// What comparisons must add up to for a pair to reach review.
    needed: i16,
    sex: [i16; 2],
    suffix: [i16; 2],
    /// Equal, with a part in common, with a part missing, different.
    birth_date: [i16; 4],
    ssn: [i16; 3],
    phone: [i16; 3],
    email: [i16; 2],
    identifier: [i16; 2],
    /// With the same street, house number, postal code, only a place that may be the same, or another one.
    address: [i16; 5],
    /// The most that address, phone and e-mail weigh together.
    household: i16,
    middle: [i16; 3],
    mother: [i16; 3],
    /// By the given name: equal, perhaps alike, different; and in the same way by the family name.
    names: [[i16; 3]; 3],
    /// At least one name in the other's field.
    names_crossed: i16,
    /// Where one given name is missing: with the same or a like family name, a name in the other's field, or
    /// neither; and where one family name is missing.
    names_alone: [[i16; 3]; 2],
}

impl Ceilings {
    pub(super) fn new(model: &LinkageModel, records: u32) -> Self {
        let frequency_bits = 2.0 * model.term_frequency.adjustment_bits_max.abs();
        let weights = |comparison: Comparison| {
            model.levels(comparison).iter().map(|level| level.weight.bits())
        };
        let sum: f64 = Comparison::ALL
            .into_iter()
            .map(|comparison| weights(comparison).fold(0.0, |most: f64, bits| most.max(bits.abs())))
            .sum();
        let mut units_per_bit = UNITS_PER_BIT_MAX;
        while (sum + frequency_bits) * units_per_bit > UNITS_MAX {
            units_per_bit /= 2.0;
        }
        let units = |bits: f64| units_up(bits, units_per_bit);
        // The most of a level and those after it, whether below zero or not.
        let from = |comparison: Comparison, level: u8| {
            let most = weights(comparison).skip(usize::from(level)).fold(f64::MIN, f64::max);
            units(if most == f64::MIN { 0.0 } else { most })
        };
        let either = |comparison| [from(comparison, 0), from(comparison, 1)];
        let three = |comparison, [near, other]: [u8; 2]| {
            [from(comparison, 0), from(comparison, near), from(comparison, other)]
        };
        let name = |level: NameLevel| from(Comparison::Name, level as u8);
        let needed = model.thresholds().review.bits() - model.prior_weight(records).bits();
        Self {
            units_per_bit,
            // One unit less, for sums that are rounded in their last digits.
            needed: ((needed * units_per_bit).floor() as i16).saturating_sub(1),
            sex: either(Comparison::Sex),
            suffix: either(Comparison::Suffix),
            birth_date: levels::BIRTH_DATE_GLANCED.map(|level| from(Comparison::BirthDate, level)),
            ssn: three(Comparison::Ssn, [levels::SSN_ONE_EDIT, levels::SSN_DIFFERENT]),
            phone: three(Comparison::Phone, [1, 2]),
            email: either(Comparison::Email),
            // No authority may know both records, or there may be nothing to compare: then nothing is added.
            identifier: either(Comparison::Identifier).map(|units| units.max(0)),
            address: levels::ADDRESS_GLANCED.map(|level| from(Comparison::Address, level)),
            household: units(model.household_max.bits()),
            middle: three(Comparison::MiddleName, [1, 3]),
            mother: three(Comparison::MotherMaidenName, [1, 2]),
            names: NAME_LEVELS.map(|levels| levels.map(name)),
            names_crossed: name(NameLevel::Swapped),
            // Nothing is added where what is left does not tell.
            names_alone: [NameLevel::FamilyAlone, NameLevel::GivenAlone].map(|alone| {
                [name(alone).max(0), name(NameLevel::FamilyOnly), name(NameLevel::Different)]
            }),
        }
    }

    /// Which pairs of a record with others side by side may reach the review threshold: for each column one bit
    /// for each lane. A function of its own, so that the compiler sees it whole.
    #[inline(never)]
    pub(super) fn hold(&self, left: &Glance<u16>, columns: &[Glance<Lanes>], reaching: &mut [u8]) {
        for (columns, reaching) in columns.iter().zip(reaching) {
            *reaching = self.reaching(left, columns);
        }
    }

    #[inline(always)]
    fn reaching(&self, left: &Glance<u16>, right: &Glance<Lanes>) -> u8 {
        let mut most = [0_i16; LANES];
        for (lane, most) in most.iter_mut().enumerate() {
            *most = self.of_pair(left, &right.at(lane));
        }
        let reaching = most.iter().enumerate();
        reaching.fold(0, |bits, (lane, most)| bits | u8::from(*most >= self.needed) << lane)
    }

    /// The most that two records can weigh, the prior apart. The left one is [ready](Glance::as_left).
    #[inline(always)]
    pub(super) fn of_pair(&self, left: &Glance<u16>, right: &Glance<u16>) -> i16 {
        let either = left.flags | right.flags;
        let several = |kind: Several| either & kind as u16 != 0;
        let two = |[same, other]: [i16; 2], one: u16, another: u16| {
            let given = (one != NEVER) & (another != 0);
            pick(given, pick(one == another, same, other), 0)
        };
        let [same, other] = self.identifier;
        let identifiers = pick(
            any_equal(left.identifiers, right.identifiers) | several(Several::Identifiers),
            same,
            other,
        );
        let email = pick(
            several(Several::Emails),
            self.email[0].max(0),
            two(self.email, left.email, right.email),
        );
        let phone = self.phone(left, right, several(Several::Phones));
        let address = self.address(left, right, several(Several::Addresses));
        self.names(left, right, several(Several::Names))
            .wrapping_add(self.birth_date(left, right, either & PARTIAL_DATE != 0))
            .wrapping_add(two(self.sex, left.sex, right.sex))
            .wrapping_add(two(self.suffix, left.suffix, right.suffix))
            .wrapping_add(self.ssn(left, right))
            .wrapping_add(identifiers)
            .wrapping_add(self.mother(&left.mother, &right.mother))
            .wrapping_add(self.of_household([phone, email, address]))
    }

    #[inline(always)]
    fn birth_date(&self, left: &Glance<u16>, right: &Glance<u16>, is_partial: bool) -> i16 {
        let [same, near, partial, different] = self.birth_date;
        let parts = left.year_day ^ right.year_day;
        // With neither year nor day in common two dates are different, whatever became of their digits.
        let is_near = (parts & 0xff == 0) | (parts & 0xff00 == 0);
        let unlike = pick(is_partial, partial, different);
        let unlike = pick(is_near, near.max(unlike), unlike);
        let given = (left.birth_date != NEVER) & (right.birth_date != 0);
        pick(given, pick(left.birth_date == right.birth_date, same, unlike), 0)
    }

    #[inline(always)]
    fn ssn(&self, left: &Glance<u16>, right: &Glance<u16>) -> i16 {
        let [same, near, different] = self.ssn;
        let [head, middle, last] = equal(left.ssn, right.ssn);
        let last_four = (left.ssn_form == LAST_FOUR_FORM) | (right.ssn_form == LAST_FOUR_FORM);
        let other_form = (left.ssn_form != right.ssn_form) & !last_four;
        let unlike = pick(head | middle | last | other_form, near, different);
        let given = (left.ssn_form != NEVER) & (right.ssn_form != 0);
        pick(given, pick(head & middle & last, same, unlike), 0)
    }

    /// What people of one household share counts only up to a limit.
    #[inline(always)]
    fn of_household(&self, parts: [i16; 3]) -> i16 {
        let sum = |of: [i16; 3]| of[0].wrapping_add(of[1]).wrapping_add(of[2]);
        let shared = sum(parts.map(|part| part.max(0))).min(self.household);
        shared.wrapping_add(sum(parts.map(|part| part.min(0))))
    }

    #[inline(always)]
    fn phone(&self, left: &Glance<u16>, right: &Glance<u16>, is_several: bool) -> i16 {
        let [same, near, different] = self.phone;
        // One wrong digit, or a missing area code, leaves one of the two parts alone.
        let [one, another] = left.phones;
        let [first, second] = right.phones;
        let parts =
            [equal(one, first), equal(one, second), equal(another, first), equal(another, second)];
        let [a, b, c, d] = parts;
        let is_same = (a[0] & a[1]) | (b[0] & b[1]) | (c[0] & c[1]) | (d[0] & d[1]);
        let is_near = a[0] | a[1] | b[0] | b[1] | c[0] | c[1] | d[0] | d[1];
        let given = (left.phones[0][0] != NEVER) & (right.phones[0][0] != 0);
        let one = pick(given, pick(is_same, same, pick(is_near, near, different)), 0);
        pick(is_several, same.max(0), one)
    }

    #[inline(always)]
    fn address(&self, left: &Glance<u16>, right: &Glance<u16>, is_several: bool) -> i16 {
        let [street, house, postal_code, place, other] = self.address;
        let both_know = |one: u16, another: u16| (one != NEVER) & (another != 0);
        let same_code = left.postal_code == right.postal_code;
        let [first, last] = equal(left.postal_ends, right.postal_ends);
        let know_code = both_know(left.postal_code, right.postal_code);
        let know_city = both_know(left.city, right.city);
        let near_city = (left.city == right.city)
            | is_mistyped(&left.city_written, &right.city_written) & know_city;
        let may_be_one = same_code | first | last | near_city | !(know_code | know_city);
        let less = pick(same_code, postal_code, place);
        let less = pick(left.house == right.house, house, less);
        let most = pick(may_be_one, pick(left.street == right.street, street, less), other);
        // Where nothing can be compared, nothing is added.
        let is_known = know_code | know_city | both_know(left.street, right.street);
        pick(is_several, street.max(0), pick(is_known, most, most.max(0)))
    }

    #[inline(always)]
    fn mother(&self, left: &NameGlance<u16>, right: &NameGlance<u16>) -> i16 {
        let [same, near, different] = self.mother;
        let is_near = is_like_family(left, right);
        let unlike = pick(is_near, near, different);
        pick(are_given(left, right), pick(left.compact == right.compact, same, unlike), 0)
    }

    /// Given, family and middle name with the adjustments for how rare they are. Of records with several names one
    /// each is looked at, but whether a middle name agrees is asked of the first ones.
    #[inline(always)]
    fn names(&self, left: &Glance<u16>, right: &Glance<u16>, is_several: bool) -> i16 {
        let know_given = are_given(&left.given, &right.given);
        let know_family = are_given(&left.family, &right.family);
        let has_middle = are_given(&left.middle, &right.middle);
        // Who goes by the middle name has a given name that is the other's middle name.
        let crossed = [alike(&left.given, &right.middle), alike(&left.middle, &right.given)];
        let missing = [right.middle.compact == 0, left.middle.compact == NEVER];
        let by_middle =
            (crossed[0] & (crossed[1] | missing[1])) | (crossed[1] & (crossed[0] | missing[0]));
        let same_given = left.given.compact == right.given.compact;
        let same_family = left.family.compact == right.family.compact;
        let near_given = is_like_given(&left.given, &right.given) | by_middle;
        let near_family = is_like_family(&left.family, &right.family);
        let is_crossed = (left.given.compact == right.family.compact)
            | (left.family.compact == right.given.compact);
        let of_family = |[same, near, different]: [i16; 3]| {
            pick(same_family, same, pick(near_family, near, different))
        };
        let [same, near, different] = self.names.map(of_family);
        let level = pick(same_given, same, pick(near_given, near, different));
        let level = pick(is_crossed, level.max(self.names_crossed), level);
        let alone = |[near, crossed, different]: [i16; 3], is_near: bool| {
            pick(is_near, near, pick(is_crossed, crossed, different))
        };
        let [family_alone, given_alone] = self.names_alone;
        let family_alone = alone(family_alone, same_family | near_family);
        let given_alone = alone(given_alone, same_given | near_given);
        let less = pick(know_family, family_alone, pick(know_given, given_alone, 0));
        let level = pick(know_given & know_family, level, less);
        let [same, near, different] = self.middle;
        let is_near = alike(&left.middle, &right.middle);
        let unlike = pick(is_near, near, different);
        let middle = pick(left.middle.compact == right.middle.compact, same, unlike);
        // A middle name that is needed for the given name is no evidence of its own.
        let middle = pick(has_middle, pick(by_middle, middle.max(0), middle), 0);
        level
            .wrapping_add(frequency(&left.given, &right.given, 0, same_given, near_given))
            .wrapping_add(frequency(&left.family, &right.family, 1, same_family, near_family))
            .wrapping_add(pick(is_several, same.max(0), middle))
    }
}

/// The best level of names, by how given and family name agree: see `compare_pair`.
const NAME_LEVELS: [[NameLevel; 3]; 3] = [
    [NameLevel::Exact, NameLevel::OneClose, NameLevel::GivenOnly],
    [NameLevel::Nickname, NameLevel::OneClose, NameLevel::GivenOnly],
    [NameLevel::FamilyOnly, NameLevel::FamilyOnly, NameLevel::Different],
];

/// The most that names add for their frequency.
#[inline(always)]
fn frequency(
    left: &NameGlance<u16>,
    right: &NameGlance<u16>,
    role: usize,
    is_same: bool,
    is_near: bool,
) -> i16 {
    let (one, other) = (left.units[role] as i16, right.units[role] as i16);
    let is_one = (left.id[0] == right.id[0]) & (left.id[1] == right.id[1]);
    // Of a name that is mistyped half counts.
    let half = (one.min(other).wrapping_add(1) >> 1).max(0);
    let same = pick(is_one, one, one.max(other).max(0));
    pick(is_same, same, pick(is_near, half, 0))
}

/// How many of sixteen kinds of letters stand in one text and not in the other.
#[inline(always)]
fn lacking(left: &Written<u16>, right: &Written<u16>) -> [u16; 2] {
    let count = |letters: u16| letters.count_ones() as u16;
    [count(left.letters & !right.letters), count(right.letters & !left.letters)]
}

/// Whether two texts may be one mistyped. A letter that the other text lacks matches nothing. For a Jaro-Winkler
/// similarity of 0.9 the letters without a match may be half of one text at most, or shared between the two; only a
/// third where texts begin otherwise, because Winkler adds for a common beginning.
#[inline(always)]
fn is_mistyped(left: &Written<u16>, right: &Written<u16>) -> bool {
    let [alone, other_alone] = lacking(left, right);
    let lacking = alone
        .wrapping_mul(left.letter_share)
        .wrapping_add(other_alone.wrapping_mul(right.letter_share));
    let lacking_max = if left.start == right.start { 128 } else { 85 };
    (lacking <= lacking_max)
        | ((alone | other_alone) <= 1)
        | ((left.is_unclear | right.is_unclear) != 0)
}

/// Whether one name may be the beginning of the other: an initial, or at least three letters.
#[inline(always)]
fn is_beginning(left: &Written<u16>, right: &Written<u16>) -> bool {
    let [alone, other_alone] = lacking(left, right);
    let is_initial = (left.start & 0xff == 0) | (right.start & 0xff == 0);
    let first_alike = (left.start ^ right.start) & 0xff00 == 0;
    ((alone == 0) | (other_alone == 0)) & ((left.start == right.start) | (first_alike & is_initial))
}

/// Whether two family names that are not equal may be alike.
#[inline(always)]
fn is_like_family(left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
    is_mistyped(&left.written, &right.written)
        | any_equal(left.sounds, right.sounds)
        | (left.spelling == right.spelling)
}

/// Whether two given names that are not equal may be alike.
#[inline(always)]
fn is_like_given(left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
    is_beginning(&left.written, &right.written)
        | any_equal(left.formal, right.formal)
        | is_like_family(left, right)
}

/// Whether two given names may be equal or alike.
#[inline(always)]
fn alike(left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
    are_given(left, right) & ((left.compact == right.compact) | is_like_given(left, right))
}

#[inline(always)]
fn are_given(left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
    (left.compact != NEVER) & (right.compact != 0)
}

#[inline(always)]
fn equal<const N: usize>(left: [u16; N], right: [u16; N]) -> [bool; N] {
    std::array::from_fn(|at| left[at] == right[at])
}

#[inline(always)]
fn any_equal<const N: usize>(left: [u16; N], right: [u16; N]) -> bool {
    let mut any = false;
    for one in left {
        for other in right {
            any |= one == other;
        }
    }
    any
}

#[inline(always)]
fn pick(condition: bool, yes: i16, no: i16) -> i16 {
    if condition { yes } else { no }
}
