//! What the registry answers about records and persons.

use empi_model::{
    Consent, GoldenField, Link, LinkSource, QualityNote, RecordField, RecordState, TaskId,
    Timestamp,
};
use empi_proto::v1;
use empi_registry::{
    PersonView, RecordView, Registration, RegistrationDecision, SearchAnswer, SearchHit,
    StoredRecord,
};

use super::golden::golden;
use super::source::{record_key, source_record_to_proto};

pub(crate) fn registration(registration: Registration) -> v1::RegisterRecordResponse {
    let Registration { key, enterprise_id, decision, weight, tasks, notes, event } = registration;
    v1::RegisterRecordResponse {
        key: Some(record_key(key)),
        enterprise_id: enterprise_id.to_string(),
        decision: decision_to_proto(decision).into(),
        match_weight: weight.map(|weight| weight.bits()),
        tasks: tasks.into_iter().map(|TaskId(number)| number).collect(),
        notes: notes.into_iter().map(quality_note).collect(),
        event: event.map(|event| event.0),
    }
}

fn decision_to_proto(decision: RegistrationDecision) -> v1::RegistrationDecision {
    match decision {
        RegistrationDecision::Link => v1::RegistrationDecision::Link,
        RegistrationDecision::Review => v1::RegistrationDecision::Review,
        RegistrationDecision::New => v1::RegistrationDecision::New,
        RegistrationDecision::Unchanged => v1::RegistrationDecision::Unchanged,
    }
}

pub(crate) fn person(view: PersonView) -> v1::Person {
    let PersonView {
        asked: _,
        person,
        records,
        golden: _,
        consent: asked,
        withheld,
        emergency_until,
    } = view;
    let enterprise_id = person.enterprise_id.to_string();
    v1::Person {
        created: Some(timestamp(person.created)),
        version: person.version.0,
        records: records
            .into_iter()
            .map(|record| registered_record(record, enterprise_id.clone(), &withheld))
            .collect(),
        enterprise_id,
        consent: consent(asked),
        emergency_until: emergency_until.map(timestamp),
    }
}

pub(crate) fn search_answer(answer: SearchAnswer) -> v1::SearchPersonsResponse {
    let SearchAnswer { hits, is_cut } = answer;
    let hit = |SearchHit { mut view, record, score }: SearchHit| v1::SearchHit {
        golden: Some(golden(std::mem::take(&mut view.golden))),
        record: Some(record_key(record)),
        score,
        asked_enterprise_id: view.asked.to_string(),
        person: Some(person(view)),
    };
    v1::SearchPersonsResponse { hits: hits.into_iter().map(hit).collect(), is_cut }
}

pub(crate) fn record_view(view: RecordView) -> v1::RegisteredRecord {
    let RecordView { record, enterprise_id, withheld } = view;
    registered_record(record, enterprise_id.to_string(), &withheld)
}

/// What a person asks for, if that is anything.
fn consent(consent: Consent) -> Option<v1::Consent> {
    let Consent { not_shared, not_linked, event } = consent;
    (!consent.is_free()).then_some(v1::Consent { not_shared, not_linked, event: event.0 })
}

fn registered_record(
    stored: StoredRecord,
    enterprise_id: String,
    withheld: &[GoldenField],
) -> v1::RegisteredRecord {
    v1::RegisteredRecord {
        withheld: withheld.iter().map(|field| *field as i32).collect(),
        consent: consent(stored.consent),
        record: Some(source_record_to_proto(stored.record)),
        enterprise_id,
        link: Some(link(stored.link)),
        version: stored.version,
        registered: Some(timestamp(stored.registered)),
        updated: Some(timestamp(stored.updated)),
        state: match stored.state {
            RecordState::Active => v1::RecordState::Active,
            RecordState::Retired => v1::RecordState::Retired,
            RecordState::ReplacedBy(_) => v1::RecordState::Replaced,
            // No answer has one.
            RecordState::Erased => v1::RecordState::Unspecified,
        }
        .into(),
    }
}

fn link(link: Link) -> v1::Link {
    let Link { enterprise_id: _, source, weight, model, event } = link;
    v1::Link {
        source: match source {
            LinkSource::Automatic => v1::LinkSource::Automatic,
            LinkSource::Manual => v1::LinkSource::Manual,
        }
        .into(),
        match_weight: weight.map(|weight| weight.bits()),
        model,
        event: event.0,
    }
}

