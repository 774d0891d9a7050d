//! Recording what several callers ask for and are answered, and when.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use empi_model::EventSequence;
use empi_store::{Commit, Store, StoreError};
use parking_lot::Mutex;

use super::*;
use crate::content::content_hash;

const THREADS: usize = 4;
const CALLS_PER_THREAD: usize = 12;

/// Contents of three humans. Those of one human are clearly his, and nobody else's.
const CONTENTS: [&str; 6] = [
    ROBERT,
    BOB,
    ALICE,
    MARRIED_ALICE,
    SAMUEL,
    "Wei|Zhang||1990-11-30|F|523-88-1204|900 Pine St|60601|312-555-0177",
];

const KEYS: [&str; 7] = ["a/1", "a/2", "b/1", "b/2", "c/1", "c/2", "c/3"];

/// One thing a caller asks for. Each change carries the name of the call, by which its event tells whose it is.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Register { record: Box<SourceRecord>, request_id: String },
    Retire { record: RecordKey, replaced_by: Option<RecordKey>, request_id: String },
    Resolve { task: TaskId, outcome: ReviewOutcome, note: String },
    Steward(Box<StewardRequest>),
    Record(RecordKey),
    Person(EnterpriseId),
    Match(Box<SourceRecord>),
    OpenTasks,
}

/// What was answered, in a form that leaves out what may differ: times, and weights, which follow from
/// counts of names that are allowed to be a few records old.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answered {
    /// Everything that must be the same.
    text: String,
    pub(super) event: Option<EventSequence>,
    /// The token of a preview, for the operation that follows it.
    token: Option<String>,
    /// Whether the index had failed: then nothing is known of what became of the call.
    is_poisoned: bool,
}

impl Answered {
    fn new(text: String, event: Option<EventSequence>) -> Self {
        Self { text, event, token: None, is_poisoned: false }
    }

    fn of_error(error: &RegistryError) -> Self {
        let is_poisoned = matches!(error, RegistryError::Poisoned);
        Self { is_poisoned, ..Self::new(error.to_string(), None) }
    }

    pub(super) fn of_registration(answer: &Registration) -> Self {
        let Registration { key, enterprise_id, decision, tasks, event, .. } = answer;
        Self::new(format!("{key:?} {enterprise_id} {decision:?} {tasks:?}"), *event)
    }

    pub(super) fn of_steward(answer: &StewardAnswer) -> Self {
        let view = &answer.event;
        let told = (view.persons(), view.moves(), view.tasks_opened(), view.tasks_closed());
        let number = view.event.sequence;
        let text = format!("{told:?} {:?} {number}", answer.version_token);
        let event = (!answer.is_preview).then_some(number);
        Self { token: Some(answer.version_token.clone()), ..Self::new(text, event) }
    }

    pub(super) fn of_retirement(answer: &Retirement) -> Self {
        Self::new(answer.enterprise_id.to_string(), answer.event)
    }

    /// The task as it stands when the answer goes out belongs to a read of its own.
    pub(super) fn of_resolution() -> Self {
        Self::new("resolved".to_owned(), None)
    }

    pub(super) fn of(answer: Result<Self, RegistryError>) -> Self {
        answer.unwrap_or_else(|error| Self::of_error(&error))
    }
}

impl Call {
    /// The name that its event would carry.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Register { request_id, .. } | Self::Retire { request_id, .. } => Some(request_id),
            Self::Resolve { note, .. } => Some(note),
            Self::Steward(request) if !request.validate_only => request.request_id.as_deref(),
            _ => None,
        }
    }

    pub(super) fn make(&self, registry: &Registry) -> Answered {
        Answered::of(self.try_make(registry))
    }

    fn try_make(&self, registry: &Registry) -> Result<Answered, RegistryError> {
        Ok(match self.clone() {
            Self::Register { record, request_id } => {
                let request_id = Some(request_id);
                let request = RegisterRequest { record: *record, actor: system(), request_id };
                Answered::of_registration(&registry.register(request)?)
            }
            Self::Retire { record, replaced_by, request_id } => {
                let request_id = Some(request_id);
                let request = RetireRequest { record, replaced_by, actor: system(), request_id };
                Answered::of_retirement(&registry.retire(request)?)
            }
            Self::Resolve { task, outcome, note } => {
                registry.review(task, answer_of(outcome, note))?;
                Answered::of_resolution()
            }
            Self::Steward(request) => Answered::of_steward(&registry.steward(*request)?),
            Self::Record(key) => {
                let view = registry.record(&key)?;
                let StoredRecord { link, version, state, changed, .. } = &view.record;
                let hash = content_hash(&view.record.record);
                let (source, event) = (link.source, link.event);
                let person = view.enterprise_id;
                let text =
                    format!("{person} {source:?} {event} v{version} {state:?} {changed} {hash:x}");
                Answered::new(text, None)
            }
            Self::Person(id) => {
                let view = registry.person(id)?;
                let keys: Vec<_> = view.records.iter().map(|stored| &stored.record.key).collect();
                let (survivor, version) = (view.person.enterprise_id, view.person.version);
                Answered::new(format!("{survivor} v{version} {keys:?}"), None)
            }
            Self::Match(record) => {
                let found = registry.match_record(&record, 10)?;
                let persons: Vec<_> =
                    found.iter().map(|it| (it.enterprise_id, &it.record)).collect();
                Answered::new(format!("{persons:?}"), None)
            }
            Self::OpenTasks => {
                let page = registry.tasks(&TaskQuery::open(1000))?;
                let tasks = page.tasks.iter().map(|line| &line.task);
                let mut told: Vec<_> =
                    tasks.map(|it| (it.id, it.kind, it.incoming, it.candidate, it.event)).collect();
                told.sort_unstable_by_key(|it| it.0);
                Answered::new(format!("{told:?}"), None)
            }
        })
    }
}

