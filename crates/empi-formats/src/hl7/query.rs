//! What is asked: PIX queries (QBP^Q23) by an identifier, PDQ queries (QBP^Q22) by what is known of somebody.

use super::reply::{ErrorCode, Location};
use super::{Cx, Message, Segment, Warning};

/// Most criteria of one query.
const CRITERIA_MAX: usize = 50;

/// Most domains that one query may want.
const DOMAINS_MAX: usize = 100;

/// A question for the identifiers of one patient in other domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixQuery {
    /// QPD-3: the patient.
    pub identifier: Cx,
    /// QPD-4: the domains that are wanted, by their repetition; all, where there is none.
    pub wanted: Vec<Cx>,
}

impl PixQuery {
    /// Reads QPD.
    ///
    /// # Errors
    /// Where and why the query is none.
    pub fn read(message: &Message) -> Result<Self, Warning> {
        let qpd = qpd(message)?;
        let identifier = Cx::read(qpd.field(3).first(), 1);
        if identifier.value.is_empty() {
            return Err(missing(Location::part("QPD", 1, [3, 1, 1]), "QPD-3 names no identifier"));
        }
        Ok(Self { identifier, wanted: domains(qpd, 4) })
    }
}

/// A question for patients by demographics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdqQuery {
    /// QPD-3: all of them must hold, in their order: an authority belongs to the identifier before it.
    pub criteria: Vec<Criterion>,
    /// QPD-8: the domains whose identifiers are wanted; all, where there is none.
    pub wanted: Vec<Cx>,
    /// RCP-2: most patients in one answer.
    pub limit: Option<usize>,
    /// DSC-1: where an earlier answer left off.
    pub continuation: Option<Continuation>,
}

/// One criterion of a PDQ query. What is looked for is patient data: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Criterion {
    /// What is compared.
    pub field: SearchField,
    /// With what; `*` at an end stands for anything.
    pub value: String,
    /// Its repetition of QPD-3.
    pub repetition: usize,
}

impl std::fmt::Debug for Criterion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Criterion({:?}, [redacted])", self.field)
    }
}

/// The pointer of a DSC segment: opaque to all but the program that gave it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation(pub String);

/// What a criterion compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchField {
    /// PID-3.1.
    Identifier,
    /// PID-3.4.1.
    IdentifierNamespace,
    /// PID-3.4.2.
    IdentifierUniversalId,
    /// PID-3.4.3.
    IdentifierUniversalIdType,
    /// PID-18.1.
    Account,
    /// PID-18.4.x: read, and not compared.
    AccountDomain,
    /// PID-5.1.
    Family,
    /// PID-5.2.
    Given,
    /// PID-5.3.
    Middle,
    /// PID-6.1.
    MotherMaidenName,
    /// PID-7.
    BirthDate,
    /// PID-8.
    Sex,
    /// PID-11.1.
    Street,
    /// PID-11.3.
    City,
    /// PID-11.4.
    State,
    /// PID-11.5.
    PostalCode,
    /// PID-11.6.
    Country,
    /// PID-13: a number, whole or in parts.
    Phone,
    /// PID-13.4.
    Email,
    /// PID-25.
    BirthOrder,
}

/// The names of criteria, without the `@PID.` in front; a trailing `.1` means the same.
const FIELDS: [(&str, SearchField); 27] = [
    ("3", SearchField::Identifier),
    ("3.1", SearchField::Identifier),
    ("3.4", SearchField::IdentifierNamespace),
    ("3.4.1", SearchField::IdentifierNamespace),
    ("3.4.2", SearchField::IdentifierUniversalId),
    ("3.4.3", SearchField::IdentifierUniversalIdType),
    ("5", SearchField::Family),
    ("5.1", SearchField::Family),
    ("5.2", SearchField::Given),
    ("5.3", SearchField::Middle),
    ("6", SearchField::MotherMaidenName),
    ("6.1", SearchField::MotherMaidenName),
    ("7", SearchField::BirthDate),
    ("8", SearchField::Sex),
    ("11.1", SearchField::Street),
    ("11.3", SearchField::City),
    ("11.4", SearchField::State),
    ("11.5", SearchField::PostalCode),
    ("11.6", SearchField::Country),
    ("13", SearchField::Phone),
    ("13.4", SearchField::Email),
    ("13.7", SearchField::Phone),
    ("18", SearchField::Account),
    ("18.4.1", SearchField::AccountDomain),
    ("18.4.2", SearchField::AccountDomain),
    ("18.4.3", SearchField::AccountDomain),
    ("25", SearchField::BirthOrder),
];

