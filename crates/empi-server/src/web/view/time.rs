//! Moments as people read them, in UTC: the server does not know where its readers are.

use empi_model::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Year, month and day of a day since 1970-01-01: Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `2026-11-28`.
pub(in crate::web) fn date(time: Timestamp) -> String {
    let (year, month, day) = civil(time.0.div_euclid(DAY_MS));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-28 09:05 UTC`.
pub(in crate::web) fn day_and_time(time: Timestamp) -> String {
    let minutes = time.0.rem_euclid(DAY_MS) / 60_000;
    format!("{} {:02}:{:02} UTC", date(time), minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_in_a_calendar() {
        for (ms, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400_000, "2000-02-29 00:00 UTC"),
            (1_795_856_759_999, "2026-11-28 09:05 UTC"),
            (-60_000, "1969-12-31 23:59 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(day_and_time(Timestamp(ms)), text);
        }
    }
}
