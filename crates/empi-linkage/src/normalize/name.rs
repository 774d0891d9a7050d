//! Person names: titles and degrees away, suffixes apart, newborns' temporary names recognised.

use empi_model::{NormalizedName, PatientText, PersonName, QualityNote, RecordField, Suffix};

use crate::names_table::name_shares;

use super::placeholder::{Kind, is_placeholder};
use super::{Notes, text};

/// Titles before and degrees behind a name. Dropped where another token is left.
const TITLES: [&str; 12] =
    ["MR", "MRS", "MS", "MISS", "DR", "PROF", "REV", "SR DR", "SIR", "DAME", "FR", "HON"];
const DEGREES: [&str; 14] =
    ["MD", "PHD", "RN", "DO", "DDS", "DMD", "ESQ", "DVM", "PA C", "NP", "LPN", "CPA", "JD", "MBA"];

/// Words of which a newborn's temporary given name is made (Joint Commission NPSG.01.01.01, AHIMA).
const NEWBORN_WORDS: [&str; 12] = [
    "BABY", "BOY", "GIRL", "BABYBOY", "BABYGIRL", "BB", "BG", "NB", "NEWBORN", "INFANT", "TWIN",
    "TRIPLET",
];

/// Names that both fields together make a placeholder of.
const NOBODY: [(&str, &str); 5] =
    [("JOHN", "DOE"), ("JANE", "DOE"), ("BABY", "DOE"), ("JOHNNY", "DOE"), ("JOHN Q", "PUBLIC")];

/// All names of a record.
#[derive(Debug, Default)]
pub(super) struct NormalizedNames {
    pub(super) names: Vec<NormalizedName>,
    pub(super) suffix: Option<Suffix>,
    pub(super) newborn: bool,
}

/// Normalises every name of a record; the first suffix found counts for the person.
pub(super) fn normalize_names(names: &[PersonName], notes: &mut Notes) -> NormalizedNames {
    let mut all = NormalizedNames::default();
    for name in names {
        let parts = Parts::read(name, notes);
        all.suffix = all.suffix.or(parts.suffix);
        all.newborn |= parts.newborn;
        let normalized = NormalizedName {
            given: PatientText::non_blank(&parts.given.join(" ")),
            middle: PatientText::non_blank(&parts.middle.join(" ")),
            family: PatientText::non_blank(&parts.family.join(" ")),
        };
        let is_empty = normalized.given.is_none() && normalized.family.is_none();
        if !is_empty && !all.names.contains(&normalized) {
            all.names.push(normalized);
        }
    }
    all
}

/// One name that stands alone: mother's maiden name, guardian.
pub(super) fn normalize_single(
    value: Option<&PatientText>,
    field: RecordField,
    notes: &mut Notes,
) -> Option<PatientText> {
    let folded = text::fold(value?.expose());
    let mut tokens = tokens(&folded);
    drop_titles(&mut tokens);
    let name = tokens.join(" ");
    if is_placeholder(Kind::Name, &name) || is_placeholder(Kind::Name, &folded) {
        notes.add(QualityNote::Placeholder(field));
        return None;
    }
    PatientText::non_blank(&name)
}

/// The tokens of one name.
#[derive(Debug, Default)]
struct Parts {
    given: Vec<String>,
    middle: Vec<String>,
    family: Vec<String>,
    suffix: Option<Suffix>,
    newborn: bool,
}

impl Parts {
    fn read(name: &PersonName, notes: &mut Notes) -> Self {
        let raw =
            |part: &Option<PatientText>| part.as_ref().map_or("", |it| it.expose()).to_owned();
        let (mut given, mut family) = (raw(&name.given), raw(&name.family));
        split_whole_name(&mut given, &mut family);
        let fold = |text: &str| tokens(&text::fold(text));
        let mut parts = Self {
            given: fold(&given),
            middle: fold(&raw(&name.middle)),
            family: fold(&family),
            ..Self::default()
        };
        parts.take_suffix(&fold(&raw(&name.suffix)), notes);
        for field in [&mut parts.family, &mut parts.given, &mut parts.middle] {
            drop_titles(field);
        }
        parts.drop_placeholders(notes);
        parts.recognise_newborn(notes);
        parts.move_trailing_initial();
        parts
    }

