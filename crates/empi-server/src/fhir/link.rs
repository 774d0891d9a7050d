//! `Patient.link`, said by a client that has the role for it: which persons are one. Each link is a steward's operation,
//! as `$merge` is: it outranks scoring, is told as an event, and can be undone.
//!
//! | type | put on | means |
//! |---|---|---|
//! | `replaced-by` | a Patient with `active: false` | it goes into the other, who survives |
//! | `replaces` | the survivor | the other goes into it |
//! | `seealso` | either | the two are one, at equal standing: the older enterprise ID survives |
//!
//! A link that holds already changes nothing. One that is left out later takes nothing back: a steward undoes the event.

use axum::http::StatusCode;
use empi_formats::fhir::{FhirIdentifier, IssueCode, Link, LinkTarget, Patient};
use empi_model::{EnterpriseId, ReasonCode, RecordKey};
use empi_registry::{PersonView, Registry, StewardOperation, StewardRequest};

use super::answer::{Answer, Refusal};
use super::person::{by_number, if_unchanged, patient_with_links};
use super::request::Asked;
use crate::exchange::Exchange;
use crate::exchange::caller::Caller;

/// Most links of one Patient that are followed.
const LINKS_MAX: usize = 32;

/// `PUT Patient/[id]`: the links of a person. What else the Patient says is its records' to say: it must be as it was
/// read, or not there.
pub(super) fn put(
    exchange: &Exchange,
    registry: &Registry,
    asked: &Asked,
    id: &str,
) -> Result<Answer, Refusal> {
    allowed(&asked.caller)?;
    let id: EnterpriseId = id
        .parse()
        .map_err(|_| Refusal::not_found("no Patient has this ID: it is no enterprise ID"))?;
    let said = Patient::read(&asked.body)
        .map_err(|error| Refusal::invalid(IssueCode::Structure, format!("the body is {error}")))?;
    let view = registry.person(id)?;
    if_unchanged(asked, &view)?;
    if said.id.as_ref().is_some_and(|said| *said != id.to_string()) {
        let sentence = "the Patient's id must be that of the URL";
        return Err(Refusal::invalid(IssueCode::Invalid, sentence));
    }
    if !says_nothing_new(&said, &patient_with_links(exchange, registry, &view)?) {
        let sentence = "a person's values are those of its records, which a feed changes: send its links alone";
        return Err(unprocessable(sentence));
    }
    if said.link.is_empty() {
        return Err(unprocessable("the Patient has no link, so there is nothing to do"));
    }
    let linking = Linking { exchange, registry, caller: &asked.caller };
    let links = linking.read(&said)?;
    if links.iter().any(|link| link.other == id) {
        return Err(unprocessable("a Patient cannot be linked to itself"));
    }
    linking.follow_all(&links, id, None)?;
    let view = registry.person(id)?;
    Ok(Answer::ok(&patient_with_links(exchange, registry, &view)?))
}

/// Whether what a Patient says beside its links is what the server tells of it, or nothing.
fn says_nothing_new(said: &Patient, told: &Patient) -> bool {
    let values = |patient: &Patient| {
        let bare =
            Patient { link: Vec::new(), meta: None, active: None, id: None, ..patient.clone() };
        serde_json::to_value(bare).unwrap_or_default()
    };
    let nothing = Patient { resource_type: said.resource_type.clone(), ..Patient::default() };
    let said_values = values(said);
    said.modifier_extension.is_empty()
        && (said_values == values(&nothing) || said_values == values(told))
}

/// Refuses whoever has no role that may say which persons are one.
pub(super) fn allowed(caller: &Caller) -> Result<(), Refusal> {
    if caller.may_change_identities() {
        return Ok(());
    }
    let sentence = "the client has no role that may link or merge persons: see fhir.clients.role";
    Err(Refusal::new(StatusCode::FORBIDDEN, IssueCode::Forbidden, sentence))
}

fn unprocessable(sentence: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::BusinessRule, sentence)
}

/// What a link means for the person that it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    ReplacedBy,
    Replaces,
    SeeAlso,
}

impl Meaning {
    fn of(link: &Link) -> Result<Self, Refusal> {
        match link.r#type.as_str() {
            "replaced-by" => Ok(Self::ReplacedBy),
            "replaces" => Ok(Self::Replaces),
            "seealso" => Ok(Self::SeeAlso),
            "refer" => Err(unprocessable(
                "a link of type `refer` is not followed: say replaced-by, replaces or seealso",
            )),
            _ => {
                let sentence = "link.type must be replaced-by, replaces or seealso";
                Err(Refusal::invalid(IssueCode::CodeInvalid, sentence))
            }
        }
    }
}

/// One link, understood.
pub(super) struct AskedLink {
    meaning: Meaning,
    /// The enterprise ID that it names, or that the number it names leads to.
    other: EnterpriseId,
    record: Option<RecordKey>,
}

/// Following the links of a Patient.
pub(super) struct Linking<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) registry: &'a Registry,
    pub(super) caller: &'a Caller,
}

