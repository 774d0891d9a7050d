//! Birth dates as people and systems write them.
//!
//! Read: ISO 8601 dates and times, compact `YYYYMMDD` (HL7), US `M/D/Y` with `/`, `-`, `.` or blanks,
//! month names, two-digit years, and dates that end at the month or year. Files whose date columns are
//! day-first are turned to ISO before they come here.

use empi_model::{BirthDate, PatientText, QualityNote, RecordField};

use super::Notes;

/// Two-digit years up to this one are of this century, later ones of the last. A fixed pivot, since this
/// crate has no clock: a person born in 1926 and written `26` is rarer than a child.
const PIVOT: u16 = 26;

/// Nobody in an index was born before this year.
const YEAR_MIN: u16 = 1850;

/// Years beyond are slips: the index will be another by then.
const YEAR_MAX: u16 = 2100;

/// Dates that systems fill in for an unknown birth date.
const PLACEHOLDERS: [u32; 6] =
    [19_000_101, 19_010_101, 18_500_101, 19_111_111, 18_991_231, 19_000_102];

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

const FIELD: RecordField = RecordField::BirthDate;

/// Reads a birth date; what is impossible in it is left out, and what is nonsense is missing.
pub(super) fn normalize_birth_date(
    value: Option<&PatientText>,
    notes: &mut Notes,
) -> Option<BirthDate> {
    let text = value?.expose().trim();
    if text.is_empty() {
        return None;
    }
    let Some(read) = read(text) else {
        let is_nothing = !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        notes.add(if is_nothing {
            QualityNote::Placeholder(FIELD)
        } else {
            QualityNote::Unreadable(FIELD)
        });
        return None;
    };
    if !(YEAR_MIN..=YEAR_MAX).contains(&read.year) {
        notes.add(QualityNote::Placeholder(FIELD));
        return None;
    }
    let date = possible(read, notes)?;
    if PLACEHOLDERS.contains(&date.as_number()) {
        notes.add(QualityNote::Placeholder(FIELD));
        return None;
    }
    if read.is_ambiguous {
        notes.add(QualityNote::Ambiguous(FIELD));
    }
    if read.is_century_guessed || (date.month(), date.day()) == (Some(1), Some(1)) {
        notes.add(QualityNote::Doubtful(FIELD));
    }
    Some(date)
}

/// The parts of a date, not yet known to be possible.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
    /// Day and month could be exchanged.
    is_ambiguous: bool,
    is_century_guessed: bool,
}

/// Makes the best date of the parts: as they stand, with day and month exchanged where only that is
/// possible, else without the impossible part.
fn possible(read: Read, notes: &mut Notes) -> Option<BirthDate> {
    let Read { year, month, day, .. } = read;
    if let Some(date) = BirthDate::new(year, month, day) {
        return Some(date);
    }
    notes.add(QualityNote::Impossible(FIELD));
    if month.is_some_and(|month| month > 12)
        && let Some(date) = BirthDate::new(year, day, month)
    {
        return Some(date);
    }
    BirthDate::new(year, month, None).or_else(|| BirthDate::new(year, None, None))
}

fn read(text: &str) -> Option<Read> {
    let upper = text.to_ascii_uppercase();
    if let Some(read) = read_compact(&upper) {
        return Some(read);
    }
    let date = without_time(&upper);
    let parts: Vec<&str> = date
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    if parts.iter().any(|part| month_by_name(part).is_some()) {
        return read_named(&parts);
    }
    let numbers: Option<Vec<u16>> = parts.iter().map(|part| part.parse().ok()).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    match (numbers?.as_slice(), lengths.as_slice()) {
        ([year], [4]) => Some(Read { year: *year, ..Read::default() }),
        ([year, month], [4, 1..=2]) => Some(dated(*year, *month, 0)),
        ([month, year], [1..=2, 4]) => Some(dated(*year, *month, 0)),
        ([year, month, day], [4, 1..=2, 1..=2]) => Some(dated(*year, *month, *day)),
        ([month, day, year], [1..=2, 1..=2, 4]) => Some(us(*year, *month, *day)),
        ([month, day, year], [1..=2, 1..=2, 2]) => {
            let read = us(century(*year), *month, *day);
            Some(Read { is_century_guessed: true, ..read })
        }
        _ => None,
    }
}

/// `YYYYMMDD` with or without a time behind it, `YYYYMM`, as HL7 writes.
fn read_compact(text: &str) -> Option<Read> {
    let digits = text.split(['.', '+', '-', 'Z']).next()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u16>().ok();
    match digits.len() {
        8 | 10 | 12 | 14 => Some(dated(part(0, 4)?, part(4, 6)?, part(6, 8)?)),
        6 if digits.len() == text.len() => Some(dated(part(0, 4)?, part(4, 6)?, 0)),
        _ => None,
    }
}

