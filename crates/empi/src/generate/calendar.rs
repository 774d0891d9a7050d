//! Days of the Gregorian calendar as plain numbers.

/// A day, counted from 1970-01-01, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i32);

/// A day as year, month and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i32,
    /// 1 to 12.
    pub(super) month: i32,
    /// 1 to 31.
    pub(super) day: i32,
}

/// Days of a year, near enough for ages and gaps.
pub(super) const YEAR_DAYS: i32 = 365;

/// The day on which the made-up world is looked at: 2025-06-30. Fixed, so that the same seed gives
/// the same bytes in any year.
pub(super) const TODAY: Day = Day(20_269);

/// The first day from which sources kept records: twelve years before [`TODAY`].
pub(super) const RECORDS_BEGIN: Day = Day(20_269 - 12 * YEAR_DAYS);

impl Day {
    /// The day that many days later, or earlier.
    pub(super) fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// Whole years from this day to a later one.
    pub(super) fn years_until(self, later: Self) -> i32 {
        (later.0 - self.0).div_euclid(YEAR_DAYS)
    }

    /// Year, month and day, after Howard Hinnant's `civil_from_days` ("chrono-Compatible Low-Level
    /// Date Algorithms").
    pub(super) fn date(self) -> Date {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Date {
            year: year_of_era + era * 400 + i32::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }
}

impl Date {
    /// Whether such a day exists.
    pub(super) fn exists(self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let last = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        (1..=last).contains(&self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        for (day, year, month, date) in [
            (0, 1970, 1, 1),
            (-1, 1969, 12, 31),
            (-25_567, 1900, 1, 1),
            (11_016, 2000, 2, 29),
            (TODAY.0, 2025, 6, 30),
        ] {
            assert_eq!(Day(day).date(), Date { year, month, day: date });
        }
    }

    #[test]
    fn every_day_of_the_calendar_exists_and_follows_the_one_before() {
        let mut last = Day(-40_000).date();
        for day in -39_999..40_000 {
            let date = Day(day).date();
            assert!(
                date.exists()
                    && (date.year, date.month, date.day) > (last.year, last.month, last.day)
            );
            last = date;
        }
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 4, 31), (2024, 1, 0)]
        {
            assert!(!Date { year, month, day }.exists());
        }
    }
}
