//! What the benches share: where the data are.

use std::path::PathBuf;

/// A file of the repository's labelled sets.
#[must_use]
pub fn dataset(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../datasets").join(name)
}
