//! Patients as a feed (ITI-104): added, revised, merged and withdrawn by their identifiers.

use axum::http::StatusCode;
use empi_formats::AssigningAuthority;
use empi_formats::fhir::{FhirIdentifier, IssueCode, Patient, record_of};
use empi_model::{ActorKind, EnterpriseId, Operation, RecordKey};
use empi_registry::{Registry, RegistryError};

use super::answer::{Answer, Refusal};
use super::link::Linking;
use super::person::patient_of_person;
use super::request::{Asked, token};
use crate::exchange::Exchange;
use crate::exchange::feed::{Feed, FeedError, own_identifier};

/// What of a Patient says anything of somebody.
fn says_something(patient: &Patient) -> bool {
    !patient.name.is_empty() || patient.birth_date.is_some() || patient.gender.is_some()
}

/// One Patient on its way into the index.
pub(super) struct Taking<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) registry: &'a Registry,
    pub(super) asked: &'a Asked,
    pub(super) request_id: Option<String>,
}

/// What became of a Patient.
pub(super) struct Taken {
    pub(super) enterprise_id: EnterpriseId,
    pub(super) is_new: bool,
}

/// `PUT Patient?identifier=...`: adds, revises, or merges.
pub(super) fn put(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    let taking = Taking::of(exchange, registry, asked);
    let key = taking.key_of_query(asked)?;
    let read = read(&asked.body)?;
    let taken = taking.take(&key, &read)?;
    taking.answer(asked, &taken)
}

/// `POST Patient`: by the first identifier that the caller may write.
pub(super) fn create(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    let taking = Taking::of(exchange, registry, asked);
    let read = read(&asked.body)?;
    let key = taking.own_key(&read)?;
    let taken = taking.take(&key, &read)?;
    taking.answer(asked, &taken)
}

/// `DELETE Patient?identifier=...`: withdraws.
pub(super) fn delete(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
) -> Result<Answer, Refusal> {
    let taking = Taking::of(exchange, registry, asked);
    let key = taking.key_of_query(asked)?;
    taking.feed().retire(&key, None).map_err(refusal)?;
    Ok(Answer::nothing())
}

fn read(body: &[u8]) -> Result<Patient, Refusal> {
    Patient::read(body)
        .map_err(|error| Refusal::invalid(IssueCode::Structure, format!("the body is {error}")))
}

impl<'a> Taking<'a> {
    fn of(exchange: &'a Exchange, registry: &'a Registry, asked: &'a Asked) -> Self {
        // A request is the same only if its body is.
        let hash = xxhash_rust::xxh3::xxh3_64(&asked.body);
        let request_id = asked.request_id.as_deref().map(|id| {
            let id = xxhash_rust::xxh3::xxh3_64(
                format!("{}|{id}", asked.permit.caller().name).as_bytes(),
            );
            format!("fhir-{id:016x}-{hash:016x}")
        });
        Self { exchange, registry, asked, request_id }
    }

