//! Emergencies in which somebody is shown a person whose data are not to be shared.

use crate::{EnterpriseId, Timestamp};

/// Somebody stated an emergency, and is shown one person for a short time. An auditor looks at it afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenGlass {
    /// Its number, from 1.
    pub number: u64,
    /// Who stated it.
    pub by: String,
    /// Whom they are shown.
    pub person: EnterpriseId,
    /// Why, in their words. Never patient data.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What came of looking at it; `None` as long as nobody has.
    pub review: Option<GlassReview>,
}

/// What came of looking at an emergency afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlassReview {
    /// The auditor.
    pub by: String,
    /// When.
    pub time: Timestamp,
    /// Whether it was one.
    pub is_justified: bool,
    /// What there is to say about it.
    pub note: String,
}
