//! What PID and NK1 say about a patient, as an update: no word on a field leaves it, `""` deletes it.

use std::borrow::Cow;

use empi_model::{PatientText, PersonName, PostalAddress, SourceRecord};

use super::reply::{ErrorCode, Location};
use super::{Cx, Field, Message, Part, Segment};

/// Most repetitions that are read of one field: no patient has so many names or numbers.
const REPETITIONS_MAX: usize = 100;

/// What a message says about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Given<T> {
    /// Nothing: it stays as it is.
    #[default]
    Nothing,
    /// That it is to be deleted.
    Delete,
    /// What it is.
    Value(T),
}

/// Something in a message that was left aside, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub location: Location,
    /// The code of table 0357.
    pub code: ErrorCode,
    /// In words, without a value.
    pub text: &'static str,
}

/// What one message says about one patient.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PatientUpdate {
    /// PID-3, without SSNs.
    pub identifiers: Vec<Cx>,
    /// PID-18, the account number.
    pub account: Option<Cx>,
    /// PID-20, the driving licence: its state and its number.
    pub licence: Option<(String, PatientText)>,
    /// PID-5 and PID-9, the legal name first, former names last.
    pub names: Given<Vec<PersonName>>,
    /// PID-7 as an ISO date, as exact as it is given.
    pub birth_date: Given<PatientText>,
    /// PID-8.
    pub sex: Given<PatientText>,
    /// PID-19, or PID-3 of type `SS`.
    pub ssn: Given<PatientText>,
    /// PID-11.
    pub addresses: Given<Vec<PostalAddress>>,
    /// Telephones of PID-13 and PID-14.
    pub phones: Given<Vec<PatientText>>,
    /// E-mail addresses of PID-13 and PID-14.
    pub emails: Given<Vec<PatientText>>,
    /// Family name of PID-6.
    pub mother_maiden_name: Given<PatientText>,
    /// The first NK1 whose relationship is `GRD`.
    pub guardian_name: Given<PatientText>,
    /// PID-23, or the address of type `N` or `BDL` in PID-11.
    pub birth_place: Given<PatientText>,
    /// PID-25.
    pub birth_order: Given<PatientText>,
    /// Whether PID-21 names the mother: newborns have little else.
    pub has_mother_id: bool,
    /// What was left aside.
    pub warnings: Vec<Warning>,
}

impl PatientUpdate {
    /// Reads a PID segment, and the NK1 segments of its message. `pid_number` tells which PID of the message
    /// it is, 1 for the first.
    #[must_use]
    pub fn read(message: &Message, pid: Segment<'_>, pid_number: usize) -> Self {
        let mut update = Self {
            names: names(pid),
            sex: sex(pid.field(8)),
            mother_maiden_name: given(pid.field(6), |field| text(&field.component(1).text())),
            birth_place: given(pid.field(23), |field| text(&field.text())),
            birth_order: given(pid.field(25), |field| text(&field.text())),
            has_mother_id: !pid.field(21).is_empty(),
            guardian_name: guardian(message),
            ..Self::default()
        };
        update.read_identifiers(pid);
        update.read_birth_date(pid, pid_number);
        update.read_addresses(pid);
        update.read_contacts(pid);
        update.heed_reliability(pid);
        if let Given::Value(sex) = &update.sex
            && !matches!(sex.expose(), "F" | "M" | "O" | "U" | "A" | "N" | "X")
        {
            let text = "PID-8 is not in table 0001: kept as it is, and not compared";
            update.warn(pid_number, 8, ErrorCode::TableValueNotFound, text);
        }
        let repeated = [3, 5, 11, 13].into_iter();
        for number in repeated.filter(|n| pid.field(*n).repetitions().count() > REPETITIONS_MAX) {
            let text =
                "the field has more than 100 repetitions (repetitions_max): the rest was left out";
            update.warn(pid_number, number, ErrorCode::DataType, text);
        }
        update
    }

    fn warn(&mut self, pid_number: usize, field: usize, code: ErrorCode, text: &'static str) {
        let location = Location::field("PID", pid_number, field);
        self.warnings.push(Warning { location, code, text });
    }

    fn read_identifiers(&mut self, pid: Segment<'_>) {
        self.ssn = given(pid.field(19), |field| text(&field.text()));
        for (at, part) in repetitions(pid.field(3)).enumerate() {
            let cx = Cx::read(part, at + 1);
            // `""` with a domain says that there is none: nothing to key or to keep.
            if cx.value.is_empty() {
                continue;
            }
            if cx.type_code == "SS" {
                if self.ssn == Given::Nothing {
                    self.ssn = Given::Value(cx.value.into());
                }
            } else {
                self.identifiers.push(cx);
            }
        }
        let account = Cx::read(pid.field(18).first(), 1);
        self.account = (!account.value.is_empty() && !account.domain.is_empty()).then_some(account);
        let licence = pid.field(20);
        let (number, state) = (licence.text(), licence.component(2).text().into_owned());
        self.licence = text(&number).filter(|_| !state.is_empty()).map(|number| (state, number));
    }

