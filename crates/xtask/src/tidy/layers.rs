//! Who may lean on whom: the arrows of ARCHITECTURE.md, read from `cargo metadata`.

use std::path::Path;

use anyhow::Result;
use cargo_metadata::MetadataCommand;

use super::Failure;

/// What one crate of the workspace may use of the others, in any kind of dependency.
struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
}

/// The table is complete: a crate without a line fails, so that a new one finds its place on purpose.
const LAYERS: [Layer; 11] = [
    Layer { name: "empi-model", uses: &[] },
    Layer { name: "empi-linkage", uses: &["empi-model"] },
    Layer { name: "empi-store", uses: &["empi-model"] },
    Layer { name: "empi-formats", uses: &["empi-model"] },
    Layer { name: "empi-registry", uses: &["empi-linkage", "empi-model", "empi-store"] },
    Layer { name: "empi-proto", uses: &[] },
    Layer {
        name: "empi-server",
        uses: &["empi-formats", "empi-model", "empi-proto", "empi-registry"],
    },
    Layer {
        name: "empi",
        uses: &[
            "empi-formats",
            "empi-linkage",
            "empi-model",
            "empi-proto",
            "empi-registry",
            "empi-server",
        ],
    },
    // The integration tests drive the program from outside and compare it with the rooms they name;
    // the benches measure stages, so both may look into any room but never build a new one.
    Layer { name: "empi-tests", uses: ROOMS },
    Layer { name: "empi-benches", uses: ROOMS },
    Layer { name: "xtask", uses: &[] },
];

const ROOMS: &[&str] = &[
    "empi",
    "empi-formats",
    "empi-linkage",
    "empi-model",
    "empi-proto",
    "empi-registry",
    "empi-server",
    "empi-store",
];

/// A library that only some crates may use.
struct Reserved {
    library: &'static str,
    allowed: &'static [&'static str],
    reason: &'static str,
}

const EDGE: &[&str] = &["empi-proto", "empi-server", "empi", "empi-tests", "empi-benches"];

const RESERVED: [Reserved; 7] = [
    Reserved {
        library: "rocksdb",
        allowed: &["empi-store"],
        reason: "go through the store's snapshot and commit",
    },
    Reserved {
        library: "librocksdb-sys",
        allowed: &["empi-store"],
        reason: "go through the store's snapshot and commit",
    },
    Reserved { library: "tokio", allowed: EDGE, reason: NO_RUNTIME },
    Reserved { library: "tonic", allowed: EDGE, reason: NO_RUNTIME },
    Reserved { library: "axum", allowed: EDGE, reason: NO_RUNTIME },
    Reserved { library: "hyper", allowed: EDGE, reason: NO_RUNTIME },
    Reserved { library: "tower", allowed: EDGE, reason: NO_RUNTIME },
];

const NO_RUNTIME: &str = "the core knows no async runtime and no network: keep that in empi-server";

/// A crate of the workspace and everything its manifest names, for whatever purpose.
#[derive(Debug)]
pub(super) struct Package {
    name: String,
    dependencies: Vec<String>,
}

/// The crates of the workspace, without a look at the network.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata =
        MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    Ok(metadata
        .packages
        .into_iter()
        .map(|package| Package {
            name: package.name.to_string(),
            dependencies: package.dependencies.into_iter().map(|named| named.name).collect(),
        })
        .collect())
}

pub(super) fn failures(packages: &[Package]) -> Vec<Failure> {
    let mut failures = Vec::new();
    for Package { name, dependencies } in packages {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            let advice = "give the new crate a line in LAYERS of crates/xtask/src/tidy/layers.rs \
                          and a section in ARCHITECTURE.md";
            failures.push(Failure::of(name, advice));
            continue;
        };
        for dependency in dependencies {
            let internal = packages.iter().any(|package| package.name == *dependency);
            if internal && !layer.uses.contains(&dependency.as_str()) {
                let advice = format!(
                    "must not depend on {dependency}: move what it needs to a crate below both, or \
                     turn the call round"
                );
                failures.push(Failure::of(name, advice));
            }
            failures.extend(reserved_failure(name, dependency));
        }
    }
    failures
}

/// `tonic-health` and the like are reserved with `tonic`.
fn reserved_failure(name: &str, dependency: &str) -> Option<Failure> {
    let reserved = RESERVED.iter().find(|reserved| {
        dependency
            .strip_prefix(reserved.library)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })?;
    (!reserved.allowed.contains(&name))
        .then(|| Failure::of(name, format!("must not depend on {dependency}: {}", reserved.reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn only_the_arrows_of_the_architecture_are_allowed() {
        for (name, dependency, allowed) in [
            ("empi-linkage", "empi-model", true),
            ("empi-linkage", "empi-store", false),
            ("empi-store", "empi-linkage", false),
            ("empi-formats", "empi-linkage", false),
            ("empi-model", "empi-linkage", false),
            ("empi-registry", "empi-store", true),
            ("empi-registry", "empi-formats", false),
            ("empi-server", "empi-registry", true),
            ("empi-server", "empi-store", false),
            ("empi", "empi-linkage", true),
            ("empi", "empi-store", false),
            ("empi-server", "empi", false),
            ("empi-tests", "empi-store", true),
            ("empi", "empi-tests", false),
            ("xtask", "empi-model", false),
            ("empi-linkage", "rayon", true),
            ("empi-registry", "tokio", false),
            ("empi-store", "tonic-prost", false),
            ("empi-model", "axum", false),
            ("empi-server", "tonic-health", true),
            ("empi-store", "rocksdb", true),
            ("empi-registry", "rocksdb", false),
            ("empi-formats", "tokio-stream", false),
            ("empi-formats", "towers", true),
        ] {
            let mut packages = vec![package(name, &[dependency])];
            if name != dependency {
                packages.push(package(dependency, &[]));
            }
            // A library of the outside world is no member of the workspace.
            packages.retain(|package| LAYERS.iter().any(|layer| layer.name == package.name));
            assert_eq!(failures(&packages).is_empty(), allowed, "{name} -> {dependency}");
        }
    }

    #[test]
    fn a_new_crate_must_find_its_place() {
        let failures = failures(&[package("empi-extra", &[])]);
        assert_eq!(failures.len(), 1);
        assert!(failures[0].advice.contains("LAYERS"));
    }

    #[test]
    fn the_table_names_no_crate_twice_and_only_crates_it_knows() {
        for (position, layer) in LAYERS.iter().enumerate() {
            assert!(LAYERS[..position].iter().all(|earlier| earlier.name != layer.name));
            for used in layer.uses {
                assert!(LAYERS.iter().any(|known| known.name == *used), "{used}");
            }
        }
    }
}
