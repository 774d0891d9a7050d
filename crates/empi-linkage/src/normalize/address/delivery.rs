//! Delivery without a house: boxes, rural and contract routes, military mail; and care-of lines.

use super::line::{Gap, Word, Words};
use super::street::Street;
use super::text::{begins_with_digit, is_number};
use super::unit::{push_value, trim_zeros};

/// Takes `C/O JOHN SMITH` out of a line: before the house number, or behind the street.
pub(super) fn drop_care_of(words: &mut Words<'_>) {
    let starts = |at: usize| {
        let (Some(word), next) = (words.get(at), words.get(at + 1)) else { return false };
        match word.text {
            "C" => next.is_some_and(|next| next.text == "O" && next.gap == Gap::Slash),
            "CARE" => next.is_some_and(|next| next.text == "OF"),
            "ATTN" | "ATTENTION" => true,
            _ => false,
        }
    };
    let Some(at) = (0..words.len()).find(|at| starts(*at)) else { return };
    if at > 0 {
        words.truncate(at);
    } else {
        let house = words.iter().position(|word| begins_with_digit(word.text));
        words.drain(..house.unwrap_or(words.len()));
    }
}

/// Reads a line that names no house. A box beside a house (`45 MAIN ST, PO BOX 12`) is dropped from the
/// words: the house is the better evidence of where somebody lives.
pub(super) fn read_delivery(words: &mut Words<'_>) -> Option<Street> {
    split_attached_box(words);
    if let Some((at, behind)) = find_box(words) {
        if at > 0 && words.first().is_some_and(|word| begins_with_digit(word.text)) {
            words.truncate(at);
            return None;
        }
        let (number, behind) = read_value(words, behind)?;
        let rest = words.get(behind..).unwrap_or_default();
        let names = rest.iter().filter(|word| !is_number(word.text)).count();
        if rest.first().is_some_and(|word| begins_with_digit(word.text)) && names >= 2 {
            words.drain(..behind);
            return None;
        }
        return Some(Street { number, name: "PO BOX".to_owned(), unit: String::new() });
    }
    read_route(words).or_else(|| read_military(words))
}

/// `BOX123` in one word becomes two.
fn split_attached_box(words: &mut Words<'_>) {
    let split = words.iter().enumerate().find_map(|(at, word)| {
        let number = word.text.strip_prefix("POBOX").or_else(|| word.text.strip_prefix("BOX"))?;
        let kind = word.text.strip_suffix(number)?;
        begins_with_digit(number).then_some((at, kind, number))
    });
    if let Some((at, kind, number)) = split
        && let Some(word) = words.get_mut(at)
    {
        *word = Word::new(kind, word.gap);
        words.insert(at + 1, Word::new(number, Gap::Space));
    }
}

fn texts<'a>(words: &[Word<'a>], at: usize) -> [&'a str; 3] {
    [0, 1, 2].map(|offset| words.get(at + offset).map_or("", |word| word.text))
}

/// Where a post-office box is announced, and the place behind the announcement.
fn find_box(words: &[Word<'_>]) -> Option<(usize, usize)> {
    let is_box = |word: &str| matches!(word, "BOX" | "BX" | "BOXES" | "DRAWER" | "BIN" | "CALLER");
    (0..words.len()).find_map(|at| {
        let used = match texts(words, at) {
            ["PO", second, _] if is_box(second) => 2,
            ["P", "O", third] | ["POST", "OFFICE", third] if is_box(third) => 3,
            ["POB", second, _] if is_box(second) => 2,
            ["POBOX" | "POB", ..] => 1,
            ["PO", second, ""] if begins_with_digit(second) => 1,
            ["BOX" | "LOCKBOX" | "DRAWER" | "CALLER", second, _]
                if at == 0 && (begins_with_digit(second) || second == "#") =>
            {
                1
            }
            _ => return None,
        };
        Some((at, at + used))
    })
}

/// The number of a box or route from a place on, and the place behind it.
fn read_value(words: &[Word<'_>], mut at: usize) -> Option<(String, usize)> {
    while words.get(at).is_some_and(|word| matches!(word.text, "#" | "NO" | "NUMBER")) {
        at += 1;
    }
    let mut value = trim_zeros(words.get(at)?.text).to_owned();
    at += 1;
    while let Some(word) = words.get(at).filter(|word| word.gap == Gap::Hyphen) {
        push_value(&mut value, word.text);
        at += 1;
    }
    // `98 D`, when nothing follows.
    if let Some(word) = words.get(at).filter(|word| word.text.len() == 1 && at + 1 == words.len()) {
        push_value(&mut value, word.text);
        at += 1;
    }
    Some((value, at))
}

/// `RR 3 BOX 98D`, `RR 3`, `HC 1 BOX 4`, `STAR ROUTE BOX 12`.
fn read_route(words: &[Word<'_>]) -> Option<Street> {
    let (kind, used, needs_box) = match texts(words, 0) {
        ["RURAL", "ROUTE" | "RTE" | "RT", _] | ["R", "R", _] => ("RR", 2, false),
        ["RR" | "RFD", ..] => ("RR", 1, false),
        ["RD" | "RT" | "RTE" | "ROUTE", ..] => ("RR", 1, true),
        ["HIGHWAY", "CONTRACT", "ROUTE" | "RTE" | "RT"] => ("HC", 3, false),
        ["HIGHWAY", "CONTRACT", _] | ["STAR", "ROUTE" | "RTE" | "RT", _] => ("HC", 2, true),
        ["HC" | "HCR", ..] => ("HC", 1, false),
        _ => return None,
    };
    let rest = words.get(used..).unwrap_or_default();
    let box_at = rest.iter().position(|word| matches!(word.text, "BOX" | "BX"));
    if box_at.is_none() && (needs_box || rest.len() != 1) || box_at.is_some_and(|at| at > 2) {
        return None;
    }
    let mut name = kind.to_owned();
    let route = rest.get(..box_at.unwrap_or(rest.len())).unwrap_or_default();
    for word in route.iter().filter(|word| word.text != "#") {
        if !begins_with_digit(word.text) {
            return None;
        }
        name.push(' ');
        name.push_str(trim_zeros(word.text));
    }
    let number = match box_at {
        Some(at) => read_value(rest, at + 1)?.0,
        None => String::new(),
    };
    Some(Street { number, name, unit: String::new() })
}

/// `PSC 3 BOX 4120`, `UNIT 2050 BOX 4190`.
fn read_military(words: &[Word<'_>]) -> Option<Street> {
    let (["PSC" | "CMR" | "OMC" | "UMR" | "UNIT", number, "BOX"], Some(kind)) =
        (texts(words, 0), words.first())
    else {
        return None;
    };
    let (value, _) = read_value(words, 3)?;
    let name = is_number(number).then(|| format!("{} {}", kind.text, trim_zeros(number)))?;
    Some(Street { number: value, name, unit: String::new() })
}

/// Whether a street's name in match form is a delivery whose number is that of a box.
pub(super) fn is_boxed(name: &str) -> bool {
    let (kind, route) = name.split_once(' ').unwrap_or((name, ""));
    match kind {
        "HC" => route.is_empty() || begins_with_digit(route) && !route.contains(' '),
        "RR" | "PSC" | "CMR" | "OMC" | "UMR" | "UNIT" => {
            begins_with_digit(route) && !route.contains(' ')
        }
        _ => false,
    }
}
