//! What two people must want.

use empi_registry::{ApprovalRules, TASKS_AT_ONCE_MAX};
use serde::Deserialize;

/// What two people must want: it is kept as a proposal until somebody else approves it.
///
/// ```toml
/// [approval]
/// erasure = true   # erasing a person
/// merges_max = 10  # tasks that one person answers "same" by one request; more need two
/// days = 7         # that a proposal waits
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalConfig {
    /// Whether erasing a person needs two.
    pub erasure: bool,
    /// Tasks that one person answers *same* by one request. With 1,000, as many as a request may name, none needs two.
    pub merges_max: usize,
    /// Days that a proposal waits for a second person.
    pub days: u32,
}

impl Default for ApprovalConfig {
    fn default() -> Self {
        let ApprovalRules { erasure, merges_max, days } = ApprovalRules::default();
        Self { erasure, merges_max: merges_max.unwrap_or(TASKS_AT_ONCE_MAX), days }
    }
}

impl ApprovalConfig {
    /// The rules as the registry takes them.
    #[must_use]
    pub const fn rules(&self) -> ApprovalRules {
        ApprovalRules { erasure: self.erasure, merges_max: Some(self.merges_max), days: self.days }
    }

    /// Each number by its name in the file, with its largest sensible value.
    pub(crate) const fn bounds(&self) -> [(&'static str, u64, u64); 2] {
        [
            ("approval.merges_max", self.merges_max as u64, TASKS_AT_ONCE_MAX as u64),
            ("approval.days", self.days as u64, 365),
        ]
    }
}