    fn read_birth_date(&mut self, pid: Segment<'_>, pid_number: usize) {
        let field = pid.field(7);
        self.birth_date = given(field, |field| iso_date(&field.text()).map(PatientText::from));
        if self.birth_date == Given::Nothing && !field.is_empty() {
            self.birth_date = Given::Value(PatientText::new(field.text().as_ref()));
            let text = "PID-7 is no date (YYYY[MM[DD]]): kept as it is, and not compared";
            self.warn(pid_number, 7, ErrorCode::DataType, text);
        }
    }

    fn read_addresses(&mut self, pid: Segment<'_>) {
        let field = pid.field(11);
        let kinds = || repetitions(field).map(|part| (part, part.text_of(7).to_ascii_uppercase()));
        self.addresses = given(field, |_| {
            let mut kept: Vec<_> = kinds()
                .filter(|(_, kind)| !matches!(kind.as_str(), "BDL" | "N" | "BA" | "BN" | "F"))
                .collect();
            // Where somebody stays for now comes after where they live.
            kept.sort_by_key(|(_, kind)| matches!(kind.as_str(), "C" | "B" | "O"));
            let read = kept.into_iter().map(|(part, _)| address(part));
            let read: Vec<PostalAddress> = read.filter(|address| !address.is_empty()).collect();
            (!read.is_empty()).then_some(read)
        });
        if self.birth_place == Given::Nothing {
            let born = kinds().find(|(_, kind)| matches!(kind.as_str(), "BDL" | "N"));
            let place =
                born.and_then(|(part, _)| joined(&[3, 4, 6].map(|n| part.text_of(n)), ", "));
            self.birth_place = place.map_or(Given::Nothing, Given::Value);
        }
    }

    fn read_contacts(&mut self, pid: Segment<'_>) {
        let fields = [pid.field(13), pid.field(14)];
        if fields.iter().all(|field| field.is_empty()) {
            return;
        }
        if fields.iter().all(|field| field.is_delete() || field.is_empty()) {
            (self.phones, self.emails) = (Given::Delete, Given::Delete);
            return;
        }
        let (mut phones, mut emails) = (Vec::new(), Vec::new());
        for part in fields.into_iter().flat_map(repetitions) {
            match contact(part) {
                Some(Contact::Phone(phone)) => phones.push(phone),
                Some(Contact::Email(email)) => emails.push(email),
                None => {}
            }
        }
        // A field that names telephones alone says nothing about e-mail, and the other way round.
        if !phones.is_empty() {
            self.phones = Given::Value(phones);
        }
        if !emails.is_empty() {
            self.emails = Given::Value(emails);
        }
    }

    /// PID-32 says which values are made up (table 0445): they are not evidence, so they are not taken.
    fn heed_reliability(&mut self, pid: Segment<'_>) {
        for part in repetitions(pid.field(32)) {
            match part.text().as_ref() {
                "US" => self.ssn = Given::Nothing,
                "UD" => self.birth_date = Given::Nothing,
                "UA" => self.addresses = Given::Nothing,
                _ => {}
            }
        }
    }

    /// Whether anything is said by which a patient can be told from another.
    #[must_use]
    pub fn says_something(&self) -> bool {
        matches!(self.names, Given::Value(_))
            || matches!(self.birth_date, Given::Value(_))
            || matches!(self.sex, Given::Value(_))
            || self.has_mother_id
    }

    /// Applies what is said to a record; its key and its identifiers are the caller's.
    pub fn apply(&self, record: &mut SourceRecord) {
        put_list(&self.names, &mut record.names);
        put(&self.birth_date, &mut record.birth_date);
        put(&self.sex, &mut record.sex);
        put(&self.ssn, &mut record.ssn);
        put_list(&self.addresses, &mut record.addresses);
        put_list(&self.phones, &mut record.phones);
        put_list(&self.emails, &mut record.emails);
        put(&self.mother_maiden_name, &mut record.mother_maiden_name);
        put(&self.guardian_name, &mut record.guardian_name);
        put(&self.birth_place, &mut record.birth_place);
        put(&self.birth_order, &mut record.birth_order);
    }
}

fn put<T: Clone>(given: &Given<T>, value: &mut Option<T>) {
    match given {
        Given::Nothing => {}
        Given::Delete => *value = None,
        Given::Value(new) => *value = Some(new.clone()),
    }
}

fn put_list<T: Clone>(given: &Given<Vec<T>>, values: &mut Vec<T>) {
    match given {
        Given::Nothing => {}
        Given::Delete => values.clear(),
        Given::Value(new) => values.clone_from(new),
    }
}

/// What a field says, read by `read`; a value that cannot be read says nothing.
fn given<'a, T>(field: Field<'a>, read: impl FnOnce(Field<'a>) -> Option<T>) -> Given<T> {
    if field.is_delete() {
        return Given::Delete;
    }
    read(field).map_or(Given::Nothing, Given::Value)
}