    fn feed(&self) -> Feed<'_> {
        Feed {
            exchange: self.exchange,
            registry: self.registry,
            actor: self.asked.actor(ActorKind::System),
            request_id: self.request_id.clone(),
        }
    }

    /// The record that `?identifier=system|value` names; the caller must be allowed to write it.
    fn key_of_query(&self, asked: &Asked) -> Result<RecordKey, Refusal> {
        let identifiers: Vec<&str> = asked.all("identifier").collect();
        let [identifier] = identifiers.as_slice() else {
            let sentence = "name one Patient: ?identifier=system|value, once";
            return Err(Refusal::new(
                StatusCode::PRECONDITION_FAILED,
                IssueCode::MultipleMatches,
                sentence,
            ));
        };
        match token(identifier) {
            (Some(system), value) if !value.is_empty() => self.key(system, value),
            _ => {
                let sentence = "`identifier` must be system|value";
                Err(Refusal::invalid(IssueCode::Invalid, sentence))
            }
        }
    }

    fn key(&self, system: &str, value: &str) -> Result<RecordKey, Refusal> {
        let authority = self.authority(system)?;
        if !self.asked.permit.covers(&authority.name) {
            let sentence = "the caller is not registered for this assigning authority";
            return Err(Refusal::new(StatusCode::FORBIDDEN, IssueCode::Forbidden, sentence));
        }
        Ok(RecordKey::new(authority.name.as_str(), value.trim()))
    }

    fn authority(&self, system: &str) -> Result<&AssigningAuthority, Refusal> {
        self.exchange.authorities.of_system(system).ok_or_else(|| {
            let sentence = "the assigning authority of the identifier is not registered";
            Refusal::invalid(IssueCode::CodeInvalid, sentence)
        })
    }

    /// The record of the first identifier that the caller may write.
    pub(super) fn own_key(&self, patient: &Patient) -> Result<RecordKey, Refusal> {
        let mut refused = None;
        for FhirIdentifier { system, value, .. } in &patient.identifier {
            let (Some(system), Some(value)) = (system, value) else { continue };
            match self.key(system, value) {
                Ok(key) => return Ok(key),
                Err(refusal) => {
                    refused.get_or_insert(refusal);
                }
            }
        }
        Err(refused.unwrap_or_else(|| {
            let sentence = "the Patient needs an identifier with system and value";
            Refusal::invalid(IssueCode::Required, sentence)
        }))
    }

    /// Takes a Patient under a record's key.
    pub(super) fn take(&self, key: &RecordKey, patient: &Patient) -> Result<Taken, Refusal> {
        if !patient.modifier_extension.is_empty() {
            let sentence = "the Patient has a modifierExtension, and none is known here";
            return Err(Refusal::invalid(IssueCode::Extension, sentence));
        }
        if let Some(linking) = self.linking().filter(|_| self.leads_elsewhere(key, patient)) {
            let links = linking.read(patient)?;
            let known = self.feed().known(key).map_err(refusal)?;
            let known = known.ok_or_else(|| {
                Refusal::not_found("the Patient that should be replaced is not registered")
            })?;
            linking.follow_all(&links, known.enterprise_id, Some(key))?;
            let enterprise_id = self.living(known.enterprise_id)?;
            return Ok(Taken { enterprise_id, is_new: false });
        }
        if let Some(survivor) = self.survivor(key, patient)? {
            self.feed().merge(&survivor, key).map_err(refusal)?;
            let known = self.feed().known(key).map_err(refusal)?;
            let known = known.ok_or_else(|| {
                Refusal::not_found("the Patient that should be replaced is not registered")
            })?;
            return Ok(Taken { enterprise_id: known.enterprise_id, is_new: false });
        }
        if !says_something(patient) {
            let sentence = "the Patient needs a name, a birth date or a gender";
            return Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                IssueCode::Required,
                sentence,
            ));
        }
        let mut said = record_of(patient, key.clone(), &self.exchange.authorities);
        let own = own_identifier(key);
        said.identifiers.retain(|it| *it != own);
        said.identifiers.insert(0, own);
        let linking = self.linking();
        let links = linking.as_ref().map(|linking| linking.read(patient)).transpose()?;
        let fed = self.feed().register(key, |record| *record = said).map_err(refusal)?;
        if let (Some(linking), Some(links)) = (linking, links) {
            linking.follow_all(&links, fed.enterprise_id, Some(key))?;
        }
        let enterprise_id = self.living(fed.enterprise_id)?;
        Ok(Taken { enterprise_id, is_new: fed.is_new })
    }

    /// Who answers for a person now.
    fn living(&self, id: EnterpriseId) -> Result<EnterpriseId, Refusal> {
        Ok(self.registry.survivor(id)?)
    }

    /// What follows links, for a caller with the role. Of whoever has none, links but those between its own records are
    /// left aside.
    fn linking(&self) -> Option<Linking<'a>> {
        let Self { exchange, registry, asked, .. } = *self;
        let may = asked.permit.also(Operation::ChangeIdentities);
        may.then_some(Linking { exchange, registry, asked })
    }

    /// Whether a Patient is replaced by another one than of its own authority: that is a merge of persons, and no
    /// source's to say.
    fn leads_elsewhere(&self, key: &RecordKey, patient: &Patient) -> bool {
        let replaced_by = patient.link.iter().find(|link| link.r#type == "replaced-by");
        replaced_by.is_some_and(|link| {
            let system = link.other.identifier.as_ref().and_then(|it| it.system.as_deref());
            let authority = system.and_then(|it| self.exchange.authorities.of_system(it));
            authority.is_none_or(|authority| authority.name != key.source)
        })
    }

    /// The record that a Patient says it is replaced by.
    fn survivor(&self, key: &RecordKey, patient: &Patient) -> Result<Option<RecordKey>, Refusal> {
        let Some(link) = patient.link.iter().find(|link| link.r#type == "replaced-by") else {
            return Ok(None);
        };
        let unprocessable = |sentence: &str| {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::BusinessRule, sentence)
        };
        if patient.active != Some(false) {
            let sentence = "a Patient that is replaced must have active: false";
            return Err(unprocessable(sentence));
        }
        let identifier = link.other.identifier.as_ref();
        let parts = identifier.and_then(|it| Some((it.system.as_deref()?, it.value.as_deref()?)));
        let Some((system, value)) = parts else {
            let sentence =
                "link.other.identifier needs the system and value of the Patient that goes on";
            return Err(unprocessable(sentence));
        };
        let survivor = self.key(system, value)?;
        if survivor.source != key.source {
            return Err(unprocessable("both Patients must be of one assigning authority"));
        }
        if survivor == *key {
            return Err(unprocessable("a Patient cannot be replaced by itself"));
        }
        Ok(Some(survivor))
    }

    fn answer(&self, asked: &Asked, taken: &Taken) -> Result<Answer, Refusal> {
        let status = if taken.is_new { StatusCode::CREATED } else { StatusCode::OK };
        let view = match self.registry.person(taken.enterprise_id) {
            Ok(view) => view,
            // The record is taken; of its person, who is not to be shared, the source learns the name alone.
            Err(RegistryError::Restricted(id)) => {
                return Ok(Answer::unshown(status).at(asked.url_of(&id.to_string())));
            }
            Err(error) => return Err(error.into()),
        };
        let shown = patient_of_person(&self.exchange.authorities, &view);
        let url = asked.url_of(&view.person.enterprise_id.to_string());
        Ok(Answer::resource(status, &shown).at(url))
    }
}

fn refusal(error: FeedError) -> Refusal {
    let conflict = |sentence| Refusal::new(StatusCode::CONFLICT, IssueCode::Conflict, sentence);
    match error {
        FeedError::SurvivorGone => {
            conflict("the Patient that should go on was merged away or withdrawn")
        }
        FeedError::MergedElsewhere => conflict("the Patient was merged into another one before"),
        FeedError::NumberTaken => conflict("the new identifier is in use"),
        FeedError::UnknownRecord => Refusal::not_found("one of the Patients is not registered"),
        FeedError::Registry(error) => error.into(),
    }
}
