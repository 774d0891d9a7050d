//! Person names: titles and degrees away, suffixes apart, placeholders missing.

use compact_str::CompactString;
use empi_model::{NormalizedName, PatientText, PersonName, QualityNote, RecordField, Suffix};
use smallvec::SmallVec;

use super::known::Known;
use super::newborn::is_newborn_name;
use super::placeholder::{Kind, is_placeholder};
use super::{Notes, text};

/// Titles before a name. Dropped where another token is left.
fn is_title(token: &str) -> bool {
    matches!(token, "MR" | "MRS" | "MS" | "MISS" | "MX" | "DR" | "PROF" | "REV")
        || matches!(token, "SIR" | "DAME" | "FR" | "HON" | "CAPT" | "SGT")
}

/// Degrees behind a name that are nobody's name.
fn is_degree(token: &str) -> bool {
    matches!(token, "MD" | "PHD" | "RN" | "DDS" | "DMD" | "ESQ" | "DVM" | "NP" | "LPN")
        || matches!(token, "CPA" | "JD" | "MBA" | "APRN" | "CRNA" | "DPM" | "PSYD" | "FACP" | "MSN")
}

/// Degrees that are also names (`Do`, `Ma`): only behind a comma or in the suffix field.
fn is_degree_or_name(token: &str) -> bool {
    matches!(token, "DO" | "MA" | "MS" | "BA" | "BS" | "PA" | "OD" | "PA C" | "RPH")
}

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
pub(super) fn normalize_names(
    names: &[PersonName],
    mut known: Option<&mut Known>,
    notes: &mut Notes,
) -> NormalizedNames {
    let mut all = NormalizedNames::default();
    for name in names {
        if let Some(plain) = known.as_deref_mut().and_then(|known| known.plain_name(name)) {
            all.add(plain);
            continue;
        }
        let fields = Fields::read(name);
        let mut parts = Parts::new(&fields);
        parts.take_suffix(&fields, notes);
        for tokens in [&mut parts.family, &mut parts.given] {
            drop_titles(tokens);
        }
        parts.drop_placeholders(&fields, notes);
        parts.recognise_newborn(&fields, notes);
        if parts.move_trailing_initial() {
            // What the initial hid: `Mary Jr A`, `Unknown A`.
            parts.take_suffix_behind();
            parts.drop_placeholders(&fields, notes);
            parts.recognise_newborn(&fields, notes);
        }
        all.suffix = all.suffix.or(parts.suffix);
        all.newborn |= parts.newborn;
        let normalized = NormalizedName {
            given: joined(&parts.given),
            middle: joined(&parts.middle),
            family: joined(&parts.family),
        };
        all.add(normalized);
    }
    all
}

impl NormalizedNames {
    fn add(&mut self, name: NormalizedName) {
        let is_empty = name.given.is_none() && name.family.is_none();
        if !is_empty && !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

/// The match form of a name that is one word and means the same in whichever field of a name it stands:
/// nothing that [`normalize_names`] looks for.
pub(super) fn plain_word(text: &str) -> Option<PatientText> {
    let folded = text::fold(text);
    let means_more = text.contains([',', '/'])
        || folded.contains(' ')
        || folded.len() < 2
        || is_title(&folded)
        || is_degree(&folded)
        || suffix_of(&folded, false).is_some()
        || is_placeholder(Kind::Name, &folded)
        || is_placeholder(Kind::FamilyName, &folded)
        || is_newborn_name(&[&folded]);
    (!means_more).then(|| PatientText::new(folded))
}

/// One name that stands alone: mother's maiden name, guardian.
pub(super) fn normalize_single(
    value: Option<&PatientText>,
    field: RecordField,
    known: Option<&mut Known>,
    notes: &mut Notes,
) -> Option<PatientText> {
    let value = value?.expose();
    if let Some(plain) = known.and_then(|known| known.plain_word(value)) {
        return Some(plain);
    }
    let folded = text::fold(value);
    let mut tokens = tokens(&folded);
    drop_titles(&mut tokens);
    while tokens.len() > 1 && tokens.last().is_some_and(|token| is_degree(token)) {
        tokens.pop();
    }
    let name = joined(&tokens)?;
    if is_placeholder(Kind::Name, name.expose()) || is_placeholder(Kind::Name, &folded) {
        notes.add(QualityNote::Placeholder(field));
        return None;
    }
    Some(name)
}

type Tokens<'a> = SmallVec<[&'a str; 4]>;

/// The fields of one name in match form.
#[derive(Debug, Default)]
struct Fields {
    given: CompactString,
    middle: CompactString,
    family: CompactString,
    /// The suffix field, and what stood behind a comma in the others: `Smith, Jr`.
    suffix: CompactString,
    /// Whether the given name is of the form `B/O Mary`: baby of Mary.
    is_baby_of: bool,
}

impl Fields {
    fn read(name: &PersonName) -> Self {
        let given = text::to_ascii(name.given.as_ref().map_or("", PatientText::expose));
        let family = text::to_ascii(name.family.as_ref().map_or("", PatientText::expose));
        let (given, family) = split_whole_name(&given, &family);
        let folded =
            |it: &Option<PatientText>| text::fold(it.as_ref().map_or("", PatientText::expose));
        let mut suffix = folded(&name.suffix);
        let [given, family] = [given, family].map(|field| {
            let (kept, behind) = split_suffix(field);
            if !behind.is_empty() {
                suffix.push(' ');
                suffix.push_str(&text::fold(behind));
            }
            kept
        });
        let is_baby_of = given.contains('/')
            && given.as_bytes().windows(3).any(|it| it.eq_ignore_ascii_case(b"b/o"));
        Self {
            given: text::fold(given),
            middle: folded(&name.middle),
            family: text::fold(family),
            suffix,
            is_baby_of,
        }
    }
}

/// The tokens of one name.
#[derive(Debug)]
struct Parts<'a> {
    given: Tokens<'a>,
    middle: Tokens<'a>,
    family: Tokens<'a>,
    suffix: Option<Suffix>,
    newborn: bool,
}

