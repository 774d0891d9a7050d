//! Building and running the program under test.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Names a program to test instead, for example the one that is about to be released.
const PROGRAM_VARIABLE: &str = "EMPI_TEST_PROGRAM";

/// The `empi` program, built once per test process in the profile and target directory of the test
/// itself, so that it is never an old one.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| match std::env::var_os(PROGRAM_VARIABLE) {
        Some(program) => Some(PathBuf::from(program)),
        None => build(),
    });
    binary.as_deref().expect("the program under test can be built: see cargo's words above")
}

fn build() -> Option<PathBuf> {
    // target/<profile>/deps/integration-<hash>
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile_folder = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let target_folder = profile_folder.parent().expect("the profile lies in the target folder");
    let profile = profile_folder.file_name().and_then(OsStr::to_str).expect("a profile has a name");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(["--profile", if profile == "debug" { "dev" } else { profile }])
        .arg("--target-dir")
        .arg(target_folder)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    let executable = executable_of(&output.stdout, "empi");
    executable.filter(|_| output.status.success())
}

/// Finds a program among cargo's messages.
fn executable_of(messages: &[u8], name: &str) -> Option<PathBuf> {
    let messages = String::from_utf8_lossy(messages);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    built
        .filter(|message| message["target"]["name"] == name)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

/// A run of the program that has ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed as its answer.
    pub stdout: String,
    /// What it said to people, or its log.
    pub stderr: String,
}

/// Runs `empi` with arguments to its end.
#[must_use]
pub fn empi(arguments: &[&str]) -> Run {
    Run::of(Command::new(binary()).args(arguments).stdin(Stdio::null()).output())
}

/// Runs `empi` with something to read on its standard input.
#[must_use]
pub fn empi_fed(arguments: &[&str], input: &str) -> Run {
    let (reader, mut writer) = std::io::pipe().expect("the system has pipes");
    writer.write_all(input.as_bytes()).expect("a pipe takes a few lines");
    drop(writer);
    Run::of(Command::new(binary()).args(arguments).stdin(reader).output())
}

/// Runs `empi` in a folder, so that it can be given names without a path.
#[must_use]
pub fn empi_in(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(binary());
    Run::of(command.args(arguments).current_dir(folder).stdin(Stdio::null()).output())
}

/// Runs `empi` with a stdout that nobody reads any more, as after `| head` has seen enough.
#[must_use]
pub fn empi_unheard(arguments: &[&str]) -> Run {
    let (reader, writer) = std::io::pipe().expect("the system has pipes");
    drop(reader);
    let mut command = Command::new(binary());
    Run::of(command.args(arguments).stdin(Stdio::null()).stdout(writer).output())
}

/// Starts `empi` with arguments and leaves it running, to be killed. What it prints is dropped.
#[must_use]
pub fn start_empi(arguments: &[&str]) -> Child {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("empi starts")
}

impl Run {
    fn of(output: std::io::Result<Output>) -> Self {
        let Output { status, stdout, stderr } = output.expect("empi starts");
        Self {
            code: status.code(),
            stdout: String::from_utf8(stdout).expect("empi prints UTF-8"),
            stderr: String::from_utf8(stderr).expect("empi prints UTF-8"),
        }
    }

    /// The answer of a run that must have succeeded.
    #[must_use]
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// A run that must have failed with this code, with one sentence that has all these words in it,
    /// and without a trace of a panic.
    #[track_caller]
    pub fn failed(&self, code: i32, words: &[&str]) {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(self.code, Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is not in:\n{stderr}");
        }
        for trace in ["panicked", "RUST_BACKTRACE", "unwrap", "src/"] {
            assert!(!stderr.contains(trace), "`{trace}` is in:\n{stderr}");
        }
        for line in stderr.lines() {
            assert!(line.matches("(os error").count() < 2, "said twice:\n{stderr}");
        }
    }

    /// What was printed, as one JSON value per line.
    #[must_use]
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("each line is one JSON value");
        self.stdout.lines().map(parse).collect()
    }

    /// What was printed, as one line with one JSON value.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        let lines = self.json_lines();
        assert_eq!(lines.len(), 1, "not one line:\n{}", self.stdout);
        lines.into_iter().next().unwrap_or_default()
    }
}
