//! What a message is answered with: acknowledgements, and the errors in them.

use super::message::{Message, Separators};
use super::writer::{Value, Writer};

/// How a message fared (MSA-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckCode {
    /// It is done, and durable.
    Accept,
    /// What it says is wrong: sent again as it is, it will be wrong again.
    Error,
    /// It was not taken, and may be sent again later.
    Reject,
}

impl AckCode {
    /// As MSA-1 and QAK-2 have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "AA",
            Self::Error => "AE",
            Self::Reject => "AR",
        }
    }
}

/// What is wrong, by table 0357.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 100: a segment is missing or out of place.
    SegmentSequence,
    /// 101: a required field is missing.
    RequiredField,
    /// 102: a value is not of the field's type.
    DataType,
    /// 103: a value is not in the field's table.
    TableValueNotFound,
    /// 200: MSH-9.1.
    UnsupportedMessageType,
    /// 201: MSH-9.2.
    UnsupportedEvent,
    /// 202: MSH-11.
    UnsupportedProcessingId,
    /// 203: MSH-12.
    UnsupportedVersion,
    /// 204: an identifier or an authority that is not known.
    UnknownKey,
    /// 205: an identifier that is in use.
    DuplicateKey,
    /// 206: the record cannot be changed now.
    RecordLocked,
    /// 207: anything else.
    Internal,
}

impl ErrorCode {
    /// Number and text of the table.
    #[must_use]
    pub const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::SegmentSequence => ("100", "Segment sequence error"),
            Self::RequiredField => ("101", "Required field missing"),
            Self::DataType => ("102", "Data type error"),
            Self::TableValueNotFound => ("103", "Table value not found"),
            Self::UnsupportedMessageType => ("200", "Unsupported message type"),
            Self::UnsupportedEvent => ("201", "Unsupported event code"),
            Self::UnsupportedProcessingId => ("202", "Unsupported processing id"),
            Self::UnsupportedVersion => ("203", "Unsupported version id"),
            Self::UnknownKey => ("204", "Unknown key identifier"),
            Self::DuplicateKey => ("205", "Duplicate key identifier"),
            Self::RecordLocked => ("206", "Application record locked"),
            Self::Internal => ("207", "Application internal error"),
        }
    }
}

/// Where in a message something is wrong. Numbers count from 1; 0 is left out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Location {
    segment: String,
    numbers: [usize; 5],
}

impl Location {
    /// A whole segment.
    #[must_use]
    pub fn segment(segment: &str, sequence: usize) -> Self {
        Self { segment: segment.to_owned(), numbers: [sequence, 0, 0, 0, 0] }
    }

    /// A field.
    #[must_use]
    pub fn field(segment: &str, sequence: usize, field: usize) -> Self {
        Self { segment: segment.to_owned(), numbers: [sequence, field, 0, 0, 0] }
    }

    /// A component of a repetition of a field; component 0 is the whole repetition.
    #[must_use]
    pub fn part(segment: &str, sequence: usize, field: [usize; 3]) -> Self {
        let [field, repetition, component] = field;
        Self { segment: segment.to_owned(), numbers: [sequence, field, repetition, component, 0] }
    }

    fn value(&self) -> Value {
        let given = self.numbers.iter().take_while(|number| **number > 0);
        let numbers = given.map(|number| Value::text(number.to_string()));
        let segment = std::iter::once(Value::text(self.segment.clone()));
        Value::Components(segment.chain(numbers).collect())
    }
}

/// Whether a message was refused for it (ERR-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It was.
    Error,
    /// It was not: something in it was left aside.
    Warning,
}

/// One entry of an answer's error segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorEntry {
    /// Where.
    pub location: Location,
    /// What.
    pub code: ErrorCode,
    /// How bad.
    pub severity: Severity,
    /// In words, for people. Never a value of a patient.
    pub text: String,
}

/// The names under which this program answers (MSH-3 and MSH-4), where a message addresses nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// MSH-3.
    pub application: String,
    /// MSH-4.
    pub facility: String,
}

