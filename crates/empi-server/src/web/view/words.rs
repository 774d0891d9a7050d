//! What things are called on pages.

use empi_model::{
    EventKind, GoldenField, ReasonCode, RecordField, ReviewKind, TaskStage, Timestamp,
};

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

/// A field of a record.
pub(in crate::web) const fn record_field(field: RecordField) -> &'static str {
    match field {
        RecordField::GivenName => "Given name",
        RecordField::MiddleName => "Middle name",
        RecordField::FamilyName => "Family name",
        RecordField::Suffix => "Suffix",
        RecordField::BirthDate => "Birth date",
        RecordField::Sex => "Sex",
        RecordField::Ssn => "National number",
        RecordField::Street => "Street",
        RecordField::Unit => "Unit",
        RecordField::City => "City",
        RecordField::State => "State",
        RecordField::PostalCode => "Postal code",
        RecordField::Phone => "Telephone",
        RecordField::Email => "E-mail",
        RecordField::Identifier => "Identifier",
        RecordField::MotherMaidenName => "Mother's maiden name",
        RecordField::GuardianName => "Guardian",
        RecordField::BirthPlace => "Birth place",
        RecordField::BirthOrder => "Birth order",
    }
}

/// A field of the golden record.
pub(in crate::web) const fn golden_field(field: GoldenField) -> &'static str {
    match field {
        GoldenField::Name => "Name",
        GoldenField::BirthDate => "Birth date",
        GoldenField::Sex => "Sex",
        GoldenField::Ssn => "SSN",
        GoldenField::Address => "Address",
        GoldenField::Phone => "Telephone",
        GoldenField::Email => "E-mail",
        GoldenField::Identifier => "Identifiers",
        GoldenField::MotherMaidenName => "Mother's maiden name",
        GoldenField::GuardianName => "Guardian",
        GoldenField::BirthPlace => "Birth place",
        GoldenField::BirthOrder => "Birth order",
    }
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

/// So many of something that ends in s where there are several.
pub(in crate::web) fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
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

/// How long something takes, in its largest unit.
pub(in crate::web) fn lasting(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
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

    #[test]
    fn durations_are_told_in_their_largest_unit() {
        for (milliseconds, told) in [
            (0, "0.0 s"),
            (1240, "1.2 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(lasting(milliseconds), told);
        }
    }
}
