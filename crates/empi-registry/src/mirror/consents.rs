//! What people have asked for about their data. Few ask, so that only their records are kept here.

use empi_model::{Consent, EnterpriseId, RecordIndex};
use hashbrown::HashMap;

use super::Mirror;

/// The records about which something is asked for.
#[derive(Debug, Default)]
pub(super) struct Consents(HashMap<RecordIndex, Consent>);

impl Consents {
    /// Notes what is asked for about a record, and tells whether something else stood before.
    pub(super) fn put(&mut self, record: RecordIndex, consent: Consent) -> bool {
        let asked = (!consent.is_free()).then_some(consent);
        let before = match asked {
            Some(consent) => self.0.insert(record, consent),
            None => self.0.remove(&record),
        };
        before != asked
    }
}

impl Consents {
    /// The records about which something is asked for, in no order.
    pub(super) fn records(&self) -> impl Iterator<Item = RecordIndex> + '_ {
        self.0.keys().copied()
    }
}

#[cfg(test)]
impl Consents {
    pub(super) fn iter(&self) -> impl Iterator<Item = (RecordIndex, Consent)> + '_ {
        self.0.iter().map(|(record, consent)| (*record, *consent))
    }
}

impl Mirror {
    /// Whether anybody asks for anything.
    pub(crate) fn has_consents(&self) -> bool {
        !self.consents.0.is_empty()
    }

    /// What is asked for about a record.
    pub(crate) fn consent(&self, record: RecordIndex) -> Consent {
        self.consents.0.get(&record).copied().unwrap_or_default()
    }

    /// What is asked for about a person: what is asked for about any of its records, by the last event that noted
    /// anything.
    pub(crate) fn consent_of(&self, person: EnterpriseId) -> Consent {
        if !self.has_consents() {
            return Consent::default();
        }
        let records = self.members(person).iter().map(|record| self.consent(*record));
        records.fold(Consent::default(), Consent::and)
    }
}
