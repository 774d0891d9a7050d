//! Telephone numbers and e-mail addresses.

use empi_model::{PatientText, Phone, QualityNote, RecordField};

use super::placeholder::{Kind, is_placeholder};
use super::{Notes, text};

/// Reads a telephone number: ten digits for North America, country code and number for others, seven
/// where the area code is missing. An extension is dropped.
pub(super) fn normalize_phone(value: &PatientText, notes: &mut Notes) -> Option<Phone> {
    let folded = text::fold(without_extension(value.expose()));
    let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.strip_prefix('1') {
        Some(national) if national.len() == 10 => national,
        _ => digits.as_str(),
    };
    if digits.is_empty() {
        if !folded.is_empty() {
            notes.add(QualityNote::Placeholder(RecordField::Phone));
        }
        return None;
    }
    if is_nobodys(digits) {
        notes.add(QualityNote::Placeholder(RecordField::Phone));
        return None;
    }
    let phone = Phone::from_digits(digits).filter(|_| digits.len() >= 7);
    if phone.is_none() {
        notes.add(QualityNote::Unreadable(RecordField::Phone));
    }
    phone
}

/// What stands before `x12`, `ext. 12` or `#12`.
fn without_extension(text: &str) -> &str {
    let end = text.find(['x', 'X', '#', 'e', 'E']).unwrap_or(text.len());
    match text.get(..end) {
        Some(before) if before.bytes().any(|byte| byte.is_ascii_digit()) => before,
        _ => text,
    }
}

/// Numbers that nobody has: one digit repeated, counting up, area codes and exchanges that do not
/// exist (`standards.md` §5.5).
fn is_nobodys(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    let first = bytes.next();
    if bytes.all(|byte| Some(byte) == first) || matches!(digits, "1234567890" | "0123456789") {
        return true;
    }
    if digits.len() != 10 {
        return digits.len() == 7 && (digits == "1234567" || digits.ends_with("000000"));
    }
    let (area, rest) = digits.split_at(3);
    matches!(area, "000" | "999" | "555") || rest == "0000000" || rest.starts_with("911")
}

/// Reads an e-mail address in lower case.
pub(super) fn normalize_email(value: &PatientText, notes: &mut Notes) -> Option<PatientText> {
    let email = value.expose().trim().to_lowercase();
    if email.is_empty() {
        return None;
    }
    if is_placeholder(Kind::Email, &email) {
        notes.add(QualityNote::Placeholder(RecordField::Email));
        return None;
    }
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        let has_dot = domain.split('.').count() > 1 && domain.split('.').all(|it| !it.is_empty());
        !local.is_empty()
            && has_dot
            && !email.contains(char::is_whitespace)
            && !domain.contains('@')
    });
    if !is_address {
        let is_nothing = is_placeholder(Kind::Name, &text::fold(&email));
        let field = RecordField::Email;
        notes.add(if is_nothing {
            QualityNote::Placeholder(field)
        } else {
            QualityNote::Unreadable(field)
        });
        return None;
    }
    Some(PatientText::new(email))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones() {
        for (text, expected) in [
            ("(617) 555-8123", Some(6_175_558_123)),
            ("+1 617.555.8123", Some(6_175_558_123)),
            ("1-617-555-8123 ext. 44", Some(6_175_558_123)),
            ("617-555-8123x44", Some(6_175_558_123)),
            ("555-8123", Some(5_558_123)),
            ("+44 20 7946 0018", Some(442_079_460_018)),
            ("999-999-9999", None),
            ("555-555-1234", None),
            ("1234567890", None),
            ("none", None),
            ("12", None),
            ("", None),
        ] {
            let phone = normalize_phone(&PatientText::new(text), &mut Notes::default());
            assert_eq!(phone.map(Phone::as_number), expected, "{text}");
        }
    }

    #[test]
    fn emails() {
        for (text, expected) in [
            (" Robert.Okafor@Example.org ", Some("robert.okafor@example.org")),
            ("none@none.com", None),
            ("declined@hospital.org", None),
            ("robert", None),
            ("a@b", None),
            ("a@@b.c", None),
        ] {
            let email = normalize_email(&PatientText::new(text), &mut Notes::default());
            assert_eq!(email.as_ref().map(PatientText::expose), expected, "{text}");
        }
    }
}
