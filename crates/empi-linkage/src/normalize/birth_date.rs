//! Birth dates as people and systems write them.
//!
//! Read: ISO 8601 dates and times, compact `YYYYMMDD` (HL7), US `M/D/Y` with `/`, `-`, `.` or blanks,
//! month names, two-digit years, and dates that end at the month or year. Files whose date columns are
//! day-first are turned to ISO before they come here.

use empi_model::{BirthDate, PatientText, QualityNote, RecordField};
use smallvec::SmallVec;

use super::placeholder::{self, Kind};
use super::{Notes, text};

/// Two-digit years up to this one are of this century, later ones of the last. A fixed pivot, since this
/// crate has no clock: a person born in 1926 and written `26` is rarer than a child.
const PIVOT: u16 = 26;

/// Nobody alive was born before this year; systems fill in 1800 and 1899 for unknown dates.
const YEAR_MIN: u16 = 1900;

/// Years beyond are slips: the index will be another by then.
const YEAR_MAX: u16 = 2100;

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];

const FIELD: RecordField = RecordField::BirthDate;

/// Reads a birth date; what is impossible in it is left out, and what is nonsense is missing.
pub(super) fn normalize_birth_date(
    value: Option<&PatientText>,
    notes: &mut Notes,
) -> Option<BirthDate> {
    let text = text::to_ascii(value?.expose());
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let Some(read) = read(text).or_else(|| read_smudged(text)) else {
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
    if is_placeholder(date) {
        notes.add(QualityNote::Placeholder(FIELD));
        return None;
    }
    if read.is_ambiguous {
        notes.add(QualityNote::Ambiguous(FIELD));
    }
    if read.is_guessed || (date.month(), date.day()) == (Some(1), Some(1)) {
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
    is_guessed: bool,
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
    BirthDate::new(year, month, None)
        .or_else(|| BirthDate::new(year, day.filter(|_| month.is_some_and(|it| it <= 31)), None))
        .or_else(|| BirthDate::new(year, None, None))
}

/// Dates that systems fill in for an unknown birth date.
fn is_placeholder(date: BirthDate) -> bool {
    let mut digits = [b'0'; 8];
    let mut number = date.as_number();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    std::str::from_utf8(&digits)
        .is_ok_and(|digits| placeholder::is_placeholder(Kind::BirthDate, digits))
}

fn read(text: &str) -> Option<Read> {
    if let Some(read) = read_iso(text).or_else(|| read_compact(text)) {
        return Some(read);
    }
    let upper = text.to_ascii_uppercase();
    let parts = split(without_time(&upper));
    let named = parts.iter().position(|part| month_by_name(part).is_some());
    if let Some(month_at) = named {
        return read_named(&parts, month_at);
    }
    let mut numbers: SmallVec<[u16; 4]> = SmallVec::new();
    for part in &parts {
        numbers.push(part.parse().ok()?);
    }
    let lengths: SmallVec<[usize; 4]> = parts.iter().map(|part| part.len()).collect();
    match (numbers.as_slice(), lengths.as_slice()) {
        ([year], [4]) => Some(Read { year: *year, ..Read::default() }),
        ([year, month], [4, 1..=2]) => Some(dated(*year, *month, 0)),
        ([month, year], [1..=2, 4]) => Some(dated(*year, *month, 0)),
        ([year, month, day], [4, 1..=2, 1..=2]) => Some(dated(*year, *month, *day)),
        ([month, day, year], [1..=2, 1..=2, 4]) => Some(us(*year, *month, *day)),
        // Only a year is above 31: `80-02-13`.
        ([year @ 32..=99, month, day], [2, 1..=2, 1..=2]) => {
            Some(guessed(dated(century(*year), *month, *day)))
        }
        ([month, day, year], [1..=2, 1..=2, 2]) => Some(guessed(us(century(*year), *month, *day))),
        _ => None,
    }
}

/// A reading of which something was not written, or not clearly.
fn guessed(read: Read) -> Read {
    Read { is_guessed: true, ..read }
}

/// Runs of digits and of letters, without the words that only join them: `12TH OF MARCH`, `Z`.
fn split(date: &str) -> SmallVec<[&str; 4]> {
    let mut parts = SmallVec::new();
    let mut rest = date;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_alphanumeric()) {
        rest = rest.get(start..).unwrap_or_default();
        let is_digit = text::begins_with_digit(rest);
        let is_same =
            |letter: char| letter.is_ascii_alphanumeric() && letter.is_ascii_digit() == is_digit;
        let end = rest.find(|letter| !is_same(letter)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        if !matches!(part, "ST" | "ND" | "RD" | "TH" | "OF" | "THE" | "DE" | "Z" | "UTC" | "GMT") {
            parts.push(part);
        }
        rest = behind;
    }
    parts
}

/// `YYYY-MM-DD`, as most dates are.
fn read_iso(text: &str) -> Option<Read> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
        digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    };
    Some(dated(number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?))
}

