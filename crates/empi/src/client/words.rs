//! How answers are worded: names of enum values, times, weights.

use empi_proto::v1;

/// The value's name without the enum's: `REVIEW_OUTCOME_SAME` is `same`.
fn short(full: &str, prefix: &str) -> String {
    full.strip_prefix(prefix).unwrap_or(full).to_ascii_lowercase()
}

pub(super) fn decision(decision: v1::RegistrationDecision) -> String {
    short(decision.as_str_name(), "REGISTRATION_DECISION_")
}

pub(super) fn link_decision(decision: v1::LinkDecision) -> String {
    short(decision.as_str_name(), "LINK_DECISION_")
}

pub(super) fn grade(grade: v1::MatchGrade) -> String {
    // FHIR writes the words of a grade with hyphens.
    short(grade.as_str_name(), "MATCH_GRADE_").replace('_', "-")
}

pub(super) fn guard(guard: v1::Guard) -> String {
    short(guard.as_str_name(), "GUARD_")
}

pub(super) fn link_source(source: v1::LinkSource) -> String {
    short(source.as_str_name(), "LINK_SOURCE_")
}

pub(super) fn review_kind(kind: v1::ReviewKind) -> String {
    short(kind.as_str_name(), "REVIEW_KIND_")
}

pub(super) fn review_outcome(outcome: v1::ReviewOutcome) -> String {
    short(outcome.as_str_name(), "REVIEW_OUTCOME_")
}

pub(super) fn event_kind(kind: v1::EventKind) -> String {
    short(kind.as_str_name(), "EVENT_KIND_")
}

pub(super) fn person_fate(fate: v1::PersonFate) -> String {
    short(fate.as_str_name(), "PERSON_FATE_")
}

pub(super) fn golden_field(field: v1::GoldenField) -> String {
    short(field.as_str_name(), "GOLDEN_FIELD_")
}

pub(super) fn rule(rule: v1::SurvivorshipRule) -> String {
    short(rule.as_str_name(), "SURVIVORSHIP_RULE_")
}

pub(super) fn record_state(state: v1::RecordState) -> String {
    short(state.as_str_name(), "RECORD_STATE_")
}

pub(super) fn reason_code(code: v1::ReasonCode) -> String {
    short(code.as_str_name(), "REASON_CODE_")
}

pub(super) fn note_kind(kind: v1::QualityNoteKind) -> String {
    short(kind.as_str_name(), "QUALITY_NOTE_KIND_")
}

pub(super) fn field(field: v1::RecordField) -> String {
    short(field.as_str_name(), "RECORD_FIELD_")
}

/// A weight with its sign, in bits to two places; `-` where there is none.
pub(super) fn weight(weight: Option<f64>) -> String {
    weight.map_or_else(|| "-".to_owned(), |weight| format!("{weight:+.2}"))
}

/// A gRPC status code by its standard name, `INVALID_ARGUMENT`.
pub(super) fn code(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Seconds since 1970 as `2026-02-28T23:59:59Z`; empty for a moment that no calendar reaches.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_values_read_as_the_contract_says() {
        assert_eq!(decision(v1::RegistrationDecision::Unchanged), "unchanged");
        assert_eq!(link_decision(v1::LinkDecision::NonLink), "non_link");
        assert_eq!(grade(v1::MatchGrade::CertainlyNot), "certainly-not");
        assert_eq!(guard(v1::Guard::PossibleTwins), "possible_twins");
        assert_eq!(review_kind(v1::ReviewKind::HeldUpdate), "held_update");
        assert_eq!(field(v1::RecordField::MotherMaidenName), "mother_maiden_name");
    }

    #[test]
    fn times_are_utc_calendar_times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }
}
