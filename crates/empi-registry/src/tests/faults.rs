//! Disks that fail or are slow: nothing is answered that may be lost.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use empi_model::EventSequence;
use empi_store::{Commit, Store, StoreError};

use super::*;

/// Long enough to tell that somebody waits.
const A_WHILE: Duration = Duration::from_millis(100);

/// Writes fail from one on.
struct FailingFrom {
    write: usize,
    count: AtomicUsize,
    panics: bool,
}

impl Journal for FailingFrom {
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError> {
        if self.count.fetch_add(1, Ordering::Relaxed) < self.write {
            return store.commit(changes);
        }
        assert!(!self.panics, "the journal is told to panic");
        Err(StoreError::Poisoned)
    }
}

#[test]
fn what_never_reached_the_disk_is_not_kept_for_the_next_start() {
    for is_told in [true, false] {
        let journal = FailingFrom { write: 2, count: AtomicUsize::new(0), panics: !is_told };
        let mut index = Index::with_journal(options(), Box::new(journal));
        index.register("a/1", ROBERT);
        index.register("a/2", SAMUEL);
        assert!(index.try_register(record("a/3", ALICE), None).is_err());
        index.reopen_kept();
        assert_eq!(index.registry().stats().records, 2);
        index.check();
        index.register("a/3", ALICE);
        index.check();
    }
}

fn is_poisoned<T>(answer: &Result<T, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::Poisoned))
}

#[test]
fn after_a_failed_write_nothing_is_answered() {
    for panics in [false, true] {
        let journal = FailingFrom { write: 1, count: AtomicUsize::new(0), panics };
        let mut index = Index::with_journal(options(), Box::new(journal));
        let robert = index.register("a/1", ROBERT);
        assert!(is_poisoned(&index.try_register(record("a/2", ALICE), None)));
        let registry = index.registry();
        assert!(is_poisoned(&index.try_register(record("a/1", ROBERT), None)));
        assert!(is_poisoned(&registry.match_record(&record("x/1", ALICE), 10)));
        assert!(is_poisoned(&registry.person(robert.enterprise_id)));
        assert!(is_poisoned(&registry.record(&RecordKey::new("a", "1"))));
        assert_eq!(registry.record_at_hand(&RecordKey::new("a", "1")), None);
        assert!(is_poisoned(&index.try_resolve(TaskId(1), ReviewOutcome::Same)));
        let query = TaskQuery::open(10);
        assert!(is_poisoned(&registry.tasks(&query)));
        // What was answered is there after a restart, what was not may be sent again.
        index.reopen();
        index.expect("a/1", ROBERT, RegistrationDecision::Unchanged);
        index.expect("a/2", ALICE, RegistrationDecision::New);
        index.check();
    }
}

/// One write fails: before it, or after the change is on disk, when only its confirmation is lost.
struct FailingAt {
    write: usize,
    count: AtomicUsize,
    is_written: bool,
}

impl Journal for FailingAt {
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError> {
        let is_due = self.count.fetch_add(1, Ordering::Relaxed) == self.write;
        if !is_due || self.is_written {
            store.commit(changes)?;
        }
        if is_due { Err(StoreError::Poisoned) } else { Ok(()) }
    }
}

/// A change, and whether it was answered.
type Step = Box<dyn Fn(&Index) -> Result<(), RegistryError>>;

/// A day at the desk and in the queue: every kind of change, one after the other, each one write.
fn day() -> Vec<Step> {
    let register = |key: &'static str, line: &'static str| -> Step {
        Box::new(move |index| index.try_register(record(key, line), Some(key)).map(drop))
    };
    let steward = |operation: fn(&Index) -> StewardOperation| -> Step {
        Box::new(move |index| {
            let mut request = Index::asked(operation(index));
            request.version_token = Some(index.registry().steward(request.clone())?.version_token);
            request.validate_only = false;
            index.registry().steward(request).map(drop)
        })
    };
    vec![
        register("a/1", ROBERT),
        register("b/1", BOB),
        register("a/2", SAMUEL),
        Box::new(|index| index.try_resolve(TaskId(1), ReviewOutcome::Same).map(drop)),
        register("a/3", ALICE),
        register("b/3", MARRIED_ALICE),
        steward(|_| StewardOperation::UnlinkRecord { record: key("b/3"), keep_apart: true }),
        steward(|_| StewardOperation::UndoEvent { event: EventSequence(4) }),
        steward(|_| StewardOperation::LinkRecords { left: key("a/3"), right: key("a/1") }),
        steward(|_| StewardOperation::UndoEvent { event: EventSequence(9) }),
        Box::new(|index| index.try_retire("b/1", None).map(drop)),
        Box::new(|index| index.try_register(record("a/1", SPARSE_ROBERT), None).map(drop)),
    ]
}

