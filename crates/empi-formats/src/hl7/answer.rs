//! Answers to queries, and notifications: persons written as PID segments.

use empi_model::{PatientText, PersonName, PostalAddress, SourceRecord};

use super::Continuation;
use super::message::{Message, Segment, Separators};
use super::reply::{AckCode, Application, ErrorEntry, Reply};
use super::writer::{Value, Writer};
use crate::authority::AssigningAuthority;

/// An identifier with the authority that gave it out, as it is written: always by all three names.
pub type Numbered<'a> = (&'a AssigningAuthority, &'a str);

/// One person of a PDQ answer.
#[derive(Clone, Debug)]
pub struct PersonRow<'a> {
    /// The person's identifiers.
    pub identifiers: Vec<Numbered<'a>>,
    /// What is known about them.
    pub record: &'a SourceRecord,
    /// How sure it is that they are who is looked for, 0 to 1.
    pub confidence: f64,
}

/// A PIX answer: the identifiers of one patient, or none, or why there is none.
#[must_use]
pub fn pix_answer(
    reply: &Reply<'_>,
    identifiers: &[Numbered<'_>],
    errors: &[ErrorEntry],
) -> Writer {
    let code = if errors.is_empty() { AckCode::Accept } else { AckCode::Error };
    let mut writer = reply.begin(["RSP", "K23", "RSP_K23"], code, errors);
    let status = status(code, identifiers.is_empty());
    write_query(&mut writer, reply.message, &[Value::text(status)]);
    if code == AckCode::Accept && !identifiers.is_empty() {
        // No name is given: one of unknown kind, then one that says that there is none (table 0200, S).
        let no_name = Value::components(["", "", "", "", "", "", "S"]);
        let names = Value::Repetitions(vec![Value::text(""), no_name]);
        let empty = || Value::text("");
        writer.segment("PID", &[empty(), empty(), numbers(identifiers), empty(), names]);
    }
    writer
}

/// A PDQ answer: a page of persons, out of `total`, `remaining` of which come after it.
#[must_use]
pub fn pdq_answer(
    reply: &Reply<'_>,
    persons: &[PersonRow<'_>],
    (total, remaining): (usize, usize),
    next: Option<&Continuation>,
    errors: &[ErrorEntry],
) -> Writer {
    let code = if errors.is_empty() { AckCode::Accept } else { AckCode::Error };
    let mut writer = reply.begin(["RSP", "K22", "RSP_K21"], code, errors);
    let mut acknowledged = vec![Value::text(status(code, total == 0))];
    if code == AckCode::Accept {
        acknowledged.push(query_name(reply.message));
        let counts = [total, persons.len(), remaining];
        acknowledged.extend(counts.map(|count| Value::text(count.to_string())));
    }
    write_query(&mut writer, reply.message, &acknowledged);
    for person in persons {
        write_person(&mut writer, person);
    }
    if let Some(Continuation(pointer)) = next {
        writer.segment("DSC", &[Value::text(pointer), Value::text("I")]);
    }
    writer
}

const fn status(code: AckCode, is_empty: bool) -> &'static str {
    match code {
        AckCode::Accept if is_empty => "NF",
        AckCode::Accept => "OK",
        other => other.as_str(),
    }
}

/// QAK, which begins with the query's tag, and QPD as it came.
fn write_query(writer: &mut Writer, message: &Message, acknowledged: &[Value]) {
    let qpd = message.segment("QPD");
    let raw = |number: usize| qpd.map_or("", |qpd| qpd.field(number).raw()).to_owned();
    let mut fields = vec![Value::Raw(raw(2))];
    fields.extend(acknowledged.iter().cloned());
    writer.segment("QAK", &fields);
    let echoed = qpd.map_or("", Segment::raw_fields).trim_end();
    writer.segment("QPD", &[Value::Raw(echoed.to_owned())]);
}

fn query_name(message: &Message) -> Value {
    let name = message.segment("QPD").map_or("", |qpd| qpd.field(1).raw());
    Value::Raw(name.to_owned())
}

fn numbers(identifiers: &[Numbered<'_>]) -> Value {
    let cx = |(authority, value): &Numbered<'_>| {
        let type_code = authority.type_code.as_deref().unwrap_or_default();
        let domain = [
            authority.namespace.as_str(),
            authority.universal_id.as_str(),
            authority.universal_id_type.as_str(),
        ];
        Value::Components(vec![
            Value::text(*value),
            Value::text(""),
            Value::text(""),
            Value::Subcomponents(domain.map(Value::text).to_vec()),
            Value::text(type_code),
        ])
    };
    Value::Repetitions(identifiers.iter().map(cx).collect())
}

fn write_person(writer: &mut Writer, person: &PersonRow<'_>) {
    let record = person.record;
    let empty = || Value::text("");
    let mother = exposed(record.mother_maiden_name.as_ref());
    let order = exposed(record.birth_order.as_ref());
    let is_multiple = if order.is_empty() { "" } else { "Y" };
    let mut fields = vec![
        empty(),
        empty(),
        numbers(&person.identifiers),
        empty(),
        Value::Repetitions(record.names.iter().enumerate().map(name).collect()),
        Value::components([mother, "", "", "", "", "", if mother.is_empty() { "" } else { "M" }]),
        Value::text(compact_date(exposed(record.birth_date.as_ref()))),
        Value::text(sex(exposed(record.sex.as_ref()))),
        empty(),
        empty(),
        Value::Repetitions(record.addresses.iter().enumerate().map(address).collect()),
        empty(),
        contacts(record),
    ];
    fields.extend(std::iter::repeat_with(empty).take(9));
    fields.push(Value::text(exposed(record.birth_place.as_ref())));
    fields.extend([Value::text(is_multiple), Value::text(order)]);
    writer.segment("PID", &fields);
    let confidence = format!("{:.2}", person.confidence.clamp(0.0, 1.0));
    writer.segment("QRI", &[Value::text(confidence)]);
}

fn exposed(text: Option<&PatientText>) -> &str {
    text.map_or("", PatientText::expose)
}

/// The first name is the legal one; which kind the others are of is not known, so they are aliases.
fn name((at, name): (usize, &PersonName)) -> Value {
    let [family, given, middle, suffix] =
        [&name.family, &name.given, &name.middle, &name.suffix].map(|part| exposed(part.as_ref()));
    let kind = if at == 0 { "L" } else { "A" };
    Value::components([family, given, middle, suffix, "", "", kind])
}

fn address((at, address): (usize, &PostalAddress)) -> Value {
    let PostalAddress { street, unit, city, state, postal_code, country } = address;
    let [street, unit, city, state, postal_code, country] =
        [street, unit, city, state, postal_code, country].map(|part| exposed(part.as_ref()));
    let kind = if at == 0 { "H" } else { "" };
    Value::components([street, unit, city, state, postal_code, country, kind])
}

fn contacts(record: &SourceRecord) -> Value {
    let phones = record.phones.iter().map(|phone| Value::components([phone.expose(), "PRN", "PH"]));
    let emails = record
        .emails
        .iter()
        .map(|email| Value::components(["", "NET", "Internet", email.expose()]));
    Value::Repetitions(phones.chain(emails).collect())
}

/// `1985-02-14` as `19850214`; other forms as they are.
fn compact_date(date: &str) -> String {
    let is_iso = date.len() <= 10
        && date.char_indices().all(|(at, letter)| match at {
            4 | 7 => letter == '-',
            _ => letter.is_ascii_digit(),
        });
    if is_iso { date.replace('-', "") } else { date.to_owned() }
}

/// The code of table 0001.
fn sex(said: &str) -> &str {
    match said.to_ascii_lowercase().as_str() {
        "f" | "female" => "F",
        "m" | "male" => "M",
        "o" | "other" => "O",
        "u" | "unknown" => "U",
        _ => said,
    }
}

/// What a notification is addressed with.
#[derive(Clone, Debug)]
pub struct NotificationWords<'a> {
    /// Who sends it.
    pub sender: &'a Application,
    /// Who is told.
    pub receiver: &'a Application,
    /// Its control ID (MSH-10).
    pub control_id: String,
    /// When it is written, as `YYYYMMDDHHMMSS` with zone.
    pub time: String,
    /// When the identifiers changed.
    pub event_time: String,
}

/// A PIX update notification (ADT^A31): the identifiers that one person has from now on.
#[must_use]
pub fn notification(words: &NotificationWords<'_>, identifiers: &[Numbered<'_>]) -> Writer {
    let NotificationWords { sender, receiver, control_id, time, event_time } = words;
    let mut writer = Writer::new(Separators::default());
    let header = [
        Value::text(&sender.application),
        Value::text(&sender.facility),
        Value::text(&receiver.application),
        Value::text(&receiver.facility),
        Value::text(time),
        Value::text(""),
        Value::components(["ADT", "A31", "ADT_A05"]),
        Value::text(control_id),
        Value::text("P"),
        Value::text("2.5"),
    ];
    let between = std::iter::repeat_with(|| Value::text("")).take(5);
    let charset = Value::text(super::Charset::UTF_8.name());
    let header: Vec<Value> = header.into_iter().chain(between).chain([charset]).collect();
    writer.segment("MSH", &header);
    writer.segment("EVN", &[Value::text("A31"), Value::text(event_time)]);
    let empty = || Value::text("");
    writer.segment("PID", &[empty(), empty(), numbers(identifiers), empty(), Value::text(" ")]);
    writer.segment("PV1", &[empty(), Value::text("N")]);
    writer
}
