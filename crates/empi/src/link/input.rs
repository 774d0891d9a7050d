//! Reading the files of a bulk command into a linker, with what was set aside and the truth if asked.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use anyhow::{Context as _, bail};
use empi_formats::{Chunk, ReaderOptions, RecordReader, Reject};
use empi_linkage::Linker;

use super::stages;

/// Chunks read ahead while the linker works on one.
const CHUNKS_AHEAD: usize = 2;

/// Which files, and how to read them.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct InputArgs {
    /// CSV (also .gz), Parquet or NDJSON of FHIR Patients
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A TOML file that says which column is which, where the names do not tell
    #[arg(long, value_name = "FILE")]
    pub(crate) columns: Option<PathBuf>,
    /// Stop at the first bad row instead of setting it aside
    #[arg(long)]
    pub(crate) strict: bool,
    /// Where bad rows are set aside [default: beside the output, .rejects.csv]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// How many threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// What was read besides the records themselves.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Rows set aside.
    pub(crate) rejects: Vec<Reject>,
    /// For each record in the order added, its true person, where the truth was asked for.
    pub(crate) truth: Vec<Option<u32>>,
    /// Numbers of the texts of the truth column.
    truth_numbers: std::collections::HashMap<String, u32>,
}

impl InputArgs {
    pub(crate) fn reader_options(&self, truth: Option<&str>) -> anyhow::Result<ReaderOptions> {
        let columns = match &self.columns {
            Some(path) => empi_formats::ColumnMap::read(path)?,
            None => empi_formats::ColumnMap::default(),
        };
        Ok(ReaderOptions {
            columns,
            strict: self.strict,
            truth_column: truth.map(str::to_owned),
            ..ReaderOptions::default()
        })
    }

    /// Makes rayon use as many threads as asked for.
    pub(crate) fn set_threads(&self) -> anyhow::Result<()> {
        let threads = self.threads.map_or(0, usize::from);
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        builder.build_global().context("cannot start the worker threads")
    }

    /// The rejects file, beside `output` unless another was named.
    pub(crate) fn rejects_path(&self, output: &Path) -> PathBuf {
        self.rejects.clone().unwrap_or_else(|| output.with_extension("rejects.csv"))
    }
}

impl Read {
    /// Reads every file into the linker, one thread reading ahead.
    pub(crate) fn files(
        files: &[PathBuf],
        options: &ReaderOptions,
        linker: &mut Linker,
    ) -> anyhow::Result<Self> {
        let mut read = Self::default();
        for file in files {
            let mut reader = empi_formats::open(file, options)?;
            eprintln!("{}", described(file, &reader));
            let bar = stages::bar("read", reader.bytes_total());
            let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
            std::thread::scope(|scope| -> anyhow::Result<()> {
                scope.spawn(move || {
                    loop {
                        let chunk = reader.next_chunk();
                        let is_last = !matches!(chunk, Ok(Some(_)));
                        let sent = sender.send((chunk, reader.bytes_read()));
                        if is_last || sent.is_err() {
                            break;
                        }
                    }
                });
                for (chunk, bytes_read) in receiver {
                    let Some(chunk) = chunk? else { break };
                    read.take(file, chunk, linker);
                    bar.set_position(bytes_read);
                }
                Ok(())
            })?;
            bar.finish_and_clear();
        }
        if linker.record_count() == 0 {
            bail!("no usable record in the input: see the rejects file, or `--columns`");
        }
        Ok(read)
    }

    fn take(&mut self, file: &Path, chunk: Chunk, linker: &mut Linker) {
        let repeated = linker.add(&chunk.records);
        let mut repeated = repeated.into_iter().peekable();
        for at in 0..chunk.records.len() {
            if repeated.next_if_eq(&at).is_some() {
                self.rejects.push(chunk.reject(file, at, "its source and record ID stood before"));
                continue;
            }
            let truth = chunk.truth.get(at).and_then(Option::as_ref);
            let number = truth.map(|truth| self.truth_number(truth));
            self.truth.push(number);
        }
        self.rejects.extend(chunk.rejects);
    }

    fn truth_number(&mut self, truth: &str) -> u32 {
        if let Some(number) = self.truth_numbers.get(truth) {
            return *number;
        }
        let number = u32::try_from(self.truth_numbers.len()).unwrap_or(u32::MAX);
        self.truth_numbers.insert(truth.to_owned(), number);
        number
    }
}

/// What was recognised in a file, and what was not.
fn described(file: &Path, reader: &RecordReader) -> String {
    format!("{}: {}", file.display(), reader.recognised())
}