impl SearchField {
    /// The field of a name such as `@PID.5.1.1`.
    fn of(name: &str) -> Option<Self> {
        let path = name.strip_prefix("@PID.")?;
        let shorter = path.strip_suffix(".1");
        let found = |path: &str| FIELDS.iter().find(|(known, _)| *known == path);
        let exact = found(path).or_else(|| shorter.and_then(found));
        exact.map(|(_, field)| *field)
    }
}

impl PdqQuery {
    /// Reads QPD, RCP and DSC.
    ///
    /// # Errors
    /// Where and why the query is none.
    pub fn read(message: &Message) -> Result<Self, Warning> {
        let qpd = qpd(message)?;
        let mut criteria = Vec::new();
        for (at, part) in qpd.field(3).repetitions().enumerate() {
            let (name, value) = (part.text_of(1), part.text_of(2));
            if name.is_empty() && value.is_empty() {
                continue;
            }
            let field = SearchField::of(&name).filter(|_| at < CRITERIA_MAX);
            let field = field.ok_or_else(|| Warning {
                location: Location::part("QPD", 1, [3, at + 1, 0]),
                code: ErrorCode::DataType,
                text: "QPD-3 names a field that cannot be searched by",
            })?;
            // An empty value restricts nothing.
            if !value.is_empty() {
                criteria.push(Criterion { field, value: value.into_owned(), repetition: at + 1 });
            }
        }
        if criteria.is_empty() {
            return Err(missing(Location::field("QPD", 1, 3), "QPD-3 names nothing to search by"));
        }
        let quantity = message.segment("RCP").map(|rcp| rcp.field(2).text().into_owned());
        let limit = match quantity.as_deref() {
            None | Some("") => None,
            Some(number) => {
                Some(number.parse().ok().filter(|limit| *limit > 0).ok_or(Warning {
                    location: Location::field("RCP", 1, 2),
                    code: ErrorCode::DataType,
                    text: "RCP-2 must be a number of records, as in 10^RD",
                })?)
            }
        };
        let pointer = message.segment("DSC").map(|dsc| dsc.field(1).text().into_owned());
        let continuation = pointer.filter(|pointer| !pointer.is_empty()).map(Continuation);
        Ok(Self { criteria, wanted: domains(qpd, 8), limit, continuation })
    }
}

fn qpd(message: &Message) -> Result<Segment<'_>, Warning> {
    let qpd = message.segment("QPD").ok_or(Warning {
        location: Location::segment("QPD", 1),
        code: ErrorCode::SegmentSequence,
        text: "the query has no QPD segment",
    })?;
    if qpd.field(2).is_empty() {
        return Err(missing(Location::field("QPD", 1, 2), "QPD-2, the query's tag, is missing"));
    }
    Ok(qpd)
}

const fn missing(location: Location, text: &'static str) -> Warning {
    Warning { location, code: ErrorCode::RequiredField, text }
}

/// The domains that a field names; repetitions that name none are left out.
fn domains(qpd: Segment<'_>, field: usize) -> Vec<Cx> {
    let all = qpd.field(field).repetitions().take(DOMAINS_MAX).enumerate();
    let read = all.map(|(at, part)| Cx::read(part, at + 1));
    read.filter(|cx| !cx.domain.is_empty()).collect()
}
