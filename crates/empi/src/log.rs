//! Where log lines go: to stderr, for people on a terminal and as JSON in a pipe.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The variable that chooses what is logged, for example `warn` or `empi_server=debug`.
const FILTER_VARIABLE: &str = "EMPI_LOG";

/// Starts logging. Panics are logged with their place and without their message, which may quote the
/// data that caused them.
pub(crate) fn start() {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        lines.with_target(false).init();
    } else {
        lines.json().flatten_event(true).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a call failed inside the program: please report this line");
    }));
}
