//! Judging a history: is there an order of its calls, each between its call and its answer, in which one
//! thread would have got the same answers?
//!
//! The search of Wing and Gong tries orders. Here the order of the changes need not be searched for: every
//! change is an event, and the events have an order, which must be this one (rule 5). What is left is a
//! moment for every call that changed nothing: between two changes at which it would have been answered
//! alike, not before a call that was answered before it was made. Taking the earliest such moment for one
//! call after the other, in the order in which they were made, finds an order if there is one.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;

use super::history::{Answered, answer_of};
use super::*;
use crate::assess::assess;
use crate::commit::Committer;
use crate::compose::Pending;
use crate::incoming::Incoming;
use crate::review::Reviewed;
use crate::wanted::{Answer, Planned, Work};

/// The use cases one after the other.
struct Sequential {
    index: Index,
    committer: Committer,
    /// Requests that were answered.
    known: Vec<String>,
}

impl Sequential {
    fn new() -> Self {
        let index = Index::with(still_options());
        let committer = Committer {
            core: Arc::clone(&index.registry().core),
            journal: Box::new(StoreJournal),
            commit_batch_max: 1,
            forget_from: AtomicI64::new(i64::MAX),
        };
        Self { index, committer, known: Vec::new() }
    }

    fn events_made(&self) -> u64 {
        self.index.registry().stats().events
    }

    /// Makes a call that changes the index.
    fn change(&mut self, call: &Call) -> Answered {
        self.known.extend(call.name().map(str::to_owned));
        call.make(self.index.registry())
    }

    /// The answer that a call would get now if it changes nothing; `None` if it would.
    fn answer(&self, call: &Call) -> Option<Answered> {
        let registry = self.index.registry();
        // What was answered before is answered alike and changes nothing.
        let is_known = call.name().is_some_and(|name| self.known.iter().any(|known| known == name));
        let work = match call.clone() {
            Call::Record(_) | Call::Person(_) | Call::Match(_) | Call::OpenTasks => {
                return Some(call.make(registry));
            }
            _ if is_known && !matches!(call, Call::Resolve { .. }) => {
                return Some(call.make(registry));
            }
            Call::Steward(request) if request.validate_only => return Some(call.make(registry)),
            Call::Steward(request) => Work::Steward(request),
            Call::Resolve { task, outcome, note } => {
                let request = answer_of(outcome, note);
                Work::Review(Box::new(Reviewed { task, request, took_ms: None }))
            }
            Call::Retire { record, replaced_by, request_id } => {
                let is_refused = replaced_by
                    .as_ref()
                    .is_some_and(|other| other.source != record.source || *other == record);
                if is_refused {
                    return Some(call.make(registry));
                }
                let request_id = Some(request_id);
                let request = RetireRequest { record, replaced_by, actor: system(), request_id };
                Work::Retire(Box::new(request))
            }
            Call::Register { record, request_id } => self.planned(*record, request_id),
        };
        let mirror = registry.core.mirror.read();
        let pending = Pending::new(&registry.core.store);
        match self.committer.compose(&mirror, &pending, work) {
            Err(error) => Some(Answered::of(Err(error))),
            Ok((Some(_), _)) => None,
            Ok((None, answer)) => Some(match answer {
                Answer::Registered(answer) => Answered::of_registration(&answer),
                Answer::Reviewed => Answered::of_resolution(),
                Answer::Steward(answer) => Answered::of_steward(&answer),
                Answer::Retired(answer) => Answered::of_retirement(&answer),
                Answer::Promoted(_)
                | Answer::Regrouped(_)
                | Answer::Merges(..)
                | Answer::Foreseen(..)
                | Answer::Decided(_) => {
                    unreachable!("no call of a history asks for it")
                }
            }),
        }
    }

    fn planned(&self, record: SourceRecord, request_id: String) -> Work {
        let core = &self.index.registry().core;
        let mirror = core.mirror.read();
        let incoming = Incoming::new(record).unwrap();
        let existing = mirror.record_index(&incoming.record.key);
        let assessment = assess(&mirror, &core.in_force().model, &incoming.normalized, existing);
        let looked_up = mirror.sequence();
        let (actor, request_id) = (system(), Some(request_id));
        Work::Register(Box::new(Planned { incoming, actor, request_id, looked_up, assessment }))
    }
}

