//! How the audit trail is kept.

use std::path::PathBuf;

use empi_registry::AuditLimits;
use serde::Deserialize;

use super::SyslogConfig;

/// How the audit trail is kept. Changes have their entries in the write of the change itself: none of this concerns them.
///
/// ```toml
/// [audit]
/// key_file = "audit.key"              # made by `empi audit key`
/// heads_file = "/mnt/elsewhere/heads" # signed heads are appended here
/// heads_seconds = 60
/// when_heads_fail = "stop"
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Entries of what was looked at that wait to be written.
    pub pending_max: usize,
    /// Whether callers are answered although their entry cannot be kept: the trail then tells how many there were.
    pub answer_unkept: bool,
    /// The key that heads are signed with.
    pub key_file: Option<PathBuf>,
    /// The file that signed heads are appended to: best on another machine.
    pub heads_file: Option<PathBuf>,
    /// Seconds between two heads, if anything happened between them.
    pub heads_seconds: u64,
    /// What happens when a head cannot be written.
    pub when_heads_fail: HeadFailure,
    /// The repository that every entry is sent to.
    pub syslog: Option<SyslogConfig>,
}

/// What happens when a head cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadFailure {
    /// The log says so, and it is tried again.
    Warn,
    /// The server takes no more calls, and ends.
    Stop,
}

impl Default for AuditConfig {
    fn default() -> Self {
        let AuditLimits { pending_max, answer_unkept } = AuditLimits::default();
        Self {
            pending_max,
            answer_unkept,
            key_file: None,
            heads_file: None,
            heads_seconds: 60,
            when_heads_fail: HeadFailure::Warn,
            syslog: None,
        }
    }
}

impl AuditConfig {
    /// The limits as the registry takes them.
    #[must_use]
    pub const fn limits(&self) -> AuditLimits {
        AuditLimits { pending_max: self.pending_max, answer_unkept: self.answer_unkept }
    }

    /// Each limit by its name in the file, with its largest sensible value.
    pub(crate) fn bounds(&self) -> [(&'static str, u64, u64); 3] {
        let stop_after = self.syslog.as_ref().map_or(0, |it| it.stop_after_seconds);
        [
            // 0 means for ever.
            ("audit.syslog.stop_after_seconds", stop_after.max(1), 365 * 24 * 60 * 60),
            ("audit.pending_max", self.pending_max as u64, 1 << 30),
            ("audit.heads_seconds", self.heads_seconds, 24 * 60 * 60),
        ]
    }

    /// What is wrong with the files, or with where the trail is sent.
    pub(crate) fn fault(&self) -> Option<String> {
        if let Some(sentence) = self.syslog.as_ref().and_then(SyslogConfig::fault) {
            return Some(sentence);
        }
        let is_whole = self.key_file.is_some() == self.heads_file.is_some();
        (!is_whole).then(|| {
            "audit.key_file and audit.heads_file belong together: name both, or neither".to_owned()
        })
    }
}