pub(super) fn dana() -> Actor {
    Actor { kind: ActorKind::Steward, name: "dana".to_owned() }
}

/// A lead steward's answer to a task.
pub(super) fn answer_of(outcome: ReviewOutcome, note: String) -> ReviewRequest {
    ReviewRequest { note, is_lead: true, ..ReviewRequest::answer(outcome, dana()) }
}

/// A call, when it was made, and what was answered when. Moments are numbered in order.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) call: Call,
    pub(super) invoked: u64,
    /// `None` where it is not known what became of it.
    pub(super) answered: Option<(u64, Answered)>,
}

/// Everything that was asked and answered, and what the index says it did.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) ops: Vec<Op>,
    /// The events, in order.
    pub(super) events: Vec<RegistryEvent>,
    /// Who is who in the end.
    pub(super) end: String,
    /// The moment of a restart, and how many events there were.
    pub(super) restart: Option<(u64, usize)>,
}

/// A write fails, once it is its turn: before it, or after the change is on disk.
struct FailingOnce {
    write: usize,
    is_written: bool,
    count: AtomicUsize,
}

impl Journal for FailingOnce {
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError> {
        let is_due = self.count.fetch_add(1, Ordering::Relaxed) == self.write;
        if !is_due || self.is_written {
            store.commit(changes)?;
        }
        if is_due { Err(StoreError::Poisoned) } else { Ok(()) }
    }
}

/// A store that takes its time, each write another, so that callers come and go between the change in memory,
/// the write and the answer.
struct Dawdling {
    dice: Mutex<Dice>,
}

impl Journal for Dawdling {
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError> {
        let dawdle = || (0..self.dice.lock().below(400)).for_each(|_| std::thread::yield_now());
        dawdle();
        store.commit(changes)?;
        dawdle();
        Ok(())
    }
}

impl History {
    /// A history of some ops with an index: what it says it did.
    pub(super) fn of(ops: Vec<Op>, index: &Index) -> Self {
        let events = index.registry().events(EventSequence(1), usize::MAX).unwrap();
        let events = events.into_iter().map(|view| view.event).collect();
        Self { ops, events, end: index.state(), restart: None }
    }

    /// Lets several threads at an index, and records what they ask and are answered.
    pub(super) fn record(seed: u64, breaks_off: bool) -> Self {
        let mut dice = Dice(seed);
        let journal: Box<dyn Journal> = if breaks_off {
            let (write, is_written) = (2 + dice.below(24), dice.below(2) == 0);
            Box::new(FailingOnce { write, is_written, count: AtomicUsize::new(0) })
        } else if seed.is_multiple_of(4) {
            Box::new(StoreJournal)
        } else {
            Box::new(Dawdling { dice: Mutex::new(dice.fork()) })
        };
        let mut index = Index::with_journal(still_options(), journal);
        let moments = AtomicU64::new(0);
        let mut ops = callers(&index, &moments, &mut dice, 0);
        let mut restart = None;
        if breaks_off {
            index.reopen();
            let events = usize::try_from(index.registry().stats().events).unwrap();
            restart = Some((moments.fetch_add(1, Ordering::SeqCst), events));
            ops.extend(callers(&index, &moments, &mut dice, ops.len()));
        }
        index.check();
        Self { restart, ..Self::of(ops, &index) }
    }
}

/// Runs several callers at once until each has made its calls, or until the index fails.
fn callers(index: &Index, moments: &AtomicU64, dice: &mut Dice, first: usize) -> Vec<Op> {
    let names = AtomicUsize::new(first);
    let failed = AtomicBool::new(false);
    let callers: Vec<Caller<'_>> = (0..THREADS)
        .map(|_| Caller {
            registry: index.registry(),
            moments,
            names: &names,
            failed: &failed,
            dice: dice.fork(),
            ops: Vec::new(),
        })
        .collect();
    let mut ops: Vec<Op> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            callers.into_iter().map(|caller| scope.spawn(move || caller.run())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    ops.sort_by_key(|op| op.invoked);
    ops
}

/// One thread that asks one thing after the other.
struct Caller<'a> {
    registry: &'a Registry,
    moments: &'a AtomicU64,
    names: &'a AtomicUsize,
    failed: &'a AtomicBool,
    dice: Dice,
    ops: Vec<Op>,
}

