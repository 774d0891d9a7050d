//! `empi key`: the master keys of indexes that are encrypted at rest.

use std::path::PathBuf;

use anyhow::Context as _;
use empi_proto::v1;
use empi_registry::{encrypt, rotate_key};

use crate::cli::UsageError;
use crate::client::{ServerArgs, converse, incomplete, refusal};
use crate::master_key::{MasterKeyArgs, NextKeyArgs, write_new};
use crate::output::Output;
use crate::store_commands::IndexArgs;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(clap::Subcommand)]
enum KeyCommand {
    /// Make a master key. Keep it, and a copy elsewhere: without it nobody opens the index
    New(NewArgs),
    /// Make an encrypted index of one that is not
    Encrypt(EncryptArgs),
    /// Give an index another master key; the one of before opens it no longer. A running server takes that of its own
    /// --next-key-file or the like
    Rotate(Box<RotateArgs>),
}

#[derive(clap::Args)]
struct NewArgs {
    /// The new file; only its owner can read it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(clap::Args)]
struct EncryptArgs {
    /// The directory of an index that no server has open and that is not encrypted; it stays as it is
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where the encrypted index goes: a directory that is empty or not there yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    key: MasterKeyArgs,
}

#[derive(clap::Args)]
struct RotateArgs {
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    next: NextKeyArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        KeyCommand::New(args) => {
            let key = write_new(&args.out)?;
            Output::lock().line(format_args!(
                "{} holds the master key {}; keep a copy elsewhere",
                args.out.display(),
                key.fingerprint()
            ))
        }
        KeyCommand::Encrypt(args) => make_encrypted(args),
        KeyCommand::Rotate(args) => rotate(args),
    }
}

fn make_encrypted(args: &EncryptArgs) -> anyhow::Result<()> {
    let EncryptArgs { data, to, key } = args;
    let key = key.read()?.ok_or_else(|| no_key("--key-file, --key-env or --key-command"))?;
    let report = encrypt(data, to, &key)?;
    let mut output = Output::lock();
    output.line(format_args!(
        "{}: {} rows encrypted under the master key {}, verified: every row agrees with every other",
        to.display(),
        report.rows,
        key.fingerprint()
    ))?;
    output.line(format_args!(
        "{} is as it was, in the clear, as are its backups: delete them when nobody needs them",
        data.display()
    ))
}

fn rotate(args: &RotateArgs) -> anyhow::Result<()> {
    let IndexArgs { data, key, server, .. } = &args.index;
    let Some(data) = data else {
        let fingerprint = rotated_by_server(server)?;
        return Output::lock().line(format_args!(
            "the index opens with the master key {fingerprint} from now on: let it be the key when the server starts again"
        ));
    };
    let next = args.next.source();
    let next =
        next.ok_or_else(|| no_key("--next-key-file, --next-key-env or --next-key-command"))?;
    let next = next.read().context("the next key")?;
    rotate_key(&key.at(data)?, &next)?;
    Output::lock().line(format_args!(
        "{} opens with the master key {} from now on; backups made before open with the one of before",
        data.display(),
        next.fingerprint()
    ))
}

fn rotated_by_server(server: &ServerArgs) -> anyhow::Result<String> {
    let mut fingerprint = None;
    converse(async {
        let mut admin = server.connect().await?.admin();
        let answer = admin.rotate_key(v1::RotateKeyRequest {}).await;
        fingerprint = Some(answer.map_err(|status| refusal(&status))?.into_inner().fingerprint);
        Ok(())
    })?;
    fingerprint.ok_or_else(incomplete)
}

fn no_key(options: &str) -> anyhow::Error {
    UsageError::new(format!("say where the master key is: {options}")).into()
}
