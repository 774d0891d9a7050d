//! Walking along the trail, and its end.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_model::AuditHead;
use empi_proto::v1;
use empi_registry::{AuditReport, Clock as _, DataDir, audit_head_offline, verify_audit_offline};
use empi_server::{AuditKey, read_heads};

use super::retire::read_archive;
use crate::cli::UsageError;
use crate::client::{ServerArgs, converse, incomplete, refusal};
use crate::clock::SystemClock;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// Signed heads that were kept elsewhere: without them, nobody can tell whether the end was cut off
    #[arg(long, value_name = "FILE", requires = "public_key")]
    heads: Option<PathBuf>,
    /// The key that they were signed with, as `empi audit key` printed it
    #[arg(long, value_name = "DIGITS")]
    public_key: Option<String>,
    /// Check an archive of entries that were taken out, in place of an index
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    archive: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct HeadArgs {
    /// The key to sign it with
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(super) fn verify(
    args: &VerifyArgs,
    data: Option<&DataDir>,
    server: &ServerArgs,
) -> anyhow::Result<()> {
    let heads = match (&args.heads, &args.public_key) {
        (Some(file), Some(key)) => read_heads(file, key)?,
        _ => Vec::new(),
    };
    let told = match (&args.archive, data) {
        (Some(archive), _) => Told::of(&read_archive(archive, &heads)?),
        (None, Some(data)) => Told::of(&verify_audit_offline(data, &heads)?),
        (None, None) => ask(server, &heads)?,
    };
    let mut output = Output::lock();
    for problem in &told.problems {
        output.line(problem)?;
    }
    let further = told.problem_count.saturating_sub(told.problems.len() as u64);
    if further > 0 {
        output.line(format_args!("and {further} problems more"))?;
    }
    let Told { entries, heads: agreed, last, problem_count, .. } = told;
    output.line(format_args!(
        "{entries} entries, the last is {last}; {agreed} exported heads agree; {problem_count} problems"
    ))?;
    drop(output);
    anyhow::ensure!(problem_count == 0, "the audit trail is not as it was written");
    Ok(())
}

/// What a walk came to, here or on a server.
struct Told {
    entries: u64,
    heads: u64,
    last: u64,
    problems: Vec<String>,
    problem_count: u64,
}

impl Told {
    fn of(report: &AuditReport) -> Self {
        Self {
            entries: report.entries,
            heads: report.heads,
            last: report.head.sequence,
            problems: report.problems.iter().map(ToString::to_string).collect(),
            problem_count: report.problem_count,
        }
    }
}

fn ask(server: &ServerArgs, heads: &[AuditHead]) -> anyhow::Result<Told> {
    let head =
        |head: &AuditHead| v1::AuditHead { sequence: head.sequence, hash: digits(&head.hash) };
    let request = v1::VerifyAuditRequest { heads: heads.iter().map(head).collect() };
    let mut told = None;
    converse(async {
        let answer = server.connect().await?.audit().verify_audit(request).await;
        told = Some(answer.map_err(|status| refusal(&status))?.into_inner());
        Ok(())
    })?;
    let told = told.ok_or_else(incomplete)?;
    Ok(Told {
        entries: told.entries,
        heads: told.heads,
        last: told.head.map_or(0, |head| head.sequence),
        problems: told.problems,
        problem_count: told.problem_count,
    })
}

pub(super) fn head(
    args: &HeadArgs,
    data: Option<&DataDir>,
    server: &ServerArgs,
) -> anyhow::Result<()> {
    let head = match data {
        Some(data) => audit_head_offline(data)?,
        None => head_of(server)?,
    };
    let Some(key) = &args.key else {
        let (sequence, hash) = (head.sequence, digits(&head.hash));
        let line = serde_json::json!({ "sequence": sequence, "hash": hash });
        return Output::lock().line(line);
    };
    let signed = AuditKey::read(key)?.sign(head, SystemClock.now());
    Output::lock().line(serde_json::to_string(&signed)?)
}

fn head_of(server: &ServerArgs) -> anyhow::Result<AuditHead> {
    let mut told = None;
    converse(async {
        let request = v1::GetAuditHeadRequest {};
        let answer = server.connect().await?.audit().get_audit_head(request).await;
        told = answer.map_err(|status| refusal(&status))?.into_inner().head;
        Ok(())
    })?;
    let v1::AuditHead { sequence, hash } = told.ok_or_else(incomplete)?;
    let hash = read_digits(&hash).ok_or_else(incomplete)?;
    Ok(AuditHead { sequence, hash })
}

pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hexadecimal digits.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

pub(super) fn read_digits(text: &str) -> Option<[u8; 32]> {
    bytes_of(text)?.try_into().ok()
}

/// The directory, which some commands cannot do without.
pub(super) fn needed(data: Option<&DataDir>) -> anyhow::Result<&DataDir> {
    let sentence = "name the directory of an index that no server has open: --data DIR";
    data.ok_or_else(|| UsageError::new(sentence).into())
}

/// Reads a line of an archive, or says which one does not read.
pub(super) fn line_of<T: serde::de::DeserializeOwned>(
    text: &str,
    file: &Path,
    line: usize,
) -> anyhow::Result<T> {
    serde_json::from_str(text)
        .with_context(|| format!("{}, line {line}: this is no entry of an archive", file.display()))
}
