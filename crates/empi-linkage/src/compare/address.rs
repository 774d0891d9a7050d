//! Addresses as one group: street, number, unit, city and postal code are one piece of evidence.

use crate::lexicon::Values;
use crate::row::{AddressIds, CompareRow, TextId};
use crate::similarity::{jaro_winkler, within_one_edit};

/// Levels of the address, best first.
pub(super) const LEVELS: &[&str] =
    &["same", "other_unit", "close", "postal_code", "city", "different"];

pub(crate) const SAME: u8 = 0;
const OTHER_UNIT: u8 = 1;
pub(crate) const CLOSE: u8 = 2;
const POSTAL_CODE: u8 = 3;
const CITY: u8 = 4;
const DIFFERENT: u8 = 5;

/// Compares every address of one record with every address of the other; the best level wins.
pub(super) fn compare(values: &impl Values, left: &CompareRow, right: &CompareRow) -> Option<u8> {
    let pairs = left.addresses().flat_map(|one| right.addresses().map(move |other| (one, other)));
    pairs.filter_map(|(one, other)| compare_pair(values, one, other)).min()
}

fn compare_pair(values: &impl Values, left: AddressIds, right: AddressIds) -> Option<u8> {
    let street = agreement(left.street, right.street);
    let postal_code = agreement(left.postal_code, right.postal_code);
    let city = compare_city(left, right);
    if street.is_none() && postal_code.is_none() && city.is_none() {
        return None;
    }
    // The same street name stands in every town: it counts only where the place does not speak
    // against it.
    let place_conflict = match (postal_code, city) {
        (Some(false), Some(false)) => true,
        (Some(false), None) => !is_close_text(values, left.postal_code, right.postal_code),
        (None, Some(false)) => !is_close_text(values, left.city, right.city),
        _ => false,
    };
    if !place_conflict
        && street.is_some()
        && let Some(level) = compare_streets(values, left, right)
    {
        return Some(level);
    }
    Some(match (postal_code, city) {
        (Some(true), _) => POSTAL_CODE,
        (_, Some(true)) => CITY,
        _ => DIFFERENT,
    })
}

/// The city, which without its state may be another city of that name.
fn compare_city(left: AddressIds, right: AddressIds) -> Option<bool> {
    let states_differ = agreement(left.state, right.state) == Some(false);
    agreement(left.city, right.city).map(|same| same && !states_differ)
}

fn compare_streets(values: &impl Values, left: AddressIds, right: AddressIds) -> Option<u8> {
    let number = agreement(left.number, right.number);
    let unit = agreement(left.unit, right.unit);
    if left.street == right.street && number != Some(false) {
        return Some(match (number, unit) {
            (Some(true), Some(false)) => OTHER_UNIT,
            (Some(true), _) => SAME,
            _ => CLOSE,
        });
    }
    let street_alike = is_close_text(values, left.street, right.street);
    let number_alike = number != Some(false) || is_close_text(values, left.number, right.number);
    let one_exact = left.street == right.street || number == Some(true);
    (street_alike && number_alike && one_exact).then_some(CLOSE)
}

/// Whether two texts are equal; `None` when one is missing.
fn agreement(left: TextId, right: TextId) -> Option<bool> {
    (left.is_some() && right.is_some()).then(|| left == right)
}

fn is_close_text(values: &impl Values, left: TextId, right: TextId) -> bool {
    if left == right {
        return true;
    }
    let (left, right) = (values.text(left).text(), values.text(right).text());
    within_one_edit(left.as_bytes(), right.as_bytes()) || jaro_winkler(left, right) >= 0.9
}
