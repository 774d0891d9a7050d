//! `empi account`: the programs that may call an index, and their tokens; on a running server, or on a directory that no
//! server has open. A token is printed once and kept nowhere; none is ever taken from an argument.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use empi_linkage::LinkageModel;
use empi_model::{Domains, Role, Secret, ServiceAccount, Timestamp, UserName};
use empi_proto::v1;
use empi_registry::{AccountStep, Clock as _, DataDir, accounts_offline, change_account_offline};
use empi_server::{hash_token, random_token};

use crate::cli::UsageError;
use crate::client::{ServerArgs, converse, incomplete, refusal};
use crate::clock::SystemClock;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: AccountCommand,
    /// The directory of the index, which no server has open; without it, the server of --server is asked
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    key: MasterKeyArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(clap::Subcommand)]
enum AccountCommand {
    /// Make an account for a program, and its first token
    Add(AddArgs),
    /// Give an account another token; the newest before it stays valid beside it
    Rotate(RotateArgs),
    /// End an account with all its tokens, at once and for ever
    Revoke(RevokeArgs),
    /// List the accounts, their roles, domains and tokens
    List,
}

#[derive(clap::Args)]
struct AddArgs {
    /// Its name: the actor of what it changes
    name: UserName,
    /// What it is there for: source, reader, or a role of people
    #[arg(long, value_parser = role)]
    role: Role,
    /// A source that it speaks for; as often as there are
    #[arg(long = "domain", value_name = "SOURCE", conflicts_with = "all_domains")]
    domains: Vec<String>,
    /// It speaks for every source
    #[arg(long)]
    all_domains: bool,
    #[command(flatten)]
    token: TokenArgs,
}

#[derive(clap::Args)]
struct RotateArgs {
    /// The account
    name: UserName,
    /// End the tokens before it at once
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    token: TokenArgs,
}

#[derive(clap::Args)]
struct RevokeArgs {
    /// The account
    name: UserName,
}

#[derive(clap::Args)]
struct TokenArgs {
    /// Days that the token is valid
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    days: u32,
    /// Write the token into a new file that only its owner can read, in place of printing it
    #[arg(long, value_name = "FILE")]
    token_out: Option<PathBuf>,
}

fn role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| {
        let names = Role::ALL.map(Role::as_str).join(", ");
        format!("choose one of {names}")
    })
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let data = args.data.as_ref().map(|data| args.key.at(data)).transpose()?;
    match (&args.command, &data) {
        (AccountCommand::List, Some(data)) => {
            let lines = accounts_offline(data)?.iter().map(line).collect();
            print(lines)
        }
        (AccountCommand::List, None) => list_of(&args.server),
        (command, Some(data)) => change(data, command),
        (command, None) => ask(&args.server, command),
    }
}

/// Changes an index that no server has open.
fn change(data: &DataDir, command: &AccountCommand) -> anyhow::Result<()> {
    let token = random_token()?;
    let hash = hash_token(token.expose());
    let (name, step, out) = match command {
        AccountCommand::Add(args) => {
            let domains = match args.all_domains {
                true => Domains::All,
                false => Domains::Only(args.domains.iter().cloned().collect()),
            };
            let (role, days) = (args.role, args.token.days);
            let step = AccountStep::Add { role, domains, token: hash, days };
            (&args.name, step, Some(&args.token))
        }
        AccountCommand::Rotate(args) => {
            let (days, at_once) = (args.token.days, args.at_once);
            let step = AccountStep::Rotate { token: hash, days, at_once };
            (&args.name, step, Some(&args.token))
        }
        AccountCommand::Revoke(args) => (&args.name, AccountStep::Revoke, None),
        // Listing changes nothing.
        AccountCommand::List => return Ok(()),
    };
    check_place(out)?;
    let model = LinkageModel::us_default()?;
    let account = change_account_offline(data, model.name(), name, step, SystemClock.now())?;
    print(vec![line(&account)])?;
    out.map_or(Ok(()), |out| give(&token, out))
}

