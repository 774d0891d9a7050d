//! What was measured, and on what.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tonic::Status;

/// Everything that a run measures.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) load_seconds: f64,
    pub(crate) start_seconds: f64,
    pub(crate) restart_seconds: f64,
    pub(crate) memory_started: u64,
    pub(crate) memory_after: u64,
    pub(crate) memory_peak: u64,
    pub(crate) memory_overload: u64,
    pub(crate) disk_loaded: u64,
    pub(crate) disk_after: u64,
    pub(crate) records_after: u64,
    pub(crate) driven: Vec<(String, Driven)>,
}

impl Figures {
    pub(crate) fn add(&mut self, name: &str, driven: Driven) {
        self.driven.push((name.to_owned(), driven));
    }
}

/// One measurement of calls.
#[derive(Default)]
pub(crate) struct Driven {
    /// Microseconds of each call that was answered.
    latencies: Vec<u64>,
    /// Microseconds of each call that was refused.
    refusals: Vec<u64>,
    time: Duration,
}

impl Driven {
    pub(crate) fn add(&mut self, latency: Duration, outcome: &Result<(), Status>) {
        let latency = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(()) => self.latencies.push(latency),
            Err(_) => self.refusals.push(latency),
        }
    }

    /// Like [`add`](Self::add); nothing for a call that was not made.
    pub(crate) fn take(&mut self, (latency, outcome): (Duration, Option<Result<(), Status>>)) {
        if let Some(outcome) = outcome {
            self.add(latency, &outcome);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.refusals.extend(other.refusals);
    }

    /// Completes the measurement.
    pub(crate) fn over(mut self, time: Duration) -> Self {
        self.latencies.sort_unstable();
        self.refusals.sort_unstable();
        Self { time, ..self }
    }

    /// The cells of the table, without the outer bars.
    pub(crate) fn row(&self) -> String {
        let answered = self.latencies.len();
        let rate = answered as f64 / self.time.as_secs_f64();
        let [median, p99, p999, slowest] =
            [500, 990, 999, 1000].map(|it| quantile(&self.latencies, it));
        let refused = match self.refusals.len() {
            0 => "0".to_owned(),
            count => format!("{count}, p99 {:.2} ms", quantile(&self.refusals, 990)),
        };
        format!(
            "{rate:.0} | {median:.2} | {p99:.2} | {p999:.2} | {slowest:.1} | {answered} | {refused}"
        )
    }
}

/// The latency that so many of a thousand calls do not exceed, in milliseconds.
fn quantile(sorted: &[u64], thousandths: usize) -> f64 {
    let at = (sorted.len() * thousandths / 1000).min(sorted.len().max(1) - 1);
    sorted.get(at).map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
}

/// Where and when it was measured.
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    load_before: String,
    commit: String,
    date: String,
    version: String,
}

impl Machine {
    pub(crate) fn look(program: &Path) -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let processor =
            model.unwrap_or("an unknown processor").trim_start_matches([' ', '\t', ':']);
        Self {
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            load_before: load_average(),
            commit: said("git", &["rev-parse", "--short=12", "HEAD"]),
            date: said("date", &["+%Y-%m-%d %H:%M:%S %z"]),
            version: said(&program.to_string_lossy(), &["--version"]),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, load_before, commit, date, version } = self;
        writeln!(
            formatter,
            "- machine: {processor}, {cores} cores; load average {load_before} before, {} at the end",
            load_average()
        )?;
        write!(formatter, "- commit: {commit}, {version}, {date}")
    }
}

/// The load of the last minute: what others did on the machine shows before a run.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let bytes = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Bytes as whole megabytes.
pub(crate) const fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}
