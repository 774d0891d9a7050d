//! The golden record: the best view of a person, field by field, each value with where it comes from.
//!
//! It is computed from the records whenever it is asked for, so it follows every change, also backwards:
//! there is nothing that an undo could forget. A rule per field says whose value survives; among equals
//! the record that was updated last wins, then the one that was registered last. Retired records have no
//! say, unless a person has no others. Values that mean nothing (placeholders, unreadable ones) never
//! survive. A name and an address are taken as wholes, so that nobody gets a name that no source has said.

use empi_linkage::normalize;
use empi_model::{Chosen, GoldenField, NormalizedRecord, PatientText, RecordKey, SourceRecord};
use empi_store::StoredRecord;

/// Whose value survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurvivorshipRule {
    /// That of the record that was updated last.
    MostRecent,
    /// The one that most records say.
    MostFrequent,
    /// That of the source that is named first among the trusted ones.
    MostTrusted,
    /// The one of most characters.
    Longest,
    /// The one that has stood unchanged for longest.
    LongestValid,
    /// The one that a steward has chosen, which outranks every rule; where nobody has, the most recent.
    StewardsChoice,
}

/// The rules: one for most fields, and those that have their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Survivorship {
    /// For what is said once and for good: birth date, sex, number, mother, birth.
    pub lasting: SurvivorshipRule,
    /// For the name, which people change.
    pub name: SurvivorshipRule,
    /// For where people can be reached: address, telephone, e-mail, guardian.
    pub contact: SurvivorshipRule,
    /// Sources whose word counts most, the most trusted first.
    pub trusted_sources: Vec<String>,
}

impl Default for Survivorship {
    fn default() -> Self {
        Self {
            lasting: SurvivorshipRule::MostFrequent,
            name: SurvivorshipRule::MostRecent,
            contact: SurvivorshipRule::MostRecent,
            trusted_sources: Vec::new(),
        }
    }
}

impl Survivorship {
    /// The rule of a field.
    #[must_use]
    pub const fn rule(&self, field: GoldenField) -> SurvivorshipRule {
        match field {
            GoldenField::Name => self.name,
            GoldenField::Address
            | GoldenField::Phone
            | GoldenField::Email
            | GoldenField::GuardianName => self.contact,
            GoldenField::BirthDate
            | GoldenField::Sex
            | GoldenField::Ssn
            | GoldenField::Identifier
            | GoldenField::MotherMaidenName
            | GoldenField::BirthPlace
            | GoldenField::BirthOrder => self.lasting,
        }
    }
}

/// The best view of a person.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GoldenRecord {
    /// The values that survived. It has no key: no source has said all of it.
    pub record: SourceRecord,
    /// Where each value comes from, in the order of [`GoldenField::ALL`]; one entry per identifier.
    pub provenance: Vec<Provenance>,
}

/// Where a value of a golden record comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The field.
    pub field: GoldenField,
    /// The record that says it.
    pub record: RecordKey,
    /// How many records with a say have the same value, this one included.
    pub agreeing: usize,
    /// The rule by which it survived.
    pub rule: SurvivorshipRule,
    /// The steward who has chosen it.
    pub chosen_by: Option<String>,
}

/// What the records of a person say in one field, where a steward can choose whose value survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The field.
    pub field: GoldenField,
    /// The values that differ in what they mean, the one that most records say first.
    pub values: Vec<OfferedValue>,
    /// Whether a steward has chosen one of them.
    pub is_chosen: bool,
}

/// One value that a steward can choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedValue {
    /// The records that say it, by their places among the person's, the one updated last first: choosing the value
    /// is choosing that record's.
    pub said_by: Vec<usize>,
    /// Whether the golden record has it now.
    pub survives: bool,
}

/// What a steward can choose from, in the order of [`GoldenField::ALL`]: fields in which records say different things,
/// or of which a steward has chosen one.
pub(crate) fn offers(records: &[StoredRecord], golden: &GoldenRecord) -> Vec<Offer> {
    let speaking = speaking(records);
    let is_choice = |field: &GoldenField| *field != GoldenField::Identifier;
    let offers = GoldenField::ALL.into_iter().filter(is_choice).filter_map(|field| {
        let claims = claims(field, &speaking);
        let is_chosen = claims.iter().any(|claim| claim.chosen(field).is_some());
        let from = golden.provenance.iter().find(|from| from.field == field)?;
        let mut meanings: Vec<(&str, Vec<&StoredRecord>)> = Vec::new();
        for claim in &claims {
            match meanings.iter_mut().find(|(meaning, _)| *meaning == claim.meaning) {
                Some((_, said_by)) => said_by.push(claim.stored),
                None => meanings.push((&claim.meaning, vec![claim.stored])),
            }
        }
        if meanings.len() < 2 && !is_chosen {
            return None;
        }
        meanings.sort_by_key(|(_, said_by)| std::cmp::Reverse(said_by.len()));
        let place = |stored: &&StoredRecord| records.iter().position(|it| it.index == stored.index);
        let values = meanings.into_iter().map(|(_, mut said_by)| {
            said_by.sort_by_key(|stored| std::cmp::Reverse((stored.updated, stored.index)));
            let survives = said_by.iter().any(|stored| stored.record.key == from.record);
            OfferedValue { said_by: said_by.iter().filter_map(place).collect(), survives }
        });
        Some(Offer { field, values: values.collect(), is_chosen })
    });
    offers.collect()
}