    /// Takes the suffix from its own field, else from behind the family or the given name.
    fn take_suffix(&mut self, field: &[String], notes: &mut Notes) {
        self.suffix = field.iter().find_map(|token| suffix_of(token, true));
        let is_degree = |token: &String| DEGREES.contains(&token.as_str());
        if self.suffix.is_none() && !field.is_empty() && !field.iter().any(is_degree) {
            notes.add(QualityNote::Unreadable(RecordField::Suffix));
        }
        for tokens in [&mut self.family, &mut self.given, &mut self.middle] {
            while tokens.len() > 1 {
                let Some(suffix) = tokens.last().and_then(|token| suffix_of(token, false)) else {
                    break;
                };
                self.suffix = self.suffix.or(Some(suffix));
                tokens.pop();
            }
        }
    }

    fn drop_placeholders(&mut self, notes: &mut Notes) {
        let nobody =
            NOBODY.contains(&(self.given.join(" ").as_str(), self.family.join(" ").as_str()));
        for (tokens, field) in [
            (&mut self.given, RecordField::GivenName),
            (&mut self.middle, RecordField::MiddleName),
            (&mut self.family, RecordField::FamilyName),
        ] {
            let is_name = field != RecordField::MiddleName;
            if is_placeholder(Kind::Name, &tokens.join(" ")) || (nobody && is_name) {
                tokens.clear();
                notes.add(QualityNote::Placeholder(field));
            }
        }
    }

    /// `BABY BOY`, `TWIN A`, `GIRL 2`, `BABYGIRL`, `Girl1Marie`: no evidence of who it is.
    fn recognise_newborn(&mut self, notes: &mut Notes) {
        let Some(first) = self.given.first() else { return };
        // `GIRLKIM`, `BOY2ERICKA`: sex and the mother's name in one word (AHIMA).
        let rest = ["BABY", "GIRL", "BOY"].iter().find_map(|word| first.strip_prefix(word));
        let of_mother = rest.is_some_and(|rest| {
            let mother = rest.trim_start_matches(|it: char| it.is_ascii_digit());
            rest.len() > mother.len() || (is_given(mother) && !is_given(first))
        });
        if NEWBORN_WORDS.contains(&first.as_str()) || of_mother {
            self.given.clear();
            self.newborn = true;
            notes.add(QualityNote::NewbornName);
        }
    }

    /// `MARY A` in the given name is `MARY` with middle initial `A`, unless there is a middle name.
    fn move_trailing_initial(&mut self) {
        let ends_in_initial = self.given.last().is_some_and(|token| token.len() == 1);
        if self.given.len() > 1 && ends_in_initial && self.middle.is_empty() {
            self.middle.extend(self.given.pop());
        }
    }
}

/// `Okafor, Robert A` in one of the two fields while the other is empty.
fn split_whole_name(given: &mut String, family: &mut String) {
    let whole = match (given.trim().is_empty(), family.trim().is_empty()) {
        (true, false) => family.clone(),
        (false, true) => given.clone(),
        _ => return,
    };
    let Some((before, behind)) = whole.split_once(',') else { return };
    let only_suffix = tokens(&text::fold(behind))
        .iter()
        .all(|token| suffix_of(token, true).is_some() || DEGREES.contains(&token.as_str()));
    if !only_suffix && !text::fold(before).is_empty() {
        (*given, *family) = (behind.to_owned(), before.to_owned());
    }
}

/// Whether a name stands in the table of given names.
fn is_given(name: &str) -> bool {
    name_shares(name).given > 0.0
}

