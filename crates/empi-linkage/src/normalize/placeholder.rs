//! Values that mean "not known": tables of whole values, by kind of field.
//!
//! The values are those of `datasets/reference/placeholders.csv` (`kind,value`), in match form. A `*` at
//! the end of a value matches anything that follows, at the beginning anything that precedes.

use std::sync::LazyLock;

use hashbrown::HashSet;

const TABLE: &str = include_str!("../../../../datasets/reference/placeholders.csv");

/// A kind of field with placeholders of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Given, family and other names.
    Name,
    /// Family names only: names that are somebody's given name.
    FamilyName,
    /// Birth dates as `YYYYMMDD`.
    BirthDate,
    /// Nine digits of a Social Security number.
    Ssn,
    /// Digits of a telephone number.
    Phone,
    /// E-mail addresses, in lower case.
    Email,
    /// Street lines and places.
    Address,
    /// Postal codes.
    PostalCode,
    /// Identifiers.
    Identifier,
}

impl Kind {
    const COUNT: usize = 9;

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Name,
            "family_name" => Self::FamilyName,
            "birth_date" => Self::BirthDate,
            "ssn" => Self::Ssn,
            "phone" => Self::Phone,
            "email" => Self::Email,
            "address" => Self::Address,
            "postal_code" => Self::PostalCode,
            "identifier" => Self::Identifier,
            _ => return None,
        })
    }
}

/// The placeholders of one kind.
#[derive(Default)]
struct Patterns {
    whole: HashSet<&'static str>,
    /// By the first letter, how long whole placeholders are, one bit for each length: so that most values
    /// need not be looked up.
    lengths: Vec<u64>,
    beginnings: Vec<&'static str>,
    ends: Vec<&'static str>,
}

impl Patterns {
    fn add(&mut self, value: &'static str) {
        if let Some(beginning) = value.strip_suffix('*') {
            self.beginnings.push(beginning);
        } else if let Some(end) = value.strip_prefix('*') {
            self.ends.push(end);
        } else {
            self.whole.insert(value);
            let first = first_letter(value);
            self.lengths.resize(self.lengths.len().max(first + 1), 0);
            if let Some(lengths) = self.lengths.get_mut(first) {
                *lengths |= length_bit(value);
            }
        }
    }

    fn holds(&self, value: &str) -> bool {
        let lengths = self.lengths.get(first_letter(value)).copied().unwrap_or_default();
        (lengths & length_bit(value) != 0 && self.whole.contains(value))
            || self.beginnings.iter().any(|beginning| value.starts_with(beginning))
            || self.ends.iter().any(|end| value.ends_with(end))
    }
}

fn first_letter(value: &str) -> usize {
    value.bytes().next().map_or(0, usize::from)
}

/// One bit for the length of a value, the last for all that are longer.
fn length_bit(value: &str) -> u64 {
    1 << value.len().min(63)
}

static PATTERNS: LazyLock<[Patterns; Kind::COUNT]> = LazyLock::new(|| {
    let mut patterns: [Patterns; Kind::COUNT] = Default::default();
    for (kind, value) in TABLE.lines().skip(1).filter_map(|line| line.split_once(',')) {
        if let Some(kind) = Kind::from_name(kind).and_then(|kind| patterns.get_mut(kind as usize)) {
            kind.add(value);
        }
    }
    patterns
});

/// Whether a value in match form stands for nothing.
pub(super) fn is_placeholder(kind: Kind, value: &str) -> bool {
    PATTERNS.get(kind as usize).is_some_and(|patterns| patterns.holds(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        let read: usize =
            PATTERNS.iter().map(|it| it.whole.len() + it.beginnings.len() + it.ends.len()).sum();
        assert_eq!(read, TABLE.lines().count() - 1, "an unknown kind or a repeated row");
        assert!(PATTERNS.iter().all(|it| !it.whole.is_empty() || !it.beginnings.is_empty()));
    }

    #[test]
    fn no_line_with_a_house_number_is_a_placeholder() {
        // Streets are remembered without their number: `known.rs` counts on it.
        let addresses = &PATTERNS[Kind::Address as usize];
        assert!(addresses.ends.is_empty());
        let mut begins = addresses.whole.iter().chain(&addresses.beginnings);
        assert!(begins.all(|value| !value.starts_with(|letter: char| letter.is_ascii_digit())));
    }

    #[test]
    fn placeholders_by_kind() {
        for (kind, value, expected) in [
            (Kind::Name, "UNKNOWN", true),
            (Kind::Name, "ZZTEST", true),
            (Kind::Name, "ZZTESTPATIENT", true),
            (Kind::Name, "TESTA", false),
            (Kind::Name, "DOE", false),
            (Kind::FamilyName, "DOE", true),
            (Kind::Address, "HOMELESS", true),
            (Kind::Address, "UNKNOWN ST", false),
            (Kind::Email, "none@none.com", true),
            (Kind::Email, "declined@hospital.org", true),
            (Kind::Email, "robert@none.com", true),
            (Kind::Identifier, "PENDING", true),
            (Kind::Identifier, "10", false),
        ] {
            assert_eq!(is_placeholder(kind, value), expected, "{value}");
        }
    }
}
