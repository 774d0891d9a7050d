//! Files cut short or altered: what is left is whole commits, or the damage is found.

use std::fs;
use std::path::{Path, PathBuf};

use empi_model::{PatientText, PersonName};

use super::*;
use crate::StoreError;
use crate::layout::Family;

const COMMITS: u32 = 4;

/// A closed store with some commits that are still in the log.
fn written() -> TempDir {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for number in 0..COMMITS {
        store.commit(&[registration(number)]).unwrap();
    }
    dir
}

fn copy(from: &Path) -> TempDir {
    let dir = TempDir::new().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    paths.sort();
    paths
}

/// The log with the commits.
fn log(dir: &Path) -> PathBuf {
    let logs = files(dir, "log");
    logs.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn a_log_cut_anywhere_leaves_whole_commits_from_the_first_on() {
    let dir = written();
    let whole = fs::read(log(dir.path())).unwrap();
    let mut last = 0;
    for length in (0..whole.len()).step_by(61).chain([whole.len() - 1, whole.len()]) {
        let cut = copy(dir.path());
        fs::write(log(cut.path()), &whole[..length]).unwrap();
        let store = open(&cut);
        let records = store.snapshot().counters().unwrap().records;
        assert!(records >= last, "less of the log gave more records");
        last = records;
        assert_eq!(store.snapshot().records().count(), records as usize);
        assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    }
    assert_eq!(last, COMMITS);
}

/// Bytes between two places where the log is cut in an ordinary run, beside those around each
/// acknowledgement; `EMPI_LOG_CUT_STEP=1` cuts it at every byte.
const CUT_STEP: usize = 149;

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    // The log after each commit: what is on disk when a commit returns is this long at least.
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut acknowledged = vec![fs::read(log(dir.path())).unwrap().len()];
    for number in 0..COMMITS {
        store.commit(&[registration(number)]).unwrap();
        acknowledged.push(fs::read(log(dir.path())).unwrap().len());
    }
    assert!(acknowledged.is_sorted_by(|one, next| one < next), "{acknowledged:?}");
    let written = copy(dir.path());
    drop(store);
    let step = std::env::var("EMPI_LOG_CUT_STEP");
    let step = step.map_or(CUT_STEP, |step| step.parse().expect("a number of bytes"));
    let (first, last) = (acknowledged[0], acknowledged[COMMITS as usize]);
    let around = acknowledged.iter().flat_map(|end| [end - 1, *end, (end + 1).min(last)]);
    let lengths: Vec<_> =
        (first..last).step_by(step).chain(around).filter(|length| *length >= first).collect();
    let whole = fs::read(log(written.path())).unwrap();
    let mut refused = 0;
    for length in lengths.iter().copied() {
        let cut = copy(written.path());
        // A disk may have made room for what it did not write: zeros where the rest should be.
        let rest = if length % 2 == 0 { 0 } else { last - length };
        let left = [&whole[..length], &vec![0; rest]].concat();
        fs::write(log(cut.path()), left).unwrap();
        let store = match Store::open(cut.path(), &StoreOptions::default()) {
            Ok(store) => store,
            // Zeros in the middle of an entry cannot be told from damage, which is never passed over.
            Err(StoreError::Corrupt(_)) if rest > 0 => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("cut at {length}: {error}"),
        };
        let due = acknowledged.iter().filter(|end| **end <= length).count() - 1;
        let there: Vec<_> = store.snapshot().records().map(Result::unwrap).collect();
        assert_eq!(there.len(), due, "cut at {length}");
        for (number, stored) in (0..).zip(&there) {
            assert_eq!(stored, &registration(number).records[0], "cut at {length}");
        }
        assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
        // It goes on from there.
        store.commit(&[registration(u32::try_from(due).unwrap())]).unwrap();
    }
    println!("{} power cuts, {refused} of them refused", lengths.len());
    assert!(refused * 2 <= lengths.len());
}

#[test]
fn a_log_altered_before_its_end_is_refused() {
    let dir = written();
    let whole = fs::read(log(dir.path())).unwrap();
    let name = b"clinic";
    let commits: Vec<_> = (0..whole.len()).filter(|at| whole[*at..].starts_with(name)).collect();
    assert!(commits.len() >= COMMITS as usize);
    for at in commits.iter().take(commits.len() / 2) {
        let altered = copy(dir.path());
        let mut bytes = whole.clone();
        bytes[*at] ^= 4;
        fs::write(log(altered.path()), bytes).unwrap();
        let refused = Store::open(altered.path(), &options());
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{at}: {refused:?}");
    }
}

#[test]
fn altered_files_are_never_believed() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut loader = store.bulk_loader().unwrap();
    for part in told() {
        loader.add(&part).unwrap();
    }
    loader.finish(counters(2).unwrap()).unwrap();
    drop(store);
    let mut found = 0;
    for path in files(dir.path(), "sst") {
        let whole = fs::read(&path).unwrap();
        // The first bytes are rows, those behind are the index and what describes the file.
        for at in [0, 10, whole.len() / 2] {
            let altered = copy(dir.path());
            let mut bytes = whole.clone();
            bytes[at] ^= 16;
            fs::write(altered.path().join(path.file_name().unwrap()), bytes).unwrap();
            let report = Store::open(altered.path(), &options())
                .and_then(|store| store.verify(&keys_of).map(|report| report.problem_count));
            match report {
                Err(_) | Ok(1..) => found += 1,
                Ok(0) => assert!(at > 10, "an altered row of {path:?} was believed"),
            }
        }
    }
    assert!(found >= 2 * Family::ALL.len(), "{found} of the alterations were found");
}

