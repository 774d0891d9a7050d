//! Compiles the contract in `proto/empi/v1` with protox, so that nobody has to install protoc.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;

/// The files of the contract, relative to `proto/`.
const FILES: [&str; 10] = [
    "empi/v1/types.proto",
    "empi/v1/registry.proto",
    "empi/v1/review.proto",
    "empi/v1/steward.proto",
    "empi/v1/events.proto",
    "empi/v1/admin.proto",
    "empi/v1/accounts.proto",
    "empi/v1/audit.proto",
    "empi/v1/emergency.proto",
    "empi/v1/oversight.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    // Asked when it runs: a checkout that was moved is compiled from where it is now.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?;
    let root = Path::new(&here).join("../../proto");
    for file in FILES {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
    }
    let descriptors = protox::compile(FILES, [&root])?;
    let output = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(output.join("empi_v1_descriptor.bin"), descriptors.encode_to_vec())?;
    // No derived `Debug`: messages carry patient data and must not print themselves. Enums may.
    tonic_prost_build::configure()
        .skip_debug(["."])
        .enum_attribute(".", "#[derive(Debug)]")
        .compile_fds(descriptors)?;
    Ok(())
}
