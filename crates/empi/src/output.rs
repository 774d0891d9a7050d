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

    /// Prints one line as it is, or several that belong together. They reach the reader at once, also in a pipe.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> anyhow::Result<()> {
        match print(&mut self.0, line) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
            other => other.map_err(|error| anyhow::Error::new(error).context("cannot print")),
        }
    }
}

/// Hands a line over in one piece. Stdout by itself passes on each line that ends inside of it: a reader that goes
/// away after the first would end the program before it could print the next.
fn print(out: &mut impl Write, line: impl fmt::Display) -> io::Result<()> {
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
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

    /// A reader that goes away when it has got something.
    #[derive(Default)]
    struct ReadsOnce(Vec<u8>);

    impl Write for ReadsOnce {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.0.is_empty() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_belong_together_reach_a_reader_who_wants_only_the_first() {
        let mut out = io::LineWriter::new(ReadsOnce::default());
        let (address, pages) = ("127.0.0.1:7311", "\nserving web pages");
        print(&mut out, format_args!("serving gRPC on {address}{pages}")).unwrap();
        let read = String::from_utf8_lossy(&out.get_ref().0).into_owned();
        assert_eq!(read, "serving gRPC on 127.0.0.1:7311\nserving web pages\n");
    }

    #[test]
    fn patient_data_cannot_steer_the_terminal() {
        assert_eq!(printable("Ann\u{1b}[2J\nLée\r"), "Ann\u{fffd}[2J\nLée\u{fffd}");
    }
}
