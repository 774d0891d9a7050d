//! Folding text to match form: `A-Z`, `0-9` and single spaces.

use unicode_normalization::UnicodeNormalization;

/// Folds a text: compatibility forms and diacritics to plain letters, letters to upper case,
/// apostrophes away (`O'Neil` becomes `ONEIL`), anything else between letters and digits to one space.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let composed: String = text.nfkc().filter(|letter| !is_apostrophe(*letter)).collect();
    fold_ascii(&any_ascii::any_ascii(&composed))
}

fn fold_ascii(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            if gap && !folded.is_empty() {
                folded.push(' ');
            }
            gap = false;
            folded.push(char::from(byte.to_ascii_uppercase()));
        } else if !matches!(byte, b'\'' | b'`') {
            gap = true;
        }
    }
    folded
}

const fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '`' | '´' | '‘' | '’' | 'ʼ' | '′' | 'ʻ')
}

/// Only the digits of a text.
pub(super) fn digits(text: &str) -> String {
    text.nfkc().filter(char::is_ascii_digit).collect()
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
            ("---", ""),
        ] {
            assert_eq!(fold(text), expected, "{text}");
            assert_eq!(fold(expected), expected);
        }
    }
}
