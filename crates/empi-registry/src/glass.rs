//! Emergencies: somebody states why they must see a person whose data are not to be shared, is shown that one person for
//! a short time, and an auditor looks at it afterwards. It gives no leave to change anything.
//!
//! All of them are kept, and few are stated, so all are in memory; one is written, with its entry in the audit trail,
//! before anybody is shown anything for it.

use empi_model::{
    Asked, Asker, AuditEntry, AuditOutcome, BrokenGlass, EnterpriseId, GlassReview, Operation,
    Purpose, Timestamp,
};
use empi_store::Store;
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::registry::Registry;

/// How long an emergency lasts, in minutes, unless something shorter is asked for.
pub const GLASS_MINUTES_MAX: u32 = 30;

/// Longest reason, and longest note, in bytes.
const WORDS_BYTES_MAX: usize = 500;

const MINUTE_MS: i64 = 60_000;

/// The emergencies that were stated, in order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Glass {
    known: RwLock<Vec<BrokenGlass>>,
    /// Held while one is written.
    changing: Mutex<()>,
}

impl Glass {
    pub(crate) fn read(store: &Store) -> Result<Self, RegistryError> {
        let known = store.snapshot().glass().collect::<Result<Vec<_>, _>>()?;
        Ok(Self { known: RwLock::new(known), changing: Mutex::default() })
    }

    /// Until when somebody is shown a person.
    pub(crate) fn until(
        &self,
        by: &str,
        person: EnterpriseId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let known = self.known.read();
        let mut latest = known.iter().rev().filter(|it| it.by == by && it.person == person);
        latest.find(|it| it.since <= now && now < it.until).map(|it| it.until)
    }
}

/// The audit entry of an emergency: what is done about it, and about whom.
fn entry(asker: &Asker, operation: Operation, glass: &BrokenGlass, now: Timestamp) -> AuditEntry {
    let reason = format!("emergency {}", glass.number);
    let purpose = match operation {
        Operation::BreakGlass => Purpose::BreakGlass,
        _ => asker.purpose,
    };
    let asker = Asker { reason, purpose, ..asker.clone() };
    let asked = Asked { asker: asker.into(), operation };
    AuditEntry::new(now, asked, AuditOutcome::Done, vec![glass.person])
}

fn words(text: &str, what: &str) -> Result<String, RegistryError> {
    let text = text.trim();
    if text.is_empty() || text.len() > WORDS_BYTES_MAX {
        return Err(RegistryError::invalid(format!(
            "{what} is missing or longer than {WORDS_BYTES_MAX} bytes: say it in a sentence, without patient data"
        )));
    }
    Ok(text.to_owned())
}

impl Registry {
    /// States an emergency in which the caller must see a person whose data are not to be shared: from now on they are
    /// shown that person for so many minutes. Stated again while it lasts, it is the same one.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for somebody who is not there; [`RegistryError::Conflict`] for somebody whom the
    /// caller is shown anyway; [`RegistryError::Invalid`] without a reason or for more than [`GLASS_MINUTES_MAX`] minutes;
    /// [`RegistryError::Poisoned`] after a failed write.
    pub fn break_glass(
        &self,
        asked: EnterpriseId,
        reason: &str,
        minutes: u32,
    ) -> Result<BrokenGlass, RegistryError> {
        let core = &*self.core;
        core.durability.check()?;
        let reason = words(reason, "the reason")?;
        if !(1..=GLASS_MINUTES_MAX).contains(&minutes) {
            return Err(RegistryError::invalid(format!(
                "an emergency lasts 1 to {GLASS_MINUTES_MAX} minutes: state another when it is over"
            )));
        }
        let person = core.person(&core.store.snapshot(), asked)?.person.enterprise_id;
        let asker = self.asker();
        let _one_at_a_time = core.glass.changing.lock();
        let now = core.clock.now();
        if self.is_shown_anyway(person) {
            return Err(RegistryError::conflict(
                "you are shown this person anyway: there is no need to state an emergency",
            ));
        }
        let standing = core
            .glass
            .known
            .read()
            .iter()
            .rev()
            .find(|it| (it.by.as_str(), it.person) == (&asker.name, person) && now < it.until)
            .cloned();
        if let Some(standing) = standing {
            return Ok(standing);
        }
        let number = core.glass.known.read().len() as u64 + 1;
        let until = Timestamp(now.0.saturating_add(i64::from(minutes) * MINUTE_MS));
        let (by, since) = (asker.name.clone(), now);
        let glass = BrokenGlass { number, by, person, reason, since, until, review: None };
        core.store.put_glass(&glass, &entry(&asker, Operation::BreakGlass, &glass, now))?;
        core.glass.known.write().push(glass.clone());
        self.changed([person]);
        tracing::warn!(
            emergency = number,
            by = glass.by,
            "somebody stated an emergency: an auditor looks at it"
        );
        Ok(glass)
    }

    /// The emergencies that were stated, the newest first: those that nobody has looked at, or all. At most `limit`.
    #[must_use]
    pub fn glass(&self, only_open: bool, limit: usize) -> Vec<BrokenGlass> {
        let known = self.core.glass.known.read();
        let wanted = known.iter().rev().filter(|it| !only_open || it.review.is_none());
        wanted.take(limit).cloned().collect()
    }

    /// How many emergencies were stated, and how many of them nobody has looked at.
    #[must_use]
    pub fn glass_count(&self) -> (usize, usize) {
        let known = self.core.glass.known.read();
        (known.len(), known.iter().filter(|it| it.review.is_none()).count())
    }

    /// Says what came of looking at an emergency. It is said once.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for a number that none has; [`RegistryError::Conflict`] for one's own, and for one that
    /// somebody has looked at; [`RegistryError::Invalid`] without a note.
    pub fn review_glass(
        &self,
        number: u64,
        is_justified: bool,
        note: &str,
    ) -> Result<BrokenGlass, RegistryError> {
        let core = &*self.core;
        core.durability.check()?;
        let note = words(note, "the note")?;
        let asker = self.asker();
        let _one_at_a_time = core.glass.changing.lock();
        let at = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
        let known = core.glass.known.read().get(at).cloned();
        let mut glass = known.ok_or_else(|| {
            RegistryError::not_found(format!("there is no emergency {number}: look at the list"))
        })?;
        if glass.by == asker.name {
            return Err(RegistryError::conflict("somebody else looks at what you did yourself"));
        }
        if let Some(review) = &glass.review {
            return Err(RegistryError::conflict(format!(
                "{} has looked at emergency {number} already",
                review.by
            )));
        }
        let time = core.clock.now();
        let by = asker.name.clone();
        glass.review = Some(GlassReview { by, time, is_justified, note });
        core.store.put_glass(&glass, &entry(&asker, Operation::ReviewGlass, &glass, time))?;
        if let Some(known) = core.glass.known.write().get_mut(at) {
            known.clone_from(&glass);
        }
        self.changed([glass.person]);
        Ok(glass)
    }
}
