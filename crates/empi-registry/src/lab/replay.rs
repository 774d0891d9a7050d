//! Trying another model on the store as it was at one moment, and bringing persons into line with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::bounded;
use empi_linkage::{LinkageModel, Linker};
use empi_model::{Actor, EventSequence, MatchWeight, RecordIndex, Timestamp};
use hashbrown::HashMap;

use super::{Job, LabWork, Outcome, Regrouping};
use crate::RegistryError;
use crate::registry::Registry;
use crate::relink::{Anew, Regroup, RelinkOptions, RelinkReport, read_records};
use crate::wanted::{Answer, Tell, Waiting, Work};

/// Changes of persons that wait for the commit thread at a time.
const CHANGES_WAITING_MAX: usize = 32;

/// A model that was tried: what it would change.
#[derive(Debug)]
pub struct Replay {
    /// The trials of this server are numbered: 1 for the first.
    pub number: u64,
    /// The model.
    pub model: LinkageModel,
    /// The model that decided then, by name.
    pub before: String,
    /// When the trial began: what it saw of the store.
    pub begun: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What would change.
    pub report: RelinkReport,
    /// The last event that it knows of.
    pub(super) seen: EventSequence,
    pub(super) regroups: Vec<Regroup>,
    /// The weights that would link the records that change persons.
    pub(super) weights: HashMap<RecordIndex, MatchWeight>,
}

/// How far persons were brought into line.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BroughtIntoLine {
    /// The model, by name.
    pub model_name: String,
    /// Changes that were made, each with one event.
    pub changed: u64,
    /// Changes that were left out: somebody or something had changed these persons meanwhile.
    pub left_out: u64,
    /// Changes that were not come to, because it was stopped.
    pub not_reached: u64,
}

impl Registry {
    /// Links all records under another model, in the background, and tells what would change. Nothing is changed.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for a model under the name and version of another; [`RegistryError::Conflict`] while
    /// something else is being done.
    pub fn replay(&self, model: LinkageModel) -> Result<(), RegistryError> {
        self.check_name(&model)?;
        self.begin(LabWork::Replaying, |job| Ok(Outcome::Replayed(Box::new(job.replay(model)?))))
    }

    /// Brings persons into line with a model that decides already: by a trial, or after one of its own.
    pub(super) fn bring_into_line(
        &self,
        replay: Option<Arc<Replay>>,
        actor: Actor,
    ) -> Result<(), RegistryError> {
        self.begin(LabWork::BringingIntoLine, move |job| {
            let replay = match replay {
                Some(replay) => replay,
                None => Arc::new(job.replay(job.core.in_force().model.clone())?),
            };
            job.bring_into_line(&replay, &actor).map(Outcome::Brought)
        })
    }
}

impl Job {
    fn replay(&self, model: LinkageModel) -> Result<Replay, RegistryError> {
        let core = &*self.core;
        let (begun, before) = (core.clock.now(), core.in_force().model.name().to_owned());
        let snapshot = core.store.snapshot();
        let seen = EventSequence(snapshot.counters()?.events);
        let mut linker = Linker::new(model.clone());
        let records = read_records(&snapshot, &mut linker, &|| self.goes_on().is_ok())?;
        self.goes_on()?;
        let blocked = linker.block();
        self.set_total(blocked.pairs_with_repeats());
        let anew = Anew::of(blocked, records, &self.steps.pairs);
        self.goes_on()?;
        let options = RelinkOptions {
            actor: Actor { kind: empi_model::ActorKind::System, name: "replay".to_owned() },
            clock: Arc::clone(&core.clock),
            dry_run: true,
        };
        let (report, regroups) = anew.foretell(&snapshot, &model, &options)?;
        let moved = regroups.iter().flat_map(|regroup| &regroup.groups);
        let weights = moved.flat_map(|group| &group.records).filter_map(|record| {
            Some((*record, anew.weights.get(record.0 as usize).copied().flatten()?))
        });
        let weights = weights.collect();
        let (number, took_ms) = (0, self.took_ms());
        Ok(Replay { number, model, before, begun, took_ms, report, seen, regroups, weights })
    }

    /// Makes the changes that a trial has foretold, one event each, where the persons are still as it saw them.
    fn bring_into_line(
        &self,
        replay: &Arc<Replay>,
        actor: &Actor,
    ) -> Result<BroughtIntoLine, RegistryError> {
        let mut brought =
            BroughtIntoLine { model_name: replay.model.name().to_owned(), ..Default::default() };
        let total = replay.regroups.len() as u64;
        self.set_total(total);
        self.steps.is_changing.store(true, Ordering::Relaxed);
        let model = self.core.in_force().number;
        for batch in replay.regroups.chunks(CHANGES_WAITING_MAX) {
            if self.goes_on().is_err() {
                break;
            }
            let mut answers = Vec::with_capacity(batch.len());
            for regroup in batch {
                let regrouping = Regrouping {
                    regroup: regroup.clone(),
                    replay: Arc::clone(replay),
                    actor: actor.clone(),
                    model,
                };
                let (answer, receiver) = bounded(1);
                let tell: Tell = Box::new(move |told| {
                    // Where nobody waits for it any more, the change stands all the same.
                    let _ = answer.send(told);
                });
                let work = Work::Regroup(Box::new(regrouping));
                let since = Instant::now();
                self.queue
                    .send(Waiting { wanted: work.into(), asked: None, since, tell })
                    .map_err(|_| RegistryError::Poisoned)?;
                answers.push(receiver);
            }
            for answer in answers {
                match answer.recv().map_err(|_| RegistryError::Poisoned)?? {
                    Answer::Regrouped(true) => brought.changed += 1,
                    _ => brought.left_out += 1,
                }
                self.steps.changes.fetch_add(1, Ordering::Relaxed);
            }
        }
        brought.not_reached = total - brought.changed - brought.left_out;
        Ok(brought)
    }
}
