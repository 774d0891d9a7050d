//! Moments as HL7 and FHIR write them, in UTC.

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

/// Year, month, day, hour, minute, second.
fn parts(time: Timestamp) -> [i64; 6] {
    let (year, month, day) = civil(time.0.div_euclid(DAY_MS));
    let seconds = time.0.rem_euclid(DAY_MS) / 1000;
    [year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60]
}

/// `20260301101500+0000`.
pub(crate) fn hl7(time: Timestamp) -> String {
    let [year, month, day, hour, minute, second] = parts(time);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}+0000")
}

/// `2026-03-01T10:15:00Z`.
pub(crate) fn fhir(time: Timestamp) -> String {
    let [year, month, day, hour, minute, second] = parts(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_standards_say() {
        for (ms, v2, rest) in [
            (0, "19700101000000+0000", "1970-01-01T00:00:00Z"),
            (951_827_696_500, "20000229123456+0000", "2000-02-29T12:34:56Z"),
            (1_772_323_200_000, "20260301000000+0000", "2026-03-01T00:00:00Z"),
        ] {
            assert_eq!((hl7(Timestamp(ms)).as_str(), fhir(Timestamp(ms)).as_str()), (v2, rest));
        }
    }
}
