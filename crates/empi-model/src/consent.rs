//! What people have asked for about their data.

use crate::EventSequence;

/// What a person has asked for about one of their records. It stands with the record: it goes where the record goes, and
/// a person is bound by that of each of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Nobody is shown the person's data but their own source and those who look after the index, unless in an
    /// emergency.
    pub not_shared: bool,
    /// Nothing links the person's records with others any more: they are compared with nothing.
    pub not_linked: bool,
    /// The event that noted it; 0 as long as nothing was asked for.
    pub event: EventSequence,
}

impl Consent {
    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_free(self) -> bool {
        !self.not_shared && !self.not_linked
    }

    /// What is asked for about two records together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            not_shared: self.not_shared || other.not_shared,
            not_linked: self.not_linked || other.not_linked,
            event: self.event.max(other.event),
        }
    }
}

/// What an event changed of what is asked for about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentChange {
    /// What stood before.
    pub before: Consent,
    /// What stands after.
    pub after: Consent,
}
