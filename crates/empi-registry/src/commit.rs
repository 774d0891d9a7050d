//! The commit thread: the one place where the index changes.
//!
//! It takes as many waiting changes as one write may hold, checks for each that its plan still
//! holds (or plans again, which is right because nothing else changes meanwhile), applies them to
//! the mirror, writes all of them with one synced batch, and only then answers.

mod decide;
mod propose;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use empi_model::{
    Actor, Asked, EnterpriseId, EventSequence, PersonState, Promotion, RecordIndex, RegistryEvent,
};
use empi_store::{Commit, Store, StoreError, StoredAnswer, StoredRequest};
use parking_lot::{Mutex, RwLock};

use crate::RegistryError;
use crate::accounts::Accounts;
use crate::assess::assess;
use crate::audit::AuditWriter;
use crate::compose::{
    Context, Pending, compose_operation, compose_registration, compose_relinked,
    compose_retirement, compose_review,
};
use crate::durability::Durability;
use crate::erase;
use crate::events::EventView;
use crate::glass::Glass;
use crate::golden::{GoldenRecord, Survivorship, golden_record};
use crate::in_force::InForce;
use crate::incoming::Incoming;
use crate::lab::Samples;
use crate::mirror::{Change, Mirror, RECORDS_MAX};
use crate::proposals::{ApprovalRules, Proposals};
use crate::queue::Claims;
use crate::retire::{self, RetireRequest, Retirement};
use crate::steward::{StewardAnswer, StewardRequest, check_token, fingerprint, version_token};
use crate::users::Users;
use crate::wanted::{Answer, Planned, Waiting, Wanted, Work};
use crate::words::{Clock, Registration, RegistrationDecision};

/// What callers and the commit thread share.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) mirror: RwLock<Mirror>,
    pub(crate) durability: Durability,
    /// The model that decides.
    pub(crate) in_force: RwLock<Arc<InForce>>,
    /// The model that the registry was opened with, by its number in the store.
    pub(crate) configured: u32,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long answers to requests are kept at least.
    pub(crate) requests_kept_ms: i64,
    pub(crate) survivorship: Survivorship,
    /// Tasks that stewards have taken.
    pub(crate) claims: Mutex<Claims>,
    /// The people who may sign in.
    pub(crate) users: Users,
    /// Where entries of the audit trail wait.
    pub(crate) audit: AuditWriter,
    /// The programs that may call.
    pub(crate) accounts: Accounts,
    /// What two people must want, and what waits for a second one.
    pub(crate) approval: ApprovalRules,
    pub(crate) proposals: Proposals,
    /// Emergencies that were stated.
    pub(crate) glass: Glass,
    /// Whether anybody asks for anything about their data.
    pub(crate) has_consents: AtomicBool,
    /// Where backups go.
    pub(crate) backups: Option<std::path::PathBuf>,
    /// Reads the master key that comes next.
    pub(crate) next_key: Option<crate::words::NextKey>,
    /// Pairs to be labelled.
    pub(crate) samples: Mutex<Samples>,
    /// Which model decided since when.
    pub(crate) promotions: Mutex<Vec<Promotion>>,
    /// Who wants to know what was committed.
    pub(crate) listeners: Mutex<Vec<Listener>>,
}

/// Is told of every commit. Called by the commit thread, so it must not wait.
pub(crate) type Listener = Box<dyn Fn(CommitReport) + Send + Sync>;

/// One commit, once it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitReport {
    /// The last event, if there is a new one.
    pub last_event: Option<EventSequence>,
    /// How many callers were answered by it, also those for whom nothing had to change.
    pub answered: usize,
    /// How long the first of them had waited in the queue when it began.
    pub queued: Duration,
    /// How long the index was waited for, which others were reading.
    pub locking: Duration,
    /// How long the changes were thought about, while nobody else could read the index.
    pub composing: Duration,
    /// How long writing to disk took, with its sync.
    pub writing: Duration,
    /// How many callers waited for the next commit when this one began.
    pub waiting: usize,
}

/// Where a write goes. The store, except in tests that make writes fail or wait.
pub(crate) trait Journal: Send {
    /// Writes all changes, synced, or none.
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError>;
}

/// The store itself.
pub(crate) struct StoreJournal;

impl Journal for StoreJournal {
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError> {
        store.commit(changes)
    }
}

/// The commit thread's own.
pub(crate) struct Committer {
    pub(crate) core: Arc<Core>,
    pub(crate) journal: Box<dyn Journal>,
    pub(crate) commit_batch_max: usize,
    /// Before this time no request is old enough to be forgotten, in milliseconds.
    pub(crate) forget_from: AtomicI64,
}

