//! A message and its parts: segments, fields, repetitions, components, subcomponents.

use std::borrow::Cow;
use std::ops::Range;

use super::charset::Charset;
use super::escape::unescaped;

/// Most segments of one message: each takes some bytes of memory beside its text.
const SEGMENTS_MAX: usize = 10_000;

/// The letters that separate, as MSH-1 and MSH-2 name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Separators {
    pub(super) field: char,
    pub(super) component: char,
    pub(super) repetition: char,
    pub(super) escape: char,
    pub(super) subcomponent: char,
}

impl Default for Separators {
    fn default() -> Self {
        Self { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' }
    }
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no MSH in front, or it ends too early.
    #[error("the message does not begin with an MSH segment that names its separators")]
    NoHeader,
    /// MSH-1 and MSH-2 name letters that cannot separate.
    #[error("MSH-1 and MSH-2 must name four or five different marks, none a letter or a digit")]
    BadSeparators,
    /// MSH-18 names a character set that is not known.
    #[error("MSH-18 names a character set that is not supported: send UNICODE UTF-8 or 8859/1")]
    UnknownCharset,
    /// The bytes are not of the character set that MSH-18 names.
    #[error("the message has bytes that are not of the character set in MSH-18")]
    NotOfCharset,
    /// There are too many segments.
    #[error("the message has more segments than the limit of 10000 (segments_max)")]
    TooManySegments,
}

/// A message as it came. `Debug` shows its type and length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    text: String,
    separators: Separators,
    segments: Vec<Range<usize>>,
    charset: Charset,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let segments = self.segments.len();
        formatter.debug_struct("Message").field("segments", &segments).finish_non_exhaustive()
    }
}

impl Message {
    /// Reads a message. Segments end with a carriage return; a line feed or both are taken too, as are blanks
    /// and a byte-order mark in front.
    ///
    /// # Errors
    /// [`ReadError`] for bytes that are no message.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii();
        let charset = Charset::of(&msh_18(bytes), bytes)?;
        let text = charset.decode(bytes)?.into_owned();
        let separators = separators(&text)?;
        let mut segments = Vec::new();
        let mut start = 0;
        for line in text.split(['\r', '\n']) {
            let end = start + line.len();
            if !line.trim().is_empty() {
                segments.push(start..end);
            }
            if segments.len() > SEGMENTS_MAX {
                return Err(ReadError::TooManySegments);
            }
            start = end + 1;
        }
        Ok(Self { text, separators, segments, charset })
    }

    /// Reads what can be read of bytes that [`read`](Self::read) refuses, for the sake of its header: as
    /// ISO 8859/1 where the character set is not known or not kept, or as a header that says nothing.
    #[must_use]
    pub fn read_header(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii();
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let charset = Charset::LATIN_1;
        let text = charset.decode(line).unwrap_or_default().into_owned();
        let (text, separators) = match separators(&text) {
            Ok(separators) => (text, separators),
            Err(_) => ("MSH|^~\\&|".to_owned(), Separators::default()),
        };
        Self { segments: std::iter::once(0..text.len()).collect(), text, separators, charset }
    }

    /// The character set that it came in.
    #[must_use]
    pub const fn charset(&self) -> Charset {
        self.charset
    }

    pub(super) const fn separators(&self) -> &Separators {
        &self.separators
    }

    /// All segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let lines = self.segments.iter().filter_map(|range| self.text.get(range.clone()));
        lines.map(|line| Segment { line, separators: &self.separators })
    }

    /// The segments of a name, in order.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Segment<'a>> {
        self.segments().filter(move |segment| segment.name() == name)
    }

    /// The first segment of a name.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<Segment<'_>> {
        self.segments().find(|segment| segment.name() == name)
    }

    /// A field of the message's header: MSH-1 is the separator itself.
    #[must_use]
    pub fn header(&self, number: usize) -> Field<'_> {
        self.segment("MSH").map_or_else(|| Field::empty(&self.separators), |msh| msh.field(number))
    }
}

/// One segment of a message.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    line: &'a str,
    separators: &'a Separators,
}

