//! Slows guessing of passwords down: after a few wrong ones, a name has to wait longer each time.
//!
//! It counts names as they were typed, whether anybody has them or not, so that waiting tells nothing. A password
//! counts as wrong from the moment it is tried until it proves right, so that many tried at once wait, too.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Wrong passwords that cost nothing but the time to check them.
const FREE_FAILURES: u32 = 5;

/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// After so long without a wrong password all are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// Names that are counted at a time; with more, nobody signs in until some are forgotten. Reaching it takes
/// as many hashed passwords.
const NAMES_MAX: usize = 100_000;

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// Until when the name has to wait.
    fn until(&self) -> Instant {
        match self.count.checked_sub(FREE_FAILURES) {
            None => self.last,
            Some(over) => self.last + Duration::from_secs(1_u64 << over.min(10)).min(WAIT_MAX),
        }
    }
}

/// The wrong passwords of late.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<String, Failures>>);

impl Throttle {
    /// Begins to try a password, or says how long its name has to wait first.
    pub(super) fn attempt(&self, name: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let mut names = self.0.lock();
        if names.len() >= NAMES_MAX {
            names.retain(|_, failures| now < failures.last + FORGOTTEN_AFTER);
        }
        if names.len() >= NAMES_MAX {
            return Err(WAIT_MAX);
        }
        if let Some(until) = names.get(name).map(Failures::until).filter(|until| *until > now) {
            return Err(until - now);
        }
        let failures = names.entry(name.to_owned()).or_insert(Failures { count: 0, last: now });
        if now >= failures.last + FORGOTTEN_AFTER {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        Ok(())
    }

    /// The password was right: forgets a name's wrong ones.
    pub(super) fn succeeded(&self, name: &str) {
        self.0.lock().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn guessing_gets_slower_and_waiting_helps() {
        let throttle = Throttle::default();
        // All at once, none of them answered yet.
        for _ in 0..FREE_FAILURES {
            assert_eq!(throttle.attempt("ines"), Ok(()));
        }
        assert_eq!(throttle.attempt("ines"), Err(Duration::from_secs(1)));
        assert_eq!(throttle.attempt("omar"), Ok(()), "others are not held up");
        throttle.succeeded("omar");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(throttle.attempt("ines"), Ok(()));
        assert_eq!(throttle.attempt("ines"), Err(Duration::from_secs(2)));
        for _ in 0..20 {
            tokio::time::advance(WAIT_MAX).await;
            assert_eq!(throttle.attempt("ines"), Ok(()));
        }
        assert_eq!(throttle.attempt("ines"), Err(WAIT_MAX));
        tokio::time::advance(FORGOTTEN_AFTER).await;
        assert_eq!(throttle.attempt("ines"), Ok(()));
        assert_eq!(throttle.attempt("ines"), Ok(()));
        throttle.succeeded("ines");
        assert!(throttle.0.lock().is_empty());
    }
}
