//! The audit trail of what is asked through a registry.
//!
//! A caller who is known asks through a registry of their own (`Registry::asked_by`), a handle that carries a `Trail`.
//! What they change is written with their name in the batch of the change itself. What they are shown, or refused, becomes
//! an entry when the call has ended (`Trail::end`); such entries wait in a bounded queue for a thread that writes them
//! together (`writer`). At a clean end all that wait are written.

mod read;
mod writer;

use std::sync::Arc;

use empi_model::{Asked, Asker, AuditEntry, AuditOutcome, EnterpriseId, Purpose, Sight, Timestamp};
use parking_lot::Mutex;

use crate::RegistryError;
use crate::commit::Core;
use crate::registry::Registry;
use crate::words::{Registration, RegistrationDecision};

pub(crate) use read::names_of;
pub use read::{
    AuditQuery, audit_entries_offline, audit_head_offline, audit_offline, retire_audit_offline,
    verify_audit_offline,
};
pub use writer::AuditLimits;
pub(crate) use writer::AuditWriter;

/// What one call of somebody shows them.
#[derive(Debug)]
pub struct Trail {
    asked: Asked,
    began: Timestamp,
    sight: Sight,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    persons: Vec<EnterpriseId>,
    /// Whether the call changed something, and of whom: the change has its entry already.
    has_changed: bool,
    changed: Vec<EnterpriseId>,
    /// Whether somebody is shown only because an emergency was stated.
    is_emergency: bool,
    /// Whether somebody was not shown who is not to be shared.
    was_denied: bool,
    /// Whether the answer is a refusal, which is no error of the call in the words of its interface.
    was_refused: bool,
}

impl Trail {
    /// The trail of one call.
    #[must_use]
    pub fn new(asked: Asked, now: Timestamp) -> Self {
        Self { asked, began: now, sight: Sight::whole(), shown: Mutex::default() }
    }

    /// With what the caller is shown of patients; everything, unless told otherwise.
    #[must_use]
    pub fn with_sight(self, sight: Sight) -> Self {
        Self { sight, ..self }
    }

    pub(crate) const fn sight(&self) -> &Sight {
        &self.sight
    }

    pub(crate) fn asker(&self) -> &Asker {
        &self.asked.asker
    }

    /// Somebody is not shown who is not to be shared.
    pub(crate) fn was_denied(&self) {
        self.shown.lock().was_denied = true;
    }

    /// Somebody is shown only because an emergency was stated.
    pub(crate) fn saw_in_emergency(&self) {
        self.shown.lock().is_emergency = true;
    }

    /// Who was shown.
    fn saw(&self, persons: impl IntoIterator<Item = EnterpriseId>) {
        self.shown.lock().persons.extend(persons);
    }

    /// Something was changed, of which the change's own entry tells.
    fn changed(&self, persons: impl IntoIterator<Item = EnterpriseId>) {
        let mut shown = self.shown.lock();
        shown.has_changed = true;
        shown.changed.extend(persons);
    }

    /// A registration was answered.
    pub(crate) fn registered(&self, registration: &Registration) {
        match registration.decision {
            RegistrationDecision::Unchanged => self.saw([registration.enterprise_id]),
            _ => self.changed([registration.enterprise_id]),
        }
    }

    /// The entry of the call, if there is anything that no change's entry tells.
    fn entry(&self, outcome: AuditOutcome) -> Option<AuditEntry> {
        let mut shown = std::mem::take(&mut *self.shown.lock());
        let outcome = match outcome {
            _ if shown.was_denied => AuditOutcome::Denied,
            AuditOutcome::Done if shown.was_refused => AuditOutcome::Refused,
            outcome => outcome,
        };
        shown.persons.retain(|person| !shown.changed.contains(person));
        let is_done = outcome == AuditOutcome::Done;
        let says_nothing = shown.persons.is_empty() && is_done;
        if says_nothing && (shown.has_changed || !self.asked.operation.is_audited()) {
            return None;
        }
        let mut asked = self.asked.clone();
        if shown.is_emergency {
            let purpose = Purpose::BreakGlass;
            asked.asker = Asker { purpose, ..Asker::clone(&asked.asker) }.into();
        }
        Some(AuditEntry::new(self.began, asked, outcome, shown.persons))
    }
}

/// How a call ended.
pub(crate) const fn outcome_of(error: &RegistryError) -> AuditOutcome {
    match error {
        RegistryError::Invalid(_) | RegistryError::NotFound(_) | RegistryError::Conflict(_) => {
            AuditOutcome::Refused
        }
        RegistryError::Restricted(_) => AuditOutcome::Denied,
        _ => AuditOutcome::Failed,
    }
}

impl Core {
    /// Keeps what a call came to.
    pub(crate) fn end(
        &self,
        trail: &Trail,
        error: Option<&RegistryError>,
    ) -> Result<(), RegistryError> {
        let outcome = error.map_or(AuditOutcome::Done, outcome_of);
        trail.entry(outcome).map_or(Ok(()), |entry| self.keep(entry))
    }

    fn keep(&self, entry: AuditEntry) -> Result<(), RegistryError> {
        self.durability.check()?;
        self.audit.keep(entry)
    }
}

impl Registry {
    /// The same registry for one call of somebody: whatever they change and see through it is kept with their name.
    #[must_use]
    pub fn asked_by(&self, trail: &Arc<Trail>) -> Self {
        self.view(Arc::clone(trail))
    }

    /// Keeps what a call came to. It is written soon, and before the index is closed.
    ///
    /// # Errors
    /// [`RegistryError::Busy`] when as many entries wait as may, and the limits say that nobody is shown then what cannot
    /// be kept; [`RegistryError::Poisoned`] after a failed write.
    pub fn end(&self, trail: &Trail, error: Option<&RegistryError>) -> Result<(), RegistryError> {
        self.core.end(trail, error)
    }

    /// Keeps an entry that is no call's own, such as that of somebody who may not.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    pub fn keep(&self, entry: AuditEntry) -> Result<(), RegistryError> {
        self.core.keep(entry)
    }

    /// Remembers that the answer is a refusal.
    pub fn refused(&self) {
        if let Some(trail) = &self.trail {
            trail.shown.lock().was_refused = true;
        }
    }

    /// Remembers who was shown.
    pub(crate) fn saw(&self, persons: impl IntoIterator<Item = EnterpriseId>) {
        if let Some(trail) = &self.trail {
            trail.saw(persons);
        }
    }

    /// Remembers that something was changed, of which the change's own entry tells.
    pub(crate) fn changed(&self, persons: impl IntoIterator<Item = EnterpriseId>) {
        if let Some(trail) = &self.trail {
            trail.changed(persons);
        }
    }

    /// Who asks, for the entry of a change.
    pub(crate) fn asked(&self) -> Option<Asked> {
        self.trail.as_ref().map(|trail| trail.asked.clone())
    }
}
