//! Dismissing pairs at a glance: the most that a pair can weigh, from a glance at both records. A pair whose most is
//! less than the review threshold is not compared; all others are, so that the outcome is the same.
//!
//! One record is held against eight at once. There are no branches and no numbers but of 16 bits, so that a compiler
//! makes of [`Ceilings::of_pair`] instructions that work on eight pairs at a time.

use rayon::prelude::*;

use super::glance::{
    Glance, LANES, LAST_FOUR_FORM, Lanes, NEVER, NameGlance, PARTIAL_DATE, units_up,
};
use super::near::bring_near;
use super::visit::Sift;
use crate::compare::{Comparison, NameLevel, levels};
use crate::lexicon::{NameRole, Values};
use crate::model::LinkageModel;
use crate::row::{CompareRow, NameId, Several};

/// Units of weight in a bit, unless a model has weights so large that they would not fit.
const UNITS_PER_BIT_MAX: f64 = 64.0;

/// Most units that all weights of a pair may add up to.
const UNITS_MAX: f64 = 30_000.0;

/// The names of a lexicon at a glance, and the most that agreement weighs.
pub(super) struct Glances {
    names: Vec<NameGlance<u16>>,
    ceilings: Ceilings,
}

impl Glances {
    pub(super) fn new(
        model: &LinkageModel,
        values: &(impl Values + Sync),
        name_count: u32,
    ) -> Self {
        let ceilings = Ceilings::new(model, values.record_count());
        let scale = ceilings.units_per_bit;
        let glance = |number: u32| {
            let id = NameId(number);
            let roles = [NameRole::Given, NameRole::Family];
            let frequency = roles.map(|role| values.frequency(model, id, role));
            NameGlance::of(id, values.name(id), frequency, scale)
        };
        Self { names: (0..name_count).into_par_iter().map(glance).collect(), ceilings }
    }

    fn name(&self, id: NameId) -> NameGlance<u16> {
        self.names.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn record(&self, row: &CompareRow) -> Glance<u16> {
        Glance::of(row, |id| self.name(id))
    }
}

/// The records of one block, each held against those behind it.
pub(super) struct Sieve<'a> {
    glances: &'a Glances,
    rows: &'a [CompareRow],
    columns: Vec<Glance<Lanes>>,
}

impl<'a> Sieve<'a> {
    pub(super) const fn new(glances: &'a Glances, rows: &'a [CompareRow]) -> Self {
        Self { glances, rows, columns: Vec::new() }
    }
}

impl Sift for Sieve<'_> {
    fn begin(&mut self, members: &[u32]) {
        let rows = || members.iter().filter_map(|site| self.rows.get(*site as usize));
        bring_near(rows().map(|row| (row.birth_date, row.phone, row.sex)));
        let names = rows().flat_map(|row| [row.name.given, row.name.family]);
        bring_near(names.map(|id| self.glances.name(id).compact));
        self.columns.resize(members.len().div_ceil(LANES), Glance::default());
        for (members, columns) in members.chunks(LANES).zip(&mut self.columns) {
            for (lane, site) in members.iter().enumerate() {
                let row = self.rows.get(*site as usize);
                columns.put(lane, row.map(|row| self.glances.record(row)).unwrap_or_default());
            }
        }
    }

    fn keep(&self, left: usize, others: &mut [u64]) {
        let Some(columns) = self.columns.get(left / LANES) else { return };
        let glance = columns.at(left % LANES).as_left();
        let first = (left + 1) / LANES;
        for (at, columns) in self.columns.iter().enumerate().skip(first) {
            let Some(word) = others.get_mut(at * LANES / 64) else { return };
            let shift = at * LANES % 64;
            if *word >> shift & 0xff != 0 {
                let reaching = u64::from(self.glances.ceilings.reaching(&glance, columns));
                *word &= !(0xff << shift) | reaching << shift;
            }
        }
    }
}

/// The most that each outcome of a glance can weigh, in units.
#[derive(Clone, Debug)]
struct Ceilings {
    units_per_bit: f64,
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
    /// With the same street, house number, postal code, or none of them.
    address: [i16; 4],
    middle: [i16; 3],
    mother: [i16; 3],
    /// By the given name: equal, perhaps alike, different; and in the same way by the family name.
    names: [[i16; 3]; 3],
    /// At least one name in the other's field.
    names_crossed: i16,
    /// The most that names and their frequencies weigh at all.
    names_unclear: i16,
}

