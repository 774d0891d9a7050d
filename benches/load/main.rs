//! The load driver: how much a running `empi serve` carries, and how fast it answers meanwhile.
//!
//! ```text
//! cargo build --release -p empi -p empi-benches
//! target/release/load-driver --records 1000000 --out benches/results/DATE-load.md
//! ```
//!
//! It generates patients, loads most of them into a store, serves it, and drives the server over the
//! loopback address: lookups, match queries and registrations as fast as so many callers get answers, by gRPC,
//! and beside it matches by FHIR and registrations by HL7 over MLLP, each caller on a connection of its own; then
//! registrations at a fixed rate. There every call has its time to be sent, and its latency counts from
//! that time on: a server that falls behind cannot hide it by slowing down its callers. Server and driver
//! share the machine. Every registration is durable when it is answered.
//!
//! With `--secured` it measures what security costs instead: two servers with the same records, one open and in the
//! clear, one with everything switched on, in turn.

#![allow(clippy::print_stdout, reason = "a program for the command line")]

mod calls;
mod exchange;
mod figures;
mod line;
mod patients;
mod repository;
mod secured;
mod server;
mod steadiness;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;

use calls::{Callers, at_rate, flat_out};
use exchange::{Fhir, Mllp};
use figures::{Figures, Machine, megabytes};
use line::Way;
use patients::Patients;
use server::{Server, bytes_of, load, settle};
use steadiness::Steadiness;

