//! Signing the end of the trail now and then while the index is served, and once more at its end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use empi_model::AuditHead;
use tokio::sync::watch;

use super::{AuditConfig, AuditKey, HeadFailure};
use crate::door::Door;

/// Where heads go, and how often.
pub(crate) struct Heads {
    key: AuditKey,
    file: PathBuf,
    every: Duration,
    when_failing: HeadFailure,
}

impl Heads {
    /// As configured; none without a key.
    pub(crate) fn of(config: &AuditConfig) -> Result<Option<Self>, super::AuditKeyError> {
        let (Some(key), Some(file)) = (&config.key_file, &config.heads_file) else {
            return Ok(None);
        };
        Ok(Some(Self {
            key: AuditKey::read(key)?,
            file: file.clone(),
            every: Duration::from_secs(config.heads_seconds),
            when_failing: config.when_heads_fail,
        }))
    }
}

/// Appends a signed head at once, then every so often where anything happened, and at the end. Returns early where heads
/// cannot be written and the configuration says that nothing goes on then.
pub(crate) async fn keep_heads(
    heads: Heads,
    door: Door,
    mut closing: watch::Receiver<bool>,
) -> CarryingEnd {
    let mut last = AuditHead::default();
    loop {
        let is_closing = *closing.borrow();
        match keep_head(&heads, &door, last).await {
            Ok(head) => last = head,
            Err(error) => {
                tracing::error!(%error, "a head of the audit trail could not be written");
                if heads.when_failing == HeadFailure::Stop && !is_closing {
                    return CarryingEnd::Failed;
                }
            }
        }
        if is_closing {
            return CarryingEnd::Closed;
        }
        // Either the time has come, or the end: both go on above.
        let _ = tokio::time::timeout(heads.every, closing.wait_for(|closing| *closing)).await;
    }
}

/// Why the trail is carried out of the machine no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CarryingEnd {
    /// The server ends.
    Closed,
    /// It cannot be, and nothing may go on without.
    Failed,
}

async fn keep_head(heads: &Heads, door: &Door, last: AuditHead) -> std::io::Result<AuditHead> {
    let head = door.audit_head().await.map_err(std::io::Error::other)?;
    if head == last {
        return Ok(last);
    }
    let signed = heads.key.sign(head, door.now());
    let line = serde_json::to_string(&signed).map_err(std::io::Error::other)?;
    let file = heads.file.clone();
    let appended = tokio::task::spawn_blocking(move || append(&file, &line));
    appended.await.map_err(std::io::Error::other)??;
    Ok(head)
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut opened = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    opened.write_all(format!("{line}\n").as_bytes())?;
    opened.sync_all()
}
