//! `empi`: the one binary. Each command is a module with its `Args` and its `run`; `cli.rs` lists them.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage. Errors are one sentence on stderr.

mod account;
mod audit;
mod backup;
mod cli;
mod client;
mod clock;
mod export;
mod generate;
mod guarded;
mod key;
mod link;
mod log;
mod master_key;
mod output;
mod relink;
mod serve;
mod store_commands;
mod user;

use std::process::ExitCode;

use clap::Parser as _;

/// RocksDB and Rust share one allocator that gives memory back and does not fragment under many
/// threads.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    if let Err(error) = guarded::forbid_core_dumps() {
        eprintln!("empi: {error:#}");
        return ExitCode::FAILURE;
    }
    match cli::Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough, as in `empi review list | head`.
        Err(error) if error.is::<output::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("empi: {error:#}");
            ExitCode::from(if error.is::<cli::UsageError>() { 2 } else { 1 })
        }
    }
}
