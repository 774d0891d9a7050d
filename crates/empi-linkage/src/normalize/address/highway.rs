//! Numbered roads under one name each (Project US@): `HWY 64`, `CR 441`, `I-10`, `KY 1207`.

use super::line::Word;
use super::place::state_code;
use super::text::begins_with_digit;

/// The standard name of a numbered road at the beginning of a street's name, and how many words it has
/// there; `None` when no such road begins there.
pub(super) fn read_highway(words: &[Word<'_>]) -> Option<(String, usize)> {
    let first = words.first()?.text;
    if let Some((kind, number)) = split_attached(first) {
        return Some((format!("{} {number}", kind_alone(kind)?), 1));
    }
    if !words.get(1..)?.iter().take(4).any(|word| is_route(word.text)) {
        return None;
    }
    if let Some((kind, used)) = kind_at(words) {
        return numbered(words, kind, used);
    }
    // `KY 1207`, `KENTUCKY HWY 189`, `CALIFORNIA COUNTY ROAD 555`.
    let code = state_code(first)?;
    let rest = words.get(1..)?;
    let (road, used) = match kind_at(rest) {
        Some((kind, used)) => numbered(rest, kind, used)?,
        None => numbered(rest, "HIGHWAY", 0).filter(|_| is_whole(rest, 1))?,
    };
    Some((format!("{code} {road}"), used + 1))
}

/// A kind of road with the number behind it.
fn numbered(words: &[Word<'_>], kind: &str, used: usize) -> Option<(String, usize)> {
    let number = words.get(used).filter(|word| is_route(word.text))?;
    let mut name = format!("{kind} {}", number.text);
    let mut used = used + 1;
    // `COUNTY ROAD 39.4`
    if let Some(word) = words.get(used).filter(|word| begins_with_digit(word.text)) {
        name.push(' ');
        name.push_str(word.text);
        used += 1;
    }
    Some((name, used))
}

/// Whether nothing but directions stands from a place on.
fn is_whole(words: &[Word<'_>], from: usize) -> bool {
    let mut rest = words.get(from..).unwrap_or_default().iter();
    rest.all(|word| word.meaning.direction.is_some())
}

/// The number of a road: `64`, `60E`, `A1A`.
fn is_route(word: &str) -> bool {
    word.len() <= 6
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && !super::words::is_ordinal(word)
}

/// The kind of road that the words announce, and how many announce it.
fn kind_at(words: &[Word<'_>]) -> Option<(&'static str, usize)> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text);
    let is_highway = |word: &str| super::words::meaning(word).suffix == Some("HWY");
    let is_road = |word: &str| matches!(word, "ROAD" | "RD");
    let is_way = |word: &str| matches!(word, "ROUTE" | "RTE" | "RT");
    Some(match (text(0), text(1), text(2)) {
        ("COUNTY" | "CNTY" | "CO", second, _) if is_highway(second) => ("COUNTY HIGHWAY", 2),
        ("COUNTY" | "CNTY" | "CO", second, _) if is_road(second) => ("COUNTY ROAD", 2),
        ("COUNTY" | "CNTY" | "CO", second, _) if is_way(second) => ("COUNTY ROUTE", 2),
        ("FARM", "TO", "MARKET") if is_road(text(3)) => ("FM", 4),
        ("FARM", "TO", "MARKET") => ("FM", 3),
        ("FM", second, _) if is_road(second) => ("FM", 2),
        (first, "FM", _) if is_highway(first) => ("FM", 2),
        ("INTERSTATE" | "IH" | "I", second, _) if is_highway(second) => ("INTERSTATE", 2),
        ("US" | "USA", second, _) if is_highway(second) || is_way(second) => ("US HIGHWAY", 2),
        ("U", "S", third) if is_highway(third) || is_way(third) => ("US HIGHWAY", 3),
        ("U", "S", _) => ("US HIGHWAY", 2),
        ("STATE" | "ST", second, _) if is_highway(second) => ("STATE HIGHWAY", 2),
        ("STATE" | "ST", second, _) if is_road(second) => ("STATE ROAD", 2),
        ("STATE" | "ST", second, _) if is_way(second) => ("STATE ROUTE", 2),
        ("TOWNSHIP" | "TWP", second, _) if is_road(second) => ("TOWNSHIP ROAD", 2),
        ("RANCH", second, _) if is_road(second) => ("RANCH ROAD", 2),
        (first, ..) => (kind_alone(first)?, 1),
    })
}

/// The kind of road that one word announces.
fn kind_alone(word: &str) -> Option<&'static str> {
    Some(match word {
        "CR" => "COUNTY ROAD",
        "FM" => "FM",
        "I" | "IH" | "INTERSTATE" => "INTERSTATE",
        "US" => "US HIGHWAY",
        "SR" => "STATE ROAD",
        "SH" => "STATE HIGHWAY",
        "TSR" | "TR" => "TOWNSHIP ROAD",
        "RD" | "ROAD" => "ROAD",
        "ROUTE" | "RTE" | "RT" => "ROUTE",
        "EXPRESSWAY" => "EXPRESSWAY",
        _ if super::words::meaning(word).suffix == Some("HWY") => "HIGHWAY",
        _ => return None,
    })
}

/// `I10`, `CR441`, `US44`: kind and number in one word.
fn split_attached(word: &str) -> Option<(&str, &str)> {
    let number = word.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    let kind = word.get(..word.len() - number.len())?;
    let is_kind =
        matches!(kind, "I" | "IH" | "CR" | "FM" | "US" | "SR" | "SH" | "HWY" | "RT" | "RTE");
    (is_kind && super::text::is_number(number)).then_some((kind, number))
}
