//! Apartments, suites and the like: taken out of the street line or read from a field of their own.

use super::line::{Gap, Line, Word, Words};
use super::text::{begins_with_digit, is_number};
use super::words::{Designator, Meaning, is_ordinal};

/// Takes every unit out of a street line; several are joined in their order.
pub(super) fn take_units(words: &mut Words<'_>) -> String {
    let mut unit = String::new();
    let mut at = 0;
    while at < words.len() {
        match unit_at(words, at) {
            Some(used) => {
                push_unit(&mut unit, words.get(at..at + used).unwrap_or_default());
                words.drain(at..at + used);
            }
            None => at += 1,
        }
    }
    unit
}

/// Reads a unit from a field of its own: `APT 4B`, `#4-B`, `2nd floor`, `4B`. The result reads as itself.
pub(super) fn read_unit(text: &str) -> String {
    const READINGS_MAX: usize = 4;
    let read_once = |text: &str| {
        let mut unit = String::new();
        push_unit(&mut unit, &Line::read(text).words());
        unit
    };
    let mut unit = read_once(text);
    for _ in 1..READINGS_MAX {
        let again = read_once(&unit);
        if again == unit {
            break;
        }
        unit = again;
    }
    unit
}

/// How many words from a place on name a unit; `None` when none does.
fn unit_at(words: &[Word<'_>], at: usize) -> Option<usize> {
    let word = words.get(at)?;
    if word.text == "#" {
        return Some(1 + value_len(words, at + 1, at > 0));
    }
    let count = words.len();
    let text_at = |at: usize| words.get(at).map_or("", |word| word.text);
    match word.meaning.unit {
        Some(Designator::Strong(own)) => {
            let value = skip_signs(words, at + 1);
            let len = value_len(words, value, at > 0);
            if len > 0 {
                return Some(value + len - at);
            }
            let next = words.get(value).map_or(&Meaning::NONE, |word| word.meaning);
            let is_word = value + 1 == count && at >= 2 && next.suffix.is_none();
            if is_word && next.direction.is_none() && text_at(value).len() <= 4 {
                return Some(value + 1 - at);
            }
            // Announced but not told: nothing to keep, except where the word is a unit itself.
            (value == count && at >= 2 && (!own.is_empty() || word.text == "APT"))
                .then_some(value - at)
        }
        Some(Designator::Weak) => {
            let value = skip_signs(words, at + 1);
            let len = value_len(words, value, at > 0);
            let is_told =
                len > 0 && begins_with_digit(text_at(value)) && !is_ordinal(text_at(value));
            let ends = value + len == count || unit_at(words, value + len).is_some();
            let is_first = at == 0 && word.text == "FLAT" && value + len < count;
            (is_told && (at >= 2 && ends || is_first)).then_some(value + len - at)
        }
        Some(Designator::Bare(_)) => {
            let is_sure = matches!(word.text, "REAR" | "BSMT" | "BASEMENT" | "LBBY" | "LOBBY");
            let behind_suffix = at >= 3 && is_street_end(words, at);
            (at + 1 == count && at >= 2 && (is_sure || behind_suffix)).then_some(1)
        }
        None => attached_or_floor(words, at),
    }
}

/// `APT4B` in one word, `2ND FLOOR`, `U3/12`, and a number that stands behind the street: `12 ELM ST 4B`.
fn attached_or_floor(words: &[Word<'_>], at: usize) -> Option<usize> {
    let (word, ordinal) = words.get(at).map(|word| (word.text, word.meaning.ordinal))?;
    let next = words.get(at + 1);
    let is_floor = next.is_some_and(|next| matches!(next.text, "FL" | "FLR" | "FLOOR"));
    if at >= 2 && is_floor && (is_ordinal(word) || ordinal.is_some()) {
        return (at + 2 == words.len() || unit_at(words, at + 2).is_some()).then_some(2);
    }
    if attached_value(word).is_some() && at != 1 {
        return Some(1);
    }
    let is_u = word.len() > 1 && word.strip_prefix('U').is_some_and(is_number);
    if at == 0 && is_u && next.is_some_and(|next| next.gap == Gap::Slash) {
        return Some(1);
    }
    let begins = words.first().is_some_and(|first| begins_with_digit(first.text));
    let is_behind = at >= 3 && at + 1 == words.len() && begins && is_street_end(words, at);
    (is_behind && begins_with_digit(word) && !is_ordinal(word)).then_some(1)
}

/// The value behind a designator written in one word with it.
fn attached_value(word: &str) -> Option<&str> {
    let designators = ["APT", "STE", "SUITE", "UNIT", "BLDG"];
    let values = designators.into_iter().filter_map(|it| word.strip_prefix(it));
    values.into_iter().find(|value| begins_with_digit(value))
}

/// Whether a place stands behind a street's suffix, and a direction perhaps. Not behind a road or
/// highway, whose name may be the number: `COUNTY RD 4`.
fn is_street_end(words: &[Word<'_>], at: usize) -> bool {
    let word = |back: usize| at.checked_sub(back).and_then(|at| words.get(at)).map(|it| it.meaning);
    let is_suffix = |back: usize| {
        word(back)
            .and_then(|it| it.suffix)
            .is_some_and(|it| !matches!(it, "RD" | "HWY" | "RTE" | "EXPY"))
    };
    is_suffix(1) || word(1).is_some_and(|it| it.direction.is_some()) && is_suffix(2)
}

/// Past signs and further designators: `APT # 4`, `APT NO 4`, `APT UNIT 4`.
fn skip_signs(words: &[Word<'_>], mut at: usize) -> usize {
    let is_sign = |word: &Word<'_>| {
        matches!(word.text, "#" | "NO" | "NUMBER" | "NBR")
            || matches!(word.meaning.unit, Some(Designator::Strong("")))
    };
    while words.get(at).is_some_and(is_sign) {
        at += 1;
    }
    at
}

/// How many words from a place on are the value of a unit.
fn value_len(words: &[Word<'_>], at: usize, may_have_letter: bool) -> usize {
    let Some(word) = words.get(at) else { return 0 };
    let has_digit = word.text.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digit && word.text.len() != 1 || word.text == "#" {
        return 0;
    }
    let mut len = 1;
    while words.get(at + len).is_some_and(|word| word.gap == Gap::Hyphen) {
        len += 1;
    }
    // A single letter behind the number belongs to it: `APT 4 B`, unless a street begins there.
    let is_letter = |word: &Word<'_>| word.text.len() == 1 && word.text != "#";
    let is_last = at + len + 1 == words.len();
    if may_have_letter && has_digit && is_last && words.get(at + len).is_some_and(is_letter) {
        len += 1;
    }
    len
}

/// Adds the values of a unit's words to the unit, without what only announces them.
fn push_unit(unit: &mut String, words: &[Word<'_>]) {
    for word in words {
        match word.meaning {
            _ if word.text == "#" => {}
            known if known.ordinal.is_some() => {
                push_value(unit, &known.ordinal.unwrap_or_default().to_string());
            }
            known => match known.unit {
                Some(Designator::Strong(own) | Designator::Bare(own)) if !own.is_empty() => {
                    push_value(unit, own);
                }
                Some(_) => {}
                None if is_ordinal(word.text) => {
                    push_value(
                        unit,
                        word.text.trim_end_matches(|it: char| it.is_ascii_alphabetic()),
                    );
                }
                None => {
                    let value = attached_value(word.text).unwrap_or(word.text);
                    let is_u = words.len() == 1 && value.len() > 1;
                    let number = value.strip_prefix('U').filter(|it| is_u && is_number(it));
                    push_value(unit, trim_zeros(number.unwrap_or(value)));
                }
            },
        }
    }
}

/// Adds a value: a letter and a figure grow together (`4 B` is `4B`), others stay apart.
pub(super) fn push_value(unit: &mut String, value: &str) {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let last = is_digit(unit.as_bytes().last());
    if !unit.is_empty() && last == is_digit(value.as_bytes().first()) {
        unit.push(' ');
    }
    unit.push_str(value);
}

/// A number without the zeros before it; `0` stays.
pub(super) fn trim_zeros(number: &str) -> &str {
    let trimmed = number.trim_start_matches('0');
    if begins_with_digit(trimmed) {
        trimmed
    } else if is_number(number) {
        "0"
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_in_their_own_field() {
        for (text, expected) in [
            ("", ""),
            ("Apt 4B", "4B"),
            ("#4-B", "4B"),
            ("APT. # 04", "4"),
            ("4 b", "4B"),
            ("2nd floor", "2"),
            ("Second Floor", "2"),
            ("Fl 2", "2"),
            ("Basement", "BSMT"),
            ("PH 3", "PH3"),
            ("Bldg 3 Apt 4", "3 4"),
            ("3 4", "3 4"),
            ("Apt", ""),
            ("Suite 200-A", "200A"),
            ("apt4b", "4B"),
            ("willaroo park", "WILLAROO PARK"),
        ] {
            assert_eq!(read_unit(text), expected, "{text}");
            assert_eq!(read_unit(expected), expected, "{text}, again");
        }
    }
}