/// For each event the call that made it, by its place among the calls.
fn makers(history: &History) -> Result<Vec<usize>, String> {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, op) in history.ops.iter().enumerate() {
        if let Some(name) = op.call.name() {
            named.entry(name).or_default().push(at);
        }
    }
    let maker = |(number, event): (usize, &RegistryEvent)| {
        let name = event.request_id.as_deref().unwrap_or(&event.note);
        // A request may have been sent again: once it was answered without a change, or after a restart.
        let may_be = |at: &&usize| {
            let op = &history.ops[**at];
            let is_on_its_side = history
                .restart
                .is_none_or(|(moment, events)| (number < events) == (op.invoked < moment));
            let told = op.answered.as_ref().map(|(_, answer)| answer.event);
            let tells = told.is_none_or(|told| told == Some(event.sequence));
            is_on_its_side && (tells || matches!(op.call, Call::Resolve { .. }))
        };
        let found = named.get(name).and_then(|ops| ops.iter().find(may_be));
        found.copied().ok_or_else(|| format!("event {} was made by nobody: {name}", number + 1))
    };
    history.events.iter().enumerate().map(maker).collect()
}

/// Whether one call was answered before another was made.
fn precedes(one: &Op, other: &Op) -> bool {
    one.answered.as_ref().is_some_and(|(answered, _)| *answered < other.invoked)
}

/// Tells why a history is not as if one call had come after the other.
pub(super) fn check(history: &History) -> Result<(), String> {
    let ops = &history.ops;
    let makers = makers(history)?;
    // How many changes there were when a call had made its own.
    let mut moment: Vec<Option<usize>> = vec![None; ops.len()];
    for (number, maker) in makers.iter().enumerate() {
        moment[*maker] = Some(number + 1);
    }
    for (at, later) in makers.iter().enumerate() {
        if let Some(earlier) = makers[at + 1..].iter().find(|it| precedes(&ops[**it], &ops[*later]))
        {
            return Err(format!("changes are out of order: {:?} {:?}", ops[*earlier], ops[*later]));
        }
    }
    for (op, made) in ops.iter().zip(&moment) {
        if let (Some((_, answer)), None) = (&op.answered, made)
            && answer.event.is_some_and(|event| event.0 as usize > history.events.len())
        {
            return Err(format!("no event tells of what was answered: {op:?}"));
        }
    }
    // Those that changed nothing, in the order in which they were made.
    let mut quiet: Vec<usize> =
        (0..ops.len()).filter(|at| moment[*at].is_none() && ops[*at].answered.is_some()).collect();
    quiet.sort_by_key(|at| ops[*at].invoked);
    let mut sequential = Sequential::new();
    for made in 0..=makers.len() {
        if let Some(maker) = made.checked_sub(1).map(|number| makers[number]) {
            let answer = sequential.change(&ops[maker].call);
            if sequential.events_made() != made as u64 {
                return Err(format!("alone, it changes nothing: {:?} {answer:?}", ops[maker]));
            }
            if ops[maker].answered.as_ref().is_some_and(|(_, told)| *told != answer) {
                return Err(format!("alone, it is answered {answer:?}: {:?}", ops[maker]));
            }
        }
        for at in quiet.clone() {
            let before = |other: &usize| precedes(&ops[*other], &ops[at]);
            let has_come = (0..ops.len())
                .filter(before)
                .all(|other| moment[other].is_some_and(|it| it <= made));
            let is_alike = has_come
                && sequential.answer(&ops[at].call).as_ref()
                    == ops[at].answered.as_ref().map(|(_, answer)| answer);
            if is_alike {
                moment[at] = Some(made);
                quiet.retain(|other| *other != at);
                continue;
            }
            let next = makers.get(made);
            if next.is_none_or(|next| precedes(&ops[at], &ops[*next])) {
                return Err(format!(
                    "no moment fits, the last is after {made} changes: {:?}",
                    ops[at]
                ));
            }
        }
    }
    let end = sequential.index.state();
    if end == history.end { Ok(()) } else { Err(format!("alone, it ends with\n{end}")) }
}