/// Events that one change looks at for requests to forget: more than it makes.
const FORGOTTEN_PER_CHANGE: usize = 3;

impl Committer {
    /// Commits until nobody can send any more, or until a write fails.
    pub(crate) fn run(&self, queue: &Receiver<Waiting>) {
        while let Ok(first) = queue.recv() {
            let more = self.commit_batch_max.saturating_sub(1);
            let waiting: Vec<Waiting> =
                std::iter::once(first).chain(queue.try_iter().take(more)).collect();
            let more = queue.len();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.commit(waiting, more)));
            let failure = match outcome {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                // The message of a panic may hold anything: it is not repeated here.
                Err(_) => "the commit thread panicked".to_owned(),
            };
            self.core.durability.poison();
            tracing::error!(failure, "no change is taken any more");
            // Whoever waits, or still comes, is told by dropping the way to answer.
            queue.iter().for_each(drop);
        }
    }

    fn commit(&self, waiting: Vec<Waiting>, more: usize) -> Result<(), StoreError> {
        let core = &*self.core;
        let mut pending = Pending::new(&core.store);
        let mut answers = Vec::with_capacity(waiting.len());
        let begun = Instant::now();
        let queued = waiting.first().map_or(Duration::ZERO, |first| begun - first.since);
        let (sequence, locked) = {
            let mut mirror = core.mirror.write();
            let locked = Instant::now();
            // All that is in the mirror now is durable: the write before has ended.
            let durable = mirror.sequence();
            mirror.recent.turn(durable);
            for Waiting { wanted, asked, tell, since: _ } in waiting {
                answers.push((tell, self.take(&mut mirror, &mut pending, wanted, asked)));
            }
            core.note_consents(&mirror);
            (mirror.sequence(), locked)
        };
        let composed = Instant::now();
        if !pending.commits().is_empty() {
            self.journal.commit(&core.store, pending.commits())?;
        }
        core.proposals.show(pending.proposals());
        core.durability.advance(sequence);
        let report = CommitReport {
            last_event: pending.last_event(),
            answered: answers.len(),
            queued,
            locking: locked - begun,
            composing: composed - locked,
            writing: composed.elapsed(),
            waiting: more,
        };
        core.listeners.lock().iter().for_each(|listener| listener(report));
        answers.into_iter().for_each(|(tell, answer)| tell(answer));
        Ok(())
    }

    /// Takes one change into the mirror and into the write; another model decides from the next one on.
    fn take(
        &self,
        mirror: &mut Mirror,
        pending: &mut Pending<'_>,
        wanted: Wanted,
        asked: Option<Asked>,
    ) -> Result<Answer, RegistryError> {
        let work = match wanted {
            Wanted::Change(work) => work,
            Wanted::Promotion(it) => return self.core.promote(mirror, &it).map(Answer::Promoted),
            Wanted::Proposal(it) => return self.take_proposal(mirror, pending, it, asked),
        };
        let (change, answer) = self.compose(mirror, pending, work)?;
        if let Some(mut change) = change {
            change.commit.asked = asked;
            self.forget_words_of_proposals(pending, &mut change.commit);
            self.forget_requests(pending, &mut change.commit)?;
            mirror.apply(&change);
            pending.push(change.commit);
        }
        Ok(answer)
    }

    /// What a caller wants to change, against the index as it is now: nothing is changed yet.
    pub(crate) fn compose(
        &self,
        mirror: &Mirror,
        pending: &Pending<'_>,
        work: Work,
    ) -> Result<(Option<Change>, Answer), RegistryError> {
        let core = &*self.core;
        let in_force = core.in_force();
        Ok(match work {
            Work::Register(planned) => {
                if let Some(answer) = answered_meanwhile(mirror, pending, &planned)? {
                    return Ok((None, Answer::Registered(Box::new(answer))));
                }
                let Planned { incoming, actor, request_id, assessment, .. } = &*planned;
                let existing = mirror.record_index(&incoming.record.key);
                if existing.is_none() && mirror.counters().records >= RECORDS_MAX {
                    return Err(RegistryError::invalid(format!(
                        "the index holds {RECORDS_MAX} records, the most it can: start another"
                    )));
                }
                if existing.is_none() {
                    erase::refuse_erased(&core.store, mirror, &incoming.record.key)?;
                }
                let assessment = if assessment.still_holds(mirror, existing) {
                    Cow::Borrowed(assessment)
                } else {
                    Cow::Owned(assess(mirror, &in_force.model, &incoming.normalized, existing))
                };
                let context =
                    self.context(&in_force, mirror, pending, actor, request_id.as_deref());
                let composed = compose_registration(context, incoming, &assessment)?;
                (composed.change, Answer::Registered(Box::new(composed.answer)))
            }
            Work::Review(reviewed) => {
                let context =
                    self.context(&in_force, mirror, pending, &reviewed.request.actor, None);
                (compose_review(context, &reviewed)?, Answer::Reviewed)
            }
            Work::Steward(request) => {
                let (change, answer) = self.operate(&in_force, mirror, pending, &request)?;
                (change, Answer::Steward(Box::new(answer)))
            }
            Work::Retire(request) => {
                let (change, answer) = self.retire(&in_force, mirror, pending, &request)?;
                (change, Answer::Retired(answer))
            }
            Work::Regroup(regrouping) => {
                if !regrouping.still_holds(&in_force, pending)? {
                    return Ok((None, Answer::Regrouped(false)));
                }
                let context = self.context(&in_force, mirror, pending, &regrouping.actor, None);
                let weight = |record| regrouping.weight(record);
                let change = compose_relinked(context, &regrouping.regroup, &weight)?;
                (Some(change), Answer::Regrouped(true))
            }
        })
    }

    fn context<'a>(
        &'a self,
        in_force: &'a InForce,
        mirror: &'a Mirror,
        pending: &'a Pending<'a>,
        actor: &'a Actor,
        request_id: Option<&'a str>,
    ) -> Context<'a> {
        let InForce { model, number, rules } = in_force;
        let (model_number, time) = (*number, self.core.clock.now());
        Context { mirror, pending, model, model_number, rules, actor, request_id, time }
    }

    /// A record that has no say any more: what changes and what is answered.
    fn retire(
        &self,
        in_force: &InForce,
        mirror: &Mirror,
        pending: &Pending<'_>,
        request: &RetireRequest,
    ) -> Result<(Option<Change>, Retirement), RegistryError> {
        let request_id = request.request_id.as_deref();
        let fingerprint = retire::fingerprint(request);
        if let Some(event) = made_before(mirror, pending, request_id, fingerprint)? {
            let (enterprise_id, event) = (event.new_enterprise_id, Some(event.sequence));
            return Ok((None, Retirement { enterprise_id, event }));
        }
        let named = |key| {
            mirror.record_index(key).ok_or_else(|| {
                RegistryError::not_found(
                    "no such record is registered: check its source and its record ID",
                )
            })
        };
        let record = named(&request.record)?;
        let replaced_by = request.replaced_by.as_ref().map(named).transpose()?;
        let context = self.context(in_force, mirror, pending, &request.actor, request_id);
        let Some(mut change) = compose_retirement(context, record, replaced_by)? else {
            let person = mirror.person_of(record);
            let enterprise_id =
                person.ok_or_else(|| RegistryError::damaged("a record has no person"))?;
            return Ok((None, Retirement { enterprise_id, event: None }));
        };
        let event = remember(&mut change, request_id, fingerprint)?;
        let (enterprise_id, event) = (event.new_enterprise_id, Some(event.sequence));
        Ok((Some(change), Retirement { enterprise_id, event }))
    }

    /// Forgets the answers to requests that were given long enough ago. Each change looks at the events
    /// behind the last that was looked at, more of them than it makes itself, so that none stays behind.
    fn forget_requests(
        &self,
        pending: &Pending<'_>,
        commit: &mut Commit,
    ) -> Result<(), RegistryError> {
        let Some(counters) = &mut commit.counters else { return Ok(()) };
        let now = self.core.clock.now().0;
        if now < self.forget_from.load(Ordering::Relaxed) {
            return Ok(());
        }
        for _ in 0..FORGOTTEN_PER_CHANGE {
            let next = EventSequence(counters.requests_forgotten.0 + 1);
            let Some(event) = pending.event(next)? else { return Ok(()) };
            let due = event.time.0.saturating_add(self.core.requests_kept_ms);
            if now < due {
                self.forget_from.store(due, Ordering::Relaxed);
                return Ok(());
            }
            commit.requests_forgotten.extend(event.request_id);
            counters.requests_forgotten = next;
        }
        Ok(())
    }

    /// The golden records of the persons that live after a change.
    fn golden(
        &self,
        pending: &Pending<'_>,
        change: &Change,
    ) -> Result<Vec<(EnterpriseId, GoldenRecord)>, RegistryError> {
        let written = &change.commit.records;
        let mut golden = Vec::new();
        for person in &change.commit.persons {
            let PersonState::Live(members) = &person.state else { continue };
            let record = |index: &RecordIndex| {
                let found = written.iter().find(|stored| stored.index == *index);
                found.map_or_else(|| pending.record(*index), |stored| Ok(stored.clone()))
            };
            let records = members.iter().map(record).collect::<Result<Vec<_>, _>>()?;
            let best = golden_record(&records, &self.core.survivorship);
            golden.push((person.enterprise_id, best));
        }
        Ok(golden)
    }

    /// A steward's operation: what changes (nothing for a preview or a repeat) and what is answered.
    fn operate(
        &self,
        in_force: &InForce,
        mirror: &Mirror,
        pending: &Pending<'_>,
        request: &StewardRequest,
    ) -> Result<(Option<Change>, StewardAnswer), RegistryError> {
        let request_id = request.request_id.as_deref();
        let fingerprint = fingerprint(request);
        if let Some(event) = made_before(mirror, pending, request_id, fingerprint)? {
            let version_token = version_token(&event);
            let event = EventView::in_mirror(event, mirror);
            let (golden, is_preview) = (Vec::new(), false);
            let proposal = None;
            let answer = StewardAnswer { event, version_token, golden, is_preview, proposal };
            return Ok((None, answer));
        }
        let context = self.context(in_force, mirror, pending, &request.actor, request_id);
        let mut change = compose_operation(context, request)?;
        let event = remember(&mut change, request_id, fingerprint)?;
        if !request.validate_only {
            check_token(request, &event)?;
        }
        let version_token = version_token(&event);
        let event = EventView::in_mirror(event, mirror);
        let (golden, is_preview) = (self.golden(pending, &change)?, request.validate_only);
        let proposal = None;
        let answer = StewardAnswer { event, version_token, golden, is_preview, proposal };
        Ok(((!is_preview).then_some(change), answer))
    }
}

