//! Which numbers a person has, and who has a number.

use empi_formats::{AssigningAuthority, Authorities};
use empi_model::{Identifier, PatientText, RecordKey, RecordState, SourceRecord};
use empi_registry::{PersonView, Registry, RegistryError, present};

/// A number of a person: the authority by its name in the index, and the value.
pub(crate) type Number = (String, String);

/// Whose numbers are told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Those of registered authorities.
    Registered,
    /// All.
    All,
}

/// The numbers of a person, those of one authority next to each other: the records' own, and those that a
/// record carries and may speak for. Who quotes the number of another source does not own it, unless it is a
/// national one.
pub(crate) fn numbers(authorities: &Authorities, view: &PersonView, told: Told) -> Vec<Number> {
    let mut numbers: Vec<Number> = Vec::new();
    for stored in view.records.iter().filter(|stored| stored.state.is_active()) {
        let key = &stored.record.key;
        let own = authorities.named(&key.source);
        if own.is_some() || told == Told::All {
            numbers.push((key.source.clone(), key.record_id.clone()));
        }
        for Identifier { authority, value } in &stored.record.identifiers {
            let name = authorities.name_of(authority);
            let speaks_for = match authorities.named(&name) {
                Some(issuer) => issuer.is_national || may_speak(own, issuer),
                None => told == Told::All,
            };
            if speaks_for {
                numbers.push((name, value.expose().trim().to_owned()));
            }
        }
    }
    let place = |name: &str| authorities.iter().position(|it| it.name == name);
    numbers.sort_by_cached_key(|(name, _)| (place(name).is_none(), place(name), name.clone()));
    let mut told: Vec<Number> = Vec::with_capacity(numbers.len());
    for number in numbers {
        if !told.contains(&number) {
            told.push(number);
        }
    }
    told
}

fn may_speak(own: Option<&AssigningAuthority>, issuer: &AssigningAuthority) -> bool {
    own.is_some_and(|own| own.name == issuer.name || Authorities::share_a_sender(own, issuer))
}

/// Why a number leads to nobody.
#[derive(Debug)]
pub(crate) enum LookupError {
    /// Nobody has it.
    Unknown,
    /// Several persons have it.
    Several,
    /// The registry failed.
    Registry(RegistryError),
}

/// The person who has a number: by the record of that number, also one that was merged away, or by a record
/// that carries it and may speak for it.
pub(crate) fn owner(
    authorities: &Authorities,
    registry: &Registry,
    (authority, value): (&str, &str),
) -> Result<PersonView, LookupError> {
    match registry.record(&RecordKey::new(authority, value)) {
        Ok(view) if view.record.state == RecordState::Retired => return Err(LookupError::Unknown),
        Ok(view) => {
            return registry.person(view.enterprise_id).map_err(|error| match error {
                // Nobody is told whose number it is.
                RegistryError::Restricted(_) => LookupError::Unknown,
                error => LookupError::Registry(error),
            });
        }
        Err(RegistryError::Restricted(_)) => return Err(LookupError::Unknown),
        Err(RegistryError::NotFound(_)) => {}
        Err(error) => return Err(LookupError::Registry(error)),
    }
    let asked = Identifier { authority: authority.to_owned(), value: PatientText::new(value) };
    let carriers = match registry.resolve_identifier(&asked) {
        Ok(carriers) => carriers,
        // A placeholder, or a number of hundreds of people: nobody's.
        Err(RegistryError::Invalid(_)) => return Err(LookupError::Unknown),
        Err(error) => return Err(LookupError::Registry(error)),
    };
    let has_it = |view: &PersonView| {
        let number = (authority.to_owned(), value.to_owned());
        numbers(authorities, view, Told::Registered).contains(&number)
    };
    let mut owners = carriers.into_iter().filter(has_it);
    match (owners.next(), owners.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(LookupError::Unknown),
        (Some(_), Some(_)) => Err(LookupError::Several),
    }
}

/// What is shown of a person: the golden record, its birth date in ISO form and its sex as one word.
pub(crate) fn shown(view: &PersonView) -> SourceRecord {
    present(&view.golden.record)
}