impl Linking<'_> {
    /// What the links of a Patient mean and where they lead.
    pub(super) fn read(&self, patient: &Patient) -> Result<Vec<AskedLink>, Refusal> {
        if patient.link.len() > LINKS_MAX {
            let sentence = format!("a Patient may have {LINKS_MAX} links (links_max)");
            return Err(Refusal::invalid(IssueCode::TooLong, sentence));
        }
        let mut asked = Vec::with_capacity(patient.link.len());
        for link in &patient.link {
            let meaning = Meaning::of(link)?;
            if (meaning == Meaning::ReplacedBy) != (patient.active == Some(false)) {
                let sentence =
                    "a Patient that is replaced must have active: false, and no other may";
                return Err(unprocessable(sentence));
            }
            let (view, record) = self.target(&link.other)?;
            asked.push(AskedLink { meaning, other: view.asked, record });
        }
        if asked.iter().filter(|it| it.meaning == Meaning::ReplacedBy).count() > 1 {
            return Err(unprocessable("a Patient can be replaced by one other only"));
        }
        Ok(asked)
    }

    /// Does what links say about a person, and where it is a record's Patient, about that record.
    pub(super) fn follow_all(
        &self,
        asked: &[AskedLink],
        person: EnterpriseId,
        record: Option<&RecordKey>,
    ) -> Result<(), Refusal> {
        for AskedLink { meaning, other, record: other_record } in asked {
            self.follow(*meaning, (person, record), (*other, other_record.as_ref()))?;
        }
        Ok(())
    }

    fn follow(
        &self,
        meaning: Meaning,
        (person, record): (EnterpriseId, Option<&RecordKey>),
        (other, other_record): (EnterpriseId, Option<&RecordKey>),
    ) -> Result<(), Refusal> {
        // As they are now: a link before this one may have merged them.
        let (own, other) = (self.registry.person(person)?, self.registry.person(other)?);
        let (own_id, other_id) = (own.person.enterprise_id, other.person.enterprise_id);
        if own_id == other_id {
            return Ok(());
        }
        let operation = match meaning {
            Meaning::ReplacedBy => {
                StewardOperation::MergePersons { surviving: other_id, subsumed: own_id }
            }
            Meaning::Replaces => {
                StewardOperation::MergePersons { surviving: own_id, subsumed: other_id }
            }
            Meaning::SeeAlso => StewardOperation::LinkRecords {
                left: record_of(&own, record)?,
                right: record_of(&other, other_record)?,
            },
        };
        let preview = StewardRequest {
            operation,
            actor: self.caller.steward(),
            reason: ReasonCode::Other,
            note: "asked for by Patient.link".to_owned(),
            request_id: None,
            version_token: None,
            validate_only: true,
        };
        let seen = self.registry.steward(preview.clone())?;
        self.registry.steward(StewardRequest {
            version_token: Some(seen.version_token),
            validate_only: false,
            ..preview
        })?;
        Ok(())
    }

    /// The person that a link leads to, and the record where it is named by one's number.
    fn target(&self, target: &LinkTarget) -> Result<(PersonView, Option<RecordKey>), Refusal> {
        match (&target.reference, &target.identifier) {
            (Some(reference), None) => Ok((self.registry.person(id_of(reference)?)?, None)),
            (None, Some(FhirIdentifier { system: Some(system), value: Some(value), .. })) => {
                let name = "link.other.identifier";
                let view = by_number(self.exchange, self.registry, (system, value), name)?;
                let authority = self.exchange.authorities.of_system(system);
                let key = authority.map(|it| RecordKey::new(it.name.as_str(), value.trim()));
                let key = key.filter(|key| view.records.iter().any(|it| it.record.key == *key));
                Ok((view, key))
            }
            _ => Err(unprocessable(
                "link.other needs a reference such as Patient/7K3M-9QXT-2VC, or an identifier with system and value",
            )),
        }
    }
}

/// The record that is linked: the one that was named, else the person's first that has a say.
fn record_of(view: &PersonView, named: Option<&RecordKey>) -> Result<RecordKey, Refusal> {
    if let Some(key) = named {
        return Ok(key.clone());
    }
    let first = view.records.iter().find(|stored| stored.state.is_active());
    first.map(|stored| stored.record.key.clone()).ok_or_else(|| {
        unprocessable(
            "all records of one of the Patients were withdrawn, so there is nothing to link",
        )
    })
}

/// The enterprise ID of a reference such as `Patient/7K3M-9QXT-2VC`, with or without the server's URL before it.
pub(super) fn id_of(reference: &str) -> Result<EnterpriseId, Refusal> {
    let mut parts = reference.rsplit('/');
    let (id, kind) = (parts.next().unwrap_or_default(), parts.next());
    id.parse().ok().filter(|_| kind == Some("Patient")).ok_or_else(|| {
        Refusal::not_found("a reference leads to no Patient: write Patient/ and the enterprise ID")
    })
}