/// `YYYYMMDD` with or without a time behind it, `YYYYMM`, as HL7 writes; `MMDDYYYY` and `MMDDYY`, where
/// no year of an index begins the number.
fn read_compact(text: &str) -> Option<Read> {
    let digits = text.split(['.', '+', '-', 'Z', 'T', 'z', 't']).next()?;
    if !text::is_number(digits) {
        return None;
    }
    let is_whole = digits.len() == text.len();
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u16>().ok();
    let is_year = |year: u16| (YEAR_MIN..=YEAR_MAX).contains(&year);
    match digits.len() {
        8 if is_whole && !is_year(part(0, 4)?) && is_year(part(4, 8)?) => {
            Some(us(part(4, 8)?, part(0, 2)?, part(2, 4)?))
        }
        8 | 10 | 12 | 14 => Some(dated(part(0, 4)?, part(4, 6)?, part(6, 8)?)),
        6 if is_whole && is_year(part(0, 4)?) && part(4, 6)? <= 12 => {
            Some(dated(part(0, 4)?, part(4, 6)?, 0))
        }
        6 if is_whole && part(0, 2)? > 31 => {
            Some(guessed(dated(century(part(0, 2)?), part(2, 4)?, part(4, 6)?)))
        }
        6 if is_whole && part(0, 6)? != 0 => {
            Some(guessed(us(century(part(4, 6)?), part(0, 2)?, part(2, 4)?)))
        }
        _ => None,
    }
}

/// `YYYYMMDD` with one character too many, or one that cannot be read: what stands beside it still
/// counts (`1966 105` is of 1966, `19741 127` and `1977O220` are whole).
fn read_smudged(text: &str) -> Option<Read> {
    let likely: String = text
        .chars()
        .map(|letter| match letter {
            'o' | 'O' => '0',
            'l' | 'I' | 'i' | '|' => '1',
            other => other,
        })
        .collect();
    let digits: String = likely.chars().filter(char::is_ascii_digit).collect();
    match (likely.len(), digits.len()) {
        (8 | 9, 8) => read_compact(&digits).map(guessed),
        (8, 7) => {
            let part = |from: usize, to: usize| likely.get(from..to)?.parse::<u16>().ok();
            let (month, day) = (part(4, 6).unwrap_or(0), part(6, 8).unwrap_or(0));
            Some(guessed(dated(part(0, 4)?, month, day)))
        }
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

/// `12 Mar 1980`, `March 12, 1980`, `12-MAR-80`, `12MAR1980`, `March 1980`, `Mar-80`.
fn read_named(parts: &[&str], month_at: usize) -> Option<Read> {
    let month = month_by_name(parts.get(month_at)?)?;
    let others = parts.iter().enumerate().filter(|(at, _)| *at != month_at);
    let mut numbers: SmallVec<[(u16, usize); 4]> = SmallVec::new();
    for (at, part) in others {
        // A weekday before the date says nothing more.
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !(is_word && at == 0) {
            numbers.push((part.parse().ok()?, part.len()));
        }
    }
    match numbers.as_slice() {
        [(year, 4)] => Some(dated(*year, month, 0)),
        [(year @ 32..=99, 2)] => Some(guessed(dated(century(*year), month, 0))),
        [(year, 4), (day, 1..=2)] | [(day, 1..=2), (year, 4)] => Some(dated(*year, month, *day)),
        [(day, 1..=2), (year, 2)] => Some(guessed(dated(century(*year), month, *day))),
        _ => None,
    }
}

fn month_by_name(part: &str) -> Option<u16> {
    const SHORTEST: usize = 3;
    let is_month = |month: &&str| part.len() >= SHORTEST && month.starts_with(part);
    let at = match part {
        "SEPT" => Some(8),
        _ => MONTHS.iter().position(is_month),
    };
    u16::try_from(at? + 1).ok()
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
            ("12MAR1980", "1980-03-12", &[]),
            ("5th of March 1980", "1980-03-05", &[]),
            ("Sept 5, 1980", "1980-09-05", &[]),
            ("Wed, 12 Mar 1980", "1980-03-12", &[]),
            ("Mar-80", "1980-03", &[Doubtful(FIELD)]),
            ("80-02-13", "1980-02-13", &[Doubtful(FIELD)]),
            ("800213", "1980-02-13", &[Doubtful(FIELD)]),
            ("021380", "1980-02-13", &[Doubtful(FIELD)]),
            ("02131980", "1980-02-13", &[]),
            ("31121980", "1980-12-31", &[]),
            ("19800213T1000", "1980-02-13", &[]),
            ("1980-02-13Z", "1980-02-13", &[]),
            ("１９８０-０２-１３", "1980-02-13", &[]),
            ("1980-00-00", "1980", &[]),
            ("31/04/1980", "1980-04", &[Impossible(FIELD)]),
            ("1980-31-04", "1980-04", &[Impossible(FIELD)]),
            ("1980-04-31", "1980-04", &[Impossible(FIELD)]),
            ("11/11/1911", "-", &[Placeholder(FIELD)]),
            ("12/31/1899", "-", &[Placeholder(FIELD)]),
            ("1800-05-05", "-", &[Placeholder(FIELD)]),
            ("99/99/9999", "-", &[Placeholder(FIELD)]),
            ("19741 127", "1974-11-27", &[Doubtful(FIELD)]),
            ("l977o220", "1977-02-20", &[Doubtful(FIELD)]),
            ("1966 105", "1966", &[Doubtful(FIELD)]),
            ("192803 0", "1928-03", &[Doubtful(FIELD)]),
            ("1q801023", "-", &[Unreadable(FIELD)]),
            ("married 1980", "-", &[Unreadable(FIELD)]),
            ("5 May", "-", &[Unreadable(FIELD)]),
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
