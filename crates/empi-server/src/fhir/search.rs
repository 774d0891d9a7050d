//! Searching Patients (ITI-78): parameters to criteria, persons to a bundle with pages.

use axum::http::StatusCode;
use empi_formats::fhir::{
    Bundle, BundleKind, BundleLink, Entry, IssueCode, IssueSeverity, OperationOutcome,
};
use empi_model::{EnterpriseId, Sex};
use empi_registry::{
    Criterion, DateRange, Found, IdentifierWanted, Registry, RegistryError, TextField, TextMatch,
};

use super::answer::{Answer, Refusal};
use super::person::{all_numbers, patient};
use super::request::{Asked, token};
use crate::exchange::Exchange;

/// Where a page begins: ours, so that links to pages work.
const OFFSET: &str = "_offset";

/// Parameters that change how an answer is written, not what is in it.
const IGNORED: [&str; 6] = ["_format", "_pretty", "_total", "_count", "_summary", OFFSET];

/// What a search asks for.
#[derive(Default)]
struct Wanted {
    criteria: Vec<Criterion>,
    ids: Option<Vec<EnterpriseId>>,
    /// Domains whose identifiers are told; all, where there is none.
    domains: Vec<String>,
    dates: Vec<DateRange>,
    /// Nobody is wanted: a Patient that is not in use, say.
    nobody: bool,
}