/// What every answer needs to know.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    /// The message that is answered.
    pub message: &'a Message,
    /// Who answers, where the message does not say.
    pub application: &'a Application,
    /// The answer's own control ID (MSH-10).
    pub control_id: String,
    /// When it is written, as `YYYYMMDDHHMMSS` with zone (MSH-7).
    pub time: String,
}

impl Reply<'_> {
    /// Begins an answer: MSH, addressed to the sender and in its version, MSA and ERR.
    pub(super) fn begin(
        &self,
        message_type: [&str; 3],
        code: AckCode,
        errors: &[ErrorEntry],
    ) -> Writer {
        let message = self.message;
        let mut writer = Writer::new(answering_separators(message));
        let version = message.header(12).component(1).text().into_owned();
        let raw = |number: usize| rewritten(message, number);
        let or_own = |number: usize, own: &str| {
            if message.header(number).is_empty() { Value::text(own) } else { raw(number) }
        };
        // The structure (MSH-9.3) came with 2.3.1 as an option and with 2.4 for good.
        let [kind, event, structure] = message_type;
        let structure = if is_old(&version) { "" } else { structure };
        let charset = message.charset().name();
        let fields = [
            or_own(5, &self.application.application),
            or_own(6, &self.application.facility),
            raw(3),
            raw(4),
            Value::text(&self.time),
            Value::text(""),
            Value::components([kind, event, structure]),
            Value::text(&self.control_id),
            raw(11),
            Value::text(if version.is_empty() { "2.5" } else { &version }),
        ];
        let between = std::iter::repeat_with(|| Value::text("")).take(5);
        let fields: Vec<Value> =
            fields.into_iter().chain(between).chain([Value::text(charset)]).collect();
        writer.segment("MSH", &fields);
        let mut msa = vec![Value::text(code.as_str()), raw(10)];
        if is_old(&version)
            && let Some(first) = errors.iter().find(|entry| entry.severity == Severity::Error)
        {
            msa.push(Value::text(&first.text));
        }
        writer.segment("MSA", &msa);
        write_errors(&mut writer, &version, errors);
        writer
    }
}

/// Before 2.5 an ERR segment says where and what in one field, and knows no warnings.
fn is_old(version: &str) -> bool {
    ["2.1", "2.2", "2.3", "2.4"].iter().any(|old| version.starts_with(old))
}

fn write_errors(writer: &mut Writer, version: &str, errors: &[ErrorEntry]) {
    for ErrorEntry { location, code, severity, text } in errors {
        let (number, name) = code.row();
        if is_old(version) {
            if *severity == Severity::Error {
                let what = Value::Subcomponents([number, name].map(Value::text).to_vec());
                let [sequence, field, ..] = location.numbers;
                let shown = |number: usize| match number {
                    0 => Value::text(""),
                    _ => Value::text(number.to_string()),
                };
                let segment = Value::text(location.segment.clone());
                let place = vec![segment, shown(sequence), shown(field), what];
                writer.segment("ERR", &[Value::Components(place)]);
            }
            continue;
        }
        let severity = match severity {
            Severity::Error => "E",
            Severity::Warning => "W",
        };
        let fields = [
            Value::text(""),
            location.value(),
            Value::components([number, name, "HL70357"]),
            Value::text(severity),
            Value::text(""),
            Value::text(""),
            Value::text(text),
        ];
        writer.segment("ERR", &fields);
    }
}

/// An answer is written with the separators that were asked with, so that what it echoes stays the same.
pub(super) fn answering_separators(message: &Message) -> Separators {
    *message.separators()
}

/// A field of the header as it came.
pub(super) fn rewritten(message: &Message, number: usize) -> Value {
    Value::Raw(message.header(number).raw().to_owned())
}

/// An acknowledgement of a message that changes something, or of any that was refused.
#[must_use]
pub fn acknowledgement(reply: &Reply<'_>, code: AckCode, errors: &[ErrorEntry]) -> Writer {
    let event = reply.message.header(9).component(2).text().into_owned();
    reply.begin(["ACK", &event, "ACK"], code, errors)
}
