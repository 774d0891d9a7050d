//! Events as they go over the wire.

use empi_model::RecordKey;
use empi_proto::v1;
use empi_registry::{EventView, PersonFate, RecordMove};

use super::answer::timestamp;
use super::review::actor_to_proto;
use super::source::record_key;

pub(crate) fn event(view: EventView) -> v1::Event {
    let (moves, persons) = (view.moves(), view.persons());
    let (tasks_opened, tasks_closed) = (view.tasks_opened(), view.tasks_closed());
    let (kept_apart, sources) = (view.kept_apart(), view.sources());
    let EventView { event, keys } = view;
    let named = event.records.iter().filter_map(|record| keys.get(record).cloned());
    v1::Event {
        sequence: event.sequence.0,
        time: Some(timestamp(event.time)),
        actor: Some(actor_to_proto(event.actor)),
        // The numbers of both are promises, and the same; a test compares them.
        kind: event.kind as i32,
        records: named.map(record_key).collect(),
        enterprise_id: event.new_enterprise_id.to_string(),
        old_enterprise_id: optional(event.old_enterprise_id),
        moves: moves.into_iter().map(record_move).collect(),
        persons: persons.into_iter().map(person_outcome).collect(),
        tasks_opened: tasks_opened.into_iter().map(|task| task.0).collect(),
        tasks_closed: tasks_closed.into_iter().map(|task| task.0).collect(),
        kept_apart: kept_apart.into_iter().map(pair).collect(),
        match_weight: event.weight.map(|weight| weight.bits()),
        model: event.model,
        reason: event.reason,
        reason_code: event.reason_code.map_or(0, |code| code as i32),
        note: event.note,
        task: event.task.map(|task| task.0),
        undoes: event.undoes.map(|undone| undone.0),
        request_id: event.request_id.unwrap_or_default(),
        sources,
        approved_by: event.approved_by.unwrap_or_default(),
    }
}

fn optional(id: Option<empi_model::EnterpriseId>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn record_move(moved: RecordMove) -> v1::RecordMove {
    let RecordMove { key, old, new } = moved;
    v1::RecordMove {
        key: Some(record_key(key)),
        old_enterprise_id: optional(old),
        new_enterprise_id: new.to_string(),
    }
}

fn person_outcome((id, fate): (empi_model::EnterpriseId, PersonFate)) -> v1::PersonOutcome {
    let (fate, survivor) = match fate {
        PersonFate::Minted => (v1::PersonFate::Minted, None),
        PersonFate::Stays => (v1::PersonFate::Stays, None),
        PersonFate::Erased => (v1::PersonFate::Erased, None),
        PersonFate::Revived => (v1::PersonFate::Revived, None),
        PersonFate::Retired(survivor) => (v1::PersonFate::Retired, Some(survivor)),
    };
    v1::PersonOutcome {
        enterprise_id: id.to_string(),
        fate: fate.into(),
        survivor_enterprise_id: optional(survivor),
    }
}

fn pair((left, right, kept_apart): (RecordKey, RecordKey, bool)) -> v1::KeptApartPair {
    let (left, right) = (Some(record_key(left)), Some(record_key(right)));
    v1::KeptApartPair { left, right, kept_apart }
}

#[cfg(test)]
mod tests {
    use empi_model::{EventKind, ReasonCode};

    use super::*;

    #[test]
    fn kinds_and_reasons_have_one_number_and_one_name() {
        for kind in EventKind::ALL {
            let wire = v1::EventKind::try_from(kind as i32).unwrap();
            let name = format!("EVENT_KIND_{}", kind.as_str().to_uppercase());
            assert_eq!(wire.as_str_name(), name);
        }
        for code in ReasonCode::ALL {
            let wire = v1::ReasonCode::try_from(code as i32).unwrap();
            let name = format!("REASON_CODE_{}", code.as_str().to_uppercase());
            assert_eq!(wire.as_str_name(), name);
        }
    }
}
