//! The words that mean something in a street line, looked up once each.

use std::sync::LazyLock;

use hashbrown::HashMap;

const SUFFIXES: &str = include_str!("../../../../../datasets/reference/street_suffixes.csv");
const UNITS: &str = include_str!("../../../../../datasets/reference/unit_designators.csv");

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

/// Ordinals in words, from 1st to 20th; beyond come the tens and a compound (`TWENTY FIRST`).
const ORDINALS: [&str; 20] = [
    "FIRST",
    "SECOND",
    "THIRD",
    "FOURTH",
    "FIFTH",
    "SIXTH",
    "SEVENTH",
    "EIGHTH",
    "NINTH",
    "TENTH",
    "ELEVENTH",
    "TWELFTH",
    "THIRTEENTH",
    "FOURTEENTH",
    "FIFTEENTH",
    "SIXTEENTH",
    "SEVENTEENTH",
    "EIGHTEENTH",
    "NINETEENTH",
    "TWENTIETH",
];

/// Tens as the first word of a compound, and alone as an ordinal, from 20 on.
const TENS: [(&str, &str); 8] = [
    ("TWENTY", "TWENTIETH"),
    ("THIRTY", "THIRTIETH"),
    ("FORTY", "FORTIETH"),
    ("FIFTY", "FIFTIETH"),
    ("SIXTY", "SIXTIETH"),
    ("SEVENTY", "SEVENTIETH"),
    ("EIGHTY", "EIGHTIETH"),
    ("NINETY", "NINETIETH"),
];

/// How a word announces a unit inside a building.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Designator {
    /// Always announces a unit when a value follows: `APT 4B`. The text is kept in the unit where the
    /// word itself is one: `PH 3`.
    Strong(&'static str),
    /// Also a word of street names: `KEY`, `LOT`, `FLOOR`. Announces a unit only with a number, at the
    /// end of the line.
    Weak,
    /// Is a unit without a value, in its short form: `REAR`.
    Bare(&'static str),
}

/// What a word may mean in a street line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Standard abbreviation of a street suffix.
    pub(super) suffix: Option<&'static str>,
    /// Standard abbreviation of a direction.
    pub(super) direction: Option<&'static str>,
    /// Announces a unit.
    pub(super) unit: Option<Designator>,
    /// An ordinal in words: 7 for `SEVENTH`.
    pub(super) ordinal: Option<u8>,
    /// Tens before an ordinal: 20 for `TWENTY`.
    pub(super) tens: Option<u8>,
}

impl Meaning {
    /// That of most words.
    pub(super) const NONE: Self =
        Self { suffix: None, direction: None, unit: None, ordinal: None, tens: None };

    /// Whether a word is a direction and nothing else.
    pub(super) fn is_only_direction(&self) -> bool {
        self.direction.is_some() && Self { direction: None, ..*self } == Self::NONE
    }
}

/// What a word in match form may mean.
pub(super) fn meaning(word: &str) -> &'static Meaning {
    static MEANINGS: LazyLock<HashMap<&str, Meaning>> = LazyLock::new(|| {
        let mut meanings: HashMap<&str, Meaning> = HashMap::new();
        for (word, short) in SUFFIXES.lines().skip(1).filter_map(|line| line.split_once(',')) {
            meanings.entry(word).or_default().suffix = Some(short);
            meanings.entry(short).or_default().suffix = Some(short);
        }
        for (word, short) in DIRECTIONS {
            meanings.entry(word).or_default().direction = Some(short);
            meanings.entry(short).or_default().direction = Some(short);
        }
        for (word, rest) in UNITS.lines().skip(1).filter_map(|line| line.split_once(',')) {
            let unit = match rest.split_once(',') {
                Some(("strong", short)) => Designator::Strong(short),
                Some(("bare", short)) => Designator::Bare(short),
                _ => Designator::Weak,
            };
            meanings.entry(word).or_default().unit = Some(unit);
        }
        for (word, number) in ORDINALS.into_iter().zip(1..) {
            meanings.entry(word).or_default().ordinal = Some(number);
        }
        for ((tens, ordinal), number) in TENS.into_iter().zip((20..).step_by(10)) {
            meanings.entry(tens).or_default().tens = Some(number);
            meanings.entry(ordinal).or_default().ordinal = Some(number);
        }
        meanings
    });
    // Most words that mean nothing are numbers.
    if super::text::begins_with_digit(word) {
        return &Meaning::NONE;
    }
    MEANINGS.get(word).unwrap_or(&Meaning::NONE)
}

/// Whether a word is a number with an ordinal's ending: `7TH`, `21ST`.
pub(super) fn is_ordinal(word: &str) -> bool {
    let digits = word.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let ending = word.get(digits.len()..).unwrap_or_default();
    matches!(ending, "ST" | "ND" | "RD" | "TH") && super::text::is_number(digits)
}

/// Writes a number with its ordinal's ending: `21` becomes `21ST`.
pub(super) fn push_ordinal(text: &mut String, digits: &str) {
    text.push_str(digits);
    let teens = digits.len() >= 2 && digits.as_bytes().get(digits.len() - 2) == Some(&b'1');
    text.push_str(match digits.as_bytes().last() {
        Some(b'1') if !teens => "ST",
        Some(b'2') if !teens => "ND",
        Some(b'3') if !teens => "RD",
        _ => "TH",
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_match_form_and_shortest_forms_stand_for_themselves() {
        for line in SUFFIXES.lines().chain(UNITS.lines()).skip(1) {
            assert_eq!(line.split(',').filter(|it| it.contains(' ')).count(), 0, "{line}");
        }
        for (_, short) in SUFFIXES.lines().skip(1).filter_map(|line| line.split_once(',')) {
            assert_eq!(meaning(short).suffix, Some(short));
        }
        for (word, expected) in
            [("SEVENTH", Some(7)), ("TWENTIETH", Some(20)), ("NINETIETH", Some(90))]
        {
            assert_eq!(meaning(word).ordinal, expected);
        }
        assert_eq!(meaning("NINETY").tens, Some(90));
    }

    #[test]
    fn ordinals_in_figures() {
        for (digits, expected) in [
            ("1", "1ST"),
            ("2", "2ND"),
            ("3", "3RD"),
            ("11", "11TH"),
            ("112", "112TH"),
            ("121", "121ST"),
        ] {
            let mut text = String::new();
            push_ordinal(&mut text, digits);
            assert_eq!(text, expected);
            assert!(is_ordinal(&text));
        }
        assert!(!is_ordinal("12B") && !is_ordinal("ST") && !is_ordinal("1A1ST"));
    }
}
