//! City, state and postal code.

use std::sync::LazyLock;

use empi_model::{PatientText, QualityNote, RecordField};
use hashbrown::HashMap;

use super::super::{Notes, normalize_text, text};
use super::{Kind, is_placeholder};

const STATES: &str = include_str!("../../../../../datasets/reference/us_states.csv");

/// States and territories whose ZIP codes begin with 0, which spreadsheets drop, and military mail in
/// Europe.
const ZERO_STATES: [&str; 10] = ["CT", "MA", "ME", "NH", "NJ", "RI", "VT", "PR", "VI", "AE"];

/// The code of a state by its name, abbreviation or code in match form.
pub(super) fn state_code(name: &str) -> Option<&'static str> {
    static CODES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let rows = STATES.lines().skip(1).filter_map(|line| line.split_once(','));
        rows.flat_map(|(name, code)| [(name, code), (code, code)]).collect()
    });
    CODES.get(name).copied()
}

/// A state as its two letters, other countries' provinces as written.
pub(super) fn normalize_state(
    value: Option<&PatientText>,
    notes: &mut Notes,
) -> Option<PatientText> {
    let state = normalize_text(value, Kind::Address, RecordField::State, notes)?;
    match state_code(state.expose()) {
        Some(code) if code != state.expose() => Some(PatientText::new(code)),
        _ => Some(state),
    }
}

/// A city with the words that are written both ways abbreviated, and without the state behind it.
pub(super) fn normalize_city(
    value: Option<&PatientText>,
    state: Option<&PatientText>,
    notes: &mut Notes,
) -> Option<PatientText> {
    let city = normalize_text(value, Kind::Address, RecordField::City, notes)?;
    let mut name = city.expose();
    if let (Some(state), Some((before, last))) = (state, name.rsplit_once(' '))
        && state.expose() == last
    {
        name = before;
    }
    match name.split_once(' ').and_then(|(first, rest)| Some((short_word(first)?, rest))) {
        Some((short, rest)) => Some(PatientText::new(format!("{short} {rest}"))),
        None if name.len() == city.expose().len() => Some(city),
        None => Some(PatientText::new(name)),
    }
}

fn short_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "SAINT" => "ST",
        "SAINTE" => "STE",
        "MOUNT" => "MT",
        "FORT" => "FT",
        "NORTH" => "N",
        "SOUTH" => "S",
        "EAST" => "E",
        "WEST" => "W",
        _ => return None,
    })
}

/// Five digits for the United States, else letters and digits as written.
pub(super) fn normalize_postal_code(
    value: Option<&PatientText>,
    state: Option<&PatientText>,
    notes: &mut Notes,
) -> Option<PatientText> {
    let mut code = text::fold_joined(value?.expose());
    if code.is_empty() {
        return None;
    }
    if is_placeholder(Kind::PostalCode, &code) || code.bytes().all(|byte| byte == b'0') {
        notes.add(QualityNote::Placeholder(RecordField::PostalCode));
        return None;
    }
    if text::is_number(&code) {
        let state = state.map_or("", PatientText::expose);
        let dropped = match code.len() {
            4 | 8 if ZERO_STATES.contains(&state) => "0",
            3 | 7 if matches!(state, "PR" | "VI") => "00",
            _ => "",
        };
        code.insert_str(0, dropped);
        // ZIP+4
        if code.len() == 9 {
            code.truncate(5);
        }
        if is_placeholder(Kind::PostalCode, &code) {
            notes.add(QualityNote::Placeholder(RecordField::PostalCode));
            return None;
        }
    }
    Some(PatientText::new(code))
}
