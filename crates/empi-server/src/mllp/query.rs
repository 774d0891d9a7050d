//! Queries: the identifiers of a patient (PIX, ITI-9), and patients by what is known of them (PDQ, ITI-21).

use empi_formats::hl7::{
    AckCode, Continuation, Criterion as Asked, Cx, ErrorCode, ErrorEntry, Location, Message,
    Numbered, PdqQuery, PersonRow, PixQuery, SearchField, pdq_answer, pix_answer,
};
use empi_formats::{AssigningAuthority, Authorities, Domain};
use empi_model::{Sex, SourceRecord};
use empi_registry::{
    Criterion, DateRange, Found, IdentifierWanted, Registry, RegistryError, TextField, TextMatch,
};

use super::Mllp;
use super::message::{Answered, Stop, entry, reply};
use crate::exchange::person::{LookupError, Number, Told, numbers, owner, shown};

/// Answers a PIX query.
pub(super) fn pix(mllp: &Mllp, registry: &Registry, message: &Message) -> Result<Answered, Stop> {
    let authorities = &mllp.0.exchange.authorities;
    let found = found_identifiers(mllp, registry, message);
    let (found, errors) = match found {
        Ok(found) => (found, Vec::new()),
        Err(Stop::Refused(_, errors)) => (Vec::new(), errors),
        Err(stop) => return Err(stop),
    };
    let code = if errors.is_empty() { AckCode::Accept } else { AckCode::Error };
    let written = written(authorities, &found);
    let writer = pix_answer(&reply(mllp, message), &written, &errors);
    Ok(Answered { writer, code: code.as_str() })
}

fn found_identifiers(
    mllp: &Mllp,
    registry: &Registry,
    message: &Message,
) -> Result<Vec<Number>, Stop> {
    let authorities = &mllp.0.exchange.authorities;
    let PixQuery { identifier, wanted } = PixQuery::read(message)?;
    let asked = match authorities.of_domain(&identifier.domain) {
        Ok(authority) => authority,
        Err(fault) => {
            let place = Location::part("QPD", 1, [3, 1, 4]);
            return Err(Stop::error(place, ErrorCode::UnknownKey, fault.sentence()));
        }
    };
    let wanted = wanted_domains(authorities, &wanted, 4)?;
    let number = (asked.name.clone(), identifier.value);
    let view = owner(authorities, registry, (&number.0, &number.1)).map_err(|error| {
        let place = Location::part("QPD", 1, [3, 1, 1]);
        match error {
            LookupError::Unknown => {
                Stop::error(place, ErrorCode::UnknownKey, "the identifier is not known")
            }
            LookupError::Several => {
                let text =
                    "several persons have the identifier: a data steward must say whose it is";
                Stop::error(place, ErrorCode::UnknownKey, text)
            }
            LookupError::Registry(error) => Stop::Failed(error),
        }
    })?;
    let mut found = numbers(authorities, &view, Told::Registered);
    found.retain(|it| mllp.0.config.answer_asked_identifier || *it != number);
    found.retain(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(name)));
    Ok(found)
}

/// The domains that are wanted; `None` for all. Every one that is not registered is an error of its own.
fn wanted_domains(
    authorities: &Authorities,
    wanted: &[Cx],
    field: usize,
) -> Result<Option<Vec<String>>, Stop> {
    let (mut names, mut errors) = (Vec::new(), Vec::new());
    for cx in wanted {
        match authorities.of_domain(&cx.domain) {
            Ok(authority) => names.push(authority.name.clone()),
            Err(fault) => {
                let place = Location::part("QPD", 1, [field, cx.repetition, 0]);
                errors.push(entry(place, ErrorCode::UnknownKey, fault.sentence()));
            }
        }
    }
    if !errors.is_empty() {
        return Err(Stop::Refused(AckCode::Error, errors));
    }
    Ok((!wanted.is_empty()).then_some(names))
}

/// Numbers with their authorities, as they are written.
pub(super) fn written<'a>(
    authorities: &'a Authorities,
    numbers: &'a [Number],
) -> Vec<Numbered<'a>> {
    let named = numbers.iter().filter_map(|(name, value)| {
        let authority: &AssigningAuthority = authorities.named(name)?;
        Some((authority, value.as_str()))
    });
    named.collect()
}

/// Answers a PDQ query.
pub(super) fn pdq(mllp: &Mllp, registry: &Registry, message: &Message) -> Result<Answered, Stop> {
    match page(mllp, registry, message) {
        Ok(page) => {
            Ok(Answered { writer: page.write(mllp, message, &[]), code: AckCode::Accept.as_str() })
        }
        Err(Stop::Refused(_, errors)) => Ok(Answered {
            writer: Page::default().write(mllp, message, &errors),
            code: AckCode::Error.as_str(),
        }),
        Err(stop) => Err(stop),
    }
}

