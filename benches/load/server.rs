//! The server under measurement: loaded, started, looked at, stopped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// What the server prints, before the address, when it answers calls.
const READY: &str = "serving gRPC on ";

/// The same of web pages with FHIR, and of HL7 version 2, each on a line of its own.
const WEB: &str = "serving web pages on http://";
const MLLP: &str = "serving HL7 v2 over MLLP on ";

/// What Linux counts the time of processes in (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A server process. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    address: String,
    pub(crate) web: String,
    pub(crate) mllp: String,
    pub(crate) start_seconds: f64,
}

/// Loads a file into a store; gives the seconds that it took.
pub(crate) fn load(
    program: &Path,
    file: &Path,
    data: &Path,
    key: Option<&Path>,
) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut command = Command::new(program);
    let loaded = command.arg("load").arg(file).arg("--data").arg(data).args(named(key)).output()?;
    let words = String::from_utf8_lossy(&loaded.stderr);
    ensure!(loaded.status.success(), "`empi load` failed: {words}");
    Ok(started.elapsed().as_secs_f64())
}

/// The key of an index that is encrypted, as an argument.
fn named(key: Option<&Path>) -> impl Iterator<Item = &Path> {
    key.into_iter().flat_map(|key| [Path::new("--key-file"), key])
}

/// Waits until all that was written so far is on disk, so that the system does not write it during a measurement.
pub(crate) fn settle() -> anyhow::Result<()> {
    ensure!(Command::new("sync").status()?.success(), "`sync` failed");
    Ok(())
}

/// Bytes of all files below a directory.
pub(crate) fn bytes_of(dir: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { bytes_of(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}

impl Server {
    /// Starts a server with every interface on free ports, and waits until it says that it serves.
    pub(crate) fn start(
        program: &Path,
        data: &Path,
        config: &Path,
        key: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let interfaces = ["--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"];
        let (mut server, mut lines) = Self::spawn(program, data, config, key, &interfaces)?;
        (server.web, server.mllp) =
            (address_after(&mut lines, WEB)?, address_after(&mut lines, MLLP)?);
        Ok(server)
    }

    /// Starts a server for gRPC alone.
    pub(crate) fn start_grpc(
        program: &Path,
        data: &Path,
        config: &Path,
        key: Option<&Path>,
    ) -> anyhow::Result<Self> {
        Ok(Self::spawn(program, data, config, key, &["--no-http"])?.0)
    }

    /// Starts it, and reads what it prints as far as its address of gRPC.
    fn spawn(
        program: &Path,
        data: &Path,
        config: &Path,
        key: Option<&Path>,
        interfaces: &[&str],
    ) -> anyhow::Result<(Self, BufReader<ChildStdout>)> {
        let started = Instant::now();
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--grpc", "127.0.0.1:0"])
            .args(interfaces)
            .args([Path::new("--config"), config])
            .args(named(key))
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let (web, mllp) = (String::new(), String::new());
        let address = address_after(&mut lines, READY)?;
        let start_seconds = started.elapsed().as_secs_f64();
        Ok((Self { child, address, web, mllp, start_seconds }, lines))
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Bytes of memory that it has now.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// Bytes of memory that it had at most.
    pub(crate) fn memory_peak(&self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    /// Time of all cores that it took so far.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(&self.child.id().to_string())
    }

    fn status(&self, name: &str) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes: u64 =
            line.and_then(|rest| rest.split_whitespace().next()).unwrap_or("0").parse()?;
        Ok(kilobytes * 1024)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(sent.success() && self.child.wait()?.success(), "the server did not stop well");
        Ok(())
    }
}

/// The address behind these words on the next line.
fn address_after(lines: &mut BufReader<ChildStdout>, words: &str) -> anyhow::Result<String> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let address = line.trim_end().strip_prefix(words).map(str::to_owned);
    address.context("the server did not start")
}

/// Time of all cores that a process took so far, in its own code and in the system's for it: by its number, or `self`.
pub(crate) fn processor_time(process: &str) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold blanks; behind it the two are the twelfth and thirteenth (proc(5)).
    let (_, behind) = text.rsplit_once(')').context("no such process")?;
    let ticks = behind.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