/// The records that have a say.
fn speaking(records: &[StoredRecord]) -> Vec<(&StoredRecord, NormalizedRecord)> {
    let has_active = records.iter().any(|stored| stored.state.is_active());
    let speaking = records.iter().filter(|stored| stored.state.is_active() || !has_active);
    speaking.map(|stored| (stored, normalize(&stored.record))).collect()
}

/// What they say in a field.
fn claims<'a>(
    field: GoldenField,
    speaking: &[(&'a StoredRecord, NormalizedRecord)],
) -> Vec<Claim<'a>> {
    let claim = |(stored, normalized): &(&'a StoredRecord, NormalizedRecord)| {
        Some(Claim { stored, meaning: meaning(field, normalized)? })
    };
    speaking.iter().filter_map(claim).collect()
}

/// One record's value of a field.
struct Claim<'a> {
    stored: &'a StoredRecord,
    /// What the value means: equal for values that are spelt differently and mean the same.
    meaning: String,
}

/// Computes the golden record of a person's records.
pub(crate) fn golden_record(records: &[StoredRecord], rules: &Survivorship) -> GoldenRecord {
    let speaking = speaking(records);
    let mut golden = GoldenRecord::default();
    for field in GoldenField::ALL {
        if field == GoldenField::Identifier {
            take_identifiers(&mut golden, &speaking, rules);
            continue;
        }
        let claims = claims(field, &speaking);
        let rule = rules.rule(field);
        let chosen = claims.iter().filter_map(|claim| Some((claim, claim.chosen(field)?)));
        let chosen = chosen.max_by_key(|(_, chosen)| chosen.event);
        let chosen_by = chosen.map(|(_, chosen)| chosen.steward.clone());
        let rule = if chosen.is_some() { SurvivorshipRule::StewardsChoice } else { rule };
        let winner = chosen.map(|(claim, _)| claim).or_else(|| survivor(&claims, rule, rules));
        if let Some(winner) = winner {
            copy(field, &winner.stored.record, &mut golden.record);
            golden.provenance.push(Provenance {
                field,
                record: winner.stored.record.key.clone(),
                agreeing: agreeing(&claims, winner),
                rule,
                chosen_by,
            });
        }
    }
    golden
}

impl Claim<'_> {
    /// That a steward has chosen the value.
    fn chosen(&self, field: GoldenField) -> Option<&Chosen> {
        self.stored.chosen.iter().find(|chosen| chosen.field == field)
    }
}

/// Whether a record says something in a field that could survive.
pub(crate) fn says_something(field: GoldenField, record: &SourceRecord) -> bool {
    meaning(field, &normalize(record)).is_some()
}

fn agreeing(claims: &[Claim<'_>], claim: &Claim<'_>) -> usize {
    claims.iter().filter(|other| other.meaning == claim.meaning).count()
}

/// The claim that a rule lets survive.
fn survivor<'a, 'b>(
    claims: &'b [Claim<'a>],
    rule: SurvivorshipRule,
    rules: &Survivorship,
) -> Option<&'b Claim<'a>> {
    let standing = |claim: &&Claim<'_>| {
        let source = &claim.stored.record.key.source;
        let first = match rule {
            SurvivorshipRule::MostRecent | SurvivorshipRule::StewardsChoice => 0,
            SurvivorshipRule::MostFrequent => agreeing(claims, claim),
            SurvivorshipRule::MostTrusted => {
                let place = rules.trusted_sources.iter().position(|trusted| trusted == source);
                place.map_or(0, |place| usize::MAX - place)
            }
            SurvivorshipRule::Longest => claim.meaning.chars().count(),
            SurvivorshipRule::LongestValid => {
                let since = usize::try_from(claim.stored.updated.0).unwrap_or(0);
                usize::MAX - since
            }
        };
        (first, claim.stored.updated, claim.stored.index)
    };
    claims.iter().max_by_key(standing)
}

