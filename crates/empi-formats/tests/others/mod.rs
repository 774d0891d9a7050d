//! Messages and resources of other products. None is committed: they are looked for in the folder that
//! `EMPI_THIRD_PARTY_DATA` names, else in `shared/data` beside the repository.

use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("EMPI_THIRD_PARTY_DATA").map_or_else(beside, PathBuf::from).join("interop")
}

/// Every file of a kind (`hl7v2`, `fhir`), sorted, by its path; none, and a word about it, where they are missing.
pub fn files(kind: &str) -> Vec<(String, Vec<u8>)> {
    let root = folder();
    if !root.join(kind).is_dir() {
        eprintln!("skipped: {} is not here", root.join(kind).display());
        return Vec::new();
    }
    let mut files = Vec::new();
    let mut folders = vec![root.join(kind)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                files.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 5);
    files
}