impl<'a> Segment<'a> {
    /// Its name, such as `PID`.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.line.split(self.separators.field).next().unwrap_or_default().trim()
    }

    /// Its fields from the first on, as they stand in the message, separators and all.
    #[must_use]
    pub fn raw_fields(self) -> &'a str {
        self.line.split_once(self.separators.field).map_or("", |(_, fields)| fields)
    }

    /// A field by its number, from 1 on; empty where there is none.
    #[must_use]
    pub fn field(self, number: usize) -> Field<'a> {
        // In MSH the first separator is itself the first field.
        let index = if self.name() == "MSH" { number.saturating_sub(1) } else { number };
        let raw = match (self.name(), number) {
            (_, 0) => None,
            ("MSH", 1) => self.line.get(3..3 + self.separators.field.len_utf8()),
            _ => self.line.split(self.separators.field).nth(index),
        };
        Field { raw: raw.unwrap_or_default(), separators: self.separators }
    }
}

/// One field, with all its repetitions.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    raw: &'a str,
    separators: &'a Separators,
}

/// What HL7 writes to delete a value.
const DELETE: &str = "\"\"";

impl<'a> Field<'a> {
    pub(super) const fn empty(separators: &'a Separators) -> Self {
        Self { raw: "", separators }
    }

    /// The field as it stands in the message.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        self.raw
    }

    /// Whether nothing is said: no change.
    #[must_use]
    pub fn is_empty(self) -> bool {
        let marks = [
            self.separators.component,
            self.separators.subcomponent,
            self.separators.repetition,
            ' ',
        ];
        self.raw.chars().all(|letter| marks.contains(&letter))
    }

    /// Whether the stored value is to be deleted.
    #[must_use]
    pub fn is_delete(self) -> bool {
        self.raw.trim() == DELETE
    }

    /// Its repetitions; one, which is empty, where the field is.
    pub fn repetitions(self) -> impl Iterator<Item = Part<'a>> {
        let separators = self.separators;
        let parts = self.raw.split(separators.repetition);
        parts.map(move |raw| Part { raw, separators, separator: separators.component })
    }

    /// Its first repetition.
    #[must_use]
    pub fn first(self) -> Part<'a> {
        let raw = self.raw.split(self.separators.repetition).next().unwrap_or_default();
        Part { raw, separators: self.separators, separator: self.separators.component }
    }

    /// A component of its first repetition, from 1 on.
    #[must_use]
    pub fn component(self, number: usize) -> Part<'a> {
        self.first().part(number)
    }

    /// The text of its first repetition's first component.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        self.component(1).text()
    }
}

/// A repetition, which has components, or a component, which has subcomponents.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    raw: &'a str,
    separators: &'a Separators,
    separator: char,
}

impl<'a> Part<'a> {
    /// As it stands in the message.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        self.raw
    }

    /// Its parts by number, from 1 on; empty where there is none.
    #[must_use]
    pub fn part(self, number: usize) -> Part<'a> {
        let index = number.checked_sub(1);
        let raw = index.and_then(|index| self.raw.split(self.separator).nth(index));
        let separators = self.separators;
        Part { raw: raw.unwrap_or_default(), separators, separator: separators.subcomponent }
    }

    /// Its text without blanks around it: the first part's, where it has several. Empty for a value that is
    /// to be deleted.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        let component = self.raw.split(self.separator).next().unwrap_or_default();
        let raw = component.split(self.separators.subcomponent).next().unwrap_or_default().trim();
        if raw == DELETE { Cow::Borrowed("") } else { unescaped(raw, self.separators) }
    }

    /// The text of one of its parts.
    #[must_use]
    pub fn text_of(self, number: usize) -> Cow<'a, str> {
        self.part(number).text()
    }

    /// Whether none of its parts says anything.
    #[must_use]
    pub fn is_empty(self) -> bool {
        Field { raw: self.raw, separators: self.separators }.is_empty()
    }

    /// Whether its first part is to be deleted.
    #[must_use]
    pub fn is_delete(self) -> bool {
        self.raw.split(self.separator).next().unwrap_or_default().trim() == DELETE
    }
}

/// MSH-18 before the character set is known: all that are, write the letters of MSH as ASCII does.
fn msh_18(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or_default();
    let Some(separator) = line.get(3) else { return String::new() };
    let field = line.split(|byte| byte == separator).nth(17).unwrap_or_default();
    String::from_utf8_lossy(field).into_owned()
}

