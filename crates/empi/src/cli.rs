//! The command line as a whole: which commands there are.

use std::fmt;

use crate::{
    account, audit, backup, client, export, generate, key, link, relink, serve, store_commands,
    user,
};

/// Enterprise Master Patient Index: decides which patient records are the same human being.
#[derive(clap::Parser)]
#[command(name = "empi", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands. Each line is one module; its `run` does the work.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Link the records of files: which are the same person?
    Link(link::Args),
    /// Link files and put the outcome into a new store that `serve` opens
    Load(link::load::Args),
    /// Fit the linkage model to one's own records; the truth is not needed
    Train(link::train::Args),
    /// Measure linked persons against the truth
    Evaluate(link::evaluate::Args),
    /// Tell why two records are one person, or why not
    Explain(link::explain::Args),
    /// Make US-like patients who never were, with the truth about them
    Generate(generate::Args),
    /// Serve an index over gRPC, and its web pages for data stewards
    Serve(serve::Args),
    /// Add people who may sign in to the web pages
    User(user::Args),
    /// Make and revoke the accounts of programs that call the index
    Account(Box<account::Args>),
    /// Tell who saw or changed what, prove that nothing of it was altered, and export it
    Audit(Box<audit::Args>),
    /// Make, change and use the master key of an index that is encrypted at rest
    Key(key::Args),
    /// Register records with a running server
    Register(Box<client::register::Args>),
    /// Ask a running server which persons a record resembles, without writing
    Match(Box<client::match_record::Args>),
    /// Show a person and its records
    Person(client::person::Args),
    /// Work through the review queue
    Review(client::review::Args),
    /// Find persons by names, birth dates, numbers or enterprise IDs, as people type them
    Search(client::search::Args),
    /// Link, unlink, merge, split, move and keep apart by hand, and undo any event
    Steward(Box<client::steward::Args>),
    /// State an emergency to see somebody who is not to be shared, and look at those that were stated
    Emergency(client::emergency::Args),
    /// Tell what changed, from any event on, and what changes from now on
    Events(client::events::Args),
    /// Take a record out of use that its source withdrew or merged
    Retire(client::retire::Args),
    /// Check an index, also one that a server has open: every row against every other
    Verify(store_commands::VerifyArgs),
    /// Make anew what an index derives from its records: keys, lists and counters
    Rebuild(store_commands::RebuildArgs),
    /// Link all records of an index anew and bring its persons into line
    Relink(relink::Args),
    /// Copy an index, also one that a server has open
    Backup(backup::BackupArgs),
    /// Make an index of a backup, and verify it
    Restore(backup::RestoreArgs),
    /// Write the persons of an index as FHIR Patients, one on each line
    Export(export::Args),
    /// Count what a store holds that no server has open
    Stats(store_commands::StatsArgs),
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Link(args) => link::run(&args),
            Self::Load(args) => link::load::run(&args),
            Self::Train(args) => link::train::run(&args),
            Self::Evaluate(args) => link::evaluate::run(&args),
            Self::Explain(args) => link::explain::run(&args),
            Self::Generate(args) => generate::run(args),
            Self::Serve(args) => serve::run(&args),
            Self::User(args) => user::run(&args),
            Self::Account(args) => account::run(&args),
            Self::Audit(args) => audit::run(&args),
            Self::Key(args) => key::run(&args),
            Self::Register(args) => client::register::run(*args),
            Self::Match(args) => client::match_record::run(*args),
            Self::Person(args) => client::person::run(args),
            Self::Search(args) => client::search::run(&args),
            Self::Review(args) => client::review::run(args),
            Self::Steward(args) => client::steward::run(*args),
            Self::Emergency(args) => client::emergency::run(args),
            Self::Events(args) => client::events::run(&args),
            Self::Retire(args) => client::retire::run(args),
            Self::Verify(args) => store_commands::verify(&args),
            Self::Rebuild(args) => store_commands::rebuild(&args),
            Self::Relink(args) => relink::run(&args),
            Self::Backup(args) => backup::backup(&args),
            Self::Restore(args) => backup::restore(&args),
            Self::Export(args) => export::run(&args),
            Self::Stats(args) => store_commands::stats(&args),
        }
    }
}

/// Wrong usage that only shows when the arguments are looked at together. Exit code 2.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl UsageError {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
