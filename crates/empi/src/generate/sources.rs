//! The habits of source systems: how each writes names, dates and numbers, and what it never asks.

use super::calendar::Date;
use super::places::{Address, AddressLine};

/// The most source systems: one letter each.
pub(super) const SOURCES_MAX: u8 = 26;

/// How letters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    Upper,
    Title,
    Lower,
}

/// How dates are written. Never day first: the generated file is one of US sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dates {
    /// 1980-03-25
    Iso,
    /// 03/25/1980
    Us,
    /// 3/25/1980
    UsShort,
    /// 19800325
    Compact,
}

/// How ten digits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phones {
    /// 317-555-0123
    Dashed,
    /// (317) 555-0123
    Bracketed,
    /// 3175550123
    Plain,
    /// +13175550123
    Country,
}

/// How one source system writes its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// What the column `source` says.
    pub(super) name: String,
    letters: Letters,
    dates: Dates,
    phones: Phones,
    ssn_dashes: bool,
    /// Whether street kinds and directions are abbreviated.
    abbreviates: bool,
    /// Whether the apartment has a column of its own.
    unit_apart: bool,
    /// Whether sex is written as a word.
    sex_in_words: bool,
    /// Whether only the initial of the middle name is kept.
    pub(super) middle_initial_only: bool,
    /// Whether a former family name is kept beside the current one.
    pub(super) keeps_former_names: bool,
    /// Whether MRNs are kept; a laboratory knows its patients by their senders' numbers.
    pub(super) has_mrn: bool,
    /// Whether the first source's MRN is kept beside its own.
    pub(super) quotes_first_source: bool,
    /// Whether e-mail, insurance, mother's maiden name and birth place are asked for.
    pub(super) asks_everything: bool,
    /// The source's own telephone number, which ends up in records of patients without one.
    pub(super) own_phone: u64,
    /// How a newborn without a name is called.
    pub(super) newborn_style: NewbornStyle,
}

/// How a newborn without a name is called, in the ways that standards and customs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewbornStyle {
    /// `BABY GIRL`, twins `BABY GIRL A`
    BabyGirl,
    /// `BABYGIRL`, twins `BABYGIRL1`
    Joined,
    /// `GirlMarie`, twins `Girl1Marie`: after the mother (AHIMA)
    AfterMother,
    /// `BG`, twins `TWIN A`
    Initials,
}

impl Source {
    /// The source of that number, 0 to 25. Hospital, clinic, laboratory, practice and pharmacy take
    /// turns.
    pub(super) fn of(index: u8) -> Self {
        let letter = char::from(b'a' + index.min(SOURCES_MAX - 1));
        let hospital = Self {
            name: format!("hospital-{letter}"),
            letters: Letters::Upper,
            dates: Dates::Iso,
            phones: Phones::Dashed,
            ssn_dashes: true,
            abbreviates: true,
            unit_apart: true,
            sex_in_words: false,
            middle_initial_only: false,
            keeps_former_names: true,
            has_mrn: true,
            quotes_first_source: false,
            asks_everything: true,
            own_phone: 3_172_740_000 + u64::from(index) * 1_111,
            newborn_style: NewbornStyle::BabyGirl,
        };
        match index % 5 {
            0 => hospital,
            1 => Self {
                name: format!("clinic-{letter}"),
                letters: Letters::Title,
                dates: Dates::Us,
                phones: Phones::Bracketed,
                abbreviates: false,
                unit_apart: false,
                keeps_former_names: false,
                newborn_style: NewbornStyle::AfterMother,
                ..hospital
            },
            2 => Self {
                name: format!("lab-{letter}"),
                dates: Dates::Compact,
                phones: Phones::Plain,
                ssn_dashes: false,
                middle_initial_only: true,
                keeps_former_names: false,
                has_mrn: false,
                quotes_first_source: true,
                asks_everything: false,
                newborn_style: NewbornStyle::Initials,
                ..hospital
            },
            3 => Self {
                name: format!("practice-{letter}"),
                letters: Letters::Title,
                phones: Phones::Country,
                sex_in_words: true,
                newborn_style: NewbornStyle::Joined,
                ..hospital
            },
            _ => Self {
                name: format!("pharmacy-{letter}"),
                letters: Letters::Lower,
                dates: Dates::UsShort,
                phones: Phones::Plain,
                ssn_dashes: false,
                unit_apart: false,
                middle_initial_only: true,
                keeps_former_names: false,
                asks_everything: false,
                ..hospital
            },
        }
    }

    /// A text in upper case as the source writes its letters.
    pub(super) fn letters(&self, text: &str) -> String {
        match self.letters {
            Letters::Upper => text.to_owned(),
            Letters::Lower => text.to_ascii_lowercase(),
            Letters::Title => in_title_case(text),
        }
    }

