//! House number and street of a street line.

use empi_model::{QualityNote, RecordField};

use super::delivery::{drop_care_of, is_boxed, read_delivery};
use super::highway::read_highway;
use super::line::{Gap, Line, Word, Words};
use super::text::{begins_with_digit, is_number};
use super::unit::{push_value, read_unit, take_units, trim_zeros};
use super::words::{Meaning, is_ordinal, push_ordinal};
use super::{Kind, Notes, is_placeholder};

/// A street line taken apart; what is missing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Street {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) unit: String,
}

/// Few lines are read more than twice before they read as themselves.
const READINGS_MAX: usize = 4;

/// Takes a street line apart.
///
/// The result reads as itself: a line whose parts, put together again, would be taken apart in another
/// way is read again.
pub(super) fn read_street(text: &str, notes: &mut Notes) -> Street {
    let line = Line::read(text);
    if is_placeholder(Kind::Address, line.folded()) {
        notes.add(QualityNote::Placeholder(RecordField::Street));
        return Street::default();
    }
    let (mut street, mut is_settled) = take_apart(&line);
    for _ in 1..READINGS_MAX {
        if is_settled {
            break;
        }
        let line = Line::read(&street_line(&street.number, &street.name));
        if is_placeholder(Kind::Address, line.folded()) {
            notes.add(QualityNote::Placeholder(RecordField::Street));
            return Street { unit: street.unit, ..Street::default() };
        }
        let again = take_apart(&line).0;
        is_settled = again.number == street.number && again.name == street.name;
        let mut unit = street.unit;
        if !again.unit.is_empty() {
            push_value(&mut unit, &again.unit);
        }
        street = Street { unit, ..again };
    }
    if !street.unit.is_empty() {
        street.unit = read_unit(&street.unit);
    }
    street
}

/// House number and street put together to a line again.
pub(in crate::normalize) fn street_line(number: &str, name: &str) -> String {
    if number.is_empty() {
        name.to_owned()
    } else if name == "PO BOX" {
        format!("{name} {number}")
    } else if is_boxed(name) {
        format!("{name} BOX {number}")
    } else {
        format!("{number} {name}")
    }
}

/// The parts of a line, and whether they are known to read as themselves.
fn take_apart(line: &Line) -> (Street, bool) {
    let words = line.words();
    match read_plain(&words) {
        Some(plain) => (plain, true),
        None => (read_any(words), false),
    }
}

/// The parts of any line.
fn read_any(mut words: Words<'_>) -> Street {
    drop_care_of(&mut words);
    if let Some(delivery) = read_delivery(&mut words) {
        return delivery;
    }
    let mut unit = take_units(&mut words);
    if matches!(words.first(), Some(word) if matches!(word.text, "NO" | "NUMBER" | "#"))
        && words.get(1).is_some_and(|word| begins_with_digit(word.text))
    {
        words.remove(0);
    }
    if unit.is_empty() {
        unit = take_unit_before_slash(&mut words);
    }
    let number = take_number(&mut words);
    words.retain(|word| word.text != "#");
    Street { number, name: street_name(&words), unit }
}

