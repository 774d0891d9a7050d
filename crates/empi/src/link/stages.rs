//! Stages of long work: how long each took, and a bar with a true remaining time on a terminal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar looks at the work it shows.
const TICK: Duration = Duration::from_millis(200);

/// Seconds per stage, in the order in which stages ran.
#[derive(Debug)]
pub(crate) struct Stages {
    started: Instant,
    seconds: Vec<(&'static str, f64)>,
}

impl Stages {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), seconds: Vec::new() }
    }

    /// Runs one stage and notes how long it took. A stage that runs again adds to its time.
    pub(crate) fn run<T>(&mut self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let before = Instant::now();
        let done = work();
        let seconds = before.elapsed().as_secs_f64();
        match self.seconds.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, sum)) => *sum += seconds,
            None => self.seconds.push((stage, seconds)),
        }
        done
    }

    pub(crate) fn total_seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Seconds by stage, rounded to milliseconds.
    pub(crate) fn to_map(&self) -> BTreeMap<&'static str, f64> {
        let rounded = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
        self.seconds.iter().map(|(name, seconds)| (*name, rounded(*seconds))).collect()
    }

    /// One line for people: `read 1.2 s, block 0.8 s`.
    pub(crate) fn line(&self) -> String {
        let parts = self.seconds.iter().map(|(name, seconds)| format!("{name} {seconds:.1} s"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// A bar over `total` steps. Draws on a terminal only and is silent in a pipe.
pub(crate) fn bar(stage: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = "{msg:8} {wide_bar} {percent:>3} %  {elapsed} gone, {eta} to go";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(stage);
    bar
}

/// Runs `work` while a bar follows `done` up to `total`.
pub(crate) fn with_bar<T>(
    stage: &'static str,
    total: u64,
    done: impl Fn() -> u64 + Sync,
    work: impl FnOnce() -> T,
) -> T {
    let bar = bar(stage, total);
    if bar.is_hidden() {
        return work();
    }
    let (finished, waiting) = std::sync::mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        let (shown, position) = (&bar, &done);
        scope.spawn(move || {
            while waiting.recv_timeout(TICK) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                shown.set_position(position());
            }
        });
        let result = work();
        drop(finished);
        result
    });
    bar.finish_and_clear();
    result
}
