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

/// Empty for a task that waits for nothing any more.
pub(super) fn task_stage(stage: v1::TaskStage) -> String {
    match stage {
        v1::TaskStage::Unspecified => String::new(),
        stage => short(stage.as_str_name(), "TASK_STAGE_"),
    }
}

pub(super) fn event_kind(kind: v1::EventKind) -> String {
    short(kind.as_str_name(), "EVENT_KIND_")
}

pub(super) fn person_fate(fate: v1::PersonFate) -> String {
    short(fate.as_str_name(), "PERSON_FATE_")
}

pub(super) fn proposal_kind(kind: v1::ProposalKind) -> String {
    short(kind.as_str_name(), "PROPOSAL_KIND_")
}

pub(super) fn proposal_state(state: v1::ProposalState) -> String {
    short(state.as_str_name(), "PROPOSAL_STATE_")
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

/// The second at which a day begins that is written as `2026-02-28`, in UTC. The inverse of [`time`], by Howard
/// Hinnant's `days_from_civil`.
pub(super) fn day(text: &str) -> Result<i64, String> {
    let wrong = || "a day is written as 2026-02-28".to_owned();
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return Err(wrong()) };
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(wrong());
    }
    let march_year = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let second = (era * 146_097 + day_of_era - 719_468) * 86_400;
    // A day that the month does not have would be another one.
    if time(second).starts_with(&format!("{year:04}-{month:02}-{day:02}")) {
        Ok(second)
    } else {
        Err(wrong())
    }
}

/// A duration in the largest unit that it has twice.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
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

    #[test]
    fn a_day_is_read_as_it_is_written() {
        for text in ["1970-01-01", "2000-02-29", "2026-12-31", "2100-03-01"] {
            assert!(time(day(text).unwrap()).starts_with(&format!("{text}T00:00:00")), "{text}");
        }
        for none in
            ["", "2026-02-29", "2026-13-01", "2026-1", "1969-12-31", "2026-01-01T00", "x-y-z"]
        {
            assert!(day(none).is_err(), "{none}");
        }
    }

    #[test]
    fn durations_are_told_roughly() {
        for (milliseconds, text) in [
            (0, "0 s"),
            (119_999, "119 s"),
            (3_600_000, "60 min"),
            (7_200_000, "2 h"),
            (900_000_000, "10 d"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
