//! Telephone numbers and e-mail addresses.

use compact_str::CompactString;
use empi_model::{PatientText, Phone, QualityNote, RecordField};

use super::placeholder::{Kind, is_placeholder};
use super::text::Letters;
use super::{Notes, text};

/// Fewer digits are no telephone number; behind so many a letter or a comma begins an extension.
const PHONE_DIGITS_MIN: usize = 7;

/// Reads a telephone number: ten digits for North America, country code and number for others, seven
/// where the area code is missing. An extension and a second number are dropped.
pub(super) fn normalize_phone(value: &PatientText, notes: &mut Notes) -> Option<Phone> {
    let text = text::to_ascii(value.expose());
    let all = first_number(&text);
    if all.is_empty() {
        if text.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            notes.add(QualityNote::Placeholder(RecordField::Phone));
        }
        return None;
    }
    let digits = national(&all);
    if is_nobodys(&all) || is_nobodys(digits) {
        notes.add(QualityNote::Placeholder(RecordField::Phone));
        return None;
    }
    let phone = Phone::from_digits(digits).filter(|_| digits.len() >= PHONE_DIGITS_MIN);
    if phone.is_none() {
        notes.add(QualityNote::Unreadable(RecordField::Phone));
    }
    phone
}

/// The digits of the first number in a text: what stands before `x12`, `ext. 12`, `#12` or `or ...`.
fn first_number(text: &str) -> CompactString {
    let mut digits = Letters::for_text(text);
    let is_international = text.trim_start().starts_with(['+', '0']);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_digit() {
            digits.push(*byte);
        } else if digits.len() >= PHONE_DIGITS_MIN
            && (byte.is_ascii_alphabetic() || matches!(byte, b'#' | b',' | b';' | b'/'))
        {
            break;
        } else if is_international && !digits.is_empty() && bytes.get(at..at + 3) == Some(b"(0)") {
            // `+44 (0)20`: the zero is dialled only inside the country.
            at += 2;
        }
        at += 1;
    }
    digits.collected()
}

/// A number without the prefixes that are dialled before it: `011`, `00`, `0`, and North America's `1`.
fn national(digits: &str) -> &str {
    const WITH_PREFIX_011: usize = 12;
    let mut rest = match digits.strip_prefix("011") {
        Some(rest) if digits.len() >= WITH_PREFIX_011 => rest,
        _ => digits,
    };
    loop {
        let stripped = rest.trim_start_matches('0');
        let stripped = match stripped.strip_prefix('1') {
            Some(national) if national.len() == 10 => national,
            _ => stripped,
        };
        if stripped.len() == rest.len() {
            return rest;
        }
        rest = stripped;
    }
}

/// Numbers that nobody has: one digit repeated, counting up, area codes and exchanges that do not
/// exist (`standards.md` §5.5).
fn is_nobodys(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    let first = bytes.next();
    if bytes.all(|byte| Some(byte) == first) || is_placeholder(Kind::Phone, digits) {
        return true;
    }
    match (digits.get(..3), digits.get(3..6), digits.len()) {
        (Some(area), Some(exchange), 10) => {
            matches!(area, "000" | "999" | "555") || area.ends_with("11") || exchange == "911"
        }
        _ => false,
    }
}

/// Reads an e-mail address in lower case; the first of several.
pub(super) fn normalize_email(value: &PatientText, notes: &mut Notes) -> Option<PatientText> {
    let text = value.expose().trim();
    if text.is_empty() {
        return None;
    }
    let inner = text.split_once('<').map_or(text, |(_, behind)| behind);
    let first = inner.split([';', ',', '>']).next().unwrap_or_default().trim();
    let email = CompactString::from_str_to_lowercase(first);
    let email = email.strip_prefix("mailto:").unwrap_or(&email);
    if is_placeholder(Kind::Email, email) || is_placeholder(Kind::Name, &text::fold(text)) {
        notes.add(QualityNote::Placeholder(RecordField::Email));
        return None;
    }
    if !is_address(email) {
        notes.add(QualityNote::Unreadable(RecordField::Email));
        return None;
    }
    Some(PatientText::new(email))
}

/// Whether a text in lower case could be an e-mail address: letters of any script before the `@`, a
/// domain of at least two labels behind it.
fn is_address(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    let is_local =
        |letter: char| letter.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(letter);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let ending = domain.rsplit('.').next().unwrap_or_default();
    !local.is_empty()
        && local.split('.').all(|part| !part.is_empty())
        && local.chars().all(is_local)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && ending.len() >= 2
        && !ending.bytes().all(|byte| byte.is_ascii_digit())
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
            ("+44 (0)20 7946 0018", Some(442_079_460_018)),
            ("0044 20 7946 0018", Some(442_079_460_018)),
            ("011 44 20 7946 0018", Some(442_079_460_018)),
            ("tel:+16175558123;ext=12", Some(6_175_558_123)),
            ("Home: 617-555-8123 (Mary)", Some(6_175_558_123)),
            ("617-555-8123 or 617-555-9999", Some(6_175_558_123)),
            ("617-555-8123, 12", Some(6_175_558_123)),
            ("0412 345 678", Some(412_345_678)),
            ("617-555-1212", None),
            ("511-234-5678", None),
            ("617-000-0000", None),
            ("1-800-FLOWERS", None),
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
            ("mailto:a@b.org", Some("a@b.org")),
            ("Robert <a@b.org>", Some("a@b.org")),
            ("a@b.org; c@d.org", Some("a@b.org")),
            ("robert@none.com", None),
            ("a b@c.org", None),
            (".a@b.org", None),
            ("a@-b.org", None),
            ("a@b.c", None),
            ("robert", None),
            ("a@b", None),
            ("a@@b.c", None),
        ] {
            let email = normalize_email(&PatientText::new(text), &mut Notes::default());
            assert_eq!(email.as_ref().map(PatientText::expose), expected, "{text}");
        }
    }
}
