//! `empi generate`: US-like patients who never were, with the truth about them.
//!
//! The way of a record: `structure` says who lives in which household and how often each person is
//! seen where; `order` lays out the records of each source; `people` makes the household as it really
//! is; `clerk` writes one record of it as one of the `sources` would on that day, with the errors that
//! `rates` has in one table. Nothing is kept but eight bytes per record: a household is made anew,
//! from the same draws, for each of its records. All draws are whole numbers, so that seed, count,
//! difficulty and version fix every byte, on any machine and with any number of threads.

mod calendar;
mod clerk;
mod dice;
mod mistakes;
mod names;
mod numbers;
mod order;
mod people;
mod places;
mod rates;
mod record;
mod sources;
mod structure;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;

use crate::cli::UsageError;
use crate::output::Output;
use numbers::Numbers;
use order::Order;
use people::Household;
use rates::Difficulty;
use record::{HEADER, RecordPlace, World};
use sources::{SOURCES_MAX, Source};
use structure::Structure;

/// The most records of one file: 20 million households of 4.9 records each, well below the number for
/// which there are SSNs.
const RECORDS_MAX: u64 = 100_000_000;
const _: () = assert!(RECORDS_MAX / 4 < numbers::HOUSEHOLDS_MAX);
/// Records made by one thread at a time.
const BATCH_RECORDS: usize = 2_048;
/// Batches made before they are written, in order.
const BATCHES_AT_ONCE: usize = 32;

/// `empi generate`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many records to make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=RECORDS_MAX))]
    records: u64,
    /// The same seed gives the same bytes
    #[arg(long, value_name = "S")]
    seed: u64,
    /// The CSV file to write; `person_id`, the truth, is its last column
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How dirty the records are
    #[arg(long, value_enum, default_value_t = Difficulty::Realistic)]
    difficulty: Difficulty,
    /// How many source systems the records come from
    #[arg(long, value_name = "K", default_value_t = 5,
          value_parser = clap::value_parser!(u8).range(1..=i64::from(SOURCES_MAX)))]
    sources: u8,
}

/// Writes the file, and prints what is in it.
pub(crate) fn run(args: Args) -> Result<()> {
    let Args { records, seed, out, difficulty, sources } = args;
    if out.file_name().is_none() {
        return Err(UsageError::new("--out must name a file to write").into());
    }
    let population = Population::new(records, seed, difficulty, sources);
    let bar = bar(records);
    write_whole(&out, |file| population.write(file, |count| bar.inc(count)))
        .with_context(|| format!("cannot write {}", out.display()))?;
    bar.finish_and_clear();
    Output::lock().line(format_args!(
        "{records} records of {} persons in {} households from {sources} sources: {}",
        population.order.person_count,
        population.order.household_count,
        out.display()
    ))
}

/// How many of the records are written. Draws on a terminal only and is silent in a pipe.
fn bar(records: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(records), ProgressDrawTarget::stderr());
    let template = "generate {wide_bar} {percent:>3} %  {elapsed} gone, {eta} to go";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Everybody who has a record, and the records, ready to be made.
struct Population {
    world: World,
    order: Order,
}

impl Population {
    fn new(record_count: u64, seed: u64, difficulty: Difficulty, source_count: u8) -> Self {
        let order = Order::of(seed, record_count, source_count);
        let numbers = Numbers::new(seed, order.household_count, source_count);
        let sources = (0..source_count).map(Source::of).collect();
        Self { world: World { seed, difficulty, sources, numbers }, order }
    }

    /// Writes every record, source by source, and says after some how many those were.
    fn write(&self, out: &mut impl Write, written: impl Fn(u64)) -> Result<()> {
        out.write_all(&csv_of([HEADER])?)?;
        for places in &self.order.of_source {
            let batches: Vec<(usize, &[RecordPlace])> =
                places.chunks(BATCH_RECORDS).enumerate().collect();
            for some in batches.chunks(BATCHES_AT_ONCE) {
                let made: Vec<Vec<u8>> = some
                    .par_iter()
                    .map(|(batch, places)| self.batch(batch * BATCH_RECORDS, places))
                    .collect::<Result<_>>()?;
                for bytes in made {
                    out.write_all(&bytes)?;
                }
                written(some.iter().map(|(_, places)| places.len() as u64).sum());
            }
        }
        Ok(())
    }

    /// Some records of one source as CSV. `first` is the place of the first in its source.
    fn batch(&self, first: usize, places: &[RecordPlace]) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::with_capacity(places.len() * 256));
        for (offset, place) in places.iter().enumerate() {
            let household = self.household(place.household);
            if let Some(row) = self.world.row(*place, &household) {
                let record_id = format!("r{:08}", first + offset + 1);
                writer.write_record(row.values(&record_id))?;
            }
        }
        Ok(writer.into_inner()?)
    }

    fn household(&self, index: u32) -> Household {
        let World { seed, numbers, sources, .. } = &self.world;
        let structure = Structure::of(*seed, index, sources.len() as u8);
        Household::of(*seed, index, &structure, numbers)
    }
}

fn csv_of<const COLUMNS: usize>(
    rows: impl IntoIterator<Item = [&'static str; COLUMNS]>,
) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(writer.into_inner()?)
}

/// Writes a file so that it is either there as a whole or not at all: under another name first. It is too
/// large to be written at once, as other outputs are.
fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    let unfinished = path.with_file_name(name);
    let written = File::create(&unfinished).map_err(anyhow::Error::from).and_then(|file| {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        Ok(fs::rename(&unfinished, path)?)
    });
    if written.is_err() {
        // What is half written helps nobody; that it may not be removable changes nothing.
        let _ = fs::remove_file(&unfinished);
    }
    written
}
