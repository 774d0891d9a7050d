//! What callers send besides records: actors, request IDs, enterprise IDs.

use empi_model::{Actor, ActorKind, EnterpriseId, Identifier, PatientText};
use empi_proto::v1;
use empi_registry::RegisterRequest;

use super::{InvalidRequest, bounded, source_record_from_proto};

const ACTOR_NAME_BYTES_MAX: usize = 200;
const REQUEST_ID_BYTES_MAX: usize = 200;
const IDENTIFIER_BYTES_MAX: usize = 1000;

pub(crate) fn register_request(
    request: v1::RegisterRecordRequest,
) -> Result<RegisterRequest, InvalidRequest> {
    let v1::RegisterRecordRequest { record, actor: sent_actor, request_id: sent_id } = request;
    let record = record.ok_or_else(|| InvalidRequest::new("`record` is missing: fill it in"))?;
    Ok(RegisterRequest {
        record: source_record_from_proto(record)?,
        actor: actor(sent_actor)?,
        request_id: request_id(sent_id)?,
    })
}

/// An actor with a capacity and a name.
pub(crate) fn actor(actor: Option<v1::Actor>) -> Result<Actor, InvalidRequest> {
    let actor = actor
        .ok_or_else(|| InvalidRequest::new("`actor` is missing: say who asks for the change"))?;
    let kind = match actor.kind() {
        v1::ActorKind::System => ActorKind::System,
        v1::ActorKind::Steward => ActorKind::Steward,
        v1::ActorKind::Unspecified => {
            return Err(InvalidRequest::new("`actor.kind` is missing: say SYSTEM or STEWARD"));
        }
    };
    let name = actor.name.trim();
    bounded("actor.name", name, ACTOR_NAME_BYTES_MAX)?;
    if name.is_empty() {
        return Err(InvalidRequest::new("`actor.name` is empty: say who asks for the change"));
    }
    Ok(Actor { kind, name: name.to_owned() })
}

pub(super) fn request_id(request_id: String) -> Result<Option<String>, InvalidRequest> {
    bounded("request_id", &request_id, REQUEST_ID_BYTES_MAX)?;
    Ok((!request_id.is_empty()).then_some(request_id))
}

pub(crate) fn enterprise_id(text: &str) -> Result<EnterpriseId, InvalidRequest> {
    text.parse().map_err(|error| InvalidRequest::new(format!("`enterprise_id`: {error}")))
}

pub(crate) fn identifier(identifier: Option<v1::Identifier>) -> Result<Identifier, InvalidRequest> {
    let v1::Identifier { authority, value } = identifier.unwrap_or_default();
    bounded("identifier.authority", &authority, IDENTIFIER_BYTES_MAX)?;
    bounded("identifier.value", &value, IDENTIFIER_BYTES_MAX)?;
    if authority.trim().is_empty() || value.trim().is_empty() {
        return Err(InvalidRequest::new(
            "`identifier` needs both: the authority that issued it, and its value",
        ));
    }
    Ok(Identifier { authority, value: PatientText::new(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_has_a_capacity_and_a_name() {
        let sent = |kind: i32, name: &str| Some(v1::Actor { kind, name: name.to_owned() });
        assert_eq!(
            actor(sent(1, " adt ")),
            Ok(Actor { kind: ActorKind::System, name: "adt".to_owned() })
        );
        for (bad, named) in [
            (None, "`actor`"),
            (sent(0, "adt"), "`actor.kind`"),
            (sent(99, "adt"), "`actor.kind`"),
            (sent(2, " "), "`actor.name`"),
            (sent(2, &"x".repeat(201)), "`actor.name`"),
        ] {
            assert!(actor(bad).unwrap_err().to_string().contains(named));
        }
    }

    #[test]
    fn an_empty_request_id_is_none() {
        assert_eq!(request_id(String::new()), Ok(None));
        assert_eq!(request_id("r1".to_owned()), Ok(Some("r1".to_owned())));
        assert!(request_id("x".repeat(201)).is_err());
    }

    #[test]
    fn enterprise_ids_are_read_in_any_spelling_and_checked() {
        let id = EnterpriseId::mint(5);
        assert_eq!(enterprise_id(&id.to_string().to_lowercase().replace('-', "")), Ok(id));
        assert!(enterprise_id("7K3M").unwrap_err().to_string().contains("eleven"));
    }

    #[test]
    fn a_registration_needs_a_record() {
        let error = register_request(v1::RegisterRecordRequest::default()).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("`record`"));
    }
}
