//! Taking old entries out. An archive is NDJSON: a line with the entry before its first and its last, then one line for
//! each entry with its bytes as they lay in the chain, so that the same hashes prove it.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use empi_model::{AuditHead, Timestamp};
use empi_registry::{
    AuditArchive, AuditReport, Clock as _, DataDir, check_archive, retire_audit_offline,
};
use serde::{Deserialize, Serialize};

use super::moment;
use super::verify::{bytes_of, digits, line_of, needed, read_digits};
use crate::clock::SystemClock;
use crate::output::Output;

#[derive(clap::Args)]
pub(crate) struct RetireArgs {
    /// Take out what is older than this date or time (UTC). HIPAA asks for six years
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Timestamp,
    /// The new file that the entries go to
    #[arg(long, value_name = "FILE")]
    archive: PathBuf,
}

/// One entry. Field names are a promise.
#[derive(Serialize, Deserialize)]
struct Kept {
    sequence: u64,
    value: String,
}

/// The last line: what stands before the first entry, and the last entry.
#[derive(Serialize, Deserialize)]
struct Ends {
    start: u64,
    start_hash: String,
    end: u64,
    end_hash: String,
}

pub(super) fn retire(args: &RetireArgs, data: Option<&DataDir>) -> anyhow::Result<()> {
    let data = needed(data)?;
    let failed = || format!("cannot write {}", args.archive.display());
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.archive);
    let file = std::cell::RefCell::new(BufWriter::new(file.with_context(failed)?));
    let keep = |sequence, value: &[u8]| -> anyhow::Result<()> {
        let line = serde_json::to_string(&Kept { sequence, value: digits(value) })?;
        writeln!(file.borrow_mut(), "{line}").with_context(failed)
    };
    let finished = |archive: AuditArchive| -> anyhow::Result<()> {
        let AuditArchive { start, end } = archive;
        let ends = Ends {
            start: start.sequence,
            start_hash: digits(&start.hash),
            end: end.sequence,
            end_hash: digits(&end.hash),
        };
        let mut file = file.borrow_mut();
        writeln!(file, "{}", serde_json::to_string(&ends)?).with_context(failed)?;
        file.flush().with_context(failed)?;
        // On disk before the first entry is deleted.
        file.get_ref().sync_all().with_context(failed)
    };
    let archive = retire_audit_offline(data, args.before, SystemClock.now(), keep, finished)?;
    let count = archive.end.sequence - archive.start.sequence;
    if count == 0 {
        std::fs::remove_file(&args.archive).with_context(failed)?;
    }
    Output::lock().line(format_args!("{count} entries were taken out"))
}

/// Checks an archive: its hashes, and the heads that name entries of it.
pub(super) fn read_archive(file: &Path, heads: &[AuditHead]) -> anyhow::Result<AuditReport> {
    let opened = std::fs::File::open(file);
    let opened = opened.with_context(|| format!("cannot read {}", file.display()))?;
    let mut lines = Vec::new();
    for line in BufReader::new(opened).lines() {
        lines.push(line.with_context(|| format!("cannot read {}", file.display()))?);
    }
    let last = lines.pop().with_context(|| format!("{} is empty", file.display()))?;
    let ends: Ends = line_of(&last, file, lines.len() + 1)?;
    let hash = |text: &str| {
        read_digits(text)
            .with_context(|| format!("{}: its last line has no hashes", file.display()))
    };
    let start = AuditHead { sequence: ends.start, hash: hash(&ends.start_hash)? };
    let end = AuditHead { sequence: ends.end, hash: hash(&ends.end_hash)? };
    let mut rows = Vec::new();
    for (at, text) in lines.iter().enumerate() {
        let kept: Kept = line_of(text, file, at + 1)?;
        let value = bytes_of(&kept.value);
        let value =
            value.with_context(|| format!("{}, line {}: no digits", file.display(), at + 1))?;
        rows.push((kept.sequence, value));
    }
    let within = |head: &&AuditHead| (start.sequence..=end.sequence).contains(&head.sequence);
    let mut heads: Vec<AuditHead> = heads.iter().filter(within).copied().collect();
    heads.push(end);
    heads.sort_by_key(|head| head.sequence);
    Ok(check_archive(rows.into_iter(), start, &heads))
}
