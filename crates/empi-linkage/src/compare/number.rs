//! Numbers that name a person: national numbers, and identifiers by authority.

use empi_model::Ssn;

use crate::row::{CompareRow, IdentifierHash, PackedSsn, Several};
use crate::similarity::within_one_edit;

/// Levels of the national number, best first.
pub(super) const SSN_LEVELS: &[&str] = &["exact", "one_edit", "last_four", "different"];

pub(crate) const SSN_EXACT: u8 = 0;
pub(crate) const SSN_ONE_EDIT: u8 = 1;
pub(crate) const SSN_LAST_FOUR: u8 = 2;
pub(crate) const SSN_DIFFERENT: u8 = 3;

/// Compares national numbers. Where one side has only the last four digits, only these count.
pub(super) fn compare_ssn(left: PackedSsn, right: PackedSsn) -> Option<u8> {
    let (one, other) = (left.get()?, right.get()?);
    let last_four_only = |ssn: Ssn| matches!(ssn, Ssn::LastFour(_));
    Some(if last_four_only(one) || last_four_only(other) {
        if one.last_four() == other.last_four() { SSN_LAST_FOUR } else { SSN_DIFFERENT }
    } else if left == right {
        SSN_EXACT
    } else if is_one_edit(one, other) {
        SSN_ONE_EDIT
    } else {
        SSN_DIFFERENT
    })
}

fn is_one_edit(one: Ssn, other: Ssn) -> bool {
    if let (Ssn::Full(one), Ssn::Full(other)) = (one, other) {
        // One digit changes a number by a digit times a power of ten, a swap of neighbours by nine such:
        // a difference with more digits than two is neither, which holds of most pairs.
        let mut difference = one.abs_diff(other);
        while difference != 0 && difference.is_multiple_of(10) {
            difference /= 10;
        }
        if difference >= 100 {
            return false;
        }
    }
    within_one_edit(one.to_digits().as_bytes(), other.to_digits().as_bytes())
}

/// Same: one authority gave both records one identifier. Different: an authority gave them two.
/// Missing: no authority knows both.
pub(super) fn compare_identifiers(left: &CompareRow, right: &CompareRow) -> Option<u8> {
    if left.have_one_each(right, Several::Identifiers) {
        let (one, other) = (left.identifier, right.identifier);
        let shared_authority = one.authority != 0 && one.authority == other.authority;
        return shared_authority.then(|| u8::from(one.value != other.value));
    }
    let mut shared_authority = false;
    for one in left.identifiers() {
        for other in right.identifiers().filter(|other| other.authority == one.authority) {
            if one.value == other.value {
                return Some(0);
            }
            shared_authority = true;
        }
    }
    shared_authority.then_some(1)
}

/// From how many authorities both records have the same identifier. Families share the number of one
/// insurance; two authorities that agree speak of one person.
pub(crate) fn agreeing_identifiers(left: &CompareRow, right: &CompareRow) -> u32 {
    if left.have_one_each(right, Several::Identifiers) {
        return u32::from(left.identifier.authority != 0 && left.identifier == right.identifier);
    }
    let agrees = |one: &IdentifierHash| right.identifiers().any(|other| other == *one);
    u32::try_from(left.identifiers().filter(agrees).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn one_edit_of_nine_digits(
            digits in "[0-2]{9}", at in 0..9_usize, digit in "[0-9]", swap in 0..8_usize, other in "[0-2]{9}"
        ) {
            let mut mistyped = digits.clone();
            mistyped.replace_range(at..=at, &digit);
            let mut swapped: Vec<char> = digits.chars().collect();
            swapped.swap(swap, swap + 1);
            let full = |digits: &str| Ssn::Full(digits.parse().unwrap());
            for another in [&mistyped, &swapped.iter().collect(), &other] {
                let expected = within_one_edit(digits.as_bytes(), another.as_bytes());
                proptest::prop_assert_eq!(is_one_edit(full(&digits), full(another)), expected);
            }
        }
    }

    #[test]
    fn national_numbers() {
        let full = |number| PackedSsn::new(Some(Ssn::Full(number)));
        let last_four = |number| PackedSsn::new(Some(Ssn::LastFour(number)));
        let none = PackedSsn::new(None);
        for (left, right, expected) in [
            (none, full(123_456_780), None),
            (full(123_456_780), full(123_456_780), Some(SSN_EXACT)),
            (full(123_456_780), full(123_456_870), Some(SSN_ONE_EDIT)),
            (full(123_456_780), full(123_456_781), Some(SSN_ONE_EDIT)),
            (full(123_456_780), last_four(6780), Some(SSN_LAST_FOUR)),
            (full(123_456_780), last_four(6781), Some(SSN_DIFFERENT)),
            (full(123_456_780), full(321_456_780), Some(SSN_DIFFERENT)),
        ] {
            assert_eq!(compare_ssn(left, right), expected);
            assert_eq!(compare_ssn(right, left), expected);
        }
    }
}