    pub(super) fn date(&self, Date { year, month, day }: Date) -> String {
        match self.dates {
            Dates::Iso => format!("{year:04}-{month:02}-{day:02}"),
            Dates::Us => format!("{month:02}/{day:02}/{year:04}"),
            Dates::UsShort => format!("{month}/{day}/{year:04}"),
            Dates::Compact => format!("{year:04}{month:02}{day:02}"),
        }
    }

    /// Ten digits as the source writes telephone numbers.
    pub(super) fn phone(&self, digits: &str) -> String {
        let (area, rest) = digits.split_at_checked(3).unwrap_or((digits, ""));
        let (exchange, line) = rest.split_at_checked(3).unwrap_or((rest, ""));
        match self.phones {
            Phones::Dashed => format!("{area}-{exchange}-{line}"),
            Phones::Bracketed => format!("({area}) {exchange}-{line}"),
            Phones::Plain => digits.to_owned(),
            Phones::Country => format!("+1{digits}"),
        }
    }

    /// Nine digits as the source writes SSNs.
    pub(super) fn ssn(&self, digits: &str) -> String {
        match digits.split_at_checked(3).map(|(area, rest)| (area, rest.split_at_checked(2))) {
            Some((area, Some((group, serial)))) if self.ssn_dashes && digits.len() == 9 => {
                format!("{area}-{group}-{serial}")
            }
            _ => digits.to_owned(),
        }
    }

    pub(super) fn sex(&self, is_female: bool) -> String {
        let word = match (self.sex_in_words, is_female) {
            (true, true) => "Female",
            (true, false) => "Male",
            (false, true) => "F",
            (false, false) => "M",
        };
        word.to_owned()
    }

    /// The line above the city, and the unit where the source keeps that apart. In upper case.
    pub(super) fn street(&self, address: &Address) -> (String, Option<String>) {
        let form = |(long, short): (&'static str, &'static str)| {
            if self.abbreviates { short } else { long }
        };
        match &address.line {
            AddressLine::Box(number) => {
                (format!("{} {number}", form(("P.O. BOX", "PO BOX"))), None)
            }
            AddressLine::Street { number, direction, name, kind, unit } => {
                let direction =
                    direction.map(|both| format!("{} ", form(both))).unwrap_or_default();
                let street = format!("{number} {direction}{name} {}", form(*kind));
                match unit {
                    Some(unit) if self.unit_apart => (street, Some(format!("APT {unit}"))),
                    Some(unit) if self.abbreviates => (format!("{street} #{unit}"), None),
                    Some(unit) => (format!("{street} APT {unit}"), None),
                    None => (street, None),
                }
            }
        }
    }
}

/// `MARY ANN` to `Mary Ann`, `MCDONALD` to `McDonald`, `12 OAK ST` to `12 Oak St`.
fn in_title_case(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut word_letters = 0;
    let mut word = "";
    for (at, letter) in text.char_indices() {
        if word_letters == 0 {
            word = text.get(at..).unwrap_or_default();
        }
        let is_part = letter.is_ascii_alphanumeric();
        let after_mc = word_letters == 2 && word.starts_with("MC") && word.len() > 4;
        if word_letters == 0 || after_mc {
            written.push(letter);
        } else {
            written.push(letter.to_ascii_lowercase());
        }
        word_letters = if is_part { word_letters + 1 } else { 0 };
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_a_name_and_habits_of_its_own() {
        let names: Vec<String> = (0..6).map(|index| Source::of(index).name).collect();
        assert_eq!(
            names,
            ["hospital-a", "clinic-b", "lab-c", "practice-d", "pharmacy-e", "hospital-f"]
        );
        let date = Date { year: 1980, month: 3, day: 5 };
        let dates: Vec<String> = (0..5).map(|index| Source::of(index).date(date)).collect();
        assert_eq!(dates, ["1980-03-05", "03/05/1980", "19800305", "1980-03-05", "3/5/1980"]);
        let phones: Vec<String> = (0..4).map(|i| Source::of(i).phone("3175550123")).collect();
        assert_eq!(phones, ["317-555-0123", "(317) 555-0123", "3175550123", "+13175550123"]);
        assert_eq!(Source::of(0).ssn("123456789"), "123-45-6789");
        assert_eq!(Source::of(0).ssn("6789"), "6789");
        assert_eq!(Source::of(2).ssn("123456789"), "123456789");
    }

    #[test]
    fn title_case_knows_names() {
        for (text, expected) in [
            ("MARY ANN", "Mary Ann"),
            ("SMITH-JONES", "Smith-Jones"),
            ("MCDONALD", "McDonald"),
            ("MCCOY-MCGEE", "McCoy-McGee"),
            ("12 OAK ST", "12 Oak St"),
            ("1ST", "1st"),
            ("SM1TH", "Sm1th"),
            ("", ""),
        ] {
            assert_eq!(in_title_case(text), expected);
        }
    }
}
