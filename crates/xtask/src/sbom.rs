//! `cargo xtask sbom`: what the program is built of, as a bill of materials in the form of CycloneDX 1.5 (JSON).
//!
//! The crates are those that the one binary is built of on this platform, without what only tests and builds need; each with
//! its version, licence, package URL, the checksum of `Cargo.lock`, and what it depends on itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

/// The crate that everything hangs on.
const PROGRAM: &str = "empi";

/// Where the bill goes, below the folder of the workspace.
const FOLDER: &str = "target";
pub(crate) const PLACE: &str = "target/empi.cdx.json";

/// Writes the bill.
///
/// # Errors
/// When cargo cannot be asked, or the file not be written.
pub(crate) fn run(root: &Path) -> Result<()> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        // In a fresh clone it fetches what is not there yet.
        .other_options(["--locked", "--filter-platform", PLATFORM].map(str::to_owned))
        .exec()
        .context("cargo metadata failed")?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("no Cargo.lock")?;
    let bill = bill(&metadata, &checksums(&lock))?;
    let place = root.join(PLACE);
    std::fs::create_dir_all(root.join(FOLDER))?;
    std::fs::write(&place, serde_json::to_string_pretty(&bill)? + "\n")?;
    let count = bill["components"].as_array().map_or(0, Vec::len);
    eprintln!("{PLACE}: {count} components");
    Ok(())
}

/// The platform that releases are made for.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// The bill of what the program is built of.
pub(crate) fn bill(
    metadata: &Metadata,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<Value> {
    let packages: BTreeMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let resolve = metadata.resolve.as_ref().context("cargo resolved nothing")?;
    let mut needed: BTreeMap<&PackageId, BTreeSet<&PackageId>> = BTreeMap::new();
    for node in &resolve.nodes {
        let is_built_in = |dep: &&cargo_metadata::NodeDep| {
            dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        let deps = node.deps.iter().filter(is_built_in).map(|dep| &dep.pkg);
        needed.insert(&node.id, deps.collect());
    }
    let program = metadata.packages.iter().find(|package| package.name.as_str() == PROGRAM);
    let program = program.context("there is no program")?;
    let mut found = BTreeSet::from([&program.id]);
    let mut ahead = vec![&program.id];
    while let Some(id) = ahead.pop() {
        let further = needed.get(id).into_iter().flatten().copied();
        ahead.extend(further.filter(|dep| found.insert(dep)));
    }
    let built: Vec<&Package> = found.iter().filter_map(|id| packages.get(*id).copied()).collect();
    let components = built.iter().filter(|it| it.id != program.id);
    let dependencies = built.iter().map(|package| {
        let on = needed.get(&package.id).into_iter().flatten();
        let on: BTreeSet<String> =
            on.filter_map(|id| packages.get(*id)).map(|package| reference(package)).collect();
        json!({ "ref": reference(package), "dependsOn": on })
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(program, checksums, "application") },
        "components":
            components.map(|it| component(it, checksums, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

fn component(
    package: &Package,
    checksums: &BTreeMap<(String, String), String>,
    kind: &str,
) -> Value {
    let (name, version) = (package.name.to_string(), package.version.to_string());
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "name": name,
        "version": version,
        "purl": reference(package),
    });
    if let Some(licence) = &package.license {
        // Some crates still write the slash of old.
        component["licenses"] =
            json!([{ "expression": licence.replace(" / ", " OR ").replace('/', " OR ") }]);
    }
    if let Some(checksum) = checksums.get(&(name, version)) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// The checksum of each crate by name and version, as `Cargo.lock` has them.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    let (mut name, mut version) = (String::new(), String::new());
    let value = |line: &str, key: &str| {
        let value = line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?;
        Some(value.to_owned())
    };
    for line in lock.lines() {
        if let Some(said) = value(line, "name") {
            name = said;
        } else if let Some(said) = value(line, "version") {
            version = said;
        } else if let Some(said) = value(line, "checksum") {
            found.insert((name.clone(), version.clone()), said);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_of_the_bill_is_named_with_licence_and_checksum() {
        let root = crate::workspace_root().unwrap();
        let metadata = MetadataCommand::new()
            .current_dir(root)
            .other_options(["--locked", "--offline"].map(str::to_owned))
            .exec()
            .unwrap();
        let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
        let bill = bill(&metadata, &checksums(&lock)).unwrap();
        let components = bill["components"].as_array().unwrap();
        let named = |name: &str| components.iter().any(|it| it["name"] == name);
        assert!(named("tonic") && named("rocksdb") && named("empi-linkage"));
        assert!(!named("proptest") && !named("xtask"), "what only tests need is not built in");
        for component in components {
            let name = component["name"].as_str().unwrap();
            assert!(component["licenses"][0]["expression"].is_string(), "{name} has no licence");
            let is_ours = name.starts_with("empi");
            assert_eq!(component["hashes"][0]["content"].is_string(), !is_ours, "{name}");
        }
        // Whatever is depended on is in the bill.
        let references: BTreeSet<&str> = bill["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["ref"].as_str().unwrap())
            .collect();
        for dependency in bill["dependencies"].as_array().unwrap() {
            for on in dependency["dependsOn"].as_array().unwrap() {
                assert!(references.contains(on.as_str().unwrap()), "{on}");
            }
        }
    }
}
