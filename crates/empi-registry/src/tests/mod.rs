//! Tests of the use cases against a real store. Each ends with a check of everything that must
//! hold.

mod accounts;
mod audit;
mod bulk;
mod concurrency;
mod consent;
mod dice;
mod erasing;
mod faults;
mod find;
mod golden;
mod kept;
mod lab;
mod linear;
mod machine;
mod past;
mod proposals;
mod quality;
mod queries;
mod queue;
mod relink;
mod requests;
mod retiring;
mod review;
mod rules;
mod search;
mod steward;
mod stolen;
mod undo;
mod updates;
mod users;
mod watch;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use empi_linkage::LinkageModel;
use empi_model::{
    Actor, ActorKind, EnterpriseId, LinkSource, PatientText, PersonName, PersonState,
    PostalAddress, ReasonCode, RecordIndex, RecordKey, RegistryEvent, ReviewOutcome, ReviewState,
    SourceRecord, TaskId, Timestamp,
};
use empi_store::{Rows, Store};
use tempfile::TempDir;

use crate::commit::{Journal, StoreJournal};
use crate::{
    ApprovalRules, Clock, DataDir, EventView, MasterKey, RegisterRequest, Registration,
    RegistrationDecision, Registry, RegistryError, RegistryOptions, RetireRequest, Retirement,
    ReviewRequest, StewardAnswer, StewardOperation, StewardRequest, StoredRecord, TaskQuery,
    TaskView,
};

/// A clock that goes on by a millisecond each time it is read.
#[derive(Debug, Default)]
pub(crate) struct SteppingClock(pub(crate) AtomicI64);

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) const ROBERT: &str =
    "Robert|Okafor||1980-03-12|M|457-12-9983|12 Elm Street|02139|617-555-8123";
/// Robert with a nickname, after a move.
pub(crate) const BOB: &str = "Bob|Okafor||1980-03-12|M|457-12-9983|7 Oak Ave|60601|";
/// Robert with nothing to tell but his name and birth date: below the evidence floor.
pub(crate) const SPARSE_ROBERT: &str = "Robert|Okafor||1980-03-12|M||||";
/// Perhaps Robert's twin brother.
pub(crate) const SAMUEL: &str = "Samuel|Okafor||1980-03-12|M||12 Elm St|02139|617-555-8123";
/// Robert with his number and no address: not enough in common with [`HOUSED_ROBERT`] to be linked.
pub(crate) const NUMBERED_ROBERT: &str = "Robert|Okafor||1980-03-12|M|457-12-9983|||";
/// Robert with his address and no number.
pub(crate) const HOUSED_ROBERT: &str =
    "Robert|Okafor||1980-03-12|M||12 Elm Street|02139|617-555-8123";
pub(crate) const ALICE: &str = "Alice|Smith||1971-05-05|F|611-20-1177|1 Main St|99501|907-555-0144";
/// Alice under her married name.
pub(crate) const MARRIED_ALICE: &str =
    "Alice|Jones||1971-05-05|F|611-20-1177|1 Main St|99501|907-555-0144";

/// The key of `source/id`.
pub(crate) fn key(text: &str) -> RecordKey {
    let (source, record_id) = text.split_once('/').unwrap();
    RecordKey::new(source, record_id)
}

/// A record from `source/id` and `given|family|suffix|birth date|sex|ssn|street|zip|phone`.
pub(crate) fn record(key: &str, line: &str) -> SourceRecord {
    let (source, record_id) = key.split_once('/').unwrap();
    let fields: Vec<_> =
        line.split('|').map(|field| PatientText::non_blank(field.trim())).collect();
    let [given, family, suffix, birth_date, sex, ssn, street, postal_code, phone] =
        fields.try_into().unwrap();
    SourceRecord {
        key: RecordKey::new(source, record_id),
        names: vec![PersonName { given, middle: None, family, suffix }],
        birth_date,
        sex,
        ssn,
        addresses: vec![PostalAddress { street, postal_code, ..PostalAddress::default() }],
        phones: phone.into_iter().collect(),
        ..SourceRecord::default()
    }
}

pub(crate) fn system() -> Actor {
    Actor { kind: ActorKind::System, name: "adt".to_owned() }
}

