//! Escape sequences: how a text says the letters that separate.

use std::borrow::Cow;

use super::message::Separators;

/// The text that a part of a field means.
///
/// Read are `\F\ \S\ \T\ \R\ \E\`, hexadecimal bytes (`\X0D\`, taken as UTF-8 or else as ISO 8859/1) and line
/// breaks (`\.br\`, `\.sp\`, `\.ce\`, which become blanks); marks of highlighting are dropped. An escape
/// that is none of these, or has no end, stays as it is.
pub(super) fn unescaped<'a>(raw: &'a str, separators: &Separators) -> Cow<'a, str> {
    let escape = separators.escape;
    let Some(first) = raw.find(escape) else { return Cow::Borrowed(raw) };
    let (before, mut rest) = raw.split_at(first);
    let mut text = before.to_owned();
    while let Some(begun) = rest.strip_prefix(escape) {
        let inside = begun.split_once(escape);
        let meant = inside.and_then(|(code, after)| Some((meaning(code, separators)?, after)));
        let after = match meant {
            Some((meaning, after)) => {
                text.push_str(&meaning);
                after
            }
            None => {
                text.push(escape);
                begun
            }
        };
        let plain = after.find(escape).unwrap_or(after.len());
        let (before, next) = after.split_at(plain);
        text.push_str(before);
        rest = next;
    }
    Cow::Owned(text)
}

fn meaning(code: &str, separators: &Separators) -> Option<Cow<'static, str>> {
    let one = |letter: char| Some(Cow::Owned(letter.to_string()));
    match code {
        "F" => one(separators.field),
        "S" => one(separators.component),
        "T" => one(separators.subcomponent),
        "R" => one(separators.repetition),
        "E" => one(separators.escape),
        "H" | "N" => Some(Cow::Borrowed("")),
        _ if code.starts_with(".br") || code.starts_with(".sp") || code.starts_with(".ce") => {
            Some(Cow::Borrowed(" "))
        }
        _ => code.strip_prefix('X').and_then(hexadecimal).map(Cow::Owned),
    }
}

/// Bytes written as hexadecimal digits.
fn hexadecimal(digits: &str) -> Option<String> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))
        })
        .collect::<Option<_>>()?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|bytes| bytes.into_bytes().iter().map(|byte| char::from(*byte)).collect());
    Some(text)
}

/// A text with nothing in it that separates. Line ends become blanks: they would end the segment.
pub(super) fn escaped(text: &str, separators: &Separators, out: &mut String) {
    for letter in text.chars() {
        let code = match letter {
            _ if letter == separators.escape => 'E',
            _ if letter == separators.field => 'F',
            _ if letter == separators.component => 'S',
            _ if letter == separators.subcomponent => 'T',
            _ if letter == separators.repetition => 'R',
            '\r' | '\n' | '\u{b}' | '\u{1c}' => {
                out.push(' ');
                continue;
            }
            _ => {
                out.push(letter);
                continue;
            }
        };
        out.push(separators.escape);
        out.push(code);
        out.push(separators.escape);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_mean_what_the_table_says() {
        let separators = Separators::default();
        for (raw, text) in [
            ("plain", "plain"),
            (r"A\F\B\S\C\T\D\R\E\E\F", r"A|B^C&D~E\F"),
            (r"\X4D\\XC3BC\ller", "Müller"),
            (r"\XFC\", "ü"),
            (r"one\.br\two", "one two"),
            (r"\H\loud\N\", "loud"),
            (r"open \F", r"open \F"),
            (r"\Q\", r"\Q\"),
            (r"\X4\ \XZZ\ \X+4\", r"\X4\ \XZZ\ \X+4\"),
            (r"\", r"\"),
            (r"C:\dir\F\x", r"C:\dir|x"),
        ] {
            assert_eq!(unescaped(raw, &separators), text, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_back(text in "[^\r\n\u{b}\u{1c}]{0,40}") {
            let separators = Separators::default();
            let mut raw = String::new();
            escaped(&text, &separators, &mut raw);
            prop_assert_eq!(unescaped(&raw, &separators), text.as_str());
            prop_assert!(!raw.contains(['|', '^', '~', '&']));
        }

        #[test]
        fn no_text_makes_the_reader_panic(raw in ".{0,60}") {
            let _ = unescaped(&raw, &Separators::default());
        }
    }
}
