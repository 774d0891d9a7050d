//! Composing what people ask for about their data, and refusing what speaks against it.

use empi_model::{Consent, EnterpriseId, EventKind, EventSequence, RecordIndex};
use empi_store::StoredRecord;

use super::{Draft, EventWords};
use crate::RegistryError;

impl Draft<'_> {
    /// Notes what a person asks for, with each of the person's records.
    pub(super) fn set_consent(
        &mut self,
        person: EnterpriseId,
        not_shared: bool,
        not_linked: bool,
    ) -> Result<EventWords, RegistryError> {
        let members = self.context.mirror.members(person).to_vec();
        let mut records = Vec::new();
        for record in &members {
            let stored = self.stored(*record)?;
            if (stored.consent.not_shared, stored.consent.not_linked) != (not_shared, not_linked) {
                let consent = Consent { not_shared, not_linked, event: self.event };
                self.put_record(StoredRecord { consent, ..stored });
                records.push(*record);
            }
        }
        if records.is_empty() {
            return Err(RegistryError::conflict(format!(
                "this is what stands for {person} already: there is nothing to change"
            )));
        }
        let reason = match (not_shared, not_linked) {
            (true, true) => "not to be shared and not to be linked",
            (true, false) => "not to be shared",
            (false, true) => "not to be linked",
            (false, false) => "to be shared and to be linked again",
        };
        Ok(EventWords { records, ..EventWords::new(EventKind::ConsentChanged, person, reason) })
    }

    /// What is asked for about a record after this change.
    fn consent_after(&self, record: RecordIndex) -> Consent {
        let written = self.change.commit.records.iter().find(|stored| stored.index == record);
        written.map_or_else(|| self.context.mirror.consent(record), |stored| stored.consent)
    }

    /// Whether this change notes what somebody asks for.
    pub(super) fn notes_consent(&self) -> bool {
        let said = |consent: Consent| (consent.not_shared, consent.not_linked);
        let mut written = self.change.commit.records.iter();
        written.any(|it| said(it.consent) != said(self.context.mirror.consent(it.index)))
    }

    /// Whether a person is not to be linked with others after this change.
    pub(super) fn is_not_linked_after(&self, person: EnterpriseId) -> bool {
        (self.context.mirror.has_consents() || self.notes_consent())
            && self.members_after(person).into_iter().any(|it| self.consent_after(it).not_linked)
    }

    /// No change brings records together that were not of one person before, when one of them is not to be linked.
    /// Undoing an event that took them apart after that was noted does: so they stood before it.
    pub(super) fn refuse_not_linked(
        &self,
        undone: Option<EventSequence>,
    ) -> Result<(), RegistryError> {
        if !self.context.mirror.has_consents() {
            return Ok(());
        }
        for (record, person) in &self.moved {
            let from = self.context.mirror.person_of(*record);
            for other in self.members_after(*person) {
                if other == *record || self.context.mirror.person_of(other) == from {
                    continue;
                }
                let asked = [*record, other].map(|it| self.consent_after(it));
                let mut binding = asked.into_iter().filter(|consent| consent.not_linked);
                if let Some(consent) =
                    binding.find(|consent| undone.is_none_or(|undone| consent.event > undone))
                {
                    return Err(RegistryError::conflict(format!(
                        "event {} noted that one of these persons is not to be linked with others: undo it, or note \
                         what the person asks for now, and then link them",
                        consent.event
                    )));
                }
            }
        }
        Ok(())
    }
}
