//! Writing a message, segment by segment: every value is escaped, and trailing separators are left out.

use super::Charset;
use super::escape::escaped;
use super::message::Separators;

/// A message being written.
#[derive(Clone)]
pub struct Writer {
    separators: Separators,
    text: String,
}

/// One value of a field, nested as the standard nests them.
#[derive(Clone)]
pub(super) enum Value {
    /// A text, escaped when written.
    Text(String),
    /// A text that has its separators in it already.
    Raw(String),
    /// Repetitions of a field.
    Repetitions(Vec<Value>),
    /// Components of a repetition.
    Components(Vec<Value>),
    /// Subcomponents of a component.
    Subcomponents(Vec<Value>),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn components<const N: usize>(parts: [&str; N]) -> Self {
        Self::Components(parts.into_iter().map(Self::text).collect())
    }

    fn write(&self, separators: &Separators, out: &mut String) {
        let (parts, separator) = match self {
            Self::Text(text) => return escaped(text, separators, out),
            Self::Raw(raw) => return out.push_str(raw),
            Self::Repetitions(parts) => (parts, separators.repetition),
            Self::Components(parts) => (parts, separators.component),
            Self::Subcomponents(parts) => (parts, separators.subcomponent),
        };
        let start = out.len();
        let mut end = start;
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.push(separator);
            }
            let before = out.len();
            part.write(separators, out);
            if out.len() > before {
                end = out.len();
            }
        }
        out.truncate(end);
    }
}

impl Writer {
    pub(super) const fn new(separators: Separators) -> Self {
        Self { separators, text: String::new() }
    }

    /// Adds a segment with its fields from the first on; in MSH from the third on, since the first two are
    /// the separators themselves.
    pub(super) fn segment(&mut self, name: &str, fields: &[Value]) {
        let start = self.text.len();
        self.text.push_str(name);
        let mut end = self.text.len();
        if name == "MSH" {
            let Separators { field, component, repetition, escape, subcomponent } = self.separators;
            self.text.extend([field, component, repetition, escape, subcomponent]);
            end = self.text.len();
        }
        for value in fields {
            self.text.push(self.separators.field);
            let before = self.text.len();
            value.write(&self.separators, &mut self.text);
            if self.text.len() > before {
                end = self.text.len();
            }
        }
        self.text.truncate(end.max(start + name.len()));
        self.text.push('\r');
    }

    /// The message as bytes of a character set.
    #[must_use]
    pub fn bytes(&self, charset: Charset) -> Vec<u8> {
        charset.encode(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_at_the_end_is_not_written() {
        let mut writer = Writer::new(Separators::default());
        writer.segment("MSH", &[Value::text("MPI"), Value::text("")]);
        let cx = Value::Components(vec![
            Value::text("4|4"),
            Value::text(""),
            Value::text(""),
            Value::Subcomponents(vec![Value::text("N"), Value::text("1.2"), Value::text("ISO")]),
            Value::text(""),
        ]);
        let name = Value::Repetitions(vec![
            Value::text(""),
            Value::components(["", "", "", "", "", "", "S"]),
        ]);
        writer.segment("PID", &[Value::text(""), Value::text(""), cx, Value::text(""), name]);
        writer.segment("DSC", &[Value::text("")]);
        let expected = "MSH|^~\\&|MPI\rPID|||4\\F\\4^^^N&1.2&ISO||~^^^^^^S\rDSC\r";
        assert_eq!(String::from_utf8(writer.bytes(Charset::UTF_8)).unwrap(), expected);
    }
}
