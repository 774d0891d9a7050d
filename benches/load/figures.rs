//! What was measured, and on what.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tonic::Status;

use crate::steadiness::Steadiness;

/// The time by which calls at a fixed rate are told apart.
const HALF_SECOND: Duration = Duration::from_millis(500);

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
    pub(crate) steadiness: Steadiness,
    pub(crate) driven: Vec<(String, Driven)>,
}

impl Figures {
    pub(crate) fn add(&mut self, name: &str, driven: Driven) {
        self.driven.push((name.to_owned(), driven));
    }
}

/// A call at a fixed rate: when it was due, how long it took from then on, and what came of it.
pub(crate) type Paced = (Duration, Duration, Option<Result<(), Status>>);

/// One measurement of calls.
#[derive(Default)]
pub(crate) struct Driven {
    /// Microseconds of each call that was answered.
    latencies: Vec<u64>,
    /// Microseconds of each call that was refused.
    refusals: Vec<u64>,
    /// The latencies of each half second, of calls at a fixed rate.
    halves: Vec<Vec<u64>>,
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

    /// Like [`add`](Self::add), for a call that was due so long after the beginning; nothing for one that was not made.
    pub(crate) fn take(&mut self, (due, latency, outcome): Paced) {
        let Some(outcome) = outcome else { return };
        self.add(latency, &outcome);
        let half = (due.as_millis() / HALF_SECOND.as_millis()) as usize;
        self.halves.resize_with(self.halves.len().max(half + 1), Vec::new);
        if let (Ok(()), Some(half)) = (outcome, self.halves.get_mut(half)) {
            half.extend(self.latencies.last());
        }
    }

    /// In words, how the calls of each half second fared; `None` where they have no times.
    pub(crate) fn by_half_seconds(&self) -> Option<String> {
        let halves = self.halves_p99();
        let (median, worst) = (halves.get(halves.len() / 2)?, halves.last()?);
        Some(format!(
            "p99 of half a second: {median:.2} ms in the median, {worst:.2} ms in the worst"
        ))
    }

    /// The p99 of each half second in milliseconds, the best first.
    fn halves_p99(&self) -> Vec<f64> {
        let p99 = |half: &Vec<u64>| {
            let mut sorted = half.clone();
            sorted.sort_unstable();
            quantile(&sorted, 990)
        };
        let mut halves: Vec<f64> = self.halves.iter().map(p99).collect();
        halves.sort_unstable_by(f64::total_cmp);
        halves
    }

    /// The p99 of the median half second in milliseconds; not a number where calls have no times.
    pub(crate) fn median_half_p99(&self) -> f64 {
        let halves = self.halves_p99();
        halves.get(halves.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Calls answered, a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// Calls answered.
    pub(crate) fn answered(&self) -> usize {
        self.latencies.len()
    }

    /// Calls refused.
    pub(crate) fn refused(&self) -> usize {
        self.refusals.len()
    }

    /// The latency that so many of a thousand calls do not exceed, in milliseconds.
    pub(crate) fn latency(&self, thousandths: usize) -> f64 {
        quantile(&self.latencies, thousandths)
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
        let rate = self.per_second();
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
