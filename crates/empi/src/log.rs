//! Where log lines go: to stderr, for people on a terminal and as JSON in a pipe.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The variable that chooses what is logged, for example `warn` or `empi_server=debug`.
const FILTER_VARIABLE: &str = "EMPI_LOG";

/// Starts logging.
pub(crate) fn start() {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        lines.with_target(false).init();
    } else {
        lines.json().flatten_event(true).init();
    }
    tell_panics();
}

/// Panics are logged with their place and without their message, which may quote the data that caused them.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a call failed inside the program: please report this line");
    }));
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_by_its_place_and_never_by_what_it_says() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .json()
            .with_writer(move || writer.clone())
            .finish();
        let usual = std::panic::take_hook();
        tell_panics();
        tracing::subscriber::with_default(lines, || {
            let patient = "OKAFOR 457-12-9983";
            let panicked = std::panic::catch_unwind(|| panic!("{patient} cannot be read"));
            assert!(panicked.is_err());
        });
        std::panic::set_hook(usual);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("log.rs:") && text.contains("please report this line"), "{text}");
        assert!(!text.contains("OKAFOR") && !text.contains("457-12-9983"), "{text}");
    }
}