/// The date without a time of day behind it: `1980-02-29T00:00:00Z`, `2/29/1980 12:00 AM`.
fn without_time(text: &str) -> &str {
    let date = match text.split_once('T') {
        Some((date, time))
            if date.len() >= 8 && time.starts_with(|it: char| it.is_ascii_digit()) =>
        {
            date
        }
        _ => text,
    };
    match date.split_once(' ') {
        Some((before, behind)) if behind.contains(':') && before.len() >= 6 => before,
        _ => date,
    }
}

/// `12 Mar 1980`, `March 12, 1980`, `12-MAR-80`, `March 1980`.
fn read_named(parts: &[&str]) -> Option<Read> {
    let month = parts.iter().find_map(|part| month_by_name(part))?;
    let numbers: Vec<&&str> = parts.iter().filter(|part| month_by_name(part).is_none()).collect();
    let number = |part: &str| {
        let digits = part.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        digits.parse::<u16>().ok()
    };
    let is_year = |part: &str| part.len() == 4 && part.bytes().all(|it| it.is_ascii_digit());
    match numbers.as_slice() {
        [year] if is_year(year) => Some(dated(number(year)?, month, 0)),
        [year, day] if is_year(year) => Some(dated(number(year)?, month, number(day)?)),
        [day, year] if is_year(year) => Some(dated(number(year)?, month, number(day)?)),
        [day, year] if year.len() == 2 => {
            let read = dated(century(number(year)?), month, number(day)?);
            Some(Read { is_century_guessed: true, ..read })
        }
        _ => None,
    }
}

fn month_by_name(part: &str) -> Option<u16> {
    let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let beginning = part.get(..3).filter(|_| letters)?;
    let month = MONTHS.iter().position(|month| *month == beginning)?;
    u16::try_from(month + 1).ok()
}

/// Parts in an order that leaves no doubt; 0 is missing.
fn dated(year: u16, month: u16, day: u16) -> Read {
    let part = |part: u16| u8::try_from(part).ok().filter(|part| *part != 0);
    let month = part(month);
    Read { year, month, day: month.and(part(day)), ..Read::default() }
}

/// Month first, as in the United States, unless only day first is possible.
fn us(year: u16, first: u16, second: u16) -> Read {
    if first > 12 && second <= 12 {
        return dated(year, second, first);
    }
    let is_ambiguous = first != second && (1..=12).contains(&first) && (1..=12).contains(&second);
    Read { is_ambiguous, ..dated(year, first, second) }
}

const fn century(two_digits: u16) -> u16 {
    if two_digits <= PIVOT { 2000 + two_digits } else { 1900 + two_digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_people_write_them() {
        use QualityNote::{Ambiguous, Doubtful, Impossible, Placeholder, Unreadable};
        for (text, expected, notes) in [
            ("1980-02-29", "1980-02-29", &[][..]),
            ("19800229", "1980-02-29", &[]),
            ("198002291230", "1980-02-29", &[]),
            ("19800229123000.000-0500", "1980-02-29", &[]),
            ("1980-02-29T12:30:00Z", "1980-02-29", &[]),
            ("1980-02-29 00:00:00", "1980-02-29", &[]),
            ("02/29/1980", "1980-02-29", &[]),
            ("2/29/1980 12:00 AM", "1980-02-29", &[]),
            ("29.02.1980", "1980-02-29", &[]),
            ("03/04/1980", "1980-03-04", &[Ambiguous(FIELD)]),
            ("3-3-1980", "1980-03-03", &[]),
            ("02/29/80", "1980-02-29", &[Doubtful(FIELD)]),
            ("12/31/19", "2019-12-31", &[Doubtful(FIELD)]),
            ("12 Mar 1980", "1980-03-12", &[]),
            ("March 12th, 1980", "1980-03-12", &[]),
            ("12-MAR-80", "1980-03-12", &[Doubtful(FIELD)]),
            ("1980", "1980", &[]),
            ("1980-03", "1980-03", &[]),
            ("03/1980", "1980-03", &[]),
            ("198003", "1980-03", &[]),
            ("1980-13-05", "1980-05-13", &[Impossible(FIELD)]),
            ("1981-02-29", "1981-02", &[Impossible(FIELD)]),
            ("1980-14-15", "1980", &[Impossible(FIELD)]),
            ("1980-01-01", "1980-01-01", &[Doubtful(FIELD)]),
            ("1900-01-01", "-", &[Placeholder(FIELD)]),
            ("9999-12-31", "-", &[Placeholder(FIELD)]),
            ("00000000", "-", &[Placeholder(FIELD)]),
            ("unknown", "-", &[Placeholder(FIELD)]),
            ("12/", "-", &[Unreadable(FIELD)]),
            ("", "-", &[]),
        ] {
            let mut found = Notes::default();
            let date = normalize_birth_date(Some(&PatientText::new(text)), &mut found);
            let date = date.map_or_else(|| "-".to_owned(), BirthDate::to_iso);
            assert_eq!(date, expected, "{text}");
            assert_eq!(found.into_vec(), notes, "{text}");
        }
    }
}
