//! Rules for the tree of files: few entries at the top, no big files, no drawers.

use std::collections::BTreeSet;

use super::Failure;
use super::checkout::Checkout;

/// The largest file that belongs into a repository: a mebibyte.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Top-level folders, apart from those that begin with a dot.
const FOLDERS: [&str; 5] = ["benches", "crates", "datasets", "proto", "tests"];

/// Top-level files, apart from those that begin with a dot.
const FILES: [&str; 14] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "DECISIONS.md",
    "INTERFACES.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Names that say nothing about what is inside.
const DRAWERS: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

pub(super) fn failures(checkout: &Checkout) -> Vec<Failure> {
    let mut failures = top_level_failures(checkout);
    for (path, file) in checkout.files() {
        if file.bytes > FILE_BYTES_MAX {
            let advice = format!(
                "{} bytes, at most {FILE_BYTES_MAX}: make it from a seed, or fetch it, when needed",
                file.bytes
            );
            failures.push(Failure::of(path, advice));
        }
        let mut parts = path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        if path.ends_with(".rs") && parts.any(|part| DRAWERS.contains(&part)) {
            failures.push(Failure::of(path, "name the module after what it knows"));
        }
    }
    failures
}

fn top_level_failures(checkout: &Checkout) -> Vec<Failure> {
    let entries: BTreeSet<(&str, bool)> = checkout
        .files()
        .map(|(path, _)| path.split_once('/').map_or((path, false), |(folder, _)| (folder, true)))
        .collect();
    entries
        .into_iter()
        .filter(|(name, is_folder)| {
            let known = if *is_folder { FOLDERS.as_slice() } else { FILES.as_slice() };
            !name.starts_with('.') && !known.contains(name)
        })
        .map(|(name, _)| {
            let advice = "does not belong to the top level: move it into one of the folders there, \
                          or name it in .gitignore if it is made by a command";
            Failure::of(name, advice)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_level_stays_small() {
        for (path, good) in [
            ("README.md", true),
            ("crates/empi/src/main.rs", true),
            (".ci/run", true),
            (".gitignore", true),
            ("notes.md", false),
            ("scripts/run.sh", false),
            ("proto", false),
            ("LICENSE/text", false),
        ] {
            assert_eq!(failures(&Checkout::of(&[(path, "")])).is_empty(), good, "{path}");
        }
    }

    #[test]
    fn no_file_is_larger_than_a_mebibyte() {
        for (bytes, good) in [(FILE_BYTES_MAX, true), (FILE_BYTES_MAX + 1, false)] {
            let checkout = Checkout::of(&[("datasets/a.csv", &"x".repeat(bytes))]);
            assert_eq!(failures(&checkout).is_empty(), good, "{bytes}");
        }
    }

    #[test]
    fn no_module_is_a_drawer() {
        for (path, good) in [
            ("crates/empi/src/utils.rs", false),
            ("crates/empi/src/common/names.rs", false),
            ("crates/empi/src/names.rs", true),
            ("crates/empi/src/common.toml", true),
        ] {
            assert_eq!(failures(&Checkout::of(&[(path, "")])).is_empty(), good, "{path}");
        }
    }
}
