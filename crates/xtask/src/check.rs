//! `cargo xtask check`: all that a commit must pass and that takes little time.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tidy;

/// Runs the cheap checks first and stops at the first that fails.
///
/// # Errors
/// Names the step that failed; what was wrong stands above, as the step's own program said it.
pub(crate) fn run(root: &Path) -> Result<()> {
    cargo(root, "fmt --all --check")?;
    eprintln!("tidy");
    tidy::run(root)?;
    crates(root)?;
    cargo(root, "clippy --locked --workspace --all-targets -- -D warnings")?;
    cargo(root, "test --locked --workspace --lib --bins")
}

/// Checks what the program is built of: licences, sources, known faults.
fn crates(root: &Path) -> Result<()> {
    eprintln!("deny");
    let status = Command::new(root.join(".ci/deny"))
        .current_dir(root)
        .status()
        .context(".ci/deny could not be started")?;
    ensure!(status.success(), "`.ci/deny` failed, see above");
    Ok(())
}

/// Runs cargo through `.ci/cargo`, which supplies the prepared RocksDB archive.
fn cargo(root: &Path, arguments: &str) -> Result<()> {
    eprintln!("cargo {arguments}");
    let status = Command::new(root.join(".ci/cargo"))
        .args(arguments.split_whitespace())
        .current_dir(root)
        .status()
        .context(".ci/cargo could not be started")?;
    ensure!(status.success(), "`cargo {arguments}` failed, see above");
    Ok(())
}