/// A page of an answer.
#[derive(Default)]
struct Page {
    persons: Vec<(SourceRecord, Vec<Number>)>,
    total: usize,
    remaining: usize,
    next: Option<Continuation>,
}

impl Page {
    fn write(
        &self,
        mllp: &Mllp,
        message: &Message,
        errors: &[ErrorEntry],
    ) -> empi_formats::hl7::Writer {
        let authorities = &mllp.0.exchange.authorities;
        let rows: Vec<PersonRow<'_>> = self
            .persons
            .iter()
            .map(|(record, numbers)| PersonRow {
                identifiers: written(authorities, numbers),
                record,
                confidence: 1.0,
            })
            .collect();
        let counts = (self.total, self.remaining);
        pdq_answer(&reply(mllp, message), &rows, counts, self.next.as_ref(), errors)
    }
}

fn page(mllp: &Mllp, registry: &Registry, message: &Message) -> Result<Page, Stop> {
    let authorities = &mllp.0.exchange.authorities;
    let query = PdqQuery::read(message)?;
    let wanted = wanted_domains(authorities, &query.wanted, 8)?;
    let criteria = criteria(authorities, &query.criteria)?;
    let limit = query.limit.unwrap_or(usize::MAX).min(mllp.0.config.page_size_max);
    // A pointer is bound to what was asked and who asked.
    let qpd = message.segment("QPD").map_or("", empi_formats::hl7::Segment::raw_fields).trim_end();
    let bound = format!("{}|{}|{qpd}", message.header(3).raw(), message.header(4).raw());
    let (pointers, now) = (&mllp.0.pointers, registry.now());
    let offset = match &query.continuation {
        None => 0,
        Some(Continuation(pointer)) => pointers.read(&bound, pointer, now).ok_or_else(|| {
            let text = "the pointer is not of this query, or too old: ask from the beginning";
            Stop::error(Location::field("DSC", 1, 1), ErrorCode::UnknownKey, text)
        })?,
    };
    let Found { views, total } =
        registry.find(&criteria, offset, limit).map_err(|error| match error {
            RegistryError::Invalid(text) => {
                Stop::error(Location::field("QPD", 1, 3), ErrorCode::Internal, text)
            }
            error => Stop::Failed(error),
        })?;
    let read = views.len();
    let mut persons: Vec<(SourceRecord, Vec<Number>)> = views
        .iter()
        .map(|view| {
            let mut numbers = numbers(authorities, view, Told::Registered);
            numbers.retain(|(name, _)| wanted.as_ref().is_none_or(|it| it.contains(name)));
            (shown(view), numbers)
        })
        .collect();
    // PID-3 is required: whoever has no number that is wanted is not told of.
    persons.retain(|(_, numbers)| !numbers.is_empty());
    let remaining = total.saturating_sub(offset + read);
    let next = (remaining > 0).then(|| Continuation(pointers.make(&bound, offset + read, now)));
    Ok(Page { persons, total, remaining, next })
}

/// The criteria as the registry takes them.
fn criteria(authorities: &Authorities, asked: &[Asked]) -> Result<Vec<Criterion>, Stop> {
    let mut criteria = Vec::new();
    let mut identifiers: Vec<Wanted> = Vec::new();
    for criterion in asked {
        if let Some(criterion) = demographic(criterion)? {
            criteria.extend(criterion);
        } else {
            take_identifier(criterion, &mut identifiers)?;
        }
    }
    for Wanted { value, repetition, domain } in identifiers {
        let authority = if domain.is_empty() {
            None
        } else {
            let found = authorities.of_domain(&domain).map_err(|fault| {
                let place = Location::part("QPD", 1, [3, repetition, 0]);
                Stop::error(place, ErrorCode::UnknownKey, fault.sentence())
            })?;
            Some(found.name.clone())
        };
        criteria.push(Criterion::Identifier(vec![IdentifierWanted { authority, value }]));
    }
    Ok(criteria)
}

/// An identifier that is looked for, with the domain that the criteria after it name.
struct Wanted {
    value: String,
    repetition: usize,
    domain: Domain,
}