/// Keeps what a request is answered, and returns the event that it makes.
fn remember(
    change: &mut Change,
    request_id: Option<&str>,
    fingerprint: u64,
) -> Result<RegistryEvent, RegistryError> {
    let event = change.commit.events.first().cloned();
    let event = event.ok_or_else(|| RegistryError::damaged("a change has no event"))?;
    change.commit.requests.extend(request_id.map(|request_id| StoredRequest {
        request_id: request_id.to_owned(),
        content_hash: fingerprint,
        answer: StoredAnswer::Event(event.sequence),
    }));
    Ok(event)
}

/// The event of a request that was made before (identity rule 6).
fn made_before(
    mirror: &Mirror,
    pending: &Pending<'_>,
    request_id: Option<&str>,
    fingerprint: u64,
) -> Result<Option<RegistryEvent>, RegistryError> {
    let Some(request_id) = request_id else { return Ok(None) };
    let stored = match mirror.recent.request(request_id) {
        Some((_, stored)) => Some(stored.clone()),
        None => pending.request(request_id)?,
    };
    let Some(StoredRequest { content_hash, answer, .. }) = stored else { return Ok(None) };
    match answer {
        StoredAnswer::Event(event) if content_hash == fingerprint => pending.event(event),
        _ => Err(used_otherwise()),
    }
}

