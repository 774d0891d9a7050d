//! Putting another model in force: an entry in a log that is kept for ever, and the way back.

use std::sync::Arc;

use empi_linkage::LinkageModel;
use empi_model::{Actor, MatchWeight, Promotion, ReasonCode, RecordIndex};
use empi_store::{DataDir, Snapshot};

use super::{Replay, busy};
use crate::RegistryError;
use crate::commit::Core;
use crate::compose::Pending;
use crate::in_force::InForce;
use crate::mirror::Mirror;
use crate::offline;
use crate::registry::Registry;
use crate::relink::Regroup;
use crate::wanted::{Answer, Wanted};

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 2000;

/// What goes with putting a model in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromoteRequest {
    /// Who wants it.
    pub actor: Actor,
    /// Why.
    pub reason: ReasonCode,
    /// Why, in their words. Never patient data.
    pub note: String,
    /// Whether the persons are brought into line with it, too.
    pub brings_into_line: bool,
}

/// An entry of the log of models, with their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionView {
    /// The entry.
    pub promotion: Promotion,
    /// The model's name and version.
    pub model_name: String,
    /// Those of the model before.
    pub before_name: String,
    /// Whether this model decides now because of this entry.
    pub is_in_force: bool,
}

/// A model on its way into force.
#[derive(Debug)]
pub(crate) struct Promoting {
    model: LinkageModel,
    request: PromoteRequest,
    is_rollback: bool,
}

/// Persons that are to exchange records, as a trial has found.
pub(crate) struct Regrouping {
    pub(crate) regroup: Regroup,
    pub(super) replay: Arc<Replay>,
    pub(crate) actor: Actor,
    /// The model that is to decide, by its number.
    pub(super) model: u32,
}

impl Regrouping {
    /// The weight that links a record.
    pub(crate) fn weight(&self, record: RecordIndex) -> Option<MatchWeight> {
        self.replay.weights.get(&record).copied()
    }

