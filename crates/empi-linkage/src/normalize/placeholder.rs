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
    beginnings: Vec<&'static str>,
    ends: Vec<&'static str>,
}

static PATTERNS: LazyLock<[Patterns; Kind::COUNT]> = LazyLock::new(|| {
    let mut patterns: [Patterns; Kind::COUNT] = Default::default();
    for (kind, value) in TABLE.lines().skip(1).filter_map(|line| line.split_once(',')) {
        let Some(kind) = Kind::from_name(kind).and_then(|kind| patterns.get_mut(kind as usize))
        else {
            continue;
        };
        if let Some(beginning) = value.strip_suffix('*') {
            kind.beginnings.push(beginning);
        } else if let Some(end) = value.strip_prefix('*') {
            kind.ends.push(end);
        } else {
            kind.whole.insert(value);
        }
    }
    patterns
});

/// Whether a value in match form stands for nothing.
pub(super) fn is_placeholder(kind: Kind, value: &str) -> bool {
    let Some(patterns) = PATTERNS.get(kind as usize) else { return false };
    patterns.whole.contains(value)
        || patterns.beginnings.iter().any(|beginning| value.starts_with(beginning))
        || patterns.ends.iter().any(|end| value.ends_with(end))
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
