//! The one door to stdout: answers go there, everything else goes to stderr.

use std::fmt;
use std::io::{self, Write};

/// Stdout, locked for as long as a command prints.
pub(crate) struct Output(io::StdoutLock<'static>);

/// The reader of stdout has gone away. Not a failure: `main` ends the program quietly.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for Closed {}

impl Output {
    pub(crate) fn lock() -> Self {
        Self(io::stdout().lock())
    }

    /// Prints text for people. Control characters in patient data could steer the terminal, so they
    /// are replaced.
    pub(crate) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.line(printable(text))
    }

    /// Prints one line as it is. Lines reach the reader at once, also in a pipe.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> anyhow::Result<()> {
        match writeln!(self.0, "{line}").and_then(|()| self.0.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
            other => other.map_err(|error| anyhow::Error::new(error).context("cannot print")),
        }
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => '\n',
            control if control.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patient_data_cannot_steer_the_terminal() {
        assert_eq!(printable("Ann\u{1b}[2J\nLée\r"), "Ann\u{fffd}[2J\nLée\u{fffd}");
    }
}
