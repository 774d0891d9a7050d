//! Folding text to match form: `A-Z`, `0-9` and single spaces.

use std::borrow::Cow;

use compact_str::CompactString;
use smallvec::SmallVec;
use unicode_normalization::UnicodeNormalization;

/// Folds a text: compatibility forms and diacritics to plain letters, letters to upper case,
/// apostrophes away (`O'Neil` becomes `ONEIL`), anything else between letters and digits to one space.
#[must_use]
pub fn fold(text: &str) -> CompactString {
    if is_joined(text) {
        return text.into();
    }
    let text = to_ascii(text);
    let mut folded = Letters::for_text(&text);
    let mut gap = false;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            if gap && !folded.is_empty() {
                folded.push(b' ');
            }
            gap = false;
            folded.push(byte.to_ascii_uppercase());
        } else if !is_apostrophe(char::from(byte)) {
            gap = true;
        }
    }
    folded.collected()
}

/// The letters and digits of a text in match form, without what stands between them.
pub(super) fn fold_joined(text: &str) -> CompactString {
    if is_joined(text) {
        return text.into();
    }
    let text = to_ascii(text);
    let mut folded = Letters::for_text(&text);
    let alphanumeric = text.bytes().filter(u8::is_ascii_alphanumeric);
    alphanumeric.for_each(|byte| folded.push(byte.to_ascii_uppercase()));
    folded.collected()
}

/// Bytes of ASCII being written one by one, with room for those of a text, which rarely are many.
pub(super) struct Letters {
    bytes: SmallVec<[u8; 64]>,
    count: usize,
}

impl Letters {
    /// Room for as many bytes as a text has.
    pub(super) fn for_text(text: &str) -> Self {
        const FEW: usize = 64;
        let mut bytes = SmallVec::from_buf([0; FEW]);
        if text.len() > FEW {
            bytes.resize(text.len(), 0);
        }
        Self { bytes, count: 0 }
    }

    /// Writes a byte, unless there is no room.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.count) {
            *slot = byte;
            self.count += 1;
        }
    }

    /// Whether nothing was written.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes were written.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// What was written, as text.
    pub(super) fn collected(&self) -> CompactString {
        let bytes = self.bytes.get(..self.count).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default().into()
    }
}

/// Whether a text is nothing but capital letters and digits, and so in match form already.
fn is_joined(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A text in plain ASCII, punctuation and letter case kept: compatibility forms decomposed, other
/// scripts transliterated, foreign apostrophes dropped, a space before a fraction (`12½` is `12 1/2`).
pub(super) fn to_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut spaced = String::with_capacity(text.len() + 4);
    for letter in text.chars() {
        if matches!(letter, '¼'..='¾' | '⅐'..='⅞') {
            spaced.push(' ');
        }
        spaced.push(letter);
    }
    let composed: String = spaced.nfkc().filter(|letter| !is_apostrophe(*letter)).collect();
    Cow::Owned(any_ascii::any_ascii(&composed))
}

const fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '`' | '´' | '‘' | '’' | 'ʼ' | '′' | 'ʻ')
}

/// Only the digits of a text.
pub(super) fn digits(text: &str) -> CompactString {
    let text = to_ascii(text);
    let mut digits = Letters::for_text(&text);
    text.bytes().filter(u8::is_ascii_digit).for_each(|byte| digits.push(byte));
    digits.collected()
}

/// Whether a text consists of digits, and of at least one.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text begins with a digit.
pub(super) fn begins_with_digit(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding() {
        for (text, expected) in [
            ("", ""),
            ("  o'Neil ", "ONEIL"),
            ("O’Neil", "ONEIL"),
            ("José-María", "JOSE MARIA"),
            ("Müller", "MULLER"),
            ("Łukasz Żółć", "LUKASZ ZOLC"),
            ("van  der\tBerg", "VAN DER BERG"),
            ("Ｆｕｌｌ", "FULL"),
            ("Straße", "STRASSE"),
            ("D'Angelo, Jr.", "DANGELO JR"),
            ("Анна Иванова", "ANNA IVANOVA"),
            ("12½", "12 1 2"),
            ("---", ""),
        ] {
            assert_eq!(fold(text), expected, "{text}");
            assert_eq!(fold(expected), expected);
            assert_eq!(fold_joined(text), expected.replace(' ', ""), "{text}");
        }
    }
}
