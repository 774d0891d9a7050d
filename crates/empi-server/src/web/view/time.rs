//! Moments as people read them, in UTC: the server does not know where its readers are.

use empi_model::Timestamp;

/// `2026-11-28`.
pub(in crate::web) fn date(time: Timestamp) -> String {
    written(time, "%Y-%m-%d")
}

/// `2026-11-28 09:05 UTC`.
pub(in crate::web) fn day_and_time(time: Timestamp) -> String {
    written(time, "%Y-%m-%d %H:%M UTC")
}

/// `2026-11-28 09:05:07 UTC`.
pub(in crate::web) fn seconds(time: Timestamp) -> String {
    written(time, "%Y-%m-%d %H:%M:%S UTC")
}

/// `2026-11-28T09:05:07Z`, for files.
pub(in crate::web) fn iso(time: Timestamp) -> String {
    written(time, "%Y-%m-%dT%H:%M:%SZ")
}

/// Empty for a moment that no calendar reaches.
fn written(time: Timestamp, form: &str) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0);
    time.map(|time| time.strftime(form).to_string()).unwrap_or_default()
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
