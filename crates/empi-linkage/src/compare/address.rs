//! Addresses as one group: street, number, unit, city and postal code are one piece of evidence.

use crate::lexicon::Values;
use crate::row::{AddressIds, CompareRow, Several, TextId};
use crate::similarity::{jaro_winkler, within_one_edit};

/// Levels of the address, best first.
pub(super) const LEVELS: &[&str] =
    &["same", "other_unit", "close", "postal_code", "city", "different"];

pub(crate) const SAME: u8 = 0;
const OTHER_UNIT: u8 = 1;
pub(crate) const CLOSE: u8 = 2;
pub(crate) const POSTAL_CODE: u8 = 3;
const CITY: u8 = 4;
const DIFFERENT: u8 = 5;

/// The best levels of addresses with the same street, house number, postal code, only a place that may be the same, or
/// another place.
pub(crate) const GLANCED: [u8; 5] = [SAME, CLOSE, POSTAL_CODE, CITY, DIFFERENT];

/// Compares every address of one record with every address of the other; the best level wins.
pub(super) fn compare(values: &impl Values, left: &CompareRow, right: &CompareRow) -> Option<u8> {
    if left.have_one_each(right, Several::Addresses) {
        return compare_pair(values, left.address, right.address);
    }
    let pairs = left.addresses().flat_map(|one| right.addresses().map(move |other| (one, other)));
    pairs.filter_map(|(one, other)| compare_pair(values, one, other)).min()
}

/// The best level that two addresses can reach, by what is the same in them and without a look at what
/// is not; `None` when they have nothing to compare.
pub(super) fn best_level(left: AddressIds, right: AddressIds) -> Option<u8> {
    let street = agreement(left.street, right.street);
    let postal_code = agreement(left.postal_code, right.postal_code);
    let city = compare_city(left, right);
    let number = agreement(left.number, right.number);
    match (street, postal_code, city) {
        (None, None, None) => None,
        (Some(true), ..) if number != Some(false) => Some(SAME),
        (Some(true), ..) => Some(CLOSE),
        (Some(false), ..) if number == Some(true) => Some(CLOSE),
        (_, Some(true), _) => Some(POSTAL_CODE),
        _ => Some(CITY),
    }
}

fn compare_pair(values: &impl Values, left: AddressIds, right: AddressIds) -> Option<u8> {
    let street = agreement(left.street, right.street);
    let postal_code = agreement(left.postal_code, right.postal_code);
    let city = compare_city(left, right);
    if street.is_none() && postal_code.is_none() && city.is_none() {
        return None;
    }
    let place = compare_places(values, left, right);
    if street.is_some()
        && let Some(level) = compare_streets(values, left, right, place)
    {
        return Some(level);
    }
    Some(match (postal_code, city, place) {
        (Some(true), _, _) => POSTAL_CODE,
        (_, Some(true), _) | (_, _, Place::Close) => CITY,
        _ => DIFFERENT,
    })
}

/// How the places of two addresses agree. The same street name stands in every town, so a street
/// counts only where the place does not speak against it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Postal code or city is the same, or neither is known on both sides.
    Same,
    /// Postal code or city is mistyped, or the same city stands in another state.
    Close,
    Other,
}

fn compare_places(values: &impl Values, left: AddressIds, right: AddressIds) -> Place {
    let postal_code = agreement(left.postal_code, right.postal_code);
    let city = compare_city(left, right);
    if postal_code == Some(true) || city == Some(true) || (postal_code, city) == (None, None) {
        return Place::Same;
    }
    let close_code = postal_code.is_some()
        && is_mistyped(values.text(left.postal_code).text(), values.text(right.postal_code).text());
    let close_city = city.is_some() && is_close_text(values, left.city, right.city);
    if close_code || close_city { Place::Close } else { Place::Other }
}

/// The city, which without its state may be another city of that name.
fn compare_city(left: AddressIds, right: AddressIds) -> Option<bool> {
    let states_differ = agreement(left.state, right.state) == Some(false);
    agreement(left.city, right.city).map(|same| same && !states_differ)
}

fn compare_streets(
    values: &impl Values,
    left: AddressIds,
    right: AddressIds,
    place: Place,
) -> Option<u8> {
    let number = agreement(left.number, right.number);
    let unit = agreement(left.unit, right.unit);
    if place == Place::Other {
        return None;
    }
    if place == Place::Close {
        return (left.street == right.street && number != Some(false)).then_some(CLOSE);
    }
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

/// One digit of a postal code wrong, left out, or two neighbours swapped.
fn is_mistyped(left: &str, right: &str) -> bool {
    left.len() >= 4 && within_one_edit(left.as_bytes(), right.as_bytes())
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

#[cfg(test)]
mod tests {
    use empi_model::{NormalizedAddress, NormalizedRecord, PatientText};
    use proptest::prelude::*;

    use super::*;
    use crate::lexicon::{Intern, Lexicon};

    fn address(parts: [&str; 6]) -> NormalizedRecord {
        let [number, street, unit, city, state, postal_code] = parts.map(PatientText::non_blank);
        let address = NormalizedAddress { number, street, unit, city, state, postal_code };
        NormalizedRecord { addresses: vec![address], ..NormalizedRecord::default() }
    }

    fn parts() -> impl Strategy<Value = [&'static str; 6]> {
        let one_of = prop::sample::select::<&'static str>;
        (
            one_of(vec!["", "12", "13", "212"]),
            one_of(vec!["", "ELM ST", "ELMS ST", "OAK AVE"]),
            one_of(vec!["", "4", "5"]),
            one_of(vec!["", "SPRINGFIELD", "SPRINGFELD", "PORTLAND"]),
            one_of(vec!["", "OR", "ME"]),
            one_of(vec!["", "97201", "97210", "04101"]),
        )
            .prop_map(|(number, street, unit, city, state, code)| {
                [number, street, unit, city, state, code]
            })
    }

    proptest! {
        #[test]
        fn no_pair_reaches_more_than_a_glance_allows(left in parts(), right in parts()) {
            let mut lexicon = Lexicon::new();
            let [left, right] = [left, right].map(|parts| lexicon.row(&address(parts)));
            let reached = compare_pair(&lexicon, left.address, right.address);
            let best = best_level(left.address, right.address);
            // The lower the number, the better the level; nothing to compare is no level at all.
            prop_assert_eq!(reached.is_some(), best.is_some());
            prop_assert!(reached.zip(best).is_none_or(|(reached, best)| reached >= best));
        }
    }
}
