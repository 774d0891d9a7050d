//! What is known of somebody who is looked for field by field, and whether a record has it.

use empi_linkage::{fold_text, normalize};
use empi_model::{BirthDate, PatientText, PostalAddress, Sex, SourceRecord};

/// One thing that must hold of a person. Each may be met by another of the person's records.
///
/// What is looked for is patient data: `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub enum Criterion {
    /// A text of a record.
    Text {
        /// Which.
        field: TextField,
        /// How it is compared.
        how: TextMatch,
        /// With one of these.
        values: Vec<String>,
    },
    /// A birth date.
    BirthDate(DateRange),
    /// One of these sexes.
    Sex(Vec<Sex>),
    /// One of these identifiers: a record's own ID in its source, or a number that it carries.
    Identifier(Vec<IdentifierWanted>),
}

impl std::fmt::Debug for Criterion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Text { field, .. } => return write!(formatter, "Text({field:?})"),
            Self::BirthDate(_) => "BirthDate",
            Self::Sex(_) => "Sex",
            Self::Identifier(_) => "Identifier",
        };
        formatter.write_str(name)
    }
}

/// A text of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    /// Any family name.
    Family,
    /// Any given name, middle names among them.
    Given,
    /// Any middle name.
    Middle,
    /// Any part of any name.
    Name,
    /// The mother's family name at birth.
    MotherMaidenName,
    /// Street and unit.
    Street,
    /// City.
    City,
    /// State or province.
    State,
    /// Postal code.
    PostalCode,
    /// Country.
    Country,
    /// Any part of any address.
    Address,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
    /// Order among a multiple birth.
    BirthOrder,
}

/// How a text is compared. But for [`Exact`](Self::Exact), case, accents and punctuation do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// Letter by letter.
    Exact,
    /// The whole text.
    Same,
    /// The beginning of the text or of one of its words.
    Begins,
    /// Anywhere in the text.
    Contains,
}

/// Birth dates from one day to another, both included, as `YYYYMMDD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// The first day.
    pub from: u32,
    /// The last day.
    pub to: u32,
    /// Whether a date of which only the year or month is known fits when it may lie in the range; else it
    /// must do so whatever its day.
    pub may_overlap: bool,
}

/// An identifier that is looked for.
#[derive(Clone, PartialEq)]
pub struct IdentifierWanted {
    /// The source or authority by its name in the index; any, where it is `None`.
    pub authority: Option<String>,
    /// The number.
    pub value: String,
}

impl DateRange {
    /// Whether a date lies in it.
    fn holds(self, date: BirthDate) -> bool {
        let (first, last) = days(date);
        if self.may_overlap {
            first <= self.to && last >= self.from
        } else {
            first >= self.from && last <= self.to
        }
    }
}

/// The first and the last day that a date may mean.
fn days(date: BirthDate) -> (u32, u32) {
    let year = u32::from(date.year()) * 10_000;
    let month = |month: Option<u8>, other: u32| month.map_or(other, u32::from) * 100;
    let day = |day: Option<u8>, other: u32| day.map_or(other, u32::from);
    let first = year + month(date.month(), 1) + day(date.day(), 1);
    (first, year + month(date.month(), 12) + day(date.day(), 31))
}

impl Criterion {
    /// Whether a record meets it.
    pub(super) fn is_met(&self, record: &SourceRecord) -> bool {
        match self {
            Self::Text { field, how, values } => {
                let texts = texts(record, *field);
                texts.iter().any(|text| {
                    values.iter().any(|wanted| matches(*field, *how, text.expose(), wanted))
                })
            }
            Self::BirthDate(range) => {
                normalize(record).birth_date.is_some_and(|date| range.holds(date))
            }
            Self::Sex(wanted) => normalize(record).sex.is_some_and(|sex| wanted.contains(&sex)),
            Self::Identifier(wanted) => wanted.iter().any(|wanted| carries(record, wanted)),
        }
    }
}

fn carries(record: &SourceRecord, wanted: &IdentifierWanted) -> bool {
    let is_of = |authority: &str| wanted.authority.as_deref().is_none_or(|it| it == authority);
    let is_it = |value: &str| value.trim() == wanted.value.trim();
    (is_of(&record.key.source) && is_it(&record.key.record_id))
        || record.identifiers.iter().any(|it| is_of(&it.authority) && is_it(it.value.expose()))
}

