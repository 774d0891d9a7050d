//! Reading the files of a bulk command into a linker, with what was set aside and the truth if asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context as _, bail};
use empi_formats::{FormatError, ReaderOptions, RecordReader, Reject, TakeRows, UnparsedChunk};
use empi_linkage::{Linker, Normalizer, Prepared};
use empi_model::SourceRecord;
use parking_lot::Mutex;

use super::stages;

/// Chunks ready or in work, for each thread, while the linker takes one in.
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

/// What a worker made of some rows, or why reading ends.
type Worked = anyhow::Result<Work>;

/// Some rows, their records prepared. The records themselves are gone: in the rare case that one is
/// wanted again its rows are parsed again.
struct Work {
    unparsed: UnparsedChunk,
    made: Made,
}

impl Work {
    fn on(unparsed: UnparsedChunk, normalizer: &mut Normalizer) -> Worked {
        let prepared = Prepared::with_capacity(unparsed.rows_about());
        let made = Made { prepared, truth: Vec::new(), rejects: Vec::new() };
        let mut making = Making { normalizer, made };
        unparsed.parse_into(&mut making)?;
        Ok(Self { made: making.made, unparsed })
    }
}

/// What is made of rows while they are parsed.
struct Made {
    prepared: Prepared,
    truth: Vec<Option<String>>,
    rejects: Vec<Reject>,
}

/// Makes it.
struct Making<'a> {
    normalizer: &'a mut Normalizer,
    made: Made,
}

impl TakeRows for Making<'_> {
    fn take_record(&mut self, record: SourceRecord, _: u64, truth: Option<&str>) {
        self.made.prepared.add(&self.normalizer.normalize_owned(record));
        if let Some(truth) = truth {
            self.made.truth.push((!truth.is_empty()).then(|| truth.to_owned()));
        }
    }

    fn take_reject(&mut self, reject: Reject) {
        self.made.rejects.push(reject);
    }
}

/// A file as the workers share it: whoever is free takes the next rows.
struct Shared {
    reader: RecordReader,
    /// How many times rows were taken.
    taken: u64,
    is_done: bool,
}

impl Shared {
    /// The next rows with their number, and how far reading has come.
    fn next(&mut self) -> Option<(u64, u64, Result<UnparsedChunk, FormatError>)> {
        if self.is_done {
            return None;
        }
        let next = self.reader.next_unparsed();
        self.is_done = !matches!(next, Ok(Some(_)));
        let next = next.transpose()?;
        self.taken += 1;
        Some((self.taken - 1, self.reader.bytes_read(), next))
    }
}

impl Read {
    /// Reads every file into the linker: rows are cut off by whoever is free, parsed and normalised by
    /// every thread, and taken in by this one in the order of the file.
    pub(crate) fn files(
        files: &[PathBuf],
        options: &ReaderOptions,
        linker: &mut Linker,
    ) -> anyhow::Result<Self> {
        let mut read = Self::default();
        for file in files {
            let reader = empi_formats::open(file, options)?;
            eprintln!("{}", described(file, &reader));
            let bar = stages::bar("read", reader.bytes_total());
            let workers = rayon::current_num_threads();
            let shared = Mutex::new(Shared { reader, taken: 0, is_done: false });
            let (sender, receiver) = sync_channel(workers * CHUNKS_AHEAD);
            std::thread::scope(|scope| -> anyhow::Result<()> {
                for _ in 0..workers {
                    let (shared, sender) = (&shared, sender.clone());
                    scope.spawn(move || work(shared, &sender));
                }
                drop(sender);
                let (mut early, mut wanted) = (BTreeMap::new(), 0);
                for (number, bytes_read, worked) in receiver {
                    early.insert(number, worked);
                    while let Some(worked) = early.remove(&wanted) {
                        read.take(file, worked?, linker)?;
                        wanted += 1;
                    }
                    bar.set_position(bytes_read);
                }
                Ok(())
            })?;
            bar.finish_and_clear();
            if let Some(finding) = shared.lock().reader.late_finding() {
                eprintln!("{}: {finding}", file.display());
            }
        }
        if linker.record_count() == 0 {
            bail!("no usable record in the input: see the rejects file, or `--columns`");
        }
        Ok(read)
    }

    fn take(&mut self, file: &Path, work: Work, linker: &mut Linker) -> anyhow::Result<()> {
        let Work { unparsed, made: Made { prepared, truth, rejects } } = work;
        let count = prepared.len();
        let repeated = linker.add_prepared(prepared);
        if !repeated.is_empty() {
            let chunk = unparsed.parse()?;
            let reason = "its source and record ID stood before";
            self.rejects.extend(repeated.iter().map(|at| chunk.reject(file, *at, reason)));
        }
        for at in (0..count).filter(|at| repeated.binary_search(at).is_err()) {
            let number = truth.get(at).and_then(Option::as_ref).map(|it| self.truth_number(it));
            self.truth.push(number);
        }
        self.rejects.extend(rejects);
        Ok(())
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

/// Takes rows, parses and prepares them, until there are none or nobody waits for them.
fn work(shared: &Mutex<Shared>, sender: &SyncSender<(u64, u64, Worked)>) {
    let mut normalizer = Normalizer::default();
    loop {
        let next = shared.lock().next();
        let Some((number, bytes_read, unparsed)) = next else { break };
        let worked = unparsed.map_err(Into::into).and_then(|it| Work::on(it, &mut normalizer));
        if sender.send((number, bytes_read, worked)).is_err() {
            break;
        }
    }
}

/// What was recognised in a file, and what was not.
fn described(file: &Path, reader: &RecordReader) -> String {
    format!("{}: {}", file.display(), reader.recognised())
}