/// Asks a running server.
fn ask(server: &ServerArgs, command: &AccountCommand) -> anyhow::Result<()> {
    converse(async {
        let mut accounts = server.connect().await?.accounts();
        let refused = |status: tonic::Status| refusal(&status);
        let (answer, out) = match command {
            AccountCommand::Add(args) => {
                check_place(Some(&args.token))?;
                let request = v1::AddAccountRequest {
                    name: args.name.as_str().to_owned(),
                    role: args.role.as_str().to_owned(),
                    domains: args.domains.clone(),
                    all_domains: args.all_domains,
                    token_days: args.token.days,
                };
                (accounts.add_account(request).await.map_err(refused)?, &args.token)
            }
            AccountCommand::Rotate(args) => {
                check_place(Some(&args.token))?;
                let request = v1::RotateTokenRequest {
                    name: args.name.as_str().to_owned(),
                    token_days: args.token.days,
                    at_once: args.at_once,
                };
                (accounts.rotate_token(request).await.map_err(refused)?, &args.token)
            }
            AccountCommand::Revoke(args) => {
                let request = v1::RevokeAccountRequest { name: args.name.as_str().to_owned() };
                let answer = accounts.revoke_account(request).await.map_err(refused)?;
                let account = answer.into_inner().account.ok_or_else(incomplete)?;
                return print(vec![line_of(&account)]);
            }
            // Listing changes nothing.
            AccountCommand::List => return Ok(()),
        };
        let v1::AccountTokenResponse { account, token } = answer.into_inner();
        print(vec![line_of(&account.ok_or_else(incomplete)?)])?;
        give(&Secret::new(token), out)
    })
}

fn list_of(server: &ServerArgs) -> anyhow::Result<()> {
    converse(async {
        let mut accounts = server.connect().await?.accounts();
        let answer = accounts.list_accounts(v1::ListAccountsRequest {}).await;
        let answer = answer.map_err(|status| refusal(&status))?.into_inner();
        print(answer.accounts.iter().map(line_of).collect())
    })
}

/// A place that is taken would be found out only when the token is made, and lost.
fn check_place(out: Option<&TokenArgs>) -> anyhow::Result<()> {
    match out.and_then(|out| out.token_out.as_ref()) {
        Some(file) if file.exists() => {
            let sentence = format!("{} is there already: name a new file", file.display());
            Err(UsageError::new(sentence).into())
        }
        _ => Ok(()),
    }
}

/// Hands a token over: on a line of its own, or in a file of its owner's own.
fn give(token: &Secret, out: &TokenArgs) -> anyhow::Result<()> {
    let Some(file) = &out.token_out else { return Output::lock().line(token.expose()) };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let opened = options.open(file);
    let mut opened = opened.with_context(|| format!("cannot make {}", file.display()))?;
    writeln!(opened, "{}", token.expose())
        .with_context(|| format!("cannot write {}", file.display()))
}

fn print(lines: Vec<String>) -> anyhow::Result<()> {
    let mut output = Output::lock();
    lines.into_iter().try_for_each(|line| output.line(line))
}

/// An account in one line: name, role, domains, and until when its tokens are valid.
fn line(account: &ServiceAccount) -> String {
    let domains = match &account.domains {
        Domains::All => "all domains".to_owned(),
        Domains::Only(sources) => sources.iter().cloned().collect::<Vec<_>>().join(","),
    };
    let tokens = account.tokens.iter().map(|token| (token.number, token.expires));
    written(account.name.as_str(), account.role.as_str(), &domains, tokens, account.is_revoked)
}

fn line_of(account: &v1::ServiceAccount) -> String {
    let domains =
        if account.all_domains { "all domains".to_owned() } else { account.domains.join(",") };
    let tokens = account.tokens.iter().map(|token| {
        let seconds = token.expires.as_ref().map_or(0, |time| time.seconds);
        (token.number, Timestamp(seconds.saturating_mul(1000)))
    });
    written(&account.name, &account.role, &domains, tokens, account.is_revoked)
}

fn written(
    name: &str,
    role: &str,
    domains: &str,
    tokens: impl Iterator<Item = (u32, Timestamp)>,
    is_revoked: bool,
) -> String {
    let until = |(number, expires): (u32, Timestamp)| {
        let time = jiff::Timestamp::from_millisecond(expires.0);
        let day = time.map_or_else(|_| "?".to_owned(), |time| time.strftime("%F").to_string());
        format!("token {number} until {day}")
    };
    let tokens: Vec<String> = tokens.map(until).collect();
    let state = if is_revoked { "revoked".to_owned() } else { tokens.join(", ") };
    format!("{name}\t{role}\t{domains}\t{state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_told_in_one_line_without_its_token() {
        let mut account = ServiceAccount {
            name: "adt".parse().unwrap(),
            role: Role::Source,
            domains: Domains::Only(["lab".to_owned(), "north".to_owned()].into()),
            tokens: Vec::new(),
            tokens_made: 0,
            created: Timestamp(0),
            is_revoked: false,
        };
        account.rotate(hash_token("empi_secret"), Timestamp(0), Timestamp(86_400_000), false);
        assert_eq!(line(&account), "adt\tsource\tlab,north\ttoken 1 until 1970-01-02");
        account.is_revoked = true;
        assert_eq!(line(&account), "adt\tsource\tlab,north\trevoked");
    }
}