#[test]
fn whichever_write_fails_what_was_answered_stands_and_the_day_goes_on() {
    let day = day();
    let calm = Index::new();
    let mut states = vec![calm.state()];
    for step in &day {
        step(&calm).unwrap();
        states.push(calm.state());
    }
    assert!(
        states.windows(2).filter(|pair| pair[0] == pair[1]).count() <= 1,
        "steps change things"
    );
    for (write, is_written) in (0..day.len()).flat_map(|it| [(it, false), (it, true)]) {
        let journal = FailingAt { write, count: AtomicUsize::new(0), is_written };
        let mut index = Index::with_journal(options(), Box::new(journal));
        for (at, step) in day.iter().enumerate() {
            let answer = step(&index);
            assert_eq!(is_poisoned(&answer), at >= write, "step {at}, write {write}: {answer:?}");
        }
        index.reopen();
        let stands = write + usize::from(is_written);
        assert_eq!(index.state(), states[stands], "write {write}, {is_written}");
        index.check();
        for step in &day[stands..] {
            step(&index).unwrap();
        }
        assert_eq!(index.state(), states[day.len()], "write {write}, {is_written}");
        index.check();
    }
}

/// A journal that tells when a write begins and lets it go on when told.
struct Gate {
    begun: Sender<usize>,
    go_on: Receiver<bool>,
}

impl Journal for Gate {
    fn commit(&self, store: &Store, changes: &[Commit]) -> Result<(), StoreError> {
        self.begun.send(changes.len()).map_err(|_| StoreError::Poisoned)?;
        match self.go_on.recv() {
            Ok(true) => store.commit(changes),
            _ => Err(StoreError::Poisoned),
        }
    }
}

/// An index whose writes wait; the sides to see them begin and to let them go on.
fn gated(options: RegistryOptions) -> (Index, Receiver<usize>, Sender<bool>) {
    let (begun, begins) = unbounded();
    let (goes_on, go_on) = unbounded();
    let index = Index::with_journal(options, Box::new(Gate { begun, go_on }));
    (index, begins, goes_on)
}

#[test]
fn what_is_not_durable_is_not_shown() {
    let (index, begins, goes_on) = gated(options());
    let index = &index;
    // The scope owns the gate, so that it opens also when an assertion fails.
    std::thread::scope(move |scope| {
        let done = unbounded();
        scope.spawn(move || index.register("a/1", ROBERT));
        begins.recv().unwrap();
        // Documents are as they were.
        let record_answer = index.registry().record(&RecordKey::new("a", "1"));
        assert!(matches!(record_answer, Err(RegistryError::NotFound(_))));
        assert_eq!(index.registry().record_at_hand(&RecordKey::new("a", "1")), None);
        // Whoever sees the change in memory waits.
        let matching = done.0.clone();
        scope.spawn(move || {
            let found = index.registry().match_record(&record("x/1", BOB), 10).unwrap();
            matching.send(found.len()).unwrap();
        });
        let repeating = done.0.clone();
        scope.spawn(move || {
            let again = index.register("a/1", ROBERT);
            assert_eq!(again.decision, RegistrationDecision::Unchanged);
            repeating.send(1).unwrap();
        });
        // Whoever does not, need not.
        assert_eq!(index.registry().match_record(&record("x/2", ALICE), 10).unwrap(), []);
        assert!(done.1.recv_timeout(A_WHILE).is_err());
        goes_on.send(true).unwrap();
        assert_eq!((done.1.recv().unwrap(), done.1.recv().unwrap()), (1, 1));
    });
    index.check();
}