fn separators(text: &str) -> Result<Separators, ReadError> {
    let rest = text.strip_prefix("MSH").ok_or(ReadError::NoHeader)?;
    let field = rest.chars().next().ok_or(ReadError::NoHeader)?;
    let line = rest.split(['\r', '\n']).next().unwrap_or_default();
    let (marks, _) = line
        .get(field.len_utf8()..)
        .and_then(|line| line.split_once(field))
        .ok_or(ReadError::NoHeader)?;
    let marks: Vec<char> = marks.chars().collect();
    // Some systems that never write subcomponents name no letter for them; 2.7 allows a fifth, for truncation.
    let (component, repetition, escape, subcomponent) = match *marks.as_slice() {
        [component, repetition, escape] => (component, repetition, escape, '&'),
        [component, repetition, escape, subcomponent]
        | [component, repetition, escape, subcomponent, _] => {
            (component, repetition, escape, subcomponent)
        }
        _ => return Err(ReadError::BadSeparators),
    };
    let mut all = [field, component, repetition, escape, subcomponent];
    let found = Separators { field, component, repetition, escape, subcomponent };
    all.sort_unstable();
    let is_bad = |mark: &char| mark.is_alphanumeric() || mark.is_control() || *mark == ' ';
    if all.iter().any(is_bad) || all.iter().zip(all.iter().skip(1)).any(|(one, two)| one == two) {
        return Err(ReadError::BadSeparators);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A04: &str = "MSH|^~\\&|REG|NORTH|MPI|HIE|20260301||ADT^A04|R-1|P|2.3.1\rPID|||4471^^^NORTH&2.999.1.1&ISO^PI~9^^^X||OKAFOR^AMARA||\"\"\r";

    #[test]
    fn parts_are_found_by_their_numbers() {
        let message = Message::read(A04.as_bytes()).unwrap();
        assert_eq!(message.header(1).raw(), "|");
        assert_eq!(message.header(2).raw(), "^~\\&");
        assert_eq!(message.header(9).component(2).text(), "A04");
        assert_eq!(message.header(12).text(), "2.3.1");
        let pid = message.segment("PID").unwrap();
        let first = pid.field(3).first();
        assert_eq!(first.text(), "4471");
        assert_eq!(first.part(4).text_of(2), "2.999.1.1");
        assert_eq!(first.text_of(5), "PI");
        assert_eq!(pid.field(3).repetitions().nth(1).unwrap().text_of(4), "X");
        assert!(pid.field(7).is_delete() && pid.field(7).text().is_empty());
        assert!(pid.field(6).is_empty() && pid.field(99).is_empty() && pid.field(0).is_empty());
        assert_eq!(pid.field(5).component(0).text(), "");
    }

    #[test]
    fn other_separators_and_line_ends_are_taken() {
        let text = "\u{feff}MSH#*+!@#A*B#\r\n\nPID###1@2*3\n";
        let message = Message::read(text.as_bytes()).unwrap();
        assert_eq!(message.header(3).component(2).text(), "B");
        let names: Vec<&str> = message.segments().map(Segment::name).collect();
        assert_eq!(names, ["MSH", "PID"]);
        let field = message.segment("PID").unwrap().field(3);
        assert_eq!((field.text().as_ref(), field.component(1).text_of(2)), ("1", "2".into()));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (bytes, error) in [
            (b"".as_slice(), ReadError::NoHeader),
            (b"PID|1", ReadError::NoHeader),
            (b"MSH", ReadError::NoHeader),
            (b"MSH|", ReadError::NoHeader),
            (b"MSH|^~\\&", ReadError::NoHeader),
            (b"MSH||", ReadError::BadSeparators),
            (b"MSH|^^\\&|", ReadError::BadSeparators),
            (b"MSH|^~\\A|", ReadError::BadSeparators),
            (b"MSH|^~\\&||||||||||||||||MOON", ReadError::UnknownCharset),
            (b"MSH|^~\\&||||||||||||||||UTF-8\rPID|\xFF", ReadError::NotOfCharset),
        ] {
            assert_eq!(Message::read(bytes), Err(error), "{}", String::from_utf8_lossy(bytes));
        }
        let many = format!("MSH|^~\\&|\r{}", "ZZZ\r".repeat(SEGMENTS_MAX));
        assert_eq!(Message::read(many.as_bytes()), Err(ReadError::TooManySegments));
    }

    #[test]
    fn a_message_prints_nothing_of_its_patient() {
        let message = Message::read(A04.as_bytes()).unwrap();
        assert!(!format!("{message:?}").contains("OKAFOR"));
    }
}
