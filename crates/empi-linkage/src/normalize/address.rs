//! Postal addresses in match form, by USPS Publication 28 and Project US@; other countries' addresses
//! keep their words.

use std::sync::LazyLock;

use empi_model::{NormalizedAddress, PatientText, PostalAddress, QualityNote, RecordField};
use hashbrown::HashMap;

use super::placeholder::{Kind, is_placeholder};
use super::{Notes, normalize_text, text};

const SUFFIXES: &str = include_str!("../../../../datasets/reference/street_suffixes.csv");
const STATES: &str = include_str!("../../../../datasets/reference/us_states.csv");

const DIRECTIONS: [(&str, &str); 8] = [
    ("NORTH", "N"),
    ("SOUTH", "S"),
    ("EAST", "E"),
    ("WEST", "W"),
    ("NORTHEAST", "NE"),
    ("NORTHWEST", "NW"),
    ("SOUTHEAST", "SE"),
    ("SOUTHWEST", "SW"),
];

/// Words before a unit's number.
const UNITS: [&str; 24] = [
    "APT",
    "APARTMENT",
    "UNIT",
    "STE",
    "SUITE",
    "FL",
    "FLOOR",
    "RM",
    "ROOM",
    "BLDG",
    "BUILDING",
    "LOT",
    "TRLR",
    "TRAILER",
    "SPC",
    "SPACE",
    "FLAT",
    "DEPT",
    "HNGR",
    "PIER",
    "SLIP",
    "STOP",
    "KEY",
    "NO",
];

/// Units that have no number.
const BARE_UNITS: [&str; 10] =
    ["BSMT", "BASEMENT", "REAR", "FRNT", "FRONT", "LOWR", "LOWER", "UPPR", "UPPER", "PH"];

const ORDINALS: [(&str, &str); 12] = [
    ("FIRST", "1ST"),
    ("SECOND", "2ND"),
    ("THIRD", "3RD"),
    ("FOURTH", "4TH"),
    ("FIFTH", "5TH"),
    ("SIXTH", "6TH"),
    ("SEVENTH", "7TH"),
    ("EIGHTH", "8TH"),
    ("NINTH", "9TH"),
    ("TENTH", "10TH"),
    ("ELEVENTH", "11TH"),
    ("TWELFTH", "12TH"),
];

/// States whose ZIP codes begin with 0, which spreadsheets drop.
const ZERO_STATES: [&str; 9] = ["CT", "MA", "ME", "NH", "NJ", "RI", "VT", "PR", "VI"];

/// Normalises one address; `None` when nothing usable is left.
pub(super) fn normalize_address(
    address: &PostalAddress,
    notes: &mut Notes,
) -> Option<NormalizedAddress> {
    let street = read_street(address.street.as_ref(), notes);
    let unit = address.unit.as_ref().map(|unit| read_unit(unit.expose())).unwrap_or_default();
    let state = normalize_state(address.state.as_ref(), notes);
    let normalized = NormalizedAddress {
        number: PatientText::non_blank(&street.number),
        street: PatientText::non_blank(&street.name),
        unit: PatientText::non_blank(if unit.is_empty() { &street.unit } else { &unit }),
        city: normalize_city(address.city.as_ref(), notes),
        postal_code: normalize_postal_code(address.postal_code.as_ref(), state.as_ref(), notes),
        state,
    };
    (normalized != NormalizedAddress::default()).then_some(normalized)
}

/// A street line taken apart.
#[derive(Debug, Default)]
struct Street {
    number: String,
    name: String,
    unit: String,
}

fn read_street(line: Option<&PatientText>, notes: &mut Notes) -> Street {
    let Some(line) = line else { return Street::default() };
    let folded = text::fold(&line.expose().replace('#', " UNIT "));
    if is_placeholder(Kind::Address, &folded) {
        notes.add(QualityNote::Placeholder(RecordField::Street));
        return Street::default();
    }
    let mut tokens: Vec<&str> = folded.split(' ').filter(|token| !token.is_empty()).collect();
    if let Some(street) = read_box(&tokens) {
        return street;
    }
    let unit = take_unit(&mut tokens);
    let number = take_number(&mut tokens);
    Street { number, name: street_name(&tokens), unit }
}

/// `PO BOX 12`, `RR 3 BOX 98D`, `HC 1 BOX 4`.
fn read_box(tokens: &[&str]) -> Option<Street> {
    let joined = tokens.join(" ");
    let after = |beginnings: &[&str]| {
        let rest = beginnings.iter().find_map(|it| joined.strip_prefix(it));
        rest.filter(|rest| rest.starts_with(' ')).map(|rest| rest.trim_start().to_owned())
    };
    if let Some(rest) = after(&["PO BOX", "P O BOX", "POST OFFICE BOX", "POB", "BOX"]) {
        let number = rest.split(' ').next().unwrap_or_default().trim_start_matches('0').to_owned();
        return Some(Street { number, name: "PO BOX".to_owned(), unit: String::new() });
    }
    let routes: [(&str, &[&str]); 2] = [
        ("RR", &["RR", "RFD", "RURAL ROUTE", "R R", "RURAL RTE"]),
        ("HC", &["HC", "HIGHWAY CONTRACT", "STAR ROUTE"]),
    ];
    for (kind, beginnings) in routes {
        let Some(rest) = after(beginnings) else { continue };
        let (route, number) = rest.split_once(" BOX ")?;
        let route = route.trim_start_matches('0');
        let number = number.split(' ').next().unwrap_or_default().to_owned();
        return Some(Street { number, name: format!("{kind} {route}"), unit: String::new() });
    }
    None
}