fn used_otherwise() -> RegistryError {
    RegistryError::conflict(
        "this request ID was used for another request before: give every request its own ID",
    )
}

/// The answer to a request that was answered after its caller had looked for it.
fn answered_meanwhile(
    mirror: &Mirror,
    pending: &Pending<'_>,
    planned: &Planned,
) -> Result<Option<Registration>, RegistryError> {
    let Some(request_id) = &planned.request_id else { return Ok(None) };
    let stored = match mirror.recent.request(request_id) {
        Some((_, stored)) => Some(stored.clone()),
        None if planned.looked_up < mirror.recent.floor() => pending.request(request_id)?,
        None => None,
    };
    stored.map(|stored| answer_again(&stored, &planned.incoming)).transpose()
}

/// The answer to a request that was answered before (identity rule 6).
pub(crate) fn answer_again(
    stored: &StoredRequest,
    incoming: &Incoming,
) -> Result<Registration, RegistryError> {
    let StoredAnswer::Registration(answer) = &stored.answer else {
        return Err(used_otherwise());
    };
    if stored.content_hash != incoming.content_hash {
        return Err(used_otherwise());
    }
    let decision = RegistrationDecision::from_number(answer.decision)
        .ok_or_else(|| RegistryError::damaged("a stored answer has a decision that is unknown"))?;
    Ok(Registration {
        key: incoming.record.key.clone(),
        enterprise_id: answer.enterprise_id,
        decision,
        weight: answer.weight,
        tasks: answer.tasks.clone(),
        notes: incoming.normalized.notes.clone(),
        event: answer.event,
    })
}