fn tokens(folded: &str) -> Vec<String> {
    folded.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// Titles before and degrees behind a name, as long as something is left.
fn drop_titles(tokens: &mut Vec<String>) {
    while tokens.len() > 1 && tokens.first().is_some_and(|it| TITLES.contains(&it.as_str())) {
        tokens.remove(0);
    }
    while tokens.len() > 1 && tokens.last().is_some_and(|it| DEGREES.contains(&it.as_str())) {
        tokens.pop();
    }
}

/// A suffix. `I` and `V` alone are initials unless they stand in the suffix field.
fn suffix_of(token: &str, in_suffix_field: bool) -> Option<Suffix> {
    match token {
        "JR" | "JUNIOR" => Some(Suffix::Jr),
        "SR" | "SENIOR" => Some(Suffix::Sr),
        "II" | "2ND" => Some(Suffix::Ii),
        "III" | "3RD" => Some(Suffix::Iii),
        "IV" | "4TH" => Some(Suffix::Iv),
        "V" | "5TH" if in_suffix_field || token == "5TH" => Some(Suffix::V),
        "2" if in_suffix_field => Some(Suffix::Ii),
        "3" if in_suffix_field => Some(Suffix::Iii),
        "4" if in_suffix_field => Some(Suffix::Iv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(given: &str, middle: &str, family: &str, suffix: &str) -> String {
        let name = PersonName {
            given: PatientText::non_blank(given),
            middle: PatientText::non_blank(middle),
            family: PatientText::non_blank(family),
            suffix: PatientText::non_blank(suffix),
        };
        let names = normalize_names(&[name], &mut Notes::default());
        let text =
            |part: &Option<PatientText>| part.as_ref().map_or("-", |it| it.expose()).to_owned();
        let name = names.names.first().cloned().unwrap_or_default();
        let suffix = names.suffix.map_or("-", Suffix::as_str);
        let newborn = if names.newborn { " newborn" } else { "" };
        let [given, middle, family] = [&name.given, &name.middle, &name.family].map(text);
        format!("{given}/{middle}/{family}/{suffix}{newborn}")
    }

    #[test]
    fn names() {
        for (given, middle, family, suffix, expected) in [
            ("Robert", "", "O'Neil", "", "ROBERT/-/ONEIL/-"),
            ("Mary Ann", "", "Okafor-Bell", "", "MARY ANN/-/OKAFOR BELL/-"),
            ("Robert J.", "", "Smith Jr.", "", "ROBERT/J/SMITH/JR"),
            ("Robert", "James", "Smith", "III", "ROBERT/JAMES/SMITH/III"),
            ("Dr. Anna", "", "Müller, MD", "", "ANNA/-/MULLER/-"),
            ("", "", "Okafor, Robert A", "", "ROBERT/A/OKAFOR/-"),
            ("", "", "Okafor, Jr", "", "-/-/OKAFOR/JR"),
            ("Baby Boy", "", "Smith", "", "-/-/SMITH/- newborn"),
            ("Girl1Marie", "", "Smith", "", "-/-/SMITH/- newborn"),
            ("Girlkim", "", "Smith", "", "-/-/SMITH/- newborn"),
            ("Boy2Ericka", "", "Smith", "", "-/-/SMITH/- newborn"),
            ("Boyd", "", "Smith", "", "BOYD/-/SMITH/-"),
            ("Unknown", "", "Smith", "", "-/-/SMITH/-"),
            ("John", "", "Doe", "", "-/-/-/-"),
            ("John", "", "Dow", "", "JOHN/-/DOW/-"),
            ("V", "", "Smith", "", "V/-/SMITH/-"),
            ("Miss", "", "Dr", "", "MISS/-/DR/-"),
            ("Anna V", "", "Smith", "V", "ANNA/V/SMITH/V"),
        ] {
            assert_eq!(shown(given, middle, family, suffix), expected);
        }
    }
}
