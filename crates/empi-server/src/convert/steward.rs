//! What stewards ask for, and what they are answered.

use empi_model::{ActorKind, EnterpriseId, EventSequence, ReasonCode, RecordKey};
use empi_proto::v1;
use empi_registry::{
    GoldenField, RetireRequest, Retirement, StewardAnswer, StewardOperation, StewardRequest,
};

use super::event::event;
use super::golden::golden;
use super::request::request_id;
use super::review_request::NOTE_BYTES_MAX;
use super::source::record_key;
use super::{InvalidRequest, actor, bounded, enterprise_id, record_key_from_proto};

const VERSION_TOKEN_BYTES_MAX: usize = 64;

/// An operation with what every change carries. Nobody but a steward may ask for one.
pub(crate) fn steward_request(
    terms: Option<v1::ChangeTerms>,
    operation: StewardOperation,
) -> Result<StewardRequest, InvalidRequest> {
    let terms = terms.ok_or_else(|| InvalidRequest::new("`terms` is missing: say who and why"))?;
    let reason = ReasonCode::ALL.into_iter().find(|code| *code as i32 == terms.reason_code);
    let reason = reason.ok_or_else(|| {
        InvalidRequest::new("`terms.reason_code` is missing: say why this is to be changed")
    })?;
    let v1::ChangeTerms { note, request_id: sent_id, version_token, validate_only, .. } = terms;
    let actor = actor(terms.actor)?;
    if actor.kind != ActorKind::Steward {
        return Err(InvalidRequest::new(
            "`terms.actor.kind` must be STEWARD: only a person changes identities by hand",
        ));
    }
    bounded("terms.note", &note, NOTE_BYTES_MAX)?;
    bounded("terms.version_token", &version_token, VERSION_TOKEN_BYTES_MAX)?;
    let request_id = request_id(sent_id)?;
    let version_token = (!version_token.is_empty()).then_some(version_token);
    Ok(StewardRequest { operation, actor, reason, note, request_id, version_token, validate_only })
}

pub(crate) fn link_records(
    request: v1::LinkRecordsRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let (left, right) = (named("left", request.left)?, named("right", request.right)?);
    steward_request(request.terms, StewardOperation::LinkRecords { left, right })
}

pub(crate) fn unlink_record(
    request: v1::UnlinkRecordRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let (record, keep_apart) = (named("record", request.record)?, request.keep_apart);
    steward_request(request.terms, StewardOperation::UnlinkRecord { record, keep_apart })
}

pub(crate) fn merge_persons(
    request: v1::MergePersonsRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let surviving = enterprise_id(&request.surviving_enterprise_id)?;
    let subsumed = enterprise_id(&request.subsumed_enterprise_id)?;
    steward_request(request.terms, StewardOperation::MergePersons { surviving, subsumed })
}

pub(crate) fn unmerge_persons(
    request: v1::UnmergePersonsRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let subsumed = enterprise_id(&request.subsumed_enterprise_id)?;
    steward_request(request.terms, StewardOperation::UnmergePersons { subsumed })
}

pub(crate) fn split_person(
    request: v1::SplitPersonRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let v1::SplitPersonRequest { terms, enterprise_id: id, records, keep_apart } = request;
    let person = enterprise_id(&id)?;
    let records = records.into_iter().map(|key| named("records", Some(key)));
    let records = records.collect::<Result<_, _>>()?;
    steward_request(terms, StewardOperation::SplitPerson { person, records, keep_apart })
}

pub(crate) fn keep_apart(request: v1::KeepApartRequest) -> Result<StewardRequest, InvalidRequest> {
    let (left, right) = (named("left", request.left)?, named("right", request.right)?);
    steward_request(request.terms, StewardOperation::KeepApart { left, right })
}

pub(crate) fn move_record(
    request: v1::MoveRecordRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let record = named("record", request.record)?;
    let person = enterprise_id(&request.enterprise_id)?;
    steward_request(request.terms, StewardOperation::MoveRecord { record, person })
}

pub(crate) fn choose_value(
    request: v1::ChooseValueRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let person = enterprise_id(&request.enterprise_id)?;
    let field = GoldenField::ALL.into_iter().find(|field| *field as i32 == request.field);
    let field = field.ok_or_else(|| InvalidRequest::new("`field` is missing: say which"))?;
    let record = request.record.map(|key| named("record", Some(key))).transpose()?;
    steward_request(request.terms, StewardOperation::ChooseValue { person, field, record })
}

pub(crate) fn set_consent(
    request: v1::SetConsentRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let v1::SetConsentRequest { terms, enterprise_id: id, not_shared, not_linked } = request;
    let person = enterprise_id(&id)?;
    steward_request(terms, StewardOperation::SetConsent { person, not_shared, not_linked })
}

