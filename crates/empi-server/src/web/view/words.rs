//! What things are called on pages.

use empi_model::{EventKind, ReasonCode, ReviewKind, TaskStage, Timestamp};

/// A kind of task.
pub(in crate::web) const fn kind(kind: ReviewKind) -> &'static str {
    match kind {
        ReviewKind::PossibleMatch => "Possible match",
        ReviewKind::PotentialDuplicate => "Potential duplicate",
        ReviewKind::HeldUpdate => "Held update",
        ReviewKind::CappedBlock => "Not all compared",
        ReviewKind::SameSourceDuplicate => "Same-source duplicate",
        ReviewKind::SharedIdentifier => "Shared value",
        ReviewKind::OversizedIdentity => "Large or loose identity",
        ReviewKind::Conflict => "Conflict",
    }
}

/// What a task waits for.
pub(in crate::web) const fn stage(stage: TaskStage) -> &'static str {
    match stage {
        TaskStage::Open => "Open",
        TaskStage::SecondOpinion => "Second opinion",
        TaskStage::Escalated => "Escalated",
        TaskStage::Snoozed => "Put off",
        TaskStage::SourceAsked => "Source asked",
    }
}

/// A reason of a steward.
pub(in crate::web) const fn reason(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::ChartReview => "Charts compared",
        ReasonCode::DocumentSeen => "Document seen",
        ReasonCode::PatientConfirmed => "Patient or relative says so",
        ReasonCode::SourceConfirmed => "Source says so",
        ReasonCode::DataEntryError => "Typing or registration error",
        ReasonCode::WrongDecision => "Earlier decision was wrong",
        ReasonCode::Other => "Other, see note",
        ReasonCode::NotEnoughEvidence => "Not enough is known",
        ReasonCode::ContradictoryEvidence => "What is known contradicts itself",
    }
}

/// What an event was.
pub(in crate::web) fn event(kind: EventKind) -> String {
    let words = kind.as_str().replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A row of the waterfall.
pub(in crate::web) fn evidence(label: &str) -> String {
    match label {
        "prior" => "Before anything is compared".to_owned(),
        "given_name term frequency" => "How rare the given name is".to_owned(),
        "family_name term frequency" => "How rare the family name is".to_owned(),
        "household cap" => "What a household shares, counted once".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A number with its thousands apart.
pub(in crate::web) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

const MINUTE_MS: i64 = 60_000;

/// How long ago something was, in its largest unit.
pub(in crate::web) fn age(since: Timestamp, now: Timestamp) -> String {
    let minutes = now.0.saturating_sub(since.0).max(0) / MINUTE_MS;
    match minutes {
        0 => "now".to_owned(),
        1..60 => format!("{minutes} min"),
        60..1440 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number).replace('\u{202f}', " "), text);
        }
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (minutes, told) in [
            (0, "now"),
            (59, "59 min"),
            (60, "1 h"),
            (1439, "23 h"),
            (1440, "1 d"),
            (99_999, "69 d"),
        ] {
            assert_eq!(age(Timestamp(5), Timestamp(5 + minutes * MINUTE_MS)), told);
        }
        assert_eq!(age(Timestamp(5), Timestamp(0)), "now", "clocks may go back");
    }
}