/// Every identifier that a record carries, once: each is a fact of its authority.
fn take_identifiers(
    golden: &mut GoldenRecord,
    speaking: &[(&StoredRecord, NormalizedRecord)],
    rules: &Survivorship,
) {
    for (stored, normalized) in speaking {
        for carried in &normalized.identifiers {
            let is_same = |other: &&(&StoredRecord, NormalizedRecord)| {
                other.1.identifiers.iter().any(|other| other == carried)
            };
            let first = speaking.iter().find(is_same).map(|(first, _)| first.index);
            if first != Some(stored.index) {
                continue;
            }
            golden.record.identifiers.push(empi_model::Identifier {
                authority: carried.authority.clone(),
                value: carried.value.clone(),
            });
            golden.provenance.push(Provenance {
                field: GoldenField::Identifier,
                record: stored.record.key.clone(),
                agreeing: speaking.iter().filter(is_same).count(),
                rule: rules.rule(GoldenField::Identifier),
                chosen_by: None,
            });
        }
    }
}

/// What a record says in a field, in the form in which the same is written the same; `None` for a value
/// that is missing or means nothing.
fn meaning(field: GoldenField, record: &NormalizedRecord) -> Option<String> {
    let text = |value: &Option<PatientText>| value.as_ref().map(|value| value.expose().to_owned());
    let words = |values: &[&Option<PatientText>]| {
        let said: Vec<&str> =
            values.iter().filter_map(|value| value.as_ref().map(PatientText::expose)).collect();
        (!said.is_empty()).then(|| said.join("\n"))
    };
    let listed = |values: Vec<String>| (!values.is_empty()).then(|| values.join("\n"));
    match field {
        GoldenField::Name => {
            let name = record.names.first().filter(|_| !record.newborn_name)?;
            words(&[&name.given, &name.middle, &name.family])
        }
        GoldenField::BirthDate => record.birth_date.map(empi_model::BirthDate::to_iso),
        GoldenField::Sex => record.sex.map(|sex| sex.as_str().to_owned()),
        GoldenField::Ssn => record.ssn.map(empi_model::Ssn::to_digits),
        GoldenField::Address => {
            let address = record.addresses.first()?;
            let empi_model::NormalizedAddress {
                number,
                street,
                unit,
                city,
                state,
                postal_code,
                ..
            } = address;
            words(&[number, street, unit, city, state, postal_code])
        }
        GoldenField::Phone => {
            listed(record.phones.iter().map(|phone| phone.as_number().to_string()).collect())
        }
        GoldenField::Email => {
            listed(record.emails.iter().map(|email| email.expose().to_owned()).collect())
        }
        GoldenField::Identifier => None,
        GoldenField::MotherMaidenName => text(&record.mother_maiden_name),
        GoldenField::GuardianName => text(&record.guardian_name),
        GoldenField::BirthPlace => text(&record.birth_place),
        GoldenField::BirthOrder => record.birth_order.map(|order| order.to_string()),
    }
}

/// Copies a field as its source has said it.
fn copy(field: GoldenField, from: &SourceRecord, to: &mut SourceRecord) {
    match field {
        GoldenField::Name => to.names.clone_from(&from.names),
        GoldenField::BirthDate => to.birth_date.clone_from(&from.birth_date),
        GoldenField::Sex => to.sex.clone_from(&from.sex),
        GoldenField::Ssn => to.ssn.clone_from(&from.ssn),
        GoldenField::Address => to.addresses.clone_from(&from.addresses),
        GoldenField::Phone => to.phones.clone_from(&from.phones),
        GoldenField::Email => to.emails.clone_from(&from.emails),
        GoldenField::Identifier => {}
        GoldenField::MotherMaidenName => {
            to.mother_maiden_name.clone_from(&from.mother_maiden_name);
        }
        GoldenField::GuardianName => to.guardian_name.clone_from(&from.guardian_name),
        GoldenField::BirthPlace => to.birth_place.clone_from(&from.birth_place),
        GoldenField::BirthOrder => to.birth_order.clone_from(&from.birth_order),
    }
}

/// A record as it is shown to other systems: the birth date in ISO form, as exact as it is known, and the sex
/// as one word. What cannot be read is left out.
#[must_use]
pub fn present(record: &SourceRecord) -> SourceRecord {
    let read = normalize(record);
    SourceRecord {
        birth_date: read.birth_date.map(|date| PatientText::new(date.to_iso())),
        sex: read.sex.map(|sex| PatientText::new(sex.as_str())),
        birth_order: read.birth_order.map(|order| PatientText::new(order.to_string())),
        ..record.clone()
    }
}
