//! National numbers and identifiers by authority.

use empi_model::{Identifier, NormalizedIdentifier, PatientText, QualityNote, RecordField, Ssn};

use super::known::Known;
use super::placeholder::{Kind, is_placeholder};
use super::{Notes, text};

const FIELD: RecordField = RecordField::Ssn;

/// Reads a Social Security number, its last four digits, or a number of another country.
pub(super) fn normalize_ssn(value: Option<&PatientText>, notes: &mut Notes) -> Option<Ssn> {
    let text = value?.expose();
    let digits = text::digits(text);
    if digits.is_empty() {
        if !text::fold(text).is_empty() {
            notes.add(QualityNote::Placeholder(FIELD));
        }
        return None;
    }
    let number: u64 = match digits.parse() {
        Ok(number) if digits.len() <= 12 => number,
        _ => {
            notes.add(QualityNote::Unreadable(FIELD));
            return None;
        }
    };
    let (ssn, is_usable) = match digits.len() {
        9 => {
            let number = u32::try_from(number).ok()?;
            (Ssn::Full(number), is_issued(number) && !is_placeholder(Kind::Ssn, &digits))
        }
        4 => {
            let number = u16::try_from(number).ok()?;
            (Ssn::LastFour(number), !matches!(number, 0 | 9999))
        }
        5..=12 => {
            let digits_count = u8::try_from(digits.len()).ok()?;
            (Ssn::Other { number, digits: digits_count }, number != 0)
        }
        _ => {
            notes.add(QualityNote::Unreadable(FIELD));
            return None;
        }
    };
    if !is_usable || (digits.len() > 4 && is_one_digit(&digits)) {
        notes.add(QualityNote::Placeholder(FIELD));
        return None;
    }
    Some(ssn)
}

/// Whether the Social Security Administration could have issued a number: no area 000, 666 or 9xx, no
/// group 00, no serial 0000.
fn is_issued(number: u32) -> bool {
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    let is_area = area != 0 && area != 666 && area < 900;
    is_area && group != 0 && serial != 0
}

fn is_one_digit(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    bytes.next().is_none_or(|first| bytes.all(|byte| byte == first))
}

/// An identifier in match form, unless its value stands for nothing.
pub(super) fn normalize_identifier(
    identifier: &Identifier,
    known: Option<&mut Known>,
    notes: &mut Notes,
) -> Option<NormalizedIdentifier> {
    let authority = match known {
        Some(known) => known.authority(&identifier.authority),
        None => text::fold(&identifier.authority),
    };
    let value = text::fold_joined(identifier.value.expose());
    if value.is_empty() || authority.is_empty() {
        return None;
    }
    let repeated = value.len() >= 5 && is_one_digit(&value);
    if repeated || is_placeholder(Kind::Identifier, &value) {
        notes.add(QualityNote::Placeholder(RecordField::Identifier));
        return None;
    }
    Some(NormalizedIdentifier { authority: authority.into(), value: PatientText::new(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_numbers() {
        for (text, expected) in [
            ("457-12-9983", Some(Ssn::Full(457_129_983))),
            ("457129983", Some(Ssn::Full(457_129_983))),
            ("812-12-9983", Some(Ssn::Full(812_129_983))),
            ("xxx-xx-9983", Some(Ssn::LastFour(9983))),
            ("0042", Some(Ssn::LastFour(42))),
            ("0988048", Some(Ssn::Other { number: 988_048, digits: 7 })),
            ("999-99-9999", None),
            ("123-45-6789", None),
            ("000-12-3456", None),
            ("666-12-3456", None),
            ("912-12-3456", None),
            ("457-00-3456", None),
            ("457-12-0000", None),
            ("9999", None),
            ("1111111", None),
            ("none", None),
            ("12", None),
            ("1234567890123", None),
        ] {
            let mut notes = Notes::default();
            let ssn = normalize_ssn(Some(&PatientText::new(text)), &mut notes);
            assert_eq!(ssn, expected, "{text}");
            assert_eq!(notes.into_vec().is_empty(), expected.is_some(), "{text}");
        }
    }
}