#[test]
fn logs_for_people_carry_no_patient_data() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let canary = "CANARYVALUE";
    let mut change = registration(0);
    let stored = &mut change.records[0];
    stored.record.key = RecordKey::new(canary, canary);
    let canary_name = Some(PatientText::new(canary.to_owned()));
    stored.record.names = vec![PersonName { family: canary_name, ..PersonName::default() }];
    change.requests = vec![StoredRequest { request_id: canary.to_owned(), ..request() }];
    store.commit(&[change]).unwrap();
    for family in Family::ALL {
        let handle = store.family(family).unwrap();
        store.db.flush_cf(&handle).unwrap();
        store.db.compact_range_cf(&handle, None::<&[u8]>, None::<&[u8]>);
    }
    drop(store);
    drop(open(&dir));
    let hex: String = canary.bytes().map(|byte| format!("{byte:02X}")).collect();
    let mut read = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("LOG") {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).to_uppercase();
            assert!(!text.contains(canary) && !text.contains(&hex), "{path:?}");
            read += text.len();
        }
    }
    assert!(read > 1000, "there are logs");
}

/// A store written when format 1 was made: `full()` committed and copied with `checkpoint`, without the
/// file of options, which opening does not need.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/v1");

#[test]
fn a_store_of_format_1_opens() {
    let dir = copy(Path::new(FORMAT_1));
    let store = Store::open(dir.path(), &StoreOptions::default()).unwrap();
    assert_eq!(store.meta().unwrap().format, 1);
    let snapshot = store.snapshot();
    let records: Vec<_> = snapshot.records().map(Result::unwrap).collect();
    let [first, second, further] = full();
    assert_eq!(records, [&first.records[..], &second.records[..]].concat());
    let persons = snapshot.persons().map(Result::unwrap).count();
    assert_eq!(persons, 2);
    let tasks: Vec<_> = snapshot.tasks().map(Result::unwrap).collect();
    // Events did not tell yet what they changed, nor tasks which event did.
    let first_tasks =
        further.tasks.iter().map(|task| ReviewTask { event: EventSequence(0), ..task.clone() });
    assert_eq!(tasks, first_tasks.collect::<Vec<_>>());
    let held = further.held_updates[0].1.clone();
    assert_eq!(snapshot.held_update(TaskId(1)).unwrap(), held);
    assert_eq!(snapshot.request("r-1").unwrap(), Some(request()));
    let events: Vec<_> = snapshot.events_from(EventSequence(1)).map(Result::unwrap).collect();
    let due = first.events.iter().chain(&second.events);
    let due = due.map(|event| RegistryEvent { change: None, ..event.clone() });
    assert_eq!(events, due.collect::<Vec<_>>());
    assert_eq!(snapshot.counters().unwrap(), counters(2).unwrap());
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    store.commit(&[registration(2)]).unwrap();
}

/// The same, written when format 2 was made.
const FORMAT_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/v2");

#[test]
fn a_store_of_format_2_opens() {
    let dir = copy(Path::new(FORMAT_2));
    let store = Store::open(dir.path(), &StoreOptions::default()).unwrap();
    assert_eq!(store.meta().unwrap().format, 2);
    let snapshot = store.snapshot();
    let [first, second, further] = full();
    let records: Vec<_> = snapshot.records().map(Result::unwrap).collect();
    assert_eq!(records, [&first.records[..], &second.records[..]].concat());
    let tasks: Vec<_> = snapshot.tasks().map(Result::unwrap).collect();
    assert_eq!(tasks, further.tasks);
    let events: Vec<_> = snapshot.events_from(EventSequence(1)).map(Result::unwrap).collect();
    assert_eq!(events, [&first.events[..], &second.events[..]].concat());
    let pairs: Vec<_> = snapshot.kept_apart().map(Result::unwrap).collect();
    assert_eq!(pairs, further.kept_apart);
    assert_eq!(snapshot.request("r-1").unwrap(), Some(request()));
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    store.commit(&[registration(2)]).unwrap();
}

/// The same with `tasks_of_format_3`, written when format 3 was made.
const FORMAT_3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/v3");

#[test]
fn a_store_of_format_3_opens() {
    let dir = copy(Path::new(FORMAT_3));
    let store = Store::open(dir.path(), &StoreOptions::default()).unwrap();
    assert_eq!(store.meta().unwrap().format, 3);
    let snapshot = store.snapshot();
    let [first, second, further] = full();
    let records: Vec<_> = snapshot.records().map(Result::unwrap).collect();
    assert_eq!(records, [&first.records[..], &second.records[..]].concat());
    let tasks: Vec<_> = snapshot.tasks().map(Result::unwrap).collect();
    assert_eq!(tasks, [further.tasks, tasks_of_format_3()].concat());
    let open: Vec<_> = snapshot.tasks_after(true, None).map(|task| task.unwrap().id.0).collect();
    assert_eq!(open, [1, 3, 5]);
    let events: Vec<_> = snapshot.events_from(EventSequence(1)).map(Result::unwrap).collect();
    assert_eq!(events, [&first.events[..], &second.events[..]].concat());
    assert_eq!(store.verify(&keys_of).unwrap().problems, Vec::<String>::new());
    store.commit(&[registration(2)]).unwrap();
}