    /// Whether model, persons and records are as the trial has seen them.
    pub(crate) fn still_holds(
        &self,
        in_force: &InForce,
        pending: &Pending<'_>,
    ) -> Result<bool, RegistryError> {
        if in_force.number != self.model {
            return Ok(false);
        }
        for id in &self.regroup.persons {
            let person = pending.person(*id)?;
            if person.is_none_or(|person| person.version > self.replay.seen) {
                return Ok(false);
            }
        }
        for record in self.regroup.groups.iter().flat_map(|group| &group.records) {
            if pending.record(*record)?.changed > self.replay.seen {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The model that was put in force last in a store that no server has open; `None` where none was.
///
/// # Errors
/// [`RegistryError::Store`] when the store is missing, open elsewhere or cannot be read; [`RegistryError::Invalid`] for a
/// model that this version cannot read.
pub fn promoted_model(dir: impl Into<DataDir>) -> Result<Option<LinkageModel>, RegistryError> {
    let store = offline::open(dir)?;
    let snapshot = store.snapshot();
    let promotions = snapshot.promotions().collect::<Result<Vec<_>, _>>()?;
    promotions.last().map(|last| read_model(&snapshot, last.model)).transpose()
}

/// A model out of the store.
pub(crate) fn read_model(
    snapshot: &Snapshot<'_>,
    number: u32,
) -> Result<LinkageModel, RegistryError> {
    let model = snapshot.model(number)?;
    let model = model.ok_or_else(|| RegistryError::damaged("a model that decided is missing"))?;
    LinkageModel::parse(&model.text).map_err(|error| {
        RegistryError::invalid(format!(
            "this version cannot read the model {}: {error}",
            model.name
        ))
    })
}

impl Registry {
    /// Puts the model of the last trial in force, from the next decision on. Where it is asked for, persons are brought
    /// into line with it in the background.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when another trial was made since, or something is being done;
    /// [`RegistryError::Invalid`] for a note that is too long; [`RegistryError::Store`] when it cannot be written.
    pub fn promote(
        &self,
        replay: u64,
        request: PromoteRequest,
    ) -> Result<Promotion, RegistryError> {
        let view = self.lab();
        if view.running.is_some() {
            return Err(busy());
        }
        let tried = view.replay.filter(|tried| tried.number == replay).ok_or_else(|| {
            RegistryError::conflict("this trial is not the last one any more: look at that")
        })?;
        let (actor, brings) = (request.actor.clone(), request.brings_into_line);
        let promotion = self.put_in_force(tried.model.clone(), request, false)?;
        if brings {
            self.bring_into_line(Some(tried), actor)?;
        }
        Ok(promotion)
    }

    /// Puts the model in force again that decided before the last entry of the log.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] without such an entry, when another was made since, or while something is being
    /// done; else as [`promote`](Self::promote).
    pub fn roll_back(
        &self,
        entry: u32,
        request: PromoteRequest,
    ) -> Result<Promotion, RegistryError> {
        if self.lab().running.is_some() {
            return Err(busy());
        }
        let last = self.core.promotions.lock().last().cloned();
        let last = last.filter(|last| last.number == entry).ok_or_else(|| {
            RegistryError::conflict("this is not the last entry any more: look at the log again")
        })?;
        let model = read_model(&self.core.store.snapshot(), last.before)?;
        let (actor, brings) = (request.actor.clone(), request.brings_into_line);
        let promotion = self.put_in_force(model, request, true)?;
        if brings {
            self.bring_into_line(None, actor)?;
        }
        Ok(promotion)
    }

    fn put_in_force(
        &self,
        model: LinkageModel,
        request: PromoteRequest,
        is_rollback: bool,
    ) -> Result<Promotion, RegistryError> {
        self.core.durability.check()?;
        if request.note.len() > NOTE_BYTES_MAX {
            return Err(RegistryError::invalid("the note is too long: say it in 2,000 bytes"));
        }
        let promoting = Promoting { model, request, is_rollback };
        match self.submit(Wanted::Promotion(Box::new(promoting)))? {
            Answer::Promoted(promotion) => Ok(promotion),
            _ => Err(RegistryError::Poisoned),
        }
    }

    /// Which model decided since when, the last first.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails.
    pub fn promotions(&self) -> Result<Vec<PromotionView>, RegistryError> {
        let models = self.core.store.snapshot().models()?;
        let name = |number: u32| {
            let found = models.iter().find(|model| model.number == number);
            found.map_or_else(String::new, |model| model.name.clone())
        };
        let in_force = self.core.in_force().number;
        let promotions = self.core.promotions.lock();
        let last = promotions.last().map(|last| last.number);
        let view = |promotion: &Promotion| PromotionView {
            model_name: name(promotion.model),
            before_name: name(promotion.before),
            is_in_force: Some(promotion.number) == last && promotion.model == in_force,
            promotion: promotion.clone(),
        };
        Ok(promotions.iter().rev().map(view).collect())
    }

    /// The model that decides, as its file says.
    #[must_use]
    pub fn model(&self) -> LinkageModel {
        self.core.in_force().model.clone()
    }
}

impl Core {
    /// Lets another model decide. Called by the commit thread, which holds the mirror: nothing is decided meanwhile,
    /// and what was planned under the model before is planned again.
    pub(crate) fn promote(
        &self,
        mirror: &mut Mirror,
        promoting: &Promoting,
    ) -> Result<Promotion, RegistryError> {
        let Promoting { model, request, is_rollback } = promoting;
        let before = self.in_force();
        let number = self.store.keep_model(model.name(), model.text())?;
        let mut promotions = self.promotions.lock();
        let promotion = Promotion {
            number: promotions.last().map_or(0, |last| last.number) + 1,
            time: self.clock.now(),
            actor: request.actor.clone(),
            reason: request.reason,
            note: request.note.clone(),
            model: number,
            before: before.number,
            configured: self.configured,
            is_rollback: *is_rollback,
        };
        self.store.put_promotion(&promotion)?;
        let in_force = InForce::new(model.clone(), number, before.rules.tasks_max);
        mirror.follow(model);
        *self.in_force.write() = Arc::new(in_force);
        promotions.push(promotion.clone());
        Ok(promotion)
    }
}
