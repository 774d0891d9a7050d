//! Asking the registry: nothing here changes anything, and nothing is answered that is not durable.
//!
//! Documents (records, persons, tasks) are read from a snapshot of the store, where only synced
//! writes are visible. Matching reads the mirror and waits for the changes it saw.

use empi_linkage::{Intern, Lexicon, LexiconOverlay, blocking_keys, explain, normalize};
use empi_model::{
    Asks, BlockingKey, BlockingRule, Consent, EnterpriseId, Identifier, LinkDecision, MatchGrade,
    NormalizedRecord, PersonState, RecordKey, RecordState, ReviewTask, ScoreExplanation,
    SourceRecord, TaskId, Thresholds, Timestamp,
};
use empi_store::{Snapshot, StoreStats, StoredRecord, VerifyReport};

use crate::RegistryError;
use crate::assess::{Contender, assess};
use crate::commit::Core;
use crate::golden::{Offer, Survivorship, golden_record, offers};
use crate::registry::Registry;
use crate::words::{MatchCandidate, PersonView, RecordView, RegistryStats, TaskView};

/// Longest chain of merges that is followed; each step is one merge of the survivor before.
const REDIRECTS_MAX: usize = 10_000;

/// Most persons that one identifier may name before it is no identifier.
const IDENTIFIER_PERSONS_MAX: usize = 100;

impl Registry {
    /// The persons that a record may belong to, the best first, one entry per person, without
    /// writing anything. At most `candidates_max`. The record needs no key.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when reading fails, [`RegistryError::Poisoned`] after a failed
    /// write.
    pub fn match_record(
        &self,
        record: &SourceRecord,
        candidates_max: usize,
    ) -> Result<Vec<MatchCandidate>, RegistryError> {
        let core = &*self.core;
        core.durability.check()?;
        let normalized = normalize(record);
        let (assessment, sequence) = {
            let mirror = core.mirror.read();
            let assessment = assess(&mirror, &core.in_force().model, &normalized, None);
            let sequence = assessment.last_change(&mirror);
            (assessment, sequence)
        };
        core.durability.wait(sequence)?;
        let snapshot = core.store.snapshot();
        let shown = assessment.contenders.iter().filter(|it| self.is_shown(it.person));
        let contenders: Vec<&Contender> = shown.take(candidates_max).collect();
        self.saw(contenders.iter().map(|contender| contender.person));
        contenders
            .into_iter()
            .map(|contender| {
                let stored = snapshot.record(contender.candidate)?;
                let stored = stored.ok_or_else(|| RegistryError::damaged("a record is missing"))?;
                let mut explanation = core.explain(&normalized, &normalize(&stored.record));
                let grade = grade(core, contender, &explanation);
                self.mask_explanation(&mut explanation);
                Ok(MatchCandidate {
                    enterprise_id: contender.person,
                    record: stored.record.key,
                    grade,
                    explanation,
                })
            })
            .collect()
    }

    /// A person, by any enterprise ID it ever had.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] for an ID that was never given out.
    pub fn person(&self, id: EnterpriseId) -> Result<PersonView, RegistryError> {
        let view = self.person_unshown(id)?;
        let view = self.shown(view)?;
        self.saw([view.person.enterprise_id]);
        Ok(view)
    }

    /// The enterprise ID that answers for another, of which nothing else is shown.
    ///
    /// # Errors
    /// As [`person`](Self::person), but for persons who are not to be shared: their ID is no secret.
    pub fn survivor(&self, id: EnterpriseId) -> Result<EnterpriseId, RegistryError> {
        Ok(self.person_unshown(id)?.person.enterprise_id)
    }

    /// The same for looking at a person who is not shown for it.
    pub(crate) fn person_unshown(&self, id: EnterpriseId) -> Result<PersonView, RegistryError> {
        self.core.durability.check()?;
        self.core.person(&self.core.store.snapshot(), id)
    }

    /// What a steward can choose from, field by field, where the records of a person say different things.
    #[must_use]
    pub fn offers(&self, view: &PersonView) -> Vec<Offer> {
        offers(&view.records, &view.golden)
    }

    /// A record by its key.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when no such record was registered.
    pub fn record(&self, key: &RecordKey) -> Result<RecordView, RegistryError> {
        Ok(self.mask_record(self.record_unmasked(key)?))
    }

    /// The same with all fields, for what is computed of them.
    pub(crate) fn record_unmasked(&self, key: &RecordKey) -> Result<RecordView, RegistryError> {
        self.core.durability.check()?;
        let missing = || {
            RegistryError::not_found(
                "no such record is registered: check its source and its record ID",
            )
        };
        // Memory tells the number of a record sooner than the disk, unless somebody changes it just now; the disk alone
        // knows the key of one that was erased.
        let known = self.core.mirror.try_read().and_then(|mirror| mirror.record_index(key));
        let snapshot = self.core.store.snapshot();
        let index = match known {
            Some(index) => index,
            None => snapshot.record_index(key)?.ok_or_else(missing)?,
        };
        let record = match (snapshot.record(index)?, known) {
            // One that memory has and the disk has not yet is not registered yet.
            (None, Some(_)) => return Err(missing()),
            (stored, _) => present(stored)?,
        };
        let enterprise_id = record.link.enterprise_id;
        if !self.owns(&key.source) {
            self.refuse_restricted([enterprise_id])?;
        }
        self.saw([enterprise_id]);
        Ok(RecordView { enterprise_id, record, withheld: Vec::new() })
    }

