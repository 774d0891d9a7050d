//! Clients that others have written, in Python: what `.ci/setup tests` installed for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skipped;

/// Python with the libraries of `tests/clients/requirements.txt`, about to run a program beside it; where they are
/// not installed, or in other versions, a word about how to install them.
#[must_use]
pub fn client_of_others(program: &str) -> Option<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let wanted = std::fs::read(folder.join("requirements.txt")).expect("the list is committed");
    let installed = cache().map(|cache| cache.join("clients"));
    let installed = installed
        .filter(|it| std::fs::read(it.join("requirements.txt")).is_ok_and(|has| has == wanted));
    let Some(installed) = installed else {
        skipped("the clients of others are not installed: `.ci/setup tests` does it");
        return None;
    };
    let mut python = Command::new(installed.join("bin").join("python"));
    python.arg(folder.join(program));
    Some(python)
}

/// Where `.ci/setup` keeps what belongs to no checkout.
fn cache() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|it| PathBuf::from(it).join(".cache").join("empi"));
    std::env::var_os("EMPI_CACHE").map(PathBuf::from).or_else(home)
}
