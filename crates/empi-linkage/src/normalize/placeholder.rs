//! Values that mean "not known": tables of whole values, by kind of field.
//!
//! The values are those of `datasets/reference/placeholders.csv` (`kind,value`), in match form. A `*` at
//! the end of a value matches anything that follows, at the beginning anything that precedes.

use std::sync::LazyLock;

use hashbrown::HashSet;

const TABLE: &str = include_str!("../../../../datasets/reference/placeholders.csv");

/// A kind of field with placeholders of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Given, family and other names.
    Name,
    /// Street lines and places.
    Address,
    /// E-mail addresses, in lower case.
    Email,
    /// Identifiers.
    Identifier,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Email => "email",
            Self::Identifier => "identifier",
        }
    }
}

struct Patterns {
    whole: HashSet<(&'static str, &'static str)>,
    beginnings: Vec<(&'static str, &'static str)>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let mut patterns = Patterns { whole: HashSet::new(), beginnings: Vec::new() };
    for (kind, value) in TABLE.lines().skip(1).filter_map(|line| line.split_once(',')) {
        match value.strip_suffix('*') {
            Some(beginning) => patterns.beginnings.push((kind, beginning)),
            None => {
                patterns.whole.insert((kind, value));
            }
        }
    }
    patterns
});

/// Whether a value in match form stands for nothing.
pub(super) fn is_placeholder(kind: Kind, value: &str) -> bool {
    let kind = kind.as_str();
    PATTERNS.whole.contains(&(kind, value))
        || PATTERNS.beginnings.iter().any(|it| it.0 == kind && value.starts_with(it.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_by_kind() {
        for (kind, value, expected) in [
            (Kind::Name, "UNKNOWN", true),
            (Kind::Name, "ZZTEST", true),
            (Kind::Name, "ZZTESTPATIENT", true),
            (Kind::Name, "TESTA", false),
            (Kind::Address, "HOMELESS", true),
            (Kind::Address, "UNKNOWN ST", false),
            (Kind::Email, "none@none.com", true),
            (Kind::Email, "declined@hospital.org", true),
            (Kind::Identifier, "PENDING", true),
            (Kind::Identifier, "10", false),
        ] {
            assert_eq!(is_placeholder(kind, value), expected, "{value}");
        }
    }
}