#[test]
fn a_question_that_is_not_durable_is_not_told_to_whoever_repeats_the_record_it_is_about() {
    let (index, begins, goes_on) = gated(options());
    let index = &index;
    std::thread::scope(move |scope| {
        goes_on.send(true).unwrap();
        index.register("a/1", ROBERT);
        begins.recv().unwrap();
        // This asks whether the two are one: the person of the first record stays as it is.
        scope.spawn(move || index.expect("a/2", SAMUEL, RegistrationDecision::Review));
        begins.recv().unwrap();
        let (told, answers) = unbounded();
        scope.spawn(move || told.send(index.register("a/1", ROBERT)).unwrap());
        let early = answers.recv_timeout(A_WHILE);
        goes_on.send(true).unwrap();
        assert!(early.is_err(), "{early:?}");
        let again = answers.recv().unwrap();
        assert_eq!((again.decision, again.tasks.len()), (RegistrationDecision::Unchanged, 1));
    });
    index.check();
}

#[test]
fn waiting_callers_learn_that_the_write_failed() {
    let (index, begins, goes_on) = gated(options());
    let index = &index;
    std::thread::scope(move |scope| {
        let first = scope.spawn(|| index.try_register(record("a/1", ROBERT), None));
        begins.recv().unwrap();
        let queued = scope.spawn(|| index.try_register(record("a/2", ALICE), None));
        let reading = scope.spawn(|| index.registry().match_record(&record("x/1", BOB), 10));
        while index.registry().waiting() == 0 {
            std::thread::yield_now();
        }
        goes_on.send(false).unwrap();
        assert!(is_poisoned(&first.join().unwrap()));
        assert!(is_poisoned(&queued.join().unwrap()));
        assert!(is_poisoned(&reading.join().unwrap()));
    });
}

#[test]
fn a_full_queue_refuses_and_one_write_takes_many() {
    let options = RegistryOptions { queue_max: 2, ..options() };
    let (index, begins, goes_on) = gated(options);
    let index = &index;
    std::thread::scope(move |scope| {
        scope.spawn(move || index.register("a/1", ROBERT));
        assert_eq!(begins.recv().unwrap(), 1);
        for (waiting, key) in ["a/2", "a/3"].into_iter().enumerate() {
            scope.spawn(move || index.register(key, ALICE));
            while index.registry().waiting() <= waiting {
                std::thread::yield_now();
            }
        }
        let refused = index.try_register(record("a/4", BOB), None);
        assert!(matches!(refused, Err(RegistryError::Busy(_))), "{refused:?}");
        goes_on.send(true).unwrap();
        // Both that waited go into the next write.
        assert_eq!(begins.recv().unwrap(), 2);
        goes_on.send(true).unwrap();
    });
    assert_eq!(index.registry().stats().records, 3);
    assert_eq!(index.registry().stats().persons, 2);
    index.check();
}

#[test]
fn limits_of_zero_are_refused() {
    for (queue_max, commit_batch_max) in [(0, 1), (1, 0)] {
        let dir = TempDir::new().unwrap();
        let options = RegistryOptions { queue_max, commit_batch_max, ..options() };
        let refused = Registry::open(dir.path(), options);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))));
    }
}

#[test]
fn errors_and_debug_carry_no_patient_data() {
    let index = Index::new();
    let canary = "CANARYGIVEN|CANARYFAMILY||1980-03-12|M|457-12-9983|CANARY Street|02139|";
    let answer = index.register("a/CANARYID", canary);
    let reused = index.try_register(record("a/CANARYID", canary), Some("r"));
    let mut printed = format!("{answer:?} {reused:?} {:?}", index.registry());
    let missing = index.registry().record(&RecordKey::new("a", "CANARYMISSING"));
    printed.push_str(&missing.unwrap_err().to_string());
    let refused = index.try_register(record("a/", canary), None);
    printed.push_str(&refused.unwrap_err().to_string());
    printed.push_str(&format!("{:?}", index.registry().person(answer.enterprise_id)));
    printed.push_str(&format!("{:?}", index.registry().match_record(&record("x/1", canary), 5)));
    assert!(!printed.contains("CANARY"), "{printed}");
}