/// `12 N ELM ST`, as most lines are: a number, one or two words without a meaning of their own, a suffix,
/// and perhaps a direction before or behind. Reads them as [`read_any`] does, in one go.
fn read_plain(words: &[Word<'_>]) -> Option<Street> {
    let (number, rest) = words.split_first()?;
    let (behind, rest) = match rest.split_last()? {
        (last, rest) if last.meaning.direction.is_some() => (Some(last), rest),
        _ => (None, rest),
    };
    let (before, rest) = match rest.split_first()? {
        (first, rest) if first.meaning.direction.is_some() => (Some(first), rest),
        _ => (None, rest),
    };
    let (suffix, names) = rest.split_last()?;
    let short = suffix.meaning.suffix.filter(|short| *short != "HWY" && *short != "RTE")?;
    let is_plain = is_number(number.text)
        && !number.text.starts_with('0')
        && matches!(names, [_] | [_, _])
        && names.iter().all(is_plain_name)
        && *suffix.meaning == Meaning { suffix: Some(short), ..Meaning::NONE }
        && [before, behind].iter().flatten().all(|word| word.meaning.is_only_direction());
    if !is_plain {
        return None;
    }
    let names = names.iter().map(|word| word.text);
    let direction = |word: Option<&Word<'_>>| word.and_then(|word| word.meaning.direction);
    let parts = direction(before).into_iter().chain(names).chain([short]).chain(direction(behind));
    let mut name = String::with_capacity(32);
    for part in parts {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(part);
    }
    Some(Street { number: number.text.to_owned(), name, unit: String::new() })
}

/// Whether a word is nothing but a street's name, wherever it stands behind a house number.
fn is_plain_name(word: &Word<'_>) -> bool {
    let is_read_apart =
        matches!(word.text, "CARE" | "ATTN" | "ATTENTION" | "SAINT" | "MOUNT" | "FORT" | "BYP")
            || matches!(word.text, "PO" | "POB" | "POBOX" | "BOX" | "BX" | "BOXES")
            || matches!(word.text, "DRAWER" | "BIN" | "CALLER");
    word.text.len() > 1
        && word.text.bytes().all(|byte| byte.is_ascii_alphabetic())
        && *word.meaning == Meaning::NONE
        && !is_read_apart
}

/// `3/12 BELL ST`, as Australians write unit 3 of number 12; `12 1/2 ELM ST` is a fraction.
fn take_unit_before_slash(words: &mut Words<'_>) -> String {
    let is_pair = matches!(words.as_slice(), [unit, number, street, ..]
        if begins_with_digit(unit.text)
            && begins_with_digit(number.text)
            && number.gap == Gap::Slash
            && street.gap != Gap::Slash);
    if is_pair { trim_zeros(words.remove(0).text).to_owned() } else { String::new() }
}

/// Takes the house number: `12`, `12A`, `34 12` for `34-12`, `12 1 2` for `12 1/2`, `W204N8151`.
fn take_number(words: &mut Words<'_>) -> String {
    const NUMBER_WORDS_MAX: usize = 3;
    let is_house = |word: &Word<'_>| {
        begins_with_digit(word.text) && !is_ordinal(word.text) || is_grid_number(word.text)
    };
    let mut count = words.iter().take(NUMBER_WORDS_MAX).take_while(|word| is_house(word)).count();
    // `12 7 AVE` is a number and a street named 7: something must be left that has a name.
    while count > 1 && !has_name(words.get(count..).unwrap_or_default()) {
        count -= 1;
    }
    if count == 0 && words.len() >= 3 && words.first().is_some_and(|word| word.text == "ONE") {
        let is_street = words.last().is_some_and(|word| word.meaning.suffix.is_some());
        if is_street {
            words.remove(0);
            return "1".to_owned();
        }
    }
    let mut number = String::new();
    for word in words.drain(..count) {
        let trimmed = trim_zeros(word.text);
        if trimmed == "0" && number.is_empty() {
            continue;
        }
        if !number.is_empty() {
            number.push(' ');
        }
        number.push_str(trimmed);
    }
    // `12-B ELM ST`
    let is_letter = |word: &Word<'_>| {
        word.gap == Gap::Hyphen
            && word.text.len() == 1
            && word.text.bytes().all(|it| it.is_ascii_alphabetic())
    };
    if count == 1 && is_number(&number) && words.first().is_some_and(is_letter) {
        number.push_str(words.remove(0).text);
    }
    number
}

/// Whether words hold a street's name, and not only its suffix and direction.
fn has_name(words: &[Word<'_>]) -> bool {
    match words {
        [] => false,
        [first, rest @ ..] => {
            let is_direction = |word: &Word<'_>| word.meaning.direction.is_some();
            first.meaning.suffix.is_none() || !rest.iter().all(is_direction)
        }
    }
}

/// Numbers of a grid, as in Wisconsin: `W204N8151`, `N6W23001`, `W123`.
fn is_grid_number(word: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'N' | b'S' | b'E' | b'W');
    let bytes = word.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    bytes.first().is_some_and(|first| is_letter(*first))
        && digits >= 3
        && digits + 2 >= bytes.len()
        && bytes.last().is_some_and(u8::is_ascii_digit)
        && bytes.iter().all(|byte| byte.is_ascii_digit() || is_letter(*byte))
}

/// `NW` for two directions side by side, where they make one.
fn joined_direction(first: &str, second: &str) -> Option<&'static str> {
    Some(match (first, second) {
        ("N", "E") => "NE",
        ("N", "W") => "NW",
        ("S", "E") => "SE",
        ("S", "W") => "SW",
        _ => return None,
    })
}

