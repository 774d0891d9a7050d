//! Telephone numbers and e-mail addresses: sets, of which one common member is enough.

use crate::row::{CompareRow, Several};

/// Levels of the telephone, best first.
pub(super) const PHONE_LEVELS: &[&str] = &["same", "close", "different"];

const SAME: u8 = 0;
const CLOSE: u8 = 1;
const DIFFERENT: u8 = 2;

/// Compares two sets of telephone numbers: one in common, one mistyped by a digit or given without
/// its area code, or none.
pub(super) fn compare_phones(left: &CompareRow, right: &CompareRow) -> Option<u8> {
    if left.have_one_each(right, Several::Phones) {
        let given = left.phone != 0 && right.phone != 0;
        return given.then(|| compare_phone(left.phone, right.phone));
    }
    let pairs = left.phones().flat_map(|one| right.phones().map(move |other| (one, other)));
    pairs.map(|(one, other)| compare_phone(one, other)).min()
}

fn compare_phone(left: u64, right: u64) -> u8 {
    const LOCAL: u64 = 10_000_000;
    let without_area_code = || (left < LOCAL || right < LOCAL) && left % LOCAL == right % LOCAL;
    if left == right {
        SAME
    } else if without_area_code() || is_one_digit_off(left, right) {
        CLOSE
    } else {
        DIFFERENT
    }
}

/// Whether exactly one digit differs: then the difference is a digit times a power of ten.
const fn is_one_digit_off(left: u64, right: u64) -> bool {
    let mut difference = left.abs_diff(right);
    let (mut left, mut right) = (left, right);
    while difference != 0 && difference.is_multiple_of(10) {
        difference /= 10;
        left /= 10;
        right /= 10;
    }
    difference < 10 && left / 10 == right / 10
}

/// Compares two sets of e-mail addresses.
pub(super) fn compare_emails(left: &CompareRow, right: &CompareRow) -> Option<u8> {
    if left.have_one_each(right, Several::Emails) {
        let given = left.email != 0 && right.email != 0;
        return given.then(|| u8::from(left.email != right.email));
    }
    let pairs = left.emails().flat_map(|one| right.emails().map(move |other| (one, other)));
    pairs.map(|(one, other)| u8::from(one != other)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones() {
        for (left, right, expected) in [
            (6_172_530_123, 6_172_530_123, SAME),
            (6_172_530_123, 6_172_530_124, CLOSE),
            (6_172_530_123, 2_530_123, CLOSE),
            (6_172_530_123, 6_172_531_234, DIFFERENT),
            (6_172_530_123, 7_172_530_123, CLOSE),
            (6_172_530_129, 6_172_530_130, DIFFERENT),
            (6_172_530_123, 172_530_123, CLOSE),
        ] {
            assert_eq!(compare_phone(left, right), expected);
            assert_eq!(compare_phone(right, left), expected);
        }
    }
}
