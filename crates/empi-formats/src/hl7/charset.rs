//! Which bytes mean which letters: the character sets that MSH-18 may name.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::ReadError;

/// A character set of a message, and of the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset {
    /// As in MSH-18 of the answer; empty for ASCII.
    name: &'static str,
    encoding: &'static Encoding,
}

/// What MSH-18 may say (table 0211), with the label of the encoding. Windows-1252 is read for ISO 8859/1, as
/// everywhere on the web: it has the same letters, and curly quotes where the other has nothing.
const KNOWN: [(&str, &str); 17] = [
    ("ASCII", "utf-8"),
    ("UNICODE UTF-8", "utf-8"),
    ("8859/1", "iso-8859-1"),
    ("8859/2", "iso-8859-2"),
    ("8859/3", "iso-8859-3"),
    ("8859/4", "iso-8859-4"),
    ("8859/5", "iso-8859-5"),
    ("8859/6", "iso-8859-6"),
    ("8859/7", "iso-8859-7"),
    ("8859/8", "iso-8859-8"),
    ("8859/9", "windows-1254"),
    ("8859/10", "iso-8859-10"),
    ("8859/13", "iso-8859-13"),
    ("8859/14", "iso-8859-14"),
    ("8859/15", "iso-8859-15"),
    ("8859/16", "iso-8859-16"),
    ("GB 18030-2000", "gb18030"),
];

/// Other spellings that systems use.
const ALIASES: [(&str, &str); 6] = [
    ("US-ASCII", "ASCII"),
    ("UTF-8", "UNICODE UTF-8"),
    ("UTF8", "UNICODE UTF-8"),
    ("UNICODE", "UNICODE UTF-8"),
    ("ISO-8859-1", "8859/1"),
    ("ISO8859-1", "8859/1"),
];

impl Charset {
    /// UTF-8, named as such: what notifications are written in.
    pub const UTF_8: Self = Self { name: "UNICODE UTF-8", encoding: UTF_8 };

    /// ISO 8859/1, of which any bytes are.
    pub(crate) const LATIN_1: Self = Self { name: "8859/1", encoding: WINDOWS_1252 };

    /// The character set of a message by the first repetition of its MSH-18. Without one, the bytes tell:
    /// UTF-8 where they are that (ASCII is), ISO 8859/1 otherwise.
    ///
    /// # Errors
    /// [`ReadError::UnknownCharset`] for a name that is not known.
    pub(crate) fn of(msh_18: &str, bytes: &[u8]) -> Result<Self, ReadError> {
        let first = msh_18.split('~').next().unwrap_or_default().trim().to_ascii_uppercase();
        if first.is_empty() || first == "ASCII" {
            let is_utf_8 = std::str::from_utf8(bytes).is_ok();
            let encoding = if is_utf_8 { UTF_8 } else { WINDOWS_1252 };
            return Ok(Self { name: "", encoding });
        }
        let alias = ALIASES.iter().find(|(alias, _)| *alias == first);
        let wanted = alias.map_or(first.as_str(), |(_, name)| name);
        let known = KNOWN.iter().find(|(name, _)| *name == wanted);
        known
            .and_then(|(name, label)| {
                let encoding = Encoding::for_label(label.as_bytes())?;
                Some(Self { name, encoding })
            })
            .ok_or(ReadError::UnknownCharset)
    }

    /// What MSH-18 of an answer says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The letters that bytes mean.
    ///
    /// # Errors
    /// [`ReadError::NotOfCharset`] when the bytes are not of this character set.
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
        self.encoding
            .decode_without_bom_handling_and_without_replacement(bytes)
            .ok_or(ReadError::NotOfCharset)
    }

    /// The bytes of a text. Letters that the character set lacks become question marks.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        if self.encoding == UTF_8 {
            return text.as_bytes().to_vec();
        }
        let (encoded, _, had_unmappable) = self.encoding.encode(text);
        if !had_unmappable {
            return encoded.into_owned();
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut buffer = [0; 4];
        for letter in text.chars() {
            match self.encoding.encode(letter.encode_utf8(&mut buffer)) {
                (encoded, _, false) => bytes.extend_from_slice(&encoded),
                _ => bytes.push(b'?'),
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_written_as_the_message_was() {
        for (msh_18, bytes, text) in [
            ("8859/1", b"M\xFCller".as_slice(), "Müller"),
            ("UNICODE UTF-8", "Müller".as_bytes(), "Müller"),
            ("utf-8", "Müller".as_bytes(), "Müller"),
            ("8859/2~UNICODE UTF-8", b"Dvo\xF8\xE1k".as_slice(), "Dvořák"),
            ("8859/5", b"\xC1\xC0".as_slice(), "СР"),
            ("", "Müller".as_bytes(), "Müller"),
            ("", b"M\xFCller".as_slice(), "Müller"),
            ("ASCII", b"Miller".as_slice(), "Miller"),
        ] {
            let charset = Charset::of(msh_18, bytes).unwrap();
            assert_eq!(charset.decode(bytes).unwrap(), text, "{msh_18}");
            assert_eq!(charset.encode(text), bytes, "{msh_18}");
        }
    }

    #[test]
    fn what_is_not_of_the_character_set_is_refused() {
        let charset = Charset::of("UNICODE UTF-8", b"").unwrap();
        assert_eq!(charset.decode(b"M\xFCller"), Err(ReadError::NotOfCharset));
        assert_eq!(Charset::of("ISO IR87", b""), Err(ReadError::UnknownCharset));
    }

    #[test]
    fn letters_that_are_lacking_become_question_marks() {
        let charset = Charset::of("8859/1", b"").unwrap();
        assert_eq!(charset.encode("Đorđe é"), b"?or?e \xE9");
    }

    #[test]
    fn every_name_has_an_encoding() {
        for (name, _) in KNOWN {
            assert!(Charset::of(name, b"").is_ok(), "{name}");
        }
        for (alias, _) in ALIASES {
            assert!(Charset::of(alias, b"").is_ok(), "{alias}");
        }
    }
}