/// Takes the unit out of a street line: `APT 4B` behind, `FLAT 3` before, `UNIT` for `#`.
fn take_unit(tokens: &mut Vec<&str>) -> String {
    let words = tokens.len();
    let numbered = (0..words).find(|at| {
        let is_word = tokens.get(*at).is_some_and(|it| UNITS.contains(it));
        let has_value = tokens.get(at + 1).is_some_and(|it| is_unit_value(it));
        // `NO` and `KEY` are also streets' words: they count only before a number.
        is_word && has_value && words > 2
    });
    if let Some(at) = numbered {
        let mut unit = String::new();
        let mut end = at + 1;
        // `APT UNIT 4` comes from `APT #4`.
        while tokens.get(end).is_some_and(|it| UNITS.contains(it)) {
            end += 1;
        }
        unit.push_str(tokens.get(end).copied().unwrap_or_default());
        // A single letter behind the number belongs to it: `APT 4 B`, unless a street begins there.
        if at > 0 && tokens.get(end + 1).is_some_and(|it| it.len() == 1) && end + 2 == words {
            unit.push_str(tokens.get(end + 1).copied().unwrap_or_default());
            end += 1;
        }
        tokens.drain(at..=end.min(words - 1));
        return unit;
    }
    let last_is_bare = words > 2 && tokens.last().is_some_and(|it| BARE_UNITS.contains(it));
    if last_is_bare { tokens.pop().unwrap_or_default().to_owned() } else { String::new() }
}

fn is_unit_value(token: &str) -> bool {
    let has_digit = token.bytes().any(|byte| byte.is_ascii_digit());
    has_digit || token.len() == 1 || UNITS.contains(&token)
}

fn read_unit(unit: &str) -> String {
    let folded = text::fold(&unit.replace('#', " "));
    let tokens: Vec<&str> = folded.split(' ').collect();
    let start = tokens.iter().position(|it| !UNITS.contains(it)).unwrap_or(tokens.len());
    tokens.get(start..).unwrap_or_default().concat()
}

/// Takes the house number: `12`, `12A`, `34 12` for `34-12`, `12 1 2` for `12 1/2`.
fn take_number(tokens: &mut Vec<&str>) -> String {
    let starts_with_digit = |token: &&str| token.starts_with(|it: char| it.is_ascii_digit());
    let is_number = |token: &&str| starts_with_digit(token) && !is_ordinal(token);
    let mut count = 0;
    while count + 1 < tokens.len().max(2) && tokens.get(count).is_some_and(is_number) && count < 3 {
        count += 1;
    }
    // `12 7 AVE` is a number and a street named 7: something must be left that has a name.
    while count > 1 && tokens.get(count).is_none_or(|it| suffix_of(it).is_some()) {
        count -= 1;
    }
    let number: Vec<&str> = tokens.drain(..count.min(tokens.len())).collect();
    number.join(" ").trim_start_matches('0').to_owned()
}

fn is_ordinal(token: &str) -> bool {
    let digits = token.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    matches!(token.get(digits.len()..), Some("ST" | "ND" | "RD" | "TH")) && !digits.is_empty()
}

/// The street's name with directionals and suffix abbreviated.
fn street_name(tokens: &[&str]) -> String {
    let direction = |token: &str| {
        let found = DIRECTIONS.iter().find(|(word, short)| token == *word || token == *short);
        found.map(|(_, short)| *short)
    };
    let count = tokens.len();
    let mut words: Vec<&str> = Vec::with_capacity(count);
    // The suffix is the last word, or the last but one before a directional.
    let behind = tokens.last().and_then(|it| direction(it)).filter(|_| count > 2);
    let suffix_at = count.checked_sub(if behind.is_some() { 2 } else { 1 });
    for (at, token) in tokens.iter().enumerate() {
        let is_first = at == 0 && count > 1 && !(count == 2 && suffix_of(tokens[1]).is_some());
        let word = match *token {
            _ if at + 1 == count && behind.is_some() => behind,
            _ if is_first && direction(token).is_some() => direction(token),
            _ if Some(at) == suffix_at && at > 0 => suffix_of(token),
            "HWY" | "HIWAY" | "HIGHWY" => Some("HIGHWAY"),
            "RTE" | "RT" => Some("ROUTE"),
            "SAINT" => Some("ST"),
            _ => ORDINALS.iter().find(|(word, _)| word == token).map(|(_, short)| *short),
        };
        words.push(word.unwrap_or(token));
    }
    words.join(" ")
}

/// The standard abbreviation of a street suffix.
fn suffix_of(token: &str) -> Option<&'static str> {
    static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| pairs(SUFFIXES).collect());
    TABLE.get(token).copied()
}