    /// The same as [`record`](Self::record) where nothing has to be waited for: neither the disk nor the index, which is
    /// asked where anybody's data are not to be shared. `None` otherwise, and for whatever is no record to be shown.
    #[must_use]
    pub fn record_at_hand(&self, key: &RecordKey) -> Option<RecordView> {
        self.core.durability.check().ok()?;
        let index = self.core.mirror.try_read()?.record_index(key)?;
        let record = present(self.core.store.record_at_hand(index)).ok()?;
        if !self.owns(&key.source) && !self.sees_everybody() {
            return None;
        }
        let enterprise_id = record.link.enterprise_id;
        self.saw([enterprise_id]);
        Some(self.mask_record(RecordView { enterprise_id, record, withheld: Vec::new() }))
    }

    /// The persons with a record that carries an identifier, the oldest first. More than one means
    /// that the identifier was given twice, or that two persons may be one.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] for an identifier that is a placeholder, unreadable, or carried
    /// by more than 100 persons.
    pub fn resolve_identifier(
        &self,
        identifier: &Identifier,
    ) -> Result<Vec<PersonView>, RegistryError> {
        let core = &*self.core;
        core.durability.check()?;
        let asked = normalize(&SourceRecord {
            identifiers: vec![identifier.clone()],
            ..SourceRecord::default()
        });
        let (mut persons, sequence) = {
            let mirror = core.mirror.read();
            let mut values = LexiconOverlay::new(&mirror.lexicon);
            let row = values.row(&asked);
            let wanted = row.identifiers().next();
            let key = blocking_keys(&values, &row)
                .into_iter()
                .find(|key| key.rule() == Some(BlockingRule::Identifier));
            let (Some(key), Some(wanted)) = (key, wanted) else {
                let sentence = "this identifier cannot be looked for: it needs an authority, and a \
                                value that is no placeholder such as 0, 1 or NONE";
                return Err(RegistryError::invalid(sentence));
            };
            let mut persons: Vec<EnterpriseId> = Vec::new();
            for record in mirror.postings.records(key) {
                let Some(record) = mirror.record(empi_model::RecordIndex(record)) else {
                    continue;
                };
                let carries = record.row.identifiers().any(|carried| carried == wanted);
                if carries && !persons.contains(&record.person) {
                    persons.push(record.person);
                }
                if persons.len() > IDENTIFIER_PERSONS_MAX {
                    return Err(RegistryError::invalid(format!(
                        "more than {IDENTIFIER_PERSONS_MAX} persons carry this identifier: look \
                         for another one"
                    )));
                }
            }
            let changed = persons.iter().map(|person| mirror.recent.person_changed(*person));
            let sequence = changed.max().unwrap_or(0).max(mirror.recent.key_changed(key));
            persons.sort_unstable_by_key(|person| mirror.person(*person).map(|it| it.age()));
            (persons, sequence)
        };
        core.durability.wait(sequence)?;
        persons.retain(|person| self.is_shown(*person));
        self.saw(persons.iter().copied());
        let snapshot = core.store.snapshot();
        persons.into_iter().map(|id| self.shown(core.person(&snapshot, id)?)).collect()
    }

    /// A review task with everything needed to answer it.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] without such a task.
    pub fn task(&self, id: TaskId) -> Result<TaskView, RegistryError> {
        let core = &*self.core;
        core.durability.check()?;
        let snapshot = core.store.snapshot();
        let task = snapshot.task(id)?.ok_or_else(|| {
            let sentence = format!("there is no review task {id}: list the tasks and take one");
            RegistryError::not_found(sentence)
        })?;
        let incoming = record_view(&snapshot, task.incoming)?;
        let candidate = record_view(&snapshot, task.candidate)?;
        let persons = [incoming.enterprise_id, candidate.enterprise_id];
        self.refuse_restricted(persons)?;
        self.saw(persons);
        let proposed = snapshot.held_update(id)?;
        let explanation = if task.asks() == Asks::Nothing {
            without_rows(&task)
        } else {
            let left = proposed.as_ref().unwrap_or(&incoming.record.record);
            core.explain(&normalize(left), &normalize(&candidate.record.record))
        };
        let line = self.line_of(task)?;
        Ok(self.mask_task(TaskView { line, incoming, candidate, proposed, explanation }))
    }

    /// Figures of the index as it is in memory.
    #[must_use]
    pub fn stats(&self) -> RegistryStats {
        let mirror = self.core.mirror.read();
        RegistryStats {
            records: u64::from(mirror.counters().records),
            persons: mirror.person_count() as u64,
            redirects: mirror.redirect_count(),
            open_tasks: mirror.tasks.len() as u64,
            events: mirror.counters().events,
        }
    }