pub(crate) fn erase_person(
    request: v1::ErasePersonRequest,
) -> Result<StewardRequest, InvalidRequest> {
    let person = enterprise_id(&request.enterprise_id)?;
    steward_request(request.terms, StewardOperation::ErasePerson { person })
}

pub(crate) fn undo_event(request: v1::UndoEventRequest) -> Result<StewardRequest, InvalidRequest> {
    let event = event_sequence(request.sequence)?;
    steward_request(request.terms, StewardOperation::UndoEvent { event })
}

/// The number of an event that there may be.
pub(crate) fn event_sequence(sequence: u64) -> Result<EventSequence, InvalidRequest> {
    if sequence == 0 {
        return Err(InvalidRequest::new("`sequence` is missing: say which event"));
    }
    Ok(EventSequence(sequence))
}

pub(crate) fn change(answer: StewardAnswer) -> v1::ChangeResponse {
    let StewardAnswer { event: told, version_token, golden: best, is_preview, proposal } = answer;
    let person = |(id, best): (EnterpriseId, _)| v1::GoldenPerson {
        enterprise_id: id.to_string(),
        golden: Some(golden(best)),
    };
    v1::ChangeResponse {
        event: Some(event(told)),
        version_token,
        preview: is_preview,
        golden: best.into_iter().map(person).collect(),
        audit_head: None,
        proposal: proposal.unwrap_or_default(),
    }
}

pub(crate) fn retire_request(
    request: v1::RetireRecordRequest,
) -> Result<RetireRequest, InvalidRequest> {
    let v1::RetireRecordRequest { key, replaced_by, actor: sent_actor, request_id: sent } = request;
    Ok(RetireRequest {
        record: named("key", key)?,
        replaced_by: replaced_by.map(|key| named("replaced_by", Some(key))).transpose()?,
        actor: actor(sent_actor)?,
        request_id: request_id(sent)?,
    })
}

pub(crate) fn retirement(key: RecordKey, retirement: Retirement) -> v1::RetireRecordResponse {
    v1::RetireRecordResponse {
        key: Some(record_key(key)),
        enterprise_id: retirement.enterprise_id.to_string(),
        event: retirement.event.map(|event| event.0),
    }
}

/// The key of a record that must be there, with both its parts.
fn named(field: &str, key: Option<v1::RecordKey>) -> Result<RecordKey, InvalidRequest> {
    let key = record_key_from_proto(key.unwrap_or_default())?;
    if key.source.is_empty() || key.record_id.is_empty() {
        return Err(InvalidRequest::new(format!("`{field}` needs both: source and record_id")));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> v1::ChangeTerms {
        v1::ChangeTerms {
            actor: Some(v1::Actor { kind: v1::ActorKind::Steward.into(), name: "ines".to_owned() }),
            reason_code: v1::ReasonCode::DocumentSeen.into(),
            ..v1::ChangeTerms::default()
        }
    }

    #[test]
    fn a_change_needs_a_steward_and_a_reason() {
        let undo = |terms| undo_event(v1::UndoEventRequest { terms, sequence: 4 });
        let request = undo(Some(terms())).unwrap();
        assert_eq!(request.operation, StewardOperation::UndoEvent { event: EventSequence(4) });
        assert_eq!((request.reason, request.request_id), (ReasonCode::DocumentSeen, None));
        let machine = v1::Actor { kind: v1::ActorKind::System.into(), name: "adt".to_owned() };
        for (bad, named) in [
            (None, "`terms`"),
            (Some(v1::ChangeTerms { reason_code: 0, ..terms() }), "`terms.reason_code`"),
            (Some(v1::ChangeTerms { reason_code: 99, ..terms() }), "`terms.reason_code`"),
            (Some(v1::ChangeTerms { actor: Some(machine), ..terms() }), "`terms.actor.kind`"),
            (Some(v1::ChangeTerms { note: "x".repeat(2001), ..terms() }), "`terms.note`"),
            (
                Some(v1::ChangeTerms { version_token: "x".repeat(65), ..terms() }),
                "`terms.version_token`",
            ),
        ] {
            let sentence = undo(bad).unwrap_err().to_string();
            assert!(sentence.contains(named), "{sentence}");
        }
    }

    #[test]
    fn records_are_named_by_both_parts() {
        let half = v1::RecordKey { source: "a".to_owned(), record_id: String::new() };
        let sentence = retire_request(v1::RetireRecordRequest {
            key: Some(half),
            ..v1::RetireRecordRequest::default()
        });
        assert!(sentence.unwrap_err().to_string().contains("`key` needs both"));
        let undo = v1::UndoEventRequest { terms: Some(terms()), sequence: 0 };
        assert!(undo_event(undo).unwrap_err().to_string().contains("`sequence`"));
    }
}
