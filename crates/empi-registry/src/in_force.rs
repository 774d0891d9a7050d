//! The model that decides. It is replaced as a whole, by the commit thread alone and while it holds the mirror: who
//! reads it under the mirror's lock has the two together.

use std::sync::Arc;

use empi_linkage::{LinkageModel, LinkageModelFile};
use empi_model::{Promotion, Thresholds};
use empi_store::{Store, StoredModel};

use crate::RegistryError;
use crate::commit::Core;
use crate::lab::read_model;
use crate::plan::Rules;
use crate::registry::Registry;

/// A model with what follows from it.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) model: LinkageModel,
    /// The model's number in the store.
    pub(crate) number: u32,
    pub(crate) rules: Rules,
}

impl InForce {
    pub(crate) fn new(model: LinkageModel, number: u32, tasks_max: usize) -> Self {
        let rules = Rules { thresholds: model.thresholds(), tasks_max };
        Self { model, number, rules }
    }
}

impl Core {
    /// The model that decides now.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.read())
    }
}

/// The model that decides in a store when it is opened with one: that one, unless another was promoted while the store
/// was opened with the same. Whoever spoke last is heard.
///
/// # Errors
/// [`RegistryError::Store`] when reading fails; [`RegistryError::Invalid`] for a promoted model that this version cannot
/// read.
pub(crate) fn chosen(
    store: &Store,
    configured: &LinkageModel,
    promotions: &[Promotion],
) -> Result<Option<(u32, LinkageModel)>, RegistryError> {
    let snapshot = store.snapshot();
    let models = snapshot.models()?;
    let is_configured = |number: u32| {
        let same = |it: &&StoredModel| it.name == configured.name() && it.text == configured.text();
        models.iter().find(same).is_some_and(|it| it.number == number)
    };
    let Some(last) = promotions.last().filter(|last| is_configured(last.configured)) else {
        return Ok(None);
    };
    let model = read_model(&snapshot, last.model)?;
    Ok(Some((last.model, model)))
}

/// The same model with other thresholds, under another version.
fn with_thresholds(
    model: &LinkageModel,
    thresholds: Thresholds,
    version: u32,
) -> Result<LinkageModel, RegistryError> {
    let refused = |error: empi_linkage::ModelError| RegistryError::invalid(error.to_string());
    let mut file = LinkageModelFile::parse(model.text()).map_err(refused)?;
    file.thresholds.review = thresholds.review.bits();
    file.thresholds.link = thresholds.link.bits();
    (file.calibration, file.version) = (None, version);
    let text = file.to_toml().map_err(refused)?;
    LinkageModel::parse(&text).map_err(refused)
}

impl Registry {
    /// The model in force with other thresholds, under a version that no model of this name had here. With its own
    /// thresholds it is the model in force itself.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for thresholds that the rules of model files refuse.
    pub fn model_with_thresholds(
        &self,
        thresholds: Thresholds,
    ) -> Result<LinkageModel, RegistryError> {
        let in_force = self.core.in_force();
        let model = &in_force.model;
        if model.thresholds() == thresholds {
            return Ok(model.clone());
        }
        let models = self.core.store.snapshot().models()?;
        let (name, own) = named(model.name());
        let versions = models.iter().map(|it| named(&it.name)).filter(|(it, _)| *it == name);
        let last = versions.map(|(_, version)| version).max().unwrap_or_default().max(own);
        with_thresholds(model, thresholds, last.saturating_add(1))
    }

    /// Refuses a model under a name and version that another one has here: decisions name models by them.
    pub(crate) fn check_name(&self, model: &LinkageModel) -> Result<(), RegistryError> {
        let models = self.core.store.snapshot().models()?;
        let is_taken = |it: &&StoredModel| it.name == model.name() && it.text != model.text();
        match models.iter().find(is_taken) {
            None => Ok(()),
            Some(_) => Err(RegistryError::invalid(format!(
                "another model here is named {}: raise the version in the model file",
                model.name()
            ))),
        }
    }
}

/// The name and version of a model.
fn named(name: &str) -> (&str, u32) {
    let (name, version) = name.rsplit_once('/').unwrap_or((name, ""));
    (name, version.parse().unwrap_or_default())
}

/// Whether two models give every pair the same weight, so that what was learnt of weights under one holds under the
/// other.
pub(crate) fn weigh_alike(one: &LinkageModel, other: &LinkageModel) -> bool {
    let weights = |model: &LinkageModel| {
        let mut file = LinkageModelFile::parse(model.text()).ok()?;
        (file.name, file.version) = (String::new(), 0);
        (file.thresholds.review, file.thresholds.link) = (0.0, 0.0);
        (file.training, file.calibration) = (None, None);
        Some(file)
    };
    weights(one).zip(weights(other)).is_some_and(|(one, other)| one == other)
}