/// Measure a running index.
#[derive(clap::Parser)]
#[command(max_term_width = 100)]
struct Args {
    /// The program to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/empi")]
    program: PathBuf,
    /// Records in the store when it is served
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    records: u64,
    /// Further records of the same people and of others, to be registered
    #[arg(long, value_name = "N", default_value_t = 160_000)]
    fresh: u64,
    /// Seed of the generated patients
    #[arg(long, value_name = "S", default_value_t = 7)]
    seed: u64,
    /// Seconds of each measurement
    #[arg(long, value_name = "N", default_value_t = 15)]
    seconds: u64,
    /// Calls in flight where the server is driven as fast as it answers
    #[arg(long, value_name = "N", default_value_t = 64)]
    callers: usize,
    /// Registrations per second of the measurement at a fixed rate
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rate: u32,
    /// Callers at once, many more than the server takes: how it refuses; 0 leaves this out
    #[arg(long, value_name = "N", default_value_t = 0)]
    overload: usize,
    /// Only what is sent at a fixed rate: the figures of a server that nothing was asked of before
    #[arg(long)]
    paced_only: bool,
    /// What security costs: the same by gRPC with everything switched off and on, in turn
    #[arg(long, conflicts_with_all = ["paced_only", "overload", "key_file"])]
    secured: bool,
    /// How often each is measured with --secured
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: u32,
    /// The server's configuration
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// The file with a master key: the index is encrypted at rest
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where files go that are only needed for the run [default: the system's folder for them]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Where the table goes, in Markdown; it is printed besides
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The time in which a crowd comes together.
const CROWD_ARRIVING: Duration = Duration::from_secs(1);

/// What very many stewards together may search for.
const SEARCHES_PER_SECOND: u32 = 20;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let machine = Machine::look(&args.program);
    let folder = match &args.work {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    }
    .context("cannot make a folder for the run")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let table = if args.secured {
        let compared = runtime.block_on(secured::measure(&args, folder.path()))?;
        secured::report(&args, &machine, &compared)?
    } else {
        let figures = runtime.block_on(measure(&args, folder.path()))?;
        report(&args, &machine, &figures)?
    };
    println!("{table}");
    if let Some(out) = &args.out {
        std::fs::write(out, &table).with_context(|| format!("cannot write {}", out.display()))?;
    }
    Ok(())
}

/// The run: every measurement in its order.
async fn measure(args: &Args, folder: &Path) -> anyhow::Result<Figures> {
    let time = Duration::from_secs(args.seconds);
    let mut figures = Figures::default();
    let patients = Patients::generate(&args.program, folder, args.records, args.fresh, args.seed)?;
    let data = folder.join("store");
    figures.load_seconds = load(&args.program, &patients.file, &data, args.key_file.as_deref())?;
    figures.disk_loaded = bytes_of(&data)?;
    settle()?;
    figures.steadiness = Steadiness::look(steadiness::TIME);

    let config = exchange::config(folder, args.config.as_deref(), &patients.sources)?;
    let server = Server::start(&args.program, &data, &config, args.key_file.as_deref())?;
    figures.start_seconds = server.start_seconds;
    figures.memory_started = server.memory()?;
    let way = Way::open(server.address());
    let callers = Callers::connect(&way, args.callers).await?;
    let fhir = Callers::each(args.callers, || Fhir::at(&server.web));
    let mllp = Callers::each(args.callers, || Mllp::at(&server.mllp));
    let patients = Arc::new(patients);
    // The last records are kept for the fixed rates, and half of the others for HL7.
    let paced = 2 * usize::try_from(u64::from(args.rate) * args.seconds)?;
    if !args.paced_only {
        drive_flat_out(args, &mut figures, &callers, (&fhir, &mllp), &patients, paced).await?;
    }
    patients.reserve(paced / 2);
    let driven = at_rate(&callers, calls::register, &patients, args.rate, time).await?;
    figures.add(&format!("registrations, {} a second", args.rate), driven);
    patients.reserve(0);
    let fed = at_rate(&mllp, exchange::feed, &patients, args.rate, time).await?;
    figures.add(&format!("registrations, HL7 over MLLP, {} a second", args.rate), fed);
    figures.memory_after = server.memory()?;
    if args.overload > 0 {
        let crowd = Callers::connect(&way, args.overload).await?;
        let name = format!("registrations, {} callers at once", args.overload);
        let driven = calls::crowd(&crowd, calls::register, &patients, time, CROWD_ARRIVING);
        figures.add(&name, driven.await?);
        drop(crowd);
        let again = at_rate(&callers, calls::matching, &patients, args.rate, time / 3).await?;
        figures.add(&format!("match queries, {} a second, right after", args.rate), again);
        figures.memory_overload = server.memory()?;
    }
    figures.memory_peak = server.memory_peak()?;
    figures.records_after = calls::record_count(&way).await?;
    server.stop()?;
    figures.disk_after = bytes_of(&data)?;
    let server = Server::start(&args.program, &data, &config, args.key_file.as_deref())?;
    figures.restart_seconds = server.start_seconds;
    server.stop()?;
    Ok(figures)
}

/// What so many callers get who call again as soon as they were answered; `paced` records are left over.
async fn drive_flat_out(
    args: &Args,
    figures: &mut Figures,
    callers: &Callers<calls::Client>,
    (fhir, mllp): (&Callers<Fhir>, &Callers<Mllp>),
    patients: &Arc<Patients>,
    paced: usize,
) -> anyhow::Result<()> {
    let time = Duration::from_secs(args.seconds);
    figures.add("lookups of a record", flat_out(callers, calls::lookup, patients, time).await?);
    figures.add("match queries", flat_out(callers, calls::matching, patients, time).await?);
    let matched = flat_out(fhir, exchange::matching, patients, time).await?;
    figures.add("match queries, FHIR `$match`", matched);
    let searched = at_rate(callers, calls::search, patients, SEARCHES_PER_SECOND, time).await?;
    figures.add(&format!("searches, {SEARCHES_PER_SECOND} a second"), searched);
    patients.reserve(paced + patients.fresh_count().saturating_sub(paced) / 2);
    let driven = flat_out(callers, calls::register, patients, time).await?;
    figures.add("registrations, as fast as answered", driven);
    patients.reserve(paced);
    let fed = flat_out(mllp, exchange::feed, patients, time).await?;
    figures.add("registrations, HL7 over MLLP, as fast as answered", fed);
    Ok(())
}

fn report(args: &Args, machine: &Machine, figures: &Figures) -> anyhow::Result<String> {
    let Args { records, fresh, seed, seconds, callers, rate, overload, paced_only, .. } = args;
    let mut text = format!(
        "# A served index of {records} generated records\n\n\
         Server and driver on the same machine, {callers} calls in flight, {seconds} s each; every \
         registration synced before it is answered. Latency at the fixed rate counts from the moment at \
         which a call was due.\n\n\
         | calls | a second | p50 ms | p99 ms | p99.9 ms | slowest ms | answered | refused |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for (name, driven) in &figures.driven {
        writeln!(text, "| {name} | {} |", driven.row())?;
    }
    writeln!(text, "\n| store and process | |\n|---|---|")?;
    for (name, value) in process(figures, *records) {
        writeln!(text, "| {name} | {value} |")?;
    }
    for (name, driven) in &figures.driven {
        if let Some(words) = driven.by_half_seconds() {
            writeln!(text, "\n{name}: {words}.")?;
        }
    }
    writeln!(text, "\n{machine}")?;
    writeln!(text, "- the machine by itself: {}", figures.steadiness)?;
    writeln!(
        text,
        "- data: `empi generate --records {} --seed {seed} --difficulty realistic`, {records} of them \
         loaded, the others registered",
        records + fresh
    )?;
    writeln!(
        text,
        "- command: `target/release/load-driver --records {records} --fresh {fresh} --seed {seed} \
         --seconds {seconds} --callers {callers} --rate {rate} --overload {overload}{}`",
        if *paced_only { " --paced-only" } else { "" }
    )?;
    Ok(text)
}

/// What store and process took, in words.
fn process(figures: &Figures, records: u64) -> [(&'static str, String); 8] {
    let per_record = |bytes: u64, records: u64| bytes / records.max(1);
    let load_rate = records as f64 / figures.load_seconds;
    [
        ("`empi load`", format!("{:.1} s, {load_rate:.0} records/s", figures.load_seconds)),
        ("start to serving, loaded store", format!("{:.2} s", figures.start_seconds)),
        ("start to serving, after the run", format!("{:.2} s", figures.restart_seconds)),
        (
            "memory when serving begins",
            format!(
                "{} MB, {} bytes/record",
                megabytes(figures.memory_started),
                per_record(figures.memory_started, records)
            ),
        ),
        (
            "memory after the run",
            format!(
                "{} MB of {} records, {} MB at most",
                megabytes(figures.memory_after),
                figures.records_after,
                megabytes(figures.memory_peak)
            ),
        ),
        (
            "memory after the crowd",
            match figures.memory_overload {
                0 => "not measured".to_owned(),
                bytes => format!("{} MB", megabytes(bytes)),
            },
        ),
        (
            "disk when loaded",
            format!(
                "{} MB, {} bytes/record",
                megabytes(figures.disk_loaded),
                per_record(figures.disk_loaded, records)
            ),
        ),
        (
            "disk after the run",
            format!(
                "{} MB, {} bytes/record",
                megabytes(figures.disk_after),
                per_record(figures.disk_after, figures.records_after)
            ),
        ),
    ]
}