impl<'a> Parts<'a> {
    fn new(fields: &'a Fields) -> Self {
        Self {
            given: tokens(&fields.given),
            middle: tokens(&fields.middle),
            family: tokens(&fields.family),
            suffix: None,
            newborn: false,
        }
    }

    /// Takes the suffix from its own field, else from behind the family, given or middle name.
    fn take_suffix(&mut self, fields: &Fields, notes: &mut Notes) {
        self.suffix = tokens(&fields.suffix).iter().find_map(|token| suffix_of(token, true));
        if self.suffix.is_none() && !fields.suffix.is_empty() && !is_degree_field(&fields.suffix) {
            let is_nothing = is_placeholder(Kind::Name, &fields.suffix);
            let field = RecordField::Suffix;
            notes.add(if is_nothing {
                QualityNote::Placeholder(field)
            } else {
                QualityNote::Unreadable(field)
            });
        }
        self.take_suffix_behind();
    }

    /// Takes suffixes and degrees from behind the names. Behind a family name `V` is the fifth,
    /// elsewhere an initial.
    fn take_suffix_behind(&mut self) {
        for (tokens, is_family, kept_min) in
            [(&mut self.family, true, 1), (&mut self.given, false, 1), (&mut self.middle, false, 0)]
        {
            while tokens.len() > kept_min
                && let Some(last) = tokens.last()
            {
                let suffix = suffix_of(last, false)
                    .or_else(|| (is_family && *last == "V").then_some(Suffix::V));
                if suffix.is_none() && !(tokens.len() > 1 && is_degree(last)) {
                    break;
                }
                self.suffix = self.suffix.or(suffix);
                tokens.pop();
            }
        }
    }

    fn drop_placeholders(&mut self, fields: &Fields, notes: &mut Notes) {
        let names = (fields.given.as_str(), fields.family.as_str());
        let nobody = NOBODY.contains(&names);
        for (tokens, field) in [
            (&mut self.given, RecordField::GivenName),
            (&mut self.middle, RecordField::MiddleName),
            (&mut self.family, RecordField::FamilyName),
        ] {
            let is_nothing = match tokens.as_slice() {
                [] => continue,
                [token] => is_placeholder_of(token, field),
                tokens => is_placeholder_of(&tokens.join(" "), field),
            };
            if is_nothing || (nobody && field != RecordField::MiddleName) {
                tokens.clear();
                notes.add(QualityNote::Placeholder(field));
            }
        }
    }

    /// A newborn's temporary name is no evidence of who it is, and its middle name is the mother's.
    fn recognise_newborn(&mut self, fields: &Fields, notes: &mut Notes) {
        if fields.is_baby_of || is_newborn_name(&self.given) {
            self.given.clear();
            self.middle.clear();
            self.newborn = true;
            notes.add(QualityNote::NewbornName);
        }
    }

    /// `MARY A` in the given name is `MARY` with middle initial `A`, unless there is a middle name.
    /// Says whether an initial was moved.
    fn move_trailing_initial(&mut self) -> bool {
        let ends_in_initial = self.given.last().is_some_and(|token| token.len() == 1);
        let moves = self.given.len() > 1 && ends_in_initial && self.middle.is_empty();
        if moves {
            self.middle.extend(self.given.pop());
        }
        moves
    }
}

fn is_placeholder_of(name: &str, field: RecordField) -> bool {
    is_placeholder(Kind::Name, name)
        || field == RecordField::FamilyName && is_placeholder(Kind::FamilyName, name)
}

/// `Okafor, Robert A` in one of the two fields while the other is empty.
fn split_whole_name<'a>(given: &'a str, family: &'a str) -> (&'a str, &'a str) {
    let whole = match (is_blank(given), is_blank(family)) {
        (true, false) => family,
        (false, true) => given,
        _ => return (given, family),
    };
    match whole.split_once(',') {
        Some((before, behind))
            if !is_blank(before) && !is_blank(behind) && split_suffix(whole).1.is_empty() =>
        {
            (behind, before)
        }
        _ => (given, family),
    }
}

