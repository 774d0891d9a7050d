//! Writes where a person of a record can be reached, and under which numbers they are known.

use super::super::dice::Dice;
use super::super::mistakes::{misread, one_digit_wrong, typed};
use super::super::people::on_day;
use super::super::places::{Address, AddressLine};
use super::super::rates::ErrorKind;
use super::super::record::RecordPlace;
use super::{Clerk, digits, written};

/// Share of later records at one source under the MRN of the first; the others got one of their own.
const SAME_MRN_PER_MILLION: u32 = 150_000;
/// Share of records in which both the household's and the own telephone number stand.
const BOTH_PHONES_PER_MILLION: u32 = 150_000;

impl Clerk<'_> {
    pub(super) fn write_address(&mut self) {
        let (Some(current), former) = on_day(&self.household.addresses, self.day) else { return };
        let mut address = current.clone();
        if let Some(former) = former
            && self.mishap("address (moved)").is_some()
        {
            address = former.clone();
        }
        match self.mishap_where("address", |kind| match kind {
            ErrorKind::StreetTyping | ErrorKind::StreetOcr | ErrorKind::HouseNumberDigit => {
                matches!(address.line, AddressLine::Street { .. })
            }
            _ => true,
        }) {
            Some(ErrorKind::AddressMissing) => return,
            Some(ErrorKind::AddressPlaceholder) => {
                let words = self.dice.one_of(&["HOMELESS", "GENERAL DELIVERY", "UNKNOWN"]);
                self.row.street = self.source.letters(words);
                return;
            }
            Some(kind) => spoil_street(&mut address.line, kind, &mut self.dice),
            None => {}
        }
        if let AddressLine::Street { unit: unit @ Some(_), .. } = &mut address.line
            && self.mishap("unit").is_some()
        {
            *unit = None;
        }
        self.write_address_columns(&address);
    }

    fn write_address_columns(&mut self, address: &Address) {
        let (street, unit) = self.source.street(address);
        self.row.street = self.source.letters(&street);
        self.row.unit = unit.map(|unit| self.source.letters(&unit)).unwrap_or_default();
        let city = match self.mishap("city") {
            Some(_) => typed(address.place.city, &mut self.dice),
            None => address.place.city.to_owned(),
        };
        self.row.city = self.source.letters(&city);
        self.row.state = address.place.state.to_owned();
        self.row.postal_code = match self.mishap("postal_code") {
            Some(_) => one_digit_wrong(&address.postal_code, &mut self.dice),
            None => address.postal_code.clone(),
        };
        if self.source.asks_everything {
            self.row.country = "US".to_owned();
        }
    }

    pub(super) fn write_contacts(&mut self) {
        let is_child = self.person.age_on(self.day) < 14;
        // Children are reached through their mother or father.
        let reached = self.person.mother.or(self.person.father).filter(|_| is_child);
        let reached = reached.and_then(|at| self.household.people.get(at)).unwrap_or(self.person);
        let (own, outdated) = on_day(&reached.phones, self.day);
        let kind = self
            .mishap_where("phone", |kind| kind != ErrorKind::PhoneOutdated || outdated.is_some());
        let own = digits(own.copied().unwrap_or_default(), 10);
        let shared = self.household.landline.map(|landline| digits(landline, 10));
        let uses_shared = shared.is_some() && self.dice.chance(350_000);
        let both = shared.is_some() && self.dice.chance(BOTH_PHONES_PER_MILLION);
        let best = shared.clone().filter(|_| uses_shared).unwrap_or_else(|| own.clone());
        let numbers = match kind {
            Some(ErrorKind::PhoneMissing) => vec![],
            Some(ErrorKind::PhonePlaceholder) => {
                vec![self.dice.one_of(&["0000000000", "9999999999", "5555555555"]).to_owned()]
            }
            Some(ErrorKind::PhoneOfClinic) => vec![digits(self.source.own_phone, 10)],
            Some(ErrorKind::PhoneOutdated) => vec![digits(*outdated.unwrap_or(&0), 10)],
            Some(_) => vec![one_digit_wrong(&best, &mut self.dice)],
            None if both => shared.into_iter().chain([own]).collect(),
            None => vec![best],
        };
        let written: Vec<String> = numbers.iter().map(|number| self.source.phone(number)).collect();
        self.row.phone = written.join("|");
        if self.source.asks_everything && self.person.age_on(self.day) >= 16 {
            self.row.email = match self.mishap("email") {
                Some(ErrorKind::EmailMissing) => String::new(),
                Some(ErrorKind::EmailPlaceholder) => self
                    .dice
                    .one_of(&["none@none.com", "noemail@noemail.com", "na@na.com"])
                    .to_owned(),
                Some(_) => {
                    let (name, domain) = self.person.email.split_once('@').unwrap_or_default();
                    let wrong = typed(&name.to_ascii_uppercase(), &mut self.dice);
                    format!("{}@{domain}", wrong.to_ascii_lowercase())
                }
                None => self.person.email.clone(),
            };
        }
    }

    pub(super) fn write_identifiers(&mut self, source_index: u8) {
        if self.source.has_mrn && self.mishap("mrn").is_none() {
            self.row.mrn = self.patient_number(source_index);
        }
        let mut identifiers = Vec::new();
        if self.source.asks_everything
            && let Some(insured) = self.insurance_number()
        {
            identifiers.push(insured);
        }
        if self.source.quotes_first_source
            && let Some(first) = self.person.visits.iter().position(|(source, _)| *source == 0)
            && self.dice.chance(600_000)
        {
            let RecordPlace { household, member, .. } = self.place;
            let number = self.world.numbers.patient(0, household, member.into(), first);
            let authority = self.world.sources.first().map_or("", |first| first.name.as_str());
            identifiers.push(format!("{authority}:{number}"));
        }
        self.row.identifier = identifiers.join("|");
    }

    /// The number under which the source knows the patient: a duplicate has got a new one, mostly.
    fn patient_number(&mut self, source_index: u8) -> String {
        let RecordPlace { household, member, visit } = self.place;
        let mut visit = usize::from(visit);
        if self.dice.chance(SAME_MRN_PER_MILLION) {
            let first = self.person.visits.iter().position(|(source, _)| *source == source_index);
            visit = first.unwrap_or(visit);
        }
        self.world.numbers.patient(source_index, household, member.into(), visit)
    }

    fn insurance_number(&mut self) -> Option<String> {
        let insurance = &self.person.insurance;
        let is_dependent = insurance.member > 1;
        let kind = self.mishap_where("identifier", |kind| {
            kind != ErrorKind::IdentifierOfSubscriber || is_dependent
        });
        let contract = digits(insurance.contract, 9);
        let number = match kind {
            Some(ErrorKind::IdentifierMissing) => return None,
            Some(ErrorKind::IdentifierOfSubscriber) => format!("{contract}01"),
            Some(_) => {
                one_digit_wrong(&format!("{contract}{:02}", insurance.member), &mut self.dice)
            }
            None => format!("{contract}{:02}", insurance.member),
        };
        Some(format!("{}:{number}", insurance.authority))
    }

    pub(super) fn write_family(&mut self) {
        if self.source.asks_everything && self.mishap("mother_maiden_name").is_none() {
            self.row.mother_maiden = self.source.letters(self.person.mother_maiden);
        }
        let parent = self.person.mother.or(self.person.father);
        let parent = parent.and_then(|at| self.household.people.get(at));
        if let Some(parent) = parent.filter(|_| self.person.age_on(self.day) < 18)
            && self.mishap("guardian_name").is_none()
        {
            let name = format!("{} {}", parent.given, written(parent.family_on(self.day).0));
            self.row.guardian = self.source.letters(&name);
        }
        if self.source.asks_everything && self.mishap("birth_place").is_none() {
            let place = self.person.birth_place;
            self.row.birth_place = format!("{}, {}", self.source.letters(place.city), place.state);
        }
        if let Some(order) = self.person.birth_order
            && self.mishap("birth_order").is_none()
        {
            self.row.birth_order = order.to_string();
        }
    }
}

fn spoil_street(line: &mut AddressLine, kind: ErrorKind, dice: &mut Dice) {
    let AddressLine::Street { number, name, .. } = line else { return };
    match kind {
        ErrorKind::StreetTyping => *name = typed(name, dice),
        ErrorKind::HouseNumberDigit => {
            let wrong = one_digit_wrong(&number.to_string(), dice);
            *number = wrong.parse().unwrap_or(*number);
        }
        _ => *name = misread(name, dice),
    }
}