/// Answers a search.
pub(super) fn search(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
    page_size_max: usize,
) -> Result<Answer, Refusal> {
    let mut wanted = Wanted::default();
    for (name, value) in &asked.parameters {
        wanted.take(exchange, name, value)?;
    }
    wanted.join_dates();
    let number = |name: &str| {
        asked.all(name).next().map(|text| {
            text.parse::<usize>().map_err(|_| {
                Refusal::invalid(IssueCode::Value, format!("`{name}` must be a number"))
            })
        })
    };
    let offset = number(OFFSET).transpose()?.unwrap_or(0);
    let limit = number("_count").transpose()?.unwrap_or(page_size_max).min(page_size_max);
    let found = match wanted.found(registry, offset, limit) {
        Ok(found) => found,
        // Not a fault of the request's form: it would be a good search of fewer people.
        Err(RegistryError::Invalid(text)) => {
            let outcome = OperationOutcome::new(IssueSeverity::Error, IssueCode::TooCostly, text);
            let bundle = Bundle::new(BundleKind::Searchset, None, vec![Entry::outcome(outcome)]);
            return Ok(Answer::ok(&bundle));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Answer::ok(&bundle(exchange, asked, &wanted, &found, offset)))
}

fn bundle(
    exchange: &Exchange,
    asked: &Asked,
    wanted: &Wanted,
    found: &Found,
    offset: usize,
) -> Bundle {
    let entries = found.views.iter().map(|view| {
        let mut numbers = all_numbers(exchange, view);
        numbers.retain(|(name, _)| wanted.domains.is_empty() || wanted.domains.contains(name));
        let patient = patient(&exchange.authorities, view, &numbers);
        Entry::found(asked.url_of(&view.person.enterprise_id.to_string()), patient, None)
    });
    let mut bundle = Bundle::new(BundleKind::Searchset, Some(found.total), entries.collect());
    let end = offset + found.views.len();
    // A search that came as a form is not written into links: URLs are kept where bodies are not. Its next
    // page is asked for by the same form with `_offset`.
    if !asked.is_form() {
        let url = |query: String| format!("{}/Patient?{query}", asked.base);
        bundle.link.push(BundleLink { relation: "self", url: url(asked.query.clone()) });
        if end < found.total && !found.views.is_empty() {
            let query: String = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(asked.parameters.iter().filter(|(name, _)| name != OFFSET))
                .append_pair(OFFSET, &end.to_string())
                .finish();
            bundle.link.push(BundleLink { relation: "next", url: url(query) });
        }
    }
    bundle
}

impl Wanted {
    fn found(
        &self,
        registry: &Registry,
        offset: usize,
        limit: usize,
    ) -> Result<Found, RegistryError> {
        if self.nobody {
            return Ok(Found::default());
        }
        let Some(ids) = &self.ids else {
            return registry.find(&self.criteria, offset, limit);
        };
        let mut views = Vec::new();
        for id in ids {
            match registry.person(*id) {
                Ok(view) if view.person.enterprise_id == *id => views.push(view),
                Ok(_) | Err(RegistryError::NotFound(_) | RegistryError::Restricted(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let total = views.len();
        Ok(Found { views: views.into_iter().skip(offset).take(limit).collect(), total })
    }

    fn take(&mut self, exchange: &Exchange, name: &str, value: &str) -> Result<(), Refusal> {
        let (name, modifier) = name.split_once(':').unwrap_or((name, ""));
        if IGNORED.contains(&name) || value.is_empty() {
            return Ok(());
        }
        if let Some(field) = text_field(name) {
            return self.take_text(field, modifier, value);
        }
        match (name, modifier) {
            ("_id", "") => {
                let ids = value.split(',').filter_map(|id| id.trim().parse().ok());
                self.ids = Some(ids.collect());
            }
            ("active", "") => self.nobody |= !value.split(',').any(|it| token(it).1 == "true"),
            ("gender", "") => self.criteria.push(gender(value)?),
            ("birthdate", "") => self.dates.push(days(value)?),
            ("identifier", "") => self.take_identifier(exchange, value)?,
            ("telecom" | "phone" | "email", "") => self.criteria.push(telecom(name, value)),
            _ => {
                let sentence = format!(
                    "the search parameter `{name}` is not supported here, or not with that modifier"
                );
                return Err(Refusal::invalid(IssueCode::NotSupported, sentence));
            }
        }
        Ok(())
    }

    fn take_text(&mut self, field: TextField, modifier: &str, value: &str) -> Result<(), Refusal> {
        let how = match modifier {
            "" => TextMatch::Begins,
            "exact" => TextMatch::Exact,
            "contains" => TextMatch::Contains,
            _ => {
                let sentence = "only the modifiers :exact and :contains are supported";
                return Err(Refusal::invalid(IssueCode::NotSupported, sentence));
            }
        };
        let values = value.split(',').map(str::to_owned).collect();
        self.criteria.push(Criterion::Text { field, how, values });
        Ok(())
    }

    /// `system|value` and `value` look for somebody; `system|` says whose identifiers are told.
    fn take_identifier(&mut self, exchange: &Exchange, value: &str) -> Result<(), Refusal> {
        let mut wanted = Vec::new();
        for part in value.split(',') {
            let (system, value) = token(part);
            let authority = system.filter(|system| !system.is_empty());
            let name = authority.map(|system| exchange.authorities.name_of(system));
            if !value.is_empty() {
                wanted.push(IdentifierWanted { authority: name, value: value.to_owned() });
                continue;
            }
            match authority.and_then(|system| exchange.authorities.of_system(system)) {
                Some(authority) => self.domains.push(authority.name.clone()),
                None => {
                    let sentence = "the assigning authority that is asked for is not registered";
                    return Err(Refusal::new(StatusCode::NOT_FOUND, IssueCode::NotFound, sentence));
                }
            }
        }
        if !wanted.is_empty() {
            self.criteria.push(Criterion::Identifier(wanted));
        }
        Ok(())
    }

    /// Two ends of a range are one range, which can lead to somebody.
    fn join_dates(&mut self) {
        if let [one, other] = self.dates.as_slice() {
            let joined = DateRange {
                from: one.from.max(other.from),
                to: one.to.min(other.to),
                may_overlap: true,
            };
            self.criteria.push(Criterion::BirthDate(joined));
        }
        self.criteria.extend(self.dates.iter().map(|range| Criterion::BirthDate(*range)));
    }
}

fn text_field(name: &str) -> Option<TextField> {
    Some(match name {
        "family" => TextField::Family,
        "given" => TextField::Given,
        "name" => TextField::Name,
        "address" => TextField::Address,
        "address-city" => TextField::City,
        "address-state" => TextField::State,
        "address-postalcode" => TextField::PostalCode,
        "address-country" => TextField::Country,
        "mothersMaidenName" => TextField::MotherMaidenName,
        _ => return None,
    })
}

fn gender(value: &str) -> Result<Criterion, Refusal> {
    let sexes = value.split(',').map(|code| match token(code).1 {
        "female" => Some(Sex::Female),
        "male" => Some(Sex::Male),
        "other" => Some(Sex::Other),
        _ => None,
    });
    let sexes: Option<Vec<Sex>> = sexes.collect();
    sexes
        .map(Criterion::Sex)
        .ok_or_else(|| Refusal::invalid(IssueCode::Value, "`gender` must be female, male or other"))
}

/// `phone|+1217...`, `email|...` or the number or address alone.
fn telecom(name: &str, value: &str) -> Criterion {
    let parts: Vec<(Option<&str>, &str)> = value.split(',').map(token).collect();
    let is_mail = name == "email"
        || parts.iter().any(|(system, value)| *system == Some("email") || value.contains('@'));
    let field = if is_mail && name != "phone" { TextField::Email } else { TextField::Phone };
    let values = parts.into_iter().map(|(_, value)| value.to_owned()).collect();
    Criterion::Text { field, how: TextMatch::Same, values }
}

/// A date with its prefix: `1985`, `ge1985-02`, `lt1985-02-14`.
fn days(value: &str) -> Result<DateRange, Refusal> {
    let refused = || {
        let sentence = "`birthdate` must be YYYY, YYYY-MM or YYYY-MM-DD, with eq, ge, gt, le, lt, sa or eb \
                        in front if need be";
        Refusal::invalid(IssueCode::Value, sentence)
    };
    let is_prefix = value.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let (prefix, date) = match value.split_at_checked(2) {
        Some(parts) if is_prefix => parts,
        _ => ("eq", value),
    };
    let digits: String = date.split('-').collect();
    let number: u32 = digits.parse().map_err(|_| refused())?;
    let (from, to) = match (digits.len(), date.len()) {
        (4, 4) => (number * 10_000 + 101, number * 10_000 + 1231),
        (6, 7) => (number * 100 + 1, number * 100 + 31),
        (8, 10) => (number, number),
        _ => return Err(refused()),
    };
    let (last, first) = (9999_1231, 101);
    let (from, to, may_overlap) = match prefix {
        "eq" => (from, to, false),
        "ge" => (from, last, true),
        "gt" => (to + 1, last, true),
        "le" => (first, to, true),
        "lt" => (first, from.saturating_sub(1), true),
        "sa" => (to + 1, last, false),
        "eb" => (first, from.saturating_sub(1), false),
        _ => return Err(refused()),
    };
    Ok(DateRange { from, to, may_overlap })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_mean_what_their_prefix_says() {
        for (value, expected) in [
            ("1985", Some((19_850_101, 19_851_231, false))),
            ("eq1985-02", Some((19_850_201, 19_850_231, false))),
            ("1985-02-14", Some((19_850_214, 19_850_214, false))),
            ("ge1985-02-14", Some((19_850_214, 99_991_231, true))),
            ("gt1985-02", Some((19_850_232, 99_991_231, true))),
            ("lt1985-02-14", Some((101, 19_850_213, true))),
            ("le1985", Some((101, 19_851_231, true))),
            ("eb1985", Some((101, 19_850_100, false))),
            ("ne1985", None),
            ("85", None),
            ("19850214", None),
            ("é", None),
        ] {
            let read = days(value).ok().map(|it| (it.from, it.to, it.may_overlap));
            assert_eq!(read, expected, "{value}");
        }
    }
}