fn is_blank(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Splits `Smith, Jr., MD` behind the name: what follows the first comma, where it is nothing but
/// suffixes and degrees.
fn split_suffix(field: &str) -> (&str, &str) {
    match field.split_once(',') {
        Some((before, behind)) if !is_blank(before) => {
            let folded = text::fold(behind);
            let is_suffix = !folded.is_empty()
                && tokens(&folded)
                    .iter()
                    .all(|token| suffix_of(token, true).is_some() || is_degree_field(token));
            if is_suffix { (before, behind) } else { (field, "") }
        }
        _ => (field, ""),
    }
}

/// Whether a suffix field holds nothing but degrees, titles and `I`, which no name needs.
fn is_degree_field(folded: &str) -> bool {
    is_degree_or_name(folded)
        || tokens(folded).iter().all(|token| {
            is_degree(token)
                || is_degree_or_name(token)
                || is_title(token)
                || matches!(*token, "I" | "1ST" | "THE")
        })
}

fn tokens(folded: &str) -> Tokens<'_> {
    folded.split(' ').filter(|token| !token.is_empty()).collect()
}

fn joined(tokens: &[&str]) -> Option<PatientText> {
    match tokens {
        [] => None,
        [token] => Some(PatientText::new(*token)),
        tokens => Some(PatientText::new(tokens.join(" "))),
    }
}

/// Titles before a name, as long as something is left.
fn drop_titles(tokens: &mut Tokens<'_>) {
    while tokens.len() > 1 && tokens.first().is_some_and(|it| is_title(it)) {
        tokens.remove(0);
    }
}

/// A suffix. `I` and `V` alone are initials unless they stand in the suffix field.
fn suffix_of(token: &str, in_suffix_field: bool) -> Option<Suffix> {
    match token {
        "JR" | "JUNIOR" | "JNR" => Some(Suffix::Jr),
        "SR" | "SENIOR" | "SNR" => Some(Suffix::Sr),
        "II" | "2ND" => Some(Suffix::Ii),
        "III" | "3RD" => Some(Suffix::Iii),
        "IV" | "4TH" => Some(Suffix::Iv),
        "5TH" => Some(Suffix::V),
        _ if !in_suffix_field => None,
        "2" | "SECOND" => Some(Suffix::Ii),
        "3" | "THIRD" => Some(Suffix::Iii),
        "4" | "FOURTH" => Some(Suffix::Iv),
        "V" | "5" | "FIFTH" => Some(Suffix::V),
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
        let names = normalize_names(&[name], None, &mut Notes::default());
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
            ("John", "V", "Smith", "", "JOHN/V/SMITH/-"),
            ("John", "", "Smith V", "", "JOHN/-/SMITH/V"),
            ("John", "III", "Smith", "", "JOHN/-/SMITH/III"),
            ("John Jr", "", "Smith", "", "JOHN/-/SMITH/JR"),
            ("John", "", "Smith", "Jr., MD", "JOHN/-/SMITH/JR"),
            ("John", "", "Smith", "the third", "JOHN/-/SMITH/III"),
            ("John", "", "Smith Jr MD", "", "JOHN/-/SMITH/JR"),
            ("John", "", "Smith, DO", "", "JOHN/-/SMITH/-"),
            ("Thi", "", "Le Do", "", "THI/-/LE DO/-"),
            ("", "", "SMITH JR, JOHN", "", "JOHN/-/SMITH/JR"),
            ("Smith, John, Jr", "", "", "", "JOHN/-/SMITH/JR"),
            ("Maria de los Angeles", "", "de la Cruz", "", "MARIA DE LOS ANGELES/-/DE LA CRUZ/-"),
            ("Mary", "", "Doe", "", "MARY/-/-/-"),
            ("Doe", "", "Smith", "", "DOE/-/SMITH/-"),
            ("John", "NMN", "Smith", "", "JOHN/-/SMITH/-"),
            ("ZZTEST", "", "ZZPATIENT", "", "-/-/-/-"),
            ("Mr", "", "Smith", "", "MR/-/SMITH/-"),
            ("Jr", "", "Smith", "", "JR/-/SMITH/-"),
            ("GIRLMARIE", "", "Smith", "", "-/-/SMITH/- newborn"),
            ("B/O Mary", "", "Smith", "", "-/-/SMITH/- newborn"),
            ("Boy", "Marie", "Smith", "", "-/-/SMITH/- newborn"),
            ("Mary Jr A", "", "Smith", "", "MARY/A/SMITH/JR"),
            ("Unknown A", "", "Smith", "", "-/A/SMITH/-"),
        ] {
            assert_eq!(shown(given, middle, family, suffix), expected);
        }
    }
}
