//! A street line as words, each with what stood before it.

use smallvec::SmallVec;

use super::words::{Meaning, meaning};
use crate::normalize::text;

/// What stood between a word and the one before it. The later variant wins where several stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Nothing: the word begins the line.
    Start,
    /// Blanks, or punctuation without a meaning of its own.
    Space,
    /// A hyphen with no blank around it: `34-12`.
    Hyphen,
    /// A slash: `1/2`, `3/12`, `C/O`.
    Slash,
    /// A comma.
    Comma,
}

/// One word of a street line in match form, or the sign `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) gap: Gap,
    pub(super) meaning: &'static Meaning,
}

impl<'a> Word<'a> {
    pub(super) fn new(text: &'a str, gap: Gap) -> Self {
        Self { text, gap, meaning: meaning(text) }
    }
}

/// Words of a street line. Few lines have more than twelve.
pub(super) type Words<'a> = SmallVec<[Word<'a>; 12]>;

/// A street line in match form, with its gaps.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Words in match form and `#`, separated by one space.
    folded: String,
    gaps: SmallVec<[Gap; 12]>,
}

impl Line {
    /// Folds a line. `N.W.` and `P.O.` become one word; `#` stays a word of its own.
    pub(super) fn read(text: &str) -> Self {
        let text = text::to_ascii(text);
        let bytes = text.as_bytes();
        let mut line =
            Self { folded: String::with_capacity(bytes.len() + 4), gaps: SmallVec::new() };
        let mut gap = Some(Gap::Start);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    if let Some(gap) = gap.take() {
                        line.begin_word(gap);
                    }
                    line.folded.push(char::from(byte.to_ascii_uppercase()));
                }
                b'\'' | b'`' => {}
                b'.' if gap.is_none() && is_between_initials(bytes, at) => {}
                b'#' => {
                    line.begin_word(gap.take().unwrap_or(Gap::Space));
                    line.folded.push('#');
                    gap = Some(Gap::Space);
                }
                _ => gap = Some(widened(gap, *byte)),
            }
        }
        line
    }

    fn begin_word(&mut self, gap: Gap) {
        if self.folded.is_empty() {
            self.gaps.push(Gap::Start);
        } else {
            self.folded.push(' ');
            self.gaps.push(gap);
        }
    }

    /// The line in match form; it has `#` where the source had one.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// The words of the line.
    pub(super) fn words(&self) -> Words<'_> {
        let words = self.folded.split(' ').filter(|word| !word.is_empty());
        words.zip(&self.gaps).map(|(text, gap)| Word::new(text, *gap)).collect()
    }
}

/// The gap so far, made wider by one more byte between words.
fn widened(gap: Option<Gap>, byte: u8) -> Gap {
    match (gap, byte) {
        (None, b'-') => Gap::Hyphen,
        // A blank beside a hyphen makes it a dash.
        (Some(Gap::Hyphen), b' ') => Gap::Space,
        (_, b'/') => Gap::Slash.max(gap.unwrap_or(Gap::Space)),
        (_, b',') => Gap::Comma,
        _ => gap.unwrap_or(Gap::Space).max(Gap::Space),
    }
}

/// Whether the full stop at a place stands behind an initial and before the next: `N.W.`, not `N.Main`.
fn is_between_initials(bytes: &[u8], at: usize) -> bool {
    let letter =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let alphanumeric =
        |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    letter(at.checked_sub(1))
        && !alphanumeric(at.checked_sub(2))
        && letter(Some(at + 1))
        && !alphanumeric(Some(at + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_gaps() {
        for (text, expected) in [
            ("", ""),
            ("12 Elm St.", "12 ELM ST"),
            ("N.W. 12th", "NW 12TH"),
            ("P.O.Box 12", "PO BOX 12"),
            ("P.O. Box 12", "PO BOX 12"),
            ("N.Main St.Apt#4", "N MAIN ST APT # 4"),
            ("12½ O’Neil", "12 1 2 ONEIL"),
        ] {
            assert_eq!(Line::read(text).folded(), expected, "{text}");
        }
        let line = Line::read("Flat 3/12-B, Bell - St");
        let gaps: Vec<Gap> = line.words().iter().map(|word| word.gap).collect();
        let expected = [Gap::Start, Gap::Space, Gap::Slash, Gap::Hyphen, Gap::Comma, Gap::Space];
        assert_eq!(gaps, expected);
    }
}