pub(crate) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.0.rem_euclid(1000) * 1_000_000;
    prost_types::Timestamp {
        seconds: time.0.div_euclid(1000),
        // Below a billion by the line above.
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

fn quality_note(note: QualityNote) -> v1::QualityNote {
    use v1::QualityNoteKind as Kind;
    let (kind, field) = match note {
        QualityNote::Placeholder(field) => (Kind::Placeholder, field),
        QualityNote::Unreadable(field) => (Kind::Unreadable, field),
        QualityNote::Impossible(field) => (Kind::Impossible, field),
        QualityNote::Ambiguous(field) => (Kind::Ambiguous, field),
        QualityNote::Doubtful(field) => (Kind::Doubtful, field),
        QualityNote::NewbornName => (Kind::NewbornName, RecordField::GivenName),
    };
    v1::QualityNote { kind: kind.into(), field: field_to_proto(field).into() }
}

fn field_to_proto(field: RecordField) -> v1::RecordField {
    match field {
        RecordField::GivenName => v1::RecordField::GivenName,
        RecordField::MiddleName => v1::RecordField::MiddleName,
        RecordField::FamilyName => v1::RecordField::FamilyName,
        RecordField::Suffix => v1::RecordField::Suffix,
        RecordField::BirthDate => v1::RecordField::BirthDate,
        RecordField::Sex => v1::RecordField::Sex,
        RecordField::Ssn => v1::RecordField::Ssn,
        RecordField::Street => v1::RecordField::Street,
        RecordField::Unit => v1::RecordField::Unit,
        RecordField::City => v1::RecordField::City,
        RecordField::State => v1::RecordField::State,
        RecordField::PostalCode => v1::RecordField::PostalCode,
        RecordField::Phone => v1::RecordField::Phone,
        RecordField::Email => v1::RecordField::Email,
        RecordField::Identifier => v1::RecordField::Identifier,
        RecordField::MotherMaidenName => v1::RecordField::MotherMaidenName,
        RecordField::GuardianName => v1::RecordField::GuardianName,
        RecordField::BirthPlace => v1::RecordField::BirthPlace,
        RecordField::BirthOrder => v1::RecordField::BirthOrder,
    }
}

#[cfg(test)]
mod tests {
    use empi_model::{EnterpriseId, EventSequence, MatchWeight, RecordKey};

    use super::*;

    #[test]
    fn a_registration_says_all_it_knows() {
        let answer = registration(Registration {
            key: RecordKey::new("hospital-a", "17"),
            enterprise_id: EnterpriseId::mint(3),
            decision: RegistrationDecision::Review,
            weight: Some(MatchWeight::from_bits(4.5)),
            tasks: vec![TaskId(8), TaskId(9)],
            notes: vec![QualityNote::Placeholder(RecordField::Ssn), QualityNote::NewbornName],
            event: Some(EventSequence(12)),
        });
        assert_eq!(answer.key.unwrap().record_id, "17");
        assert_eq!(answer.enterprise_id, EnterpriseId::mint(3).to_string());
        assert_eq!(answer.decision, v1::RegistrationDecision::Review as i32);
        assert_eq!(answer.match_weight, Some(4.5));
        assert_eq!(answer.tasks, [8, 9]);
        assert_eq!(answer.event, Some(12));
        let notes: Vec<_> = answer.notes.iter().map(|note| (note.kind(), note.field())).collect();
        assert_eq!(
            notes,
            [
                (v1::QualityNoteKind::Placeholder, v1::RecordField::Ssn),
                (v1::QualityNoteKind::NewbornName, v1::RecordField::GivenName),
            ]
        );
    }

    #[test]
    fn times_before_and_after_1970_are_whole() {
        for (millis, seconds, nanos) in
            [(0, 0, 0), (1_500, 1, 500_000_000), (-1, -1, 999_000_000), (-2_000, -2, 0)]
        {
            let time = timestamp(Timestamp(millis));
            assert_eq!((time.seconds, time.nanos), (seconds, nanos));
        }
    }
}