impl Ceilings {
    fn new(model: &LinkageModel, records: u32) -> Self {
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
            address: levels::ADDRESS_GLANCED.map(|level| from(Comparison::Address, level).max(0)),
            middle: three(Comparison::MiddleName, [1, 3]),
            mother: three(Comparison::MotherMaidenName, [1, 2]),
            names: NAME_LEVELS.map(|levels| levels.map(name)),
            names_crossed: name(NameLevel::Swapped),
            names_unclear: name(NameLevel::Exact).max(0) + units(frequency_bits),
        }
    }

    /// Which of the pairs may reach the review threshold, one bit each.
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
    fn of_pair(&self, left: &Glance<u16>, right: &Glance<u16>) -> i16 {
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
        self.names(left, right, several(Several::Names))
            .wrapping_add(self.birth_date(left, right, either & PARTIAL_DATE != 0))
            .wrapping_add(two(self.sex, left.sex, right.sex))
            .wrapping_add(two(self.suffix, left.suffix, right.suffix))
            .wrapping_add(self.ssn(left, right))
            .wrapping_add(self.phone(left, right, several(Several::Phones)))
            .wrapping_add(email)
            .wrapping_add(identifiers)
            .wrapping_add(self.address(left, right, several(Several::Addresses)))
            .wrapping_add(self.mother(&left.mother, &right.mother))
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

    #[inline(always)]
    fn phone(&self, left: &Glance<u16>, right: &Glance<u16>, is_several: bool) -> i16 {
        let [same, near, different] = self.phone;
        // One wrong digit, or a missing area code, leaves one of the two parts alone.
        let [head, last] = equal(left.phone, right.phone);
        let unlike = pick(head | last, near, different);
        let given = (left.phone[0] != NEVER) & (right.phone[0] != 0);
        let one = pick(given, pick(head & last, same, unlike), 0);
        pick(is_several, same.max(0), one)
    }

    #[inline(always)]
    fn address(&self, left: &Glance<u16>, right: &Glance<u16>, is_several: bool) -> i16 {
        let [street, house, postal_code, other] = self.address;
        let less = pick(left.postal_code == right.postal_code, postal_code, other);
        let less = pick(left.house == right.house, house, less);
        pick((left.street == right.street) | is_several, street, less)
    }

    #[inline(always)]
    fn mother(&self, left: &NameGlance<u16>, right: &NameGlance<u16>) -> i16 {
        let [same, near, different] = self.mother;
        let is_near = Likeness::of(left, right).as_family(left, right);
        let unlike = pick(is_near, near, different);
        pick(are_given(left, right), pick(left.compact == right.compact, same, unlike), 0)
    }

    /// Given, family and middle name with the adjustments for how rare they are.
    #[inline(always)]
    fn names(&self, left: &Glance<u16>, right: &Glance<u16>, is_several: bool) -> i16 {
        let is_known =
            are_given(&left.given, &right.given) & are_given(&left.family, &right.family);
        let is_unclear = !is_known | is_several;
        let has_middle = are_given(&left.middle, &right.middle);
        // Who goes by the middle name has a given name that is the other's middle name.
        let crossed = [alike(&left.given, &right.middle), alike(&left.middle, &right.given)];
        let missing = [right.middle.compact == 0, left.middle.compact == NEVER];
        let by_middle =
            (crossed[0] & (crossed[1] | missing[1])) | (crossed[1] & (crossed[0] | missing[0]));
        let same_given = left.given.compact == right.given.compact;
        let same_family = left.family.compact == right.family.compact;
        let near_given =
            Likeness::of(&left.given, &right.given).as_given(&left.given, &right.given) | by_middle;
        let near_family =
            Likeness::of(&left.family, &right.family).as_family(&left.family, &right.family);
        let is_crossed = (left.given.compact == right.family.compact)
            | (left.family.compact == right.given.compact);
        let of_family = |[same, near, different]: [i16; 3]| {
            pick(same_family, same, pick(near_family, near, different))
        };
        let [same, near, different] = self.names.map(of_family);
        let level = pick(same_given, same, pick(near_given, near, different));
        let level = pick(is_crossed, level.max(self.names_crossed), level);
        let known = level
            .wrapping_add(frequency(&left.given, &right.given, 0, same_given, near_given))
            .wrapping_add(frequency(&left.family, &right.family, 1, same_family, near_family));
        let [same, near, different] = self.middle;
        let is_near = alike(&left.middle, &right.middle);
        let unlike = pick(is_near, near, different);
        let middle = pick(left.middle.compact == right.middle.compact, same, unlike);
        // A middle name that is needed for the given name is no evidence of its own.
        let middle = pick(by_middle | is_unclear, middle.max(0), middle);
        pick(is_unclear, self.names_unclear, known).wrapping_add(pick(has_middle, middle, 0))
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

/// How alike the letters of two names may be.
struct Likeness {
    /// Whether they may be one name mistyped.
    is_close: bool,
    /// Whether one may be the beginning of the other.
    is_beginning: bool,
}

impl Likeness {
    /// A letter that the other name lacks matches nothing. For a Jaro-Winkler similarity of 0.9 the letters without a
    /// match may be half of one name at most, or shared between the two; only a third where names begin otherwise,
    /// because Winkler adds for a common beginning.
    #[inline(always)]
    fn of(left: &NameGlance<u16>, right: &NameGlance<u16>) -> Self {
        let alone = (left.letters & !right.letters).count_ones() as u16;
        let other_alone = (right.letters & !left.letters).count_ones() as u16;
        let lacking = alone
            .wrapping_mul(left.letter_share)
            .wrapping_add(other_alone.wrapping_mul(right.letter_share));
        let lacking_max = if left.start == right.start { 128 } else { 85 };
        Self {
            is_close: (lacking <= lacking_max) | ((alone | other_alone) <= 1),
            is_beginning: ((left.start ^ right.start) & 0xff00 == 0)
                & ((alone == 0) | (other_alone == 0)),
        }
    }

    #[inline(always)]
    fn as_family(&self, left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
        self.is_close
            | any_equal(left.sounds, right.sounds)
            | (left.spelling == right.spelling)
            | ((left.is_unclear | right.is_unclear) != 0)
    }

    #[inline(always)]
    fn as_given(&self, left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
        self.is_beginning | any_equal(left.formal, right.formal) | self.as_family(left, right)
    }
}

/// Whether two given names may be equal or alike.
#[inline(always)]
fn alike(left: &NameGlance<u16>, right: &NameGlance<u16>) -> bool {
    let is_alike = Likeness::of(left, right).as_given(left, right);
    are_given(left, right) & ((left.compact == right.compact) | is_alike)
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

#[cfg(test)]
#[path = "sieve_tests.rs"]
mod tests;