pub(crate) fn options() -> RegistryOptions {
    let model = LinkageModel::us_default().unwrap();
    // One person may do everything, except where a test is about what two must want.
    let approval = ApprovalRules::NONE;
    let clock = Arc::new(SteppingClock::default());
    // However small an index is: what is kept is then used wherever a test opens one again.
    RegistryOptions { approval, kept_records_min: 1, ..RegistryOptions::new(model, clock) }
}

/// The built-in model with other limits.
pub(crate) fn model_with_limits(block: u32, candidates: u32, person: u32) -> LinkageModel {
    let toml = include_str!("../../../empi-linkage/src/model/us-default.toml");
    let changed = toml
        .replace("block_records_max = 500", &format!("block_records_max = {block}"))
        .replace("candidates_max = 2000", &format!("candidates_max = {candidates}"))
        .replace("person_records_max = 200", &format!("person_records_max = {person}"));
    assert_ne!(changed, toml);
    LinkageModel::parse(&changed).unwrap()
}

/// A store that is open, and nobody's.
pub(crate) struct Spare {
    store: Store,
    keys: Vec<MasterKey>,
    dir: TempDir,
}

/// An index in a directory of its own.
pub(crate) struct Index {
    /// Closed before its directory goes: a store whose files are gone tries for a second to write them.
    registry: Option<Registry>,
    options: RegistryOptions,
    /// What opens it, where it is encrypted.
    keys: Vec<MasterKey>,
    dir: TempDir,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self::with(options())
    }

    pub(crate) fn with(options: RegistryOptions) -> Self {
        Self::with_journal(options, Box::new(StoreJournal))
    }

    pub(crate) fn with_journal(options: RegistryOptions, journal: Box<dyn Journal>) -> Self {
        // Told so, every test of this crate is made with indexes that are encrypted.
        let is_encrypted = std::env::var_os("EMPI_TEST_ENCRYPTED").is_some();
        Self::keyed(options, journal, is_encrypted)
    }

    fn keyed(options: RegistryOptions, journal: Box<dyn Journal>, is_encrypted: bool) -> Self {
        let keys = is_encrypted.then(|| MasterKey::random().unwrap()).into_iter().collect();
        let mut index = Self { registry: None, options, keys, dir: TempDir::new().unwrap() };
        let registry = Registry::open_with(&index.place(), index.options.clone(), journal);
        index.registry = Some(registry.unwrap());
        index
    }

    /// One that is encrypted at rest.
    pub(crate) fn encrypted() -> Self {
        Self::keyed(options(), Box::new(StoreJournal), true)
    }

    pub(crate) fn place(&self) -> DataDir {
        DataDir { path: self.dir.path().to_owned(), keys: self.keys.clone() }
    }

    /// An index over the store of another, as it was once.
    pub(crate) fn again(Spare { store, keys, dir }: Spare, rows: &Rows) -> Self {
        store.replace_rows(rows).unwrap();
        let options = options();
        let registry = Registry::over(store, options.clone(), Box::new(StoreJournal)).unwrap();
        Self { registry: Some(registry), options, keys, dir }
    }

    /// Its store, for another.
    pub(crate) fn spare(mut self) -> Spare {
        let store = self.registry.take().unwrap().into_store().unwrap();
        Spare { store, keys: self.keys, dir: self.dir }
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.registry.as_ref().unwrap()
    }

    /// Closes and opens again.
    pub(crate) fn reopen(&mut self) {
        drop(self.registry.take());
        self.registry = Some(Registry::open(self.place(), self.options.clone()).unwrap());
    }

    /// Closes in good order, so that the index in memory is kept as it is, and opens again.
    pub(crate) fn reopen_kept(&mut self) {
        self.registry.take().unwrap().close();
        self.registry = Some(Registry::open(self.place(), self.options.clone()).unwrap());
    }

    /// Closes and opens again with other options.
    pub(crate) fn reopen_with(&mut self, options: RegistryOptions) {
        self.options = options;
        self.reopen();
    }

    pub(crate) fn try_register(
        &self,
        record: SourceRecord,
        request_id: Option<&str>,
    ) -> Result<Registration, RegistryError> {
        let request_id = request_id.map(str::to_owned);
        self.registry().register(RegisterRequest { record, actor: system(), request_id })
    }

    pub(crate) fn register(&self, key: &str, line: &str) -> Registration {
        self.try_register(record(key, line), None).unwrap()
    }

    /// Registers and checks what was decided.
    pub(crate) fn expect(
        &self,
        key: &str,
        line: &str,
        decision: RegistrationDecision,
    ) -> Registration {
        let registration = self.register(key, line);
        assert_eq!(registration.decision, decision, "{key}: {registration:?}");
        registration
    }

    pub(crate) fn retire(&self, record: &str, replaced_by: Option<&str>) -> Retirement {
        self.try_retire(record, replaced_by).unwrap()
    }

    pub(crate) fn try_retire(
        &self,
        record: &str,
        replaced_by: Option<&str>,
    ) -> Result<Retirement, RegistryError> {
        self.registry().retire(RetireRequest {
            record: key(record),
            replaced_by: replaced_by.map(key),
            actor: system(),
            request_id: None,
        })
    }

    pub(crate) fn try_resolve(
        &self,
        task: TaskId,
        outcome: ReviewOutcome,
    ) -> Result<TaskView, RegistryError> {
        let actor = Actor { kind: ActorKind::Steward, name: "dana".to_owned() };
        let note = "looked at both charts".to_owned();
        let answer = ReviewRequest { note, is_lead: true, ..ReviewRequest::answer(outcome, actor) };
        self.registry().review(task, answer)
    }

    pub(crate) fn resolve(&self, task: TaskId, outcome: ReviewOutcome) -> TaskView {
        self.try_resolve(task, outcome).unwrap()
    }

    /// A steward's request for an operation, as a preview.
    pub(crate) fn asked(operation: StewardOperation) -> StewardRequest {
        StewardRequest {
            operation,
            actor: Actor { kind: ActorKind::Steward, name: "dana".to_owned() },
            reason: ReasonCode::ChartReview,
            note: "looked at both charts".to_owned(),
            request_id: None,
            version_token: None,
            validate_only: true,
        }
    }

    /// Asks for a preview, then does it, and checks that what happened is what was foretold.
    pub(crate) fn try_steward(
        &self,
        operation: StewardOperation,
    ) -> Result<StewardAnswer, RegistryError> {
        let before = self.standing();
        let asked = Self::asked(operation);
        let preview = self.registry().steward(asked.clone())?;
        assert!(preview.is_preview);
        assert_eq!(self.standing(), before, "a preview changes nothing");
        let token = Some(preview.version_token.clone());
        let request = StewardRequest { version_token: token, validate_only: false, ..asked };
        let answer = self.registry().steward(request)?;
        let foretold = |answer: &StewardAnswer| {
            let EventView { event, keys } = answer.event.clone();
            let timeless = RegistryEvent { time: Timestamp(0), change: None, ..event };
            let view = &answer.event;
            (timeless, keys, view.persons(), view.moves(), view.tasks_opened(), view.tasks_closed())
        };
        assert_eq!(foretold(&preview), foretold(&answer));
        assert_eq!(self.registry().event(answer.event.event.sequence).unwrap(), answer.event);
        Ok(answer)
    }

    pub(crate) fn steward(&self, operation: StewardOperation) -> StewardAnswer {
        self.try_steward(operation).unwrap()
    }

    pub(crate) fn undo(&self, answer: &StewardAnswer) -> StewardAnswer {
        self.steward(StewardOperation::UndoEvent { event: answer.event.event.sequence })
    }

    /// Undoes the last event.
    pub(crate) fn undo_event_of_last(&self) -> StewardAnswer {
        let event = empi_model::EventSequence(self.registry().stats().events);
        self.steward(StewardOperation::UndoEvent { event })
    }

    /// The sentence with which an operation is refused.
    pub(crate) fn refused(&self, operation: StewardOperation) -> String {
        let before = self.standing();
        let error = self.try_steward(operation).unwrap_err();
        assert!(matches!(error, RegistryError::Conflict(_)), "{error:?}");
        assert_eq!(self.standing(), before, "what is refused changes nothing");
        error.to_string()
    }

    /// Everything that undoing puts back: contents, links and redirects with their stamps, tasks, held
    /// updates, pairs kept apart.
    pub(crate) fn standing(&self) -> Vec<String> {
        let snapshot = self.registry().core.store.snapshot();
        let mut lines = Vec::new();
        for stored in snapshot.records().map(Result::unwrap) {
            let StoredRecord { index, content_hash, link, state, content_event, consent, .. } =
                stored;
            lines.push(format!(
                "{index:?} {content_hash} {state:?} {content_event} {link:?} {consent:?}"
            ));
        }
        for person in snapshot.persons().map(Result::unwrap) {
            lines.push(format!("{:?} {:?}", person.enterprise_id, person.state));
        }
        for task in snapshot.tasks().map(Result::unwrap) {
            let held = snapshot.held_update(task.id).unwrap();
            let held = held.map(|held| crate::content::content_hash(&held));
            lines.push(format!("{:?} {:?} {:?} {held:?}", task.id, task.state, task.event));
        }
        lines.extend(snapshot.kept_apart().map(|pair| format!("{:?}", pair.unwrap())));
        lines
    }

    pub(crate) fn enterprise_id(&self, key: &str) -> EnterpriseId {
        let (source, record_id) = key.split_once('/').unwrap();
        let view = self.registry().record(&RecordKey::new(source, record_id)).unwrap();
        view.enterprise_id
    }

    pub(crate) fn open_tasks(&self) -> Vec<TaskId> {
        let page = self.registry().tasks(&TaskQuery::open(1000)).unwrap();
        page.tasks.into_iter().map(|line| line.task.id).collect()
    }

    /// Who is who, in words: records with their persons, redirects, tasks.
    pub(crate) fn state(&self) -> String {
        let core = &self.registry().core;
        let snapshot = core.store.snapshot();
        let minted = snapshot.counters().unwrap().persons_minted;
        let name = |id: EnterpriseId| {
            let at = (0..minted).find(|count| EnterpriseId::mint(*count) == id).unwrap();
            format!("P{}", at + 1)
        };
        let key = |index: RecordIndex| {
            let RecordKey { source, record_id } =
                snapshot.record(index).unwrap().unwrap().record.key;
            format!("{source}/{record_id}")
        };
        let mut text = String::new();
        for stored in snapshot.records() {
            let stored = stored.unwrap();
            let source = match stored.link.source {
                LinkSource::Automatic => "automatic",
                LinkSource::Manual => "manual",
            };
            let person = name(stored.link.enterprise_id);
            let state = if stored.state.is_active() { "" } else { " retired" };
            let (key, version) = (key(stored.index), stored.version);
            writeln!(text, "{key} {person} {source} v{version}{state}").unwrap();
        }
        for count in 0..minted {
            let person = snapshot.person(EnterpriseId::mint(count)).unwrap().unwrap();
            if let PersonState::Redirect { survivor, .. } = person.state {
                writeln!(text, "P{} -> {}", count + 1, name(survivor)).unwrap();
            }
        }
        for task in snapshot.tasks() {
            let task = task.unwrap();
            let guards: Vec<_> = task.guards.iter().map(|guard| guard.as_str()).collect();
            let state = match &task.state {
                ReviewState::Open(waiting) => waiting.stage(Timestamp(i64::MAX)).as_str(),
                ReviewState::Resolved(decision) => decision.outcome.as_str(),
            };
            let (id, kind, guards) = (task.id, task.kind.as_str(), guards.join(" "));
            let (incoming, candidate) = (key(task.incoming), key(task.candidate));
            writeln!(text, "task {id} {kind} {incoming} {candidate} [{guards}] {state}").unwrap();
        }
        text
    }

    /// Everything that must hold at any time: the store verifies, every record has one person, and
    /// a mirror that is rebuilt from the store is the one in memory.
    pub(crate) fn check(&self) {
        let report = self.registry().verify().unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let core = &self.registry().core;
        let mirror = core.mirror.read();
        mirror.check_persons();
        let (in_force, snapshot) = (core.in_force(), core.store.snapshot());
        let rebuilt = crate::mirror::Mirror::rebuild(&in_force.model, &snapshot).unwrap();
        assert_eq!(rebuilt.digest(), mirror.digest());
    }
}