fn repetitions(field: Field<'_>) -> impl Iterator<Item = Part<'_>> {
    field.repetitions().take(REPETITIONS_MAX)
}

fn text(value: &str) -> Option<PatientText> {
    PatientText::non_blank(value)
}

fn joined<const N: usize>(parts: &[Cow<'_, str>; N], between: &str) -> Option<PatientText> {
    let said: Vec<&str> = parts.iter().map(Cow::as_ref).filter(|part| !part.is_empty()).collect();
    PatientText::non_blank(&said.join(between))
}

fn sex(field: Field<'_>) -> Given<PatientText> {
    given(field, |field| text(&field.text().to_ascii_uppercase()))
}

/// Names of PID-5 by their kind, then the aliases of PID-9.
fn names(pid: Segment<'_>) -> Given<Vec<PersonName>> {
    if pid.field(5).is_delete() {
        return Given::Delete;
    }
    // Legal first, what somebody is called next, former names and aliases last.
    let rank = |kind: &str| match kind {
        "L" | "" => 0,
        "M" | "B" | "A" | "P" | "BAD" => 2,
        _ => 1,
    };
    let mut ranked: Vec<(u8, PersonName)> = Vec::new();
    for part in repetitions(pid.field(5)) {
        let kind = part.text_of(7).to_ascii_uppercase();
        // A pseudonym is made to lead to nobody.
        if kind != "S" {
            ranked.push((rank(&kind), name(part)));
        }
    }
    ranked.extend(repetitions(pid.field(9)).map(|part| (3, name(part))));
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut names: Vec<PersonName> = Vec::new();
    for (_, name) in ranked {
        if name != PersonName::default() && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { Given::Nothing } else { Given::Value(names) }
}

/// One XPN. Its family name is the whole surname (FN.1), or the partner's (FN.5) where that is all there is.
fn name(part: Part<'_>) -> PersonName {
    let family = part.part(1);
    let whole = text(&family.text_of(1));
    PersonName {
        family: whole.or_else(|| text(&family.text_of(5))),
        given: text(&part.text_of(2)),
        middle: text(&part.text_of(3)),
        suffix: text(&part.text_of(4)),
    }
}

/// One XAD. A street may come in parts: line, name, house number (SAD).
fn address(part: Part<'_>) -> PostalAddress {
    let street = part.part(1);
    let [line, name, number] = [1, 2, 3].map(|n| street.text_of(n));
    let name = if line.contains(name.as_ref()) { Cow::Borrowed("") } else { name };
    let number = if line.contains(number.as_ref()) { Cow::Borrowed("") } else { number };
    PostalAddress {
        street: joined(&[number, line, name], " "),
        unit: text(&part.text_of(2)),
        city: text(&part.text_of(3)),
        state: text(&part.text_of(4)),
        postal_code: text(&part.text_of(5)),
        country: text(&part.text_of(6)),
    }
}

enum Contact {
    Phone(PatientText),
    Email(PatientText),
}

/// One XTN: an e-mail address (XTN.4), a number in parts (.5 to .7), unformatted (.12), or on one line (.1).
/// Numbers of fax machines, pagers and teletypes lead to no person.
fn contact(part: Part<'_>) -> Option<Contact> {
    let kind = part.text_of(3).to_ascii_uppercase();
    let line = part.text_of(1);
    for address in [part.text_of(4), Cow::Borrowed(line.as_ref())] {
        if address.contains('@') {
            return text(&address).map(Contact::Email);
        }
    }
    if matches!(kind.as_str(), "FX" | "BP" | "MD" | "TDD" | "TTY" | "INTERNET" | "X.400") {
        return None;
    }
    let [country, area, local] = [5, 6, 7].map(|n| part.text_of(n));
    let number = if local.is_empty() {
        let unformatted = part.text_of(12);
        text(if unformatted.is_empty() { &line } else { &unformatted })
    } else {
        let country = match country.trim_start_matches('+') {
            "" => Cow::Borrowed(""),
            digits => Cow::Owned(format!("+{digits}")),
        };
        joined(&[country, area, local], " ")
    };
    number.map(Contact::Phone)
}

/// The ISO form of a time stamp's day, as exact as it is: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
pub(super) fn iso_date(stamp: &str) -> Option<String> {
    let end = stamp.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(stamp.len());
    let (digits, rest) = stamp.split_at_checked(end)?;
    // Fractions of a second, or the zone.
    if !rest.is_empty() && !rest.starts_with(['.', '+', '-']) {
        return None;
    }
    let day = digits.get(..digits.len().min(8))?;
    match (day.get(..4)?, day.get(4..6), day.get(6..8)) {
        (year, None, _) if day.len() == 4 => Some(year.to_owned()),
        (year, Some(month), None) if day.len() == 6 => Some(format!("{year}-{month}")),
        (year, Some(month), Some(day)) => Some(format!("{year}-{month}-{day}")),
        _ => None,
    }
}

fn guardian(message: &Message) -> Given<PatientText> {
    let is_guardian = |it: &Segment<'_>| it.field(3).text().eq_ignore_ascii_case("GRD");
    let Some(found) = message.named("NK1").find(is_guardian) else { return Given::Nothing };
    let part = found.field(2).first();
    let name = joined(&[part.text_of(2), part.text_of(3), part.text_of(1)], " ");
    name.map_or(Given::Nothing, Given::Value)
}