    /// Reads the whole store and checks that everything in it agrees.
    ///
    /// # Errors
    /// [`RegistryError::Store`] when it cannot be read; what does not agree is in the report.
    pub fn verify(&self) -> Result<VerifyReport, RegistryError> {
        Ok(self.core.store.verify(&stored_keys)?)
    }

    /// Figures of the store on disk.
    #[must_use]
    pub fn store_stats(&self) -> StoreStats {
        self.core.store.stats()
    }

    /// The time by the registry's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// From how many bits on records are linked, and from how many on a person is asked.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.core.in_force().model.thresholds()
    }

    /// Name and version of the model in force.
    #[must_use]
    pub fn model_name(&self) -> String {
        self.core.in_force().model.name().to_owned()
    }
}

impl Core {
    /// Explains a pair against the counts of the index.
    pub(crate) fn explain(
        &self,
        left: &NormalizedRecord,
        right: &NormalizedRecord,
    ) -> ScoreExplanation {
        let mirror = self.mirror.read();
        let mut values = LexiconOverlay::new(&mirror.lexicon);
        let (left_row, right_row) = (values.row(left), values.row(right));
        explain(&self.in_force().model, &values, (&left_row, left), (&right_row, right))
    }

    pub(crate) fn person(
        &self,
        snapshot: &Snapshot<'_>,
        asked: EnterpriseId,
    ) -> Result<PersonView, RegistryError> {
        person_view(snapshot, &self.survivorship, asked)
    }
}

/// Follows an enterprise ID to the living person.
pub(crate) fn person_view(
    snapshot: &Snapshot<'_>,
    survivorship: &Survivorship,
    asked: EnterpriseId,
) -> Result<PersonView, RegistryError> {
    let mut id = asked;
    for _ in 0..REDIRECTS_MAX {
        let Some(person) = snapshot.person(id)? else {
            return Err(if id == asked {
                RegistryError::not_found(
                    "no person has this enterprise ID: it was never given out here",
                )
            } else {
                RegistryError::damaged("an enterprise ID redirects to one that is missing")
            });
        };
        match &person.state {
            PersonState::Redirect { survivor, .. } => id = *survivor,
            PersonState::Erased { event, .. } => return Err(crate::erase::gone(*event)),
            PersonState::Live(records) => {
                let records = records.iter().map(|record| stored_record(snapshot, *record));
                let records = records.collect::<Result<Vec<StoredRecord>, _>>()?;
                let golden = golden_record(&records, survivorship);
                let consent = consent_of(&records);
                let (withheld, emergency_until) = (Vec::new(), None);
                return Ok(PersonView {
                    asked,
                    person,
                    records,
                    golden,
                    consent,
                    withheld,
                    emergency_until,
                });
            }
        }
    }
    Err(RegistryError::damaged("enterprise IDs redirect in a circle"))
}

/// The keys of a record as they stand in the store. They do not depend on a lexicon.
pub(crate) fn stored_keys(record: &SourceRecord) -> Vec<BlockingKey> {
    let lexicon = Lexicon::new();
    let mut values = LexiconOverlay::new(&lexicon);
    let row = values.row(&normalize(record));
    blocking_keys(&values, &row).into_vec()
}

/// How sure a candidate is: certain only when the whole person answers.
fn grade(core: &Core, contender: &Contender, explanation: &ScoreExplanation) -> MatchGrade {
    if contender.answers() && explanation.decision == LinkDecision::Link {
        MatchGrade::Certain
    } else if contender.weight >= core.in_force().model.thresholds().link {
        MatchGrade::Probable
    } else {
        MatchGrade::Possible
    }
}

fn without_rows(task: &ReviewTask) -> ScoreExplanation {
    ScoreExplanation {
        rows: Vec::new(),
        total: task.weight,
        decision: LinkDecision::Review,
        guards: task.guards.clone(),
        model: task.model.clone(),
    }
}

fn stored_record(
    snapshot: &Snapshot<'_>,
    index: empi_model::RecordIndex,
) -> Result<StoredRecord, RegistryError> {
    present(snapshot.record(index)?)
}

/// A record that must be there, and must not have been erased.
fn present(stored: Option<StoredRecord>) -> Result<StoredRecord, RegistryError> {
    let stored = stored.ok_or_else(|| RegistryError::damaged("a record is missing"))?;
    if stored.state == RecordState::Erased {
        return Err(crate::erase::gone(stored.changed));
    }
    Ok(stored)
}

/// A record's link is rewritten whenever its person goes into another, so it names the living one.
fn record_view(
    snapshot: &Snapshot<'_>,
    index: empi_model::RecordIndex,
) -> Result<RecordView, RegistryError> {
    let record = stored_record(snapshot, index)?;
    let enterprise_id = record.link.enterprise_id;
    Ok(RecordView { record, enterprise_id, withheld: Vec::new() })
}

/// What is asked for about a person with these records.
fn consent_of(records: &[StoredRecord]) -> Consent {
    records.iter().map(|stored| stored.consent).reduce(Consent::and).unwrap_or_default()
}