fn texts(record: &SourceRecord, field: TextField) -> Vec<&PatientText> {
    let names = record.names.iter();
    let addresses = record.addresses.iter();
    match field {
        TextField::Family => names.filter_map(|name| name.family.as_ref()).collect(),
        TextField::Given => {
            names.flat_map(|name| name.given.iter().chain(name.middle.as_ref())).collect()
        }
        TextField::Middle => names.filter_map(|name| name.middle.as_ref()).collect(),
        TextField::Name => names
            .flat_map(|it| [&it.family, &it.given, &it.middle, &it.suffix])
            .filter_map(Option::as_ref)
            .collect(),
        TextField::MotherMaidenName => record.mother_maiden_name.iter().collect(),
        TextField::Street => {
            addresses.flat_map(|it| it.street.iter().chain(it.unit.as_ref())).collect()
        }
        TextField::City => addresses.filter_map(|it| it.city.as_ref()).collect(),
        TextField::State => addresses.filter_map(|it| it.state.as_ref()).collect(),
        TextField::PostalCode => addresses.filter_map(|it| it.postal_code.as_ref()).collect(),
        TextField::Country => addresses.filter_map(|it| it.country.as_ref()).collect(),
        TextField::Address => addresses.flat_map(parts_of_address).collect(),
        TextField::Phone => record.phones.iter().collect(),
        TextField::Email => record.emails.iter().collect(),
        TextField::BirthOrder => record.birth_order.iter().collect(),
    }
}

fn parts_of_address(address: &PostalAddress) -> impl Iterator<Item = &PatientText> {
    let PostalAddress { street, unit, city, state, postal_code, country } = address;
    [street, unit, city, state, postal_code, country].into_iter().filter_map(Option::as_ref)
}

fn matches(field: TextField, how: TextMatch, text: &str, wanted: &str) -> bool {
    if how == TextMatch::Exact {
        return text.trim() == wanted.trim();
    }
    if field == TextField::Phone {
        let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
        let (known, wanted) = (digits(text), digits(wanted));
        // With or without the country's code.
        return wanted.len() >= 4
            && (known.ends_with(&wanted) || wanted.ends_with(&known))
            && !known.is_empty();
    }
    let (known, wanted) = (fold_text(text), fold_text(wanted));
    match how {
        _ if wanted.is_empty() => false,
        TextMatch::Exact | TextMatch::Same => known == wanted,
        TextMatch::Begins => {
            known.starts_with(wanted.as_str())
                || known.match_indices(' ').any(|(at, _)| {
                    known.get(at + 1..).is_some_and(|word| word.starts_with(wanted.as_str()))
                })
        }
        TextMatch::Contains => known.contains(wanted.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_as_asked() {
        for (field, how, text, wanted, expected) in [
            (TextField::Family, TextMatch::Same, "O'Neil", "oneil", true),
            (TextField::Family, TextMatch::Same, "Müller", "MULLER", true),
            (TextField::Family, TextMatch::Same, "Okafor-Bell", "okafor bell", true),
            (TextField::Family, TextMatch::Same, "Okafor", "Okaf", false),
            (TextField::Family, TextMatch::Begins, "Okafor", "okaf", true),
            (TextField::Family, TextMatch::Begins, "Okafor-Bell", "bel", true),
            (TextField::Family, TextMatch::Begins, "Okafor", "", false),
            (TextField::Street, TextMatch::Contains, "12 Elm Street", "elm", true),
            (TextField::Given, TextMatch::Exact, "Amara", "AMARA", false),
            (TextField::Given, TextMatch::Exact, "Amara", "Amara", true),
            (TextField::Phone, TextMatch::Same, "(217) 555-0142", "+1 217 555 0142", true),
            (TextField::Phone, TextMatch::Same, "(217) 555-0142", "5550142", true),
            (TextField::Phone, TextMatch::Same, "(217) 555-0142", "142", false),
            (TextField::Phone, TextMatch::Same, "", "5550142", false),
        ] {
            assert_eq!(matches(field, how, text, wanted), expected, "{text} {wanted}");
        }
    }

    #[test]
    fn dates_lie_in_ranges_as_exactly_as_they_are_known() {
        for (date, from, to, within, overlapping) in [
            ("1985-02-14", 19_850_214, 19_850_214, true, true),
            ("1985-02", 19_850_201, 19_850_231, true, true),
            ("1985", 19_850_201, 19_850_231, false, true),
            ("1985", 19_850_101, 19_851_231, true, true),
            ("1986-01-01", 19_850_101, 19_851_231, false, false),
        ] {
            let record = SourceRecord { birth_date: Some(date.into()), ..SourceRecord::default() };
            for (may_overlap, expected) in [(false, within), (true, overlapping)] {
                let range = DateRange { from, to, may_overlap };
                assert_eq!(Criterion::BirthDate(range).is_met(&record), expected, "{date}");
            }
        }
    }
}
