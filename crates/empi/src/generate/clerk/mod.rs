//! Writes one record of one person: names, birth date, sex and SSN; the rest is in [`contact`].
//!
//! Texts are upper case until the source's habit is applied.

mod contact;

use super::calendar::{Date, Day};
use super::dice::Dice;
use super::mistakes::{digits_transposed, misheard, misread, one_digit_wrong, typed};
use super::people::{FamilyName, Household, Person, Sex};
use super::rates::{ErrorKind, RATES};
use super::record::{RecordPlace, Row, World};
use super::sources::{NewbornStyle, Source};

/// One record in the making: who it is of, who writes it, on which day, and what stands in it so far.
pub(super) struct Clerk<'a> {
    pub(super) world: &'a World,
    pub(super) household: &'a Household,
    pub(super) person: &'a Person,
    pub(super) source: &'a Source,
    pub(super) place: RecordPlace,
    pub(super) day: Day,
    pub(super) dice: Dice,
    pub(super) row: Row,
}

/// Share of the newborns who are recorded before they have a name.
const UNNAMED_NEWBORNS_PER_MILLION: u32 = 700_000;
impl Clerk<'_> {
    /// Writes every field.
    pub(super) fn write(mut self, source_index: u8) -> Row {
        self.write_names();
        self.write_birth_and_sex();
        self.write_ssn();
        self.write_address();
        self.write_contacts();
        self.write_identifiers(source_index);
        self.write_family();
        self.row
    }

    /// Lets at most one kind of error of a field happen, each as often as the table says. `field` is
    /// a field of the table.
    fn mishap(&mut self, field: &str) -> Option<ErrorKind> {
        self.mishap_where(field, |_| true)
    }

    /// The same, where not every kind of the field is possible.
    fn mishap_where(
        &mut self,
        field: &str,
        possible: impl Fn(ErrorKind) -> bool,
    ) -> Option<ErrorKind> {
        let drawn = self.dice.below(1_000_000);
        let mut end = 0;
        let mut found = None;
        for &(kind, ..) in RATES.iter().filter(|(_, of, ..)| *of == field) {
            let begin = end;
            end += u64::from(kind.per_million(self.world.difficulty));
            if possible(kind) {
                let hit = (begin..end).contains(&drawn);
                self.row.mishaps.note(kind, hit);
                found = found.or(hit.then_some(kind));
            }
        }
        found
    }

    fn write_names(&mut self) {
        let (family, former) = self.person.family_on(self.day);
        if self.is_unnamed_newborn() {
            self.row.given = self.source.letters(&self.newborn_name());
            self.row.family =
                self.source.letters(&written(self.mothers_family().unwrap_or(family)));
            return;
        }
        let mut given = self.person.given.to_owned();
        let mut middle = self.person.middle.unwrap_or_default().to_owned();
        let mut family_text = self.family_text(family, former);
        if !middle.is_empty() {
            middle = match self.mishap("middle_name") {
                Some(ErrorKind::MiddleMissing) => String::new(),
                Some(ErrorKind::MiddleInitial) => initial(&middle),
                Some(_) => typed(&middle, &mut self.dice),
                None if self.source.middle_initial_only => initial(&middle),
                None => middle,
            };
        }
        family_text = self.suffixed(family_text);
        self.spoil_given(&mut given, &mut middle, &mut family_text);
        self.row.given = self.source.letters(&given);
        self.row.middle = self.source.letters(&middle);
        self.row.family = self.source.letters(&family_text);
        if let Some(former) = former.filter(|_| self.source.keeps_former_names)
            && !self.row.mishaps.happened(ErrorKind::FamilyOutdated)
            && self.dice.chance(500_000)
        {
            self.row.family =
                format!("{}|{}", self.row.family, self.source.letters(&written(former)));
        }
    }

    fn family_text(&mut self, family: FamilyName, former: Option<FamilyName>) -> String {
        let mut family = family;
        if let Some(former) = former
            && self.mishap("family_name (changed)").is_some()
        {
            family = former;
        }
        let mut text = written(family);
        if let Some(second) = family.second
            && self.mishap("family_name (hyphenated)").is_some()
        {
            text = match self.dice.below(3) {
                0 => family.first.to_owned(),
                1 => second.to_owned(),
                _ => format!("{} {second}", family.first),
            };
        }
        match self.mishap("family_name") {
            Some(ErrorKind::FamilyPlaceholder) => {
                self.dice.one_of(&["UNKNOWN", "UNK", "LNU", "DOE"]).to_owned()
            }
            Some(ErrorKind::FamilyTyping) => typed(&text, &mut self.dice),
            Some(ErrorKind::FamilyPhonetic) => misheard(&text, &mut self.dice),
            Some(_) => misread(&text, &mut self.dice),
            None => text,
        }
    }

    /// Writes the suffix into its column, or behind the family name.
    fn suffixed(&mut self, family: String) -> String {
        let Some(suffix) = self.person.suffix else { return family };
        match self.mishap("suffix") {
            Some(ErrorKind::SuffixMissing) => family,
            Some(_) => format!("{family} {suffix}"),
            None => {
                // Numerals keep their capitals wherever letters do.
                let numeral = suffix == "III" && self.source.letters("A") == "A";
                self.row.suffix =
                    if numeral { suffix.to_owned() } else { self.source.letters(suffix) };
                family
            }
        }
    }

    fn spoil_given(&mut self, given: &mut String, middle: &mut String, family: &mut String) {
        let nickname = self.person.nickname;
        let has_middle = !middle.is_empty();
        let kind = self.mishap_where("given_name", |kind| match kind {
            ErrorKind::GivenNickname => nickname.is_some(),
            ErrorKind::GivenMiddleSwapped => has_middle,
            _ => true,
        });
        match kind {
            None => {}
            Some(ErrorKind::GivenMissing) => given.clear(),
            Some(ErrorKind::GivenPlaceholder) => {
                *given = self.dice.one_of(&["UNKNOWN", "UNK", "FNU", "TEST"]).to_owned();
            }
            Some(ErrorKind::GivenTyping) => *given = typed(given, &mut self.dice),
            Some(ErrorKind::GivenPhonetic) => *given = misheard(given, &mut self.dice),
            Some(ErrorKind::GivenNickname) => *given = nickname.unwrap_or_default().to_owned(),
            Some(ErrorKind::GivenInitial) => *given = initial(given),
            Some(ErrorKind::GivenMiddleSwapped) => std::mem::swap(given, middle),
            Some(ErrorKind::GivenFamilySwapped) => std::mem::swap(given, family),
            Some(_) => *given = misread(given, &mut self.dice),
        }
    }

    fn is_unnamed_newborn(&mut self) -> bool {
        self.day == self.person.born && self.dice.chance(UNNAMED_NEWBORNS_PER_MILLION)
    }

    fn mother(&self) -> Option<&Person> {
        self.person.mother.and_then(|at| self.household.people.get(at))
    }

    fn mothers_family(&self) -> Option<FamilyName> {
        self.mother().map(|mother| mother.family_on(self.day).0)
    }

    fn newborn_name(&self) -> String {
        let is_female = self.person.sex == Sex::Female;
        let word = if is_female { "GIRL" } else { "BOY" };
        let order = self.person.birth_order;
        let letter = order.map(|order| char::from(b'A' + order.saturating_sub(1).min(25)));
        let spaced = letter.map(|letter| format!(" {letter}")).unwrap_or_default();
        let number = order.map(|order| order.to_string()).unwrap_or_default();
        match (self.source.newborn_style, letter) {
            (NewbornStyle::BabyGirl, _) => format!("BABY {word}{spaced}"),
            (NewbornStyle::Joined, _) => format!("BABY{word}{number}"),
            (NewbornStyle::AfterMother, _) => {
                format!("{word}{number}{}", self.mother().map_or("", |mother| mother.given))
            }
            (NewbornStyle::Initials, Some(letter)) => format!("TWIN {letter}"),
            (NewbornStyle::Initials, None) => if is_female { "BG" } else { "BB" }.to_owned(),
        }
    }

    fn write_birth_and_sex(&mut self) {
        let born = self.person.born.date();
        let swapped = Date { month: born.day, day: born.month, ..born };
        let kind = self.mishap_where("birth_date", |kind| match kind {
            ErrorKind::BirthSwapped => swapped.exists() && swapped != born,
            ErrorKind::BirthJanuaryFirst => (born.month, born.day) != (1, 1),
            _ => true,
        });
        let date = match kind {
            Some(ErrorKind::BirthMissing) => None,
            Some(ErrorKind::BirthPlaceholder) => {
                Some(Date { year: self.dice.one_of(&[1900, 1900, 1901]), month: 1, day: 1 })
            }
            Some(ErrorKind::BirthJanuaryFirst) => Some(Date { month: 1, day: 1, ..born }),
            Some(ErrorKind::BirthSwapped) => Some(swapped),
            Some(_) => Some(one_digit_off(born, &mut self.dice)),
            None => Some(born),
        };
        self.row.birth_date = date.map(|date| self.source.date(date)).unwrap_or_default();
        let is_female = self.person.sex == Sex::Female;
        self.row.sex = match self.mishap("sex") {
            Some(ErrorKind::SexMissing) => self.dice.one_of(&["", "", "U"]).to_owned(),
            Some(_) => self.source.sex(!is_female),
            None => self.source.sex(is_female),
        };
    }

    fn write_ssn(&mut self) {
        // A number is applied for after the birth.
        if self.day.0 - self.person.born.0 < 60 {
            return;
        }
        let people = &self.household.people;
        let position = usize::from(self.place.member);
        // The number of who came with the patient: a parent for a child, else the head or partner.
        let relative = if position == 0 { people.get(1) } else { people.first() };
        let own = digits(self.person.ssn, 9);
        let kind =
            self.mishap_where("ssn", |kind| kind != ErrorKind::SsnOfRelative || relative.is_some());
        let ssn = match kind {
            Some(ErrorKind::SsnMissing) => String::new(),
            Some(ErrorKind::SsnLastFour) => own.get(5..).unwrap_or_default().to_owned(),
            Some(ErrorKind::SsnPlaceholder) => self
                .dice
                .one_of(&["999999999", "999999999", "000000000", "123456789", "111111111"])
                .to_owned(),
            Some(ErrorKind::SsnDigit) => one_digit_wrong(&own, &mut self.dice),
            Some(ErrorKind::SsnTransposed) => digits_transposed(&own, &mut self.dice),
            Some(_) => relative.map_or(own, |relative| digits(relative.ssn, 9)),
            None => own,
        };
        self.row.ssn = self.source.ssn(&ssn);
    }
}

fn written(family: FamilyName) -> String {
    match family.second {
        Some(second) => format!("{}-{second}", family.first),
        None => family.first.to_owned(),
    }
}

fn initial(name: &str) -> String {
    name.chars().take(1).collect()
}

fn digits(number: u64, width: usize) -> String {
    format!("{number:0width$}")
}

/// A date that differs in one digit and exists. Few dates have no such neighbour within 20 tries;
/// then the year is off by one.
fn one_digit_off(date: Date, dice: &mut Dice) -> Date {
    let text = format!("{:04}{:02}{:02}", date.year, date.month, date.day);
    for _ in 0..20 {
        // The century is hardly ever mistyped.
        let (century, rest) = text.split_at_checked(2).unwrap_or(("19", &text));
        let wrong: i32 = format!("{century}{}", one_digit_wrong(rest, dice)).parse().unwrap_or(0);
        let wrong = Date { year: wrong / 10_000, month: wrong / 100 % 100, day: wrong % 100 };
        if wrong.exists() {
            return wrong;
        }
    }
    Date { year: date.year - 1, day: date.day.min(28), ..date }
}
