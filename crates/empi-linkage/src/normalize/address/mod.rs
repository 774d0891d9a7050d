//! Postal addresses in match form, by USPS Publication 28 and Project US@; other countries' addresses
//! keep their words.
//!
//! A street line is taken apart in this order: words, care-of, boxes and routes, units, house number,
//! and what is left is the street's name.

mod delivery;
mod highway;
mod line;
mod place;
mod street;
mod unit;
mod words;

use empi_model::{NormalizedAddress, PatientText, PostalAddress, QualityNote, RecordField};

use super::known::Known;
use super::placeholder::{Kind, is_placeholder};
use super::{Notes, text};
use street::{Street, read_street};

#[cfg(test)]
pub(super) use street::street_line;

/// Normalises one address; `None` when nothing usable is left.
pub(super) fn normalize_address(
    address: &PostalAddress,
    mut known: Option<&mut Known>,
    notes: &mut Notes,
) -> Option<NormalizedAddress> {
    let line = address.street.as_ref().map(PatientText::expose);
    let learned = line.and_then(|line| known.as_deref()?.street(line));
    let ((number, street), unit) = match (learned, line) {
        (Some((number, street)), _) => ((Some(number), Some(street)), String::new()),
        (None, Some(line)) => {
            let Street { number, name, unit } = read_street(line, notes);
            if let Some(known) = known.as_deref_mut().filter(|_| unit.is_empty()) {
                known.learn_street(line, &number, &name);
            }
            ((non_empty(number), non_empty(name)), unit)
        }
        (None, None) => ((None, None), String::new()),
    };
    let unit_apart = address.unit.as_ref().map(|unit| unit::read_unit(unit.expose()));
    let unit_apart = unit_apart.and_then(|unit| known_unit(unit, notes));
    let Place { city, state, postal_code } = match known {
        Some(known) => known.place(address, notes, read_place),
        None => read_place(address, notes),
    };
    let normalized = NormalizedAddress {
        number,
        street,
        unit: unit_apart.or_else(|| known_unit(unit, notes)),
        city,
        state,
        postal_code,
    };
    (normalized != NormalizedAddress::default()).then_some(normalized)
}

/// City, state and postal code.
#[derive(Clone, Debug)]
pub(super) struct Place {
    city: Option<PatientText>,
    state: Option<PatientText>,
    postal_code: Option<PatientText>,
}

fn read_place(address: &PostalAddress, notes: &mut Notes) -> Place {
    let state = place::normalize_state(address.state.as_ref(), notes);
    let city = place::normalize_city(address.city.as_ref(), state.as_ref(), notes);
    let postal_code =
        place::normalize_postal_code(address.postal_code.as_ref(), state.as_ref(), notes);
    Place { city, state, postal_code }
}

/// A unit, unless it is a placeholder.
fn known_unit(unit: String, notes: &mut Notes) -> Option<PatientText> {
    if is_placeholder(Kind::Address, &unit) {
        notes.add(QualityNote::Placeholder(RecordField::Unit));
        return None;
    }
    non_empty(unit)
}

fn non_empty(text: String) -> Option<PatientText> {
    (!text.is_empty()).then(|| PatientText::new(text))
}

#[cfg(test)]
mod tests;