fn pairs(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().skip(1).filter_map(|line| line.split_once(','))
}

fn normalize_state(value: Option<&PatientText>, notes: &mut Notes) -> Option<PatientText> {
    static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| pairs(STATES).collect());
    let state = normalize_text(value, Kind::Address, RecordField::State, notes)?;
    match TABLE.get(state.expose()) {
        Some(code) => Some(PatientText::new(*code)),
        None => Some(state),
    }
}

/// A city, with the words that are written both ways abbreviated.
fn normalize_city(value: Option<&PatientText>, notes: &mut Notes) -> Option<PatientText> {
    let city = normalize_text(value, Kind::Address, RecordField::City, notes)?;
    let (first, rest) = city.expose().split_once(' ').unwrap_or((city.expose(), ""));
    let short = match first {
        "SAINT" => "ST",
        "SAINTE" => "STE",
        "MOUNT" => "MT",
        "FORT" => "FT",
        "NORTH" => "N",
        "SOUTH" => "S",
        "EAST" => "E",
        "WEST" => "W",
        _ => return Some(city),
    };
    if rest.is_empty() { Some(city) } else { Some(PatientText::new(format!("{short} {rest}"))) }
}

/// Five digits for the United States, else letters and digits as written.
fn normalize_postal_code(
    value: Option<&PatientText>,
    state: Option<&PatientText>,
    notes: &mut Notes,
) -> Option<PatientText> {
    let code: String = text::fold(value?.expose()).chars().filter(|it| *it != ' ').collect();
    let is_number = code.bytes().all(|byte| byte.is_ascii_digit());
    let is_nothing = is_number && (code.bytes().all(|byte| byte == b'0') || code == "99999");
    if code.is_empty() {
        return None;
    }
    if is_nothing || is_placeholder(Kind::Address, &code) {
        notes.add(QualityNote::Placeholder(RecordField::PostalCode));
        return None;
    }
    let zero_dropped = state.is_some_and(|state| ZERO_STATES.contains(&state.expose()));
    Some(match code.len() {
        9 if is_number => PatientText::new(code.get(..5).unwrap_or(&code)),
        8 if is_number && zero_dropped => {
            PatientText::new(format!("0{}", code.get(..4).unwrap_or(&code)))
        }
        4 if is_number && zero_dropped => PatientText::new(format!("0{code}")),
        _ => PatientText::new(code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streets() {
        for (line, expected) in [
            ("12 Elm Street", "12|ELM ST|"),
            ("12 elm st.", "12|ELM ST|"),
            ("123 North Main Street Apt 4B", "123|N MAIN ST|4B"),
            ("123 N. Main St #4 B", "123|N MAIN ST|4B"),
            ("123 Main St Apt # 4", "123|MAIN ST|4"),
            ("45 North St", "45|NORTH ST|"),
            ("45 Martin Luther King Boulevard NW", "45|MARTIN LUTHER KING BLVD NW|"),
            ("200 Seventh Avenue", "200|7TH AVE|"),
            ("200 7th Ave", "200|7TH AVE|"),
            ("34-12 Bell Boulevard", "34 12|BELL BLVD|"),
            ("12 1/2 Oak Lane", "12 1 2|OAK LN|"),
            ("P.O. Box 0456", "456|PO BOX|"),
            ("RR 3 Box 98D", "98D|RR 3|"),
            ("Rural Route 3 Box 98D", "98D|RR 3|"),
            ("Flat 3, 12 Bell Street", "12|BELL ST|3"),
            ("12 Main St Rear", "12|MAIN ST|REAR"),
            ("US Hwy 44", "|US HIGHWAY 44|"),
            ("Homeless", "||"),
            ("Broadway", "|BROADWAY|"),
            ("6 tullaroop street", "6|TULLAROOP ST|"),
            ("12", "12||"),
        ] {
            let street = read_street(Some(&PatientText::new(line)), &mut Notes::default());
            let Street { number, name, unit } = street;
            assert_eq!(format!("{number}|{name}|{unit}"), expected, "{line}");
        }
    }

    #[test]
    fn places() {
        for (city, state, code, expected) in [
            ("Saint Louis", "Missouri", "63101-1234", "ST LOUIS|MO|63101"),
            ("Boston", "MA", "2139", "BOSTON|MA|02139"),
            ("Boston", "ma", "021391234", "BOSTON|MA|02139"),
            ("Sydney", "nsw", "2000", "SYDNEY|NSW|2000"),
            ("London", "", "SW1A 1AA", "LONDON||SW1A1AA"),
            ("Unknown", "", "00000", "||"),
        ] {
            let address = PostalAddress {
                city: PatientText::non_blank(city),
                state: PatientText::non_blank(state),
                postal_code: PatientText::non_blank(code),
                ..PostalAddress::default()
            };
            let address = normalize_address(&address, &mut Notes::default()).unwrap_or_default();
            let shown = [address.city, address.state, address.postal_code]
                .map(|part| part.map_or_else(String::new, PatientText::into_exposed));
            assert_eq!(shown.join("|"), expected);
        }
    }
}