/// A criterion about an identifier or its domain.
fn take_identifier(asked: &Asked, identifiers: &mut Vec<Wanted>) -> Result<(), Stop> {
    let Asked { field, value, repetition } = asked;
    if matches!(field, SearchField::Identifier | SearchField::Account) {
        let (value, domain) = (value.clone(), Domain::default());
        identifiers.push(Wanted { value, repetition: *repetition, domain });
        return Ok(());
    }
    let Some(last) = identifiers.last_mut() else {
        let text = "an authority alone leads to nobody: name @PID.3.1 before it";
        let place = Location::part("QPD", 1, [3, *repetition, 0]);
        return Err(Stop::error(place, ErrorCode::RequiredField, text));
    };
    match field {
        SearchField::IdentifierNamespace => last.domain.namespace.clone_from(value),
        SearchField::IdentifierUniversalId => last.domain.universal_id.clone_from(value),
        SearchField::IdentifierUniversalIdType => last.domain.universal_id_type.clone_from(value),
        // The account's domain is read, and not compared.
        _ => {}
    }
    Ok(())
}

/// A criterion about what somebody is like: what it means, which may be nothing; `None` for one about an
/// identifier.
fn demographic(asked: &Asked) -> Result<Option<Option<Criterion>>, Stop> {
    let Asked { field, value, repetition } = asked;
    let place = || Location::part("QPD", 1, [3, *repetition, 0]);
    let criterion = match field {
        SearchField::BirthDate => Some(Criterion::BirthDate(days(value).ok_or_else(|| {
            let text = "a birth date is written YYYY, YYYYMM or YYYYMMDD";
            Stop::error(place(), ErrorCode::DataType, text)
        })?)),
        SearchField::Sex => {
            sex(value).map_err(|text| Stop::error(place(), ErrorCode::TableValueNotFound, text))?
        }
        other => {
            let Some(field) = text_field(*other) else { return Ok(None) };
            let (how, value) = wildcard(value);
            Some(Criterion::Text { field, how, values: vec![value.to_owned()] })
        }
    };
    Ok(Some(criterion))
}

const fn text_field(field: SearchField) -> Option<TextField> {
    Some(match field {
        SearchField::Family => TextField::Family,
        SearchField::Given => TextField::Given,
        SearchField::Middle => TextField::Middle,
        SearchField::MotherMaidenName => TextField::MotherMaidenName,
        SearchField::Street => TextField::Street,
        SearchField::City => TextField::City,
        SearchField::State => TextField::State,
        SearchField::PostalCode => TextField::PostalCode,
        SearchField::Country => TextField::Country,
        SearchField::Phone => TextField::Phone,
        SearchField::Email => TextField::Email,
        SearchField::BirthOrder => TextField::BirthOrder,
        _ => return None,
    })
}

/// `OKAF*` begins, `*AFO*` is anywhere, anything else is the whole text.
fn wildcard(value: &str) -> (TextMatch, &str) {
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(rest), _) => (TextMatch::Contains, rest.strip_suffix('*').unwrap_or(rest)),
        (None, Some(rest)) => (TextMatch::Begins, rest),
        (None, None) => (TextMatch::Same, value),
    }
}

/// The days that a date means as far as it is given.
fn days(value: &str) -> Option<DateRange> {
    let digits = value.trim_end_matches('*');
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    let digits = digits.get(..end.min(8))?;
    let number: u32 = digits.parse().ok()?;
    let (from, to) = match digits.len() {
        4 => (number * 10_000 + 101, number * 10_000 + 1231),
        6 => (number * 100 + 1, number * 100 + 31),
        8 => (number, number),
        _ => return None,
    };
    Some(DateRange { from, to, may_overlap: false })
}

/// The sex of a letter; nothing for `U`, which restricts nothing.
fn sex(letter: &str) -> Result<Option<Criterion>, &'static str> {
    let wanted = match letter.trim().to_ascii_uppercase().as_str() {
        "F" => Sex::Female,
        "M" => Sex::Male,
        "O" | "A" | "N" | "X" => Sex::Other,
        "U" => return Ok(None),
        _ => return Err("PID-8 must be a letter of table 0001"),
    };
    Ok(Some(Criterion::Sex(vec![wanted])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_anything_at_the_ends() {
        for (value, how, text) in [
            ("OKAF*", TextMatch::Begins, "OKAF"),
            ("*AFO*", TextMatch::Contains, "AFO"),
            ("*FOR", TextMatch::Contains, "FOR"),
            ("OKAFOR", TextMatch::Same, "OKAFOR"),
        ] {
            assert_eq!(wildcard(value), (how, text));
        }
    }

    #[test]
    fn dates_mean_as_much_as_they_say() {
        for (value, expected) in [
            ("1985", Some((19_850_101, 19_851_231))),
            ("198502", Some((19_850_201, 19_850_231))),
            ("19850214", Some((19_850_214, 19_850_214))),
            ("198502141530-0500", Some((19_850_214, 19_850_214))),
            ("1985*", Some((19_850_101, 19_851_231))),
            ("198", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(days(value).map(|it| (it.from, it.to)), expected, "{value}");
        }
    }
}
