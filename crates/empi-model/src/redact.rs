//! Text that holds patient data and cannot print itself.

use std::fmt;

use compact_str::CompactString;

/// A piece of patient data: a name, a number, an address line.
///
/// `Debug` prints a fixed mark, never the value or its length, so that a log line, a panic message or
/// an error that carries one by accident leaks nothing. There is no `Display`.
///
/// Most values are short, so they lie in the value itself and not on the heap: a record has dozens.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PatientText(CompactString);

impl PatientText {
    /// Wraps a value. No cleaning happens here: what the source said is kept as it said it.
    #[must_use]
    pub fn new(value: impl Into<CompactString>) -> Self {
        Self(value.into())
    }

    /// Wraps a value, or gives `None` when nothing but blanks would be wrapped.
    #[must_use]
    pub fn non_blank(value: &str) -> Option<Self> {
        let trimmed = trimmed(value);
        (!trimmed.is_empty()).then(|| Self(trimmed.into()))
    }

    /// The value itself. Every call of this is a place where patient data leave their wrapper.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value itself, by ownership.
    #[must_use]
    pub fn into_exposed(self) -> String {
        self.0.into()
    }
}

/// A secret, such as a token or a key: prints a fixed mark, and is never compared, ordered or hashed by accident.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself. Every call of this is a place where it leaves its wrapper.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// A text without the blanks around it. Nearly all texts have none, which two bytes show.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] | [] => text,
        _ => text.trim(),
    }
}

impl fmt::Debug for PatientText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl From<&str> for PatientText {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<String> for PatientText {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_the_value_nor_its_length() {
        let short = PatientText::new("A");
        let long = PatientText::new("Featherstonehaugh");
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        assert!(!format!("{long:?}").contains("Feather"));
    }

    #[test]
    fn blank_is_nothing() {
        assert_eq!(PatientText::non_blank(" \t "), None);
        assert_eq!(PatientText::non_blank(" a "), Some(PatientText::new("a")));
    }
}
