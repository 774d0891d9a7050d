//! Two records of an index that no server has open.

use std::sync::Arc;

use anyhow::bail;
use empi_model::{Guard, LinkSource, RecordKey};
use empi_registry::{DataDir, PairView, RecordView, Registry, RegistryError, RegistryOptions};

use super::answer::{Explained, Linked, Side};
use super::{Names, RecordName};
use crate::clock::SystemClock;
use crate::link::pipeline::ModelArgs;

/// Opens the index and explains two of its records.
pub(super) fn explain(
    data: &DataDir,
    model: &ModelArgs,
    names: &Names,
) -> anyhow::Result<Explained> {
    let model = model.file()?.validate()?;
    let thresholds = model.thresholds();
    let options =
        RegistryOptions { create: false, ..RegistryOptions::new(model, Arc::new(SystemClock)) };
    let registry = Registry::open(data, options)?;
    let [left, right] = names;
    let (left, right) = (key(&registry, left)?, key(&registry, right)?);
    if left == right {
        bail!("both names are of one record: two are needed");
    }
    let view = registry.explain_pair(&left, &right)?;
    registry.close();
    let PairView { left, right, explanation, mut rules, capped_rules, kept_apart, tasks } = view;
    // One person, and no rule brings the two together today: other records did.
    rules.dedup();
    let by_steward = [&left, &right].iter().any(|it| it.record.link.source == LinkSource::Manual);
    Ok(Explained {
        left: side(left),
        right: side(right),
        thresholds,
        rules,
        capped_rules,
        joining_guards: if kept_apart { vec![Guard::KeptApart] } else { Vec::new() },
        through: Vec::new(),
        linked: Linked::InIndex { by_steward, tasks: tasks.iter().map(|task| task.0).collect() },
        values_shown: true,
        score: explanation,
    })
}

/// The key that a name stands for.
fn key(registry: &Registry, name: &RecordName) -> anyhow::Result<RecordKey> {
    let mut failure = None;
    let found = name.find(|key| match registry.record(key) {
        Ok(_) => Some(()),
        Err(RegistryError::NotFound(_)) => None,
        Err(error) => {
            failure = Some(error);
            Some(())
        }
    });
    match (failure, found) {
        (Some(error), _) => Err(error.into()),
        (None, Some((key, ()))) => Ok(key),
        (None, None) => {
            bail!("no such record is in the index: check its source and its ID")
        }
    }
}

fn side(view: RecordView) -> Side {
    let RecordView { record, enterprise_id, .. } = view;
    Side { key: record.record.key, enterprise_id: enterprise_id.to_string() }
}
