//! What things are called on pages.

use empi_model::{EventKind, ReasonCode};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number).replace('\u{202f}', " "), text);
        }
    }
}