/// The street's name with directionals and suffix abbreviated.
fn street_name(words: &[Word<'_>]) -> String {
    let direction = |at: usize| words.get(at).and_then(|word| word.meaning.direction);
    let suffix = |at: usize| words.get(at).and_then(|word| word.meaning.suffix);
    let mut name = String::with_capacity(32);
    let mut push = |text: &str| {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(text);
    };
    let (mut start, mut end) = (0, words.len());
    let mut behind = None;
    // `AVENUE N` is a street named N, `NORTH WEST` one named West.
    let is_two_word_name = end == 2 && (suffix(0).is_some() || direction(0).is_some());
    if end >= 2
        && !is_two_word_name
        && let Some(last) = direction(end - 1)
    {
        behind = Some(last);
        end -= 1;
        if end >= 3
            && let Some(joined) = direction(end - 1).and_then(|it| joined_direction(it, last))
        {
            behind = Some(joined);
            end -= 1;
        }
    }
    // `NORTH ST` is a street named North, `N MAIN ST` lies to the north.
    let is_named_by_it = end == 2 && suffix(1).is_some();
    if end >= 2
        && !is_named_by_it
        && let Some(first) = direction(0)
    {
        let joined = direction(1).and_then(|second| joined_direction(first, second));
        let joined = joined.filter(|_| end >= 3 && !(end == 3 && suffix(2).is_some()));
        push(joined.unwrap_or(first));
        start = if joined.is_some() { 2 } else { 1 };
    }
    let rest = words.get(start..end).unwrap_or_default();
    if let Some((highway, used)) = read_highway(rest) {
        push(&highway);
        start += used;
        push_words(words, start..end, true, &mut push);
    } else {
        push_words(words, start..end, false, &mut push);
    }
    if let Some(behind) = behind {
        push(behind);
    }
    name
}

/// Writes the words of a name, each in its standard form.
fn push_words(
    words: &[Word<'_>],
    range: std::ops::Range<usize>,
    mut has_name: bool,
    push: &mut impl FnMut(&str),
) {
    let mut at = range.start;
    let known = |at: usize| words.get(at).filter(|_| at < range.end).map(|word| word.meaning);
    while let Some(word) = words.get(at).filter(|_| at < range.end) {
        let here = word.meaning;
        let next = known(at + 1);
        let is_last = next.is_none();
        let is_before_suffix =
            at + 2 == range.end && next.is_some_and(|next| next.suffix.is_some());
        let is_before_number =
            words.get(at + 1).filter(|_| !is_last).is_some_and(|next| begins_with_digit(next.text));
        if let (Some(suffix), true, true) = (here.suffix, is_last, has_name) {
            push(suffix);
        } else if let (Some(tens), Some(ones)) = (here.tens, next.and_then(|next| next.ordinal))
            && ones < 10
        {
            push_ordinal_word(u32::from(tens + ones), push);
            at += 1;
        } else if let Some(ordinal) = here.ordinal {
            push_ordinal_word(u32::from(ordinal), push);
        } else if !has_name && is_before_suffix && is_number(word.text) && !is_road(next) {
            let mut ordinal = String::with_capacity(8);
            push_ordinal(&mut ordinal, word.text);
            push(&ordinal);
        } else {
            let is_letter_street = !has_name && range.end - at == 2 && is_letter(words.get(at + 1));
            push(match (word.text, here.suffix) {
                (_, Some(suffix)) if is_letter_street => suffix,
                ("BYP", _) => "BYPASS",
                (_, Some("HWY")) if is_before_number => "HIGHWAY",
                (_, Some("RTE")) if is_before_number => "ROUTE",
                ("SAINT", _) if !is_last && !is_before_suffix => "ST",
                ("MOUNT", _) if !is_last && !is_before_suffix => "MT",
                ("FORT", _) if !is_last && !is_before_suffix => "FT",
                _ => word.text,
            });
        }
        has_name = true;
        at += 1;
    }
}

fn push_ordinal_word(number: u32, push: &mut impl FnMut(&str)) {
    let mut ordinal = String::with_capacity(8);
    push_ordinal(&mut ordinal, &number.to_string());
    push(&ordinal);
}

/// Whether a suffix is that of a numbered road, whose number is no ordinal.
fn is_road(suffix: Option<&Meaning>) -> bool {
    matches!(suffix.and_then(|known| known.suffix), Some("HWY" | "RTE"))
}

fn is_letter(word: Option<&Word<'_>>) -> bool {
    word.is_some_and(|word| word.text.len() == 1 && !begins_with_digit(word.text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words that some rule reads in a way of its own, beside names.
    const WORDS: [&str; 48] = [
        "12",
        "3",
        "012",
        "4B",
        "7TH",
        "ELM",
        "EASTWOOD",
        "OAK",
        "LA",
        "A",
        "N",
        "NORTH",
        "SW",
        "WEST",
        "ST",
        "STREET",
        "AVE",
        "RD",
        "HWY",
        "RTE",
        "BYP",
        "SAINT",
        "MOUNT",
        "FORT",
        "CARE",
        "OF",
        "C/O",
        "ATTN",
        "ATTENTION",
        "PO",
        "P",
        "O",
        "POB",
        "POBOX",
        "BOX",
        "BX",
        "BIN",
        "CALLER",
        "APT",
        "REAR",
        "FLOOR",
        "TWENTY",
        "FIRST",
        "SEVENTH",
        "CR",
        "US",
        "STATE",
        "#",
    ];

    proptest! {
        #[test]
        fn plain_lines_are_read_as_any_line_is(
            words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6)
        ) {
            let line = Line::read(&format!("12 {}", words.join(" ")));
            if let Some(plain) = read_plain(&line.words()) {
                prop_assert_eq!(&read_any(line.words()), &plain, "{}", line.folded());
                let again = Line::read(&street_line(&plain.number, &plain.name));
                prop_assert_eq!(read_any(again.words()), plain);
            }
        }

        #[test]
        fn a_street_is_the_same_whatever_the_house_number(
            words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6),
            numbers in prop::array::uniform2("[1-9][0-9]{0,4}"),
        ) {
            // `known.rs` counts on it.
            let read = |number: &str| {
                read_street(&format!("{number} {}", words.join(" ")), &mut Notes::default())
            };
            let [one, other] = numbers.each_ref().map(|number| read(number));
            if one.number == numbers[0] {
                prop_assert_eq!(other, Street { number: numbers[1].clone(), ..one });
            }
        }
    }
}
