//! What can be wrong with a file, each in one sentence that names the file and says what to do.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// Why a file cannot be read or written. No message ever carries a value of a patient.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The operating system refused.
    #[error("{file}: cannot be {action}: {error}")]
    Io {
        /// The file.
        file: String,
        /// `read` or `written`.
        action: &'static str,
        /// The system's words.
        error: io::Error,
    },
    /// The name tells no format.
    #[error(
        "{file}: the name tells no known format: it should end in .csv, .tsv, .txt, .ndjson, .jsonl \
         (each also with .gz) or .parquet"
    )]
    UnknownFormat {
        /// The file.
        file: String,
    },
    /// There is nothing to read.
    #[error("{file}: there are no records in it: {found}")]
    Empty {
        /// The file.
        file: String,
        /// What was found instead.
        found: &'static str,
    },
    /// No column says anything about a patient.
    #[error(
        "{file}: none of its {column_count} columns is known: the first row must name the columns \
         (such as given_name, family_name, birth_date), or --columns must say which is which"
    )]
    NoKnownColumn {
        /// The file.
        file: String,
        /// How many columns it has.
        column_count: usize,
    },
    /// A column that somebody named is not there.
    #[error("{file}: there is no column {column:?}, which {wanted_by} names")]
    MissingColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Who named it.
        wanted_by: &'static str,
    },
    /// The columns file says something that cannot be followed.
    #[error("{file}: {problem}")]
    ColumnMap {
        /// The columns file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A row was bad, and reading is strict.
    #[error("{file}:{line}: {reason} (strict reading stops at the first bad row)")]
    BadRow {
        /// The file.
        file: String,
        /// The line, 1-based; in Parquet the row.
        line: u64,
        /// Why the row is bad.
        reason: String,
    },
    /// The file as a whole is damaged or not of its format.
    #[error("{file}: {problem}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A line of a file that this program writes itself cannot be understood.
    #[error("{file}:{line}: {problem}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, 1-based.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

impl FormatError {
    pub(crate) fn read(file: &Path, error: io::Error) -> Self {
        Self::Io { file: shown(file), action: "read", error }
    }

    pub(crate) fn written(file: &Path, error: io::Error) -> Self {
        Self::Io { file: shown(file), action: "written", error }
    }

    pub(crate) fn damaged(file: &Path, problem: impl Display) -> Self {
        Self::Damaged { file: shown(file), problem: problem.to_string() }
    }
}

/// How a path is shown in messages and rejects.
pub(crate) fn shown(file: &Path) -> String {
    file.display().to_string()
}
