//! The project's own automation: `cargo xtask` lists the commands.
//!
//! Whatever a person would otherwise have to remember before a commit is a command here, so that it
//! is the same on every machine.

mod check;
mod sbom;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

/// One command: its name, what it does in a few words, and the function that does it.
struct Command {
    name: &'static str,
    summary: &'static str,
    run: fn(&Path) -> Result<()>,
}

const COMMANDS: [Command; 3] = [
    Command {
        name: "check",
        summary: "before a commit: format, lints, house rules, crates, fast tests",
        run: check::run,
    },
    Command {
        name: "sbom",
        summary: "what the program is built of, as a CycloneDX bill of materials",
        run: sbom::run,
    },
    Command {
        name: "tidy",
        summary: "the house rules: layers, headers, lengths, machine paths, paths and links in papers",
        run: tidy::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match arguments.as_slice() {
        [] => None,
        [name] => COMMANDS.iter().find(|command| command.name == name),
        _ => None,
    };
    let Some(command) = command else {
        eprintln!("usage: cargo xtask COMMAND\n");
        for Command { name, summary, .. } in &COMMANDS {
            eprintln!("  {name:<8}{summary}");
        }
        // Asking what there is to do is no mistake; asking for what is not there is wrong usage.
        return if arguments.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match workspace_root().and_then(command.run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {}: {error:#}", command.name);
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace, two above this crate.
fn workspace_root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("xtask has left its folder")
}