impl Caller<'_> {
    fn run(mut self) -> Vec<Op> {
        for _ in 0..CALLS_PER_THREAD {
            if self.failed.load(Ordering::SeqCst) {
                break;
            }
            self.step();
        }
        self.ops
    }

    fn ask(&mut self, call: Call) -> Answered {
        let invoked = self.moments.fetch_add(1, Ordering::SeqCst);
        let answer = call.make(self.registry);
        let answered = self.moments.fetch_add(1, Ordering::SeqCst);
        if answer.is_poisoned {
            self.failed.store(true, Ordering::SeqCst);
            // What was only asked for has no effect to look for.
            if call.name().is_some() {
                self.ops.push(Op { call, invoked, answered: None });
            }
        } else {
            self.ops.push(Op { call, invoked, answered: Some((answered, answer.clone())) });
        }
        answer
    }

    fn name(&self) -> String {
        format!("op-{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    /// So few that calls meet.
    fn key_of_few(&mut self) -> &'static str {
        KEYS[self.dice.below(KEYS.len())]
    }

    fn key(&mut self) -> RecordKey {
        key(self.key_of_few())
    }

    /// The person of some record as it is known to be, if it is registered.
    fn person(&mut self) -> EnterpriseId {
        let known = self.registry.record(&key(self.key_of_few()));
        known.map_or(EnterpriseId::mint(0), |view| view.enterprise_id)
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..=6 => {
                let content = *self.dice.one_of(&CONTENTS);
                let record = Box::new(record(self.key_of_few(), content));
                let request_id = self.name();
                self.ask(Call::Register { record, request_id });
            }
            7 => self.again(),
            8 => {
                let (record, request_id) = (self.key(), self.name());
                let replaced_by = (self.dice.below(2) == 0).then(|| self.key());
                self.ask(Call::Retire { record, replaced_by, request_id });
            }
            9..=10 => self.resolve(),
            11..=14 => self.operate(),
            15 => drop(self.ask(Call::OpenTasks)),
            16 => {
                let content = *self.dice.one_of(&CONTENTS);
                self.ask(Call::Match(Box::new(record("x/1", content))));
            }
            17 => {
                let person = self.person();
                self.ask(Call::Person(person));
            }
            _ => {
                let key = self.key();
                self.ask(Call::Record(key));
            }
        }
    }

    /// The same request again.
    fn again(&mut self) {
        let made = self.ops.iter().filter(|op| matches!(op.call, Call::Register { .. }));
        let made: Vec<Call> = made.map(|op| op.call.clone()).collect();
        if !made.is_empty() {
            let call = self.dice.one_of(&made).clone();
            self.ask(call);
        }
    }

    fn resolve(&mut self) {
        let Ok(open) = self.registry.tasks(&TaskQuery::open(100)) else { return };
        let open = open.tasks;
        let Some(task) = open.get(self.dice.below(open.len())).map(|it| it.task.id) else { return };
        let outcomes = [ReviewOutcome::Same, ReviewOutcome::Different];
        let (outcome, note) = (*self.dice.one_of(&outcomes), self.name());
        self.ask(Call::Resolve { task, outcome, note });
    }

    /// A preview, and the operation itself with its token; between the two others may come.
    fn operate(&mut self) {
        let keep_apart = self.dice.below(2) == 0;
        let operation = match self.dice.below(8) {
            0 => StewardOperation::LinkRecords { left: self.key(), right: self.key() },
            1 => StewardOperation::UnlinkRecord { record: self.key(), keep_apart },
            2..=3 => {
                StewardOperation::MergePersons { surviving: self.person(), subsumed: self.person() }
            }
            4 => StewardOperation::UnmergePersons {
                subsumed: EnterpriseId::mint(self.dice.roll() % 6),
            },
            5 => StewardOperation::KeepApart { left: self.key(), right: self.key() },
            6 => StewardOperation::MoveRecord { record: self.key(), person: self.person() },
            _ => {
                let events = self.registry.stats().events;
                let event = EventSequence(1 + self.dice.roll() % events.max(1));
                StewardOperation::UndoEvent { event }
            }
        };
        let asked = Index::asked(operation);
        let preview = self.ask(Call::Steward(Box::new(asked.clone())));
        if let Some(token) = preview.token {
            let request = StewardRequest {
                request_id: Some(self.name()),
                version_token: Some(token),
                validate_only: false,
                ..asked
            };
            self.ask(Call::Steward(Box::new(request)));
        }
    }
}
