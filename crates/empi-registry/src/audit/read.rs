//! Reading and checking the audit trail, also that of an index which no server has open.

use empi_model::{AuditEntry, AuditHead, EnterpriseId, PersonState, Timestamp};
use empi_store::{AuditArchive, AuditReport, DataDir, Snapshot};

use crate::RegistryError;
use crate::registry::Registry;

/// Which entries are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// About this person, under any of the enterprise IDs that lead to it.
    pub person: Option<EnterpriseId>,
    /// By this asker.
    pub name: Option<String>,
    /// From this number on.
    pub from: u64,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Older than this.
    pub before: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

impl AuditQuery {
    fn is_met_by(&self, entry: &AuditEntry) -> bool {
        self.name.as_ref().is_none_or(|name| entry.asked.asker.name == *name)
            && self.since.is_none_or(|since| entry.time >= since)
            && self.before.is_none_or(|before| entry.time < before)
    }

    fn answer(&self, snapshot: &Snapshot<'_>) -> Result<Vec<(u64, AuditEntry)>, RegistryError> {
        let is_wanted = |(_, entry): &(u64, AuditEntry)| self.is_met_by(entry);
        let Some(person) = self.person else {
            let all = snapshot.audit_entries(self.from);
            let wanted = all.filter(|entry| entry.as_ref().map_or(true, is_wanted));
            return Ok(wanted.take(self.limit).collect::<Result<_, _>>()?);
        };
        let mut numbers = Vec::new();
        for id in names_of(snapshot, person)? {
            for number in snapshot.audit_of(id) {
                numbers.push(number?);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let mut found = Vec::new();
        for number in numbers.into_iter().filter(|number| *number >= self.from) {
            if found.len() >= self.limit {
                break;
            }
            let entry = snapshot.audit_entry(number)?;
            found.extend(entry.map(|entry| (number, entry)).filter(|it| self.is_met_by(&it.1)));
        }
        Ok(found)
    }
}

/// Every enterprise ID that leads to the person whom one leads to, itself among them. Reads all persons.
pub(crate) fn names_of(
    snapshot: &Snapshot<'_>,
    asked: EnterpriseId,
) -> Result<Vec<EnterpriseId>, RegistryError> {
    let mut redirects = std::collections::HashMap::new();
    for person in snapshot.persons() {
        let person = person?;
        if let PersonState::Redirect { survivor, .. } = person.state {
            redirects.insert(person.enterprise_id, survivor);
        }
    }
    let end_of = |mut id: EnterpriseId| {
        // Redirects have no circles; the bound is for a store that is damaged.
        for _ in 0..=redirects.len() {
            match redirects.get(&id) {
                Some(next) => id = *next,
                None => break,
            }
        }
        id
    };
    let survivor = end_of(asked);
    let mut names: Vec<EnterpriseId> =
        redirects.keys().copied().filter(|id| end_of(*id) == survivor).collect();
    names.push(survivor);
    names.push(asked);
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

impl Registry {
    /// Entries of the audit trail, in order; all that was kept before the call is among them.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails.
    pub fn audit(&self, query: &AuditQuery) -> Result<Vec<(u64, AuditEntry)>, RegistryError> {
        self.core.audit.flush();
        self.core.durability.check()?;
        query.answer(&self.core.store.snapshot())
    }

    /// The end of the audit trail, for keeping it elsewhere; all that was kept before the call lies before it.
    ///
    /// # Errors
    /// [`RegistryError::Poisoned`] after a failed write.
    pub fn audit_head(&self) -> Result<AuditHead, RegistryError> {
        self.core.audit.flush();
        self.core.durability.check()?;
        Ok(self.core.store.audit_head())
    }

    /// Walks along the whole audit trail.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails; what is wrong is in the report.
    pub fn verify_audit(&self, heads: &[AuditHead]) -> Result<AuditReport, RegistryError> {
        self.core.audit.flush();
        self.core.durability.check()?;
        Ok(self.core.store.verify_audit(heads)?)
    }
}

/// Walks along the audit trail of an index that no server has open, and compares it with heads that were kept elsewhere.
///
/// # Errors
/// [`RegistryError::Store`] when it is missing, open elsewhere or cannot be read; what is wrong is in the report.
pub fn verify_audit_offline(
    dir: impl Into<DataDir>,
    heads: &[AuditHead],
) -> Result<AuditReport, RegistryError> {
    Ok(crate::offline::open(dir)?.verify_audit(heads)?)
}

/// The end of the audit trail of an index that no server has open.
///
/// # Errors
/// As [`verify_audit_offline`].
pub fn audit_head_offline(dir: impl Into<DataDir>) -> Result<AuditHead, RegistryError> {
    Ok(crate::offline::open(dir)?.audit_head())
}

/// Entries of the audit trail of an index that no server has open.
///
/// # Errors
/// As [`verify_audit_offline`].
pub fn audit_offline(
    dir: impl Into<DataDir>,
    query: &AuditQuery,
) -> Result<Vec<(u64, AuditEntry)>, RegistryError> {
    query.answer(&crate::offline::open(dir)?.snapshot())
}

/// Tells every entry of the audit trail of an index that no server has open, in order, whatever their number.
///
/// # Errors
/// As [`verify_audit_offline`]; whatever `take` refuses with.
pub fn audit_entries_offline<E: From<RegistryError>>(
    dir: impl Into<DataDir>,
    from: u64,
    mut take: impl FnMut(u64, AuditEntry) -> Result<(), E>,
) -> Result<(), E> {
    let store = crate::offline::open(dir)?;
    for entry in store.snapshot().audit_entries(from) {
        let (number, entry) = entry.map_err(RegistryError::from)?;
        take(number, entry)?;
    }
    Ok(())
}

/// Takes old entries out of the audit trail of an index that no server has open: see `Store::retire_audit`.
///
/// # Errors
/// As [`verify_audit_offline`]; whatever `keep` or `finished` refuse with, and nothing is taken out then.
pub fn retire_audit_offline<E: From<empi_store::StoreError> + From<RegistryError>>(
    dir: impl Into<DataDir>,
    before: Timestamp,
    now: Timestamp,
    keep: impl FnMut(u64, &[u8]) -> Result<(), E>,
    finished: impl FnOnce(AuditArchive) -> Result<(), E>,
) -> Result<AuditArchive, E> {
    crate::offline::open(dir)?.retire_audit(before, now, keep, finished)
}
