//! The rows of a file, on their way to a server.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_formats::{ColumnMap, ReaderOptions};
use empi_model::SourceRecord;
use tokio::sync::mpsc;

/// A file of records instead of flags.
#[derive(clap::Args)]
pub(crate) struct FileArgs {
    /// Records from a file (.csv, .csv.gz, .parquet, .ndjson): one answer per row, in order
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Which column of the file means what, where names alone do not tell
    #[arg(long, value_name = "FILE.toml", requires = "file")]
    pub(crate) columns: Option<PathBuf>,
}

/// Few, so that the first answers do not wait for the whole file.
const CHUNK_ROWS: usize = 500;

/// Reads a file to its end and hands its records over, at the pace at which they are taken. Rows that
/// cannot be read are reported on stderr by file and line.
///
/// Gives the number of those rows.
pub(super) fn read(
    file: &Path,
    columns: Option<&Path>,
    records: &mpsc::Sender<SourceRecord>,
) -> anyhow::Result<u64> {
    let columns = columns.map(ColumnMap::read).transpose()?.unwrap_or_default();
    let options = ReaderOptions { columns, chunk_rows: CHUNK_ROWS, ..ReaderOptions::default() };
    let mut reader = empi_formats::open(file, &options)?;
    eprintln!("{}: {}", file.display(), reader.recognised());
    let mut rejected_count = 0;
    while let Some(chunk) = reader.next_chunk()? {
        for reject in &chunk.rejects {
            eprintln!("empi: {}:{}: {}", reject.file, reject.line, reject.reason);
            rejected_count += 1;
        }
        for record in chunk.records {
            if records.blocking_send(record).is_err() {
                // The conversation has ended, and says itself why.
                return Ok(rejected_count);
            }
        }
    }
    Ok(rejected_count)
}

/// What becomes of a command whose rows were not all answered with success.
pub(super) fn conclude(rejected_count: u64, refused_count: u64) -> anyhow::Result<()> {
    let counted = |count: u64, what: &str| match count {
        0 => None,
        1 => Some(format!("1 row was {what}")),
        many => Some(format!("{many} rows were {what}")),
    };
    let parts: Vec<String> =
        [counted(rejected_count, "not understood"), counted(refused_count, "refused")]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("{}", parts.join(" and "))) }
}

/// Waits for the reading to end.
pub(super) async fn finished(
    reading: tokio::task::JoinHandle<anyhow::Result<u64>>,
) -> anyhow::Result<u64> {
    reading.await.context("reading the file broke off")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_failed_are_counted_in_words() {
        assert!(conclude(0, 0).is_ok());
        let sentence = |rejected, refused| conclude(rejected, refused).unwrap_err().to_string();
        assert_eq!(sentence(1, 0), "1 row was not understood");
        assert_eq!(sentence(2, 3), "2 rows were not understood and 3 rows were refused");
    }
}
