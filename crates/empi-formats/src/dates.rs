//! Day-first dates: recognised by a whole column, and turned so that nobody reads them month-first.

use std::borrow::Cow;

/// What the dates of a column say about their order.
///
/// `25/12/1980` can only be day-first, `12/25/1980` only month-first, `03/04/1980` says nothing. A
/// column is day-first when at least one of its values proves it and none proves the contrary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DayOrder {
    /// Whether there was a date at all whose order matters.
    pub(crate) is_at_issue: bool,
    day_first_seen: bool,
    month_first_seen: bool,
}

impl DayOrder {
    /// Takes one value of the column into account.
    pub(crate) fn see(&mut self, text: &str) {
        // Most columns are ISO throughout; a year in front says nothing about the order.
        if let [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] = text.as_bytes() {
            return;
        }
        let Some([first, second, _]) = parts(text) else { return };
        self.is_at_issue = true;
        let (Ok(first), Ok(second)) = (first.parse::<u8>(), second.parse::<u8>()) else { return };
        self.day_first_seen |= first > 12 && first <= 31 && (1..=12).contains(&second);
        self.month_first_seen |= second > 12 && second <= 31 && (1..=12).contains(&first);
    }

    /// Whether the column as a whole proves that days come first.
    pub(crate) fn is_day_first(self) -> bool {
        self.day_first_seen && !self.month_first_seen
    }

    /// Whether more values could not make the column day-first.
    pub(crate) fn is_refuted(self) -> bool {
        self.month_first_seen
    }
}

/// Whether it matters for a date if days come first.
pub(crate) fn is_order_at_issue(text: &str) -> bool {
    let mut order = DayOrder::default();
    order.see(text);
    order.is_at_issue
}

/// Writes a day-first date as ISO, or month-first when its year has two digits: choosing the century
/// is left to those who read dates. Anything else stays as it is.
pub(crate) fn turned(text: &str) -> Cow<'_, str> {
    match parts(text) {
        Some([day, month, year]) if year.len() == 4 => {
            Cow::Owned(format!("{year}-{month:0>2}-{day:0>2}"))
        }
        Some([day, month, year]) => Cow::Owned(format!("{month:0>2}/{day:0>2}/{year}")),
        None => Cow::Borrowed(text),
    }
}

/// The three parts of a date that ends in its year; a time behind it is dropped.
fn parts(text: &str) -> Option<[&str; 3]> {
    let text = text.trim();
    let date = text.split_once([' ', 'T']).map_or(text, |(date, _)| date);
    let separator = date.chars().find(|it| !it.is_ascii_digit())?;
    if !matches!(separator, '/' | '-' | '.') {
        return None;
    }
    let mut parts = date.split(separator);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str, widths: &[usize]| {
        widths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    (parts.next().is_none()
        && is_number(first, &[1, 2])
        && is_number(second, &[1, 2])
        && is_number(year, &[2, 4]))
    .then_some([first, second, year])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_day_first(column: &[&str]) -> bool {
        let mut order = DayOrder::default();
        column.iter().for_each(|text| order.see(text));
        order.is_day_first()
    }

    #[test]
    fn only_a_whole_column_proves_day_first() {
        assert!(is_day_first(&["03/04/1980", "25/12/1980", "", "n/a"]));
        assert!(is_day_first(&["25.12.80"]));
        assert!(is_day_first(&["25-12-1980 00:00:00", "1980-12-25"]));
        assert!(!is_day_first(&["03/04/1980"]));
        assert!(!is_day_first(&["25/12/1980", "12/25/1980"]));
        assert!(!is_day_first(&["1980-12-25", "19801225", "45/12/1980"]));
    }

    #[test]
    fn day_first_dates_are_turned() {
        for (text, expected) in [
            ("3/4/1980", "1980-04-03"),
            ("25.12.1980", "1980-12-25"),
            ("25/12/80", "12/25/80"),
            ("25/12/1980 00:00", "1980-12-25"),
            ("1980-12-25", "1980-12-25"),
            ("25/DEC/1980", "25/DEC/1980"),
            ("", ""),
        ] {
            assert_eq!(turned(text), expected);
        }
    }
}
