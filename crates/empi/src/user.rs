//! `empi user`: the people who may sign in to the web pages of an index that no server has open. The first
//! administrator is made here; further users on the pages themselves.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use anyhow::Context as _;
use empi_linkage::LinkageModel;
use empi_model::{Actor, ActorKind, PasswordHash, Role, UserName};
use empi_registry::{Clock as _, DataDir, UserChange, change_user_offline, users_offline};
use empi_server::{hash_password, random_password};

use crate::clock::SystemClock;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

/// Longest password that is read, with its line ending.
const PASSWORD_LINE_BYTES_MAX: u64 = 2048;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: UserCommand,
    #[command(flatten)]
    key: MasterKeyArgs,
}

#[derive(clap::Subcommand)]
enum UserCommand {
    /// Add somebody who may sign in
    Add(AddArgs),
    /// Give somebody a new password for one time
    Reset(ResetArgs),
    /// List who may sign in
    List(ListArgs),
}

#[derive(clap::Args)]
struct AddArgs {
    /// The name to sign in with
    name: UserName,
    /// What they are there for: registrar, steward, lead-steward, auditor or administrator
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    target: Target,
}

#[derive(clap::Args)]
struct ResetArgs {
    /// The name they sign in with
    name: UserName,
    #[command(flatten)]
    target: Target,
}

#[derive(clap::Args)]
struct Target {
    /// The directory of the index, which no server has open; made for the first user when it does not exist
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Make a password at random and print it; without it, one is asked for, or read from standard input
    #[arg(long)]
    random_password: bool,
}

#[derive(clap::Args)]
struct ListArgs {
    /// The directory of the index, which no server has open
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

fn role(name: &str) -> Result<Role, String> {
    let role = Role::from_name(name).filter(|role| role.is_of_people());
    role.ok_or_else(|| {
        let names = Role::PEOPLE.map(Role::as_str).join(", ");
        format!("choose one of {names}")
    })
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let key = &args.key;
    match &args.command {
        UserCommand::Add(args) => {
            let (password, shown) = password(args.target.random_password)?;
            change(
                &key.at(&args.target.data)?,
                &args.name,
                UserChange::Add { role: args.role, password },
            )?;
            told(&args.name, "was added", shown)
        }
        UserCommand::Reset(args) => {
            let (password, shown) = password(args.target.random_password)?;
            change(&key.at(&args.target.data)?, &args.name, UserChange::ResetPassword(password))?;
            told(&args.name, "has a new password", shown)
        }
        UserCommand::List(args) => list(&key.at(&args.data)?),
    }
}

fn change(data: &DataDir, name: &UserName, change: UserChange) -> anyhow::Result<()> {
    let actor = Actor { kind: ActorKind::System, name: "command line".to_owned() };
    let model = LinkageModel::us_default()?;
    change_user_offline(data, model.name(), name, change, actor, SystemClock.now())?;
    Ok(())
}

/// Says what was done; a password at random stands on a line of its own, for whoever reads it by program.
fn told(name: &UserName, what: &str, shown: Option<String>) -> anyhow::Result<()> {
    let mut output = Output::lock();
    output.line(format_args!("{name} {what}, and chooses a password at the first sign-in"))?;
    shown.map_or(Ok(()), |password| output.line(password))
}

fn list(data: &DataDir) -> anyhow::Result<()> {
    let mut output = Output::lock();
    for user in users_offline(data)? {
        let state = if user.is_disabled { "disabled" } else { "active" };
        output.line(format_args!("{}\t{}\t{state}", user.name, user.role.as_str()))?;
    }
    Ok(())
}

/// A password, hashed, and the text to print if it was made here.
fn password(at_random: bool) -> anyhow::Result<(PasswordHash, Option<String>)> {
    if at_random {
        let password = random_password()?;
        return Ok((hash_password(&password)?, Some(password)));
    }
    let typed = if std::io::stdin().is_terminal() { asked_for()? } else { line_of_stdin()? };
    Ok((hash_password(&typed)?, None))
}

/// Asks twice, without showing what is typed.
fn asked_for() -> anyhow::Result<String> {
    let typed = |prompt| rpassword::prompt_password(prompt).context("cannot read the password");
    let password = typed("Password (at least 12 characters): ")?;
    let again = typed("Again: ")?;
    anyhow::ensure!(password == again, "the two are not the same: try again");
    Ok(password)
}

fn line_of_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    let mut stdin = std::io::stdin().take(PASSWORD_LINE_BYTES_MAX);
    stdin.read_to_string(&mut text).context("cannot read the password from standard input")?;
    Ok(without_ending(&text).to_owned())
}

fn without_ending(line: &str) -> &str {
    line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_keeps_its_blanks_and_loses_its_line_ending() {
        for (line, password) in [("a b \n", "a b "), ("a\r\n", "a"), ("a", "a"), ("\n\n", "\n")] {
            assert_eq!(without_ending(line), password);
        }
    }

    #[test]
    fn a_role_that_is_none_is_told_the_ones_there_are() {
        assert_eq!(role("steward"), Ok(Role::Steward));
        assert!(role("root").unwrap_err().contains("lead-steward"));
    }
}
