//! The one place where the program reads the system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use empi_model::Timestamp;
use empi_registry::Clock;

/// Wall-clock time, as events and records carry it.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "everybody else takes the time from this clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock set before 1970 is wrong anyway; the order of events does not depend on it.
        let millis = since.map_or(0, |elapsed| elapsed.as_millis());
        Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}
